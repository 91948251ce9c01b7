// Why a summary or a score cannot be made.
//
// Every case is a refusal of what the caller asked: settings that contradict themselves, or values
// that carry no answer. None is damage and none is retried: the same request fails the same way.
//
// Invariants:
//  * Each case names the setting by its name on the wire, says what was found, and what to give.
//  * Nothing in this room returns an invented number where it could have thrown.

/// A refusal to summarise or to score.
package enum SummaryError: Error, Hashable, Sendable {
    /// `num_bins` is outside 1…`SummarizerSettings.numBinsMax`.
    case numBinsOutOfBounds(found: Int)

    /// The second generation's bins reach over all numbers: there must be two, or nothing differs.
    case seriesBinCount(found: Int)

    /// The second generation's weights number as its bins, or two more as the first one's do.
    case seriesWeightCount(found: Int, binCount: Int)

    /// Edges given for the second generation come in order: they are echoed as they are.
    case seriesEdgesNotAscending(position: Int)

    /// An edge given for the second generation that is NaN or infinite, and not the last one, which may be infinity.
    case seriesEdgeNotFinite(position: Int, found: Double)

    /// A quantile edge of the second generation that no finite number is: values before it are NaN.
    case quantileNotFinite(position: Int, binCount: Int)

    /// `bin_weights` must number `num_bins` + 2: one a bin and one for each outlier bin.
    case binWeightCount(found: Int, expected: Int)

    /// A weight that is NaN, infinite or negative. `position` counts from 0, left outlier first.
    case binWeightNotUsable(position: Int, found: Double)

    /// All weights are zero, so nothing would be compared and every window would look unchanged.
    case binWeightsSumToZero

    /// The weights are finite but their sum is not, so every share of it would be zero.
    case binWeightSumTooLarge

    /// `bin_mode` Provided came without `provided_edges`.
    case providedEdgesMissing

    /// `provided_edges` must number `num_bins` (right edges) or `num_bins` + 1 (the left one too).
    case providedEdgeCount(found: Int, numBins: Int)

    /// A provided edge that is NaN or infinite. `position` counts from 0, in the order given.
    case providedEdgeNotFinite(position: Int, found: Double)

    /// A baseline without a single number. `missingCount` values were null or NaN.
    case emptyBaseline(missingCount: Int)

    /// A baseline that holds infinities: no finite edge or mean describes it.
    case infiniteBaseline(infinityCount: Int)

    /// Equal bins over values so far apart that their distance is not a finite double.
    case equalBinsTooWide(min: Double, max: Double)

    /// A summary that was kept elsewhere and does not hold together; `fault` names what is wrong.
    case summaryMalformed(fault: String)

    /// The two sides of a score have different bins.
    case binsDiffer(baseline: Int, window: Int)

    /// The two sides of a score were aggregated differently, or otherwise than the settings say.
    case aggregationsDiffer(baseline: Aggregation, window: Aggregation, settings: Aggregation)
}

extension SummaryError {
    /// Refuses a summary that was kept or made elsewhere, unless `condition` is true of it.
    static func require(
        _ condition: Bool, _ fault: @autoclosure () -> String
    ) throws(SummaryError) {
        guard condition else { throw .summaryMalformed(fault: fault()) }
    }

    /// Whether it is the values that carry no answer, which other ones would; else the settings.
    package var isOfValues: Bool {
        switch self {
        case .quantileNotFinite, .emptyBaseline, .infiniteBaseline, .equalBinsTooWide: true
        default: false
        }
    }
}

extension SummaryError: CustomStringConvertible {
    /// One sentence to show a user: the setting, what was found, and the remedy.
    package var description: String {
        switch self {
        case .numBinsOutOfBounds(let found):
            "num_bins is \(found); give a number from 1 to \(SummarizerSettings.numBinsMax)."
        case .seriesBinCount(let found):
            """
            bin_mode makes \(found) bins; give from 2 to \(SummarizerSettings.numBinsMax): a single bin \
            holds every value.
            """
        case .seriesWeightCount(let found, let binCount):
            """
            bin_weights has \(found) numbers for \(binCount) bins; give one a bin, or \(binCount + 2) with \
            the two of the first generation's outlier bins.
            """
        case .seriesEdgesNotAscending(let position):
            "Provided[\(position)] is below the edge before it; give the edges in ascending order."
        case .seriesEdgeNotFinite(let position, let found):
            """
            Provided[\(position)] is \(found == .infinity ? "INFINITY" : "\(found)"); give finite numbers, and \
            \"INFINITY\" as the last alone.
            """
        case .quantileNotFinite(let position, let binCount):
            """
            Quantile edge \(position) of \(binCount) is no finite number: NaN counts as the least value, \
            and the baseline has too many; use fewer bins, Equal or Provided.
            """
        case .binWeightCount(let found, let expected):
            "bin_weights has \(found) numbers; give \(expected): num_bins and the two outlier bins."
        case .binWeightNotUsable(let position, let found):
            "bin_weights[\(position)] is \(found); give finite weights of zero or more."
        case .binWeightsSumToZero:
            "bin_weights are all zero; give at least one bin a weight above zero."
        case .binWeightSumTooLarge:
            "bin_weights add up to more than a double holds; give smaller weights."
        case .providedEdgesMissing:
            "bin_mode is Provided but provided_edges is missing; give num_bins or num_bins + 1 edges."
        case .providedEdgeCount(let found, let numBins):
            """
            provided_edges has \(found) numbers for num_bins \(numBins); give \(numBins) right edges, \
            or \(numBins + 1) with the left one.
            """
        case .providedEdgeNotFinite(let position, let found):
            "provided_edges[\(position)] is \(found); give finite numbers."
        case .emptyBaseline(let missingCount):
            """
            The baseline holds no numbers (\(missingCount) null or NaN); choose a baseline period, \
            vector or path with data.
            """
        case .infiniteBaseline(let infinityCount):
            """
            The baseline holds \(infinityCount) infinite values; choose a baseline of finite numbers.
            """
        case .equalBinsTooWide(let min, let max):
            """
            bin_mode is Equal but the baseline reaches from \(min) to \(max), further apart than a \
            double holds; use Quantile or Provided.
            """
        case .summaryMalformed(let fault):
            "The kept summary is malformed: \(fault); make it again from the values."
        case .binsDiffer(let baseline, let window):
            """
            The baseline has \(baseline) bins and the window \(window); summarise the window on the \
            baseline's edges.
            """
        case .aggregationsDiffer(let baseline, let window, let settings):
            """
            The settings say aggregation \(settings.rawValue), the baseline has \
            \(baseline.rawValue) and the window \(window.rawValue); summarise both with the \
            settings that score them.
            """
        }
    }
}
