// Checked here: each kind of baseline has the summary that it names, and none where there is nothing to
// summarise; damage in the log is said, not summarised around.

import Assays
import Foundation
import JSON
import Records
import Segments
import Summaries
import TestSupport
import Testing

@testable import Store

@Suite("Baselines")
struct BaselinesTests {
    static func spec(_ text: String) throws -> BaselineSpec {
        try BaselineSpec(JSONField(try JSONValue(parsing: text)))
    }

    static func settings(numBins: Int = 2) throws -> SummarizerSettings {
        try SummarizerSettings(numBins: numBins)
    }

    static let fixed = """
        {"fixed_window":{"pipeline_name":"fraud","path":"output y","start":"2024-01-09T19:00:00.0005Z",\
        "width":"1 minute"}}
        """

    @Test("a static baseline is what was given, a vector is summarised without its nulls")
    func given() async throws {
        let scene = try await Scene()
        let vector = try scene.store.view.baseline(
            try Self.spec("{\"vector\":[4,null,2,1,3]}"), try Self.settings())
        #expect(vector.summary.count == 4)
        #expect(vector.summary.missingCount == 1)
        #expect(vector.summary.edges == [1, 2, 4])
        #expect(vector.start == nil && vector.end == nil)
        let summary = try scene.store.view.baseline(
            try Self.spec("{\"static\":\(vector.json.text)}"), try Self.settings(numBins: 7))
        #expect(summary == vector)
        try await scene.store.close()
    }

    @Test("a fixed window is summarised over its period, to the microsecond, whatever its records' times")
    func fixedWindow() async throws {
        let scene = try await Scene()
        // The period is [0.0005, 60.0005): the record of 0 is before it, that of 60 is in it.
        try await scene.append([(60, 5), (0, 100), (0.001, 1), (30, 3), (60.001, 100)])
        let baseline = try scene.store.view.baseline(try Self.spec(Self.fixed), try Self.settings())
        #expect(baseline.summary.count == 3)
        #expect(baseline.summary.edges == [1, 3, 5])
        #expect(baseline.start == moment(0.0005) && baseline.end == moment(60.0005))
        try await scene.store.close()
    }

    @Test("the numbers of a baseline may arrive in any order and blocks: the summary is the same bits")
    func anyOrder() async throws {
        var values: [(seconds: Double, y: Double)] = []
        for number in 0..<900 {
            let number = Double(number)
            values.append((seconds: 0.01 + number / 16, y: 1.0 / (number + 0.3)))
        }
        let halves = values[450...] + values[..<450]
        var summaries: [DatedSummary] = []
        for order in [values, Array(values.reversed()), Array(halves)] {
            let scene = try await Scene()
            for start in stride(from: 0, to: order.count, by: 300) {
                try await scene.append(Array(order[start..<start + 300]))
            }
            summaries.append(try scene.store.view.baseline(try Self.spec(Self.fixed), try Self.settings()))
            try await scene.store.close()
        }
        #expect(summaries[0].summary.count == 900)
        #expect(summaries[1] == summaries[0])
        #expect(summaries[2] == summaries[0])
    }

    @Test("a period without records, or with none that has a number, is refused with what was looked for")
    func empty() async throws {
        let scene = try await Scene()
        #expect(
            throws: StoreRefusal(
                .invalid,
                "no inferences for output y of pipeline \"fraud\" between 2024-01-09T19:00:00.000500Z and "
                    + "2024-01-09T19:01:00.000500Z: field \"baseline\" must name a period with records, and the "
                    + "pipeline has none yet: send some first")
        ) { try scene.store.view.baseline(try Self.spec(Self.fixed), try Self.settings()) }
        try await scene.append([(100, 1), (130, 1)])
        let elsewhere = await refusal {
            _ = try scene.store.view.baseline(try Self.spec(Self.fixed), try Self.settings())
        }
        #expect(
            elsewhere.hasSuffix("those of the pipeline are from 2024-01-09T19:01:40Z to 2024-01-09T19:02:10Z")
        )
        try await scene.append([(1, .nan)])
        #expect(
            throws: FieldError(
                field: "baseline.fixed_window",
                problem: "is refused: \(SummaryError.emptyBaseline(missingCount: 1))")
        ) { try scene.store.view.baseline(try Self.spec(Self.fixed), try Self.settings()) }
        try await scene.store.close()
    }

    @Test("a baseline that slides has no summary without a window, and its window's own with one")
    func sliding() async throws {
        let scene = try await Scene()
        try await scene.append([(0, 1), (61, 2), (130, 3)])
        let spec = try Self.spec(
            """
            {"sliding_window":{"window":{"pipeline_name":"fraud","path":"output y","width":"1 minute"},\
            "offset":"1 minute"}}
            """)
        #expect(throws: FieldError.self) { try scene.store.view.baseline(spec, try Self.settings()) }
        let baseline = try scene.store.view.baseline(
            spec, try Self.settings(numBins: 1), for: TimeWindow(start: moment(120), end: moment(180)))
        #expect(baseline.summary.count == 1 && baseline.summary.min == 2)
        #expect(baseline.start == moment(60) && baseline.end == moment(120))
        try await scene.store.close()
    }

    // A sliding baseline that could not be read counted as one without records: its windows were left
    // out in silence.
    @Test("damage under a baseline or a window is said, and no result is made around it")
    func damage() async throws {
        var scene = try await Scene()
        // A block of its own on disk for the first minute, then one for the second.
        try await scene.append((0..<600).map { (Double($0) / 10, Double($0) * 0.37) })
        try await scene.append((600..<1200).map { (Double($0) / 10, Double($0) * 0.37) })
        scene = try await scene.restarted { _ in try Self.damageFirstBlock(of: scene) }
        scene.clock.set(moment(600))
        let fixed = try #require(
            #expect(throws: StoreRefusal.self) {
                try scene.store.view.baseline(
                    try Self.spec(Self.fixed.replacing("00.0005", with: "00.000")), try Self.settings())
            })
        #expect(fixed.kind == .unavailable)
        let sliding = """
            {"sliding_window":{"window":{"pipeline_name":"fraud","path":"output y","width":"1 minute"},\
            "offset":"1 minute"}}
            """
        let request = try Scene.request(baseline: sliding, start: "\"2024-01-09T19:01:00Z\"")
        let slid = #expect(throws: StoreRefusal.self) { try scene.store.view.runInteractive(request) }
        #expect(slid?.kind == .unavailable)
        try await scene.store.close()
    }

    /// Turns over a bit in the middle of the first block of records.
    static func damageFirstBlock(of scene: Scene) throws {
        let (view, _) = try StoreView.open(scene.folder.path, sources: scene.clock.sources)
        let topic = try #require(view.snapshot.index.topics[scene.pipeline.topic.name])
        let segment = try #require(topic.segments.first)
        let block = try #require(segment.blocks.min { $0.firstIndex < $1.firstIndex })
        let name =
            scene.folder.path + "/segment-" + String(repeating: "0", count: 16 - 1) + "\(segment.segment)"
        var bytes = try Data(contentsOf: URL(fileURLWithPath: name))
        bytes[block.offset + block.byteCount - 8] ^= 0x10
        bytes[block.offset + block.headByteCount + (block.byteCount - block.headByteCount) / 2] ^= 0x10
        try bytes.write(to: URL(fileURLWithPath: name))
    }
}
