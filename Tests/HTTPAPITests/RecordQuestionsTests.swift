// Invariants checked: those at the heads of PipelineLogRoutes.swift, RecordLines.swift and
// LogRoutes+Window.swift; filters and tokens of pages; and that damage is told in every answer.

import Foundation
import HTTPTypes
import JSON
import Records
import Testing

@testable import HTTPAPI

@Suite("Questions about records")
struct RecordQuestionsTests {
    static let path = "/v1/logs/topic/\(Client.topic)"

    /// Records of a second each: model and version alternate, `y` is the number.
    static func rows(_ numbers: Range<Int>) -> String {
        "["
            + numbers.map { number in
                "{\"time\":\(1_704_826_800_000 + number * 1000),\"in.x\":[\(number),0.5],\"out.y\":\(number),"
                    + "\"metadata.last_model\":\"{\\\"model_name\\\":\\\"m\(number % 2)\\\"}\","
                    + "\"metadata.pipeline_version\":\"v\(number % 3)\"}"
            }.joined(separator: ",") + "]"
    }

    private func numbers(_ answer: Answer) throws -> [Int] {
        try answer.json.array().map { try ($0["out"].isPresent ? $0["out"]["y"] : $0["out.y"]).integer() }
    }

    private func header(_ answer: Answer, _ name: String) -> String? { answer.headers[HTTPField.Name(name)!] }

    // MARK: Pages by address

