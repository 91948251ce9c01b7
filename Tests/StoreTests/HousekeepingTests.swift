// Invariants checked: those at the heads of InferenceStore+Housekeeping.swift and Housekeeper.swift, on a real
// directory.

import Disk
import EventLog
import Foundation
import JSON
import Logging
import Queries
import Records
import Segments
import Simulation
import StoreSupport
import TestSupport
import Testing

@testable import Store

@Suite("Housekeeping")
struct HousekeepingTests {
    static let secret = "Erika-Mustermann-1964"

    /// Records a second apart from second `start` on, with a secret in each.
    static func batch(_ start: Int, count: Int) -> RecordBatch {
        let rows = start..<start + count
        return RecordBatch(
            times: rows.map { moment(Double($0)).milliseconds },
            fields: [
                FieldColumn(
                    name: "in.name",
                    values: .scalar(Leaf(.text(TextColumn(rows.map { "\(secret)-\($0 % 3)" }))))),
                FieldColumn(name: "in.x", values: .scalar(Leaf(.float64(rows.map { Double($0) / 4 })))),
            ])
    }

    /// Blocks, small blocks and an active segment with the secret.
    static func filled() async throws -> Scene {
        let scene = try await Scene()
        let topic = scene.pipeline.topic.name
        for part in 0..<6 {
            _ = try await scene.store.append(batch(part * 300, count: 300), topic: topic, partition: "engine")
            for single in 0..<4 {
                _ = try await scene.store.append(
                    batch(10_000 + part * 4 + single, count: 1), topic: topic, partition: "edge-1")
            }
        }
        return scene
    }

    /// Names of the files below the folder that hold `text`, stored or in a frame of ours.
    static func files(of folder: TemporaryFolder, holding text: String) throws -> [String] {
        let names = try FileManager.default.subpathsOfDirectory(atPath: folder.path)
        return names.filter { name in
            FileManager.default.contents(atPath: folder.path + "/" + name)?.range(of: Data(text.utf8)) != nil
        }
    }

    static func names(_ store: InferenceStore, _ topic: String) throws -> Int {
        let rows = try RecordScan(store.log.snapshot()).window(topic: topic, .always, limit: .max)
        return rows.rows.count { place in
            rows.batches[place.batch].fields.contains { $0.name == "in.name" }
        }
    }

    static func numbers(_ snapshot: LogSnapshot, _ topic: String) throws -> ColumnValues {
        try ColumnScan(snapshot).values(
            WindowQuery(topic: topic, window: .always, path: try IOPath(parsing: "input x 0")))
    }

    @Test("retention reaches records that wait in memory to become a block, also after a restart")
    func retentionOfTails() async throws {
        var scene = try await Scene()
        let topic = scene.pipeline.topic.name
        for second in 0..<5 {
            _ = try await scene.store.append(
                Self.batch(second * 10, count: 2), topic: topic, partition: "p\(second)")
        }
        try await scene.store.setRetention(
            RetentionPolicy(age: TimeSpan(microseconds: 100_000_000)), of: topic)
        scene.clock.set(moment(125))
        #expect(try await scene.store.applyRetention().recordCounts == [topic: 6])
        #expect(try await scene.store.applyRetention() == RetentionReport(), "asked again")
        #expect(try Self.names(scene.store, topic) == 4)
        scene = try await scene.restarted()
        #expect(try Self.names(scene.store, topic) == 4)
        try await scene.store.close()
    }

