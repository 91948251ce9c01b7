// Invariants checked: the three at the head of BodyBudget.swift.

import HTTPTypes
import Hummingbird
import NIOCore
import StoreSupport
import Testing

@testable import HTTPAPI

@Suite("A bound on all bodies", .timeLimit(.minutes(10)))
struct BodyBudgetTests {
    @Test("a body just under an eighth gets its turn beside a flood of smaller ones, stated or not")
    func turnOfEachSize() throws {
        let budget = BodyBudget(byteCountMax: 640)
        let flood = (0..<64).map { _ in budget.share() }
        for share in flood { try share.grow(by: 10) }
        let (stated, grown) = (budget.share(), budget.share())
        #expect(throws: RequestRefusal.self, "a sixty-fourth is small") { try stated.grow(by: 10) }
        try stated.grow(by: 79)
        // Within the bound up to a sixty-fourth, then from place to place until one is another's.
        flood[0].end()
        try grown.grow(by: 10)
        for _ in 0..<3 { try grown.grow(by: 10) }
        #expect(budget.figures.byteCount == 63 * 10 + 79 + 40)
        // What it had within the bound is room again.
        let next = budget.share()
        try next.grow(by: 10)
        #expect(throws: RequestRefusal.self, "one of a size") { try grown.grow(by: 1) }
        stated.end()
        for _ in 0..<50 { try grown.grow(by: 10) }
        #expect(budget.figures.byteCount == 640 + 540)
        for share in flood.dropFirst() + [grown, next] { share.end() }
        #expect(budget.figures.byteCount == 0)
    }

    @Test("a body that trickles is refused once it had its grace, one that comes steadily is not")
    func rate() throws {
        let begin = ContinuousClock.now
        let trickle = BodyRate(grace: .seconds(30), bytesPerSecond: 100)
        try trickle.note(1, at: begin + .seconds(29))
        let refusal = #expect(throws: RequestRefusal.self) { try trickle.note(1, at: begin + .seconds(31)) }
        #expect(refusal?.status == .requestTimeout && refusal?.message.contains("2 bytes in") == true)
        let steady = BodyRate(grace: .seconds(30), bytesPerSecond: 100)
        for second in 1...200 { try steady.note(101, at: begin + .seconds(second)) }
    }

    @Test("what is held is at most the bound and one large body, and comes back")
    func accounting() throws {
        let budget = BodyBudget(byteCountMax: 100)
        let (a, b, c, d) = (budget.share(), budget.share(), budget.share(), budget.share())
        for _ in 0..<8 { try a.grow(by: 12) }
        try b.grow(by: 4)
        #expect(throws: RequestRefusal.self, "a sixty-fourth is not large") { try d.grow(by: 1) }
        // A large one comes in beside what fills the bound; as a whole, or grown that far.
        try c.grow(by: 90)
        try c.grow(by: 90)
        #expect(throws: RequestRefusal.self, "one at a time") { try d.grow(by: 90) }
        #expect(budget.figures == (280, 2))
        c.end()
        #expect(budget.figures.byteCount == 100)
        try a.grow(by: 1)
        #expect(budget.figures.byteCount == 101)
        // Its bytes are nobody's room any more.
        try b.grow(by: 96)
        #expect(throws: RequestRefusal.self) { try b.grow(by: 1) }
        #expect(throws: RequestRefusal.self) { try d.grow(by: 13) }
        a.end()
        try d.grow(by: 90)
        b.end()
        #expect(budget.figures == (90, 4))
        d.end()
        #expect(budget.figures.byteCount == 0)
    }

