// Invariants checked: the fourth and fifth at the head of StoreRebuild.swift; the third in RebuildCrashTests.swift.
// That what is derived anew is what it was stands in HistoryTests.swift and SeriesVerificationTests.swift.

import Assays
import Disk
import EventLog
import Records
import Simulation
import TestSupport
import Testing

@testable import Store

@Suite("Deriving anew")
struct RebuildTests {
    /// A scene with an assay of each generation, and as if another engine had decided more windows of both; every
    /// 50th of those results is not kept.
    static func history(_ count: Int, on files: (any FileSystem)? = nil) async throws -> (
        scene: Scene, documents: [(number: Int, document: [UInt8])]
    ) {
        let scene = try await Scene(on: files)
        let id = try await scene.createAssay()
        let uuid = try await scene.store.scheduleAssay(Scene.seriesRequest())
        try await scene.append([(10, 1), (20, 2)])
        scene.clock.set(moment(70))
        await scene.scheduler.tick()
        await scene.seriesScheduler.tick()
        let (first, second) = (
            try #require(scene.store.book[id]?.decisions.first),
            try #require(scene.store.book[uuid: uuid]?.decisions.first)
        )
        var (events, documents) = ([AssayEvent](), [(number: Int, document: [UInt8])]())
        for position in 1...count {
            var decision = position % 2 == 0 ? first : second
            decision.resultID = AssayResultID(scene.store.book.lastResultID.number + position)
            decision.revision += position
            decision.engineVersion = 99
            events.append(.analysed(decision))
            guard position % 50 != 0 else { continue }
            documents.append((decision.resultID.number, Array("{\"of\":\(position)}".utf8)))
        }
        try await scene.store.changeBook { [events] _ in events }
        try await scene.store.keep(documents)
        return (scene, documents)
    }

    @Test("results of another engine version are carried over byte for byte, more than are held at once")
    func carriedOver() async throws {
        let (scene, documents) = try await Self.history(300)
        try await scene.store.close()
        let folder = try scene.folder.copy()
        let report = try InferenceStore.rebuild(
            folder.configuration(), on: PosixFileSystem(root: folder.path), sources: scene.clock.sources,
            atOnce: 500)
        #expect(report.carriedOverCount == 294 && report.failureCount == 0)
        // The two of this engine, and six that nobody kept.
        #expect(report.resultCount == 8)
        let view = try StoreView.open(folder.path, sources: scene.clock.sources).view
        let derived = try #require(view.derived)
        let other = documents.filter { view.places.derived.document($0.number, in: derived) != $0.document }
        #expect(other.map(\.number) == [])
    }

