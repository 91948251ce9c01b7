// Invariants checked: the three at the head of AssayResult.swift, in that order.

import Assays
import JSON
import Records
import Summaries
import TestSupport
import Testing

struct AssayResultTests {
    static func keys(_ json: JSONValue) -> [String] {
        if case .object(let object) = json { object.members.map(\.key) } else { [] }
    }

    /// And ours.
    static let allKeys = recordedKeys + ["noise"]

    static let recordedKeys = [
        "id", "assay_id", "window_start", "analyzed_at", "elapsed_millis", "pipeline_id",
        "baseline_summary", "window_summary", "warning_threshold", "alert_threshold", "score",
        "scores", "bin_index", "summarizer", "status", "created_at",
    ]

    @Test("an interactive result has the recorded keys, and nulls for what it has not")
    func interactive() throws {
        let outcome = try AssayOutcomeTests.evaluator().outcome(
            of: SortedSample([1, 2]), in: AssayOutcomeTests.window)
        let result = AssayResult(
            outcome, assayID: nil, analysedAt: moment(70), elapsedMilliseconds: 15)
        #expect(Self.keys(result.json) == Self.allKeys)
        for key in [
            "id", "assay_id", "pipeline_id", "created_at", "bin_index", "warning_threshold",
        ] {
            #expect(result.json[key] == .null)
        }
        #expect(result.json["analyzed_at"] == .string("2024-01-09T19:01:10Z"))
    }

