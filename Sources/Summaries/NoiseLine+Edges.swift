// The noise line where edges are compared: how far the edges of a window lie from those of its baseline by chance.
//
// With the aggregation Edges both sides have edges of their own, and a score is of the distances between them
// (DriftScore.swift). What they follow from differs, and with it what chance can do:
//
//     Provided      given numbers: the same on both sides, and chance does nothing; but the first one, where one
//                   edge fewer is given in the first generation, is the least value of each side
//     Quantile      values at known places of the sorted ones (OrderPlace.swift)
//     Equal         least and greatest value alone
//
// The law. Whatever the continuous distribution, the chances at known places are known in law, exactly. To come back from
// a chance to a value takes the distribution itself, of which a summary says its edges, extremes, median, mean and
// deviation. So a replicate is drawn in two steps, with what is not known about the baseline in it:
//
//  1. The truth that the baseline's values may come from: the chances at its edges and extremes are drawn, as those
//     of n values. Between inner edges the distribution is taken to be even, in the tails and beyond the extremes of the
//     shape that mean and deviation leave (NoiseTail.swift).
//  2. The window: the chances at its own places are drawn, as those of m values, turned into values by that truth, and
//     scored with the score's own arithmetic.
//
// In the second generation missing numbers are the least of all in Quantile, so there they have chances too; elsewhere
// numbers alone make the edges, and sizes are those of numbers.
//
// What it is worth. This is an approximation, unlike the law of shares: edges are mostly moved by the extremes, and how
// far those reach is seen least in few values. Simulated without drift (uniform, normal, exponential and lognormal
// values, Student's t of 3 degrees, beta of 1/2 and 2; baselines of 20 to 5,000, windows of 1 to 1,000, 1 to 50 bins;
// ninety baselines each, and twenty windows of each), 1 to 10 of 100 windows lay above the 95 % line, mostly 3 to 7.
// Beyond that:
//
//  * 11 to 14: the largest difference in windows of a single value, or in such of 100 from a baseline of 20; the
//    second generation's two bins, whose one edge is a median of which nothing near is known; and, in another thirty
//    baselines of exponential values, windows ten times as large.
//  * 0 to 2: windows several times as large as their baseline, and given edges where values crowd at the least one.
//    There the line is mostly two to ten times as high as it should be, and twenty times in one baseline of ten: how
//    far a tail goes on, few values do not tell, and the line allows for it.
//  * The mean leans on the few highest replicates: it is up to twice too high for windows as large as a baseline of
//    1,000, and up to six times for ones that are five or ten times as large.
//  * Values are taken to lie in one heap. Where they lie in two (scores of a classifier, two machines), up to nine of ten
//    windows without drift lay above the line with Equal edges, and half of them with Quantile ones; elsewhere
//    the line was 2 to 15 times too high.
//  * Tied values are taken as if spread between edges. Of values that are all equal the line is 0.
//
// A replicate has no score where a window has none (a missing number for an edge, distances beyond a double), and is
// left out, as such windows have no line. Where no replicate is left, or the baseline is a single number, from which no
// distance follows, noise explains any score: then mean and line are the greatest double there is.
//
// A line depends on the edges' values, so baselines share none, of whatever size: one that slides has each drawn. Replicates
// are few enough for that: at most some 16,000 numbers are drawn for a line, reckoned at a millisecond, so a year of hourly
// windows takes ten or twenty seconds. Of 125 bins and more there are 64 replicates: for 10,000 a tenth of a second.
//
// Invariants:
//  * A line is a pure function of the baseline's summary, its settings and the window's count, bit by bit.
//  * 0 ≤ mean and 0 ≤ line95, and both are finite.
//  * There is a line wherever a window has a score; but for a summary that was sent without its extremes, or that says
//    it is of more than `NoiseLaw.countMax` values.

/// All that a line depends on where edges are compared, but for the size of the window.
struct EdgeLaw: Hashable, Sendable {
    enum Form: Hashable, Sendable {
        /// Values by rank, the least and the greatest among them.
        case ranks(Int)
        /// Interpolated between ranks: of all values, missing ones too, and the inner edges alone; or of the
        /// numbers, with both ends.
        case quantiles(Int, withEnds: Bool)
        /// At equal distances between the least and the greatest number.
        case widths(Int, withEnds: Bool)
        case given([Double], afterLeast: Bool)
    }

    let form: Form
    /// The edges that a window's are held against.
    let baseline: [Double]
    /// Its values, missing ones too where these have a place among them.
    let baselineCount: Int
    /// Of those.
    let missingCount: Int
    let least: Double
    let greatest: Double
    let moments: Moments
    let metric: DriftMetric
    let weights: [Double]?
    let weightSum: Double

    /// Whether missing numbers of a window count as values.
    var countsMissing: Bool {
        if case .quantiles(_, withEnds: false) = form { return true }
        return false
    }

