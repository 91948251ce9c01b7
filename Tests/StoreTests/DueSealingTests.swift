// Invariants checked: those of DueSealing.swift.
//
// Windows are a minute wide from 0 seconds; the grace is 5 seconds. The baseline is 1, 2, 3, 4 in two bins: 1 and 4 in
// a window are Ok, many 9 an alert.

import Assays
import Disk
import EventLog
import JSON
import Records
import Segments
import StoreSupport
import TestSupport
import Testing

@testable import Alerts
@testable import Store

@Suite("Windows that are due when records go")
struct DueSealingTests {
    /// Late ones that make a minute an alert.
    private static func late(_ minute: Int) -> [(seconds: Double, y: Double)] {
        (0..<20).map { (Double(minute) * 60 + 30 + Double($0) / 10, 9) }
    }

    /// All alerts, oldest first.
    private static func told(_ scene: Scene) -> [String] {
        scene.store.alerts.recent(limit: 100).reversed().map {
            "\($0.from?.rawValue ?? "-")>\($0.to.rawValue)"
        }
    }

    // They were never analysed, and it was called settled.
    @Test(
        "late records that wait make the one revision that they would have made, told and sealed, in either generation"
    )
    func redaction() async throws {
        let scene = try await Scene()
        let store = scene.store
        let id = try await scene.createAssay()
        let uuid = try await store.scheduleAssay(Scene.seriesRequest("too"))
        try await scene.append([(10, 1), (20, 4)])
        let (first, second) = (scene.scheduler, scene.seriesScheduler)
        func tick() async {
            await first.tick()
            await second.tick()
        }
        scene.clock.set(moment(70))
        await tick()
        #expect(try scene.decisions(id) == ["0:complete1"])
        #expect(Self.told(scene) == [])
        try await scene.append(Self.late(0), partition: "b")
        await tick()
        #expect(try scene.decisions(id) == ["0:complete1"], "they wait for the grace")
        _ = try await store.redact("out.y", ofTopic: scene.pipeline.topic.name)
        func check(_ comment: Comment) throws {
            #expect(try scene.decisions(id) == ["0:late2"], comment)
            #expect(try scene.decisions(uuid) == ["60:late2:Alert"], comment)
            #expect(Self.told(scene) == ["Ok>Alert", "Ok>Alert"], comment)
        }
        try check("at once")
        #expect(try scene.results(id)[0].contains("\"window_summary\":{\"count\":22,"))
        await tick()
        scene.clock.advance(10)
        await tick()
        try check("once")
        let report = try store.view.verify(store.configuration)
        #expect(report.decisionCount == 4 && report.sealedCount == 4, "\(report)")
        #expect(report.isProved && report.isSettled, "\(report)")
        try await store.close()
    }

    @Test(
        "late records in windows of which nothing goes wait on, also over a restart, and are decided when the records rest"
    )
    func others() async throws {
        var scene = try await Scene()
        let id = try await scene.createAssay()
        let sliding = try await scene.createAssay("sliding", baseline: Scene.sliding)
        let uuid = try await scene.store.scheduleAssay(Scene.seriesRequest("too"))
        try await scene.append([(10, 1), (20, 4), (70, 1), (80, 4), (130, 1), (140, 4)])
        scene.clock.set(moment(186))
        await scene.scheduler.tick()
        await scene.seriesScheduler.tick()
        try await scene.append(Self.late(0) + Self.late(1))
        let topic = scene.pipeline.topic.name
        let count = scene.store.sealingCount.load(ordering: .sequentiallyConsistent)
        let report = try await scene.store.sealResults(ofTopic: topic, touching: [SealingTests.period(0, 60)])
        // Window 0 of all, and window 120 of the one that is compared with it.
        #expect(report.dueWindowCount == 4 && report.unexaminedCount == 0 && report.problem == nil)
        #expect(try scene.decisions(id) == ["0:late2", "60:complete1", "120:complete1"])
        #expect(try scene.decisions(sliding) == ["0:late2", "60:complete1", "120:late2"])
        #expect(try scene.decisions(uuid).map { $0.contains("late2") } == [true, false, false])
        // Who looked before is to look again after each of the three, and after the records went.
        #expect(scene.store.sealingCount.load(ordering: .sequentiallyConsistent) == count + 4)
        let cut = scene.store.log.cut
        #expect(
            try await scene.store.sealResults(ofTopic: topic, touching: [SealingTests.period(0, 60)])
                == SealingReport())
        #expect(scene.store.log.cut == cut, "asked again")

