// Checked here: the noise line of the second generation against simulation, over its modes, sizes and metrics, and
// where there is none.

import Simulation
import Testing

@testable import Summaries

@Suite struct NoiseLineSeriesTests {
    struct Case: CustomTestStringConvertible {
        var mode: SeriesBinMode
        var n: Int
        var m: Int
        /// Every how many values one is missing.
        var missing = Int.max

        var testDescription: String { "\(mode), baseline \(n), window \(m)" }
    }

    static let cases = [
        Case(mode: .quantile(5), n: 40, m: 12), Case(mode: .quantile(5), n: 400, m: 30),
        Case(mode: .quantile(2), n: 300, m: 100), Case(mode: .equal(5), n: 200, m: 40),
        Case(mode: .equal(10), n: 400, m: 100), Case(mode: .provided([0.1, 0.4, 0.9]), n: 60, m: 25),
        Case(mode: .provided([0.1, 0.4, 0.9]), n: 500, m: 100),
        Case(mode: .quantileWithExplicitOutliers(5), n: 100, m: 20),
        Case(mode: .quantileWithExplicitOutliers(5), n: 500, m: 100),
        Case(mode: .quantile(5), n: 500, m: 60, missing: 10),
    ]
    static let measures: [(DriftMetric, Aggregation)] = [
        (.psi, .density), (.sumDiff, .density), (.maxDiff, .density), (.maxDiff, .cumulative),
    ]

    @Test(arguments: cases)
    func ninety_five_of_a_hundred_windows_without_drift_stay_at_or_below_the_line(it: Case) throws {
        // Laws that depend on the baseline's counts are drawn for each baseline, of fewer replicates.
        let isByRank = if case .quantile = it.mode { true } else { false }
        let rounds = isByRank ? 120 : 80
        for (metric, aggregation) in isByRank ? Self.measures : [Self.measures[0], Self.measures[3]] {
            let settings = try SeriesSettings(binMode: it.mode, aggregation: aggregation, metric: metric)
            let summarizer = SeriesSummarizer(settings)
            var generator = SeededGenerator(seed: 1_906)
            func sample(_ count: Int) -> SortedSample {
                let missingCount = count / it.missing
                return SortedSample(
                    (0..<count - missingCount).map { _ in Double.random(in: 0..<1, using: &generator) },
                    nullCount: missingCount)
            }
            var (above, reached, mean, said) = (0, 0, 0.0, 0.0)
            var lines: [NoiseLaw: NoiseLine] = [:]
            for _ in 0..<rounds {
                let baseline = try summarizer.baseline(of: sample(it.n))
                let law = try #require(NoiseLaw(baseline, settings))
                let line = lines[law] ?? law.drawn(windowCount: it.m, isByRank ? 1_000 : 200)
                lines[law] = line
                let window = summarizer.window(of: sample(it.m), in: baseline.bins)
                let score = try #require(
                    try DriftScore(
                        baselineValues: baseline.aggregatedValues, windowValues: window.aggregatedValues,
                        metric, over: aggregation, weights: nil, weightSum: 1
                    ).score)
                if score > line.line95 { above += 1 }
                if score >= line.line95 * (1 - 1e-9) { reached += 1 }
                mean += score
                said += line.mean
            }
            let tolerance = 4 * (0.05 * 0.95 / Double(rounds)).squareRoot() + 0.01
            #expect(Double(above) / Double(rounds) < 0.05 + tolerance, "\(metric) \(aggregation)")
            // Which number is missing is no chance here, so such windows differ by less than the law says.
            if it.missing == .max {
                #expect(Double(reached) / Double(rounds) > 0.05 - tolerance, "\(metric) \(aggregation)")
                // A score's deviation is less than its mean.
                let tolerance = 3 / Double(rounds).squareRoot()
                #expect((mean / said - 1).magnitude < tolerance, "\(metric) \(aggregation): \(mean) \(said)")
            }
        }
    }

    @Test func weights_weigh_noise_and_there_is_none_where_the_law_says_nothing() throws {
        let values = SortedSample((0..<4_000).map { Double($0) })
        let weighted = try SeriesSettings(
            binMode: .quantile(4), metric: .sumDiff, binWeights: [1, 0, 0, 0])
        let line = try #require(
            NoiseLine.of(
                windowCount: 100, against: try SeriesSummarizer(weighted).baseline(of: values), weighted))
        // Half of |share - 1/4|, which is about normal with deviation 0.0433.
        #expect((line.line95 - 1.96 * 0.0433 / 2).magnitude < 0.006)
        let none = try SeriesSettings(binMode: .none)
        let statistics = try SeriesSummarizer(none).baseline(of: values)
        #expect(NoiseLine.of(windowCount: 9, against: statistics, none) == nil)
        let many = try SeriesSettings(binMode: .quantile(SummarizerSettings.numBinsMax))
        let law = try #require(NoiseLaw(try SeriesSummarizer(many).baseline(of: values), many))
        #expect(law.replicateCount == 78 && law.drawn(windowCount: 9, 2).mean > 0)
        let usual = try SeriesSettings()
        let baseline = try SeriesSummarizer(usual).baseline(of: values)
        #expect(NoiseLine.of(windowCount: 0, against: baseline, usual) == nil)
        #expect(NoiseLine.of(windowCount: 1, against: baseline, usual) != nil)
        let small = try #require(NoiseLine.of(windowCount: 10, against: baseline, usual))
        #expect(small.hasTooFewRecords(alertThreshold: 0.25))
    }
}
