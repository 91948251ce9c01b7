// Invariants checked: those at the head of InferenceStore+Erasure.swift, on a real directory: what is said to be gone
// is looked for in the raw files; and those of SegmentRewrite.swift, where these files are damaged.

import Disk
import EventLog
import Foundation
import JSON
import Queries
import Records
import Segments
import Simulation
import StoreSupport
import TestSupport
import Testing

@testable import Store

@Suite("Erasure")
struct ErasureTests {
    /// What an erasure is asked of, and of what.
    enum Command: CaseIterable { case delete, redact }

    /// A closed store whose one segment holds secrets of the pipeline's topic between another topic's numbers.
    private static func filled(isGrouped: Bool) async throws -> (scene: Scene, other: String) {
        let scene = try await Scene()
        let topic = scene.pipeline.topic.name
        let other = try await Scene.createPipeline("churn", in: WorkspaceID(1), scene.store, scene.clock)
            .topic
            .name
        for part in 0..<4 {
            _ = try await scene.store.append(
                HousekeepingTests.batch(part * 300, count: 300), topic: topic, partition: "engine")
            _ = try await scene.store.append(
                numbers(part * 300, count: 300), topic: other, partition: "engine")
            _ = try await scene.store.append(
                HousekeepingTests.batch(10_000 + part, count: 1), topic: topic, partition: "edge-1")
            _ = try await scene.store.append(
                numbers(10_000 + part, count: 1), topic: other, partition: "edge-1")
        }
        try await scene.store.close()
        guard isGrouped else { return (scene, other) }
        let grouped = try scene.copied()
        #expect(try await grouped.store.compact().problems == [])
        try await grouped.store.close()
        return (grouped, other)
    }

    private static func numbers(_ start: Int, count: Int) -> RecordBatch {
        let rows = start..<start + count
        return RecordBatch(
            times: rows.map { moment(Double($0)).milliseconds },
            fields: [FieldColumn(name: "in.x", values: .scalar(Leaf(.float64(rows.map { Double($0) / 8 }))))])
    }

    private static func segments(_ folder: TemporaryFolder) -> [String] {
        folder.names(in: "").filter { FileName.segmentNumber($0) != nil }
    }

