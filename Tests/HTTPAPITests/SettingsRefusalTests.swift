// Checked here: settings that mean nothing, and baselines without a number to compare with, are refused wherever an
// assay can be said: with 400, the member that must change and what to write instead. Values that carry no answer are
// told, and are never "Ok".

import HTTPTypes
import JSON
import Records
import Store
import Testing

@testable import HTTPAPI

@Suite("Settings and baselines that assays refuse everywhere")
struct SettingsRefusalTests {
    /// What tells somebody what to do.
    private static let remedies = [
        "give", "must", "needs", "use", "there are", "choose", "name ", "summarise", "write",
    ]

    /// Sends each of `bodies` to each of `endpoints`, and looks whether the answer names the field.
    private static func expectRefusals(
        _ client: Client, _ endpoints: [String], _ bodies: [(body: (String) -> String, field: String)]
    ) async throws {
        let cut = client.store.log.cut
        for endpoint in endpoints {
            for (body, field) in bodies {
                let answer = try await client.post(endpoint, body(endpoint))
                let message = (try? answer.json["msg"].string()) ?? answer.text
                #expect(answer.status == 400, "\(endpoint) \(body(endpoint)): \(answer.status) \(message)")
                #expect(message.contains("field \"\(field)"), "\(endpoint) \(body(endpoint)): \(message)")
                #expect(remedies.contains { message.contains($0) }, "\(endpoint): no remedy in \(message)")
            }
        }
        #expect(client.store.log.cut == cut, "nothing is stored")
    }

    /// Columns: numbers, nulls alone, infinities alone.
    private static func append(_ client: Client) async throws {
        try await client.createPipeline()
        let rows = (0..<6).map { row in
            "{\"time\":\(1_704_826_800_000 + row * 1000),\"out.y\":\(row),\"out.n\":null,\"out.inf\":1e999}"
        }
        try await client.append("[\(rows.joined(separator: ","))]")
        client.clock.advance(300)
    }

    // MARK: The first generation

    private static let firstEndpoints = [
        "summarize", "create", "run_interactive", "run_interactive_baseline",
    ].map {
        "/v1/api/assays/" + $0
    }

    private static func first(
        summarizer: String = AssayRequests.summarizer, baseline: String = "{\"vector\":[1.0,2.0,3.0,4.0]}",
        path: String = "output y"
    ) -> (String) -> String {
        { endpoint in
            endpoint.hasSuffix("summarize")
                ? "{\"summarizer\":\(summarizer),\"baseline\":\(baseline)}"
                : AssayRequests.request(
                    baseline: baseline, window: AssayRequests.window.replacing("output y", with: path),
                    summarizer: summarizer)
        }
    }

    private static let firstSettings: [(summarizer: String, member: String)] = [
        ("{\"bin_mode\":\"Quartile\"}", "bin_mode"), ("{\"bin_mode\":5}", "bin_mode"),
        ("{\"aggregation\":\"Sum\"}", "aggregation"), ("{\"metric\":\"KL\"}", "metric"),
        ("{\"type\":\"Multivariate\"}", "type"), ("{\"type\":1}", "type"),
        ("{\"num_bins\":0}", "num_bins"), ("{\"num_bins\":-1}", "num_bins"),
        ("{\"num_bins\":10001}", "num_bins"),
        ("{\"num_bins\":2.5}", "num_bins"), ("{\"num_bins\":\"5\"}", "num_bins"),
        ("{\"num_bins\":1e30}", "num_bins"),
        ("{\"num_bins\":2,\"bin_weights\":[1,1,1]}", "bin_weights"),
        ("{\"num_bins\":2,\"bin_weights\":[]}", "bin_weights"),
        ("{\"num_bins\":2,\"bin_weights\":[0,0,0,0]}", "bin_weights"),
        ("{\"num_bins\":2,\"bin_weights\":[1,-1,1,1]}", "bin_weights"),
        ("{\"num_bins\":2,\"bin_weights\":[1e308,1e308,1e308,1e308]}", "bin_weights"),
        ("{\"num_bins\":2,\"bin_weights\":[null,1,1,1]}", "bin_weights[0]"),
        ("{\"num_bins\":2,\"bin_weights\":[\"1\",1,1,1]}", "bin_weights[0]"),
        ("{\"num_bins\":2,\"bin_weights\":4}", "bin_weights"),
        ("{\"num_bins\":2,\"bin_mode\":\"Provided\"}", "provided_edges"),
        ("{\"num_bins\":2,\"bin_mode\":\"Provided\",\"provided_edges\":[]}", "provided_edges"),
        ("{\"num_bins\":2,\"bin_mode\":\"Provided\",\"provided_edges\":[3,2]}", "provided_edges"),
        ("{\"num_bins\":2,\"bin_mode\":\"Provided\",\"provided_edges\":[1,2,3,4]}", "provided_edges"),
        ("{\"num_bins\":2,\"bin_mode\":\"Provided\",\"provided_edges\":[1,null]}", "provided_edges[1]"),
        ("{\"num_bins\":2,\"bin_mode\":\"Provided\",\"provided_edges\":[1,1e999]}", "provided_edges[1]"),
    ]

