// Invariants checked: the two at the head of BlockRanges.swift, and that rolling keeps to them.

import Records
import Segments
import Simulation
import Testing

@testable import EventLog

@Suite("Block ranges")
struct BlockRangesTests {
    private static let day: Int64 = 86_400_000

    private func batch(_ times: [Int64]) -> RecordBatch {
        RecordBatch(
            times: times, fields: [FieldColumn(name: "in.a", values: .scalar(Leaf(.int64(times))))])
    }

    @Test("cover all rows in order, in blocks of bounded size, whatever the times", arguments: 1...20)
    func cover(seed: Int) {
        print("seed \(seed)")
        var random = SeededGenerator(seed: UInt64(seed))
        let rowCount = Int.random(in: 1...5000, using: &random)
        let strayCount = Int.random(in: 0...12, using: &random)
        var times = (0..<rowCount).map { Int64($0) * 1000 }
        for _ in 0..<strayCount {
            let extremes: [Int64] = [.min, .max, 0, 400 * Self.day, -3 * Self.day]
            times[Int.random(in: 0..<rowCount, using: &random)] = extremes.randomElement(using: &random)!
        }
        let ranges = batch(times).blockRanges
        #expect(ranges.flatMap { Array($0) } == Array(0..<rowCount))
        #expect(ranges.allSatisfy { !$0.isEmpty && $0.count <= SegmentFormat.blockRowCountMax })
    }

    @Test("a far time is a block of its own; up to four are, and more are not told from disorder")
    func strays() {
        var times = (0..<1000).map { Int64($0) * 60 }
        #expect(batch(times).blockRanges == [0..<1000])
        times[999] = -Self.day
        #expect(batch(times).blockRanges == [0..<999, 999..<1000])
        times[300] = 365 * Self.day
        #expect(batch(times).blockRanges == [0..<300, 300..<301, 301..<999, 999..<1000])
        for row in [100, 200, 400] { times[row] = .max }
        #expect(batch(times).blockRanges == [0..<1000])
    }

    @Test("an hour's silence is not far")
    func silence() {
        let times = (0..<1000).map { Int64($0) * (Self.day - 1) }
        #expect(batch(times).blockRanges == [0..<1000])
    }

    @Test("rows that are rolled are cut there as well, each with its index and commit")
    func rolled() {
        let times: [Int64] = [10, 20, 5 * Self.day, 30, 40]
        let run = TailRun(
            partition: "p", firstIndex: 7, batch: batch(times),
            commitRuns: [CommitRun(commit: 3, rowCount: 2), CommitRun(commit: 5, rowCount: 3)], byteCount: 500
        )
        let pieces = run.cutAtFarTimes
        #expect(pieces.map(\.batch.times) == [[10, 20], [5 * Self.day], [30, 40]])
        #expect(pieces.map(\.firstIndex) == [7, 9, 10])
        #expect(
            pieces.map(\.commitRuns) == [
                [CommitRun(commit: 3, rowCount: 2)], [CommitRun(commit: 5, rowCount: 1)],
                [CommitRun(commit: 5, rowCount: 2)],
            ])
    }
}