    @Test("a stored result has its numbers and times, and its workspace where it is known")
    func stored() throws {
        let definition = try Requests.definition()
        var book = AssayBook()
        book.apply(try book.create(definition, isActive: true, at: moment(0)))
        let outcome = try AssayOutcomeTests.evaluator().outcome(
            of: SortedSample([1, 2]), in: AssayOutcomeTests.window)
        let analysis = WindowAnalysis(
            of: outcome, reason: .complete, analysedAt: moment(65), elapsedMilliseconds: 15)
        let events = try book.decide([analysis], of: AssayID(1), cut: 9, runAt: moment(64))
        let decision = try #require(events.first?.decision)
        var result = AssayResult(outcome, of: decision, pipelineID: PipelineID(6))
        #expect(Self.keys(result.json) == Self.allKeys)
        #expect(result.json["id"] == .integer(1))
        #expect(result.json["pipeline_id"] == .integer(6))
        #expect(result.json["created_at"] == .string("2024-01-09T19:01:05.015000Z"))
        result.workspace = (WorkspaceID(7), "w")
        #expect(
            Self.keys(result.json)
                == Array(Self.recordedKeys[..<6]) + ["workspace_id", "workspace_name"]
                + Self.allKeys[6...])
    }

    @Test("a result says what noise alone scores at its sizes, and whether it has too few records")
    func noise() throws {
        let evaluator = try AssayOutcomeTests.evaluator()
        func result(_ count: Int) -> AssayResult {
            // Half of them in each bin, as in the baseline.
            let sample = SortedSample((0..<count).map { $0 % 2 == 0 ? 1 : 3 })
            return AssayResult(
                evaluator.outcome(of: sample, in: AssayOutcomeTests.window), assayID: nil,
                analysedAt: moment(70), elapsedMilliseconds: 0)
        }
        let few = result(4)
        let line = try #require(few.outcome.noise)
        #expect(few.json["noise"]?["mean"] == .number(line.mean))
        #expect(few.json["noise"]?["line_95"] == .number(line.line95))
        #expect(few.json["noise"]?["too_few_records"] == .bool(true))
        #expect(0 < line.mean && line.mean < line.line95)
        // A property of sizes: what the window holds does not matter, and no digest knows of it.
        let others = evaluator.outcome(of: SortedSample([9, 9, 9, 9]), in: AssayOutcomeTests.window)
        #expect(others.noise == line)
        // The baseline itself shows no noise.
        #expect(evaluator.baselineRun(startingAt: moment(0)).noise == nil)
    }

    // Where edges are compared the noise was null, so that a window of four was as good as one of a thousand.
    @Test("a result of edges says what noise alone scores, and given edges have none")
    func noiseOfEdges() throws {
        func result(_ summarizer: String) throws -> AssayResult {
            let evaluator = try AssayOutcomeTests.evaluator(summarizer: summarizer)
            return AssayResult(
                evaluator.outcome(of: SortedSample([1, 3, 4]), in: AssayOutcomeTests.window), assayID: nil,
                analysedAt: moment(70), elapsedMilliseconds: 0)
        }
        for mode in ["Quantile", "Equal"] {
            let found = try result(#"{"bin_mode":"\#(mode)","num_bins":2,"aggregation":"Edges"}"#)
            let line = try #require(found.outcome.noise)
            #expect(found.json["noise"]?["line_95"] == .number(line.line95))
            #expect(0 < line.mean && 1 < line.line95 && line.line95.isFinite)
            #expect(found.json["noise"]?["too_few_records"] == .bool(true))
        }
        let given = try result(
            #"{"bin_mode":"Provided","num_bins":2,"aggregation":"Edges","provided_edges":[1,2,4]}"#)
        #expect(given.json["score"] == .number(0))
        #expect(given.json["noise"]?["mean"] == .number(0) && given.json["noise"]?["line_95"] == .number(0))
        #expect(given.json["noise"]?["too_few_records"] == .bool(false))
    }

    @Test("a result without a score has nulls for it, and says why at the end")
    func withoutScore() throws {
        let outcome = try AssayOutcomeTests.evaluator().outcome(
            of: SortedSample([.nan]), in: AssayOutcomeTests.window)
        let json = AssayResult(
            outcome, assayID: AssayID(3), analysedAt: moment(70), elapsedMilliseconds: 0
        ).json
        #expect(Self.keys(json) == Self.allKeys + ["unscored", "absence"])
        #expect(json["noise"] == .null)
        // The contract's clients refuse another word, with all the results beside it.
        #expect(json["status"] == .string("Warning"))
        #expect(json["unscored"] == .string("NoData"))
        #expect(json["score"] == .null)
        #expect(json["scores"] == .array([.null, .null, .null, .null]))
    }

    @Test(
        "the tutorial's interactive run comes out to the recorded text",
        .enabled(if: Corpus.folder != nil, "\(Corpus.missing)"),
        arguments: [
            ("69b3ce84-cell23-assays_create-0", "69b3ce84-cell45-assays_run_interactive-0"),
            ("69b3ce84-cell23-assays_create-0", "69b3ce84-cell50-assays_get_assay_results-1"),
        ])
    func tutorial(request: String, answer: String) throws {
        let definition = try AssayRequest(
            JSONField(Corpus.json("spec/captured/\(request).json"))
        ).definition
        let values = try Corpus.numbers("data/values/ccfraud_1k_out.txt")
        let baseline = try #require(try definition.baseline.ownSummary(definition.summarizer))
        let start = try #require(definition.windowStart)
        let window = definition.grid(startingAt: start).window(0)
        let outcome = try AssayEvaluator(definition, baseline: baseline)
            .outcome(of: SortedSample(values), in: window)
        let answers = try #require(try Corpus.json("spec/captured/\(answer).json").elements)
        let expected = try #require(answers.first?.document)
        var result = AssayResult(
            outcome, assayID: AssayID(9), analysedAt: moment(0), elapsedMilliseconds: 0)
        result.id = expected["id"].flatMap { try? JSONField($0).optional?.identifier() }
        result.pipelineID = expected["pipeline_id"]
            .flatMap { try? JSONField($0).optional?.identifier() }
        let found = try #require(result.json.document)
        for (member, other) in zip(found.members, expected.members) {
            #expect(member.key == other.key)
            guard !["analyzed_at", "elapsed_millis", "created_at"].contains(member.key) else {
                continue
            }
            #expect(member.value.text == other.value.text, "\(member.key)")
        }
        #expect(found.members.map(\.key) == expected.members.map(\.key) + ["noise"])
    }

    @Test(
        "a baseline run comes out as recorded",
        .enabled(if: Corpus.folder != nil, "\(Corpus.missing)"))
    func recordedBaselineRun() throws {
        let expected = try Corpus.json(
            "spec/captured/42b9a85b-cell29-assays_run_interactive_baseline-0.json")
        var text = Requests.create(summarizer: #"{"num_bins":5}"#)
            .replacing(Requests.summary, with: expected["baseline_summary"]?.text ?? "")
            .replacing(#""warning_threshold":null"#, with: #""warning_threshold":0.0"#)
            .replacing(#""alert_threshold":0.25"#, with: #""alert_threshold":0.1"#)
        text = text.replacing("\"watch\"", with: "\"api assay\"")
        let definition = try Requests.definition(text)
        let baseline = try #require(try definition.baseline.ownSummary(definition.summarizer))
        let outcome = try AssayEvaluator(definition, baseline: baseline)
            .baselineRun(startingAt: moment(0))
        let json = AssayResult(
            outcome, assayID: AssayID(5), analysedAt: moment(0), elapsedMilliseconds: 0
        ).json
        for key in Self.recordedKeys where key != "analyzed_at" {
            #expect(json[key]?.text == expected[key]?.text, "\(key)")
        }
    }
}
