// The tutorial that this server's contract was learnt from, call by call, over the tutorial's own model and
// records, compared with what was recorded of it. Needs the library, and ASSAYLOG_CORPUS to name the folder
// that holds `spec`, `corpus` and `data`.
//
// What must differ: numbers of things, UUIDs, hashes of nothing, times. One more does: the recorded
// service read its own numbers back through a parser that loses the last bit of some; one edge of the
// recorded summary is off by that bit, and is compared as that parser reads ours.

import Foundation
import HTTPTypes
import JSON
import Records
import Store
import TestSupport
import Testing

@testable import HTTPAPI

extension Corpus {
    static func bytes(_ path: String) throws -> [UInt8] {
        [UInt8](try #require(FileManager.default.contents(atPath: (folder ?? "") + "/" + path), "\(path)"))
    }

    static func captured(_ name: String) throws -> JSONValue {
        try JSONValue(parsing: try bytes("spec/captured/69b3ce84-\(name).json"))
    }
}

@Suite(
    "The tutorial", .enabled(if: Library.isNamed, "\(Library.remedy)"),
    .enabled(if: Corpus.folder != nil, "\(Corpus.missing)"))
struct TutorialTests {
    /// 2024-01-09T19:07:59.566516Z, when the tutorial's assay starts.
    static let assayStart = "2024-01-09T19:07:59.566516+00:00"

    /// The number as the recorded service prints it: its digits as an integer, divided by their power of ten.
    static func asRecorded(_ value: Double) -> Double {
        let text = "\(value)"
        let parts = text.split(separator: "e")
        let mantissa = parts[0].split(separator: ".")
        let digits = mantissa.joined()
        let exponent =
            (parts.count > 1 ? Int(parts[1]) ?? 0 : 0) - (mantissa.count > 1 ? mantissa[1].count : 0)
        guard let whole = UInt64(digits), exponent < 0 else { return value }
        return Double(whole) / pow(10, Double(-exponent))
    }

    /// What must differ is left out; numbers are read as the recorded service did.
    static func comparable(_ value: JSONValue, without keys: Set<String>, ours: Bool) -> JSONValue {
        switch value {
        case .object(let object):
            .object(
                JSONObject(
                    object.members.filter { !keys.contains($0.key) }.map {
                        ($0.key, comparable($0.value, without: keys, ours: ours))
                    }))
        case .array(let elements): .array(elements.map { comparable($0, without: keys, ours: ours) })
        case .number(let number): .number(ours ? asRecorded(number.double) : number.double)
        default: value
        }
    }

    /// What the answer to a creation says besides the recorded service's.
    static let ofCreation: Set<String> = [
        "complete_windows", "records_in_windows", "data_start", "data_end",
    ]

    static func expectSame(
        _ ours: JSONValue, _ recorded: JSONValue, without keys: Set<String> = [],
        location: SourceLocation = #_sourceLocation
    ) {
        #expect(
            comparable(ours, without: keys, ours: true).text
                == comparable(recorded, without: keys, ours: false).text, sourceLocation: location)
    }

