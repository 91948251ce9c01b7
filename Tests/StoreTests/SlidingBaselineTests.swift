// Invariants checked: those of FoundBaseline.swift and SlidingBaselines.swift, and those of CohortPass.swift that speak
// of windows without a usable baseline, of paths that no record has, and of how much a pass reads at once.
//
// Windows are a minute wide from 0 seconds; a baseline is the minute that begins two minutes before its window.

import Assays
import JSON
import Records
import StoreSupport
import Summaries
import TestSupport
import Testing

@testable import Store

@Suite("Baselines that slide")
struct SlidingBaselineTests {
    private static func statuses(_ scene: Scene, _ id: AssayID) throws -> [String] {
        try scene.results(id).map { text in
            let result = JSONField(try JSONValue(parsing: text))
            let status = try (result["unscored"].optional ?? result["status"]).string()
            return try "\(status): \(result["absence"].optional?.string() ?? "")"
        }
    }

    @Test("a sliding baseline is each window's own; a window without one has no score")
    func sliding() async throws {
        let scene = try await Scene()
        let id = try await scene.createAssay(baseline: Scene.sliding)
        try await scene.append([(10, 1), (11, 2), (130, 1), (190, 5)])
        scene.clock.set(moment(300))
        await scene.scheduler.tick()
        // [0, 60) and [180, 240) have nothing two minutes before them.
        #expect(try scene.decisions(id) == ["0:complete1", "120:complete1", "180:complete1"])
        let decisions = try #require(scene.store.book[id]).decisions
        #expect(decisions.map(\.status) == [.noScore, .alert, .noScore])
        #expect(try scene.results(id)[1].contains("\"baseline_summary\":{\"count\":2,"))
        try await scene.store.close()
    }