    @Test("a result that is sealed is counted once, whichever engine made it, and has no copy beside the log")
    func sealedAndKept() async throws {
        let (scene, documents) = try await Self.history(40)
        try await scene.store.sealResults(ofTopic: scene.pipeline.topic.name, touching: [.always])
        try await scene.store.close()
        let folder = try scene.folder.copy()
        let report = try InferenceStore.rebuild(
            folder.configuration(), sources: scene.clock.sources)
        #expect(
            report.sealedCount == 42 && report.carriedOverCount == 0 && report.resultCount == 0, "\(report)")
        let view = try StoreView.open(folder.path, sources: scene.clock.sources).view
        let derived = try #require(view.derived)
        #expect(!documents.contains { view.places.derived.holds($0.number, in: derived) })
        #expect(
            documents.allSatisfy { view.places.sealed.document($0.number, in: view.snapshot) == $0.document })
    }

    /// What is kept after rebuilding on a disk, by number.
    private static func rebuilt(
        _ disk: SimulatedFileSystem, _ scene: Scene
    ) throws -> (report: RebuildReport, document: (Int) -> [UInt8]?) {
        let sources = scene.clock.sources
        let report = try InferenceStore.rebuild(scene.folder.configuration(), on: disk, sources: sources)
        let view = try StoreView.open(on: disk, named: "it", sources: sources).view
        let derived = try #require(view.derived)
        return (report, { view.places.derived.document($0, in: derived) })
    }

    @Test("a result that cannot be worked out stays as it was kept, and is named")
    func failed() async throws {
        let base = SimulatedFileSystem()
        let (scene, documents) = try await Self.history(60, on: base)
        try await scene.store.close()
        let disk = base.copy(of: "")
        let snapshot = try InferenceLog.openForReading(on: disk).snapshot
        let runs = try #require(snapshot.index.topics[scene.pipeline.topic.name]).segments
        let segment = try #require(runs.first)
        let block = try #require(segment.blocks.first)
        let kept = try Self.rebuilt(base.copy(of: ""), scene)
        let own = (1...2).map { kept.document($0) }
        #expect(!own.contains(nil))
        // The columns, so that the head still says which records there were.
        disk.damage(FileName.segment(segment.segment)) { bytes in
            for place in block.offset + block.headByteCount..<block.offset + block.byteCount {
                bytes[place] ^= 0x55
            }
        }
        let (report, document) = try Self.rebuilt(disk, scene)
        #expect(report.failureCount > 0 && report.resultCount + report.failureCount == 3, "\(report)")
        #expect(report.failures.contains { $0.hasSuffix("; what was kept of it stays") })
        #expect((1...2).map { document($0) } == own)
        #expect(documents.allSatisfy { document($0.number) == $0.document })
    }

    @Test("results whose decisions are hidden by damage to the log are kept")
    func hidden() async throws {
        let base = SimulatedFileSystem()
        let (scene, documents) = try await Self.history(60, on: base)
        try await scene.store.close()
        let disk = base.copy(of: "")
        let name = try #require(disk.list("").first { FileName.segmentNumber($0) != nil })
        // The decisions are the last that came; and the footer.
        disk.damage(name) { bytes in
            for place in bytes.count * 3 / 4..<bytes.count { bytes[place] ^= 0x55 }
        }
        let (report, document) = try Self.rebuilt(disk, scene)
        #expect(report.carriedOverCount < documents.count, "some are hidden")
        let lost = documents.filter { document($0.number) != $0.document }
        #expect(lost.map(\.number) == [])
    }

    @Test("a snapshot whose results are derived anew is a data directory, and no snapshot any more")
    func snapshot() async throws {
        let base = SimulatedFileSystem()
        let (scene, _) = try await Self.history(60, on: base)
        try await scene.store.close()
        let backup = SimulatedFileSystem()
        _ = try StoreSnapshot.take(of: base.copy(of: ""), to: backup)
        #expect(try backup.list("").contains(FileName.snapshotList))
        // One that is refused changes nothing.
        let newer = backup.copy(of: "")
        newer.damage(FileName.manifest) { $0[8] = 2 }
        #expect(throws: LogError.self) { try Self.rebuilt(newer, scene) }
        #expect(try newer.list("").contains(FileName.snapshotList))
        _ = try Self.rebuilt(backup, scene)
        backup.crash { $0.lowerBound }
        #expect(try !backup.list("").contains(FileName.snapshotList))
        let refusal = #expect(throws: StoreRefusal.self) {
            try StoreSnapshot.restore(from: backup, to: SimulatedFileSystem())
        }
        #expect(refusal?.description.contains("take a new snapshot of it") == true)
    }

    @Test("a damaged result of another engine is counted, and derived by this one")
    func lost() async throws {
        let base = SimulatedFileSystem()
        let (scene, documents) = try await Self.history(60, on: base)
        try await scene.store.close()
        let disk = base.copy(of: "")
        let before = try StoreView.open(on: disk, named: "it", sources: scene.clock.sources).view
        let events = try #require(before.derived).index.events
        let wanted = documents[7]
        let place = try #require(events.first { $0.entry.name == String(wanted.number) })
        disk.damage(FileName.derivedDirectory + "/" + FileName.segment(place.segment)) { bytes in
            bytes[place.entry.offset + place.entry.byteCount - 1] ^= 0x55
        }
        let (report, document) = try Self.rebuilt(disk, scene)
        #expect(report.lostCount == 1 && report.carriedOverCount == documents.count - 1, "\(report)")
        #expect(report.failureCount == 0)
        let found = try #require(document(wanted.number))
        #expect(found != wanted.document)
    }
}
