// Invariants checked: the three at the head of SeriesSummary.swift, in that order; the numbers that a real
// service recorded for its second generation; and thresholds that are reached.

import Summaries
import Testing

@Suite("Second-generation summaries and scores")
struct SeriesSummaryTests {
    private func settings(
        _ mode: SeriesBinMode = .quantile(5), _ aggregation: Aggregation = .density,
        _ metric: DriftMetric = .psi, weights: [Double]? = nil
    ) throws -> SeriesSettings {
        try SeriesSettings(
            binMode: mode, aggregation: aggregation, metric: metric, binWeights: weights)
    }

    private func score(
        _ window: SortedSample, against baseline: SortedSample, _ settings: SeriesSettings
    ) throws -> DriftScore {
        let summarizer = SeriesSummarizer(settings)
        let baseline = try summarizer.baseline(of: baseline)
        return try DriftScore(
            of: summarizer.window(of: window, in: baseline.bins), against: baseline, settings)
    }

    private let hundred = SortedSample((1...100).map(Double.init))

    @Test("a window that lies wholly in one of five equal bins has the recorded score")
    func recordedScore() throws {
        // Recorded: score 4.1648763041561505 of [1.2875503299472804, 0.7193314935522176 four times], from
        // a baseline of 100 values with 0.2 of them in each bin and a window all of whose values are in one.
        let score = try score(SortedSample([5, 6, 7]), against: hundred, settings())
        #expect(
            score.scores == [1.2875503299472804] + Array(repeating: 0.7193314935522176, count: 4))
        #expect(score.score == 4.1648763041561505)
        #expect(score.binIndex == nil && score.absence == nil)
        let status = DriftStatus.reaching(
            score: score.score, alertThreshold: 0.1, warningThreshold: 0.1)
        #expect(status == .alert)
    }

    @Test("a missing number is counted, left out of statistics, and lies in the leftmost bin")
    func missing() throws {
        let summarizer = SeriesSummarizer(try settings(.provided([2, 3])))
        let summary = try summarizer.baseline(of: SortedSample([2, 3, 4, .nan], nullCount: 1))
        #expect(summary.count == 3 && summary.missingCount == 2)
        let moments = summary.moments
        #expect(moments.mean == 3 && moments.median == 3 && moments.min == 2 && moments.max == 4)
        #expect(summary.aggregatedValues == [0.6, 0.2, 0.2])
    }

    @Test("no number at all is no score, and infinities are compared but not averaged")
    func unusable() throws {
        let settings = try settings()
        #expect(try score(SortedSample([], nullCount: 4), against: hundred, settings).absence == .noNumbers)
        #expect(try score(SortedSample([]), against: hundred, settings).absence == .noNumbers)
        let infinite = SortedSample([.infinity, 1])
        #expect(try score(infinite, against: hundred, settings).score != nil)
        let summarizer = SeriesSummarizer(settings)
        let window = summarizer.window(of: infinite, in: try summarizer.baseline(of: hundred).bins)
        #expect(window.moments.mean == nil && window.moments.max == nil && window.moments.min == 1)
        #expect(window.aggregatedValues == [0.5, 0, 0, 0, 0.5])
        #expect(throws: SummaryError.infiniteBaseline(infinityCount: 1)) {
            try summarizer.baseline(of: infinite)
        }
        #expect(throws: SummaryError.emptyBaseline(missingCount: 2)) {
            try summarizer.baseline(of: SortedSample([], nullCount: 2))
        }
        #expect(try score(hundred, against: hundred, self.settings(.none)).absence == .noBins)
    }

    @Test("cumulative values end at 1, and MaxDiff names its bin from the leftmost")
    func others() throws {
        let settings = try settings(.provided([1, 2]), .cumulative, .maxDiff)
        let summarizer = SeriesSummarizer(settings)
        let baseline = try summarizer.baseline(of: SortedSample([0.5, 1.5, 2.5, 3]))
        #expect(baseline.aggregatedValues == [0.25, 0.5, 1])
        let score = try score(
            SortedSample([2.5, 3]), against: SortedSample([0.5, 1.5, 2.5, 3]), settings)
        #expect(score.scores == [0.25, 0.5, 0] && score.score == 0.5 && score.binIndex == 1)
        let edges = try self.settings(.quantile(2), .edges, .sumDiff)
        let byEdges = SeriesSummarizer(edges)
        #expect(try byEdges.baseline(of: SortedSample([1, 3])).aggregatedValues == [2, nil])
        #expect(try self.score(SortedSample([4, 8]), against: SortedSample([1, 3]), edges).score == 2)
        // A window without usable values has no edges of its own.
        let without = try self.score(SortedSample([.infinity]), against: SortedSample([1, 3]), edges)
        #expect(without.absence == .notFinite)
    }

    // Bins of five million were made, and those of -5 ended the process.
    @Test("a window aggregated by edges makes no bins of a mode that its baseline's are not of")
    func foreignMode() throws {
        let summarizer = SeriesSummarizer(try settings(.quantile(2), .edges, .sumDiff))
        let sample = SortedSample([1, 2, 3])
        for mode: SeriesBinMode in [
            .equal(-5), .equal(0), .equal(1), .equal(.max), .quantile(-5), .quantile(.min), .quantile(.max),
            .quantileWithExplicitOutliers(-2), .quantileWithExplicitOutliers(.max), .provided([1]), .none,
        ] {
            let bins = try SeriesBins(mode, edges: [2, 4], labels: ["low", "middle", "high"])
            #expect(!bins.areOfTheirMode)
            #expect(summarizer.window(of: sample, in: bins).aggregatedValues == [nil, nil, nil], "\(mode)")
        }
        let own = try SeriesBins(.equal(2), edges: [8], labels: ["low", "high"])
        #expect(own.areOfTheirMode)
        #expect(summarizer.window(of: sample, in: own).aggregatedValues == [2, nil])
    }

    @Test("weights scale each bin's term by their share")
    func weights() throws {
        let plain = try score(SortedSample([5]), against: hundred, settings())
        let weighted = try score(
            SortedSample([5]), against: hundred, settings(weights: [1, 1, 0, 0, 2]))
        #expect(
            weighted.scores
                == zip(plain.scores, [1.0, 1, 0, 0, 2]).map { $0 * $1 / 4 })
    }

    @Test("summaries made with other settings are not compared")
    func mismatch() throws {
        let density = try settings()
        let other = try settings(.quantile(5), .cumulative)
        let baseline = try SeriesSummarizer(other).baseline(of: hundred)
        let window = SeriesSummarizer(density).window(of: hundred, in: baseline.bins)
        #expect(throws: SummaryError.self) { try DriftScore(of: window, against: baseline, density) }
    }

    @Test("a score at a threshold reaches it; a threshold that is none is never reached")
    func reaching() {
        func status(_ score: Double?, alert: Double?, warning: Double?) -> DriftStatus? {
            DriftStatus.reaching(score: score, alertThreshold: alert, warningThreshold: warning)
        }
        #expect(status(0.25, alert: 0.25, warning: nil) == .alert)
        #expect(status(0.25.nextDown, alert: 0.25, warning: nil) == .ok)
        #expect(status(0.1, alert: 0.25, warning: 0.1) == .warning)
        #expect(status(5, alert: nil, warning: nil) == .ok)
        #expect(status(nil, alert: 0, warning: 0) == nil)
    }
}
