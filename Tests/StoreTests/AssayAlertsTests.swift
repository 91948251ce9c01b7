// Checked here: an assay of the first generation leads to one alert for each change of its newest status,
// in order, and to none while it is catching up: whatever a backfill is cut into, whatever comes late, is
// paused or is started again in between.
//
// Windows are a minute wide from 0 seconds; the grace is 5 seconds, and lateness is bounded by 60. The baseline is
// 1, 2, 3, 4 in two bins: 1 and 4 in a window are Ok, twice 9 are an alert.

import Assays
import JSON
import Records
import Simulation
import StoreSupport
import TestSupport
import Testing

@testable import Alerts
@testable import Store

@Suite("Alerts of the first generation")
struct AssayAlertsTests {
    /// All alerts, oldest first: change, the minute at which the window starts.
    private static func told(_ scene: Scene) -> [String] {
        scene.store.alerts.recent(limit: 1_000).reversed().map { change in
            let minute = (change.window.start.microseconds - moment(0).microseconds) / 60_000_000
            return "\(change.from?.rawValue ?? "-")>\(change.to.rawValue)@\(minute)"
        }
    }

    /// One that decides `windowCount` windows a commit, or looks at one window at a time where there are records.
    private static func scheduler(
        _ scene: Scene, _ windowCount: Int = 3, rowCountMax: Int = PassLimit.rowCountAtOnce
    ) -> AssayScheduler {
        AssayScheduler(
            scene.store, logger: noLog,
            limit: PassLimit(windowCount: windowCount, valueCount: .max), rowCountMax: rowCountMax)
    }

    /// Records that make minutes Ok and an alert in turn, and so the last one.
    private static func append(_ minutes: ClosedRange<Int>, to scene: Scene) async throws {
        try await scene.append(
            minutes.flatMap { minute -> [(seconds: Double, y: Double)] in
                let start = Double(minute) * 60
                return minute % 2 == 0 ? [(start, 1), (start + 1, 4)] : [(start, 9), (start + 1, 9)]
            })
    }

    @Test("a backfill is told by what it ends with, however many commits it takes, and where it ends empty")
    func backfill() async throws {
        let scene = try await Scene()
        try await Self.append(0...21, to: scene)
        // The last forty minutes hold nothing.
        scene.clock.set(moment(3_665))
        let id = try await scene.createAssay()
        let scheduler = Self.scheduler(scene)
        var tickCount = 1
        while await scheduler.tick() {
            tickCount += 1
            #expect(Self.told(scene) == [])
        }
        #expect(tickCount > 7 && scene.store.book[id]?.decisions.count == 22)
        #expect(Self.told(scene) == ["->Alert@21"])
        await scheduler.tick()
        #expect(Self.told(scene) == ["->Alert@21"])
        try await scene.store.close()
    }

    @Test("what a clock that was ahead told of a window to come is put right when the clock is")
    func ahead() async throws {
        let scene = try await Scene()
        try await Self.append(0...0, to: scene)
        try await Self.append(1_001...1_001, to: scene)
        _ = try await scene.createAssay()
        let scheduler = Self.scheduler(scene)
        scene.clock.set(moment(66))
        await scheduler.tick()
        #expect(Self.told(scene) == [])
        scene.clock.set(moment(60_200))
        await scheduler.tick()
        #expect(Self.told(scene) == ["Ok>Alert@1001"])
        scene.clock.set(moment(70))
        await scheduler.tick()
        await scheduler.tick()
        #expect(Self.told(scene) == ["Ok>Alert@1001", "Alert>Ok@0"])
        // The window is complete, and has come out as it was decided then.
        scene.clock.set(moment(60_300))
        await scheduler.tick()
        await scheduler.tick()
        #expect(Self.told(scene) == ["Ok>Alert@1001", "Alert>Ok@0", "Ok>Alert@1001"])
        try await scene.store.close()
    }

    @Test("a backfill that is killed anywhere is told of once, by whom it is ended")
    func killed() async throws {
        let scene = try await Scene()
        try await Self.append(0...9, to: scene)
        scene.clock.set(moment(1_000))
        _ = try await scene.createAssay()
        let scheduler = Self.scheduler(scene)
        var isBehind = true
        while isBehind {
            isBehind = await scheduler.tick()
            let copy = try scene.copied()
            let another = Self.scheduler(copy)
            while await another.tick() {}
            #expect(Self.told(copy) == ["->Alert@9"])
            let cut = copy.store.log.cut
            while await Self.scheduler(copy).tick() {}
            #expect(copy.store.log.cut == cut)
            try await copy.store.close()
        }
        try await scene.store.close()
    }