    init?(_ summary: Summary, _ settings: SummarizerSettings) {
        guard
            settings.binMode != .none, settings.aggregation == .edges, summary.aggregation == .edges,
            (1...NoiseLaw.countMax).contains(summary.count),
            let edges = Self.finite(summary.aggregatedValues), edges.count == settings.numBins + 1
        else { return nil }
        var greatest = edges[edges.count - 1]
        switch settings.binMode {
        case .none: return nil
        case .quantile: form = .ranks(settings.numBins)
        case .equal: form = .widths(settings.numBins, withEnds: true)
        case .provided:
            guard let given = settings.providedEdges else { return nil }
            let isAfterLeast = given.count == settings.numBins
            if isAfterLeast {
                guard let found = summary.max else { return nil }
                greatest = found
            }
            form = .given(given, afterLeast: isAfterLeast)
        }
        baseline = edges
        baselineCount = summary.count
        missingCount = 0
        least = edges[0]
        self.greatest = greatest
        moments = summary.moments
        metric = settings.metric
        weights = settings.binWeights
        weightSum = settings.binWeightSum
    }

    init?(_ summary: SeriesSummary, _ settings: SeriesSettings) {
        let (total, overflow) = summary.count.addingReportingOverflow(summary.missingCount)
        guard
            settings.binMode != .none, settings.aggregation == .edges, summary.aggregation == .edges,
            summary.count > 0, !overflow, total <= NoiseLaw.countMax,
            let edges = Self.finite(summary.aggregatedValues), !edges.isEmpty, summary.bins.areOfTheirMode,
            settings.weights.map({ $0.count == edges.count + 1 }) ?? true
        else { return nil }
        var ends = (edges[0], edges[edges.count - 1])
        var counts = (summary.count, 0)
        switch summary.bins.mode {
        case .none: return nil
        case .quantileWithExplicitOutliers(let count): form = .quantiles(count, withEnds: true)
        case .provided(let given):
            form = .given(given.last == .infinity ? given.dropLast() : given, afterLeast: false)
        case .quantile(let count), .equal(let count):
            guard let min = summary.moments.min, let max = summary.moments.max else { return nil }
            ends = (min, max)
            if case .quantile = summary.bins.mode {
                form = .quantiles(count, withEnds: false)
                counts = (total, summary.missingCount)
            } else {
                form = .widths(count, withEnds: false)
            }
        }
        baseline = edges
        (baselineCount, missingCount) = counts
        (least, greatest) = ends
        moments = summary.moments
        metric = settings.metric
        weights = settings.weights
        weightSum = settings.weightSum
    }

    /// Aggregated values that are edges, all but the last, open one; nil where they are no such thing.
    private static func finite(_ values: [Double?]) -> [Double]? {
        guard let last = values.last, last == nil else { return nil }
        let edges = values.dropLast().compactMap { $0 }
        return edges.count == values.count - 1 && edges.allSatisfy(\.isFinite) ? edges : nil
    }

    // MARK: What is known

    /// Where the values lie, among `count`, that a window's edges follow from.
    private func places(of count: Int) -> [OrderPlace] {
        switch form {
        case .ranks(let numBins): OrderPlace.ranks(numBins, of: count)
        case .quantiles(let binCount, let withEnds):
            (withEnds ? Array(0...binCount) : Array(1..<binCount)).map {
                OrderPlace(quantile: $0, of: binCount, among: count)
            }
        case .widths: [OrderPlace(0), OrderPlace(count - 1)]
        case .given: [OrderPlace(0)]
        }
    }

    /// The baseline's numbers that are known, from the least to the greatest.
    private var knots: [NoiseKnot] {
        var knots = [NoiseKnot(place: OrderPlace(missingCount), value: least)]
        func add(_ place: OrderPlace, _ value: Double) {
            let last = knots[knots.count - 1]
            // One that was sent may not ascend.
            if last.place < place { knots.append(NoiseKnot(place: place, value: max(value, last.value))) }
        }
        switch form {
        case .ranks, .quantiles:
            for (place, edge) in zip(places(of: baselineCount), baseline) { add(place, min(edge, greatest)) }
        case .widths, .given: break
        }
        let end = OrderPlace(baselineCount - 1)
        if let last = knots.last, knots.count == 1 || knots.count == 2 && !(last.place < end) {
            // There is no inner edge: the median is one.
            let numberCount = baselineCount - missingCount
            if let median = moments.median, numberCount >= 3 {
                knots.removeSubrange(1...)
                add(OrderPlace(missingCount + (numberCount - 1) / 2), min(median, greatest))
            }
        }
        add(end, greatest)
        return knots
    }

    // MARK: Drawing

    /// How many numbers are drawn for one line in all, and between what the replicates are then kept.
    private static let drawnNumberCount = 16_384
    private static let replicateCounts = 64...400

    /// How many replicates a line is made of: the share of windows above the 95th of 100 of 400 has a standard
    /// error of one percent, and of 64 of three.
    var replicateCount: Int {
        let range = Self.replicateCounts
        return min(
            max(Self.drawnNumberCount / (2 * (baseline.count + 2)), range.lowerBound), range.upperBound)
    }

