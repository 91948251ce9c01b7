// Invariants checked: those of Backfills.swift and Backfill.swift, with a scheduler that looks at three
// windows a tick, and with none.
//
// Windows are a minute wide from 0 seconds on; the grace is 5 seconds.

import Assays
import Catalog
import JSON
import Records
import StoreSupport
import TestSupport
import Testing

@testable import Store

@Suite("Backfills")
struct BackfillsTests {
    static func slow(_ scene: Scene) -> AssayScheduler {
        AssayScheduler(
            scene.store, logger: noLog,
            limit: PassLimit(windowCount: 3, valueCount: .max))
    }

    static func shown(_ scene: Scene, _ id: AssayID) throws -> String? {
        scene.store.backfill(of: try #require(scene.store.book[id]))?.json.text
    }

    /// What a process without a scheduler says.
    static func logged(_ scene: Scene, _ id: AssayID) throws -> String? {
        let view = scene.store.view
        return view.backfill(of: try #require(view.book[id]), scene.store.configuration)?.json.text
    }

    @Test("a backfill is shown from creation on, piece by piece, until it is done; then nothing is")
    func pieces() async throws {
        let scene = try await Scene()
        let scheduler = Self.slow(scene)
        await scheduler.tick()
        // The windows 3 and 4 hold nothing. Nor does any after 7, which is no progress to wait for: 10 were due.
        try await scene.append([0, 1, 2, 5, 6, 7].map { (Double($0) * 60 + 10, Double($0)) })
        scene.clock.set(moment(605))
        let id = try await scene.createAssay()
        #expect(try Self.shown(scene, id) == "{\"windows_done\":0,\"windows_due\":8}")
        #expect(await scheduler.tick() == true)
        #expect(try Self.shown(scene, id) == "{\"windows_done\":5,\"windows_due\":8}")
        #expect(try Self.logged(scene, id) == "{\"windows_done\":5,\"windows_due\":8}")
        #expect(scene.store.backfillFigures == (1, 3))
        #expect(await scheduler.tick() == false)
        #expect(try Self.shown(scene, id) == nil)
        #expect(try Self.logged(scene, id) == nil)
        #expect(scene.store.backfillFigures == (0, 0))
        // Nothing is due in time that holds no records, whatever the clock says.
        scene.clock.set(moment(7200))
        await scheduler.tick()
        #expect(try Self.shown(scene, id) == nil && Self.logged(scene, id) == nil)
        try await scene.store.close()
    }

    @Test("an assay that was paused is behind once it is switched on, and not while it is off")
    func paused() async throws {
        let scene = try await Scene()
        let scheduler = Self.slow(scene)
        let id = try await scene.createAssay()
        try await scene.append((0..<9).map { (Double($0) * 60 + 10, Double($0)) })
        scene.clock.set(moment(65))
        await scheduler.tick()
        try await scene.store.setActive(id, false)
        scene.clock.set(moment(545))
        await scheduler.tick()
        #expect(try Self.shown(scene, id) == nil && Self.logged(scene, id) == nil)
        try await scene.store.setActive(id, true)
        #expect(try Self.shown(scene, id) == "{\"windows_done\":1,\"windows_due\":9}")
        await scheduler.tick()
        #expect(try Self.shown(scene, id) == "{\"windows_done\":4,\"windows_due\":9}")
        while await scheduler.tick() {}
        #expect(try Self.shown(scene, id) == nil)
        try await scene.store.close()
    }

    @Test("a backfill that cannot go on says why")
    func problem() async throws {
        let scene = try await Scene()
        let scheduler = Self.slow(scene)
        let id = try await scene.createAssay(baseline: Scene.fixed())
        try await scene.append([(10, 1), (70, 2)])
        scene.clock.set(moment(130))
        await scheduler.tick()
        for text in [try Self.shown(scene, id), try Self.logged(scene, id)] {
            #expect(
                try #require(text).hasPrefix(
                    "{\"windows_done\":0,\"windows_due\":2,\"problem\":\"no inferences"))
        }
        try await scene.append([(-30, 1), (-20, 2)])
        scene.clock.advance(5)
        while await scheduler.tick() {}
        #expect(try Self.shown(scene, id) == nil && Self.logged(scene, id) == nil)
        try await scene.store.close()
    }

