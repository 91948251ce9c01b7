// Invariants checked: the first three at the head of FoldCheckpoint.swift, over random histories; the others are in
// CheckpointProgressTests.

import Assays
import Bytes
import Disk
import EventLog
import Foundation
import Records
import Simulation
import StoreSupport
import Testing

@testable import Store

@Suite("The checkpoint of the fold")
struct FoldCheckpointTests {
    /// A store that leaves a checkpoint whenever it is closed, and its folder for as long as that takes.
    struct Opened {
        let folder: TemporaryFolder
        let store: InferenceStore
        /// How many events the checkpoint stood for, and how many there were.
        let (checkpointEventCount, eventCount): (Int, Int)
        /// Why a checkpoint was not used, if one was there.
        let refusal: String?

        init(_ folder: TemporaryFolder, _ clock: ManualClock = ManualClock()) throws {
            var configuration = folder.configuration()
            configuration.checkpointEventCountMin = 1
            let (store, report) = try InferenceStore.open(configuration, sources: clock.sources)
            self.folder = folder
            self.store = store
            (checkpointEventCount, eventCount) = store.checkpointProgress.withLock {
                ($0.checkpointEventCount, $0.eventCount)
            }
            refusal = report.derived.repairs.first { $0.contains(FileName.foldCheckpoint) }
        }

        func close() async throws {
            try await store.close()
            #expect(folder.names(in: "derived").contains("FOLD"))
        }
    }

