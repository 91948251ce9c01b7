// Invariant checked: the one at the head of AssayResultWriter.swift, against the tree.

import Assays
import JSON
import Records
import Simulation
import Summaries
import TestSupport
import Testing

struct AssayResultWriterTests {
    /// Results of every kind: without numbers, with infinities, by every metric, stored and not.
    private func results(_ random: inout SeededGenerator) throws -> [AssayResult] {
        let summarizers = [
            Requests.summarizer, #"{"num_bins":3,"aggregation":"Cumulative","metric":"MaxDiff"}"#,
            #"{"bin_mode":"Equal","num_bins":4,"metric":"SumDiff","bin_weights":[0,1,2,0.1,1e-7,3]}"#,
            #"{"bin_mode":"None"}"#, #"{"num_bins":2,"aggregation":"Edges","metric":"SumDiff"}"#,
            #"{"bin_mode":"Provided","num_bins":2,"provided_edges":[1.5,2,1e300]}"#,
            #"{"bin_mode":"Provided","num_bins":2,"provided_edges":[0.0,2,1e300]}"#,
            #"{"bin_mode":"Provided","num_bins":2,"provided_edges":[-0.0,2,1e300]}"#,
        ]
        return try (0..<40).map { position in
            let evaluator = try AssayOutcomeTests.evaluator(
                summarizer: summarizers.randomElement(using: &random)!,
                alert: [0.25, 1, 1e-9].randomElement(using: &random)!,
                warning: [nil, 0.1].randomElement(using: &random)!)
            let values = (0..<Int.random(in: 1...9, using: &random)).map { _ in
                [
                    Double.random(in: -1...9, using: &random), .nan, 1e300, -0.0, 3,
                    Bool.random(using: &random) ? .infinity : 0.1,
                ].randomElement(using: &random)!
            }
            let window = TimeWindow(
                start: Timestamp(
                    microseconds: Int64.random(in: -1...4_000_000_000, using: &random) * 1_000_000),
                end: Timestamp(microseconds: .max - Int64(position)))
            let outcome =
                position % 7 == 0
                ? evaluator.baselineRun(startingAt: Timestamp(microseconds: 1_704_826_800_500_000))
                : evaluator.outcome(of: SortedSample(values), in: window)
            var result = AssayResult(
                outcome, assayID: position % 3 == 0 ? nil : AssayID(position),
                analysedAt: Timestamp(microseconds: 1_704_826_800_250_000),
                elapsedMilliseconds: position)
            if position % 2 == 0 {
                result.id = AssayResultID(position)
                result.pipelineID = PipelineID(7)
                result.createdAt = moment(1)
            }
            if position % 4 == 0 { result.workspace = (WorkspaceID(2), "risk \"tëam\"\n") }
            return result
        }
    }

    @Test(
        "results are printed as their trees are, one by one and as a list",
        arguments: 1...20 as ClosedRange<UInt64>)
    func texts(seed: UInt64) throws {
        print("seed \(seed)")
        var random = SeededGenerator(seed: seed)
        let results = try results(&random)
        for result in results {
            let text = String(decoding: AssayResultWriter.text(of: result), as: UTF8.self)
            #expect(text == result.json.text)
        }
        // Of one thread, and of several.
        for count in [results.count, Int.random(in: 128...400, using: &random)] {
            let some = (0..<count).map { results[$0 % results.count] }
            let list = String(decoding: AssayResultWriter.list(of: some), as: UTF8.self)
            #expect(list == JSONValue.array(some.map(\.json)).text)
        }
        let path = try IOPath(parsing: "input tensor 3")
        let lines = results.map { result -> String in
            guard case .object(let members) = result.json else { return "no object" }
            let pairs = [("path", JSONValue.string(path.text))] + members.members.map { ($0.key, $0.value) }
            return JSONValue.object(JSONObject(pairs)).text + "\n"
        }
        #expect(
            String(decoding: AssayResultWriter.lines(of: results, at: path), as: UTF8.self) == lines.joined())
    }

    @Test("no results are an empty list")
    func none() {
        #expect(AssayResultWriter.list(of: []) == Array("[]".utf8))
    }
}
