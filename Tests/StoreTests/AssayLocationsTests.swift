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
            baseline: AssaySchedulerTests.sliding.replacing("\"width\"", with: "\"locations\":[],\"width\""),
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
}
