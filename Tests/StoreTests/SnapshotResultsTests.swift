// Invariants checked: those at the head of StoreSnapshot+Results.swift, but for the memory, and with them those of
// StoreSnapshot.swift, with the power cut and with each operation failing. Everything is measured on what a restored
// store answers.

import Assays
import Disk
import EventLog
import Records
import Simulation
import Testing

@testable import Store

@Suite("Results in snapshots")
struct SnapshotResultsTests {
    /// A data directory with results of this engine and of another, closed.
    private struct History {
        let disk: SimulatedFileSystem
        let scene: Scene
        /// Results of another engine.
        let others: [(number: Int, document: [UInt8])]

        init() async throws {
            disk = SimulatedFileSystem()
            (scene, others) = try await RebuildTests.history(60, on: disk)
            // Of a decision that was not seen yet when the log was copied.
            try await scene.store.keep([(Self.undecided, Array("{}".utf8))])
            try await scene.store.close()
        }

        static let undecided = 10_000
        /// Kept, of each generation, and made by this engine.
        static let own = [1, 2]

        func take(of source: (any FileSystem)? = nil, to target: any FileSystem) throws
            -> StoreSnapshot.Report
        {
            try StoreSnapshot.take(of: source ?? disk.copy(of: ""), to: target, resultsAtOnce: 120)
        }

        func view(_ files: any FileSystem) throws -> StoreView {
            try StoreView.open(on: files, named: "it", sources: scene.clock.sources).view
        }

        /// The numbers of the results that a restored snapshot keeps.
        func kept(_ snapshot: SimulatedFileSystem) throws -> Set<Int> {
            let restored = SimulatedFileSystem()
            _ = try StoreSnapshot.restore(from: snapshot, to: restored)
            let view = try view(restored)
            return view.derived.map { view.places.derived.numbers(in: $0) } ?? []
        }

        /// Damages one result as it is kept.
        func damage(_ number: Int, on disk: SimulatedFileSystem) throws {
            let events = try #require(try view(disk).derived).index.events
            let place = try #require(events.first { $0.entry.name == String(number) })
            disk.damage(FileName.derivedDirectory + "/" + FileName.segment(place.segment)) { bytes in
                bytes[place.entry.offset + place.entry.byteCount - 1] ^= 0x55
            }
        }
    }

