// Checked here: what the second generation said of a window before late records came can be asked for, in the bytes
// and with the keys that it had.

import JSON
import Store
import StoreSupport
import Testing

@testable import HTTPAPI

@Suite("Revisions of the second generation over HTTP")
struct SeriesRevisionsTests {
    /// What is asked of the results of one assay.
    private struct Asked {
        let client: Client
        let uuid: String

        /// The results as the answer has them, without its brackets.
        func results(_ more: String = "") async throws -> String {
            let answer = try await client.post(
                "/v2/api/assays/get_results", "{\"id\":\"\(uuid)\"\(more)}")
            try #require(answer.status == 200, "\(more): \(answer.text)")
            try #require(answer.text.hasPrefix("[") && answer.text.hasSuffix("]"), "\(more)")
            return String(answer.text.dropFirst().dropLast())
        }

        /// The newest result of each of the first windows, asked for by itself.
        func newest(_ count: Int) async throws -> [String] {
            var found: [String] = []
            for minute in 1...count {
                let end = "2024-01-09T19:\(minute < 10 ? "0" : "")\(minute):0"
                found.append(try await results(",\"start\":\"\(end)0Z\",\"end\":\"\(end)1Z\""))
            }
            return found
        }
    }

    /// Has late records looked at, which have been quiet for the grace.
    private func lookAgain(_ scheduler: SeriesScheduler, _ client: Client) async {
        while await scheduler.tick() {}
        client.clock.advance(6)
        while await scheduler.tick() {}
    }

    @Test("asked for all, each window tells what was said of it before; else the newest alone")
    func revisions() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.append([(0, 1), (10, 4), (70, 2)])
            let uuid = try await SeriesRoutesTests.ask(
                client, "schedule", SeriesRoutesTests.body("\"name\":\"watch\",")
            ).string()
            let asked = Asked(client: client, uuid: uuid)
            let scheduler = SeriesScheduler(client.store, logger: noLog)
            client.clock.advance(190)
            await scheduler.tick()
            let old = try await asked.newest(3)
            #expect(try await asked.results(",\"revisions\":\"all\"") == old.joined(separator: ","))
            // One window holds more than before, one something at all.
            try await client.append([(20, 9), (130, 3)])
            await lookAgain(scheduler, client)
            let new = try await asked.newest(3)
            #expect(new[0] != old[0] && new[1] == old[1] && new[2] != old[2])
            let every = [old[0], new[0], old[1], old[2], new[2]]
            let cases: [(String, [String])] = [
                ("", new), (",\"revisions\":\"newest\"", new), (",\"revisions\":null", new),
                (",\"limit\":2", Array(new[..<2])), (",\"revisions\":\"all\"", every),
                (",\"revisions\":\"all\",\"limit\":4", Array(every[..<4])),
                (
                    ",\"revisions\":\"all\",\"start\":\"2024-01-09T19:01:00Z\",\"end\":\"2024-01-09T19:02:00Z\"",
                    Array(every[..<2])
                ),
            ]
            for (more, told) in cases {
                #expect(try await asked.results(more) == told.joined(separator: ","), "\(more)")
            }
            // The contract's keys alone, and the ids rise in each window.
            let rows = try JSONField(JSONValue(parsing: Array("[\(every.joined(separator: ","))]".utf8)))
                .array()
            #expect(try rows.map { try $0["id"].integer() } == [1, 4, 2, 3, 5])
            for row in rows {
                #expect(
                    AssayRequests.keys(row) == [
                        "id", "assay_id", "analyzed_at", "elapsed_millis", "scores", "status", "summaries",
                        "window_end", "window_start", "created_at", "updated_at", "workspace_id",
                        "workspace_name", "pipeline_id", "warning_threshold", "alert_threshold",
                    ])
            }
            // The clock had been ahead: what has not been yet is not told.
            client.clock.advance(-100)
            #expect(
                try await asked.results(",\"revisions\":\"all\"") == every[..<2].joined(separator: ","))
        }
    }

    @Test("revisions of many windows come in batches, and are the same list")
    func batches() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            func append(_ y: Int, _ moments: [Int]) async throws {
                let rows = moments.map { "{\"time\":\(1_704_826_800_000 + $0 * 1000),\"out.y\":[\(y)]}" }
                try await client.append("[" + rows.joined(separator: ",") + "]")
            }
            try await append(4, [0, 60, 120, 180, 240])
            // A thousand paths: ten results are held at once.
            let indexes = "[" + (0..<1000).map { "\($0)" }.joined(separator: ",") + "]"
            let uuid = try await SeriesRoutesTests.ask(
                client, "schedule", SeriesRoutesTests.body("\"name\":\"many\",", indexes: indexes)
            ).string()
            let asked = Asked(client: client, uuid: uuid)
            let scheduler = SeriesScheduler(client.store, logger: noLog)
            client.clock.advance(60 * 11 + 6)
            while await scheduler.tick() {}
            let old = try await asked.newest(11)
            try await append(1, [1, 61, 121])
            await lookAgain(scheduler, client)
            let new = try await asked.newest(11)
            #expect(zip(old, new).map { $0 != $1 } == (0..<11).map { $0 < 3 })
            let every = zip(old, new).flatMap { $0 == $1 ? [$0] : [$0, $1] }
            #expect(try await asked.results(",\"revisions\":\"all\"") == every.joined(separator: ","))
        }
    }

    @Test("another value, and a limit that is none, are refused with 400, the field and the remedy")
    func refusals() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.append([(0, 1)])
            let uuid = try await SeriesRoutesTests.ask(
                client, "schedule", SeriesRoutesTests.body("\"name\":\"watch\",")
            ).string()
            for (member, message) in [
                (
                    "\"revisions\":\"some\"",
                    "field \"revisions\" is \"some\"; it must be one of \"newest\", \"all\""
                ),
                ("\"revisions\":3", "field \"revisions\" must be a string"),
                ("\"limit\":0", "field \"limit\" is 0; it must be 1 or more"),
            ] {
                for (path, id) in [
                    ("/v2/api/assays/get_results", "\"id\":\"\(uuid)\""),
                    // As the first generation does, before it looks for the assay.
                    ("/v1/api/assays/get_assay_results", "\"assay_id\":7"),
                ] {
                    let answer = try await client.post(path, "{\(id),\(member)}")
                    #expect(answer.status == 400, "\(path) \(member)")
                    #expect(try answer.json["msg"].string().hasPrefix(message), "\(path): \(answer.text)")
                }
            }
        }
    }
}
