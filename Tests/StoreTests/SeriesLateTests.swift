// Invariants checked: those at the head of SeriesScheduler.swift about pieces, with ones so small that the late runs
// of half an hour are several.
//
// Windows are a minute wide and runs a minute apart from 60 seconds on; the grace is 5 seconds, the lateness 60.

import Alerts
import Assays
import Records
import StoreSupport
import TestSupport
import Testing

@testable import Store

@Suite("Late runs of the second generation, in pieces")
struct SeriesLateTests {
    private static let halfPast = "\"2024-01-09T19:30:00Z\""

    /// One record in each of thirty windows.
    private static let halfAnHour = (0..<30).map { (seconds: Double($0) * 60 + 1, y: 4.0) }

    /// Looks at ten runs in one go.
    private func scheduler(
        of scene: Scene, rowCountMax: Int = PassLimit.rowCountAtOnce
    ) -> SeriesScheduler {
        SeriesScheduler(
            scene.store, logger: noLog, limit: PassLimit(windowCount: 10, valueCount: 1 << 23),
            rowCountMax: rowCountMax)
    }

    /// How many windows have been decided how often.
    private func revisions(_ uuid: String, _ scene: Scene) throws -> [Int: Int] {
        let revisions = try #require(scene.store.book[uuid: uuid]).decisions.map(\.revision)
        return Dictionary(grouping: revisions) { $0 }.mapValues(\.count)
    }

    // The first assay had all of its late runs looked at before the second had its turn.
    @Test("an assay with many late runs has some looked at in a tick, and others have their turn in between")
    func turns() async throws {
        let scene = try await Scene()
        let first = try await scene.store.scheduleAssay(Scene.seriesRequest("first", end: Self.halfPast))
        let second = try await scene.store.scheduleAssay(Scene.seriesRequest("second"))
        let scheduler = scheduler(of: scene)
        try await scene.append(Self.halfAnHour)
        scene.clock.set(moment(1900))
        while await scheduler.tick() {}
        #expect(try revisions(first, scene) == [1: 30] && revisions(second, scene) == [1: 31])
        try await scene.append(Self.halfAnHour)
        await scheduler.tick()
        scene.clock.advance(6)
        #expect(await scheduler.tick())
        #expect(try revisions(first, scene) == [1: 20, 2: 10])
        #expect(try revisions(second, scene) == [1: 21, 2: 10])
        // A run that is due does not wait for the late ones.
        scene.clock.set(moment(1926))
        #expect(await scheduler.tick())
        #expect(try revisions(first, scene) == [1: 10, 2: 20])
        #expect(try revisions(second, scene) == [1: 12, 2: 20])
        #expect(await !scheduler.tick())
        #expect(try revisions(first, scene) == [2: 30] && revisions(second, scene) == [1: 2, 2: 30])
        #expect(try scene.store.view.verify(scene.store.configuration).isSettled)
        try await scene.store.close()
    }

    @Test("an import out of order whose runs are looked at in pieces has each looked at once a minute")
    func importing() async throws {
        let scene = try await Scene()
        let uuid = try await scene.store.scheduleAssay(Scene.seriesRequest(end: Self.halfPast))
        let scheduler = scheduler(of: scene)
        try await scene.append(Self.halfAnHour)
        scene.clock.set(moment(1900))
        while await scheduler.tick() {}
        #expect(try revisions(uuid, scene) == [1: 30])
        var decisionCount = 30
        for second in 1...130 {
            try await scene.append(Self.halfAnHour)
            scene.clock.advance(1)
            await scheduler.tick()
            let assay = try #require(scene.store.book[uuid: uuid])
            #expect(assay.revisionCount <= decisionCount + 10, "second \(second)")
            decisionCount = assay.revisionCount
            // Of three pieces each, a minute apart.
            if [60, 63, 120, 123, 130].contains(second) {
                let revision = second < 63 ? 1 : second < 123 ? 2 : 3
                #expect(try revisions(uuid, scene) == [revision: 30], "second \(second)")
            }
        }
        scene.clock.advance(10)
        while await scheduler.tick() {}
        #expect(try revisions(uuid, scene) == [4: 30])
        let report = try scene.store.view.verify(scene.store.configuration)
        #expect(report.isProved && report.isSettled, "\(report)")
        try await scene.store.close()
    }

