// Invariant checked: that at the head of DisjointRanges.swift, against a plain set.

import Simulation
import Testing

@testable import Store

@Suite("Disjoint ranges")
struct DisjointRangesTests {
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
}
