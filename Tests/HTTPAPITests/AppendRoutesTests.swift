// Invariants checked: the first at the head of LogRoutes.swift: what is appended is there, as it was posted, whole or
// not at all, under the addresses that were answered.

import Foundation
import HTTPTypes
import JSON
import Queries
import Records
import Testing

@testable import HTTPAPI

@Suite("Records appended")
struct AppendRoutesTests {
    @Test("an append is answered with the addresses its records got")
    func spans() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            func append(_ rows: String, _ partition: String = "a", type: String = "application/json")
                async throws
                -> String
            {
                try await client.post("\(LogRoutesTests.path)/partition/\(partition)", rows, type: type).text
            }
            #expect(
                try await append("[{\"time\":1,\"x\":1},{\"time\":2,\"x\":2}]")
                    == "{\"span\":{\"start\":0,\"end\":2}}")
            #expect(
                try await append("{\"time\":3}\n\n{\"time\":4}\n", type: "application/x-ndjson")
                    == "{\"span\":{\"start\":2,\"end\":4}}")
            #expect(try await append("[{\"time\":5}]", "b") == "{\"span\":{\"start\":0,\"end\":1}}")
            #expect(try await append("[]") == "{\"span\":{\"start\":4,\"end\":4}}")
            #expect(try await append("[]", "c") == "{\"span\":{\"start\":0,\"end\":0}}")
        }
    }

    @Test(
        "a long body is kept whole, or refused whole by its row",
        arguments: ["application/json", "application/x-ndjson"])
    func longBody(type: String) async throws {
        let rows = (0..<4000).map {
            "{\"time\":\($0),\"in.x\":[\($0).25,1.50],\"text\":\"},{ größe \($0 % 7)\"}"
        }
        @Sendable func body(_ rows: [String]) -> String {
            type == "application/json"
                ? "[" + rows.joined(separator: ", ") + "]" : rows.joined(separator: "\n")
        }
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            let answer = try await client.post("\(LogRoutesTests.path)/partition/a", body(rows), type: type)
            #expect(answer.text == "{\"span\":{\"start\":0,\"end\":4000}}")
            let page = try await client.post(
                "\(LogRoutesTests.path)/records?page_size=10000&dataset.separator=.", "{}")
            #expect(page.text == "[" + rows.joined(separator: ",") + "]")
            let damaged = rows[..<3000] + ["{\"time\":1,\"time\":2}"] + rows[3000...]
            let refusal = try await client.post(
                "\(LogRoutesTests.path)/partition/a", body(Array(damaged)), type: type)
            #expect(refusal.status == 400)
            #expect(refusal.text.contains("row 3000, field \\\"time\\\": is given twice"))
        }
    }

    @Test("what was appended comes back as it was posted, number texts, nulls and unknown fields included")
    func asPosted() async throws {
        let rows = """
            [{"time":1,"in.x":[1.50,2],"out.y":1e3,"odd":{"a":[1,{"b":null}]},"none":null},\
            {"time":2,"in.x":[3,4.0],"out.y":12345678901234567890,"text":"größe \\u2603"}]
            """
        let back = """
            [{"time":1,"in.x":[1.50,2],"out.y":1e3,"odd":{"a":[1,{"b":null}]},"none":null},\
            {"time":2,"in.x":[3,4.0],"out.y":12345678901234567890,"text":"größe ☃"}]
            """
        let folder = try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.append(rows)
            let page = try await client.post("\(LogRoutesTests.path)/records?dataset.separator=.", "{}")
            #expect(page.text == back)
            return try client.folder.copy()
        }
        // Durable when it was answered.
        try await serving(folder: folder) { (client: Client) async throws in
            #expect(
                try await client.post("\(LogRoutesTests.path)/records?dataset.separator=.", "{}").text == back
            )
        }
    }

    @Test("every two or three values of one field come back from the disk in the texts they were posted in")
    func everyValueAsPosted() async throws {
        let values = [
            nil, "null", "1", "1.0", "1.50", "-0.0", "9007199254740993", "18446744073709551617", "1e400",
            "\"a\"",
            "\"☃\"", "true", "[]", "[1]", "[2.0]", "[null]", "[1,2]", "[\"a\"]", "[[1],[]]", "{}",
            "{\"a\":1.50}",
            "[1,\"a\"]",
        ]
        /// A line for each row; field n of row r has one value, or is absent.
        func lines(_ columns: [[String?]]) -> String {
            (0..<columns[0].count).map { row in
                let members = columns.enumerated().compactMap { number, column in
                    column[row].map { ",\"in.f\(number)\":\($0)" }
                }
                return "{\"time\":\(row)" + members.joined() + "}\n"
            }.joined()
        }
        let triples = values.flatMap { a in values.flatMap { b in values.map { [a, b, $0] } } }
        // Enough rows for a block of columns.
        let pairs = values.flatMap { a in values.map { b in (0..<260).map { $0 % 3 == 1 ? b : a } } }
        let bodies = [lines(triples), lines(pairs)]
        let folder = try await serving { (client: Client) async throws in
            try await client.createPipeline()
            for (number, body) in bodies.enumerated() {
                let path = "\(LogRoutesTests.path)/partition/\(number)"
                try #require(try await client.post(path, body, type: "application/x-ndjson").status == 200)
            }
            return try client.folder.copy()
        }
        try await serving(folder: folder) { (client: Client) async throws in
            for (number, body) in bodies.enumerated() {
                let page = try await client.post(
                    "\(LogRoutesTests.path)/records?dataset.separator=.&partition_filter=\(number)&page_size=10000",
                    "{}")
                let rows =
                    page.text.dropFirst().dropLast().replacing("},{\"time\"", with: "}\n{\"time\"") + "\n"
                let (found, posted) = (rows.split(separator: "\n"), body.split(separator: "\n"))
                #expect(found.count == posted.count)
                for (found, posted) in zip(found, posted) {
                    // Fields come in the order in which they were first met.
                    func members(_ row: Substring) -> [Substring] {
                        row.dropLast().split(separator: ",\"in.f").sorted()
                    }
                    #expect(members(found) == members(posted))
                }
            }
        }
    }

    @Test(
        "a field that is declared float32 has the numbers of a model's outputs, in the texts that were posted"
    )
    func declaredFloat32() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            func append(_ query: String) async throws {
                _ = try await client.post(
                    "\(LogRoutesTests.path)/partition/a\(query)",
                    "[{\"time\":1,\"out.score\":0.99300325,\"in.x\":0.1}]"
                )
            }
            func values(_ path: String) throws -> Double? {
                let topic = client.store.log.snapshot()
                return try ColumnScan(topic).values(
                    WindowQuery(topic: Client.topic, window: .always, path: try IOPath(parsing: path))
                ).values.last
            }
            try await append("")
            #expect(try values("output score") == 0.99300325)
            try await append("?float32=out.score")
            #expect(try values("output score") == Double(Float(0.99300325)))
            // Once said, it holds.
            try await append("")
            #expect(try values("output score") == Double(Float(0.99300325)))
            #expect(try values("input x") == 0.1)
            let page = try await client.post("\(LogRoutesTests.path)/records?dataset.separator=.", "{}").text
            #expect(page.components(separatedBy: "0.99300325").count == 4)
        }
    }

    // It was declared without a word, and changed nothing.
    @Test("a declared float32 field that no record of the body has is told, also where it is known by now")
    func unknownFloat32() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            func append(_ query: String, _ rows: String) async throws -> String {
                let answer = try await client.post("\(LogRoutesTests.path)/partition/a\(query)", rows)
                #expect(answer.status == 200, "\(answer.text)")
                return answer.text
            }
            let rows = #"[{"time":1,"out":{"y":0.5},"in.x":1}]"#
            for index in 0..<2 {
                let answer = try await append("?float32=in.nosuch&float32=out.y", rows)
                #expect(
                    answer
                        == #"{"span":{"start":\#(index),"end":\#(index + 1)},"float32_problem":"\"in.nosuch\": "#
                        + "no record that was read has a field of that name, so that it changes none of them; they "
                        + #"have out.y, in.x"}"#)
            }
            #expect(try await append("?float32=out.y", rows) == #"{"span":{"start":2,"end":3}}"#)
            // No record, nothing to hold it against.
            #expect(try await append("?float32=in.nosuch", "[]") == #"{"span":{"start":3,"end":3}}"#)
        }
    }

    @Test("a record without a time happened when it was appended")
    func withoutTime() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            client.clock.advance(1.5)
            try await client.append("[{\"x\":1},{\"time\":null,\"x\":2},{\"time\":7,\"x\":3}]")
            #expect(
                try await client.post("\(LogRoutesTests.path)/records", "{}").text
                    == "[{\"time\":1704826801500,\"x\":1},{\"time\":1704826801500,\"x\":2},{\"time\":7,\"x\":3}]"
            )
        }
    }

    @Test("nothing of a body is kept where a row of it is refused, and the row and field are named")
    func allOrNothing() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            let cut = client.store.log.cut
            for (rows, message) in [
                (
                    "[{\"time\":1},{\"time\":\"now\"}]",
                    "row 1, field \"time\": is \"now\"; it must be whole milliseconds"
                ),
                ("[{\"time\":1},{\"time\":1.5}]", "row 1, field \"time\""),
                ("[{\"time\":1},{\"a\":1,\"a\":2}]", "row 1, field \"a\": is given twice"),
                ("[{\"time\":1},7]", "row 1: malformed JSON at byte 12"),
                ("[{\"time\":1}", "malformed JSON"), ("", "malformed JSON"), ("{}", "malformed JSON"),
                ("[{\"time\":99999999999999999999}]", "row 0, field \"time\""),
                (
                    "[{\"time\":1},{\"time\":1704827224734000}]",
                    "row 1, field \"time\": is 1704827224734000; it"
                ),
            ] {
                let answer = try await client.post("\(LogRoutesTests.path)/partition/a", rows)
                #expect(answer.status == 400, "\(rows): \(answer.text)")
                #expect(try answer.json["message"].string().contains(message), "\(rows): \(answer.text)")
                #expect(try answer.json["code"].integer() == 400)
            }
            #expect(client.store.log.cut == cut)
        }
    }

    @Test("records go to a pipeline's topic only: others nobody could ask for")
    func unknownTopics() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            for name in [
                "nope", "workspace-1-pipeline-other-inference", "workspace-01-pipeline-fraud-inference",
            ] {
                let answer = try await client.post("/v1/logs/topic/\(name)/partition/a", "[{\"x\":1}]")
                #expect(answer.status == 404)
                #expect(try answer.json["message"].string().contains("there is no topic \"\(name)\""))
                #expect(try await client.send(.get, "/v1/logs/topic/\(name)").status == 404)
            }
            #expect(
                try await client.post("\(LogRoutesTests.path)/partition/a", "x", type: "text/csv").status
                    == 415)
            let long = String(repeating: "p", count: 1025)
            #expect(
                try await client.post("\(LogRoutesTests.path)/partition/\(long)", "[{\"x\":1}]").status == 400
            )
        }
    }

    // A name was kept as it was encoded in the URL.
    @Test("topics and partitions are named as their URLs mean, and pages say so in ASCII")
    func encodedNames() async throws {
        try await serving { (client: Client) async throws in
            try await client.ask("workspaces/create", "{\"workspace_name\":\"risk\"}")
            try await client.ask("pipelines/create", "{\"pipeline_id\":\"a b\",\"workspace_id\":1}")
            let path = "/v1/logs/topic/workspace-1-pipeline-a%20b-inference"
            let answer = try await client.post("\(path)/partition/G%C3%B6teborg%201", "[{\"x\":1}]")
            try #require(answer.status == 200, "\(answer.text)")
            let page = try await client.post(
                "\(path)/records?page_size=1&partition_filter=G%C3%B6teborg%201", "{}")
            #expect(try page.json.array().count == 1)
            #expect(
                page.headers[LogRoutesTests.status]
                    == "{\"status\":\"RecordLimited\",\"next\":{\"G\\u00f6teborg 1\":1}}")
            let json = try await client.send(.get, path).json
            #expect(try json["partitions"]["Göteborg 1"]["end"].integer() == 1)
            #expect(try await client.post("\(path)/partition/%C3", "[{\"x\":1}]").status == 400)
            #expect(try await client.post("\(path)/partition/%4", "[{\"x\":1}]").status == 400)
        }
    }

    @Test("a partition is an edge location where the append says so, and home is the others")
    func edges() async throws {
        try await serving { (client: Client) async throws in
            try await client.createPipeline()
            try await client.append("[{\"out\":{\"y\":1}}]", partition: "houston", query: "?edge=true")
            try await client.append("[{\"out\":{\"y\":2}}]", partition: "oslo", query: "?edge=false")
            #expect(client.store.catalog.pipelines.all[0].locations == ["houston"])
        }
    }
}