        scene = try await scene.restarted()
        let (first, second) = (scene.scheduler, scene.seriesScheduler)
        await first.tick()
        await second.tick()
        scene.clock.advance(10)
        await first.tick()
        await second.tick()
        #expect(try scene.decisions(id) == ["0:late2", "60:late2", "120:complete1"])
        #expect(try scene.decisions(sliding) == ["0:late2", "60:late2", "120:late2"])
        #expect(try scene.decisions(uuid).map { $0.contains("late2") } == [true, true, false])
        let verified = try scene.store.view.verify(scene.store.configuration)
        #expect(verified.isProved && verified.isSettled, "\(verified)")
        try await scene.store.close()
    }

    // The scheduler does not decide the empty windows behind it: nothing else would tell.
    @Test("late records of an assay that is behind change a status that is told when it has caught up")
    func behind() async throws {
        let scene = try await Scene()
        let id = try await scene.createAssay()
        try await scene.append([(10, 1), (20, 4)])
        let scheduler = scene.scheduler
        scene.clock.set(moment(70))
        await scheduler.tick()
        try await scene.append(Self.late(0))
        scene.clock.set(moment(200))
        try await scene.store.sealResults(
            ofTopic: scene.pipeline.topic.name, touching: [SealingTests.period(0, 60)])
        #expect(try scene.decisions(id) == ["0:late2"])
        #expect(Self.told(scene) == [])
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["0:late2"])
        #expect(Self.told(scene) == ["Ok>Alert"])
        try await scene.store.close()
    }

    @Test("where late records cannot be read what was decided is sealed, and the answer tells of it")
    func unreadable() async throws {
        let scene = try await Scene()
        let store = scene.store
        let id = try await scene.createAssay()
        let uuid = try await store.scheduleAssay(Scene.seriesRequest("too"))
        try await scene.append([(10, 1), (20, 4)])
        scene.clock.set(moment(70))
        await scene.scheduler.tick()
        await scene.seriesScheduler.tick()
        // A block of columns, which is read when it is asked for.
        try await scene.append((0..<300).map { (Double($0) / 6, Double($0 % 7)) })
        let topic = scene.pipeline.topic.name
        let blocks = try #require(store.log.snapshot().index.topics[topic]?.segments.last)
        let block = try #require(blocks.blocks.first { $0.rowCount == 300 })
        try SealableResultTests.damage(
            scene.folder, FileName.segment(blocks.segment), at: block.offset, byteCount: block.byteCount)
        let report = try await store.sealResults(ofTopic: topic, touching: [.always])
        #expect(report.resultCount == 2 && report.dueWindowCount == 0 && report.unexaminedCount == 2)
        #expect(
            report.problem?.hasPrefix(
                "windows of 2 assays that were due were not analysed before records of them went, and will not be, "
                    + "the first of assay \(id) (watch): ") == true, "\(report)")
        #expect(try scene.decisions(id) == ["0:complete1"])
        #expect(try scene.decisions(uuid).count == 1)
        try await store.close()
    }

    // Passed over as if no record had come: nobody could look at them later.
    @Test("windows that nobody looked at yet are decided, in order, up to the last of which something goes")
    func backfill() async throws {
        var scene = try await Scene()
        try await scene.append([(10, 1), (20, 4), (70, 9), (80, 9), (130, 1), (140, 4), (190, 1), (200, 4)])
        scene.clock.set(moment(300))
        let id = try await scene.createAssay()
        let sliding = try await scene.createAssay("sliding", baseline: Scene.sliding)
        let uuid = try await scene.store.scheduleAssay(Scene.seriesRequest("too"))
        let topic = scene.pipeline.topic.name
        let report = try await scene.store.sealResults(
            ofTopic: topic, touching: [SealingTests.period(60, 120)])
        // Window 180 of the second is compared with the minute that goes.
        #expect(report.dueWindowCount == 8 && report.resultCount == 4 && report.problem == nil, "\(report)")
        #expect(try scene.decisions(id) == ["0:backfill1", "60:backfill1"])
        let all = ["0:backfill1", "60:backfill1", "120:backfill1", "180:backfill1"]
        #expect(try scene.decisions(sliding) == all)
        #expect(try scene.decisions(uuid) == ["60:backfill1:Ok", "120:backfill1:Alert"])
        #expect(Self.told(scene) == ["->Alert"], "of the second, as more is due of the others")
        let cut = scene.store.log.cut
        try await scene.store.sealResults(ofTopic: topic, touching: [SealingTests.period(60, 120)])
        #expect(scene.store.log.cut == cut, "asked again")

        scene = try await scene.restarted()
        let (first, second) = (scene.scheduler, scene.seriesScheduler)
        for _ in 0..<2 {
            while await first.tick() {}
            while await second.tick() {}
            scene.clock.advance(1)
        }
        #expect(try scene.decisions(id) == all)
        #expect(try scene.decisions(sliding) == all)
        #expect(
            try scene.decisions(uuid) == [
                "60:backfill1:Ok", "120:backfill1:Alert", "180:backfill1:Ok", "240:backfill1:Ok",
            ])
        let verified = try scene.store.view.verify(scene.store.configuration)
        #expect(verified.sealedCount == 4 && verified.isProved && verified.isSettled, "\(verified)")
        try await scene.store.close()
    }

    @Test("a deletion leaves what would have been said of all complete windows, and it is told of")
    func deletion() async throws {
        let scene = try await Scene()
        let store = scene.store
        try await scene.append([(10, 1), (20, 4)] + Self.late(1) + Self.late(2))
        scene.clock.set(moment(130))
        let id = try await scene.createAssay()
        let off = try await scene.createAssay("off", isActive: false)
        let uuid = try await store.scheduleAssay(Scene.seriesRequest("too"))
        let left = try await store.scheduleAssay(Scene.seriesRequest("left"))
        try await store.setActive(uuid: left, false)
        let report = try await store.deleteRecords(ofTopic: scene.pipeline.topic.name)
        #expect(report.problems == [] && report.recordCount == 42)
        // The third minute is not over: nothing is left of it.
        for _ in 0..<2 {
            #expect(try scene.decisions(id) == ["0:backfill1", "60:backfill1"])
            #expect(try scene.decisions(off) == [])
            for uuid in [uuid, left] {
                #expect(try scene.decisions(uuid).prefix(2) == ["60:backfill1:Ok", "120:backfill1:Alert"])
            }
            #expect(Self.told(scene).prefix(3) == ["->Alert", "->Alert", "->Alert"])
            #expect(try scene.results(id)[1].contains("\"window_summary\":{\"count\":20,"))
            scene.clock.advance(60)
            while await scene.scheduler.tick() {}
            while await scene.seriesScheduler.tick() {}
        }
        try await store.close()
    }

    // What a later look at the clock says is over is not, in a view from before.
    @Test("what is due is so by the moment before the first is looked at", arguments: [1.0, 120])
    func readings(leap: Double) async throws {
        let scene = try await Scene()
        let store = scene.store
        try await scene.append([(10, 1), (20, 4), (70, 1)])
        scene.clock.set(moment(70))
        let ids = [try await scene.createAssay(), try await scene.createAssay("other", metric: "MaxDiff")]
        let uuids = [
            try await store.scheduleAssay(Scene.seriesRequest("too")),
            try await store.scheduleAssay(Scene.seriesRequest("as well")),
        ]
        scene.clock.leapOnceAsked(leap)
        try await store.sealResults(ofTopic: scene.pipeline.topic.name, touching: [.always])
        for id in ids { #expect(try scene.decisions(id) == ["0:backfill1"]) }
        for uuid in uuids { #expect(try scene.decisions(uuid) == ["60:backfill1:Ok"]) }
        try await store.close()
    }

    @Test("windows at home are decided no further than something goes of them, whatever goes of edges")
    func edges() async throws {
        let scene = try await Scene()
        let store = scene.store
        try await store.declareLocation("edge", of: scene.pipeline.id)
        try await scene.append([(10, 1), (70, 1), (130, 4)])
        try await scene.append([(130, 1)], partition: "edge")
        scene.clock.set(moment(300))
        let id = try await scene.createAssay(locations: "[]")
        var report = SealingReport()
        let leaving = LeavingRecords(
            topic: scene.pipeline.topic.name,
            partitions: ["engine": [SealingTests.period(0, 60)], "edge": [SealingTests.period(120, 180)]])
        try await store.sealResults({ _ in leaving }, noting: &report) {}
        #expect(try scene.decisions(id) == ["0:backfill1"] && report.dueWindowCount == 1)
        try await store.close()
    }

    @Test("more runs than may be due at once are not made while all wait, and that is told")
    func endless() async throws {
        let scene = try await Scene()
        let store = scene.store
        try await scene.append([(10, 1), (60 * 100_001 + 20, 4)])
        let uuid = try await store.scheduleAssay(Scene.seriesRequest())
        scene.clock.set(moment(60 * 100_002))
        let report = try await store.deleteRecords(ofTopic: scene.pipeline.topic.name)
        #expect(report.recordCount == 2)
        #expect(
            report.problems == [
                "windows of 1 assay that were due were not analysed before records of them went, and will not be, the "
                    + "first of assay \(uuid) (watch): more than 100000 runs are due, which all commands would wait "
                    + "for"
            ])
        try await store.close()
    }
}
