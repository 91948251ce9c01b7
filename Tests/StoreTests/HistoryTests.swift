// Invariants checked: those of HistoryReplay.swift, HistoryVerification.swift and StoreRebuild.swift, over
// random histories, against a slow way: every record in a plain array with the commit that brought it, and
// the one that let it go, and every window filtered out of all of them. It shares no index, plan, cohort or
// compaction. Retention and compaction are the store's own: what it let go is asked of it by address, and must
// have been old enough.

import Assays
import Disk
import EventLog
import Foundation
import JSON
import Records
import Segments
import Simulation
import StoreSupport
import Summaries
import TestSupport
import Testing

@testable import Store

/// A store and, beside it, all that was ever appended to it.
struct SlowHistory {
    struct Record {
        var time: Int64
        var y: Double
        var partition: String
        var model: String
        /// In its partition.
        var index: UInt64
        var commit: UInt64
        /// The commit that let it go; nil while it is there.
        var goneAt: UInt64?
    }

    var scene: Scene
    var records: [Record] = []
    /// The edge locations, from a commit on.
    var edges: [(since: UInt64, name: String)] = []

    mutating func append(_ rows: [(seconds: Double, y: Double)], partition: String, model: String)
        async throws
    {
        try await scene.append(rows, partition: partition, model: model)
        let commit = scene.store.log.cut
        let first = records.count { $0.partition == partition }
        records += rows.enumerated().map { place, row in
            Record(
                time: moment(row.seconds).milliseconds, y: row.y, partition: partition, model: model,
                index: UInt64(first + place), commit: commit)
        }
    }

    /// How many records were let go so far.
    var goneCount: Int { records.count { $0.goneAt != nil } }

    /// A round of the housekeeper, under a policy that keeps records for some seconds.
    mutating func keepHouse(seconds: Double) async throws {
        let (store, topic) = (scene.store, scene.pipeline.topic.name)
        let age = TimeSpan(microseconds: Int64(seconds * 1_000_000))
        try await store.setRetention(RetentionPolicy(age: age, byteCount: nil), of: topic)
        await Housekeeper(store, logger: noLog).round()
        try await store.setRetention(RetentionPolicy(), of: topic)
        let snapshot = store.log.snapshot()
        let oldest = scene.clock.now.adding(TimeSpan(microseconds: -age.microseconds)).milliseconds
        let letGo = snapshot.index.topics[topic]?.letGo ?? [:]
        for place in records.indices where records[place].goneAt == nil {
            let record = records[place]
            guard letGo[record.partition]?.contains(record.index..<record.index + 1) == true else { continue }
            #expect(record.time < oldest, "let go before its time: \(record)")
            records[place].goneAt = snapshot.cut
        }
        let goneCount = letGo.values.reduce(0) { $0 + $1.count }
        #expect(goneCount == UInt64(self.goneCount))
    }

    mutating func declareEdge(_ name: String) async throws {
        try await scene.store.declareLocation(name, of: scene.pipeline.id)
        edges.append((scene.store.log.cut, name))
    }

    /// The values that a specification means in a period, as of a commit.
    func values(_ spec: AssayWindowSpec, _ period: TimeWindow, _ cut: UInt64) -> [Double] {
        let edges = Set(edges.filter { $0.since <= cut }.map(\.name))
        return records.filter { record in
            let time = record.time * 1000
            let isPlaced =
                switch spec.locations {
                case .all: true
                case .home: !edges.contains(record.partition)
                case .named(let names): names.contains(record.partition)
                }
            return record.commit <= cut && cut < record.goneAt ?? .max && period.start.microseconds <= time
                && time < period.end.microseconds && isPlaced
                && (spec.modelName == nil || spec.modelName == record.model)
        }.map(\.y)
    }

    /// What an assay must say of a window as of a commit; nil where it says nothing.
    ///
    /// - Parameter wasDecided: then it says of one that is empty by now that it is.
    func outcome(
        _ assay: Assay, _ revision: Int, _ window: TimeWindow, _ cut: UInt64, wasDecided: Bool = false
    ) throws -> AssayOutcome? {
        let definition = assay.definition(ofRevision: revision)
        let inside = values(definition.window, window, cut)
        guard wasDecided || !inside.isEmpty else { return nil }
        let baseline: DatedSummary
        switch definition.baseline {
        case .summary(let summary): baseline = summary
        case .vector(let numbers):
            baseline = try DatedSummary(
                ofBaseline: SortedSample(withNulls: numbers), over: nil, definition.summarizer)
        case .fixedWindow(let spec):
            let pin = try #require(assay.pin)
            let period = try #require(definition.baseline.period)
            // The pin itself is what the records up to its cut say.
            baseline = try DatedSummary(
                ofBaseline: SortedSample(values(spec, period, pin.cut)), over: period, definition.summarizer)
            #expect(baseline == pin.summary)
        case .slidingWindow(let spec, let offset):
            let start = window.start.adding(TimeSpan(microseconds: -offset.span.microseconds))
            let period = TimeWindow(start: start, end: start.adding(spec.width.span))
            let before = FoundBaseline(
                SortedSample(values(spec, period, cut)), over: period, definition.summarizer)
            return try AssayEvaluator(definition, before).outcome(of: SortedSample(inside), in: window)
        }
        return try AssayEvaluator(definition, baseline: baseline).outcome(
            of: SortedSample(inside), in: window)
    }
}

