// Checked here: random histories of an assay of the second generation end with what a plain array of all records
// says, with late records and restarts between.
//
// Runs are a minute apart from 60 seconds on; the grace is 5 seconds.

import Assays
import JSON
import Simulation
import StoreSupport
import Summaries
import TestSupport
import Testing

@testable import Store

@Suite("Histories of the second generation's assays")
struct SeriesHistoriesTests {
    @Test("random histories end with what an array of all records says", arguments: 0..<12)
    func randomHistories(seed: UInt64) async throws {
        print("seed \(seed)")
        var generator = SeededGenerator(seed: seed)
        var scene = try await Scene()
        let isRolling = seed % 3 == 0
        let width = [30, 60, 90].randomElement(using: &generator)!
        let definition = try Scene.seriesRequest(
            baseline: isRolling
                ? "{\"Rolling\":{\"start\":\"2024-01-09T18:57:00Z\",\"width\":{\"seconds\":45}}}"
                : "{\"Vector\":[1,2,3,4,5,6,7,8]}", width: width, mode: "{\"Quantile\":4}")
        let uuid = try await scene.store.scheduleAssay(definition)
        var scheduler = scene.seriesScheduler
        var all: [(seconds: Double, y: Double)] = []
        var now = 0.0
        for _ in 0..<40 {
            now += Double(Int.random(in: 0...40, using: &generator))
            scene.clock.set(moment(now))
            if Int.random(in: 0...2, using: &generator) > 0 {
                let records = (0..<Int.random(in: 1...6, using: &generator)).map { _ in
                    (
                        seconds: (now - Double(Int.random(in: -5...200, using: &generator))).rounded(),
                        y: Int.random(in: 0...9, using: &generator) == 0
                            ? .nan : Double(Int.random(in: 0...9, using: &generator))
                    )
                }
                try await scene.append(records)
                all += records
            }
            if Int.random(in: 0...9, using: &generator) == 0 {
                scene = try await scene.restarted()
                scheduler = scene.seriesScheduler
            }
            await scheduler.tick()
        }
        scene.clock.set(moment(now + 6))
        await scheduler.tick()
        scene.clock.set(moment(now + 70))
        await scheduler.tick()
        let settings = definition.settings
        func sample(_ start: Double, _ end: Double) -> [Double] {
            all.filter { start <= $0.seconds && $0.seconds < end }.map(\.y)
        }
        let results = try scene.results(uuid)
        let last = Int((now + 65) / 60)
        #expect(results.count == last)
        for (position, result) in results.enumerated() {
            let end = Double(60 * (position + 1))
            let window = sample(end - Double(width), end)
            let offset = 60 - Double(width) + 180
            let baselineStart = end - Double(width) - offset
            let baseline = isRolling ? sample(baselineStart, baselineStart + 45) : [1, 2, 3, 4, 5, 6, 7, 8]
            let found = result["scores"]["out.y"]
            guard window.contains(where: { !$0.isNaN }),
                let summary = try? SeriesSummarizer(settings).baseline(of: SortedSample(baseline))
            else {
                #expect(found["score"].value == nil, "window \(end)")
                continue
            }
            let score = try DriftScore(
                of: SeriesSummarizer(settings).window(of: SortedSample(window), in: summary.bins),
                against: summary, settings)
            #expect(try found["score"].double() == score.score, "window \(end)")
        }
        try await scene.store.close()
    }
}
