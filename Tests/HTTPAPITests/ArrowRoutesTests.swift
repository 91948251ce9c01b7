// Arrow over HTTP. Checked here: what is appended in Arrow is what is paged, as Arrow and as JSON, with its
// types; a refused body stores nothing; a page says within itself where it ends; a model is asked in Arrow.

import HTTPTypes
import JSON
import Queries
import Records
import Simulation
import TestSupport
import Testing
import Wire

@testable import HTTPAPI

@Suite("Arrow over HTTP")
struct ArrowRoutesTests {
    static let path = "/v1/logs/topic/\(Client.topic)"
    static let file = "application/vnd.apache.arrow.file"
    static let stream = "application/vnd.apache.arrow.stream"
    static let status = HTTPField.Name("x-iteration-status")!

    /// Two records with every type that Arrow and records share.
    static let sample = RecordBatch(
        times: [1, 2],
        fields: [
            FieldColumn(
                name: "in.x", values: .fixedList([Leaf(.float32([0.1, -0.0])), Leaf(.float32([.nan, 2]))])),
            FieldColumn(name: "in.r", values: .list(lengths: [2, 0], Leaf(.int64([5, 6])))),
            FieldColumn(name: "out.d", values: .scalar(Leaf(.float64([0.1, -0.0])))),
            FieldColumn(name: "out.i", values: .scalar(Leaf(.int64([.min, .max])))),
            FieldColumn(
                name: "text", presence: .each([.value, .null]),
                values: .scalar(Leaf(.text(TextColumn(["größe ☃", ""]))))),
            FieldColumn(name: "ok", values: .scalar(Leaf(.bool([true, false])))),
        ])

    private func append(
        _ client: Client, _ bytes: [UInt8], type: String = file, query: String = ""
    ) async throws -> Answer {
        try await client.send(.post, "\(Self.path)/partition/a\(query)", [.contentType: type], bytes)
    }

    private func page(
        _ client: Client, _ query: String = "?dataset.separator=.", _ body: String = "{}",
        accept: String = file
    ) async throws -> Answer {
        try await client.send(
            .post, "\(Self.path)/records\(query)", [.accept: accept, .contentType: "application/json"],
            Array(body.utf8))
    }

