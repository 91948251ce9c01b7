// Invariants checked: those at the head of ClientWatch.swift, over real connections; and that a question of each
// kind ends with its client, and no command does.

import Foundation
import Glibc
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import NIOEmbedded
import Store
import StoreSupport
import Synchronization
import TestSupport
import Testing

@testable import HTTPAPI

@Suite("A client that goes away", .serialized) struct ClientWatchTests {
    @Test("work for an answer ends when nobody waits for it any more", .timeLimit(.minutes(10)))
    func ends() async throws {
        let (events, source) = AsyncStream.makeStream(of: String.self)
        let router = Router(context: APIContext.self)
        router.on("/wait", method: .post) { _, context -> Response in
            do {
                return try await context.whileClientWaits {
                    source.yield("began")
                    // Ends by cancellation alone.
                    while true { try await Task.sleep(for: .seconds(3600)) }
                }
            } catch {
                source.yield("ended: \(error is CancellationError)")
                throw error
            }
        }
        let application = Application(
            router: router,
            server: .http1(configuration: .init(additionalChannelHandlers: [ClientWatchHandler()])),
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)), logger: noLog)
        try await application.test(.live) { client in
            let port = try #require(client.port)
            var iterator = events.makeAsyncIterator()
            for _ in 0..<3 {
                let raw = try RawClient(port: port)
                raw.send("POST /wait HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n{}")
                #expect(await iterator.next() == "began")
                raw.hangUp()
                #expect(await iterator.next() == "ended: true")
            }
        }
    }

    @Test("a client that stays is answered, and again over the same connection", .timeLimit(.minutes(10)))
    func stays() async throws {
        let router = Router(context: APIContext.self)
        router.on("/ask", method: .post) { request, context -> Response in
            let body = try await request.bytes(upTo: 100)
            return try await context.whileClientWaits {
                try await Task.sleep(for: .milliseconds(1))
                return Response(bytes: Array(body.readableBytesView), contentType: "text/plain")
            }
        }
        let application = Application(
            router: router,
            server: .http1(configuration: .init(additionalChannelHandlers: [ClientWatchHandler()])),
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)), logger: noLog)
        try await application.test(.live) { live in
            let raw = try RawClient(port: try #require(live.port))
            for number in 0..<5 {
                raw.send("POST /ask HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\n\r\n\(number)")
                let end = "\r\n\r\n\(number)"
                let answer = await onThread { raw.receive(until: end) }
                #expect(answer.hasPrefix("HTTP/1.1 200") && answer.hasSuffix(end), "\(answer)")
            }
            raw.hangUp()
        }
    }

    @Test(
        "a connection on which nothing comes is closed, and gives back what its half body held; one that is being answered is not",
        .timeLimit(.minutes(10)))
    func idle() async throws {
        let budget = BodyBudget()
        let router = Router(context: APIContext.self)
        router.add(middleware: BodyBudgetMiddleware(budget: budget))
        router.on("/ask", method: .post) { request, _ -> Response in
            let body = try await request.bytes(upTo: 100)
            // Longer than a connection may be idle.
            try await Task.sleep(for: .milliseconds(900))
            return Response(bytes: Array(body.readableBytesView), contentType: "text/plain")
        }
        let application = APIServer.application(
            router, ServerConfiguration(port: 0), idleTimeout: .milliseconds(250), logger: noLog)
        try await application.test(.live) { client in
            let port = try #require(client.port)
            let (silent, half, whole) = (
                try RawClient(port: port), try RawClient(port: port), try RawClient(port: port)
            )
            let head = "POST /ask HTTP/1.1\r\nhost: localhost\r\ncontent-length: 4\r\n\r\n"
            half.send(head + "ab")
            whole.send(head + "abcd")
            try await waitUntil { budget.figures.byteCount >= 8 }
            // Each blocks a thread of the tests' own until the server acts.
            async let silentEnd = onThread { silent.receiveAll() }
            async let halfEnd = onThread { half.receiveAll() }
            async let answer = onThread { whole.receiveAll() }
            #expect(await silentEnd.isEmpty)
            #expect(String(decoding: await answer, as: UTF8.self).hasSuffix("\r\n\r\nabcd"))
            #expect(!String(decoding: await halfEnd, as: UTF8.self).contains("200 OK"))
            try await waitUntil { budget.figures.byteCount == 0 }
            for raw in [silent, half, whole] { raw.hangUp() }
        }
    }

    @Test("a scan whose answer is being read ends when its reader leaves", .timeLimit(.minutes(10)))
    func scan() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            let text = String(repeating: "x", count: 1000)
            for part in 0..<20 {
                try await client.append(
                    "["
                        + (0..<1000).map { "{\"time\":\(part * 1000 + $0),\"t\":\"\(text)\"}" }.joined(
                            separator: ",") + "]")
            }
            let (events, source) = AsyncStream.makeStream(of: String.self)
            let routes = APIServer.routes(client.store, publicURL: nil)
            let router = Router(context: APIContext.self)
            router.add(middleware: BodyNotes { source.yield($0) })
            for route in routes {
                router.on(RouterPath(route.path), method: route.method, use: route.handler)
            }
            let application = APIServer.application(
                router, ServerConfiguration(port: 0), idleTimeout: .seconds(600), logger: noLog)
            try await application.test(.live) { live in
                let raw = try RawClient(port: try #require(live.port))
                raw.send(
                    "POST \(LogRoutesTests.path)/records HTTP/1.1\r\nhost: localhost\r\naccept: application/x-ndjson\r\n"
                        + "content-length: 2\r\n\r\n{}")
                #expect(await onThread { raw.receive() }.starts(with: Array("HTTP/1.1 200".utf8)))
                raw.hangUp()
                var iterator = events.makeAsyncIterator()
                // 20 MB are more than the buffers of both sides hold: it did not come to its end.
                #expect(await iterator.next() == "given up")
            }
        }
    }

    @Test(
        "an assay whose creator leaves while its baseline is looked at is not created",
        .timeLimit(.minutes(10)), arguments: LookScene.creations)
    func creation(path: String) async throws {
        let scene = try await LookScene(path)
        try await scene.application.test(.live) { live in
            let raw = try RawClient(port: try #require(live.port))
            raw.send(scene.request(isLookedAt: true))
            var iterator = scene.events.makeAsyncIterator()
            #expect(await iterator.next() == "looks")
            raw.hangUp()
            #expect(await iterator.next() == "cancelled")
            #expect(await iterator.next() == "ended")
            #expect(scene.store.book.list().isEmpty && scene.store.book.seriesList().isEmpty)
        }
        try await scene.store.close()
    }

    // As `nc -N` does: nothing more comes of it, and it waits for the answer.
    @Test(
        "a creator that closes its own side alone gets its assay, and what names it",
        .timeLimit(.minutes(10)), arguments: LookScene.creations)
    func halfClosed(path: String) async throws {
        let scene = try await LookScene(path)
        try await scene.application.test(.live) { live in
            let raw = try RawClient(port: try #require(live.port))
            raw.send(scene.request(isLookedAt: false))
            var iterator = scene.events.makeAsyncIterator()
            #expect(await iterator.next() == "looks")
            raw.endSending()
            // Long enough for the server to see it, mostly; where it is too short, this passes as well.
            try await Task.sleep(for: .seconds(1))
            scene.looks.end()
            let answer = String(decoding: await onThread { raw.receiveAll() }, as: UTF8.self)
            #expect(answer.hasPrefix("HTTP/1.1 200"), "\(answer)")
            if path.hasPrefix("/v1") {
                #expect(answer.contains("\"assay_id\":1"), "\(answer)")
                #expect(scene.store.book.list().map(\.id.number) == [1])
            } else {
                let uuid = try #require(scene.store.book.seriesList().first).uuid
                #expect(answer.contains(uuid), "\(answer)")
            }
            raw.hangUp()
        }
        try await scene.store.close()
    }

    @Test("a call asked for after the client went is made at once, one that was forgotten never")
    func calls() {
        let watch = ClientWatch()
        let handler = CallNotes()
        let forgotten = watch.whenGone { handler.note("forgotten") }
        _ = watch.whenGone { handler.note("called") }
        watch.forget(forgotten)
        watch.go()
        watch.go()
        _ = watch.whenGone { handler.note("late") }
        #expect(handler.notes == ["called", "late"] && watch.isGone)
    }

    @Test("a connection that ended is forgotten, and its client has gone")
    func forgotten() throws {
        let channel = EmbeddedChannel()
        try channel.pipeline.syncOperations.addHandler(ClientWatchHandler())
        let watch = try #require(ClientWatch.of(channel))
        #expect(!watch.isGone)
        _ = try channel.finish()
        #expect(ClientWatch.of(channel) == nil && watch.isGone)
    }

    @Test("whatever scans the log ends with its client, and no command does")
    func routes() async throws {
        try await serving { (client: Client) async throws in
            let ending = Set(
                APIServer.routes(client.store, publicURL: nil, budget: BodyBudget()).filter(\.endsWithClient)
                    .map(\.path))
            for path in [
                "/v1/logs/topic/:topic/records", "/topic/:topic/window", "/v1/api/pipelines/get_logs",
                "/v1/api/assays/get_baseline", "/v1/api/assays/summarize",
            ] { #expect(ending.contains(path), "\(path)") }
            for path in ["/v1/logs/topic/:topic/partition/:partition", "/v1/api/assays/create"] {
                #expect(!ending.contains(path), "\(path)")
            }
        }
    }

    @Test(
        "a question ends when its client leaves, on whatever threads it is worked out",
        .timeLimit(.minutes(10)), arguments: LookScene.questions)
    func questions(path: String) async throws {
        let scene = try await LookScene(path)
        #expect(try await scene.whenClientLeaves() == ["looks", "cancelled", "ended"])
        try await scene.store.close()
    }

    @Test("records whose sender leaves are stored", .timeLimit(.minutes(10)))
    func command() async throws {
        let scene = try await LookScene(LookScene.append)
        #expect(try await scene.whenClientLeaves() == ["looks", "looked", "ended"])
        #expect(scene.store.log.snapshot().index.topics[Client.topic]?.rowCount == 5)
        try await scene.store.close()
    }
}

/// A server with one route, over four records. Its first look asks a clock, and takes until it is cancelled or need not
/// go on; that of an append need not when its client has gone.
private struct LookScene {
    static let creations = ["/v1/api/assays/create", "/v2/api/assays/schedule"]
    static let questions = [
        "/v1/logs/topic/:topic/window", "/v1/api/assays/run_interactive_baseline",
        "/v1/api/assays/run_interactive",
    ]
    static let append = "/v1/logs/topic/:topic/partition/:partition"

    let path: String
    let events: AsyncStream<String>
    let store: InferenceStore
    let application: any ApplicationProtocol
    let looks: LookSwitch
    private let folder: TemporaryFolder

    init(_ path: String) async throws {
        let (events, source) = AsyncStream.makeStream(of: String.self)
        let (folder, clock) = (try TemporaryFolder(), ManualClock())
        let looks = LookSwitch()
        let look: @Sendable () -> Void = {
            guard looks.takeOne() else { return }
            source.yield("looks")
            // Here, as the thread that looks may be the only one that tasks have.
            looks.take()
            while !Task.isCancelled && !looks.isOver { usleep(1000) }
            source.yield(Task.isCancelled ? "cancelled" : "looked")
        }
        var sources = clock.sources
        sources.now = {
            look()
            return clock.now
        }
        sources.monotonicNanoseconds = { [count = sources.monotonicNanoseconds] in
            look()
            return count()
        }
        let store = try InferenceStore.open(folder.configuration(), sources: sources).store
        try await serving(clock: clock, folder: folder, store: store) { client in
            try await client.createPipeline()
            try await client.append([(0, 1), (10, 4), (20, 2), (30, 9)])
            client.clock.advance(100)
        }
        looks.arm()
        let router = Router(context: APIContext.self)
        for route in APIServer.routes(store, publicURL: nil) where route.path == path {
            router.on(RouterPath(path), method: .post) { request, context in
                if path == LookScene.append { _ = context.client?.whenGone { looks.end() } }
                defer { source.yield("ended") }
                return try await route.handler(request, context)
            }
        }
        self.path = path
        self.looks = looks
        self.events = events
        self.store = store
        self.folder = folder
        application = APIServer.application(
            router, ServerConfiguration(port: 0), idleTimeout: .seconds(600), logger: noLog)
    }

    /// What happens, up to the end, where the client goes while the first look is taken.
    func whenClientLeaves() async throws -> [String] {
        try await application.test(.live) { live in
            let raw = try RawClient(port: try #require(live.port))
            looks.whenTaken { raw.hangUp() }
            raw.send(request(isLookedAt: true))
            var found: [String] = []
            for await event in events {
                found.append(event)
                if event == "ended" { break }
            }
            return found
        }
    }

    /// - Parameter isLookedAt: whether an assay that is created has a baseline over records.
    func request(isLookedAt: Bool) -> String {
        let period = "{\"Static\":[\"2024-01-09T19:00:00Z\",\"2024-01-09T19:01:00Z\"]}"
        let body =
            switch path {
            case LookScene.questions[0]: "{\"path\":\"output y\"}"
            // Where a run is said to end it asks no clock before it reads.
            case LookScene.questions[2]:
                AssayRequests.request(
                    baseline: AssayRequests.fixed, more: ",\"run_until\":\"2024-01-09T19:01:00Z\"")
            case LookScene.append: "[{\"time\":1704826840000,\"out.y\":5}]"
            case LookScene.creations[1]:
                isLookedAt
                    ? SeriesRoutesTests.body("\"name\":\"watch\",", baseline: period)
                    : SeriesRoutesTests.body("\"name\":\"watch\",")
            default:
                isLookedAt ? AssayRequests.request(baseline: AssayRequests.fixed) : AssayRequests.request()
            }
        let target = path.replacing(":topic", with: Client.topic).replacing(":partition", with: "engine")
        // An append with a key asks what time it is before it stores anything.
        return "POST \(target) HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nidempotency-key: one\r\n"
            + "content-type: application/json\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)"
    }
}

/// Says yes once after it was armed.
private final class LookSwitch: Sendable {
    private let isArmed = Atomic(false)
    func arm() { isArmed.store(true, ordering: .relaxed) }
    func takeOne() -> Bool { isArmed.exchange(false, ordering: .relaxed) }

    private let hasEnded = Atomic(false)
    /// Whether the look that was taken need not wait to be cancelled.
    var isOver: Bool { hasEnded.load(ordering: .relaxed) }
    func end() { hasEnded.store(true, ordering: .relaxed) }

    private let action = Mutex<@Sendable () -> Void>({})
    func whenTaken(_ action: @escaping @Sendable () -> Void) { self.action.withLock { $0 = action } }
    func take() { action.withLock { $0 }() }
}

private final class CallNotes: Sendable {
    private let list = Mutex<[String]>([])
    var notes: [String] { list.withLock { $0 } }
    func note(_ text: String) { list.withLock { $0.append(text) } }
}

/// Notes how the writing of each answer's body ends.
private struct BodyNotes: RouterMiddleware {
    typealias Context = APIContext
    let note: @Sendable (String) -> Void

    func handle(
        _ request: Request, context: APIContext, next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        var response = try await next(request, context)
        let body = response.body
        response.body = ResponseBody { output in
            do {
                try await body.write(output)
                note("written")
            } catch {
                note("given up")
                throw error
            }
        }
        return response
    }
}
