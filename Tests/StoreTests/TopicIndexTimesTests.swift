// Invariants checked: those at the head of TopicIndex+Times.swift.

import Records
import TestSupport
import Testing

@testable import Store

@Suite("Times of an index")
struct TopicIndexTimesTests {
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

    @Test("windows are halved until they hold no more than may be read, and one is always left")
    func halved() {
        for count in 1...9 {
            for most in 0...10 {
                var asked: [Int] = []
                let first = (3..<3 + count).halved(toHold: most) { windows in
                    asked.append(windows.count)
                    return windows.count
                }
                #expect(first.windows.lowerBound == 3 && first.rowCount == first.windows.count)
                #expect(first.rowCount <= max(1, most) && first.rowCount >= 1)
                // No more is left out, and no more asked, than halving takes.
                #expect(asked.first == count && asked.last == first.rowCount)
                #expect(zip(asked, asked.dropFirst()).allSatisfy { $0 > most && $1 == $0 / 2 })
            }
        }
    }
}
