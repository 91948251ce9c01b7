// Invariants checked: what an append is refused for leaves nothing, and names can be told apart.

import Bytes
import Testing

@testable import HTTPAPI

@Suite("Refused appends") struct AppendRefusalTests {
    @Test("a body that is encoded is a 415 that names the encoding, wherever it is sent; identity is none")
    func encodedBodies() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            let append = "/v1/logs/topic/\(Client.topic)/partition/engine"
            for (path, encoding) in [
                (append, "gzip"), (append, "Zstd"), ("/v1/logs/topic/\(Client.topic)/window", "br"),
                ("/v1/api/workspaces/list", "deflate"),
            ] {
                let answer = try await client.send(
                    .post, path, [.contentType: "application/json", .contentEncoding: encoding], [0x1F, 0x8B])
                #expect(answer.status == 415 && answer.headers[.acceptEncoding] == "identity", "\(path)")
                #expect(answer.text.contains("\\\"\(encoding.lowercased())\\\""), "\(answer.text)")
            }
            let plain = try await client.send(
                .post, append, [.contentType: "application/json", .contentEncoding: "identity"],
                Array("[{\"time\":1}]".utf8))
            #expect(plain.status == 200)
        }
    }

    @Test("what a refused append declares is not declared")
    func refusedDeclarations() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            let path = "\(LogRoutesTests.path)/partition/edge-1?float32=out.y&edge=true"
            #expect(try await client.post(path, "[{\"out.y\":0.1},{\"out.y\":").status == 400)
            func declared() throws -> Set<ExactText> {
                try #require(client.store.pipeline(ofTopic: Client.topic)).float32Fields
            }
            let events = client.store.log.snapshot().index.events.count
            #expect(try declared() == [])
            #expect(try await client.post(path, "[{\"out.y\":0.1}]").status == 200)
            #expect(try declared() == ["out.y"])
            let log = client.store.log.snapshot()
            #expect(log.index.events.count == events + 2, "the field, and the location")
            #expect(log.index.events.suffix(from: events).allSatisfy { $0.entry.commit == log.cut })
            // Declared before: a commit of records alone, read by the log. Records are not needed.
            #expect(try await client.post(path, "[{\"out.y\":0.1}]").status == 200)
            #expect(client.store.log.snapshot().index.events.count == events + 2)
            let other = "\(LogRoutesTests.path)/partition/edge-2?edge=true"
            #expect(try await client.post(other, "[]").status == 200)
            #expect(client.store.log.snapshot().index.events.count == events + 3)
        }
    }

    // Python sends True, and it was taken for home without a word; a misspelt declaration was passed over.
    @Test("what an append's query says is understood as it is commonly written, or refused by name")
    func declarations() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            func send(_ query: String, to partition: String) async throws -> (Int, String) {
                let answer = try await client.post(
                    "\(LogRoutesTests.path)/partition/\(partition)?\(query)", "[{\"time\":1}]")
                return (answer.status, answer.text)
            }
            for (number, query) in ["edge=true", "edge=True", "edge=TRUE", "edge=1", "edge=1&edge=true"]
                .enumerated()
            {
                let answer = try await send(query, to: "edge-\(number)")
                #expect(answer.0 == 200, "\(query): \(answer.1)")
            }
            for query in [
                "edge=false", "edge=False", "edge=0", "", "float32=in.a,b", "float32=in.a&float32=in.b",
            ] {
                let answer = try await send(query, to: "home")
                #expect(answer.0 == 200, "\(query): \(answer.1)")
            }
            let pipeline = try #require(client.store.pipeline(ofTopic: Client.topic))
            #expect(pipeline.locations.sorted() == (0..<5).map { "edge-\($0)" })
            #expect(pipeline.float32Fields == ["in.a", "in.b", "in.a,b"])
            for (query, words) in [
                ("edge", "\"edge\" is \"\""), ("edge=", "true or false"), ("edge=yes", "\"yes\""),
                ("edge=true&edge=false", "as true and as false"), ("float32=", "\"float32\" is empty"),
                ("float32=in.a,in.b", "several fields"), ("float32=in.a%2C%20out.b", "several fields"),
                ("flaot32=in.a", "\"flaot32\" is not known"), ("EDGE=true", "\"EDGE\" is not known"),
            ] {
                let answer = try await send(query, to: "refused")
                #expect(answer.0 == 400, "\(query): \(answer.1)")
                #expect(answer.1.replacing("\\\"", with: "\"").contains(words), "\(query): \(answer.1)")
            }
            #expect(client.store.log.snapshot().index.topics[Client.topic]?.nextIndexes["refused"] == nil)
        }
    }

    @Test("records of more columns than a block can say are refused, and store nothing")
    func manyColumns() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            let path = "\(LogRoutesTests.path)/partition/p"
            let list = "[" + [String](repeating: "0", count: 512).joined(separator: ",") + "]"
            func record(_ fields: Range<Int>) -> String {
                "{" + fields.map { "\"in.f\($0)\":\(list)" }.joined(separator: ",") + "}"
            }
            let refusal = try await client.post(path, "[\(record(0..<2049))]")
            #expect(refusal.status == 413 && refusal.text.contains("1049088 columns"), "\(refusal.text)")
            #expect(client.store.log.snapshot().index.topics[Client.topic] == nil)
            #expect(try await client.post(path, "[\(record(0..<3))]").status == 200)
        }
    }

    @Test("a partition's name can be told from every other one's, and moves no terminal's cursor")
    func partitionNames() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            func status(_ partition: String) async throws -> (Int, String) {
                let answer = try await client.post(
                    "\(LogRoutesTests.path)/partition/\(partition)", "[{\"x\":1}]")
                return (answer.status, answer.text)
            }
            // é as one character, and as two.
            #expect(try await status("caf%C3%A9").0 == 200)
            #expect(try await status("caf%C3%A9").0 == 200)
            let refusal = try await status("cafe%CC%81")
            #expect(refusal.0 == 400 && refusal.1.contains("in other Unicode characters"), "\(refusal.1)")
            for name in ["a%1B%5B2Jb", "a%0Ab", "a%C2%85b"] {
                #expect(try await status(name).0 == 400, "\(name)")
            }
            #expect(try await status("%E5%8C%97%20%F0%9F%98%80").0 == 200)
            let indexes = client.store.log.snapshot().index.topics[Client.topic]?.nextIndexes
            #expect(indexes == ["caf\u{e9}": 2, "北 😀": 1])
        }
    }
}
