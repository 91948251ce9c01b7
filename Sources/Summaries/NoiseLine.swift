// The score that sampling noise alone explains: what a window of m records scores against a
// baseline of n when nothing has drifted.
//
// A small window differs from its baseline by chance: a PSI over five bins passes 0.25 in seven of
// ten windows of ten records though nothing changed. So beside a score stands its noise line: the
// mean of that chance score, and the line that it stays at or below in 95 of 100 windows.
//
// The law. Under no drift the counts of a window are a multinomial draw of m from the true shares of
// the bins, which the baseline's n values know only so well. For edges that are order statistics of
// the baseline itself, the true shares follow, whatever the continuous distribution, a Dirichlet law
// whose parameters are the numbers of spacings between neighbouring values that lie in each bin
// (S. S. Wilks, Mathematical Statistics, 1962, §8.7; H. A. David and H. N. Nagaraja, Order
// Statistics, 2003, §2.2): n values make n + 1 spacings, one below the least and one above the greatest.
//
//     Quantile     edges are values        (1, c1 - 1, c2, …, ck, 1): exact
//     Equal        min and max are values  (1, n - 1, 1)
//     Provided     no edge is a value      (c0, c1 + … + ck, c(k+1)), one spacing more in a bin
//                  the min is put before   (1, c1 + … + ck - 1, c(k+1)), one spacing more in a bin
//
// An edge that is not a value cuts a spacing in two, so how the inner bins of Equal and Provided share what they hold
// is not known in law. It follows from their counts and, where bins hold fewer than ten values each, from how evenly
// values spread over neighbouring bins (NoiseEvenness.swift); and where the one spacing more of given edges lies, each
// replicate draws at random. Where values are tied there is less room outside the extremes than the law supposes, and
// the line is a little too high.
//
// How well that holds. Equal bins simulated without drift (uniform, normal, exponential, lognormal and bimodal values;
// baselines of 50 to 2,000 and windows of 20 to 500, 5 to 5,000 bins, in both generations; some hundreds or a thousand
// windows each), 3 to 10 of 100 windows lay above the 95 % line, mostly 4 to 7; 8 to 14 of baselines of 30 in 20
// bins, 5 to 21 of windows ten times as large as their baseline or more, and 11 of lognormal values, 2,000 in 5,000 bins.
// By the counts alone, one spacing more drawn at random, it was 11 to 100 where bins are a fifth as many as values
// or more. Given edges at equal distances were tried less, and did as well.
//
// The textbook law of a PSI, (1/n + 1/m) times a chi-square of bins - 1 degrees of freedom
// (B. Yurdakul and J. Naranjo, Statistical properties of the population stability index, J. Risk
// Model Validation 14(4), 2020), is its limit for large n and m. It is far off for small windows, for
// outlier bins, which are empty in the baseline, and for the 0.005 that stands for an empty bin; and
// it says nothing of the other metrics. So the law is not approximated but drawn from: some two
// thousand replicates of shares, counts and score, from one seed, with the score's own arithmetic.
//
// Of many bins there are fewer replicates, so that time is bounded: 256 up to 3,000 bins, 78 for 10,000, reckoned
// at a tenth of a second. A sum over so many shares hardly varies, and its line is as good; differences of running
// shares do vary, and a line of 78 has a standard error of 2.5 windows in 100.
//
// Where edges are compared there are no shares: NoiseLine+Edges.swift says what is drawn instead.
//
// Sizes beyond `NoiseSizes.exactMax` are drawn for at four sizes a doubling, and interpolated in
// between along 1/n + 1/m (its root for metrics of differences), as the limit scales.
//
// A baseline that slides has another size in every window, and would be drawn for each time. Quantile bins of untied
// values are full by rank, whatever the values: those of more than 64 values are taken at sixteen sizes a doubling,
// the nearest, which is at most 3 % of what the baseline's size adds to the line. No others are: where one bin has
// nearly all values, nearly all windows have one score, and the line must be that score to the bit.
//
// Invariants:
//  * A line is a pure function of the baseline's values of bins, its counts, its settings and the
//    window's count: the same bits on every machine, whatever was asked before.
//  * 0 ≤ mean and 0 ≤ line95.
//  * No line is given where the law says nothing: without bins, for an empty side, and for a baseline that
//    says it is of more than `NoiseLaw.countMax` values, which none is.

