// Checked here: the invariants at the head of NoiseEvenness.swift, and what it is for: lines of bins that hold few
// values each, in both generations, against simulation from the values on.

import Simulation
import Testing

@testable import Summaries

@Suite struct NoiseEvennessTests {
    /// Shares of bins with `counts`, in the mean of so many draws of a mass of 1.
    static func meanShares(_ counts: [Int], rounds: Int = 400) throws -> [Double] {
        let evenness = try #require(NoiseEvenness(counts[...]))
        var variates = NoiseVariates(seed: 5)
        var sums = [Double](repeating: 0, count: counts.count)
        var shares = sums
        for _ in 0..<rounds {
            shares.withUnsafeMutableBufferPointer { evenness.spread(1, into: $0, from: &variates) }
            #expect(shares.allSatisfy { 0 <= $0 && $0 <= 1 })
            #expect((shares.reduce(0, +) - 1).magnitude < 1e-12)
            for (bin, share) in shares.enumerated() { sums[bin] += share }
        }
        return sums.map { $0 / Double(rounds) }
    }

    @Test func a_bin_without_values_among_others_is_as_likely_as_they_are() throws {
        // One value in every other bin: by the counts alone half of the bins would have nothing.
        let sparse = try Self.meanShares((0..<64).map { $0 % 2 })
        #expect(sparse.allSatisfy { (64 * $0 - 1).magnitude < 0.25 }, "\(sparse)")
        // Of many values the counts are believed, however they lie.
        let many = [10_000, 40_000, 90_000, 40_000, 20_000]
        for (share, count) in zip(try Self.meanShares(many), many) {
            #expect((share * 200_000 / Double(count) - 1).magnitude < 0.01, "\(count)")
        }
        #expect(try Self.meanShares([7], rounds: 2) == [1])
        let none = try Self.meanShares([0, 0])
        #expect(none.allSatisfy { (2 * $0 - 1).magnitude < 0.1 })
    }

    @Test func where_values_crowd_in_few_of_many_bins_the_counts_say_more() {
        func isEven(_ counts: [Int]) -> Bool { NoiseEvenness(counts[...]) != nil }
        #expect(!isEven((0..<100).map { $0 % 10 == 0 ? 50 : 0 }))
        #expect(!isEven([500, 0, 0, 0, 0]))
        #expect(isEven([3, 40, 90, 45, 2]))
    }

    @Test(arguments: [0.5, 1, 1.5, 7.3, 80])
    func a_gamma_variate_of_any_shape_has_its_mean_and_variance(shape: Double) {
        var variates = NoiseVariates(seed: 11)
        let numbers = (0..<20_000).map { _ in variates.gamma(halfOrMore: shape) }
        let mean = numbers.reduce(0, +) / 20_000
        let variance = numbers.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 20_000
        #expect((mean - shape).magnitude < 5 * (shape / 20_000).squareRoot())
        #expect((variance / shape - 1).magnitude < 0.15)
    }

    // MARK: Lines

    /// Baselines, windows for each, replicates of a line.
    typealias Rounds = (baselines: Int, windows: Int, replicates: Int)

    static let seed: UInt64 = 2_611

    /// Expects that about 5 of 100 windows lie above their lines, and that these say what the mean is.
    ///
    /// Simulated elsewhere, with other generators, 1 to 10 of 100 lay above in as few rounds as these, and means were
    /// within 2 % of what was said; by the counts alone 54 to 100 lay above, and means were 17 to 30 % higher.
    static func expectHolds(
        _ rounds: Rounds, _ compare: () throws -> (scores: [Double], line: NoiseLine)
    ) throws {
        var (above, mean, said) = (0, 0.0, 0.0)
        for _ in 0..<rounds.baselines {
            let (scores, line) = try compare()
            above += scores.count { $0 > line.line95 }
            mean += scores.reduce(0, +) / Double(scores.count)
            said += line.mean
        }
        let share = Double(above) / Double(rounds.baselines * rounds.windows)
        #expect(share < 0.15, "seed \(seed): \(share) above")
        #expect((mean / said - 1).magnitude < 0.04, "seed \(seed): mean \(mean / said) of what is said")
    }

    struct Case: CustomTestStringConvertible {
        var mode: BinMode
        var n: Int
        var numBins: Int
        var rounds: Rounds

        var testDescription: String { "\(mode.rawValue) \(numBins) bins of \(n) values" }
    }

