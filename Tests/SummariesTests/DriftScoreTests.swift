// Invariants checked: the two at the head of DriftScore.swift, in that order, and scores that a real
// service printed, transcribed with the bin counts behind them.

import Simulation
import Summaries
import Testing

@Suite("Drift score")
struct DriftScoreTests {
    private func settings(
        _ metric: DriftMetric = .psi, _ aggregation: Aggregation = .density,
        weights: [Double]? = nil, numBins: Int = 5, binMode: BinMode = .quantile
    ) throws -> SummarizerSettings {
        try SummarizerSettings(
            binMode: binMode, aggregation: aggregation, metric: metric, numBins: numBins,
            binWeights: weights)
    }

    private func score(
        _ baseline: [Int], _ window: [Int], _ settings: SummarizerSettings
    ) throws -> DriftScore {
        func values(_ counts: [Int]) -> [Double?] {
            let total = counts.reduce(0, +)
            return settings.aggregation == .cumulative
                ? AggregatedValues.cumulative(counts, of: total)
                : AggregatedValues.density(counts, of: total)
        }
        return try DriftScore(
            baselineValues: values(baseline), windowValues: values(window), settings)
    }

    /// Within one part in 10^12: printed terms went once through a parser that loses a bit.
    private func isClose(_ found: Double?, _ recorded: Double) -> Bool {
        guard let found else { return false }
        return (found - recorded).magnitude <= 1e-12 * recorded.magnitude
    }

    @Test("a recorded shift: population stability index, an empty bin, outliers")
    func recordedStabilityIndex() throws {
        let recorded = try score(
            [0, 36, 37, 36, 37, 36, 0], [1, 19, 30, 29, 62, 41, 0], settings())
        #expect(isClose(recorded.score, 0.15060511096978788))
        let terms = [
            4.6637149189075455e-05, 0.05969428191167242, 0.00806617426854112,
            0.008316273402678306, 0.07090885609902021, 0.003572888138686759, 0,
        ]
        #expect(zip(recorded.scores, terms).allSatisfy { isClose($0, $1) })
        #expect(recorded.binIndex == nil)
        let whole = try score(
            [0, 100, 100, 101, 100, 100, 0], [0, 0, 0, 0, 0, 0, 181], settings())
        #expect(isClose(whole.score, 8.868491398148507))
        #expect(whole.scores.last == 5.2718257797152965)
        let small = try score(
            [0, 100, 101, 100, 104, 95, 0], [0, 100, 101, 100, 104, 96, 1], settings())
        #expect(isClose(small.score, 0.0027890661044506705))
    }

    @Test("recorded differences: the largest, half the sum, and the whole sum of cumulative ones")
    func recordedDifferences() throws {
        let baseline = [0, 115, 85, 102, 100, 99, 0]
        let window = [0, 258, 175, 186, 198, 183, 0]
        let largest = try score(baseline, window, settings(.maxDiff))
        #expect(isClose(largest.score, 0.02845908183632737))
        #expect(largest.binIndex == 1)
        let half = try score(baseline, window, settings(.sumDiff))
        #expect(isClose(half.score, 0.03379840319361278))
        #expect(half.binIndex == nil)
        let total = try score(
            [0, 100, 100, 101, 100, 100, 0], [0, 0, 0, 0, 0, 0, 181], settings(.psi, .cumulative))
        #expect(isClose(total.score, 3))
        #expect(total.scores.last == 0)
    }

