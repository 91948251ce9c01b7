// Invariants checked: the four at the head of HousekeepingRoutes.swift; what else is refused, and that each answer
// says what was done.

import Foundation
import HTTPTypes
import Hummingbird
import JSON
import NIOCore
import Records
import Store
import StoreSupport
import Testing

@testable import HTTPAPI

@Suite("Housekeeping over HTTP")
struct HousekeepingRoutesTests {
    static let path = "/v1/logs/topic/\(Client.topic)"
    static let secret = "Erika-Mustermann-1964"

    /// A hundred records with a secret each, a second apart.
    private static let rows =
        "["
        + (0..<100).map {
            "{\"time\":\(1_704_826_800_000 + $0 * 1000),\"in.name\":\"\(secret)\",\"in.x\":\($0)}"
        }
        .joined(separator: ",") + "]"

    private static func holdsSecret(_ folder: TemporaryFolder) throws -> Bool {
        try FileManager.default.subpathsOfDirectory(atPath: folder.path).contains { name in
            FileManager.default.contents(atPath: folder.path + "/" + name)?.range(of: Data(secret.utf8))
                != nil
        }
    }

    private static func topics(_ client: Client) async throws -> [String] {
        try await client.send(.get, "/v1/logs/topics").json["topics"].array().map { try $0["name"].string() }
    }

