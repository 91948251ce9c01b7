// Invariant checked: the one at the head of AssayPass.swift, against a slow way that filters all records
// for each window by itself.

import Assays
import JSON
import Records
import Simulation
import Summaries
import TestSupport
import Testing

@testable import Store

@Suite("One pass over an assay")
struct AssayPassTests {
    @Test(
        "each complete window that holds records has an outcome of exactly those, in any grid",
        arguments: 1...16)
    func againstTheSlowWay(seed: Int) async throws {
        print("seed \(seed)")
        var random = SeededGenerator(seed: UInt64(seed))
        let scene = try await Scene()
        let width = Int64.random(in: 1...40_000_000, using: &random)
        let interval = Int64.random(in: max(1, width / 3)...width * 2, using: &random)
        let start = moment(0).microseconds + Int64.random(in: -5_000_000...5_000_000, using: &random)
        var records: [(seconds: Double, y: Double)] = []
        for _ in 0..<5 {
            let count = [1, 40, 260, 500].randomElement(using: &random)!
            let batch = (0..<count).map { _ in
                (
                    seconds: Double(Int.random(in: -10_000...120_000, using: &random)) / 1000,
                    y: Double.random(in: 0...5, using: &random)
                )
            }
            try await scene.append(batch)
            records += batch
        }
        var request = try Scene.request(
            start: "\"\(Timestamp(microseconds: start).zuluText)\"", width: "\(width) us",
            interval: "\(interval) us")
        let until = moment(100)
        request.definition.runUntil = until

        let baseline = try scene.store.view.baseline(
            request.definition.baseline, request.definition.summarizer)
        let evaluator = try AssayEvaluator(request.definition, baseline: baseline)
        var expected: [AssayOutcome] = []
        var first = start
        while first + width <= until.microseconds {
            let window = TimeWindow(
                start: Timestamp(microseconds: first), end: Timestamp(microseconds: first + width))
            let inside = records.filter { record in
                let time = moment(record.seconds).milliseconds * 1000
                return window.start.microseconds <= time && time < window.end.microseconds
            }
            if !inside.isEmpty {
                expected.append(evaluator.outcome(of: SortedSample(inside.map(\.y)), in: window))
            }
            first += interval
        }
        let found = try scene.store.view.runInteractive(request)
        #expect(found.map(\.outcome) == expected)
        try await scene.store.close()
    }

