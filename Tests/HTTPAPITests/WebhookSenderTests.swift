// Invariants checked: those at the heads of WebhookSender.swift and HTTPWebhookPoster.swift, over loopback against a
// receiver that answers what the test wants, late or never; turns with many messages or destinations against one in
// memory.

import Alerts
import Assays
import Bytes
import HTTPTypes
import Hummingbird
import JSON
import Logging
import NIOCore
import Records
import Store
import StoreSupport
import Synchronization
import Testing

@testable import HTTPAPI

/// A server that takes messages and answers by a script; the last line of it again and again.
final class Receiver: Sendable {
    struct Taken: Sendable, Hashable {
        var id: String
        var timestamp: String
        var signature: String
        var body: [UInt8]
    }

    enum Reply: Sendable {
        case status(Int)
        /// Answers long after anybody waits.
        case never
    }

    private let state: Mutex<(script: [Reply], taken: [Taken])>

    init(_ script: [Reply]) { state = Mutex((script, [])) }

    var taken: [Taken] { state.withLock { $0.taken } }

    /// Lets `body` post to its port.
    static func run(
        _ script: [Reply], _ body: @Sendable @escaping (Receiver, Int) async throws -> Void
    ) async throws {
        let receiver = Receiver(script)
        let router = Router()
        router.post("/**") { request, _ -> Response in
            let bytes = Array(try await request.body.collect(upTo: 1 << 20).readableBytesView)
            func header(_ name: String) -> String { request.headers[HTTPField.Name(name)!] ?? "" }
            let reply = receiver.state.withLock { state in
                state.taken.append(
                    Taken(
                        id: header("webhook-id"), timestamp: header("webhook-timestamp"),
                        signature: header("webhook-signature"), body: bytes))
                return state.script.count > 1 ? state.script.removeFirst() : state.script[0]
            }
            switch reply {
            case .status(let code):
                // Where a redirect would lead, were it followed.
                return Response(
                    status: HTTPResponse.Status(code: code),
                    headers: (300...399).contains(code) ? [.location: "/elsewhere"] : [:])
            case .never:
                try await Task.sleep(for: .seconds(600))
                return Response(status: .ok)
            }
        }
        let (ports, source) = AsyncStream.makeStream(of: Int.self)
        let application = Application(
            router: router, configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { source.yield($0.localAddress?.port ?? 0) }, logger: noLog)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await application.runService(gracefulShutdownSignals: []) }
            for await port in ports {
                try await body(receiver, port)
                break
            }
            group.cancelAll()
            while let _ = try? await group.next() {}
        }
    }
}

@Suite("Telling destinations", .timeLimit(.minutes(10)))
struct WebhookSenderTests {
    static let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

    /// A store whose assay became an alert, and a webhook that is to be told.
    private func alarmed(
        _ port: Int, folder: TemporaryFolder, clock: ManualClock, host: String = "127.0.0.1"
    ) async throws -> Place {
        let place = try open(port, folder, clock)
        let store = place.store
        try await serving(clock: clock, folder: folder, store: store) { client in
            try await client.createPipeline()
            try await client.ask(
                "webhooks/create", "{\"url\":\"http://\(host):\(port)/hook\",\"secret\":\"\(Self.secret)\"}")
            try await client.append([(0, 1), (1, 2), (2, 3), (3, 4), (70, 99), (71, 99)])
            try await client.ask("assays/create", AssayRequests.request())
            client.clock.advance(66)
            await AssayRequests.tick(client)
            #expect(store.alerts.recent(limit: 9) == [])
            client.clock.advance(60)
            await AssayRequests.tick(client)
        }
        return place
    }

    /// A store with the folder that it is in, which vanishes when nobody holds it.
    private struct Place {
        let folder: TemporaryFolder
        let store: InferenceStore
    }