    // It was 0, whatever had been let go.
    @Test(
        "a topic's partitions start at the first record that is there, and where there is none at their end")
    func starts() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.append([(1, 1), (2, 2)], partition: "a")
            try await client.append([(1000, 3)], partition: "a")
            try await client.append([(1, 1)], partition: "b")
            try await client.store.setRetention(
                RetentionPolicy(age: TimeSpan(microseconds: 60_000_000)), of: Client.topic)
            client.clock.advance(1010)
            #expect(try await client.store.applyRetention().recordCounts == [Client.topic: 3])
            let json = try await client.send(.get, Self.path).json
            #expect(
                json["partitions"].value?.text
                    == "{\"a\":{\"start\":2,\"end\":3},\"b\":{\"start\":1,\"end\":1}}")
        }
    }

    @Test("a field that was redacted is in no answer and in no file, and to ask again is answered with 0")
    func redaction() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.append(Self.rows)
            #expect(try Self.holdsSecret(client.folder), "the alarm works")
            let answer = try await client.post("\(Self.path)/redact", "{\"field\":\"in.name\"}").json
            #expect(try answer["records"].integer() == 100 && answer["commit"].isPresent)
            #expect(try answer["segments_rewritten"].integer() >= 1)
            #expect(try answer["problems"].array().isEmpty)
            #expect(try !Self.holdsSecret(client.folder))
            let page = try await client.post("\(Self.path)/records?dataset.separator=.", "{}").text
            #expect(page.contains("\"in.x\":99") && !page.contains("in.name"))
            let again = try await client.post("\(Self.path)/redact", "{\"field\":\"in.name\"}").json
            #expect(try again["records"].integer() == 0 && !again["commit"].isPresent)
        }
    }

    @Test("a topic that was deleted is in no answer, in no file and in no list, until a record comes")
    func deletion() async throws {
        let folder = try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.append(Self.rows)
            #expect(try await Self.topics(client) == [Client.topic])
            let answer = try await client.post("\(Self.path)/delete", "{}").json
            #expect(try answer["records"].integer() == 100 && answer["problems"].array().isEmpty)
            #expect(try !Self.holdsSecret(client.folder))
            #expect(try await client.post("\(Self.path)/records?dataset.separator=.", "{}").text == "[]")
            #expect(try await Self.topics(client) == [])
            let again = try await client.post("\(Self.path)/delete", "{}").json
            #expect(try again["records"].integer() == 0 && !again["commit"].isPresent)
            return try client.folder.copy()
        }
        // After a restart as before; addresses go on where they were.
        try await serving(folder: folder) { (client: Client) async throws in
            #expect(try await Self.topics(client) == [])
            let answer = try await client.post("\(Self.path)/partition/engine", "[{\"time\":1}]")
            #expect(answer.text == "{\"span\":{\"start\":100,\"end\":101}}")
            #expect(try await Self.topics(client) == [Client.topic])
        }
    }

    @Test("a topic's retention is what was set last, over a restart, and is carried out")
    func retention() async throws {
        let folder = try await serving { (client: Client) async throws in
            try await client.createPipeline()
            func asked() async throws -> String { try await client.send(.get, "\(Self.path)/retention").text }
            #expect(try await asked() == "{\"topic\":\"\(Client.topic)\",\"age\":null,\"bytes\":null}")
            let set = try await client.post("\(Self.path)/retention", "{\"age\":\"90 days\",\"bytes\":1000}")
            #expect(set.status == 200)
            #expect(try set.json["age"].string() == "90 days" && set.json["bytes"].integer() == 1000)
            #expect(try await asked() == set.text)
            let one = try await client.post("\(Self.path)/retention", "{\"age\":\"2 minutes\"}").json
            #expect(try one["bytes"].integer() == 1000, "a bound that is not named stays")
            _ = try await client.post("\(Self.path)/retention", "{\"bytes\":null}")
            return try client.folder.copy()
        }
        try await serving(folder: folder) { (client: Client) async throws in
            let policy = try await client.send(.get, "\(Self.path)/retention").json
            #expect(try policy["age"].string() == "2 minutes" && !policy["bytes"].isPresent)
            try await client.append(Self.rows)
            _ = try await client.post("/v1/logs/compact", "{}")
            client.clock.advance(600)
            let records = "\(Self.path)/records?dataset.separator=."
            #expect(try await client.post(records, "{}").text.contains(Self.secret))
            // A redaction seals what is waiting into blocks; those are a clock's ten minutes old.
            _ = try await client.post("\(Self.path)/redact", "{\"field\":\"in.x\"}")
            _ = try await client.post("/v1/logs/compact", "{}")
            #expect(try await client.post(records, "{}").text == "[]")
            #expect(try await Self.topics(client) == [Client.topic], "retention deletes no topic")
            _ = try await client.post("\(Self.path)/retention", "{\"age\":null}")
            #expect(try await client.send(.get, "\(Self.path)/retention").json["age"].isPresent == false)
        }
    }

    @Test("a compaction says what it made of what, and changes no answer")
    func compaction() async throws {
        let folder = try await serving { (client: Client) async throws in
            try await client.createPipeline()
            let many = "[" + (0..<600).map { "{\"time\":\($0),\"in.x\":\($0)}" }.joined(separator: ",") + "]"
            for _ in 0..<3 { try await client.append(many) }
            return try client.folder.copy()
        }
        // What the first server left active is sealed when the second one ends.
        try await serving(folder: folder) { _ in }
        try await serving(folder: folder) { (client: Client) async throws in
            let records = "\(Self.path)/records?dataset.separator=."
            let before = try await client.post(records, "{}").text
            let answer = try await client.post("/v1/logs/compact", "{}").json
            #expect(try answer["rewrites"].integer() == 1 && answer["reasons"]["regrouping"].integer() == 1)
            #expect(try answer["bytes_before"].integer() > 0 && answer["bytes_after"].integer() > 0)
            #expect(try answer["problems"].array().isEmpty)
            #expect(try await client.post(records, "{}").text == before)
            #expect(try await client.post("/v1/logs/compact", "{}").json["rewrites"].integer() == 0)
        }
    }

    @Test("what is wrong is refused by its name, and nothing is let go")
    func refusals() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.append(Self.rows)
            func refused(_ path: String, _ body: String, _ status: Int, _ problem: String) async throws {
                let answer = try await client.post(path, body)
                #expect(
                    answer.status == status && answer.text.contains(problem),
                    "\(path) \(body): \(answer.text)")
            }
            try await refused(
                "/v1/logs/topic/nobody/delete", "{}", 404, "GET /v1/logs/topics lists those there are")
            try await refused("/v1/logs/topic/nobody/redact", "{\"field\":\"in.x\"}", 404, "no topic")
            try await refused("/v1/logs/topic/nobody/retention", "{\"bytes\":1}", 404, "no topic")
            try await refused("\(Self.path)/redact", "{}", 400, "field")
            try await refused("\(Self.path)/redact", "{\"field\":\"time\"}", 400, "the time stays")
            try await refused("\(Self.path)/redact", "{\"field\":7}", 400, "field")
            try await refused(
                "\(Self.path)/redact", "{\"field\":\"in.x\",\"partition\":\"a\"}", 400, "partition")
            try await refused(
                "\(Self.path)/delete", "{\"partition\":\"engine\"}", 400,
                "is not known; nothing is taken here")
            try await refused("\(Self.path)/retention", "{}", 400, "both missing")
            try await refused(
                "\(Self.path)/retention", "{\"age\":\"1 day\",\"byte\":9}", 400,
                "byte\\\" is not known; there is")
            try await refused("\(Self.path)/retention", "{\"age\":\"soon\"}", 400, "age")
            for bytes in [0, -1] {
                try await refused("\(Self.path)/retention", "{\"bytes\":\(bytes)}", 400, "bytes")
                try await refused("\(Self.path)/retention", "{\"bytes\":\(bytes)}", 400, "/delete")
            }
            try await refused("\(Self.path)/retention", "{\"age\":\"0 s\"}", 400, "longer than zero")
            try await refused("\(Self.path)/retention", "{\"bytes\":\"much\"}", 400, "bytes")
            #expect(try Self.holdsSecret(client.folder))
            #expect(try await client.send(.get, "\(Self.path)/delete").status == 405)
        }
    }

    @Test("a compaction that carries out what a topic keeps says how many records went, and so does the log")
    func recordsLetGo() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.append(Self.rows)
            _ = try await client.post("\(Self.path)/retention", "{\"age\":\"1 day\"}")
            client.clock.advance(172_800)
            let said = Messages()
            let routes = APIServer.routes(client.store, publicURL: nil, logger: said.logger)
            let route = try #require(routes.first { $0.path == "/v1/logs/compact" })
            let request = Request(
                head: HTTPRequest(method: .post, scheme: "http", authority: nil, path: route.path),
                body: RequestBody(buffer: ByteBuffer(string: "{}")))
            for count in [100, 0] {
                let response = try await route.handler(request, Client.context)
                let answer = JSONField(try JSONValue(parsing: try await Client.bytes(of: response)))
                let letGo = answer["records_let_go"][Client.topic]
                #expect(try letGo.optional?.integer() ?? 0 == count)
                #expect(said.all == ["retention let 100 records of \(Client.topic) go"], "said once")
            }
        }
    }

    @Test("an address of IPv6 stands in brackets before its port")
    func authorities() {
        let authorities = ["::1", "127.0.0.1", "example"].map {
            ServerConfiguration(host: $0).authority(port: 80)
        }
        #expect(authorities == ["[::1]:80", "127.0.0.1:80", "example:80"])
    }
}
