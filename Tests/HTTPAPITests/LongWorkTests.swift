// Checked: requests that compute for long keep nobody else waiting.
//
// Each test takes all threads for long work, so they come one after the other.

import Foundation
import Segments
import Synchronization
import TestSupport
import Testing

@testable import EventLog
@testable import HTTPAPI

@Suite("Long work", .serialized)
struct LongWorkTests {
    // On the language's own threads, or a queue of the system's, they would hold all of these until they gave up.
    @Test("as many requests as there are processors compute, and another task still gets its turn")
    func others() async {
        let state = Held()
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<Held.wholeCount {
                group.addTask {
                    await withTaskExecutorPreference(LongWork.requests) {
                        await Task.yield()
                        return state.hold()
                    }
                }
            }
            group.addTask {
                while state.count < Held.wholeCount { await Task.yield() }
                state.letGo()
                return true
            }
            for await wasLetGo in group { #expect(wasLetGo) }
        }
    }

    // A window of an hour is worked out in less time than a thread takes to wake up.
    @Test("a brief run is answered while all threads for long work are taken", .timeLimit(.minutes(5)))
    func brief() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.append([(0, 1), (10, 4), (20, 2)])
            client.clock.advance(100)
            try await whileAllAreTaken { _ in
                let answer = try await client.post("/v1/api/assays/run_interactive", AssayRequests.request())
                #expect(answer.status == 200, "\(answer)")
            }
        }
    }

    @Test(
        "the first look at many events waits for a thread of long work, and holds none of those that answer",
        .timeLimit(.minutes(10)))
    func firstLook() async throws {
        try await serving { (client: Client) async throws in
            // More than are looked through at once.
            let event = AppendItem.event(Event(name: "note", document: Array("{}".utf8)))
            _ = try await client.store.log.append([AppendItem](repeating: event, count: 10_001))
            #expect(client.store.knownUnprovenResultCount == nil)
            let answer = Note()
            try await whileAllAreTaken { group in
                let waitingCount = LongWork.requests.waitingCount
                group.addTask {
                    let page = try await client.send(.get, "/metrics")
                    answer.come()
                    #expect(page.text.contains("\nassaylog_unproven_results 0\n"), "\(page.text)")
                    return true
                }
                try await waitUntil { LongWork.requests.waitingCount != waitingCount || answer.hasCome }
                #expect(!answer.hasCome, "it looked while no thread was free for it")
            }
            #expect(client.store.knownUnprovenResultCount == 0)
        }
    }

    /// Takes all threads for long work, carries out `body`, lets them go, and waits for what `body` began.
    private func whileAllAreTaken(
        _ body: (inout ThrowingTaskGroup<Bool, any Error>) async throws -> Void
    ) async throws {
        let state = Held()
        try await withThrowingTaskGroup(of: Bool.self) { group in
            defer { state.letGo() }
            for _ in 0..<Held.wholeCount {
                group.addTask(executorPreference: LongWork.requests) { state.hold() }
            }
            // A thread that is held can wait for nobody, and tells by its count alone that it is.
            try await waitUntil { state.count >= Held.wholeCount }
            try await body(&group)
            state.letGo()
            for try await wasLetGo in group { #expect(wasLetGo, "a thread was held for too long") }
        }
    }
}

/// Threads that are held until they are let go.
private final class Held: Sendable {
    static let wholeCount = ProcessInfo.processInfo.activeProcessorCount

    private let held = Atomic(0)
    private let isOver = Atomic(false)

    var count: Int { held.load(ordering: .relaxed) }

    /// - Returns: whether it was let go before it gave up.
    func hold() -> Bool {
        held.add(1, ordering: .relaxed)
        let giveUp = ContinuousClock.now + .seconds(120)
        while !isOver.load(ordering: .relaxed) {
            if ContinuousClock.now > giveUp { return false }
            usleep(1000)
        }
        return true
    }

    func letGo() { isOver.store(true, ordering: .relaxed) }
}

/// Whether something has come.
private final class Note: Sendable {
    private let state = Atomic(false)
    var hasCome: Bool { state.load(ordering: .relaxed) }
    func come() { state.store(true, ordering: .relaxed) }
}
