// Checked here: what assays refuse, by its field, with the remedy; nothing is stored.

import Assays
import HTTPTypes
import JSON
import Records
import Store
import Testing

@testable import HTTPAPI

@Suite("What assays over HTTP refuse")
struct AssayRefusalTests {
    static let badRequests: [(endpoint: String, body: String, message: String)] = [
        ("summarize", "{", "malformed JSON at byte 1"), ("summarize", "[]", "the request must be an object"),
        ("summarize", "{}", "field \"summarizer\" is missing"),
        ("summarize", "{\"summarizer\":{},\"baseline\":{}}", "field \"baseline\" has no kind"),
        (
            "summarize", "{\"summarizer\":{},\"baseline\":{\"vector\":[]}}",
            "field \"baseline.vector\" holds no number"
        ),
        (
            "summarize", "{\"summarizer\":{},\"baseline\":{\"vector\":[null,null]}}",
            "field \"baseline.vector\" holds no number"
        ),
        (
            "summarize",
            "{\"summarizer\":{},\"baseline\":\(AssayRequests.fixed.replacing("14:00:00-05:00", with: "18:59:30Z").replacing("output y", with: "output n"))}",
            "field \"baseline.fixed_window.path\" is \"output n\""
        ),
        (
            "summarize", "{\"summarizer\":{},\"baseline\":{\"vector\":[1,NaN]}}",
            "malformed JSON at byte 41: JSON has no NaN; write null"
        ),
        (
            "summarize", "{\"summarizer\":{},\"baseline\":{\"vector\":[1,-Infinity]}}",
            "JSON has no Infinity; write null"
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
            "{\"summarizer\":{\"num_bins\":2,\"bin_weights\":[1,1,1]},\"baseline\":{\"vector\":[1,2]}}",
            "field \"summarizer.bin_weights\" is refused: bin_weights has 3 numbers; give 4"
        ),
        (
            "summarize",
            "{\"summarizer\":{\"num_bins\":2,\"bin_weights\":[0,0,0,0]},\"baseline\":{\"vector\":[1,2]}}",
            "field \"summarizer.bin_weights\" is refused: bin_weights are all zero; give"
        ),
        (
            "summarize",
            "{\"summarizer\":{\"num_bins\":2,\"bin_weights\":[1,-1,1,1]},\"baseline\":{\"vector\":[1,2]}}",
            "field \"summarizer.bin_weights\" is refused: bin_weights[1] is -1.0; give"
        ),
        (
            "summarize",
            "{\"summarizer\":{\"num_bins\":2,\"bin_mode\":\"Provided\",\"provided_edges\":[1,2,3,4]},\"baseline\":{\"vector\":[1,2]}}",
            "field \"summarizer.provided_edges\" is refused: provided_edges has 4 numbers"
        ),
        (
            "summarize",
            "{\"summarizer\":{\"num_bins\":2,\"bin_mode\":\"Provided\"},\"baseline\":{\"vector\":[1,2]}}",
            "field \"summarizer.provided_edges\" is refused: bin_mode is Provided but"
        ),
        (
            "summarize",
            "{\"summarizer\":{\"num_bins\":3,\"bin_mode\":\"Provided\",\"provided_edges\":[1,3,2]},\"baseline\":{\"vector\":[1,2]}}",
            "field \"summarizer.provided_edges\" has 2.0 after 3.0; give the edges in ascending order"
        ),
        (
            "summarize", "{\"summarizer\":{\"bin_mode\":\"Quartile\"},\"baseline\":{\"vector\":[1,2]}}",
            "field \"summarizer.bin_mode\""
        ),
        (
            "summarize", "{\"summarizer\":{\"aggregation\":\"Sum\"},\"baseline\":{\"vector\":[1,2]}}",
            "field \"summarizer.aggregation\""
        ),
        (
            "summarize", "{\"summarizer\":{\"type\":\"Multivariate\"},\"baseline\":{\"vector\":[1,2]}}",
            "field \"summarizer.type\""
        ),
        (
            "summarize",
            "{\"summarizer\":\(AssayRequests.summarizer),\"baseline\":\(AssayRequests.fixed.replacing("1 minute", with: "banana"))}",
            "field \"baseline.fixed_window.width\""
        ),
        (
            "summarize",
            "{\"summarizer\":\(AssayRequests.summarizer),\"baseline\":\(AssayRequests.fixed.replacing("output y", with: "banana"))}",
            "field \"baseline.fixed_window.path\""
        ),
        (
            "summarize",
            "{\"summarizer\":\(AssayRequests.summarizer),\"baseline\":\(AssayRequests.fixed.replacing("output y", with: "output z 3"))}",
            "field \"baseline.fixed_window.path\" is \"output z 3\""
        ),
        (
            "summarize",
            "{\"summarizer\":\(AssayRequests.summarizer),\"baseline\":\(AssayRequests.fixed.replacing("2024-01-09T14", with: "2023-01-09T14"))}",
            "no inferences for output y of pipeline \"fraud\" between 2023-01-09T19:00:00Z and"
        ),
        (
            "summarize",
            "{\"summarizer\":\(AssayRequests.summarizer),\"baseline\":\(AssayRequests.fixed.replacing("\"width\":\"1 minute\"", with: "\"end\":\"2024-01-09T18:00:00Z\""))}",
            "field \"baseline.fixed_window.end\""
        ),
        (
            "summarize",
            "{\"summarizer\":\(AssayRequests.summarizer),\"baseline\":\(AssayRequests.fixed.replacing("\"fraud\"", with: "\"nope\""))}",
            "field \"pipeline_name\" is \"nope\""
        ),
        (
            "summarize",
            "{\"summarizer\":\(AssayRequests.summarizer),\"baseline\":\(AssayRequests.fixed.replacing("\"workspace_id\":1", with: "\"workspace_id\":9"))}",
            "field \"workspace_id\" is 9"
        ),
        (
            "summarize", "{\"summarizer\":{\"num_bin\":3},\"baseline\":{\"vector\":[1,2]}}",
            "field \"summarizer.num_bin\" is not known; there is \"type\", \"bin_mode\""
        ),
        (
            "create", AssayRequests.request(more: ",\"alert_threshold\":-0.1"),
            "field \"alert_threshold\" is -0.1, and no score is below 0"
        ),
        (
            "run_interactive", AssayRequests.request(more: ",\"warning_threshold\":-1"),
            "field \"warning_threshold\" is -1.0, and no score is below 0"
        ),
        (
            "create",
            AssayRequests.request(
                baseline: AssayRequests.fixed.replacing("output y", with: "output y 0"),
                window: AssayRequests.window.replacing("\"model_name\":null,", with: "")),
            "field \"window.path\" is \"output y\", and the baseline's is \"output y 0\""
        ),
        ("create", AssayRequests.request(name: "null"), "field \"name\""),
        ("create", AssayRequests.request(name: "\"\""), "field \"name\" is empty"),
        (
            "create", AssayRequests.request(name: "\"taken\""),
            "which assay 1 of this workspace is called already"
        ),
        (
            "create", AssayRequests.request(more: ",\"pipeline_id\":\"1\""),
            "field \"pipeline_id\" must be an integer"
        ),
        ("create", AssayRequests.request(more: ",\"pipeline_id\":7"), "field \"pipeline_id\" is 7"),
        (
            "create", AssayRequests.request(more: ",\"pipeline_name\":\"other\""),
            "field \"pipeline_name\" is \"other\", but pipeline 1"
        ),
        ("create", AssayRequests.request(more: ",\"workspace_id\":9"), "field \"workspace_id\" is 9"),
        (
            "create", AssayRequests.request(more: ",\"active\":\"yes\""),
            "field \"active\" must be true or false"
        ),
        ("create", AssayRequests.request(more: ",\"alert_threshold\":\"high\""), "field \"alert_threshold\""),
        ("create", AssayRequests.request(more: ",\"run_until\":\"tomorrow\""), "field \"run_until\""),
        (
            "create",
            AssayRequests.request(window: AssayRequests.window.replacing("\"1 minute\"", with: "\"banana\"")),
            "field \"window.width\""
        ),
        (
            "create",
            AssayRequests.request(
                window: AssayRequests.window.replacing("\"1 minute\"", with: "\"0 minutes\"")),
            "field \"window.width\""
        ),
        (
            "create",
            AssayRequests.request(
                window: AssayRequests.window.replacing("\"1 minutes\"", with: "\"-1 minutes\"")),
            "field \"window.interval\""
        ),
        (
            "create",
            AssayRequests.request(window: AssayRequests.window.replacing("output y", with: "outputs 0 0")),
            "field \"window.path\""
        ),
        (
            "create", AssayRequests.request(window: AssayRequests.window.replacing("[]", with: "[1]")),
            "field \"window.locations[0]\""
        ),
        ("create", AssayRequests.request(window: "null"), "field \"window\""),
        ("create", AssayRequests.request(baseline: "{\"static\":{}}"), "field \"baseline.static"),
        ("create", AssayRequests.request(baseline: "{\"vector\":[1],\"static\":{}}"), "give exactly one of"),
        (
            "run_interactive",
            AssayRequests.request(window: AssayRequests.window.replacing("output y", with: "output z")),
            "field \"window.path\" is \"output z\""
        ),
        ("run_interactive", AssayRequests.request(baseline: "{}"), "field \"baseline\""),
        (
            "run_interactive",
            AssayRequests.request(
                baseline:
                    "{\"sliding_window\":{\"window\":\(AssayRequests.window.replacing("output y", with: "output z")),\"offset\":\"1 minute\"}}"
            ),
            "field \"window.path\" is \"output y\", and the baseline's is \"output z\"; name the same path in both"
        ),
        (
            "create",
            AssayRequests.request(
                baseline: AssayRequests.fixed.replacing("2024-01-09T14", with: "2023-01-09T14")),
            "no inferences for output y of pipeline \"fraud\" between 2023-01-09T19:00:00Z and"
        ),
        (
            // A baseline of an hour that begins a minute before its window of a minute.
            "create",
            AssayRequests.request(
                baseline:
                    "{\"sliding_window\":{\"window\":\(AssayRequests.window.replacing("1 minute", with: "1 hour")),\"offset\":\"1 minute\"}}"
            ), "field \"baseline.sliding_window.offset\" lets the baseline, 1 hour wide, end after the window"
        ),
        (
            "get_assay_results", "{\"assay_id\":1,\"workspace_id\":7}",
            "field \"workspace_id\" is 7, but assay 1 is not in it; give the assay's own"
        ),
        ("run_interactive", "{}", "is missing"),
        (
            "run_interactive_baseline", AssayRequests.request(more: ",\"pipeline_id\":7"),
            "field \"pipeline_id\" is 7"
        ),
        ("list", "{\"pipeline_id\":\"1\"}", "field \"pipeline_id\" must be an integer"),
        ("list", "{\"workspace_name\":\"nope\"}", "field \"workspace_name\" is \"nope\""),
        (
            "list", "{\"workspace_name\":\"nope\",\"workspace_id\":1}",
            "field \"workspace_name\" is \"nope\", and there is no such workspace"
        ),
        (
            "list", "{\"workspace_name\":\"risk\",\"workspace_id\":7}",
            "field \"workspace_name\" is \"risk\", which is workspace 1, and \"workspace_id\" is 7"
        ),
        ("set_active", "{\"id\":9,\"active\":true}", "field \"id\" is 9, and there is no assay 9"),
        ("set_active", "{\"id\":1}", "field \"active\" is missing"),
        ("set_active", "{\"active\":true}", "field \"id\" is missing"),
        ("get_assay_results", "{\"assay_id\":9}", "field \"assay_id\" is 9, and there is no assay 9"),
        ("get_assay_results", "{}", "field \"assay_id\" is missing"),
        ("get_results", "{\"assay_id\":1,\"limit\":0}", "field \"limit\" is 0"),
        (
            "get_results", "{\"assay_id\":1,\"pipeline_id\":2}",
            "field \"pipeline_id\" is 2, but assay 1 watches pipeline 1; give that, or leave it out"
        ),
        (
            "get_results",
            "{\"assay_id\":1,\"start\":\"2024-01-09T19:00:00Z\",\"end\":\"2024-01-09T18:00:00Z\"}",
            "field \"end\" is before \"start\"; exchange them, or give a later one"
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
        ("get_baseline", "{\"pipeline_name\":\"fraud\",\"next\":{\"engine\":-1}}", "field \"next.engine\""),
        (
            "get_baseline", "{\"pipeline_name\":\"fraud\",\"next\":{\"a\":1,\"b\":1}}",
            "field \"next\" names 2 partitions"
        ),
        (
            "get_baseline", "{\"pipeline_name\":\"fraud\",\"next\":{\"engine\":2}}",
            "field \"next\" is behind record 1 of partition \"engine\", which is not there; send what"
        ),
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
            try await client.ask("assays/create", AssayRequests.request(name: "\"taken\""))
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

    // Pipeline 2 was watched by its name in workspace 1: its results were of pipeline 1's records.
    @Test("an assay's pipeline, its workspace and its windows' are one, and its results are asked there")
    func workspaces() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.ask("workspaces/create", "{\"workspace_name\":\"other\"}")
            try await client.ask(
                "pipelines/create", "{\"pipeline_id\":\"fraud\",\"workspace_id\":2,\"definition\":{}}")
            let good = AssayRequests.request()
            let second = good.replacing("\"pipeline_id\":1", with: "\"pipeline_id\":2")
            let window = AssayRequests.window
            for (body, message) in [
                (
                    second,
                    "field \"workspace_id\" is 1, but pipeline 2 is in workspace 2; give that, or leave"
                ),
                (
                    good.replacing("\"workspace_id\":1}", with: "\"workspace_id\":2}"),
                    "field \"workspace_id\" is 2, but pipeline 1 is in workspace 1"
                ),
                (
                    good.replacing(
                        "\"workspace_id\":1,\"locations\"", with: "\"workspace_id\":2,\"locations\""),
                    "field \"window.workspace_id\" is 2, but pipeline 1 is in workspace 1"
                ),
                (
                    second.replacing("\"workspace_id\":1}", with: "\"workspace_id\":2}"),
                    "field \"window.workspace_id\" is 1, but pipeline 2 is in workspace 2"
                ),
                (
                    AssayRequests.request(window: window.replacing("\"fraud\"", with: "\"churn\"")),
                    "field \"window.pipeline_name\" is \"churn\", but the assay's pipeline, 1, is called \"fraud\""
                ),
            ] {
                for endpoint in ["create", "run_interactive"] {
                    let refused = try await client.refused("assays/\(endpoint)", body)
                    #expect(
                        refused.status == 400 && refused.message.contains(message), "\(body): \(refused)")
                }
            }
            try await client.ask("assays/create", good)
            for (member, message) in [
                ("\"workspace_id\":2", "field \"workspace_id\" is 2, but assay 1 is not in it; give"),
                (
                    "\"workspace_name\":\"other\"",
                    "field \"workspace_name\" is \"other\", but assay 1 is not in it; give"
                ),
                ("\"workspace_name\":\"no\"", "field \"workspace_name\" is \"no\", and there is no such"),
            ] {
                for (endpoint, id) in [("get_assay_results", "assay_id"), ("get_assay_by_id", "id")] {
                    let refused = try await client.refused("assays/\(endpoint)", "{\"\(id)\":1,\(member)}")
                    #expect(refused.status == 400 && refused.message.contains(message), "\(refused)")
                }
            }
            for member in ["\"workspace_id\":1", "\"workspace_name\":\"risk\"", "\"workspace_name\":null"] {
                try await client.ask("assays/get_assay_results", "{\"assay_id\":1,\(member)}")
            }
        }
    }

    // The refusal of a field of that name offered the spelling that it refused, and there was no other.
    @Test("a field whose name ends in a number is watched by its record's spelling, which refusals offer")
    func numberedField() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.append(
                "[{\"time\":1704826800000,\"in.income 2023\":1,\"in.income\":5},"
                    + "{\"time\":1704826801000,\"in.income 2023\":3,\"in.income\":6}]")
            func body(_ path: String) -> String {
                "{\"summarizer\":\(AssayRequests.summarizer),\"baseline\":"
                    + AssayRequests.fixed.replacing("output y", with: path).replacing("[]", with: "null")
                    + "}"
            }
            let refused = try await client.refused("assays/summarize", body("input income 2023"))
            #expect(
                refused.status == 400
                    && refused.message.hasSuffix("; write \"in.income 2023\" for the field of that name"),
                "\(refused)")
            #expect(
                try await client.refused("assays/summarize", body("input income 7")).message
                    .hasSuffix("; write \"input|output field index\" with a field that the records have"))
            #expect(try await client.ask("assays/summarize", body("in.income 2023"))["mean"].double() == 2)
            // Stored and read back as it was asked for, and one path of the second generation.
            try await client.ask(
                "assays/create",
                AssayRequests.request(
                    window: AssayRequests.window.replacing("output y", with: "in.income 2023"))
            )
            let listed = try await client.ask("assays/list", "{}").array()
            #expect(try listed[0]["window"]["path"].string() == "in.income 2023")
            let binning = try await SeriesRoutesTests.ask(
                client, "preview_baseline_binning", SeriesRoutesTests.body("", field: "in.income 2023"))
            #expect(binning["in.income 2023"].isPresent)
        }
    }

    @Test("infinite numbers under a baseline are refused by the member that names them")
    func infinite() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.append("[{\"time\":1704826800000,\"out.y\":1e999}]")
            client.clock.advance(300)
            let fixed = AssayRequests.fixed.replacing("[]", with: "null")
            for (endpoint, body) in [
                ("summarize", "{\"summarizer\":\(AssayRequests.summarizer),\"baseline\":\(fixed)}"),
                ("create", AssayRequests.request(baseline: fixed)),
                ("run_interactive", AssayRequests.request(baseline: fixed)),
            ] {
                let refused = try await client.refused("assays/\(endpoint)", body)
                #expect(
                    refused.message.hasPrefix(
                        "field \"baseline.fixed_window\" is refused: The baseline holds 1 infinite values"),
                    "\(endpoint): \(refused)")
            }
        }
    }
}
