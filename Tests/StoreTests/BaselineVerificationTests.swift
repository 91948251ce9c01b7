// Invariants checked: the three at the head of HistoryVerification+Baselines.swift.

import Assays
import EventLog
import JSON
import Records
import Segments
import Summaries
import TestSupport
import Testing

@testable import Store

@Suite("Pinned baselines, checked after something was let go")
struct BaselineVerificationTests {
    /// A scene with a pin of the minute before 0 seconds, over `output y` of the partition "engine"; records of
    /// the same time lie in "edge-1", and "in.other" is beside them.
    ///
    /// - Parameters:
    ///   - falseNumbers: what a false pin says that the baseline was; nil for a true pin.
    ///   - blockCount: of how many blocks of 300 records each partition is.
    private static func pinned(falseNumbers: [Double]?, blockCount: Int = 1) async throws -> Scene {
        let scene = try await Scene()
        let topic = scene.pipeline.topic.name
        for (partition, first) in Array(repeating: [("engine", 0), ("edge-1", 3)], count: blockCount).joined()
        {
            // So many are a block of their own, which may go by itself.
            let rows = 0..<300
            let batch = RecordBatch(
                times: rows.map { moment(Double($0) / 5 - 60).milliseconds },
                fields: ["out.y", "in.other"].map { name in
                    FieldColumn(
                        name: name, values: .scalar(Leaf(.float64(rows.map { Double(($0 + first) % 7) }))))
                })
            _ = try await scene.store.append(batch, topic: topic, partition: partition)
        }
        try await scene.append((0..<60).map { (Double($0), Double($0 % 5)) })
        let baseline = """
            {"calculated":{"fixed_window":{"pipeline_name":"fraud","path":"output y",\
            "start":"2024-01-09T18:59:00Z","width":"1 minute","locations":["engine"]}}}
            """
        let id = try await scene.createAssay(baseline: baseline, locations: "[\"engine\"]")
        if let falseNumbers { try await scene.pinFalsely(id, falseNumbers) }
        let again = try await scene.restarted()
        again.clock.set(moment(70))
        await again.scheduler.tick()
        return again
    }

    /// The pins that are equal, different, and not to be checked.
    private static func counts(_ scene: Scene) throws -> [Int] {
        let report = try scene.store.view.verify(scene.store.configuration)
        return [report.baselineEqualCount, report.baselineDifferentCount, report.baselineGoneCount]
    }

    @Test(
        "what goes elsewhere leaves a pin to be checked; what goes of its own does not",
        arguments: [true, false])
    func elsewhere(isFalse: Bool) async throws {
        // As many numbers as there are, and others.
        let scene = try await Self.pinned(falseNumbers: isFalse ? (0..<300).map { Double($0) } : nil)
        let topic = scene.pipeline.topic.name
        let checked = isFalse ? [0, 1, 0] : [1, 0, 0]
        #expect(try Self.counts(scene) == checked)
        _ = try await scene.store.redact("in.other", ofTopic: topic)
        #expect(try Self.counts(scene) == checked, "another field")
        let edge = Tombstone(topic: topic, reason: .retention, ranges: ["edge-1": IndexRanges(0..<300)])
        #expect(try await scene.store.log.letGo(edge) != nil)
        #expect(try Self.counts(scene) == checked, "another partition")
        let later = Tombstone(topic: topic, reason: .retention, ranges: ["engine": IndexRanges(300..<360)])
        #expect(try await scene.store.log.letGo(later) != nil)
        #expect(try Self.counts(scene) == checked, "another time")
        let own = Tombstone(topic: topic, reason: .retention, ranges: ["engine": IndexRanges(0..<300)])
        #expect(try await scene.store.log.letGo(own) != nil)
        #expect(try Self.counts(scene) == [0, 0, 1], "its own records")
        try await scene.store.close()
    }

    // It could not be checked, as no more was missing than had gone.
    @Test(
        "where a part of its records went, a pin whose least and greatest leave out what is left is different"
    )
    func part() async throws {
        let low = (0..<600).map { Double($0 % 7) }
        for (numbers, counts) in [
            (nil, [0, 0, 1]), (low.map { $0 + 1 }, [0, 1, 0]), (low.map { $0 - 1 }, [0, 1, 0]),
            // Nobody can tell that it is none.
            (low.map { $0 * 2 }, [0, 0, 1]),
        ] {
            let scene = try await Self.pinned(falseNumbers: numbers, blockCount: 2)
            let own = Tombstone(
                topic: scene.pipeline.topic.name, reason: .retention, ranges: ["engine": IndexRanges(0..<300)]
            )
            #expect(try await scene.store.log.letGo(own) != nil)
            #expect(try Self.counts(scene) == counts)
            try await scene.store.close()
        }
    }

    @Test("a redaction of its own column, and a deletion, leave nothing to check it by")
    func gone() async throws {
        for isDeletion in [true, false] {
            let scene = try await Self.pinned(falseNumbers: nil)
            let topic = scene.pipeline.topic.name
            if isDeletion {
                _ = try await scene.store.deleteRecords(ofTopic: topic)
            } else {
                _ = try await scene.store.redact("out.y", ofTopic: topic)
            }
            #expect(try Self.counts(scene) == [0, 0, 1])
            try await scene.store.close()
        }
    }
}
