// Count, extremes, mean, median and standard deviation of a sorted sample.
//
// The sums run over the SORTED values, left to right, in plain double additions: recorded services
// did it so, and were matched bit by bit only so. Pairwise or compensated sums, or one pass
// (Welford), are closer to the truth and differ in the last bit, which is why none is used.
//
// Invariants:
//  * A pure function of the sample: no clock, no machine, no order of arrival in it.
//  * A statistic that is not a finite number, or of no values, is nil: never 0 and never NaN.

// `squareRoot` is the standard library's, and correctly rounded wherever it runs; but it refers to
// the C library's for negative numbers, and only this import makes the linker find that.
import Glibc

/// The statistics of a sample.
package struct Moments: Sendable, Hashable {
    package let min: Double?
    package let max: Double?
    /// sum(x) / n over the sorted values.
    package let mean: Double?
    /// The middle value, or half the sum of the two in the middle.
    package let median: Double?
    /// sqrt(sum((x - mean)²) / n): two passes, the population's (no n - 1).
    package let standardDeviation: Double?

    /// The statistics of `sample`; all nil where it holds no numbers.
    package init(of sample: SortedSample) {
        self = sample.withUnsafeValues { Moments(sorted: $0, sum: sample.sum) }
    }

    private init(sorted values: UnsafeBufferPointer<Double>, sum: Double) {
        let count = values.count
        guard let first = values.first, let last = values.last else {
            (min, max, mean, median, standardDeviation) = (nil, nil, nil, nil, nil)
            return
        }
        let mean = sum / Double(count)
        var squares = 0.0
        for value in values { squares += (value - mean) * (value - mean) }
        let middle = count / 2
        let median =
            count % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2
        self.min = Self.finite(first)
        self.max = Self.finite(last)
        self.mean = Self.finite(mean)
        self.median = Self.finite(median)
        standardDeviation = Self.finite((squares / Double(count)).squareRoot())
    }

    private static func finite(_ value: Double) -> Double? { value.isFinite ? value : nil }
}
