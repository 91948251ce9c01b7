// Invariants checked: the three at the head of Summarizer.swift, in that order, and summaries that
// were recorded or derived elsewhere, transcribed.

import Simulation
import Summaries
import Testing

@Suite("Summarizer")
struct SummarizerTests {
    private let eight: [Double] = [-3.5, -2.25, -1, 0, 0, 1.5, 2, 7.25]
    /// A hundred values with long runs of equal ones.
    private let ties: [Double] =
        Array(repeating: 1, count: 30) + Array(repeating: 2, count: 5)
        + Array(repeating: 3, count: 40) + [4, 4.5] + Array(repeating: 5, count: 23)

    private func baseline(
        _ values: [Double], _ binMode: BinMode = .quantile, _ aggregation: Aggregation = .density,
        _ numBins: Int = 5, edges: [Double]? = nil
    ) throws -> Summary {
        let settings = try SummarizerSettings(
            binMode: binMode, aggregation: aggregation, numBins: numBins, providedEdges: edges)
        return try Summarizer(settings).baseline(of: SortedSample(values))
    }

    @Test("the documented example: 1001 values in five quantile bins")
    func documentedExample() throws {
        let summary = try baseline((1...1001).map(Double.init))
        #expect(summary.count == 1001)
        #expect(summary.edges == [1, 200, 400, 601, 801, 1001])
        #expect(
            summary.aggregatedValues
                == [
                    0, 0.1998001998001998, 0.1998001998001998, 0.2007992007992008,
                    0.1998001998001998, 0.1998001998001998, 0,
                ])
        #expect(
            summary.edgeNames
                == ["left_outlier", "q_20", "q_40", "q_60", "q_80", "q_100", "right_outlier"])
        #expect(summary.aggregation == .density)
    }

    @Test("eight values, in quantile and in equal bins")
    func eightValues() throws {
        let quantile = try baseline(eight)
        #expect(quantile.edges == [-3.5, -2.25, -1, 0, 1.5, 7.25])
        #expect(quantile.aggregatedValues == [0, 0.25, 0.125, 0.25, 0.125, 0.25, 0])
        #expect(quantile.standardDeviation == 3.0644126680328156)
        let equal = try baseline(eight, .equal)
        #expect(equal.aggregatedValues == [0, 0.25, 0.375, 0.25, 0, 0.125, 0])
        #expect(
            equal.edgeNames
                == [
                    "left_outlier", "p_-1.35e0", "p_8.00e-1", "p_2.95e0", "p_5.10e0", "p_7.25e0",
                    "right_outlier",
                ])
    }

    @Test("values that tie fill the first bin that holds them, in each aggregation")
    func tiedValues() throws {
        let density = try baseline(ties)
        #expect(density.edges == [1, 1, 3, 3, 5, 5])
        #expect(density.aggregatedValues == [0, 0.3, 0.45, 0, 0.25, 0, 0])
        #expect(density.mean == 2.835)
        #expect(density.standardDeviation == 1.4748813511601546)
        #expect(
            try baseline(ties, .quantile, .cumulative).aggregatedValues
                == [0, 0.3, 0.75, 0.75, 1, 1, 1])
        #expect(
            try baseline(ties, .quantile, .edges).aggregatedValues == [1, 1, 3, 3, 5, 5, nil])
    }

    @Test("provided edges, with values on them and around them")
    func valuesOnProvidedEdges() throws {
        let summary = try baseline(
            [99.999, 100, 100.001, 110, 110.001, 150, 150.001], .provided,
            edges: [100, 110, 120, 130, 140, 150])
        let sevenths: [Double?] = [1, 3, 1, 0, 0, 1, 1].map { (count: Double) in count / 7 }
        #expect(summary.aggregatedValues == sevenths)
        #expect(summary.mean == 117.14314285714285)
        #expect(summary.standardDeviation == 21.189311911086357)
        #expect(summary.edgeNames[1] == "e_1.10e2")
    }

    @Test("without bins there are statistics and no edges")
    func noBins() throws {
        let summary = try baseline(eight, .none)
        #expect(summary.mean == 0.5)
        #expect(summary.edges.isEmpty && summary.edgeNames.isEmpty)
        #expect(summary.aggregatedValues.isEmpty)
    }

    @Test("every small sample is summarised as value by value, as baseline and as window")
    func everySmallSample() throws {
        let samples = everySample(over: [-1, 0, 0.5, 3], upTo: 5)
        let unsorted: [Double] = [2, -1, 0.5, 1, 7]
        let windows: [[Double]] = [[], [-2, 0, 0.5], [3, 3, 4, -1], [.nan, 0.25]]
        for binMode in [BinMode.quantile, .equal, .provided] {
            for aggregation in [Aggregation.density, .cumulative] {
                for numBins in [1, 3, 4] {
                    let given = Array(unsorted[..<numBins])
                    let settings = try SummarizerSettings(
                        binMode: binMode, aggregation: aggregation, numBins: numBins,
                        providedEdges: given)
                    for values in samples where !values.isEmpty {
                        let baseline = try Summarizer(settings).baseline(of: SortedSample(values))
                        let edges = SlowSummary.edges(values, binMode, numBins, given: given)
                        guard
                            baseline.edges == edges,
                            baseline.aggregatedValues
                                == SlowSummary.aggregated(values, edges, aggregation)
                        else {
                            Issue.record("\(values) \(settings): \(baseline)")
                            return
                        }
                        let summarizer = Summarizer(settings).windows(on: baseline)
                        for window in windows {
                            let summary = summarizer.summary(of: SortedSample(window))
                            guard
                                summary.edges == edges,
                                summary.aggregatedValues
                                    == SlowSummary.aggregated(window, edges, aggregation)
                            else {
                                Issue.record("\(window) on \(edges): \(summary)")
                                return
                            }
                        }
                    }
                }
            }
        }
    }

    @Test("a summary does not depend on the order of the values", arguments: SampleShape.allCases)
    func orderDoesNotShow(shape: SampleShape) throws {
        guard shape != .infinite, shape != .anyBits else { return }
        let settings = try SummarizerSettings(numBins: 7)
        for seed in UInt64(1)...20 {
            var generator = SeededGenerator(seed: seed)
            var values = shape.values(Int.random(in: 1...200, using: &generator), seed: seed)
            if values.allSatisfy(\.isNaN) { continue }
            let first = try Summarizer(settings).baseline(of: SortedSample(values))
            values.shuffle(using: &generator)
            let second = try Summarizer(settings).baseline(of: SortedSample(values))
            #expect(first == second, "seed \(seed)")
            #expect(first.edges.map(\.bitPattern) == second.edges.map(\.bitPattern), "seed \(seed)")
        }
    }

    @Test("a baseline without numbers, or with infinities, is refused")
    func refusedBaselines() throws {
        #expect(throws: SummaryError.emptyBaseline(missingCount: 0)) { try baseline([]) }
        #expect(throws: SummaryError.emptyBaseline(missingCount: 2)) { try baseline([.nan, .nan]) }
        #expect(throws: SummaryError.infiniteBaseline(infinityCount: 2)) {
            try baseline([.infinity, 1, -.infinity])
        }
        #expect(throws: SummaryError.emptyBaseline(missingCount: 0)) {
            try baseline([], .provided, edges: [1, 2, 3, 4, 5])
        }
    }

    @Test("a window repeats the baseline's edges under its own names, and is never refused")
    func windows() throws {
        let settings = try SummarizerSettings()
        let first = try Summarizer(settings).baseline(of: SortedSample(eight))
        let summarizer = Summarizer(settings).windows(on: first)
        let empty = summarizer.summary(of: SortedSample([.nan], nullCount: 2))
        #expect(empty.count == 0)
        #expect(empty.missingCount == 3)
        #expect(empty.mean == nil && empty.min == nil && empty.standardDeviation == nil)
        #expect(empty.edges == first.edges)
        #expect(empty.aggregatedValues == [0, 0, 0, 0, 0, 0, 0])
        #expect(
            empty.edgeNames
                == [
                    "left_outlier", "e_-2.25e0", "e_-1.00e0", "e_0.00e0", "e_1.50e0", "e_7.25e0",
                    "right_outlier",
                ])
        let infinite = summarizer.summary(of: SortedSample([.infinity, 0, 0, -.infinity]))
        #expect(infinite.infinityCount == 2)
        #expect(infinite.aggregatedValues == [0.25, 0, 0, 0.5, 0, 0, 0.25])
        #expect(infinite.median == 0)
        #expect(infinite.mean == nil)
    }

    @Test("aggregated by edges a window has its own, or nil where it has none to have")
    func windowsByEdges() throws {
        let settings = try SummarizerSettings(binMode: .equal, aggregation: .edges, numBins: 2)
        let first = try Summarizer(settings).baseline(of: SortedSample([0, 10]))
        let summarizer = Summarizer(settings).windows(on: first)
        let own = summarizer.summary(of: SortedSample([2, 6]))
        #expect(own.edges == [2, 4, 6])
        #expect(own.aggregatedValues == [2, 4, 6, nil])
        #expect(own.edgeNames == ["left_outlier", "e_4.00e0", "e_6.00e0", "right_outlier"])
        for values in [[], [1, .infinity], [-1.7e308, 1.7e308]] as [[Double]] {
            let none = summarizer.summary(of: SortedSample(values))
            #expect(none.edges == [0, 5, 10])
            #expect(none.aggregatedValues == [nil, nil, nil, nil])
        }
    }
}
