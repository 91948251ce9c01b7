// Checked here: the two invariants at the head of IdempotencyKey.swift; that a retried append and a
// retried inference are stored once and answered as the first was, across restarts; that another body
// is refused by the key's name.

import HTTPTypes
import JSON
import TestSupport
import Testing

@testable import HTTPAPI

@Suite("Retries with an Idempotency-Key")
struct IdempotencyKeyTests {
    static let path = LogRoutesTests.path + "/partition/site-a"

    static func headers(_ key: String, type: String = "application/json") -> HTTPFields {
        [.contentType: type, .idempotencyKey: key]
    }

    @Test("a retried append is stored once and answered as the first was, after a restart as well")
    func append() async throws {
        let rows = Array("[{\"time\":1,\"x\":1},{\"time\":2,\"x\":2}]".utf8)
        let folder = try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.append("[{\"time\":0}]", partition: "site-a")
            let first = try await client.send(.post, Self.path, Self.headers("k-1"), rows)
            #expect(first.text == "{\"span\":{\"start\":1,\"end\":3}}")
            #expect(first.headers[.idempotentReplayed] == nil)
            let retry = try await client.send(.post, Self.path, Self.headers("k-1"), rows)
            #expect(retry.status == 200 && retry.text == first.text)
            #expect(retry.headers[.idempotentReplayed] == "true")
            return try client.folder.copy()
        }
        try await serving(folder: folder) { (client: Client) async throws in
            let retry = try await client.send(.post, Self.path, Self.headers("k-1"), rows)
            #expect(retry.text == "{\"span\":{\"start\":1,\"end\":3}}")
            #expect(retry.headers[.idempotentReplayed] == "true")
            let other = try await client.send(.post, Self.path, Self.headers("k-2"), rows)
            #expect(other.text == "{\"span\":{\"start\":3,\"end\":5}}")
            #expect(other.headers[.idempotentReplayed] == nil)
            // A day and a moment later the key is free.
            client.clock.advance(86_401)
            let late = try await client.send(.post, Self.path, Self.headers("k-1"), rows)
            #expect(late.text == "{\"span\":{\"start\":5,\"end\":7}}")
        }
    }

    @Test("another request under the key is refused with 422 by its name, and nothing of it is kept")
    func another() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            let rows = "[{\"time\":1}]"
            func send(_ path: String, _ type: String, _ body: String) async throws -> Answer {
                try await client.send(.post, path, Self.headers("k-1", type: type), Array(body.utf8))
            }
            #expect(try await send(Self.path, "application/json", rows).status == 200)
            for (path, type, body) in [
                (Self.path, "application/json", "[{\"time\":2}]"),
                (Self.path, "application/json", rows + " "),
                (Self.path, "application/x-ndjson", rows), (Self.path + "2", "application/json", rows),
                (Self.path + "?edge=true", "application/json", rows),
            ] {
                let answer = try await send(path, type, body)
                #expect(answer.status == 422, "\(path) \(type) \(body): \(answer.text)")
                #expect(try answer.json["message"].string().contains("\"k-1\""))
            }
            #expect(
                try await client.send(.get, LogRoutesTests.path).json["partitions"].object().members.count
                    == 1)
        }
    }

    @Test("a request that was refused leaves its key free")
    func refused() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            let bad = try await client.send(
                .post, Self.path, Self.headers("k"), Array("[{\"time\":1},5]".utf8))
            #expect(bad.status == 400)
            let good = try await client.send(
                .post, Self.path, Self.headers("k"), Array("[{\"time\":1}]".utf8))
            #expect(good.status == 200 && good.headers[.idempotentReplayed] == nil)
            // No records are no use of a key.
            for _ in 0..<2 {
                let none = try await client.send(.post, Self.path, Self.headers("n"), Array("[]".utf8))
                #expect(none.text == "{\"span\":{\"start\":1,\"end\":1}}")
            }
        }
    }

    @Test(
        "a key that is none is refused with 400 and says what one is",
        arguments: ["", "a b", "ä", "a\tb", String(repeating: "k", count: 256)])
    func notAKey(key: String) async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            let path = Self.path
            let answer = try await client.send(.post, path, Self.headers(key), Array("[{\"time\":1}]".utf8))
            #expect(answer.status == 400, "\(answer.text)")
            #expect(try answer.json["message"].string().contains("Idempotency-Key"))
            let longest = String(repeating: "~", count: 255)
            let fine = try await client.send(
                .post, path, Self.headers(longest), Array("[{\"time\":1}]".utf8))
            #expect(fine.status == 200)
        }
    }

    @Test(
        "a retried question is asked once, and answered with the stored records",
        .enabled(if: Library.isNamed, "\(Library.remedy)"))
    func inference() async throws {
        try await serving(runsModels: true) { (client: Client) async throws in
            try await client.ask("workspaces/create", "{\"workspace_name\":\"risk\"}")
            let path = try await client.deploy("card_fraud.onnx")
            let rows = Array(try InferenceRoutesTests.rows(3).utf8)
            let first = try await client.send(.post, path, Self.headers("q-1"), rows)
            try #require(first.status == 200, "\(first.text)")
            client.clock.advance(10)
            let cut = client.store.log.cut
            let retry = try await client.send(.post, path, Self.headers("q-1"), rows)
            #expect(retry.text == first.text, "the same time, the same elapsed, digit for digit")
            #expect(retry.headers[.idempotentReplayed] == "true")
            #expect(retry.headers[.contentType] == first.headers[.contentType])
            #expect(client.store.log.cut == cut)
            let other = Array(try InferenceRoutesTests.rows(2).utf8)
            #expect(try await client.send(.post, path, Self.headers("q-1"), other).status == 422)
            // An append under the same key to the same topic is another request.
            let topic = try #require(client.store.log.snapshot().index.topics.keys.first)
            let append = try await client.send(
                .post, "/v1/logs/topic/\(topic)/partition/engine", Self.headers("q-1"), rows)
            #expect(append.status == 422)
        }
    }
}
