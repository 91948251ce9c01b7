// Invariants checked: the two at the head of SealableResult.swift, for both generations; and that retention
// goes on, and says so.
//
// A decision is forged here by its digest: then nothing that is kept or worked out can be what was decided.

import Assays
import Disk
import EventLog
import Foundation
import JSON
import Records
import Segments
import StoreSupport
import Synchronization
import TestSupport
import Testing

@testable import Store

@Suite("Sealing what nothing proves")
struct SealableResultTests {
    /// Appends to the log that a decision was made once more, with a digest that nothing has.
    ///
    /// - Returns: the number of its result.
    static func forge(_ decision: AssayDecision, in store: InferenceStore) async throws -> Int {
        var forged = decision
        forged.resultID = AssayResultID(store.book.lastResultID.number + 1)
        forged.revision += 1
        forged.digest = ResultDigest(of: [1, 2, 3])
        let event = AssayEvent.analysed(forged)
        try await store.changeBook { _ in [event] }
        return forged.resultID.number
    }

    static func mark(_ number: Int, _ store: InferenceStore) throws -> JSONField {
        let document = try #require(store.places.unproven.document(number, in: store.log.snapshot()))
        return JSONField(try JSONValue(parsing: document))
    }

    static let digest = ResultDigest(of: [1, 2, 3]).hex

    @Test(
        "retention seals what was answered, and marks what neither its copy nor the records prove",
        arguments: [true, false])
    func unproven(isKept: Bool) async throws {
        var (scene, ids) = try await StoredResultsTests.history()
        let store = scene.store
        let before = try scene.results(ids[0])
        let decisions = try #require(store.book[ids[0]]).decisions
        let number = try await Self.forge(decisions[1], in: store)
        let kept = before[1].replacing("\"count\":", with: "\"count\":1")
        #expect(kept != before[1])
        if isKept { try await store.keep([(number, Array(kept.utf8))]) }
        let answered = try scene.results(ids[0])
        #expect(isKept == (answered[1] == kept))
        let topic = scene.pipeline.topic.name
        try await store.setRetention(RetentionPolicy(age: TimeSpan(microseconds: 1_000_000)), of: topic)
        scene.clock.set(moment(100_000))
        let retention = try await store.applyRetention()
        #expect(retention.recordCounts == [topic: 405], "what cannot be proved keeps no records")
        #expect(
            retention.problems.first?.contains(
                "1 result over records that go is sealed unproven, the first of assay 1 (vector), window "
                    + "2024-01-09T19:01:00Z, revision 3") == true, "\(retention.problems)")
        // Of a window that was due and not decided yet there is one more.
        let now = try scene.results(ids[0])
        #expect(Array(now.prefix(answered.count)) == answered, "an answer stays what it was")

