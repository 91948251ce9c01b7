// Checked here: assays that are created over HTTP, found again, filtered, switched, how far behind they are, and
// their results, with the keys in the recorded order and their nulls.

import Assays
import HTTPTypes
import JSON
import Records
import Store
import StoreSupport
import Testing

@testable import HTTPAPI

@Suite("Assays stored over HTTP")
struct StoredAssayRoutesTests {
    // MARK: Found again

    @Test("one assay is told whole, with what its client needs to be there")
    func getByID() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.ask("assays/create", AssayRequests.request())
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
                #expect(AssayRequests.keys(assay).filter { $0 != "created_at" } == AssayRequests.keys(listed))
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
            try await client.ask("assays/create", AssayRequests.request(name: "\"Watch one\""))
            await AssayRequests.tick(client)
            client.clock.advance(60)
            try await client.ask(
                "assays/create",
                AssayRequests.request(
                    name: "\"other\"",
                    window: AssayRequests.window.replacing(
                        "\"locations\":[]", with: "\"locations\":[\"engine\"]")))
            try await client.ask("assays/set_active", "{\"id\":2,\"active\":false}")
            try await client.ask("assays/create", AssayRequests.request(name: "\"third\""))
            try await client.ask("assays/set_active", "{\"id\":3,\"active\":false}")
            await AssayRequests.tick(client)
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
                AssayRequests.keys(rows[0]) == [
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
                    AssayRequests.request(more: ",\"run_until\":\"2024-01-09T19:09:34.063643+00:00\"")
                ).text == "{\"assay_id\":1,\"complete_windows\":0,\"records_in_windows\":0,"
                    + "\"data_start\":null,\"data_end\":null}")
            #expect(
                try await client.post(
                    "/v1/api/assays/create",
                    AssayRequests.request(
                        name: "\"second\"", baseline: AssayRequests.fixed,
                        window: AssayRequests.window.replacing(
                            "\"model_name\":null", with: "\"model_name\":\"m\""))
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
            try await client.ask("assays/create", AssayRequests.request())
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
            try await client.ask("assays/create", AssayRequests.request())
            try await client.append([(0, 1), (10, 4), (70, 9), (130, 9)])
            client.clock.advance(125)
            await AssayRequests.tick(client)
            let answer = try await client.post(
                "/v1/api/assays/get_assay_results",
                """
                {"assay_id":1,"start":"2024-01-09T19:00:00+00:00","end":"2024-01-09T19:02:05+00:00"}
                """)
            let rows = try answer.json.array()
            #expect(rows.count == 2)
            #expect(
                AssayRequests.keys(rows[0]) == [
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
            let interactive = try await client.ask(
                "assays/run_interactive", AssayRequests.request(more: ",\"id\":1")
            )
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
            await AssayRequests.tick(client)
            client.clock.advance(6)
            await AssayRequests.tick(client)
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
            let second = try await client.ask("assays/create", AssayRequests.request(name: "\"more\""))
            #expect(try second["complete_windows"].integer() == 2)
            #expect(try second["records_in_windows"].integer() == 4)
            #expect(try second["data_start"].string() == "2024-01-09T19:00:00Z")
            #expect(try second["data_end"].string() == "2024-01-09T19:02:10Z")
            #expect(try listed["last_run"].string() == "2024-01-09T19:02:05+00:00")
            #expect(try listed["next_run"].string() == "2024-01-09T19:03:00+00:00")
        }
    }

    // MARK: Assays that would never say anything

    // The answer counted 720 windows, and nothing was ever decided.
    @Test("a path that no record has is said at creation, with all windows counted, and is no refusal")
    func unknownPath() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            let keys = ["assay_id", "complete_windows", "records_in_windows", "data_start", "data_end"]
            func create(_ name: String, baseline: String, path: String) async throws -> JSONField {
                try await client.ask(
                    "assays/create",
                    AssayRequests.request(
                        name: "\"\(name)\"", baseline: baseline,
                        window: AssayRequests.window.replacing("output y", with: path)))
            }
            let vector = "{\"vector\":[1,2,3]}"
            let sliding = "{\"sliding_window\":{\"window\":\(AssayRequests.window),\"offset\":\"1 minute\"}}"
            // Before any record is there, no path is known.
            let early = try await create("early", baseline: vector, path: "output yy")
            #expect(AssayRequests.keys(early) == keys)
            try await client.append([(0, 1), (10, 4), (70, 9)])
            client.clock.advance(300)
            let known = try await create("known", baseline: sliding, path: "output y")
            #expect(AssayRequests.keys(known) == keys)
            let window = try await create("window", baseline: vector, path: "output yy")
            #expect(AssayRequests.keys(window) == keys + ["coverage_problem"])
            #expect(try window["complete_windows"].integer() == 2)
            #expect(
                try window["coverage_problem"].string().hasPrefix("field \"window.path\" is \"output yy\""))
            let baseline = try await create(
                "baseline", baseline: sliding.replacing("output y", with: "output yy"), path: "output yy")
            #expect(AssayRequests.keys(baseline) == keys + ["coverage_problem", "baseline_problem"])
            #expect(
                try baseline["baseline_problem"].string().hasPrefix(
                    "field \"baseline.sliding_window.window.path\" is \"output yy\""))
        }
    }

    // "The pipeline has none yet", it was said, where it had records of other models or from elsewhere.
    @Test("a model and a location that no record has are named, in windows and in baselines")
    func unknownFilters() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            let vector = "{\"vector\":[1,2,3]}"
            let fixed = AssayRequests.fixed.replacing("\"locations\":[]", with: "\"locations\":null")
            let window = AssayRequests.window.replacing("\"locations\":[]", with: "\"locations\":null")
            func changed(_ text: String, _ change: String) -> String {
                text.replacing("\"model_name\":null,", with: "").replacing("\"locations\":null", with: change)
            }
            func create(_ name: String, _ baseline: String, _ window: String) async throws -> JSONField {
                try await client.ask(
                    "assays/create",
                    AssayRequests.request(name: "\"\(name)\"", baseline: baseline, window: window))
            }
            let (model, place) = ("\"model_name\":\"nobody\"", "\"locations\":[\"mars\",\"moon\"]")
            // Before any record is there, nobody knows them.
            let early = try await create("early", vector, changed(window, model))
            #expect(!early["coverage_problem"].isPresent)
            try await client.append(
                "[{\"time\":1704826800000,\"out.y\":1,"
                    + "\"metadata.last_model\":\"{\\\"model_name\\\":\\\"m\\\",\\\"model_sha\\\":\\\"0\\\"}\"}]"
            )
            client.clock.advance(300)
            for (name, change, field, problem) in [
                ("model", model, "model_name", " is \"nobody\", and no record of pipeline \"fraud\""),
                (
                    "place", place, "locations",
                    " names mars, moon, and no record of pipeline \"fraud\" is from there; those that there are "
                        + "come from engine"
                ),
            ] {
                let told = try await create(name, vector, changed(window, change))
                #expect(
                    try told["coverage_problem"].string().hasPrefix("field \"window.\(field)\"" + problem))
                // From a place that is not connected yet records may come; of no other model in the past.
                let body = AssayRequests.request(
                    name: "\"\(name) past\"", baseline: changed(fixed, change),
                    window: changed(window, change))
                let answer = try await client.post("/v1/api/assays/create", body)
                let member = answer.status == 400 ? "msg" : "baseline_problem"
                #expect(answer.status == (name == "model" ? 400 : 200))
                #expect(
                    try answer.json[member].string().contains(
                        "field \"baseline.fixed_window.\(field)\"" + problem),
                    "\(answer.text)")
            }
            let known = try await create(
                "known", vector, changed(window, "\"model_name\":\"m\",\"locations\":[\"engine\"]"))
            #expect(!known["coverage_problem"].isPresent)
        }
    }

    @Test("edges that are given and compared never differ, which is said at creation")
    func sameEdges() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            func told(_ name: String, _ mode: String, _ edges: String, _ aggregation: String) async throws
                -> Bool
            {
                let summarizer = AssayRequests.summarizer.replacing("Density", with: aggregation)
                    .replacing("Quantile", with: mode)
                    .replacing("\"provided_edges\":null", with: "\"provided_edges\":\(edges)")
                return try await client.ask(
                    "assays/create", AssayRequests.request(name: "\"\(name)\"", summarizer: summarizer)
                )["summarizer_problem"].isPresent
            }
            #expect(try await told("a", "Provided", "[0,2,4]", "Edges"))
            #expect(try await !told("b", "Provided", "[2,4]", "Edges"))
            #expect(try await !told("c", "Provided", "[0,2,4]", "Density"))
            #expect(try await !told("d", "Quantile", "null", "Edges"))
            let answer = try await client.post(
                "/v2/api/assays/schedule",
                SeriesRoutesTests.body(
                    "\"name\":\"e\",",
                    summarizer: SeriesRoutesTests.summarizer.replacing("Density", with: "Edges")
                        .replacing("{\"Quantile\":2}", with: "{\"Provided\":[2,\"INFINITY\"]}")))
            #expect(
                answer.headers[.assayCoverage]?.contains("\"summarizer_problem\":") == true, "\(answer.text)")
        }
    }

    @Test("a baseline of a period that is over and holds no numbers is refused; one that may get some is not")
    func emptyBaseline() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            func request(_ name: String, _ start: String, _ path: String = "output y") -> String {
                AssayRequests.request(
                    name: "\"\(name)\"",
                    baseline: AssayRequests.fixed.replacing("2024-01-09T14:00:00-05:00", with: start)
                        .replacing("output y", with: path),
                    window: AssayRequests.window.replacing("output y", with: path))
            }
            // The pipeline has no record yet: its past may be on the way.
            let early = try await client.ask("assays/create", request("early", "2024-01-09T18:00:00Z"))
            #expect(
                try early["baseline_problem"].string().hasSuffix("the pipeline has none yet: send some first")
            )
            try await client.append(
                "[{\"time\":1704826800000,\"out.y\":null,\"out.x\":1},{\"time\":1704826870000,\"out.y\":2}]")
            client.clock.advance(300)
            let cut = client.store.log.cut
            for (body, part) in [
                (
                    request("past", "2024-01-09T18:00:00Z"),
                    "no inferences for output y of pipeline \"fraud\" between 2024-01-09T18:00:00Z and "
                        + "2024-01-09T18:01:00Z: field \"baseline\" must name a period with records, and those "
                        + "of the pipeline are from 2024-01-09T19:00:00Z to 2024-01-09T19:01:10Z"
                ),
                (
                    request("null", "2024-01-09T19:00:00Z"),
                    "field \"baseline.fixed_window\" is refused: The baseline holds no numbers (1 null or NaN)"
                ),
                (request("path", "2024-01-09T19:00:00Z", "output w"), "is \"output w\", and no record"),
            ] {
                let refused = try await client.refused("assays/create", body)
                #expect(refused.status == 400 && refused.message.contains(part), "\(refused)")
            }
            #expect(client.store.log.cut == cut)
            // Numbers there, and a period that goes on.
            let good = try await client.ask("assays/create", request("good", "2024-01-09T19:01:00Z"))
            #expect(!good["baseline_problem"].isPresent)
            let open = try await client.ask("assays/create", request("open", "2024-01-09T19:04:30Z"))
            #expect(
                try open["baseline_problem"].string().hasPrefix(
                    "the baseline's period ends at 2024-01-09T19:05:30Z, after windows begin"))
        }
    }
}
