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

    /// Statistics that were kept elsewhere.
    ///
    /// Throws `summaryMalformed` where one is not finite.
    package init(
        min: Double?, max: Double?, mean: Double?, median: Double?, standardDeviation: Double?
    ) throws(SummaryError) {
        (self.min, self.max, self.mean) = (min, max, mean)
        (self.median, self.standardDeviation) = (median, standardDeviation)
        try SummaryError.require(
            all.allSatisfy { $0?.isFinite != false }, "a statistic is not finite")
    }

    /// Least, greatest, mean, median and deviation, as digests and answers have them one after the other.
    package var all: [Double?] { [min, max, mean, median, standardDeviation] }

    /// The statistics of `sample`; all nil where it holds no numbers.
    package init(of sample: SortedSample) {
        self = sample.withUnsafeValues { values in
            let mean = AscendingSums.sum(values) / Double(values.count)
            return Moments(sorted: values, mean: mean, AscendingSums.squares(values, around: mean))
        }
    }

    /// The statistics of `count` samples from the first on, each as if it were alone.
    ///
    /// A sample's additions wait for one another; those of several samples go on side by side.
    package static func ofEach(_ samples: [SortedSample], count: Int) -> [Moments] {
        var found: [Moments] = []
        found.reserveCapacity(count)
        var next = 0
        while next + 4 <= count {
            samples[next].withUnsafeValues { first in
                samples[next + 1].withUnsafeValues { second in
                    samples[next + 2].withUnsafeValues { third in
                        samples[next + 3].withUnsafeValues { fourth in
                            ofEach((first, second, third, fourth)) { found.append($0) }
                        }
                    }
                }
            }
            next += 4
        }
        for sample in samples[next..<count] { found.append(Moments(of: sample)) }
        return found
    }

    private static func ofEach(_ four: AscendingSums.Four, _ take: (Moments) -> Void) {
        let sums = AscendingSums.sums(four)
        let means = (
            sums.0 / Double(four.0.count), sums.1 / Double(four.1.count), sums.2 / Double(four.2.count),
            sums.3 / Double(four.3.count)
        )
        let squares = AscendingSums.squares(four, around: means)
        take(Moments(sorted: four.0, mean: means.0, squares.0))
        take(Moments(sorted: four.1, mean: means.1, squares.1))
        take(Moments(sorted: four.2, mean: means.2, squares.2))
        take(Moments(sorted: four.3, mean: means.3, squares.3))
    }

    private init(sorted values: UnsafeBufferPointer<Double>, mean: Double, _ squares: Double) {
        let count = values.count
        guard let first = values.first, let last = values.last else {
            (min, max, self.mean, median, standardDeviation) = (nil, nil, nil, nil, nil)
            return
        }
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
