// Invariants checked: those at the head of StoreView+Series.swift: that a stored result is the one that is worked
// out again, that what is sealed is what was decided, and that a preview says what the assay will.
//
// Windows are those of SeriesSchedulerTests.swift.

import Assays
import Foundation
import JSON
import Records
import TestSupport
import Testing

@testable import Store

@Suite("Second-generation results and previews")
struct SeriesResultsTests {
    @Test("a result is the one that is worked out again, and stays as it was when it is sealed")
    func derivedAndSealed() async throws {
        var scene = try await Scene()
        try await scene.append([(10, 1), (70, 2), (130, 3)])
        let uuid = try await scene.store.scheduleAssay(Scene.seriesRequest())
        scene.clock.set(moment(200))
        let first = scene.seriesScheduler
        await first.tick()
        try await scene.append([(75, 9)])
        await first.tick()
        scene.clock.advance(10)
        await first.tick()
        let before = try scene.results(uuid).map { $0.value?.text }
        #expect(before.count == 3)
        scene = try await scene.restarted { folder in try folder.remove("derived") }
        #expect(try scene.results(uuid).map { $0.value?.text } == before)
        let touched = [TimeWindow(start: moment(60), end: moment(61))]
        let topic = scene.pipeline.topic.name
        let report = try await scene.store.sealResults(ofTopic: topic, touching: touched)
        #expect(report.resultCount == 2)
        #expect(try await scene.store.sealResults(ofTopic: topic, touching: touched).resultCount == 0)
        // What is sealed is not analysed again, whatever comes.
        try await scene.append([(80, 4), (140, 4)])
        let scheduler = scene.seriesScheduler
        await scheduler.tick()
        scene.clock.advance(10)
        await scheduler.tick()
        #expect(
            try scene.decisions(uuid).map { $0.split(separator: ":")[1] } == [
                "complete1", "late2", "late2",
            ])
        try await scene.store.close()
    }

    @Test("a deletion seals the windows that had records; what comes to the others later is analysed")
    func sealsNoEmptyWindow() async throws {
        let scene = try await Scene()
        try await scene.append([(10, 1), (70, 2)])
        let uuid = try await scene.store.scheduleAssay(Scene.seriesRequest())
        scene.clock.set(moment(400))
        let scheduler = scene.seriesScheduler
        while await scheduler.tick() {}
        #expect(try scene.decisions(uuid).count == 6)
        _ = try await scene.store.deleteRecords(ofTopic: scene.pipeline.topic.name)
        let view = scene.store.view
        let decisions = try #require(view.book[uuid: uuid]).decisions
        #expect(decisions.map { view.isSealed($0) } == [true, true, false, false, false, false])
        try await scene.append([(190, 4)])
        await scheduler.tick()
        scene.clock.advance(10)
        while await scheduler.tick() {}
        let after = try scene.decisions(uuid).map { $0.split(separator: ":")[1] }
        #expect(after == ["complete1", "complete1", "complete1", "late2", "complete1", "complete1"])
        try await scene.store.close()
    }

    // What was said before late records came was kept and proven, and could not be asked for.
    @Test(
        "each revision's result stays byte for byte: kept, worked out again, derived anew, its records gone")
    func revisions() async throws {
        var scene = try await Scene()
        try await scene.append([(10, 1), (70, 2)])
        let uuid = try await scene.store.scheduleAssay(Scene.seriesRequest())
        scene.clock.set(moment(190))
        let scheduler = scene.seriesScheduler
        await scheduler.tick()
        let first = try scene.store.view.seriesResults(of: uuid, endingIn: .always)
        // One window holds more than before, one something at all.
        try await scene.append([(75, 9), (130, 3)])
        await scheduler.tick()
        scene.clock.advance(10)
        await scheduler.tick()
        let newest = try scene.store.view.seriesResults(of: uuid, endingIn: .always)
        try #require(first.count == 3 && newest.count == 3)
        #expect(newest[0] == first[0] && newest[1] != first[1] && newest[2] != first[2])
        let all = [first[0], first[1], newest[1], first[2], newest[2]]
        #expect(try scene.store.view.seriesRevisions(of: uuid) == all)
        scene = try await scene.restarted { folder in try folder.remove("derived") }
        #expect(try scene.store.view.seriesRevisions(of: uuid) == all)

        try await scene.store.close()
        let folder = try scene.folder.copy()
        let rebuilt = try InferenceStore.rebuild(folder.configuration(), sources: scene.clock.sources)
        #expect(rebuilt.resultCount == 5 && rebuilt.failureCount == 0)
        let store = try InferenceStore.open(folder.configuration(), sources: scene.clock.sources).store
        #expect(try store.view.seriesRevisions(of: uuid) == all)
        let erasure = try await store.deleteRecords(ofTopic: scene.pipeline.topic.name)
        #expect(erasure.recordCount == 4 && erasure.problems.isEmpty, "\(erasure.problems)")
        #expect(try store.view.seriesRevisions(of: uuid) == all)
        let report = try store.view.verify(folder.configuration())
        #expect(report.decisionCount == 5 && report.sealedCount == 5 && report.isProved, "\(report)")
        try await store.close()
    }

    @Test("a preview says what the assay does, and looks before its first run", arguments: [false, true])
    func preview(isCron: Bool) async throws {
        let scene = try await Scene()
        try await scene.append([(-50, 3), (10, 1), (20, 4), (70, 9)])
        let definition = try Scene.seriesRequest(
            frequency: isCron
                ? "{\"Cron\":\"* * * * *\"}" : "{\"SimpleRunFrequency\":{\"quantity\":1,\"unit\":\"Minute\"}}"
        )
        scene.clock.set(moment(130))
        let previews = try scene.store.view.previewSeries(
            definition, over: TimeWindow(start: moment(-60), end: moment(1000)))
        #expect(previews.map(\.outcome.window.start) == [-60, 0, 60].map { moment($0) })
        let uuid = try await scene.store.scheduleAssay(definition)
        await scene.seriesScheduler.tick()
        let decisions = try #require(scene.store.book[uuid: uuid]).decisions
        #expect(decisions.map(\.digest) == previews.dropFirst().map(\.outcome.digest))
        // A window must lie in the period whole.
        let inside = try scene.store.view.previewSeries(
            definition, over: TimeWindow(start: moment(1), end: moment(120)))
        #expect(inside.map(\.outcome.window.start) == [moment(60)])
        // After its end the assay makes no run, and a preview shows none.
        let ended = try Scene.seriesRequest(end: "\"2024-01-09T19:01:30Z\"")
        let shown = try scene.store.view.previewSeries(
            ended, over: TimeWindow(start: moment(-60), end: moment(1000)))
        #expect(shown.map(\.outcome.window.end) == [moment(0), moment(60)])
        let tooMany = await refusal {
            _ = try scene.store.view.previewSeries(
                definition, over: TimeWindow(start: moment(-100_000_000), end: moment(1000)))
        }
        #expect(tooMany.contains("preview_end"))
        try await scene.store.close()
    }

    @Test("a kept result that says another thing than its decision is not sealed; the log says it again")
    func sealedTruth() async throws {
        let scene = try await Scene()
        try await scene.append([(10, 1), (70, 2)])
        let uuid = try await scene.store.scheduleAssay(Scene.seriesRequest())
        scene.clock.set(moment(130))
        await scene.seriesScheduler.tick()
        let before = try scene.store.view.seriesResults(of: uuid, endingIn: .always)
        let wrong = String(decoding: before[0], as: UTF8.self)
            .replacing("\"count\":1", with: "\"count\":2")
        #expect(Array(wrong.utf8) != before[0])
        try await scene.store.keep([(1, Array(wrong.utf8))])
        #expect(try scene.store.view.seriesResults(of: uuid, endingIn: .always)[0] == Array(wrong.utf8))
        try await scene.store.sealResults(
            ofTopic: scene.pipeline.topic.name, touching: [TimeWindow(start: moment(0), end: moment(60))])
        #expect(try scene.store.view.seriesResults(of: uuid, endingIn: .always) == before)
        try await scene.store.close()
    }
}
