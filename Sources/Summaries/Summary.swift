// What is kept of a baseline or a window once its values are gone.
//
// Invariants:
//  * `count` is the number of numbers; nulls and NaN are in `missingCount` only.
//  * Statistics are finite, or nil: of no values, of infinities, or of sums beyond a double.
//  * `edges`, `edgeNames` and `aggregatedValues` are empty together (no bins), or number k + 1, k + 2
//    and k + 2. The right outlier's edge is +infinity and is not listed; the wire writes it as null.

/// The summary of a baseline or a window.
package struct Summary: Sendable, Hashable {
    /// How many numbers were summarised, infinities included.
    package let count: Int
    /// How many values were null or NaN. With `count` 0 this says "all null", with both 0 "no data".
    package let missingCount: Int
    /// How many of `count` were infinite; never above 0 in a baseline.
    package let infinityCount: Int

    /// Of the numbers.
    package let moments: Moments

    /// The finite edges, e0 … ek.
    package let edges: [Double]
    /// The names of the bins, `left_outlier` first, `right_outlier` last.
    package private(set) var edgeNames: [String]
    /// One number a bin, outliers included. Nil is an edge that is none: the open right one, and
    /// all of a window without usable values aggregated by edges.
    package let aggregatedValues: [Double?]
    package let aggregation: Aggregation

    /// `moments` are the sample's, where somebody has worked them out already.
    init(
        of sample: SortedSample, moments: Moments? = nil, edges: [Double], edgeNames: [String],
        aggregatedValues: [Double?], aggregation: Aggregation
    ) {
        self.moments = moments ?? Moments(of: sample)
        count = sample.count
        missingCount = sample.missingCount
        infinityCount = sample.infinityCount
        self.edges = edges
        self.edgeNames = edgeNames
        self.aggregatedValues = aggregatedValues
        self.aggregation = aggregation
    }

    /// A summary that was kept elsewhere, with its shape checked; its numbers are believed.
    ///
    /// Throws `summaryMalformed` where one of the invariants above cannot be true of it.
    package init(
        count: Int, missingCount: Int = 0, infinityCount: Int = 0,
        moments: Moments, edges: [Double], edgeNames: [String], aggregatedValues: [Double?],
        aggregation: Aggregation
    ) throws(SummaryError) {
        try SummaryError.require(
            count >= 0 && missingCount >= 0 && (0...Swift.max(count, 0)).contains(infinityCount),
            "count \(count), missing \(missingCount) and infinite \(infinityCount) do not agree")
        try SummaryError.require(edges.allSatisfy(\.isFinite), "an edge is not finite")
        let binCount = edges.isEmpty ? 0 : edges.count + 1
        try SummaryError.require(
            edges.count != 1 && edgeNames.count == binCount && aggregatedValues.count == binCount,
            """
            \(edges.count) edges, \(edgeNames.count) edge_names and \(aggregatedValues.count) \
            aggregated_values do not belong together
            """)
        try AggregatedValues.require(aggregatedValues, of: aggregation)
        self.count = count
        self.missingCount = missingCount
        self.infinityCount = infinityCount
        self.moments = moments
        self.edges = edges
        self.edgeNames = edgeNames
        self.aggregatedValues = aggregatedValues
        self.aggregation = aggregation
    }

    /// True where a score can be made of this: there are numbers, and all are finite.
    package var isScorable: Bool { count > 0 && infinityCount == 0 }

    /// The same, with its bins called as those of a window are.
    package var namedAsWindow: Summary {
        var named = self
        named.edgeNames = BinNames.ofWindow(edges)
        return named
    }
}

extension Summary {
    package var min: Double? { moments.min }
    package var max: Double? { moments.max }
    package var mean: Double? { moments.mean }
    package var median: Double? { moments.median }
    package var standardDeviation: Double? { moments.standardDeviation }
}
