// Invariants checked: the three at the head of LateRecords.swift, the first against a plain set.

import Records
import Simulation
import TestSupport
import Testing

@testable import Store

@Suite("Late records")
struct LateRecordsTests {
    @Test("ranges cover what was inserted and not removed, disjoint and ascending", arguments: 1...20)
    func ranges(seed: Int) {
        print("seed \(seed)")
        var random = SeededGenerator(seed: UInt64(seed))
        var ranges = DisjointRanges()
        var plain: Set<Int> = []
        for _ in 0..<60 {
            let start = Int.random(in: 0..<400, using: &random)
            let range = start..<start + Int.random(in: 0..<30, using: &random)
            if Int.random(in: 0..<3, using: &random) == 0 {
                ranges.remove(range)
                plain.subtract(range)
            } else {
                ranges.insert(range)
                plain.formUnion(range)
            }
            #expect(ranges.ranges.allSatisfy { !$0.isEmpty })
            #expect(
                zip(ranges.ranges, ranges.ranges.dropFirst()).allSatisfy { $0.upperBound < $1.lowerBound })
            #expect(ranges.ranges.flatMap { Array($0) } == plain.sorted())
        }
    }

    @Test("many ranges become few, and still cover everything, whatever their distance")
    func bounded() {
        var ranges = DisjointRanges()
        ranges.insert(Int.min..<Int.min + 1)
        ranges.insert(Int.max - 1..<Int.max)
        for number in 0..<1000 { ranges.insert(number * number..<number * number + 1) }
        #expect(ranges.ranges.count == DisjointRanges.countMax)
        for number in 0..<1000 { #expect(ranges.ranges.contains { $0.contains(number * number) }) }
        #expect(ranges.ranges.first == Int.min..<Int.min + 1)
        #expect(ranges.ranges.last == Int.max - 1..<Int.max)
    }

    @Test("a small post of now and one of a year ago touch two moments, and not the year between")
    func strays() async throws {
        let scene = try await Scene()
        let year = -365.0 * 86_400
        try await scene.append([(year, 1), (year + 20, 2), (10, 3), (-5, 4), (12, 5)])
        let index = try #require(scene.store.log.snapshot().index.topics[scene.pipeline.topic.name])
        let found = index.times(after: 0).ranges
        let expected = [(year, year + 20), (-5, 12)].map { first, last in
            Int(moment(first).microseconds)..<Int(moment(last).microseconds) + 1
        }
        #expect(found == expected)
        // What came before the cut is left out.
        let cut = scene.store.log.cut
        try await scene.append([(300, 6)])
        let later = try #require(scene.store.log.snapshot().index.topics[scene.pipeline.topic.name])
        #expect(later.times(after: cut).ranges.map(\.lowerBound) == [Int(moment(300).microseconds)])
        try await scene.store.close()
    }

    @Test("one old record among a thousand touches its moment alone")
    func strayAmongMany() async throws {
        let scene = try await Scene()
        let year = -365.0 * 86_400
        var rows = (0..<1000).map { (Double($0), Double($0)) }
        rows[600] = (year, 600)
        try await scene.append(rows)
        let expected = [(year, year), (0, 599), (601, 999)].map { first, last in
            Int(moment(first).microseconds)..<Int(moment(last).microseconds) + 1
        }
        func found() throws -> [Range<Int>] {
            let index = try #require(scene.store.log.snapshot().index.topics[scene.pipeline.topic.name])
            return index.times(after: 0).ranges
        }
        #expect(try found() == expected)
        let index = try #require(scene.store.log.snapshot().index.topics[scene.pipeline.topic.name])
        #expect(index.nextIndexes.values.first == 1000)
        try await scene.store.close()
    }

    @Test("what came with the first commit after the cut is found, as a block and in memory")
    func firstAfterTheCut() async throws {
        let scene = try await Scene()
        let topic = scene.pipeline.topic.name
        for rows in [1, 2000] {
            let cut = scene.store.log.cut
            try await scene.append((0..<rows).map { (Double($0), 1) }, partition: "of \(rows)")
            let index = try #require(scene.store.log.snapshot().index.topics[topic])
            #expect(scene.store.log.cut == cut + 1)
            #expect(
                index.times(after: cut).ranges
                    == [Int(moment(0).microseconds)..<Int(moment(Double(rows - 1)).microseconds) + 1])
            #expect(index.times(after: cut + 1).isEmpty)
        }
        try await scene.store.close()
    }

    @Test("the records of a period are bounded by all blocks that touch it, at either end")
    func rowCountBound() async throws {
        let scene = try await Scene()
        // A block of seconds 10 to 2009, and a record in memory of second 3000.
        try await scene.append((10..<2010).map { (Double($0), 1) })
        try await scene.append([(3000, 1)], partition: "edge-1")
        let index = try #require(scene.store.log.snapshot().index.topics[scene.pipeline.topic.name])
        for (start, end, count) in [
            (0, 10, 0), (0, 10.001, 2000), (2009, 2010, 2000), (2009.001, 3000, 0), (2009, 3000, 2000),
            (2009, 3000.001, 2001), (3000, 3001, 1), (3000.001, 3001, 0),
        ] {
            let period = TimeWindow(start: moment(start), end: moment(end))
            #expect(index.rowCountBound(in: period) == count, "\(start) to \(end)")
        }
        try await scene.store.close()
    }

    @Test("late records are due when quiet for the grace, at the latest after the greatest lateness")
    func due() {
        let grace = TimeSpan(microseconds: 5_000_000)
        let most = TimeSpan(microseconds: 60_000_000)
        func dueAt(_ first: Double, _ last: Double) -> Timestamp {
            LateRecords(touched: DisjointRanges(), first: moment(first), last: moment(last)).dueAt(
                grace: grace, latenessMax: most)
        }
        #expect(dueAt(0, 0) == moment(5))
        #expect(dueAt(0, 55) == moment(60))
        #expect(dueAt(0, 300) == moment(60))
        // The clock goes back: nothing is due later than it was to be.
        var late = LateRecords(touched: DisjointRanges(), first: moment(0), last: moment(300))
        late.shift(back: TimeSpan(microseconds: 7_000_000))
        #expect(late.dueAt(grace: grace, latenessMax: most) == moment(53))
        late.last = moment(-6)
        #expect(late.dueAt(grace: grace, latenessMax: most) == moment(-1))
    }

    @Test(
        "a look in pieces sees each window once; what comes meanwhile to those it has seen waits for the next"
    )
    func looks() throws {
        let (grace, most) = (TimeSpan(microseconds: 5_000_000), TimeSpan(microseconds: 60_000_000))
        func ranges(_ range: Range<Int>) -> DisjointRanges {
            var ranges = DisjointRanges()
            ranges.insert(range)
            return ranges
        }
        var noted: LateRecords?
        noted.note(ranges(0..<30), at: moment(1))
        var late = try #require(noted)
        late.noteLook(at: [], at: moment(50))
        #expect(late.rest.ranges == [0..<30] && late.dueAt(grace: grace, latenessMax: most) == moment(6))
        late.noteLook(at: [0..<10], at: moment(61))
        #expect(late.rest.ranges == [10..<30] && late.dueAt(grace: grace, latenessMax: most) < moment(-999))
        // Some that it has seen, and some that it has yet to come to.
        noted = late
        noted.note(ranges(5..<15), at: moment(62))
        noted.note(ranges(40..<50), at: moment(63))
        late = try #require(noted)
        #expect(late.touched.ranges == [5..<30, 40..<50] && late.rest.ranges == [10..<30, 40..<50])
        late.shift(back: TimeSpan(microseconds: 1_000_000))
        late.noteLook(at: [10..<30, 40..<50], at: moment(64))
        #expect(late.rest.ranges == [5..<10])
        // As long as it would have waited, had it come when the look began.
        #expect(late.dueAt(grace: grace, latenessMax: most) == moment(67))
        late.last = moment(200)
        #expect(late.dueAt(grace: grace, latenessMax: most) == moment(120))
    }
}
