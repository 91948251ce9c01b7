// Invariants checked: those at the heads of SeriesOutcome.swift and SeriesOutcome+Digest.swift; the recorded
// result's shape.

import Assays
import JSON
import Records
import Summaries
import TestSupport
import Testing

@Suite("Second-generation outcomes")
struct SeriesOutcomeTests {
    static let window = TimeWindow(start: moment(0), end: moment(60))

    static func target(_ path: String = "out.score", alert: Double? = 0.1, warning: Double? = 0.1) throws
        -> SeriesTarget
    {
        let thresholds =
            "{\"alert\":\(alert.map { "\($0)" } ?? "null"),\"warning\":\(warning.map { "\($0)" } ?? "null")}"
        return try #require(
            SeriesTargeting(
                Requests.field(
                    SeriesRequests.targeting("[{\"field\":\"\(path)\",\"thresholds\":\(thresholds)}]"))
            ).targets.first)
    }

    static func baseline() throws -> DatedSeriesSummary {
        try DatedSeriesSummary(Requests.field(SeriesRequests.summary))
    }

    static func finding(
        _ values: [Double], nullCount: Int = 0, path: String = "out.score", alert: Double? = 0.1,
        warning: Double? = 0.1
    ) throws -> SeriesFinding {
        try SeriesFinding(
            target(path, alert: alert, warning: warning), SortedSample(values, nullCount: nullCount),
            in: window, against: baseline(), SeriesSettings())
    }

    @Test("a path has a score and a summary, or a sentence and neither")
    func findings() throws {
        let scored = try Self.finding([0.3, 0.35])
        #expect(scored.score == 4.1648763041561505 && scored.summary != nil && scored.absence == nil)
        #expect(scored.status == .alert)
        let missing = try Self.finding([], nullCount: 3)
        #expect(missing.score == nil && missing.summary == nil && missing.status == .noData)
        #expect(missing.absence == "the window holds no numbers: its 3 values are null or NaN")
        let without = try SeriesFinding(
            Self.target(), SortedSample([1]), in: Self.window,
            against: DatedSeriesSummary(
                SeriesSummarizer(SeriesSettings(binMode: .none)).baseline(of: SortedSample([1])), over: nil),
            SeriesSettings(binMode: .none))
        #expect(without.status == .noScore && without.absence?.contains("no bins") == true)
    }

    // Where edges are compared there was no noise; where numbers alone make the edges, they alone are a window's size.
    @Test(
        "a score of edges has its noise, which counts missing numbers where they have a place among the values"
    )
    func noiseOfEdges() throws {
        let values = SortedSample((0..<100).map { Double($0) })
        func noise(_ mode: SeriesBinMode, nullCount: Int) throws -> NoiseLine? {
            let settings = try SeriesSettings(binMode: mode, aggregation: .edges)
            let baseline = try SeriesSummarizer(settings).baseline(of: values)
            let sample = SortedSample((0..<20).map { 5 * Double($0) }, nullCount: nullCount)
            return try SeriesFinding(
                Self.target(), sample, in: Self.window, against: DatedSeriesSummary(baseline, over: nil),
                settings
            ).noise(settings)
        }
        let equal = try #require(try noise(.equal(4), nullCount: 0))
        #expect(equal.mean > 0)
        #expect(try noise(.equal(4), nullCount: 3) == equal)
        let quantile = try #require(try noise(.quantile(4), nullCount: 0))
        let withNulls = try #require(try noise(.quantile(4), nullCount: 3))
        #expect(quantile.mean > 0 && withNulls.mean > 0 && withNulls != quantile)
        let given = try #require(try noise(.provided([10, 50]), nullCount: 1))
        #expect(given.mean == 0 && given.line95 == 0)
    }

    // Where the baseline lay in the last bin too, such a window was "Ok" with a score of 0.
    @Test("a window without a finite number has no score, wherever its bins lie; beside one it is compared")
    func infinite() throws {
        let settings = try SeriesSettings(binMode: .provided([0]))
        let baseline = DatedSeriesSummary(
            try SeriesSummarizer(settings).baseline(of: SortedSample([1, 2, 3])), over: nil)
        func finding(_ values: [Double]) throws -> SeriesFinding {
            try SeriesFinding(
                Self.target(), SortedSample(values, nullCount: 1), in: Self.window, against: baseline,
                settings)
        }
        let infinite = try finding([.infinity, .infinity, -.infinity])
        #expect(infinite.score == nil && infinite.summary == nil && infinite.status == .noScore)
        #expect(infinite.absence == "the window holds no finite number: its 3 numbers are infinite")
        #expect(try finding([.infinity, 5]).score != nil)
    }

    @Test("a threshold that is reached is past, and the worst path is the window's status")
    func statuses() throws {
        let score = try #require(try Self.finding([0.3, 0.35]).score)
        #expect(try Self.finding([0.3, 0.35], alert: score, warning: nil).status == .alert)
        #expect(try Self.finding([0.3, 0.35], alert: score.nextUp, warning: score).status == .warning)
        #expect(try Self.finding([0.3, 0.35], alert: nil, warning: nil).status == .ok)
        let ok = try Self.finding([0.3], path: "out.a", alert: nil, warning: nil)
        let alert = try Self.finding([0.3], path: "out.b")
        let none = try Self.finding([], nullCount: 1, path: "out.c")
        func status(_ findings: [SeriesFinding]) throws -> AssayStatus {
            try SeriesOutcome(Self.window, findings, SeriesSettings()).status
        }
        #expect(try status([ok]) == .ok)
        #expect(try status([ok, none]) == .noData)
        #expect(try status([ok, none, alert]) == .alert)
        #expect(try status([]) == .noData)
    }

    @Test("each part of an outcome is in its digest, and the sentences are not")
    func digests() throws {
        let finding = try Self.finding([0.3, 0.35])
        let settings = try SeriesSettings()
        let outcome = SeriesOutcome(Self.window, [finding], settings)
        #expect(outcome.digest == SeriesOutcome(Self.window, [finding], settings).digest)
        #expect(outcome.canonicalBytes.first == 3)
        let target = try Self.target()
        let others = [
            SeriesOutcome(TimeWindow(start: moment(1), end: moment(60)), [finding], settings),
            SeriesOutcome(Self.window, [finding, finding], settings),
            SeriesOutcome(Self.window, [try Self.finding([0.3, 0.5])], settings),
            SeriesOutcome(Self.window, [try Self.finding([0.3, 0.36])], settings),
            SeriesOutcome(Self.window, [try Self.finding([0.3, 0.35], nullCount: 1)], settings),
            SeriesOutcome(Self.window, [try Self.finding([0.3, 0.35], path: "out.other")], settings),
            SeriesOutcome(Self.window, [try Self.finding([0.3, 0.35], alert: 0.2)], settings),
            SeriesOutcome(Self.window, [try Self.finding([0.3, 0.35], warning: nil)], settings),
            SeriesOutcome(Self.window, [finding], try SeriesSettings(metric: .maxDiff)),
            SeriesOutcome(
                Self.window, [finding], try SeriesSettings(binWeights: [1, 1, 1, 1, 1])),
            SeriesOutcome(Self.window, [SeriesFinding(target, absence: "x")], settings),
            SeriesOutcome(Self.window, [SeriesFinding(target, absence: "x", .noScore)], settings),
            SeriesOutcome(Self.window, [try Self.finding([])], settings),
            SeriesOutcome(Self.window, [try Self.finding([], nullCount: 1)], settings),
            SeriesOutcome(Self.window, [try Self.finding([], nullCount: 2)], settings),
            SeriesOutcome(Self.window, [try Self.finding([.infinity], nullCount: 2)], settings),
            SeriesOutcome(Self.window, [try Self.finding([.infinity], nullCount: 3)], settings),
        ]
        #expect(Set(others.map(\.digest) + [outcome.digest]).count == others.count + 1)
        #expect(
            SeriesOutcome(Self.window, [SeriesFinding(target, absence: "x")], settings).digest
                == SeriesOutcome(Self.window, [SeriesFinding(target, absence: "y")], settings).digest)
    }

    /// The digest of one outcome, worked out once: were it another, every decision in every log would differ.
    @Test("the layouts of versions 2 and 3 do not change, and each engine's decisions are held to its own")
    func pinnedDigests() throws {
        let outcome = SeriesOutcome(Self.window, [try Self.finding([0.3, 0.35])], try SeriesSettings())
        let old = "70b76c784150d9e7217bf872de5a1b1bae6857ff1d9917ee84516fb31647a66e"
        #expect(outcome.digest(ofEngine: 1)?.hex == old)
        #expect(outcome.digest.hex == "38a6173dc566a0121f4959bec6b6497c9c10607c8eaf25cefb06abcc546511cd")
        #expect(outcome.digest(ofEngine: 2) == outcome.digest)
        #expect(outcome.digest(ofEngine: 0) == nil && outcome.digest(ofEngine: 3) == nil)
        let nulls = try [0, 1, 5].map {
            SeriesOutcome(Self.window, [try Self.finding([], nullCount: $0)], try SeriesSettings())
        }
        #expect(Set(nulls.map { $0.digest(ofEngine: 1) }).count == 1 && Set(nulls.map(\.digest)).count == 3)
    }

    @Test("results have exactly the recorded keys, and an empty window is no summary and not Ok")
    func results() throws {
        func result(_ findings: [SeriesFinding]) throws -> (SeriesResult, AssayDecision) {
            let outcome = SeriesOutcome(Self.window, findings, try SeriesSettings())
            let decision = try AssayDecision(
                Requests.field(
                    AssayDecisionText.text(status: outcome.status.rawValue, digest: outcome.digest.hex)))
            return (
                SeriesResult(
                    outcome, analysedAt: moment(70), elapsedMilliseconds: 322, pipelineID: PipelineID(777),
                    workspaceID: WorkspaceID(1529), workspaceName: "risk"), decision
            )
        }
        let (scored, decision) = try result([Self.finding([0.3, 0.35])])
        let uuid = "1af7b34b-0000-4000-8000-000000000000"
        let json = JSONField(scored.json(of: decision, uuid))
        #expect(
            try json.object().members.map(\.key) == [
                "id", "assay_id", "analyzed_at", "elapsed_millis", "scores", "status", "summaries",
                "window_end",
                "window_start", "created_at", "updated_at", "workspace_id", "workspace_name", "pipeline_id",
                "warning_threshold", "alert_threshold",
            ])
        let noise = json["scores"]["out.score"]["noise"]
        #expect(try noise["mean"].double() > 0 && noise["line_95"].double() > noise["mean"].double())
        #expect(try noise["too_few_records"].bool())
        #expect(
            json["scores"].value?.text.replacing(#/,"noise":{[^}]*}/#, with: "") == """
                {"out.score":{"score":4.1648763041561505,"scores":[1.2875503299472804,0.7193314935522176,\
                0.7193314935522176,0.7193314935522176,0.7193314935522176],"bin_index":null}}
                """)
        #expect(try json["status"].string() == "Alert" && json["assay_id"].string() == uuid)
        #expect(json["summaries"]["out.score"]["start"].value == .zulu(moment(0)))
        let (empty, emptyDecision) = try result([
            SeriesFinding(try Self.target(), absence: "the window holds no records")
        ])
        let emptyJSON = JSONField(empty.json(of: emptyDecision, uuid))
        #expect(emptyJSON["summaries"].value?.text == "{}")
        #expect(emptyJSON["scores"].value?.text == "{\"out.score\":\"the window holds no records\"}")
        #expect(try emptyJSON["status"].string() == "Warning")
        let preview = JSONField(scored.previewJSON)
        #expect(
            try preview.object().members.map(\.key) == [
                "id", "assay_id", "analyzed_at", "elapsed_millis", "scores", "summaries", "window_end",
                "workspace_id", "workspace_name", "pipeline_id",
            ])
        #expect(
            try preview["summaries"]["out.score"].object().members.map(\.key)
                == ["aggregated_values", "bins", "statistics", "start", "end"])
    }
}

/// A decision as the log holds it.
private enum AssayDecisionText {
    static func text(status: String, digest: String) -> String {
        """
        {"kind":"window_analysed","assay_id":3,"result_id":2440953,\
        "window_start_microseconds":\(moment(0).microseconds),\
        "window_end_microseconds":\(moment(60).microseconds),"revision":1,"definition_revision":1,\
        "reason":"complete","status":"\(status)","cut":7,"engine_version":1,"digest":"\(digest)",\
        "run_at":"2024-01-09T19:01:05Z","analyzed_at":"2024-01-09T19:01:06Z","elapsed_millis":322}
        """
    }
}