    @Test(
        "slices and threads change no outcome, no limit and no refusal, whether the baseline slides or not",
        arguments: 1...12)
    func slices(seed: Int) async throws {
        print("seed \(seed)")
        var random = SeededGenerator(seed: UInt64(seed))
        let scene = try await Scene()
        // Batches mostly one after the other, as traffic comes, and now and then a late one.
        for batch in 0..<12 {
            let start = Bool.random(using: &random) || batch < 8 ? batch * 10_000 : batch * 7000
            try await scene.append(
                (0..<Int.random(in: 256...400, using: &random)).map { _ in
                    (
                        seconds: Double(start + Int.random(in: 0...10_000, using: &random)) / 1000,
                        y: Double.random(in: 0...5, using: &random)
                    )
                })
        }
        let width = Int.random(in: 1...9_000, using: &random)
        let interval = Int.random(in: max(1, width / 3)...width * 2, using: &random)
        let sliding = """
            {"sliding_window":{"window":{"pipeline_name":"fraud","path":"output y","width":"7 seconds"},\
            "offset":"9 seconds"}}
            """
        let request = try Scene.request(
            baseline: seed % 3 == 0 ? sliding : nil, width: "\(width) ms", interval: "\(interval) ms",
            path: seed % 5 == 0 ? "output z" : "output y")
        let view = scene.store.view
        var pass = try AssayPass(view.completed(request.definition), view)
        func outcomes(_ sliceRowCount: Int, _ limit: PassLimit) -> Result<Found, FieldError> {
            pass.sliceRowCount = sliceRowCount
            do {
                let (outcomes, until) = try pass.outcomes(
                    touching: .always, until: moment(100), limit: limit)
                return .success(Found(outcomes: outcomes.map(\.outcome), until: until))
            } catch { return .failure(error as! FieldError) }
        }
        let limits = [
            PassLimit.interactive, PassLimit(windowCount: 17, valueCount: 1 << 28),
            PassLimit(windowCount: 100_000, valueCount: Int.random(in: 1...3000, using: &random)),
        ]
        for limit in limits {
            let whole = outcomes(1 << 15, limit)
            for sliceRowCount in [1, 300, 700] { #expect(outcomes(sliceRowCount, limit) == whole) }
        }
        try await scene.store.close()
    }

    private struct Found: Equatable {
        var outcomes: [AssayOutcome]
        var until: Timestamp
    }

    @Test("an interactive run has no number, echoes the one it was given, and stores nothing")
    func interactive() async throws {
        let scene = try await Scene()
        try await scene.append([(10, 1)])
        scene.clock.set(moment(100))
        let cut = scene.store.log.cut
        var request = try Scene.request()
        request.id = AssayID(41)
        let result = try #require(try scene.store.view.runInteractive(request).first)
        #expect(result.assayID == AssayID(41) && result.id == nil && result.createdAt == nil)
        #expect(result.analysedAt == moment(100))
        request.id = nil
        #expect(try scene.store.view.runInteractive(request).first?.assayID == nil)
        #expect(scene.store.log.cut == cut)
        try await scene.store.close()
    }

    @Test("a run is brief where it reads no records for a baseline, and few for its windows together")
    func brief() async throws {
        let scene = try await Scene()
        func isBrief(_ request: AssayRequest) throws -> Bool {
            try InteractiveRun(request, scene.store.view).isBrief
        }
        scene.clock.set(moment(100))
        #expect(try isBrief(try Scene.request()), "without a record")
        try await scene.append((0..<32_768).map { (Double($0) / 1000, 1) })
        #expect(try isBrief(try Scene.request()))
        for (bins, few) in [(128, true), (129, false)] {
            var request = try Scene.request()
            request.definition.summarizer = try SummarizerSettings(binMode: .quantile, numBins: bins)
            #expect(try isBrief(request) == few, "\(bins) bins, whose noise line may have to be drawn")
        }
        #expect(try isBrief(try Scene.request(width: "50 s", interval: "50 s")), "two windows of as many")
        #expect(try !isBrief(try Scene.request(width: "30 s", interval: "30 s")), "three windows of as many")
        #expect(try !isBrief(try Scene.request(baseline: Scene.sliding)))
        try await scene.append((0..<32_769).map { (Double($0) / 1000, 1) })
        #expect(try !isBrief(try Scene.request()), "one record more than two slices have")
        try await scene.store.close()
    }

    @Test("a baseline run shows the baseline as a window, without difference")
    func baselineRun() async throws {
        let scene = try await Scene()
        let result = try scene.store.view.runInteractiveBaseline(try Scene.request())
        #expect(result.outcome.status == .baselineRun)
        #expect(result.outcome.score == 0)
        #expect(result.outcome.window == TimeWindow(start: moment(0), end: moment(60)))
        let sliding = try Scene.request(baseline: Scene.sliding)
        #expect(throws: FieldError.self) { try scene.store.view.runInteractiveBaseline(sliding) }
        try await scene.store.close()
    }

    @Test("an interactive run ends with the windows complete now, or at run_until, its moment included")
    func until() async throws {
        let scene = try await Scene()
        try await scene.append([(10, 1), (70, 1), (130, 1)])
        scene.clock.set(moment(119.999999))
        #expect(try scene.store.view.runInteractive(try Scene.request()).count == 1)
        scene.clock.set(moment(120))
        #expect(try scene.store.view.runInteractive(try Scene.request()).count == 2)
        let bounded = try Scene.request(more: ",\"run_until\":\"2024-01-09T19:01:00+00:00\"")
        #expect(try scene.store.view.runInteractive(bounded).count == 1)
        try await scene.store.close()
    }

    @Test("the more bins, the fewer windows one pass looks at; five are no limit")
    func bins() {
        #expect(PassLimit.interactive.bounded(forBins: 5).windowCount == PassLimit.interactive.windowCount)
        #expect(PassLimit.scheduled.bounded(forBins: 100).windowCount == PassLimit.scheduled.windowCount)
        #expect(PassLimit.interactive.bounded(forBins: 10_000).windowCount == 209)
        #expect(PassLimit.documents.bounded(forBins: 10_000).windowCount == 6)
    }

    @Test("results are kept a few megabytes at a time, each once")
    func kept() async throws {
        let scene = try await Scene()
        let before = scene.store.derived.cut
        let sizes = [3 << 20, 4 << 20, 9 << 20, 1 << 20, 1]
        try await scene.store.keep(
            sizes.enumerated().map {
                ($0.offset + 1, [UInt8](repeating: UInt8(ascii: " "), count: $0.element))
            })
        // Two, the large one alone, two.
        #expect(scene.store.derived.cut == before + 3)
        let snapshot = scene.store.derived.snapshot()
        var found: [Int] = []
        try snapshot.forEachEvent(at: Array(0..<snapshot.index.events.count)) {
            found.append($1.document.count)
        }
        #expect(found.suffix(5) == sizes)
        try await scene.store.close()
    }
}
