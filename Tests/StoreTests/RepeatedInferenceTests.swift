// Invariant checked: the last at the head of InferenceStore+Inference.swift. A request that was repeated once its
// records were gone or damaged was answered with those that came next: other clients' inferences.

import EventLog
import Records
import TestSupport
import Testing

@testable import Store

@Suite("Repeated inferences")
struct RepeatedInferenceTests {
    /// Records of `out.y`, each of its own number; what came under one key, then what came after it.
    static func batch(_ numbers: Range<Int>) -> RecordBatch {
        RecordBatch(
            times: numbers.map { moment(Double($0)).milliseconds },
            fields: [FieldColumn(name: "out.y", values: .scalar(Leaf(.float64(numbers.map { Double($0) }))))])
    }

    static func append(_ numbers: Range<Int>, to scene: Scene) async throws -> AppendedSpan {
        try await scene.store.append(batch(numbers), topic: scene.pipeline.topic.name, partition: "engine")
    }

    /// Seconds of the records that a repeated request is answered with.
    static func seconds(_ span: AppendedSpan, _ scene: Scene) throws -> [Int64] {
        let rows = try scene.store.records(span)
        return rows.rows.map {
            (rows.batches[$0.batch].times[$0.row] - moment(0).milliseconds) / 1000
        }
    }

    @Test("it is answered with its own records alone, whether they lie in blocks or in memory")
    func answered() async throws {
        let scene = try await Scene()
        var spans: [(AppendedSpan, Range<Int>)] = []
        for numbers in [0..<3, 3..<303, 303..<305, 305..<2905] {
            spans.append((try await Self.append(numbers, to: scene), numbers))
        }
        for (span, numbers) in spans {
            #expect(try Self.seconds(span, scene) == numbers.map { Int64($0) })
        }
        try await scene.store.close()
    }

    @Test(
        "once its records were let go, all or the first of them, it is refused and not answered with others'")
    func letGo() async throws {
        let scene = try await Scene()
        let topic = scene.pipeline.topic.name
        let whole = try await Self.append(0..<300, to: scene)
        let parted = try await Self.append(300..<3300, to: scene)
        _ = try await Self.append(3300..<6600, to: scene)
        // A block of the second request goes with the first one's records, the rest stays.
        let blocks = try #require(scene.store.log.snapshot().index.topics[topic]).segments.flatMap(\.blocks)
        let first = try #require(blocks.first { $0.firstIndex == parted.firstIndex })
        try #require(first.indexes.count < parted.indexes.count)
        let ranges = ["engine": IndexRanges(0..<first.indexes.upperBound)]
        #expect(
            try await scene.store.log.letGo(Tombstone(topic: topic, reason: .retention, ranges: ranges))
                != nil)
        for (span, missing) in [(whole, 300), (parted, first.indexes.count)] {
            let refusal = #expect(throws: StoreRefusal.self) { try scene.store.records(span) }
            #expect(refusal?.kind == .gone)
            #expect(
                refusal?.description.contains(
                    "records \(span.firstIndex) to \(span.endIndex - 1) of engine in \(topic), of which "
                        + "\(missing) are not there any more") == true, "\(refusal?.description ?? "")")
        }
        try await scene.store.close()
    }

    @Test("where its records are damaged it is refused with the place, and others are answered")
    func damaged() async throws {
        var scene = try await Scene()
        let first = try await Self.append(0..<600, to: scene)
        let second = try await Self.append(600..<1200, to: scene)
        scene = try await scene.restarted { _ in try BaselinesTests.damageFirstBlock(of: scene) }
        let refusal = #expect(throws: StoreRefusal.self) { try scene.store.records(first) }
        #expect(refusal?.kind == .unavailable)
        for text in ["600 cannot be read", "segment-", "not seen: records [0, 600)", "backup"] {
            #expect(refusal?.description.contains(text) == true, "\(text): \(refusal?.description ?? "")")
        }
        #expect(try Self.seconds(second, scene) == (600..<1200).map { Int64($0) })
        try await scene.store.close()
    }
}
