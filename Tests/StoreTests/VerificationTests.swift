// Invariants checked: those at the heads of StoreView+Verification.swift and InferenceStore+Rebuild.swift.

import Assays
import EventLog
import Foundation
import Records
import Segments
import Testing

@testable import Store

@Suite("Results proven and derived anew")
struct VerificationTests {
    static let grace = TimeSpan(microseconds: 5_000_000)

    @Test("every result of a history with late records follows from the log, and the history is settled")
    func equal() async throws {
        let (scene, ids) = try await StoredResultsTests.history()
        let cut = scene.store.log.cut
        let found = scene.store.view.verify(grace: Self.grace)
        let count = ids.reduce(0) { sum, id in
            sum + (scene.store.book[id]?.revisions(startingIn: .always).count ?? 0)
        }
        #expect(found.equalCount == count && count > 28)
        #expect(found.differentCount == 0 && found.sealedCount == 0 && found.otherEngineCount == 0)
        #expect(found.isSettled)
        #expect(scene.store.log.cut == cut)
        try await scene.store.close()
    }

    @Test(
        "records that came late, and windows that became due, leave the history unsettled until they are decided"
    )
    func unsettled() async throws {
        let (scene, _) = try await StoredResultsTests.history()
        try await scene.append([(50, 123)])
        let found = scene.store.view.verify(grace: Self.grace)
        #expect(found.differentCount == 0)
        // The windows of three assays that hold the record, and those whose sliding baseline does.
        #expect(found.unsettledCount > 3)
        await scene.scheduler.tick()
        scene.clock.advance(6)
        await scene.scheduler.tick()
        #expect(scene.store.view.verify(grace: Self.grace).isSettled)
        scene.clock.set(moment(500))
        #expect(!scene.store.view.verify(grace: Self.grace).isSettled)
        try await scene.store.close()
    }

    @Test("a decision with another digest is found, and named")
    func different() async throws {
        let (scene, ids) = try await StoredResultsTests.history()
        let assay = try #require(scene.store.book[ids[1]])
        var lie = try #require(assay.decisions.last)
        lie.digest = try #require(ResultDigest(hex: String(repeating: "0", count: 64)))
        lie.revision += 1
        lie.resultID = AssayResultID(scene.store.book.lastResultID.number + 1)
        let event = AssayEvent.analysed(lie)
        try await scene.store.changeBook { _ in [event] }
        let found = scene.store.view.verify(grace: Self.grace)
        #expect(found.differentCount == 1)
        #expect(found.first?.resultID == lie.resultID && found.first?.assayID == ids[1])
        #expect(found.first?.problem.contains("0000 was decided") == true)
        // What is decided and what the records say differ: a new decision is due.
        #expect(found.unsettledCount == 1)
        try await scene.store.close()
    }

    @Test("a kept document in other bytes is found")
    func otherBytes() async throws {
        let (scene, ids) = try await StoredResultsTests.history()
        let decision = try #require(scene.store.book[ids[0]]?.decisions.first)
        try await scene.store.keep([(decision.resultID.number, Array("{\"score\":0}".utf8))])
        let found = scene.store.view.verify(grace: Self.grace)
        #expect(found.differentCount == 1 && found.first?.resultID == decision.resultID)
        try await scene.store.close()
    }

    @Test("sealed results are counted apart, and are not asked of the records")
    func sealed() async throws {
        let (scene, _) = try await StoredResultsTests.history()
        try await scene.store.sealResults(ofTopic: scene.pipeline.topic.name, touching: [.always])
        let found = scene.store.view.verify(grace: Self.grace)
        #expect(found.equalCount == 0 && found.differentCount == 0 && found.sealedCount > 28)
        #expect(found.isSettled)
        try await scene.store.close()
    }

    @Test("rebuilding derives every result anew, byte for byte, and appends nothing to the log")
    func rebuilt() async throws {
        var (scene, ids) = try await StoredResultsTests.history()
        let before = try ids.map { try scene.results($0) }
        let events = scene.store.log.snapshot().index.events.count
        let count = scene.store.view.verify(grace: Self.grace).equalCount
        // A kept result that is wrong is gone afterwards.
        try await scene.store.keep([(1, Array("{\"score\":0}".utf8))])
        #expect(scene.store.view.verify(grace: Self.grace).differentCount == 1)
        try await scene.store.close()
        // Elsewhere: the store that was closed keeps its folder's lock for as long as somebody holds it.
        let folder = try scene.folder.copy()
        let report = try await InferenceStore.rebuild(
            Scene.configuration(folder), sources: scene.clock.sources)
        #expect(report.resultCount == count && report.problems.isEmpty)
        let store = try InferenceStore.open(Scene.configuration(folder), sources: scene.clock.sources).store
        scene = Scene(folder: folder, clock: scene.clock, store: store, pipeline: scene.pipeline)
        #expect(scene.store.log.snapshot().index.events.count == events)
        #expect(try ids.map { try scene.results($0) } == before)
        let view = scene.store.view
        for id in ids {
            for decision in try #require(view.book[id]).revisions(startingIn: .always) {
                #expect(view.keptDocument(of: decision) != nil)
            }
        }
        #expect(view.verify(grace: Self.grace).equalCount == count)
        try await scene.store.close()
    }
}
