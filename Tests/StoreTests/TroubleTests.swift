// Invariants checked: the two at the head of Trouble.swift; the second of the second generation is checked in
// ClockStepTests.swift.

import Assays
import Records
import StoreSupport
import TestSupport
import Testing

@testable import Store

@Suite("Tries that go wrong")
struct TroubleTests {
    @Test("a problem is news once, and again when it was another in between; the next try is a grace later")
    func news() {
        var trouble: Trouble?
        let grace = TimeSpan(microseconds: 5_000_000)
        let said = zip(["a", "a", "b", "a"], 0...).map { problem, second in
            trouble.note(problem, at: moment(Double(second)), grace: grace)
        }
        #expect(said == [true, false, true, true])
        #expect(trouble == Trouble(problem: "a", retryAt: moment(8)))
        trouble?.shift(back: TimeSpan(microseconds: 3_000_000))
        #expect(trouble?.retryAt == moment(5))
    }

    // Of an assay that belongs to no cohort it was said at each try.
    @Test("what goes wrong at each try is said once, in and out of cohorts")
    func saidOnce() async throws {
        let scene = try await Scene()
        var lost = try Scene.request("lost").definition
        lost.window.pipelineName = "nowhere"
        _ = try await scene.store.createAssay(lost, isActive: true)
        _ = try await scene.createAssay("broken", path: "output z")
        try await scene.append([(10, 1)])
        let messages = Messages()
        let scheduler = AssayScheduler(scene.store, logger: messages.logger)
        for second in 0..<30 {
            scene.clock.set(moment(100 + Double(second)))
            await scheduler.tick()
        }
        #expect(messages.all.count == 2, "\(messages.all)")
        #expect(messages.all.contains { $0.contains("assay 1 (lost) is not analysed") })
        #expect(messages.all.contains { $0.contains("assay 2 (broken) is not analysed") })
        try await scene.store.close()
    }

    @Test("a clock that goes back puts the next try off by no more than the grace")
    func clockBack() async throws {
        let scene = try await Scene()
        let id = try await scene.createAssay(baseline: Scene.fixed())
        try await scene.append([(10, 1)])
        let scheduler = scene.scheduler
        scene.clock.set(moment(7200))
        await scheduler.tick()
        try await scene.append([(-30, 1), (-20, 2)])
        for (second, expected) in [(3600, []), (3604, []), (3605, ["0:complete1"])] {
            scene.clock.set(moment(Double(second)))
            await scheduler.tick()
            #expect(try scene.decisions(id) == expected, "after \(second) s")
        }
        try await scene.store.close()
    }
}
