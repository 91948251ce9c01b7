// Invariants checked: those at the head of SeriesScheduler.swift and SeriesPass.swift, with a clock that the test
// moves; how late runs are cut into pieces is in SeriesLateTests.swift.
//
// Windows are a minute wide and runs a minute apart from 60 seconds on; the grace is 5 seconds.

import Assays
import Foundation
import JSON
import Records
import Simulation
import StoreSupport
import Summaries
import TestSupport
import Testing

@testable import Store

@Suite("The second generation's scheduler")
struct SeriesSchedulerTests {
    @Test("a run is made once its window is complete and the grace has passed; an empty one says so")
    func runs() async throws {
        let scene = try await Scene()
        let uuid = try await scene.store.scheduleAssay(Scene.seriesRequest())
        let scheduler = scene.seriesScheduler
        try await scene.append([(10, 1), (20, 4), (59.999, 3), (60, 4), (125, 9)])
        scene.clock.set(moment(64.999999))
        await scheduler.tick()
        #expect(try scene.decisions(uuid) == [])
        scene.clock.set(moment(65))
        await scheduler.tick()
        #expect(try scene.decisions(uuid) == ["60:complete1:Ok"])
        scene.clock.set(moment(245))
        await scheduler.tick()
        #expect(
            try scene.decisions(uuid) == [
                "60:complete1:Ok", "120:complete1:Alert", "180:complete1:Alert", "240:complete1:NoData",
            ])
        let results = try scene.results(uuid)
        #expect(try results[0]["summaries"]["out.y"]["statistics"]["count"].integer() == 3)
        #expect(results[3]["summaries"].value?.text == "{}")
        #expect(results[3]["scores"].value?.text == "{\"out.y\":\"the window holds no records\"}")
        // The empty window's result follows from its decision, and takes no room.
        #expect(scene.store.view.derived?.index.events.count == 3)
        #expect(try results[3]["id"].integer() == 4)
        let assay = try #require(scene.store.book[uuid: uuid])
        #expect(assay.lastRun == moment(240) && assay.nextRun(by: scene.clock.now) == moment(300))
        // Nothing is decided twice.
        let cut = scene.store.log.cut
        await scheduler.tick()
        #expect(scene.store.log.cut == cut)
        try await scene.store.close()
    }

    @Test("runs that lie behind are filled in at once, and the last run is the last")
    func backfill() async throws {
        let scene = try await Scene()
        try await scene.append([(10, 1), (130, 2)])
        scene.clock.set(moment(190))
        let uuid = try await scene.store.scheduleAssay(Scene.seriesRequest(end: "\"2024-01-09T19:04:30Z\""))
        await scene.seriesScheduler.tick()
        #expect(
            try scene.decisions(uuid).map { $0.split(separator: ":").prefix(2).joined(separator: ":") }
                == ["60:backfill1", "120:backfill1", "180:backfill1"])
        scene.clock.set(moment(1000))
        await scene.seriesScheduler.tick()
        #expect(try scene.decisions(uuid).count == 4)
        #expect(scene.store.book[uuid: uuid]?.nextRun(by: scene.clock.now) == nil)
        try await scene.store.close()
    }

    @Test("cron makes the runs, each of its own window")
    func cron() async throws {
        let scene = try await Scene()
        try await scene.append([(3570, 1), (3599, 4), (3600, 9), (7199, 2)])
        let uuid = try await scene.store.scheduleAssay(
            Scene.seriesRequest(frequency: "{\"Cron\":\"0 * * * *\"}"))
        scene.clock.set(moment(7300))
        await scene.seriesScheduler.tick()
        #expect(
            try scene.decisions(uuid) == ["3600:complete1:Ok", "7200:complete1:Alert"])
        let results = try scene.results(uuid)
        #expect(
            try results.map { try $0["window_start"].string() } == [
                "2024-01-09T19:59:00Z", "2024-01-09T20:59:00Z",
            ])
        #expect(try results[0]["summaries"]["out.y"]["statistics"]["count"].integer() == 2)
        try await scene.store.close()
    }

    @Test("late records make one new revision of each window they touch, empty ones too, once it is quiet")
    func late() async throws {
        let scene = try await Scene()
        let uuid = try await scene.store.scheduleAssay(Scene.seriesRequest())
        let scheduler = scene.seriesScheduler
        try await scene.append([(10, 1), (130, 2)])
        scene.clock.set(moment(200))
        await scheduler.tick()
        #expect(try scene.decisions(uuid).count == 3)
        try await scene.append([(70, 2)])
        await scheduler.tick()
        scene.clock.advance(3)
        try await scene.append([(75, 3)])
        await scheduler.tick()
        scene.clock.advance(4.9)
        await scheduler.tick()
        #expect(try scene.decisions(uuid)[1] == "120:complete1:NoData")
        scene.clock.advance(0.1)
        await scheduler.tick()
        #expect(
            try scene.decisions(uuid) == [
                "60:complete1:Alert", "120:late2:Ok", "180:complete1:Alert",
            ])
        #expect(scene.store.book[uuid: uuid]?.superseded.count == 1)
        try await scene.store.close()
    }

    // Their digest was that of an empty window: what was told of the window stayed as it was.
    @Test("late records without a number make a revision too, which says how many they are")
    func lateNulls() async throws {
        var scene = try await Scene()
        let uuid = try await scene.store.scheduleAssay(Scene.seriesRequest())
        var scheduler = scene.seriesScheduler
        scene.clock.set(moment(65))
        await scheduler.tick()
        func told() throws -> String? {
            try scene.results(uuid).first?["scores"]["out.y"].string()
        }
        #expect(try told() == "the window holds no records")
        for count in 1...2 {
            try await scene.append([(Double(count), .nan)])
            await scheduler.tick()
            scene.clock.advance(5)
            await scheduler.tick()
            #expect(try scene.decisions(uuid) == ["60:late\(count + 1):NoData"])
            #expect(try told() == "the window holds no numbers: its \(count) values are null or NaN")
            scene = try await scene.restarted()
            scheduler = scene.seriesScheduler
        }
        // Looked at again, they are no news.
        await scheduler.tick()
        #expect(try scene.decisions(uuid) == ["60:late3:NoData"])
        try await scene.store.close()
    }

    @Test("a decision by the layout of engine version 1 stands until what it was made of changes")
    func olderLayout() async throws {
        var scene = try await Scene()
        let uuid = try await scene.store.scheduleAssay(Scene.seriesRequest())
        try await scene.append([(1, .nan), (70, 2)])
        let assay = try #require(scene.store.book[uuid: uuid])
        scene.clock.set(moment(126))
        let view = scene.store.view
        let runs = [moment(60), moment(120)]
        let outcomes = try SeriesPass(view: view, definition: assay.definition)
            .outcomes(of: runs.map { assay.definition.window(of: $0) })
        // As that version decided.
        let events = scene.store.book.decide(
            outcomes.map {
                WindowAnalysis(
                    of: $0.outcome, reason: .complete, analysedAt: $0.analysedAt, elapsedMilliseconds: 0)
            }, ofSeries: assay, cut: view.snapshot.cut, runAt: moment(125))
        let old = zip(events, outcomes).compactMap { event, window -> AssayEvent? in
            guard case .analysed(var decision) = event, let digest = window.outcome.digest(ofEngine: 1)
            else { return nil }
            decision.engineVersion = 1
            decision.digest = digest
            return .analysed(decision)
        }
        #expect(old.count == 2)
        try await scene.store.changeBook { _ in old }
        scene = try await scene.restarted()
        var report = try scene.store.view.verify(scene.store.configuration)
        #expect(report.equalCount == 2 && report.isProved && report.isSettled, "\(report)")

        let scheduler = scene.seriesScheduler
        await scheduler.tick()
        #expect(try scene.decisions(uuid) == ["60:complete1:NoData", "120:complete1:Alert"])
        try await scene.append([(2, .nan)])
        report = try scene.store.view.verify(scene.store.configuration)
        #expect(report.equalCount == 2 && report.lateWindowCount == 1, "\(report)")
        await scheduler.tick()
        scene.clock.advance(5)
        await scheduler.tick()
        #expect(try scene.decisions(uuid) == ["60:late2:NoData", "120:complete1:Alert"])
        report = try scene.store.view.verify(scene.store.configuration)
        #expect(report.equalCount == 3 && report.isProved && report.isSettled, "\(report)")
        try await scene.store.close()
    }

    @Test("a rolling baseline moves with the windows, and its late records reach them")
    func rolling() async throws {
        let scene = try await Scene()
        let uuid = try await scene.store.scheduleAssay(
            Scene.seriesRequest(
                baseline: "{\"Rolling\":{\"start\":\"2024-01-09T18:58:00Z\",\"width\":{\"seconds\":60}}}"))
        let scheduler = scene.seriesScheduler
        // The baseline of the window that ends at 60 is from -120 to -60; that of 120 from -60 to 0.
        try await scene.append([(-110, 1), (-100, 2), (10, 1), (20, 2), (70, 5), (130, 5)])
        scene.clock.set(moment(185))
        await scheduler.tick()
        #expect(
            try scene.decisions(uuid) == [
                "60:complete1:Ok", "120:complete1:NoData", "180:complete1:Alert",
            ])
        let scores = try scene.results(uuid)[1]["scores"]["out.y"].string()
        #expect(scores == "the baseline, from 2024-01-09T18:59:00Z to 2024-01-09T19:00:00Z, holds no records")
        try await scene.append([(-50, 5), (-40, 6)])
        scene.clock.advance(1)
        await scheduler.tick()
        scene.clock.advance(6)
        await scheduler.tick()
        #expect(try scene.decisions(uuid)[1].hasPrefix("120:late2:"))
        #expect(try scene.results(uuid)[1]["scores"]["out.y"]["score"].double() > 0)
        try await scene.store.close()
    }

    @Test("several paths have a score each, one without numbers says why, and the worst is the status")
    func paths() async throws {
        let scene = try await Scene()
        let batch = RecordBatch(
            times: [moment(1).milliseconds, moment(2).milliseconds],
            fields: [
                FieldColumn(name: "out.y", values: .scalar(Leaf(.float64([1, 4])))),
                FieldColumn(name: "in.x", values: .scalar(Leaf(.float64([9, .nan])))),
            ])
        _ = try await scene.store.append(batch, topic: scene.pipeline.topic.name, partition: "engine")
        let uuid = try await scene.store.scheduleAssay(
            Scene.seriesRequest(
                iopath: """
                    [{"field":"out.y","thresholds":{"alert":1}},{"field":"in.x","thresholds":{"warning":0.1}},\
                    {"field":"out.z","indexes":[3]}]
                    """))
        scene.clock.set(moment(66))
        await scene.seriesScheduler.tick()
        #expect(try scene.decisions(uuid) == ["60:complete1:NoData"])
        let result = try #require(try scene.results(uuid).first)
        #expect(try result["scores"]["out.y"]["score"].double() == 0)
        // NaN lies in the leftmost bin, beside 9 in the right one: no drift by shares.
        #expect(try result["scores"]["in.x"]["score"].double() == 0)
        #expect(try result["summaries"]["in.x"]["statistics"]["count"].integer() == 2)
        #expect(try result["summaries"]["in.x"]["statistics"]["mean"].double() == 9)
        #expect(
            try result["scores"]["out.z.3"].string()
                == "the window holds no numbers: its 2 values are null or NaN")
        #expect(result["summaries"]["out.z.3"].value == nil)
        try await scene.store.close()
    }

    // The contract: switching off "only pauses future scheduled runs - historical calculations will still be
    // computed". They were not.
    @Test("switched off, an assay makes the runs that were due by then, and no other, restarts included")
    func pausedBehind() async throws {
        var scene = try await Scene()
        try await scene.append([(10, 1), (70, 2), (130, 3), (190, 4)])
        scene.clock.set(moment(182))
        let uuid = try await scene.store.scheduleAssay(Scene.seriesRequest())
        try await scene.store.setActive(uuid: uuid, false)
        scene = try await scene.restarted()
        func assay() throws -> SeriesAssay { try #require(scene.store.book[uuid: uuid]) }
        #expect(try assay().nextRun(by: scene.clock.now) == nil && assay().hasRunsLeft)
        #expect(
            try scene.store.backfill(of: assay())?.json.text == "{\"windows_done\":0,\"windows_due\":2}")
        // Two whose grace is over; the third was due when it was switched off, and is made after its grace.
        let scheduler = scene.seriesScheduler
        await scheduler.tick()
        #expect(try scene.decisions(uuid).map { String($0.prefix { $0 != ":" }) } == ["60", "120"])
        // Settled as an active one would be: the third waits for its grace.
        #expect(try scene.store.view.verify(scene.store.configuration).isSettled)
        // Switching it off again puts nothing more in the past.
        scene.clock.set(moment(250))
        try await scene.store.setActive(uuid: uuid, false)
        #expect(try scene.store.view.verify(scene.store.configuration).dueWindowCount == 1)
        await scheduler.tick()
        #expect(
            try scene.decisions(uuid).map { String($0.prefix { $0 != ":" }) } == ["60", "120", "180"])
        #expect(try !assay().hasRunsLeft && scene.store.backfill(of: assay()) == nil)
        // Nor does anything come of late records, until it is switched on.
        try await scene.append([(20, 9)])
        for seconds in [300.0, 400] {
            scene.clock.set(moment(seconds))
            await scheduler.tick()
        }
        #expect(try scene.decisions(uuid).count == 3)
        #expect(try scene.store.view.verify(scene.store.configuration).isSettled)
        try await scene.store.setActive(uuid: uuid, true)
        await scheduler.tick()
        scene.clock.advance(6)
        await scheduler.tick()
        let decisions = try scene.decisions(uuid)
        #expect(decisions.count == 6 && decisions[0].hasPrefix("60:late2"), "\(decisions)")
        try await scene.store.close()
    }

    @Test("a paused assay decides nothing, and goes on where it stopped, also after a restart")
    func pausing() async throws {
        var scene = try await Scene()
        let uuid = try await scene.store.scheduleAssay(Scene.seriesRequest())
        try await scene.append([(10, 1), (70, 2), (130, 3)])
        scene.clock.set(moment(65))
        await scene.seriesScheduler.tick()
        try await scene.store.setActive(uuid: uuid, false)
        scene.clock.set(moment(130))
        await scene.seriesScheduler.tick()
        #expect(try scene.decisions(uuid).count == 1)
        scene = try await scene.restarted()
        try await scene.store.setActive(uuid: uuid, true)
        await scene.seriesScheduler.tick()
        scene.clock.set(moment(200))
        await scene.seriesScheduler.tick()
        #expect(
            try scene.decisions(uuid).map { String($0.prefix { $0 != ":" }) } == ["60", "120", "180"])
        try await scene.store.close()
    }

    @Test("an assay with more runs to make than may be due when one is scheduled is not switched on")
    func endlessPause() async throws {
        let scene = try await Scene()
        let uuid = try await scene.store.scheduleAssay(Scene.seriesRequest())
        func isActive() -> Bool? { scene.store.book[uuid: uuid]?.isActive }
        scene.clock.set(moment(126))
        await scene.seriesScheduler.tick()
        #expect(try scene.decisions(uuid).count == 2)
        try await scene.store.setActive(uuid: uuid, false)
        // The third run, and 100,000 after it.
        scene.clock.set(moment(60 * 100_003))
        let told = await refusal { try await scene.store.setActive(uuid: uuid, true) }
        #expect(told.hasPrefix("field \"active\" is true, and more than 100000 runs"), "\(told)")
        #expect(told.contains("since 2024-01-09T19:03:00Z") && told.contains("\"first_run\""), "\(told)")
        #expect(isActive() == false)
        // By a step of the clock that is doubted, the clock is what is wrong.
        scene.clock.set(moment(126))
        scene.store.clockWatch.withLock { watch in
            watch = ClockWatch()
            watch?.look(scene.store.sources)
        }
        scene.clock.set(moment(60 * 100_003))
        let doubted = await refusal { try await scene.store.setActive(uuid: uuid, true) }
        #expect(doubted.contains("set it right") && !doubted.contains("\"first_run\""), "\(doubted)")
        scene.store.clockWatch.withLock { $0 = nil }
        try await scene.store.setActive(uuid: uuid, false)
        // One fewer is as many as may be.
        scene.clock.set(moment(60 * 100_003 - 1))
        try await scene.store.setActive(uuid: uuid, true)
        #expect(isActive() == true)
        // What is active has its runs to make, whoever says so again.
        scene.clock.set(moment(60 * 100_003))
        try await scene.store.setActive(uuid: uuid, true)
        try await scene.store.close()
    }

    // It was refused for runs that it went on making while it was off.
    @Test("runs that were due when an assay was switched off do not keep it from being switched on")
    func pauseBehind() async throws {
        let scene = try await Scene()
        scene.clock.set(moment(60 * 100_000))
        let uuid = try await scene.store.scheduleAssay(Scene.seriesRequest())
        try await scene.store.setActive(uuid: uuid, false)
        #expect(try #require(scene.store.book[uuid: uuid]).hasRunsLeft)
        scene.clock.set(moment(60 * 100_002))
        try await scene.store.setActive(uuid: uuid, true)
        #expect(scene.store.book[uuid: uuid]?.isActive == true)
        try await scene.store.close()
    }

    @Test("a static baseline is a summary once the assay is scheduled, and stays what it was")
    func staticBaseline() async throws {
        let scene = try await Scene()
        let period = "{\"Static\":[\"2024-01-09T18:00:00Z\",\"2024-01-09T19:00:00Z\"]}"
        let none = await refusal {
            _ = try await scene.store.scheduleAssay(Scene.seriesRequest(baseline: period))
        }
        #expect(none.contains("no inferences for out.y") && none.contains("2024-01-09T18:00:00Z"))
        try await scene.append([(-10, 1), (-5, 2), (10, 1)])
        let uuid = try await scene.store.scheduleAssay(Scene.seriesRequest(baseline: period))
        let before = try #require(scene.store.book[uuid: uuid]).definition.baseline
        guard case .summaries(let summaries) = before else {
            Issue.record("It is no summary.")
            return
        }
        #expect(summaries.values.map(\.summary.count) == [2])
        try await scene.append([(-7, 100)])
        scene.clock.set(moment(100))
        await scene.seriesScheduler.tick()
        #expect(scene.store.book[uuid: uuid]?.definition.baseline == before)
        let elsewhere = await refusal {
            _ = try await scene.store.scheduleAssay(
                Scene.seriesRequest("b", baseline: period, iopath: "[{\"field\":\"out.none\"}]"))
        }
        #expect(elsewhere.contains("out.none") && elsewhere.contains("indexes"))
        try await scene.store.close()
    }

    @Test("what the catalogue does not know, or what would be too much at once, is refused")
    func refusals() async throws {
        let scene = try await Scene()
        for (origin, part) in [
            ("{\"pipeline_id\":9}", "pipeline_id"), ("{\"pipeline_name\":\"none\"}", "none"),
            ("{\"pipeline_id\":1,\"pipeline_name\":\"other\"}", "pipeline_name"),
            ("{\"pipeline_id\":1,\"workspace_id\":2}", "workspace_id"),
            ("{\"pipeline_id\":1,\"workspace_name\":\"other\"}", "workspace_name"),
        ] {
            let text = await refusal {
                _ = try await scene.store.scheduleAssay(Scene.seriesRequest(origin: origin))
            }
            #expect(text.contains(part), "\(origin): \(text)")
        }
        let text = await refusal {
            _ = try await scene.store.scheduleAssay(Scene.seriesRequest(firstRun: "1990-01-01T00:00:00Z"))
        }
        #expect(text.contains("scheduling.first_run") && text.contains("100000"))
        let uuid = try await scene.store.scheduleAssay(Scene.seriesRequest())
        let again = await refusal { _ = try await scene.store.scheduleAssay(Scene.seriesRequest()) }
        #expect(again.contains(uuid))
        try await scene.store.close()
    }
}