    @Test("retention lets whole blocks go by age and by bytes, and survives a restart")
    func retention() async throws {
        let scene = try await Self.filled()
        let topic = scene.pipeline.topic.name
        scene.clock.set(moment(1500))
        try await scene.store.setRetention(
            RetentionPolicy(age: TimeSpan(microseconds: 700_000_000)), of: topic)
        // Blocks end at seconds 299, 599, 899 …; what is before second 800 goes, in whole blocks.
        #expect(try await scene.store.applyRetention().recordCounts == [topic: 600])
        #expect(try await scene.store.applyRetention() == RetentionReport(), "asked again")
        let index = try #require(scene.store.log.snapshot().index.topics[topic])
        #expect(index.letGo == ["engine": IndexRanges(0..<600)])
        // What waits is newer than all blocks.
        let bound =
            try #require(index.segments.flatMap(\.blocks).map(\.byteCount).min())
            + index.tails.values.joined().reduce(0) { $0 + $1.byteCount }
        try await scene.store.setRetention(RetentionPolicy(byteCount: bound), of: topic)
        try await scene.store.applyRetention()
        let again = try await scene.restarted()
        #expect(again.store.retention(of: topic) == RetentionPolicy(byteCount: bound))
        #expect(
            again.store.log.snapshot().index.topics[topic]?.letGo["engine"]?.ranges.first?.lowerBound == 0)
        #expect(
            try Self.numbers(again.store.log.snapshot(), topic).times.min() ?? 0 >= moment(900).milliseconds)
        let report = try await again.store.compact()
        #expect(report.problems == [] && report.bytesAfter < report.bytesBefore)
        #expect(try StoreCheck.run(again.folder.path).findings == [])
        try await again.store.close()
    }

    @Test("what is as old as the age stays, and what is older goes; as many bytes as are kept stay")
    func bounds() async throws {
        let scene = try await Scene()
        let topic = scene.pipeline.topic.name
        // A block that ends at second 1099, and a record in memory of the same moment.
        _ = try await scene.store.append(Self.batch(0, count: 1100), topic: topic, partition: "engine")
        _ = try await scene.store.append(Self.batch(1099, count: 1), topic: topic, partition: "edge-1")
        try await scene.store.setRetention(
            RetentionPolicy(age: TimeSpan(microseconds: 100_000_000)), of: topic)
        scene.clock.set(moment(1199))
        #expect(try await scene.store.applyRetention() == RetentionReport())
        scene.clock.set(moment(1199.001))
        #expect(try await scene.store.applyRetention().recordCounts == [topic: 1101])
        for part in 1...2 {
            _ = try await scene.store.append(
                Self.batch(part * 10_000, count: 1100), topic: topic, partition: "engine")
        }
        let blocks = try #require(scene.store.log.snapshot().index.topics[topic]).segments.flatMap(\.blocks)
        #expect(blocks.count == 2)
        let byteCount = blocks.reduce(0) { $0 + $1.byteCount }
        try await scene.store.setRetention(RetentionPolicy(byteCount: byteCount), of: topic)
        #expect(try await scene.store.applyRetention() == RetentionReport())
        try await scene.store.setRetention(RetentionPolicy(byteCount: byteCount - 1), of: topic)
        #expect(try await scene.store.applyRetention().recordCounts == [topic: 1100])
        try await scene.store.close()
    }

    // Blocks alone were counted and went: the newest records, while the oldest stayed, which waited in memory.
    @Test(
        "past the bytes the oldest go, in blocks or waiting to become one, and what waits is bounded as well")
    func oldestFirst() async throws {
        let scene = try await Scene()
        let topic = scene.pipeline.topic.name
        func index(_ topic: String) throws -> TopicIndex {
            try #require(scene.store.log.snapshot().index.topics[topic])
        }
        for second in 0..<20 {
            _ = try await scene.store.append(Self.batch(second, count: 1), topic: topic, partition: "edge-1")
        }
        for part in 1...3 {
            _ = try await scene.store.append(
                Self.batch(part * 10_000, count: 1100), topic: topic, partition: "engine")
        }
        let blocks = try index(topic).segments.flatMap(\.blocks).sorted { $0.timeMax < $1.timeMax }
        try #require(blocks.count == 3)
        try await scene.store.setRetention(
            RetentionPolicy(byteCount: blocks[1].byteCount + blocks[2].byteCount), of: topic)
        #expect(try await scene.store.applyRetention().recordCounts == [topic: 1120])
        #expect(
            try index(topic).letGo == ["edge-1": IndexRanges(0..<20), "engine": IndexRanges(0..<1100)])
        #expect(try await scene.store.applyRetention() == RetentionReport(), "asked again")

        let other = try await Scene.createPipeline("churn", in: WorkspaceID(1), scene.store, scene.clock)
        let singles = other.topic.name
        for second in 0..<100 {
            _ = try await scene.store.append(
                Self.batch(second, count: 1), topic: singles, partition: "engine")
        }
        let runs = try #require(try index(singles).tails["engine"])
        let byteCount = try index(singles).byteCount
        try #require(runs.count > 1 && byteCount == runs.reduce(0) { $0 + $1.byteCount })
        try await scene.store.setRetention(RetentionPolicy(byteCount: byteCount), of: singles)
        #expect(try await scene.store.applyRetention() == RetentionReport())
        try await scene.store.setRetention(RetentionPolicy(byteCount: byteCount - 1), of: singles)
        let first = runs[0].batch.rowCount
        #expect(try await scene.store.applyRetention().recordCounts == [singles: UInt64(first)])
        #expect(try index(singles).letGo == ["engine": IndexRanges(0..<UInt64(first))])
        let again = try await scene.restarted()
        #expect(again.store.log.snapshot().index.topics[singles]?.rowCount == 100 - first)
        #expect(try StoreCheck.run(again.folder.path).findings == [])
        try await again.store.close()
    }

    // A window that holds nothing but the last record of what goes depends on it all the same; so do those before
    // the first record of another part that goes, whose times the first part's hold.
    @Test("retention seals every window of what goes, from its first record to its last")
    func sealsToTheLastRecord() async throws {
        let scene = try await Scene()
        let topic = scene.pipeline.topic.name
        let id = try await scene.createAssay()
        try await scene.append([(1, 1), (61, 2), (62, 3), (120, 4)])
        try await scene.append([(118, 5), (119, 6)], partition: "edge-1")
        scene.clock.set(moment(190))
        await scene.scheduler.tick()
        #expect(try scene.decisions(id) == ["0:complete1", "60:complete1", "120:complete1"])
        try await scene.store.setRetention(
            RetentionPolicy(age: TimeSpan(microseconds: 60_000_000)), of: topic)
        #expect(try await scene.store.applyRetention().recordCounts == [topic: 6])
        let view = scene.store.view
        let assay = try #require(view.book[id])
        #expect(assay.decisions.count == 3 && assay.decisions.allSatisfy(view.isSealed))
        try await scene.store.close()
    }

    @Test("rows that came by the thousands are final as written", arguments: [1023, 1024])
    func wholeBlocks(rowCount: Int) async throws {
        let scene = try await Scene()
        for part in 0..<4 {
            _ = try await scene.store.append(
                Self.batch(part * rowCount, count: rowCount), topic: scene.pipeline.topic.name,
                partition: "engine")
        }
        let again = try await scene.restarted()
        let report = try await again.store.compact()
        #expect(report.rewrites == (rowCount < 1024 ? ["regrouping": 1] : [:]))
        try await again.store.close()
    }

    // Records in memory stay when blocks behind them go, and the check took them for records of before.
    @Test("what stays below records that were let go is found whole by the check, rewritten or not")
    func staysBelow() async throws {
        let scene = try await Scene()
        let topic = scene.pipeline.topic.name
        for part in 0..<4 {
            for (first, count) in [(part * 303, 3), (part * 303 + 3, 300)] {
                _ = try await scene.store.append(
                    Self.batch(first, count: count), topic: topic, partition: "engine")
            }
        }
        var ranges = IndexRanges()
        for part in 0..<3 as Range<UInt64> { ranges.insert(part * 303 + 3..<part * 303 + 303) }
        let tombstone = Tombstone(topic: topic, reason: .retention, ranges: ["engine": ranges])
        #expect(try await scene.store.log.letGo(tombstone) == tombstone)
        let again = try await scene.restarted()
        #expect(try StoreCheck.run(again.folder.path).findings == [])
        #expect(try await again.store.compact().rewriteCount > 0)
        #expect(try StoreCheck.run(again.folder.path).findings == [])
        #expect(again.store.log.snapshot().index.topics[topic]?.rowCount == 4 * 3 + 300)
        try await again.store.close()
    }

    @Test("regrouping changes no answer, to the byte, and a path is then read in few runs")
    func regrouping() async throws {
        let scene = try await Scene()
        let topic = scene.pipeline.topic.name
        for part in 0..<40 {
            _ = try await scene.store.append(
                Self.batch(part * 300, count: 300), topic: topic, partition: "engine")
        }
        let first = try await scene.restarted()
        let held = first.store.log.snapshot()
        let before = try Self.numbers(held, topic)
        let report = try await first.store.compact()
        #expect(report.rewrites == ["regrouping": 1])
        let after = try Self.numbers(first.store.log.snapshot(), topic)
        #expect(
            after.values.map(\.bitPattern) == before.values.map(\.bitPattern) && after.times == before.times)
        #expect(after.statistics.unseen == [] && after.statistics.blocksRead == 40)
        // A reader of before goes on with files whose names are gone.
        #expect(try Self.numbers(held, topic).values == before.values)
        #expect(try await first.store.compact().rewriteCount == 0, "asked again")
        #expect(try StoreCheck.run(first.folder.path).findings == [])
        try await first.store.close()
    }

    @Test(
        "what retention lets go of the segment that is written leaves the disk, in the background from a megabyte on",
        arguments: [false, true], [2000, 60_000])
    func activeSegment(isAsked: Bool, rowCount: Int) async throws {
        let scene = try await Scene()
        let topic = scene.pipeline.topic.name
        var generator = SeededGenerator(seed: 5)
        for part in 0..<5 {
            let values = (0..<rowCount).map { _ in Double.random(in: 0..<1, using: &generator) }
            _ = try await scene.store.append(
                RecordBatch(
                    times: (0..<rowCount).map { moment(Double(part * 100)).milliseconds + Int64($0) },
                    fields: [FieldColumn(name: "in.x", values: .scalar(Leaf(.float64(values))))]),
                topic: topic, partition: "engine")
        }
        func byteCount() throws -> Int {
            try FileManager.default.contentsOfDirectory(atPath: scene.folder.path)
                .filter { $0.hasPrefix("segment") }
                .reduce(0) {
                    $0 + (FileManager.default.contents(atPath: scene.folder.path + "/" + $1)?.count ?? 0)
                }
        }
        let before = try byteCount()
        try #require(before > 5 * 5 * rowCount)
        // All but the last part.
        scene.clock.set(moment(1000))
        try await scene.store.setRetention(
            RetentionPolicy(age: TimeSpan(microseconds: 610_000_000)), of: topic)
        if isAsked {
            let report = try await scene.store.compact()
            #expect(report.problems == [] && report.rewrites == ["half dead": 1])
        } else {
            await Housekeeper(scene.store, logger: noLog).round()
        }
        #expect(scene.store.log.snapshot().index.topics[topic]?.rowCount == rowCount)
        let isWorthIt = isAsked || rowCount == 60_000
        #expect(try isWorthIt ? byteCount() * 4 < before : byteCount() >= before)
        #expect(try StoreCheck.run(scene.folder.path).findings == [])
        try await scene.store.close()
    }

    @Test(
        "a clock that is set ahead lets nothing go by age before it has stood by that for an hour",
        arguments: [false, true])
    func aheadOfTime(isTakenBack: Bool) async throws {
        let scene = try await Scene()
        let topic = scene.pipeline.topic.name
        _ = try await scene.store.append(Self.batch(0, count: 300), topic: topic, partition: "engine")
        scene.clock.set(moment(300))
        try await scene.store.setRetention(
            RetentionPolicy(age: TimeSpan(microseconds: 86_400_000_000)), of: topic)
        let messages = Messages()
        let housekeeper = Housekeeper(scene.store, logger: messages.logger)
        func isGone() -> Bool {
            scene.store.log.snapshot().index.topics[topic]?.letGo.isEmpty == false
        }
        scene.clock.set(moment(40_000_000))
        // Whoever sees the step first.
        let asked = try await scene.store.compact()
        #expect(!isGone() && asked.problems.count == 1 && asked.problems[0].contains("the clock went ahead"))
        await housekeeper.round()
        #expect(!isGone())
        if isTakenBack {
            scene.clock.set(moment(330))
            await housekeeper.round()
            #expect(!isGone())
            // The day is over, and by nobody's step.
            scene.clock.pass(86_400)
        } else {
            scene.clock.pass(3_599)
            await housekeeper.round()
            #expect(!isGone())
            scene.clock.pass(2)
        }
        await housekeeper.round()
        #expect(isGone())
        // Once, though it was not the one that saw it.
        #expect(messages.all.count { $0.hasPrefix("the clock went ahead by ") } == 1)
        try await scene.store.close()
    }

    // Whether it was doubted was asked of one reading, and ages were counted to the next.
    @Test(
        "a clock that is set ahead while it is read lets nothing go by age either", arguments: [false, true])
    func aheadMeanwhile(isAsked: Bool) async throws {
        let scene = try await Scene()
        let topic = scene.pipeline.topic.name
        _ = try await scene.store.append(Self.batch(0, count: 300), topic: topic, partition: "engine")
        scene.clock.set(moment(300))
        try await scene.store.setRetention(
            RetentionPolicy(age: TimeSpan(microseconds: 86_400_000_000)), of: topic)
        let housekeeper = Housekeeper(scene.store, logger: noLog)
        scene.clock.leapOnceAsked(40_000_000)
        for _ in 1...2 {
            if isAsked { _ = try await scene.store.compact() } else { await housekeeper.round() }
            #expect(scene.clock.now == moment(40_000_300))
            #expect(scene.store.log.snapshot().index.topics[topic]?.letGo.isEmpty == true)
        }
        try await scene.store.close()
    }

    @Test("the background carries retention out, and regroups what was sealed for a while")
    func background() async throws {
        let scene = try await Scene()
        let topic = scene.pipeline.topic.name
        for part in 0..<4 {
            _ = try await scene.store.append(
                Self.batch(part * 300, count: 300), topic: topic, partition: "engine")
        }
        scene.clock.set(moment(1500))
        let again = try await scene.restarted()
        let housekeeper = Housekeeper(again.store, logger: Logger(label: "test"))
        func origins() -> [SegmentOrigin] {
            again.store.log.snapshot().index.uses.values.map(\.header.origin)
        }
        await housekeeper.round()
        again.clock.pass(500)
        await housekeeper.round()
        #expect(!origins().contains(.rewritten), "it has not been sealed for long")
        again.clock.pass(101)
        await housekeeper.round()
        #expect(origins().contains(.rewritten))
        let age = TimeSpan(microseconds: 1_600_000_000)
        try await again.store.setRetention(RetentionPolicy(age: age), of: topic)
        await housekeeper.round()
        #expect(
            again.store.log.snapshot().index.topics[topic]?.letGo == ["engine": IndexRanges(0..<300)])
        try await again.store.close()
    }
}