    static func expectWhole(_ store: InferenceStore, _ comment: Comment? = nil) throws {
        let whole = try InferenceStore.fold(store.log.snapshot())
        store.folded.withLock { folded in
            #expect(folded.book == whole.book, comment)
            #expect(folded.catalog == whole.catalog, comment)
            #expect(folded.alerts == whole.alerts, comment)
            #expect(folded.topics == whole.topics, comment)
            #expect(folded.retention == whole.retention, comment)
            #expect(
                folded.locations.mapValues { $0.map(\.since) }
                    == whole.locations.mapValues { $0.map(\.since) })
            #expect(
                folded.locations.mapValues { $0.map(\.names) }
                    == whole.locations.mapValues { $0.map(\.names) })
        }
    }

    /// A closed directory with a checkpoint, and one of the same history some events later without a newer one.
    private static func directories(seed: Int) async throws -> (
        closed: TemporaryFolder, later: TemporaryFolder, ids: [AssayID]
    ) {
        let (history, ids) = try await HistoryTests.run(seed: seed)
        let closed = try history.scene.folder.copy()
        try await history.scene.store.close()
        try await Opened(closed).close()
        let opened = try Opened(try closed.copy(), history.scene.clock)
        #expect(opened.checkpointEventCount > 0)
        try expectWhole(opened.store)
        let scene = Scene(
            folder: opened.folder, clock: history.scene.clock, store: opened.store,
            pipeline: history.scene.pipeline)
        try await HistoryTests.settle(scene, ids)
        // As the power left it.
        let later = try opened.folder.copy()
        try await opened.close()
        return (closed, later, ids)
    }

    @Test("a fold that began with a checkpoint is the fold of all events", arguments: 1...4)
    func equal(seed: Int) async throws {
        print("seed \(seed)")
        let (closed, later, ids) = try await Self.directories(seed: seed)
        for folder in [closed, later] {
            let first = try Opened(try folder.copy())
            #expect(first.refusal == nil)
            #expect(first.checkpointEventCount > 0)
            #expect((first.checkpointEventCount < first.eventCount) == (folder === later))
            try Self.expectWhole(first.store)
            try await first.store.setActive(ids[0], false)
            try await first.close()
            // What the second stands for came by the first, the log and commands.
            let second = try Opened(try first.folder.copy())
            #expect(second.refusal == nil)
            #expect(second.checkpointEventCount == first.eventCount + 1)
            #expect(second.checkpointEventCount == second.eventCount)
            try Self.expectWhole(second.store)
            try await second.close()
        }
    }

    @Test("one that is missing, damaged, of another version or log is not believed, and the report says so")
    func refused() async throws {
        let (closed, later, _) = try await Self.directories(seed: 5)
        let path = "/" + FileName.foldCheckpoint
        let bytes = [UInt8](try #require(FileManager.default.contents(atPath: later.path + path)))
        let strange = try await Scene()
        // Both begin alike.
        try await Scene.createPipeline("strange", in: WorkspaceID(1), strange.store, strange.clock)
        let strangeFolder = try strange.folder.copy()
        try await strange.store.close()
        try await Opened(strangeFolder).close()
        let foreign = [UInt8](try #require(FileManager.default.contents(atPath: strangeFolder.path + path)))
        var otherVersion = Array(bytes.dropLast(4))
        otherVersion[8] ^= 1
        var writer = ByteWriter()
        writer.write(otherVersion)
        writer.write(Checksum.crc32c(otherVersion))
        var flipped = bytes
        flipped[bytes.count / 2] ^= 0x10
        var (otherCommit, otherEvent) = (try FoldCheckpoint(bytes), try FoldCheckpoint(bytes))
        otherCommit.last.commit += 1
        otherEvent.last.checksum ^= 1
        for (name, claim) in [
            ("nothing", []), ("cut short", Array(bytes.dropLast())),
            ("half", Array(bytes[..<(bytes.count / 2)])),
            ("flipped", flipped), ("another version", writer.bytes), ("another log", foreign),
            ("more", bytes + [0]), ("a log with another last commit", otherCommit.bytes),
            ("a log with another last event", otherEvent.bytes),
        ] {
            let folder = try later.copy()
            try Data(claim).write(to: URL(fileURLWithPath: folder.path + path))
            let opened = try Opened(folder)
            #expect(opened.refusal != nil, "\(name)")
            #expect(opened.checkpointEventCount == 0, "\(name)")
            try Self.expectWhole(opened.store, "\(name)")
            try await opened.close()
        }
        let folder = try later.copy()
        try folder.remove(FileName.foldCheckpoint)
        let without = try Opened(folder)
        #expect(without.refusal == nil && without.checkpointEventCount == 0)
        try Self.expectWhole(without.store)
        try await without.close()
        // A newer one beside an older log: as when a directory is put back without what is derived.
        let older = try closed.copy()
        let newer = try #require(FileManager.default.contents(atPath: folder.path + path))
        try newer.write(to: URL(fileURLWithPath: older.path + path))
        let behind = try Opened(older)
        #expect(behind.refusal != nil)
        try Self.expectWhole(behind.store)
        try await behind.close()
    }

    @Test("the power goes while it is replaced: the old one is there or the new one", arguments: 1...20)
    func powerCuts(seed: Int) throws {
        print("seed \(seed)")
        var random = SeededGenerator(seed: UInt64(seed))
        func checkpoint(_ eventCount: Int) -> FoldCheckpoint {
            FoldCheckpoint(
                eventCount: eventCount, last: (7, 99), others: [0],
                decided: (0..<5000).map { UInt8(truncatingIfNeeded: $0 &* eventCount) })
        }
        let disk = SimulatedFileSystem()
        try disk.createDirectory(FileName.derivedDirectory)
        var (eventCount, cutCount) = (1, 0)
        try checkpoint(eventCount).replace(on: disk)
        for operation in Array(0...7) + Array(0...7) {
            disk.setPlan(SimulatedFileSystem.FaultPlan(crashAtOperation: disk.operationCount + operation))
            var isReplaced = false
            do throws(DiskError) {
                try checkpoint(eventCount + 1).replace(on: disk)
                isReplaced = true
            } catch { cutCount += 1 }
            disk.crash { Int.random(in: $0, using: &random) }
            let found = try #require(try FoldCheckpoint.read(on: disk))
            #expect(found.eventCount == eventCount + 1 || found.eventCount == eventCount && !isReplaced)
            #expect(found.decided == checkpoint(found.eventCount).decided)
            eventCount = found.eventCount
        }
        #expect(cutCount >= 10)
    }

    @Test("no byte of one can be another without its being seen")
    func everyByte() throws {
        let checkpoint = FoldCheckpoint(
            eventCount: 300, last: (7, 99), others: [0, 1, 5, 299], decided: [1, 2, 3])
        let bytes = checkpoint.bytes
        let read = try FoldCheckpoint(bytes)
        #expect(read.eventCount == 300 && read.last == (7, 99) && read.others == [0, 1, 5, 299])
        #expect(read.decided == [1, 2, 3])
        for place in bytes.indices {
            #expect(throws: BytesError.self) { try FoldCheckpoint(Array(bytes[..<place])) }
            var damaged = bytes
            damaged[place] ^= 0x40
            #expect(throws: BytesError.self) { try FoldCheckpoint(damaged) }
            // With a checksum that holds, it is refused or read, never a trap.
            let content = Array(damaged.dropLast(4))
            var writer = ByteWriter()
            writer.write(content)
            writer.write(Checksum.crc32c(content))
            _ = try? FoldCheckpoint(writer.bytes)
        }
    }
}

extension FoldCheckpoint {
    fileprivate var bytes: [UInt8] { pieces.flatMap { $0 } }
}
