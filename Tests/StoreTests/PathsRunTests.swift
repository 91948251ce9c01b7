// Invariants checked: the three at the head of PathsRun.swift, and the one of SharedColumns.swift.

import Assays
import JSON
import Records
import Simulation
import Synchronization
import TestSupport
import Testing

@testable import Store

@Suite("One assay of many paths")
struct PathsRunTests {
    /// Minutes of records with three inputs and an output; the second input leaves its place at minute 6.
    private func scene() async throws -> Scene {
        let scene = try await Scene()
        var random = SeededGenerator(seed: 5)
        for minute in 0..<10 {
            let count = 30
            let times = (0..<count).map { moment(Double(minute) * 60 + Double($0)).milliseconds }
            func column(_ shift: Double = 0) -> Leaf {
                Leaf(.float64((0..<count).map { _ in Double.random(in: 0...1, using: &random) + shift }))
            }
            let leaves = [column(), column(minute >= 6 ? 5 : 0), column()]
            let batch = RecordBatch(
                times: times,
                fields: [
                    FieldColumn(name: "in.t", values: .fixedList(leaves)),
                    FieldColumn(name: "out.y", values: .scalar(column())),
                    FieldColumn(
                        name: "out.word", values: .scalar(Leaf(.text(TextColumn(times.map { _ in "w" }))))),
                ])
            _ = try await scene.store.append(batch, topic: scene.pipeline.topic.name, partition: "engine")
        }
        scene.clock.set(moment(600))
        return scene
    }

    private static let fixed = """
        {"calculated":{"fixed_window":{"pipeline_name":"fraud","path":"output y","start":"2024-01-09T19:00:00Z",\
        "width":"3 minutes"}}}
        """
    private static let sliding = """
        {"calculated":{"sliding_window":{"window":{"pipeline_name":"fraud","path":"output y",\
        "width":"2 minutes"},"offset":"2 minutes"}}}
        """

    private func collect(_ run: PathsRun) async throws -> (parts: [PathsRun.Part], ranking: PathRanking) {
        var parts: [PathsRun.Part] = []
        let ranking = try await run.run {
            $0
        } handOn: {
            parts.append($0)
        }
        return (parts, ranking)
    }

    @Test("each path is told what a run over it alone says", arguments: [fixed, sliding])
    func asAlone(baseline: String) async throws {
        let scene = try await scene()
        let request = try Scene.request(baseline: baseline, start: "\"2024-01-09T19:03:00Z\"")
        let view = scene.store.view
        let (parts, ranking) = try await collect(try PathsRun(request, .all, view))
        #expect(
            parts.map(\.finding.path.text) == ["input t 0", "input t 1", "input t 2", "output y"])
        for part in parts {
            let text = part.finding.path.text
            let alone = try Scene.request(
                baseline: baseline.replacing("output y", with: text), start: "\"2024-01-09T19:03:00Z\"",
                path: text)
            let expected = try view.runInteractive(alone)
            #expect(expected.count == 7)
            #expect(part.results.map(\.outcome) == expected.map(\.outcome), "\(text)")
            #expect(part.finding.problem == nil)
        }
        // The one that moved is first, and its alerts begin where it did.
        #expect(ranking.findings[0].path.text == "input t 1")
        #expect(ranking.findings[0].alertSince == moment(360))
        #expect(ranking.findings[0].isAlerting == baseline.contains("fixed"))
        try await scene.store.close()
    }

    @Test("a stored assay is asked of other paths on its own grid, also before its start")
    func stored() async throws {
        let scene = try await scene()
        let id = try await scene.createAssay(
            baseline: Self.fixed, start: "\"2024-01-09T19:05:30Z\"")
        let period = TimeWindow(start: moment(60), end: moment(480))
        let named = try PathSelection(
            JSONField(try JSONValue(parsing: "[\"output y\",\"input t 1\"]"), path: "paths"))
        let (parts, _) = try await collect(try PathsRun(id, over: period, named, scene.store.view))
        #expect(parts.map(\.finding.path.text) == ["output y", "input t 1"])
        #expect(
            parts[0].results.map(\.outcome) == (try scene.store.view.run(id, over: period).map(\.outcome)))
        #expect(parts[1].results.first?.outcome.window.start == moment(90))
        try await scene.store.close()
    }

    @Test("a path that cannot be compared says why and ends nothing")
    func problems() async throws {
        let scene = try await scene()
        // A field that only later records have: no baseline.
        try await scene.append([(400, 1)])
        let request = try Scene.request(baseline: Self.fixed, start: "\"2024-01-09T19:03:00Z\"")
        let paths = try PathSelection(
            JSONField(try JSONValue(parsing: "[\"output word\",\"input t 7\",\"input t 2\"]"), path: "paths"))
        let (parts, ranking) = try await collect(try PathsRun(request, paths, scene.store.view))
        #expect(parts[0].finding.problem?.contains("output word") == true)
        #expect(parts[1].finding.problem?.contains("input t 7") == true)
        #expect(parts[2].finding.problem == nil && parts[2].results.count == 7)
        #expect(ranking.findings[0].path.text == "input t 2")
        let lines = parts.flatMap(\.lines).split(separator: 0x0A)
        #expect(lines.count == 9)
        #expect(try JSONValue(parsing: Array(lines[0]))["error"] != nil)
        let last = try JSONValue(parsing: Array(lines[8]))
        #expect(last["path"] == .string("input t 2") && last["noise"]?["line_95"] != nil)
        try await scene.store.close()
    }

    @Test("what means nothing is refused with field and remedy")
    func refusals() async throws {
        let scene = try await scene()
        let view = scene.store.view
        func selection(_ text: String) throws -> PathSelection {
            try PathSelection(JSONField(try JSONValue(parsing: text), path: "paths"))
        }
        for (text, part) in [
            ("\"some\"", "\"all\""), ("[]", "is empty"),
            ("[\"output y\",\"output y\"]", "paths[1]\" names \"output y\" again; name each path once"),
            ("[1]", "paths[0]"), ("[\"x\"]", "paths[0]"),
        ] {
            let told = await refusal { _ = try selection(text) }
            #expect(told.contains("paths") && told.contains(part), "\(told)")
        }
        let vector = try Scene.request()
        #expect(await refusal { _ = try PathsRun(vector, .all, view) }.contains("fixed_window"))
        let fixed = try Scene.request(baseline: Self.fixed)
        let unknown = await refusal { _ = try PathsRun(fixed, try selection("[\"input nowhere\"]"), view) }
        #expect(unknown.contains("paths[0]") && unknown.contains("input nowhere"))
        try await scene.store.close()
    }

    @Test("a reader who goes away ends the run, and one who is slow holds it back")
    func reader() async throws {
        struct Gone: Error {}
        let scene = try await scene()
        let request = try Scene.request(baseline: Self.fixed)
        let run = try PathsRun(request, .all, scene.store.view)
        let rendered = Mutex(0)
        var handed = 0
        await #expect(throws: Gone.self) {
            _ = try await run.run { _ in
                rendered.withLock { $0 += 1 }
            } handOn: { _ in
                handed += 1
                throw Gone()
            }
        }
        #expect(handed == 1)
        // Two were begun; no third was while the first was not taken.
        #expect(rendered.withLock { $0 } <= 2)
        try await scene.store.close()
    }
}
