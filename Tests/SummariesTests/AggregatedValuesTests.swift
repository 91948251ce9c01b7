// Invariants checked: the two at the head of AggregatedValues.swift, in that order.

import Simulation
import Summaries
import Testing

@Suite("Aggregated values")
struct AggregatedValuesTests {
    @Test("densities are plain ratios, cumulative values ratios of running counts")
    func ratios() {
        let counts = [0, 200, 200, 201, 200, 200, 0]
        #expect(
            AggregatedValues.density(counts, of: 1001)
                == [
                    0, 0.1998001998001998, 0.1998001998001998, 0.2007992007992008,
                    0.1998001998001998, 0.1998001998001998, 0,
                ])
        // 0.1 + 0.2 is not 0.3; three tenths of ten counts are.
        #expect(AggregatedValues.cumulative([1, 2, 7], of: 10) == [0.1, 0.3, 1])
    }

    @Test("the last cumulative value is one, for any counts")
    func lastIsOne() {
        for seed in UInt64(1)...50 {
            var generator = SeededGenerator(seed: seed)
            let counts = (0..<9).map { _ in Int.random(in: 0...999, using: &generator) }
            let total = counts.reduce(0, +)
            let values = AggregatedValues.cumulative(counts, of: total)
            #expect(values.last == 1, "seed \(seed)")
            #expect(values.allSatisfy { (0...1).contains($0 ?? -1) }, "seed \(seed)")
        }
    }

    @Test("what was made elsewhere is shares of one whole, as far as people round, or is told of")
    func elsewhere() {
        func isTold(_ values: [Double?], _ aggregation: Aggregation) -> Bool {
            AggregatedValues.problem(values, of: aggregation) != nil
        }
        #expect(!isTold([0, 0.33, 0.33, 0.33], .density) && !isTold([], .density))
        #expect(isTold([0, 0, 0], .density) && isTold([1, 1, 1], .density) && isTold([0.9], .density))
        #expect(!isTold([0, 0.5, 0.5, 0.99], .cumulative))
        #expect(isTold([0, 0.5, 0.4, 1], .cumulative) && isTold([0, 0.5, 0.9], .cumulative))
        #expect(!isTold([3, 1, nil], .edges))
        for seed in UInt64(1)...50 {
            var generator = SeededGenerator(seed: seed)
            let counts = (0..<9).map { _ in Int.random(in: 0...999, using: &generator) }
            let total = counts.reduce(0, +)
            #expect(!isTold(AggregatedValues.density(counts, of: total), .density), "seed \(seed)")
            #expect(!isTold(AggregatedValues.cumulative(counts, of: total), .cumulative), "seed \(seed)")
        }
    }

    @Test("no values give zeros, and edges give themselves and an open one")
    func nothingAndEdges() {
        #expect(AggregatedValues.density([0, 0, 0], of: 0) == [0, 0, 0])
        #expect(AggregatedValues.cumulative([0, 0, 0], of: 0) == [0, 0, 0])
        #expect(AggregatedValues.edges([1, 2]) == [1, 2, nil])
        #expect(AggregatedValues.edges([]) == [])
    }
}
