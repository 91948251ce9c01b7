// The two sums under every statistic, of one sample or of four at a time.
//
// They run over the sorted values from left to right, one plain addition after the other (Moments.swift
// says why), so each addition waits for the one before it: some cycles in which a processor could begin
// several others. One sample is added by whole units, a stretch at a time (the room CSums says how); four are
// added up in step, each in its own order.
//
// Invariant: a sum is, bit for bit, what the additions one by one give.

import CSums

enum AscendingSums {
    typealias Values = UnsafeBufferPointer<Double>
    typealias Four = (Values, Values, Values, Values)
    typealias FourSums = (Double, Double, Double, Double)

    /// sum(x).
    static func sum(_ values: Values) -> Double {
        guard let first = values.baseAddress else { return 0 }
        return assaylog_sum_of_ascending(first, values.count)
    }

    /// sum((x - mean)²).
    static func squares(_ values: Values, around mean: Double) -> Double {
        guard let first = values.baseAddress else { return 0 }
        return assaylog_squares_of_ascending(first, values.count, mean)
    }

    static func sums(_ four: Four) -> FourSums {
        inStep(four, around: (0, 0, 0, 0)) { value, _ in value }
    }

    static func squares(_ four: Four, around means: FourSums) -> FourSums {
        inStep(four, around: means) { value, mean in (value - mean) * (value - mean) }
    }

    @inline(__always)
    private static func inStep(
        _ four: Four, around means: FourSums, _ term: (_ value: Double, _ mean: Double) -> Double
    ) -> FourSums {
        let shared = min(min(four.0.count, four.1.count), min(four.2.count, four.3.count))
        var sums = (0.0, 0.0, 0.0, 0.0)
        for position in 0..<shared {
            sums.0 += term(four.0[position], means.0)
            sums.1 += term(four.1[position], means.1)
            sums.2 += term(four.2[position], means.2)
            sums.3 += term(four.3[position], means.3)
        }
        // What the longer ones have beyond: windows of one width mostly hold nearly as much.
        for value in four.0[shared...] { sums.0 += term(value, means.0) }
        for value in four.1[shared...] { sums.1 += term(value, means.1) }
        for value in four.2[shared...] { sums.2 += term(value, means.2) }
        for value in four.3[shared...] { sums.3 += term(value, means.3) }
        return sums
    }
}
