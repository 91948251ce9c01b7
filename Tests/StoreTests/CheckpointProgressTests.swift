// Invariants checked: the four at the head of CheckpointProgress.swift, and that an opening after a cut goes on
// from what was written while the log was open.

import Assays
import Disk
import EventLog
import Foundation
import Records
import Segments
import Simulation
import StoreSupport
import TestSupport
import Testing

@testable import Store

@Suite("Checkpoints of a fold that goes on")
struct CheckpointProgressTests {
    static func configuration(_ scene: Scene, eventCount: Int) -> StoreConfiguration {
        var configuration = scene.folder.configuration()
        configuration.checkpointEventCount = eventCount
        return configuration
    }

    /// A scene over a store that leaves a checkpoint after so many events.
    static func scene(eventCount: Int) async throws -> (scene: Scene, ids: [AssayID]) {
        let (first, ids) = try await StoredResultsTests.history()
        try await first.store.close()
        let folder = try first.folder.copy()
        var configuration = folder.configuration()
        configuration.checkpointEventCount = eventCount
        let store = try InferenceStore.open(configuration, sources: first.clock.sources).store
        return (Scene(folder: folder, clock: first.clock, store: store, pipeline: first.pipeline), ids)
    }

    static func switches(_ count: Int, _ ids: [AssayID], _ store: InferenceStore) async throws {
        for number in 0..<count { try await store.setActive(ids[number % ids.count], number % 3 == 0) }
    }

    // It was written never again: it looked at all events, as openings once did.
    @Test("damage to an event that nothing is folded from keeps no checkpoint from being written")
    func damagedOther() async throws {
        let (scene, ids) = try await Self.scene(eventCount: 1_000_000)
        let name = InferenceStore.importEventName
        _ = try await scene.store.log.append([.event(Event(name: name, document: Array("{}".utf8)))])
        let snapshot = scene.store.log.snapshot()
        let place = try #require(Array(snapshot.index.events).last { $0.entry.name == name })
        try SealableResultTests.damage(
            scene.folder, FileName.segment(place.segment), at: place.entry.offset,
            byteCount: place.entry.byteCount)
        #expect(throws: SegmentError.self) { try snapshot.event(place) }
        try await Self.switches(5, ids, scene.store)
        #expect(try await scene.store.writeCheckpoint { _ in 0 } == .written)
        try await scene.store.close()
    }

    @Test(
        "a process that is killed leaves the last checkpoint, and the opening folds what came after it alone")
    func killed() async throws {
        let (scene, ids) = try await Self.scene(eventCount: 10)
        let housekeeper = Housekeeper(
            scene.store, logger: noLog)
        await housekeeper.round()
        let written = scene.store.log.snapshot().index.events.count
        #expect(scene.folder.names(in: "derived").contains("FOLD"))
        try await Self.switches(9, ids, scene.store)
        // Decisions as well.
        scene.clock.set(moment(400))
        await scene.scheduler.tick()
        // As the kill left it: the store is not closed.
        let killed = try FoldCheckpointTests.Opened(try scene.folder.copy(), scene.clock)
        #expect(killed.refusal == nil && killed.checkpointEventCount == written)
        #expect(killed.eventCount > written + 9)
        try FoldCheckpointTests.expectWhole(killed.store)
        try await killed.close()
        try await scene.store.close()
    }

    @Test("one is due when events are as many as is said, and an eighth of what the last stands for")
    func due() async throws {
        let (scene, ids) = try await Self.scene(eventCount: 10)
        let store = scene.store
        #expect(try await store.writeCheckpointIfDue() == .written)
        let count = store.log.snapshot().index.events.count
        #expect(try await store.writeCheckpointIfDue() == .notDue)
        let least = max(10, count / 8)
        try await Self.switches(least - 1, ids, store)
        #expect(try await store.writeCheckpointIfDue() == .notDue)
        try await Self.switches(1, ids, store)
        #expect(try await store.writeCheckpointIfDue() == .written)
        var checkpoint = try #require(try FoldCheckpoint.read(on: store.files))
        #expect(checkpoint.eventCount == count + least)
        // A long history waits for an eighth of it.
        try await Self.switches(200, ids, store)
        #expect(try await store.writeCheckpointIfDue() == .written)
        let long = store.log.snapshot().index.events.count
        try await Self.switches(long / 8 - 1, ids, store)
        #expect(long / 8 > 12)
        #expect(try await store.writeCheckpointIfDue() == .notDue)
        checkpoint = try #require(try FoldCheckpoint.read(on: store.files))
        #expect(checkpoint.eventCount == long)
        try await store.close()
    }

