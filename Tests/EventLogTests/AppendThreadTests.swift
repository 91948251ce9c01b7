// Invariant checked: the third of AppendQueue.swift, of appends whose thread is lent.

import CrashPoints
import Disk
import Dispatch
import Glibc
import Simulation
import Synchronization
import TestSupport
import Testing

@testable import EventLog

@Suite("The thread on which an append is written", .timeLimit(.minutes(5)))
struct AppendThreadTests {
    /// Tasks on a thread that no other task needs.
    private final class OwnThread: TaskExecutor {
        private let queue = DispatchQueue(label: "own thread")

        func enqueue(_ job: consuming ExecutorJob) {
            let job = UnownedJob(job)
            queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
        }
    }

    /// A log on a disk that notes on which thread each file is synced.
    private struct Scene {
        let gate = Gate()
        let syncs: Syncs
        let log: InferenceLog

        final class Syncs: Sendable {
            let threads = Mutex<[pthread_t]>([])
            var all: [pthread_t] { threads.withLock { $0 } }
        }

        init() async throws {
            let (gate, syncs) = (gate, Syncs())
            let files = WatchedFiles(SimulatedFileSystem()) { _, call in
                guard call == .sync else { return }
                syncs.threads.withLock { $0.append(pthread_self()) }
                gate.pass()
            }
            self.syncs = syncs
            log = try InferenceLog.open(on: files).0
            // Not on the writer's thread: that says that it is done a moment after its answer.
            _ = try await log.append([AppendThreadTests.part(0)], on: .caller)
            syncs.threads.withLock { $0 = [] }
        }

        /// Appends on a thread of its own.
        func append(_ number: Int, on place: AppendThread) -> Task<pthread_t, any Error> {
            let log = log
            return Task(executorPreference: OwnThread()) {
                let thread = pthread_self()
                _ = try await log.append([AppendThreadTests.part(number)], on: place)
                return thread
            }
        }
    }

    private static func part(_ number: Int) -> AppendItem {
        let record = ModelRecord(time: Int64(number), fields: ["in.x": .int64(Int64(number))])
        return Part([record], topic: "t", partition: "p", isSmall: true).item
    }

    @Test("it is the log's own, or the caller's where that is lent")
    func places() async throws {
        let scene = try await Scene()
        let lent = try await scene.append(1, on: .caller).value
        #expect(scene.syncs.all == [lent])
        let own = try await scene.append(2, on: .writer).value
        #expect(scene.syncs.all.count == 2 && scene.syncs.all[1] != own)
        try await scene.log.close()
    }

    @Test("what comes while it is lent shares the next envelope, which it does not write")
    func meanwhile() async throws {
        let scene = try await Scene()
        scene.gate.close()
        let lent = scene.append(1, on: .caller)
        try await waitUntil { scene.gate.isHeld }
        // A thread that is lent while another writes waits as others do.
        let others = (2..<6).map { scene.append($0, on: $0 == 2 ? .caller : .writer) }
        try await waitUntil { scene.log.queue.waiting.count == 4 }
        scene.gate.open()
        let thread = try await lent.value
        var callers = [thread]
        for other in others { callers.append(try await other.value) }
        let syncs = scene.syncs.all
        #expect(syncs.first == thread && syncs.count == 2)
        #expect(!callers.contains(syncs[1]))
        #expect(scene.log.snapshot().index.topics["t"]?.rowCount == 6)
        try await scene.log.close()
    }

    @Test("a log that is closed while it is lent is sealed when that is written")
    func closing() async throws {
        let scene = try await Scene()
        scene.gate.close()
        let lent = scene.append(1, on: .caller)
        try await waitUntil { scene.gate.isHeld }
        let log = scene.log
        let closing = Task { try await log.close() }
        try await waitUntil { log.queue.isClosed }
        scene.gate.open()
        _ = try await lent.value
        #expect(try await closing.value == nil)
        await #expect(throws: LogError.closed) { try await log.append([Self.part(2)], on: .caller) }
    }

    @Test("where the disk refuses it fails, and the next one is written")
    func refused() async throws {
        let disk = SimulatedFileSystem()
        let (log, _) = try InferenceLog.open(on: disk)
        _ = try await log.append([Self.part(0)])
        disk.setPlan(SimulatedFileSystem.FaultPlan(failAtOperation: disk.operationCount + 1))
        await #expect(throws: LogError.self) { try await log.append([Self.part(1)], on: .caller) }
        _ = try await log.append([Self.part(2)], on: .caller)
        #expect(log.snapshot().index.topics["t"]?.rowCount == 2)
        try await log.close()
    }
}