    /// The line of windows of exactly `windowCount` values, drawn anew, of so many replicates.
    func drawn(windowCount: Int, _ replicateCount: Int? = nil) -> NoiseLine {
        var scores = drawnScores(windowCount: windowCount, replicateCount)
        guard !scores.isEmpty else {
            return NoiseLine(mean: .greatestFiniteMagnitude, line95: .greatestFiniteMagnitude)
        }
        scores.sort()
        // Of scores near the greatest double the sum is none.
        var mean = 0.0
        for score in scores { mean += score / Double(scores.count) }
        return NoiseLine(
            mean: min(mean, scores[scores.count - 1]), line95: scores[NoiseLaw.place95(of: scores.count)])
    }

    /// Scores of the replicates that have one, in the order drawn.
    func drawnScores(windowCount: Int, _ replicateCount: Int? = nil) -> [Double] {
        precondition(windowCount > 0, "A window that is scored has numbers.")
        if case .given(let edges, afterLeast: false) = form { return score(of: edges).map { [$0] } ?? [] }
        let knots = self.knots
        guard knots.count > 1 else { return [] }
        let tails = NoiseTails(
            knots, of: baselineCount, missingCount: missingCount, mean: moments.mean,
            deviation: moments.standardDeviation)
        let ownPlaces = [OrderPlace(missingCount - 1)] + knots.map(\.place)
        let windowPlaces = places(of: windowCount)
        var variates = NoiseVariates(seed: NoiseLaw.seed)
        var scores: [Double] = []
        for _ in 0..<(replicateCount ?? self.replicateCount) {
            let truth = DrawnTruth(
                knots, tails, levels: variates.levels(at: ownPlaces, of: baselineCount))
            let levels = variates.levels(at: windowPlaces, of: windowCount)
            if let values = truth.values(at: levels), let edges = self.edges(from: values),
                let score = self.score(of: edges)
            {
                scores.append(score)
            }
        }
        return scores
    }

    /// A window's edges from the values that they follow from; nil where they are none.
    private func edges(from values: [Double]) -> [Double]? {
        switch form {
        case .ranks, .quantiles: return values
        case .widths(let count, let withEnds):
            // As BinEdges and SeriesBins make them.
            let width = (values[1] - values[0]) / Double(count)
            guard width.isFinite else { return nil }
            let inner = (withEnds ? 0..<count : 1..<count).map {
                min(values[0] + width * Double($0), values[1])
            }
            return withEnds ? inner + [values[1]] : inner
        case .given(let edges, let afterLeast): return afterLeast ? [values[0]] + edges : edges
        }
    }

    /// The score of a window's edges; nil where it has none.
    private func score(of edges: [Double]) -> Double? {
        guard edges.count == baseline.count else { return nil }
        var score = NoiseLaw.Score()
        for (position, edge) in edges.enumerated() {
            var term = (edge - baseline[position]).magnitude
            if let weights { term = term * weights[position] / weightSum }
            guard term.isFinite else { return nil }
            score.add(term)
        }
        let value = score.value(metric)
        return value.isFinite ? value : nil
    }
}

/// A distribution that a baseline's values may come from: values at chances.
private struct DrawnTruth {
    private let knots: [NoiseKnot]
    /// Of the last missing number, below which there are none, then of the knots.
    private let levels: [Double]
    private let lower: DrawnTail
    private let upper: DrawnTail

    init(_ knots: [NoiseKnot], _ tails: NoiseTails, levels: [Double]) {
        func below(_ knot: Int) -> DrawnTail.Point { (knots[knot].value, levels[knot + 1] - levels[0]) }
        func above(_ knot: Int) -> DrawnTail.Point { (knots[knot].value, 1 - levels[knot + 1]) }
        let last = knots.count - 1
        lower = DrawnTail(tails.lower, extreme: below(0), inner: below(1), anchor: below(tails.lower.anchor))
        upper = DrawnTail(
            tails.upper, extreme: above(last), inner: above(last - 1), anchor: above(tails.upper.anchor))
        self.knots = knots
        self.levels = levels
    }

    /// The values that so much lies below, ascending; nil where one is a missing number.
    func values(at chances: [Double]) -> [Double]? {
        var values: [Double] = []
        values.reserveCapacity(chances.count)
        /// The knot below the chance, once it is past the lower tail.
        var knot = 1
        for chance in chances {
            guard chance > levels[0] else { return nil }
            if chance < levels[2] {
                values.append(lower.value(chance - levels[0]))
            } else if chance >= levels[knots.count - 1] {
                values.append(upper.value(1 - chance))
            } else {
                while chance >= levels[knot + 2] { knot += 1 }
                let (start, end) = (knots[knot].value, knots[knot + 1].value)
                let part = (chance - levels[knot + 1]) / (levels[knot + 2] - levels[knot + 1])
                values.append(start + (end - start) * part)
            }
        }
        return values
    }
}