    @Test("recorded weights: terms are scaled by their share of all weights, then summed")
    func recordedWeights() throws {
        let baseline = [0, 0, 0, 0, 0, 0, 0, 0, 0, 50, 50, 0]
        let window = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100]
        let weights = Array(repeating: 0.0, count: 5) + Array(repeating: 1.0, count: 7)
        let weighted = try score(baseline, window, settings(weights: weights, numBins: 10))
        #expect(weighted.scores.last == 0.7531179685307566)
        let plain = try score(baseline, window, settings(numBins: 10))
        #expect(weighted.scores == plain.scores.map { $0 / 7 })
    }

    @Test("only an exact zero is replaced, and only beside one that is none")
    func emptyBins() throws {
        let both = try DriftScore(
            baselineValues: [0, 0.5, 0.5, 0], windowValues: [0, 0.25, 0.75, 0],
            settings(numBins: 2))
        #expect(
            both.scores == [0, 0.17328679513998632, 0.1013662770270411, 0])
        #expect(both.score == 0.2746530721670274)
        // 0.005 beside 0 is 0.005 beside 0.005, and 0.001 stays 0.001.
        let tiny = try DriftScore(
            baselineValues: [0, 0.001, 0.999], windowValues: [0.005, 0.002, 0.993],
            settings(numBins: 1))
        #expect(tiny.scores[0] == 0)
        #expect(tiny.scores[1] == (0.002 - 0.001) * NaturalLogarithm.of(0.002 / 0.001))
    }

    // The ratio of such shares was infinite, and its logarithm the end of the process.
    @Test("a share as small as a double can be has the logarithm that it has")
    func smallestShares() throws {
        let settings = try settings(numBins: 1)
        for share in [Double.leastNonzeroMagnitude, 0x1p-1030] {
            let score = try DriftScore(
                baselineValues: [0, share, 1], windowValues: [0, 0.5, 0.5], settings)
            // ln 0.5 - ln share: between 700 and 750, and half of it counts.
            #expect(score.scores[1] > 350 && score.scores[1] < 375)
            let reversed = try DriftScore(
                baselineValues: [0, 0.5, 0.5], windowValues: [0, share, 1], settings)
            #expect(isClose(reversed.scores[1], score.scores[1]))
        }
    }

    @Test("of equal largest differences the first is named")
    func firstOfEquals() throws {
        let tie = try score([0, 4, 4, 0], [0, 3, 5, 0], settings(.maxDiff, numBins: 2))
        #expect(tie.binIndex == 1)
        #expect(tie.score == 0.125)
        let same = try score([0, 4, 4, 0], [0, 4, 4, 0], settings(.maxDiff, numBins: 2))
        #expect(same.binIndex == 0)
        #expect(same.score == 0)
    }

    @Test("a window equal to its baseline scores zero, under every metric and aggregation")
    func noDrift() throws {
        let values = SampleShape.normal.values(200, seed: 5)
        for metric in DriftMetric.allCases {
            for aggregation in Aggregation.allCases {
                for binMode in [BinMode.quantile, .equal] {
                    let settings = try settings(metric, aggregation, binMode: binMode)
                    let baseline = try Summarizer(settings).baseline(of: SortedSample(values))
                    let window = Summarizer(settings).windows(on: baseline)
                        .summary(of: SortedSample(values.reversed()))
                    let score = try DriftScore(of: window, against: baseline, settings)
                    #expect(score.score == 0 && score.scores.count == 7)
                    #expect(score.status(alertThreshold: 0.25, warningThreshold: 0) == .ok)
                }
            }
        }
    }

    @Test("a window that cannot be compared has no score, no terms and no status, and says why")
    func absence() throws {
        for aggregation in Aggregation.allCases {
            for metric in DriftMetric.allCases {
                let settings = try settings(metric, aggregation, binMode: .equal)
                let baseline = try Summarizer(settings).baseline(of: SortedSample([1, 2, 3]))
                let windows = Summarizer(settings).windows(on: baseline)
                let expected: [([Double], DriftScore.Absence)] = [
                    ([], .noNumbers), ([.nan, .nan], .noNumbers),
                    ([1, .infinity], .infinities(count: 1)),
                    ([-.infinity, .infinity], .infinities(count: 2)),
                ]
                for (values, absence) in expected {
                    let score = try DriftScore(
                        of: windows.summary(of: SortedSample(values)), against: baseline, settings)
                    #expect(score.score == nil && score.scores.isEmpty && score.binIndex == nil)
                    #expect(score.absence == absence)
                    #expect(score.status(alertThreshold: 0.25, warningThreshold: nil) == nil)
                }
            }
        }
    }

    @Test("no bins, edges that are none, and sums beyond a double are no score either")
    func moreAbsences() throws {
        let none = try SummarizerSettings(binMode: .none)
        let summary = try Summarizer(none).baseline(of: SortedSample([1, 2]))
        #expect(try DriftScore(of: summary, against: summary, none).absence == .noBins)
        let edges = try settings(.maxDiff, .edges, numBins: 1)
        #expect(
            try DriftScore(
                baselineValues: [1, 2, nil], windowValues: [nil, nil, nil], edges
            ).absence == .notFinite)
        #expect(
            try DriftScore(
                baselineValues: [-1.7e308, 2, nil], windowValues: [1.7e308, 3, nil], edges
            ).absence == .notFinite)
        for metric in DriftMetric.allCases {
            #expect(DriftScore(combining: [1, .nan, 0], metric).absence == .notFinite)
            #expect(DriftScore(combining: [], metric).absence == .noBins)
        }
        let sum = DriftScore(combining: [1e308, 1e308], .sumDiff)
        #expect(sum.absence == .notFinite)
    }

    @Test("sides that were not made alike are refused")
    func mismatches() throws {
        let five = try settings()
        #expect(throws: SummaryError.binsDiffer(baseline: 2, window: 3)) {
            try DriftScore(baselineValues: [0, 1], windowValues: [0, 1, 0], five)
        }
        let weighted = try settings(weights: [1, 1, 1, 1, 1, 1, 1])
        #expect(throws: SummaryError.binsDiffer(baseline: 3, window: 3)) {
            try DriftScore(baselineValues: [0, 1, 0], windowValues: [0, 1, 0], weighted)
        }
        let summary = try Summarizer(five).baseline(of: SortedSample([1, 2]))
        #expect(
            throws: SummaryError.aggregationsDiffer(
                baseline: .density, window: .density, settings: .cumulative)
        ) { try DriftScore(of: summary, against: summary, settings(.psi, .cumulative)) }
    }

    @Test("the index is never negative, and grows when mass is moved further into one bin")
    func stabilityIndexIsSane() throws {
        let settings = try settings()
        for seed in UInt64(1)...200 {
            var generator = SeededGenerator(seed: seed)
            let baseline = (0..<7).map { _ in Int.random(in: 0...50, using: &generator) + 1 }
            let window = (0..<7).map { _ in Int.random(in: 0...50, using: &generator) }
            guard window.contains(where: { $0 > 0 }) else { continue }
            let drift = try score(baseline, window, settings)
            #expect(drift.scores.allSatisfy { $0 >= 0 }, "seed \(seed)")
        }
        var previous = -1.0
        for moved in 0..<20 {
            let window = [0, 20, 20 - moved, 20, 20, 20 + moved, 0]
            let drift = try score([0, 20, 20, 20, 20, 20, 0], window, settings)
            let value = try #require(drift.score)
            #expect(value > previous)
            previous = value
        }
    }
}
