// Invariants checked: the four at the head of AssayScheduler.swift, in that order, with a clock that the
// test moves; then that an assay paused, restarted, copied or late in any way ends with the results of
// one that saw everything at once.
//
// Windows are a minute wide from 0 seconds; the grace is 5 seconds, and lateness is bounded by 60.

import Assays
import Catalog
import EventLog
import Foundation
import JSON
import Records
import Simulation
import TestSupport
import Testing

@testable import Store

@Suite("The scheduler")
struct AssaySchedulerTests {
    @Test("a window is analysed once it is complete and the grace has passed, and not before")
    func grace() async throws {
        let scene = try await Scene()
        let id = try await scene.createAssay()
        let scheduler = scene.scheduler
        try await scene.append([(10, 1), (20, 2), (59.999, 3), (60, 4)])
        for seconds in [30, 60, 64.999999] {
            scene.clock.set(moment(seconds))
            await scheduler.tick()
            #expect(try scene.decisions(id) == [])
        }
        scene.clock.set(moment(65))
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["0:complete1"])
        let assay = try #require(scene.store.book[id])
        #expect(assay.lastRun == moment(65))
        #expect(assay.nextRun == moment(120))
        #expect(assay.status.hasPrefix("{\"run_at\": \"2024-01-09T19:01:05+00:00\",  \"num_ok\": "))
        // Three of the four records are in it.
        #expect(try scene.results(id)[0].contains("\"window_summary\":{\"count\":3,"))
        try await scene.store.close()
    }

    @Test("windows without records are passed over, at the same cost whatever their number")
    func emptyWindows() async throws {
        let scene = try await Scene()
        // Windows of a millisecond since 1970: some 10^12 of them, three of which hold records.
        let id = try await scene.createAssay(start: "\"1970-01-01T00:00:00Z\"", width: "1 ms")
        try await scene.append([(0, 1), (0.0005, 2), (100, 3), (5000, 4)])
        scene.clock.set(moment(6000))
        await scene.scheduler.tick()
        #expect(try scene.decisions(id) == ["0:complete1", "100:complete1", "5000:complete1"])
        try await scene.store.close()
    }

    @Test("windows that were complete before the assay was there are filled in")
    func backfill() async throws {
        let scene = try await Scene()
        try await scene.append([(10, 1), (70, 2), (130, 3)])
        scene.clock.set(moment(125))
        let id = try await scene.createAssay()
        await scene.scheduler.tick()
        #expect(try scene.decisions(id) == ["0:backfill1", "60:backfill1"])
        scene.clock.set(moment(300))
        await scene.scheduler.tick()
        #expect(try scene.decisions(id) == ["0:backfill1", "60:backfill1", "120:complete1"])
        try await scene.store.close()
    }

    @Test("looking again at what did not change decides nothing")
    func nothingNew() async throws {
        var scene = try await Scene()
        let id = try await scene.createAssay()
        try await scene.append([(10, 1), (70, 2)])
        scene.clock.set(moment(200))
        let scheduler = scene.scheduler
        await scheduler.tick()
        let cut = scene.store.log.cut
        for _ in 0..<3 { await scheduler.tick() }
        #expect(scene.store.log.cut == cut)
        // Neither does a new process. (Closing made a commit of what was in memory.)
        scene = try await scene.restarted()
        let reopenedCut = scene.store.log.cut
        await scene.scheduler.tick()
        scene.clock.advance(120)
        await scene.scheduler.tick()
        #expect(scene.store.log.cut == reopenedCut)
        #expect(try scene.decisions(id) == ["0:complete1", "60:complete1"])
        try await scene.store.close()
    }

    // MARK: Late records

    @Test("late records lead to one new revision, when they have been quiet for the grace")
    func late() async throws {
        let scene = try await Scene()
        let id = try await scene.createAssay()
        let scheduler = scene.scheduler
        try await scene.append([(10, 1), (70, 2), (80, 3)])
        scene.clock.set(moment(130))
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["0:complete1", "60:complete1"])
        // Three late records, a second apart: the grace counts from the last.
        for number in 1...3 {
            try await scene.append([(20 + Double(number), 9)])
            scene.clock.advance(1)
            await scheduler.tick()
        }
        scene.clock.advance(4.9)
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["0:complete1", "60:complete1"])
        scene.clock.advance(0.1)
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["0:late2", "60:complete1"])
        let results = try scene.results(id)
        #expect(results.count == 2)
        #expect(results[0].contains("\"window_summary\":{\"count\":4,"))
        scene.clock.advance(60)
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["0:late2", "60:complete1"])
        try await scene.store.close()
    }

    @Test("late records that never rest are looked at after the greatest lateness")
    func neverQuiet() async throws {
        let scene = try await Scene()
        // The second window never ends, so that nothing but lateness can be due.
        let id = try await scene.createAssay(width: "1 minute", interval: "1 day")
        let scheduler = scene.scheduler
        try await scene.append([(10, 1)])
        scene.clock.set(moment(100))
        await scheduler.tick()
        var seen: [Double] = []
        for second in 1...70 {
            try await scene.append([(20, Double(second))])
            scene.clock.set(moment(100 + Double(second)))
            await scheduler.tick()
            if try scene.decisions(id) == ["0:late2"] && seen.isEmpty { seen.append(Double(second)) }
        }
        #expect(seen == [61])
        #expect(try scene.decisions(id) == ["0:late2"])
        try await scene.store.close()
    }

    // A run of small appends is one piece of memory; its oldest record counted as new with its newest.
    @Test("records in order are not late, however small their appends")
    func smallAppendsAreNotLate() async throws {
        let scene = try await Scene()
        _ = try await scene.createAssay(interval: "1 day")
        let scheduler = scene.scheduler
        try await scene.append([(10, 1)])
        scene.clock.set(moment(100))
        await scheduler.tick()
        for second in 101...130 {
            try await scene.append([(Double(second), 1)])
            scene.clock.set(moment(Double(second)))
            await scheduler.tick()
        }
        #expect(await scheduler.lateCount == 0)
        try await scene.append([(11, 1)])
        await scheduler.tick()
        #expect(await scheduler.lateCount == 1)
        try await scene.store.close()
    }

    @Test("late records that came while nobody looked are found by the next process")
    func lateAcrossRestart() async throws {
        var scene = try await Scene()
        let id = try await scene.createAssay()
        try await scene.append([(10, 1), (70, 2)])
        scene.clock.set(moment(130))
        await scene.scheduler.tick()
        try await scene.append([(20, 9)])
        scene = try await scene.restarted()
        let scheduler = scene.scheduler
        await scheduler.tick()
        scene.clock.advance(5)
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["0:late2", "60:complete1"])
        try await scene.store.close()
    }

    @Test("records from before the first window change nothing")
    func beforeTheFirst() async throws {
        let scene = try await Scene()
        let id = try await scene.createAssay()
        let scheduler = scene.scheduler
        try await scene.append([(10, 1)])
        scene.clock.set(moment(100))
        await scheduler.tick()
        try await scene.append([(-10, 9)])
        await scheduler.tick()
        scene.clock.advance(10)
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["0:complete1"])
        try await scene.store.close()
    }

    // The grid hung on the first record; an older one moved it, and windows were decided twice.
    @Test("windows that start with the first record stay where they were first decided")
    func gridStays() async throws {
        var scene = try await Scene()
        let id = try await scene.createAssay(start: nil)
        var scheduler = scene.scheduler
        try await scene.append([(10.5, 1), (75, 2)])
        scene.clock.set(moment(200))
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["10.5:complete1", "70.5:complete1"])
        try await scene.append([(3, 5), (12, 5)])
        await scheduler.tick()
        scene.clock.advance(5)
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["10.5:late2", "70.5:complete1"])
        scene = try await scene.restarted()
        scheduler = scene.scheduler
        try await scene.append([(250, 1), (251, 2)])
        scene.clock.set(moment(400))
        await scheduler.tick()
        // 10.5 and four minutes.
        #expect(
            try scene.decisions(id) == ["10.5:late2", "70.5:complete1", "190.5:complete1", "250.5:complete1"])
        try await scene.store.close()
    }

    // MARK: Pausing

    @Test("a paused assay is left alone, and catches up when it is active again, late records included")
    func pausing() async throws {
        let scene = try await Scene()
        let id = try await scene.createAssay()
        let scheduler = scene.scheduler
        try await scene.append([(10, 1)])
        scene.clock.set(moment(70))
        await scheduler.tick()
        try await scene.store.setActive(id, false)
        try await scene.append([(20, 9), (70, 2), (130, 3)])
        scene.clock.set(moment(200))
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["0:complete1"])
        try await scene.store.setActive(id, true)
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["0:late2", "60:backfill1", "120:backfill1"])
        try await scene.store.close()
    }

    @Test("an assay created inactive waits until it is activated")
    func createdInactive() async throws {
        let scene = try await Scene()
        let id = try await scene.createAssay(isActive: false)
        try await scene.append([(10, 1)])
        scene.clock.set(moment(100))
        let scheduler = scene.scheduler
        await scheduler.tick()
        #expect(try scene.decisions(id) == [])
        try await scene.store.setActive(id, true)
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["0:backfill1"])
        try await scene.store.close()
    }

    // MARK: Baselines

    static func fixed(_ start: String = "2024-01-09T18:59:00Z") -> String {
        """
        {"fixed_window":{"pipeline_name":"fraud","path":"output y","start":"\(start)","width":"1 minute"}}
        """
    }

    static let sliding = """
        {"sliding_window":{"window":{"pipeline_name":"fraud","path":"output y","width":"1 minute"},\
        "offset":"2 minutes"}}
        """

    @Test("a fixed baseline is pinned at its first use, and stays what it was, restarts included")
    func pinned() async throws {
        var scene = try await Scene()
        let id = try await scene.createAssay(baseline: Self.fixed(), start: nil)
        try await scene.append([(-30, 1), (-20, 2), (10, 1)])
        scene.clock.set(moment(66))
        await scene.scheduler.tick()
        // The windows start where the baseline ends.
        #expect(try scene.decisions(id) == ["0:complete1"])
        let pin = try #require(scene.store.book[id]?.pin)
        #expect(pin.summary.summary.count == 2)
        try await scene.append([(-25, 99), (70, 1)])
        scene = try await scene.restarted()
        scene.clock.set(moment(200))
        await scene.scheduler.tick()
        #expect(try scene.decisions(id) == ["0:complete1", "60:complete1"])
        #expect(scene.store.book[id]?.pin == pin)
        for result in try scene.results(id) { #expect(result.contains("\"baseline_summary\":{\"count\":2,")) }
        try await scene.store.close()
    }

    @Test("a fixed baseline without records puts the assay off, and is tried again after each grace")
    func emptyFixedBaseline() async throws {
        let scene = try await Scene()
        let id = try await scene.createAssay(baseline: Self.fixed())
        try await scene.append([(10, 1)])
        scene.clock.set(moment(100))
        let scheduler = scene.scheduler
        await scheduler.tick()
        #expect(try scene.decisions(id) == [])
        try await scene.append([(-30, 1), (-20, 2)])
        await scheduler.tick()
        #expect(try scene.decisions(id) == [])
        scene.clock.advance(5)
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["0:complete1"])
        try await scene.store.close()
    }

    @Test("a sliding baseline is each window's own; a window without one has no score")
    func sliding() async throws {
        let scene = try await Scene()
        let id = try await scene.createAssay(baseline: Self.sliding)
        try await scene.append([(10, 1), (11, 2), (130, 1), (190, 5)])
        scene.clock.set(moment(300))
        await scene.scheduler.tick()
        // [0, 60) and [180, 240) have nothing two minutes before them.
        #expect(try scene.decisions(id) == ["0:complete1", "120:complete1", "180:complete1"])
        let decisions = try #require(scene.store.book[id]).decisions
        #expect(decisions.map(\.status) == [.noScore, .alert, .noScore])
        #expect(try scene.results(id)[1].contains("\"baseline_summary\":{\"count\":2,"))
        try await scene.store.close()
    }

    // Windows were looked at again only where late records lay in them, not in their baseline.
    @Test("late records under a sliding baseline lead to a new revision of the windows compared with it")
    func lateUnderSliding() async throws {
        let scene = try await Scene()
        let id = try await scene.createAssay(baseline: Self.sliding)
        let scheduler = scene.scheduler
        try await scene.append([(10, 1), (11, 2), (130, 1), (190, 5)])
        scene.clock.set(moment(300))
        await scheduler.tick()
        try await scene.append([(12, 7), (70, 4), (71, 5)])
        await scheduler.tick()
        scene.clock.advance(5)
        await scheduler.tick()
        // Windows 0 and 60 hold the late records and have nothing before them; 120 and 180 are theirs.
        #expect(
            try scene.decisions(id) == ["0:late2", "60:complete1", "120:late2", "180:late2"])
        #expect(try scene.results(id)[2].contains("\"baseline_summary\":{\"count\":3,"))
        try await scene.store.close()
    }

    // MARK: What may be missing

    // The whole assay stood still until such records came again.
    @Test("a window whose records lack the path has a result without a score, and holds nothing up")
    func pathMissingLater() async throws {
        let scene = try await Scene()
        let id = try await scene.createAssay()
        try await scene.append([(10, 1)])
        scene.clock.set(moment(66))
        let scheduler = scene.scheduler
        await scheduler.tick()
        let other = RecordBatch(
            times: [moment(70).milliseconds],
            fields: [FieldColumn(name: "out.z", values: .scalar(Leaf(.int64([1]))))])
        _ = try await scene.store.append(other, topic: scene.pipeline.topic.name, partition: "engine")
        scene.clock.set(moment(126))
        await scheduler.tick()
        #expect(try scene.decisions(id) == ["0:complete1", "60:complete1"])
        #expect(try scene.results(id)[1].contains("\"status\":\"NoData\""))
        #expect(try scene.results(id)[1].contains("\"score\":null"))
        try await scene.store.close()
    }

    @Test("an assay that cannot be analysed does not hold the others up")
    func oneBroken() async throws {
        let scene = try await Scene()
        let broken = try await scene.createAssay("broken", path: "output z")
        let good = try await scene.createAssay("good")
        try await scene.append([(10, 1)])
        scene.clock.set(moment(100))
        await scene.scheduler.tick()
        #expect(try scene.decisions(broken) == [])
        #expect(try scene.decisions(good) == ["0:complete1"])
        try await scene.store.close()
    }

    // MARK: The same in the end

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
        let baseline = [Scene.vector, Self.sliding].randomElement(using: &random)!
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
