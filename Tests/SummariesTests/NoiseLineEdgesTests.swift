// Invariants checked: those at the head of NoiseLine+Edges.swift, and the shares of windows above the line that it says.
//
// What the line says is checked by simulating what it is about, from the values on: baselines and windows of random
// numbers, summarised and scored by the room itself. Nothing of the line's own drawing is used there.

import Glibc
import Simulation
import Testing

@testable import Summaries

@Suite struct NoiseLineEdgesTests {
    enum Law: String, CaseIterable {
        case uniform, normal, exponential, lognormal

        func draw(_ generator: inout SeededGenerator) -> Double {
            switch self {
            case .uniform: Double.random(in: 0..<1, using: &generator)
            case .normal: generator.normal()
            case .exponential: -NaturalLogarithm.of(1 - Double.random(in: 0..<1, using: &generator))
            case .lognormal: exp(generator.normal())
            }
        }

        /// `count` values, each of which is missing by that chance.
        func sample(_ count: Int, _ generator: inout SeededGenerator, missing: Double = 0) -> SortedSample {
            let values = (0..<count).map { _ in draw(&generator) }
            guard missing > 0 else { return SortedSample(values) }
            return SortedSample(
                values.map { Double.random(in: 0..<1, using: &generator) < missing ? .nan : $0 })
        }
    }

    /// Scores of windows without drift, held against their lines.
    struct Tally {
        var count = 0
        var above = 0
        var mean = 0.0
        var said = 0.0

        mutating func add(_ score: Double, _ line: NoiseLine) {
            count += 1
            if score > line.line95 { above += 1 }
            mean += score
            said += line.mean
        }

