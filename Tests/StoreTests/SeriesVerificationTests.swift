// Invariants checked: those at the head of HistoryVerification+Series.swift, and that rebuilding derives results
// of the second generation as well.

import Assays
import EventLog
import Foundation
import Records
import Segments
import Testing

@testable import Store

@Suite("Second-generation results proven and derived anew")
struct SeriesVerificationTests {
    @Test(
        "every decision is proven, late records and due runs are waited for, and a wrong kept result is found"
    )
    func verified() async throws {
        let scene = try await Scene()
        let uuid = try await scene.store.scheduleAssay(SeriesSchedulerTests.request())
        let scheduler = SeriesSchedulerTests.scheduler(scene)
        try await scene.append([(10, 1), (20, 4), (70, 9)])
        scene.clock.set(moment(126))
        await scheduler.tick()
        let configuration = Scene.configuration(scene.folder)
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
        try await scene.store.keep([(assay.decisions[0].resultID.number, Array("{}".utf8))])
        report = try scene.store.view.verify(configuration)
        #expect(report.equalCount == 2 && report.keptDifferentCount == 1 && !report.isProved)

        // Derived anew, it is right again. Elsewhere: a closed store keeps its folder's lock while it is held.
        try await scene.store.close()
        let folder = try scene.folder.copy()
        let rebuilt = try await InferenceStore.rebuild(
            Scene.configuration(folder), sources: scene.clock.sources)
        #expect(rebuilt.resultCount == 2 && rebuilt.failureCount == 0)
        let store = try InferenceStore.open(Scene.configuration(folder), sources: scene.clock.sources).store
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
            SeriesSchedulerTests.request(
                baseline: baseline,
                iopath: "[{\"field\":\"out.y\",\"thresholds\":{\"alert\":0.25,\"warning\":0.1}},"
                    + "{\"field\":\"out.p\"}]"))
        scene.clock.set(moment(306))
        await SeriesSchedulerTests.scheduler(scene).tick()
        let topic = scene.pipeline.topic.name
        try await scene.store.sealResults(
            ofTopic: topic, touching: [TimeWindow(start: moment(0), end: moment(300))])
        var report = try scene.store.view.verify(scene.store.configuration)
        #expect(report.decisionCount == 5 && report.sealedCount == 5 && report.isProved, "\(report)")
        // An infinite mean is written as none: of that window the result does not tell enough.
        #expect(report.sealedUncomparedCount == (isRolling ? 5 : 1), "\(report)")

        // As if another thing had been sealed: one number of the window's, and another window's result.
        let documents = try scene.store.view.seriesResults(of: uuid, endingIn: .always)
        let forged = String(decoding: documents[0], as: UTF8.self).replacing(
            "\"max\":4.0", with: "\"max\":5.0")
        #expect(isRolling || Array(forged.utf8) != documents[0])
        for (number, document) in [(1, Array(forged.utf8)), (2, documents[2])] {
            _ = try await scene.store.log.append([.event(Event(name: "result \(number)", document: document))]
            )
        }
        report = try scene.store.view.verify(scene.store.configuration)
        #expect(report.differentCount == (isRolling ? 1 : 2), "\(report)")
        #expect(report.sealedCount == 5 - report.differentCount && !report.isProved)
        #expect(report.differences.last?.contains("the sealed result is not of this decision") == true)
        try await scene.store.close()
    }

    @Test("all runs that are due are counted, and those of an assay that is switched off only up to then")
    func dueRuns() async throws {
        let scene = try await Scene()
        let uuid = try await scene.store.scheduleAssay(SeriesSchedulerTests.request())
        func due() throws -> Int { try scene.store.view.verify(scene.store.configuration).dueWindowCount }
        scene.clock.set(moment(64))
        #expect(try due() == 0)
        scene.clock.set(moment(60 * 50 + 5))
        #expect(try due() == 50)
        await SeriesSchedulerTests.scheduler(scene).tick()
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
        _ = try await scene.store.scheduleAssay(SeriesSchedulerTests.request(iopath: iopath))
        let scheduler = SeriesSchedulerTests.scheduler(scene)
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
        let rebuilt = try await InferenceStore.rebuild(
            Scene.configuration(folder), sources: scene.clock.sources
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
