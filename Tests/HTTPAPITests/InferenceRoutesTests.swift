// Checked here: a question's rows come back as records, nested or flat, in the recorded order of keys;
// an answer is a logged answer; what does not fit the model is refused by its field's name and nothing is
// logged; and without the library everything but answers goes on.

import Foundation
import HTTPTypes
import JSON
import Queries
import StoreSupport
import TestSupport
import Testing

@testable import HTTPAPI

@Suite("Questions to models")
struct InferenceRoutesTests {
    static let recordsType = "application/json; format=pandas-records"

    static func rows(_ count: Int) throws -> String {
        let text = String(decoding: try TestData.bytes("Data/samples/transactions.json"), as: UTF8.self)
        let lines = text.split(separator: "\n").prefix(count).map { line in
            var line = line
            while let last = line.last, last != "}" { line = line.dropLast() }
            while let first = line.first, first != "{" { line = line.dropFirst() }
            return String(line)
        }
        return "[" + lines.joined(separator: ",") + "]"
    }

    static func expectedOutputs() throws -> [Double] {
        try JSONField(try JSONValue(parsing: try TestData.bytes("Data/samples/expected_outputs.json")))[
            "values"
        ]
        .array().map { try $0.double() }
    }

    static let row = "{\"dense_input\":[\(Array(repeating: "0.5", count: 29).joined(separator: ","))]}"

    // MARK: With the library

