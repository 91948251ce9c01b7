// Checked here: of fields whose names differ in their bytes alone, each comes back as it was posted, in every
// form of answer, and is asked for by itself.

import Bytes
import HTTPTypes
import JSON
import Records
import Testing
import Wire

@testable import HTTPAPI

@Suite("Two spellings over HTTP")
struct SpellingRoutesTests {
    static let composed = "\u{E9}"
    static let decomposed = "e\u{301}"
    private static let arrow = "application/vnd.apache.arrow.file"

    /// The names of each record's fields, but for the time.
    private static func names(_ client: Client, _ query: String = "") async throws -> [[ExactText]] {
        let answer = try await client.post(
            "/v1/logs/topic/\(Client.topic)/records?dataset.separator=.\(query)", "{}")
        try #require(answer.status == 200, "\(answer.text)")
        return try answer.json.array().map { record in
            try record.object().members.map { ExactText($0.key) }.filter { $0 != "time" }
        }
    }

    @Test("both are fields of a record, and each is shown where it is asked for")
    func records() async throws {
        let (one, two) = (ExactText("in." + Self.composed), ExactText("in." + Self.decomposed))
        let folder = try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.append("[{\"time\":1,\"\(one.text)\":1},{\"time\":2,\"\(two.text)\":2}]")
            try await client.append("[{\"time\":3,\"in\":{\"\(Self.decomposed)\":3,\"\(Self.composed)\":4}}]")
            return try client.folder.copy()
        }
        // Read from what lies on disk.
        try await serving(folder: folder) { (client: Client) async throws in
            #expect(try await Self.names(client).map(Set.init) == [[one], [two], [one, two]])
            let shown = try await Self.names(client, "&dataset%5B%5D=in.%C3%A9")
            #expect(shown.flatMap { $0 } == [one, one])
            let hidden = try await Self.names(client, "&dataset.exclude%5B%5D=in.%C3%A9")
            #expect(hidden.flatMap { $0 } == [two, two])
            let arrow = try await client.send(
                .post, "/v1/logs/topic/\(Client.topic)/records",
                [.accept: Self.arrow, .contentType: "application/json"], Array("{}".utf8))
            try #require(arrow.status == 200, "\(arrow.text)")
            let batch = try ArrowReader.read(arrow.bytes).batch
            #expect(try Self.numbers(of: one, in: batch) == [1, 4])
            #expect(try Self.numbers(of: two, in: batch) == [2, 3])
            // What was answered may be posted.
            let answer = try await client.send(
                .post, "/v1/logs/topic/\(Client.topic)/partition/other", [.contentType: Self.arrow],
                arrow.bytes)
            #expect(answer.status == 200, "\(answer.text)")
        }
    }

    @Test("numbers are float32 in the field that was declared, and not in the other")
    func float32() async throws {
        let (one, two) = (ExactText("in." + Self.composed), ExactText("in." + Self.decomposed))
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            let rows = "[{\"time\":1,\"\(one.text)\":0.99300325,\"\(two.text)\":0.99300325}]"
            func declared() throws -> Set<ExactText> {
                try #require(client.store.pipeline(ofTopic: Client.topic)).float32Fields
            }
            func elements(_ name: ExactText, _ run: Int) throws -> Elements? {
                let index = try #require(client.store.log.snapshot().index.topics[Client.topic])
                let batches = index.tails["p\(run)"]?.map(\.batch) ?? []
                guard case .scalar(let leaf)? = batches.first?.field(named: name.text)?.values else {
                    return nil
                }
                return leaf.elements
            }
            try await client.append(rows, partition: "p1", query: "?float32=in.%C3%A9")
            #expect(try declared() == [one])
            #expect(try elements(one, 1) == .float32([0.99300325]))
            #expect(try elements(two, 1) == .float64([0.99300325]))
            // The other is new all the same.
            try await client.append(rows, partition: "p2", query: "?float32=in.e%CC%81")
            #expect(try declared() == [one, two])
            #expect(try elements(one, 2) == .float32([0.99300325]))
            #expect(try elements(two, 2) == .float32([0.99300325]))
        }
    }

    private static func numbers(of name: ExactText, in batch: RecordBatch) throws -> [Int64] {
        let field = try #require(batch.field(named: name.text))
        guard case .scalar(let leaf) = field.values, case .int64(let values) = leaf.elements else {
            Issue.record("\(field) is no column of integers")
            return []
        }
        return values.indices.filter { field.presence.state($0) == .value }.map { values[$0] }
    }

    @Test("a count that is no whole number, or of more than 64 bits, is refused with its bounds")
    func counts() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            for count in ["0", "1.5", "99999999999999999999"] {
                let answer = try await client.post("\(LogRoutesTests.path)/records?page_size=\(count)", "{}")
                #expect(
                    answer.status == 400
                        && answer.text.contains("it must be a whole number from 1 to 9223372036854775807"),
                    "\(answer.text)")
            }
        }
    }
}
