// Invariants checked: the first two at the head of StoreView+Coverage.swift; the third is in FilterMemoryTests.

import Assays
import Records
import Simulation
import TestSupport
import Testing

@testable import Store

@Suite("What an assay has to look at")
struct CoverageTests {
    static func coverage(
        _ scene: Scene, interval: String?, locations: String = "null", until: Double
    ) throws -> AssayCoverage {
        try scene.store.view.coverage(
            of: Scene.request(interval: interval, locations: locations).definition, at: moment(until))
    }

    @Test("a record counts once, whether windows overlap, touch or leave gaps")
    func counts() async throws {
        let scene = try await Scene()
        #expect(try Self.coverage(scene, interval: nil, until: 1000) == AssayCoverage())
        try await scene.append((-10..<300).map { (Double($0), 1) })
        try await scene.append([(500, 1), (900, 1)], partition: "edge")
        func expect(_ windowCount: Int, _ recordCount: Int, last: Double = 900, _ found: AssayCoverage) {
            #expect(
                found
                    == AssayCoverage(
                        windowCount: windowCount, recordCount: recordCount, first: moment(-10),
                        last: moment(last)))
        }
        expect(6, 301, try Self.coverage(scene, interval: nil, until: 600))
        expect(4, 240, try Self.coverage(scene, interval: nil, until: 299))
        // [0, 60), [30, 90) … [240, 300), [270, 330), and two that hold 500.
        expect(12, 301, try Self.coverage(scene, interval: "30 seconds", until: 600))
        // [0, 60), [120, 180), [240, 300), [480, 540).
        expect(4, 181, try Self.coverage(scene, interval: "2 minutes", until: 600))
        expect(
            5, 300, last: 299, try Self.coverage(scene, interval: nil, locations: "[\"engine\"]", until: 600))
        try await scene.store.close()
    }

    // Windows were counted from the location's own first record, and others were made.
    @Test(
        "what is counted of one location are the windows that the assay makes, which start with the first of all"
    )
    func location() async throws {
        let scene = try await Scene()
        try await scene.append((0..<300).map { (Double($0), 1) })
        try await scene.append((90..<150).map { (Double($0), 1) }, partition: "edge")
        scene.clock.set(moment(600))
        let request = try Scene.request(start: nil, interval: "2 minutes", locations: "[\"edge\"]")
        let view = scene.store.view
        // [0, 60), [120, 180) …: of the latter, from 120 on.
        #expect(
            try view.coverage(of: request.definition, at: moment(600))
                == AssayCoverage(windowCount: 1, recordCount: 30, first: moment(90), last: moment(149)))
        #expect(try view.runInteractive(request).map(\.outcome.window.start) == [moment(120)])
        let id = try await scene.store.createAssay(request)
        await scene.scheduler.tick()
        #expect(try scene.decisions(id) == ["120:backfill1"])
        try await scene.store.close()
    }

    @Test("windows of every overlap hold what counting the records one by one says", arguments: 1...12)
    func overlaps(seed: Int) async throws {
        print("seed \(seed)")
        var random = SeededGenerator(seed: UInt64(seed))
        let scene = try await Scene()
        let times = (0..<400).map { _ in Double(Int.random(in: -50..<900, using: &random)) }
        try await scene.append(times.map { ($0, 1) })
        let step = [1, 7, 30, 59, 60, 61, 200].randomElement(using: &random)!
        let until = Int.random(in: 0..<1000, using: &random)
        let windows = (0...1000).map { $0 * step..<$0 * step + 60 }.filter { $0.upperBound <= until }
        let found = try Self.coverage(scene, interval: "\(step) seconds", until: Double(until))
        #expect(found.windowCount == windows.count { window in times.contains { window.contains(Int($0)) } })
        #expect(found.recordCount == times.count { time in windows.contains { $0.contains(Int(time)) } })
        try await scene.store.close()
    }

    @Test("runs of a schedule hold what counting the records one by one says", arguments: 1...8)
    func series(seed: Int) async throws {
        print("seed \(seed)")
        var random = SeededGenerator(seed: UInt64(seed))
        let scene = try await Scene()
        let width = [7, 59, 60, 61, 150].randomElement(using: &random)!
        let definition = try scene.store.view.completed(
            Scene.seriesRequest(end: "\"2024-01-09T19:12:00Z\"", width: width))
        #expect(try scene.store.view.coverage(of: definition, at: moment(600)) == AssayCoverage())
        let times = (0..<300).map { _ in Double(Int.random(in: -50..<900, using: &random)) }
        try await scene.append(times.map { ($0, 1) })
        let until = Int.random(in: 0..<1000, using: &random)
        let windows = (1...12).map { $0 * 60 - width..<$0 * 60 }.filter { $0.upperBound <= until }
        let found = try scene.store.view.coverage(of: definition, at: moment(Double(until)))
        #expect(found.windowCount == windows.count { window in times.contains { window.contains(Int($0)) } })
        #expect(found.recordCount == times.count { time in windows.contains { $0.contains(Int(time)) } })
        #expect(found.first == times.min().map { moment($0) } && found.last == times.max().map { moment($0) })
        #expect(found.problem == nil)
        try await scene.store.close()
    }

    @Test("a path of a schedule that no record has is named")
    func seriesPath() async throws {
        let scene = try await Scene()
        try await scene.append([(0, 1)])
        let definition = try scene.store.view.completed(
            Scene.seriesRequest(iopath: "[{\"field\":\"out.y\"},{\"field\":\"out.yy\"}]"))
        let problem = try scene.store.view.coverage(of: definition, at: moment(600)).problem
        #expect(problem?.contains("targeting.iopath") == true && problem?.contains("out.yy,") == true)
        try await scene.store.close()
    }

    @Test("a fixed baseline whose period goes on when windows begin is said so")
    func openBaseline() async throws {
        let scene = try await Scene()
        try await scene.append((0..<300).map { (Double($0), Double($0)) })
        func problem(_ start: String, at seconds: Double) throws -> String? {
            let definition = try Scene.request(
                baseline: Scene.fixed("2024-01-09T19:01:00Z"), start: start
            ).definition
            return try scene.store.view.coverage(of: definition, at: moment(seconds)).baselineProblem
        }
        let early = "\"2024-01-09T19:00:00Z\""
        #expect(try problem(early, at: 100)?.contains("ends at 2024-01-09T19:02:00Z") == true)
        #expect(try problem(early, at: 120) == nil)
        #expect(try problem("\"2024-01-09T19:02:00Z\"", at: 100) == nil)
        try await scene.store.close()
    }

    // It was summarised from what was there, and kept so without a word.
    @Test("a period that goes on when an assay of the second generation is scheduled is said so")
    func openSeriesBaseline() async throws {
        let scene = try await Scene()
        try await scene.append((0..<100).map { (Double($0), Double($0)) })
        let asked = try Scene.seriesRequest(
            baseline: "{\"Static\":[\"2024-01-09T19:01:00Z\",\"2024-01-09T19:02:00Z\"]}")
        let view = scene.store.view
        let definition = try view.schedulable(asked)
        func problem(of baseline: SeriesBaseline, at seconds: Double) throws -> String? {
            try view.coverage(of: definition, baseline: baseline, at: moment(seconds)).baselineProblem
        }
        #expect(
            try problem(of: asked.baseline, at: 100)?.hasPrefix(
                "the baseline's period ends at 2024-01-09T19:02:00Z") == true)
        #expect(try problem(of: asked.baseline, at: 120) == nil)
        // A summary that was made elsewhere is what it is.
        #expect(try problem(of: definition.baseline, at: 100) == nil)
        try await scene.store.close()
    }

    @Test("counting ends where nobody waits for it")
    func cancelled() async throws {
        let scene = try await Scene()
        try await scene.append((0..<300).map { (Double($0), 1) })
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try Self.coverage(scene, interval: "10 milliseconds", until: 1000)
        }
        await #expect(throws: CancellationError.self) { try await task.value }
        try await scene.store.close()
    }
}
