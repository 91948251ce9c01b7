// Checked: a server that is told to stop answers whoever takes an answer, and waits for nobody else for long; nor
// does one that runs wait for ever for a client that takes nothing.

import HTTPTypes
import Hummingbird
import NIOCore
import NIOEmbedded
import NIOHTTPTypes
import StoreSupport
import Testing

@testable import HTTPAPI

@Suite("A server that is told to stop")
struct StoppingTests {
    /// A server with an answer that never ends, and one for a request that is whole.
    private static func application(
        _ events: AsyncStream<String>.Continuation, idleTimeout: TimeAmount = .seconds(3600),
        whenListening: @escaping @Sendable (Int) -> Void
    ) -> some ApplicationProtocol {
        let router = Router(context: APIContext.self)
        router.on("/endless", method: .get) { _, _ in
            Response(
                status: .ok,
                body: ResponseBody { writer in
                    events.yield("writes")
                    let piece = ByteBuffer(repeating: 0x20, count: 1 << 20)
                    defer { events.yield("ended") }
                    while true { try await writer.write(piece) }
                })
        }
        router.on("/whole", method: .post) { request, _ -> Response in
            events.yield("waits")
            let body = try await request.bytes(upTo: 100)
            return Response(bytes: Array(body.readableBytesView), contentType: "text/plain")
        }
        return APIServer.application(
            router, ServerConfiguration(port: 0), idleTimeout: idleTimeout, logger: noLog,
            whenListening: whenListening)
    }

