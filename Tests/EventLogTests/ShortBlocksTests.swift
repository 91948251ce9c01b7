// Invariants checked: blocks of a few rows become one when their segment is made anew, and the log holds what it
// held; no tombstone ever divides a block; a rewrite that is given up leaves no file.

import CrashPoints
import Disk
import Records
import Segments
import Simulation
import TestSupport
import Testing

@testable import EventLog

@Suite struct ShortBlocksTests {
    private static let start: Int64 = 1_700_000_000_000

    private func part(
        _ number: Int, partition: String = "p", count: Int = 1, at time: Int64? = nil, isSmall: Bool = false,
        value: String = "one"
    ) -> Part {
        let records = (0..<count).map { row in
            ModelRecord(
                time: time ?? Self.start + Int64(number),
                fields: ["in.name": .text("\(value) \(number) \(row)")])
        }
        return Part(records, topic: "t", partition: partition, isSmall: isSmall)
    }

    private func drive(_ disk: SimulatedFileSystem = SimulatedFileSystem()) -> LogDrive {
        var drive = LogDrive(disk, LogConfiguration())
        drive.reopen()
        return drive
    }

    private func rowCounts(_ drive: LogDrive, partition: String = "p") -> [Int] {
        (drive.snapshot?.index.topics["t"]?.segments.flatMap(\.blocks) ?? [])
            .filter { $0.partition == partition }.map(\.rowCount)
    }