    /// A pipeline as the tutorial makes it, asked once with one row before the assay starts, and once with
    /// all rows after.
    static func run(_ client: Client) async throws {
        client.clock.advance(7 * 60)
        for number in 1...6 {
            try await client.ask("workspaces/create", "{\"workspace_name\":\"w\(number)\"}")
        }
        expectSame(
            try await client.ask("workspaces/create", "{\"workspace_name\":\"tutorial\"}").value!,
            try Corpus.captured("cell13-workspaces_create-0"))
        let model = try await client.upload(
            "api-sample-model", try Corpus.bytes("data/ccfraud.onnx"), fileName: "ccfraud.onnx",
            workspaceID: 7,
            endpoint: "models/upload_and_convert")
        try #require(model.status == 202, "\(model.text)")
        let version = try await client.ask(
            "models/list_versions", "{\"model_id\":\"api-sample-model\",\"models_pk_id\":1}"
        ).array()
        let reference = """
            {"name":"api-sample-model","version":"\(try #require(version.last)["model_version"].string())",\
            "sha":"\(try #require(version.last)["sha"].string())"}
            """
        for number in 1...5 {
            try await client.ask(
                "pipelines/create", "{\"pipeline_id\":\"p\(number)\",\"workspace_id\":7,\"definition\":{}}")
        }
        let pipeline = try await client.ask(
            "pipelines/create",
            """
            {"pipeline_id":"api-pipeline-with-models","workspace_id":7,\
            "definition":{"steps":[{"ModelInference":{"models":[\(reference)]}}]}}
            """)
        for number in 1...2 {
            try await client.ask(
                "pipelines/deploy", "{\"deploy_id\":\"d\(number)\",\"pipeline_version_pk_id\":\(number)}")
        }
        let deployed = try await client.ask(
            "pipelines/deploy",
            """
            {"deploy_id":"api-pipeline-with-models","pipeline_id":6,"models":[\(reference)],\
            "pipeline_version_pk_id":\(try pipeline["pipeline_variant_pk_id"].integer())}
            """)
        expectSame(deployed.value!, try Corpus.captured("cell15-pipelines_deploy-0"))
        let url = try await client.ask(
            "admin/get_pipeline_external_url",
            "{\"workspace_id\":7,\"pipeline_name\":\"api-pipeline-with-models\"}")
        expectSame(url.value!, try Corpus.captured("cell16-admin_get_pipeline_external_url-0"))
        let path = String(
            try url["url"].string().dropFirst("https://doc-test.api.wallaroocommunity.ninja".count))

        let rows = try Corpus.bytes("data/cc_data_api_1k.df.json")
        let first = try JSONField(try JSONValue(parsing: rows)).array()[0].value!
        client.clock.advance(4.734)
        let one = try await client.post(path, "[\(first.text)]", type: InferenceRoutesTests.recordsType)
        #expect(try one.json.array()[0]["out"].value?.text == "{\"dense_1\":[0.99300325]}")
        client.clock.advance(76)
        let all = try await client.send(.post, path, [.contentType: InferenceRoutesTests.recordsType], rows)
        let answers = try all.json.array()
        #expect(answers.count == 1001)
        #expect(answers[0]["out"].value?.text == "{\"dense_1\":[0.99300325]}")
        #expect(answers[4]["out"].value?.text == "{\"dense_1\":[0.0010916889]}")
    }

    static let recordedURL = "https://doc-test.api.wallaroocommunity.ninja"