    // Had the decisions of a piece said that all was examined, the pieces after it would be lost.
    @Test("a power cut in the middle of a look loses no late run, and what was decided is no news")
    func powerCut() async throws {
        var scene = try await Scene()
        let uuid = try await scene.store.scheduleAssay(Scene.seriesRequest())
        var scheduler = scheduler(of: scene)
        try await scene.append(Self.halfAnHour)
        scene.clock.set(moment(1900))
        while await scheduler.tick() {}
        #expect(try revisions(uuid, scene) == [1: 31])
        try await scene.append(Self.halfAnHour)
        await scheduler.tick()
        scene.clock.advance(6)
        await scheduler.tick()
        // To one that the look has seen; and a run falls due.
        try await scene.append([(1, 9)])
        scene.clock.set(moment(1926))
        await scheduler.tick()
        #expect(try revisions(uuid, scene) == [1: 12, 2: 20])
        scene = try scene.copied()
        scheduler = self.scheduler(of: scene)
        await scheduler.tick()
        scene.clock.advance(6)
        while await scheduler.tick() {}
        #expect(try revisions(uuid, scene) == [1: 2, 2: 29, 3: 1])
        let report = try scene.store.view.verify(scene.store.configuration)
        #expect(report.isProved && report.isSettled, "\(report)")
        try await scene.store.close()
    }

    // Ten windows of a million records each were one piece.
    @Test("a piece is bounded by its records too, of due runs as of late ones, and told of with the last")
    func bounded() async throws {
        let scene = try await Scene()
        let uuid = try await scene.store.scheduleAssay(
            Scene.seriesRequest(end: "\"2024-01-09T19:06:00Z\""))
        let scheduler = scheduler(of: scene, rowCountMax: 8)
        func append() async throws {
            for minute in 0..<6 {
                // What waits to become columns is counted by partitions.
                try await scene.append(
                    (0..<4).map { (seconds: Double(minute * 60 + $0), y: 9) }, partition: "p\(minute)")
            }
        }
        func alertCount() -> Int { scene.store.alerts.recent(limit: 10).count }
        try await append()
        scene.clock.set(moment(366))
        #expect(await scheduler.tick())
        #expect(try revisions(uuid, scene) == [1: 3] && alertCount() == 0)
        #expect(await !scheduler.tick())
        #expect(try revisions(uuid, scene) == [1: 6] && alertCount() == 1)
        try await append()
        await scheduler.tick()
        scene.clock.advance(6)
        #expect(await scheduler.tick())
        #expect(try revisions(uuid, scene) == [1: 5, 2: 1])
        while await scheduler.tick() {}
        #expect(try revisions(uuid, scene) == [2: 6])
        try await scene.store.close()
    }

    // Ten windows of ten minutes a minute apart hold each record ten times, and were one piece.
    @Test("a piece is bounded by the values of its windows and rolling baselines, of each path")
    func values() async throws {
        let (vector, y) = ("{\"Vector\":[1.0,2.0,3.0,4.0]}", "{\"field\":\"out.y\"}")
        let rolling = "{\"Rolling\":{\"start\":\"2024-01-09T18:50:00Z\",\"width\":{\"seconds\":60}}}"
        let cases: [(baseline: String, paths: String, counts: [Int])] = [
            // The windows hold 4, 8, 12 … 24 records; twenty values end a piece.
            (vector, y, [3, 5, 6]), (vector, y + ",{\"field\":\"out.z\"}", [2, 3, 4, 5, 6]),
            // The first run's baseline holds sixteen, the others' none.
            (rolling, y, [1, 3, 5, 6]),
        ]
        for (baseline, paths, counts) in cases {
            let scene = try await Scene()
            let uuid = try await scene.store.scheduleAssay(
                Scene.seriesRequest(
                    baseline: baseline, end: "\"2024-01-09T19:06:00Z\"", width: 600, iopath: "[\(paths)]"))
            let scheduler = SeriesScheduler(
                scene.store, logger: noLog, limit: PassLimit(windowCount: 10, valueCount: 20))
            for minute in 0..<6 {
                try await scene.append((0..<4).map { (seconds: Double(minute * 60 + $0), y: 4) })
            }
            try await scene.append((0..<16).map { (seconds: Double($0) - 600, y: 4) })
            scene.clock.set(moment(366))
            for count in counts {
                #expect(await scheduler.tick() == (count < 6))
                #expect(try revisions(uuid, scene) == [1: count], "\(baseline) \(paths)")
            }
            try await scene.store.close()
        }
    }
}