    @Test("of the second generation, runs that lie behind are shown; one that just fell due is not")
    func series() async throws {
        let scene = try await Scene()
        scene.clock.set(moment(190))
        let uuid = try await scene.store.scheduleAssay(Scene.seriesRequest())
        func shown() throws -> String? {
            let assay = try #require(scene.store.book[uuid: uuid])
            let shown = scene.store.backfill(of: assay)?.json.text
            #expect(
                assay.json(backfill: scene.store.backfill(of: assay)).text.contains("\"backfill\"")
                    == (shown != nil))
            return shown
        }
        #expect(try shown() == "{\"windows_done\":0,\"windows_due\":3}")
        await scene.seriesScheduler.tick()
        #expect(try shown() == nil)
        scene.clock.set(moment(250))
        #expect(try shown() == nil)
        scene.clock.set(moment(310))
        #expect(try shown() == "{\"windows_done\":3,\"windows_due\":5}")
        #expect(scene.store.backfillFigures == (1, 2))
        try await scene.store.close()
    }

    // It was said of windows that nobody had looked at alone: not of an assay that had stopped at late records.
    @Test("an assay that is kept from windows that late records reached says why, as long as it is")
    func lateProblem() async throws {
        let scene = try await Scene()
        let scheduler = Self.slow(scene)
        let id = try await scene.createAssay(path: "output z")
        scene.clock.set(moment(190))
        await scheduler.tick()
        #expect(try Self.shown(scene, id) == nil)
        // Its path is one that no record has, and that is known with the first.
        try await scene.append([(10, 1), (70, 2)])
        await scheduler.tick()
        scene.clock.advance(5)
        await scheduler.tick()
        let text = try #require(try Self.shown(scene, id))
        // The third window, behind the newest record, was looked at and is not due.
        #expect(text.hasPrefix("{\"windows_done\":0,\"windows_due\":2,\"problem\":\""), "\(text)")
        #expect(text.contains("output z"), "\(text)")
        #expect(scene.store.backfillFigures == (1, 2))
        try await scene.store.setActive(id, false)
        await scheduler.tick()
        #expect(try Self.shown(scene, id) == nil)
        #expect(scene.store.backfillFigures == (0, 0))
        try await scene.store.close()
    }

    // The log warned of it, and no answer said so.
    @Test("of the second generation, an assay that is kept from its runs says why, as long as it is")
    func seriesProblem() async throws {
        let scene = try await Scene()
        var lost = try scene.store.view.schedulable(Scene.seriesRequest())
        lost.targeting.pipelineName = "later"
        let uuid = try await scene.store.schedule(lost)
        let scheduler = scene.seriesScheduler
        func shown() throws -> String? {
            let assay = try #require(scene.store.book[uuid: uuid])
            return scene.store.backfill(of: assay)?.json.text
        }
        // One run, just due: behind it is not yet.
        scene.clock.set(moment(65))
        #expect(try shown() == nil)
        await scheduler.tick()
        let text = try #require(try shown())
        #expect(text.hasPrefix("{\"windows_done\":0,\"windows_due\":1,\"problem\":\""), "\(text)")
        #expect(text.contains("later"), "\(text)")
        #expect(scene.store.backfillFigures == (1, 1))
        try await Scene.createPipeline("later", in: WorkspaceID(1), scene.store, scene.clock)
        scene.clock.advance(5)
        await scheduler.tick()
        #expect(try shown() == nil)
        #expect(scene.store.backfillFigures == (0, 0))
        try await scene.store.close()
    }
}