    @Test("many large posts at once: some are stored, the others refused with 429 and unread, memory is flat")
    func manyAtOnce() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            // However busy the machine is, nobody is too slow here.
            let budget = BodyBudget(byteCountMax: 1 << 20, grace: .seconds(86_400))
            let router = APIServer.router(client.store, publicURL: nil, budget: budget, logger: noLog)
            let responder = router.buildResponder()
            let row = "{\"time\":1,\"x\":\"\(String(repeating: "x", count: 1000))\"}"
            let body = Array(("[" + Array(repeating: row, count: 300).joined(separator: ",") + "]").utf8)
            let statuses = try await withThrowingTaskGroup(of: (Int, Bool).self) { group in
                for number in 0..<40 {
                    group.addTask {
                        // Half of them say how long they are.
                        let isStated = number % 2 == 0
                        let pieces = Pieces(body: body)
                        var headers: HTTPFields = [.contentType: "application/json"]
                        if isStated { headers[.contentLength] = "\(body.count)" }
                        let request = Request(
                            head: HTTPRequest(
                                method: .post, scheme: "http", authority: "localhost",
                                path: LogRoutesTests.path + "/partition/p\(number % 5)", headerFields: headers
                            ),
                            body: RequestBody(asyncSequence: pieces))
                        let response = try await responder.respond(to: request, context: Client.context)
                        #expect(budget.figures.byteCount <= 1 << 20 + 1 << 18 + body.count)
                        if response.status == .tooManyRequests {
                            #expect(response.headers[.retryAfter] == "1")
                        }
                        return (response.status.code, isStated)
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(Set(statuses.map(\.0)) == [200, 429])
            let stored = statuses.count { $0.0 == 200 }
            #expect(client.store.log.snapshot().index.topics[Client.topic]?.rowCount == stored * 300)
            #expect(budget.figures == (0, 40 - stored))
            #expect(budget.figures.refusalCount > 0)
            // By whose they are.
            let counted = client.store.log.metrics.refusals
            #expect(counted.values.reduce(0, +) == UInt64(40 - stored))
            #expect(
                counted.keys.allSatisfy {
                    $0.reason == .bodies && $0.source.topic == Client.topic
                        && $0.source.partition.hasPrefix("p")
                })
        }
    }

    @Test("an upload, which goes to the disk, takes nothing of it")
    func uploads() async throws {
        try await serving { (client: Client) async throws in
            let budget = BodyBudget(byteCountMax: 10)
            // All that there is, and what one large body may have beyond it.
            let (share, large) = (budget.share(), budget.share())
            try share.grow(by: 1)
            for _ in 0..<9 { try share.grow(by: 1) }
            try large.grow(by: 10)
            let responder = APIServer.router(
                client.store, publicURL: nil, budget: budget, logger: noLog
            ).buildResponder()
            for (path, isRefused) in [
                ("/v1/api/models/upload", false), ("/v1/api/models/upload_and_convert", false),
                // Saying so makes nothing an upload.
                ("/v1/api/assays/list", true), (LogRoutesTests.path + "/partition/a", true),
            ] {
                let request = Request(
                    head: HTTPRequest(
                        method: .post, scheme: "http", authority: "localhost", path: path,
                        headerFields: [
                            .contentType: "multipart/form-data; boundary=b", .contentLength: "200000",
                        ]),
                    body: RequestBody(buffer: ByteBuffer(string: "01234567890123456789")))
                let response = try await responder.respond(to: request, context: Client.context)
                #expect((response.status == .tooManyRequests) == isRefused, "\(path): \(response.status)")
            }
        }
    }
}

/// A body that comes piece by piece, with a pause between them.
private struct Pieces: AsyncSequence, Sendable {
    typealias Element = ByteBuffer

    let body: [UInt8]

    struct Iterator: AsyncIteratorProtocol {
        let body: [UInt8]
        var offset = 0

        mutating func next() async throws -> ByteBuffer? {
            await Task.yield()
            guard offset < body.count else { return nil }
            defer { offset = Swift.min(offset + 16_384, body.count) }
            return ByteBuffer(bytes: body[offset..<Swift.min(offset + 16_384, body.count)])
        }
    }

    func makeAsyncIterator() -> Iterator { Iterator(body: body) }
}
