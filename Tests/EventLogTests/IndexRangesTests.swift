// Invariant checked: ranges of indexes answer as the plain set of their indexes would.

import Simulation
import Testing

@testable import EventLog

@Suite struct IndexRangesTests {
    @Test(
        "what ranges hold and divide is what the set of their indexes says",
        arguments: 1...20 as ClosedRange<UInt64>)
    func asASet(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        func range() -> Range<UInt64> {
            let start = UInt64.random(in: 0..<24, using: &generator)
            return start..<start + UInt64.random(in: 1..<6, using: &generator)
        }
        var ranges = IndexRanges()
        var model: Set<UInt64> = []
        for _ in 0..<12 {
            let change = range()
            if Bool.random(using: &generator) {
                ranges.insert(change)
                model.formUnion(change)
            } else {
                ranges.subtract(change)
                model.subtract(change)
            }
            #expect(
                Set(ranges.ranges.joined()) == model && ranges.count == UInt64(model.count), "seed \(seed)")
            #expect(
                zip(ranges.ranges, ranges.ranges.dropFirst()).allSatisfy { $0.upperBound < $1.lowerBound },
                "seed \(seed): \(ranges.ranges)")
            for start in 0..<30 as Range<UInt64> {
                for end in start + 1..<31 {
                    let count = (start..<end).count { model.contains($0) }
                    let (holds, divides) = (count == Int(end - start), count > 0 && count < Int(end - start))
                    #expect(
                        ranges.contains(start..<end) == holds && ranges.divides(start..<end) == divides,
                        "seed \(seed): \(start)..<\(end) of \(ranges.ranges)")
                }
            }
        }
    }
}
