// The noise line of the second generation: the same law, for bins that reach over all numbers.
//
// There no edge but those of explicit outliers need be a value of the baseline: quantiles are interpolated, equal
// bins and given edges lie anywhere.
//
//     Quantile                         at known places between values (OrderPlace.swift), whose chances are drawn: of
//                                      the spacing around an edge the part that its place says lies below
//     Equal                            by what is even about the bins (NoiseEvenness.swift), of the values between the
//                                      least and the greatest; beyond these is one spacing each, of the outer bins
//     Provided                         the same, of all values
//     QuantileWithExplicitOutliers     (1, c1 - 1, …, ck - 1, 1), one spacing more in a bin between, drawn at random
//
// Quantile bins of tied values are not full by rank. Then their counts are the law: (c1, …, ck), one spacing more in a
// bin drawn at random, which holds where bins are fewer than a tenth of the values.
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
        let baselineCount = NoiseSizes.nearestBaseline(total)
        var missingCount = summary.missingCount
        var isInterpolated = false
        if case .quantile = settings.binMode {
            isInterpolated = counts == Self.quantileCounts(binCount, of: total)
        }
        let baseline: [Double]
        if baselineCount == total {
            baseline = summary.aggregatedValues.map { $0 ?? 0 }
        } else {
            let factor = Double(baselineCount) / Double(total)
            func scaled(_ count: Int) -> Int {
                // What the baseline has at all, it has at the other size.
                count == 0 ? 0 : max(1, Int((Double(count) * factor).rounded()))
            }
            counts = isInterpolated ? Self.quantileCounts(binCount, of: baselineCount) : counts.map(scaled)
            missingCount = scaled(missingCount)
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
            guard binCount >= 3 else { break }
            undecided = 1..<binCount - 1
            // The least and the greatest value are edges: what lies outside is one spacing each.
            takeOne(from: undecided)
            takeOne(from: undecided.reversed())
            counts[0] += 1
            counts[binCount - 1] += 1
        }
        self.init(
            spacings: counts, undecided: undecided, even: even, ends: ends, isInterpolated: isInterpolated,
            baseline: baseline, baselineCount: baselineCount, isCumulative: isCumulative,
            metric: settings.metric, weights: settings.weights, weightSum: settings.weightSum)
    }

    /// How many of `count` untied values are in each of the bins between interpolated quantiles.
    private static func quantileCounts(_ binCount: Int, of count: Int) -> [Int] {
        let upTo =
            (1..<binCount).map { OrderPlace(quantile: $0, of: binCount, among: count).index + 1 } + [count]
        return zip(upTo, [0] + upTo).map { $0 - $1 }
    }
}
