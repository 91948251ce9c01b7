// The bins of the second generation: ranges that together hold every number there is.
//
//     Quantile, Equal, Provided       x ≤ e1 │ e1 < x ≤ e2 │ … │ e(k-1) < x            k bins
//     QuantileWithExplicitOutliers    x < e0 │ e0 ≤ x ≤ e1 │ … │ ek < x                k + 2 bins
//
// Quantiles are interpolated linearly, as the common numeric libraries do by default (recorded edges have
// one digit more than their data): the i-th of k lies at position (n - 1)·(i / k) of the sorted values,
// counted from 0. A missing number counts as the least of all there, as it does in the bins; with explicit
// outliers it has the lowest bin to itself, and quantiles are of the numbers alone.
//
// A bin is written by its right edge, the last as infinity, and named by the shares it lies between
// ("20% - 40%") or, where edges are not quantiles, by the edges.
//
// Invariants:
//  * Edges are finite and ascend; there is one fewer than bins.
//  * Labels number as the bins.

/// The bins of one series.
package struct SeriesBins: Sendable, Hashable {
    package let mode: SeriesBinMode
    /// The finite right edges: all but the last bin's.
    package let edges: [Double]
    package let labels: [String]

    package var count: Int { labels.count }

    /// Whether `mode` makes as many bins as there are, and then any at all. What was made elsewhere may say
    /// otherwise, and no more bins are made of such a mode: it can be of any number.
    package var areOfTheirMode: Bool { mode.binCount == count }

    /// Bins that were made elsewhere: edges and labels are checked against each other. Whether `mode` would
    /// make so many, or any, is for `areOfTheirMode` to say.
    package init(
        _ mode: SeriesBinMode, edges: [Double], labels: [String]
    ) throws(SummaryError) {
        try SummaryError.require(
            labels.count <= SummarizerSettings.numBinsMax, "\(labels.count) labels are too many")
        try SummaryError.require(
            labels.isEmpty ? edges.isEmpty : edges.count == labels.count - 1,
            "\(edges.count) finite edges and \(labels.count) labels do not belong together")
        // Between explicit outliers without an edge, a value would be in no bin.
        try SummaryError.require(labels.count != 1, "one bin is not what any mode makes")
        try SummaryError.require(edges.allSatisfy(\.isFinite), "an edge but the last is not finite")
        try SummaryError.require(zip(edges, edges.dropFirst()).allSatisfy(<=), "the edges do not ascend")
        if case .quantileWithExplicitOutliers = mode {
            try SummaryError.require(edges.count != 1, "two bins are not what its mode makes")
        }
        self.mode = mode
        self.edges = edges
        self.labels = labels
    }

    /// The bins that `mode` makes of a baseline, which holds at least one number and no infinity.
    package init(_ mode: SeriesBinMode, of sample: SortedSample) throws(SummaryError) {
        precondition(
            sample.count > 0 && sample.infinityCount == 0, "Edges come from finite numbers.")
        self.mode = mode
        switch mode {
        case .none: (edges, labels) = ([], [])
        case .equal(let count):
            edges = try Self.equal(sample, count)
            labels = Self.labels(edges: edges.map(\.description))
        case .quantile(let count):
            edges = try Self.quantiles(
                1..<count, of: count, sample.values, missingCount: sample.missingCount)
            labels = Self.labels(edges: Self.percentages(1..<count, of: count))
        case .quantileWithExplicitOutliers(let count):
            edges = try Self.quantiles(0..<count + 1, of: count, sample.values, missingCount: 0)
            labels = Self.labels(edges: Self.percentages(0..<count + 1, of: count))
        case .provided(let given):
            edges = given.last == .infinity ? given.dropLast() : given
            labels = Self.labels(edges: edges.map(\.description))
        }
    }

    /// How many of `sample` are in each bin: a missing number is in the leftmost.
    package func counts(of sample: SortedSample) -> [Int] {
        guard count > 0 else { return [] }
        var counts: [Int]
        if case .quantileWithExplicitOutliers = mode {
            counts = BinCounts.of(sample, on: edges)
        } else {
            counts = BinCounts.openEnded(sample, on: edges)
        }
        counts[0] += sample.missingCount
        return counts
    }

    // MARK: Edges

    private static func equal(
        _ sample: SortedSample, _ count: Int
    ) throws(SummaryError) -> [Double] {
        let (least, greatest) = (sample.values[0], sample.values[sample.count - 1])
        let width = (greatest - least) / Double(count)
        guard width.isFinite else { throw .equalBinsTooWide(min: least, max: greatest) }
        return (1..<count).map { min(least + width * Double($0), greatest) }
    }

    private static func quantiles(
        _ positions: Range<Int>, of binCount: Int, _ sorted: ArraySlice<Double>, missingCount: Int
    ) throws(SummaryError) -> [Double] {
        let total = missingCount + sorted.count
        func value(_ rank: Int) -> Double {
            rank < missingCount ? -.infinity : sorted[sorted.startIndex + rank - missingCount]
        }
        var edges: [Double] = []
        for position in positions {
            let place = OrderPlace(quantile: position, of: binCount, among: total)
            let low = value(place.index)
            let edge =
                place.fraction == 0 ? low : low + (value(place.index + 1) - low) * place.fraction
            guard edge.isFinite else {
                throw .quantileNotFinite(position: position, binCount: binCount)
            }
            edges.append(edge)
        }
        return edges
    }

    // MARK: Labels

    /// A percentage that is not whole is rounded, halves up.
    private static func percentages(_ positions: Range<Int>, of count: Int) -> [String] {
        positions.map { "\(BinEdges.roundedQuotient(100 * $0, count))%" }
    }

    private static func labels(edges: [String]) -> [String] {
        guard let first = edges.first, let last = edges.last else { return [] }
        return ["< \(first)"] + zip(edges, edges.dropFirst()).map { "\($0) - \($1)" } + ["> \(last)"]
    }
}
