// Invariants checked: those at the head of HistoryVerification+Series.swift, and that rebuilding derives results
// of the second generation as well.

import Assays
import Foundation
import Records
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
}
