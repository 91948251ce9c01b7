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
                ("{}", "id"), ("{\"id\":7}", "no assay 7"),
                (
                    "{\"id\":1,\"workspace_id\":2}",
                    "field \"workspace_id\" is 2, but assay 1 is not in it; give the assay's own, or leave it out"
                ),
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
            // Part of every name, and of none.
            #expect(try await found(",\"name\":\"\"") == [3, 2, 1])
            #expect(try await found(",\"name\":\"watches\"") == [])
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
            // A clock that went back to where the second window is not over: it was decided too early, and is not there yet.
            client.clock.advance(-10)
            for body in ["{\"assay_id\":1}", "{\"assay_id\":1,\"revisions\":\"all\"}"] {
                let early = try await client.ask("assays/get_assay_results", body).array()
                #expect(try early.map { try $0["id"].integer() } == [1], "\(body)")
            }
            client.clock.advance(5)
            #expect(try await client.ask("assays/get_results", "{\"assay_id\":1}").array().count == 2)
            client.clock.advance(5)
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
            // The clock had been ahead: a pass that has not been yet is not told.
            func told() async throws -> [JSONValue?] {
                let assay = try await client.ask("assays/get_assay_by_id", "{\"id\":1}")
                return [assay["status"].value, assay["last_run"].value]
            }
            let newest = try await told()
            client.clock.advance(-10)
            #expect(try await told() == [.string("created"), .null])
            client.clock.advance(10)
            #expect(try await told() == newest && newest[1] != .null)
        }
    }
}
