// Invariants checked: the last at the heads of AssayScheduler.swift and SeriesScheduler.swift, with a clock that
// goes back, and one that was ahead; and that verification sees what such a clock left undecided.
//
// Windows are a minute wide; the grace is 5 seconds.

import Assays
import Records
import Simulation
import TestSupport
import Testing

@testable import Store

@Suite("A clock that steps")
struct ClockStepTests {
    @Test(
        "a clock that was ahead for a moment makes no window run before it is complete",
        arguments: [false, true])
    func ahead(isRestarted: Bool) async throws {
        var scene = try await Scene()
        let id = try await scene.createAssay()
        var scheduler = scene.scheduler
        try await scene.append([(10, 1), (70, 2)])
        scene.clock.set(moment(66))
        await scheduler.tick()
        // A day ahead for one look: the window from 60 seconds on seems complete.
        scene.clock.set(moment(86_400))
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["0:complete1", "60:complete1"])
        scene.clock.set(moment(67))
        if isRestarted {
            scene = try await scene.restarted()
            scheduler = scene.scheduler
        }
        await scheduler.tick()
        // More of the window comes, and of the next one: neither is looked at before it is complete.
        try await scene.append([(80, 3), (125, 4)])
        for seconds in [68.0, 80, 110, 124, 124.9] {
            scene.clock.set(moment(seconds))
            await scheduler.tick()
            #expect(try scene.decisions(id) == ["0:complete1", "60:complete1"])
        }
        scene.clock.set(moment(125))
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["0:complete1", "60:late2"])
        scene.clock.set(moment(185))
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["0:complete1", "60:late2", "120:complete1"])
        try await scene.store.close()
    }

    // The clock is put back by an hour while late records wait for the grace, and a broken assay for its next try.
    @Test("a clock that goes back puts late records and new tries off by no more than the grace")
    func seriesBack() async throws {
        let scene = try await Scene()
        let uuid = try await scene.store.scheduleAssay(
            Scene.seriesRequest(
                frequency: "{\"SimpleRunFrequency\":{\"quantity\":1,\"unit\":\"Day\"}}"))
        let scheduler = scene.seriesScheduler
        try await scene.append([(10, 1)])
        scene.clock.set(moment(7200))
        await scheduler.tick()
        #expect(
            try scene.decisions(uuid).map { $0.hasPrefix("60:complete1") } == [true])
        try await scene.append([(20, 9)])
        await scheduler.tick()
        scene.clock.set(moment(3600))
        await scheduler.tick()
        #expect(
            try scene.decisions(uuid).map { $0.hasPrefix("60:complete1") } == [true])
        scene.clock.advance(4.9)
        await scheduler.tick()
        #expect(
            try scene.decisions(uuid).map { $0.hasPrefix("60:complete1") } == [true])
        scene.clock.advance(0.1)
        await scheduler.tick()
        #expect(try scene.decisions(uuid).map { $0.hasPrefix("60:late2") } == [true])
        // And forth, by a year: each day that is complete by then is run once.
        scene.clock.set(moment(31_536_000))
        await scheduler.tick()
        #expect(try scene.decisions(uuid).count == 365)
        scene.clock.set(moment(20_000_000))
        await scheduler.tick()
        #expect(try scene.decisions(uuid).count == 365)
        try await scene.store.close()
    }

    @Test("a clock that was ahead for a moment makes no run before it is due", arguments: [false, true])
    func seriesAhead(isRestarted: Bool) async throws {
        var scene = try await Scene()
        let uuid = try await scene.store.scheduleAssay(Scene.seriesRequest())
        var scheduler = scene.seriesScheduler
        try await scene.append([(10, 1), (20, 4), (70, 1)])
        // Two minutes ahead for one look.
        scene.clock.set(moment(185))
        await scheduler.tick()
        let ahead = ["60:complete1:Ok", "120:complete1:Alert", "180:complete1:NoData"]
        #expect(try scene.decisions(uuid) == ahead)
        scene.clock.set(moment(66))
        if isRestarted {
            scene = try await scene.restarted()
            scheduler = scene.seriesScheduler
        }
        await scheduler.tick()
        try await scene.append([(80, 4), (130, 1), (140, 4)])
        for seconds in [67.0, 80, 110, 124.9] {
            scene.clock.set(moment(seconds))
            await scheduler.tick()
            #expect(try scene.decisions(uuid) == ahead)
        }
        scene.clock.set(moment(125))
        await scheduler.tick()
        #expect(try scene.decisions(uuid) == [ahead[0], "120:late2:Ok", ahead[2]])
        scene.clock.set(moment(184.9))
        await scheduler.tick()
        #expect(try scene.decisions(uuid) == [ahead[0], "120:late2:Ok", ahead[2]])
        scene.clock.set(moment(185))
        await scheduler.tick()
        #expect(
            try scene.decisions(uuid) == [ahead[0], "120:late2:Ok", "180:late2:Ok"])
        try await scene.store.close()
    }

    // A window that a clock which was ahead looked at before it was complete, with its records in the log before the
    // window before it is decided by the right clock:
    //
    //     ahead: all up to a day examined ── right: window 60 decided ── pause over the end of window 120 ── ?
    //
    // Nothing of window 120 came after the newest decision's cut, so nothing of it is late.
    @Test(
        "after a clock that was ahead no window is lost whose end a pause lies over",
        arguments: [Pause.restart, .switchedOff])
    func pauseAfterAhead(pause: Pause) async throws {
        var scene = try await Scene()
        let id = try await scene.createAssay()
        var scheduler = scene.scheduler
        try await scene.append([(10, 1), (70, 2), (86_310, 1)])
        scene.clock.set(moment(86_400))
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["0:complete1", "60:complete1", "86280:complete1"])
        scene.clock.set(moment(67))
        await scheduler.tick()
        try await scene.append([(80, 3), (130, 4)])
        scene.clock.set(moment(125))
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["0:complete1", "60:late2", "86280:complete1"])
        switch pause {
        case .restart:
            scene.clock.set(moment(190))
            scene = try await scene.restarted()
            scheduler = scene.scheduler
        case .switchedOff:
            try await scene.store.setActive(id, false)
            await scheduler.tick()
            scene.clock.set(moment(190))
            try await scene.store.setActive(id, true)
        }
        let configuration = scene.store.configuration
        var report = try scene.store.view.verify(configuration)
        #expect(report.dueWindowCount == 1 && report.lateWindowCount == 0)
        await scheduler.tick()
        let reason = pause == .restart ? "complete" : "backfill"
        #expect(
            try scene.decisions(id) == ["0:complete1", "60:late2", "120:\(reason)1", "86280:complete1"])
        report = try scene.store.view.verify(configuration)
        #expect(report.isProved && report.isSettled)
        try await scene.store.close()
    }

    // As above, in a log that says all the same that windows up to 240 were examined.
    @Test("verification does not believe what was said of windows after a clock had gone back")
    func doubted() async throws {
        let scene = try await Scene()
        let id = try await scene.createAssay()
        let scheduler = scene.scheduler
        try await scene.append([(10, 1), (70, 2), (86_310, 1)])
        scene.clock.set(moment(86_400))
        await scheduler.tick()
        scene.clock.set(moment(67))
        await scheduler.tick()
        try await scene.append([(80, 3), (130, 4)])
        scene.clock.set(moment(125))
        await scheduler.tick()
        scene.clock.set(moment(250))
        let (cut, digest) = (scene.store.log.cut, try #require(scene.store.book[id]).decisions[0].digest)
        try await scene.store.changeBook { book in
            try book.decide(
                [
                    WindowAnalysis(
                        window: TimeWindow(start: moment(180), end: moment(240)), reason: .complete,
                        status: .ok, digest: digest, analysedAt: moment(250), elapsedMilliseconds: 0)
                ], of: id, cut: cut, runAt: moment(250))
        }
        let assay = try #require(scene.store.book[id])
        #expect(assay.examinedUntil == moment(240) && assay.contradictedAt == moment(125))
        let report = try scene.store.view.verify(scene.store.configuration)
        #expect(report.dueWindowCount == 1)
        try await scene.store.close()
    }

    @Test(
        "after a clock that was ahead no run is lost whose moment a pause lies over",
        arguments: [Pause.restart, .switchedOff])
    func seriesPauseAfterAhead(pause: Pause) async throws {
        var scene = try await Scene()
        let uuid = try await scene.store.scheduleAssay(Scene.seriesRequest())
        var scheduler = scene.seriesScheduler
        try await scene.append([(10, 1), (20, 4), (70, 1)])
        scene.clock.set(moment(245))
        await scheduler.tick()
        let ahead = [
            "60:complete1:Ok", "120:complete1:Alert", "180:complete1:NoData", "240:complete1:NoData",
        ]
        #expect(try scene.decisions(uuid) == ahead)
        scene.clock.set(moment(66))
        await scheduler.tick()
        try await scene.append([(80, 4), (130, 1), (140, 4)])
        scene.clock.set(moment(125))
        await scheduler.tick()
        #expect(try scene.decisions(uuid) == [ahead[0], "120:late2:Ok", ahead[2], ahead[3]])
        switch pause {
        case .restart:
            scene.clock.set(moment(190))
            scene = try await scene.restarted()
            scheduler = scene.seriesScheduler
        case .switchedOff:
            try await scene.store.setActive(uuid: uuid, false)
            await scheduler.tick()
            scene.clock.set(moment(190))
            try await scene.store.setActive(uuid: uuid, true)
        }
        // Of the window that has not ended nothing is due, whatever was decided of it.
        try await scene.append([(190, 9)])
        let configuration = scene.store.configuration
        var report = try scene.store.view.verify(configuration)
        #expect(report.dueWindowCount == 0 && report.lateWindowCount == 1)
        await scheduler.tick()
        #expect(try scene.decisions(uuid) == [ahead[0], "120:late2:Ok", "180:late2:Ok", ahead[3]])
        report = try scene.store.view.verify(configuration)
        #expect(report.isProved && report.isSettled)
        try await scene.store.close()
    }

    // It went on making runs until the year was over, however often it was switched off.
    @Test("an assay that was switched off by a clock that was ahead stops when it is switched off again")
    func seriesOffAhead() async throws {
        var scene = try await Scene()
        let uuid = try await scene.store.scheduleAssay(Scene.seriesRequest())
        scene.clock.set(moment(31_536_000))
        try await scene.store.setActive(uuid: uuid, false)
        scene.clock.set(moment(130))
        try await scene.store.setActive(uuid: uuid, false)
        scene = try await scene.restarted()
        for seconds in [135.0, 1000] {
            scene.clock.set(moment(seconds))
            await scene.seriesScheduler.tick()
            #expect(try scene.decisions(uuid) == ["60:backfill1:NoData", "120:backfill1:NoData"])
        }
        #expect(try #require(scene.store.book[uuid: uuid]).hasRunsLeft == false)
        try await scene.store.close()
    }

    @Test("a clock that is set ahead by years makes no runs for them before it has stood by that for an hour")
    func seriesFarAhead() async throws {
        let scene = try await Scene()
        let uuid = try await scene.store.scheduleAssay(Scene.seriesRequest())
        let scheduler = scene.seriesScheduler
        scene.clock.set(moment(66))
        await scheduler.tick()
        #expect(try scene.decisions(uuid).count == 1)
        scene.clock.set(moment(60 * 100_010))
        await scheduler.tick()
        #expect(try scene.decisions(uuid).count == 1)
        let problems = scene.store.seriesProblems.withLock { Array($0.values) }
        #expect(problems.count == 1 && problems[0].contains("the clock went ahead"))
        // Set right, it goes on after the grace.
        scene.clock.set(moment(121))
        await scheduler.tick()
        scene.clock.pass(5)
        await scheduler.tick()
        #expect(try scene.decisions(uuid).count == 2)
        scene.clock.set(moment(60 * 100_010))
        await scheduler.tick()
        #expect(try scene.decisions(uuid).count == 2)
        scene.clock.pass(3_601)
        await scheduler.tick()
        #expect(try scene.decisions(uuid).count > 2)
        try await scene.store.close()
    }

    // Whether it was doubted was asked of one reading, and runs were made by the next.
    @Test("a clock that is set ahead by years while a tick reads it makes no runs for them either")
    func seriesAheadMeanwhile() async throws {
        let scene = try await Scene()
        let uuid = try await scene.store.scheduleAssay(Scene.seriesRequest())
        let scheduler = scene.seriesScheduler
        scene.clock.set(moment(66))
        await scheduler.tick()
        scene.clock.leapOnceAsked(60 * 100_010)
        for _ in 1...2 {
            await scheduler.tick()
            #expect(scene.clock.now == moment(60 * 100_010 + 66))
            #expect(try scene.decisions(uuid).count == 1)
        }
        try await scene.store.close()
    }

    @Test(
        "a clock outside the years that have a name leaves a store that opens again",
        arguments: [false, true])
    func nameless(isFuture: Bool) async throws {
        let scene = try await Scene()
        let id = try await scene.createAssay()
        let year = TimeSpan(microseconds: (isFuture ? 1 : -1) * 31_536_000_000_000)
        scene.clock.set((isFuture ? Timestamp.latestNamed : .earliestNamed).adding(year))
        try await scene.store.setActive(id, false)
        let again = try await scene.restarted()
        let assay = try #require(again.store.book[id])
        #expect(!assay.isActive)
        #expect(assay.updatedAt == (isFuture ? Timestamp.latestNamed : .earliestNamed))
        try await again.store.close()
    }

    enum Pause: CaseIterable { case restart, switchedOff }
}