/// The score that noise explains.
package struct NoiseLine: Sendable, Hashable {
    /// The mean score of windows that did not drift.
    package let mean: Double
    /// The score that 95 of 100 such windows stay at or below.
    package let line95: Double

    /// Bins, outliers included, that any settings make at most.
    static let binCountMax = SummarizerSettings.numBinsMax + 2

    /// Whether so few records were compared that noise alone passes the threshold in more than one
    /// window of twenty: an alert there is no sign of drift.
    package func hasTooFewRecords(alertThreshold: Double) -> Bool { line95 > alertThreshold }

    /// The line of a window of `windowCount` numbers; nil where the law says nothing.
    ///
    /// Costs a millisecond or a few where none was asked for a baseline like this and a window of
    /// about this size, and of thousands of bins up to a tenth of a second; else about a microsecond.
    package static func of(
        windowCount: Int, against baseline: Summary, _ settings: SummarizerSettings
    ) -> NoiseLine? {
        guard windowCount > 0, let source = NoiseSource(baseline, settings) else { return nil }
        return NoiseLines.shared.line(of: source, windowCount: windowCount)
    }
}

/// All that a line of shares depends on, but for the size of the window.
struct NoiseLaw: Hashable, Sendable {
    /// Spacings in each bin, left outlier first.
    let spacings: [Int]
    /// The bins one of which has a spacing more; empty where all spacings are placed.
    let undecided: Range<Int>
    /// The bins that share by what is even about them (NoiseEvenness.swift); empty where edges are values, or between two.
    let even: Range<Int>
    /// Spacings in the first and the last bin that are shared with no other.
    let ends: Ends
    /// The edges that are interpolated between values; nil where none is.
    let quantiles: Quantiles?
    /// The values that are compared.
    let baseline: [Double]
    let baselineCount: Int
    let isCumulative: Bool
    let metric: DriftMetric
    let weights: [Double]?
    let weightSum: Double

    struct Ends: Hashable {
        var first = 0
        var last = 0
    }

    /// The most values that a baseline may say it is of: 2^53, up to which a double counts them.
    static let countMax = 1 << 53

    /// Whether scores shrink as 1/n + 1/m does; others shrink as its root.
    var isLogarithmic: Bool { metric == .psi && !isCumulative }

    init?(_ summary: Summary, _ settings: SummarizerSettings) {
        let binCount = summary.aggregatedValues.count
        guard
            settings.binMode != .none, settings.aggregation != .edges,
            summary.aggregation == settings.aggregation, (1...Self.countMax).contains(summary.count),
            (3...NoiseLine.binCountMax).contains(binCount),
            settings.binWeights.map({ $0.count == binCount }) ?? true
        else { return nil }
        let values = summary.aggregatedValues.map { $0 ?? 0 }
        isCumulative = settings.aggregation == .cumulative
        metric = settings.metric
        weights = settings.binWeights
        weightSum = settings.binWeightSum
        var counts = Self.counts(values, of: summary.count, isCumulative)
        let nearest = NoiseSizes.nearestBaseline(summary.count)
        if nearest != summary.count, settings.binMode == .quantile,
            counts == Self.countsByRank(of: summary.count, settings)
        {
            baselineCount = nearest
            counts = Self.countsByRank(of: nearest, settings)
            baseline = Self.shares(counts, isCumulative)
        } else {
            baselineCount = summary.count
            baseline = values
        }
        let inner = 1..<binCount - 1
        even = settings.binMode == .quantile ? 0..<0 : inner
        ends = Ends()
        quantiles = nil
        func takeOne(from bins: some Sequence<Int>) {
            if let bin = bins.first(where: { counts[$0] > 0 }) { counts[bin] -= 1 }
        }
        switch settings.binMode {
        case .none: return nil
        case .quantile:
            takeOne(from: inner)
            counts[0] += 1
            counts[binCount - 1] += 1
            undecided = 0..<0
        case .equal:
            takeOne(from: inner)
            takeOne(from: inner.reversed())
            counts[0] += 1
            counts[binCount - 1] += 1
            undecided = inner
        case .provided:
            if settings.providedEdges?.count == settings.numBins {
                takeOne(from: 1..<binCount)
                counts[0] += 1
                undecided = 1..<binCount
            } else {
                undecided = 0..<binCount
            }
        }
        spacings = counts
    }

