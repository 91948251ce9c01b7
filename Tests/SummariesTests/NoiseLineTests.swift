// Invariants checked: those at the head of NoiseLine.swift and NoiseLines.swift.
//
// That the line is what it says is checked by simulating what it is about, from the values on:
// baselines and windows of random numbers, summarised and scored by the room itself. Nothing of the
// line's own drawing is used there.

import Simulation
import Testing

@testable import Summaries

@Suite struct NoiseLineTests {
    /// Scores of windows that did not drift, each beside its baseline.
    struct Undrifted {
        var score: Double
        var line: NoiseLine
    }

    enum Law: String, CaseIterable {
        case uniform, normal, skewed

        func draw(_ generator: inout SeededGenerator) -> Double {
            switch self {
            case .uniform: return Double.random(in: 0..<1, using: &generator)
            case .normal: return generator.normal()
            case .skewed:
                let number = Double.random(in: 0.001..<1, using: &generator)
                return 1 / number.squareRoot()
            }
        }
    }

    struct Case: CustomTestStringConvertible, Sendable {
        var mode: BinMode
        var numBins = 5
        var n: Int
        var m: Int
        var law = Law.normal
        var edges: [Double]?

        var testDescription: String { "\(mode.rawValue) \(numBins) bins n \(n) m \(m) \(law.rawValue)" }
    }

    static let measures: [(DriftMetric, Aggregation)] = [
        (.psi, .density), (.maxDiff, .density), (.sumDiff, .density), (.psi, .cumulative),
        (.maxDiff, .cumulative), (.sumDiff, .cumulative),
    ]

    static let cases: [Case] = [
        Case(mode: .quantile, n: 250, m: 10),
        Case(mode: .quantile, n: 100, m: 400),
        Case(mode: .quantile, n: 100, m: 100),
        Case(mode: .quantile, numBins: 2, n: 200, m: 50),
        Case(mode: .quantile, numBins: 14, n: 280, m: 100, law: .uniform),
        Case(mode: .equal, n: 150, m: 250),
        Case(mode: .equal, n: 200, m: 100, law: .skewed),
        Case(mode: .equal, numBins: 10, n: 300, m: 60, law: .uniform),
        Case(mode: .provided, n: 200, m: 50, edges: [-2, -1, -0.3, 0.3, 1, 2]),
        Case(mode: .provided, n: 150, m: 250, edges: [-1, -0.3, 0.3, 1, 2]),
    ]

