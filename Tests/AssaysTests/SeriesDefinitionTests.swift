// Invariants checked: the two at the head of SeriesDefinition.swift, the one of SeriesBaseline.swift, the two of
// SeriesTargeting.swift and of DatedSeriesSummary.swift and SeriesSettings+JSON.swift; the windows of runs; and the
// refusals, each with its member.

import Assays
import JSON
import Records
import Summaries
import TestSupport
import Testing

@Suite("Second-generation definitions")
struct SeriesDefinitionTests {
    @Test("every definition reads back from its JSON, whatever its baseline, bins and schedule")
    func readsBack() throws {
        let summarizer = SeriesRequests.summarizer
        func with(_ mode: String, _ weights: String = "null") -> String {
            summarizer.replacing("{\"Quantile\":5}", with: mode)
                .replacing("\"bin_weights\":null", with: "\"bin_weights\":\(weights)")
        }
        let vector = "{\"Vector\":[1.5,null,2]}"
        for text in [
            SeriesRequests.schedule(),
            SeriesRequests.schedule(baseline: vector, summarizer: with("{\"Equal\":4}", "[1,2,3,4]")),
            SeriesRequests.schedule(baseline: vector, summarizer: with("\"None\"")),
            SeriesRequests.schedule(
                baseline: vector, summarizer: with("{\"QuantileWithExplicitOutliers\":2}", "[1,1,1,1]")),
            SeriesRequests.schedule(baseline: vector, summarizer: with("{\"Provided\":[1,2,\"INFINITY\"]}")),
            SeriesRequests.schedule(baseline: vector, summarizer: with("{\"Provided\":[1,2]}")),
            SeriesRequests.schedule(
                baseline: "{\"Static\":[\"2025-03-01T00:00:00Z\",\"2025-03-02T00:00:00-06:00\"]}"),
            SeriesRequests.schedule(
                baseline: "{\"Rolling\":{\"start\":\"2025-03-18T16:36:00Z\",\"width\":{\"seconds\":60}}}",
                scheduling: SeriesRequests.scheduling.replacing(
                    "{\"SimpleRunFrequency\":{\"unit\":\"Minute\",\"quantity\":1}}",
                    with: "{\"Cron\":\"0 * * * *\"}")),
            SeriesRequests.schedule(
                baseline: vector,
                targeting: SeriesRequests.targeting(
                    """
                    [{"field":"out.dense_1","indexes":[0,3],"thresholds":null},{"field":"in.a b"},\
                    {"field":"out.dense_1","indexes":[],"thresholds":{"alert":0.5}}]
                    """)),
        ] {
            let definition = try SeriesRequests.definition(text)
            #expect(try SeriesRequests.definition(definition.json.text) == definition, "\(text)")
        }
    }

