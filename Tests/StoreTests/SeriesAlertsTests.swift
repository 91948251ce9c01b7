// Checked here: an assay of the second generation leads to one alert for each path whose newest status became
// another, in the commit of the decision, whatever comes late or is started again; and that proving and deriving
// a history anew says nothing to anybody.
//
// Windows are a minute wide and runs a minute apart from 60 seconds on; the grace is 5 seconds. The baseline is
// 1, 2, 3, 4 in two bins: two values in each are Ok, all in one are an alert.

import Alerts
import Assays
import JSON
import Records
import Simulation
import TestSupport
import Testing

@testable import Store

@Suite("Alerts of the second generation")
struct SeriesAlertsTests {
    /// All alerts, oldest first: path, change, the second at which the window ends.
    private func told(_ scene: Scene) -> [String] {
        scene.store.alerts.recent(limit: 1_000).reversed().map { change in
            let seconds = (change.window.end.microseconds - moment(0).microseconds) / 1_000_000
            return
                "\(change.path.dottedText) \(change.from?.rawValue ?? "-")>\(change.to.rawValue)@\(seconds)"
        }
    }

    private func append(_ records: [(seconds: Double, y: Double, x: Double)], _ scene: Scene) async throws {
        let batch = RecordBatch(
            times: records.map { moment($0.seconds).milliseconds },
            fields: [
                FieldColumn(name: "out.y", values: .scalar(Leaf(.float64(records.map(\.y))))),
                FieldColumn(name: "in.x", values: .scalar(Leaf(.float64(records.map(\.x))))),
            ])
        _ = try await scene.store.append(batch, topic: scene.pipeline.topic.name, partition: "engine")
    }

    private static let twoPaths = """
        [{"field":"out.y","thresholds":{"alert":0.25}},{"field":"in.x","thresholds":{"alert":0.25}}]
        """

    @Test("one alert for each flip of a path and none without, also for records that come late")
    func flips() async throws {
        let scene = try await Scene()
        let uuid = try await scene.store.scheduleAssay(Scene.seriesRequest(iopath: Self.twoPaths))
        let scheduler = scene.seriesScheduler
        try await append(
            [
                (10, 1, 1), (20, 4, 4), (70, 1, 9), (80, 4, 9), (130, 1, 9), (140, 4, 9), (190, 9, 1),
                (200, 9, 4),
            ], scene)
        for end in [60.0, 120, 180, 240, 300] {
            scene.clock.set(moment(end + 5))
            await scheduler.tick()
        }
        let expected = [
            "in.x Ok>Alert@120", "out.y Ok>Alert@240", "in.x Alert>Ok@240", "out.y Alert>NoData@300",
            "in.x Ok>NoData@300",
        ]
        #expect(told(scene) == expected)
        let newest = try #require(scene.store.alerts.recent(limit: 1).first)
        let assay = try #require(scene.store.book[uuid: uuid])
        #expect(newest.assayUUID == uuid && newest.assayID == assay.id && newest.pipelineName == "fraud")
        #expect(newest.resultID == assay.decisions.last?.resultID)

        // Late records turn a window before the newest over: it is decided again, and nobody is told.
        try await append([(90, 9, 1), (95, 9, 1), (96, 9, 1)], scene)
        await scheduler.tick()
        scene.clock.advance(6)
        await scheduler.tick()
        #expect(scene.store.book[uuid: uuid]?.superseded.count == 1)
        #expect(told(scene) == expected)
        // And the newest: it holds records after all.
        try await append([(250, 1, 9), (260, 4, 9)], scene)
        await scheduler.tick()
        scene.clock.advance(6)
        await scheduler.tick()
        #expect(told(scene) == expected + ["out.y NoData>Ok@300", "in.x NoData>Alert@300"])
        try await scene.store.close()
    }

    @Test("a window decided by a clock that was ahead is told of again when it is complete")
    func ahead() async throws {
        let scene = try await Scene()
        _ = try await scene.store.scheduleAssay(Scene.seriesRequest())
        let scheduler = scene.seriesScheduler
        try await append([(10, 1, 1), (20, 4, 4), (70, 9, 1), (80, 9, 4)], scene)
        scene.clock.set(moment(65))
        await scheduler.tick()
        #expect(told(scene) == [])
        scene.clock.set(moment(245))
        await scheduler.tick()
        #expect(told(scene) == ["out.y Ok>NoData@240"])
        scene.clock.set(moment(66))
        await scheduler.tick()
        #expect(told(scene) == ["out.y Ok>NoData@240"])
        scene.clock.set(moment(125))
        await scheduler.tick()
        await scheduler.tick()
        #expect(told(scene) == ["out.y Ok>NoData@240", "out.y NoData>Alert@120"])
        try await scene.store.close()
    }

    @Test("an assay started again, paused or moved to another process tells nothing twice")
    func restarts() async throws {
        var scene = try await Scene()
        let uuid = try await scene.store.scheduleAssay(Scene.seriesRequest(iopath: Self.twoPaths))
        try await append([(10, 9, 1), (20, 9, 4), (70, 9, 1), (80, 9, 4), (130, 1, 9), (131, 4, 9)], scene)
        scene.clock.set(moment(65))
        await scene.seriesScheduler.tick()
        #expect(told(scene) == ["out.y ->Alert@60"])
        // A power cut, and a process that knows what the log says.
        scene = try scene.copied()
        scene.clock.set(moment(125))
        await scene.seriesScheduler.tick()
        #expect(told(scene) == ["out.y ->Alert@60"])
        // While it is switched off it tells nothing; then it tells what the past came to.
        try await scene.store.setActive(uuid: uuid, false)
        scene.clock.set(moment(190))
        await scene.seriesScheduler.tick()
        #expect(told(scene) == ["out.y ->Alert@60"])
        try await scene.store.setActive(uuid: uuid, true)
        scene = try await scene.restarted()
        await scene.seriesScheduler.tick()
        let expected = ["out.y ->Alert@60", "out.y Alert>Ok@180", "in.x Ok>Alert@180"]
        #expect(told(scene) == expected)
        await scene.seriesScheduler.tick()
        #expect(told(scene) == expected)
        try await scene.store.close()
    }