        /// The band is that of the file's head, and what chance adds in 40 baselines of ten windows.
        func check(_ what: String) {
            let share = Double(above) / Double(count)
            #expect(0.01 < share && share < 0.14, "\(what), seed \(NoiseLineEdgesTests.seed): \(share) above")
            #expect(
                0.7 < mean / said && mean / said < 1.4,
                "\(what), seed \(NoiseLineEdgesTests.seed): mean \(mean), said \(said)")
        }
    }

    static let seed: UInt64 = 1_911
    private static let baselineCount = 40
    private static let windowCount = 10

    struct Case: CustomTestStringConvertible, Sendable {
        var mode: BinMode
        var numBins: Int
        var n: Int
        var m: Int

        var testDescription: String { "\(mode.rawValue) \(numBins) bins, baseline \(n), window \(m)" }
    }

    static let cases = [
        Case(mode: .quantile, numBins: 5, n: 250, m: 10), Case(mode: .quantile, numBins: 20, n: 300, m: 60),
        Case(mode: .equal, numBins: 5, n: 250, m: 50),
    ]

    @Test(arguments: cases, Law.allCases)
    func few_windows_without_drift_lie_above_the_line(it: Case, law: Law) throws {
        for metric in [DriftMetric.psi, .maxDiff] {
            let settings = try SummarizerSettings(
                binMode: it.mode, aggregation: .edges, metric: metric, numBins: it.numBins)
            let summarizer = Summarizer(settings)
            var generator = SeededGenerator(seed: Self.seed)
            var tally = Tally()
            for _ in 0..<Self.baselineCount {
                let baseline = try summarizer.baseline(of: law.sample(it.n, &generator))
                let line = try #require(EdgeLaw(baseline, settings)).drawn(windowCount: it.m, 100)
                let windows = summarizer.windows(on: baseline)
                for _ in 0..<Self.windowCount {
                    let window = windows.summary(of: law.sample(it.m, &generator))
                    let score = try DriftScore(of: window, against: baseline, settings).score
                    tally.add(try #require(score), line)
                }
            }
            tally.check("\(it.testDescription), \(law) \(metric)")
        }
    }

    struct SeriesCase: CustomTestStringConvertible, Sendable {
        var mode: SeriesBinMode
        var missing = 0.0

        var testDescription: String { "\(mode), missing \(missing)" }
    }

    static let seriesCases = [
        SeriesCase(mode: .quantile(5)), SeriesCase(mode: .quantile(5), missing: 0.1),
        SeriesCase(mode: .quantileWithExplicitOutliers(5), missing: 0.1),
        SeriesCase(mode: .equal(5), missing: 0.1),
    ]

    @Test(arguments: seriesCases, Law.allCases)
    func few_windows_of_the_second_generation_lie_above_the_line(it: SeriesCase, law: Law) throws {
        let settings = try SeriesSettings(binMode: it.mode, aggregation: .edges)
        let summarizer = SeriesSummarizer(settings)
        var generator = SeededGenerator(seed: Self.seed)
        var tally = Tally()
        for _ in 0..<Self.baselineCount {
            let baseline = try summarizer.baseline(of: law.sample(250, &generator, missing: it.missing))
            let edges = try #require(EdgeLaw(baseline, settings))
            // Sizes of numbers are near enough to their mean.
            let size = edges.countsMissing ? 50 : Int(50 * (1 - it.missing))
            let line = edges.drawn(windowCount: size, 100)
            for _ in 0..<Self.windowCount {
                let sample = law.sample(50, &generator, missing: it.missing)
                let window = summarizer.window(of: sample, in: baseline.bins)
                // Where a fifth is missing, an edge is.
                guard let score = try DriftScore(of: window, against: baseline, settings).score else {
                    continue
                }
                tally.add(score, line)
            }
        }
        #expect(tally.count > 300)
        tally.check("\(it.testDescription), \(law)")
    }

    /// Of 1, 2, 3 … `count`.
    private static func baseline(_ settings: SummarizerSettings, _ count: Int = 100) throws -> Summary {
        try Summarizer(settings).baseline(of: SortedSample((1...count).map { Double($0) }))
    }

    @Test func edges_that_are_given_never_differ_but_for_a_least_value() throws {
        for metric in DriftMetric.allCases {
            let all = try SummarizerSettings(
                binMode: .provided, aggregation: .edges, metric: metric, numBins: 2,
                providedEdges: [0, 50, 100])
            let line = try #require(
                NoiseLine.of(windowCount: 10, against: try Self.baseline(all), all))
            #expect(line == NoiseLine(mean: 0, line95: 0))
            #expect(!line.hasTooFewRecords(alertThreshold: 0))
            // The first edge is each side's least value: of ten about the tenth of the range.
            let afterLeast = try SummarizerSettings(
                binMode: .provided, aggregation: .edges, metric: metric, numBins: 2, providedEdges: [50, 100])
            let other = try #require(
                NoiseLine.of(windowCount: 10, against: try Self.baseline(afterLeast), afterLeast))
            let scale = metric == .sumDiff ? 0.5 : 1.0
            #expect(5 * scale < other.mean && other.mean < 14 * scale, "\(metric) \(other)")
            #expect(18 * scale < other.line95 && other.line95 < 38 * scale, "\(metric) \(other)")
        }
        for edges in [[10.0, 50], [10, 50, .infinity]] {
            let settings = try SeriesSettings(binMode: .provided(edges), aggregation: .edges)
            let baseline = try SeriesSummarizer(settings).baseline(of: SortedSample([1, 2, 3]))
            #expect(
                NoiseLine.of(windowCount: 5, against: baseline, settings) == NoiseLine(mean: 0, line95: 0))
        }
    }

    /// The median of m uniform numbers deviates by about 1/2 · √(1/m + 1/n).
    @Test func the_line_of_a_median_is_what_the_theory_of_large_samples_says() throws {
        let settings = try SummarizerSettings(
            aggregation: .edges, metric: .sumDiff, numBins: 2, binWeights: [0, 1, 0, 0])
        let n = 4_000
        let baseline = try Summarizer(settings).baseline(
            of: SortedSample((0..<n).map { (Double($0) + 0.5) / Double(n) }))
        for m in [400, 4_000] {
            let scores = try #require(EdgeLaw(baseline, settings)).drawn(windowCount: m, 1_000)
            let deviation = 0.5 * (1 / Double(m) + 1 / Double(n)).squareRoot()
            // Half of |difference|, by SumDiff; of a normal number the mean is 0.798, the 95 % point 1.96 deviations.
            #expect((2 * scores.mean / (0.798 * deviation) - 1).magnitude < 0.12, "\(m)")
            #expect((2 * scores.line95 / (1.96 * deviation) - 1).magnitude < 0.12, "\(m)")
        }
    }

    @Test func a_larger_window_has_a_lower_line_and_a_shifted_one_lies_above_it() throws {
        let settings = try SummarizerSettings(aggregation: .edges)
        let summarizer = Summarizer(settings)
        let values = (0..<500).map { Double($0) / 500 }
        let baseline = try summarizer.baseline(of: SortedSample(values))
        let lines = try [5, 20, 45, 100, 600].map {
            try #require(NoiseLine.of(windowCount: $0, against: baseline, settings)).line95
        }
        #expect(lines == lines.sorted(by: >), "\(lines)")
        // One per value of the baseline, half a range on.
        let window = summarizer.windows(on: baseline).summary(of: SortedSample(values.map { $0 + 0.5 }))
        let score = try #require(try DriftScore(of: window, against: baseline, settings).score)
        #expect(score > 5 * lines[4])
    }

    @Test func what_was_asked_before_changes_no_line_of_edges() throws {
        let settings = try SummarizerSettings(aggregation: .edges, metric: .maxDiff)
        let baseline = try Self.baseline(settings)
        let source = try #require(NoiseSource(baseline, settings))
        let (fresh, other) = (NoiseLines(), NoiseLines())
        for m in [45, 41, 33, 5, 47] { _ = other.line(of: source, windowCount: m) }
        let kept = NoiseBaseline(baseline, settings)
        for m in [5, 33, 41, 45] {
            let line = fresh.line(of: source, windowCount: m)
            #expect(line == other.line(of: source, windowCount: m))
            #expect(line == kept.line(windowCount: m) && line == kept.line(windowCount: m))
            #expect(line == NoiseLine.of(windowCount: m, against: baseline, settings))
        }
        // Interpolated between 40 and 48.
        let (low, high) = (source.drawn(windowCount: 48).line95, source.drawn(windowCount: 40).line95)
        let between = fresh.line(of: source, windowCount: 45).line95
        #expect(min(low, high) <= between && between <= max(low, high))
    }

    /// A change of one bit on any machine shows here.
    @Test func the_lines_of_edges_are_these_on_every_machine() throws {
        let values = (0..<700).map { Double($0) * Double($0) }
        var bits: [UInt64] = []
        func add(_ line: NoiseLine?) throws {
            let line = try #require(line)
            bits += [line.mean.bitPattern, line.line95.bitPattern]
        }
        for (mode, metric) in [(BinMode.quantile, DriftMetric.psi), (.equal, .maxDiff)] {
            let settings = try SummarizerSettings(binMode: mode, aggregation: .edges, metric: metric)
            let baseline = try Summarizer(settings).baseline(of: SortedSample(values))
            for m in [12, 28] { try add(NoiseLine.of(windowCount: m, against: baseline, settings)) }
        }
        let settings = try SeriesSettings(binMode: .quantile(5), aggregation: .edges, metric: .sumDiff)
        let baseline = try SeriesSummarizer(settings).baseline(of: SortedSample(values, nullCount: 40))
        for m in [12, 28] { try add(NoiseLine.of(windowCount: m, against: baseline, settings)) }
        #expect(bits == NoiseReferences.edgeLines, "\(bits)")
    }

    @Test func values_that_are_all_equal_have_no_noise_and_a_single_one_any() throws {
        let greatest = NoiseLine(mean: .greatestFiniteMagnitude, line95: .greatestFiniteMagnitude)
        for mode in [BinMode.quantile, .equal] {
            let settings = try SummarizerSettings(binMode: mode, aggregation: .edges)
            let equal = try Summarizer(settings).baseline(
                of: SortedSample(Array(repeating: 7, count: 30)))
            #expect(
                NoiseLine.of(windowCount: 4, against: equal, settings) == NoiseLine(mean: 0, line95: 0))
            let single = try Self.baseline(settings, 1)
            let line = try #require(NoiseLine.of(windowCount: 40, against: single, settings))
            #expect(line == greatest && line.hasTooFewRecords(alertThreshold: 1e300))
            // Two have a distance, and chance a scale.
            let two = try #require(
                NoiseLine.of(windowCount: 4, against: try Self.baseline(settings, 2), settings))
            #expect(0 < two.mean && two.line95 < 1e6 && two.line95 > 1)
        }
    }

    /// A summary is as sent: any count, edges that do not ascend, extremes the wrong way round.
    @Test func a_baseline_of_edges_may_say_anything() throws {
        for (mode, numBins) in [
            (BinMode.quantile, 3), (.quantile, SummarizerSettings.numBinsMax), (.equal, 3),
        ] {
            let settings = try SummarizerSettings(binMode: mode, aggregation: .edges, numBins: numBins)
            let edges = (0...numBins).map { -Double($0) * 1e300 }
            for count in [1, 2, 3, NoiseLaw.countMax, NoiseLaw.countMax + 1, .max] {
                let summary = try Summary(
                    count: count,
                    moments: Moments(
                        min: 1, max: -1, mean: 1e308, median: -1e308,
                        standardDeviation: .leastNonzeroMagnitude),
                    edges: edges, edgeNames: Array(repeating: "b", count: numBins + 2),
                    aggregatedValues: AggregatedValues.edges(edges), aggregation: .edges)
                let law = EdgeLaw(summary, settings)
                #expect((law != nil) == (count <= NoiseLaw.countMax))
                let line = law?.drawn(windowCount: NoiseSizes.greatest, 4)
                #expect(line.map { 0 <= $0.mean && $0.line95.isFinite } ?? true)
            }
        }
    }

    /// Missing numbers are the least: where nearly a fifth is, the first of five edges sometimes is.
    @Test func replicates_with_a_missing_edge_have_no_score() throws {
        let settings = try SeriesSettings(binMode: .quantile(5), aggregation: .edges)
        let summarizer = SeriesSummarizer(settings)
        let numbers = (0..<820).map { Double($0) }
        let whole = try #require(EdgeLaw(try summarizer.baseline(of: SortedSample(numbers)), settings))
        #expect(whole.drawnScores(windowCount: 50, 100).count == 100)
        let missing = try summarizer.baseline(of: SortedSample(numbers, nullCount: 180))
        let scoreCount = try #require(EdgeLaw(missing, settings)).drawnScores(windowCount: 50, 100).count
        #expect((30...90).contains(scoreCount), "\(scoreCount)")
        // Where numbers alone make the edges, they alone are counted.
        let ends = try SeriesSettings(binMode: .quantileWithExplicitOutliers(5), aggregation: .edges)
        let baseline = try SeriesSummarizer(ends).baseline(of: SortedSample(numbers, nullCount: 180))
        let line = NoiseLine.of(windowCount: 30, missingCount: 10, against: baseline, ends)
        #expect(line != nil && line == NoiseLine.of(windowCount: 20, against: baseline, ends))
        #expect(NoiseLine.of(windowCount: 10, missingCount: 10, against: baseline, ends) == nil)
    }

    @Test(arguments: SampleShape.allCases.filter { $0 != .infinite })
    func every_baseline_of_edges_has_a_finite_line(shape: SampleShape) throws {
        for (mode, count) in [
            (BinMode.quantile, 1), (.quantile, 4), (.quantile, 60), (.equal, 2), (.equal, 60),
        ] {
            for weights in [nil, [0, 1, 1e300, 0, Double.leastNonzeroMagnitude]] as [[Double]?] {
                let settings = try SummarizerSettings(
                    binMode: mode, aggregation: .edges, metric: .sumDiff, numBins: 3, binWeights: weights)
                let sample = SortedSample(shape.values(count, seed: 3))
                guard let baseline = try? Summarizer(settings).baseline(of: sample) else { continue }
                for m in [1, 20, 5_000_000] {
                    let line = try #require(EdgeLaw(baseline, settings)).drawn(windowCount: m, 20)
                    #expect(line.mean.isFinite && line.mean >= 0)
                    #expect(line.line95.isFinite && line.line95 >= 0)
                }
            }
        }
        for mode in [SeriesBinMode.quantile(3), .equal(4), .quantileWithExplicitOutliers(2)] {
            let settings = try SeriesSettings(binMode: mode, aggregation: .edges)
            let sample = SortedSample(shape.values(60, seed: 3))
            guard let baseline = try? SeriesSummarizer(settings).baseline(of: sample) else { continue }
            let line = try #require(EdgeLaw(baseline, settings)).drawn(windowCount: 9, 20)
            #expect(line.mean.isFinite && line.mean >= 0 && line.line95.isFinite && line.line95 >= 0)
        }
    }

    /// Time is bounded by what is drawn: a tenth of a second for ten thousand bins.
    @Test func of_many_bins_there_are_fewer_replicates() throws {
        func law(_ numBins: Int, _ aggregation: Aggregation) throws -> NoiseSource {
            let settings = try SummarizerSettings(aggregation: aggregation, numBins: numBins)
            return try #require(NoiseSource(try Self.baseline(settings), settings))
        }
        for (numBins, shares, edges) in [(5, 2_000, 400), (100, 321, 79), (1_000, 256, 64), (10_000, 78, 64)]
        {
            guard case .shares(let first) = try law(numBins, .density),
                case .edges(let second) = try law(numBins, .edges)
            else {
                Issue.record("Each aggregation has its law.")
                return
            }
            #expect(first.replicateCount == shares && second.replicateCount == edges, "\(numBins)")
            let line = first.drawn(windowCount: 5, 4)
            #expect(0 < line.mean && line.mean.isFinite)
            let distance = second.drawn(windowCount: 5, 4)
            #expect(0 < distance.mean && distance.mean.isFinite)
        }
    }
}