    /// `rounds` baselines of `n` and a window of `m` for each, from one law, scored by every measure.
    /// (A thousand rounds of full lines hold as well, in a minute of an optimised build.)
    static func simulate(_ it: Case, rounds: Int, seed: UInt64) throws -> [[Undrifted]] {
        var generator = SeededGenerator(seed: seed)
        var found = [[Undrifted]](repeating: [], count: measures.count)
        for _ in 0..<rounds {
            let baselineValues = SortedSample((0..<it.n).map { _ in it.law.draw(&generator) })
            let windowValues = SortedSample((0..<it.m).map { _ in it.law.draw(&generator) })
            for (position, (metric, aggregation)) in measures.enumerated() {
                let settings = try SummarizerSettings(
                    binMode: it.mode, aggregation: aggregation, metric: metric, numBins: it.numBins,
                    providedEdges: it.edges)
                let summarizer = Summarizer(settings)
                let baseline = try summarizer.baseline(of: baselineValues)
                let window = summarizer.windows(on: baseline).summary(of: windowValues)
                let score = try #require(try DriftScore(of: window, against: baseline, settings).score)
                // Another baseline of an exact law has the same line.
                let line =
                    if it.mode == .quantile, let first = found[position].first {
                        first.line
                    } else {
                        // The rank-th of so few replicates is as right as that of many, and quicker.
                        try #require(NoiseLaw(baseline, settings)).drawn(
                            windowCount: it.m, it.mode == .quantile ? nil : 60)
                    }
                found[position].append(Undrifted(score: score, line: line))
            }
        }
        return found
    }

    @Test(arguments: cases)
    func ninety_five_of_a_hundred_windows_without_drift_stay_at_or_below_the_line(it: Case) throws {
        // Laws that depend on the baseline's counts are drawn for each baseline.
        let rounds = it.mode == .quantile ? 200 : 120
        for (found, measure) in zip(try Self.simulate(it, rounds: rounds, seed: 1_905), Self.measures) {
            let above = Double(found.count { $0.score > $0.line.line95 }) / Double(rounds)
            // Scores of small windows are few different numbers, and the line is one of them.
            let reached = Double(found.count { $0.score >= $0.line.line95 * (1 - 1e-9) }) / Double(rounds)
            let tolerance = 4 * (0.05 * 0.95 / Double(rounds)).squareRoot() + 0.01
            #expect(above < 0.05 + tolerance, "\(measure): \(above) above")
            #expect(reached > 0.05 - tolerance, "\(measure): \(reached) reach it")
            let mean = found.reduce(0) { $0 + $1.score } / Double(rounds)
            let said = found.reduce(0) { $0 + $1.line.mean } / Double(rounds)
            #expect((mean / said - 1).magnitude < 0.2, "\(measure): mean \(mean), said to be \(said)")
        }
    }

    /// The figures that made the line needed.
    @Test(arguments: [(10, 0.71), (30, 0.18)])
    func a_PSI_over_five_bins_passes_a_quarter_in_so_many_small_windows(m: Int, share: Double) throws {
        let it = Case(mode: .quantile, n: 1_000, m: m)
        let settings = try SummarizerSettings()
        var generator = SeededGenerator(seed: 71)
        let rounds = 1_500
        var passed = 0
        let summarizer = Summarizer(settings)
        let baseline = try summarizer.baseline(
            of: SortedSample((0..<it.n).map { Double($0) / Double(it.n) }))
        let windows = summarizer.windows(on: baseline)
        for _ in 0..<rounds {
            let sample = SortedSample((0..<m).map { _ in Double.random(in: 0..<1, using: &generator) })
            let score = try DriftScore(of: windows.summary(of: sample), against: baseline, settings)
            if try #require(score.score) > 0.25 { passed += 1 }
        }
        #expect((Double(passed) / Double(rounds) - share).magnitude < 0.05)
        // The line's own replicates say the same, and the window is marked.
        let law = try #require(NoiseLaw(baseline, settings))
        let drawn = law.drawnScores(windowCount: m)
        #expect((Double(drawn.count { $0 > 0.25 }) / Double(drawn.count) - share).magnitude < 0.05)
        let line = try #require(NoiseLine.of(windowCount: m, against: baseline, settings))
        #expect(line.hasTooFewRecords(alertThreshold: 0.25))
        let many = try #require(NoiseLine.of(windowCount: 500, against: baseline, settings))
        #expect(!many.hasTooFewRecords(alertThreshold: 0.25))
    }

    /// (1/n + 1/m) · chi-square of bins - 1, where all bins are full: edges given, nothing outside.
    @Test func for_large_sizes_the_line_is_that_of_the_asymptotic_law() throws {
        // Without the outlier bins, which are empty: they are what the asymptotic law does not know.
        let settings = try SummarizerSettings(
            binMode: .provided, numBins: 5, binWeights: [0, 1, 1, 1, 1, 1, 0],
            providedEdges: [0, 0.2, 0.4, 0.6, 0.8, 1])
        let n = 50_000
        let baseline = try Summarizer(settings).baseline(
            of: SortedSample((0..<n).map { (Double($0) + 0.5) / Double(n) }))
        for m in [2_000, 3_333, 40_000] {
            let line = try #require(NoiseLine.of(windowCount: m, against: baseline, settings))
            let scale = 1 / Double(n) + 1 / Double(m)
            // A chi-square of 4 degrees has the mean 4 and the 95 % point 9.488; a fifth by the weights.
            #expect((5 * line.mean / (4 * scale) - 1).magnitude < 0.1, "m \(m)")
            #expect((5 * line.line95 / (9.488 * scale) - 1).magnitude < 0.1, "m \(m)")
        }
    }

    @Test func a_line_between_two_sizes_is_close_to_the_one_drawn_there() throws {
        for (metric, aggregation) in Self.measures {
            let settings = try SummarizerSettings(aggregation: aggregation, metric: metric)
            let baseline = try Summarizer(settings).baseline(
                of: SortedSample((0..<2_000).map { Double($0) }))
            let law = try #require(NoiseLaw(baseline, settings))
            for m in [36, 1_100] {
                let line = try #require(NoiseLine.of(windowCount: m, against: baseline, settings))
                let drawn = law.drawn(windowCount: m)
                #expect((line.mean / drawn.mean - 1).magnitude < 0.05, "\(metric) \(aggregation) \(m)")
                #expect((line.line95 / drawn.line95 - 1).magnitude < 0.12, "\(metric) \(aggregation) \(m)")
            }
        }
    }

    @Test func what_was_asked_before_changes_no_line() throws {
        let settings = try SummarizerSettings()
        let baseline = try Summarizer(settings).baseline(of: SortedSample((0..<900).map { Double($0) }))
        let law = try #require(NoiseLaw(baseline, settings))
        let fresh = NoiseLines()
        let other = NoiseLines()
        for m in [45, 41, 33, 5, 47] { _ = other.line(of: .shares(law), windowCount: m) }
        for m in [5, 33, 41, 45] {
            #expect(
                fresh.line(of: .shares(law), windowCount: m) == other.line(of: .shares(law), windowCount: m))
        }
    }

    @Test func a_baseline_asked_again_and_again_says_what_it_says_once() throws {
        var generator = SeededGenerator(seed: 31)
        // One of either scale.
        for (metric, aggregation) in [(DriftMetric.psi, Aggregation.density), (.maxDiff, .cumulative)] {
            let settings = try SummarizerSettings(aggregation: aggregation, metric: metric, numBins: 2)
            let sample = SortedSample((0..<20).map { _ in generator.normal() })
            let baseline = try Summarizer(settings).baseline(of: sample)
            let kept = NoiseBaseline(baseline, settings)
            // More sizes than are kept, each several times, in orders that forget some in between.
            let sizes = [1, 2, 32, 33, 39, 40, 41, 63, 90, 100, 127, 129, 200].shuffled(using: &generator)
            for size in sizes + sizes.shuffled(using: &generator) + sizes.sorted() {
                #expect(
                    kept.line(windowCount: size)
                        == NoiseLine.of(windowCount: size, against: baseline, settings), "\(size)")
            }
            #expect(kept.line(windowCount: 0) == nil)
        }
        let none = try SummarizerSettings(binMode: .none)
        let baseline = try Summarizer(none).baseline(of: SortedSample([1, 2, 3, 4, 5]))
        let silent = NoiseBaseline(baseline, none)
        #expect(silent.line(windowCount: 10) == nil && silent.line(windowCount: 10) == nil)
    }

    /// Written down once: a change of one bit on any machine shows here.
    @Test func the_lines_are_these_on_every_machine() throws {
        var bits: [UInt64] = []
        for (metric, aggregation) in Self.measures {
            let settings = try SummarizerSettings(aggregation: aggregation, metric: metric)
            let baseline = try Summarizer(settings).baseline(
                of: SortedSample((0..<700).map { Double($0) }))
            for m in [12, 1_234] {
                let line = try #require(NoiseLine.of(windowCount: m, against: baseline, settings))
                bits += [line.mean.bitPattern, line.line95.bitPattern]
            }
        }
        #expect(bits == NoiseReferences.lines, "\(bits)")
    }

    /// So a baseline that slides, and has another size in every window, is not drawn for each time.
    @Test func baselines_of_nearly_one_size_share_a_law_of_the_same_shares() throws {
        #expect(NoiseSizes.nearestBaseline(64) == 64)
        #expect(NoiseSizes.nearestBaseline(1_000) == 992 && NoiseSizes.nearestBaseline(1_010) == 1_024)
        for n in 65...5_000 {
            let distance = (Double(NoiseSizes.nearestBaseline(n)) / Double(n) - 1).magnitude
            #expect(distance <= 1.0 / 32)
        }
        for aggregation in [Aggregation.density, .cumulative] {
            for mode in [BinMode.quantile, .equal] {
                let settings = try SummarizerSettings(binMode: mode, aggregation: aggregation)
                func law(_ values: [Double]) throws -> (law: NoiseLaw, shares: [Double?]) {
                    let summary = try Summarizer(settings).baseline(of: SortedSample(values))
                    return (try #require(NoiseLaw(summary, settings)), summary.aggregatedValues)
                }
                let untied = try law((0..<1_000).map { Double($0) })
                if mode == .quantile {
                    #expect(untied.law.baselineCount == 992)
                    // n + 1 spacings.
                    #expect(untied.law.spacings.reduce(0, +) == 993)
                    #expect(untied.law == (try law((0..<1_003).map { Double($0) * 7 }).law))
                }
                // Any others are compared as they are.
                let others = mode == .quantile ? [] : [untied]
                for found in others + [try law((0..<1_000).map { $0 < 700 ? 0 : Double($0) })] {
                    #expect(found.law.baselineCount == 1_000)
                    #expect(found.law.baseline == found.shares.map { $0 ?? 0 })
                }
            }
        }
    }

    /// Of 5,000 values 43 are in the second bin: of four in a window most often none, and no window scores less.
    @Test func where_nearly_all_windows_have_one_score_the_line_is_that_score() throws {
        for n in [1_000, 1_001, 2_000, 4_096, 5_000, 20_000] {
            let rare = n * 43 / 5_000
            let common = (0..<n - rare).map { 4.9 * Double($0) / Double(n - rare) }
            let values = common + (0..<rare).map { 5.5 + 4.5 * Double($0) / Double(rare) }
            for (metric, aggregation) in Self.measures {
                let settings = try SummarizerSettings(
                    binMode: .equal, aggregation: aggregation, metric: metric, numBins: 2)
                let summarizer = Summarizer(settings)
                let baseline = try summarizer.baseline(of: SortedSample(values))
                let line = try #require(NoiseLine.of(windowCount: 4, against: baseline, settings))
                let window = summarizer.windows(on: baseline).summary(of: SortedSample([1, 2, 3, 4]))
                let score = try #require(try DriftScore(of: window, against: baseline, settings).score)
                #expect(score <= line.line95, "\(metric) \(aggregation) of \(n)")
            }
        }
    }

    @Test func weights_weigh_noise_as_they_weigh_scores() throws {
        // Everything on the one bin: the line is that of a single share.
        let settings = try SummarizerSettings(
            metric: .sumDiff, numBins: 2, binWeights: [0, 1, 0, 0])
        let baseline = try Summarizer(settings).baseline(
            of: SortedSample((0..<4_000).map { Double($0) }))
        let line = try #require(NoiseLine.of(windowCount: 100, against: baseline, settings))
        // Half of |share - 1/2|, which is about normal with deviation 0.05.
        #expect((line.line95 - 1.96 * 0.05 / 2).magnitude < 0.006)
        let plain = try SummarizerSettings(metric: .sumDiff, numBins: 2)
        let other = try #require(NoiseLine.of(windowCount: 100, against: baseline, plain))
        #expect(other.line95 > line.line95)
    }

    @Test func there_is_no_line_where_the_law_says_nothing() throws {
        let values = SortedSample((0..<100).map { Double($0) })
        let none = try SummarizerSettings(binMode: .none)
        let statistics = try Summarizer(none).baseline(of: values)
        #expect(NoiseLine.of(windowCount: 9, against: statistics, none) == nil)
        for aggregation in Aggregation.allCases {
            let many = try SummarizerSettings(
                binMode: .equal, aggregation: aggregation, numBins: SummarizerSettings.numBinsMax)
            let baseline = try Summarizer(many).baseline(of: values)
            #expect(NoiseSource(baseline, many) != nil, "\(aggregation)")
        }
        let usual = try SummarizerSettings()
        let baseline = try Summarizer(usual).baseline(of: values)
        #expect(NoiseLine.of(windowCount: 0, against: baseline, usual) == nil)
        #expect(NoiseLine.of(windowCount: 1, against: baseline, usual) != nil)
    }

    @Test(arguments: SampleShape.allCases.filter { $0 != .infinite })
    func every_baseline_that_is_one_has_a_finite_line(shape: SampleShape) throws {
        for (mode, count) in [(BinMode.quantile, 1), (.quantile, 60), (.equal, 2), (.equal, 60)] {
            for (metric, aggregation) in Self.measures {
                let settings = try SummarizerSettings(
                    binMode: mode, aggregation: aggregation, metric: metric, numBins: 3)
                let sample = SortedSample(shape.values(count, seed: 3))
                guard let baseline = try? Summarizer(settings).baseline(of: sample) else { continue }
                for m in [1, 20, 5_000_000] {
                    let line = try #require(NoiseLaw(baseline, settings)).drawn(windowCount: m, 20)
                    #expect(line.mean.isFinite && line.mean >= 0)
                    #expect(line.line95.isFinite && line.line95 >= 0)
                }
            }
        }
    }

    // Counts of a summary are as sent: their product with the bins was beyond an integer.
    @Test func a_baseline_may_say_any_count() throws {
        for numBins in [1, 1_000, SummarizerSettings.numBinsMax] {
            let binCount = numBins + 2
            for mode in [BinMode.quantile, .equal] {
                for count in [NoiseLaw.countMax, NoiseLaw.countMax + 1, .max / 4, .max] {
                    let settings = try SummarizerSettings(binMode: mode, numBins: numBins)
                    let summary = try Summary(
                        count: count, missingCount: count, moments: Moments(of: SortedSample([0, 1])),
                        edges: (0...numBins).map(Double.init),
                        edgeNames: Array(repeating: "b", count: binCount),
                        aggregatedValues: Array(repeating: 1, count: binCount), aggregation: .density)
                    let law = NoiseLaw(summary, settings)
                    #expect((law != nil) == (count == NoiseLaw.countMax))
                    if numBins == 1, let law { #expect(law.drawn(windowCount: 7, 20).mean.isFinite) }
                }
            }
        }
        let bins = try SeriesBins(.quantile(2), edges: [1], labels: ["low", "high"])
        for (count, missing) in [(Int.max, 0), (.max, .max), (1 << 53, 1), (1 << 52, 1 << 52)] {
            let summary = try SeriesSummary(
                count: count, missingCount: missing, moments: Moments(of: SortedSample([0, 1])),
                bins: bins, aggregatedValues: [1, 1], aggregation: .density)
            let law = NoiseLaw(summary, try SeriesSettings(binMode: .quantile(2)))
            #expect((law != nil) == (count == 1 << 52))
        }
    }

    @Test func sizes_are_drawn_at_four_a_doubling() {
        #expect(NoiseSizes.around(1) == NoiseSizes.Neighbours(below: 1, above: 1))
        #expect(NoiseSizes.around(32) == NoiseSizes.Neighbours(below: 32, above: 32))
        #expect(NoiseSizes.around(33) == NoiseSizes.Neighbours(below: 32, above: 40))
        #expect(NoiseSizes.around(40) == NoiseSizes.Neighbours(below: 40, above: 40))
        #expect(NoiseSizes.around(63) == NoiseSizes.Neighbours(below: 56, above: 64))
        #expect(NoiseSizes.around(1_000) == NoiseSizes.Neighbours(below: 896, above: 1_024))
        #expect(
            NoiseSizes.around(.max)
                == NoiseSizes.Neighbours(below: NoiseSizes.greatest, above: NoiseSizes.greatest))
    }
}
