// How an assay of the second generation turns a series into a summary, and two summaries into a score.
//
// A series is the numbers at one path of the records of a period, in the contract's word. The second
// generation shares aggregations, metrics and the order of arithmetic with the first; what differs is
// the bins, which here reach from -infinity to infinity, so that there is no outlier bin unless it is
// asked for, and what a missing number means (SeriesSummary.swift).
//
// Weights are one a bin. Clients that turn a first-generation definition into a second one hand over its
// num_bins + 2 weights unchanged: then those of the two outlier bins are left aside, for their values
// are in the first and the last bin, which have weights of their own. What was given is kept for answers.
//
// Invariants, checked once, when settings are made:
//  * With bins there are 2 to `SummarizerSettings.numBinsMax` of them; without, weights are not looked at.
//  * `weights`, where there are any, number as the bins, are finite and not negative, and their sum is
//    finite and above zero.
//  * Provided edges ascend; all are finite but perhaps the last, +infinity.

/// Where the edges of the bins come from, in the second generation.
package enum SeriesBinMode: Sendable, Hashable {
    /// No bins: statistics only, and nothing to score.
    case none
    /// That many bins of equal width between the baseline's minimum and maximum, the ends left open.
    case equal(Int)
    /// That many bins of equal share of the baseline's values, the ends left open.
    case quantile(Int)
    /// The same, closed at minimum and maximum, and a bin below and above them.
    case quantileWithExplicitOutliers(Int)
    /// Right edges; infinity is added where it is not the last.
    case provided([Double])

    /// How many bins there are.
    package var binCount: Int {
        switch self {
        case .none: 0
        case .equal(let count), .quantile(let count): count
        case .quantileWithExplicitOutliers(let count):
            // A count out of bounds is about to be refused; it must not overflow before that.
            count < SummarizerSettings.numBinsMax ? count + 2 : .max
        case .provided(let edges): edges.last == .infinity ? edges.count : edges.count + 1
        }
    }
}

/// The settings of a second-generation summarizer, known to make sense together.
package struct SeriesSettings: Sendable, Hashable {
    package let binMode: SeriesBinMode
    package let aggregation: Aggregation
    package let metric: DriftMetric
    /// As given.
    package let binWeights: [Double]?
    /// One a bin, or nil where every bin counts once.
    package let weights: [Double]?
    /// The sum of `weights`, left to right; 1 without weights.
    package let weightSum: Double

    /// Checks the settings against each other. Without bins, weights are kept for answers and not looked at.
    package init(
        binMode: SeriesBinMode = .quantile(SummarizerSettings.numBinsDefault),
        aggregation: Aggregation = .density, metric: DriftMetric = .psi, binWeights: [Double]? = nil
    ) throws(SummaryError) {
        self.binMode = binMode
        self.aggregation = aggregation
        self.metric = metric
        self.binWeights = binWeights
        guard binMode != .none else {
            (weights, weightSum) = (nil, 1)
            return
        }
        try Self.check(binMode)
        weights = try Self.weights(binWeights, binCount: binMode.binCount)
        weightSum = try Self.sum(weights)
    }

    private static func check(_ mode: SeriesBinMode) throws(SummaryError) {
        guard (2...SummarizerSettings.numBinsMax).contains(mode.binCount) else {
            throw .seriesBinCount(found: mode.binCount)
        }
        // Three bins are made of one: but not of none.
        if case .quantileWithExplicitOutliers(let count) = mode, count < 1 {
            throw .seriesBinCount(found: count)
        }
        guard case .provided(let edges) = mode else { return }
        for (position, edge) in edges.enumerated() {
            guard edge.isFinite || edge == .infinity && position == edges.count - 1 else {
                throw .seriesEdgeNotFinite(position: position, found: edge)
            }
            guard position == 0 || edges[position - 1] <= edge else {
                throw .seriesEdgesNotAscending(position: position)
            }
        }
    }

    private static func weights(
        _ given: [Double]?, binCount: Int
    ) throws(SummaryError) -> [Double]? {
        guard let given else { return nil }
        guard given.count == binCount || given.count == binCount + 2 else {
            throw .seriesWeightCount(found: given.count, binCount: binCount)
        }
        for (position, weight) in given.enumerated() where !(weight.isFinite && weight >= 0) {
            throw .binWeightNotUsable(position: position, found: weight)
        }
        return given.count == binCount ? given : Array(given[1...binCount])
    }

    private static func sum(_ weights: [Double]?) throws(SummaryError) -> Double {
        guard let weights else { return 1 }
        var sum = 0.0
        for weight in weights { sum += weight }
        guard sum > 0 else { throw .binWeightsSumToZero }
        guard sum.isFinite else { throw .binWeightSumTooLarge }
        return sum
    }
}
