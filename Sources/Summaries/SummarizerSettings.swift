// How an assay turns values into a summary, and two summaries into a score.
//
// The names and the numbers are the ones users write in an assay's `summarizer`; the raw values of
// the three choices are their names on the wire.
//
// Invariants, checked once, when settings are made:
//  * With bins, 1 ≤ numBins ≤ numBinsMax; without bins, numBins, edges and weights are not looked at.
//  * Weights, where given, number numBins + 2, are finite and not negative, and their sum is finite
//    and above zero.
//  * Provided edges, where used, number numBins or numBins + 1, are finite, and ascend.

/// Where the edges of the bins come from.
package enum BinMode: String, Sendable, Hashable, CaseIterable {
    /// No bins: statistics only, and nothing to score.
    case none = "None"
    /// Bins of equal width between the baseline's minimum and maximum.
    case equal = "Equal"
    /// Bins of equal share of the baseline's values.
    case quantile = "Quantile"
    /// Edges the user gives.
    case provided = "Provided"
}

/// What a summary says about each bin.
package enum Aggregation: String, Sendable, Hashable, CaseIterable {
    /// The share of values in the bin.
    case density = "Density"
    /// The share of values in the bin and all bins to its left.
    case cumulative = "Cumulative"
    /// The bin's right edge itself, each side binned by its own values.
    case edges = "Edges"
}

/// How two summaries are compared.
package enum DriftMetric: String, Sendable, Hashable, CaseIterable {
    /// The population stability index over densities; over the others a sum of differences.
    case psi = "PSI"
    /// The largest difference of any bin.
    case maxDiff = "MaxDiff"
    /// Half the sum of the differences.
    case sumDiff = "SumDiff"
}

/// The settings of a summarizer, known to make sense together.
package struct SummarizerSettings: Sendable, Hashable {
    /// No recorded assay has more than 14 bins. Ten thousand leaves room for any honest use, keeps
    /// a summary's answer below a megabyte, and is refused before anything is allocated.
    package static let numBinsMax = 10_000

    /// The bins of an assay whose definition does not say how many.
    package static let numBinsDefault = 5

    package let binMode: BinMode
    package let aggregation: Aggregation
    package let metric: DriftMetric
    /// The bins between the outlier bins. Means nothing where `binMode` is none.
    package let numBins: Int
    /// `numBins` + 2 weights, left outlier first, or nil where every bin counts once.
    package let binWeights: [Double]?
    /// The sum of `binWeights`, left to right; 1 without weights.
    package let binWeightSum: Double
    /// The edges given, ascending; nil unless `binMode` is provided.
    package let providedEdges: [Double]?

    /// Checks the settings against each other.
    ///
    /// Edges may come in any order here and are sorted; requests give them in order. Edges given with
    /// another bin mode are left out, so that equal settings are equal.
    package init(
        binMode: BinMode = .quantile, aggregation: Aggregation = .density,
        metric: DriftMetric = .psi, numBins: Int = numBinsDefault, binWeights: [Double]? = nil,
        providedEdges: [Double]? = nil
    ) throws(SummaryError) {
        self.binMode = binMode
        self.aggregation = aggregation
        self.metric = metric
        self.numBins = numBins
        guard binMode != .none else {
            (self.binWeights, binWeightSum, self.providedEdges) = (nil, 1, nil)
            return
        }
        guard (1...Self.numBinsMax).contains(numBins) else {
            throw .numBinsOutOfBounds(found: numBins)
        }
        self.binWeights = binWeights
        binWeightSum = try Self.sum(ofWeights: binWeights, numBins: numBins)
        self.providedEdges =
            binMode == .provided ? try Self.ascending(providedEdges, numBins: numBins) : nil
    }

    private static func sum(
        ofWeights weights: [Double]?, numBins: Int
    ) throws(SummaryError) -> Double {
        guard let weights else { return 1 }
        guard weights.count == numBins + 2 else {
            throw .binWeightCount(found: weights.count, expected: numBins + 2)
        }
        var sum = 0.0
        for (position, weight) in weights.enumerated() {
            guard weight.isFinite, weight >= 0 else {
                throw .binWeightNotUsable(position: position, found: weight)
            }
            sum += weight
        }
        guard sum > 0 else { throw .binWeightsSumToZero }
        guard sum.isFinite else { throw .binWeightSumTooLarge }
        return sum
    }

    private static func ascending(
        _ edges: [Double]?, numBins: Int
    ) throws(SummaryError) -> [Double] {
        guard let edges else { throw .providedEdgesMissing }
        guard edges.count == numBins || edges.count == numBins + 1 else {
            throw .providedEdgeCount(found: edges.count, numBins: numBins)
        }
        for (position, edge) in edges.enumerated() where !edge.isFinite {
            throw .providedEdgeNotFinite(position: position, found: edge)
        }
        // -0.0 before 0.0, so that the order they came in does not show.
        return edges.sorted { ($0, $0.sign == .plus ? 1 : 0) < ($1, $1.sign == .plus ? 1 : 0) }
    }
}
