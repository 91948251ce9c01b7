// Invariants checked: the three at the head of DatedSummary.swift, in that order.

import Assays
import JSON
import Records
import Simulation
import Summaries
import TestSupport
import Testing

struct DatedSummaryTests {
    @Test("a summary in the contract's shape reads back to the same text")
    func contractShape() throws {
        let dated = try DatedSummary(Requests.field(Requests.summary))
        #expect(dated.json.text == Requests.summary)
        #expect(dated.summary.edges == [1, 2, 4])
        #expect(dated.period == TimeWindow(start: moment(0), end: moment(3600)))
    }

    @Test("every summary reads back from its JSON", arguments: 1...60)
    func summariesReadBack(seed: Int) throws {
        var generator = SeededGenerator(seed: UInt64(seed))
        let values = (0..<Int.random(in: 1...50, using: &generator)).map { _ -> Double in
            let value = Double.random(in: -1e3...1e3, using: &generator)
            return seed % 5 == 0 ? .nan : (seed % 7 == 0 ? value.rounded() : value)
        }
        for binMode in BinMode.allCases {
            for aggregation in Aggregation.allCases {
                let settings = try SummarizerSettings(
                    binMode: binMode, aggregation: aggregation, numBins: 3,
                    providedEdges: [-5, 0.5, 7])
                let summarizer = Summarizer(settings)
                let baseline = try summarizer.baseline(of: SortedSample([1, 2, 3], nullCount: 2))
                let window = summarizer.windows(on: baseline).summary(
                    of: SortedSample(
                        values + (seed % 4 == 0 ? [.infinity] : []), nullCount: seed % 3))
                for summary in [baseline, window] {
                    let dated = DatedSummary(
                        summary,
                        over: seed % 2 == 0 ? nil : TimeWindow(start: moment(1), end: moment(2)))
                    let again = try DatedSummary(Requests.field(dated.json.text))
                    #expect(again == dated, "seed \(seed), \(binMode), \(aggregation)")
                }
            }
        }
    }

    @Test("nulls and infinities are told where there are some, and only there")
    func losses() throws {
        let settings = try SummarizerSettings(numBins: 2)
        let summarizer = Summarizer(settings)
        let baseline = try summarizer.baseline(of: SortedSample([1, 2, 3]))
        #expect(DatedSummary(baseline, over: nil).json["missing_count"] == nil)
        let window = summarizer.windows(on: baseline).summary(
            of: SortedSample([1, .infinity], nullCount: 3))
        let json = DatedSummary(window, over: nil).json
        #expect(json["missing_count"] == .integer(3))
        #expect(json["infinity_count"] == .integer(1))
        #expect(json["max"] == .null)
    }

    @Test("the spellings of older clients mean the same")
    func spellings() throws {
        let plain = try DatedSummary(Requests.field(Requests.summary))
        let older = Requests.summary.replacing("\"start\"", with: "\"start_at\"")
            .replacing("\"end\"", with: "\"end_at\"")
            .replacing("4.0,null", with: "4.0,1.7976931348623157e308")
        #expect(try DatedSummary(Requests.field(older)) == plain)
        let unnamed = Requests.summary.replacing(
            "\"edge_names\":[\"left_outlier\",\"q_50\",\"q_100\",\"right_outlier\"],", with: "")
        #expect(
            try DatedSummary(Requests.field(unnamed)).summary.edgeNames
                == ["left_outlier", "e_2.00e0", "e_4.00e0", "right_outlier"])
    }

    @Test(
        "a summary that contradicts itself is refused under the member that does",
        arguments: [
            ("[1.0,2.0,4.0,null]", "[1.0,2.0,4.0]", "s.edges"),
            ("[1.0,2.0,4.0,null]", "[1.0,4.0,2.0,null]", "s.edges[2]"),
            ("[1.0,2.0,4.0,null]", "[1.0,null,4.0,null]", "s.edges[1]"),
            ("[1.0,2.0,4.0,null]", "[1.0,4.0,null]", "s"),
            ("[0.0,0.5,0.5,0.0]", "[0.0,0.5,0.5]", "s"),
            ("[0.0,0.5,0.5,0.0]", "[0.0,0.5,1.5,0.0]", "s"),
            ("[0.0,0.5,0.5,0.0]", "[0.0,0.5,null,0.0]", "s"),
            ("[0.0,0.5,0.5,0.0]", "[0.0,0.5,\"a\",0.0]", "s.aggregated_values[2]"),
            ("\"q_50\",", "", "s"),
            ("\"q_50\",", "5,", "s.edge_names[1]"),
            ("Density", "Densities", "s.aggregation"),
            ("\"count\":4", "\"count\":-4", "s"),
            ("\"count\":4", "\"count\":4.5", "s.count"),
            ("\"count\":4,", "", "s.count"),
            ("\"mean\":2.5", "\"mean\":\"2.5\"", "s.mean"),
            ("\"mean\":2.5", "\"mean\":1e999", "s.mean"),
            ("2024-01-09T20:00:00Z", "2024-01-09T18:00:00Z", "s.end"),
            ("2024-01-09T20:00:00Z", "tomorrow", "s.end"),
            (Requests.summary, "[]", "s"),
        ])
    func refusals(found: String, replacement: String, field: String) throws {
        let text = Requests.summary.replacing(found, with: replacement)
        #expect(text != Requests.summary)
        let json = JSONField(try JSONValue(parsing: text), path: "s")
        let error = #expect(throws: FieldError.self) { try DatedSummary(json) }
        #expect(error?.field == field, "\(error?.description ?? "")")
    }

    @Test(
        "recorded summaries read back to the recorded text",
        .enabled(if: Corpus.folder != nil, "\(Corpus.missing)"),
        arguments: [
            "69b3ce84-cell20-assays_summarize-0", "91b33303-cell19-assays_summarize-0",
        ])
    func recorded(name: String) throws {
        let json = try Corpus.json("spec/captured/\(name).json")
        #expect(try DatedSummary(JSONField(json)).json.text == json.text)
    }
}