@Suite("Histories")
struct HistoryTests {
    static func create(_ scene: Scene, _ random: inout SeededGenerator) async throws -> [AssayID] {
        var ids: [AssayID] = []
        let baselines = [Scene.vector, Scene.fixed(), Scene.sliding]
        for number in 0..<6 {
            let shape: (width: String, interval: String?) =
                [
                    ("1 minute", nil), ("1 minute", "20 seconds"), ("30 seconds", "1 minute"),
                    ("13 seconds", nil),
                ]
                .randomElement(using: &random)!
            ids.append(
                try await scene.createAssay(
                    "a\(number)", baseline: baselines[number % 3],
                    start: number == 3 ? nil : "\"2024-01-09T19:00:00.000001Z\"", width: shape.width,
                    interval: shape.interval,
                    locations: ["null", "[]", "[\"b\"]"].randomElement(using: &random)!,
                    metric: ["PSI", "MaxDiff", "SumDiff"].randomElement(using: &random)!))
        }
        return ids
    }

    /// Late records, restarts, power cuts, changed assays, edges, rolled tails, retention, compaction.
    static func run(seed: Int) async throws -> (history: SlowHistory, ids: [AssayID]) {
        var random = SeededGenerator(seed: UInt64(seed))
        var history = SlowHistory(scene: try await Scene())
        let ids = try await create(history.scene, &random)
        try await history.append([(-30, 1), (-20, 2), (-10, 4)], partition: "a", model: "m")
        try await history.append([(-25, 3)], partition: "b", model: "m")
        // A block of its own, for retention to let go: under the fixed baselines, and before all else.
        try await history.append(
            (0..<300).map { (-59 + Double($0) / 6, Double($0 % 5)) }, partition: "b", model: "n")
        var rewriteCount = 0
        var scheduler = history.scene.scheduler
        for step in 0..<40 {
            let scene = history.scene
            switch step == 20 ? 14 : step == 21 ? 17 : Int.random(in: 0..<19, using: &random) {
            case 0..<6:
                let now = Double(scene.clock.now.microseconds - moment(0).microseconds) / 1_000_000
                let rows = (0..<[1, 2, 5, 300].randomElement(using: &random)!).map { _ in
                    (
                        seconds: Bool.random(using: &random)
                            ? now - Double.random(in: 0...3, using: &random)
                            : Double.random(in: -60...max(1, now), using: &random),
                        y: Int.random(in: 0..<9, using: &random) == 0
                            ? Double.nan : Double.random(in: 0...5, using: &random)
                    )
                }
                try await history.append(
                    rows, partition: ["a", "b", "c"].randomElement(using: &random)!,
                    model: ["m", "n"].randomElement(using: &random)!)
            case 6..<11:
                scene.clock.advance(Double.random(in: 0...40, using: &random))
                await scheduler.tick()
            case 11:
                try await scene.store.setActive(
                    ids.randomElement(using: &random)!, Bool.random(using: &random))
            case 12:
                let id = ids.randomElement(using: &random)!
                let thresholds = AssayThresholds(alert: Double.random(in: 0...1, using: &random))
                // Nothing changes them any more; logs may hold that they were.
                try await scene.store.changeBook { book in
                    book[id].map {
                        [
                            .thresholdsChanged(
                                ThresholdChange(
                                    id: id, thresholds: thresholds,
                                    definitionRevision: $0.definitionRevision + 1, at: scene.clock.now))
                        ]
                    } ?? []
                }
            case 13: if history.edges.isEmpty { try await history.declareEdge("c") }
            case 14:
                history.scene = try await scene.restarted()
                scheduler = history.scene.scheduler
            case 16:
                try await history.keepHouse(seconds: Double.random(in: 20...200, using: &random))
            case 17:
                rewriteCount += try await scene.store.compact().rewriteCount
                if step == 21 {
                    // By now the first block is old enough.
                    scene.clock.advance(30)
                    try await history.keepHouse(seconds: 20)
                }
            default:
                // The power goes: what was acknowledged is there, in a store that was never closed.
                history.scene = try scene.copied()
                scheduler = history.scene.scheduler
            }
        }
        print("seed \(seed): \(history.goneCount) records let go, \(rewriteCount) rewrites")
        #expect(history.goneCount >= 300 && rewriteCount > 0)
        return (history, ids)
    }