    @Test("modes, bins, weights and edges of the first generation, wherever they are said")
    func first() async throws {
        try await serving { (client: Client) async throws in
            try await Self.append(client)
            try await Self.expectRefusals(
                client, Self.firstEndpoints,
                Self.firstSettings.map { (Self.first(summarizer: $0.summarizer), "summarizer.\($0.member)") })
        }
    }

    private static func fixed(_ path: String, _ start: String = "2024-01-09T19:00:00Z") -> String {
        AssayRequests.fixed.replacing("output y", with: path).replacing(
            "2024-01-09T14:00:00-05:00", with: start)
    }

    @Test("shares that no values have, wherever an assay of the first generation is said")
    func firstShares() async throws {
        try await serving { (client: Client) async throws in
            try await Self.append(client)
            func baseline(_ values: String, _ aggregation: String = "Density") -> String {
                """
                {"static":{"count":4,"min":1.0,"max":4.0,"mean":2.5,"median":2.5,"std":1.1,\
                "edges":[1.0,2.0,4.0,null],"edge_names":["left_outlier","q_50","q_100","right_outlier"],\
                "aggregated_values":[\(values)],"aggregation":"\(aggregation)","start":null,"end":null}}
                """
            }
            let cumulative = AssayRequests.summarizer.replacing("Density", with: "Cumulative")
            let field = "baseline.static.aggregated_values"
            try await Self.expectRefusals(
                client, Array(Self.firstEndpoints.dropFirst()),
                [
                    (Self.first(baseline: baseline("1,1,1,1")), field),
                    (Self.first(baseline: baseline("0,0,0,0")), field),
                    (
                        Self.first(
                            summarizer: cumulative, baseline: baseline("0,0.5,0.4,1", "Cumulative")), field
                    ),
                ])
            let whole = AssayRequests.request(baseline: baseline("0,0.5,0.5,0"))
            #expect(try await client.post("/v1/api/assays/run_interactive", whole).status == 200)
        }
    }