    @Test("a redacted field is out of every answer at once, and its bytes are in no file any more")
    func redaction() async throws {
        let scene = try await HousekeepingTests.filled()
        let topic = scene.pipeline.topic.name
        #expect(try HousekeepingTests.names(scene.store, topic) == 1824)
        #expect(
            try !HousekeepingTests.files(of: scene.folder, holding: HousekeepingTests.secret).isEmpty,
            "the alarm works")
        let numbers = try HousekeepingTests.numbers(scene.store.log.snapshot(), topic)
        let report = try await scene.store.redact("in.name", ofTopic: topic)
        #expect(report.problems == [] && report.recordCount == 1824)
        #expect(try HousekeepingTests.names(scene.store, topic) == 0)
        let after = try HousekeepingTests.numbers(scene.store.log.snapshot(), topic)
        #expect(after.values == numbers.values && after.times == numbers.times)
        #expect(try HousekeepingTests.files(of: scene.folder, holding: HousekeepingTests.secret) == [])
        #expect(try await scene.store.redact("in.name", ofTopic: topic).commit == nil, "asked again")
        // What comes later may have the field, and restarts do not bring anything back.
        _ = try await scene.store.append(
            HousekeepingTests.batch(90_000, count: 2), topic: topic, partition: "engine")
        #expect(try HousekeepingTests.names(scene.store, topic) == 2)
        let again = try await scene.restarted()
        #expect(try HousekeepingTests.names(again.store, topic) == 2)
        #expect(try StoreCheck.run(again.folder.path).findings == [])
        try await again.store.close()
    }

    //  gate       held ─────────────── free
    //  deletion         waits at it ── erases 1824 and 5
    //  append                       5
    @Test("a deletion counts what it let go, also records that came while it waited for its turn")
    func deletionCount() async throws {
        let scene = try await HousekeepingTests.filled()
        let (store, topic) = (scene.store, scene.pipeline.topic.name)
        let deletion = try await store.gate.pass {
            let deletion = Task { try await store.deleteRecords(ofTopic: topic) }
            try await waitUntil { store.gate.state.withLock { $0.waiting.count == 1 } }
            _ = try await store.append(
                HousekeepingTests.batch(20_000, count: 5), topic: topic, partition: "engine")
            return deletion
        }
        #expect(try await deletion.value.recordCount == 1829)
        // The next tombstone names the addresses of all of them again.
        _ = try await store.append(
            HousekeepingTests.batch(30_000, count: 2), topic: topic, partition: "engine")
        #expect(try await store.deleteRecords(ofTopic: topic).recordCount == 2)
        try await store.close()
    }

    @Test(
        "a deleted topic's records are gone from answers and files; others stay; addresses are not given again"
    )
    func deletion() async throws {
        let scene = try await HousekeepingTests.filled()
        let topic = scene.pipeline.topic.name
        let other = try await Scene.createPipeline("churn", in: WorkspaceID(1), scene.store, scene.clock)
        _ = try await scene.store.append(
            RecordBatch(
                times: [1, 2], fields: [FieldColumn(name: "in.x", values: .scalar(Leaf(.float64([1, 2]))))]),
            topic: other.topic.name, partition: "engine")
        let report = try await scene.store.deleteRecords(ofTopic: topic)
        #expect(report.problems == [] && report.recordCount == 1824)
        #expect(scene.store.log.snapshot().index.topics[topic]?.rowCount == 0)
        #expect(scene.store.log.snapshot().index.topics[other.topic.name]?.rowCount == 2)
        #expect(try HousekeepingTests.files(of: scene.folder, holding: HousekeepingTests.secret) == [])
        #expect(try await scene.store.deleteRecords(ofTopic: topic).commit == nil, "asked again")
        let again = try await scene.restarted()
        let span = try await again.store.append(
            HousekeepingTests.batch(0, count: 1), topic: topic, partition: "engine")
        #expect(span.firstIndex == 1800)
        #expect(scene.store.log.snapshot().index.topics[topic]?.isDeleted == true)
        #expect(again.store.log.snapshot().index.topics[topic]?.isDeleted == false, "a record came since")
        #expect(try StoreCheck.run(again.folder.path).findings == [])
        await #expect(throws: StoreRefusal.self) { try await again.store.deleteRecords(ofTopic: "nobody") }
        try await again.store.close()
    }

    @Test("a field that no record has is refused with those there are, and a part of one with the whole")
    func redactionOfNothing() async throws {
        let scene = try await HousekeepingTests.filled()
        let topic = scene.pipeline.topic.name
        let before = scene.store.log.cut
        for (field, remedy) in [("name", "it has \"in.name\", \"in.x\""), ("in.name.first", "redact that")] {
            let error = await #expect(throws: FieldError.self) {
                try await scene.store.redact(field, ofTopic: topic)
            }
            #expect(
                error.map { "\($0)".contains(remedy) && "\($0)".contains("no record") } == true, "\(field)")
        }
        #expect(scene.store.log.cut == before)
        // A field of some records is gone from those.
        _ = try await scene.store.append(
            RecordBatch(
                times: [1], fields: [FieldColumn(name: "in.y", values: .scalar(Leaf(.bool([true]))))]),
            topic: topic, partition: "engine")
        #expect(try await scene.store.redact("in.y", ofTopic: topic).recordCount < 100)
        try await scene.store.close()
    }

    // MARK: Of damaged files

    @Test(
        "with any byte damaged the bytes are gone, or the answer says where they are; other topics lose nothing",
        arguments: Command.allCases, [false, true])
    func anyByte(command: Command, isGrouped: Bool) async throws {
        let (scene, other) = try await Self.filled(isGrouped: isGrouped)
        let name = try #require(
            Self.segments(scene.folder).first { name in
                try HousekeepingTests.files(of: scene.folder, holding: HousekeepingTests.secret).contains(
                    name)
            })
        let byteCount = try #require(FileManager.default.contents(atPath: scene.folder.path + "/" + name))
            .count
        var generator = SeededGenerator(seed: 11)
        // Of the header, of the footer, and anywhere.
        var offsets = [3, 9, 30, byteCount - 3, byteCount - 20, byteCount - 60]
        offsets += (0..<24).map { _ in Int.random(in: 32..<byteCount, using: &generator) }
        var (goneCount, saidCount) = (0, 0)
        for offset in offsets {
            let damaged = try scene.folder.copy()
            let path = damaged.path + "/" + name
            var bytes = try #require(FileManager.default.contents(atPath: path))
            bytes[offset] ^= 0x10
            try bytes.write(to: URL(fileURLWithPath: path))
            // Who has to delete gives up what nobody sees, if it comes to that.
            var configuration = damaged.configuration()
            configuration.log.goesOnWithoutUnseen = true
            // A version that this build does not know is no damage: the opening is refused.
            guard let store = try? InferenceStore.open(configuration, sources: scene.clock.sources).store
            else { continue }
            let topic = scene.pipeline.topic.name
            let before = try? HousekeepingTests.numbers(store.log.snapshot(), other)
            let report =
                command == .delete
                ? try await store.deleteRecords(ofTopic: topic)
                : try await store.redact("in.name", ofTopic: topic)
            let place: Comment = "\(command), byte \(offset) of \(byteCount), \(report.problems)"
            if Self.segments(damaged).contains(name) {
                saidCount += 1
                for asked in 0..<2 {
                    let problems =
                        asked == 0
                        ? report.problems
                        : command == .delete
                            ? try await store.deleteRecords(ofTopic: topic).problems
                            : try await store.redact("in.name", ofTopic: topic).problems
                    #expect(
                        problems.contains {
                            $0.contains("\(name) at byte ") && $0.contains("from a backup")
                        }, place)
                }
            } else {
                goneCount += 1
                #expect(
                    try HousekeepingTests.files(of: damaged, holding: HousekeepingTests.secret) == [], place)
                #expect(report.problems.allSatisfy { $0.contains("are deleted whole") }, place)
            }
            let after = try? HousekeepingTests.numbers(store.log.snapshot(), other)
            #expect(after?.values == before?.values && after?.times == before?.times, place)
            try await store.close()
        }
        print("\(command), grouped \(isGrouped): gone in \(goneCount) files, said to stay in \(saidCount)")
        #expect(goneCount >= 10 && saidCount >= 2)
    }

    @Test("a block whose head is damaged goes whole with a field's redaction, and the answer says so")
    func damagedHead() async throws {
        let (scene, _) = try await Self.filled(isGrouped: false)
        let topic = scene.pipeline.topic.name
        let folder = try scene.folder.copy()
        let (snapshot, _) = try InferenceLog.openForReading(on: PosixFileSystem(root: folder.path))
        let segment = try #require(snapshot.index.topics[topic]?.segments.first)
        let block = try #require(segment.blocks.first { $0.firstIndex == 300 && $0.partition == "engine" })
        let path = folder.path + "/" + FileName.segment(segment.segment)
        var bytes = try #require(FileManager.default.contents(atPath: path))
        bytes[block.offset + block.headByteCount - 2] ^= 1
        try bytes.write(to: URL(fileURLWithPath: path))
        let store = try InferenceStore.open(folder.configuration(), sources: scene.clock.sources).store
        let again = Scene(folder: folder, clock: scene.clock, store: store, pipeline: scene.pipeline)
        let report = try await again.store.redact("in.name", ofTopic: topic)
        #expect(report.problems.count == 1)
        #expect(
            report.problems.first?.hasPrefix("records 300 to 599 of partition \"engine\" are deleted whole")
                == true, "\(report.problems)")
        #expect(
            try HousekeepingTests.files(of: again.folder, holding: HousekeepingTests.secret) == [])
        let index = try #require(again.store.log.snapshot().index.topics[topic])
        #expect(index.letGo == ["engine": IndexRanges(300..<600)] && index.rowCount == 904)
        #expect(try await again.store.redact("in.name", ofTopic: topic).problems == [], "asked again")
        let third = try await again.restarted()
        #expect(try StoreCheck.run(third.folder.path).findings == [])
        try await third.store.close()
    }

    @Test("the background tries a stopped erasure again, ever more seldom, until nothing stops it")
    func background() async throws {
        let (scene, other) = try await Self.filled(isGrouped: false)
        let folder = try scene.folder.copy()
        let (snapshot, _) = try InferenceLog.openForReading(on: PosixFileSystem(root: folder.path))
        let segment = try #require(snapshot.index.topics[other]?.segments.first)
        let block = try #require(segment.blocks.first)
        func flip() throws {
            let file = try #require(
                FileHandle(forUpdatingAtPath: folder.path + "/" + FileName.segment(segment.segment)))
            let offset = UInt64(block.offset + block.headByteCount - 2)
            try file.seek(toOffset: offset)
            let byte = try #require(try file.read(upToCount: 1)?.first)
            try file.seek(toOffset: offset)
            try file.write(contentsOf: [byte ^ 1])
            try file.close()
        }
        try flip()
        let store = try InferenceStore.open(folder.configuration(), sources: scene.clock.sources).store
        let report = try await store.deleteRecords(ofTopic: scene.pipeline.topic.name)
        #expect(report.problems.count == 1 && report.pendingSegments == [segment.segment])
        #expect(report.json.text.contains("\"segments_pending\":[\"\(FileName.segment(segment.segment))\"]"))
        let housekeeper = Housekeeper(store, logger: noLog)
        func isPending() -> Bool { !store.log.snapshot().index.pendingErasures.isEmpty }
        // Tries are the rounds 1, 2, 4 and 8.
        var pendingAfter: [Bool] = []
        for round in 1...9 {
            if round == 5 { try flip() }
            await housekeeper.round()
            pendingAfter.append(isPending())
        }
        #expect(pendingAfter == [true, true, true, true, true, true, true, false, false])
        #expect(try HousekeepingTests.files(of: folder, holding: HousekeepingTests.secret) == [])
        try await store.close()
    }
}
