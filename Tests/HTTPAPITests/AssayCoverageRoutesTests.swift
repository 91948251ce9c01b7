// Checked here: an assay that would never say anything is told so when it is created over HTTP: what no record has,
// what compares nothing, and a baseline without numbers; refused is only what no later record could mend. And one whose
// topic keeps records for too short is told so, wherever it is shown.

import Assays
import HTTPTypes
import JSON
import Records
import Store
import StoreSupport
import Testing

@testable import HTTPAPI

@Suite("Assays that would never say anything, created over HTTP")
struct AssayCoverageRoutesTests {
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

    @Test(
        "edges that are given and compared never differ, nor does what has no bins, which is said at creation"
    )
    func neverDiffers() async throws {
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
            #expect(try await told("none", "None", "null", "Density"))
            for (name, mode, aggregation, problem) in [
                ("e", "{\"Provided\":[2,\"INFINITY\"]}", "Edges", "the summarizer compares edges"),
                ("f", "\"None\"", "Density", "the summarizer makes no bins"),
                ("g", "{\"Quantile\":3}", "Edges", nil),
            ] as [(String, String, String, String?)] {
                let answer = try await client.post(
                    "/v2/api/assays/schedule",
                    SeriesRoutesTests.body(
                        "\"name\":\"\(name)\",",
                        summarizer: SeriesRoutesTests.summarizer.replacing("Density", with: aggregation)
                            .replacing("{\"Quantile\":2}", with: mode)))
                let coverage = try #require(answer.headers[.assayCoverage], "\(answer.text)")
                #expect(coverage.contains("\"summarizer_problem\":") == (problem != nil), "\(mode)")
                if let problem { #expect(coverage.contains(problem), "\(mode): \(coverage)") }
            }
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

    @Test(
        "records that are kept for too short are told at creation, in what shows assays, and to who sets it")
    func retention() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            let path = "/v1/logs/topic/\(Client.topic)/retention"
            func told(_ json: JSONField) throws -> String? {
                try json["retention_problem"].optional?.string()
            }
            func created(_ name: String) async throws -> String? {
                try await told(
                    client.ask("assays/create", AssayRequests.request(name: "\"\(name)\"")))
            }
            func scheduled(_ name: String) async throws -> (uuid: String, header: String) {
                let answer = try await client.post(
                    "/v2/api/assays/schedule", SeriesRoutesTests.body("\"name\":\"\(name)\","))
                return (
                    try answer.json.string(), try #require(answer.headers[.assayCoverage], "\(answer.text)")
                )
            }
            #expect(try await created("a") == nil)
            let (uuid, header) = try await scheduled("b")
            #expect(!header.contains("retention_problem"))

            let set = try await client.post(path, "{\"age\":\"1 minute\"}")
            #expect(
                try told(set.json)?.contains(
                    "keeps records for 1 minute, and 2 assays reach further back by the time windows and baselines "
                        + "are whole, namely 1 (a) 1 minute + 5 seconds, \(uuid) (b) 1 minute + 5 seconds: records"
                ) == true, "\(set.text)")
            #expect(try await client.send(.get, path).text == set.text)
            let problem =
                "\(Client.topic) keeps records for 1 minute, and a window reaches back 1 minute + 5 seconds by the "
                + "time it is whole: records that are gone by then are missing in it, and results do not say so; "
                + "keep records for at least 65 seconds, or use a shorter window"
            #expect(try await created("c") == problem)
            #expect(try await scheduled("d").header.contains("\"retention_problem\":\"\(problem)\""))
            func shown() async throws -> [String?] {
                let first =
                    try await client.ask("assays/list", "{}").array()
                    + [try await client.ask("assays/get_assay_by_id", "{\"id\":1}")]
                let second =
                    try await SeriesRoutesTests.ask(client, "get", "{\"active\":\"All\"}").array()
                    + [try await SeriesRoutesTests.ask(client, "get/:id", "{\"id\":\"\(uuid)\"}")]
                return try (first + second).map(told)
            }
            #expect(try await shown() == [String?](repeating: problem, count: 6))

            let enough = try await client.post(path, "{\"age\":\"65 seconds\"}").json
            #expect(AssayRequests.keys(enough) == ["topic", "age", "bytes"])
            #expect(try await shown() == [String?](repeating: nil, count: 6))
        }
    }

    @Test("a baseline whose period is over by a clock alone that just went ahead is said to go on")
    func doubted() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.append([(0, 1), (10, 4)])
            // The background of a server watches the clock from here on.
            _ = Housekeeper(client.store, logger: noLog)
            client.clock.advance(30)
            func said(_ name: String) async throws -> [Bool] {
                let first = try await client.ask(
                    "assays/create",
                    AssayRequests.request(name: "\"\(name)\"", baseline: AssayRequests.fixed))
                let period = "[\"2024-01-09T19:00:00Z\",\"2024-01-09T19:01:00Z\"]"
                let second = try await client.post(
                    "/v2/api/assays/schedule",
                    SeriesRoutesTests.body(
                        "\"name\":\"\(name) again\",", baseline: "{\"Static\":\(period)}"))
                let told = try #require(second.headers[.assayCoverage], "\(second.text)")
                return [first["baseline_problem"].isPresent, told.contains("\"baseline_problem\":")]
            }
            #expect(try await said("before") == [true, true])
            client.clock.advance(7200)
            #expect(try await said("ahead") == [true, true])
            client.clock.pass(3601)
            #expect(try await said("stood") == [false, false])
        }
    }
}
