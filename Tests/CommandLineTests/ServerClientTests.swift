// Invariants checked: an answer that comes in chunks is put together, and one whose chunks cannot be true is a
// failure that says so (ServerClient.swift).

import Foundation
import Glibc
import Synchronization
import Testing

@testable import assaylog

/// Answers requests with texts that were made up before, and hangs up after each.
private struct FakeServer {
    let address: String
    private let listener: Int32

    init() throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        self.listener = listener
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(listener, pointer, length) == 0 && listen(listener, 1) == 0
                    && getsockname(listener, pointer, &length) == 0
            }
        }
        guard isBound else { throw SandboxError(text: "no port: \(String(cString: strerror(errno)))") }
        address = "http://127.0.0.1:\(UInt16(bigEndian: name.sin_port))"
    }

    /// Runs `body` while each request is answered with what `answer` makes of its head and its body's length, each
    /// on a connection of its own; what it returns, once both are done.
    func answering<Result>(
        by answer: @escaping @Sendable (_ head: String, _ bodyByteCount: Int) -> String,
        _ body: () throws -> Result
    ) throws -> Result {
        let listener = listener
        let thread = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            defer { thread.signal() }
            while true {
                let client = accept(listener, nil, nil)
                guard client >= 0 else { return }
                defer { close(client) }
                // The whole request first: to hang up on unread bytes is to take the answer back.
                let request = FakeServer.request(from: client)
                let bytes = Array("HTTP/1.1 \(answer(request.head, request.bodyByteCount))".utf8)
                _ = send(client, bytes, bytes.count, Int32(MSG_NOSIGNAL))
            }
        }
        defer {
            // `accept` ends with its socket.
            shutdown(listener, Int32(SHUT_RDWR))
            thread.wait()
            close(listener)
        }
        return try body()
    }

    /// Runs `body` beside a server that says it stored `count` records of the first request with any, and that
    /// fails at the next.
    func failing<Result>(behind count: Int, _ body: () throws -> Result) throws -> Result {
        let isStored = Mutex(false)
        return try answering(
            by: { head, bodyByteCount in
                if head.contains("/workspaces/list ") { return "200 OK\r\n\r\n{\"workspaces\":[]}" }
                if head.contains("/get_topic_name ") { return "200 OK\r\n\r\n{\"topic_name\":\"t\"}" }
                guard bodyByteCount > 0 else { return "200 OK\r\n\r\n{}" }
                return isStored.withLock { isStored in
                    defer { isStored = true }
                    return isStored
                        ? "503 Service Unavailable\r\n\r\n{\"message\":\"the disk fails\"}"
                        : "200 OK\r\n\r\n{\"span\":{\"start\":0,\"end\":\(count)}}"
                }
            }, body)
    }

    /// Reads a request to its end.
    private static func request(from client: Int32) -> (head: String, bodyByteCount: Int) {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        var (head, bodyByteCount, end) = ("", 0, Int.max)
        while bytes.count < end {
            let count = recv(client, &piece, piece.count, 0)
            guard count > 0 else { break }
            bytes += piece[..<count]
            guard head.isEmpty, let gap = Data(bytes).range(of: Data("\r\n\r\n".utf8)) else { continue }
            head = String(decoding: bytes[..<gap.lowerBound], as: UTF8.self)
            bodyByteCount =
                head.split(separator: "\r\n").compactMap { Int($0.trimmingPrefix("Content-Length: ")) }
                .first ?? 0
            end = gap.upperBound + bodyByteCount
        }
        return (head, bodyByteCount)
    }
}

@Suite("Answers of a server, as the command line reads them")
struct ServerClientTests {
    private func list(_ chunks: String) throws -> CommandRun {
        let sandbox = try Sandbox()
        let server = try FakeServer()
        return try server.answering(by: { _, _ in "200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks }) {
            try sandbox.run("webhook", "list", "--json", "--server", server.address)
        }
    }

    @Test("an answer in chunks is put together")
    func chunks() throws {
        let run = try list("1\r\n[\r\n1;a=b\r\n]\r\n0\r\n\r\n")
        #expect(run.status == 0 && run.output == "[]\n", "\(run.errors)")
    }

    // It said to mend the file, with which nothing was wrong.
    @Test("an import that ended with a failure of the server's says to see to that, and to go on")
    func serverFails() throws {
        let sandbox = try Sandbox()
        try sandbox.write(Sample.lines(0..<12_000), to: "a.ndjson")
        let server = try FakeServer()
        let run = try server.failing(behind: 10_000) {
            try sandbox.run("append", "--pipeline", "fraud", "--server", server.address, "a.ndjson")
        }
        #expect(run.status == 1 && run.errors.contains("the disk fails"), "\(run.errors)")
        #expect(
            run.errors.contains(
                "10,000 records before it are in the log; see to the server and run again with --resume: they are "
                    + "not stored twice"), "\(run.errors)")
    }

    @Test("of a server that is not there it is said to start it")
    func notThere() throws {
        // What was bound and is not listened to any more is nobody's.
        let server = try FakeServer()
        try server.answering(by: { _, _ in "" }) {}
        let client = try ServerClient(server.address)
        let failure = #expect(throws: CommandFailure.self) { try client.get("/healthz") }
        #expect(failure?.serverRemedy == "start the server")
    }

    @Test(
        "chunks that cannot be true are a failure that says so",
        arguments: [
            "7fffffffffffffff\r\n[]\r\n0\r\n\r\n", "7ffffffffffffffe\r\n[]\r\n0\r\n\r\n",
            "ffffffffffffffff\r\n[]\r\n0\r\n\r\n", "-1\r\n[]\r\n0\r\n\r\n", "3\r\n[]\r\n0\r\n\r\n",
            "5\r\n[]\r\n", "2\r\n[]", "2\r\n", "2", "",
        ])
    func brokenChunks(chunks: String) throws {
        let run = try list(chunks)
        #expect(run.status == 1, "\(run.status) \(run.errors)")
        #expect(run.errors.contains("the server's answer is cut or is not HTTP"), "\(run.errors)")
    }
}