    @Test(
        "rows come back nested, each with its question, its answer and where it was answered",
        .enabled(if: Library.isNamed, "\(Library.remedy)"))
    func nested() async throws {
        try await serving(runsModels: true) { (client: Client) async throws in
            try await client.ask("workspaces/create", "{\"workspace_name\":\"risk\"}")
            let path = try await client.deploy("card_fraud.onnx")
            let answer = try await client.post(path, try Self.rows(100), type: Self.recordsType)
            try #require(answer.status == 200, "\(answer.text)")
            #expect(answer.headers[.contentType] == "application/json; format=pandas-records")
            let rows = try answer.json.array()
            let expected = try Self.expectedOutputs()
            #expect(rows.count == 100)
            let version = try #require(client.store.catalog.pipelineVersions.all.last?.version)
            let sha = try #require(client.store.catalog.modelVersions.all.last?.contents.sha256)
            for (row, output) in zip(rows, expected) {
                #expect(abs(try row["out"]["dense_1"].array()[0].double() - output) < 5e-7)
                #expect(try row["time"].integer() == 1_704_826_800_000)
            }
            var first = try #require(rows.first)
            guard case .object(let object) = first.value else {
                Issue.record("no object: \(first)")
                return
            }
            #expect(
                object.members.map(\.key) == ["time", "in", "out", "check_failures", "anomaly", "metadata"])
            first = first["metadata"]
            #expect(
                first.value?.text
                    == """
                    {"last_model":"{\\"model_name\\":\\"card_fraud.onnx\\",\\"model_sha\\":\\"\(sha)\\"}",\
                    "pipeline_version":"\(version)","elapsed":[1000,1000],"dropped":[],"partition":"engine"}
                    """)
        }
    }

    // Names in the query were compared as they were encoded: clients that write %5B%5D got everything.
    @Test(
        "a separator makes rows flat, and dataset lists choose their fields, however they are encoded",
        .enabled(if: Library.isNamed, "\(Library.remedy)"))
    func flat() async throws {
        try await serving(runsModels: true) { (client: Client) async throws in
            try await client.ask("workspaces/create", "{\"workspace_name\":\"risk\"}")
            let path = try await client.deploy("card_fraud.onnx")
            func keys(_ query: String) async throws -> [String] {
                let answer = try await client.post(path + query, "[\(Self.row)]")
                try #require(answer.status == 200, "\(answer.text)")
                guard case .object(let object) = try answer.json.array()[0].value else { return [] }
                return object.members.map(\.key)
            }
            let all = [
                "time", "in.dense_input", "out.dense_1", "check_failures", "anomaly.count",
                "metadata.last_model", "metadata.pipeline_version", "metadata.elapsed", "metadata.dropped",
                "metadata.partition",
            ]
            #expect(try await keys("?dataset.separator=.") == all)
            for query in [
                "?dataset[]=*&dataset.exclude[]=metadata&dataset.separator=.",
                "?dataset%5B%5D=%2A&dataset.exclude%5B%5D=metadata&dataset.separator=%2E",
            ] {
                #expect(try await keys(query) == Array(all.prefix(5)))
            }
            // The first clients count check_failures in whatever they asked for.
            #expect(
                try await keys("?dataset%5B%5D=time&dataset%5B%5D=out&dataset.separator=.")
                    == ["time", "out.dense_1", "check_failures"])
            #expect(
                try await keys(
                    "?dataset.exclude%5B%5D=metadata&dataset.exclude%5B%5D=check_failures&dataset.separator=."
                )
                    == Array(all.prefix(5)))
            #expect(try await keys("?dataset%5B%5D=out.dense_1") == ["out", "check_failures"])
        }
    }

    @Test(
        "an answer is durable before it is given: a power cut after it keeps its records",
        .enabled(if: Library.isNamed, "\(Library.remedy)"))
    func durable() async throws {
        let (folder, answered) = try await serving(runsModels: true) { (client: Client) async throws in
            try await client.ask("workspaces/create", "{\"workspace_name\":\"risk\"}")
            let path = try await client.deploy("card_fraud.onnx")
            for count in [1, 3, 100] {
                let answer = try await client.post(path + "?dataset.separator=.", try Self.rows(count))
                try #require(answer.status == 200)
            }
            let logged = try await client.post("/v1/api/assays/get_baseline", "{\"pipeline_name\":\"fraud\"}")
            return (try client.folder.copy(), logged.text)
        }
        try await serving(folder: folder) { (client: Client) async throws in
            let logged = try await client.post("/v1/api/assays/get_baseline", "{\"pipeline_name\":\"fraud\"}")
            #expect(try logged.json.array().count == 104)
            #expect(logged.text == answered)
        }
    }

    @Test(
        "a deployed model whose file is gone or changed is the server's to mend, not the caller's",
        .enabled(if: Library.isNamed, "\(Library.remedy)"), arguments: [false, true])
    func modelFileGone(isThere: Bool) async throws {
        let (folder, path) = try await serving(runsModels: true) { (client: Client) async throws in
            try await client.ask("workspaces/create", "{\"workspace_name\":\"risk\"}")
            return (client.folder, try await client.deploy("card_fraud.onnx"))
        }
        let name = "models/" + (try #require(folder.names(in: "models").first))
        try folder.remove(name)
        if isThere {
            // The library would take it.
            try Data(try TestData.model("amounts_and_rates.onnx")).write(
                to: URL(fileURLWithPath: folder.path + "/" + name))
        }
        try await serving(runsModels: true, folder: folder) { (client: Client) async throws in
            let answer = try await client.post(path, "[\(Self.row)]")
            #expect(answer.status == 503, "\(answer.text)")
            let problem =
                isThere
                ? " holds other bytes than its name says: "
                : " is missing, and the catalogue has a model of it; "
            #expect(try answer.json["error"].string().hasPrefix(name + problem), "\(answer.text)")
            let again = try await client.upload("again", try TestData.model("card_fraud.onnx"))
            #expect(again.status == 200, "\(again.text)")
            #expect(try await client.post(path, "[\(Self.row)]").status == 200)
        }
    }

    @Test(
        "what was answered is what is logged, byte for byte",
        .enabled(if: Library.isNamed, "\(Library.remedy)"))
    func answeredAsLogged() async throws {
        try await serving(runsModels: true) { (client: Client) async throws in
            try await client.ask("workspaces/create", "{\"workspace_name\":\"risk\"}")
            let path = try await client.deploy("card_fraud.onnx")
            // Numbers come back as they were posted: 1.50 and 1e0 too.
            let row = Self.row.replacing("[0.5,0.5,", with: "[1.50,1e0,")
            let answer = try await client.post(path + "?dataset.separator=.", "[\(row)]")
            #expect(answer.text.contains("\"in.dense_input\":[1.50,1e0,0.5,"))
            #expect(
                try await client.post("/v1/api/assays/get_baseline", "{\"pipeline_name\":\"fraud\"}").text
                    == answer.text)
        }
    }

    @Test(
        "what is asked with its inputs in another order is answered as it is logged, and so once more",
        .enabled(if: Library.isNamed, "\(Library.remedy)"))
    func answeredInOrder() async throws {
        try await serving(runsModels: true) { (client: Client) async throws in
            try await client.ask("workspaces/create", "{\"workspace_name\":\"risk\"}")
            let path = try await client.deploy("amounts_and_rates.onnx") + "?dataset.separator=."
            let rows = [
                "[{\"amounts\":[1,2,3],\"rates\":[1,0.1]}]", "[{\"rates\":[3,-3],\"amounts\":[0.5,0.25,0]}]",
            ]
            var answers: [String] = []
            for row in rows {
                func ask() async throws -> String {
                    try await client.send(
                        .post, path, [.contentType: "application/json", .idempotencyKey: "one-\(row.count)"],
                        Array(row.utf8)
                    ).text
                }
                let answer = try await ask()
                #expect(try await ask() == answer)
                answers.append(String(answer.dropFirst().dropLast()))
            }
            #expect(answers.allSatisfy { $0.contains("\"in.amounts\":") && $0.contains("\"in.rates\":") })
            #expect(
                try await client.post("/v1/api/assays/get_baseline", "{\"pipeline_name\":\"fraud\"}").text
                    == "[" + answers.joined(separator: ",") + "]")
        }
    }

    @Test(
        "models of several inputs and outputs, of doubles and of 64-bit integers, answer with every digit",
        .enabled(if: Library.isNamed, "\(Library.remedy)"))
    func otherModels() async throws {
        try await serving(runsModels: true) { (client: Client) async throws in
            try await client.ask("workspaces/create", "{\"workspace_name\":\"risk\"}")
            func outputs(_ model: String, _ rows: String) async throws -> [String] {
                let path = try await client.deploy(model)
                let answer = try await client.post(path, rows)
                try #require(answer.status == 200, "\(model): \(answer.text)")
                return try answer.json.array().map { $0["out"].value?.text ?? "" }
            }
            #expect(
                try await outputs("whole_numbers.onnx", "[{\"counts\":[1,-2,4611686018427387903,0]}]")
                    == ["{\"doubled\":[2,-4,9223372036854775806,0]}"])
            let several = try await outputs(
                "amounts_and_rates.onnx",
                "[{\"rates\":[1,0.1],\"amounts\":[1,2,3]},{\"amounts\":[0.5,0.25,0],\"rates\":[3,-3]}]")
            #expect(several.count == 2)
            #expect(several[0].contains("\"thirds\":[\(1.0 / 3),\(0.1 / 3)]"), "\(several)")
            #expect(
                try await outputs(
                    "small_types.onnx", "[{\"days\":7,\"flag\":true},{\"days\":-1,\"flag\":false}]"
                )
                .count == 2)
        }
    }

    @Test(
        "what does not fit the model is refused by its field's name, and nothing is logged",
        .enabled(if: Library.isNamed, "\(Library.remedy)"))
    func refusals() async throws {
        try await serving(runsModels: true) { (client: Client) async throws in
            try await client.ask("workspaces/create", "{\"workspace_name\":\"risk\"}")
            let path = try await client.deploy("card_fraud.onnx")
            let cut = client.store.log.cut
            let narrow = "{\"dense_input\":[1,2,3]}"
            for (body, message) in [
                ("[\(narrow)]", "the input \"dense_input\" takes the shape [any, 29], and [1, 3] was found"),
                (
                    "[\(Self.row),\(narrow)]",
                    "the input \"dense_input\" has 3 elements in row 1 and 29 in row 0"
                ),
                ("[{}]", "the input \"dense_input\" is missing"),
                ("[\(Self.row),{}]", "the input \"dense_input\" has no value in row 1"),
                ("[{\"other\":1}]", "the model has no input \"other\"; its inputs are \"dense_input\""),
                ("[{\"dense_input\":null}]", "the input \"dense_input\" has no value in row 0"),
                (
                    "[{\"dense_input\":\"text\"}]",
                    "the input \"dense_input\" takes float32, and text was found"
                ),
                (
                    "[{\"dense_input\":[\"a\",\"b\"]}]",
                    "the input \"dense_input\" takes float32, and text was found"
                ),
                (
                    "[\(Self.row.replacing("[0.5,", with: "[\"0.5\","))]",
                    "the input \"dense_input\" has the string \"0.5\" in row 0; the model takes float32 numbers"
                ),
                (
                    "[\(Self.row.replacing("[0.5,", with: "[null,"))]",
                    "the input \"dense_input\" has a null in row 0"
                ),
                ("[\(Self.row.replacing("[0.5,", with: "[1e39,"))]", "beyond float32"),
                (
                    "[{\"dense_input\":{\"a\":1}}]",
                    "the input \"dense_input\" has an object in row 0; the model takes float32 numbers"
                ),
                ("[]", "the request has no rows"), ("{}", "a list of records"), ("", "a list of records"),
                ("[\(Self.row)", "malformed JSON"),
                ("[\(Self.row.dropLast()),\"time\":5}]", "field \"time\" is not a model's input"),
                ("[\(Self.row.dropLast()),\"dense_input\":[1]}]", "field \"dense_input\": is given twice"),
            ] {
                let answer = try await client.post(path, body)
                #expect(answer.status == 400, "\(body.prefix(80)): \(answer.text)")
                #expect(
                    try answer.json["error"].string().contains(message), "\(body.prefix(80)): \(answer.text)")
                #expect(try answer.json["code"].integer() == 400)
                #expect(try answer.json["source"].string() == "engine")
            }
            #expect(try await client.post(path + "?dataset.separator=_", "[\(Self.row)]").status == 400)
            #expect(try await client.post(path + "?dataset%5B%5D=%FF", "[\(Self.row)]").status == 400)
            #expect(
                try await client.post(path, "[\(Self.row)]", type: "application/vnd.apache.parquet").status
                    == 415)
            #expect(client.store.log.cut == cut)
        }
    }

    // It was a 500, as if the server were at fault.
    @Test(
        "a model that fails for what it was asked is the question's fault, and the next one is answered",
        .enabled(if: Library.isNamed, "\(Library.remedy)"))
    func modelFails() async throws {
        try await serving(runsModels: true) { (client: Client) async throws in
            try await client.ask("workspaces/create", "{\"workspace_name\":\"risk\"}")
            let path = try await client.deploy("lookup.onnx")
            let answer = try await client.post(path, "[{\"index\":7}]")
            #expect(answer.status == 400, "\(answer.text)")
            #expect(try answer.json["error"].string().hasPrefix("ONNX Runtime: "))
            #expect(try await client.post(path, "[{\"index\":1}]").status == 200)
        }
    }

    @Test(
        "many questions at once are answered, each with its own rows",
        .enabled(if: Library.isNamed, "\(Library.remedy)"))
    func manyAtOnce() async throws {
        try await serving(runsModels: true) { (client: Client) async throws in
            try await client.ask("workspaces/create", "{\"workspace_name\":\"risk\"}")
            let path = try await client.deploy("whole_numbers.onnx")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<40 {
                    group.addTask {
                        let answer = try await client.post(
                            path + "?dataset[]=out", "[{\"counts\":[\(number),0,0,0]}]")
                        #expect(
                            answer.text
                                == "[{\"out\":{\"doubled\":[\(number * 2),0,0,0]},\"check_failures\":[]}]")
                    }
                }
                try await group.waitForAll()
            }
            #expect(client.store.log.snapshot().index.topics[Client.topic]?.rowCount == 40)
        }
    }

    // MARK: Without

    @Test("without the library a question is answered 503 with the remedy; uploads and records go on")
    func withoutLibrary() async throws {
        try await serving { (client: Client) async throws in
            try await client.ask("workspaces/create", "{\"workspace_name\":\"risk\"}")
            let path = try await client.deploy("card_fraud.onnx")
            let answer = try await client.post(path, "[\(Self.row)]")
            #expect(answer.status == 503)
            #expect(
                try answer.json["error"].string().contains(
                    "run `Tools/dev setup`, or set ASSAYLOG_ONNXRUNTIME"))
            try await client.append([(0, 1)])
            #expect(
                try await client.ask("assays/get_baseline", "{\"pipeline_name\":\"fraud\"}").array().count
                    == 1)
            #expect(try await client.send(.get, "/healthz").text.contains("\"onnxruntime\":null"))
        }
    }

    @Test("a pipeline that is not deployed, or not so called, is 404 with what to do")
    func notDeployed() async throws {
        try await serving { (client: Client) async throws in
            try await client.ask("workspaces/create", "{\"workspace_name\":\"risk\"}")
            let path = try await client.deploy("card_fraud.onnx")
            for wrong in ["fraud-2/fraud", "fraud-1/other", "other-1/fraud", "fraud/fraud", "%20/fraud"] {
                let answer = try await client.post("/v1/api/pipelines/infer/\(wrong)", "[\(Self.row)]")
                #expect(answer.status == 404, "\(wrong): \(answer.text)")
                #expect(try answer.json["error"].string().contains("is not deployed as"))
            }
            try await client.ask("pipelines/undeploy", "{\"pipeline_id\":1}")
            #expect(try await client.post(path, "[\(Self.row)]").status == 404)
        }
    }

    // The path's parts were taken as they were encoded, and such a pipeline was never found.
    @Test("a pipeline whose name is encoded in URLs is asked at the address that it was given")
    func encodedNames() async throws {
        try await serving { (client: Client) async throws in
            try await client.ask("workspaces/create", "{\"workspace_name\":\"risk\"}")
            _ = try await client.deploy(
                "card_fraud.onnx", pipeline: "größe 100%", deployment: "my deployment")
            let url = try await client.ask(
                "admin/get_pipeline_external_url", "{\"pipeline_name\":\"größe 100%\"}")["url"].string()
            #expect(url.hasSuffix("/infer/my%20deployment-1/gr%C3%B6%C3%9Fe%20100%25"))
            let answer = try await client.post(
                String(url.dropFirst("http://localhost".count)), "[\(Self.row)]")
            // It was found: what is missing is the library.
            #expect(answer.status == 503, "\(answer.text)")
            #expect(try await client.post("/v1/api/pipelines/infer/%zz/x", "[]").status == 400)
        }
    }
}