    // Windows were looked at again only where late records lay in them, not in their baseline.
    @Test("late records under a sliding baseline lead to a new revision of the windows compared with it")
    func lateUnderSliding() async throws {
        let scene = try await Scene()
        let id = try await scene.createAssay(baseline: Scene.sliding)
        let scheduler = scene.scheduler
        try await scene.append([(10, 1), (11, 2), (130, 1), (190, 5)])
        scene.clock.set(moment(300))
        await scheduler.tick()
        try await scene.append([(12, 7), (70, 4), (71, 5)])
        await scheduler.tick()
        scene.clock.advance(5)
        await scheduler.tick()
        // Windows 0 and 60 hold the late records and have nothing before them; 120 and 180 are theirs.
        #expect(
            try scene.decisions(id) == ["0:late2", "60:complete1", "120:late2", "180:late2"])
        #expect(try scene.results(id)[2].contains("\"baseline_summary\":{\"count\":3,"))
        try await scene.store.close()
    }

    // Such windows were left out in silence: an assay whose baselines had no numbers never said anything.
    @Test("a window with records and nothing to compare them with says so, interactively, stored and proved")
    func nothingToCompareWith() async throws {
        let scene = try await Scene()
        let id = try await scene.createAssay(baseline: Scene.sliding)
        try await scene.append([
            (10, .nan), (20, .nan), (70, 1), (80, .infinity), (130, 1), (190, 2), (250, .nan), (310, 2),
        ])
        scene.clock.set(moment(370))
        await scene.scheduler.tick()
        let expected = [
            "NoData: the window holds no numbers: its 2 values are null or NaN",
            "NoScore: the baseline, from 2024-01-09T18:59:00Z to 2024-01-09T19:00:00Z, holds no records",
            "NoScore: the baseline, from 2024-01-09T19:00:00Z to 2024-01-09T19:01:00Z, holds no numbers: its 2 "
                + "values are null or NaN",
            "NoScore: the baseline, from 2024-01-09T19:01:00Z to 2024-01-09T19:02:00Z, holds 1 infinite values "
                + "among 2",
            "NoData: the window holds no numbers: its 1 values are null or NaN", "Ok: ",
        ]
        // The window of 60 holds an infinity itself, and has no baseline: the latter is said.
        #expect(try Self.statuses(scene, id) == expected)
        let found = try scene.store.view.runInteractive(Scene.request(baseline: Scene.sliding))
        #expect(found.map { "\($0.outcome.status.rawValue): \($0.outcome.absence ?? "")" } == expected)
        for result in found where result.outcome.status == .noScore {
            #expect(result.outcome.score == nil && result.outcome.noise == nil)
            #expect(result.outcome.baseline.summary.edges == [])
            let text = result.json.text
            #expect(AssayResultWriter.text(of: result) == Array(text.utf8))
            let again = try AssayOutcome(JSONField(JSONValue(parsing: text)))
            #expect(again == result.outcome && again.digest == result.outcome.digest)
            // As it was stored when the status said it itself.
            let old = text.replacing("\"unscored\":\"NoScore\",", with: "").replacing(
                "\"status\":\"Warning\"", with: "\"status\":\"NoScore\"")
            #expect(try AssayOutcome(JSONField(JSONValue(parsing: old))) == again && old != text)
        }
        // Other ways to the same outcomes: worked out one by one, and all again.
        let view = scene.store.view
        let assay = try #require(view.book[id])
        for decision in assay.decisions {
            #expect(try view.outcome(of: decision, assay).digest == decision.digest)
        }
        let report = try view.verify(scene.store.configuration)
        #expect(report.isProved && report.isSettled && report.equalCount == 6, "\(report)")
        try await scene.store.close()
    }

    @Test("records that come late under a baseline that had none lead to a score")
    func lateBaseline() async throws {
        let scene = try await Scene()
        let id = try await scene.createAssay(baseline: Scene.sliding)
        let scheduler = scene.scheduler
        try await scene.append([(130, 1)])
        scene.clock.set(moment(185))
        await scheduler.tick()
        #expect(try Self.statuses(scene, id).map { $0.prefix(7) } == ["NoScore"])
        try await scene.append([(10, 1)])
        await scheduler.tick()
        scene.clock.advance(5)
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["0:complete1", "120:late2"])
        #expect(try Self.statuses(scene, id).last == "Ok: ")
        try await scene.store.close()
    }

    @Test("a baseline path that no record has is refused by its field, and a stored assay says it")
    func misspelled() async throws {
        let scene = try await Scene()
        try await scene.append([(10, 1), (70, 2), (130, 1)])
        // Of a model of its own, whose path may be called otherwise.
        let baseline = Scene.sliding.replacing(
            "\"output y\"", with: "\"output yy\",\"model_name\":\"m\"")
        let id = try await scene.createAssay(baseline: baseline)
        scene.clock.set(moment(185))
        let field = "field \"baseline.sliding_window.window.path\" is \"output yy\""
        #expect(
            await refusal { _ = try scene.store.view.runInteractive(Scene.request(baseline: baseline)) }
                .hasPrefix(field))
        await scene.scheduler.tick()
        #expect(try scene.decisions(id) == [])
        let assay = try #require(scene.store.book[id])
        #expect(scene.store.backfill(of: assay)?.problem?.hasPrefix(field) == true)
        try await scene.store.close()
    }

    // MARK: Paths that come later

    // The same first windows were tried again for ever, though their path had come meanwhile.
    @Test(
        "windows before the first record with the path have no data, once some record has it",
        arguments: [
            Scene.vector, Scene.sliding,
        ])
    func pathAppearsLater(baseline: String) async throws {
        let scene = try await Scene()
        let id = try await scene.createAssay(baseline: baseline)
        let scheduler = scene.scheduler
        let other = RecordBatch(
            times: [10, 70, 130].map { moment($0).milliseconds },
            fields: [FieldColumn(name: "out.z", values: .scalar(Leaf(.int64([1, 2, 3]))))])
        _ = try await scene.store.append(other, topic: scene.pipeline.topic.name, partition: "engine")
        scene.clock.set(moment(185))
        await scheduler.tick()
        #expect(try scene.decisions(id) == [])
        let assay = try #require(scene.store.book[id])
        #expect(
            scene.store.backfill(of: assay)?.problem?.hasPrefix("field \"path\" is \"output y\"") == true)
        // Its window is not complete yet.
        try await scene.append([(186, 1)])
        scene.clock.set(moment(190))
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["0:complete1", "60:complete1", "120:complete1"])
        #expect(try Self.statuses(scene, id).allSatisfy { $0.hasPrefix("NoData") })
        #expect(scene.store.backfill(of: assay) == nil)
        try await scene.store.close()
    }

    // MARK: How much at once

    private static let wide = """
        {"sliding_window":{"window":{"pipeline_name":"fraud","path":"output y","width":"5 minutes"},\
        "offset":"5 minutes"}}
        """

    /// Ten minutes with a block of 300 records each.
    private static func minutes() async throws -> Scene {
        let scene = try await Scene()
        for minute in 0..<10 {
            try await scene.append((0..<300).map { (Double(minute) * 60 + Double($0) / 6, Double($0 % 7)) })
        }
        scene.clock.set(moment(605))
        return scene
    }

    @Test("a baseline is what its own records make of it, whatever windows were asked about before")
    func anyOrder() async throws {
        let scene = try await Self.minutes()
        let view = scene.store.view
        let definition = try view.completed(Scene.request(baseline: Self.wide).definition)
        var coarser = definition
        coarser.summarizer = try SummarizerSettings(numBins: 3)
        let sliding = try #require(SlidingSpec(definition.baseline))
        let grid = definition.grid(startingAt: moment(0))
        var baselines = try SlidingBaselines(sliding, over: sliding.period(under: 0..<10, of: grid), view)
        var sorter = SampleSorter()
        for number in [9, 9, 0, 5, 4, 5, 1, 9] {
            let window = grid.window(number)
            for definition in [definition, coarser, definition] {
                let found = baselines.baseline(of: window, definition.summarizer, &sorter)
                #expect(try found == view.foundBaseline(of: window, definition, cut: nil))
            }
            #expect(baselines.rowCount(under: window) == min(number, 5) * 300)
        }
        try await scene.store.close()
    }

    @Test("values under baselines count where a pass is bounded: others are not kept waiting")
    func counted() async throws {
        let scene = try await Self.minutes()
        let ids = [
            try await scene.createAssay("sliding", baseline: Self.wide),
            try await scene.createAssay("vector"),
        ]
        let scheduler = AssayScheduler(
            scene.store, logger: noLog,
            limit: PassLimit(windowCount: 100, valueCount: 3000))
        await scheduler.tick()
        // 300 in each window; under the baselines 0, 300, 600 … 1500.
        #expect(try ids.map { try scene.decisions($0).count } == [4, 10])
        while await scheduler.tick() {}
        #expect(try ids.map { try scene.decisions($0).count } == [10, 10])
        try await scene.store.close()
    }

    @Test("a pass reads the baselines of so many windows at once as memory holds, and one window's always")
    func bounded() async throws {
        let scene = try await Self.minutes()
        let id = try await scene.createAssay("sliding", baseline: Self.wide)
        let view = scene.store.view
        let assay = try #require(view.book[id])
        let cohort = try #require(
            try Cohort.entering(assay, view, at: scene.clock.now, grace: scene.store.configuration.grace))
        var reader = ColumnReader(view)
        var pass = CohortPass(cohort, &reader)
        func run() throws -> (pieces: [Int], outcomes: [AssayOutcome]) {
            var (pieces, outcomes) = ([Int](), [AssayOutcome]())
            var first = cohort.firstWindow
            let end = first + 10
            while first < end {
                let answer = try pass.examine(
                    first..<end, planned: cohort.grid.period(of: first..<end), &reader, limit: .interactive)
                outcomes += answer.findings.flatMap(\.outcomes)
                pieces.append(answer.examinedEnd - first)
                first = answer.examinedEnd
            }
            return (pieces, outcomes)
        }
        let whole = try run()
        #expect(whole.pieces == [10] && whole.outcomes.count == 10)
        for most in [1, 1000, 2000] {
            pass.baselineRowCountMax = most
            let found = try run()
            #expect(found.pieces.count > 1 && found.pieces.allSatisfy { $0 > 0 }, "\(most): \(found.pieces)")
            #expect(found.outcomes == whole.outcomes)
        }
        try await scene.store.close()
    }
}