    @Test(
        "a backfill, or what passed while nobody looked, is told by what it ends with, however many commits",
        arguments: [true, false])
    func backfill(isDowntime: Bool) async throws {
        let scene = try await Scene()
        // Ten windows are looked at in one go where there are a thousand paths.
        let fields = (0..<SeriesTargeting.pathCountMax - 1).map {
            "{\"field\":\"out.none\",\"indexes\":[\($0)]}"
        }
        let iopath =
            "[{\"field\":\"out.y\",\"thresholds\":{\"alert\":0.25}},\(fields.joined(separator: ","))]"
        if isDowntime {
            _ = try await scene.store.scheduleAssay(Scene.seriesRequest(iopath: iopath))
        }
        for minute in 0..<25 {
            let start = Double(minute) * 60
            let other: Double = minute < 24 ? 9 : 1
            try await scene.append([(seconds: start + 1, y: other), (seconds: start + 2, y: 4)])
        }
        scene.clock.set(moment(1_510))
        if !isDowntime {
            _ = try await scene.store.scheduleAssay(Scene.seriesRequest(iopath: iopath))
        }
        var scheduler = scene.seriesScheduler
        await scheduler.tick()
        scheduler = scene.seriesScheduler
        await scheduler.tick()
        #expect(told(scene) == [])
        await scheduler.tick()
        // The one path is Ok; of the others nothing is known, and that is news.
        #expect(scene.store.alerts.recent(limit: 9_999).count == SeriesTargeting.pathCountMax - 1)
        #expect(!told(scene).contains { $0.hasPrefix("out.y") || !$0.hasSuffix(">NoData@1500") })
        try await scene.store.close()
    }

    @Test("proving a history and deriving it anew appends nothing and leaves the alerts as they were")
    func rebuilt() async throws {
        let scene = try await Scene()
        _ = try await scene.store.scheduleAssay(Scene.seriesRequest(iopath: Self.twoPaths))
        let scheduler = scene.seriesScheduler
        try await append([(10, 1, 1), (20, 4, 4), (70, 9, 9), (130, 1, 1), (131, 4, 4)], scene)
        for end in [60.0, 120, 180] {
            scene.clock.set(moment(end + 5))
            await scheduler.tick()
        }
        let (before, alerts) = (told(scene), scene.store.alerts)
        #expect(before.count == 4)
        let report = try scene.store.view.verify(scene.folder.configuration())
        #expect(report.isProved && report.isSettled && report.equalCount == 3)
        try await scene.store.close()
        let folder = try scene.folder.copy()
        // Closing a store may have put what waited into columns.
        let cut = try StoreView.open(folder.path).view.snapshot.cut
        let rebuilt = try InferenceStore.rebuild(
            folder.configuration(), sources: scene.clock.sources)
        #expect(rebuilt.resultCount == 3 && rebuilt.failureCount == 0)
        let again = Scene(
            folder: folder, clock: scene.clock,
            store: try InferenceStore.open(folder.configuration(), sources: scene.clock.sources).store,
            pipeline: scene.pipeline)
        await again.seriesScheduler.tick()
        #expect(again.store.log.cut == cut)
        #expect(told(again) == before && again.store.alerts == alerts)
        try await again.store.close()
    }

    @Test(
        "random histories tell each path's way from status to status, to what is decided in the end",
        arguments: 0..<8)
    func randomHistories(seed: UInt64) async throws {
        print("seed \(seed)")
        var generator = SeededGenerator(seed: seed)
        var scene = try await Scene()
        let uuid = try await scene.store.scheduleAssay(Scene.seriesRequest(iopath: Self.twoPaths))
        var scheduler = scene.seriesScheduler
        var now = 0.0
        for _ in 0..<40 {
            now += Double(Int.random(in: 0...40, using: &generator))
            scene.clock.set(moment(now))
            if Bool.random(using: &generator) {
                let records = (0..<Int.random(in: 1...4, using: &generator)).map { _ in
                    (
                        seconds: (now - Double(Int.random(in: -5...150, using: &generator))).rounded(),
                        y: Double(Int.random(in: 0...5, using: &generator)),
                        x: Int.random(in: 0...3, using: &generator) == 0
                            ? .nan : Double(Int.random(in: 0...5, using: &generator))
                    )
                }
                try await append(records, scene)
            }
            if Int.random(in: 0...9, using: &generator) == 0 {
                scene = try await scene.restarted()
                scheduler = scene.seriesScheduler
            }
            await scheduler.tick()
        }
        let assay = try #require(scene.store.book[uuid: uuid])
        let last = try #require(assay.decisions.last)
        // As the newest decision's records say.
        let statuses = try scene.store.view.seriesOutcome(of: last, assay).findings.map(\.status)
        for (path, status) in zip(assay.definition.paths, statuses) {
            var known: AssayStatus?
            for change in scene.store.alerts.recent(limit: 1_000).reversed() where change.path == path {
                #expect(change.from == known || (known == nil && change.from == .ok))
                #expect(change.from != change.to)
                known = change.to
            }
            #expect((known ?? .ok) == status)
        }
        try await scene.store.close()
    }
}