    private func open(_ port: Int, _ folder: TemporaryFolder, _ clock: ManualClock) throws -> Place {
        var configuration = folder.configuration()
        configuration.webhookPolicy = try WebhookPolicy(
            allowing: ["http://127.0.0.1:\(port)", "http://127.1:\(port)"])
        return Place(
            folder: folder, store: try InferenceStore.open(configuration, sources: clock.sources).store)
    }

    private func sender(
        _ store: InferenceStore, timeout: TimeAmount = .minutes(5), logger: Logger = noLog
    ) -> WebhookSender {
        WebhookSender(
            store, poster: HTTPWebhookPoster(store.configuration.webhookPolicy, timeout: timeout),
            logger: logger)
    }

    // Characters were counted, each of which may be any number of bytes.
    @Test("what is kept of a problem's words is bounded in bytes, at a character's end")
    func problemPrefix() {
        #expect("short".prefix(byteCount: 5) == "short" && "short".prefix(byteCount: 4) == "shor")
        #expect(String(repeating: "é", count: 150).prefix(byteCount: 200).utf8.count == 200)
        let odd = ("a" + String(repeating: "é", count: 150)).prefix(byteCount: 200)
        #expect(odd.utf8.count == 199 && odd.last == "é")
        let piled = "a" + "e" + String(repeating: "\u{301}", count: 500)
        #expect(piled.count == 2 && piled.prefix(byteCount: 200) == "a")
    }