    @Test("a page holds only what the model, the version and the partition asked for answered")
    func filters() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.append(Self.rows(0..<12), partition: "a")
            try await client.append(Self.rows(12..<300), partition: "b")
            for (query, wanted) in [
                ("model_name=m1", { $0 % 2 == 1 }), ("pipeline_version=v2", { $0 % 3 == 2 }),
                ("model_name=m0&pipeline_version=v0", { $0 % 6 == 0 }),
                ("partition_filter=a&model_name=m0", { $0 < 12 && $0 % 2 == 0 }),
                ("model_name=nobody", { _ in false }),
            ] as [(String, (Int) -> Bool)] {
                let answer = try await client.post("\(Self.path)/records?\(query)", "{}")
                #expect(try numbers(answer) == (0..<300).filter(wanted), "\(query)")
            }
        }
    }

    @Test("pages by token are one cut, whatever is appended meanwhile")
    func tokens() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.append(Self.rows(0..<25), partition: "a")
            for order in ["asc", "desc"] {
                var found: [Int] = []
                var token = ""
                for page in 0..<10 {
                    let answer = try await client.post(
                        "\(Self.path)/records?page_size=10&order=\(order)\(token)", "{}")
                    found += try numbers(answer)
                    guard let next = header(answer, "x-page-token"), page < 9 else { break }
                    token = "&page_token=\(next)"
                    try await client.append(Self.rows(100..<103), partition: "a")
                    try await client.append(Self.rows(100..<103), partition: "0")
                }
                #expect(found.filter { $0 < 100 } == (order == "asc" ? Array(0..<25) : (0..<25).reversed()))
                if order == "asc" { #expect(found.count == 25) }
            }
        }
    }

    @Test("a token that is not ours, or of another question, is refused by name")
    func badTokens() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.append(Self.rows(0..<25))
            let first = try await client.post("\(Self.path)/records?page_size=10", "{}")
            let token = try #require(header(first, "x-page-token"))
            for (query, body) in [
                ("page_token=nonsense", "{}"), ("page_token=", "{}"), ("page_token=\(token)0", "{}"),
                ("page_token=\(token.dropLast(2))", "{}"), ("page_token=\(token)&order=desc", "{}"),
                ("page_token=\(token)&model_name=m1", "{}"), ("page_token=\(token)", "{\"engine\":3}"),
            ] {
                let answer = try await client.post("\(Self.path)/records?\(query)", body)
                #expect(answer.status == 400, "\(query): \(answer.text)")
                #expect(try answer.json["message"].string().contains("page_token"), "\(answer.text)")
            }
            let cursor = try await client.refused(
                "pipelines/get_logs",
                "{\"pipeline_name\":\"fraud\",\"order\":\"Asc\",\"cursor\":\"\(token)\"}")
            #expect(cursor.status == 400 && cursor.message.contains("cursor"))
        }
    }

    // Its token named every partition, and was too long for a header: a client's, and our own server's.
    @Test("headers of a page stay short however many partitions there are, and all of them are paged")
    func manyPartitions() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            let count = 120
            func name(_ number: Int) -> String { String(repeating: "n", count: 1000) + "\(1000 + number)" }
            for number in 0..<count {
                try await client.append(Self.rows(number..<number + 1), partition: name(number))
            }
            for order in ["asc", "desc"] {
                var found: [Int] = []
                var token = ""
                for _ in 0..<count {
                    let page = try await client.post(
                        "\(Self.path)/records?page_size=7&order=\(order)\(token)", "{}")
                    try #require(page.status == 200, "\(page.text)")
                    found += try numbers(page)
                    let lengths = page.headers.map(\.value.utf8.count)
                    #expect(lengths.allSatisfy { $0 <= 48 << 10 }, "\(order): \(lengths)")
                    guard let next = header(page, "x-page-token") else { break }
                    #expect(next.utf8.count < 6000)
                    #expect(header(page, "x-iteration-status") == "{\"status\":\"RecordLimited\"}")
                    token = "&page_token=\(next)"
                }
                #expect(found == (order == "asc" ? Array(0..<count) : (0..<count).reversed()))
            }
        }
    }

    // MARK: Locations

    // It was taken for the list of no partition, and answered nothing.
    @Test("an empty list of locations are the home partitions, in every question, as in an assay's window")
    func homeLocations() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.append(Self.rows(0..<2), partition: "edge", query: "?edge=true")
            let lines: HTTPFields = [.accept: "application/x-ndjson", .contentType: "application/json"]
            let logs = "/v1/api/pipelines/get_logs"
            let question =
                "{\"pipeline_name\":\"fraud\",\"workspace_id\":1,\"order\":\"asc\",\"locations\":[]"
            let window = "{\"path\":\"output y\",\"locations\":[]}"
            for (path, body) in [(logs, question + "}"), ("\(Self.path)/window", window)] {
                let refusal = try await client.post(path, body)
                #expect(refusal.status == 400 && refusal.text.contains("home partitions"), "\(refusal.text)")
            }
            try await client.append(Self.rows(2..<5), partition: "home")
            let values = try await client.post("\(Self.path)/window", window).json["values"].array()
            #expect(try values.map { try $0.double() } == [2, 3, 4])
            let all = try await client.send(.post, logs, lines, Array((question + "}").utf8))
            #expect(all.text.split(separator: "\n").count == 3)
            // What is home stays as it was at the first page.
            let first = try await client.post(logs, question + ",\"page_size\":2}")
            #expect(try numbers(first) == [2, 3])
            let cursor = try #require(header(first, "x-iteration-cursor"))
            try await client.append(Self.rows(5..<6), partition: "other")
            try await client.append(Self.rows(6..<7), partition: "home", query: "?edge=true")
            let second = try await client.post(logs, question + ",\"cursor\":\"\(cursor)\"}")
            #expect(try numbers(second) == [4])
            #expect(try numbers(try await client.post(logs, question + "}")) == [5])
            let unnamed = try await client.post("\(Self.path)/records?partition_filter=", "{}")
            #expect(unnamed.status == 400 && unnamed.text.contains("partition_filter"))
        }
    }

    // MARK: Lines

    @Test("lines hold all records of the cut, in any number")
    func lines() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            for start in stride(from: 0, to: 20_000, by: 4000) {
                try await client.append(Self.rows(start..<start + 4000), partition: start < 8000 ? "a" : "b")
            }
            let accept: HTTPFields = [.accept: "application/x-ndjson", .contentType: "application/json"]
            let all = try await client.send(
                .post, "\(Self.path)/records?dataset.separator=.&dataset[]=out.y", accept, Array("{}".utf8))
            #expect(all.headers[.contentType] == "application/x-ndjson")
            #expect(all.text == (0..<20_000).map { "{\"out.y\":\($0)}\n" }.joined())
            let some = try await client.send(
                .post, "\(Self.path)/records?dataset.separator=.&dataset[]=out.y&page_size=3&model_name=m1",
                accept,
                Array("{\"a\":5,\"b\":0}".utf8))
            #expect(some.text == "{\"out.y\":5}\n{\"out.y\":7}\n{\"out.y\":9}\n")
            let newest = try await client.send(
                .post, "/v1/api/pipelines/get_logs?dataset[]=out", accept,
                Array("{\"pipeline_name\":\"fraud\",\"workspace_id\":1,\"pipeline_version\":\"v1\"}".utf8))
            #expect(
                newest.text
                    == (0..<20_000).reversed().filter { $0 % 3 == 1 }.map { "{\"out\":{\"y\":\($0)}}\n" }
                    .joined())
        }
    }

    // MARK: get_logs

    @Test("a pipeline's logs come by time, page by page, each record once")
    func logs() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.append(Self.rows(10..<20), partition: "b")
            try await client.append(Self.rows(0..<10), partition: "a")
            for (order, wanted) in [
                (",\"order\":\"Asc\"", Array(0..<20)), (",\"order\":\"desc\"", (0..<20).reversed()),
                ("", (0..<20).reversed()),
            ] as [(String, [Int])] {
                var found: [Int] = []
                var cursor = ""
                var statuses: [String] = []
                repeat {
                    let answer = try await client.post(
                        "/v1/api/pipelines/get_logs",
                        "{\"pipeline_name\":\"fraud\",\"workspace_id\":1,\"page_size\":8\(order)\(cursor)}")
                    #expect(answer.headers[.contentType] == "application/json; format=pandas-records")
                    found += try numbers(answer)
                    statuses.append(header(answer, "x-iteration-status") ?? "")
                    cursor = header(answer, "x-iteration-cursor").map { ",\"cursor\":\"\($0)\"" } ?? ""
                    try await client.append(Self.rows(500..<501), partition: "c")
                } while !cursor.isEmpty && statuses.count < 9
                #expect(found.filter { $0 < 500 } == wanted, "\(order)")
                #expect(statuses.dropLast().allSatisfy { $0 == "RecordLimited" } && statuses.last == "All")
            }
            let one = try await client.post(
                "/v1/api/pipelines/get_logs",
                "{\"pipeline_name\":\"fraud\",\"workspace_id\":1,\"start_time\":\"2024-01-09T19:00:03Z\","
                    + "\"end_time\":\"2024-01-09T19:00:03Z\"}")
            #expect(one.text == "[{\"time\":1704826803000,\"in\":{\"x\":[3,0.5]},\"out\":{\"y\":3}}]")
        }
    }

    @Test("a question for logs that cannot be answered is refused in the contract's shape")
    func badLogs() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            for (body, word) in [
                ("{}", "pipeline_name"), ("{\"pipeline_name\":\"nobody\"}", "nobody"),
                ("{\"pipeline_name\":\"fraud\",\"order\":\"up\"}", "order"),
                ("{\"pipeline_name\":\"fraud\",\"page_size\":0}", "page_size"),
                ("{\"pipeline_name\":\"fraud\",\"page_size\":10001}", "page_size"),
                // Past 64 bits either way, they were called no integers.
                (
                    "{\"pipeline_name\":\"fraud\",\"page_size\":99999999999999999999}",
                    "must be 10000 or less, not the number 99999999999999999999"
                ),
                (
                    "{\"pipeline_name\":\"fraud\",\"page_size\":-99999999999999999999}",
                    "must be 1 or more, not the number -99999999999999999999"
                ),
                ("{\"pipeline_name\":\"fraud\",\"page_size\":1e400}", "must be 10000 or less"),
                ("{\"pipeline_name\":\"fraud\",\"page_size\":2.5}", "must be an integer, not the number 2.5"),
                (
                    "{\"pipeline_name\":\"fraud\",\"workspace_id\":99999999999999999999}",
                    "must be 9007199254740992 or less, not the number 99999999999999999999"
                ),
                ("{\"pipeline_name\":\"fraud\",\"cursor\":\"?\"}", "cursor"),
                (
                    "{\"pipeline_name\":\"fraud\",\"start_time\":\"2024-01-09\",\"end_time\":\"2024-01-08\"}",
                    "end_time"
                ),
            ] {
                let refusal = try await client.refused("pipelines/get_logs", body)
                #expect(
                    refusal.status == 400 && refusal.message.contains(word), "\(body): \(refusal.message)")
            }
            let none = try await client.post("/v1/api/pipelines/get_logs", "{\"pipeline_name\":\"fraud\"}")
            #expect(none.text == "[]" && header(none, "x-iteration-status") == "All")
        }
    }

    // MARK: Windows

    @Test("a window's numbers, summary and plan are answered over HTTP")
    func window() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.append(Self.rows(0..<300), partition: "a")
            try await client.append(Self.rows(300..<303), partition: "b")
            func ask(_ more: String) async throws -> JSONField {
                let answer = try await client.post("\(Self.path)/window", "{\"path\":\"output y\"\(more)}")
                try #require(answer.status == 200, "\(answer.text)")
                return try answer.json
            }
            let values = try await ask(",\"start\":\"2024-01-09T19:04:58Z\",\"end\":\"2024-01-09T19:05:02Z\"")
            #expect(try values["values"].array().map { try $0.double() } == [298, 299, 300, 301])
            #expect(try values["times"].array().map { try $0.integer() }.first == 1_704_827_098_000)
            #expect(
                try values["unseen"].array().isEmpty && values["cut"].integer() == Int(client.store.log.cut))
            let filtered = try await ask(
                ",\"model_name\":\"m1\",\"pipeline_version\":\"v0\",\"locations\":[\"a\"]")
            #expect(
                try filtered["values"].array().map { try $0.double() }
                    == (0..<300).filter { $0 % 6 == 3 }.map { Double($0) })
            let summary = try await ask(
                ",\"summary\":true,\"explain\":true,\"start\":\"2024-01-09T19:05:00Z\"")
            #expect(
                try summary["count"].integer() == 3 && summary["mean"].double() == 301
                    && !summary["values"].isPresent)
            let plan = try summary["plan"].array()
            #expect(plan.count == 2)
            #expect(
                try plan[0]["skipped"].string() == "no record in the window" && !plan[1]["skipped"].isPresent)
            #expect(try plan[0]["bytes"].integer() > 0)
            #expect(try summary["statistics"]["blocks_skipped"].integer() == 1)
            #expect(try summary["statistics"]["records_kept"].integer() == 3)
            for (body, word) in [
                ("{}", "path"), ("{\"path\":\"y\"}", "path"), ("{\"path\":\"output none\"}", "path"),
                ("{\"path\":\"output y\",\"start\":\"2024-01-02\",\"end\":\"2024-01-01\"}", "end"),
                ("{\"path\":\"output y\",\"summary\":1}", "summary"),
                ("{\"path\":\"output y\",\"model\":\"m1\"}", "\"model\" is not known; there is"),
                ("{\"path\":\"output y\",\"starts\":\"2024-01-02\"}", "\"starts\" is not known"),
                ("{\"path\":\"output y\",\"locations\":\"a\"}", "locations"),
            ] {
                let answer = try await client.post("\(Self.path)/window", body)
                #expect(answer.status == 400, "\(body)")
                #expect(try answer.json["message"].string().contains(word), "\(body): \(answer.text)")
            }
            for query in ["bogus=1", "page_size=1&model=m1", "partition%5Ffilters=engine"] {
                let answer = try await client.post("\(Self.path)/records?\(query)", "{}")
                #expect(
                    answer.status == 400 && answer.text.contains("is not known in this query"), "\(query)")
            }
            #expect(
                try await client.post("/v1/logs/topic/none/window", "{\"path\":\"output y\"}").status == 404)
        }
    }

    // MARK: Damage

    @Test("every answer says which records it could not see, and holds the others")
    func damage() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.append(Self.rows(0..<300))
            try await client.append(Self.rows(300..<600))
            let blocks = try #require(
                client.store.log.snapshot().index.topics[Client.topic]?.segments[0].blocks)
            // In its head, which every question reads.
            try client.damage(at: blocks[0].offset + blocks[0].headByteCount - 1)
            func part(_ json: JSONField) throws {
                #expect(try json["partition"].string() == "engine" && json["topic"].string() == Client.topic)
                #expect(try json["first_index"].integer() == 0 && json["end_index"].integer() == 300)
                #expect(try json["time_min"].integer() == 1_704_826_800_000)
                #expect(try json["time_max"].integer() == 1_704_827_099_000)
                #expect(try json["problem"].string().contains("segment-0000000000000001 at byte"))
            }
            func headers(_ answer: Answer) throws {
                #expect(header(answer, "x-unseen-parts") == "1")
                let parts = try JSONField(JSONValue(parsing: Array((header(answer, "x-unseen") ?? "").utf8)))
                    .array()
                try #require(parts.count == 1)
                try part(parts[0])
            }
            let page = try await client.post("\(Self.path)/records", "{}")
            #expect(try numbers(page) == Array(300..<600))
            try headers(page)
            let logs = try await client.post(
                "/v1/api/pipelines/get_logs", "{\"pipeline_name\":\"fraud\",\"order\":\"asc\"}")
            #expect(try numbers(logs) == Array(300..<600))
            try headers(logs)
            let baseline = try await client.post(
                "/v1/api/assays/get_baseline", "{\"pipeline_name\":\"fraud\",\"workspace_id\":1}")
            try headers(baseline)
            let window = try await client.post(
                "\(Self.path)/window", "{\"path\":\"output y\",\"summary\":true}")
            try headers(window)
            #expect(try window.json["count"].integer() == 300)
            try part(try window.json["unseen"].array()[0])
            let lines = try await client.send(
                .post, "\(Self.path)/records?dataset[]=out", [.accept: "application/x-ndjson"],
                Array("{}".utf8)
            ).text.split(separator: "\n")
            #expect(lines.count == 301)
            try part(try JSONField(JSONValue(parsing: Array(lines[300].utf8)))["unseen"])
            let summary = try await client.refused(
                "assays/summarize",
                "{\"summarizer\":{\"type\":\"UnivariateContinuous\",\"bin_mode\":\"Quantile\",\"aggregation\":\"Density\","
                    + "\"metric\":\"PSI\",\"num_bins\":2},\"baseline\":{\"fixed_window\":{\"pipeline_name\":\"fraud\","
                    + "\"workspace_id\":1,\"path\":\"output y\",\"start\":\"2024-01-09T19:00:00Z\",\"width\":\"1 hour\"}}}"
            )
            #expect(summary.status == 503 && summary.message.contains("records [0, 300)"), "\(summary)")
        }
    }
}

extension Client {
    /// Flips a bit of the first segment, on the disk.
    func damage(at offset: Int) throws {
        let path = folder.path + "/segment-0000000000000001"
        let file = try #require(FileHandle(forUpdatingAtPath: path), "\(path)")
        let place = UInt64(offset)
        try file.seek(toOffset: place)
        let byte = try #require(try file.read(upToCount: 1)?.first)
        try file.seek(toOffset: place)
        try file.write(contentsOf: Data([byte ^ 1]))
        try file.close()
    }
}
