// Invariants checked: those at the head of HistoryVerification+Series.swift, and that rebuilding derives results
// of the second generation as well.

import Assays
import Disk
import EventLog
import Foundation
import Records
import Segments
import TestSupport
import Testing

@testable import Store

@Suite("Second-generation results proven and derived anew")
struct SeriesVerificationTests {
    @Test(
        "every decision is proven, late records and due runs are waited for, and a wrong kept result is found"
    )
    func verified() async throws {
        let scene = try await Scene()
        let uuid = try await scene.store.scheduleAssay(Scene.seriesRequest())
        let scheduler = scene.seriesScheduler
        try await scene.append([(10, 1), (20, 4), (70, 9)])
        scene.clock.set(moment(126))
        await scheduler.tick()
        let configuration = scene.folder.configuration()
        var report = try scene.store.view.verify(configuration)
        #expect(report.decisionCount == 2 && report.equalCount == 2 && report.keptCount == 2)
        #expect(report.isProved && report.isSettled)

        // A record of the first window comes late, and a third window becomes due.
        try await scene.append([(30, 40)])
        scene.clock.set(moment(186))
        report = try scene.store.view.verify(configuration)
        #expect(report.isProved && !report.isSettled)
        #expect(report.lateWindowCount == 1 && report.dueWindowCount == 1)

        let assay = try #require(scene.store.book[uuid: uuid])
        let document = try #require(scene.store.view.keptDocument(of: assay.decisions[0]))
        try await scene.store.keep([(assay.decisions[0].resultID.number, Array("{}".utf8))])
        report = try scene.store.view.verify(configuration)
        #expect(report.equalCount == 2 && report.keptDifferentCount == 1 && !report.isProved)

        // A result that was kept before its noise was known tells the same; one that tells another score does not.
        let text = String(decoding: document, as: UTF8.self)
        let silent = text.replacing(#/,"noise":{[^}]*}/#, with: "")
        let other = text.replacing(#/"score":[0-9.e+-]+/#, with: "\"score\":0.125")
        #expect(silent != text && other != text)
        for (told, different) in [(silent, 0), (other, 1)] {
            try await scene.store.keep([(assay.decisions[0].resultID.number, Array(told.utf8))])
            report = try scene.store.view.verify(configuration)
            #expect(report.keptDifferentCount == different && report.isProved == (different == 0))
        }

        // Derived anew, it is right again. Elsewhere: a closed store keeps its folder's lock while it is held.
        try await scene.store.close()
        let folder = try scene.folder.copy()
        let rebuilt = try InferenceStore.rebuild(
            folder.configuration(), sources: scene.clock.sources)
        #expect(rebuilt.resultCount == 2 && rebuilt.failureCount == 0)
        let store = try InferenceStore.open(folder.configuration(), sources: scene.clock.sources).store
        report = try store.view.verify(configuration)
        #expect(report.equalCount == 2 && report.keptCount == 2 && report.isProved)
        try await store.close()
    }

    @Test(
        "sealed results are held against their decisions, whatever became of their records",
        arguments: [false, true])
    func sealed(isRolling: Bool) async throws {
        let scene = try await Scene()
        let baseline =
            isRolling
            ? "{\"Rolling\":{\"start\":\"2024-01-09T18:59:00Z\",\"width\":{\"seconds\":60}}}"
            : "{\"Vector\":[1.0,2.0,3.0,4.0]}"
        try await scene.append([(-30, 1), (-20, 2), (10, 1), (20, 4), (70, .nan), (190, 9), (195, .infinity)])
        let uuid = try await scene.store.scheduleAssay(
            Scene.seriesRequest(
                baseline: baseline,
                iopath: "[{\"field\":\"out.y\",\"thresholds\":{\"alert\":0.25,\"warning\":0.1}},"
                    + "{\"field\":\"out.p\"}]"))
        scene.clock.set(moment(306))
        await scene.seriesScheduler.tick()
        let topic = scene.pipeline.topic.name
        try await scene.store.sealResults(
            ofTopic: topic, touching: [TimeWindow(start: moment(0), end: moment(300))])
        var report = try scene.store.view.verify(scene.store.configuration)
        #expect(report.decisionCount == 5 && report.sealedCount == 5 && report.isProved, "\(report)")
        #expect(report.sealedUncomparedCount == 0, "\(report)")

        // As if another thing had been sealed: one number of the window's, and another window's result.
        let documents = try scene.store.view.seriesResults(of: uuid, endingIn: .always)
        let forged = String(decoding: documents[0], as: UTF8.self).replacing(
            "\"max\":4.0", with: "\"max\":5.0")
        #expect(Array(forged.utf8) != documents[0])
        for (number, document) in [(1, Array(forged.utf8)), (2, documents[2])] {
            _ = try await scene.store.log.append([.event(Event(name: "result \(number)", document: document))]
            )
        }
        report = try scene.store.view.verify(scene.store.configuration)
        #expect(report.differentCount == 2, "\(report)")
        #expect(report.sealedCount == 5 - report.differentCount && !report.isProved)
        #expect(report.differences.last?.contains("the sealed result is not of this decision") == true)
        try await scene.store.close()
    }

    /// A scene of an assay whose baseline moves: windows with a score, with nulls alone, with infinite numbers
    /// alone, without records, and without a baseline.
    private func moving() async throws -> (scene: Scene, uuid: String) {
        let scene = try await Scene()
        try await scene.append([
            (-30, 1), (-20, 2), (10, 1), (20, 4), (70, .nan), (75, .nan), (130, .infinity), (190, 9),
            (195, .infinity), (250, 3),
        ])
        let uuid = try await scene.store.scheduleAssay(
            Scene.seriesRequest(
                baseline: "{\"Rolling\":{\"start\":\"2024-01-09T18:59:00Z\",\"width\":{\"seconds\":60}}}",
                iopath: "[{\"field\":\"out.y\",\"thresholds\":{\"alert\":0.25,\"warning\":0.1}},"
                    + "{\"field\":\"out.p\"}]"))
        scene.clock.set(moment(366))
        await scene.seriesScheduler.tick()
        #expect(scene.store.book[uuid: uuid]?.decisions.count == 6)
        return (scene, uuid)
    }

    @Test("of a baseline that moves, the sealed results are compared when all records are gone")
    func sealedMoving() async throws {
        var (scene, uuid) = try await moving()
        let before = try scene.store.view.seriesResults(of: uuid, endingIn: .always)
        let topic = scene.pipeline.topic.name
        let erasure = try await scene.store.deleteRecords(ofTopic: topic)
        #expect(erasure.recordCount == 10 && erasure.problems.isEmpty, "\(erasure.problems)")
        scene = try await scene.restarted()
        #expect(try scene.store.view.seriesResults(of: uuid, endingIn: .always) == before)
        var report = try scene.store.view.verify(scene.store.configuration)
        #expect(report.decisionCount == 6 && report.sealedCount == 6 && report.isProved, "\(report)")
        #expect(report.sealedUncomparedCount == 0)
        #expect(try StoreCheck.run(scene.folder.path).findings == [])

        // What stands beside one is another's, another baseline stands beside a second, a third's is none.
        let decisions = try #require(scene.store.book[uuid: uuid]).decisions
        let snapshot = scene.store.log.snapshot()
        func beside(_ position: Int) throws -> String {
            let number = decisions[position].resultID.number
            let document = try #require(scene.store.places.supplements.document(number, in: snapshot))
            return String(decoding: document, as: UTF8.self)
        }
        let other = try beside(0).replacing("\"max\":2.0", with: "\"max\":2.5")
        #expect(try other != beside(0))
        for (position, document) in [(0, other), (1, try beside(2)), (2, "[]")] {
            let name = "beside \(decisions[position].resultID)"
            _ = try await scene.store.log.append([
                .event(Event(name: name, document: Array(document.utf8)))
            ])
        }
        report = try scene.store.view.verify(scene.store.configuration)
        #expect(report.differentCount == 3 && report.sealedCount == 3, "\(report)")
        #expect(report.differences[0].hasSuffix("the sealed result is not what was decided"))
        #expect(report.differences[1].contains("is not \(decisions[1].resultID)"))
        #expect(report.differences[2].contains("the sealed result is not of this decision"))
        try await scene.store.close()
    }

    @Test("sealed results with nothing beside them, as they were before, are told and not compared")
    func sealedBefore() async throws {
        let (scene, uuid) = try await moving()
        let documents = try scene.store.view.seriesResults(of: uuid, endingIn: .always)
        let decisions = try #require(scene.store.book[uuid: uuid]).decisions
        for (decision, document) in zip(decisions, documents) {
            _ = try await scene.store.log.append([
                .event(Event(name: "result \(decision.resultID)", document: document))
            ])
        }
        let report = try scene.store.view.verify(scene.store.configuration)
        #expect(report.sealedCount == 6 && report.sealedUncomparedCount == 6 && report.isProved, "\(report)")
        #expect(try scene.store.view.seriesResults(of: uuid, endingIn: .always) == documents)
        let sealing = try await scene.store.sealResults(
            ofTopic: scene.pipeline.topic.name, touching: [.always])
        #expect(sealing.resultCount == 0, "what is sealed stays as it is")
        try await scene.store.close()
    }

    @Test("of a baseline that moves, a kept result that is wrong is not sealed where a right one can be made")
    func sealedWrong() async throws {
        let (scene, uuid) = try await moving()
        let documents = try scene.store.view.seriesResults(of: uuid, endingIn: .always)
        let decisions = try #require(scene.store.book[uuid: uuid]).decisions
        let wrong = String(decoding: documents[0], as: UTF8.self).replacing(
            "\"max\":4.0", with: "\"max\":5.0")
        // A decision that nothing proves, of the same window's: its result stays what people were answered.
        let forged = try await SealableResultTests.forge(decisions[3], in: scene.store)
        let kept = String(decoding: documents[3], as: UTF8.self).replacing(
            "\"id\":\(decisions[3].resultID),", with: "\"id\":\(forged),")
        try await scene.store.keep([
            (decisions[0].resultID.number, Array(wrong.utf8)), (forged, Array(kept.utf8)),
        ])
        let sealing = try await scene.store.sealResults(
            ofTopic: scene.pipeline.topic.name, touching: [.always])
        #expect(sealing.resultCount == 7 && sealing.unprovenCount == 1, "\(sealing)")
        let answered = try scene.store.view.seriesResults(of: uuid, endingIn: .always)
        #expect(answered[0] == documents[0])
        #expect(answered[3] == Array(kept.utf8))
        let report = try scene.store.view.verify(scene.store.configuration)
        #expect(report.sealedCount == 6 && report.sealedUnprovenCount == 1, "\(report)")
        #expect(report.differentCount == 1 && report.sealedUncomparedCount == 0)
        try await scene.store.close()
    }

    @Test("of a baseline that moves, a result whose records cannot be read is sealed as it was kept")
    func sealedUnread() async throws {
        let scene = try await Scene()
        let store = scene.store
        let topic = scene.pipeline.topic.name
        let uuid = try await store.scheduleAssay(
            Scene.seriesRequest(
                baseline: "{\"Rolling\":{\"start\":\"2024-01-09T18:59:00Z\",\"width\":{\"seconds\":60}}}"))
        // A block of columns, which is read when it is asked for.
        try await scene.append((0..<600).map { (Double($0) / 6 - 50, Double($0 % 7)) })
        scene.clock.set(moment(70))
        await scene.seriesScheduler.tick()
        let before = try store.view.seriesResults(of: uuid, endingIn: .always)
        let blocks = try #require(store.log.snapshot().index.topics[topic]?.segments.first)
        for block in blocks.blocks {
            try SealableResultTests.damage(
                scene.folder, FileName.segment(blocks.segment), at: block.offset, byteCount: block.byteCount)
        }
        let sealing = try await store.sealResults(ofTopic: topic, touching: [.always])
        #expect(sealing.resultCount == 1 && sealing.unprovenCount == 0, "\(sealing)")
        #expect(try store.view.seriesResults(of: uuid, endingIn: .always) == before)
        let report = try store.view.verify(store.configuration)
        #expect(report.sealedCount == 1 && report.sealedUncomparedCount == 1, "\(report)")
        try await store.close()
    }

    @Test("all runs that are due are counted, and those of an assay that is switched off only up to then")
    func dueRuns() async throws {
        let scene = try await Scene()
        let uuid = try await scene.store.scheduleAssay(Scene.seriesRequest())
        func due() throws -> Int { try scene.store.view.verify(scene.store.configuration).dueWindowCount }
        scene.clock.set(moment(64))
        #expect(try due() == 0)
        scene.clock.set(moment(60 * 50 + 5))
        #expect(try due() == 50)
        await scene.seriesScheduler.tick()
        #expect(try due() == 0)
        scene.clock.set(moment(60 * 53 + 10))
        try await scene.store.setActive(uuid: uuid, false)
        scene.clock.set(moment(60 * 80))
        #expect(try due() == 3)
        try await scene.store.close()
    }

    @Test("decisions of several batches and cuts are proven and derived anew, each once")
    func batches() async throws {
        let scene = try await Scene()
        // Ten paths: a batch is 1,000 windows.
        let paths = (0..<10).map { "{\"field\":\"out.p\($0)\",\"thresholds\":null}" }
        let iopath =
            "["
            + (paths.dropLast() + ["{\"field\":\"out.y\",\"thresholds\":null}"])
            .joined(separator: ",") + "]"
        try await scene.append((0..<1200).map { (Double($0) * 60 + 1, Double($0 % 7)) })
        _ = try await scene.store.scheduleAssay(Scene.seriesRequest(iopath: iopath))
        let scheduler = scene.seriesScheduler
        scene.clock.set(moment(60 * 1200 + 6))
        for _ in 0..<3 { await scheduler.tick() }
        // A second revision of some, which saw another commit.
        try await scene.append([(30, 8), (60 * 700 + 5, 8)])
        await scheduler.tick()
        scene.clock.advance(6)
        await scheduler.tick()
        var report = try scene.store.view.verify(scene.store.configuration)
        #expect(report.decisionCount == 1202 && report.equalCount == 1202 && report.keptCount == 1202)
        #expect(report.isProved && report.isSettled)
        try await scene.store.close()
        let folder = try scene.folder.copy()
        try folder.remove("derived")
        var told: [Int] = []
        let rebuilt = try InferenceStore.rebuild(
            folder.configuration(), sources: scene.clock.sources
        ) { done, of in
            #expect(of == 1202)
            told.append(done)
        }
        #expect(rebuilt.resultCount == 1202 && rebuilt.failureCount == 0)
        #expect(told == [2, 206, 410, 614, 818, 1022, 1202])
        report = try StoreView.open(folder.path, sources: scene.clock.sources).view
            .verify(scene.store.configuration)
        #expect(report.equalCount == 1202 && report.keptCount == 1202 && report.isProved)
    }
}
