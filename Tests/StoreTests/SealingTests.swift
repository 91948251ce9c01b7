// Invariants checked: the five at the head of InferenceStore+Sealing.swift, and those of ResultPlaces.swift.
//
// Records are not let go here, that is retention's; where a test must do without them it makes the
// results without what they are made of, and looks whether they are still the same.

import Assays
import EventLog
import Foundation
import JSON
import Records
import Segments
import Synchronization
import TestSupport
import Testing

@testable import Store

@Suite("Sealing")
struct SealingTests {
    static func period(_ start: Double, _ end: Double) -> TimeWindow {
        TimeWindow(start: moment(start), end: moment(end))
    }

    /// Starts in seconds and revisions of the sealed decisions of an assay.
    static func sealed(_ scene: Scene, _ id: AssayID) throws -> [String] {
        let view = scene.store.view
        return try #require(view.book[id]).revisions(startingIn: .always).filter(view.isSealed).map {
            "\((($0.window.start.microseconds - moment(0).microseconds) / 1_000_000))r\($0.revision)"
        }
    }

    @Test("what touches the periods is sealed, every revision, also under sliding baselines, and no more")
    func touching() async throws {
        let (scene, ids) = try await StoredResultsTests.history()
        let topic = scene.pipeline.topic.name
        let report = try await scene.store.sealResults(
            ofTopic: topic, touching: [Self.period(0, 60), Self.period(60, 60.5)])
        // The late records of 50 and 100 seconds made second revisions.
        #expect(try Self.sealed(scene, ids[0]) == ["0r1", "0r2", "60r1", "60r2"])
        #expect(try Self.sealed(scene, ids[2]) == ["0r1", "0r2", "60r1", "60r2"])
        let sliding = try Self.sealed(scene, ids[3])
        #expect(sliding.contains("119r1") && sliding.contains("170r1") && !sliding.contains("187r1"))
        #expect(report.resultCount == (try ids.map { try Self.sealed(scene, $0).count }.reduce(0, +)))
        // Sealing again finds nothing to do, and another topic's retention is not ours.
        let cut = scene.store.log.cut
        #expect(
            try await scene.store.sealResults(ofTopic: topic, touching: [Self.period(0, 60.5)])
                == SealingReport())
        #expect(
            try await scene.store.sealResults(ofTopic: "another", touching: [.always]) == SealingReport())
        #expect(scene.store.log.cut == cut)
        try await scene.store.close()
    }

    @Test("sealed results answer byte for byte, though derived is gone and the records say another thing")
    func answers() async throws {
        var (scene, ids) = try await StoredResultsTests.history()
        let before = try ids.map { try scene.results($0) }
        try await scene.store.sealResults(ofTopic: scene.pipeline.topic.name, touching: [.always])
        scene = try await scene.restarted { folder in try folder.remove("derived") }
        #expect(try ids.map { try scene.results($0) } == before)
        // Nothing is worked out: every one is read from the log.
        let view = scene.store.view
        for id in ids {
            let assay = try #require(view.book[id])
            #expect(assay.revisions(startingIn: .always).allSatisfy(view.isSealed))
        }
        #expect(view.places.sealed.document(1, in: view.snapshot) != nil)
        #expect(view.places.sealed.document(1_000_000, in: view.snapshot) == nil)
        try await scene.store.close()
    }

    @Test("a kept result of another digest is not sealed; the log says it again")
    func truth() async throws {
        let (scene, ids) = try await StoredResultsTests.history()
        let before = try scene.results(ids[0])
        let number = try #require(scene.store.book[ids[0]]?.decisions.first).resultID.number
        let wrong = before[0].replacing("\"count\":", with: "\"count\":1")
        #expect(wrong != before[0])
        try await scene.store.keep([(number, Array(wrong.utf8))])
        #expect(try scene.results(ids[0])[0] == wrong)
        try await scene.store.sealResults(ofTopic: scene.pipeline.topic.name, touching: [.always])
        #expect(try scene.results(ids[0]) == before)
        try await scene.store.close()
    }

    @Test("a window with a sealed result is not analysed again, its neighbours are")
    func notAgain() async throws {
        let (scene, ids) = try await StoredResultsTests.history()
        let scheduler = scene.scheduler
        await scheduler.tick()
        let before = try scene.decisions(ids[0])
        try await scene.store.sealResults(
            ofTopic: scene.pipeline.topic.name, touching: [Self.period(0, 60)])
        try await scene.append([(30, 5), (130, 5)])
        await scheduler.tick()
        scene.clock.advance(6)
        await scheduler.tick()
        let after = try scene.decisions(ids[0])
        #expect(after == before.map { $0 == "120:complete1" ? "120:late2" : $0 })
        try await scene.store.close()
    }

    @Test("a fixed baseline that was never used is pinned before its records go")
    func pins() async throws {
        let scene = try await Scene()
        let id = try await scene.createAssay(baseline: Scene.fixed())
        let empty = try await scene.createAssay(
            "empty", baseline: Scene.fixed("2024-01-08T18:59:00Z"))
        try await scene.append([(-30, 1), (-20, 2)])
        let topic = scene.pipeline.topic.name
        let elsewhere = try await scene.store.sealResults(
            ofTopic: topic, touching: [Self.period(0, 60)])
        #expect(elsewhere == SealingReport())
        let report = try await scene.store.sealResults(ofTopic: topic, touching: [.always])
        #expect(report == SealingReport(resultCount: 0, pinnedBaselineCount: 1))
        #expect(scene.store.book[id]?.pin?.summary.summary.count == 2)
        #expect(scene.store.book[empty]?.pin == nil)
        try await scene.store.close()
    }

    @Test("no command comes between sealing and what follows it, and a pass from before decides nothing")
    func nothingBetween() async throws {
        let scene = try await Scene()
        let id = try await scene.createAssay()
        try await scene.append([(10, 1)])
        let scheduler = scene.scheduler
        let store = scene.store
        var early: Task<Void, Never>?
        try await store.sealResults(ofTopic: scene.pipeline.topic.name, touching: [.always]) {
            // What was due before is decided before.
            scene.clock.set(moment(100))
            let count = store.gate.state.withLock { $0.waiting.count }
            early = Task { await scheduler.tick() }
            // Its view is from before the end of this; its decision waits at the gate, which tells nobody.
            try await waitUntil { store.gate.state.withLock { $0.waiting.count } != count }
            #expect(store.book[id]?.decisions.isEmpty == true)
        }
        await early?.value
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["0:complete1"])
        try await store.close()
    }

    // deletion   ──gate──sealed─────────────────────tombstone──leaves the gate
    // a tick               └view with records──waits at the gate┘ └──may decide nothing
    @Test("a tick that begins while records go decides nothing over them, in either generation")
    func whileRecordsGo() async throws {
        let scene = try await Scene()
        let store = scene.store
        let topic = scene.pipeline.topic.name
        let id = try await scene.createAssay()
        let uuid = try await store.scheduleAssay(Scene.seriesRequest())
        try await scene.append([(10, 1), (20, 4)])
        let (first, second) = (scene.scheduler, scene.seriesScheduler)
        func tick(_ tick: @escaping @Sendable () async -> Void) async throws -> Task<Void, Never> {
            let count = store.gate.state.withLock { $0.waiting.count }
            let task = Task { await tick() }
            try await waitUntil { store.gate.state.withLock { $0.waiting.count } != count }
            return task
        }
        var early: [Task<Void, Never>] = []
        try await store.sealResults(ofTopic: topic, touching: [.always]) {
            // What was due before is decided before.
            scene.clock.set(moment(100))
            early.append(try await tick { await first.tick() })
            early.append(try await tick { await second.tick() })
            _ = try await store.log.erase { Tombstone(deleting: topic, in: $0) }
        }
        for task in early { await task.value }
        #expect(try scene.decisions(id) == [])
        #expect(try scene.decisions(uuid) == [])
        // What is there now is decided by whoever looks after it.
        await first.tick()
        await second.tick()
        #expect(try scene.decisions(id) == [])
        #expect(try scene.decisions(uuid).count == 1)
        let report = try store.view.verify(store.configuration)
        #expect(report.decisionCount == 1 && report.isProved, "\(report)")
        try await store.close()
    }

    @Test("a body that throws may have let records go all the same: a tick from before it decides nothing")
    func throwingBody() async throws {
        struct Refusal: Error {}
        let scene = try await Scene()
        let count = scene.store.sealingCount.load(ordering: .sequentiallyConsistent)
        await #expect(throws: Refusal.self) {
            try await scene.store.sealResults(ofTopic: scene.pipeline.topic.name, touching: [.always]) {
                throw Refusal()
            }
        }
        #expect(scene.store.sealingCount.load(ordering: .sequentiallyConsistent) == count + 1)
        try await scene.store.close()
    }

    @Test("places that lead elsewhere are looked up again")
    func stalePlaces() async throws {
        let (scene, _) = try await StoredResultsTests.history()
        let places = ResultPlaces.derived()
        #expect(places.document(3, in: scene.store.derived.snapshot()) != nil)
        // The same numbers in another log, elsewhere: as if segments had been rewritten.
        let other = try await Scene()
        let id = try await other.createAssay()
        for minute in 0..<4 {
            try await other.append([(Double(minute) * 60, 1)])
            other.clock.set(moment(Double(minute) * 60 + 66))
            await other.scheduler.tick()
        }
        let documents = (1...4).map { places.document($0, in: other.store.derived.snapshot()) }
        #expect(documents == (try other.store.view.results(of: id, startingIn: .always)))
        try await other.store.close()
        try await scene.store.close()
    }

    @Test("every revision is told, by window and revision, with its reason")
    func revisions() async throws {
        let (scene, ids) = try await StoredResultsTests.history()
        let documents = try scene.store.view.revisions(of: ids[0], startingIn: Self.period(0, 180))
        let told = try documents.map { document in
            let json = JSONField(try JSONValue(parsing: document))
            let start = try json["window_start"].timestamp().microseconds - moment(0).microseconds
            return
                "\(start / 1_000_000) \(try json["revision"].integer()) \(try json["reason"].string()) "
                + "\(try json["window_summary"]["count"].integer())"
        }
        #expect(
            told == [
                "0 1 complete 60", "0 2 late 61", "60 1 complete 60", "60 2 late 61", "120 1 complete 60",
            ])
        try await scene.store.close()
    }

    @Test("the redaction of a field seals what was made of that field; late records still reach the rest")
    func redaction() async throws {
        let scene = try await Scene()
        let scheduler = scene.scheduler
        let topic = scene.pipeline.topic.name
        let watch = try await scene.createAssay()
        _ = try await scene.store.append(
            RecordBatch(
                times: [moment(20).milliseconds],
                fields: [
                    FieldColumn(name: "in.name", values: .scalar(Leaf(.text(TextColumn(["somebody"]))))),
                    FieldColumn(name: "out.y", values: .scalar(Leaf(.float64([1])))),
                ]),
            topic: topic, partition: "engine")
        try await scene.append((0..<60).map { (Double($0), Double($0 % 5)) })
        scene.clock.set(moment(70))
        await scheduler.tick()
        func late(_ y: Double) async throws {
            try await scene.append([(30, y)])
            await scheduler.tick()
            scene.clock.advance(10)
            await scheduler.tick()
        }
        _ = try await scene.store.redact("in.name", ofTopic: topic)
        try await late(9)
        #expect(try scene.decisions(watch) == ["0:late2"])
        _ = try await scene.store.redact("out.y", ofTopic: topic)
        try await late(7)
        #expect(try scene.decisions(watch) == ["0:late2"])
        try await scene.store.close()
    }

    // A late record that has the model or the user that the records before it had, gone or not.
    @Test(
        "metadata that is redacted seals what looks for it, the model of a filter, and no other assay",
        arguments: ["metadata.user", "metadata.last_model"])
    func metadata(field: String) async throws {
        let scene = try await Scene()
        let topic = scene.pipeline.topic.name
        let sliding = Scene.sliding.replacing("\"path\"", with: "\"model_name\":\"m\",\"path\"")
        #expect(sliding != Scene.sliding)
        let all = try await scene.createAssay("all")
        let (ofModel, besideModel) = (
            try await scene.createAssay("of m", model: "\"m\""),
            try await scene.createAssay("beside m", baseline: sliding)
        )
        let series = try await scene.store.scheduleAssay(Scene.seriesRequest("all too"))
        let seriesOfModel = try await scene.store.scheduleAssay(
            Scene.seriesRequest("of m too", origin: "{\"pipeline_name\":\"fraud\",\"model_id\":\"m\"}"))
        try await scene.append([(-90, 3), (-80, 2), (10, 1), (20, 4)])
        _ = try await scene.store.append(
            RecordBatch(
                times: [moment(25).milliseconds],
                fields: [
                    FieldColumn(
                        name: "metadata.user", values: .scalar(Leaf(.text(TextColumn(["somebody"]))))),
                    FieldColumn(name: "out.y", values: .scalar(Leaf(.float64([1])))),
                ]),
            topic: topic, partition: "engine")
        let (first, second) = (scene.scheduler, scene.seriesScheduler)
        func tick() async {
            await first.tick()
            await second.tick()
        }
        scene.clock.set(moment(70))
        await tick()
        _ = try await scene.store.redact(field, ofTopic: topic)
        try await scene.append([(30, 9)])
        await tick()
        scene.clock.advance(10)
        await tick()
        let ofFilter = field == "metadata.last_model" ? "complete1" : "late2"
        #expect(try scene.decisions(all) == ["0:late2"])
        #expect(try scene.decisions(ofModel) == ["0:\(ofFilter)"])
        #expect(try scene.decisions(besideModel) == ["0:\(ofFilter)"])
        func last(_ uuid: String) throws -> String {
            String(try #require(try scene.decisions(uuid).first).split(separator: ":")[1])
        }
        #expect(try last(series) == "late2")
        #expect(try last(seriesOfModel) == ofFilter)
        let report = try scene.store.view.verify(scene.store.configuration)
        #expect(report.isProved, "\(report)")
        try await scene.store.close()
    }

    @Test("a field is read at its paths, at those within it and around it; the model by a filter for one")
    func fields() throws {
        func hold(_ field: String?, _ path: String, _ model: String) throws -> Bool {
            let text = """
                {"pipeline_name":"fraud","path":"\(path)","width":"1 minute","model_name":\(model)}
                """
            return LeavingRecords(topic: "t", periods: [.always], field: field).hold(
                try AssayWindowSpec(JSONField(try JSONValue(parsing: text))))
        }
        for (field, path, expected) in [
            (nil, "output y", true), ("out.y", "output y", true), ("out.y", "output y 3", true),
            ("out.y", "output z", false), ("in.y", "output y", false), ("out.y", "output yz", false),
            ("out.y.z", "output y", true), ("out.y", "output y.z", true),
            ("anomaly.count", "output y", false), ("metadata.user", "output y", false),
            ("metadata.pipeline_version", "output y", false),
        ] as [(String?, String, Bool)] {
            for model in ["null", "\"m\""] {
                #expect(try hold(field, path, model) == expected, "\(field ?? "-") \(path) \(model)")
            }
        }
        #expect(try hold("metadata.last_model", "output y", "null") == false)
        #expect(try hold("metadata.last_model", "output y", "\"m\"") == true)
        #expect(try hold("metadata.last_model.name", "output y", "\"m\"") == true)
    }
}