    // They were lost: a restored store answered with what its own rules say.
    @Test("a restored store answers and verifies as the one that the snapshot was taken of")
    func restored() async throws {
        let history = try await History()
        let (backup, disk) = (SimulatedFileSystem(), SimulatedFileSystem())
        let report = try history.take(to: backup)
        #expect(report.damages == [])
        #expect(try StoreSnapshot.restore(from: backup, to: disk) == report)
        let (before, after) = (try history.view(history.disk), try history.view(disk))
        for assay in before.book.list() {
            #expect(
                try after.revisions(of: assay.id, startingIn: .always)
                    == before.revisions(of: assay.id, startingIn: .always))
        }
        let derived = try #require(after.derived)
        let other = history.others.filter {
            after.places.derived.document($0.number, in: derived) != $0.document
        }
        #expect(other.map(\.number) == [])
        // Nothing but these: what follows from the log, and what the copied log does not know.
        #expect(after.places.derived.numbers(in: derived) == Set(history.others.map(\.number)))
        let configuration = history.scene.folder.configuration()
        var (expected, found) = (try before.verify(configuration), try after.verify(configuration))
        #expect(expected.otherEngineCount == 60 && expected.equalCount == 2)
        // How many are kept beside the log is another question.
        (expected.keptCount, found.keptCount) = (0, 0)
        #expect(found == expected)
        // And it can be written.
        let store = try InferenceStore.open(configuration, on: disk, sources: history.scene.clock.sources)
            .store
        try await store.close()
        #expect(try StoreCheck.run(on: disk).findings == [])
    }

    @Test("where all results follow from the log, or lie in it, none is held, and older builds restore it")
    func none() async throws {
        let history = try await History()
        for isSealed in [false, true] {
            let scene: Scene
            if isSealed {
                scene = try await RebuildTests.history(10).scene
                try await scene.store.sealResults(ofTopic: scene.pipeline.topic.name, touching: [.always])
            } else {
                scene = try await StoredResultsTests.history().scene
            }
            try await scene.store.close()
            let backup = SimulatedFileSystem()
            let report = try history.take(of: PosixFileSystem(root: scene.folder.path), to: backup)
            #expect(!report.files.contains { $0.name.hasPrefix(FileName.derivedDirectory) })
            let list = try #require(backup.bytes(of: FileName.snapshotList))
            #expect(String(decoding: list, as: UTF8.self).hasPrefix("assaylog snapshot 1\n"))
        }
    }

    @Test("where the log is damaged, all results that are not sealed are held")
    func damagedLog() async throws {
        let history = try await History()
        let disk = history.disk.copy(of: "")
        let snapshot = try InferenceLog.openForReading(on: disk).snapshot
        let topic = history.scene.pipeline.topic.name
        let segment = try #require(snapshot.index.topics[topic]?.segments.first)
        let block = try #require(segment.blocks.first)
        disk.damage(FileName.segment(segment.segment)) { bytes in
            bytes[block.offset + block.byteCount - 1] ^= 0x55
        }
        let backup = SimulatedFileSystem()
        #expect(try !history.take(of: disk, to: backup).damages.isEmpty)
        let numbers = try history.kept(backup)
        #expect(numbers.isSuperset(of: History.own) && !numbers.contains(History.undecided))
        #expect(numbers.isSuperset(of: history.others.map(\.number)))
    }

    @Test("a damaged result is said, and the others are held; one that follows from the log is not missed")
    func damagedResult() async throws {
        let history = try await History()
        for (number, isMissed) in [(history.others[7].number, true), (History.own[0], false)] {
            let disk = history.disk.copy(of: "")
            try history.damage(number, on: disk)
            let backup = SimulatedFileSystem()
            let damages = try history.take(of: disk, to: backup).damages
            #expect(
                damages
                    == (isMissed
                        ? ["derived: 1 result that cannot be worked out again is damaged, and not copied"]
                        : []))
            #expect(
                try history.kept(backup)
                    == Set(history.others.map(\.number)).subtracting(isMissed ? [number] : []))
        }
        let disk = history.disk.copy(of: "")
        disk.damage(FileName.derivedDirectory + "/" + FileName.manifest) { $0[$0.count / 2] ^= 1 }
        let backup = SimulatedFileSystem()
        let damages = try history.take(of: disk, to: backup).damages
        #expect(
            damages.count == 1
                && damages[0].hasPrefix("results that cannot be worked out again are not copied: "))
        #expect(try history.kept(backup) == [])
    }

    @Test("a snapshot without its results is refused, and so is a list that leads elsewhere")
    func incomplete() async throws {
        let history = try await History()
        let backup = SimulatedFileSystem()
        let report = try history.take(to: backup)
        let names = report.files.map(\.name).filter { $0.hasPrefix(FileName.derivedDirectory) }
        #expect(names.count >= 2)
        for name in names {
            let (copy, target) = (backup.copy(of: ""), SimulatedFileSystem())
            try copy.remove(name)
            let refused = await refusal { _ = try StoreSnapshot.restore(from: copy, to: target) }
            #expect(refused.contains("\(name) of the snapshot is missing; it held "))
            #expect(refused.contains("bytes of assays' results that cannot be worked out again"))
            #expect(try target.list("") == [])
        }
        for name in [
            "derived/LOCK", "derived/../MANIFEST", "derived/FOLD", "derived/", "/MANIFEST",
            "derived/a/MANIFEST",
        ] {
            #expect(!StoreSnapshot.isOurs(name), "\(name)")
        }
    }

    @Test(
        "wherever the power goes a snapshot with results is whole or refused, and a restored store has all or is none",
        arguments: [true, false])
    func crashes(forgetsAllItMay: Bool) async throws {
        let history = try await History()
        let whole = SimulatedFileSystem()
        let report = try history.take(to: whole)
        let expected = try history.kept(whole)
        var operation = 0
        while true {
            let plan = SimulatedFileSystem.FaultPlan(crashAtOperation: operation)
            let disk = SimulatedFileSystem()
            disk.setPlan(plan)
            let taken = try? history.take(to: disk)
            disk.crash { forgetsAllItMay ? $0.lowerBound : $0.upperBound }
            if (try? StoreSnapshot.restore(from: disk, to: SimulatedFileSystem())) != nil {
                #expect(try history.kept(disk) == expected, "operation \(operation)")
            } else {
                #expect(taken == nil, "operation \(operation)")
            }
            let target = SimulatedFileSystem()
            target.setPlan(plan)
            let done = try? StoreSnapshot.restore(from: whole, to: target)
            target.crash { forgetsAllItMay ? $0.lowerBound : $0.upperBound }
            if try target.list("").contains(FileName.manifest) {
                let view = try history.view(target)
                #expect(view.snapshot.cut == report.cut)
                #expect(
                    view.derived.map { view.places.derived.numbers(in: $0) } == expected,
                    "operation \(operation)")
            } else {
                #expect(done == nil, "operation \(operation)")
            }
            if taken != nil, done != nil { break }
            operation += 1
        }
        #expect(operation > 40)
    }

    // Each operation, the syncs of directories too: what goes on behind one that failed answers, and is gone with
    // the power.
    @Test("an operation that fails once ends a snapshot or a restoring, or all of it survives the power")
    func failures() async throws {
        let history = try await History()
        let whole = SimulatedFileSystem()
        let report = try history.take(to: whole)
        let expected = try history.kept(whole)
        var (operation, wasHit, doneCount) = (0, true, 0)
        while wasHit {
            let plan = SimulatedFileSystem.FaultPlan(
                failAtOperation: operation, failureKind: operation % 2 == 0 ? .outOfSpace : .other)
            let (backup, restored) = (SimulatedFileSystem(), SimulatedFileSystem())
            backup.setPlan(plan)
            restored.setPlan(plan)
            let taken = try? history.take(of: history.disk, to: backup)
            let done = try? StoreSnapshot.restore(from: whole, to: restored)
            wasHit = backup.failureCount > 0 || restored.failureCount > 0
            backup.crash { $0.lowerBound }
            restored.crash { $0.lowerBound }
            if taken != nil {
                #expect(try history.kept(backup) == expected, "\(operation)")
                #expect(taken?.damages == [])
            }
            if done != nil {
                #expect(done == report)
                let view = try history.view(restored)
                #expect(view.snapshot.cut == report.cut, "\(operation)")
                #expect(
                    view.derived.map { view.places.derived.numbers(in: $0) } == expected, "\(operation)")
                doneCount += 1
            }
            operation += 1
        }
        #expect(operation > 20 && doneCount > 0)
    }
}