    @Test("what passed while nobody looked, and what comes late for windows that were empty, is told once")
    func downtime() async throws {
        var scene = try await Scene()
        _ = try await scene.createAssay()
        try await Self.append(0...0, to: scene)
        scene.clock.set(moment(65))
        await Self.scheduler(scene).tick()
        #expect(Self.told(scene) == [])
        // The server is down while twenty minutes pass.
        try await Self.append(1...19, to: scene)
        scene = try await scene.restarted()
        scene.clock.set(moment(1_205))
        var scheduler = Self.scheduler(scene)
        while await scheduler.tick() {}
        #expect(Self.told(scene) == ["Ok>Alert@19"])
        // Twenty more pass empty; then an edge uploads them, in several commits.
        scene.clock.set(moment(2_405))
        while await scheduler.tick() {}
        #expect(Self.told(scene) == ["Ok>Alert@19"])
        try await Self.append(20...29, to: scene)
        try await Self.append(30...38, to: scene)
        await scheduler.tick()
        scene.clock.advance(6)
        #expect(await scheduler.tick())
        #expect(Self.told(scene) == ["Ok>Alert@19"])
        while await scheduler.tick() {}
        #expect(Self.told(scene) == ["Ok>Alert@19", "Alert>Ok@38"])
        // Late records turn the newest over while the next is empty: that is what is newest.
        try await scene.append([(38 * 60 + 5, 9), (38 * 60 + 6, 9), (38 * 60 + 7, 9), (38 * 60 + 8, 9)])
        await scheduler.tick()
        scene.clock.advance(6)
        scheduler = Self.scheduler(scene)
        await scheduler.tick()
        #expect(Self.told(scene) == ["Ok>Alert@19", "Alert>Ok@38", "Ok>Alert@38"])
        try await scene.store.close()
    }

    @Test(
        "where the last that it looks at is empty, there is no commit to tell with, and yet it is told once")
    func emptyEnd() async throws {
        var scene = try await Scene()
        let id = try await scene.createAssay()
        try await Self.append(0...0, to: scene)
        scene.clock.set(moment(65))
        var scheduler = Self.scheduler(scene, rowCountMax: 1)
        await scheduler.tick()
        // Nobody looks for an hour, of which five minutes hold records.
        try await Self.append(1...5, to: scene)
        scene.clock.set(moment(3_665))
        var isKilled = false
        while true {
            let isBehind = await scheduler.tick()
            let count = try #require(scene.store.book[id]?.decisions.count)
            #expect(isBehind || count == 6)
            guard isBehind else { break }
            #expect(Self.told(scene) == [])
            if count == 6, !isKilled {
                // Killed after its last decision, before the empty rest was looked at: known to nobody.
                isKilled = true
                let copy = try scene.copied()
                scheduler = Self.scheduler(copy, rowCountMax: 1)
                while await scheduler.tick() {}
                #expect(Self.told(copy) == ["Ok>Alert@5"])
                try await copy.store.close()
                scheduler = Self.scheduler(scene, rowCountMax: 1)
            }
        }
        #expect(isKilled && Self.told(scene) == ["Ok>Alert@5"])
        // The same without a new scheduler in between.
        try await Self.append(61...64, to: scene)
        scene.clock.set(moment(7_265))
        while await scheduler.tick() {}
        #expect(Self.told(scene) == ["Ok>Alert@5", "Alert>Ok@64"])
        scene = try await scene.restarted()
        while await Self.scheduler(scene).tick() {}
        #expect(Self.told(scene) == ["Ok>Alert@5", "Alert>Ok@64"])
        try await scene.store.close()
    }

    @Test("windows looked at together are told of by the last of them, in one alert")
    func together() async throws {
        let scene = try await Scene()
        _ = try await scene.createAssay()
        try await Self.append(0...0, to: scene)
        scene.clock.set(moment(65))
        let scheduler = scene.scheduler
        await scheduler.tick()
        try await Self.append(1...6, to: scene)
        scene.clock.set(moment(485))
        await scheduler.tick()
        #expect(Self.told(scene) == [])
        try await Self.append(7...7, to: scene)
        scene.clock.set(moment(545))
        await scheduler.tick()
        scene.clock.advance(6)
        await scheduler.tick()
        #expect(Self.told(scene) == ["Ok>Alert@7"])
        try await scene.store.close()
    }