    @Test("what is appended as a file or a stream is paged as either, equal in every bit and type")
    func thereAndBack() async throws {
        let folder = try await serving { (client: Client) async throws in
            try await client.createPipeline()
            for (format, type) in [(ArrowWriter.Format.file, Self.file), (.stream, Self.stream)] {
                for form in [RecordForm.flat, .nested] {
                    let answer = try await append(
                        client, try ArrowWriter(as: format, form: form).bytes(of: [Self.sample]), type: type)
                    try #require(answer.status == 200, "\(answer.text)")
                }
            }
            return try client.folder.copy()
        }
        // Durable when it was answered.
        try await serving(folder: folder) { (client: Client) async throws in
            let twice = try #require(RecordBatch(concatenating: Array(repeating: Self.sample, count: 4)))
            for accept in [Self.file, Self.stream] {
                for query in ["", "?dataset.separator=."] {
                    let answer = try await page(client, query, accept: accept)
                    try #require(answer.status == 200, "\(answer.text)")
                    #expect(answer.headers[.contentType] == accept)
                    #expect(try ArrowReader.read(answer.bytes).batch == twice)
                    #expect(answer.headers[Self.status] == "{\"status\":\"All\",\"next\":{\"a\":8}}")
                }
            }
            let json = try await page(client, "?dataset.separator=.&page_size=1", accept: "application/json")
                .text
            #expect(
                json == """
                    [{"time":1,"in.x":[0.1,null],"in.r":[5,6],"out.d":0.1,"out.i":-9223372036854775808,\
                    "text":"größe ☃","ok":true}]
                    """)
        }
    }

    @Test("float64 stays float64 where JSON of the field would be float32")
    func typesAreTheSenders() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            _ = try await append(
                client, try ArrowWriter().bytes(of: [Self.sample]), query: "?float32=out.d")
            #expect(try ArrowReader.read(try await page(client).bytes).batch == Self.sample)
        }
    }

    @Test("a body that cannot be kept is refused whole, by field, row or place")
    func refusals() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            let bytes = try ArrowWriter().bytes(of: [Self.sample])
            let stream = try ArrowWriter(as: .stream).bytes(of: [Self.sample])
            let timeText = RecordBatch(
                times: [0],
                fields: [FieldColumn(name: "tome", values: .scalar(Leaf(.text(TextColumn(["now"])))))])
            // The name has as many letters, so only its bytes change.
            var wrongTime = try ArrowWriter(as: .stream, fields: FieldSelection(excluded: ["time"]))
                .bytes(of: [timeText])
            for place in wrongTime.indices where wrongTime[place...].starts(with: "tome".utf8) {
                wrongTime[place + 1] = UInt8(ascii: "i")
            }
            for (body, type, part) in [
                (Array(bytes.dropLast(9)), Self.file, "ARROW1"),
                (Array(stream.prefix(400)), Self.stream, "byte"),
                ([], Self.file, "Arrow"), (Array("[{}]".utf8), Self.file, "Arrow"),
                (wrongTime, Self.stream, "field \"time\""),
                (bytes, "application/vnd.apache.parquet", "arrow.stream"),
                (bytes, "application/json", "list"),
            ] {
                let answer = try await append(client, body, type: type)
                #expect(answer.status == (type.hasSuffix("parquet") ? 415 : 400))
                #expect(try answer.json["message"].string().contains(part), "\(answer.text)")
            }
            #expect(client.store.log.snapshot().index.topics[Client.topic] == nil)
        }
    }

    @Test("a page of Arrow ends where the same JSON page does by count, and by bytes says so itself")
    func pages() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            let count = 500
            let batch = RecordBatch(
                times: (0..<count).map { Int64($0) },
                fields: [
                    FieldColumn(
                        name: "out.y",
                        values: .fixedList(
                            (0..<8).map { leaf in Leaf(.float64((0..<count).map { Double($0 * 8 + leaf) })) })
                    )
                ])
            _ = try await append(client, try ArrowWriter().bytes(of: [batch]))
            var positions = "{}"
            var times: [Int64] = []
            var states: [String] = []
            for _ in 0..<100 {
                let answer = try await page(client, "?page_size=200&page_bytes=6000", positions)
                try #require(answer.status == 200, "\(answer.text)")
                let status = JSONField(
                    try JSONValue(parsing: Array(try #require(answer.headers[Self.status]).utf8)))
                let rows = try ArrowReader.read(answer.bytes).batch
                guard rows.rowCount > 0 else {
                    // Nothing left: no fields and no metadata, as clients expect.
                    #expect(!answer.bytes.contains(subsequence: Array("status".utf8)))
                    break
                }
                #expect(answer.bytes.count <= 6000)
                #expect(answer.bytes.contains(subsequence: Array(try #require(status.value).text.utf8)))
                times += rows.times
                states.append(try status["status"].string())
                positions = try #require(status["next"].value).text
            }
            #expect(times == batch.times)
            #expect(states.count > 5 && Set(states.dropLast()) == ["ByteLimited"], "\(states)")
            // One record is answered, however small the limit.
            let one = try await page(client, "?page_bytes=1&order=desc")
            #expect(try ArrowReader.read(one.bytes).batch.times == [499])
            #expect(try await page(client, accept: "text/csv").status == 400)
        }
    }

    @Test(
        "a log exported and imported again, as Arrow or as JSON, has the same scores",
        arguments: UInt64(1)...3)
    func sameScores(seed: UInt64) async throws {
        print("seed \(seed)")
        var generator = SeededGenerator(seed: seed)
        let count = 400
        // A model's outputs: float32, some of them missing, over four minutes.
        let values = (0..<count).map { _ in Float.random(in: -1...1, using: &generator) }
        let batch = RecordBatch(
            times: (0..<count).map { 1_704_826_800_000 + Int64($0) * 600 },
            fields: [FieldColumn(name: "out.y", values: .fixedList([Leaf(.float32(values))]))])
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.ask(
                "pipelines/create", "{\"pipeline_id\":\"copy\",\"workspace_id\":1,\"definition\":{}}")
            _ = try await append(client, try ArrowWriter().bytes(of: [batch]))
            func scores(_ name: String, _ id: Int) async throws -> [String] {
                var request = AssayRequests.request(
                    window: AssayRequests.window.replacing("output y", with: "output y 0"),
                    more: ",\"id\":1,\"run_until\":\"2024-01-09T19:05:00Z\"")
                request = request.replacing("\"fraud\"", with: "\"\(name)\"")
                    .replacing("\"pipeline_id\":1", with: "\"pipeline_id\":\(id)")
                    .replacing("[1.0,2.0,3.0,4.0]", with: "[-0.5,-0.25,0.0,0.25,0.5]")
                let results = try await client.ask("assays/run_interactive", request).array()
                return try results.map { result in
                    try ["score", "scores", "window_summary", "status"]
                        .map { try #require(result[$0].value).text }.joined(separator: " ")
                }
            }
            client.clock.advance(600)
            let expected = try await scores("fraud", 1)
            #expect(expected.count == 4)
            let copy = "/v1/logs/topic/\(Client.topic.replacing("fraud", with: "copy"))/partition"
            let whole = "?page_size=10000&dataset.separator=."
            for (accept, type, query) in [
                (Self.file, Self.file, ""), ("application/json", "application/json", "?float32=out.y"),
            ] {
                let page = try await page(client, whole, accept: accept)
                let partition = type == Self.file ? "arrow" : "json"
                let answer = try await client.send(
                    .post, "\(copy)/\(partition)\(query)", [.contentType: type], page.bytes)
                try #require(answer.status == 200, "\(answer.text)")
                if type == Self.file { #expect(try await scores("copy", 2) == expected) }
            }
            // The copy now has every record twice, from either format: the densities stay.
            let paged = try await client.send(
                .post, "/v1/logs/topic/\(Client.topic.replacing("fraud", with: "copy"))/records\(whole)",
                [.accept: Self.file], Array("{}".utf8))
            #expect(
                try ArrowReader.read(paged.bytes).batch
                    == (try #require(RecordBatch(concatenating: [batch, batch]))))
        }
    }

    @Test(
        "a model is asked in Arrow and answers in it, equal to what is logged",
        .enabled(if: Library.isNamed, "\(Library.remedy)"))
    func inference() async throws {
        try await serving(runsModels: true) { (client: Client) async throws in
            try await client.ask("workspaces/create", "{\"workspace_name\":\"risk\"}")
            let path = try await client.deploy("card_fraud.onnx")
            let rows = try RecordParser.parse(
                Array(try InferenceRoutesTests.rows(20).utf8), as: .array,
                float32Fields: ["dense_input"]
            ).batch
            let question = try ArrowWriter(fields: FieldSelection(excluded: ["time"])).bytes(of: [rows])
            func ask(_ accept: String?, _ query: String = "?dataset.separator=.") async throws -> Answer {
                var headers: HTTPFields = [.contentType: Self.file]
                if let accept { headers[.accept] = accept }
                return try await client.send(.post, path + query, headers, question)
            }
            let answer = try await ask(Self.file)
            try #require(answer.status == 200, "\(answer.text)")
            #expect(answer.headers[.contentType] == Self.file)
            let records = try ArrowReader.read(answer.bytes).batch
            let expected = try InferenceRoutesTests.expectedOutputs()
            guard case .fixedList(let leaves)? = records.field(named: "out.dense_1")?.values,
                case .float32(let outputs)? = leaves.first?.elements
            else {
                Issue.record("out.dense_1 is \(String(describing: records.field(named: "out.dense_1")))")
                return
            }
            #expect(zip(outputs, expected).allSatisfy { abs(Double($0) - $1) < 5e-7 })
            #expect(outputs.count == 20)
            let logged = try await page(client)
            #expect(try ArrowReader.read(logged.bytes).batch == records)
            // A question in Arrow is answered so where nothing else is asked for; JSON where it is.
            #expect(try await ask(nil, "").headers[.contentType] == Self.file)
            #expect(try await ask("application/json").json.array().count == 20)
            let refused = try await client.send(
                .post, path, [.contentType: Self.file, .accept: Self.file], Array(question.dropLast()))
            #expect(refused.status == 400)
            #expect(try refused.json["error"].string().contains("ARROW1"))
        }
    }
}

extension [UInt8] {
    fileprivate func contains(subsequence: [UInt8]) -> Bool {
        indices.contains { self[$0...].starts(with: subsequence) }
    }
}
