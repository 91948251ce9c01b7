// Invariants checked: the two at the head of OldClients.swift, over real connections. Nobody here says that nothing more
// comes: a server that leaves a connection open is read from for ever, and the time limit says so.

import NIOCore
import StoreSupport
import Testing

@testable import HTTPAPI

@Suite("Clients of HTTP/1.0", .timeLimit(.minutes(2))) struct OldClientsTests {
    /// What comes of `request` until the server closes the connection: head and body.
    private func answer(_ port: Int, _ request: String) async throws -> (head: String, body: String) {
        let raw = try RawClient(port: port)
        defer { raw.hangUp() }
        raw.send(request)
        let text = String(decoding: await onThread { raw.receiveAll() }, as: UTF8.self)
        let end = try #require(text.range(of: "\r\n\r\n"), "\(text)")
        return (text[..<end.lowerBound].lowercased(), String(text[end.upperBound...]))
    }

    private static func post(_ version: String, _ fields: String = "") -> String {
        "POST \(LogRoutesTests.path)/partition/p HTTP/\(version)\r\nhost: localhost\r\n"
            + "content-type: application/json\r\ncontent-length: 4\r\n\(fields)\r\n[{}]"
    }

    @Test(
        "the connection ends behind the answer, whatever the client says of it",
        arguments: ["", "connection: keep-alive\r\n", "expect: 100-continue\r\n"])
    func ends(fields: String) async throws {
        try await servingAtPort { client, port in
            let (head, body) = try await answer(port, Self.post("1.0", fields))
            #expect(head.hasPrefix("http/1.0 200 ok") && head.contains("connection: close"), "\(head)")
            #expect(body == #"{"span":{"start":0,"end":1}}"#)
            let refusal = try await answer(port, "GET /nowhere HTTP/1.0\r\n\r\n")
            #expect(refusal.head.hasPrefix("http/1.0 404 ") && refusal.body.contains("{"), "\(refusal)")
            #expect(client.store.log.snapshot().index.topics[Client.topic]?.rowCount == 1)
        }
    }

    @Test("an answer whose length nobody knows beforehand comes without chunks, and in them to others")
    func lines() async throws {
        try await servingAtPort { _, port in
            _ = try await answer(port, Self.post("1.0"))
            func read(_ version: String, _ fields: String) -> String {
                "POST \(LogRoutesTests.path)/records HTTP/\(version)\r\nhost: localhost\r\n"
                    + "content-type: application/json\r\ncontent-length: 2\r\n"
                    + "accept: application/x-ndjson\r\n\(fields)\r\n{}"
            }
            let (head, body) = try await answer(port, read("1.0", ""))
            #expect(head.hasPrefix("http/1.0 200 ok") && !head.contains("transfer-encoding"), "\(head)")
            #expect(body.hasPrefix("{") && body.hasSuffix("}\n"), "\(body)")
            let new = try await answer(port, read("1.1", "connection: close\r\n"))
            #expect(new.head.hasPrefix("http/1.1 200 ok") && new.head.contains("chunked"), "\(new.head)")
            #expect(new.body.contains(body))
        }
    }

    @Test("a client of HTTP/1.1 is answered again on its connection")
    func others() async throws {
        try await servingAtPort { _, port in
            let raw = try RawClient(port: port)
            defer { raw.hangUp() }
            for index in 0..<2 {
                raw.send(Self.post("1.1"))
                let text = String(decoding: await onThread { raw.receive() }, as: UTF8.self)
                #expect(text.hasPrefix("HTTP/1.1 200 OK\r\n") && !text.lowercased().contains("connection:"))
                #expect(text.hasSuffix("{\"span\":{\"start\":\(index),\"end\":\(index + 1)}}"), "\(text)")
            }
        }
    }
}
