// Invariants checked: the three at the head of RetentionReach.swift, for both generations.
//
// The grace is 5 seconds.

import Assays
import Catalog
import Records
import StoreSupport
import TestSupport
import Testing

@testable import Store

@Suite("Windows and baselines that reach further back than records are kept")
struct RetentionReachTests {
    private static let topic = "workspace-1-pipeline-fraud-inference"

    private func keep(_ scene: Scene, _ microseconds: Int64?, of topic: String = RetentionReachTests.topic)
        async throws
    {
        try await scene.store.setRetention(
            RetentionPolicy(age: microseconds.map { TimeSpan(microseconds: $0) }), of: topic)
    }

    private func problem(_ scene: Scene, _ id: AssayID) throws -> String? {
        scene.store.view.retentionProblem(
            of: try #require(scene.store.book[id]), grace: StoreConfiguration.graceDefault)
    }

    private func problem(_ scene: Scene, _ uuid: String) throws -> String? {
        scene.store.view.retentionProblem(
            of: try #require(scene.store.book[uuid: uuid]), grace: StoreConfiguration.graceDefault)
    }

    private func problem(_ scene: Scene, ofTopic topic: String = RetentionReachTests.topic) -> String? {
        scene.store.view.retentionProblem(ofTopic: topic, grace: StoreConfiguration.graceDefault)
    }

    private static let ofWindow =
        "\(topic) keeps records for 64999999 microseconds, and a window reaches back 1 minute + 5 seconds by the time "
        + "it is whole: records that are gone by then are missing in it, and results do not say so; keep records for "
        + "at least 65 seconds, or use a shorter window"

    // The result claimed the whole window, and nothing said that half of it had gone before it was over.
    @Test("a window is told of where records go before it is whole, for as long as that is so")
    func window() async throws {
        let scene = try await Scene()
        let request = try Scene.request()
        let id = try await scene.store.createAssay(request)
        func created() throws -> String? {
            try scene.store.view.coverage(of: request.definition, at: scene.clock.now).retentionProblem
        }
        #expect(try problem(scene, id) == nil && created() == nil, "all is kept")
        try await keep(scene, 64_999_999)
        #expect(try problem(scene, id) == Self.ofWindow)
        #expect(try created() == Self.ofWindow)
        try await scene.store.setActive(id, false)
        #expect(try problem(scene, id) == nil && problem(scene) == nil, "it makes no windows")
        try await scene.store.setActive(id, true)
        #expect(try problem(scene, id) == Self.ofWindow)
        // What is asked for is enough.
        try await keep(scene, 65_000_000)
        #expect(try problem(scene, id) == nil && created() == nil && problem(scene) == nil)
        try await scene.store.close()
    }

    @Test(
        "a baseline that slides is told of by the topic that its records are in, with offset, width and grace"
    )
    func slidingBaseline() async throws {
        let scene = try await Scene()
        let other = try await Scene.createPipeline("other", in: WorkspaceID(1), scene.store, scene.clock)
            .topic.name
        let id = try await scene.createAssay(baseline: Scene.sliding.replacing("fraud", with: "other"))
        try await keep(scene, 65_000_000)
        #expect(try problem(scene, id) == nil)
        try await keep(scene, 184_000_000, of: other)
        let told = try #require(try problem(scene, id))
        #expect(
            told.hasPrefix(
                "\(other) keeps records for 184 seconds, and the baseline of a window reaches back 2 minutes + "
                    + "1 minute + 5 seconds by the time")
                && told.hasSuffix("for at least 185 seconds, or use a shorter window or offset"), "\(told)")
        #expect(problem(scene) == nil)
        #expect(problem(scene, ofTopic: other)?.contains("namely 1 (watch) 2 minutes + 1 minute") == true)
        try await keep(scene, 185_000_000, of: other)
        #expect(try problem(scene, id) == nil && problem(scene, ofTopic: other) == nil)
        try await scene.store.close()
    }

    @Test("a fixed baseline is told of until its period is over, and for good where it was kept before")
    func fixedBaseline() async throws {
        let scene = try await Scene()
        try await scene.append((-30..<0).map { (Double($0), Double($0)) })
        func create(_ name: String, from start: String) async throws -> AssayID {
            try await scene.createAssay(name, baseline: Scene.fixed(start), start: nil, width: "10 seconds")
        }
        let open = try await create("open", from: "2024-01-09T18:59:30Z")
        let over = try await create("over", from: "2024-01-09T18:58:50Z")
        try await keep(scene, 65_000_000)
        #expect(try problem(scene, open) == nil)
        try await keep(scene, 20_000_000)
        func isTold() throws -> Bool {
            let told = try problem(scene, open)
            return told?.contains("and the fixed baseline reaches back 1 minute + 5 seconds by the time")
                == true
                && told?.hasSuffix("or use a shorter baseline, or one whose period is over") == true
        }
        #expect(try isTold())
        #expect(try problem(scene, over) == nil)
        // The records go, and both are kept as they are: one for good of half of its period.
        scene.clock.set(moment(25))
        #expect(try await scene.store.applyRetention().recordCounts == [Self.topic: 30])
        for id in [open, over] { #expect(try #require(scene.store.book[id]).pin?.at == moment(25)) }
        scene.clock.set(moment(1000))
        #expect(try isTold())
        #expect(try problem(scene, over) == nil)
        try await scene.store.close()
    }

    @Test("a period that is over before its records go is told of no more")
    func endedBaseline() async throws {
        let scene = try await Scene()
        let id = try await scene.createAssay(
            baseline: Scene.fixed("2024-01-09T18:59:30Z"), start: nil, width: "10 seconds")
        try await keep(scene, 20_000_000)
        scene.clock.set(moment(29))
        #expect(try problem(scene, id) != nil)
        scene.clock.set(moment(30))
        #expect(try problem(scene, id) == nil)
        try await scene.store.close()
    }

    @Test(
        "windows of the second generation and baselines that move with them are told of, until the last run is made"
    )
    func series() async throws {
        let scene = try await Scene()
        let fixed = try Scene.seriesRequest("fixed", end: "\"2024-01-09T19:01:00Z\"")
        let once = try await scene.store.scheduleAssay(fixed)
        let rolling = try await scene.store.scheduleAssay(
            Scene.seriesRequest(
                "rolling",
                baseline: "{\"Rolling\":{\"start\":\"2024-01-09T18:58:00Z\",\"width\":{\"seconds\":60}}}"))
        try await keep(scene, 184_000_000)
        #expect(try problem(scene, once) == nil)
        let told = try #require(try problem(scene, rolling))
        #expect(
            told.contains("the baseline of a window reaches back 2 minutes + 1 minute + 5 seconds")
                && told.hasSuffix(
                    "at least 185 seconds, or use a shorter window, or a baseline that begins later"),
            "\(told)")
        try await keep(scene, 64_999_999)
        #expect(try problem(scene, once) == Self.ofWindow)
        let definition = try #require(scene.store.book[uuid: once]).definition
        #expect(
            try scene.store.view.coverage(of: definition, at: scene.clock.now).retentionProblem
                == Self.ofWindow)
        #expect(problem(scene)?.contains("and 2 assays reach further back") == true)
        scene.clock.set(moment(70))
        await scene.seriesScheduler.tick()
        #expect(try scene.decisions(once).count == 1)
        #expect(try problem(scene, once) == nil)
        #expect(problem(scene)?.contains("and 1 assay reaches further back") == true)
        try await scene.store.close()
    }

    @Test("of a topic's assays those that reach furthest are named, and the others counted")
    func many() async throws {
        let scene = try await Scene()
        for minutes in 1...11 { _ = try await scene.createAssay("w\(minutes)", width: "\(minutes) minutes") }
        _ = try await scene.createAssay("off", width: "1 day", isActive: false)
        let uuid = try await scene.store.scheduleAssay(Scene.seriesRequest("series", width: 300))
        #expect(problem(scene) == nil)
        try await keep(scene, 125_000_000)
        let names =
            (6...11).reversed().map { "\($0) (w\($0)) \($0) minutes + 5 seconds" }
            + ["5 (w5) 5 minutes + 5 seconds", "\(uuid) (series) 5 minutes + 5 seconds"]
        #expect(
            problem(scene)
                == "\(Self.topic) keeps records for 125 seconds, and 10 assays reach further back by the time windows "
                + "and baselines are whole, namely \(names.joined(separator: ", ")) and 2 more: records that are gone "
                + "by then are missing in them, and results do not say so; keep records for at least 665 seconds, or "
                + "use shorter ones")
        try await scene.store.close()
    }
}
