// Checked here: that an assay paused, restarted or late in any way ends with the results of one that saw everything
// at once, and that these come back the same where what was derived is deleted.
//
// Windows begin near 0 seconds; the grace is 5 seconds, and lateness is bounded by 60.

import Assays
import JSON
import Records
import Simulation
import StoreSupport
import TestSupport
import Testing

@testable import Store

@Suite("Histories of assays")
struct AssayHistoriesTests {
    /// Records in an order of their own, ticks, pauses and restarts in between; then everything quiet.
    ///
    /// However it went, what is stored of each window must be what an interactive run says of it now,
    /// and deleting what was derived must not change a byte of it.
    @Test("whatever the order of arrival, stored results end as an interactive run's", arguments: 1...8)
    func sameInTheEnd(seed: Int) async throws {
        print("seed \(seed)")
        var random = SeededGenerator(seed: UInt64(seed))
        var scene = try await Scene()
        let shapes: [(width: String, interval: String?)] = [
            ("1 minute", nil), ("1 minute", "20 seconds"), ("30 seconds", "1 minute"),
            ("7 seconds", "3 seconds"),
            ("61001 ms", "13 seconds"),
        ]
        let shape = shapes.randomElement(using: &random)!
        let baseline = [Scene.vector, Scene.sliding].randomElement(using: &random)!
        let start = ["\"2024-01-09T19:00:00.000001Z\"", "\"2024-01-09T18:59:13Z\""].randomElement(
            using: &random)
        let id = try await scene.createAssay(
            baseline: baseline, start: start, width: shape.width, interval: shape.interval)
        var scheduler = scene.scheduler
        for _ in 0..<40 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<5:
                let count = [1, 1, 3, 3, 3, 300].randomElement(using: &random)!
                let now = Double(scene.clock.now.microseconds - moment(0).microseconds) / 1_000_000
                try await scene.append(
                    (0..<count).map { _ in
                        (
                            Bool.random(using: &random)
                                ? now - Double.random(in: 0...3, using: &random)
                                : Double.random(in: -60...max(1, now), using: &random),
                            Double.random(in: 0...5, using: &random)
                        )
                    }, partition: ["a", "b"].randomElement(using: &random)!)
            case 5..<8:
                scene.clock.advance(Double.random(in: 0...30, using: &random))
                await scheduler.tick()
            case 8:
                try await scene.store.setActive(id, Bool.random(using: &random))
            default:
                scene = try await scene.restarted()
                scheduler = scene.scheduler
            }
        }
        try await scene.store.setActive(id, true)
        for _ in 0..<4 {
            await scheduler.tick()
            scene.clock.advance(30)
        }
        let stored = try scene.results(id)
        var request = AssayRequest(definition: try #require(scene.store.book[id]).definition)
        request.id = id
        // The last tick was 30 seconds ago and waited for the grace.
        request.definition.runUntil = scene.clock.now.adding(TimeSpan(microseconds: -35_000_000))
        let interactive = try scene.store.view.runInteractive(request)
        #expect(!stored.isEmpty)
        #expect(try stored.map(Self.finding) == (try interactive.map { try Self.finding($0.json.text) }))

        scene = try await scene.restarted { folder in try folder.remove("derived") }
        #expect(try scene.results(id) == stored)
        try await scene.store.close()
    }

    /// A result without what says when and by which number it was stored.
    static func finding(_ text: String) throws -> String {
        guard case .object(var object) = try JSONValue(parsing: text) else { return text }
        for key in [
            "id", "analyzed_at", "elapsed_millis", "pipeline_id", "created_at", "workspace_id",
            "workspace_name",
        ] {
            object[key] = nil
        }
        return JSONValue.object(object).text
    }
}

extension AssayRequest {
    /// What a client would send to run a stored assay.
    init(definition: AssayDefinition) {
        var object: JSONObject
        if case .object(let found) = definition.json { object = found } else { object = JSONObject() }
        object["active"] = .bool(true)
        guard let request = try? AssayRequest(JSONField(.object(object))) else {
            preconditionFailure("A stored definition can be posted.")
        }
        self = request
    }
}
