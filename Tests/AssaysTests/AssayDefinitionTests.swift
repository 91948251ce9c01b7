// Invariants checked: the three at the head of AssayDefinition.swift, in that order.

import Assays
import JSON
import Records
import Simulation
import Summaries
import TestSupport
import Testing

struct AssayDefinitionTests {
    @Test("a definition reads back from its JSON", arguments: 1...200)
    func definitionsReadBack(seed: Int) throws {
        var generator = SeededGenerator(seed: UInt64(seed))
        func one(of texts: [String]) -> String { texts.randomElement(using: &generator) ?? "" }
        let summarizer = one(of: [
            Requests.summarizer, #"{"num_bins":2,"metric":"MaxDiff","bin_weights":[1,0,2.5,3]}"#,
            #"{"num_bins":2,"bin_mode":"Provided","provided_edges":[1,2,4]}"#,
        ])
        let baseline = one(of: [
            #"{"static":\#(Requests.summary)}"#, #"{"calculated":{"vector":[1,2,null]}}"#,
            #"{"Fixed":{"start_at":"2024-01-01T00:00:00-05:00","end_at":"2024-01-02T00:00:00-05:00"}}"#,
            #"{"fixed_window":\#(Requests.window)}"#,
            #"{"sliding_window":{"window":\#(Requests.window),"offset":"1 week"}}"#,
        ])
        let window = one(of: [
            Requests.window,
            #"{"width":"24 hours","start":null,"interval":null,"path":"input a b 3"}"#,
            #"{"width":"5 m","pipeline":"other","model":"m","path":"out.y","locations":["edge 1"]}"#,
        ])
        let more = one(of: [
            "", #","workspace_name":"w","unknown":{"a":[1]}"#, #","id":4,"bin_width":1"#,
        ])
        let text = Requests.create(
            name: one(of: [#""a""#, #""é \"quoted\" / 不""#]), baseline: baseline, window: window,
            summarizer: summarizer, more: more)
        let definition = try Requests.definition(text)
        let again = try Requests.definition(definition.json.text)
        #expect(again == definition, "seed \(seed)")
        #expect(again.json.text == definition.json.text, "seed \(seed)")
    }

    @Test("a request of the first generation means the same as one of today")
    func oldRequests() throws {
        let old = #"""
            {"name":"a","pipeline_id":1,"pipeline":"fraud","iopath":"output dense_2 0",\#
            "baseline":{"Fixed":{"pipeline":"fraud","model":"m","start_at":"2023-01-01T00:00:00-05:00",\#
            "end_at":"2023-01-02T00:00:00-05:00"}},\#
            "window":{"pipeline":"fraud","model":"m","width":"24 hours","start":null,"interval":null},\#
            "summarizer":{"type":"UnivariateContinuous","num_bins":5},"alert_threshold":0.1}
            """#
        let new = #"""
            {"name":"a","pipeline_id":1,"pipeline_name":"fraud",\#
            "baseline":{"calculated":{"fixed_window":{"pipeline_name":"fraud","model_name":"m",\#
            "path":"output dense_2 0","start":"2023-01-01T05:00:00Z","width":"86400000 ms"}}},\#
            "window":{"pipeline_name":"fraud","model_name":"m","path":"output dense_2 0",\#
            "width":"24 hours"},"summarizer":{"num_bins":5},"alert_threshold":0.1}
            """#
        #expect(try Requests.definition(old) == Requests.definition(new))
    }

    @Test("left out thresholds are 0.25 and none")
    func thresholds() throws {
        let text = Requests.create()
        for alert in [#""alert_threshold":null,"#, ""] {
            let definition = try Requests.definition(
                text.replacing(#""alert_threshold":0.25,"#, with: alert))
            #expect(definition.thresholds == AssayThresholds(alert: 0.25, warning: nil))
        }
        let both = try Requests.definition(
            text.replacing(#""warning_threshold":null"#, with: #""warning_threshold":0"#)
                .replacing(#""alert_threshold":0.25"#, with: #""alert_threshold":1"#))
        #expect(both.thresholds == AssayThresholds(alert: 1, warning: 0))
    }

    @Test("windows start where asked, else at the baseline's end, else at the first record")
    func windowStarts() throws {
        let noStart = #"{"width":"1 minute","path":"output y 0"}"#
        #expect(try Requests.definition().windowStart?.zuluText == "2024-01-09T19:07:59.566516Z")
        let afterBaseline = try Requests.definition(Requests.create(window: noStart))
        #expect(afterBaseline.windowStart == moment(3600))
        let fixed = try Requests.definition(
            Requests.create(
                baseline: #"{"fixed":{"start":"2024-01-09T19:00:00Z","width":"5 minutes"}}"#,
                window: noStart))
        #expect(fixed.windowStart == moment(300))
        let vector = try Requests.definition(
            Requests.create(baseline: #"{"vector":[1]}"#, window: noStart))
        #expect(vector.windowStart == nil)
        let grid = vector.grid(startingAt: moment(77))
        #expect(
            grid
                == WindowGrid(
                    start: moment(77), width: TimeSpan(microseconds: 60_000_000),
                    interval: TimeSpan(microseconds: 60_000_000)))
    }

    @Test("an interactive run needs no name, a stored assay does")
    func names() throws {
        let text = Requests.create().replacing(#""name":"watch","#, with: "")
        let request = try AssayRequest(Requests.field(text), nameIsNeeded: false)
        #expect(request.definition.name == "")
        #expect(request.id == nil)
        #expect(request.isActive)
        #expect(throws: FieldError.self) { try AssayRequest(Requests.field(text)) }
        let full = try AssayRequest(
            Requests.field(
                Requests.create(more: #","id":9"#).replacing(
                    #""active":true"#, with: #""active":false"#)))
        #expect(full.id == AssayID(9))
        #expect(!full.isActive)
    }

    @Test(
        "a refusal names the field that must change",
        arguments: [
            (#""pipeline_id":6"#, #""pipeline_id":"6""#, "pipeline_id"),
            (#""pipeline_id":6"#, #""pipeline_id":0"#, "pipeline_id"),
            (#""pipeline_id":6,"#, "", "pipeline_id"),
            (#""name":"watch""#, #""name":"""#, "name"),
            (#""name":"watch""#, #""name":"a\nb""#, "name"),
            (#""name":"watch""#, #""name":5"#, "name"),
            (#""active":true"#, #""active":"yes""#, "active"),
            (#""alert_threshold":0.25"#, #""alert_threshold":1e999"#, "alert_threshold"),
            (#""alert_threshold":0.25"#, #""alert_threshold":"high""#, "alert_threshold"),
            (#""warning_threshold":null"#, #""warning_threshold":-1e999"#, "warning_threshold"),
            (#""run_until":"2024-"#, #""run_until":"24-"#, "run_until"),
            (#""workspace_id":7}"#, #""workspace_id":"w"}"#, "workspace_id"),
            (#""width":"1 minutes""#, #""width":"banana""#, "window.width"),
            (#""path":"output dense_1 0""#, #""path":"dense_1""#, "window.path"),
            (#""num_bins":2"#, #""num_bins":0"#, "summarizer.num_bins"),
            (#""num_bins":2"#, #""num_bins":3"#, "baseline.static.edges"),
            (#""bin_mode":"Quantile""#, #""bin_mode":"None""#, "baseline.static.edges"),
            (
                #""aggregation":"Density","metric""#, #""aggregation":"Cumulative","metric""#,
                "baseline.static.aggregation"
            ),
            (#""baseline":{"static""#, #""baseline":{"statics""#, "baseline"),
            (
                #""edges":[1.0,2.0,4.0,null]"#, #""edges":[1.0,4.0,2.0,null]"#,
                "baseline.static.edges[2]"
            ),
            (
                #""edges":[1.0,2.0,4.0,null]"#, #""edges":[3.0,2.0,4.0,null]"#,
                "baseline.static.edges"
            ),
            (#""bin_weights":null"#, #""bin_weights":[1,1,1,1,1]"#, "summarizer.bin_weights"),
            (#""summarizer":{"#, #""sumarizer":{"#, "summarizer"),
            (#""window":{"#, #""windows":{"#, "window"),
        ])
    func refusals(found: String, replacement: String, field: String) throws {
        let text = Requests.create().replacing(found, with: replacement)
        #expect(text != Requests.create())
        let json = try Requests.field(text)
        let error = #expect(throws: FieldError.self) { try AssayRequest(json) }
        #expect(error?.field == field, "\(error?.description ?? "")")
    }

    @Test("a name may have 255 bytes and no more")
    func longNames() throws {
        for (count, isAccepted) in [(255, true), (256, false)] {
            let text = Requests.create(name: "\"" + String(repeating: "n", count: count) + "\"")
            #expect(((try? Requests.definition(text)) != nil) == isAccepted)
        }
    }

    @Test(
        "every recorded request is understood, and reads back",
        .enabled(if: Corpus.folder != nil, "\(Corpus.missing)"),
        arguments: ["req23", "req26-v1"])
    func recordedRequests(name: String) throws {
        var count = 0
        for line in try Corpus.text("spec/requests/\(name).jsonl").split(separator: "\n") {
            let request = try JSONValue(parsing: String(line))
            guard case .string(let path) = request["p"], case .string(let body) = request["body"],
                path.contains("assays/run_interactive") || path.contains("assays/create")
            else { continue }
            let definition = try AssayRequest(Requests.field(body)).definition
            #expect(try Requests.definition(definition.json.text) == definition)
            count += 1
        }
        #expect(count >= 7)
    }
}
