// Checked: which records an assay looks at by where they came from, also when that changes.

import Assays
import Catalog
import EventLog
import Foundation
import JSON
import Records
import Simulation
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
        #expect(try scene.decisions(id) == ["0:late2", "60:complete1"])
        #expect(try scene.results(id)[0].contains("\"window_summary\":{\"count\":2,"))
        try await scene.store.close()
    }
}
