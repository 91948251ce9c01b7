// Invariants checked: the second at the head of LogRoutes.swift; each parameter of a page, and that both forms of
// every path are one. The first is AppendRoutesTests.swift's.

import Foundation
import HTTPTypes
import JSON
import Records
import Testing

@testable import HTTPAPI

@Suite("Records paged")
struct LogRoutesTests {
    static let path = "/v1/logs/topic/\(Client.topic)"
    static let status = HTTPField.Name("x-iteration-status")!

    // MARK: Pages

    static let fiveRows =
        "[{\"time\":1,\"x\":0},{\"time\":2,\"x\":1},{\"time\":3,\"x\":2},{\"time\":4,\"x\":3},{\"time\":5,\"x\":4}]"

    /// The `x` of a page's rows, and its iteration status.
    static func page(_ client: Client, _ query: String, _ iterator: String = "{}") async throws -> (
        xs: [Int], status: String, next: String
    ) {
        let answer = try await client.post("\(path)/records\(query)", iterator)
        try #require(answer.status == 200, "\(answer.text)")
        #expect(answer.headers[.contentType] == "application/json; format=pandas-records")
        let header = JSONField(try JSONValue(parsing: try #require(answer.headers[status])))
        return (
            try answer.json.array().map { try $0["x"].integer() }, try header["status"].string(),
            header["next"].value?.text ?? ""
        )
    }

    @Test("pages go on exactly after each other, whatever is appended meanwhile")
    func pages() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.append(Self.fiveRows)
            var page = try await Self.page(client, "?page_size=2")
            #expect(page == ([0, 1], "RecordLimited", "{\"engine\":2}"))
            try await client.append("[{\"time\":0,\"x\":5}]")
            page = try await Self.page(client, "?page_size=2", page.next)
            #expect(page == ([2, 3], "RecordLimited", "{\"engine\":4}"))
            page = try await Self.page(client, "?page_size=20", page.next)
            #expect(page == ([4, 5], "All", "{\"engine\":6}"))
            page = try await Self.page(client, "?page_size=20", page.next)
            #expect(page == ([], "All", "{\"engine\":6}"))
            try await client.append("[{\"time\":9,\"x\":6}]", partition: "a")
            page = try await Self.page(client, "", page.next)
            #expect(page == ([6], "All", "{\"a\":1,\"engine\":6}"))
        }
    }

