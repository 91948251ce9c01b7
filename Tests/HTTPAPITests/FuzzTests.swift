// Checked here: no request, however damaged, ends the server or makes it answer 500; every refusal is in
// its family's shape; and after thousands of them the server answers as before and the log opens again.
//
// Valid requests are changed at random: bytes of the body, of the path and its query, of headers; values of
// JSON exchanged for others that are awkward. Every run is a function of its seed.

import Foundation
import HTTPTypes
import JSON
import Simulation
import Store
import TestSupport
import Testing

@testable import HTTPAPI

@Suite("Damaged requests")
struct FuzzTests {
    struct Sample: Sendable {
        var method = HTTPRequest.Method.post
        var path: String
        var type = "application/json"
        var body: [UInt8]

        init(
            _ path: String, _ body: String, type: String = "application/json",
            method: HTTPRequest.Method = .post
        ) {
            self.path = path
            self.body = Array(body.utf8)
            self.type = type
            self.method = method
        }
    }

    static func samples(infer: [(path: String, body: String)]) -> [Sample] {
        let topic = "/v1/logs/topic/\(Client.topic)"
        let calculated = AssayRequests.request(baseline: AssayRequests.fixed)
        var samples = [
            Sample("/v1/api/features/list", "{}"),
            Sample("/v1/api/workspaces/create", "{\"workspace_name\":\"risk\"}"),
            Sample("/v1/api/workspaces/list", "{\"user_id\":null}"),
            Sample("/v1/api/models/list_versions", "{\"model_id\":\"m\",\"models_pk_id\":1}"),
            Sample(
                "/v1/api/pipelines/create",
                "{\"pipeline_id\":\"p\",\"workspace_id\":1,\"definition\":{\"steps\":[{\"ModelInference\":{\"models\":[{\"name\":\"m\",\"version\":\"v\",\"sha\":\"s\"}]}},{\"Check\":{}}]}}"
            ),
            Sample(
                "/v1/api/pipelines/deploy",
                "{\"deploy_id\":\"fraud\",\"pipeline_version_pk_id\":1,\"models\":[],\"pipeline_id\":1,\"engine_config\":{\"a\":[1]}}"
            ),
            Sample("/v1/api/pipelines/undeploy", "{\"pipeline_id\":9,\"deployment_id\":9}"),
            Sample(
                "/v1/api/admin/get_pipeline_external_url", "{\"workspace_id\":1,\"pipeline_name\":\"fraud\"}"),
            Sample("/v1/api/status/get_deployment", "{\"name\":\"fraud-1\"}"),
            Sample("/v1/api/plateau/get_topic_name", "{\"pipeline_pk_id\":1}"),
            Sample(
                "/v1/api/assays/summarize",
                "{\"summarizer\":\(AssayRequests.summarizer),\"baseline\":\(AssayRequests.fixed)}"),
            Sample(
                "/v1/api/assays/summarize",
                "{\"summarizer\":{\"bin_mode\":\"Provided\",\"aggregation\":\"Cumulative\",\"metric\":\"SumDiff\",\"num_bins\":3,\"provided_edges\":[1,2,3,4],\"bin_weights\":[1,1,1,1,1]},\"baseline\":{\"vector\":[1.5,null,2e3,-4]}}"
            ),
            Sample("/v1/api/assays/create", AssayRequests.request(name: "\"x\"")),
            Sample(
                "/v1/api/assays/run_interactive",
                AssayRequests.request(more: ",\"id\":1,\"run_until\":\"2024-01-09T19:09:34.063643+00:00\"")
            ),
            Sample("/v1/api/assays/run_interactive", calculated),
            Sample(
                "/v1/api/assays/run_interactive",
                AssayRequests.request(
                    baseline:
                        "{\"sliding_window\":{\"window\":\(AssayRequests.window),\"offset\":\"1 minute\"}}"
                )),
            Sample("/v1/api/assays/run_interactive_baseline", calculated),
            Sample(
                "/v1/api/assays/list", "{\"pipeline_id\":1,\"workspace_id\":1,\"workspace_name\":\"risk\"}"),
            Sample("/v1/api/assays/set_active", "{\"id\":1,\"active\":true}"),
            Sample(
                "/v1/api/assays/filter",
                "{\"workspace_id\":1,\"pipeline_id\":1,\"sort_by\":\"LastRunDateDesc\",\"name\":\"w\",\"active\":true,\"drift_window\":{\"start\":\"2024-01-09T19:00:00Z\",\"end\":\"2024-01-09T20:00:00Z\"},\"locations\":[\"engine\"]}"
            ),
            Sample(
                "/v1/api/assays/get_assay_by_id", "{\"id\":1,\"workspace_id\":1,\"workspace_name\":\"risk\"}"),
            Sample("/v2/api/assays/schedule", SeriesRoutesTests.body("\"name\":\"v2\",")),
            Sample(
                "/v2/api/assays/schedule",
                SeriesRoutesTests.body(
                    "\"name\":\"v2b\",", baseline: SeriesRoutesTests.rolling,
                    frequency: SeriesRoutesTests.cron)),
            Sample(
                "/v2/api/assays/preview",
                SeriesRoutesTests.body(
                    "\"preview_start\":\"2024-01-09T19:00:00Z\",\"preview_end\":\"2024-01-09T20:00:00Z\",")),
            Sample("/v2/api/assays/preview_baseline_binning", SeriesRoutesTests.body("")),
            Sample(
                "/v2/api/assays/score", SeriesRoutesTests.body("", window: "{\"Raw\":[1.0,null,2e3]}")),
            Sample("/v2/api/assays/get", "{\"active\":\"All\",\"pipeline_name\":null,\"workspace_id\":1}"),
            Sample("/v2/api/assays/get/:id", "{\"id\":\"00000000-0000-4000-8000-000000000002\"}"),
            Sample(
                "/v2/api/assays/get_results",
                "{\"id\":\"00000000-0000-4000-8000-000000000002\",\"start\":\"2024-01-09T19:00:00Z\",\"end\":null,\"workspace_id\":1,\"debug\":false}"
            ),
            Sample("/v2/api/assays/get_next_run", "{\"assay_id\":\"00000000-0000-4000-8000-000000000002\"}"),
            Sample(
                "/v2/api/assays/set_active",
                "{\"active\":true,\"assay_id\":\"00000000-0000-4000-8000-000000000002\"}"),
            Sample(
                "/v1/api/assays/get_assay_results",
                "{\"assay_id\":1,\"start\":\"2024-01-09T19:00:00Z\",\"end\":\"2024-01-09T20:00:00+00:00\",\"limit\":5,\"pipeline_id\":1}"
            ),
            Sample(
                "/v1/api/assays/get_baseline",
                "{\"pipeline_name\":\"fraud\",\"workspace_id\":1,\"start\":\"2024-01-09T19:00:00Z\",\"end\":\"2024-01-09T20:00:00Z\",\"model_name\":\"m\",\"limit\":3,\"next\":null}"
            ),
            Sample(
                "\(topic)/partition/a?edge=true",
                "[{\"time\":1704826800000,\"in\":{\"x\":[1.5,2,null]},\"out.y\":0.5,\"odd\":{\"a\":[[1],[2,[3]]]}},{\"time\":1704826801000,\"out.y\":\"x\"}]"
            ),
            Sample(
                "\(topic)/partition/a%20b", "{\"time\":1704826800000,\"out.y\":1}\n{\"out.y\":-1e30}\n",
                type: "application/x-ndjson"),
            Sample(
                "\(topic)/records?page_size=3&order=asc&time.start=2024-01-09T19:00:00Z&time.end=2024-01-09T20:00:00%2B00:00&dataset%5B%5D=%2A&dataset.exclude%5B%5D=metadata&dataset.separator=.",
                "{\"a\":1}"),
            Sample(
                "/topic/\(Client.topic)/records?page_size=3&order=desc&page_bytes=99&partition_filter=engine",
                "{}"),
            Sample(topic, "", method: .get), Sample("/topics", "", method: .get),
            Sample("/healthz", "", method: .get),
            Sample(
                "/v1/api/models/upload",
                String(decoding: Part.body([ModelRoutesTests.good, ModelRoutesTests.file]), as: UTF8.self),
                type: "multipart/form-data; boundary=\(Part.boundary)"),
        ]
        for (path, body) in infer {
            samples.append(Sample(path + "?dataset%5B%5D=*&dataset.separator=.", body))
            samples.append(Sample(path, body, type: "application/json; format=pandas-records"))
        }
        return samples
    }

