// Checked: requests that compute for long keep nobody else waiting.

import Foundation
import Synchronization
import Testing

@testable import HTTPAPI

@Suite("Long work")
struct LongWorkTests {
    private final class State: Sendable {
        let begunCount = Mutex(0)
        let isSeen = Mutex(false)
    }

    // On the language's own threads, or a queue of the system's, they would hold all of these until they gave up.
    @Test("as many requests as there are processors compute, and another task still gets its turn")
    func others() async {
        let state = State()
        let count = ProcessInfo.processInfo.activeProcessorCount
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<count {
                group.addTask {
                    await withTaskExecutorPreference(LongWork.requests) {
                        await Task.yield()
                        state.begunCount.withLock { $0 += 1 }
                        let giveUp = ContinuousClock.now + .seconds(120)
                        while !state.isSeen.withLock({ $0 }) {
                            if ContinuousClock.now > giveUp { return false }
                        }
                        return true
                    }
                }
            }
            group.addTask {
                while state.begunCount.withLock({ $0 }) < count { await Task.yield() }
                state.isSeen.withLock { $0 = true }
                return true
            }
            for await wasSeen in group { #expect(wasSeen) }
        }
    }

    // A window of an hour is worked out in less time than a thread takes to wake up.
    @Test("a brief run is answered while all threads for long work are taken", .timeLimit(.minutes(5)))
    func brief() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.append([(0, 1), (10, 4), (20, 2)])
            client.clock.advance(100)
            let state = State()
            let count = ProcessInfo.processInfo.activeProcessorCount
            await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<count {
                    group.addTask(executorPreference: LongWork.requests) {
                        state.begunCount.withLock { $0 += 1 }
                        for _ in 0..<30_000 where !state.isSeen.withLock({ $0 }) { usleep(1000) }
                        return state.isSeen.withLock { $0 }
                    }
                }
                while state.begunCount.withLock({ $0 }) < count { await Task.yield() }
                let answer = try? await client.post("/v1/api/assays/run_interactive", AssayRequests.request())
                #expect(answer?.status == 200, "\(String(describing: answer))")
                state.isSeen.withLock { $0 = true }
                for await wasSeen in group { #expect(wasSeen) }
            }
        }
    }
}
