// Checked: which records an assay looks at by where they came from, also when that changes.

import Assays
import Catalog
import EventLog
import Foundation
import JSON
import Records
import Simulation
import TestSupport
import Testing

@testable import Store

@Suite("Locations of assays")
struct AssayLocationsTests {
    @Test("an assay at home looks at home, one at a location there, and each at its records alone")
    func locations() async throws {
        let scene = try await Scene()
        try await scene.store.declareLocation("houston", of: scene.pipeline.id)
        let home = try await scene.createAssay("home", locations: "[]")
        let edge = try await scene.createAssay("edge", locations: "[\"houston\"]")
        let all = try await scene.createAssay("all")
        try await scene.append([(10, 1), (11, 2)])
        try await scene.append([(12, 3)], partition: "houston")
        try await scene.append([(70, 3)], partition: "houston")
        scene.clock.set(moment(200))
        await scene.scheduler.tick()
        #expect(try scene.decisions(home) == ["0:complete1"])
        #expect(try scene.decisions(edge) == ["0:complete1", "60:complete1"])
        #expect(try scene.decisions(all) == ["0:complete1", "60:complete1"])
        #expect(try scene.results(home)[0].contains("\"window_summary\":{\"count\":2,"))
        #expect(try scene.results(edge)[0].contains("\"window_summary\":{\"count\":1,"))
        #expect(try scene.results(all)[0].contains("\"window_summary\":{\"count\":3,"))
        try await scene.store.close()
    }

    // A result worked out again looked at the home of today, and was another one.
    @Test("when a partition becomes an edge, windows at home are decided anew; results stay derivable")
    func locationDeclaredLater() async throws {
        var scene = try await Scene()
        let id = try await scene.createAssay(locations: "[]")
        try await scene.append([(10, 1), (11, 2)])
        try await scene.append([(12, 3), (70, 4)], partition: "houston")
        scene.clock.set(moment(200))
        var scheduler = scene.scheduler
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["0:complete1", "60:complete1"])
        try await scene.store.declareLocation("houston", of: scene.pipeline.id)

        let before = try scene.results(id)
        scene = try await scene.restarted { folder in try folder.remove("derived") }
        #expect(try scene.results(id) == before)