    // MARK: Damage

    static let awkwardValues: [JSONValue] = [
        .null, .bool(true), .integer(0), .integer(-1), .integer(Int64.max), .integer(Int64.min), .string(""),
        .string("\u{0}"), .string("💥"), .string(String(repeating: "9", count: 400)), .array([]),
        .array([.null]),
        .object(JSONObject()), .number(1e308), .number(-Double.leastNonzeroMagnitude), .string("1 us"),
        .string("9223372036854775807 weeks"),
        .string("0001-01-01T00:00:00Z"), .string("9999-12-31T23:59:59.999999999-23:59"),
        .string("output y 99999"),
        .string("input  x  0"), .string("in.x.1"), .integer(1_000_000), .number(0.5), .string("../../x"),
        .array([.array([.array([.integer(1)])]), .integer(1)]), .string("Provided"), .string("Edges"),
        .string("MaxDiff"),
    ]

    /// The value with one place in it exchanged, doubled or taken away.
    static func changed(_ value: JSONValue, _ random: inout SeededGenerator) -> JSONValue {
        if Int.random(in: 0..<4, using: &random) == 0 { return awkwardValues.randomElement(using: &random)! }
        switch value {
        case .array(var elements):
            guard let place = elements.indices.randomElement(using: &random) else { return .null }
            switch Int.random(in: 0..<4, using: &random) {
            case 0: elements.remove(at: place)
            case 1: elements.append(elements[place])
            default: elements[place] = changed(elements[place], &random)
            }
            return .array(elements)
        case .object(let object):
            guard let place = object.members.indices.randomElement(using: &random) else { return .null }
            var members = object.members.map { ($0.key, $0.value) }
            switch Int.random(in: 0..<6, using: &random) {
            case 0: members.remove(at: place)
            case 1: members.append((members[place].0, changed(members[place].1, &random)))
            default: members[place].1 = changed(members[place].1, &random)
            }
            return .object(JSONObject(members))
        default: return awkwardValues.randomElement(using: &random)!
        }
    }