    // It was told of when the last late window had been looked at.
    @Test("a window that became complete is told of while a look at late records is under way")
    func duringLook() async throws {
        let scene = try await Scene()
        _ = try await scene.createAssay()
        try await Self.append(0...8, to: scene)
        scene.clock.set(moment(545))
        let scheduler = Self.scheduler(scene)
        while await scheduler.tick() {}
        #expect(Self.told(scene) == [])
        try await Self.append(0...9, to: scene)
        await scheduler.tick()
        scene.clock.set(moment(605))
        #expect(await scheduler.tick())
        #expect(Self.told(scene) == ["Ok>Alert@9"])
        while await scheduler.tick() {}
        #expect(Self.told(scene) == ["Ok>Alert@9"])
        try await scene.store.close()
    }

    @Test("proving a history and deriving it anew tell nobody")
    func rebuilt() async throws {
        let scene = try await Scene()
        try await Self.append(0...9, to: scene)
        scene.clock.set(moment(1_000))
        _ = try await scene.createAssay()
        while await Self.scheduler(scene).tick() {}
        #expect(Self.told(scene) == ["->Alert@9"])
        let report = try scene.store.view.verify(scene.folder.configuration())
        #expect(report.isProved && report.equalCount == 10)
        try await scene.store.close()
        let folder = try scene.folder.copy()
        let cut = try StoreView.open(folder.path).view.snapshot.cut
        _ = try InferenceStore.rebuild(folder.configuration(), sources: scene.clock.sources)
        let again = Scene(
            folder: folder, clock: scene.clock,
            store: try InferenceStore.open(folder.configuration(), sources: scene.clock.sources).store,
            pipeline: scene.pipeline)
        while await Self.scheduler(again).tick() {}
        #expect(again.store.log.cut == cut && Self.told(again) == ["->Alert@9"])
        try await again.store.close()
    }

    @Test(
        "random histories: what is told is each change of the newest status, seen whenever nothing is due",
        arguments: 0..<10)
    func random(seed: UInt64) async throws {
        print("seed \(seed)")
        var generator = SeededGenerator(seed: seed)
        var scene = try await Scene()
        let id = try await scene.createAssay()
        func scheduler(_ scene: Scene, _ generator: inout SeededGenerator) -> AssayScheduler {
            Self.scheduler(
                scene, Int.random(in: 1...4, using: &generator),
                rowCountMax: Bool.random(using: &generator) ? 1 : PassLimit.rowCountAtOnce)
        }
        var watching = scheduler(scene, &generator)
        // The plain rule.
        var (said, expected): (AssayStatus?, [String]) = (nil, [])
        for _ in 0..<60 {
            let now = Double(scene.clock.now.microseconds - moment(0).microseconds) / 1_000_000
            switch Int.random(in: 0..<12, using: &generator) {
            case 0..<5:
                try await scene.append(
                    (0..<Int.random(in: 1...6, using: &generator)).map { _ in
                        (
                            seconds: (now - Double(Int.random(in: -5...200, using: &generator))).rounded(),
                            y: Double(Int.random(in: 0...5, using: &generator))
                        )
                    })
            case 5..<7: scene.clock.advance(Double(Int.random(in: 0...300, using: &generator)))
            case 7: scene.clock.advance(6)
            case 8: try await scene.store.setActive(id, Int.random(in: 0..<4, using: &generator) > 0)
            case 9:
                scene = try await scene.restarted()
                watching = scheduler(scene, &generator)
            case 10:
                // A power cut: nobody closes anything.
                scene = try scene.copied()
                watching = scheduler(scene, &generator)
            default: break
            }
            let isBehind = await watching.tick()
            let assay = try #require(scene.store.book[id])
            // While late windows are left, and only then, that of a later one is told; then, too, it is the newest.
            let hasLate = await watching.lateCount > 0
            let told = scene.store.alerts.toldStatus(of: id, assay.definition.window.path)
            if !isBehind || hasLate && told != said, assay.isActive, let newest = assay.decisions.last,
                newest.status != said
            {
                if said != nil || newest.status != .ok {
                    let minute = (newest.window.start.microseconds - moment(0).microseconds) / 60_000_000
                    expected.append("\(said?.rawValue ?? "-")>\(newest.status.rawValue)@\(minute)")
                }
                said = newest.status
            }
            #expect(Self.told(scene) == expected)
        }
        try await scene.store.close()
    }
}