    @Test("what is not taken is sent again after a restart, under the same id, until it is")
    func retried() async throws {
        try await Receiver.run([.status(500), .status(200)]) { receiver, port in
            let clock = ManualClock()
            let folder = try TemporaryFolder()
            let place = try await alarmed(port, folder: folder, clock: clock)
            let store = place.store
            let change = try #require(store.alerts.recent(limit: 9).first)
            #expect(change.from == .ok && change.to == .alert && store.alerts.recent(limit: 9).count == 1)
            await sender(store).tick()
            #expect(receiver.taken.count == 1)
            // Not due yet, by nobody's clock.
            await sender(store).tick()
            #expect(receiver.taken.count == 1)
            #expect(store.alerts[WebhookID(1)]?.lastAttempt?.status == 500)
            // Killed, and started again.
            let reopened = try open(port, try folder.copy(), clock)
            let again = reopened.store
            clock.advance(6)
            await sender(again).tick()
            #expect(receiver.taken.count == 2)
            #expect(again.alerts.pendingCount(of: WebhookID(1)) == 0)
            #expect(again.alerts[WebhookID(1)]?.deliveredCount == 1)
            await sender(again).tick()
            #expect(receiver.taken.count == 2)
            let (first, second) = (receiver.taken[0], receiver.taken[1])
            #expect(first.id == second.id && first.body == second.body && first.timestamp != second.timestamp)
            for taken in receiver.taken {
                let signed = Array("\(taken.id).\(taken.timestamp).".utf8) + taken.body
                let key = try #require(Base64.decode(String(Self.secret.dropFirst(6))))
                #expect(taken.signature == "v1," + Base64.encode(HMAC.sha256(signed, key: key)))
            }
            let body = JSONField(try JSONValue(parsing: first.body))
            #expect(
                try body["data"]["assay_name"].string() == "watch" && body["data"]["to"].string() == "Alert")
            // And once more from the log: nothing is left to tell.
            try await again.close()
            try await store.close()
        }
    }

    @Test("a path of a second-generation assay is told of once, under the assay's UUID and its own name")
    func series() async throws {
        try await Receiver.run([.status(200)]) { receiver, port in
            let clock = ManualClock()
            let place = try open(port, try TemporaryFolder(), clock)
            let store = place.store
            try await serving(clock: clock, folder: place.folder, store: store) { client in
                try await client.createPipeline()
                try await client.ask(
                    "webhooks/create",
                    "{\"url\":\"http://127.0.0.1:\(port)/hook\",\"secret\":\"\(Self.secret)\"}")
                try await client.append([(0, 1), (1, 2), (2, 3), (3, 4), (70, 99), (71, 99)])
                let uuid = try await SeriesRoutesTests.ask(
                    client, "schedule", SeriesRoutesTests.body("\"name\":\"watch\",")
                ).string()
                for _ in 0..<2 {
                    client.clock.advance(66)
                    await SeriesScheduler(store, logger: noLog).tick()
                    await sender(store).tick()
                }
                #expect(receiver.taken.count == 1)
                await sender(store).tick()
                let taken = try #require(receiver.taken.first)
                #expect(receiver.taken.count == 1)
                let body = JSONField(try JSONValue(parsing: taken.body))
                let data = body["data"]
                #expect(try body["type"].string() == "assay.status_changed")
                #expect(try data["assay_uuid"].string() == uuid && data["assay_name"].string() == "watch")
                #expect(try data["iopath"].string() == "out.y" && data["path"].string() == "output y")
                #expect(try data["from"].string() == "Ok" && data["to"].string() == "Alert")
                #expect(try data["window_end"].string() == "2024-01-09T19:02:00Z")
                let signed = Array("\(taken.id).\(taken.timestamp).".utf8) + taken.body
                let key = try #require(Base64.decode(String(Self.secret.dropFirst(6))))
                #expect(taken.signature == "v1," + Base64.encode(HMAC.sha256(signed, key: key)))
                #expect(store.alerts[WebhookID(1)]?.deliveredCount == 1)

                // Listed with all others, by number as by UUID.
                let number = try data["assay_id"].integer()
                for which in ["{}", "{\"assay_id\":\(number)}", "{\"assay_id\":\"\(uuid)\"}"] {
                    let list = try await client.ask("alerts/list", which).array()
                    #expect(list.map { $0.value?.text } == [data.value?.text], "\(which)")
                }
                #expect(
                    try await client.ask("alerts/list", "{\"assay_id\":\(number + 1)}").array().isEmpty)
                for (which, part) in [
                    ("\"watch\"", "assay_id"),
                    ("\"00000000-0000-4000-8000-00000000ffff\"", "field \"assay_id\" is \"0000"),
                ] {
                    let refused = try await client.refused("alerts/list", "{\"assay_id\":\(which)}")
                    #expect(refused.status == 400 && refused.message.contains(part), "\(refused)")
                }
            }
            try await store.close()
        }
    }

    @Test("a process that ends between sending and writing it down sends again: at least once")
    func killed() async throws {
        try await Receiver.run([.status(204)]) { receiver, port in
            let clock = ManualClock()
            let folder = try TemporaryFolder()
            let place = try await alarmed(port, folder: folder, clock: clock)
            let store = place.store
            let before = try folder.copy()
            await sender(store).tick()
            let reopened = try open(port, before, clock)
            let again = reopened.store
            await sender(again).tick()
            #expect(receiver.taken.count == 2 && receiver.taken[0].id == receiver.taken[1].id)
            try await again.close()
            try await store.close()
        }
    }

    @Test("a receiver that never answers, redirects or is gone is dealt with by the rules")
    func rules() async throws {
        try await Receiver.run([.never, .status(302), .status(410)]) { receiver, port in
            let clock = ManualClock()
            let place = try await alarmed(port, folder: try TemporaryFolder(), clock: clock)
            let store = place.store
            func last() -> DeliveryAttempt? { store.alerts[WebhookID(1)]?.lastAttempt }
            await sender(store, timeout: .seconds(3)).tick()
            #expect(last()?.status == nil && last()?.problem != nil && last()?.attempt == 1)
            clock.advance(6)
            await sender(store).tick()
            #expect(last()?.status == 302 && last()?.attempt == 2)
            #expect(receiver.taken.count == 2, "a redirect is not followed")
            clock.advance(400)
            await sender(store).tick()
            #expect(last()?.outcome == .gone)
            #expect(store.alerts[WebhookID(1)]?.isActive == false)
            #expect(store.alerts.pendingCount(of: WebhookID(1)) == 0)
            try await store.close()
        }
    }

    @Test("a name that resolves to a private address is not posted to")
    func privateAddress() async throws {
        try await Receiver.run([.status(200)]) { receiver, port in
            let clock = ManualClock()
            // The resolver reads 127.1 as 127.0.0.1, which is not what the entry says.
            let place = try await alarmed(
                port, folder: try TemporaryFolder(), clock: clock, host: "127.1")
            let store = place.store
            await sender(store).tick()
            #expect(receiver.taken == [])
            #expect(store.alerts[WebhookID(1)]?.lastAttempt?.problem?.contains("not public") == true)
            try await store.close()
        }
    }

    /// A store that allows `hooks.example.com` and has webhooks there, by which each of so many changes waits.
    private func waiting(_ changeCount: Int, webhookCount: Int = 1) async throws -> Place {
        let folder = try TemporaryFolder()
        var configuration = folder.configuration()
        configuration.webhookPolicy = try WebhookPolicy(allowing: ["hooks.example.com"])
        let store = try InferenceStore.open(configuration, sources: ManualClock().sources).store
        for number in 0..<webhookCount {
            let address = try WebhookAddress(JSONField(.string("https://hooks.example.com/\(number)")))
            _ = try await store.createWebhook(address, secret: nil)
        }
        let path = try IOPath(parsing: "output y")
        for number in 0..<changeCount {
            let now = store.sources.now()
            try await store.changeAlerts { _ in
                .statusChanged(
                    StatusChange(
                        id: AlertID(number + 1), assayID: AssayID(1), assayName: "watch",
                        pipelineName: "fraud", path: path, from: .ok, to: .alert,
                        window: TimeWindow(start: now, end: now.adding(TimeSpan(microseconds: 1))),
                        resultID: AssayResultID(number + 1), at: now))
            }
        }
        return Place(folder: folder, store: store)
    }

    // Made while it was allowed: that was then, and the list says where data may go now.
    @Test("a destination that is allowed no more since it was made is not posted to, until it is again")
    func narrowed() async throws {
        let place = try await waiting(2)
        try await place.store.close()
        let clock = ManualClock()
        func open(allowing host: String) throws -> InferenceStore {
            var configuration = place.folder.configuration()
            configuration.webhookPolicy = try WebhookPolicy(allowing: [host])
            return try InferenceStore.open(configuration, sources: clock.sources).store
        }
        let poster = MemoryPoster { _ in 200 }
        let narrowed = try open(allowing: "other.example.com")
        await WebhookSender(narrowed, poster: poster, logger: noLog).tick()
        #expect(poster.posted.isEmpty)
        let attempt = try #require(narrowed.alerts[WebhookID(1)]?.lastAttempt)
        #expect(attempt.attempt == 1 && attempt.status == nil)
        #expect(attempt.problem?.contains("--webhook-allow hooks.example.com:443") == true)
        #expect(narrowed.alerts.pendingCount(of: WebhookID(1)) == 2)
        try await narrowed.close()
        // What was not told waits as after any failure.
        clock.advance(60)
        let widened = try open(allowing: "hooks.example.com")
        await WebhookSender(widened, poster: poster, logger: noLog).tick()
        #expect(Set(poster.posted.map(\.alert)) == [1, 2])
        #expect(widened.alerts.pendingCount(of: WebhookID(1)) == 0)
        try await widened.close()
    }

    @Test("what waits is told in one turn, in order, until a message is not taken; a turn has an end")
    func turns() async throws {
        let place = try await waiting(300)
        let poster = MemoryPoster { $0 == 20 ? 500 : 200 }
        let sender = WebhookSender(place.store, poster: poster, logger: noLog)
        await sender.tick()
        #expect(poster.posted.map(\.alert) == Array(1...21))
        // The one that failed has its time; the others do not wait for it.
        await sender.tick()
        #expect(poster.posted.map(\.alert) == Array(1...277))
        await sender.tick()
        #expect(poster.posted.map(\.alert) == Array(1...300))
        #expect(place.store.alerts.pendingCount(of: WebhookID(1)) == 1)
        #expect(place.store.alerts[WebhookID(1)]?.deliveredCount == 299)
        try await place.store.close()
    }

    @Test("more destinations than are posted to at once have their turns in turn")
    func fair() async throws {
        let place = try await waiting(260, webhookCount: 20)
        let poster = MemoryPoster { _ in 200 }
        let sender = WebhookSender(place.store, poster: poster, logger: noLog)
        await sender.tick()
        #expect(Set(poster.posted.map(\.place)).count == 16)
        await sender.tick()
        // Those that had none come first, though the others have more to be told.
        #expect(Set(poster.posted.map(\.place)).count == 20)
        try await place.store.close()
    }

    @Test("destinations are listed without their secrets, refused where they are not allowed, and deleted")
    func routes() async throws {
        let allow: @Sendable (inout StoreConfiguration) -> Void = { configuration in
            guard let policy = try? WebhookPolicy(allowing: ["hooks.example.com"]) else { return }
            configuration.webhookPolicy = policy
        }
        try await serving(configure: allow) { (client: Client) async throws in
            let created = try await client.ask("webhooks/create", "{\"url\":\"https://hooks.example.com/a\"}")
            let secret = try created["secret"].string()
            #expect(secret.hasPrefix("whsec_"))
            let given = try await client.post(
                "/v1/api/webhooks/create",
                "{\"url\":\"https://hooks.example.com/b\",\"secret\":\"\(Self.secret)\"}")
            #expect(given.text == "{\"webhook_id\":2}")
            let list = try await client.post("/v1/api/webhooks/list", "{}")
            #expect(!list.text.contains("whsec_"))
            #expect(try list.json.array().count == 2)
            for (body, part) in [
                ("{\"url\":\"https://other.example.com/\"}", "--webhook-allow other.example.com:443"),
                ("{\"url\":\"http://hooks.example.com/\"}", "--webhook-allow http://hooks.example.com:80"),
                ("{\"url\":\"https://a@hooks.example.com/\"}", "url"), ("{}", "url"),
                ("{\"url\":\"https://hooks.example.com/\",\"secret\":\"whsec_c2hvcnQ=\"}", "secret"),
            ] {
                let refused = try await client.refused("webhooks/create", body)
                #expect(refused.status == 400 && refused.message.contains(part), "\(refused)")
                #expect(!refused.message.contains("c2hvcnQ="))
            }
            try await client.ask("webhooks/set_active", "{\"id\":1,\"active\":false}")
            #expect(client.store.alerts[WebhookID(1)]?.isActive == false)
            try await client.ask("webhooks/delete", "{\"id\":1}")
            #expect(client.store.alerts.list.map(\.id.number) == [2])
            #expect(try await client.refused("webhooks/delete", "{\"id\":1}").status == 400)
            #expect(try await client.ask("alerts/list", "{\"limit\":5}").array().isEmpty)
        }
    }
}

/// Takes messages in memory, and answers by their number, from 0.
private final class MemoryPoster: WebhookPoster {
    private let answer: @Sendable (Int) -> Int
    private let state = Mutex<[(place: String, alert: Int)]>([])

    init(_ answer: @escaping @Sendable (Int) -> Int) { self.answer = answer }

    var posted: [(place: String, alert: Int)] { state.withLock { $0 } }

    func post(_ message: WebhookMessage, to address: WebhookAddress) async throws -> Int {
        let alert = Int(message.id.split(separator: "_")[1]) ?? 0
        let number = state.withLock { posted in
            posted.append((address.text, alert))
            return posted.count - 1
        }
        return answer(number)
    }
}
