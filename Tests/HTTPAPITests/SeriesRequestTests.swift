// Checked here: what requests of the second generation may leave out, and what is refused of them, with field and
// remedy.

import HTTPTypes
import JSON
import Records
import Store
import StoreSupport
import Testing

@testable import HTTPAPI

@Suite("Requests of the second generation")
struct SeriesRequestTests {
    /// A request for a baseline's binning that has no targeting, or null.
    private static func request(_ baseline: String, _ more: String = "") -> String {
        "{\"baseline\":\(baseline),\"summarizer\":\(SeriesRoutesTests.summarizer)\(more)}"
    }

    // The contract lets the targeting be left out; it was demanded of every baseline.
    @Test("a baseline that needs no records is previewed without a targeting; one that does is refused")
    func untargeted() async throws {
        try await serving { (client: Client) async throws in
            func preview(_ body: String) async throws -> Answer {
                try await client.post("/v2/api/assays/preview_baseline_binning", body)
            }
            let summary = """
                "bins":{"mode":{"Quantile":2},"edges":[2.5,"INFINITY"],"labels":["< 50%","> 50%"]},\
                "aggregated_values":[0.5,0.5],"aggregation":"Density","statistics":{"count":4,"min":1.0,\
                "max":4.0,"mean":2.5,"median":2.5,"std":1.118033988749895},"start":null,"end":null}
                """
            for more in ["", ",\"targeting\":null"] {
                let vector = try await preview(Self.request(SeriesRoutesTests.vector, more))
                #expect(vector.text == "{\"Vector\":{\"name\":\"Vector\",\(summary)}")
            }
            // Made earlier, they come back as they are, called as they were; of one name the last counts.
            let named = ["out.b.0", "in.a"].map { "\"\($0)\":{\"name\":\"\($0)\",\(summary)" }
            let both = "{" + named.joined(separator: ",") + "}"
            let earlier = try await preview(Self.request("{\"Summary\":\(both)}"))
            #expect(earlier.text == both)
            let twice = both.replacing("{\"out.b.0\"", with: "{\"in.a\":5,\"out.b.0\"")
            let last = try await preview(Self.request("{\"Summary\":\(twice)}"))
            let again = try last.json
            #expect(AssayRequests.keys(again) == ["in.a", "out.b.0"])
            let many = (0...1000).map { "\"in.a\($0)\":5" }.joined(separator: ",")
            let records =
                "field \"targeting\" is missing, and this baseline is made of records: give {\"data_origin\""
            for (baseline, message) in [
                ("{\"Static\":[\"2024-01-09T19:00:00Z\",\"2024-01-09T19:01:00Z\"]}", records),
                (SeriesRoutesTests.rolling, records), ("{}", "field \"baseline\" has no kind"),
                ("{\"Vector\":[null]}", "field \"baseline.Vector\" holds no number"),
                ("{\"Vector\":[1],\"Summary\":\(both)}", "field \"baseline\" has Summary and Vector"),
                ("{\"Summary\":{}}", "field \"baseline.Summary\" has no summary; give at least one"),
                (
                    "{\"Summary\":{\(many)}}",
                    "field \"baseline.Summary\" has 1001 summaries; give at most 1000"
                ),
                (
                    "{\"Summary\":{\"bins\":{}}}",
                    "field \"baseline.Summary.bins\" is wrong: \"bins\" is no field"
                ),
                (
                    "{\"Summary\":\(both.replacing("[0.5,0.5]", with: "[1,1]"))}",
                    "field \"baseline.Summary.in.a.aggregated_values\" add up to 2.0"
                ),
                (
                    "{\"Summary\":\(both.replacing("\"Quantile\":2", with: "\"Equal\":-5"))}",
                    "field \"baseline.Summary.in.a.bins.mode\" is not one that makes 2 bins"
                ),
            ] {
                let refused = try await preview(Self.request(baseline))
                #expect(refused.status == 400, "\(baseline): \(refused.text)")
                let told = try refused.json["msg"].string()
                #expect(told.hasPrefix(message), "\(baseline): \(told)")
            }
        }
    }

    // They said what is, and not what to do about it.
    @Test("what contradicts itself or the catalogue is refused with the remedy")
    func contradictions() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.append([(0, 1)])
            let uuid = try await SeriesRoutesTests.ask(
                client, "schedule", SeriesRoutesTests.body("\"name\":\"watch\",")
            ).string()
            func changed(_ old: String, _ new: String) -> String {
                SeriesRoutesTests.body("").replacing(old, with: new)
            }
            for (endpoint, body, message) in [
                (
                    "preview_baseline_binning", changed("\"fraud\"", "\"other\""),
                    "field \"targeting.data_origin.pipeline_name\" is \"other\", but pipeline 1 is called \"fraud\"; give that, or one of \"pipeline_id\" and \"pipeline_name\" alone"
                ),
                (
                    "preview_baseline_binning", changed("\"workspace_id\":1", "\"workspace_id\":7"),
                    "field \"targeting.data_origin.workspace_id\" is 7, but pipeline 1 is in workspace 1; give that, or leave it out"
                ),
                (
                    "preview_baseline_binning", changed("\"risk\"", "\"other\""),
                    "field \"targeting.data_origin.workspace_name\" is \"other\", but workspace 1 is called \"risk\"; give that, or leave it out"
                ),
                (
                    "preview",
                    SeriesRoutesTests.body(
                        "\"preview_start\":\"2024-01-09T19:00:00Z\",\"preview_end\":\"2024-01-09T18:00:00Z\","
                    ),
                    "field \"preview_end\" is before \"preview_start\"; exchange them, or give a later one"
                ),
                (
                    "get_results", "{\"id\":\"\(uuid)\",\"workspace_id\":7}",
                    "field \"workspace_id\" is 7, but assay \(uuid) is in workspace 1; give that, or leave it out"
                ),
            ] {
                let refused = try await client.post("/v2/api/assays/\(endpoint)", body)
                #expect(refused.status == 400, "\(endpoint): \(refused.text)")
                #expect(try refused.json["msg"].string() == message)
            }
        }
    }
}
