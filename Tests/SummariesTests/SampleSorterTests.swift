// Invariants checked: the three at the head of SampleSorter.swift, in that order.

import CSort
import Simulation
import Summaries
import Testing

@Suite("Sample sorter")
struct SampleSorterTests {
    /// Both sides of each change of method: insertion, two digits, three digits, singles; each number of
    /// vectors of four, eight and sixteen, and values beyond.
    private static let lengths = Array(0...130) + [868, 2_047, 4_095, 4_096, 40_000]

    private func sort(_ values: [Double], _ sorter: inout SampleSorter) -> [Double] {
        var sorted = [Double](repeating: .nan, count: values.count)
        let count = values.withUnsafeBufferPointer { source in
            sorted.withUnsafeMutableBufferPointer { sorter.sort(source, into: $0) }
        }
        return Array(sorted[..<count])
    }

    @Test(
        "every shape and length is sorted as the standard library sorts, by counting as by vectors",
        arguments: SampleShape.allCases, lengths)
    func agreesWithStandardSort(shape: SampleShape, length: Int) {
        for width in SampleSorter.vectorWidths { agreesWithStandardSort(shape, length, width) }
    }

    private func agreesWithStandardSort(_ shape: SampleShape, _ length: Int, _ vectorWidth: Int) {
        var sorter = SampleSorter(vectorWidth: vectorWidth)
        for seed in UInt64(1)...(length < 5_000 ? 6 : 1) {
            let values = shape.values(length, seed: seed)
            #expect(
                bits(sort(values, &sorter)) == bits(SlowSummary.sorted(values)),
                "seed \(seed), \(vectorWidth) bits")
        }
    }

    @Test(
        "vectors that may part the values no more leave the rest to a heap, and the order is the same",
        .enabled(if: assaylog_sort_width() > 0), arguments: SampleShape.allCases, 0...3 as ClosedRange<Int32>)
    func depthIsBounded(shape: SampleShape, depth: Int32) {
        let values = shape.values(3_000, seed: UInt64(depth) + 1)
        for width in SampleSorter.vectorWidths where width > 0 {
            var sorted = values
            var scratch = values
            let count = assaylog_sort(Int32(width), values, values.count, &sorted, &scratch, depth)
            #expect(bits(Array(sorted[..<count])) == bits(SlowSummary.sorted(values)), "\(width) bits")
        }
    }

    @Test("every order of a sample sorts to the same bits", arguments: SampleSorter.vectorWidths)
    func orderOfArrivalDoesNotShow(vectorWidth: Int) {
        var sorter = SampleSorter(vectorWidth: vectorWidth)
        for seed in UInt64(1)...40 {
            var generator = SeededGenerator(seed: seed)
            let shape = SampleShape.allCases[Int(seed) % SampleShape.allCases.count]
            var values = shape.values(Int.random(in: 0...300, using: &generator), seed: seed)
            let first = sort(values, &sorter)
            values.shuffle(using: &generator)
            let second = sort(values, &sorter)
            #expect(bits(first) == bits(second), "seed \(seed)")
        }
    }

    @Test(
        "a scratch left over from a longer sample does not show in a shorter one",
        arguments: SampleSorter.vectorWidths)
    func scratchIsReused(vectorWidth: Int) {
        var sorter = SampleSorter(vectorWidth: vectorWidth)
        for (step, length) in [500, 40, 3, 0, 501, 33, 2_000, 868].enumerated() {
            let values = SampleShape.normal.values(length, seed: UInt64(step))
            #expect(bits(sort(values, &sorter)) == bits(SlowSummary.sorted(values)))
        }
    }

    @Test(
        "values in falling order, the worst for insertion, are sorted in time and whole",
        arguments: SampleSorter.vectorWidths)
    func fallingOrder(vectorWidth: Int) {
        var sorter = SampleSorter(vectorWidth: vectorWidth)
        // All in one leading digit but one value far away: insertion must give up here.
        let crowd = (0..<20_000).map { 1 + Double(20_000 - $0) * Double.ulpOfOne } + [1e300]
        #expect(bits(sort(crowd, &sorter)) == bits(SlowSummary.sorted(crowd)))
    }
}
