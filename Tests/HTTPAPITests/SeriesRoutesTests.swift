// Checked here: each route of the second generation answers in the recorded shape; a score of numbers that a
// real service recorded comes out; refusals are 400 with field and remedy.

import HTTPTypes
import JSON
import Records
import Store
import StoreSupport
import Testing

@testable import HTTPAPI

@Suite("Second-generation assays over HTTP")
struct SeriesRoutesTests {
    static let simple = "{\"SimpleRunFrequency\":{\"quantity\":1,\"unit\":\"Minute\"}}"
    static let cron = "{\"Cron\":\"*/5 * * * *\"}"
    static let vector = "{\"Vector\":[1.0,2.0,3.0,4.0]}"
    static let rolling = "{\"Rolling\":{\"start\":\"2024-01-09T18:00:00Z\",\"width\":{\"seconds\":60}}}"
    static let summarizer = """
        {"UnivariateContinuous":{"aggregation":"Density","bin_mode":{"Quantile":2},"metric":"PSI",\
        "bin_weights":null}}
        """

    /// A request as the client sends it: its members, and those of a schedule.
    static func body(
        _ members: String, baseline: String = vector, frequency: String = simple,
        summarizer: String = summarizer, field: String = "out.y", indexes: String = "null",
        window: String = "{\"width\":{\"seconds\":60}}"
    ) -> String {
        """
        {\(members)"baseline":\(baseline),\
        "scheduling":{"first_run":"2024-01-09T19:01:00+00:00","run_frequency":\(frequency)},\
        "summarizer":\(summarizer),"targeting":{"data_origin":{"pipeline_id":1,"pipeline_name":"fraud",\
        "workspace_id":1,"workspace_name":"risk","locations":null,"model_id":null},\
        "iopath":[{"field":"\(field)","indexes":\(indexes),"thresholds":{"alert":0.25,"warning":null}}]},\
        "window":\(window)}
        """
    }

    static func ask(_ client: Client, _ endpoint: String, _ body: String) async throws -> JSONField {
        let answer = try await client.post("/v2/api/assays/\(endpoint)", body)
        try #require(answer.status == 200, "\(endpoint) \(body): \(answer.status) \(answer.text)")
        return try answer.json
    }

