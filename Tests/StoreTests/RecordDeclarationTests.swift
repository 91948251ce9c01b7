// Invariant checked: the one at the head of RecordDeclaration.swift, with a disk that refuses at each operation.

import Catalog
import Disk
import EventLog
import Glibc
import Records
import Simulation
import StoreSupport
import Synchronization
import TestSupport
import Testing

@testable import Store

@Suite("What appends declare")
struct RecordDeclarationTests {
    @Test("it is declared with the records or not at all, wherever the disk refuses or the power goes")
    func withRecords() async throws {
        var isThrough = false
        var refusedCount = 0
        for operation in 0... {
            if isThrough { break }
            let disk = SimulatedFileSystem()
            var configuration = StoreConfiguration(directory: "/nowhere")
            configuration.log.recoveryIntervalMilliseconds = 1_000_000
            let store = try InferenceStore.open(configuration, on: disk).store
            let pipeline = try await Self.pipeline(in: store)
            let plan = SimulatedFileSystem.FaultPlan(failAtOperation: disk.operationCount + operation)
            disk.setPlan(plan)
            let declaration = RecordDeclaration(
                of: pipeline.id, float32Fields: ["out.y"], isFromEdge: true)
            let batch = HousekeepingTests.batch(0, count: 3)
            func append() async throws {
                _ = try await store.append(
                    batch, topic: pipeline.topic.name, partition: "edge-1", declaring: declaration)
            }
            do {
                try await append()
                isThrough = disk.operationCount <= plan.failAtOperation!
            } catch {
                refusedCount += 1
                #expect(store.catalog.pipelines[pipeline.id] == pipeline, "operation \(operation)")
                #expect(store.log.snapshot().index.topics[pipeline.topic.name]?.rowCount ?? 0 == 0)
                disk.setPlan(SimulatedFileSystem.FaultPlan())
                try await append()
            }
            let declared = try #require(store.catalog.pipelines[pipeline.id])
            #expect(declared.float32Fields == ["out.y"] && declared.locations == ["edge-1"])
            #expect(store.log.snapshot().index.topics[pipeline.topic.name]?.rowCount == 3)
            let cut = store.log.cut
            #expect(store.log.snapshot().index.events.suffix(from: 2).map(\.entry.commit) == [cut, cut])
            disk.setPlan(SimulatedFileSystem.FaultPlan())
            // Another time it says nothing new.
            try await append()
            #expect(store.log.snapshot().index.events.count == 4)
            disk.crash { $0.lowerBound }
        }
        #expect(refusedCount > 1, "there is a write and a sync")
    }

    @Test("of first posts that come at once one declares behind the gate, and the others append outside it")
    func atOnce() async throws {
        let syncs = Mutex<(count: Int, watched: InferenceStore?)>((0, nil))
        let wasFree = Mutex(false)
        let files = WatchedFiles(SimulatedFileSystem()) { _, call in
            guard call == .sync else { return }
            let (number, store) = syncs.withLock { syncs in
                syncs.count += 1
                return (syncs.count, syncs.watched)
            }
            // The first is of the commit that declares; during the second nobody needs the gate.
            guard let store, number == 2 else { return }
            for _ in 0..<100_000 where !wasFree.withLock({ $0 }) {
                wasFree.withLock { $0 = store.gate.state.withLock { !$0.isHeld } }
                usleep(1000)
            }
        }
        let store = try InferenceStore.open(StoreConfiguration(directory: "/nowhere"), on: files).store
        let pipeline = try await Self.pipeline(in: store)
        let count = 8
        let declaration = RecordDeclaration(of: pipeline.id, isFromEdge: true)
        try await withThrowingTaskGroup(of: Void.self) { group in
            try await store.gate.pass {
                for number in 0..<count {
                    group.addTask {
                        _ = try await store.append(
                            HousekeepingTests.batch(number, count: 1), topic: pipeline.topic.name,
                            partition: "edge-1", declaring: declaration)
                    }
                }
                try await waitUntil { store.gate.state.withLock { $0.waiting.count } >= count }
                syncs.withLock { $0 = (0, store) }
            }
            try await group.waitForAll()
        }
        #expect(wasFree.withLock { $0 })
        #expect(store.catalog.pipelines[pipeline.id]?.locations == ["edge-1"])
        #expect(store.log.snapshot().index.topics[pipeline.topic.name]?.rowCount == count)
        #expect(store.log.snapshot().index.events.count == 3)
        syncs.withLock { $0.watched = nil }
    }

    /// A pipeline in a workspace: two events.
    private static func pipeline(in store: InferenceStore) async throws -> Pipeline {
        let clock = ManualClock()
        try await store.change { catalog in
            [try catalog.createWorkspace(name: "w", createdBy: "ann", at: clock.now)]
        }
        return try await Scene.createPipeline("fraud", in: WorkspaceID(1), store, clock)
    }
}