    @Test(arguments: [
        Case(mode: .equal, n: 100, numBins: 100, rounds: (20, 20, 100)),
        Case(mode: .equal, n: 500, numBins: 1_000, rounds: (8, 30, 60)),
        Case(mode: .provided, n: 100, numBins: 100, rounds: (20, 20, 100)),
    ])
    func lines_hold_where_bins_are_as_many_as_values(it: Case) throws {
        let edges = (0...it.numBins).map { Double($0) / Double(it.numBins) * 8 - 4 }
        let settings = try SummarizerSettings(
            binMode: it.mode, metric: .sumDiff, numBins: it.numBins,
            providedEdges: it.mode == .provided ? edges : nil)
        let summarizer = Summarizer(settings)
        var generator = SeededGenerator(seed: Self.seed)
        try Self.expectHolds(it.rounds) {
            func sample() -> SortedSample { SortedSample((0..<it.n).map { _ in generator.normal() }) }
            let baseline = try summarizer.baseline(of: sample())
            let windows = summarizer.windows(on: baseline)
            let law = try #require(NoiseLaw(baseline, settings))
            let scores = try (0..<it.rounds.windows).map { _ in
                try #require(
                    try DriftScore(of: windows.summary(of: sample()), against: baseline, settings).score)
            }
            return (scores, law.drawn(windowCount: it.n, it.rounds.replicates))
        }
    }

    struct SeriesCase: CustomTestStringConvertible {
        var mode: SeriesBinMode
        var n: Int
        var m: Int
        var rounds: Rounds

        var testDescription: String { "\(mode) of \(n) values, window \(m)" }
    }

    @Test(arguments: [
        SeriesCase(mode: .quantile(100), n: 60, m: 200, rounds: (25, 20, 400)),
        SeriesCase(mode: .quantileWithExplicitOutliers(100), n: 60, m: 200, rounds: (25, 20, 400)),
        SeriesCase(mode: .equal(300), n: 200, m: 200, rounds: (12, 20, 80)),
    ])
    func lines_of_the_second_generation_hold_there_too(it: SeriesCase) throws {
        let settings = try SeriesSettings(binMode: it.mode, metric: .sumDiff)
        let summarizer = SeriesSummarizer(settings)
        var generator = SeededGenerator(seed: Self.seed)
        try Self.expectHolds(it.rounds) {
            func sample(_ count: Int) -> SortedSample {
                SortedSample((0..<count).map { _ in Double.random(in: 0..<1, using: &generator) })
            }
            let baseline = try summarizer.baseline(of: sample(it.n))
            let law = try #require(NoiseLaw(baseline, settings))
            let scores = try (0..<it.rounds.windows).map { _ in
                let window = summarizer.window(of: sample(it.m), in: baseline.bins)
                return try #require(
                    try DriftScore(
                        baselineValues: baseline.aggregatedValues, windowValues: window.aggregatedValues,
                        .sumDiff, over: .density, weights: nil, weightSum: 1
                    ).score)
            }
            return (scores, law.drawn(windowCount: it.m, it.rounds.replicates))
        }
    }

    /// Worked out apart, by a program in another language: a change of one bit on any machine shows here.
    @Test func the_lines_are_these_on_every_machine() throws {
        func squares(_ count: Int, nullCount: Int = 0) -> SortedSample {
            SortedSample((0..<count).map { Double($0 * $0) }, nullCount: nullCount)
        }
        var laws: [NoiseLaw?] = []
        for (metric, aggregation) in [(DriftMetric.psi, Aggregation.density), (.maxDiff, .cumulative)] {
            let settings = try SummarizerSettings(
                binMode: .equal, aggregation: aggregation, metric: metric, numBins: 40)
            laws.append(NoiseLaw(try Summarizer(settings).baseline(of: squares(100)), settings))
        }
        let even = try SeriesSettings(binMode: .equal(30))
        laws.append(
            NoiseLaw(try SeriesSummarizer(even).baseline(of: squares(60, nullCount: 3)), even))
        for metric in [DriftMetric.psi, .sumDiff] {
            let settings = try SeriesSettings(binMode: .quantile(7), metric: metric)
            laws.append(NoiseLaw(try SeriesSummarizer(settings).baseline(of: squares(40)), settings))
        }
        var bits: [UInt64] = []
        for law in laws {
            let line = try #require(law).drawn(windowCount: 12, 20)
            bits += [line.mean.bitPattern, line.line95.bitPattern]
        }
        #expect(bits == NoiseReferences.evenLines, "\(bits)")
    }

    /// What is tied is not full by rank, and what is missing has one place.
    @Test func tied_and_missing_values_have_a_law_by_their_counts() throws {
        let quantile = try SeriesSettings(binMode: .quantile(4))
        func law(_ values: [Double], nullCount: Int, _ settings: SeriesSettings) throws -> NoiseLaw {
            let sample = SortedSample(values, nullCount: nullCount)
            return try #require(NoiseLaw(try SeriesSummarizer(settings).baseline(of: sample), settings))
        }
        let values = (0..<60).map { Double($0) }
        let untied = try law(values, nullCount: 0, quantile)
        #expect(untied.quantiles != nil && untied.spacings == [15, 15, 15, 15])
        let tied = try law(values.map { min($0, 20) }, nullCount: 0, quantile)
        #expect(tied.quantiles == nil)
        let closed = try law(
            values, nullCount: 3, try SeriesSettings(binMode: .quantileWithExplicitOutliers(4)))
        #expect(closed.quantiles != nil && closed.spacings == [3, 15, 15, 15, 15, 0])
        #expect(closed.ends == NoiseLaw.Ends(first: 3))
        let equal = try law(values, nullCount: 3, try SeriesSettings(binMode: .equal(4)))
        // Three missing ones and a spacing below the least value, a spacing above the greatest, one more in between.
        #expect(equal.ends == NoiseLaw.Ends(first: 4, last: 1))
        #expect(equal.spacings.reduce(0, +) == 58 && equal.even == 0..<4)
    }
}