    /// An answer as the contract has it: what noise explains is beside that.
    static func withoutNoise(_ text: String) -> String {
        text.replacing(
            #/,"noise":{"mean":[0-9.e-]+,"line_95":[0-9.e-]+,"too_few_records":(true|false)}/#, with: "")
    }

    @Test("a baseline's binning is previewed as a summary a path")
    func previewBaseline() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.append([(0, 1), (1, 2), (2, 3), (3, 4), (60, 100)])
            for baseline in [
                "{\"Static\":[\"2024-01-09T19:00:00+00:00\",\"2024-01-09T20:01:00+01:00\"]}",
                "{\"Rolling\":{\"start\":\"2024-01-09T19:00:00Z\",\"width\":{\"seconds\":60}}}",
            ] {
                let answer = try await client.post(
                    "/v2/api/assays/preview_baseline_binning", Self.body("", baseline: baseline))
                #expect(
                    answer.text == """
                        {"out.y":{"name":"out.y","bins":{"mode":{"Quantile":2},"edges":[2.5,"INFINITY"],\
                        "labels":["< 50%","> 50%"]},"aggregated_values":[0.5,0.5],"aggregation":"Density",\
                        "statistics":{"count":4,"min":1.0,"max":4.0,"mean":2.5,"median":2.5,\
                        "std":1.118033988749895},"start":"2024-01-09T19:00:00Z","end":"2024-01-09T19:01:00Z"}}
                        """)
            }
            let vector = try await Self.ask(client, "preview_baseline_binning", Self.body(""))
            #expect(vector["out.y"]["start"].value == .null)
            // What was answered is a baseline that may be sent.
            let summary = "{\"Summary\":\(try #require(vector.value?.text))}"
            let again = try await Self.ask(
                client, "preview_baseline_binning", Self.body("", baseline: summary))
            #expect(again.value == vector.value)
        }
    }

    @Test("numbers are scored without an assay, as recorded")
    func score() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            let five = Self.summarizer.replacing("\"Quantile\":2", with: "\"Quantile\":5")
            let hundred = (1...100).map { "\($0)" }.joined(separator: ",")
            let answer = try await client.post(
                "/v2/api/assays/score",
                Self.body(
                    "", baseline: "{\"Vector\":[\(hundred)]}", summarizer: five, window: "{\"Raw\":[3,4,5]}"))
            #expect(try answer.json["out.y"]["noise"]["too_few_records"].bool())
            #expect(
                Self.withoutNoise(answer.text) == """
                    {"out.y":{"score":4.1648763041561505,"scores":[1.2875503299472804,0.7193314935522176,\
                    0.7193314935522176,0.7193314935522176,0.7193314935522176],"bin_index":null}}
                    """)
            try await client.append([(0, 1), (1, 4)])
            let stored = "{\"Stored\":[\"2024-01-09T19:00:00Z\",\"2024-01-09T19:01:00Z\"]}"
            #expect(
                try await Self.ask(client, "score", Self.body("", window: stored))["out.y"]["score"].double()
                    == 0)
            let empty = "{\"Stored\":[\"2024-01-09T18:00:00Z\",\"2024-01-09T18:01:00Z\"]}"
            #expect(
                try await client.post("/v2/api/assays/score", Self.body("", window: empty)).text
                    == "{\"out.y\":\"the window holds no records\"}")
        }
    }

    // One path without a baseline was a refusal of all.
    @Test("a path that has no baseline is answered why in its place, and the others are scored")
    func scoreOfSome() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.append(
                "[{\"time\":1704826800000,\"out.y\":1,\"out.w\":null},{\"time\":1704826801000,\"out.y\":4}]")
            let baseline = "{\"Static\":[\"2024-01-09T19:00:00Z\",\"2024-01-09T19:01:00Z\"]}"
            func body(_ baseline: String) -> String {
                Self.body("", baseline: baseline, window: "{\"Raw\":[1,4]}").replacing(
                    "\"iopath\":[",
                    with: "\"iopath\":[{\"field\":\"out.none\",\"indexes\":null,\"thresholds\":{}},")
            }
            let answer = try await Self.ask(client, "score", body(baseline))
            #expect(AssayRequests.keys(answer) == ["out.none", "out.y"])
            #expect(try answer["out.none"].string().contains("names out.none, and no record"))
            #expect(try answer["out.y"]["score"].double() == 0)
            let none = try await Self.ask(client, "score", body(baseline.replacing("2024", with: "2023")))
            for path in ["out.none", "out.y"] {
                #expect(try none[path].string().hasPrefix("no inferences for \(path) of"))
            }
            // What is wrong for all paths alike is refused still.
            let refused = try await client.post("/v2/api/assays/score", body("{\"Vector\":[null]}"))
            #expect(refused.status == 400)
        }
    }

    // The first ended the server, the second took it as long as its number was great.
    @Test("a baseline whose bins are not of the mode they name is refused, wherever it is asked for")
    func foreignMode() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            let edges = Self.summarizer.replacing("Density", with: "Edges").replacing("PSI", with: "SumDiff")
            let made = try await client.post(
                "/v2/api/assays/preview_baseline_binning", Self.body("", summarizer: edges))
            try #require(made.text.contains("{\"Quantile\":2}"), "\(made.text)")
            for mode in ["{\"Equal\":-5}", "{\"Quantile\":9007199254740992}"] {
                let baseline = "{\"Summary\":\(made.text.replacing("{\"Quantile\":2}", with: mode))}"
                let period =
                    "\"preview_start\":\"2024-01-09T19:00:00Z\",\"preview_end\":\"2024-01-09T19:03:00Z\","
                for (endpoint, members, window) in [
                    ("score", "", "{\"Raw\":[3,4,5]}"), ("preview", period, "{\"width\":{\"seconds\":60}}"),
                    ("schedule", "\"name\":\"watch\",", "{\"width\":{\"seconds\":60}}"),
                ] {
                    let answer = try await client.post(
                        "/v2/api/assays/\(endpoint)",
                        Self.body(members, baseline: baseline, summarizer: edges, window: window))
                    #expect(answer.status == 400, "\(endpoint) \(answer.status) \(answer.text)")
                    #expect(answer.text.contains("baseline.Summary.out.y.bins.mode"), "\(answer.text)")
                }
            }
        }
    }

    @Test("a preview answers each complete window, with minimal summaries, and stores nothing")
    func preview() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.append([(0, 1), (10, 4), (130, 9)])
            client.clock.advance(300)
            let period =
                "\"preview_start\":\"2024-01-09T19:00:00Z\",\"preview_end\":\"2024-01-09T19:03:00Z\","
            let rows = try await Self.ask(client, "preview", Self.body(period)).array()
            #expect(
                rows[0].value.map { Self.withoutNoise($0.text) } == """
                    {"id":0,"assay_id":"00000000-0000-0000-0000-000000000000",\
                    "analyzed_at":"2024-01-09T19:05:00Z","elapsed_millis":0,\
                    "scores":{"out.y":{"score":0.0,"scores":[0.0,0.0],"bin_index":null}},\
                    "summaries":{"out.y":{"aggregated_values":[0.5,0.5],"bins":{"mode":{"Quantile":2},\
                    "edges":[2.5,"INFINITY"],"labels":["< 50%","> 50%"]},"statistics":{"count":2,"min":1.0,\
                    "max":4.0,"mean":2.5,"median":2.5,"std":1.5},"start":"2024-01-09T19:00:00Z",\
                    "end":"2024-01-09T19:01:00Z"}},"window_end":"2024-01-09T19:01:00Z","workspace_id":1,\
                    "workspace_name":"risk","pipeline_id":1}
                    """)
            #expect(rows.map { $0["summaries"].value?.text == "{}" } == [false, true, false])
            #expect(try await Self.ask(client, "get", "{\"active\":\"All\"}").array().isEmpty)
        }
    }

    @Test("an assay is scheduled, got, listed, paused; its runs and results are told")
    func schedule() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.append([(0, 1), (10, 4), (130, 9)])
            let uuid = try await Self.ask(client, "schedule", Self.body("\"name\":\"watch\",")).string()
            #expect(uuid.count == 36)
            let got = try await Self.ask(client, "get/:id", "{\"id\":\"\(uuid.uppercased())\"}")
            #expect(try got["id"].string() == uuid && got["active"].bool())
            // Once scheduled, every baseline but a rolling one is a summary.
            #expect(try got["baseline"]["Summary"]["out.y"]["statistics"]["count"].integer() == 4)
            #expect(
                try got["targeting"]["iopath"].array()[0].value?.text
                    == "{\"field\":\"out.y\",\"indexes\":null,\"thresholds\":{\"warning\":null,\"alert\":0.25}}"
            )
            #expect(try await Self.ask(client, "get/\(uuid)", "{}").value == got.value)
            #expect(
                try await client.post("/v2/api/assays/get_next_run", "{\"assay_id\":\"\(uuid)\"}").text
                    == "{\"last_run\":null,\"next_run\":\"2024-01-09T19:01:00Z\"}")

            client.clock.advance(190)
            await SeriesScheduler(client.store, logger: noLog).tick()
            #expect(
                try await client.post("/v2/api/assays/get_next_run", "{\"assay_id\":\"\(uuid)\"}").text
                    == "{\"last_run\":\"2024-01-09T19:03:00Z\",\"next_run\":\"2024-01-09T19:04:00Z\"}")
            func results(_ more: String = "") async throws -> [JSONField] {
                try await Self.ask(client, "get_results", "{\"id\":\"\(uuid)\"\(more)}").array()
            }
            let all = try await results(",\"start\":null,\"end\":null,\"workspace_id\":null")
            #expect(try all.map { try $0["id"].integer() } == [1, 2, 3])
            #expect(try all.map { try $0["status"].string() } == ["Ok", "Warning", "Alert"])
            #expect(all[1]["summaries"].value?.text == "{}")
            #expect(try all[0]["assay_id"].string() == uuid && all[0]["alert_threshold"].double() == 0.25)
            // By the end of the window, half-open.
            let some = try await results(
                ",\"start\":\"2024-01-09T19:01:00Z\",\"end\":\"2024-01-09T19:02:00Z\",\"debug\":true")
            #expect(try some.map { try $0["id"].integer() } == [1])
            // The clock had been ahead: what has not been yet is not told.
            client.clock.advance(-100)
            #expect(try await results().map { try $0["id"].integer() } == [1])
            #expect(
                try await client.post("/v2/api/assays/get_next_run", "{\"assay_id\":\"\(uuid)\"}").text
                    == "{\"last_run\":\"2024-01-09T19:01:00Z\",\"next_run\":\"2024-01-09T19:02:00Z\"}")
            client.clock.advance(100)

            #expect(
                try await client.post(
                    "/v2/api/assays/set_active", "{\"active\":false,\"assay_id\":\"\(uuid)\"}"
                ).text == "null")
            for (filter, count) in [
                ("{\"active\":\"All\"}", 1), ("{\"active\":\"ActiveOnly\"}", 0),
                ("{\"active\":\"InactiveOnly\"}", 1),
                ("{\"active\":\"All\",\"pipeline_name\":\"fraud\",\"workspace_id\":1}", 1),
                ("{\"active\":\"All\",\"pipeline_name\":\"other\"}", 0),
                ("{\"active\":\"All\",\"workspace_id\":2}", 0),
            ] {
                #expect(try await Self.ask(client, "get", filter).array().count == count, "\(filter)")
            }
            // The first generation does not know it, by name or by number.
            #expect(try await client.ask("assays/list", "{}").array().isEmpty)
            #expect(try await client.refused("assays/get_assay_results", "{\"assay_id\":1}").status == 400)
            // Too many runs would be due at once.
            client.clock.advance(60 * 100_001)
            let refused = try await client.post(
                "/v2/api/assays/set_active", "{\"active\":true,\"assay_id\":\"\(uuid)\"}")
            #expect(refused.status == 400)
            #expect(try refused.json["msg"].string().contains("field \"active\" is true, and more than"))
            let still = try await Self.ask(client, "get/:id", "{\"id\":\"\(uuid)\"}")
            #expect(try !still["active"].bool())
        }
    }

    @Test("scheduling answers the UUID alone, and says in a header what there is to look at")
    func coverage() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.append([(0, 1), (10, 4), (130, 9)])
            client.clock.advance(190)
            for (name, field, more) in [("a", "out.y", ""), ("b", "out.other", ",\"coverage_problem\":")] {
                let answer = try await client.post(
                    "/v2/api/assays/schedule", Self.body("\"name\":\"\(name)\",", field: field))
                #expect(answer.status == 200 && answer.text.count == 38, "\(answer.text)")
                let told = try #require(answer.headers[.assayCoverage])
                #expect(
                    told.hasPrefix(
                        "{\"complete_windows\":2,\"records_in_windows\":3,"
                            + "\"data_start\":\"2024-01-09T19:00:00Z\",\"data_end\":\"2024-01-09T19:02:10Z\""
                            + more), "\(told)")
                #expect(more.isEmpty == told.hasSuffix(":10Z\"}"), "\(told)")
            }
            let open = try await client.post(
                "/v2/api/assays/schedule",
                Self.body(
                    "\"name\":\"open\",",
                    baseline: "{\"Static\":[\"2024-01-09T19:00:00Z\",\"2024-01-09T20:00:00Z\"]}"))
            let said = try #require(open.headers[.assayCoverage], "\(open.text)")
            #expect(
                said.contains(
                    "\"baseline_problem\":\"the baseline's period ends at 2024-01-09T20:00:00Z, after"),
                "\(said)")
            // The second is one character, to people.
            for (name, long) in [
                ("c", String(repeating: "ä\\n", count: 5000)),
                ("d", "a" + String(repeating: "\u{301}", count: 50_000)),
            ] {
                let answer = try await client.post(
                    "/v2/api/assays/schedule",
                    Self.body("\"name\":\"\(name)\",").replacing(
                        "\"model_id\":null", with: "\"model_id\":\"\(long)\""))
                let told = try #require(answer.headers[.assayCoverage], "\(answer.text.prefix(200))")
                #expect(told.contains("data_origin.model_id") && told.utf8.count < 6000)
                #expect(told.utf8.allSatisfy { (0x20..<0x7F).contains($0) })
            }
        }
    }

    @Test("results of many windows come in batches, and are the same list")
    func manyResults() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.append((0..<5).map { (Double($0) * 60, Double($0)) })
            // A thousand paths: ten windows are held at once. The last six hold nothing.
            let indexes = "[" + (0..<1000).map { "\($0)" }.joined(separator: ",") + "]"
            let uuid = try await Self.ask(
                client, "schedule", Self.body("\"name\":\"many\",", indexes: indexes)
            ).string()
            client.clock.advance(60 * 11 + 6)
            let scheduler = SeriesScheduler(client.store, logger: noLog)
            for _ in 0..<2 { await scheduler.tick() }
            func text(_ more: String) async throws -> String {
                let answer = try await client.post(
                    "/v2/api/assays/get_results", "{\"id\":\"\(uuid)\"\(more)}")
                #expect(answer.status == 200)
                return answer.text
            }
            let all = try await text("")
            let ids = try JSONField(JSONValue(parsing: Array(all.utf8))).array().map {
                try $0["id"].integer()
            }
            #expect(ids == Array(1...11))
            let parts = ["19:01", "19:09", "19:12"].map { "2024-01-09T\($0):00Z" }
            var joined: [String] = []
            for (start, end) in zip(parts, parts.dropFirst()) {
                joined.append(
                    String(
                        try await text(",\"start\":\"\(start)\",\"end\":\"\(end)\"").dropFirst().dropLast()))
            }
            #expect(all == "[" + joined.joined(separator: ",") + "]")
        }
    }

    @Test("what cannot be is refused with 400, the field and the remedy")
    func refusals() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.append([(0, 1)])
            let unknown = "{\"id\":\"00000000-0000-4000-8000-00000000ffff\"}"
            let unknownAssay =
                "field \"assay_id\" is \"00000000-0000-4000-8000-00000000ffff\", and there is no assay"
            for (endpoint, body, part) in [
                ("schedule", "{}", "name"), ("schedule", Self.body(""), "name"),
                (
                    "schedule", Self.body("\"name\":\"a\",", frequency: "{\"Cron\":\"0 0 30 2 *\"}"),
                    "never comes"
                ),
                (
                    "schedule",
                    Self.body(
                        "\"name\":\"a\",",
                        baseline: "{\"Static\":[\"2023-01-01T00:00:00Z\",\"2023-01-02T00:00:00Z\"]}"),
                    "no inferences"
                ),
                ("schedule", Self.body("\"name\":\"a\",", field: "y"), "iopath[0].field"),
                (
                    "schedule",
                    Self.body("\"name\":\"a\",", indexes: "[0]").replacing(
                        "\"iopath\":[", with: "\"iopath\":[{\"field\":\"out.y.0\"},"),
                    "targeting.iopath[1]\" is called out.y.0 in answers"
                ),
                (
                    "schedule",
                    Self.body("\"name\":\"a\",").replacing("\"alert\":0.25", with: "\"alert\":-0.25"),
                    "targeting.iopath[0].thresholds.alert\" is -0.25, and no score is below 0"
                ),
                (
                    "score",
                    Self.body("", window: "{\"Raw\":[1]}").replacing("bin_weights", with: "bin_weight"),
                    "summarizer.UnivariateContinuous.bin_weight\" is not known"
                ),
                (
                    "schedule",
                    Self.body(
                        "\"name\":\"a\",",
                        baseline: "{\"Static\":[\"2024-01-09T19:00:00Z\",\"2024-01-09T19:01:00Z\"]}"
                    ).replacing("\"model_id\":null", with: "\"model_id\":\"nobody\""),
                    "targeting.data_origin.model_id\" is \"nobody\", and no record"
                ),
                ("preview", Self.body(""), "preview_start"),
                (
                    "preview",
                    Self.body(
                        "\"preview_start\":\"2024-01-09T19:00:00Z\",\"preview_end\":\"2024-01-09T18:00:00Z\","
                    ), "preview_end"
                ),
                (
                    "preview_baseline_binning",
                    Self.body(
                        "", baseline: "{\"Static\":[\"2024-01-09T19:00:00Z\",\"2024-01-09T19:01:00Z\"]}",
                        field: "out.none"), "out.none"
                ),
                ("score", Self.body("", window: "{\"Raw\":[]}"), "window.Raw"),
                ("score", Self.body("", window: "{}"), "window"),
                ("get/:id", "{}", "id"), ("get/:id", "{\"id\":\"x\"}", "UUID"),
                (
                    "get/:id", unknown,
                    "field \"id\" is \"00000000-0000-4000-8000-00000000ffff\", and there is no"
                ),
                (
                    "get_results", unknown,
                    "field \"id\" is \"00000000-0000-4000-8000-00000000ffff\", and there is no"
                ),
                ("get_next_run", unknown.replacing("\"id\"", with: "\"assay_id\""), unknownAssay),
                (
                    "set_active", unknown.replacing("{\"id\"", with: "{\"active\":true,\"assay_id\""),
                    unknownAssay
                ), ("get", "{\"active\":\"Some\"}", "active"),
                ("get_next_run", "{\"assay_id\":4}", "assay_id"),
                ("set_active", "{\"assay_id\":\"00000000-0000-4000-8000-00000000ffff\"}", "active"),
            ] {
                let answer = try await client.post("/v2/api/assays/\(endpoint)", body)
                #expect(answer.status == 400, "\(endpoint) \(body): \(answer.text)")
                #expect(try answer.json["msg"].string().contains(part), "\(endpoint): \(answer.text)")
                #expect(try answer.json["code"].integer() == 400)
            }
        }
    }
}