        scheduler = scene.scheduler
        await scheduler.tick()
        scene.clock.advance(5)
        await scheduler.tick()
        // The second window holds nothing at home any more: what was said of it stood for ever.
        #expect(try scene.decisions(id) == ["0:late2", "60:late2"])
        let results = try scene.results(id)
        #expect(results[0].contains("\"window_summary\":{\"count\":2,"))
        #expect(results[1].contains("\"window_summary\":{\"count\":0,"), "\(results[1])")
        let report = try scene.store.view.verify(scene.store.configuration)
        #expect(report.isProved && report.isSettled && report.equalCount == 4, "\(report)")
        scene.clock.advance(100)
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["0:late2", "60:late2"], "it is said once")
        try await scene.store.close()
    }

    @Test("when a partition becomes an edge, baselines at home that slide are worked out anew")
    func slidingBaselineChanges() async throws {
        let scene = try await Scene()
        let id = try await scene.createAssay(
            baseline: Scene.sliding.replacing("\"width\"", with: "\"locations\":[],\"width\""),
            locations: "[\"engine\"]")
        try await scene.append([(10, 1), (11, 2), (70, 5), (130, 2)])
        try await scene.append([(12, 3), (13, 9), (71, 4)], partition: "houston")
        scene.clock.set(moment(250))
        let scheduler = scene.scheduler
        await scheduler.tick()
        let before = try scene.results(id)
        #expect(before.count == 3)
        try await scene.store.declareLocation("houston", of: scene.pipeline.id)
        await scheduler.tick()
        scene.clock.advance(5)
        await scheduler.tick()
        let after = try scene.results(id)
        #expect(after.count == 3 && after[0] == before[0], "\(after)")
        // Two minutes before it lies the first, of which two records are at home now and four were.
        #expect(before[2].contains("\"count\":4") && !after[2].contains("\"count\":4"))
        let report = try scene.store.view.verify(scene.store.configuration)
        #expect(report.isProved && report.isSettled, "\(report)")
        try await scene.store.close()
    }

    // The pass refused the empty list of locations: no window was decided again, and what was said of the old ones
    // stood against baselines that were no more.
    @Test("an assay goes on when no partition is at home any more, and again when one is")
    func homeIsEmpty() async throws {
        let scene = try await Scene()
        try await scene.store.declareLocation("houston", of: scene.pipeline.id)
        let sliding = try await scene.createAssay(
            baseline: Scene.sliding.replacing("\"width\"", with: "\"locations\":[],\"width\""),
            locations: "[\"houston\"]")
        let home = try await scene.createAssay("home", locations: "[]")
        let series = try await scene.store.scheduleAssay(
            Scene.seriesRequest(origin: "{\"pipeline_name\":\"fraud\",\"locations\":[]}"))
        try await scene.append([(10, 1), (20, 4)])
        try await scene.append([(30, 2), (130, 2), (140, 3)], partition: "houston")
        let (scheduler, seriesScheduler) = (scene.scheduler, scene.seriesScheduler)
        func tick(_ seconds: Double) async {
            scene.clock.set(moment(seconds))
            await scheduler.tick()
            await seriesScheduler.tick()
        }
        func expectSettled() throws {
            let report = try scene.store.view.verify(scene.store.configuration)
            #expect(report.isProved && report.isSettled, "\(report)")
        }
        func statuses(_ id: AssayID) throws -> [AssayStatus] {
            try #require(scene.store.book[id]).decisions.map(\.status)
        }
        await tick(185)
        #expect(try scene.decisions(sliding) == ["0:complete1", "120:complete1"])
        #expect(try statuses(sliding)[0] == .noScore && statuses(sliding)[1] != .noScore)
        let whole = "60:complete1:Ok"
        #expect(
            try scene.decisions(series) == [
                whole, "120:complete1:NoData", "180:complete1:NoData",
            ])
        try expectSettled()

        try await scene.store.declareLocation("engine", of: scene.pipeline.id)
        try await scene.append([(190, 4)], partition: "houston")
        await tick(245)
        await tick(250)
        #expect(try scene.decisions(sliding) == ["0:complete1", "120:late2", "180:complete1"])
        #expect(try statuses(sliding) == [.noScore, .noScore, .noScore])
        #expect(try scene.decisions(home) == ["0:late2"])
        #expect(try scene.results(home)[0].contains("\"window_summary\":{\"count\":0,"))
        #expect(
            try scene.decisions(series) == [
                "60:late2:NoData", "120:complete1:NoData", "180:complete1:NoData", "240:complete1:NoData",
            ])
        try expectSettled()
        // Who asks is told, as who creates one is.
        let asked = try Scene.request("asked", locations: "[]")
        let isTold = "home partitions, and those hold no records"
        #expect(await refusal { _ = try await scene.store.createAssay(asked) }.contains(isTold))
        #expect(await refusal { _ = try scene.store.view.runInteractive(asked) }.contains(isTold))

        try await scene.append([(15, 1), (25, 4), (70, 1), (80, 4)], partition: "austin")
        await tick(251)
        await tick(256)
        #expect(try scene.decisions(sliding) == ["0:complete1", "120:late3", "180:late2"])
        #expect(try statuses(sliding)[0] == .noScore && !statuses(sliding)[1...].contains(.noScore))
        #expect(try scene.decisions(home) == ["0:late3", "60:complete1"])
        #expect(
            try scene.decisions(series) == [
                "60:late3:Ok", "120:late2:Ok", "180:complete1:NoData", "240:complete1:NoData",
            ])
        try expectSettled()
        try await scene.store.close()
    }
}