    init(
        spacings: [Int], undecided: Range<Int>, even: Range<Int>, ends: Ends, quantiles: Quantiles?,
        baseline: [Double], baselineCount: Int, isCumulative: Bool, metric: DriftMetric, weights: [Double]?,
        weightSum: Double
    ) {
        self.spacings = spacings
        self.undecided = undecided
        self.even = even
        self.ends = ends
        self.quantiles = quantiles
        self.baseline = baseline
        self.baselineCount = baselineCount
        self.isCumulative = isCumulative
        self.metric = metric
        self.weights = weights
        self.weightSum = weightSum
    }

    /// How many of `count` lie in each bin, by what the bins' values say.
    static func counts(_ values: [Double], of count: Int, _ isCumulative: Bool) -> [Int] {
        var counts: [Int] = []
        var below = 0
        for value in values {
            // Shares are counts over a count, but a static baseline may have been written by hand.
            let found = Int((value * Double(count)).rounded())
            counts.append(isCumulative ? max(0, found - below) : found)
            below = max(below, found)
        }
        return counts
    }

    /// The values of bins with `counts`.
    static func shares(_ counts: [Int], _ isCumulative: Bool) -> [Double] {
        let total = counts.reduce(0, +)
        let shares =
            isCumulative
            ? AggregatedValues.cumulative(counts, of: total) : AggregatedValues.density(counts, of: total)
        return shares.map { $0 ?? 0 }
    }

    /// How many of `count` untied values are in each quantile bin, outliers included.
    private static func countsByRank(of count: Int, _ settings: SummarizerSettings) -> [Int] {
        let ranks = (1...settings.numBins).map { BinEdges.rank($0, of: settings.numBins, among: count) }
        return [0] + zip(ranks, [0] + ranks).map { $0 - $1 } + [0]
    }

    // MARK: Drawing

    /// Values a bin, from which on counts alone say better than neighbours how bins share what they hold: of 150 values
    /// in five equal bins evenness left a line that one window of seven was above.
    private static let fullBinValueCount = 10

    /// Every law is drawn from with the same numbers, so that lines of neighbouring sizes agree.
    static let seed: UInt64 = 0x6173_7361_796C_6F67
    /// How many bins are drawn for one line in all, and between what the replicates are then kept.
    private static let drawnBinCount = 32_768
    private static let replicateCounts = 256...2_000
    /// How many bins at most, at some 100 ns each: of thousands there are fewer replicates.
    private static let drawnBinCountMax = 786_432

    /// How many replicates a line is made of. The share of windows above a 95 % line of 2,000 has
    /// a standard error of half a percent, of 256 one of 1.4 %, of 78 one of 2.5 %.
    var replicateCount: Int {
        let range = Self.replicateCounts
        let count = min(max(Self.drawnBinCount / spacings.count, range.lowerBound), range.upperBound)
        return min(count, Self.drawnBinCountMax / spacings.count)
    }

    /// The line of windows of exactly `windowCount` numbers, drawn anew, of so many replicates.
    func drawn(windowCount: Int, _ replicateCount: Int? = nil) -> NoiseLine {
        var scores = drawnScores(windowCount: windowCount, replicateCount)
        scores.sort()
        var sum = 0.0
        for score in scores { sum += score }
        return NoiseLine(mean: sum / Double(scores.count), line95: scores[Self.place95(of: scores.count)])
    }

