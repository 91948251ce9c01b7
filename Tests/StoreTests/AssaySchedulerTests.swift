// Invariants checked: the first four at the head of AssayScheduler.swift, in that order, with a clock that the
// test moves; then which baselines the windows are compared with, and what holds nothing up where it is missing.
//
// Windows are a minute wide from 0 seconds; the grace is 5 seconds, and lateness is bounded by 60.

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

@Suite("The scheduler")
struct AssaySchedulerTests {
    @Test("a window is analysed once it is complete and the grace has passed, and not before")
    func grace() async throws {
        let scene = try await Scene()
        let id = try await scene.createAssay()
        let scheduler = scene.scheduler
        try await scene.append([(10, 1), (20, 2), (59.999, 3), (60, 4)])
        for seconds in [30, 60, 64.999999] {
            scene.clock.set(moment(seconds))
            await scheduler.tick()
            #expect(try scene.decisions(id) == [])
        }
        scene.clock.set(moment(65))
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["0:complete1"])
        let assay = try #require(scene.store.book[id])
        #expect(assay.lastRun(by: scene.clock.now) == moment(65))
        #expect(assay.nextRun(by: scene.clock.now) == moment(120))
        #expect(
            assay.report(by: scene.clock.now)?.text.hasPrefix(
                "{\"run_at\": \"2024-01-09T19:01:05+00:00\",  \"num_ok\": ") == true)
        // Three of the four records are in it.
        #expect(try scene.results(id)[0].contains("\"window_summary\":{\"count\":3,"))
        try await scene.store.close()
    }

    @Test("windows without records are passed over, at the same cost whatever their number")
    func emptyWindows() async throws {
        let scene = try await Scene()
        // Windows of a millisecond since 1970: some 10^12 of them, three of which hold records.
        let id = try await scene.createAssay(start: "\"1970-01-01T00:00:00Z\"", width: "1 ms")
        try await scene.append([(0, 1), (0.0005, 2), (100, 3), (5000, 4)])
        scene.clock.set(moment(6000))
        await scene.scheduler.tick()
        #expect(try scene.decisions(id) == ["0:complete1", "100:complete1", "5000:complete1"])
        try await scene.store.close()
    }

    @Test("a stored assay goes on past its run_until, which ends interactive runs alone")
    func runUntil() async throws {
        let scene = try await Scene()
        let bound = ",\"run_until\":\"2024-01-09T19:01:00+00:00\""
        let request = try Scene.request(more: bound)
        let id = try await scene.store.createAssay(request)
        try await scene.append([(10, 1), (70, 2), (130, 3)])
        let scheduler = scene.scheduler
        scene.clock.set(moment(125))
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["0:complete1", "60:complete1"])
        // One that is created when its moment has passed, too.
        let late = try await scene.createAssay("late", more: bound)
        scene.clock.set(moment(200))
        await scheduler.tick()
        for (id, reason) in [(id, "complete"), (late, "backfill")] {
            #expect(try scene.decisions(id) == ["0:\(reason)1", "60:\(reason)1", "120:complete1"])
            #expect(try scene.results(id).count == 3)
            let assay = try #require(scene.store.book[id])
            #expect(assay.nextRun(by: scene.clock.now) == moment(240))
        }
        #expect(try scene.store.view.runInteractive(request).map(\.outcome.window.start) == [moment(0)])
        try await scene.store.close()
    }

    @Test("windows that were complete before the assay was there are filled in")
    func backfill() async throws {
        let scene = try await Scene()
        try await scene.append([(10, 1), (70, 2), (130, 3)])
        scene.clock.set(moment(125))
        let id = try await scene.createAssay()
        await scene.scheduler.tick()
        #expect(try scene.decisions(id) == ["0:backfill1", "60:backfill1"])
        scene.clock.set(moment(300))
        await scene.scheduler.tick()
        #expect(try scene.decisions(id) == ["0:backfill1", "60:backfill1", "120:complete1"])
        try await scene.store.close()
    }

    @Test("looking again at what did not change decides nothing")
    func nothingNew() async throws {
        var scene = try await Scene()
        let id = try await scene.createAssay()
        try await scene.append([(10, 1), (70, 2)])
        scene.clock.set(moment(200))
        let scheduler = scene.scheduler
        await scheduler.tick()
        let cut = scene.store.log.cut
        for _ in 0..<3 { await scheduler.tick() }
        #expect(scene.store.log.cut == cut)
        // Neither does a new process. (Closing made a commit of what was in memory.)
        scene = try await scene.restarted()
        let reopenedCut = scene.store.log.cut
        await scene.scheduler.tick()
        scene.clock.advance(120)
        await scene.scheduler.tick()
        #expect(scene.store.log.cut == reopenedCut)
        #expect(try scene.decisions(id) == ["0:complete1", "60:complete1"])
        try await scene.store.close()
    }

    // MARK: Late records

    @Test("late records lead to one new revision, when they have been quiet for the grace")
    func late() async throws {
        let scene = try await Scene()
        let id = try await scene.createAssay()
        let scheduler = scene.scheduler
        try await scene.append([(10, 1), (70, 2), (80, 3)])
        scene.clock.set(moment(130))
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["0:complete1", "60:complete1"])
        // Three late records, a second apart: the grace counts from the last.
        for number in 1...3 {
            try await scene.append([(20 + Double(number), 9)])
            scene.clock.advance(1)
            await scheduler.tick()
        }
        scene.clock.advance(4.9)
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["0:complete1", "60:complete1"])
        scene.clock.advance(0.1)
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["0:late2", "60:complete1"])
        let results = try scene.results(id)
        #expect(results.count == 2)
        #expect(results[0].contains("\"window_summary\":{\"count\":4,"))
        scene.clock.advance(60)
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["0:late2", "60:complete1"])
        try await scene.store.close()
    }

    @Test("late records that never rest are looked at after the greatest lateness")
    func neverQuiet() async throws {
        let scene = try await Scene()
        // The second window never ends, so that nothing but lateness can be due.
        let id = try await scene.createAssay(width: "1 minute", interval: "1 day")
        let scheduler = scene.scheduler
        try await scene.append([(10, 1)])
        scene.clock.set(moment(100))
        await scheduler.tick()
        var seen: [Double] = []
        for second in 1...70 {
            try await scene.append([(20, Double(second))])
            scene.clock.set(moment(100 + Double(second)))
            await scheduler.tick()
            if try scene.decisions(id) == ["0:late2"] && seen.isEmpty { seen.append(Double(second)) }
        }
        #expect(seen == [61])
        #expect(try scene.decisions(id) == ["0:late2"])
        try await scene.store.close()
    }

    // A run of small appends is one piece of memory; its oldest record counted as new with its newest.
    @Test("records in order are not late, however small their appends")
    func smallAppendsAreNotLate() async throws {
        let scene = try await Scene()
        _ = try await scene.createAssay(interval: "1 day")
        let scheduler = scene.scheduler
        try await scene.append([(10, 1)])
        scene.clock.set(moment(100))
        await scheduler.tick()
        for second in 101...130 {
            try await scene.append([(Double(second), 1)])
            scene.clock.set(moment(Double(second)))
            await scheduler.tick()
        }
        #expect(await scheduler.lateCount == 0)
        try await scene.append([(11, 1)])
        await scheduler.tick()
        #expect(await scheduler.lateCount == 1)
        try await scene.store.close()
    }

    @Test("late records that came while nobody looked are found by the next process")
    func lateAcrossRestart() async throws {
        var scene = try await Scene()
        let id = try await scene.createAssay()
        try await scene.append([(10, 1), (70, 2)])
        scene.clock.set(moment(130))
        await scene.scheduler.tick()
        try await scene.append([(20, 9)])
        scene = try await scene.restarted()
        let scheduler = scene.scheduler
        await scheduler.tick()
        scene.clock.advance(5)
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["0:late2", "60:complete1"])
        try await scene.store.close()
    }

    @Test("records from before the first window change nothing")
    func beforeTheFirst() async throws {
        let scene = try await Scene()
        let id = try await scene.createAssay()
        let scheduler = scene.scheduler
        try await scene.append([(10, 1)])
        scene.clock.set(moment(100))
        await scheduler.tick()
        try await scene.append([(-10, 9)])
        await scheduler.tick()
        scene.clock.advance(10)
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["0:complete1"])
        try await scene.store.close()
    }

    // The grid hung on the first record; an older one moved it, and windows were decided twice.
    @Test("windows that start with the first record stay where they were first decided")
    func gridStays() async throws {
        var scene = try await Scene()
        let id = try await scene.createAssay(start: nil)
        var scheduler = scene.scheduler
        try await scene.append([(10.5, 1), (75, 2)])
        scene.clock.set(moment(200))
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["10.5:complete1", "70.5:complete1"])
        try await scene.append([(3, 5), (12, 5)])
        await scheduler.tick()
        scene.clock.advance(5)
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["10.5:late2", "70.5:complete1"])
        scene = try await scene.restarted()
        scheduler = scene.scheduler
        try await scene.append([(250, 1), (251, 2)])
        scene.clock.set(moment(400))
        await scheduler.tick()
        // 10.5 and four minutes.
        #expect(
            try scene.decisions(id) == ["10.5:late2", "70.5:complete1", "190.5:complete1", "250.5:complete1"])
        try await scene.store.close()
    }

    // MARK: Pausing

    @Test("a paused assay is left alone, and catches up when it is active again, late records included")
    func pausing() async throws {
        let scene = try await Scene()
        let id = try await scene.createAssay()
        let scheduler = scene.scheduler
        try await scene.append([(10, 1)])
        scene.clock.set(moment(70))
        await scheduler.tick()
        try await scene.store.setActive(id, false)
        try await scene.append([(20, 9), (70, 2), (130, 3)])
        scene.clock.set(moment(200))
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["0:complete1"])
        try await scene.store.setActive(id, true)
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["0:late2", "60:backfill1", "120:backfill1"])
        try await scene.store.close()
    }

    @Test("an assay created inactive waits until it is activated")
    func createdInactive() async throws {
        let scene = try await Scene()
        let id = try await scene.createAssay(isActive: false)
        try await scene.append([(10, 1)])
        scene.clock.set(moment(100))
        let scheduler = scene.scheduler
        await scheduler.tick()
        #expect(try scene.decisions(id) == [])
        try await scene.store.setActive(id, true)
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["0:backfill1"])
        try await scene.store.close()
    }

    // MARK: Baselines

    @Test("a fixed baseline is pinned at its first use, and stays what it was, restarts included")
    func pinned() async throws {
        var scene = try await Scene()
        let id = try await scene.createAssay(baseline: Scene.fixed(), start: nil)
        try await scene.append([(-30, 1), (-20, 2), (10, 1)])
        scene.clock.set(moment(66))
        await scene.scheduler.tick()
        // The windows start where the baseline ends.
        #expect(try scene.decisions(id) == ["0:complete1"])
        let pin = try #require(scene.store.book[id]?.pin)
        #expect(pin.summary.summary.count == 2)
        try await scene.append([(-25, 99), (70, 1)])
        scene = try await scene.restarted()
        scene.clock.set(moment(200))
        await scene.scheduler.tick()
        #expect(try scene.decisions(id) == ["0:complete1", "60:complete1"])
        #expect(scene.store.book[id]?.pin == pin)
        for result in try scene.results(id) { #expect(result.contains("\"baseline_summary\":{\"count\":2,")) }
        try await scene.store.close()
    }

    @Test("a fixed baseline without records puts the assay off, and is tried again after each grace")
    func emptyFixedBaseline() async throws {
        let scene = try await Scene()
        let id = try await scene.createAssay(baseline: Scene.fixed())
        try await scene.append([(10, 1)])
        scene.clock.set(moment(100))
        let scheduler = scene.scheduler
        await scheduler.tick()
        #expect(try scene.decisions(id) == [])
        try await scene.append([(-30, 1), (-20, 2)])
        await scheduler.tick()
        #expect(try scene.decisions(id) == [])
        scene.clock.advance(5)
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["0:complete1"])
        try await scene.store.close()
    }

    // MARK: What may be missing

    // The whole assay stood still until such records came again.
    @Test("a window whose records lack the path has a result without a score, and holds nothing up")
    func pathMissingLater() async throws {
        let scene = try await Scene()
        let id = try await scene.createAssay()
        try await scene.append([(10, 1)])
        scene.clock.set(moment(66))
        let scheduler = scene.scheduler
        await scheduler.tick()
        let other = RecordBatch(
            times: [moment(70).milliseconds],
            fields: [FieldColumn(name: "out.z", values: .scalar(Leaf(.int64([1]))))])
        _ = try await scene.store.append(other, topic: scene.pipeline.topic.name, partition: "engine")
        scene.clock.set(moment(126))
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["0:complete1", "60:complete1"])
        #expect(try scene.results(id)[1].contains("\"status\":\"Warning\""))
        #expect(try scene.results(id)[1].contains("\"unscored\":\"NoData\""))
        #expect(try scene.results(id)[1].contains("\"score\":null"))
        try await scene.store.close()
    }

    @Test("an assay that cannot be analysed does not hold the others up")
    func oneBroken() async throws {
        let scene = try await Scene()
        let broken = try await scene.createAssay("broken", path: "output z")
        let good = try await scene.createAssay("good")
        try await scene.append([(10, 1)])
        scene.clock.set(moment(100))
        await scene.scheduler.tick()
        #expect(try scene.decisions(broken) == [])
        #expect(try scene.decisions(good) == ["0:complete1"])
        try await scene.store.close()
    }
}