    @Test("a baseline without records, of a run over a pipeline without any")
    func noRecords() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            client.clock.advance(300)
            let request = AssayRequests.request(baseline: AssayRequests.fixed)
            let refused = try await client.refused("assays/run_interactive", request)
            // In the recorded words, with what to do.
            #expect(
                refused.status == 400 && refused.message.contains("inferences")
                    && Self.remedies.contains { refused.message.contains($0) }, "\(refused)")
            // One that has numbers is a run over no window.
            let answer = try await client.post(
                "/v1/api/assays/run_interactive", AssayRequests.request())
            #expect(answer.status == 200 && answer.text == "[]")
        }
    }

    @Test("baselines of the first generation without numbers, wherever they are said")
    func firstBaselines() async throws {
        try await serving { (client: Client) async throws in
            try await Self.append(client)
            let none = """
                {"static":{"count":0,"min":null,"max":null,"mean":null,"median":null,"std":null,"edges":[],\
                "edge_names":[],"aggregated_values":[],"aggregation":"Density","start":null,"end":null}}
                """
            try await Self.expectRefusals(
                client, Self.firstEndpoints,
                [
                    (Self.first(baseline: "{}"), "baseline"), (Self.first(baseline: "null"), "baseline"),
                    (Self.first(baseline: "{\"vector\":[]}"), "baseline.vector"),
                    (Self.first(baseline: "{\"vector\":[null,null]}"), "baseline.vector"),
                    (Self.first(baseline: "{\"vector\":5}"), "baseline.vector"),
                    (Self.first(baseline: "{\"vector\":[1e999]}"), "baseline.vector[0]"),
                    (Self.first(baseline: "{\"static\":{}}"), "baseline.static"),
                    (Self.first(baseline: none), "baseline.static"),
                    (
                        Self.first(baseline: Self.fixed("output inf"), path: "output inf"),
                        "baseline.fixed_window"
                    ),
                    (
                        // In the recorded words, which name the whole of it.
                        Self.first(baseline: Self.fixed("output y", "2023-01-09T19:00:00Z")), "baseline"
                    ),
                ])
            // A run looks at its windows first.
            let nulls = Self.first(baseline: Self.fixed("output n"), path: "output n")
            for endpoint in Self.firstEndpoints {
                try await Self.expectRefusals(
                    client, [endpoint],
                    [
                        (
                            nulls,
                            endpoint.hasSuffix("interactive") ? "window.path" : "baseline.fixed_window.path"
                        )
                    ])
            }
        }
    }

    // MARK: The second generation

    private static let secondEndpoints = ["schedule", "preview", "preview_baseline_binning", "score"].map {
        "/v2/api/assays/" + $0
    }

    private static func second(
        summarizer: String = SeriesRoutesTests.summarizer, baseline: String = SeriesRoutesTests.vector,
        field: String = "out.y"
    ) -> (String) -> String {
        { endpoint in
            let members =
                if endpoint.hasSuffix("schedule") {
                    "\"name\":\"a\","
                } else if endpoint.hasSuffix("preview") {
                    "\"preview_start\":\"2024-01-09T19:00:00Z\",\"preview_end\":\"2024-01-09T19:03:00Z\","
                } else {
                    ""
                }
            return SeriesRoutesTests.body(
                members, baseline: baseline, summarizer: summarizer, field: field,
                window: endpoint.hasSuffix("score") ? "{\"Raw\":[1,2]}" : "{\"width\":{\"seconds\":60}}")
        }
    }

    private static let secondModes = [
        "\"Quartile\"", "{\"Quartile\":3}", "{\"Quantile\":1}", "{\"Quantile\":0}", "{\"Quantile\":-3}",
        "{\"Quantile\":10001}", "{\"Quantile\":2.5}", "{\"Quantile\":\"2\"}", "{\"Quantile\":null}",
        "{\"Equal\":1}",
        "{\"QuantileWithExplicitOutliers\":0}", "{\"QuantileWithExplicitOutliers\":9999}",
        "{\"Provided\":[]}",
        "{\"Provided\":[3,1]}", "{\"Provided\":[\"INFINITY\",1]}", "{\"Provided\":[1,\"NaN\"]}",
        "{\"Provided\":5}",
        "{\"Quantile\":2,\"Equal\":2}", "{}", "null", "5",
    ]

    private static let secondWeights = [
        "[1,1,1]", "[]", "[0,0]", "[0,0,0,0]", "[1,0,0,1]", "[1,-1]", "[-1,1,1,1]", "[1e308,1e308]",
        "[null,1]",
        "[\"1\",1]", "4",
    ]

    @Test("modes, bins, weights and edges of the second generation, wherever they are said")
    func second() async throws {
        try await serving { (client: Client) async throws in
            try await Self.append(client)
            func summarizer(_ old: String, _ new: String) -> String {
                SeriesRoutesTests.summarizer.replacing(old, with: new)
            }
            let changes: [(summarizer: String, member: String)] =
                Self.secondModes.map { (summarizer("{\"Quantile\":2}", $0), "bin_mode") }
                + Self.secondWeights.map {
                    (summarizer("\"bin_weights\":null", "\"bin_weights\":\($0)"), "bin_weights")
                }
                + [
                    (summarizer("\"Density\"", "\"Sum\""), "aggregation"),
                    (summarizer("\"PSI\"", "\"KL\""), "metric"),
                    (summarizer("\"metric\":\"PSI\",", ""), "metric"),
                    (summarizer("\"aggregation\":\"Density\",", ""), "aggregation"),
                ]
            try await Self.expectRefusals(
                client, Self.secondEndpoints,
                changes.map {
                    (Self.second(summarizer: $0.summarizer), "summarizer.UnivariateContinuous.\($0.member)")
                } + [(Self.second(summarizer: "{\"Multivariate\":{}}"), "summarizer")])
        }
    }

    @Test("baselines of the second generation without numbers, wherever they are said")
    func secondBaselines() async throws {
        try await serving { (client: Client) async throws in
            try await Self.append(client)
            let minute = "[\"2024-01-09T19:00:00Z\",\"2024-01-09T19:01:00Z\"]"
            try await Self.expectRefusals(
                client, Self.secondEndpoints,
                [
                    (Self.second(baseline: "{}"), "baseline"), (Self.second(baseline: "null"), "baseline"),
                    (Self.second(baseline: "{\"Vector\":[]}"), "baseline.Vector"),
                    (Self.second(baseline: "{\"Vector\":[null]}"), "baseline.Vector"),
                    (Self.second(baseline: "{\"Vector\":5}"), "baseline.Vector"),
                    (Self.second(baseline: "{\"Vector\":[1e999]}"), "baseline.Vector[0]"),
                    (Self.second(baseline: "{\"Summary\":{}}"), "baseline.Summary"),
                    (Self.second(baseline: "{\"Static\":[]}"), "baseline.Static"),
                    (
                        Self.second(
                            baseline: "{\"Static\":[\"2024-01-09T19:01:00Z\",\"2024-01-09T19:01:00Z\"]}"),
                        "baseline.Static[1]"
                    ),
                ])
            // A score answers path by path; the others refuse what has nothing to compare with.
            for field in ["out.n", "out.inf"] {
                try await Self.expectRefusals(
                    client, Self.secondEndpoints.filter { !$0.hasSuffix("score") },
                    [(Self.second(baseline: "{\"Static\":\(minute)}", field: field), "targeting.iopath")])
            }
        }
    }

    // MARK: Windows

    @Test("windows whose values are null or infinite are told so, and are never Ok")
    func windows() async throws {
        try await serving { (client: Client) async throws in
            try await Self.append(client)
            // Elsewhere they have numbers: a path that never had one is refused.
            try await client.append("[{\"time\":1704826920000,\"out.y\":1,\"out.n\":1,\"out.inf\":1}]")
            for (path, part) in [("output n", "null"), ("output inf", "infinite")] {
                let body = Self.first(path: path)("/v1/api/assays/run_interactive")
                let results = try await client.ask("assays/run_interactive", body).array()
                #expect(results.count == 2)
                #expect(try results[0]["status"].string() != "Ok", "\(path)")
                #expect(
                    try results[0]["absence"].optional?.string().contains(part) ?? (path == "output inf"),
                    "\(path)")
            }
            for field in ["out.n", "out.inf"] {
                let rows = try await client.post(
                    "/v2/api/assays/preview", Self.second(field: field)("preview")
                ).json
                    .array()
                #expect(
                    !rows.isEmpty && !rows[0]["scores"][field]["score"].isPresent,
                    "\(rows[0].value?.text ?? "")")
            }
        }
    }
}
