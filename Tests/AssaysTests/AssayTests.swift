// Invariants checked: those at the heads of Assay.swift and WindowDecisions.swift; and the document of lists.

import Assays
import JSON
import Records
import Simulation
import Summaries
import TestSupport
import Testing

struct AssayTests {
    static func book(isActive: Bool = true) throws -> AssayBook {
        var book = AssayBook()
        book.apply(try book.create(Requests.definition(), isActive: isActive, at: moment(0)))
        return book
    }

    /// A window of 60 seconds that starts at `start`.
    static func analysis(_ start: Int64, _ status: AssayStatus, late: Bool = false)
        -> WindowAnalysis
    {
        WindowAnalysis(
            window: TimeWindow(start: moment(Double(start)), end: moment(Double(start) + 60)),
            reason: late ? .late : .complete, status: status,
            digest: ResultDigest(of: [UInt8(start % 251)]),
            analysedAt: moment(Double(start) + 65), elapsedMilliseconds: 3)
    }

    static func run(_ book: inout AssayBook, _ analyses: [WindowAnalysis], at runAt: Int64) throws {
        for event in try book.decide(analyses, of: AssayID(1), cut: 5, runAt: moment(Double(runAt))) {
            book.apply(event)
        }
    }

    @Test("a fresh assay is created, due at its creation, and has not run")
    func fresh() throws {
        let assay = try #require(try Self.book()[AssayID(1)])
        #expect(assay.status(by: .latestNamed) == "created")
        #expect(assay.lastRun(by: .latestNamed) == nil)
        #expect(assay.nextRun(by: .latestNamed) == moment(0))
        #expect(
            assay.listJSON(workspaceName: nil, at: .latestNamed)["next_run"]
                == .string("2024-01-09T19:00:00+00:00"))
    }

    @Test("after a run the status counts that run only, and the next window's end is due")
    func afterRuns() throws {
        var book = try Self.book()
        try Self.run(&book, [Self.analysis(0, .ok), Self.analysis(60, .alert)], at: 130)
        try Self.run(
            &book,
            [Self.analysis(120, .ok), Self.analysis(180, .ok), Self.analysis(240, .warning)],
            at: 310)
        let assay = try #require(book[AssayID(1)])
        #expect(
            assay.status(by: .latestNamed)
                == #"{"run_at": "2024-01-09T19:05:10+00:00",  "num_ok": 2, "num_warnings": 1, "num_alerts": 0}"#
        )
        #expect(try JSONValue(parsing: assay.status(by: .latestNamed))["num_ok"] == .integer(2))
        #expect(assay.lastRun(by: moment(310)) == moment(310))
        // The interval is 30 seconds: the newest window ended at 300.
        #expect(assay.nextRun(by: .latestNamed) == moment(330))
        // Of these windows a clock that was ahead decided the last two.
        #expect(assay.nextRun(by: moment(200)) == moment(210))
        try Self.run(&book, [Self.analysis(300, .noData), Self.analysis(330, .noScore)], at: 400)
        #expect(
            book[AssayID(1)]?.status(by: .latestNamed).hasSuffix(#""num_alerts": 0, "num_no_score": 2}"#)
                == true)
    }

    // It stayed in the future until the next decision.
    @Test("a pass of a clock that was ahead is told of when its moment has come, unless another was since")
    func runsAhead() throws {
        var book = try Self.book()
        func told(by now: Double) throws -> [String] {
            let assay = try #require(book[AssayID(1)])
            let now = moment(now)
            let configuration = assay.configurationJSON(workspaceName: nil, at: now)
            let listed = assay.listJSON(workspaceName: nil, at: now)
            #expect(listed["status"] == configuration["status"])
            return [
                listed["last_run"]?.text ?? "", assay.status(by: now),
                configuration["last_window_start"]?.text ?? "",
            ]
        }
        try Self.run(&book, [Self.analysis(0, .ok), Self.analysis(60, .alert)], at: 130)
        let first = try told(by: 150)
        #expect(
            first == [
                "\"2024-01-09T19:02:10+00:00\"",
                #"{"run_at": "2024-01-09T19:02:10+00:00",  "num_ok": 1, "num_warnings": 0, "num_alerts": 1}"#,
                "\"2024-01-09T19:01:00Z\"",
            ])
        // A day ahead it makes two passes, one of which takes the place of a decision that is told of.
        try Self.run(&book, [Self.analysis(60, .ok, late: true), Self.analysis(86_340, .ok)], at: 86_410)
        try Self.run(&book, [Self.analysis(86_400, .warning)], at: 86_465)
        #expect(try told(by: 150) == first)
        #expect(try told(by: 129)[..<2] == ["null", "created"])
        let ahead = try told(by: 86_420)
        #expect(ahead[0] == "\"2024-01-10T19:00:10+00:00\"" && ahead[1].contains("\"num_ok\": 2,"))
        #expect(ahead[2] == "\"2024-01-10T18:59:00Z\"")
        try Self.run(&book, [Self.analysis(120, .noData)], at: 185)
        for now in [185.0, 100_000] {
            #expect(try told(by: now)[1].hasPrefix(#"{"run_at": "2024-01-09T19:03:05+00:00","#))
        }
    }

    @Test("a late revision takes the place of the earlier one", arguments: 1...50)
    func revisions(seed: Int) throws {
        var generator = SeededGenerator(seed: UInt64(seed))
        var book = try Self.book()
        var expected: [Int64: Int] = [:]
        for run in 0..<30 {
            let start = Int64.random(in: 0..<12, using: &generator) * 60
            try Self.run(&book, [Self.analysis(start, .ok, late: true)], at: 1000 + Int64(run))
            expected[start, default: 0] += 1
        }
        let assay = try #require(book[AssayID(1)])
        #expect(assay.decisions.map(\.window.start) == expected.keys.sorted().map { moment(Double($0)) })
        for (start, revision) in expected {
            let decision = try #require(assay.decision(forWindowStartingAt: moment(Double(start))))
            #expect(decision.revision == revision, "seed \(seed)")
            #expect(assay.decision(forWindowStartingAt: moment(Double(start) + 1)) == nil)
        }
        let some = assay.decisions(startingIn: TimeWindow(start: moment(60), end: moment(240)))
        #expect(
            some.map(\.window.start)
                == expected.keys.sorted().filter { (60..<240).contains($0) }.map { moment(Double($0)) })
        #expect(assay.decisions.map(\.resultID).max() == AssayResultID(30))
    }

    @Test("a list's member has the recorded keys, then the workspace")
    func listKeys() throws {
        let assay = try #require(try Self.book()[AssayID(1)])
        let keys = AssayResultTests.keys(assay.listJSON(workspaceName: "w", at: .latestNamed))
        #expect(
            keys == [
                "id", "name", "active", "status", "warning_threshold", "alert_threshold",
                "pipeline_id", "pipeline_name", "last_run", "next_run", "run_until", "updated_at",
                "baseline", "window", "summarizer", "workspace_id", "workspace_name",
            ])
        #expect(
            AssayResultTests.keys(assay.detailJSON(workspaceName: "w", at: .latestNamed)) == keys + [
                "created_at"
            ])
        #expect(assay.listJSON(workspaceName: "w", at: .latestNamed)["workspace_name"] == .string("w"))
    }

    @Test(
        "the tutorial's list comes out to the recorded text",
        .enabled(if: Corpus.folder != nil, "\(Corpus.missing)"))
    func recordedList() throws {
        let request = try Corpus.json("spec/captured/69b3ce84-cell23-assays_create-0.json")
        let listed = try #require(
            try Corpus.json("spec/captured/69b3ce84-cell30-assays_list-0.json").elements)
        var definition = try AssayRequest(JSONField(request)).definition
        var book = AssayBook()
        // Ten assays, the last two of which are those of the tutorial.
        for number in 1...8 {
            definition.name = "earlier \(number)"
            book.apply(try book.create(definition, isActive: true, at: moment(0)))
        }
        let created = try Timestamp(parsing: "2024-01-09T19:09:34.741218Z")
        definition.name = "api assay example fjii"
        book.apply(try book.create(definition, isActive: true, at: created))
        definition.name = "api assay curl examples fjii"
        definition.window.width = try WrittenSpan(Requests.field("\"24 hours\""))
        definition.window.interval = definition.window.width
        book.apply(
            try book.create(
                definition, isActive: true, at: Timestamp(parsing: "2024-01-09T19:10:00.429482Z")))
        let window = definition.grid(startingAt: created).window(0)
        let first = TimeWindow(
            start: window.start, end: window.start.adding(TimeSpan(microseconds: 60_000_000)))
        var analysis = Self.analysis(0, .baselineRun)
        analysis.window = first
        let runAt = try Timestamp(parsing: "2024-01-09T19:10:01.369981Z")
        for event in try book.decide([analysis], of: AssayID(9), cut: 1, runAt: runAt) {
            book.apply(event)
        }
        let list = book.list(pipelineID: PipelineID(6))
        #expect(list.map(\.id.number) == Array((1...10).reversed()))
        for (assay, recorded) in zip(list, listed) {
            let found = try #require(assay.listJSON(workspaceName: nil, at: .latestNamed).document)
            let expected = try #require(recorded.document)
            for (member, other) in zip(found.members, expected.members) {
                #expect(member.key == other.key)
                // The service took 3 ms to store a fresh assay, and counted nanoseconds in a report.
                let isOwn = member.key == "status" && assay.lastRun(by: .latestNamed) != nil
                guard !isOwn, member.key != "updated_at" else { continue }
                #expect(member.value.text == other.value.text, "\(member.key)")
            }
        }
        let text = { (json: JSONValue?) -> String in
            if case .string(let text) = json { text } else { "" }
        }
        #expect(
            text(listed[1]["status"]).replacing("369980660", with: "369981")
                == list[1].status(by: .latestNamed))
    }
}

extension Assay {
    /// As its lists say it.
    fileprivate func status(by now: Timestamp) -> String {
        if case .string(let text)? = listJSON(workspaceName: nil, at: now)["status"] { text } else { "" }
    }
}