    /// Where the 95th of a hundred lies among sorted scores, counted from 0.
    static func place95(of count: Int) -> Int { (count * 95 + 99) / 100 - 1 }

    /// Scores of replicates, in the order drawn.
    func drawnScores(windowCount: Int, _ replicateCount: Int? = nil) -> [Double] {
        precondition(windowCount > 0, "A window that is scored has numbers.")
        var variates = NoiseVariates(seed: Self.seed)
        let binCount = spacings.count
        let isSparse = spacings[even].reduce(0, +) < Self.fullBinValueCount * even.count
        let evenness = isSparse ? NoiseEvenness(spacings[even]) : nil
        // What the first bin shares with no other is missing numbers, which have no place among the others.
        let placedCount = baselineCount - ends.first
        let places = quantiles?.places(of: placedCount)
        return withUnsafeTemporaryAllocation(of: Double.self, capacity: binCount) { shares in
            (0..<(replicateCount ?? self.replicateCount)).map { _ in
                if let places {
                    drawShares(between: places, of: placedCount, into: shares, &variates)
                } else {
                    drawShares(evenness, into: shares, &variates)
                }
                var rest = 0.0
                for share in shares { rest += share }
                // The counts, bin by bin: what is left of the window falls here by this bin's share
                // of what is left of the shares.
                var left = windowCount
                var score = Score()
                var running = 0
                for bin in 0..<binCount {
                    let count =
                        bin == binCount - 1 || rest <= 0
                        ? left : variates.binomial(left, min(1, shares[bin] / rest))
                    rest -= shares[bin]
                    left -= count
                    running += count
                    let window = Double(isCumulative ? running : count) / Double(windowCount)
                    var term =
                        isLogarithmic
                        ? DriftScore.psiTerm(baseline[bin], window) : (window - baseline[bin]).magnitude
                    if let weights { term = term * weights[bin] / weightSum }
                    score.add(term)
                }
                return score.value(metric)
            }
        }
    }

    /// Draws the shares of all bins, up to a factor.
    private func drawShares(
        _ evenness: NoiseEvenness?, into shares: UnsafeMutableBufferPointer<Double>,
        _ variates: inout NoiseVariates
    ) {
        let favoured = undecided.isEmpty ? -1 : undecided.lowerBound + variates.index(below: undecided.count)
        let spread = evenness == nil ? 0..<0 : even
        for bin in spacings.indices where !spread.contains(bin) {
            shares[bin] = variates.gamma(shape: spacings[bin] + (bin == favoured ? 1 : 0))
        }
        if let evenness {
            let inside = spacings[spread].reduce(0, +) + (spread.contains(favoured) ? 1 : 0)
            evenness.spread(
                variates.gamma(shape: inside), into: UnsafeMutableBufferPointer(rebasing: shares[spread]),
                from: &variates)
        }
        if ends.first > 0 { shares[0] += variates.gamma(shape: ends.first) }
        if ends.last > 0 { shares[spacings.count - 1] += variates.gamma(shape: ends.last) }
    }

    /// Draws the shares between edges at `places` of the baseline's values, up to a factor.
    private func drawShares(
        between places: [OrderPlace], of count: Int, into shares: UnsafeMutableBufferPointer<Double>,
        _ variates: inout NoiseVariates
    ) {
        var below = 0.0
        for (bin, level) in variates.levels(at: places, of: count).enumerated() {
            shares[bin] = level - below
            below = level
        }
        shares[spacings.count - 1] = 1 - below
        if ends.first > 0 {
            // In units of all that the others hold.
            shares[0] += variates.gamma(shape: ends.first) / variates.gamma(shape: count + 1)
        }
    }

    /// The score's combination of terms, without their list (see DriftScore).
    struct Score {
        private var sum = 0.0
        private var largest = -Double.infinity

        mutating func add(_ term: Double) {
            sum += term
            largest = max(largest, term)
        }

        func value(_ metric: DriftMetric) -> Double {
            switch metric {
            case .psi: sum
            case .sumDiff: sum / 2
            case .maxDiff: largest
            }
        }
    }
}