    @Test("the model's answers, summaries, runs, lists and stored results are the recorded ones")
    func tutorial() async throws {
        try await serving(runsModels: true, publicURL: Self.recordedURL) { (client: Client) async throws in
            try await Self.run(client)

            // The summary, to the last bit but for the one that the recorded service lost.
            let created = try Corpus.captured("cell23-assays_create-0")
            let fixed = """
                {"fixed_window":{"interval":"24 hours","model_name":"api-sample-model","path":"output dense_1 0",\
                "pipeline_name":"api-pipeline-with-models","start":"\(Self.assayStart)","width":"24 hours",\
                "workspace_id":7,"locations":[]}}
                """
            let summary = try await client.ask(
                "assays/summarize", "{\"summarizer\":\(created["summarizer"]!.text),\"baseline\":\(fixed)}")
            let recorded = JSONField(try Corpus.captured("cell20-assays_summarize-0"))
            Self.expectSame(summary.value!, recorded.value!)
            var different: [String] = []
            for (key, value) in try summary.object().members.map({ ($0.key, $0.value) }) {
                if case .array(let ours) = value, case .array(let theirs)? = recorded[key].value {
                    for (place, (one, other)) in zip(ours, theirs).enumerated() where one.bits != other.bits {
                        different.append("\(key)[\(place)]")
                    }
                } else if value.bits != recorded[key].value?.bits {
                    different.append(key)
                }
            }
            #expect(different == ["edges[4]"])
            #expect(try summary["edges"].array()[4].double() == 0.0009695291519165039)

            // Assays 1 to 8 are other people's; ours are 9 and 10, as recorded.
            for number in 1...8 {
                var other = JSONObject(try JSONField(created).object().members.map { ($0.key, $0.value) })
                other["name"] = .string("other \(number)")
                other["active"] = .bool(false)
                try await client.ask("assays/create", JSONValue.object(other).text)
            }
            client.clock.advance(100)
            Self.expectSame(
                try await client.ask("assays/create", created.text).value!,
                try Corpus.captured("cell23-assays_create-1"), without: Self.ofCreation)
            await AssayRequests.tick(client)
            // The second is over days, and never complete here.
            var second = JSONObject(try JSONField(created).object().members.map { ($0.key, $0.value) })
            second["name"] = .string("api assay curl examples fjii")
            var window = JSONObject(
                try JSONField(created)["window"].object().members.map { ($0.key, $0.value) })
            window["width"] = .string("24 hours")
            window["interval"] = .string("24 hours")
            second["window"] = .object(window)
            Self.expectSame(
                try await client.ask("assays/create", JSONValue.object(second).text).value!,
                try Corpus.captured("cell25-assays_create-0"), without: Self.ofCreation)
            let listed = try await client.ask("assays/list", "{\"pipeline_id\":6}").array()
            guard case .array(let recordedList) = try Corpus.captured("cell30-assays_list-0") else {
                Issue.record("no list was recorded")
                return
            }
            let ofList: Set = [
                "next_run", "last_run", "updated_at", "status", "workspace_id", "workspace_name",
            ]
            for (ours, theirs) in zip(listed, recordedList) {
                // workspace_id is in the window too; there it is the recorded one.
                Self.expectSame(ours["window"].value!, theirs["window"]!)
                var object = try ours.object()
                object["workspace_id"] = nil
                object["workspace_name"] = nil
                #expect(object.members.map(\.key) == (try JSONField(theirs).object().members.map(\.key)))
                Self.expectSame(.object(object), theirs, without: ofList)
            }
            #expect(try listed[0]["status"].string() == "created" && listed[0]["last_run"].value == .null)
            let status = try listed[1]["status"].string()
            #expect(status.hasPrefix("{\"run_at\": \"2024-01-09T19:10:"))
            #expect(status.hasSuffix(",  \"num_ok\": 1, \"num_warnings\": 0, \"num_alerts\": 0}"))
            for (name, active) in [("cell33", false), ("cell34", true), ("cell36", false), ("cell37", true)] {
                Self.expectSame(
                    try await client.ask("assays/set_active", "{\"id\":9,\"active\":\(active)}").value!,
                    try Corpus.captured("\(name)-assays_set_active-0"))
            }

            // Whole records: the first three as recorded.
            let ofRecords: Set = [
                "time", "anomaly.count", "metadata.pipeline_version", "metadata.elapsed",
                "metadata.partition",
            ]
            let three = try await client.ask(
                "assays/get_baseline",
                "{\"pipeline_name\":\"api-pipeline-with-models\",\"workspace_id\":7,\"limit\":3}")
            Self.expectSame(
                three.value!, try Corpus.captured("cell42-assays_get_baseline-0.first3"), without: ofRecords)
            let one = try await client.ask(
                "assays/get_baseline", "{\"pipeline_name\":\"api-pipeline-with-models\",\"limit\":1}")
            Self.expectSame(
                .array([try Corpus.captured("cell40-assays_get_baseline-0")]), one.value!, without: ofRecords)
            #expect(
                try three.array()[0].object().members.map(\.key).filter { $0 != "anomaly.count" }
                    == JSONField(try Corpus.captured("cell40-assays_get_baseline-0")).object().members.map(
                        \.key))

            // The interactive run and the stored result.
            let ofResults: Set = [
                "id", "analyzed_at", "elapsed_millis", "created_at", "workspace_id", "workspace_name",
                "noise",  // Ours.
            ]
            var run = JSONObject(try JSONField(created).object().members.map { ($0.key, $0.value) })
            run["id"] = .integer(9)
            let interactive = try await client.ask("assays/run_interactive", JSONValue.object(run).text)
            for name in ["cell45", "cell47"] {
                Self.expectSame(
                    interactive.value!, try Corpus.captured("\(name)-assays_run_interactive-0"),
                    without: ofResults)
            }
            #expect(
                interactive.value!.keyList
                    == (try Corpus.captured("cell45-assays_run_interactive-0")).keyList + ["noise"]
            )
            let stored = try await client.ask(
                "assays/get_assay_results",
                "{\"assay_id\":9,\"start\":\"\(Self.assayStart)\",\"end\":\"2024-01-09T19:12:07.498065+00:00\"}"
            )
            Self.expectSame(
                stored.value!, try Corpus.captured("cell50-assays_get_assay_results-1"), without: ofResults)
            Self.expectSame(
                stored.value!, try Corpus.captured("cell52-assays_get_assay_results-0"), without: ofResults)
            #expect(
                stored.value!.keyList.filter { !$0.hasPrefix("workspace_") }
                    == (try Corpus.captured("cell50-assays_get_assay_results-1")).keyList + ["noise"])
        }
    }
}

extension JSONValue {
    /// A number's bits, anything else's text.
    fileprivate var bits: String {
        if case .number(let number) = self { "\(number.double.bitPattern)" } else { text }
    }

    /// The keys of the first member of a list.
    fileprivate var keyList: [String] {
        if case .array(let elements) = self, case .object(let object)? = elements.first {
            object.members.map(\.key)
        } else {
            []
        }
    }
}