    @Test("a definition is shown as the contract shows it")
    func shape() throws {
        let definition = try SeriesRequests.definition()
        #expect(
            definition.json.text == """
                {"name":"watch","scheduling":{"first_run":"2025-03-19T16:37:00Z","end":null,\
                "run_frequency":{"SimpleRunFrequency":{"quantity":1,"unit":"Minute"}}},\
                "baseline":{"Summary":{"out.score":\(SeriesRequests.summary)}},\
                "window":{"width":{"seconds":60}},"summarizer":\(SeriesRequests.summarizer),\
                "targeting":{"data_origin":\(SeriesRequests.origin),"iopath":\(SeriesRequests.iopath)}}
                """)
    }

    @Test("indexes make a path each, named by field and index; a field without is one path")
    func paths() throws {
        let definition = try SeriesRequests.definition(
            SeriesRequests.schedule(
                baseline: "{\"Vector\":[1]}",
                targeting: SeriesRequests.targeting(
                    """
                    [{"field":"out.dense_1","indexes":[2,0],"thresholds":{"alert":0.5,"warning":null}},\
                    {"field":"in.age","indexes":null}]
                    """)))
        #expect(definition.paths.map(\.dottedText) == ["out.dense_1.2", "out.dense_1.0", "in.age"])
        #expect(definition.targeting.targets.map(\.thresholds.alert) == [0.5, 0.5, nil])
        // A name that ends in a number is a name: only indexes are indexes.
        let numbered = try IOPath(recordField: "out.layer.7", element: nil)
        #expect(numbered.field == "layer.7" && numbered.element == nil)
    }

    @Test("a run looks at the window that ends at its moment; a rolling baseline keeps its distance")
    func windows() throws {
        let definition = try SeriesRequests.definition(
            SeriesRequests.schedule(
                baseline: "{\"Rolling\":{\"start\":\"2025-03-18T16:36:00Z\",\"width\":{\"seconds\":30}}}"))
        let first = definition.firstWindow
        #expect(
            first.start.zuluText == "2025-03-19T16:36:00Z" && first.end.zuluText == "2025-03-19T16:37:00Z")
        let later = definition.window(of: try Timestamp(parsing: "2025-03-19T17:00:00Z"))
        let baseline = try #require(definition.baselinePeriod(for: later))
        #expect(baseline.start.zuluText == "2025-03-18T16:59:00Z")
        #expect(baseline.end.zuluText == "2025-03-18T16:59:30Z")
        // Exactly the windows whose own records or baseline could lie in a period are within its reach.
        let minute = TimeWindow(start: baseline.start, end: baseline.end)
        let reach = definition.reach(of: minute)
        #expect(reach.start <= minute.start && reach.end > later.start && reach.start <= later.start)
    }

    @Test("a summary reads back, with what was missing, and refuses what does not hold together")
    func summaries() throws {
        let sample = SortedSample([1, 2, 3, 4], nullCount: 1)
        let settings = try SeriesSettings(binMode: .quantile(2))
        let summary = try SeriesSummarizer(settings).baseline(of: sample)
        let path = try IOPath(parsing: "out.y")
        let dated = DatedSeriesSummary(summary, over: TimeWindow(start: moment(0), end: moment(60)))
        let text = dated.json(path).text
        #expect(text.contains("\"statistics\":{\"count\":5,") && text.hasSuffix("\"missing_count\":1}"))
        #expect(try DatedSeriesSummary(Requests.field(text)) == dated)
        for (old, new, part) in [
            ("\"INFINITY\"]", "2.5]", "edges"), ("[2.0,", "[\"wide\",", "edges"),
            ("\"count\":5", "\"count\":0", "missing_count"), ("\"Density\"", "\"Dense\"", "aggregation"),
            ("{\"Quantile\":2}", "{\"Quantiles\":2}", "bins.mode"),
            ("{\"Quantile\":2}", "{\"Quantile\":2,\"Equal\":2}", "bins.mode"),
            ("\"< 50%\",", "", "inconsistent"),
            ("\"aggregated_values\":[", "\"aggregated_values\":[0.5,", "incons"),
        ] {
            try #require(text.contains(old), "\(text)")
            let error = #expect(throws: FieldError.self) {
                try DatedSeriesSummary(Requests.field(text.replacing(old, with: new)))
            }
            #expect(error?.description.contains(part) == true, "\(error?.description ?? "")")
        }
    }

    @Test(
        "paths that are called the same in answers are refused where they are asked for; stored ones are read"
    )
    func alikeNames() throws {
        func targeting(_ iopath: String) throws -> SeriesTargeting {
            try SeriesTargeting(Requests.field(SeriesRequests.targeting(iopath)))
        }
        for iopath in [
            "[{\"field\":\"in.a\",\"indexes\":[1,0]},{\"field\":\"in.a.0\"}]",
            "[{\"field\":\"in.b\",\"indexes\":[]},{\"field\":\"in.a.0\"},{\"field\":\"in.a\",\"indexes\":[2,0]}]",
        ] {
            let alike = try targeting(iopath)
            #expect(try SeriesTargeting(JSONField(alike.json)) == alike)
            let error = #expect(throws: FieldError.self) { try alike.refuseMistakes() }
            let position = alike.targets.count == 3 ? 1 : 2
            #expect(error?.field == "targeting.iopath[\(position)]", "\(error?.description ?? "")")
            #expect(error?.problem.contains("in.a.0") == true)
        }
        // Names of other bytes are told apart.
        try targeting("[{\"field\":\"in.\u{E9}\"},{\"field\":\"in.e\u{301}\"},{\"field\":\"in.e\u{301}.0\"}]")
            .refuseMistakes()
    }

    // After a restart both were compared with the baseline of the second.
    @Test("paths that are called the same keep each its own summary")
    func alikeSummaries() throws {
        let definition = try SeriesRequests.definition(SeriesRequests.calledAlike)
        func maxima(_ definition: SeriesDefinition) -> [Double?] {
            guard case .summaries(let found) = definition.baseline else { return [] }
            return definition.paths.map { found[$0]?.summary.moments.max }
        }
        #expect(maxima(definition) == [0.9972307, 0.99])
        #expect(try SeriesRequests.definition(definition.json.text) == definition)
        // Where a name stands as no assay wrote it, its last member counts: for both paths, and for one.
        let one = SeriesRequests.calledAlike(with: [SeriesRequests.summary])
        #expect(try maxima(SeriesRequests.definition(one)) == [0.9972307, 0.9972307])
        let twice = SeriesRequests.schedule(
            baseline: "{\"Summary\":{\"out.score\":null,\"out.score\":\(SeriesRequests.summary)}}")
        #expect(try maxima(SeriesRequests.definition(twice)) == [0.9972307])
    }

    @Test("bins that their mode does not make are refused where they are asked for; stored ones are read")
    func foreignMode() throws {
        for mode in [
            "{\"Equal\":-5}", "{\"Equal\":9223372036854775807}", "{\"Quantile\":5000000}", "{\"Quantile\":4}",
            "{\"QuantileWithExplicitOutliers\":-5}", "{\"Provided\":[1]}", "\"None\"",
        ] {
            let summary = SeriesRequests.summary.replacing("{\"Quantile\":5}", with: mode)
            let definition = try SeriesRequests.definition(
                SeriesRequests.schedule(baseline: "{\"Summary\":{\"out.score\":\(summary)}}"))
            #expect(try SeriesRequests.definition(definition.json.text) == definition)
            let error = #expect(throws: FieldError.self) { try definition.baseline.refuseMistakes() }
            #expect(error?.field == "baseline.Summary.out.score.bins.mode")
        }
        try SeriesRequests.definition().baseline.refuseMistakes()
    }

    @Test("what cannot be is refused under its member")
    func refusals() throws {
        let vector = "{\"Vector\":[1]}"
        func targeting(_ iopath: String, origin: String = SeriesRequests.origin) -> String {
            SeriesRequests.schedule(
                baseline: vector, targeting: SeriesRequests.targeting(iopath, origin: origin))
        }
        func baseline(_ text: String) -> String { SeriesRequests.schedule(baseline: text) }
        func summarizer(_ text: String) -> String {
            SeriesRequests.schedule(baseline: vector, summarizer: text)
        }
        let summary = SeriesRequests.summary
        for (text, part) in [
            (SeriesRequests.schedule(name: "null"), "\"name\""),
            (SeriesRequests.schedule(name: "\"\""), "\"name\""),
            (SeriesRequests.schedule(window: "{\"width\":{\"seconds\":0}}"), "window.width.seconds"),
            (SeriesRequests.schedule(window: "{\"width\":60}"), "window.width"),
            (
                targeting("[{\"field\":\"out.a\",\"thresholds\":5}]"),
                "iopath[0].thresholds\" must be an object"
            ),
            (
                targeting("[{\"field\":\"out.a\",\"thresholds\":{\"Alert\":0.1}}]"),
                "iopath[0].thresholds.Alert\" is not known"
            ),
            (
                targeting("[{\"field\":\"out.b\"},{\"field\":\"out.a\",\"threshold\":{\"alert\":0.1}}]"),
                "targeting.iopath[1].threshold\" is not known; there is \"field\", \"indexes\", \"thresholds\""
            ),
            (targeting("[{\"field\":\"out.a\",\"index\":9}]"), "iopath[0].index\" is not known"),
            (targeting("[5]"), "iopath[0]\" must be an object"),
            (targeting("[]"), "targeting.iopath"), (targeting("[{\"field\":\"score\"}]"), "iopath[0].field"),
            (targeting("[{\"field\":\"out.a\"},{\"field\":\"out.a\"}]"), "again"),
            (targeting("[{\"field\":\"out.a\",\"indexes\":[-1]}]"), "indexes[0]"),
            (targeting("[{\"field\":\"out.a\",\"indexes\":[0,0]}]"), "again"),
            (targeting(SeriesRequests.iopath, origin: "{}"), "pipeline_id"),
            (baseline("{}"), "no kind"), (baseline("{\"Vector\":[1],\"Summary\":{}}"), "Summary and Vector"),
            (baseline("{\"Vector\":[null]}"), "baseline.Vector"),
            (baseline("{\"Vector\":[]}"), "baseline.Vector"),
            (baseline("{\"Static\":[\"2025-03-02T00:00:00Z\"]}"), "baseline.Static"),
            (
                baseline("{\"Static\":[\"2025-03-02T00:00:00Z\",\"2025-03-02T00:00:00Z\"]}"),
                "baseline.Static[1]"
            ),
            (baseline("{\"Summary\":{\"out.other\":\(summary)}}"), "no summary of out.score"),
            (
                baseline("{\"Summary\":{\"out.score\":\(summary.replacing("Density", with: "Cumulative"))}}"),
                "Cumulative"
            ),
            (
                SeriesRequests.schedule(
                    summarizer: SeriesRequests.summarizer.replacing("\"Quantile\":5", with: "\"Quantile\":4")),
                "are 5, but the summarizer makes 4"
            ),
            (
                baseline("{\"Rolling\":{\"start\":\"2025-03-19T16:36:00Z\",\"width\":{\"seconds\":1}}}"),
                "baseline.Rolling.start"
            ),
            (
                baseline("{\"Rolling\":{\"start\":\"2025-03-19T16:35:00Z\",\"width\":{\"seconds\":121}}}"),
                "baseline.Rolling.width"
            ),
            (summarizer("{\"MultivariateContinuous\":{}}"), "UnivariateContinuous"),
            (summarizer(SeriesRequests.summarizer.replacing("\"PSI\"", with: "\"KL\"")), "metric"),
            (
                summarizer(SeriesRequests.summarizer.replacing("{\"Quantile\":5}", with: "\"Quantile\"")),
                "bin_mode"
            ),
            (
                summarizer(SeriesRequests.summarizer.replacing("{\"Quantile\":5}", with: "{\"Quantile\":1}")),
                "bin_mode"
            ),
            (
                summarizer(
                    SeriesRequests.summarizer.replacing("{\"Quantile\":5}", with: "{\"Provided\":[2,1]}")),
                "ascending"
            ),
            (
                summarizer(
                    SeriesRequests.summarizer.replacing("{\"Quantile\":5}", with: "{\"Provided\":[1,null,2]}")
                ),
                "UnivariateContinuous.bin_mode.Provided[1]\" is null; give finite numbers"
            ),
            (
                summarizer(
                    SeriesRequests.summarizer.replacing(
                        "{\"Quantile\":5}", with: "{\"Provided\":[1,\"INFINITY\",2]}")),
                "UnivariateContinuous.bin_mode\" is refused: Provided[1] is INFINITY; give finite numbers"
            ),
            (
                summarizer(
                    SeriesRequests.summarizer.replacing("\"bin_weights\":null", with: "\"bin_weights\":[1,2]")
                ),
                "UnivariateContinuous.bin_weights"
            ),
        ] {
            let error = #expect(throws: FieldError.self, "\(text)") { try SeriesRequests.definition(text) }
            #expect(error?.description.contains(part) == true, "\(part): \(error?.description ?? "")")
        }
        // Null at the end is how the first generation wrote infinity.
        #expect(try SeriesBinMode(Requests.field("{\"Provided\":[1,null]}")) == .provided([1, .infinity]))
    }
}
