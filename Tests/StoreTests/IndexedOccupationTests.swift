// Invariants checked: the two at the head of IndexedOccupation.swift, and that a run which the index tells to be
// beyond its limit does no work before it is refused.

import Assays
import EventLog
import Records
import Simulation
import StoreSupport
import TestSupport
import Testing

@testable import Store

@Suite("Windows as the index tells of them")
struct IndexedOccupationTests {
    /// What reading the clock costs is all that tells of a window that was worked out.
    private static func windowsWorkedOut(_ scene: Scene, _ body: () async -> Void) async -> Int64 {
        let before = scene.clock.sources.monotonicNanoseconds()
        await body()
        return (scene.clock.sources.monotonicNanoseconds() - before) / 1000 - 1
    }

    // It worked out a hundred thousand windows first.
    @Test("a run over more windows than one may look at is refused before any is looked at")
    func windows() async throws {
        let scene = try await Scene(ManualClock(moment(10 * 86_400)))
        for hour in 0..<20 { try await scene.append([(Double(hour) * 3600, 1)]) }
        let request = try Scene.request(width: "1 minute", interval: "1 ms")
        let id = try await scene.createAssay(width: "1 minute", interval: "1 ms", isActive: false)
        let worked = await Self.windowsWorkedOut(scene) {
            let told = await refusal { _ = try scene.store.view.runInteractive(request) }
            #expect(
                told.hasPrefix(
                    "field \"window.interval\" makes more windows than one run looks at: 100000 windows"))
            #expect(told.contains("use a longer interval"), "\(told)")
            let stored = await refusal {
                _ = try scene.store.view.run(id, over: TimeWindow(start: moment(-60), end: moment(80_000)))
            }
            #expect(
                stored.contains("the period holds more than one run looks at, 100000 windows"), "\(stored)")
        }
        #expect(worked == 0)
        try await scene.store.close()
    }

    @Test("windows that hold too many values in all are refused as well")
    func values() async throws {
        let scene = try await Scene(ManualClock(moment(10 * 86_400)))
        try await scene.append((0..<4000).map { (Double($0) / 2000, 1) })
        // Ninety thousand windows with four thousand values each.
        let request = try Scene.request(start: "\"2024-01-09T18:00:00Z\"", width: "1 hour", interval: "40 ms")
        let worked = await Self.windowsWorkedOut(scene) {
            let told = await refusal { _ = try scene.store.view.runInteractive(request) }
            #expect(told.contains("or 268435456 values in all"), "\(told)")
        }
        #expect(worked == 0)
        try await scene.store.close()
    }

    // Windows were asked for their last one, and there was none: the process ended.
    @Test("a run without a complete window is answered with none, however many values its windows would hold")
    func noWindow() async throws {
        let scene = try await Scene(ManualClock(moment(30)))
        try await scene.append((0..<5000).map { (60 + Double($0) / 2500, 1) })
        let request = try Scene.request(width: "1 minute", interval: "1 ms")
        let id = try await scene.createAssay(width: "1 minute", interval: "1 ms", isActive: false)
        let view = scene.store.view
        #expect(try view.runInteractive(request).isEmpty)
        // What ends too early, and what has not begun.
        for (start, end) in [(0.0, 5.0), (86_400, 90_000)] {
            #expect(try view.run(id, over: TimeWindow(start: moment(start), end: moment(end))).isEmpty)
        }
        // The alarm works: later there are windows, and too many values in them.
        scene.clock.set(moment(130))
        let told = await refusal { _ = try scene.store.view.runInteractive(request) }
        #expect(told.contains("makes more windows than one run looks at"), "\(told)")
        try await scene.store.close()
    }

    @Test("what the index tells encloses what the records make, and nothing is refused that has an answer")
    func property() async throws {
        var generator = SeededGenerator(seed: 20_260_101)
        var (beyond, within) = (0, 0)
        for round in 0..<12 {
            let scene = try await Scene(ManualClock(moment(10 * 86_400)))
            var times: [Double] = []
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let start = Double.random(in: 0...500, using: &generator)
                // Some are a block, some wait in memory.
                let count = Bool.random(using: &generator) ? 300 : 5
                let some = (0..<count).map { _ in start + Double.random(in: 0...20, using: &generator) }
                    .sorted()
                try await scene.append(some.map { ($0, 1) })
                times += some
            }
            let width = ["2 seconds", "30 seconds"].randomElement(using: &generator)!
            let request = try Scene.request(width: width, interval: "700 ms")
            let view = scene.store.view
            let pass = try AssayPass(try view.completed(request.definition), view)
            let until = view.sources.now()
            let windows = pass.indices(touching: .always, until: until)
            let told = IndexedOccupation(of: windows, on: pass.grid, try pass.plan(under: windows))
            let outcomes = try pass.outcomes(touching: .always, until: until, limit: .interactive).outcomes
            let valueCount = outcomes.reduce(0) { $0 + $1.outcome.summary.summary.count }
            #expect(told.windowCountMin <= outcomes.count && outcomes.count <= told.windowCountMax)
            #expect(told.windowCountMin > 0 && told.valueCountMin <= valueCount)
            for windowCount in [1, outcomes.count / 2, outcomes.count - 1, outcomes.count] {
                for values in [valueCount / 4, valueCount, .max] {
                    let limit = PassLimit(windowCount: windowCount, valueCount: values)
                    guard try pass.isBeyond(limit, touching: .always, until: until) else {
                        within += 1
                        continue
                    }
                    beyond += 1
                    let found = try pass.outcomes(touching: .always, until: until, limit: limit)
                    #expect(found.until != until, "\(round): \(limit)")
                }
            }
            try await scene.store.close()
        }
        #expect(beyond > 10 && within > 10, "\(beyond) \(within)")
    }
}
