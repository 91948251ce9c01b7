// Checked here: each assay route's answer, with its keys in the recorded order and its nulls, and the
// refusals; over records that were appended, so that no library is needed.

import Assays
import HTTPTypes
import JSON
import Logging
import Records
import Store
import Testing

@testable import HTTPAPI

@Suite("Assays over HTTP")
struct AssayRoutesTests {
    static let summarizer = """
        {"type":"UnivariateContinuous","bin_mode":"Quantile","aggregation":"Density","metric":"PSI",\
        "num_bins":2,"bin_weights":null,"bin_width":null,"provided_edges":null,"add_outlier_edges":true}
        """

    static let window = """
        {"pipeline_name":"fraud","model_name":null,"width":"1 minute","start":"2024-01-09T19:00:00+00:00",\
        "interval":"1 minutes","path":"output y","workspace_id":1,"locations":[]}
        """

    static let fixed = """
        {"fixed_window":{"interval":"24 hours","path":"output y","pipeline_name":"fraud",\
        "start":"2024-01-09T14:00:00-05:00","width":"1 minute","workspace_id":1,"locations":[]}}
        """

    static func request(
        name: String = "\"watch\"", baseline: String = "{\"calculated\":{\"vector\":[1.0,2.0,3.0,4.0]}}",
        window: String = window, summarizer: String = summarizer, more: String = ""
    ) -> String {
        """
        {"name":\(name),"pipeline_id":1,"pipeline_name":"fraud","active":true,"status":"created",\
        "baseline":\(baseline),"window":\(window),"summarizer":\(summarizer),\
        "warning_threshold":null,"alert_threshold":0.25,"workspace_id":1\(more)}
        """
    }

    static let summaryKeys = [
        "count", "min", "max", "mean", "median", "std", "edges", "edge_names", "aggregated_values",
        "aggregation", "start", "end",
    ]

    static func keys(_ field: JSONField) -> [String] {
        guard case .object(let object) = field.value else { return [] }
        return object.members.map(\.key)
    }

    static func tick(_ client: Client) async {
        await AssayScheduler(client.store, logger: noLog).tick()
    }

    // MARK: Asked and answered

