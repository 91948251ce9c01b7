// Invariants checked: the last but one at the head of AssayScheduler.swift, what a clock that went ahead pins, and when;
// and that of CohortPass.swift about assays that cannot be analysed before anything is read.
//
// The baseline is the first ten minutes, or the first day; windows are a minute wide from its end on. The grace is 5
// seconds.

import Assays
import Records
import StoreSupport
import TestSupport
import Testing

@testable import Store

@Suite("Fixed baselines and a doubted clock")
struct DoubtedPinTests {
    private static let year = 31_536_000.0

    private static func baseline(_ width: String) -> String {
        """
        {"fixed_window":{"pipeline_name":"fraud","path":"output y","start":"2024-01-09T19:00:00Z",\
        "width":"\(width)"}}
        """
    }

    private static func problem(_ scene: Scene, _ id: AssayID) throws -> String? {
        scene.store.backfill(of: try #require(scene.store.book[id]))?.problem
    }

    // It was pinned with the two records that there were, and stayed so.
    @Test(
        "a clock that was a year ahead for a minute pins no baseline whose period goes on",
        arguments: [false, true])
    func ahead(isRestarted: Bool) async throws {
        var scene = try await Scene()
        let id = try await scene.createAssay(baseline: Self.baseline("10 minutes"), start: nil)
        var scheduler = scene.scheduler
        // A window that is complete by the clock that will be ahead.
        try await scene.append([(10, 1), (240, 2), (630, 5)])
        scene.clock.pass(300)
        await scheduler.tick()
        scene.clock.advance(Self.year)
        for _ in 0..<12 {
            await scheduler.tick()
            #expect(scene.store.book[id]?.pin == nil)
            #expect(try Self.problem(scene, id)?.contains("the clock went ahead at once") == true)
            scene.clock.pass(5)
        }
        scene.clock.advance(-Self.year)
        if isRestarted {
            scene = try await scene.restarted()
            scheduler = scene.scheduler
        }
        await scheduler.tick()
        // The window that it waited for is not due any more, and so nothing keeps it.
        #expect(try Self.problem(scene, id) == nil)
        try await scene.append([(370, 3), (590, 4)])
        scene.clock.pass(304)
        await scheduler.tick()
        #expect(try scene.decisions(id) == [] && scene.store.book[id]?.pin == nil)
        scene.clock.pass(1)
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["600:complete1"])
        #expect(scene.store.book[id]?.pin?.summary.summary.count == 4)
        let report = try scene.store.view.verify(scene.store.configuration)
        #expect(report.isProved && report.isSettled && report.baselineEqualCount == 1)
        try await scene.store.close()
    }

    @Test(
        "when the clock has stood by a leap for an hour, the pin is made; one that is there is used all along"
    )
    func believed() async throws {
        let scene = try await Scene()
        let pinned = try await scene.createAssay("pinned", baseline: Scene.fixed())
        let waiting = try await scene.createAssay("waiting", baseline: Self.baseline("1 day"), start: nil)
        let scheduler = scene.scheduler
        try await scene.append([(-30, 1), (-20, 2), (10, 1), (70, 2), (86_410, 5)])
        scene.clock.pass(66)
        await scheduler.tick()
        #expect(try scene.decisions(pinned) == ["0:complete1"])
        scene.clock.advance(Self.year)
        await scheduler.tick()
        #expect(try scene.decisions(pinned) == ["0:complete1", "60:complete1", "86400:complete1"])
        scene.clock.pass(3_590)
        await scheduler.tick()
        #expect(try scene.decisions(waiting) == [] && scene.store.book[waiting]?.pin == nil)
        scene.clock.pass(10)
        await scheduler.tick()
        #expect(try scene.decisions(waiting) == ["86400:complete1"])
        #expect(scene.store.book[waiting]?.pin?.summary.summary.count == 2)
        #expect(try Self.problem(scene, waiting) == nil)
        try await scene.store.close()
    }

    // Each try read all windows that were due, for nothing.
    @Test("an assay whose baseline is not to be had reads none of its windows")
    func unread() async throws {
        let scene = try await Scene()
        let id = try await scene.createAssay(baseline: Self.baseline("10 minutes"), start: nil)
        try await scene.append([(10, 1), (240, 2), (630, 5)])
        scene.clock.set(moment(700))
        let view = scene.store.view
        let assay = try #require(view.book[id])
        let cohort = try #require(
            try Cohort.entering(assay, view, at: scene.clock.now, grace: scene.store.configuration.grace))
        let windows = cohort.firstWindow..<cohort.firstWindow + 1
        let tries: [(believedUntil: Timestamp?, isRead: Bool)] = [(moment(300), false), (nil, true)]
        for (believedUntil, isRead) in tries {
            var reader = ColumnReader(view)
            let pass = CohortPass(cohort, &reader, believedUntil: believedUntil)
            let answer = try pass.examine(
                windows, planned: cohort.grid.period(of: windows), &reader, limit: .interactive)
            let wasRead = reader.last != nil
            #expect(wasRead == isRead && answer.failures.isEmpty == isRead)
            #expect(answer.examinedEnd == windows.upperBound)
        }
        try await scene.store.close()
    }

    @Test(
        "a period that is over without the doubted step as well, and rested for the grace, is pinned meanwhile"
    )
    func overAnyway() async throws {
        let scene = try await Scene()
        let id = try await scene.createAssay(baseline: Self.baseline("10 minutes"), start: nil)
        let scheduler = scene.scheduler
        try await scene.append([(10, 1), (630, 5)])
        scene.clock.pass(300)
        await scheduler.tick()
        scene.clock.advance(Self.year)
        await scheduler.tick()
        try await scene.append([(400, 2)])
        scene.clock.pass(304)
        await scheduler.tick()
        #expect(scene.store.book[id]?.pin == nil)
        // The next try is a grace later.
        scene.clock.pass(5)
        await scheduler.tick()
        #expect(scene.store.book[id]?.pin?.summary.summary.count == 2)
        #expect(try scene.decisions(id) == ["600:complete1"])
        try await scene.store.close()
    }
}
