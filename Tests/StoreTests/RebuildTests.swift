// Invariant checked: the third at the head of StoreRebuild.swift. That what is derived anew is what it was stands in
// HistoryTests.swift and SeriesVerificationTests.swift.

import Assays
import Records
import Testing

@testable import Store

@Suite("Deriving anew")
struct RebuildTests {
    /// A scene with an assay of each generation, and as if another engine had decided more windows of both; every
    /// 50th of those results is not kept.
    private static func history(_ count: Int) async throws -> (
        scene: Scene, documents: [(number: Int, document: [UInt8])]
    ) {
        let scene = try await Scene()
        let id = try await scene.createAssay()
        let uuid = try await scene.store.scheduleAssay(SeriesSchedulerTests.request())
        try await scene.append([(10, 1), (20, 2)])
        scene.clock.set(moment(70))
        await scene.scheduler.tick()
        await SeriesSchedulerTests.scheduler(scene).tick()
        let (first, second) = (
            try #require(scene.store.book[id]?.decisions.first),
            try #require(scene.store.book[uuid: uuid]?.decisions.first)
        )
        var (events, documents) = ([AssayEvent](), [(number: Int, document: [UInt8])]())
        for position in 1...count {
            var decision = position % 2 == 0 ? first : second
            decision.resultID = AssayResultID(scene.store.book.lastResultID.number + position)
            decision.revision += position
            decision.engineVersion = 99
            events.append(.analysed(decision))
            guard position % 50 != 0 else { continue }
            documents.append((decision.resultID.number, Array("{\"of\":\(position)}".utf8)))
        }
        try await scene.store.changeBook { [events] _ in events }
        try await scene.store.keep(documents)
        return (scene, documents)
    }

    @Test("results of another engine version are carried over byte for byte, more than are held at once")
    func carriedOver() async throws {
        let (scene, documents) = try await Self.history(300)
        try await scene.store.close()
        let folder = try scene.folder.copy()
        let report = try await InferenceStore.rebuild(
            Scene.configuration(folder), sources: scene.clock.sources)
        #expect(report.carriedOverCount == 294 && report.failureCount == 0)
        // The two of this engine, and six that nobody kept.
        #expect(report.resultCount == 8)
        let view = try StoreView.open(folder.path, sources: scene.clock.sources).view
        let derived = try #require(view.derived)
        let other = documents.filter { view.places.derived.document($0.number, in: derived) != $0.document }
        #expect(other.map(\.number) == [])
    }

    @Test("a result that is sealed is counted once, whichever engine made it, and has no copy beside the log")
    func sealedAndKept() async throws {
        let (scene, documents) = try await Self.history(40)
        try await scene.store.sealResults(ofTopic: scene.pipeline.topic.name, touching: [.always])
        try await scene.store.close()
        let folder = try scene.folder.copy()
        let report = try await InferenceStore.rebuild(
            Scene.configuration(folder), sources: scene.clock.sources)
        #expect(
            report.sealedCount == 42 && report.carriedOverCount == 0 && report.resultCount == 0, "\(report)")
        let view = try StoreView.open(folder.path, sources: scene.clock.sources).view
        let derived = try #require(view.derived)
        #expect(!documents.contains { view.places.derived.holds($0.number, in: derived) })
        #expect(
            documents.allSatisfy { view.places.sealed.document($0.number, in: view.snapshot) == $0.document })
    }
}
