// The noise line of the second generation: the same law, for bins that reach over all numbers.
//
// There no edge but those of explicit outliers need be a value of the baseline: quantiles are interpolated, equal
// bins and given edges lie anywhere.
//
//     Quantile                         at known places between values (OrderPlace.swift), whose chances are drawn: of
//                                      the spacing around an edge the part that its place says lies below
//     QuantileWithExplicitOutliers     the same, with the least and the greatest number for edges
//     Equal                            by what is even about the bins (NoiseEvenness.swift), of the values between the
//                                      least and the greatest; beyond these is one spacing each, of the outer bins
//     Provided                         the same, of all values
//
// Quantile bins of tied values are not full by rank. Then their counts are the law: (c1, …, ck), or with outliers
// (1, c1 - 1, …, ck - 1, 1), and one spacing more in a bin drawn at random. That holds where bins are fewer than a
// tenth of the values.
//
// A missing number counts as the least of all, in the bins as here: a window's size is that of its numbers and
// missing numbers together. But where edges are compared (NoiseLine+Edges.swift) and numbers alone make them, its
// size is that of its numbers.

extension NoiseLine {
    /// The line of a window of `windowCount` values, of which `missingCount` are missing; nil where the law says
    /// nothing.
    ///
    /// Costs what the first generation's does.
    package static func of(
        windowCount: Int, missingCount: Int = 0, against baseline: SeriesSummary, _ settings: SeriesSettings
    ) -> NoiseLine? {
        guard windowCount > 0 else { return nil }
        guard settings.aggregation == .edges else {
            guard let law = NoiseLaw(baseline, settings) else { return nil }
            return NoiseLines.shared.line(of: .shares(law), windowCount: windowCount)
        }
        guard let law = EdgeLaw(baseline, settings) else { return nil }
        let count = law.countsMissing ? windowCount : windowCount - missingCount
        return count > 0 ? NoiseLines.shared.line(of: .edges(law), windowCount: count) : nil
    }
}

extension NoiseLaw {
    init?(_ summary: SeriesSummary, _ settings: SeriesSettings) {
        let binCount = summary.aggregatedValues.count
        let (total, overflow) = summary.count.addingReportingOverflow(summary.missingCount)
        guard
            settings.binMode != .none, settings.aggregation != .edges,
            summary.aggregation == settings.aggregation, summary.count > 0, !overflow, total <= Self.countMax,
            (2...NoiseLine.binCountMax).contains(binCount),
            settings.weights.map({ $0.count == binCount }) ?? true
        else { return nil }
        let isCumulative = settings.aggregation == .cumulative
        var counts = Self.counts(summary.aggregatedValues.map { $0 ?? 0 }, of: total, isCumulative)
        let missingCount = summary.missingCount
        var quantiles = Quantiles(settings.binMode)
        if let found = quantiles, counts != found.counts(total, missingCount) { quantiles = nil }
        var baselineCount = total
        var baseline = summary.aggregatedValues.map { $0 ?? 0 }
        // As in the first generation, of what is full by rank alone.
        let nearest = NoiseSizes.nearestBaseline(total)
        if let quantiles, missingCount == 0, nearest != total {
            baselineCount = nearest
            counts = quantiles.counts(nearest, 0)
            baseline = Self.shares(counts, isCumulative)
        }
        var undecided = 0..<binCount
        var even = 0..<0
        var ends = Ends()
        func takeOne(from bins: some Sequence<Int>) {
            if let bin = bins.first(where: { counts[$0] > 0 }) { counts[bin] -= 1 }
        }
        switch settings.binMode {
        case .none: return nil
        case .quantile: break
        case .equal, .provided:
            even = undecided
            // Missing numbers are all in one place.
            ends.first = min(missingCount, counts[0])
            counts[0] -= ends.first
            if case .equal = settings.binMode {
                takeOne(from: even)
                takeOne(from: even.reversed())
                ends.first += 1
                ends.last += 1
            }
        case .quantileWithExplicitOutliers:
            if quantiles != nil { ends.first = missingCount }
            guard quantiles == nil, binCount >= 3 else { break }
            undecided = 1..<binCount - 1
            // The least and the greatest value are edges: what lies outside is one spacing each.
            takeOne(from: undecided)
            takeOne(from: undecided.reversed())
            counts[0] += 1
            counts[binCount - 1] += 1
        }
        self.init(
            spacings: counts, undecided: undecided, even: even, ends: ends, quantiles: quantiles,
            baseline: baseline, baselineCount: baselineCount, isCumulative: isCumulative,
            metric: settings.metric, weights: settings.weights, weightSum: settings.weightSum)
    }

    /// Edges that are interpolated between values.
    struct Quantiles: Hashable {
        private let binCount: Int
        /// Whether the least and the greatest number are edges too, and missing numbers have no place among the values.
        private let hasEnds: Bool

        /// Nil for bins of another kind.
        fileprivate init?(_ mode: SeriesBinMode) {
            switch mode {
            case .quantile(let count): (binCount, hasEnds) = (count, false)
            case .quantileWithExplicitOutliers(let count): (binCount, hasEnds) = (count, true)
            case .none, .equal, .provided: return nil
            }
        }

        /// Where the edges lie among `count` values.
        func places(of count: Int) -> [OrderPlace] {
            (hasEnds ? 0..<binCount + 1 : 1..<binCount).map {
                OrderPlace(quantile: $0, of: binCount, among: count)
            }
        }

        /// How many of `count` untied values, of which `missingCount` are missing, are in each bin.
        fileprivate func counts(_ count: Int, _ missingCount: Int) -> [Int] {
            let placed = hasEnds ? count - missingCount : count
            var upTo = places(of: placed).map { $0.index + 1 } + [placed]
            // The least number is in the bin above the edge that it is.
            if hasEnds { upTo[0] = 0 }
            var counts = zip(upTo, [0] + upTo).map { $0 - $1 }
            if hasEnds { counts[0] += missingCount }
            return counts
        }
    }
}
