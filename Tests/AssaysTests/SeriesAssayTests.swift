// Invariants checked: those at the head of SeriesAssay.swift and of AssayBook+Series.swift.

import Assays
import JSON
import Records
import Summaries
import TestSupport
import Testing

@Suite("Second-generation assays in the book")
struct SeriesAssayTests {
    static let uuid = "1af7b34b-0c7e-4f0a-9b57-6f7c0f6f1d2e"

    static func book() throws -> AssayBook {
        var book = AssayBook()
        book.apply(try book.create(Requests.definition(), isActive: true, at: moment(0)))
        book.apply(try book.schedule(SeriesRequests.definition(), uuid: uuid, at: moment(1)))
        return book
    }

    static func analysis(_ run: Int, of definition: SeriesDefinition, alert: Double = 0.1) throws
        -> WindowAnalysis
    {
        let start = definition.schedule.firstRun
        let window = definition.window(
            of: start.adding(TimeSpan(microseconds: Int64(run) * 60_000_000)))
        let outcome = SeriesOutcome(
            window, [try SeriesOutcomeTests.finding([0.3], alert: alert)], definition.settings)
        return WindowAnalysis(of: outcome, reason: .complete, analysedAt: moment(70), elapsedMilliseconds: 3)
    }

    @Test("both generations are numbered together and found apart")
    func numbers() throws {
        let book = try Self.book()
        let assay = try #require(book[uuid: Self.uuid])
        #expect(assay.id == AssayID(2) && assay.isActive)
        #expect(
            book[AssayID(2)] == nil && book[series: AssayID(2)] == assay && book[series: AssayID(1)] == nil)
        #expect(book.seriesList().map(\.uuid) == [Self.uuid] && book.list().map(\.id) == [AssayID(1)])
    }

    @Test("events read back, and folding them again changes nothing")
    func events() throws {
        var book = try Self.book()
        let assay = try #require(book[uuid: Self.uuid])
        var events = [
            try book.schedule(
                SeriesRequests.definition(SeriesRequests.schedule(name: "\"other\"")), uuid: "a",
                at: moment(2)),
            try book.setActive(uuid: Self.uuid, false, at: moment(3)),
        ]
        events += book.decide(
            [try Self.analysis(0, of: assay.definition)], ofSeries: assay, cut: 5, runAt: moment(9))
        if case .scheduled(var creation) = events[0] {
            creation.uuid = Self.uuid.replacing("1af7", with: "2bf8")
            events[0] = .scheduled(creation)
        }
        for event in events {
            #expect(try AssayEvent(Requests.field(event.json.text)) == event)
            book.apply(event)
        }
        let before = book
        for event in events { book.apply(event) }
        #expect(book == before)
        #expect(book[uuid: Self.uuid]?.isActive == false && book[uuid: Self.uuid]?.updatedAt == moment(3))
        #expect(book[uuid: Self.uuid]?.decisions.count == 1)
    }

    @Test("names are unique among the second generation of a workspace")
    func names() throws {
        let book = try Self.book()
        #expect(throws: AssayError.duplicateSeriesName("watch", existing: Self.uuid)) {
            try book.schedule(SeriesRequests.definition(), uuid: "b", at: moment(2))
        }
        #expect(throws: AssayError.unknownUUID("b", field: "assay_id")) {
            try book.setActive(uuid: "b", true, at: moment(2))
        }
    }

    @Test("one decision a window, the newest; runs follow the newest window")
    func decisions() throws {
        var book = try Self.book()
        func assay() throws -> SeriesAssay { try #require(book[uuid: Self.uuid]) }
        let definition = try assay().definition
        let first = definition.schedule.firstRun
        #expect(try assay().lastRun == nil && assay().nextRun(by: .latestNamed) == first)
        for (runs, cut) in [([0, 1, 3], UInt64(5)), ([1, 2], 6)] {
            let analyses = try runs.map { try Self.analysis($0, of: definition) }
            for event in book.decide(analyses, ofSeries: try assay(), cut: cut, runAt: moment(9)) {
                book.apply(event)
            }
        }
        #expect(try assay().decisions.map(\.revision) == [1, 2, 1, 1])
        #expect(try assay().decisions.map(\.resultID.number) == [1, 4, 5, 3])
        #expect(try assay().superseded.map(\.resultID.number) == [2])
        for (positions, ids) in [
            (0..<4, [1, 2, 4, 5, 3]), (1..<3, [2, 4, 5]), (2..<4, [5, 3]), (2..<2, []),
        ] {
            #expect(try assay().revisions(at: positions).map(\.resultID.number) == ids, "\(positions)")
        }
        #expect(try assay().lastRun == first.adding(TimeSpan(microseconds: 180_000_000)))
        #expect(try assay().nextRun(by: .latestNamed) == first.adding(TimeSpan(microseconds: 240_000_000)))
        // Results are asked for by the end of their window, half-open.
        let period = TimeWindow(start: first, end: first.adding(TimeSpan(microseconds: 120_000_000)))
        #expect(try assay().positions(endingIn: period) == 0..<2)
        #expect(try assay().positions(endingIn: .always) == 0..<4)
        book.apply(try book.setActive(uuid: Self.uuid, false, at: moment(3)))
        #expect(try assay().nextRun(by: .latestNamed) == nil)
    }

    @Test("an assay is shown with its UUID, its moments and whether it is active")
    func shape() throws {
        let json = JSONField(try #require(try Self.book()[uuid: Self.uuid]).json(backfill: nil))
        #expect(
            try json.object().members.map(\.key) == [
                "id", "name", "scheduling", "baseline", "window", "summarizer", "targeting", "created_at",
                "updated_at", "active",
            ])
        #expect(try json["id"].string() == Self.uuid && json["active"].bool())
    }

    // Its results had one name twice, and nothing said so; read back, both paths had the score of the second.
    @Test("an assay two of whose paths answers call the same says so, and a result is read back path by path")
    func calledAlike() throws {
        var book = AssayBook()
        let definition = try SeriesRequests.definition(SeriesRequests.calledAlike)
        book.apply(try book.schedule(definition, uuid: Self.uuid, at: moment(1)))
        let shown = JSONField(try #require(book[uuid: Self.uuid]).json(backfill: nil))
        #expect(
            try shown["iopath_problem"].string().contains("call two paths out.a.0, an element and a field"))

        guard case .summaries(let baselines) = definition.baseline else {
            Issue.record("The baseline is summaries.")
            return
        }
        let window = definition.firstWindow
        for values in [[[0.3, 0.35], [0.9]], [[], [0.9]], [[0.9], []]] {
            let findings = try zip(definition.targeting.targets, values).map { target, values in
                try SeriesFinding(
                    target, SortedSample(values, nullCount: values.isEmpty ? 1 : 0), in: window,
                    against: try #require(baselines[target.path]), definition.settings)
            }
            let outcome = SeriesOutcome(window, findings, definition.settings)
            let analysis = WindowAnalysis(
                of: outcome, reason: .complete, analysedAt: moment(70), elapsedMilliseconds: 3)
            let assay = try #require(book[uuid: Self.uuid])
            let events = book.decide([analysis], ofSeries: assay, cut: 5, runAt: moment(9))
            guard case .analysed(let decision) = events[0] else {
                Issue.record("A decision is an event.")
                return
            }
            let result = SeriesResult(
                outcome, analysedAt: moment(70), elapsedMilliseconds: 3, pipelineID: PipelineID(777),
                workspaceID: WorkspaceID(1529), workspaceName: "risk")
            let document = Array(result.json(of: decision, Self.uuid).text.utf8)
            #expect(try assay.outcome(ofResult: document, decision)?.digest == decision.digest)
        }
    }
}