    @Test("every page of every size put together is all records, in both orders, over several partitions")
    func everyPageSize() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            for (number, partition) in ["a", "b", "a", "c", "b"].enumerated() {
                let rows = (0..<[3, 1, 300, 2, 5][number]).map {
                    "{\"time\":\($0),\"x\":\(number * 1000 + $0)}"
                }
                try await client.append("[\(rows.joined(separator: ","))]", partition: partition)
            }
            let all = try await Self.page(client, "?page_size=10000").xs
            #expect(all.count == 311)
            for size in [1, 2, 7, 100, 299, 310, 311, 312] {
                for order in ["asc", "DESC"] {
                    var found: [Int] = []
                    var next = "{}"
                    var status = "RecordLimited"
                    while status != "All" && found.count <= 400 {
                        let page = try await Self.page(client, "?page_size=\(size)&order=\(order)", next)
                        #expect(page.xs.count <= size)
                        found += page.xs
                        (next, status) = (page.next, page.status)
                    }
                    #expect(found == (order == "asc" ? all : all.reversed()), "pages of \(size), \(order)")
                }
            }
        }
    }

    // The bound of a page in bytes was written down and not kept.
    @Test("a page ends at its bytes too, but never before its first record")
    func byteLimit() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.append(Self.fiveRows)
            // A row is some 16 bytes.
            for (query, sizes) in [
                ("?page_bytes=1", [1, 1, 1, 1, 1, 0]), ("?page_bytes=20", [2, 2, 1]),
                ("?dataset.max_bytes=20", [2, 2, 1]), ("?page_bytes=20&order=desc", [2, 2, 1]),
                ("?page_bytes=100000", [5]),
            ] {
                var next = "{}"
                var found: [Int] = []
                for size in sizes {
                    let page = try await Self.page(client, query, next)
                    #expect(page.xs.count == size, "\(query)")
                    #expect(page.status == (found.count + size < 5 ? "ByteLimited" : "All"), "\(query)")
                    found += page.xs
                    next = page.next
                }
                #expect(found == (query.contains("desc") ? [4, 3, 2, 1, 0] : [0, 1, 2, 3, 4]), "\(query)")
            }
            // Ten megabytes where nothing is said.
            let text = String(repeating: "a", count: 1 << 20)
            for _ in 0..<12 { try await client.append("[{\"x\":9,\"t\":\"\(text)\"}]") }
            let page = try await Self.page(client, "")
            #expect(page.xs.count == 5 + 10 && page.status == "ByteLimited")
            #expect(try await Self.page(client, "", page.next).xs == [9, 9])
        }
    }

    @Test("a time range holds its start and its end, however they are written")
    func timeRange() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.append(Self.fiveRows)
            for (start, end, xs) in [
                ("1970-01-01T00:00:00.002Z", "1970-01-01T00:00:00.004Z", [1, 2, 3]),
                ("1970-01-01T00:00:00.0021Z", "1970-01-01T00:00:00.0039Z", [2]),
                ("1970-01-01T01:00:00.002%2B01:00", "1970-01-01T01:00:00.002%2b01:00", [1]),
                ("1970-01-01T01:00:00.002+01:00", "1970-01-01T01:00:00.003+01:00", [1, 2]),
                ("1970-01-01T00:00:00Z", "2970-01-01T00:00:00Z", [0, 1, 2, 3, 4]),
            ] {
                let page = try await Self.page(client, "?time.start=\(start)&time.end=\(end)")
                #expect(page.xs == xs, "\(start) to \(end)")
            }
        }
    }

    @Test(
        "a page that cannot be meant is refused, and its field is named",
        arguments: [
            ("?page_size=0", "{}", "page_size"), ("?page_size=x", "{}", "page_size"),
            ("?page_bytes=-1", "{}", "page_bytes"), ("?order=up", "{}", "order"),
            ("?time.start=1970-01-01T00:00:00Z", "{}", "time.start"),
            ("?time.start=banana&time.end=1970-01-01T00:00:00Z", "{}", "time.start"),
            (
                "?time.start=1970-01-02T00:00:00Z&time.end=1970-01-01T00:00:00Z", "{}",
                "field \"time.end\" is before time.start; exchange them"
            ),
            (
                "?order=desc&time.start=1970-01-01T00:00:00Z&time.end=1970-01-02T00:00:00Z", "{}",
                "invalid query"
            ),
            ("?dataset.separator=/", "{}", "dataset.separator"),
            ("", "[]", "must be an object"), ("", "{\"engine\":-1}", "engine"),
            ("", "{\"engine\":\"x\"}", "engine"), ("", "{\"engine\":1.5}", "engine"),
            ("", "{", "malformed JSON"),
        ])
    func refusedPages(_ query: String, _ iterator: String, _ message: String) async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.append(Self.fiveRows)
            let answer = try await client.post("\(Self.path)/records\(query)", iterator)
            #expect(answer.status == 400)
            #expect(try answer.json["message"].string().contains(message), "\(answer.text)")
        }
    }

    @Test("a position past the end, a filter of nobody and a topic without records are empty pages")
    func emptyPages() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            let before = try await client.post("\(Self.path)/records", "{}")
            #expect(before.text == "[]")
            #expect(before.headers[Self.status] == "{\"status\":\"All\",\"next\":{}}")
            try await client.append(Self.fiveRows)
            #expect(try await Self.page(client, "", "{\"engine\":9223372036854775807}").xs == [])
            #expect(try await Self.page(client, "?partition_filter=nobody").xs == [])
            #expect(
                try await Self.page(client, "?partition_filter=nobody&partition_filter=engine").xs.count == 5)
        }
    }

    @Test("pages are JSON or Arrow: who accepts only something else is told so")
    func accepts() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            func status(_ accept: String) async throws -> Int {
                try await client.send(
                    .post, "\(Self.path)/records", [.accept: accept, .contentType: "application/json"],
                    [0x7B, 0x7D]
                ).status
            }
            #expect(try await status("application/json; format=pandas-records") == 200)
            #expect(try await status("*/*") == 200)
            #expect(try await status("text/html, application/json;q=0.5") == 200)
            #expect(try await status("text/html, application/vnd.apache.arrow.file") == 200)
            #expect(try await status("application/vnd.apache.parquet") == 400)
        }
    }

    @Test("pages choose their fields and their form as inferences do")
    func fields() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.append("[{\"time\":1,\"in.x\":1,\"out.y\":2,\"metadata.partition\":\"e\"}]")
            func rows(_ query: String) async throws -> String {
                try await client.post("\(Self.path)/records\(query)", "{}").text
            }
            #expect(
                try await rows("")
                    == "[{\"time\":1,\"in\":{\"x\":1},\"out\":{\"y\":2},\"metadata\":{\"partition\":\"e\"}}]")
            #expect(
                try await rows("?dataset%5B%5D=time&dataset%5B%5D=out.y&dataset.separator=.")
                    == "[{\"time\":1,\"out.y\":2}]")
            #expect(
                try await rows(
                    "?dataset.exclude%5B%5D=metadata&dataset.exclude%5B%5D=time&dataset.separator=.")
                    == "[{\"in.x\":1,\"out.y\":2}]")
        }
    }

    // MARK: Topics, and the other form of paths

    @Test("a topic says its partitions and what it takes; all topics are listed")
    func topics() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            #expect(try await client.send(.get, Self.path).text == "{\"partitions\":{},\"bytes\":0}")
            try await client.append(Self.fiveRows)
            let json = try await client.send(.get, Self.path).json
            #expect(json["partitions"].value?.text == "{\"engine\":{\"start\":0,\"end\":5}}")
            #expect(try json["bytes"].integer() > 0)
            #expect(
                try await client.send(.get, "/v1/logs/topics").text
                    == "{\"topics\":[{\"name\":\"\(Client.topic)\"}]}")
        }
    }

    @Test("the store's own paths are the same without their prefix")
    func nativeForms() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            let path = "/topic/\(Client.topic)"
            #expect(
                try await client.post("\(path)/partition/a", "[{\"time\":1,\"x\":7}]").text
                    == "{\"span\":{\"start\":0,\"end\":1}}")
            #expect(try await client.post("\(path)/records", "{}").text == "[{\"time\":1,\"x\":7}]")
            #expect(try await client.send(.get, path).text == client.send(.get, Self.path).text)
            #expect(try await client.send(.get, "/topics").text == client.send(.get, "/v1/logs/topics").text)
            let refused = try await client.post("/topic/nope/partition/a", "[]")
            #expect(refused.status == 404 && refused.text.hasPrefix("{\"message\":"))
        }
    }
}
