// Invariants checked: the three at the head of BinCounts.swift, in that order.

import Summaries
import Testing

@Suite("Bin counts")
struct BinCountsTests {
    @Test("every small sample on every small choice of edges is counted as value by value")
    func everySmallShape() {
        // Edges repeat, touch values, lie outside, and do not ascend: all of it is defined.
        let alphabet: [Double] = [-1, 0, 0.5, 2]
        let samples = everySample(over: alphabet, upTo: 5).map { ($0, SortedSample($0)) }
        let choices = everySample(over: alphabet, upTo: 4).filter { $0.count >= 2 }
        for edges in choices where zip(edges.dropFirst(), edges.dropFirst(2)).allSatisfy(<=) {
            for (values, sample) in samples {
                let counts = BinCounts.of(sample, on: edges)
                guard counts == SlowSummary.counts(values, edges) else {
                    Issue.record("\(values) on \(edges) gave \(counts)")
                    return
                }
                guard counts.reduce(0, +) == values.count else {
                    Issue.record("\(values) on \(edges): \(counts) do not add up")
                    return
                }
            }
        }
    }

    @Test("bins are closed on the right, and the first on both sides")
    func closedSides() {
        let sample = SortedSample([99.999, 100, 100.001, 110, 110.001, 150, 150.001])
        #expect(
            BinCounts.of(sample, on: [100, 110, 120, 130, 140, 150]) == [1, 3, 1, 0, 0, 1, 1])
    }

    @Test("a value on equal edges is in the first bin that holds it")
    func repeatedEdges() {
        let sample = SortedSample([1, 1, 2, 2, 2, 3])
        #expect(BinCounts.of(sample, on: [1, 2, 2, 3, 3]) == [0, 5, 0, 1, 0, 0])
    }

    @Test("infinities are outliers, and no edges hold no bins")
    func extremes() {
        #expect(BinCounts.of(SortedSample([-.infinity, 1, .infinity]), on: [0, 2]) == [1, 1, 1])
        #expect(BinCounts.of(SortedSample([]), on: [0, 2]) == [0, 0, 0])
        #expect(BinCounts.of(SortedSample([1]), on: []) == [])
    }
}