    // commands      ──event──event──event──event──event──►
    // checkpoints     └─gate─write┘ └─gate─write┘ └─gate─
    @Test("checkpoints that are written while commands come are each of one moment")
    func besideCommands() async throws {
        let (scene, ids) = try await Self.scene(eventCount: 1)
        let store = scene.store
        let folders = try await withThrowingTaskGroup(of: [TemporaryFolder].self) { group in
            group.addTask {
                try await Self.switches(300, ids, store)
                return []
            }
            group.addTask {
                scene.clock.set(moment(2000))
                await scene.scheduler.tick()
                return []
            }
            group.addTask {
                var folders: [TemporaryFolder] = []
                for _ in 0..<8 {
                    _ = try await store.writeCheckpoint { _ in 1 }
                    folders.append(try scene.folder.copy())
                }
                return folders
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(folders.count == 8)
        for folder in folders {
            let opened = try FoldCheckpointTests.Opened(folder, scene.clock)
            #expect(opened.refusal == nil && opened.checkpointEventCount > 0)
            try FoldCheckpointTests.expectWhole(opened.store)
            try await opened.close()
        }
        try await store.close()
    }

    @Test("the power goes at each step of writing one: the opening finds one that fits, or none")
    func powerCuts() async throws {
        let (first, ids) = try await StoredResultsTests.history()
        try await first.store.close()
        for step in 0..<12 {
            let disk = SimulatedFileSystem()
            let configuration = Self.configuration(first, eventCount: 1)
            let clock = ManualClock()
            let store = try InferenceStore.open(configuration, on: disk, sources: clock.sources).store
            try await store.change { [try $0.createWorkspace(name: "risk", createdBy: "ann", at: clock.now)] }
            _ = try await Scene.createPipeline("fraud", in: WorkspaceID(1), store, clock)
            #expect(try await store.writeCheckpointIfDue() == .written)
            let before = store.log.snapshot().index.events.count
            _ = try await Scene.createPipeline("churn", in: WorkspaceID(1), store, clock)
            disk.setPlan(SimulatedFileSystem.FaultPlan(crashAtOperation: disk.operationCount + step))
            let isWritten = (try? await store.writeCheckpointIfDue()) == .written
            disk.crash { step % 2 == 0 ? $0.lowerBound : $0.upperBound }
            let again = try InferenceStore.open(configuration, on: disk, sources: clock.sources)
            let count = again.store.checkpointProgress.withLock { $0.checkpointEventCount }
            #expect(count == before + 1 || count == before && !isWritten, "step \(step): \(count)")
            #expect(!again.report.derived.repairs.contains { $0.contains(FileName.foldCheckpoint) })
            try FoldCheckpointTests.expectWhole(again.store)
        }
        #expect(!ids.isEmpty)
    }

    @Test("a disk that is full is asked again after as many events, and holds no bytes of what did not fit")
    func fullDisk() async throws {
        let (first, _) = try await StoredResultsTests.history()
        try await first.store.close()
        let (disk, clock) = (SimulatedFileSystem(), ManualClock())
        let store = try InferenceStore.open(
            Self.configuration(first, eventCount: 4), on: disk, sources: clock.sources
        ).store
        try await store.change { [try $0.createWorkspace(name: "risk", createdBy: "ann", at: clock.now)] }
        var names = (0...).lazy.map { "pipeline-\($0)" }.makeIterator()
        func createPipelines(_ count: Int) async throws {
            let before = store.log.snapshot().index.events.count
            while store.log.snapshot().index.events.count < before + count {
                _ = try await Scene.createPipeline(names.next()!, in: WorkspaceID(1), store, clock)
            }
        }
        try await createPipelines(6)
        disk.setPlan(SimulatedFileSystem.FaultPlan(capacity: 1))
        await #expect(throws: DiskError.self) { try await store.writeCheckpointIfDue() }
        #expect(disk.bytes(of: FileName.newFoldCheckpoint) == nil)
        let failed = disk.operationCount
        #expect(try await store.writeCheckpointIfDue() == .notDue, "the next round asks nothing of the disk")
        #expect(disk.operationCount == failed)
        disk.setPlan(SimulatedFileSystem.FaultPlan())
        try await createPipelines(3)
        #expect(try await store.writeCheckpointIfDue() == .notDue)
        try await createPipelines(1)
        #expect(try await store.writeCheckpointIfDue() == .written)
        try FoldCheckpointTests.expectWhole(store)
        try await store.close()
    }

    @Test("it goes to the disk in pieces, each synced before the next")
    func pieces() throws {
        let disk = SimulatedFileSystem()
        try disk.createDirectory(FileName.derivedDirectory)
        let size = FoldCheckpoint.pieceByteCount
        let checkpoint = FoldCheckpoint(
            eventCount: 3, last: (7, 99), others: [0],
            decided: [UInt8](repeating: 7, count: 2 * size + size / 2))
        var (paced, operations) = ([Int](), [Int]())
        try checkpoint.replace(on: disk) { byteCount in
            paced.append(byteCount)
            operations.append(disk.operationCount)
        }
        #expect(paced.count == 2 && paced.allSatisfy { $0 >= size && $0 < 2 * size }, "\(paced)")
        // From one piece to the next: an append and a sync.
        #expect(operations.count == 2 && operations[1] == operations[0] + 2)
        #expect(try FoldCheckpoint.read(on: disk)?.decided == checkpoint.decided)
    }

    @Test("a decision that the log holds and the fold does not know is in no checkpoint")
    func unknownDecision() async throws {
        let (scene, ids) = try await Self.scene(eventCount: 1)
        let store = scene.store
        var decision = try #require(store.book[ids[0]]?.decisions.last)
        decision.resultID = AssayResultID(store.book.lastResultID.number + 1)
        let event = AssayEvent.analysed(decision)
        _ = try await store.log.append([
            .event(.init(name: InferenceStore.EventName.assay, document: Array(event.json.text.utf8)))
        ])
        #expect(try await store.writeCheckpointIfDue() == .missesDecisions)
        try await Self.switches(5, ids, store)
        #expect(try await store.writeCheckpointIfDue() == .missesDecisions)
        try await store.close()
        #expect(!scene.folder.names(in: "derived").contains("FOLD"))
    }
}
