// Invariant checked: what stops retention because the log has more to write than it may hold is told, and is over
// with the next round.

import Disk
import EventLog
import Records
import Segments
import Synchronization
import TestSupport
import Testing

@testable import Store

@Suite("Retention beside a busy log", .timeLimit(.minutes(10)))
struct BusyRetentionTests {
    /// Counts appends that find no room.
    private final class Refusals: Sendable {
        private let state = Mutex(0)
        var count: Int { state.withLock { $0 } }

        func append(_ byteCount: Int, to store: InferenceStore) async throws {
            let event = Event(name: "note", document: [UInt8](repeating: 0x20, count: byteCount))
            do throws(LogError) {
                _ = try await store.log.append([.event(event)])
            } catch {
                guard case .busy = error else { throw error }
                state.withLock { $0 += 1 }
            }
        }
    }

    @Test(
        "records over their age stay for a round where the results over them find the log busy, which is told"
    )
    func busy() async throws {
        let closed = try await Scene()
        let id = try await closed.createAssay()
        try await closed.append([(1, 1), (2, 2)])
        let topic = closed.pipeline.topic.name
        try await closed.store.setRetention(
            RetentionPolicy(age: TimeSpan(microseconds: 60_000_000)), of: topic)
        try await closed.store.close()
        let (folder, gate) = (try closed.folder.copy(), Gate())
        let files = WatchedFiles(PosixFileSystem(root: folder.path)) { file, call in
            if call == .sync, FileName.segmentNumber(file) != nil { gate.pass() }
        }
        var configuration = folder.configuration()
        // No place beyond the bound is for as few bytes as a result has.
        configuration.log.queueByteCountMax = 1 << 20
        let store = try InferenceStore.open(configuration, on: files, sources: closed.clock.sources).store
        let scene = Scene(folder: folder, clock: closed.clock, store: store, pipeline: closed.pipeline)
        scene.clock.set(moment(190))
        await scene.scheduler.tick()
        #expect(try scene.decisions(id) == ["0:complete1"])

        let refusals = Refusals()
        try await withThrowingTaskGroup(of: Void.self) { group in
            defer { gate.open() }
            gate.close()
            group.addTask { try await refusals.append(1, to: store) }
            try await waitUntil { gate.isHeld }
            // Larger ones first, then smaller ones, until none is taken any more.
            var count = 0
            for byteCount in [8000, 100] {
                for _ in 0..<100 { group.addTask { try await refusals.append(byteCount, to: store) } }
                count += 100
                let expected = count
                try await waitUntil { refusals.count + store.log.metrics.waitingCount >= expected }
            }
            let report = try await store.applyRetention()
            #expect(report.recordCounts == [:])
            let problem = report.topicProblems[topic]?.first ?? ""
            #expect(problem.contains("until the next round") && report.problems.count == 1, "\(report)")
            #expect(store.log.snapshot().index.topics[topic]?.rowCount == 2)
            gate.open()
            try await group.waitForAll()
        }
        #expect(try await store.applyRetention().recordCounts == [topic: 2])
        let view = store.view
        #expect(try #require(view.book[id]).decisions.allSatisfy(view.isSealed))
        try await store.close()
    }
}