    @Test("a fixed window is summarised in the recorded shape, its end worked out")
    func summarize() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.append([(0, 4), (10, 1), (20, 2), (59.999, 3), (60, 100)])
            let answer = try await client.post(
                "/v1/api/assays/summarize", "{\"summarizer\":\(Self.summarizer),\"baseline\":\(Self.fixed)}")
            #expect(
                answer.text
                    == """
                    {"count":4,"min":1.0,"max":4.0,"mean":2.5,"median":2.5,"std":1.118033988749895,\
                    "edges":[1.0,2.0,4.0,null],"edge_names":["left_outlier","q_50","q_100","right_outlier"],\
                    "aggregated_values":[0.0,0.5,0.5,0.0],"aggregation":"Density",\
                    "start":"2024-01-09T19:00:00Z","end":"2024-01-09T19:01:00Z"}
                    """)
        }
    }

    @Test("a vector is summarised without a period, and the clients' milliseconds are a width")
    func summarizeOthers() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            let vector = try await client.ask(
                "assays/summarize",
                "{\"summarizer\":\(Self.summarizer),\"baseline\":{\"vector\":[3,null,1]}}")
            #expect(Self.keys(vector) == Self.summaryKeys + ["missing_count"])
            #expect(vector["start"].value == .null && vector["end"].value == .null)
            try await client.append([(0, 4), (1, 5), (2, 6)])
            let milliseconds = try await client.ask(
                "assays/summarize",
                "{\"summarizer\":\(Self.summarizer),\"baseline\":\(Self.fixed.replacing("1 minute", with: "1048 ms"))}"
            )
            #expect(try milliseconds["count"].integer() == 2)
            #expect(try milliseconds["end"].string() == "2024-01-09T19:00:01.048000Z")
        }
    }

    @Test("a run over many paths streams a line a result, and the ranking last")
    func runPaths() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.append([(0, 1), (10, 4), (20, 2), (70, 9)])
            client.clock.advance(300)
            let body = Self.request(baseline: Self.fixed, more: ",\"paths\":\"all\"")
            let answer = try await client.post("/v1/api/assays/run_interactive", body)
            try #require(answer.status == 200, "\(answer.text)")
            let lines = try answer.text.split(separator: "\n").map { try JSONValue(parsing: Array($0.utf8)) }
            #expect(lines.count >= 2)
            #expect(lines[0]["path"] == .string("output y") && lines[0]["noise"] != nil)
            let last = try #require(lines.last)
            #expect(last["windows"] == .integer(lines.count - 1))
            guard case .array(let ranking)? = last["ranking"] else { return }
            #expect(ranking.map { $0["path"] } == [.string("output y")])
            let refused = try await client.refused(
                "assays/run_interactive", Self.request(more: ",\"paths\":[\"output y\"]"))
            #expect(refused.status == 400 && refused.message.contains("fixed_window"))
        }
    }

    @Test("an interactive run answers each window in the recorded shape, with nulls where nothing is stored")
    func runInteractive() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.append([(0, 1), (10, 4), (70, 9)])
            client.clock.advance(300)
            let answer = try await client.post(
                "/v1/api/assays/run_interactive", Self.request(more: ",\"id\":9"))
            #expect(
                answer.text.hasPrefix(
                    """
                    [{"id":null,"assay_id":9,"window_start":"2024-01-09T19:00:00Z",\
                    "analyzed_at":"2024-01-09T19:05:00Z","elapsed_millis":0,"pipeline_id":null,\
                    "baseline_summary":{"count":4,
                    """))
            let rows = try answer.json.array()
            #expect(rows.count == 2)
            #expect(
                Self.keys(rows[0]) == [
                    "id", "assay_id", "window_start", "analyzed_at", "elapsed_millis", "pipeline_id",
                    "baseline_summary", "window_summary", "warning_threshold", "alert_threshold", "score",
                    "scores", "bin_index", "summarizer", "status", "created_at",
                    "noise",
                ])
            #expect(Self.keys(rows[0]["window_summary"]) == Self.summaryKeys)
            #expect(
                Self.keys(rows[0]["summarizer"]) == [
                    "type", "bin_mode", "aggregation", "metric", "num_bins", "bin_weights", "provided_edges",
                ])
            #expect(rows[0]["warning_threshold"].value == .null && rows[0]["bin_index"].value == .null)
            #expect(rows[0]["created_at"].value == .null)
            #expect(
                rows[0]["window_summary"]["edge_names"].value?.text
                    == "[\"left_outlier\",\"e_2.00e0\",\"e_4.00e0\",\"right_outlier\"]")
            #expect(try rows[0]["score"].double() == 0 && rows[0]["status"].string() == "Ok")
            #expect(try rows[1]["status"].string() == "Alert")
            // The name may be left out, and the number too.
            let unnamed = try await client.ask("assays/run_interactive", Self.request(name: "null"))
            #expect(try unnamed.array()[0]["assay_id"].value == .null)
        }
    }

    @Test("a baseline run answers one object")
    func runInteractiveBaseline() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            let run = try await client.ask("assays/run_interactive_baseline", Self.request())
            #expect(try run["status"].string() == "BaselineRun")
            #expect(try run["score"].double() == 0)
            #expect(run["scores"].value?.text == "[0.0,0.0,0.0,0.0]")
            #expect(
                run["window_summary"]["edge_names"].value?.text
                    == "[\"left_outlier\",\"e_2.00e0\",\"e_4.00e0\",\"right_outlier\"]")
        }
    }

    // MARK: Found again

    @Test("one assay is told whole, with what its client needs to be there")
    func getByID() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.ask("assays/create", Self.request())
            for body in [
                "{\"id\":1}", "{\"id\":1,\"workspace_id\":null,\"workspace_name\":null}",
                "{\"id\":1,\"workspace_id\":1}", "{\"id\":1,\"workspace_name\":\"risk\"}",
            ] {
                let assay = try await client.ask("assays/get_assay_by_id", body)
                for key in [
                    "id", "name", "active", "status", "alert_threshold", "pipeline_id", "pipeline_name",
                ]
                    + ["workspace_id", "workspace_name", "next_run", "created_at", "baseline", "window"]
                {
                    #expect(assay[key].isPresent, "\(key)")
                }
                #expect(try assay["workspace_name"].string() == "risk")
                // As the list has it, and when it was created.
                let listed = try await client.ask("assays/list", "{}").array()[0]
                #expect(Self.keys(assay).filter { $0 != "created_at" } == Self.keys(listed))
            }
            for (body, part) in [
                ("{}", "id"), ("{\"id\":7}", "no assay 7"), ("{\"id\":1,\"workspace_id\":2}", "workspace 2"),
                ("{\"id\":1,\"workspace_name\":\"other\"}", "workspace_name"),
            ] {
                let refusal = try await client.refused("assays/get_assay_by_id", body)
                #expect(refusal.status == 400 && refusal.message.contains(part), "\(refusal)")
            }
        }
    }

    @Test("assays are filtered by what is asked and sorted by creation or by last run")
    func filter() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.append([(0, 1), (10, 4), (70, 9)])
            client.clock.advance(70)
            try await client.ask("assays/create", Self.request(name: "\"Watch one\""))
            await Self.tick(client)
            client.clock.advance(60)
            try await client.ask(
                "assays/create",
                Self.request(
                    name: "\"other\"",
                    window: Self.window.replacing("\"locations\":[]", with: "\"locations\":[\"engine\"]")))
            try await client.ask("assays/set_active", "{\"id\":2,\"active\":false}")
            try await client.ask("assays/create", Self.request(name: "\"third\""))
            try await client.ask("assays/set_active", "{\"id\":3,\"active\":false}")
            await Self.tick(client)
            func found(_ more: String, order: String = "CreationDateDesc", workspace: Int = 1) async throws
                -> [Int]
            {
                try await client.ask(
                    "assays/filter",
                    "{\"workspace_id\":\(workspace),\"pipeline_id\":1,\"sort_by\":\"\(order)\"\(more)}"
                ).array().map { try $0["id"].integer() }
            }
            #expect(try await found("") == [3, 2, 1])
            #expect(try await found("", order: "LastRunDateDesc") == [1, 3, 2])
            #expect(try await found("", workspace: 2) == [])
            #expect(try await found(",\"name\":\"WATCH\",\"active\":null,\"drift_window\":null") == [1])
            #expect(try await found(",\"active\":false") == [3, 2])
            #expect(try await found(",\"locations\":[\"engine\"]") == [2])
            // The window of 60 to 120 seconds alerted; the one before it did not.
            func drift(_ start: String, _ end: String) -> String {
                ",\"drift_window\":{\"start\":\"2024-01-09T19:\(start)Z\",\"end\":\"2024-01-09T19:\(end)Z\"}"
            }
            #expect(try await found(drift("01:59", "03:00")) == [1])
            #expect(try await found(drift("00:00", "01:00")) == [])
            #expect(try await found(drift("02:00", "03:00")) == [])
            let rows = try await client.ask(
                "assays/filter", "{\"workspace_id\":1,\"pipeline_id\":1,\"sort_by\":\"LastRunDateDesc\"}"
            ).array()
            #expect(
                Self.keys(rows[0]) == [
                    "id", "name", "pipeline_id", "pipeline_name", "active", "status", "baseline", "window",
                    "summarizer", "warning_threshold", "alert_threshold", "created_at", "last_window_start",
                    "run_until", "last_run", "workspace_id", "workspace_name",
                ])
            #expect(try rows[0]["created_at"].string() == "2024-01-09T19:01:10Z")
            #expect(try rows[0]["last_window_start"].string() == "2024-01-09T19:01:00Z")
            for (body, part) in [
                ("{\"pipeline_id\":1,\"sort_by\":\"CreationDateDesc\"}", "workspace_id"),
                ("{\"workspace_id\":1,\"sort_by\":\"CreationDateDesc\"}", "pipeline_id"),
                ("{\"workspace_id\":1,\"pipeline_id\":1}", "sort_by"),
                ("{\"workspace_id\":1,\"pipeline_id\":1,\"sort_by\":\"Name\"}", "\"LastRunDateDesc\""),
                (
                    "{\"workspace_id\":1,\"pipeline_id\":1,\"sort_by\":\"CreationDateDesc\"\(drift("02:00", "01:00"))}",
                    "drift_window.end"
                ),
            ] {
                let refusal = try await client.refused("assays/filter", body)
                #expect(refusal.status == 400 && refusal.message.contains(part), "\(refusal)")
            }
        }
    }

    // MARK: Stored assays

    @Test("an assay is created, listed newest first in the recorded shape, paused and resumed")
    func createAndList() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            #expect(
                try await client.post(
                    "/v1/api/assays/create",
                    Self.request(more: ",\"run_until\":\"2024-01-09T19:09:34.063643+00:00\"")
                ).text == "{\"assay_id\":1,\"complete_windows\":0,\"records_in_windows\":0,"
                    + "\"data_start\":null,\"data_end\":null}")
            #expect(
                try await client.post(
                    "/v1/api/assays/create",
                    Self.request(
                        name: "\"second\"", baseline: Self.fixed,
                        window: Self.window.replacing("\"model_name\":null", with: "\"model_name\":\"m\""))
                ).json["assay_id"].integer() == 2)
            let answer = try await client.post("/v1/api/assays/list", "{\"pipeline_id\":1}")
            let rows = try answer.json.array()
            #expect(try rows.map { try $0["id"].integer() } == [2, 1])
            #expect(
                rows[1].value?.text
                    == """
                    {"id":1,"name":"watch","active":true,"status":"created","warning_threshold":null,\
                    "alert_threshold":0.25,"pipeline_id":1,"pipeline_name":"fraud","last_run":null,\
                    "next_run":"2024-01-09T19:00:00+00:00","run_until":"2024-01-09T19:09:34.063643+00:00",\
                    "updated_at":"2024-01-09T19:00:00+00:00",\
                    "baseline":{"calculated":{"vector":[1.0,2.0,3.0,4.0]}},\
                    "window":{"interval":"1 minutes","model_name":null,"path":"output y","pipeline_name":"fraud",\
                    "start":"2024-01-09T19:00:00Z","width":"1 minute","workspace_id":1,"locations":[]},\
                    "summarizer":{"type":"UnivariateContinuous","bin_mode":"Quantile","aggregation":"Density",\
                    "metric":"PSI","num_bins":2,"bin_weights":null,"provided_edges":null},\
                    "workspace_id":1,"workspace_name":"risk"}
                    """)
            #expect(
                try await client.post("/v1/api/assays/set_active", "{\"id\":1,\"active\":false}").text
                    == "{\"id\":1,\"active\":false}")
            #expect(try await client.ask("assays/list", "{}").array()[1]["active"].bool() == false)
            #expect(
                try await client.post("/v1/api/assays/set_active", "{\"id\":1,\"active\":true}").text
                    == "{\"id\":1,\"active\":true}")
            for (filter, count) in [
                ("{\"pipeline_id\":null}", 2), ("{\"pipeline_id\":7}", 0), ("{\"workspace_id\":1}", 2),
                ("{\"workspace_name\":\"risk\"}", 2), ("{\"workspace_id\":null,\"workspace_name\":null}", 2),
                ("", 2),
            ] {
                #expect(try await client.ask("assays/list", filter).array().count == count, "\(filter)")
            }
        }
    }

    @Test(
        "an assay that is behind says so in the list, by itself and in the metrics, and no more when it is not"
    )
    func backfill() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            // The scheduler has looked before: what comes after is news to it.
            let scheduler = AssayScheduler(client.store, logger: noLog)
            await scheduler.tick()
            try await client.append((0..<3).map { (Double($0) * 60 + 10, Double($0)) })
            client.clock.advance(190)
            try await client.ask("assays/create", Self.request())
            func shown() async throws -> [String?] {
                let one = try await client.ask("assays/get_assay_by_id", "{\"id\":1}")
                let listed = try await client.ask("assays/list", "{}").array()[0]
                let metrics = try await client.send(.get, "/metrics").text
                return [one["backfill"].value?.text, listed["backfill"].value?.text]
                    + ["assays", "windows"].map { unit in
                        metrics.split(separator: "\n").first { $0.hasPrefix("assaylog_backfill_\(unit) ") }
                            .map { String($0.split(separator: " ")[1]) }
                    }
            }
            // The figures are the scheduler's, and it has not looked since.
            let text = "{\"windows_done\":0,\"windows_due\":3}"
            #expect(try await shown() == [text, text, "0", "0"])
            await scheduler.tick()
            #expect(try await shown() == [nil, nil, "0", "0"])
        }
    }

    @Test("the windows' results are stored as they become complete, and their list says what was found")
    func results() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.ask("assays/create", Self.request())
            try await client.append([(0, 1), (10, 4), (70, 9), (130, 9)])
            client.clock.advance(125)
            await Self.tick(client)
            let answer = try await client.post(
                "/v1/api/assays/get_assay_results",
                """
                {"assay_id":1,"start":"2024-01-09T19:00:00+00:00","end":"2024-01-09T19:02:05+00:00"}
                """)
            let rows = try answer.json.array()
            #expect(rows.count == 2)
            #expect(
                Self.keys(rows[0]) == [
                    "id", "assay_id", "window_start", "analyzed_at", "elapsed_millis", "pipeline_id",
                    "workspace_id", "workspace_name", "baseline_summary", "window_summary",
                    "warning_threshold", "alert_threshold", "score", "scores", "bin_index", "summarizer",
                    "status", "created_at", "noise",
                ])
            #expect(try rows.map { try $0["id"].integer() } == [1, 2])
            #expect(try rows.map { try $0["status"].string() } == ["Ok", "Alert"])
            #expect(try rows[0]["pipeline_id"].integer() == 1)
            #expect(try rows[0]["created_at"].string() == "2024-01-09T19:02:05Z")
            // The other name, and every way to leave something out.
            for (endpoint, body, count) in [
                ("get_results", "{\"assay_id\":1}", 2),
                ("get_results", "{\"assay_id\":1,\"limit\":1}", 1),
                ("get_assay_results", "{\"assay_id\":1,\"start\":\"2024-01-09T19:01:00Z\"}", 1),
                ("get_assay_results", "{\"assay_id\":1,\"end\":\"2024-01-09T19:01:00Z\"}", 1),
                (
                    "get_assay_results",
                    "{\"assay_id\":1,\"pipeline_id\":1,\"start\":null,\"end\":null,\"limit\":null}", 2
                ),
            ] {
                #expect(try await client.ask("assays/\(endpoint)", body).array().count == count, "\(body)")
            }
            let listed = try await client.ask("assays/list", "{}").array()[0]
            #expect(
                try listed["status"].string()
                    == "{\"run_at\": \"2024-01-09T19:02:05+00:00\",  \"num_ok\": 1, \"num_warnings\": 0, "
                    + "\"num_alerts\": 1}")
            // What was stored is what an interactive run says now.
            let interactive = try await client.ask("assays/run_interactive", Self.request(more: ",\"id\":1"))
                .array()
            for (stored, run) in zip(rows, interactive) {
                for key in [
                    "window_start", "baseline_summary", "window_summary", "score", "scores", "status",
                ] {
                    #expect(stored[key].value == run[key].value, "\(key)")
                }
            }
            // Every revision, with what it is; the newest alone where nobody asks.
            try await client.append([(20, 4)])
            await Self.tick(client)
            client.clock.advance(6)
            await Self.tick(client)
            for (more, told) in [("", ["2 late"]), (",\"revisions\":\"newest\"", ["2 late"])] {
                let rows = try await client.ask("assays/get_results", "{\"assay_id\":1,\"limit\":1\(more)}")
                    .array()
                #expect(rows.count == told.count && !rows[0]["revision"].isPresent)
            }
            let revisions = try await client.ask(
                "assays/get_results", "{\"assay_id\":1,\"revisions\":\"all\"}"
            ).array()
            #expect(
                try revisions.map { "\(try $0["revision"].integer()) \(try $0["reason"].string())" }
                    == ["1 complete", "2 late", "1 complete"])
            #expect(
                try await client.post("/v1/api/assays/get_results", "{\"assay_id\":1,\"revisions\":3}").status
                    == 400)
            // At creation it is said what there is to look at.
            let second = try await client.ask("assays/create", Self.request(name: "\"more\""))
            #expect(try second["complete_windows"].integer() == 2)
            #expect(try second["records_in_windows"].integer() == 4)
            #expect(try second["data_start"].string() == "2024-01-09T19:00:00Z")
            #expect(try second["data_end"].string() == "2024-01-09T19:02:10Z")
            #expect(try listed["last_run"].string() == "2024-01-09T19:02:05+00:00")
            #expect(try listed["next_run"].string() == "2024-01-09T19:03:00+00:00")
        }
    }

    // MARK: Records

    @Test(
        "the records behind a baseline come oldest first, as many as were asked for, chosen by time and model"
    )
    func baselineRecords() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            func row(_ second: Int, _ model: String) -> String {
                """
                {"time":\(1_704_826_800_000 + second * 1000),"out.y":\(second),\
                "metadata.last_model":"{\\"model_name\\":\\"\(model)\\",\\"model_sha\\":\\"00\\"}"}
                """
            }
            try await client.append("[\(row(3, "new")),\(row(1, "old"))]")
            try await client.append("[\(row(2, "old")),\(row(0, "old"))]", partition: "b")
            func ys(_ more: String) async throws -> [Int] {
                try await client.ask("assays/get_baseline", "{\"pipeline_name\":\"fraud\"\(more)}").array()
                    .map { try $0["out.y"].integer() }
            }
            #expect(try await ys("") == [0, 1, 2, 3])
            for limit in 1...5 { #expect(try await ys(",\"limit\":\(limit)") == Array((0..<min(4, limit)))) }
            #expect(
                try await ys(",\"start\":\"2024-01-09T19:00:01Z\",\"end\":\"2024-01-09T19:00:03Z\"") == [
                    1, 2,
                ])
            #expect(try await ys(",\"start\":\"2024-01-09T19:00:01.000001Z\"") == [2, 3])
            #expect(try await ys(",\"model_name\":\"old\",\"limit\":2") == [0, 1])
            #expect(try await ys(",\"model_name\":\"nobody\"") == [])
            #expect(try await ys(",\"workspace_id\":1,\"next\":null") == [0, 1, 2, 3])
        }
    }

    @Test("two pipelines of one name have each their own assays and records")
    func twoPipelines() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.ask("workspaces/create", "{\"workspace_name\":\"other\"}")
            try await client.ask("pipelines/create", "{\"pipeline_id\":\"fraud\",\"workspace_id\":2}")
            try await client.append([(0, 1)])
            _ = try await client.post(
                "/v1/logs/topic/workspace-2-pipeline-fraud-inference/partition/engine",
                "[{\"time\":1704826800000,\"out.y\":7},{\"time\":1704826801000,\"out.y\":8}]")
            for (workspace, count) in [(1, 1), (2, 2)] {
                let body =
                    "{\"summarizer\":\(Self.summarizer),\"baseline\":\(Self.fixed.replacing("\"workspace_id\":1", with: "\"workspace_id\":\(workspace)"))}"
                #expect(try await client.ask("assays/summarize", body)["count"].integer() == count)
                #expect(
                    try await client.ask(
                        "assays/get_baseline", "{\"pipeline_name\":\"fraud\",\"workspace_id\":\(workspace)}"
                    ).array().count == count)
            }
            let refused = try await client.refused("assays/get_baseline", "{\"pipeline_name\":\"fraud\"}")
            #expect(refused.status == 400 && refused.message.contains("give \"workspace_id\" as well"))
        }
    }

    // MARK: Refusals

    static let badRequests: [(endpoint: String, body: String, message: String)] = [
        ("summarize", "{", "malformed JSON at byte 1"), ("summarize", "[]", "the request must be an object"),
        ("summarize", "{}", "field \"summarizer\" is missing"),
        ("summarize", "{\"summarizer\":{},\"baseline\":{}}", "field \"baseline\" has no kind"),
        (
            "summarize", "{\"summarizer\":{},\"baseline\":{\"vector\":[]}}",
            "field \"baseline.vector\" holds no number"
        ),
        (
            "summarize", "{\"summarizer\":{},\"baseline\":{\"vector\":[\"1\"]}}",
            "field \"baseline.vector[0]\""
        ),
        (
            "summarize", "{\"summarizer\":{},\"baseline\":{\"vector\":[1e999]}}",
            "field \"baseline.vector[0]\""
        ),
        (
            "summarize", "{\"summarizer\":{\"num_bins\":0},\"baseline\":{\"vector\":[1]}}",
            "field \"summarizer.num_bins\""
        ),
        (
            "summarize", "{\"summarizer\":{\"metric\":\"KL\"},\"baseline\":{\"vector\":[1]}}",
            "field \"summarizer.metric\""
        ),
        (
            "summarize",
            "{\"summarizer\":\(summarizer),\"baseline\":\(fixed.replacing("1 minute", with: "banana"))}",
            "field \"baseline.fixed_window.width\""
        ),
        (
            "summarize",
            "{\"summarizer\":\(summarizer),\"baseline\":\(fixed.replacing("output y", with: "banana"))}",
            "field \"baseline.fixed_window.path\""
        ),
        (
            "summarize",
            "{\"summarizer\":\(summarizer),\"baseline\":\(fixed.replacing("output y", with: "output z 3"))}",
            "field \"path\" is \"output z 3\""
        ),
        (
            "summarize",
            "{\"summarizer\":\(summarizer),\"baseline\":\(fixed.replacing("2024-01-09T14", with: "2023-01-09T14"))}",
            "no inferences for output y of pipeline \"fraud\" between 2023-01-09T19:00:00Z and"
        ),
        (
            "summarize",
            "{\"summarizer\":\(summarizer),\"baseline\":\(fixed.replacing("\"width\":\"1 minute\"", with: "\"end\":\"2024-01-09T18:00:00Z\""))}",
            "field \"baseline.fixed_window.end\""
        ),
        (
            "summarize",
            "{\"summarizer\":\(summarizer),\"baseline\":\(fixed.replacing("\"fraud\"", with: "\"nope\""))}",
            "field \"pipeline_name\" is \"nope\""
        ),
        (
            "summarize",
            "{\"summarizer\":\(summarizer),\"baseline\":\(fixed.replacing("\"workspace_id\":1", with: "\"workspace_id\":9"))}",
            "field \"workspace_id\" is 9"
        ),
        ("create", request(name: "null"), "field \"name\""),
        ("create", request(name: "\"\""), "field \"name\" is empty"),
        ("create", request(name: "\"taken\""), "which assay 1 of this workspace is called already"),
        ("create", request(more: ",\"pipeline_id\":\"1\""), "field \"pipeline_id\" must be an integer"),
        ("create", request(more: ",\"pipeline_id\":7"), "field \"pipeline_id\" is 7"),
        (
            "create", request(more: ",\"pipeline_name\":\"other\""),
            "field \"pipeline_name\" is \"other\", but pipeline 1"
        ),
        ("create", request(more: ",\"workspace_id\":9"), "field \"workspace_id\" is 9"),
        ("create", request(more: ",\"active\":\"yes\""), "field \"active\" must be true or false"),
        ("create", request(more: ",\"alert_threshold\":\"high\""), "field \"alert_threshold\""),
        ("create", request(more: ",\"run_until\":\"tomorrow\""), "field \"run_until\""),
        (
            "create", request(window: window.replacing("\"1 minute\"", with: "\"banana\"")),
            "field \"window.width\""
        ),
        (
            "create", request(window: window.replacing("\"1 minute\"", with: "\"0 minutes\"")),
            "field \"window.width\""
        ),
        (
            "create", request(window: window.replacing("\"1 minutes\"", with: "\"-1 minutes\"")),
            "field \"window.interval\""
        ),
        (
            "create", request(window: window.replacing("output y", with: "outputs 0 0")),
            "field \"window.path\""
        ),
        ("create", request(window: window.replacing("[]", with: "[1]")), "field \"window.locations[0]\""),
        ("create", request(window: "null"), "field \"window\""),
        ("create", request(baseline: "{\"static\":{}}"), "field \"baseline.static"),
        ("create", request(baseline: "{\"vector\":[1],\"static\":{}}"), "give exactly one of"),
        (
            "run_interactive", request(window: window.replacing("output y", with: "output z")),
            "field \"path\" is \"output z\""
        ),
        ("run_interactive", request(baseline: "{}"), "field \"baseline\""),
        ("run_interactive", "{}", "is missing"),
        ("run_interactive_baseline", request(more: ",\"pipeline_id\":7"), "field \"pipeline_id\" is 7"),
        ("list", "{\"pipeline_id\":\"1\"}", "field \"pipeline_id\" must be an integer"),
        ("list", "{\"workspace_name\":\"nope\"}", "field \"workspace_name\" is \"nope\""),
        ("set_active", "{\"id\":9,\"active\":true}", "there is no assay 9"),
        ("set_active", "{\"id\":1}", "field \"active\" is missing"),
        ("set_active", "{\"active\":true}", "field \"id\" is missing"),
        ("get_assay_results", "{\"assay_id\":9}", "there is no assay 9"),
        ("get_assay_results", "{}", "field \"assay_id\" is missing"),
        ("get_results", "{\"assay_id\":1,\"limit\":0}", "field \"limit\" is 0"),
        (
            "get_results", "{\"assay_id\":1,\"pipeline_id\":2}",
            "field \"pipeline_id\" is 2, but assay 1 watches pipeline 1"
        ),
        (
            "get_results",
            "{\"assay_id\":1,\"start\":\"2024-01-09T19:00:00Z\",\"end\":\"2024-01-09T18:00:00Z\"}",
            "field \"end\" is before"
        ),
        ("get_results", "{\"assay_id\":1,\"start\":5}", "field \"start\" must be a string"),
        ("get_baseline", "{}", "field \"pipeline_name\" is missing"),
        (
            "get_baseline", "{\"pipeline_name\":\"nope\"}",
            "field \"pipeline_name\" is \"nope\", and there is no such pipeline"
        ),
        (
            "get_baseline", "{\"pipeline_name\":\"fraud\",\"workspace_id\":9}",
            "there is no such pipeline in workspace 9"
        ),
        ("get_baseline", "{\"pipeline_name\":\"fraud\",\"limit\":-3}", "field \"limit\" is -3"),
        (
            "get_baseline", "{\"pipeline_name\":\"fraud\",\"limit\":\"3\"}",
            "field \"limit\" must be an integer"
        ),
        ("get_baseline", "{\"pipeline_name\":\"fraud\",\"start\":\"yesterday\"}", "field \"start\""),
    ]

    @Test("what cannot be meant is a 400 that names the field, and nothing is stored")
    func refusals() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.ask("assays/create", Self.request(name: "\"taken\""))
            try await client.append([(0, 1)])
            client.clock.advance(300)
            let cut = client.store.log.cut
            for (endpoint, body, message) in Self.badRequests {
                let refused = try await client.refused("assays/\(endpoint)", body)
                #expect(refused.status == 400, "\(endpoint) \(body)")
                #expect(refused.message.contains(message), "\(endpoint) \(body): \(refused.message)")
            }
            #expect(client.store.log.cut == cut)
        }
    }
}