    static func damaged(_ bytes: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...3, using: &random) {
            let place = Int.random(in: 0...bytes.count, using: &random)
            switch Int.random(in: 0..<5, using: &random) {
            case 0 where place < bytes.count: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1 where place < bytes.count: bytes[place] = UInt8.random(in: 0...255, using: &random)
            case 2:
                bytes.insert(
                    contentsOf: "[]{}\",:-0.e\\%&=\n".utf8.randomElement(using: &random).map { [$0] } ?? [],
                    at: place)
            case 3:
                bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...9, using: &random)))
            default: bytes = Array(bytes[..<place])
            }
        }
        return bytes
    }

    static func damaged(_ sample: Sample, _ random: inout SeededGenerator) -> Sample {
        var sample = sample
        switch Int.random(in: 0..<10, using: &random) {
        case 0:
            // A path has visible ASCII only, or it would not arrive as one.
            sample.path = String(
                decoding: damaged(Array(sample.path.utf8), &random).map {
                    (0x21...0x7E).contains($0) ? $0 : 0x2F
                },
                as: UTF8.self)
            if !sample.path.hasPrefix("/") { sample.path = "/" + sample.path }
        case 1:
            sample.type = String(
                decoding: damaged(Array(sample.type.utf8), &random).filter { (0x20...0x7E).contains($0) },
                as: UTF8.self)
        case 2: sample.method = [.get, .put, .delete, .head, .options, .patch].randomElement(using: &random)!
        case 3..<7:
            if let value = try? JSONValue(parsing: sample.body) {
                sample.body = Array(changed(value, &random).text.utf8)
            } else {
                sample.body = damaged(sample.body, &random)
            }
        default: sample.body = damaged(sample.body, &random)
        }
        return sample
    }

    // MARK: The runs

    /// Sends damaged requests, and checks every answer.
    static func run(_ client: Client, seed: UInt64, count: Int, _ samples: [Sample]) async throws {
        print("seed \(seed)")
        var random = SeededGenerator(seed: seed)
        var statuses: [Int: Int] = [:]
        for number in 0..<count {
            let sample = damaged(samples.randomElement(using: &random)!, &random)
            let answer = try await client.send(
                sample.method, sample.path, [.contentType: sample.type], sample.body)
            statuses[answer.status, default: 0] += 1
            let what =
                "seed \(seed), request \(number): \(sample.method) \(sample.path) \(String(decoding: sample.body, as: UTF8.self))"
            #expect(
                [200, 202, 400, 404, 405, 413, 415, 503].contains(answer.status), "\(what): \(answer.text)")
            client.clock.advance(0.1)
            guard sample.method != .head else {
                #expect(answer.bytes.isEmpty, "\(what)")
                continue
            }
            // Every answer is JSON, and every refusal has its code and a sentence.
            let json = try #require(try? answer.json, "\(what): \(answer.text)")
            if answer.status >= 300 {
                #expect(try json["code"].integer() == answer.status, "\(what)")
                let sentence = try json["msg"].optional?.string() ?? json["message"].string()
                #expect(!sentence.isEmpty, "\(what)")
            }
        }
        print(
            "statuses \(statuses.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", "))"
        )
        // Most were refused, some were still good: the damage was neither trivial nor total.
        #expect(statuses[200, default: 0] > count / 20 && statuses[400, default: 0] > count / 4)
    }

    static func prepare(_ client: Client) async throws {
        try await client.createPipeline()
        try await client.append((0..<300).map { (Double($0), Double($0 % 7)) })
        _ = try await client.upload("m", [1, 2, 3])
        try await client.ask("assays/create", AssayRequests.request())
        client.clock.advance(400)
        await AssayRequests.tick(client)
    }

    @Test(
        "thousands of damaged requests are answered, none with 500, and nothing breaks",
        arguments: [1, 2] as [UInt64])
    func withoutLibrary(seed: UInt64) async throws {
        let folder = try await serving { (client: Client) async throws in
            try await Self.prepare(client)
            try await Self.run(
                client, seed: seed, count: 1500,
                Self.samples(infer: [
                    ("/v1/api/pipelines/infer/fraud-1/fraud", "[\(InferenceRoutesTests.row)]")
                ]))
            #expect(try await client.send(.get, "/healthz").status == 200)
            #expect(
                try await client.ask("assays/run_interactive", AssayRequests.request()).array().count >= 5)
            await AssayRequests.tick(client)
            return client.folder
        }
        // What was stored can be read again.
        try await serving(folder: folder) { (client: Client) async throws in
            #expect(try await client.ask("assays/list", "{}").array().count >= 1)
            #expect(try await client.post("/topic/\(Client.topic)/records", "{}").status == 200)
        }
    }

    @Test(
        "damaged questions to models are answered, none with 500",
        .enabled(if: Library.isNamed, "\(Library.remedy)"),
        arguments: [3, 4] as [UInt64])
    func questions(seed: UInt64) async throws {
        try await serving(runsModels: true) { (client: Client) async throws in
            try await client.createPipeline()
            let models = [
                ("card_fraud.onnx", "[\(InferenceRoutesTests.row),\(InferenceRoutesTests.row)]"),
                ("whole_numbers.onnx", "[{\"counts\":[1,2,3,4]},{\"counts\":[5,6,7,8]}]"),
                ("amounts_and_rates.onnx", "[{\"amounts\":[1,2,3],\"rates\":[0.5,1]}]"),
                ("small_types.onnx", "[{\"days\":1,\"flag\":true},{\"days\":2,\"flag\":false}]"),
                ("lookup.onnx", "[{\"index\":1},{\"index\":2}]"),
            ]
            var samples: [Sample] = []
            for (number, (model, body)) in models.enumerated() {
                let path = try await client.deploy(model, pipeline: "p\(number)", deployment: "d\(number)")
                samples.append(Sample(path, body))
            }
            try await Self.run(client, seed: seed, count: 1000, samples)
        }
    }

    // One run was asked for more windows than there are seconds in a thousand years, and began with them.
    @Test("windows that overlap without end are refused, not begun with")
    func overlapping() async throws {
        try await serving { (client: Client) async throws in
            try await Self.prepare(client)
            let window = AssayRequests.window.replacing("1 minutes", with: "1 us").replacing(
                "1 minute", with: "1 day"
            )
            .replacing("2024-01-09T19:00", with: "2024-01-08T19:00")
            let body = AssayRequests.request(
                window: window, more: ",\"run_until\":\"2024-01-10T19:00:00Z\"")
            let refused = try await client.refused("assays/run_interactive", body)
            #expect(refused.status == 400)
            #expect(refused.message.contains("window.interval"))
        }
    }
}
