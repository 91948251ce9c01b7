// Invariants checked: those at the head of ExpectContinue.swift, over real connections; and that a body which is no
// HTTP is its client's mistake.

import NIOCore
import StoreSupport
import Testing

@testable import HTTPAPI

@Suite("Bodies that are asked for", .timeLimit(.minutes(10))) struct ExpectContinueTests {
    private func live(_ body: @escaping @Sendable (Client, RawClient) async throws -> Void) async throws {
        try await servingAtPort { client, port in
            let raw = try RawClient(port: port)
            defer { raw.hangUp() }
            try await body(client, raw)
        }
    }

    private static func head(_ length: String, expect: String? = "100-continue") -> String {
        "POST \(LogRoutesTests.path)/partition/p HTTP/1.1\r\nhost: localhost\r\n"
            + "content-type: application/json\r\n\(length)\r\n"
            + (expect.map { "expect: \($0)\r\n" } ?? "") + "\r\n"
    }

    private static let goOn = "HTTP/1.1 100 Continue\r\n\r\n"

    private func next(_ raw: RawClient) async -> String {
        String(decoding: await onThread { raw.receive() }, as: UTF8.self)
    }

    @Test("a client that asks is told to go on, and then answered; again on the same connection")
    func asked() async throws {
        try await live { client, raw in
            for (round, expect) in ["100-continue", "100-Continue"].enumerated() {
                raw.send(Self.head("content-length: 4", expect: expect))
                #expect(await next(raw) == Self.goOn)
                raw.send("[{}]")
                let answer = await next(raw)
                #expect(
                    answer.hasPrefix("HTTP/1.1 200 OK\r\n")
                        && answer.hasSuffix("{\"span\":{\"start\":\(round),\"end\":\(round + 1)}}"))
            }
            raw.send(Self.head("transfer-encoding: chunked"))
            #expect(await next(raw) == Self.goOn)
            raw.send("4\r\n[{}]\r\n0\r\n\r\n")
            #expect(await next(raw).hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(client.store.log.snapshot().index.topics[Client.topic]?.rowCount == 3)
        }
    }

    @Test("one that does not ask is told nothing, and a body past every limit is refused by its length")
    func unasked() async throws {
        try await live { _, raw in
            raw.send(Self.head("content-length: 4", expect: nil) + "[{}]")
            #expect(await next(raw).hasPrefix("HTTP/1.1 200 OK\r\n"))
            raw.send(Self.head("content-length: 99999999999"))
            #expect(await next(raw).hasPrefix("HTTP/1.1 413 "))
        }
    }

    @Test("a request behind one that is still being answered is not told out of turn")
    func pipelined() async throws {
        try await live { _, raw in
            raw.send(
                Self.head("content-length: 4", expect: nil) + "[{}]" + Self.head("content-length: 4") + "[{}]"
            )
            var text = ""
            while text.components(separatedBy: "{\"span\"").count < 3 {
                let piece = await next(raw)
                try #require(!piece.isEmpty, "\(text)")
                text += piece
            }
            #expect(!text.contains("100 Continue"))
        }
    }

    @Test("a body of broken chunks is the client's mistake, and nothing of it is stored")
    func brokenChunks() async throws {
        try await live { client, raw in
            raw.send(Self.head("transfer-encoding: chunked", expect: nil) + "4\r\n[{}]\r\nzz\r\n")
            let answer = await next(raw)
            #expect(answer.hasPrefix("HTTP/1.1 400 ") && answer.contains("nothing was stored"))
            #expect(client.store.log.snapshot().index.topics[Client.topic] == nil)
        }
    }
}
