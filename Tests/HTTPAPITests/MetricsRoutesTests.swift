// Invariants checked: the two at the head of MetricsRoutes.swift, and that the figures are those of
// what was done.

import Foundation
import HTTPTypes
import Segments
import Testing

@testable import EventLog
@testable import HTTPAPI

@Suite("Metrics")
struct MetricsRoutesTests {
    @Test("what was appended, refused and replayed is counted, by topic and source")
    func figures() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.append("[{\"time\":1},{\"time\":2},{\"time\":3}]", partition: "a")
            for _ in 0..<3 {
                _ = try await client.send(
                    .post, LogRoutesTests.path + "/partition/a", IdempotencyKeyTests.headers("k"),
                    Array("[{\"time\":4}]".utf8))
            }
            let answer = try await client.send(.get, "/metrics")
            #expect(answer.status == 200)
            #expect(answer.headers[.contentType] == "text/plain; version=0.0.4; charset=utf-8")
            let lines = Set(answer.text.split(separator: "\n").map(String.init))
            for line in [
                "assaylog_appended_records_total{topic=\"\(Client.topic)\"} 4",
                "assaylog_tail_records{topic=\"\(Client.topic)\"} 4",
                "assaylog_replayed_requests_total 2", "assaylog_idempotency_keys 1",
                "assaylog_commits_total 4",
                "assaylog_sync_seconds_count 4", "assaylog_sync_seconds_bucket{le=\"+Inf\"} 4",
                "assaylog_waiting_bytes 0", "assaylog_read_only 0", "assaylog_commit 4",
                "assaylog_erasure_pending_segments 0",
                "# TYPE assaylog_sync_seconds histogram",
            ] { #expect(lines.contains(line), "\(line) is missing in\n\(answer.text)") }
        }
    }

    @Test("records of a clock that is more than a day ahead are counted, and their honest neighbours are not")
    func wrongClocks() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            let day: Int64 = 86_400_000
            let now = client.clock.now.milliseconds
            func append(_ times: [Int64]) async throws {
                try await client.append("[" + times.map { "{\"time\":\($0)}" }.joined(separator: ",") + "]")
            }
            try await append([now, now + day, 1])
            try await append([now, now + 2 * day, now + 3 * day, now + 1])
            // Columns at once, as there are many.
            try await append((0..<600).map { now - $0 })
            try await append((0..<700).map { now + 2 * day + $0 })
            let text = try await client.send(.get, "/metrics").text
            #expect(text.contains("assaylog_ahead_records_total{topic=\"\(Client.topic)\"} 702\n"), "\(text)")
            #expect(text.contains("assaylog_appended_records_total{topic=\"\(Client.topic)\"} 1307\n"))
        }
    }

    @Test("every sample stands behind the HELP and TYPE of its name, and is a number")
    func form() async throws {
        try await serving { (client: Client) async throws in
            var known = ""
            for line in try await client.send(.get, "/metrics").text.split(separator: "\n") {
                let words = line.split(separator: " ")
                if words[0] == "#" {
                    if words[1] == "TYPE" { known = String(words[2]) }
                    continue
                }
                let name = words[0].prefix { $0 != "{" }
                #expect(name.hasPrefix(known) && !known.isEmpty, "\(line)")
                #expect(words.last.flatMap { Double($0) } != nil, "\(line)")
            }
        }
    }

    @Test("names are escaped, whoever chose them")
    func escaping() {
        var page = MetricsPage()
        page.add("m", "Help.", .counter, [([("topic", "a\"b\\c\nd")], 1.5)])
        #expect(page.text == "# HELP m Help.\n# TYPE m counter\nm{topic=\"a\\\"b\\\\c\\nd\"} 1.5\n")
    }

    @Test("a histogram's buckets are cumulative and end in its count")
    func histogram() {
        var histogram = Histogram(bounds: [1, 2.5])
        for value in [0.5, 1, 2, 99] { histogram.add(value) }
        var page = MetricsPage()
        page.add("h", "Help.", histogram)
        #expect(
            page.text.split(separator: "\n").dropFirst(2) == [
                "h_bucket{le=\"1\"} 2", "h_bucket{le=\"2.5\"} 3", "h_bucket{le=\"+Inf\"} 4", "h_sum 102.5",
                "h_count 4",
            ])
    }
}
