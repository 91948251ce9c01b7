// The noise line of the second generation: the same law, for bins that reach over all numbers.
//
// There no edge but those of explicit outliers need be a value of the baseline: quantiles are interpolated, equal
// bins and given edges lie anywhere. An edge between two values cuts a spacing in two, so the one spacing more
// than values is in a bin drawn at random, as for given edges of the first generation:
//
//     Quantile, Equal, Provided        (c1, …, ck), one spacing more in a bin
//     QuantileWithExplicitOutliers     (1, c1 - 1, …, ck - 1, 1), one spacing more in a bin between
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
        let baseline: [Double]
        if baselineCount == total {
            baseline = summary.aggregatedValues.map { $0 ?? 0 }
        } else {
            // What the baseline has at all, it has at the other size.
            let factor = Double(baselineCount) / Double(total)
            counts = counts.map { $0 == 0 ? 0 : max(1, Int((Double($0) * factor).rounded())) }
            baseline = Self.shares(counts, isCumulative)
        }
        var undecided = 0..<binCount
        if case .quantileWithExplicitOutliers = settings.binMode, binCount >= 3 {
            undecided = 1..<binCount - 1
            // The least and the greatest value are edges: what lies outside is one spacing each.
            for bins in [Array(undecided), undecided.reversed()] {
                if let bin = bins.first(where: { counts[$0] > 0 }) { counts[bin] -= 1 }
            }
            counts[0] += 1
            counts[binCount - 1] += 1
        }
        self.init(
            spacings: counts, undecided: undecided, baseline: baseline, baselineCount: baselineCount,
            isCumulative: isCumulative, metric: settings.metric, weights: settings.weights,
            weightSum: settings.weightSum)
    }
}
