// Checked here: no baseline that can be sent ends the process, of either generation: it is refused, or its windows
// have a score or none. Each case starts from one that is right and has some of its numbers changed, to those that
// arithmetic goes wrong with; of each hundred some are compared. What is read here is read as stored definitions are, which
// refuse the least.

import Assays
import JSON
import Records
import Simulation
import Summaries
import TestSupport
import Testing

@Suite("Uploaded baselines")
struct UploadedBaselineTests {
    static let integers = [
        "0", "-1", "1", "2", "3", "64", "65", "1000", "9007199254740992", "9007199254740993",
        "2305843009213693952", "9223372036854775807", "-9223372036854775808", "9223372036854775808",
    ]
    static let numbers = [
        "0", "-0.0", "0.5", "1", "1.0000000000000002", "-0.5", "5e-324", "1e-310", "1e-300", "1e300",
        "-1e300", "1.7976931348623157e308", "-1.7976931348623157e308", "1e999", "null", "\"INFINITY\"",
    ]

    /// A generator of cases; what it draws is one of a list, or what was right.
    struct Cases {
        var generator: SeededGenerator

        mutating func one(of choices: [String]) -> String {
            choices[Int.random(in: 0..<choices.count, using: &generator)]
        }

        /// One time in ten something else.
        mutating func either(_ right: String, or choices: [String]) -> String {
            Int.random(in: 0..<10, using: &generator) == 0 ? one(of: choices) : right
        }

        mutating func list(_ right: [String], or choices: [String]) -> String {
            right.map { either($0, or: choices) }.joined(separator: ",")
        }

        /// A window: some ordinary numbers, or such as are at the ends of what doubles are.
        mutating func sample() -> SortedSample {
            let ends = [
                0, .leastNonzeroMagnitude, 1e300, -1e300, .greatestFiniteMagnitude, .infinity, -.infinity,
                .nan,
            ]
            let isOrdinary = Bool.random(using: &generator)
            return SortedSample(
                (0..<Int.random(in: 0...6, using: &generator)).map { _ in
                    isOrdinary
                        ? Double(Int.random(in: 0...5, using: &generator))
                        : ends[Int.random(in: 0..<ends.count, using: &generator)]
                }, nullCount: Int.random(in: 0...1, using: &generator))
        }
    }

    static let aggregations = ["Density", "Density", "Cumulative", "Edges"]
    static let metrics = ["PSI", "PSI", "SumDiff", "MaxDiff"]

    @Test("a baseline of the first generation is refused or compared with", arguments: 1...20)
    func first(seed: Int) throws {
        var cases = Cases(generator: SeededGenerator(seed: UInt64(seed)))
        var comparedCount = 0
        for round in 0..<100 {
            let aggregation = cases.one(of: Self.aggregations)
            let values = cases.list(
                aggregation == "Edges" ? ["1", "2", "4", "null"] : ["0", "0.5", "0.5", "0"], or: Self.numbers)
            let edges = cases.list(["1", "2", "4"], or: Self.numbers)
            let weights = cases.either("null", or: ["[1,1,1,1]", "[0,1e308,0,0]", "[5e-324,0,0,0]"])
            let count = cases.either("4", or: Self.integers)
            let more = cases.either("", or: Self.integers.map { ",\"missing_count\":\($0)" })
            let min = cases.either("1", or: Self.numbers)
            let mean = cases.either("2.5", or: Self.numbers)
            let mode = cases.one(of: ["Quantile", "Equal", "Provided"])
            let metric = cases.one(of: Self.metrics)
            let text = Requests.create(
                baseline: """
                    {"static":{"count":\(count),"min":\(min),"max":4,"mean":\(mean),"median":2.5,"std":1.1,\
                    "edges":[\(edges),null],"aggregated_values":[\(values)],"aggregation":"\(aggregation)"\(more)}}
                    """,
                summarizer: """
                    {"bin_mode":"\(mode)","aggregation":"\(aggregation)","metric":"\(metric)","num_bins":2,\
                    "bin_weights":\(weights),"provided_edges":[1,2,4]}
                    """)
            guard let definition = try? Requests.definition(text),
                let baseline = try definition.baseline.ownSummary(definition.summarizer),
                let evaluator = try? AssayEvaluator(definition, baseline: baseline)
            else { continue }
            _ = evaluator.baselineRun(startingAt: moment(0)).digest
            comparedCount += 1
            let outcome = evaluator.outcome(of: cases.sample(), in: AssayOutcomeTests.window)
            #expect((outcome.score == nil) == (outcome.absence != nil), "seed \(seed), round \(round)")
            #expect(outcome.score?.isFinite != false, "seed \(seed), round \(round): \(text)")
            // A line is drawn, which takes its time, unless the count is one to fail at.
            if round % 10 == 0 || count.utf8.count > 9 { _ = outcome.noise }
        }
        #expect(comparedCount > 5, "seed \(seed): most were refused")
    }

