// Checked here: fields, and models that records name, whose names differ in their bytes alone are apart from the
// log to stored results, though Swift takes one for the other. "é" stands in one scalar, and as an "e" with its
// accent behind it. One was taken for the other: results were those of another column, and to redact one field
// was to lose both.

import Assays
import Bytes
import JSON
import Queries
import Records
import TestSupport
import Testing

@testable import Store

@Suite("Two spellings")
struct SpellingsTests {
    static let composed = "\u{E9}"
    static let decomposed = "e\u{301}"

    /// A scene with three records of each spelling, and one record of both.
    private static func scene() async throws -> Scene {
        let scene = try await Scene()
        for (name, values) in [(composed, [1.0, 2, 3]), (decomposed, [101, 102, 103])] {
            try await scene.append([10, 20, 30], [(name, values)])
        }
        try await scene.append([40], [(composed, [4]), (decomposed, [104])])
        return scene
    }

    private static func values(_ name: String, _ scene: Scene) throws -> [Double] {
        try scan(scene).values(IOPath(recordField: "out." + name, element: nil)).values.filter { !$0.isNaN }
            .sorted()
    }

    private static func scan(_ scene: Scene, model: String? = nil) throws -> SharedColumnScan {
        try SharedColumnScan(
            scene.store.log.snapshot(),
            WindowQuery(
                topic: scene.pipeline.topic.name, window: .always, path: IOPath(parsing: "output y"),
                filter: RecordFilter(modelName: model)))
    }

    @Test("each is a path of its own, and has its own numbers")
    func paths() async throws {
        let scene = try await Self.scene()
        let paths = try Self.scan(scene).paths().paths
        // The "e" of two scalars begins with a lesser byte.
        #expect(paths.map { ExactText($0.field) } == [ExactText(Self.decomposed), ExactText(Self.composed)])
        #expect(try Self.values(Self.composed, scene) == [1, 2, 3, 4])
        #expect(try Self.values(Self.decomposed, scene) == [101, 102, 103, 104])
        try await scene.store.close()
    }

    // They were left out of all paths without a word, and no path named them.
    @Test("fields of odd names are among all paths, and each has its own numbers")
    func oddNames() async throws {
        let names = [" y", "y ", "y", "\u{301}y", "y\tz", "\r\n", "", " y.5", "\" y\"", "y\u{301}"]
        let scene = try await Scene()
        try await scene.append(
            [10, 20], names.enumerated().map { (name: $1, values: [Double($0), Double($0)]) })
        let paths = try Self.scan(scene).paths().paths
        #expect(paths.count == names.count && Set(exactly: paths.map(\.field)) == Set(exactly: names))
        for path in paths {
            let number = try #require(names.firstIndex { $0.isExactly(path.field) })
            let values = try Self.scan(scene).values(IOPath(parsing: path.text)).values
            #expect(values == [Double(number), Double(number)], "\(path.text.debugDescription)")
        }
        try await scene.store.close()
    }

    @Test("assays over both are in groups of their own, and each stores results of its own column")
    func assays() async throws {
        let scene = try await Self.scene()
        let first = try await scene.createAssay("one scalar", path: "output " + Self.composed)
        let second = try await scene.createAssay("two scalars", path: "output " + Self.decomposed)
        let scheduler = scene.scheduler
        scene.clock.set(moment(70))
        await scheduler.tick()
        #expect(await CohortTests.sizes(scheduler) == [1, 1])
        for (id, mean) in [(first, 2.5), (second, 102.5)] {
            let results = try scene.results(id)
            try #require(results.count == 1)
            let summary = try JSONValue(parsing: Array(results[0].utf8))["window_summary"]
            #expect(summary?["mean"] == .number(mean) && summary?["count"] == .integer(4))
        }
        try await scene.store.close()
    }

    @Test("to redact one is to keep the other, in answers and on disk", arguments: [composed, decomposed])
    func redaction(gone: String) async throws {
        let scene = try await Self.scene()
        let kept = gone.isExactly(Self.composed) ? Self.decomposed : Self.composed
        let before = try Self.values(kept, scene)
        let report = try await scene.store.redact("out." + gone, ofTopic: scene.pipeline.topic.name)
        #expect(report.commit != nil && report.problems.isEmpty && report.pendingSegments.isEmpty)
        #expect(try Self.values(gone, scene) == [])
        #expect(try Self.values(kept, scene) == before && before.count == 4)
        // The other one is not taken for gone: it may be redacted after it.
        let other = try await scene.store.redact("out." + kept, ofTopic: scene.pipeline.topic.name)
        #expect(other.commit != nil)
        #expect(try Self.values(kept, scene) == [])
        try await scene.store.close()
    }

    @Test("a model's answers are not those of another whose name Swift takes for the same")
    func models() async throws {
        let scene = try await Scene()
        // Side by side in one batch, where a text that was judged is not judged again.
        let models = [Self.composed, Self.decomposed, Self.composed, Self.composed, Self.decomposed]
        let batch = RecordBatch(
            times: models.indices.map { moment(Double($0)).milliseconds },
            fields: [
                FieldColumn(
                    name: "out.y", values: .scalar(Leaf(.float64(models.indices.map { Double($0) })))),
                FieldColumn(
                    name: "metadata.last_model",
                    values: .scalar(
                        Leaf(
                            .text(TextColumn(models.map { "{\"model_name\":\"\($0)\",\"model_sha\":\"0\"}" }))
                        ))
                ),
            ])
        _ = try await scene.store.append(batch, topic: scene.pipeline.topic.name, partition: "engine")
        let path = try IOPath(parsing: "output y")
        #expect(try Self.scan(scene, model: Self.composed).values(path).values == [0, 2, 3])
        #expect(try Self.scan(scene, model: Self.decomposed).values(path).values == [1, 4])
        try await scene.store.close()
    }
}

extension Scene {
    /// Appends records of output fields.
    fileprivate func append(_ seconds: [Double], _ fields: [(name: String, values: [Double])]) async throws {
        let batch = RecordBatch(
            times: seconds.map { moment($0).milliseconds },
            fields: fields.map {
                FieldColumn(name: "out." + $0.name, values: .scalar(Leaf(.float64($0.values))))
            })
        _ = try await store.append(batch, topic: pipeline.topic.name, partition: "engine")
    }
}
