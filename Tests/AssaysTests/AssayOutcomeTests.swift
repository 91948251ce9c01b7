// Invariants checked: the two at the head of AssayOutcome.swift, in that order, on what AssayEvaluator makes.

import Assays
import JSON
import Records
import Simulation
import Summaries
import TestSupport
import Testing

struct AssayOutcomeTests {
    /// Baseline 1, 2, 3, 4 in two bins: [1, 2] and (2, 4].
    static func evaluator(
        summarizer: String = Requests.summarizer, alert: Double = 0.25, warning: Double? = nil
    ) throws -> AssayEvaluator {
        var definition = try Requests.definition(
            Requests.create(baseline: #"{"vector":[1,2,3,4]}"#, summarizer: summarizer))
        definition.thresholds = AssayThresholds(alert: alert, warning: warning)
        let baseline = try #require(try definition.baseline.ownSummary(definition.summarizer))
        return try AssayEvaluator(definition, baseline: baseline)
    }

    static let window = TimeWindow(start: moment(0), end: moment(60))

    @Test("values like the baseline's score 0 and are Ok")
    func sameValues() throws {
        let outcome = try Self.evaluator().outcome(of: SortedSample([4, 3, 2, 1]), in: Self.window)
        #expect(outcome.score == 0)
        #expect(outcome.scores == [0, 0, 0, 0])
        #expect(outcome.status == .ok)
        #expect(outcome.absence == nil)
        #expect(outcome.summary.period == Self.window)
        #expect(
            outcome.summary.summary.edgeNames == [
                "left_outlier", "e_2.00e0", "e_4.00e0", "right_outlier",
            ])
    }

    @Test("a threshold is passed by a score above it, and alert goes before warning")
    func statuses() throws {
        // Shares 0.75 and 0.25 against 0.5 and 0.5.
        let sample = SortedSample([1, 1, 2, 3])
        let sum = #"{"num_bins":2,"metric":"SumDiff"}"#
        for (alert, warning, status) in [
            (0.25, nil, AssayStatus.ok), (0.25, 0.25, .ok), (0.25, 0.2, .warning),
            (0.2, 0.1, .alert), (0.2, nil, .alert), (-1, nil, .alert),
        ] as [(Double, Double?, AssayStatus)] {
            let outcome = try Self.evaluator(summarizer: sum, alert: alert, warning: warning)
                .outcome(of: sample, in: Self.window)
            #expect(outcome.score == 0.25)
            #expect(outcome.status == status)
        }
    }

    @Test("a window without numbers is no data, and never Ok")
    func noData() throws {
        let evaluator = try Self.evaluator(alert: .greatestFiniteMagnitude)
        for sample in [SortedSample([.nan, .nan]), SortedSample([], nullCount: 2)] {
            let outcome = evaluator.outcome(of: sample, in: Self.window)
            #expect(outcome.status == .noData)
            #expect(outcome.score == nil)
            #expect(outcome.scores == [nil, nil, nil, nil])
            #expect(outcome.absence?.contains("2 values") == true)
            #expect(outcome.summary.summary.missingCount == 2)
        }
    }

    @Test("a window that does not compare has no score, and says why")
    func noScore() throws {
        let infinite = try Self.evaluator().outcome(
            of: SortedSample([1, -.infinity, 3]), in: Self.window)
        #expect(infinite.status == .noScore)
        #expect(infinite.absence?.contains("1 infinite") == true)
        let noBins = try Self.evaluator(summarizer: #"{"bin_mode":"None"}"#)
            .outcome(of: SortedSample([1, 2]), in: Self.window)
        #expect(noBins.status == .noScore)
        #expect(noBins.scores == [])
        #expect(noBins.summary.summary.mean == 1.5)
    }

    @Test("a score is nil exactly where there is no status for it", arguments: 1...100)
    func scoreAndStatus(seed: Int) throws {
        var generator = SeededGenerator(seed: UInt64(seed))
        for binMode in ["None", "Equal", "Quantile"] {
            for aggregation in Aggregation.allCases {
                for metric in DriftMetric.allCases {
                    let evaluator = try Self.evaluator(
                        summarizer: """
                            {"num_bins":2,"bin_mode":"\(binMode)","metric":"\(metric.rawValue)",\
                            "aggregation":"\(aggregation.rawValue)"}
                            """)
                    let values = (0..<Int.random(in: 0...5, using: &generator)).map { _ in
                        [1.0, 2.5, -3, .nan, .infinity, 1e308, -1e308]
                            .randomElement(using: &generator) ?? 0
                    }
                    let outcome = evaluator.outcome(of: SortedSample(values), in: Self.window)
                    let isWithout = [.noData, .noScore].contains(outcome.status)
                    #expect((outcome.score == nil) == isWithout, "seed \(seed)")
                    #expect((outcome.absence != nil) == isWithout, "seed \(seed)")
                    #expect(outcome.scores.allSatisfy { ($0 == nil) == isWithout }, "seed \(seed)")
                    #expect(outcome.scores.count == outcome.baseline.summary.edgeNames.count)
                }
            }
        }
    }

    @Test("a baseline that was summarised otherwise is refused")
    func wrongBaseline() throws {
        let definition = try Requests.definition()
        let sample = SortedSample([1, 2, 3, 4])
        let cumulative = try DatedSummary(
            ofBaseline: sample, over: nil, SummarizerSettings(aggregation: .cumulative, numBins: 2))
        #expect(throws: SummaryError.self) { try AssayEvaluator(definition, baseline: cumulative) }
        let weighted = try Requests.definition(
            Requests.create(
                baseline: #"{"vector":[1]}"#, summarizer: #"{"num_bins":2,"bin_weights":[1,1,1,1]}"#
            ))
        let threeBins = try DatedSummary(
            ofBaseline: sample, over: nil, SummarizerSettings(numBins: 3))
        #expect(throws: SummaryError.self) { try AssayEvaluator(weighted, baseline: threeBins) }
    }

    @Test("a baseline run compares the baseline with itself")
    func baselineRuns() throws {
        let definition = try Requests.definition()
        let baseline = try #require(try definition.baseline.ownSummary(definition.summarizer))
        let outcome = try AssayEvaluator(definition, baseline: baseline)
            .baselineRun(startingAt: moment(9))
        #expect(outcome.status == .baselineRun)
        #expect(outcome.window == baseline.period)
        #expect(outcome.score == 0)
        #expect(outcome.scores == [0, 0, 0, 0])
        #expect(outcome.summary.summary.edgeNames[1] == "e_2.00e0")
        #expect(outcome.summary.summary.mean == baseline.summary.mean)
        let vector = try Self.evaluator().baselineRun(startingAt: moment(9))
        #expect(vector.window.start.zuluText == "2024-01-09T19:07:59.566516Z", "the assay's start")
        #expect(vector.window.end.zuluText == "2024-01-09T19:08:59.566516Z")
    }
}