    @Test("a baseline of the second generation is refused or compared with", arguments: 1...20)
    func second(seed: Int) throws {
        var cases = Cases(generator: SeededGenerator(seed: UInt64(seed)))
        var comparedCount = 0
        let modes = ["Quantile", "Equal", "QuantileWithExplicitOutliers"].flatMap { name in
            Self.integers.map { "{\"\(name)\":\($0)}" }
        }
        for round in 0..<100 {
            let aggregation = cases.one(of: Self.aggregations)
            let values = cases.list(
                aggregation == "Edges" ? ["1", "2", "\"INFINITY\""] : ["0.25", "0.5", "0.25"],
                or: Self.numbers)
            let edges = cases.list(["1", "2"], or: Self.numbers)
            let mode = cases.either(
                "{\"Quantile\":3}", or: modes + ["\"None\"", "{\"Provided\":[1e300,-1e300]}"])
            let count = cases.either("4", or: Self.integers)
            let more = cases.either("", or: Self.integers.map { ",\"missing_count\":\($0)" })
            let min = cases.either("1", or: Self.numbers)
            let weights = cases.either("null", or: ["[1,1,1]", "[0,1e308,0]", "[5e-324,0,0]"])
            let metric = cases.one(of: Self.metrics)
            let text = SeriesRequests.schedule(
                baseline: """
                    {"Summary":{"out.score":{"bins":{"mode":\(mode),"edges":[\(edges),"INFINITY"],\
                    "labels":["a","b","c"]},"aggregated_values":[\(values)],"aggregation":"\(aggregation)",\
                    "statistics":{"count":\(count),"min":\(min),"max":4,"mean":2,"median":2,"std":1}\(more)}}}
                    """,
                summarizer: """
                    {"UnivariateContinuous":{"bin_mode":{"Quantile":3},"aggregation":"\(aggregation)",\
                    "metric":"\(metric)","bin_weights":\(weights)}}
                    """)
            guard let definition = try? SeriesRequests.definition(text),
                case .summaries(let baselines) = definition.baseline,
                let target = definition.targeting.targets.first, let baseline = baselines[target.path]
            else { continue }
            comparedCount += 1
            let finding = try SeriesFinding(
                target, cases.sample(), in: AssayOutcomeTests.window, against: baseline, definition.settings)
            #expect((finding.score == nil) == (finding.absence != nil), "seed \(seed), round \(round)")
            #expect(finding.score?.isFinite != false, "seed \(seed), round \(round): \(text)")
            if round % 10 == 0 || count.utf8.count > 9 { _ = finding.noise(definition.settings) }
            _ = SeriesOutcome(AssayOutcomeTests.window, [finding], definition.settings).digest
        }
        #expect(comparedCount > 5, "seed \(seed): most were refused")
    }

    @Test("a static baseline that says it has more values than are counted exactly is refused by the member")
    func counts() throws {
        for (member, written) in [
            ("count", "9007199254740993"), ("count", "9223372036854775807"),
            ("missing_count", "9223372036854775807"), ("infinity_count", "9223372036854775807"),
        ] {
            let summary =
                member == "count"
                ? Requests.summary.replacing("\"count\":4", with: "\"count\":\(written)")
                : Requests.summary.replacing("\"count\":4", with: "\"count\":4,\"\(member)\":\(written)")
            for place in ["{\"static\":\(summary)}", "{\"calculated\":{\"static\":\(summary)}}"] {
                let error = #expect(throws: FieldError.self) {
                    try AssayRequest(Requests.field(Requests.create(baseline: place)))
                }
                // Of infinities more than there are numbers the summary itself says that they do not agree.
                #expect(
                    error?.description.contains(member == "infinity_count" ? "infinite" : member) == true,
                    "\(error?.description ?? "")")
            }
        }
        let greatest = Requests.summary.replacing("\"count\":4", with: "\"count\":9007199254740992")
        _ = try AssayRequest(Requests.field(Requests.create(baseline: "{\"static\":\(greatest)}")))
    }
}