    static func settle(_ scene: Scene, _ ids: [AssayID]) async throws {
        for id in ids { try await scene.store.setActive(id, true) }
        let scheduler = scene.scheduler
        for _ in 0..<4 {
            while await scheduler.tick() {}
            scene.clock.advance(30)
        }
        while await scheduler.tick() {}
    }

    @Test(
        "every decision of a random history follows from its records, and verifying says so",
        arguments: 1...12)
    func follows(seed: Int) async throws {
        print("seed \(seed)")
        var (history, ids) = try await Self.run(seed: seed)
        try await Self.settle(history.scene, ids)
        var decisionCount = 0
        let scene = history.scene
        for id in ids {
            let assay = try #require(scene.store.book[id])
            for decision in assay.revisions(startingIn: .always) {
                decisionCount += 1
                let slow = try history.outcome(
                    assay, decision.definitionRevision, decision.window, decision.cut,
                    wasDecided: decision.revision > 1)
                #expect(slow?.digest == decision.digest, "\(decision)")
            }
            // Settled: the newest say what all records say. What is sealed says what they said.
            for decision in assay.decisions where !scene.store.view.isSealed(decision) {
                let slow = try history.outcome(
                    assay, decision.definitionRevision, decision.window, scene.store.log.cut)
                // A window that all its records left for an edge says nothing any more: its last word stands.
                let isLeft =
                    slow == nil && assay.definition.window.locations == .home && !history.edges.isEmpty
                #expect(isLeft || slow?.digest == decision.digest, "settled \(decision)")
            }
        }
        let report = try scene.store.view.verify(scene.store.configuration)
        #expect(report.decisionCount == decisionCount && decisionCount > 10)
        let sealedCount = report.sealedCount
        #expect(report.equalCount == decisionCount - sealedCount && sealedCount > 0)
        #expect(report.isProved && report.isSettled, "\(report)")
        #expect(report.keptCount == decisionCount)

        // Dropped and derived again: the same bytes, and not a byte of the log is another.
        let answers = try ids.map { try scene.results($0) }
        try await scene.store.close()
        let segments = scene.folder.names(in: "").filter { $0.hasPrefix("segment-") || $0 == "MANIFEST" }
        func log(_ folder: TemporaryFolder) -> [Data?] {
            segments.map { FileManager.default.contents(atPath: folder.path + "/" + $0) }
        }
        let before = log(scene.folder)
        let folder = try scene.folder.copy()
        let rebuilt = try InferenceStore.rebuild(
            folder.configuration(), sources: scene.clock.sources)
        #expect(
            rebuilt == RebuildReport(resultCount: decisionCount - sealedCount, sealedCount: sealedCount))
        #expect(log(folder) == before)
        let view = try StoreView.open(folder.path, sources: scene.clock.sources).view
        #expect(
            try ids.map {
                try view.results(of: $0, startingIn: .always).map { String(decoding: $0, as: UTF8.self) }
            }
                == answers)
        #expect(view.derived?.index.events.count == decisionCount - sealedCount)
        history.records = []
    }

    @Test("late records that wait and windows that are due leave a history proved but not settled")
    func unsettled() async throws {
        let (scene, ids) = try await StoredResultsTests.history()
        let settled = try scene.store.view.verify(scene.store.configuration)
        #expect(settled.isProved && settled.isSettled, "\(settled)")
        try await scene.append([(55, 2)])
        var report = try scene.store.view.verify(scene.store.configuration)
        #expect(report.isProved && !report.isSettled)
        #expect(report.lateWindowCount >= ids.count && report.dueWindowCount == 0)
        scene.clock.set(moment(400))
        report = try scene.store.view.verify(scene.store.configuration)
        #expect(report.dueWindowCount > 0)
        let cut = scene.store.log.cut
        let scheduler = scene.scheduler
        await scheduler.tick()
        scene.clock.advance(6)
        await scheduler.tick()
        #expect(scene.store.log.cut > cut)
        report = try scene.store.view.verify(scene.store.configuration)
        #expect(report.isProved && report.isSettled, "\(report)")
        try await scene.store.close()
    }

    @Test("a decision that does not follow is named, other engines' are shown and are no fault")
    func different() async throws {
        let (scene, ids) = try await StoredResultsTests.history()
        let assay = try #require(scene.store.book[ids[0]])
        // As if the log had been written by something else: a digest of nothing, and an older engine's.
        for engineVersion in [AssayEvaluator.engineVersion, 0] {
            var decision = try #require(assay.decisions.last)
            decision.resultID = AssayResultID(scene.store.book.lastResultID.number + 1)
            decision.revision += 1
            decision.digest = ResultDigest(of: [])
            decision.engineVersion = engineVersion
            let forged = decision
            try await scene.store.changeBook { _ in [.analysed(forged)] }
        }
        // One of an older engine that this one cannot work out at all: there is no such baseline.
        let fixed = try await scene.createAssay(
            "nothing", baseline: Scene.fixed("2024-01-09T23:00:00Z"))
        var decision = try #require(assay.decisions.last)
        decision.assayID = fixed
        decision.definitionRevision = 1
        decision.resultID = AssayResultID(scene.store.book.lastResultID.number + 1)
        decision.revision = 1
        decision.engineVersion = 0
        let unworkable = decision
        try await scene.store.changeBook { _ in [.analysed(unworkable)] }
        let report = try scene.store.view.verify(scene.store.configuration)
        #expect(report.differentCount == 1 && report.otherEngineCount == 2)
        #expect(report.equalCount == report.decisionCount - 3)
        #expect(!report.isProved)
        #expect(
            report.differences.first?.hasPrefix("assay 1 (vector), window 2024-01-09T19:04:00Z, revision 2: ")
                == true)
        try await scene.store.close()
    }

    @Test("sealed decisions are counted apart, and a kept result that says another thing is found")
    func sealedAndKept() async throws {
        let (scene, ids) = try await StoredResultsTests.history()
        try await scene.store.sealResults(
            ofTopic: scene.pipeline.topic.name, touching: [TimeWindow(start: moment(0), end: moment(60))])
        let sealed = try ids.map { try SealingTests.sealed(scene, $0).count }.reduce(0, +)
        var report = try scene.store.view.verify(scene.store.configuration)
        #expect(report.sealedCount == sealed && sealed > 0)
        #expect(report.equalCount == report.decisionCount - sealed && report.isProved)
        // The last result's document, under the first one's number.
        let wrong = try #require(scene.store.places.derived.document(5, in: scene.store.derived.snapshot()))
        _ = try await scene.store.derived.append([.event(Event(name: "1", document: wrong))])
        report = try scene.store.view.verify(scene.store.configuration)
        #expect(report.keptDifferentCount == 1 && report.differentCount == 0 && !report.isProved)
        let configuration = scene.folder.configuration()
        // The directory is in use: that, and nothing else, is what keeps it from being derived anew.
        let refused = #expect(throws: DiskError.self) { _ = try InferenceStore.rebuild(configuration) }
        #expect(refused?.kind == .locked)
        try await scene.store.close()
        let folder = try scene.folder.copy()
        let rebuilt = try InferenceStore.rebuild(folder.configuration())
        #expect(rebuilt.sealedCount == sealed && rebuilt.failureCount == 0)
        report = try StoreView.open(folder.path).view.verify(configuration)
        #expect(report.isProved && report.keptCount == rebuilt.resultCount)
    }

    @Test(
        "a pinned baseline that is not what its records say is found, also where each digest follows from it")
    func falseBaseline() async throws {
        for isFalse in [false, true] {
            let scene = try await Scene()
            try await scene.append((0..<60).map { (Double($0) - 60, Double($0 % 7)) })
            try await scene.append((0..<60).map { (Double($0), Double($0 % 5)) })
            let id = try await scene.createAssay(baseline: Scene.fixed())
            if isFalse { try await scene.pinFalsely(id, [1, 2, 3]) }
            let again = try await scene.restarted()
            again.clock.set(moment(70))
            await again.scheduler.tick()
            #expect(try again.decisions(id) == ["0:complete1"])
            let report = try again.store.view.verify(again.store.configuration)
            #expect(report.equalCount == 1 && report.differentCount == 0)
            #expect(report.baselineEqualCount == (isFalse ? 0 : 1))
            #expect(report.baselineDifferentCount == (isFalse ? 1 : 0))
            #expect(report.isProved == !isFalse)
            #expect(report.differences.contains { $0.contains("its baseline") } == isFalse)
            try await again.store.close()
        }
    }
}
