// Checked here (InferenceStore+Assays.swift): a stored result can be deleted, damaged or lost on the way
// and comes back the same, byte for byte; and lists show the newest of each window, oldest window first.

import Assays
import Foundation
import JSON
import Records
import Segments
import StoreSupport
import Synchronization
import TestSupport
import Testing

@testable import Store

@Suite("Stored results")
struct StoredResultsTests {
    /// Assays of every kind of baseline, with late records and a restart behind them.
    static func history() async throws -> (scene: Scene, ids: [AssayID]) {
        let scene = try await Scene()
        try await scene.append([(-30, 1), (-20, 2)])
        try await scene.append((0..<400).map { (Double($0), Double($0 % 17) / 3) })
        let fixed = Scene.fixed()
        let summary = try scene.store.view.baseline(
            try BaselinesTests.spec(fixed), try BaselinesTests.settings()
        ).json.text
        let ids = [
            try await scene.createAssay("vector"),
            try await scene.createAssay("fixed", baseline: fixed, metric: "MaxDiff"),
            try await scene.createAssay("static", baseline: "{\"static\":\(summary)}", metric: "SumDiff"),
            try await scene.createAssay(
                "sliding", baseline: Scene.sliding, interval: "17 seconds"),
        ]
        let scheduler = scene.scheduler
        scene.clock.set(moment(300))
        await scheduler.tick()
        try await scene.append([(50, 9), (100, 0.1), (-25, 40)])
        await scheduler.tick()
        scene.clock.advance(6)
        await scheduler.tick()
        return (scene, ids)
    }

    @Test("results whose directory was deleted come back byte for byte")
    func deleted() async throws {
        var (scene, ids) = try await Self.history()
        let before = try ids.map { try scene.results($0) }
        #expect(before.map(\.count) == [5, 5, 5, 15])
        scene = try await scene.restarted { folder in try folder.remove("derived") }
        #expect(try ids.map { try scene.results($0) } == before)
        // And beside each other: what is new is kept, what was deleted is worked out.
        scene.clock.set(moment(700))
        await scene.scheduler.tick()
        for (id, results) in zip(ids, before) {
            #expect(try scene.results(id).count > results.count)
            #expect(Array(try scene.results(id).prefix(results.count)) == results)
        }
        try await scene.store.close()
    }

    // A damaged copy was an error, though the log can say the same again.
    @Test("a damaged stored result is worked out again")
    func damaged() async throws {
        var (scene, ids) = try await Self.history()
        let before = try ids.map { try scene.results($0) }
        let place = scene.store.derived.snapshot().index.events[3]
        scene = try await scene.restarted { folder in
            let name =
                "\(folder.path)/derived/segment-" + String(repeating: "0", count: 15) + "\(place.segment)"
            var bytes = try Data(contentsOf: URL(fileURLWithPath: name))
            bytes[place.entry.offset + place.entry.byteCount / 2] ^= 0x01
            try bytes.write(to: URL(fileURLWithPath: name))
        }
        #expect(throws: SegmentError.self) {
            for place in scene.store.derived.snapshot().index.events {
                _ = try scene.store.derived.snapshot().event(place)
            }
        }
        #expect(try ids.map { try scene.results($0) } == before)
        let report = try scene.store.view.verify(scene.store.configuration)
        #expect(report.keptUnreadableCount == 1 && report.isProved, "\(report)")
        #expect(report.keptCount == report.decisionCount - 1)
        try await scene.store.close()
    }

    @Test("a copy of the directory, taken while it is written, has the same results")
    func copied() async throws {
        let (scene, ids) = try await Self.history()
        let before = try ids.map { try scene.results($0) }
        let copy = try scene.copied()
        #expect(try ids.map { try copy.results($0) } == before)
        try await copy.store.close()
        try await scene.store.close()
    }

    @Test("a decision whose result was not kept any more, before the process ended, loses nothing")
    func decidedButNotKept() async throws {
        var (scene, ids) = try await Self.history()
        // The results as they were before the last pass, under a log that has its decisions.
        let early = try scene.folder.copy()
        scene.clock.set(moment(700))
        await scene.scheduler.tick()
        let before = try ids.map { try scene.results($0) }
        scene = try await scene.restarted { folder in
            try folder.remove("derived")
            try FileManager.default.copyItem(
                atPath: early.path + "/derived", toPath: folder.path + "/derived")
        }
        #expect(try ids.map { try scene.results($0) } == before)
        try await scene.store.close()
    }

    @Test("a list is of the windows that start in the period, oldest first")
    func lists() async throws {
        let (scene, ids) = try await Self.history()
        func starts(_ period: TimeWindow) throws -> [Int] {
            try scene.store.view.results(of: ids[0], startingIn: period).map { bytes in
                let start = try JSONField(try JSONValue(parsing: bytes))["window_start"].timestamp()
                return Int(start.microseconds - moment(0).microseconds) / 1_000_000
            }
        }
        #expect(try starts(.always) == [0, 60, 120, 180, 240])
        #expect(try starts(TimeWindow(start: moment(60), end: moment(180))) == [60, 120])
        #expect(try starts(TimeWindow(start: moment(60.000001), end: moment(180.000001))) == [120, 180])
        try await scene.store.close()
    }

    @Test("a stored result says which assay, pipeline and workspace it is about, and when it was made")
    func stamps() async throws {
        let (scene, ids) = try await Self.history()
        let json = JSONField(try JSONValue(parsing: try scene.results(ids[0])[2]))
        #expect(try json["assay_id"].integer() == ids[0].number)
        #expect(try json["pipeline_id"].integer() == 1)
        #expect(try json["workspace_name"].string() == "risk")
        #expect(try json["analyzed_at"].timestamp() == moment(300))
        #expect(try json["created_at"].timestamp() >= moment(300))
        try await scene.store.close()
    }

    // The clock was read behind the work, and what that took added to it once more.
    @Test("no result was made later than now: its analysis began as long before as it took")
    func madeByNow() async throws {
        let first = try await Scene()
        try await first.append([(10, 1), (20, 4), (70, 3), (130, 2)])
        let id = try await first.createAssay()
        let uuid = try await first.store.scheduleAssay(Scene.seriesRequest())
        try await first.store.close()
        let folder = try first.folder.copy()
        // Three seconds go by from look to look of whoever measures work.
        let looks = Mutex<Int64>(0)
        var sources = first.clock.sources
        sources.monotonicNanoseconds = {
            looks.withLock { looks in
                looks += 3_000_000_000
                return looks
            }
        }
        let store = try InferenceStore.open(folder.configuration(), sources: sources).store
        let scene = Scene(folder: folder, clock: first.clock, store: store, pipeline: first.pipeline)
        scene.clock.set(moment(300))
        await scene.scheduler.tick()
        await scene.seriesScheduler.tick()
        for decisions in [
            try #require(store.book[id]).decisions.map { $0 },
            try #require(store.book[uuid: uuid]).decisions.map { $0 },
        ] {
            #expect(decisions.count >= 3 && decisions.contains { $0.elapsedMilliseconds > 0 })
            for decision in decisions {
                let took = decision.elapsedMilliseconds
                #expect(decision.createdAt == moment(300), "\(decision)")
                #expect(decision.analysedAt == moment(300 - Double(took) / 1000), "\(decision)")
            }
        }
        let now = try store.view.runInteractive(Scene.request())
        #expect(now.contains { $0.elapsedMilliseconds > 0 })
        for result in now {
            let took = TimeSpan(microseconds: Int64(result.elapsedMilliseconds) * 1000)
            #expect(result.analysedAt.adding(took) == moment(300))
        }
        try await store.close()
    }
}