    @Test(
        "one that does not read its answer, or finish its request, keeps it no longer than it is given",
        .timeLimit(.minutes(5)),
        arguments: [
            "GET /endless HTTP/1.1\r\nhost: x\r\n\r\n",
            "POST /whole HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n1",
        ])
    func stalled(request: String) async throws {
        let (ports, port) = AsyncStream.makeStream(of: Int.self)
        let (events, event) = AsyncStream.makeStream(of: String.self)
        let group = APIServer.group(
            Self.application(event) { port.yield($0) }, within: .milliseconds(200), logger: noLog)
        let run = Task { try await group.run() }
        var iterator = ports.makeAsyncIterator()
        let client = try RawClient(port: try #require(await iterator.next()))
        client.send(request)
        var seen = events.makeAsyncIterator()
        _ = await seen.next()
        await group.triggerGracefulShutdown()
        // Without an end to its patience it would not return.
        try await run.value
        client.hangUp()
    }

    @Test("a request that comes whole in that time is answered", .timeLimit(.minutes(5)))
    func answered() async throws {
        let (ports, port) = AsyncStream.makeStream(of: Int.self)
        let (events, event) = AsyncStream.makeStream(of: String.self)
        let group = APIServer.group(
            Self.application(event) { port.yield($0) }, within: .seconds(120), logger: noLog)
        let run = Task { try await group.run() }
        var iterator = ports.makeAsyncIterator()
        let client = try RawClient(port: try #require(await iterator.next()))
        client.send("POST /whole HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\n12")
        var seen = events.makeAsyncIterator()
        _ = await seen.next()
        await group.triggerGracefulShutdown()
        client.send("34")
        let answer = String(decoding: await onThread { client.receiveAll() }, as: UTF8.self)
        #expect(answer.hasPrefix("HTTP/1.1 200") && answer.hasSuffix("1234"), "\(answer)")
        try await run.value
        client.hangUp()
    }

    @Test("whoever takes nothing of an answer is cut off, and the answer ends", .timeLimit(.minutes(5)))
    func readsNothing() async throws {
        let (ports, port) = AsyncStream.makeStream(of: Int.self)
        let (events, event) = AsyncStream.makeStream(of: String.self)
        let group = APIServer.group(
            Self.application(event, idleTimeout: .milliseconds(200)) { port.yield($0) }, logger: noLog)
        let run = Task { try await group.run() }
        var iterator = ports.makeAsyncIterator()
        let client = try RawClient(port: try #require(await iterator.next()))
        client.send("GET /endless HTTP/1.1\r\nhost: x\r\n\r\n")
        var seen = events.makeAsyncIterator()
        #expect(await seen.next() == "writes")
        #expect(await seen.next() == "ended")
        // What the system held counted as taken; of megabytes, a slow reader takes a third in more than a minute.
        let heldByteCount = await onThread { client.receiveAll().count }
        #expect(heldByteCount < 1 << 20)
        client.hangUp()
        await group.triggerGracefulShutdown()
        try await run.value
    }

    // An answer of ten megabytes at a hundred kilobytes a second takes longer than anybody may be silent.
    @Test("whoever takes what is sent is not cut off however long it takes, and is once it stops")
    func readsSlowly() throws {
        let (loop, channel) = try Self.connection()
        try channel.writeInbound(
            HTTPRequestPart.head(HTTPRequest(method: .get, scheme: nil, authority: nil, path: "/")))
        try channel.writeInbound(HTTPRequestPart.end(nil))
        func hand(_ byteCount: Int) {
            channel.write(HTTPResponsePart.body(ByteBuffer(repeating: 0, count: byteCount)), promise: nil)
        }
        // All of it is handed over at once; what is flushed is taken.
        for _ in 0..<5 {
            hand(1 << 20)
            loop.advanceTime(by: .seconds(59))
            channel.flush()
            hand(1 << 20)
            loop.advanceTime(by: .seconds(1))
            #expect(channel.isActive)
        }
        channel.write(HTTPResponsePart.end(nil), promise: nil)
        loop.advanceTime(by: .seconds(59))
        #expect(channel.isActive)
        loop.advanceTime(by: .seconds(1))
        #expect(!channel.isActive, "nothing of the last was taken")
    }

    @Test("a client that asks nothing, or not to the end, is silent; one that waits for its answer is not")
    func asksNothing() throws {
        let (loop, channel) = try Self.connection()
        let head = HTTPRequestPart.head(HTTPRequest(method: .get, scheme: nil, authority: nil, path: "/"))
        try channel.writeInbound(head)
        try channel.writeInbound(HTTPRequestPart.end(nil))
        loop.advanceTime(by: .seconds(600))
        #expect(channel.isActive, "it waits for its answer")
        try channel.writeOutbound(HTTPResponsePart.end(nil))
        try channel.writeInbound(head)
        loop.advanceTime(by: .seconds(60))
        #expect(channel.isActive)
        loop.advanceTime(by: .seconds(60))
        #expect(!channel.isActive, "it did not end its request")
        let (otherLoop, other) = try Self.connection()
        otherLoop.advanceTime(by: .seconds(60))
        #expect(!other.isActive)
    }

    /// A connection whose client may be silent for a minute.
    private static func connection() throws -> (EmbeddedEventLoop, EmbeddedChannel) {
        let loop = EmbeddedEventLoop()
        let channel = EmbeddedChannel(loop: loop)
        try channel.pipeline.syncOperations.addHandler(PartsAsBytes())
        try channel.pipeline.syncOperations.addHandler(SilentClientHandler(timeout: .seconds(60)))
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        return (loop, channel)
    }

    /// What HTTP does of an answer, as far as its bytes are counted.
    private final class PartsAsBytes: ChannelOutboundHandler {
        typealias OutboundIn = HTTPResponsePart
        typealias OutboundOut = ByteBuffer

        func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
            guard case .body(let bytes) = unwrapOutboundIn(data) else {
                promise?.succeed()
                return
            }
            context.write(wrapOutboundOut(bytes), promise: promise)
        }
    }

    @Test("so many answers of lines are under way and no more, until one ends")
    func places() throws {
        let readers = LineReaders(countMax: 2)
        var places = [try readers.enter(), try readers.enter()]
        let refusal = #expect(throws: RequestRefusal.self) { try readers.enter() }
        #expect(refusal?.status == .tooManyRequests && refusal?.headers[.retryAfter] == "1")
        places.removeLast()
        places.append(try readers.enter())
        #expect(throws: RequestRefusal.self) { try readers.enter() }
        withExtendedLifetime(places) {}
    }
}
