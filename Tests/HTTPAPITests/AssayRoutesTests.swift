// Checked here: what assays are asked and answer at once, with its keys in the recorded order and its nulls; over
// records that were appended, so that no library is needed. Stored assays and refusals have files of their own.

import Assays
import HTTPTypes
import JSON
import Records
import Store
import Testing

@testable import HTTPAPI

@Suite("Assays asked over HTTP")
struct AssayRoutesTests {
    @Test("a fixed window is summarised in the recorded shape, its end worked out")
    func summarize() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.append([(0, 4), (10, 1), (20, 2), (59.999, 3), (60, 100)])
            let answer = try await client.post(
                "/v1/api/assays/summarize",
                "{\"summarizer\":\(AssayRequests.summarizer),\"baseline\":\(AssayRequests.fixed)}")
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
                "{\"summarizer\":\(AssayRequests.summarizer),\"baseline\":{\"vector\":[3,null,1]}}")
            #expect(AssayRequests.keys(vector) == AssayRequests.summaryKeys + ["missing_count"])
            #expect(vector["start"].value == .null && vector["end"].value == .null)
            try await client.append([(0, 4), (1, 5), (2, 6)])
            let milliseconds = try await client.ask(
                "assays/summarize",
                "{\"summarizer\":\(AssayRequests.summarizer),\"baseline\":\(AssayRequests.fixed.replacing("1 minute", with: "1048 ms"))}"
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
            let body = AssayRequests.request(baseline: AssayRequests.fixed, more: ",\"paths\":\"all\"")
            let answer = try await client.post("/v1/api/assays/run_interactive", body)
            try #require(answer.status == 200, "\(answer.text)")
            let lines = try answer.text.split(separator: "\n").map { try JSONValue(parsing: Array($0.utf8)) }
            #expect(lines.count >= 2)
            #expect(lines[0]["path"] == .string("output y") && lines[0]["noise"] != nil)
            let last = try #require(lines.last)
            #expect(last["windows"] == .integer(lines.count - 1))
            guard case .array(let ranking)? = last["ranking"] else {
                Issue.record("no ranking: \(last)")
                return
            }
            #expect(ranking.map { $0["path"] } == [.string("output y")])
            let refused = try await client.refused(
                "assays/run_interactive", AssayRequests.request(more: ",\"paths\":[\"output y\"]"))
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
                "/v1/api/assays/run_interactive", AssayRequests.request(more: ",\"id\":9"))
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
                AssayRequests.keys(rows[0]) == [
                    "id", "assay_id", "window_start", "analyzed_at", "elapsed_millis", "pipeline_id",
                    "baseline_summary", "window_summary", "warning_threshold", "alert_threshold", "score",
                    "scores", "bin_index", "summarizer", "status", "created_at",
                    "noise",
                ])
            #expect(AssayRequests.keys(rows[0]["window_summary"]) == AssayRequests.summaryKeys)
            #expect(
                AssayRequests.keys(rows[0]["summarizer"]) == [
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
            let unnamed = try await client.ask("assays/run_interactive", AssayRequests.request(name: "null"))
            #expect(try unnamed.array()[0]["assay_id"].value == .null)
        }
    }

    @Test("a baseline run answers one object")
    func runInteractiveBaseline() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            let run = try await client.ask("assays/run_interactive_baseline", AssayRequests.request())
            #expect(try run["status"].string() == "BaselineRun")
            #expect(try run["score"].double() == 0)
            #expect(run["scores"].value?.text == "[0.0,0.0,0.0,0.0]")
            #expect(
                run["window_summary"]["edge_names"].value?.text
                    == "[\"left_outlier\",\"e_2.00e0\",\"e_4.00e0\",\"right_outlier\"]")
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

    // They were passed over.
    @Test("the records behind a baseline are those of the locations that were named, as in an assay's window")
    func baselineLocations() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.append([(0, 0), (3, 3)])
            try await client.append([(2, 2)], partition: "b")
            func ys(_ locations: String, _ more: String = "") async throws -> [Int] {
                try await client.ask(
                    "assays/get_baseline", "{\"pipeline_name\":\"fraud\",\"locations\":\(locations)\(more)}"
                ).array().map { try $0["out.y"].integer() }
            }
            // Where no location is known, everything is home.
            for all in ["null", "[]", "[\"b\",\"engine\"]"] { #expect(try await ys(all) == [0, 2, 3]) }
            #expect(try await ys("[\"b\"]") == [2])
            #expect(try await ys("[\"nowhere\"]") == [])
            try await client.append(
                "[{\"time\":1704826801000,\"out.y\":1}]", partition: "edge", query: "?edge=true")
            #expect(try await ys("[]") == [0, 2, 3])
            #expect(try await ys("null") == [0, 1, 2, 3])
            #expect(try await ys("[\"edge\",\"engine\"]") == [0, 1, 3])
            #expect(try await ys("[\"engine\",\"edge\"]", ",\"next\":{\"edge\":1}") == [3])
            for wrong in ["\"b\"", "[1]"] {
                let answer = try await client.post(
                    "/v1/api/assays/get_baseline", "{\"pipeline_name\":\"fraud\",\"locations\":\(wrong)}")
                #expect(answer.status == 400 && answer.text.contains("locations"), "\(answer.text)")
            }
        }
    }

    // `next` was passed over, and the answer stopped at a thousand without a word.
    @Test(
        "the records behind a baseline come in pages, each once, and the last page says that it is the last")
    func baselinePages() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            // Neither partition is in the order of time, and some records share a moment.
            try await client.append([(3, 3), (1, 1), (1, 10), (7, 7)])
            try await client.append([(6, 6), (1, 11), (0, 0)], partition: "b")
            for limit in 1...8 {
                var (told, next, pageCount) = ([Int](), "null", 0)
                while true {
                    let answer = try await client.post(
                        "/v1/api/assays/get_baseline",
                        "{\"pipeline_name\":\"fraud\",\"limit\":\(limit),\"next\":\(next)}")
                    try #require(answer.status == 200, "\(answer.text)")
                    told += try answer.json.array().map { try $0["out.y"].integer() }
                    pageCount += 1
                    let text = try #require(answer.headers[.iterationStatus])
                    let status = JSONField(try JSONValue(parsing: Array(text.utf8)))
                    if try status["status"].string() == "All" {
                        #expect(!status["next"].isPresent)
                        break
                    }
                    try #require(pageCount < 9)
                    next = try #require(status["next"].value).text
                }
                #expect(told == [0, 11, 1, 10, 3, 6, 7], "\(limit)")
                #expect(pageCount == (6 + limit) / limit)
            }
            // Partitions at their beginnings are no place behind a record, as many as they are.
            for next in ["{}", "{\"engine\":0}", "{\"engine\":0,\"b\":0}"] {
                let answer = try await client.post(
                    "/v1/api/assays/get_baseline", "{\"pipeline_name\":\"fraud\",\"next\":\(next)}")
                #expect(try answer.json.array().count == 7, "\(answer.text)")
            }
            let refused = try await client.refused(
                "assays/get_baseline", "{\"pipeline_name\":\"fraud\",\"next\":{\"engine\":1,\"b\":1}}")
            #expect(refused.status == 400 && refused.message.contains("next"))
        }
    }

    // Only rows were bounded: a hundred thousand long ones were one text in memory.
    @Test("the records behind a baseline are bounded by their bytes, and go on behind the last one")
    func baselineBytes() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            // Two reach 32 MiB, so the third is another page's.
            let text = String(repeating: "x", count: 16 << 20)
            for second in 0..<3 {
                try await client.append("[{\"time\":\(1_704_826_800_000 + second),\"in.t\":\"\(text)\"}]")
            }
            func page(_ next: String) async throws -> (rowCount: Int, status: String?) {
                let answer = try await client.post(
                    "/v1/api/assays/get_baseline", "{\"pipeline_name\":\"fraud\",\"next\":\(next)}")
                #expect(answer.status == 200)
                return (answer.text.utf8.count { $0 == UInt8(ascii: "{") }, answer.headers[.iterationStatus])
            }
            let first = try await page("null")
            #expect(first.rowCount == 2)
            #expect(first.status == #"{"status":"ByteLimited","next":{"engine":2}}"#)
            let second = try await page(#"{"engine":2}"#)
            #expect(second.rowCount == 1 && second.status == #"{"status":"All"}"#)
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
                    "{\"summarizer\":\(AssayRequests.summarizer),\"baseline\":\(AssayRequests.fixed.replacing("\"workspace_id\":1", with: "\"workspace_id\":\(workspace)"))}"
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
}
