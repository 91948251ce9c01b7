// Invariants checked: those of Cohort.swift and CohortPass.swift, and the fourth and fifth of
// AssayScheduler.swift: sharing changes no result, nobody is held up, nothing is forgotten.
//
// Windows are a minute wide from 0 seconds unless said otherwise; the grace is 5 seconds, and lateness
// is bounded by 60.

import Assays
import JSON
import Records
import Simulation
import StoreSupport
import TestSupport
import Testing

@testable import Store

@Suite("Cohorts")
struct CohortTests {
    static func sizes(_ scheduler: AssayScheduler) async -> [Int] {
        await scheduler.groups.map(\.count).sorted()
    }

    @Test("assays over the same windows are one group; a newcomer catches up and joins it")
    func joining() async throws {
        let scene = try await Scene()
        let scheduler = scene.scheduler
        for number in 1...3 { _ = try await scene.createAssay("a\(number)", metric: "MaxDiff") }
        _ = try await scene.createAssay("other grid", interval: "30 seconds")
        _ = try await scene.createAssay("other path", path: "output z")
        _ = try await scene.createAssay("other place", locations: "[\"engine\"]")
        _ = try await scene.createAssay("sliding", baseline: Scene.sliding)
        try await scene.append([(10, 1), (70, 2), (130, 3), (190, 3)])
        scene.clock.set(moment(200))
        await scheduler.tick()
        #expect(await Self.sizes(scheduler) == [1, 1, 1, 1, 3])
        let late = try await scene.createAssay("late")
        let paused = AssayID(2)
        try await scene.store.setActive(paused, false)
        await scheduler.tick()
        #expect(await Self.sizes(scheduler) == [1, 1, 1, 1, 3])
        #expect(try scene.decisions(late) == ["0:backfill1", "60:backfill1", "120:backfill1"])
        scene.clock.set(moment(300))
        await scheduler.tick()
        try await scene.store.setActive(paused, true)
        await scheduler.tick()
        #expect(await Self.sizes(scheduler) == [1, 1, 1, 1, 4])
        #expect(
            try scene.decisions(paused) == ["0:complete1", "60:complete1", "120:complete1", "180:backfill1"])
        try await scene.store.close()
    }

    @Test("assays that begin on different days are one group: no window is read for each of them anew")
    func startingApart() async throws {
        let scene = try await Scene()
        let scheduler = scene.scheduler
        let early = try await scene.createAssay("early")
        let later = try await scene.createAssay("later", start: "\"2024-01-09T19:02:00Z\"")
        let future = try await scene.createAssay("future", start: "\"2024-01-09T20:00:00Z\"")
        _ = try await scene.createAssay("between", start: "\"2024-01-09T19:00:30Z\"")
        try await scene.append([(10, 1), (70, 2), (130, 3), (190, 3)])
        scene.clock.set(moment(250))
        await scheduler.tick()
        // Who begins in an hour is not as far as the others.
        #expect(await Self.sizes(scheduler) == [1, 1, 2])
        #expect(
            try scene.decisions(early) == ["0:complete1", "60:complete1", "120:complete1", "180:complete1"])
        #expect(try scene.decisions(later) == ["120:complete1", "180:complete1"])
        // A late record touches those alone whose windows have begun.
        try await scene.append([(75, 9)])
        scene.clock.advance(1)
        await scheduler.tick()
        scene.clock.advance(10)
        await scheduler.tick()
        #expect(try scene.decisions(early).contains("60:late2"))
        #expect(try scene.decisions(later) == ["120:complete1", "180:complete1"])
        #expect(try scene.decisions(future) == [])
        try await scene.append([(3610, 2), (3670, 2)])
        scene.clock.set(moment(3740))
        while await scheduler.tick() {}
        #expect(await Self.sizes(scheduler) == [1, 3])
        #expect(try scene.decisions(future) == ["3600:complete1", "3660:complete1"])
        try await scene.store.close()
    }

    @Test("a window that is due does not wait for backfills, and these take turns")
    func turns() async throws {
        let scene = try await Scene()
        let scheduler = AssayScheduler(
            scene.store, logger: noLog, limit: .scheduled,
            patience: .zero)
        var behind: [AssayID] = []
        for path in ["a", "b", "c"] {
            behind.append(try await scene.createAssay(path, width: "1 second", path: "output \(path)"))
        }
        let prompt = try await scene.createAssay("prompt")
        let seconds = (0..<60).map { Double($0) }
        _ = try await scene.store.append(
            RecordBatch(
                times: seconds.map { moment($0).milliseconds },
                fields: ["y", "a", "b", "c"].map {
                    FieldColumn(name: "out.\($0)", values: .scalar(Leaf(.float64(seconds))))
                }),
            topic: scene.pipeline.topic.name, partition: "engine")
        scene.clock.set(moment(66))
        for turn in 1...3 {
            await scheduler.tick()
            #expect(try scene.decisions(prompt) == ["0:complete1"])
            #expect(try behind.count { try scene.decisions($0).count == 60 } == turn)
        }
        #expect(await scheduler.tick() == false)
        try await scene.store.close()
    }

    // Random members of one cohort, with records out of order; each must say what it says alone.
    @Test("what an assay says among others is what it says alone", arguments: 1...6)
    func amongOthers(seed: Int) async throws {
        print("seed \(seed)")
        var random = SeededGenerator(seed: UInt64(seed))
        let scene = try await Scene()
        var ids: [AssayID] = []
        let baselines = [Scene.vector, Scene.fixed(), Scene.sliding]
        for number in 0..<9 {
            ids.append(
                try await scene.createAssay(
                    "a\(number)", baseline: baselines[number % 3],
                    start: "\"2024-01-09T19:0\(Int.random(in: 0...3, using: &random)):00Z\"",
                    metric: ["PSI", "MaxDiff", "SumDiff"].randomElement(using: &random)!,
                    more: ",\"alert_threshold\":0.\(number)1"))
        }
        let scheduler = scene.scheduler
        try await scene.append((0..<50).map { (-Double($0) - 1, Double($0 % 7)) })
        for _ in 0..<12 {
            let now = Double(scene.clock.now.microseconds - moment(0).microseconds) / 1_000_000
            try await scene.append(
                (0..<[3, 40, 300].randomElement(using: &random)!).map { _ in
                    (
                        Double.random(in: 0...max(30, now), using: &random),
                        Double.random(in: 0...6, using: &random)
                    )
                })
            scene.clock.advance(Double.random(in: 1...40, using: &random))
            await scheduler.tick()
        }
        for _ in 0..<3 {
            scene.clock.advance(10)
            await scheduler.tick()
        }
        // Nine assays, two groups: baselines that stand still, and those that slide.
        #expect(await Self.sizes(scheduler) == [3, 6])
        let horizon = scene.clock.now.adding(TimeSpan(microseconds: -5_000_000))
        for id in ids {
            let assay = try #require(scene.store.book[id])
            let start = try #require(assay.definition.windowStart)
            let alone = try scene.store.view.run(id, over: TimeWindow(start: start, end: horizon))
            #expect(!alone.isEmpty)
            #expect(assay.decisions.map(\.digest) == alone.map(\.outcome.digest))
        }
        // Numbers are given once, over all assays.
        let numbers = ids.flatMap {
            scene.store.book[$0]!.revisions(startingIn: .always).map(\.resultID.number)
        }
        #expect(numbers.sorted() == Array(1...numbers.count))
        try await scene.store.close()
    }

    @Test("an assay that fails leaves its cohort, is tried again after the grace, and comes back")
    func failing() async throws {
        let scene = try await Scene()
        let scheduler = scene.scheduler
        let good = try await scene.createAssay("good")
        let bad = try await scene.createAssay("bad", baseline: Scene.fixed())
        try await scene.append([(10, 1), (70, 1)])
        scene.clock.set(moment(130))
        await scheduler.tick()
        #expect(try scene.decisions(good) == ["0:complete1", "60:complete1"])
        #expect(try scene.decisions(bad) == [])
        #expect(await Self.sizes(scheduler) == [1, 1])
        try await scene.append([(-30, 1), (-20, 2)])
        scene.clock.advance(4)
        await scheduler.tick()
        #expect(try scene.decisions(bad) == [])
        scene.clock.advance(1)
        await scheduler.tick()
        #expect(try scene.decisions(bad) == ["0:complete1", "60:complete1"])
        #expect(await Self.sizes(scheduler) == [2])
        try await scene.store.close()
    }

    @Test("a clock that goes back puts late records off by no more than the grace")
    func clockBack() async throws {
        let scene = try await Scene()
        let id = try await scene.createAssay(interval: "1 day")
        let scheduler = scene.scheduler
        try await scene.append([(10, 1)])
        scene.clock.set(moment(7200))
        await scheduler.tick()
        try await scene.append([(20, 9)])
        await scheduler.tick()
        scene.clock.set(moment(3600))
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["0:complete1"])
        scene.clock.advance(5)
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["0:late2"])
        // And forth, by a year: what is complete by then is decided, once.
        scene.clock.set(moment(31_536_000))
        await scheduler.tick()
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["0:late2"])
        try await scene.store.close()
    }

    // Every new window, and here there is one each second, took all late records along.
    @Test("an import out of order is analysed when it rests or once a minute, not with every commit")
    func importing() async throws {
        let scene = try await Scene()
        let minutes = try await scene.createAssay("minutes")
        let seconds = try await scene.createAssay("seconds", width: "1 second")
        let scheduler = scene.scheduler
        try await scene.append((0..<600).map { (Double($0), 1) })
        scene.clock.set(moment(700))
        await scheduler.tick()
        var random = SeededGenerator(seed: 11)
        for _ in 0..<180 {
            let now = Double(scene.clock.now.microseconds - moment(0).microseconds) / 1_000_000
            try await scene.append(
                (0..<20).map { _ in (Double.random(in: 0..<600, using: &random).rounded(.down), 2) } + [
                    (now, 1)
                ])
            scene.clock.advance(1)
            await scheduler.tick()
        }
        scene.clock.advance(10)
        await scheduler.tick()
        for id in [minutes, seconds] {
            let assay = try #require(scene.store.book[id])
            let most = assay.decisions.lazy.map(\.revision).max()
            // Three minutes of import, and what was left when it rested.
            #expect(try #require(most) <= 5)
            let alone = try scene.store.view.run(
                id, over: TimeWindow(start: moment(0), end: moment(600)))
            #expect(
                assay.decisions(startingIn: TimeWindow(start: moment(0), end: moment(600))).map(\.digest)
                    == alone.map(\.outcome.digest))
        }
        try await scene.store.close()
    }

    // A look that took several pieces began anew with each commit: the first hundred windows were decided at each
    // tick, and the others not before the import rested.
    @Test("an import out of order whose windows are looked at in pieces has each looked at once a minute")
    func importingInPieces() async throws {
        let scene = try await Scene()
        let id = try await scene.createAssay(width: "1 second")
        let scheduler = AssayScheduler(
            scene.store, logger: noLog, limit: PassLimit(windowCount: 100, valueCount: 1 << 23))
        let records = (0..<300).map { (seconds: Double($0), y: 1.0) }
        try await scene.append(records)
        scene.clock.set(moment(700))
        while await scheduler.tick() {}
        func revisions() throws -> Set<Int> {
            let assay = try #require(scene.store.book[id])
            return Set(assay.decisions.map(\.revision))
        }
        #expect(try revisions() == [1])
        for second in 1...130 {
            try await scene.append(records)
            scene.clock.advance(1)
            await scheduler.tick()
            // Of three pieces each, a minute apart.
            if [60, 63, 120, 123, 130].contains(second) {
                #expect(try revisions() == [second < 63 ? 1 : second < 123 ? 2 : 3], "second \(second)")
            }
        }
        scene.clock.advance(10)
        while await scheduler.tick() {}
        #expect(try revisions() == [4])
        let alone = try scene.store.view.run(id, over: TimeWindow(start: moment(0), end: moment(300)))
        #expect(
            try #require(scene.store.book[id]).decisions.map(\.digest) == alone.map(\.outcome.digest))
        try await scene.store.close()
    }

    // The newest decision's cut was taken for what had been examined.
    @Test("late records that waited while a new window was decided are found after a restart")
    func waitingAcrossRestart() async throws {
        var scene = try await Scene()
        let id = try await scene.createAssay()
        var scheduler = scene.scheduler
        try await scene.append([(10, 1), (70, 2)])
        scene.clock.set(moment(124))
        await scheduler.tick()
        try await scene.append([(20, 9)])
        await scheduler.tick()
        scene.clock.set(moment(125))
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["0:complete1", "60:complete1"])
        let assay = try #require(scene.store.book[id])
        #expect(assay.decisions[1].examinedCut < assay.decisions[1].cut)
        scene = try await scene.restarted()
        scheduler = scene.scheduler
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["0:late2", "60:complete1"])
        try await scene.store.close()
    }

    @Test("late records under a sliding baseline of another pipeline are seen")
    func otherTopic() async throws {
        let scene = try await Scene()
        let other = try await Scene.createPipeline("other", in: WorkspaceID(1), scene.store, scene.clock)
        let sliding = """
            {"sliding_window":{"window":{"pipeline_name":"other","path":"output y","width":"1 minute"},\
            "offset":"2 minutes"}}
            """
        let id = try await scene.createAssay(baseline: sliding)
        let scheduler = scene.scheduler
        try await scene.append([(10, 1), (20, 2)], to: other)
        try await scene.append([(130, 1), (190, 1)])
        scene.clock.set(moment(300))
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["120:complete1", "180:complete1"])
        try await scene.append([(15, 3), (70, 3)], to: other)
        await scheduler.tick()
        scene.clock.advance(5)
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["120:late2", "180:late2"])
        try await scene.store.close()
    }

    @Test("a backfill goes on in pieces, each window once, also where it is interrupted")
    func pieces() async throws {
        var scene = try await Scene()
        let id = try await scene.createAssay(width: "1 ms")
        let count = 12_000
        try await scene.append((0..<count).map { (Double($0) / 1000, 1) })
        scene.clock.set(moment(100))
        #expect(await scene.scheduler.tick() == true)
        #expect(scene.store.book[id]?.decisions.count == 10_000)
        scene = try await scene.restarted()
        let scheduler = scene.scheduler
        await scheduler.tick()
        #expect(await scheduler.tick() == false)
        let assay = try #require(scene.store.book[id])
        #expect(assay.decisions.count == count && assay.superseded.isEmpty)
        try await scene.store.close()
    }
}