        let mark = try Self.mark(number, store)
        #expect(try mark["decided"].string() == Self.digest && mark["worked_out"].string() != Self.digest)
        #expect(mark["kept"].isPresent == isKept)
        #expect(store.unprovenResultCount == 1)
        let told = try store.view.revisions(of: ids[0], startingIn: .always)
        #expect(
            told.filter { String(decoding: $0, as: UTF8.self).contains("\"unproven\":true") }.count == 1)
        // Sealing again appends nothing, and a restart forgets nothing.
        let cut = store.log.cut
        #expect(try await store.sealResults(ofTopic: topic, touching: [.always]) == SealingReport())
        #expect(store.log.cut == cut)
        scene = try await scene.restarted()
        let report = try scene.store.view.verify(scene.store.configuration)
        #expect(report.sealedUnprovenCount == 1 && report.differentCount == 1 && !report.isProved)
        #expect(report.sealedCount == report.decisionCount - 1)
        #expect(
            report.differences.first?.hasSuffix("decided, as was known when it was sealed") == true)
        let check = try StoreCheck.run(scene.folder.path)
        #expect(check.findings == [] && check.unprovenResultCount == 1, "\(check.findings)")
        #expect(check.notes.contains { $0.hasPrefix("1 sealed results are marked unproven") })
        try await scene.store.close()
    }

    @Test("a kept result that is none is not sealed, marked or not")
    func unreadable() async throws {
        let (scene, ids) = try await StoredResultsTests.history()
        let decisions = try #require(scene.store.book[ids[0]]).decisions
        let number = try await Self.forge(decisions[0], in: scene.store)
        try await scene.store.keep([
            (number, Array("{}".utf8)), (decisions[1].resultID.number, Array("{}".utf8)),
        ])
        let report = try await scene.store.sealResults(
            ofTopic: scene.pipeline.topic.name, touching: [.always])
        #expect(report.unprovenCount == 1)
        #expect(try !scene.results(ids[0]).contains("{}"))
        #expect(try !Self.mark(number, scene.store)["kept"].isPresent)
        try await scene.store.close()
    }

    @Test(
        "the same of the second generation, where a deletion says so in its answer", arguments: [true, false])
    func series(isKept: Bool) async throws {
        let scene = try await Scene()
        let store = scene.store
        let uuid = try await store.scheduleAssay(Scene.seriesRequest())
        try await scene.append([(10, 1), (20, 4), (70, 9)])
        scene.clock.set(moment(126))
        await scene.seriesScheduler.tick()
        let before = try store.view.seriesResults(of: uuid, endingIn: .always)
        let decisions = try #require(store.book[uuid: uuid]).decisions
        let number = try await Self.forge(decisions[0], in: store)
        if isKept {
            let kept = String(decoding: before[0], as: UTF8.self)
                .replacing("\"id\":1,", with: "\"id\":\(number),").replacing(
                    "\"max\":4.0", with: "\"max\":5.0")
            #expect(Array(kept.utf8) != before[0])
            try await store.keep([(number, Array(kept.utf8))])
        }
        let answered = try store.view.seriesResults(of: uuid, endingIn: .always)
        #expect(String(decoding: answered[0], as: UTF8.self).contains("\"max\":5.0") == isKept)
        let report = try await store.deleteRecords(ofTopic: scene.pipeline.topic.name)
        #expect(report.recordCount == 3)
        #expect(
            report.problems.count == 1
                && report.problems[0].contains("sealed unproven, the first of assay \(uuid) (watch)"),
            "\(report.problems)")
        #expect(try store.view.seriesResults(of: uuid, endingIn: .always) == answered)
        let mark = try Self.mark(number, store)
        #expect(try mark["decided"].string() == Self.digest && mark["worked_out"].string() != Self.digest)
        #expect(mark["kept"].isPresent == isKept)
        let verified = try store.view.verify(store.configuration)
        #expect(verified.sealedUnprovenCount == 1 && verified.differentCount == 1, "\(verified)")
        #expect(verified.sealedCount == 2)
        try await store.close()
    }

    @Test(
        "where nothing can be worked out any more, a kept result that contradicts its decision keeps no records"
    )
    func unreadableRecords() async throws {
        let scene = try await Scene()
        let store = scene.store
        let topic = scene.pipeline.topic.name
        let id = try await scene.createAssay()
        let uuid = try await store.scheduleAssay(Scene.seriesRequest())
        // A block of columns, which is read when it is asked for.
        try await scene.append((0..<300).map { (Double($0) / 6, Double($0 % 7)) })
        scene.clock.set(moment(70))
        await scene.scheduler.tick()
        await scene.seriesScheduler.tick()
        let before = [
            try #require(try scene.results(id).first),
            String(
                decoding: try #require(try store.view.seriesResults(of: uuid, endingIn: .always).first),
                as: UTF8.self),
        ]
        let decisions = [
            try #require(store.book[id]?.decisions.first),
            try #require(store.book[uuid: uuid]?.decisions.first),
        ]
        var numbers: [Int] = []
        for (decision, document) in zip(decisions, before) {
            let number = try await Self.forge(decision, in: store)
            let kept = document.replacing("\"id\":\(decision.resultID.number),", with: "\"id\":\(number),")
            try await store.keep([(number, Array(kept.utf8))])
            numbers.append(number)
        }
        let index = try #require(store.log.snapshot().index.topics[topic])
        let blocks = try #require(index.segments.first)
        let block = try #require(blocks.blocks.first)
        try Self.damage(
            scene.folder, FileName.segment(blocks.segment), at: block.offset, byteCount: block.byteCount)
        #expect(throws: (any Error).self) {
            let assay = try #require(store.book[id])
            _ = try store.view.outcome(of: decisions[0], assay)
        }
        try await store.setRetention(RetentionPolicy(age: TimeSpan(microseconds: 1_000_000)), of: topic)
        scene.clock.set(moment(100_000))
        let report = try await store.applyRetention()
        #expect(report.recordCounts == [topic: 300], "\(report.problems)")
        #expect(
            report.problems.count == 1
                && report.problems[0].hasPrefix(
                    "\(topic): 2 results over records that go are sealed unproven"),
            "\(report.problems)")
        for number in numbers {
            let mark = try Self.mark(number, store)
            #expect(try mark["decided"].string() == Self.digest && mark["kept"].isPresent)
            #expect(!mark["worked_out"].isPresent)
        }
        #expect(store.unprovenResultCount == 2)
        // A task that is told to stop has not found out that there is nothing.
        let cancelled = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            _ = try store.view.sealable([decisions[0]], of: try #require(store.book[id]))
            var forged = decisions[0]
            forged.digest = ResultDigest(of: [1, 2, 3])
            _ = try store.view.sealable([forged], of: try #require(store.book[id]))
        }
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        try await store.close()
    }

    /// Turns bits of each 16th byte, on the disk, under whoever reads it.
    static func damage(_ folder: TemporaryFolder, _ name: String, at offset: Int, byteCount: Int) throws {
        let file = try #require(FileHandle(forUpdatingAtPath: folder.path + "/" + name))
        try file.seek(toOffset: UInt64(offset))
        var bytes = try #require(try file.read(upToCount: byteCount))
        for position in stride(from: bytes.startIndex, to: bytes.endIndex, by: 16) { bytes[position] ^= 4 }
        try file.seek(toOffset: UInt64(offset))
        try file.write(contentsOf: bytes)
        try file.close()
    }

    @Test("what keeps one topic's records keeps no other's")
    func besides() async throws {
        let scene = try await Scene()
        let other = try await Scene.createPipeline("zeal", in: WorkspaceID(1), scene.store, scene.clock)
        let id = try await scene.createAssay()
        for pipeline in [scene.pipeline, other] {
            try await scene.append([(10, 1), (20, 2)], to: pipeline)
            try await scene.store.setRetention(
                RetentionPolicy(age: TimeSpan(microseconds: 1_000_000)), of: pipeline.topic.name)
        }
        // An assay whose result is not kept, and about a baseline without records.
        let fixed = try await scene.createAssay(
            "nothing", baseline: Scene.fixed("2024-01-09T23:00:00Z"))
        scene.clock.set(moment(70))
        await scene.scheduler.tick()
        var decision = try #require(scene.store.book[id]?.decisions.first)
        _ = try await Self.forge(decision, in: scene.store)
        decision.assayID = fixed
        _ = try await Self.forge(decision, in: scene.store)
        scene.clock.set(moment(1000))
        let topic = scene.pipeline.topic.name
        let report = try await scene.store.applyRetention()
        #expect(report.recordCounts == [other.topic.name: 2])
        #expect(Array(report.topicProblems.keys) == [topic])
        // What was sealed before something went wrong is told of as well: it is not sealed again.
        #expect(
            report.problems.count == 2
                && report.problems[0].hasPrefix("\(topic) keeps records past its bounds")
                && report.problems[1].contains("1 result over records that go is sealed unproven"),
            "\(report.problems)")
        // Where nothing went, no pass that is under way is thrown away; round after round it is tried again.
        #expect(scene.store.sealingCount.load(ordering: .sequentiallyConsistent) == 1)
        #expect(try await scene.store.applyRetention().problems.count == 1)
        #expect(scene.store.sealingCount.load(ordering: .sequentiallyConsistent) == 1)
        // Who deletes is not refused; but then, too, no pass from before decides anything.
        let erasure = try await scene.store.deleteRecords(ofTopic: topic)
        #expect(erasure.problems.first?.contains("were not sealed first") == true, "\(erasure.problems)")
        #expect(scene.store.sealingCount.load(ordering: .sequentiallyConsistent) == 2)
        try await scene.store.close()
    }

    @Test("marks are counted where the look is short; a long one is the asker's to put elsewhere")
    func shortLooks() async throws {
        let (scene, ids) = try await StoredResultsTests.history()
        let store = scene.store
        let decision = try #require(store.book[ids[0]]?.decisions.first)
        _ = try await Self.forge(decision, in: store)
        try await store.sealResults(ofTopic: scene.pipeline.topic.name, touching: [.always])
        let (places, snapshot) = (ResultPlaces.unproven(), store.log.snapshot())
        let eventCount = snapshot.index.events.count
        #expect(places.count(in: snapshot, passing: eventCount - 1) == nil)
        #expect(places.count(in: snapshot, passing: eventCount) == 1)
        #expect(places.count(in: snapshot, passing: 0) == 1)
        try await store.close()
    }

    // In the first generation it was worked out again instead, of records that may be gone.
    @Test("a sealed result that cannot be read is named, in both generations")
    func unreadableSealed() async throws {
        var scene = try await Scene()
        _ = try await scene.createAssay()
        _ = try await scene.store.scheduleAssay(Scene.seriesRequest())
        try await scene.append([(10, 1), (20, 4)])
        scene.clock.set(moment(66))
        await scene.scheduler.tick()
        await scene.seriesScheduler.tick()
        try await scene.store.sealResults(ofTopic: scene.pipeline.topic.name, touching: [.always])
        let places = scene.store.log.snapshot().index.events.suffix(from: 0).filter {
            $0.entry.name.hasPrefix("result ")
        }
        #expect(places.count == 2)
        // On the disk, under a store that is open.
        for place in places {
            let path = scene.folder.path + "/" + FileName.segment(place.segment)
            let file = try #require(FileHandle(forUpdatingAtPath: path))
            let offset = UInt64(place.entry.offset + place.entry.byteCount / 2)
            try file.seek(toOffset: offset)
            let byte = try #require(try file.read(upToCount: 1)?.first)
            try file.seek(toOffset: offset)
            try file.write(contentsOf: Data([byte ^ 4]))
            try file.close()
        }
        func check() throws {
            let report = try scene.store.view.verify(scene.store.configuration)
            #expect(report.decisionCount == 2 && report.differentCount == 2, "\(report)")
            #expect(
                report.differences.count == 2
                    && report.differences.allSatisfy { $0.hasSuffix(": the sealed result cannot be read") })
        }
        try check()
        // Nothing is folded from it, so it keeps no store from opening.
        scene = try await scene.restarted { folder in try folder.remove("derived") }
        try check()
        try await scene.store.close()
    }
}
