// Invariant checked: the one at the head of RecordDeclaration.swift, with a disk that refuses at each operation.

import Catalog
import Disk
import EventLog
import Records
import Simulation
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
            var plan = SimulatedFileSystem.FaultPlan()
            plan.failAtOperation = disk.operationCount + operation
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

    /// A pipeline in a workspace: two events.
    private static func pipeline(in store: InferenceStore) async throws -> Pipeline {
        let clock = ManualClock()
        try await store.change { catalog in
            [try catalog.createWorkspace(name: "w", createdBy: "ann", at: clock.now)]
        }
        return try await Scene.createPipeline("fraud", in: WorkspaceID(1), store, clock)
    }
}