    /// A rewrite of all there is, which is durable and not switched to.
    private func written(_ drive: LogDrive) throws -> (plan: RewritePlan, segment: RewrittenSegment) {
        let writer = try #require(drive.writer)
        let due = try #require(Compaction().begin(writer))
        return (due.plan, try #require(try due.write().segment))
    }

    @Test("short neighbours are one block, of each partition its own, up to where a block is long enough")
    func joined() {
        var drive = drive()
        for number in 0..<60 { drive.run(.commit([part(number), part(number, partition: "q", count: 10)])) }
        drive.run(.commit([part(60, count: 255), part(61, count: 255), part(62, count: 256), part(63)]))
        drive.run(.close)
        drive.run(.compact(regroups: true))
        // 60 ones and the first 255 make the first block, which is then long enough.
        #expect(rowCounts(drive) == [315, 255, 256, 1])
        #expect(rowCounts(drive, partition: "q") == [260, 260, 80])
        // Two of the rewritten segment's are still short, and have no short neighbour.
        drive.run(.compact(regroups: true))
        drive.run(.kill)
        #expect(drive.violations == [] && drive.errors == [])
    }

    @Test("neighbours whose times lie a day apart, or whose fields do not unify, stay by themselves")
    func apart() {
        var drive = drive()
        let day: Int64 = 86_400_000
        let times = [0, 1, day - 1, day, .max, .min, 0].map {
            $0 == .max || $0 == .min ? $0 : Self.start + $0
        }
        for (number, time) in times.enumerated() { drive.run(.commit([part(number, at: time)])) }
        let list = ModelRecord(time: Self.start, fields: ["in.name": .list([.text("three")])])
        drive.run(.commit([Part([list], topic: "t", partition: "p", isSmall: false)]))
        drive.run(.close)
        drive.run(.compact(regroups: true))
        // A millisecond less than a day is near, and all of a block lies so near.
        #expect(rowCounts(drive) == [3, 1, 1, 1, 1, 1])
        #expect(drive.violations == [] && drive.errors == [])
    }

    @Test("one that does not unify keeps no other from being joined")
    func unlikeBetween() {
        var drive = drive()
        for number in 0..<3 { drive.run(.commit([part(number)])) }
        let list = ModelRecord(time: Self.start, fields: ["in.name": .list([.text("three")])])
        drive.run(.commit([Part([list], topic: "t", partition: "p", isSmall: false)]))
        for number in 3..<6 { drive.run(.commit([part(number)])) }
        drive.run(.close)
        drive.run(.compact(regroups: true))
        #expect(rowCounts(drive) == [3, 1, 3])
        #expect(drive.violations == [] && drive.errors == [])
    }

    @Test("what is decoded at once is bounded, also where a block is short on disk and long in memory")
    func bounded() {
        var drive = drive()
        func long(_ number: Int, _ count: Int) -> Part {
            part(number, value: String(repeating: "x", count: count))
        }
        // Two of 1.6 MB are one, three would be too much; those of 5 MB are by themselves.
        for number in 0..<5 { drive.run(.commit([long(number, 1_600_000)])) }
        for number in 5..<8 { drive.run(.commit([long(number, 5_000_000)])) }
        drive.run(.close)
        drive.run(.compact(regroups: true))
        #expect(rowCounts(drive) == [2, 2, 1, 1, 1, 1])
        #expect(drive.violations == [] && drive.errors == [])
    }

    @Test("a block that a tombstone had divided already is copied as it is, and ends no compaction")
    func dividedBefore() throws {
        var drive = drive()
        drive.run(.commit([part(0, count: 3), part(1), part(2)]))
        drive.run(.close)
        let writer = try #require(drive.writer)
        // As a release did that chose what to let go before the writer's thread rolled it.
        let half = Tombstone(topic: "t", reason: .retention, ranges: ["p": IndexRanges(0..<1)])
        _ = try writer.commit([.event(half.event)])
        var compaction = Compaction()
        var stepCount = 0
        while try compaction.step(writer) {
            stepCount += 1
            try #require(stepCount < 10)
        }
        #expect(compaction.report.rewriteCount == 1 && rowCounts(drive) == [3, 2])
    }

    @Test("a redacted field goes from joined blocks, and one that came after it stays")
    func redacted() {
        var drive = drive()
        for number in 0..<3 { drive.run(.commit([part(number)])) }
        drive.run(.redact(topic: "t", field: "in.name"))
        for number in 3..<5 { drive.run(.commit([part(number)])) }
        drive.run(.close)
        drive.run(.compact(regroups: true))
        #expect(rowCounts(drive) == [5])
        #expect(drive.violations == [] && drive.errors == [])
    }

    @Test("an erasure takes damaged columns along, unjoined")
    func damaged() throws {
        let disk = SimulatedFileSystem()
        var drive = drive(disk)
        for number in 0..<3 { drive.run(.commit([part(number)])) }
        let hidden = ModelRecord(time: Self.start, fields: ["in.name": .text("Erika")])
        drive.run(.commit([Part([hidden], topic: "hidden", partition: "p", isSmall: false)]))
        drive.run(.close)
        let block = try #require(drive.snapshot?.index.topics["t"]?.segments[0].blocks[1])
        disk.damage(FileName.segment(1)) { $0[block.offset + block.byteCount - 1] ^= 1 }
        let writer = try #require(drive.writer)
        _ = try writer.erase { Tombstone(deleting: "hidden", in: $0) }
        let report = try writer.compact(regroups: false).report
        #expect(report.rewrites == ["erasure": 1] && report.problems == [])
        #expect(rowCounts(drive) == [1, 1, 1])
    }

    @Test("a tombstone that comes while blocks are joined gives the rewrite up; the next one heeds it")
    func overtaken() throws {
        let disk = SimulatedFileSystem()
        var drive = drive(disk)
        for number in 0..<4 { drive.run(.commit([part(number)])) }
        drive.run(.close)
        let writer = try #require(drive.writer)
        let (plan, segment) = try written(drive)
        #expect(segment.directory.blocks.map(\.rowCount) == [4], "the alarm works")
        let second = Tombstone(topic: "t", reason: .retention, ranges: ["p": IndexRanges(1..<2)])
        #expect(try writer.letGo(second) == second)
        #expect(try writer.replace(plan, with: segment) == nil)
        #expect(try !disk.list("").contains(FileName.segment(segment.number)))
        let report = try writer.compact().report
        #expect(rowCounts(drive) == [1, 2] && report.problems == [])
        let contents = LogContents(try #require(drive.snapshot))
        #expect(contents.contradictions == [])
        #expect(
            contents.records["t/p"]?.map { $0 == LogContents.letGo } == [false, true, false, false])
    }

    @Test("retention divides no block: what was rolled or joined with what stays, stays with it")
    func spared() throws {
        var drive = drive()
        for number in 0..<4 { drive.run(.commit([part(number, isSmall: true)])) }
        let writer = try #require(drive.writer)
        func retain(_ ranges: Range<UInt64>...) throws -> [Range<UInt64>]? {
            var indexes = IndexRanges()
            for range in ranges { indexes.insert(range) }
            let tombstone = Tombstone(topic: "t", reason: .retention, ranges: ["p": indexes])
            return try writer.letGo(tombstone)?.ranges["p"]?.ranges
        }
        // Of records in memory each may go by itself.
        #expect(try retain(1..<2) == [1..<2])
        try writer.sealActive()
        #expect(rowCounts(drive) == [1, 2])
        #expect(try retain(3..<4) == nil)
        #expect(try retain(0..<1, 3..<4) == [0..<1])
        #expect(try retain(2..<4) == [2..<4])
        #expect(rowCounts(drive) == [])
        #expect(try retain(0..<4) == [0..<4], "to let go twice is to let go once")
    }

    @Test("nothing is rolled beside a tombstone of retention, however full the memory of small appends is")
    func rolledBeside() throws {
        let disk = SimulatedFileSystem()
        var configuration = LogConfiguration()
        var drive = LogDrive(disk, configuration)
        drive.reopen()
        drive.run(.commit((0..<4).map { part($0, isSmall: true) }))
        configuration.tailByteCountMax = 1
        drive.configuration = configuration
        drive.run(.kill)
        let writer = try #require(drive.writer)
        let tombstone = Tombstone(topic: "t", reason: .retention, ranges: ["p": IndexRanges(0..<2)])
        #expect(try writer.letGo(tombstone) == tombstone)
        let contents = LogContents(try #require(drive.snapshot))
        #expect(contents.records["t/p"]?.map { $0 == LogContents.letGo } == [true, true, false, false])
    }

    @Test("a rewrite whose switch fails leaves no file behind", arguments: 1...5)
    func failedSwitch(operation: Int) throws {
        let disk = SimulatedFileSystem()
        var drive = drive(disk)
        for number in 0..<4 { drive.run(.commit([part(number)])) }
        drive.run(.close)
        try switchFailing(drive, disk, operation)
        drive.run(.kill)
        #expect(drive.violations == [])
    }

    private func switchFailing(
        _ drive: LogDrive, _ disk: SimulatedFileSystem, _ operation: Int
    ) throws {
        let writer = try #require(drive.writer)
        let (plan, segment) = try written(drive)
        disk.setPlan(
            SimulatedFileSystem.FaultPlan(
                failAtOperation: disk.operationCount + operation, failureKind: .outOfSpace))
        #expect(throws: LogError.self) { try writer.replace(plan, with: segment) }
        // But where the manifest that names it may be there after a power cut.
        let isNamed =
            try Manifest.read(writer.configuration, on: disk)?.entries.map(\.number) == [segment.number]
        #expect(try disk.list("").contains(FileName.segment(segment.number)) == isNamed)
        #expect(isNamed == (operation == 5), "the last of them is the directory's sync")
    }
}
