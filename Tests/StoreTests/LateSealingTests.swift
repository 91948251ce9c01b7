// Invariants checked: those of LateSealing.swift.
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

@Suite("Late records that wait when records go")
struct LateSealingTests {
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
    @Test("they make the one revision that they would have made, told and sealed, in either generation")
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

    @Test("windows of which nothing goes wait on, also over a restart, and are decided when the records rest")
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
        #expect(report.lateWindowCount == 4 && report.unexaminedCount == 0 && report.problem == nil)
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
    @Test("of an assay that is behind they change a status that is told when it has caught up")
    func behind() async throws {
        let scene = try await Scene()
        let id = try await scene.createAssay()
        try await scene.append([(10, 1), (20, 4)])
        let scheduler = scene.scheduler
        scene.clock.set(moment(70))
        await scheduler.tick()
        try await scene.append(Self.late(0))
        scene.clock.set(moment(200))
        try await scene.store.sealResults(ofTopic: scene.pipeline.topic.name, touching: [.always])
        #expect(try scene.decisions(id) == ["0:late2"])
        #expect(Self.told(scene) == [])
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["0:late2"])
        #expect(Self.told(scene) == ["Ok>Alert"])
        try await scene.store.close()
    }

    @Test("where they cannot be read what was decided is sealed, and the answer tells of it")
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
        #expect(report.resultCount == 2 && report.lateWindowCount == 0 && report.unexaminedCount == 2)
        #expect(
            report.problem?.hasPrefix(
                "late records of 2 assays were not analysed before their windows were sealed, and will not be, "
                    + "the first of assay \(id) (watch): ") == true, "\(report)")
        #expect(try scene.decisions(id) == ["0:complete1"])
        #expect(try scene.decisions(uuid).count == 1)
        try await store.close()
    }
}
