// Invariants checked: those of LeavingRecords.swift, and that retention keeps to them.

import Assays
import JSON
import Records
import TestSupport
import Testing

@testable import Store

@Suite("Records that leave")
struct LeavingRecordsTests {
    /// Seals what rests on records of a partition from 0 to 60 seconds, as if they left.
    static func seal(_ scene: Scene, _ partition: String) async throws -> SealingReport {
        var report = SealingReport()
        let periods = [SealingTests.period(0, 20), SealingTests.period(10, 60)]
        let leaving = LeavingRecords(topic: scene.pipeline.topic.name, partitions: [partition: periods])
        try await scene.store.sealResults({ _ in leaving }, noting: &report) {}
        return report
    }

    // Of the first: its windows were sealed with what they had, and late records never analysed.
    @Test("retention of one partition leaves open what assays of others decided, in either generation")
    func otherPartitions() async throws {
        let scene = try await Scene()
        let topic = scene.pipeline.topic.name
        func origin(_ name: String) -> String {
            "{\"pipeline_name\":\"fraud\",\"locations\":[\"\(name)\"]}"
        }
        let (ofA, ofB) = (
            try await scene.createAssay("of a", locations: "[\"a\"]"),
            try await scene.createAssay("of b", locations: "[\"b\"]")
        )
        let (all, home) = (
            try await scene.createAssay("all"), try await scene.createAssay("home", locations: "[]")
        )
        let sliding = try await scene.createAssay(
            "under a",
            baseline: Scene.sliding.replacing("\"width\"", with: "\"locations\":[\"a\"],\"width\""),
            locations: "[\"b\"]")
        let series = (
            a: try await scene.store.scheduleAssay(Scene.seriesRequest("of a too", origin: origin("a"))),
            b: try await scene.store.scheduleAssay(Scene.seriesRequest("of b too", origin: origin("b")))
        )
        try await scene.append([(10, 1), (40, 2)], partition: "a")
        // One block or run, whose newest record keeps it.
        try await scene.append([(10, 1), (20, 4), (130, 2)], partition: "b")
        let (first, second) = (scene.scheduler, scene.seriesScheduler)
        func tick() async {
            await first.tick()
            await second.tick()
        }
        scene.clock.set(moment(200))
        await tick()
        try await scene.store.setRetention(
            RetentionPolicy(age: TimeSpan(microseconds: 100_000_000)), of: topic)
        #expect(try await scene.store.applyRetention().recordCounts == [topic: 2])
        try await scene.append([(30, 9), (31, 7)], partition: "b")
        await tick()
        scene.clock.advance(10)
        await tick()
        #expect(try scene.decisions(ofB) == ["0:late2", "120:complete1"])
        #expect(try scene.decisions(ofA) == ["0:complete1"])
        #expect(try scene.decisions(all) == ["0:complete1", "120:complete1"])
        #expect(try scene.decisions(home) == ["0:complete1", "120:complete1"])
        // The baseline of its second window went.
        #expect(try scene.decisions(sliding) == ["0:late2", "120:complete1"])
        #expect(try SealingTests.sealed(scene, sliding) == ["120r1"])
        #expect(try scene.decisions(series.a).first?.hasPrefix("60:complete1") == true)
        #expect(try scene.decisions(series.b).first?.hasPrefix("60:late2") == true)
        let report = try scene.store.view.verify(scene.store.configuration)
        #expect(report.isProved && report.isSettled, "\(report)")
        try await scene.store.close()
    }

    @Test("a fixed baseline is pinned before records of its own partitions go, and not before others do")
    func pins() async throws {
        let scene = try await Scene()
        let id = try await scene.createAssay(
            baseline: Scene.fixed("2024-01-09T19:00:00Z").replacing(
                "\"start\"", with: "\"locations\":[\"b\"],\"start\""))
        try await scene.append([(10, 1), (20, 2)], partition: "a")
        try await scene.append([(10, 1), (20, 2), (30, 3)], partition: "b")
        #expect(try await Self.seal(scene, "a") == SealingReport())
        #expect(scene.store.book[id]?.pin == nil)
        #expect(try await Self.seal(scene, "b") == SealingReport(resultCount: 0, pinnedBaselineCount: 1))
        #expect(scene.store.book[id]?.pin?.summary.summary.count == 3)
        try await scene.store.close()
    }

    @Test(
        "at home counts what was home when a window was decided: an edge of then does not, one of later does")
    func home() async throws {
        let scene = try await Scene()
        try await scene.store.declareLocation("houston", of: scene.pipeline.id)
        let id = try await scene.createAssay(locations: "[]")
        let uuid = try await scene.store.scheduleAssay(
            Scene.seriesRequest(origin: "{\"pipeline_name\":\"fraud\",\"locations\":[]}"))
        try await scene.append([(10, 1), (20, 2)])
        for partition in ["houston", "boston"] { try await scene.append([(12, 3)], partition: partition) }
        scene.clock.set(moment(66))
        await scene.scheduler.tick()
        await scene.seriesScheduler.tick()
        #expect(try await Self.seal(scene, "houston") == SealingReport())
        try await scene.store.declareLocation("boston", of: scene.pipeline.id)
        _ = try await Self.seal(scene, "boston")
        #expect(try SealingTests.sealed(scene, id).contains("0r1"))
        let view = scene.store.view
        let series = try #require(view.book[uuid: uuid])
        #expect(series.superseded.contains { $0.revision == 1 && view.isSealed($0) })
        // What is said of the window since did not look at what goes.
        #expect(try scene.decisions(id) == ["0:late2"])
        #expect(try SealingTests.sealed(scene, id) == ["0r1"])
        try await scene.store.close()
    }
}
