// How far a window is from its baseline: one term a bin, and one number of them all.
//
// With b and w the aggregated values of baseline and window in a bin:
//
//     PSI over densities    (w - b) · ln(w / b); 0 where both are 0; one that alone is 0 counts
//                           as 0.005, and is not renormalised; ln w - ln b where w / b is past a double
//     all others            |w - b|; 0 for the open right edge, which neither side has
//
//     weights               term · weight / (sum of weights), when given, before anything is summed
//
//     PSI                   the sum, also over cumulative values and edges (then not halved)
//     SumDiff               half the sum
//     MaxDiff               the largest term, the first of equals, and its position
//
// The order of operations is part of the definition: (b - w) · ln(b / w) is the same number on paper
// and another double. Sums run left to right.
//
// Invariants:
//  * A score is finite, or it is nil and `absence` says why; a nil score has no terms.
//  * With a score, there is one term for each bin, outliers included.

/// A comparison of a window with its baseline.
package struct DriftScore: Sendable, Hashable {
    /// Why there is no score.
    package enum Absence: Sendable, Hashable {
        /// The window holds no numbers: no data, or all null (`Summary.missingCount` tells which).
        case noNumbers
        /// The window holds infinities: its bins are known, but not what the numbers should have been.
        case infinities(count: Int)
        /// The settings make no bins, so there is nothing to compare.
        case noBins
        /// The values are finite and the score is not (distances between edges near 10^308).
        case notFinite
    }

    /// The score, or nil where there is none to give.
    package let score: Double?
    /// What each bin adds, after weights, left outlier first.
    package let scores: [Double]
    /// MaxDiff only: the bin of the largest term, counted from 0 with the left outlier.
    package let binIndex: Int?
    /// Nil exactly where `score` is not.
    package let absence: Absence?

    /// What stands for an empty bin beside one that is not: a share that half a percent would have.
    package static let psiEmptyShare = 0.005

    /// Compares a window with its baseline.
    ///
    /// Throws `binsDiffer` and `aggregationsDiffer`: both summaries must be made with `settings`.
    package init(
        of window: Summary, against baseline: Summary, _ settings: SummarizerSettings
    ) throws(SummaryError) {
        try Self.requireOneAggregation(
            baseline: baseline.aggregation, window: window.aggregation, settings: settings.aggregation)
        guard window.count > 0 else {
            self.init(absence: .noNumbers)
            return
        }
        guard window.infinityCount == 0 else {
            self.init(absence: .infinities(count: window.infinityCount))
            return
        }
        try self.init(
            baselineValues: baseline.aggregatedValues, windowValues: window.aggregatedValues,
            settings)
    }

    /// Compares aggregated values, left outlier first, of two sides that both have numbers.
    ///
    /// For PSI over densities both are shares, 0 … 1, as counts over a count are.
    /// Throws `binsDiffer` where the two are not equally many, or not as many as the weights.
    package init(
        baselineValues: [Double?], windowValues: [Double?], _ settings: SummarizerSettings
    ) throws(SummaryError) {
        try self.init(
            baselineValues: baselineValues, windowValues: windowValues, settings.metric,
            over: settings.aggregation, weights: settings.binWeights,
            weightSum: settings.binWeightSum)
    }

    /// Compares aggregated values, leftmost bin first, whoever made the bins.
    ///
    /// `weightSum` is the sum of `weights`, left to right.
    init(
        baselineValues: [Double?], windowValues: [Double?], _ metric: DriftMetric,
        over aggregation: Aggregation, weights: [Double]?, weightSum: Double
    ) throws(SummaryError) {
        guard
            baselineValues.count == windowValues.count,
            weights == nil || weights?.count == windowValues.count
        else { throw .binsDiffer(baseline: baselineValues.count, window: windowValues.count) }
        // A window's edge that is none, beside one that is, has no distance: it must not count as 0.
        guard zip(baselineValues, windowValues).allSatisfy({ ($0 == nil) == ($1 == nil) }) else {
            self.init(absence: .notFinite)
            return
        }
        let isLogarithmic = metric == .psi && aggregation == .density
        var terms: [Double] = []
        terms.reserveCapacity(windowValues.count)
        for position in windowValues.indices {
            let (baseline, window) = (baselineValues[position], windowValues[position])
            var term =
                if isLogarithmic {
                    Self.psiTerm(baseline ?? 0, window ?? 0)
                } else {
                    Self.distance(baseline, window)
                }
            if let weights { term = term * weights[position] / weightSum }
            terms.append(term)
        }
        self.init(combining: terms, metric)
    }

    /// The score of finished terms; MaxDiff takes the first of equal ones.
    package init(combining terms: [Double], _ metric: DriftMetric) {
        guard let first = terms.first else {
            self.init(absence: .noBins)
            return
        }
        var total = 0.0
        var position: Int?
        switch metric {
        case .psi, .sumDiff:
            for term in terms { total += term }
            if metric == .sumDiff { total /= 2 }
        case .maxDiff:
            (total, position) = (first, 0)
            for (candidate, term) in terms.enumerated() where term > total {
                (total, position) = (term, candidate)
            }
        }
        // Each term as well as their total: a term that is no number is never the largest.
        guard total.isFinite, terms.allSatisfy(\.isFinite) else {
            self.init(absence: .notFinite)
            return
        }
        self.init(score: total, scores: terms, binIndex: position, absence: nil)
    }

    /// Throws `aggregationsDiffer` where a summary was made with other settings.
    static func requireOneAggregation(
        baseline: Aggregation, window: Aggregation, settings: Aggregation
    ) throws(SummaryError) {
        guard baseline == settings, window == settings else {
            throw .aggregationsDiffer(baseline: baseline, window: window, settings: settings)
        }
    }

    init(absence: Absence) {
        self.init(score: nil, scores: [], binIndex: nil, absence: absence)
    }

    private init(score: Double?, scores: [Double], binIndex: Int?, absence: Absence?) {
        self.score = score
        self.scores = scores
        self.binIndex = binIndex
        self.absence = absence
    }

    static func psiTerm(_ baseline: Double, _ window: Double) -> Double {
        // Equal shares add nothing, both empty included; ln(1) is 0 in any case.
        if baseline == window { return 0 }
        let baseline = baseline == 0 ? psiEmptyShare : baseline
        let window = window == 0 ? psiEmptyShare : window
        let ratio = window / baseline
        // A share that was sent may be as small as a double can: then the ratio is none, but its logarithm is.
        guard ratio > 0, ratio < .infinity else {
            return (window - baseline) * (NaturalLogarithm.of(window) - NaturalLogarithm.of(baseline))
        }
        return (window - baseline) * NaturalLogarithm.of(ratio)
    }

    private static func distance(_ baseline: Double?, _ window: Double?) -> Double {
        guard let baseline, let window else { return 0 }
        return (window - baseline).magnitude
    }

    /// The status of the score, or nil where there is none: see `DriftStatus.of`.
    package func status(alertThreshold: Double?, warningThreshold: Double?) -> DriftStatus? {
        DriftStatus.of(
            score: score, alertThreshold: alertThreshold, warningThreshold: warningThreshold)
    }
}
