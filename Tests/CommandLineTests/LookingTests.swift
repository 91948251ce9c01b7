// What a data directory says about itself: inspect, check, assay.

import Assays
import EventLog
import Foundation
import JSON
import Logging
import Records
import Segments
import Store
import Testing

@Suite struct LookingTests {
    let sandbox: Sandbox

    init() throws { sandbox = try Sandbox() }

    @Test("inspect shows topics, segments, and the columns of one segment with their codecs")
    func inspect() throws {
        try sandbox.appendRecords(600)
        let topics = try sandbox.run("inspect")
        #expect(topics.status == 0)
        #expect(topics.output.contains("workspace-1-pipeline-fraud-inference"))
        #expect(topics.lines.contains { $0.hasPrefix("      1  sealed") })
        let segment = try sandbox.run("inspect", "--segment", "1")
        #expect(
            segment.lines.contains {
                $0.hasPrefix("time ") && $0.contains(" int64 ") && $0.contains(" constant") == false
            })
        #expect(segment.lines.contains { $0.hasPrefix("out.y ") && $0.contains(" float64  decimal ") })
        #expect(
            segment.lines.contains { $0.hasPrefix("metadata.last_model  text") && $0.contains("dictionary") })
        let json = try JSONValue(parsing: try sandbox.run("inspect", "--segment", "1", "--json").output)
        #expect(json["records"] == .integer(600))
        #expect(try sandbox.run("inspect", "--segment", "9").errors.contains("there is 1"))
    }

    @Test("inspect tells of a topic whose newest record is dated days ahead, and of no other")
    func ahead() throws {
        try sandbox.appendRecords(3)
        #expect(try !sandbox.run("inspect").errors.contains("ahead"))
        // Half a day more, which this test does not take.
        let time = Int(Date().timeIntervalSince1970 * 1000) + 10 * 86_400_000 + 43_200_000
        try sandbox.write("{\"time\":\(time),\"out.y\":1}\n", to: "ahead.ndjson")
        let append = try sandbox.run(
            "append", "--create", "--workspace", "demo", "--pipeline", "hasty", "ahead.ndjson")
        #expect(append.status == 0, "\(append.errors)")
        let run = try sandbox.run("inspect")
        #expect(
            run.status == 0
                && run.errors.contains(
                    "the newest record of workspace-1-pipeline-hasty-inference is dated 10 days ahead")
                && !run.errors.contains("fraud"), "\(run.errors)")
        let json = try sandbox.run("inspect", "--json").output
        #expect(json.contains(#""days_ahead":10"#) && json.contains(#""days_ahead":0"#), "\(json)")
        #expect(try !sandbox.run("inspect", "--segment", "1").errors.contains("ahead"))
    }

    @Test("bench of so few records that an hour has none ends well, with each of its phases")
    func smallBench() throws {
        let run = try sandbox.run(
            "bench", "--records", "160", "--rows", "20", "--questions", "2", "--only", "append", "--only",
            "windows",
            "--only", "cold")
        #expect(run.status == 0, "\(run.errors)")
        #expect(run.lines.count == 5 && run.output.contains("\"cold\""), "\(run.output)")
        let same = ["bench", "--records", "160", "--rows", "20", "--questions", "2", "--only", "windows"]
        #expect(try !sandbox.run(same).errors.contains("other options"))
        let decimals = try sandbox.run(same + ["--decimals"]).errors
        #expect(
            decimals.contains("other options: it holds inputs as they are without --decimals"), "\(decimals)")
        let other = try sandbox.run(same + ["--pipelines", "7"])
        #expect(other.errors.contains("it holds 160 records of 8 pipelines"), "\(other.errors)")
    }

    // Backfills and proofs were measured, and never what rebuilding is.
    @Test("bench of assays ends with rebuilding every window that was decided")
    func assaysBench() throws {
        let run = try sandbox.run(
            "bench", "--records", "1600", "--rows", "20", "--pipelines", "1", "--questions", "2",
            "--only", "append", "--assays", "2", "--assay-hours", "3")
        #expect(run.status == 0, "\(run.errors)")
        let lines = try run.lines.map { try JSONValue(parsing: $0) }
        let phases = lines.compactMap { $0["phase"] }
        let last = [JSONValue.string("assays verify"), JSONValue.string("assays rebuild")]
        #expect(Array(phases.suffix(2)) == last, "\(run.output)")
        // Three hours, then fifteen more, of each of the two.
        for line in lines.suffix(2) { #expect(line["count"] == .integer(36), "\(run.output)") }
        let rebuilt = try #require(lines.last)
        #expect(rebuilt["failed"] == .integer(0) && rebuilt["per_second"] != nil, "\(run.output)")
        #expect(try sandbox.run("rebuild", "--verify").status == 0)
    }

    @Test("check finds nothing in a whole directory, and a flipped byte at its place")
    func check() throws {
        try sandbox.appendRecords(600)
        let whole = try sandbox.run("check")
        #expect(whole.status == 0)
        #expect(whole.output.hasPrefix("nothing is wrong (1 segment, 3 envelopes, 600 records in 1 block,"))
        let name = "assaylog-data/segment-0000000000000001"
        var bytes = try Data(contentsOf: URL(fileURLWithPath: sandbox.file(name)))
        // Among the records; behind them the import's mark and the footer end the file.
        bytes[1000] ^= 1
        try bytes.write(to: URL(fileURLWithPath: sandbox.file(name)))
        let damaged = try sandbox.run("check")
        #expect(damaged.status == 1)
        #expect(damaged.output.contains("segment-0000000000000001 at byte "))
        let json = try JSONValue(parsing: try sandbox.run("check", "--json").output)
        #expect(json["ok"] == .bool(false))
        // What a damaged directory answers is no success either.
        let query = try sandbox.run("logs", "--pipeline", "fraud")
        #expect(query.status == 1 && query.errors.contains("warning:"))
    }

    @Test("an empty name of a data directory is refused by its option")
    func emptyName() throws {
        for command in ["inspect", "check"] {
            let run = try sandbox.run(command, "--data", "")
            #expect(
                run.status == 2 && run.errors.contains("--data is empty; name a directory"), "\(run.errors)")
        }
    }

    @Test("an assay that nobody has looked at yet is shown to be behind")
    func waiting() async throws {
        try await makeAssay(analysed: false)
        // The hours with records are three; then nothing is due, whatever the time.
        let shown = try sandbox.run("assay", "show", "1").lines
        #expect(shown.contains { $0.hasPrefix("backfill") && $0.contains("0 of ") })
        let json = try JSONValue(parsing: try sandbox.run("assay", "show", "1", "--json").output)
        #expect(json["backfill"]?["windows_done"] == .integer(0))
    }

    /// An assay with hourly windows over four hours of records, whose last hour is different.
    private func makeAssay(analysed: Bool = true, shift: Int = 0) async throws {
        let lines = (0..<4 * 3600 / 10).map { number -> String in
            let value = (number + shift) % 100 + (number >= 3 * 360 ? 60 : 0)
            return #"{"time":\#(Sample.start + number * 10_000),"out.y":[\#(value)]}"# + "\n"
        }
        try sandbox.write(lines.joined(), to: "a")
        try sandbox.run("append", "--create", "--pipeline", "fraud", "a")
        let request = """
            {"name": "watch", "pipeline_id": 1, "pipeline_name": "fraud", "summarizer": {"num_bins": 5},
             "baseline": {"fixed_window": {"path": "output y 0", "start": "2024-01-09T00:00:00Z",
                                           "width": "1 hour"}},
             "window": {"path": "output y 0", "width": "1 hour"}}
            """
        let (store, _) = try InferenceStore.open(StoreConfiguration(directory: sandbox.file("assaylog-data")))
        _ = try await store.createAssay(AssayRequest(JSONField(try JSONValue(parsing: request))))
        if analysed { await AssayScheduler(store, logger: Logger(label: "tests")).tick() }
        try await store.close()
    }

    @Test("assays are listed, shown, run over any past, and their results told")
    func assays() async throws {
        try await makeAssay()
        #expect(try sandbox.run("assay", "list").lines[1].contains("watch  fraud     output y 0  1 hour"))
        let shown = try sandbox.run("assay", "show", "1").output
        #expect(shown.contains("window.path") && !shown.contains("backfill"))
        let results = try sandbox.run("assay", "results", "1")
        #expect(results.lines.last == "3 windows: 2 Ok, 1 Alert")
        #expect(results.lines[3].hasPrefix("2024-01-09T03:00:00Z"))
        #expect(try sandbox.run("assay", "results", "1", "--limit", "1").lines.last == "1 window: 1 Alert")
        // The baseline's own hour lies before the assay's first window.
        let run = try sandbox.run("assay", "run", "1", "--start", "2024-01-08T00:00:00Z")
        #expect(run.lines.last == "4 windows: 3 Ok, 1 Alert", "\(run.errors)")
        let part = try sandbox.run(
            "assay", "run", "1", "--start", "2024-01-09T00:30:00Z", "--end", "2024-01-09T03:59:59Z")
        #expect(part.lines.last == "2 windows: 2 Ok", "\(part.errors)")
        #expect(try sandbox.run("assay", "run", "7").errors.contains("there is 1"))
        let both = try sandbox.run("assay", "run", "1", "--paths", "all", "--paths", "output y 0")
        #expect(both.status == 2 && both.errors.contains("--paths all is every path; give it alone"))
    }

    @Test(
        "an assay that reaches further back than its topic keeps records is named by retain, and says so itself"
    )
    func retention() async throws {
        try await makeAssay()
        func retain(_ age: String, _ more: String...) throws -> CommandRun {
            let run = try sandbox.run(
                ["retain", "--topic", "workspace-1-pipeline-fraud-inference", "--age", age] + more)
            #expect(run.status == 0, "\(run.errors)")
            return run
        }
        let short = try retain("1 hour")
        #expect(
            short.errors.contains("keeps records for 1 hour, and 1 assay reaches further back")
                && short.errors.contains("namely 1 (watch) 1 hour + 5 seconds: records"), "\(short.errors)")
        #expect(try retain("1 hour", "--json").output.contains(#""retention_problem":"workspace-1-"#))
        let problem = "and a window reaches back 1 hour + 5 seconds by the time it is whole"
        for arguments in [["show", "1"], ["show", "1", "--json"], ["list", "--json"]] {
            let shown = try sandbox.run(["assay"] + arguments).output
            #expect(shown.contains("retention_problem") && shown.contains(problem), "\(shown)")
        }
        #expect(try !retain("3605 seconds").errors.contains("further back"))
        #expect(try !sandbox.run("assay", "show", "1").output.contains("retention_problem"))
    }

    // "There are no assays yet", it was said.
    @Test("assays of the second generation are not shown, and not passed over in silence")
    func secondGeneration() async throws {
        try sandbox.appendRecords(10)
        let request = """
            {"name": "series", "baseline": {"Vector": [1, 2, 3, 4]},
             "scheduling": {"first_run": "2024-01-09T01:00:00Z", "end": "2024-01-09T02:00:00Z",
                            "run_frequency": {"SimpleRunFrequency": {"quantity": 1, "unit": "Hour"}}},
             "summarizer": {"UnivariateContinuous": {"bin_mode": {"Quantile": 2}, "aggregation": "Density",
                                                     "metric": "PSI", "bin_weights": null}},
             "targeting": {"data_origin": {"pipeline_name": "fraud"}, "iopath": [{"field": "out.y", "indexes": [0]}]},
             "window": {"width": {"seconds": 3600}}}
            """
        let (store, _) = try InferenceStore.open(StoreConfiguration(directory: sandbox.file("assaylog-data")))
        let uuid = try await store.schedule(
            store.view.schedulable(SeriesDefinition(JSONField(try JSONValue(parsing: request)))))
        try await store.close()
        let remark = "1 assay of the second generation, not shown here; POST /v2/api/assays/get lists them"
        let list = try sandbox.run("assay", "list")
        #expect(list.status == 0 && list.errors.contains(remark) && !list.errors.contains("no assays yet"))
        for command in ["show", "results", "run"] {
            let said = try sandbox.run("assay", command, "1").errors
            #expect(said.contains("POST /v2/api/assays/get/\(uuid) shows it"))
            // What was asked for can be asked for there.
            #expect(
                said.contains(
                    "POST /v2/api/assays/get_results {\"id\": \"\(uuid)\"} its results, with "
                        + "\"revisions\": \"all\" every revision"))
        }
        #expect(try sandbox.run("assay", "show", "7").errors.contains("there is none, and \(remark)"))
    }

    @Test("results that are derived come back when they are deleted")
    func derivedAgain() async throws {
        try await makeAssay()
        let before = try sandbox.run("assay", "results", "1", "--json").output
        #expect(before.hasPrefix(#"[{"id":1,"#))
        try FileManager.default.removeItem(atPath: sandbox.file("assaylog-data/derived"))
        #expect(try sandbox.run("assay", "results", "1", "--json").output == before)
    }

    @Test("verifying proves every result and says whether any waits; rebuilding derives the same bytes")
    func rebuild() async throws {
        try await makeAssay()
        let before = try sandbox.run("assay", "results", "1", "--json").output
        let verified = try sandbox.run("rebuild", "--verify")
        #expect(verified.status == 0, "\(verified.errors)")
        #expect(
            verified.lines[0].hasPrefix(
                "3 decisions: 3 equal, 0 different, 0 sealed, 0 by another engine; 3 results"))
        #expect(
            verified.lines[1]
                == "1 pinned baseline: 1 equal, 0 different, 0 not checkable, as what they were made of went since"
        )
        #expect(verified.lines[2] == "the history is settled: nothing waits to be decided")
        let rebuilt = try sandbox.run("rebuild")
        #expect(rebuilt.status == 0 && rebuilt.output.hasPrefix("3 results derived again in "))
        #expect(try sandbox.run("assay", "results", "1", "--json").output == before)
        #expect(try sandbox.run("check").status == 0)
        let json = try JSONValue(parsing: try sandbox.run("rebuild", "--verify", "--json").output)
        #expect(json["ok"] == .bool(true) && json["settled"] == .bool(true))
        #expect(json["equal"] == .integer(3) && json["kept"] == .integer(3))
        let unknown = try sandbox.run("rebuild", "--verify", "--data", "nowhere")
        #expect(unknown.status == 1 && unknown.errors.contains("nowhere"))
        let revisions = try sandbox.run("assay", "results", "1", "--revisions", "--limit", "1")
        #expect(revisions.lines.count == 3 && revisions.lines[1].contains("revision 1, backfill"))
    }

    @Test("where it cannot be said whether windows wait, verifying does not count those that do")
    func unknown() async throws {
        try await makeAssay()
        let (store, _) = try InferenceStore.open(StoreConfiguration(directory: sandbox.file("assaylog-data")))
        // As if the log had been written by something else: an assay of a pipeline that nobody made.
        var definition = try #require(store.book[AssayID(1)]).definition
        definition.window.pipelineName = "nowhere"
        let creation = AssayCreation(
            id: AssayID(2), definition: definition, isActive: true, at: store.sources.now())
        let document = Array(AssayEvent.created(creation).json.text.utf8)
        _ = try await store.log.append([.event(Event(name: "assay", document: document))])
        try await store.close()
        let verified = try sandbox.run("rebuild", "--verify")
        #expect(
            verified.lines.contains { $0.hasPrefix("not known to be settled: assay 2") }, "\(verified.output)"
        )
        #expect(
            verified.lines.last
                == "the history is not known to be settled: nothing else waits to be decided")
    }

    @Test(
        "a decision that does not follow from the log ends verifying with 1, the first difference before all")
    func different() async throws {
        try await makeAssay()
        let directory = sandbox.file("assaylog-data")
        // As if the log had been written by something else: two windows decided again, by digests of nothing.
        let (store, _) = try InferenceStore.open(StoreConfiguration(directory: directory))
        for place in [2, 1] {
            var forged = try #require(store.book[AssayID(1)]).decisions[place]
            forged.revision += 1
            forged.digest = ResultDigest(of: [])
            forged.resultID = AssayResultID(10 - place)
            let document = Array(AssayEvent.analysed(forged).json.text.utf8)
            _ = try await store.log.append([.event(Event(name: "assay", document: document))])
        }
        try await store.close()
        let verified = try sandbox.run("rebuild", "--verify")
        #expect(verified.status == 1)
        #expect(
            verified.lines[0].hasPrefix(
                "assay 1 (watch), window 2024-01-09T02:00:00Z, revision 2: worked out again its digest is "),
            "\(verified.output)")
        #expect(verified.lines[1].hasPrefix("assay 1 (watch), window 2024-01-09T03:00:00Z, revision 2: "))
        #expect(verified.lines[2].hasPrefix("5 decisions: 3 equal, 2 different, 0 sealed, "))
        let asked = try sandbox.run("rebuild", "--verify", "--json")
        let json = try JSONValue(parsing: asked.output)
        #expect(asked.status == 1 && json["ok"] == .bool(false) && json["different"] == .integer(2))
        guard case .array(let differences)? = json["differences"] else {
            Issue.record("\(asked.output)")
            return
        }
        #expect(differences.count == 2 && differences.first == .string(verified.lines[0]))
    }

    @Test("a result beside the log that says another thing ends verifying with 1; rebuilding writes it anew")
    func keptDifferent() async throws {
        try await makeAssay()
        let derived = sandbox.file("assaylog-data/derived")
        let before = try sandbox.run("assay", "results", "1", "--json").output
        // The results of a store whose records are others, as a wrong backup would bring.
        let other = try LookingTests()
        try await other.makeAssay(shift: 1)
        try FileManager.default.removeItem(atPath: derived)
        try FileManager.default.copyItem(
            atPath: other.sandbox.file("assaylog-data/derived"), toPath: derived)
        let verified = try sandbox.run("rebuild", "--verify")
        #expect(verified.status == 1)
        #expect(
            verified.lines[0].hasPrefix(
                "assay 1 (watch), window 2024-01-09T01:00:00Z, revision 1: the result kept beside the log is "
                    + "not what was decided"), "\(verified.output)")
        #expect(try sandbox.run("rebuild").status == 0)
        #expect(try sandbox.run("rebuild", "--verify").status == 0)
        #expect(try sandbox.run("assay", "results", "1", "--json").output == before)
    }
}
