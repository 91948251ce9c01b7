// Arrow IPC between pyarrow and this store, both ways: what it writes is read right, and what is
// written here it reads, fully validated, with the types and values that were meant.
//
// These tests need a Python that has pyarrow; ASSAYLOG_PEER_PYTHON names it.

import Foundation
import JSON
import Records
import Simulation
import TestSupport
import Testing

@testable import Wire

private enum Peer {
    static let python = ProcessInfo.processInfo.environment["ASSAYLOG_PEER_PYTHON"]
    static let missing: Comment =
        "set ASSAYLOG_PEER_PYTHON to a Python that has pyarrow (pip install pyarrow)"

    static let script = "\(TestData.root)/Tools/peers/arrow_peer.py"

    /// Calls `body` with a new folder that is gone afterwards.
    static func withFolder<Value>(_ body: (URL) throws -> Value) throws -> Value {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "arrow-peer-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        return try body(folder)
    }

    static func run(_ command: String, _ folder: URL) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: python ?? "")
        process.arguments = [script, command, folder.path]
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "arrow_peer.py \(command) failed; what it said is above")
    }

    static func json(_ folder: URL, _ name: String) throws -> JSONObject {
        let text = try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
        guard case .object(let object) = try JSONValue(parsing: text) else {
            throw CocoaError(.fileReadCorruptFile)
        }
        return object
    }
}

extension JSONValue {
    fileprivate subscript(key: String) -> JSONValue? {
        if case .object(let object) = self { object[key] } else { nil }
    }

    /// Nil where it is no list.
    fileprivate var elements: [JSONValue]? {
        if case .array(let elements) = self { elements } else { nil }
    }

    /// With numbers by value, as two writers print them differently; members by name.
    fileprivate var normal: JSONValue {
        switch self {
        case .number(let number):
            Int64(number.text) != nil ? self : .number(JSONNumber(number.double) ?? number)
        case .array(let values): .array(values.map { $0.normal })
        case .object(let object):
            .object(JSONObject(object.members.map { ($0.key, $0.value.normal) }.sorted { $0.0 < $1.0 }))
        default: self
        }
    }
}

/// Rows as the peer prints them: floats widened to doubles, what is not finite as a text, nulls for
/// what is absent.
private func rows(_ parsed: ParsedRecords) -> JSONValue {
    func value(_ leaf: Leaf, _ position: Int) -> JSONValue {
        func number(_ value: Double) -> JSONValue {
            value.isNaN
                ? .string("nan")
                : JSONNumber(value).map { .number($0) } ?? .string(value > 0 ? "inf" : "-inf")
        }
        if leaf.isNull(position) { return .null }
        if let text = leaf.text(at: position), let kept = try? JSONValue(parsing: text) { return kept }
        switch leaf.elements {
        case .int64(let values): return .integer(Int(values[position]))
        case .float32(let values): return number(Double(values[position]))
        // An integer that a column of uint64 holds among larger ones.
        case .float64(let values) where leaf.wholeNumbersAreBare && Int(exactly: values[position]) != nil:
            return .integer(Int(values[position]))
        case .float64(let values): return number(values[position])
        case .bool(let values): return .bool(values[position])
        case .text(let values): return .string(values[position])
        }
    }
    let absent = Set(parsed.timeAbsent)
    let hasTime = absent.count < parsed.batch.rowCount
    return .array(
        (0..<parsed.batch.rowCount).map { row in
            var members: [(String, JSONValue)] = []
            if hasTime {
                members.append(
                    ("time", absent.contains(Int32(row)) ? .null : .integer(Int(parsed.batch.times[row]))))
            }
            for field in parsed.batch.fields {
                var cell = JSONValue.null
                if field.presence.state(row) == .value {
                    switch field.values {
                    case .none: break
                    case .scalar(let leaf): cell = value(leaf, row)
                    case .fixedList(let leaves): cell = .array(leaves.map { value($0, row) })
                    case .list(let lengths, let leaf):
                        let start = lengths[..<row].reduce(0) { $0 + Int($1) }
                        cell = .array((start..<start + Int(lengths[row])).map { value(leaf, $0) })
                    case .json(let texts): cell = (try? JSONValue(parsing: texts[row])) ?? .null
                    }
                }
                members.append((field.name, cell))
            }
            return .object(JSONObject(members))
        })
}

private func shape(_ field: FieldColumn) -> String {
    func type(_ leaf: Leaf) -> String {
        switch leaf.elements {
        case .int64: "int64"
        case .float32: "float32"
        case .float64: "float64"
        case .bool: "bool"
        case .text: "text"
        }
    }
    switch field.values {
    case .none: return "none"
    case .scalar(let leaf): return "scalar \(type(leaf))"
    case .fixedList(let leaves):
        return (["fixedList", "\(leaves.count)"] + leaves.prefix(1).map(type)).joined(separator: " ")
    case .list(_, let leaf): return "list \(type(leaf))"
    case .json: return "json"
    }
}

@Suite(.enabled(if: Peer.python != nil, Peer.missing))
struct ArrowPeerTests {
    @Test("every type, form and option that pyarrow writes is read right, or refused with a remedy")
    func reading() throws {
        try Peer.withFolder { folder in
            try Peer.run("make", folder)
            let cases = try Peer.json(folder, "cases.json").members
            #expect(cases.count > 40)
            for member in cases {
                let bytes = [UInt8](
                    try Data(contentsOf: folder.appendingPathComponent("\(member.key).arrow")))
                let parsed: ParsedRecords
                do throws(ArrowError) {
                    parsed = try ArrowReader.read(bytes)
                } catch {
                    guard case .string(let remedy)? = member.value["refusal"] else {
                        Issue.record("\(member.key): \(error)")
                        continue
                    }
                    #expect(error.description.contains(remedy), "\(member.key)")
                    continue
                }
                #expect(rows(parsed).normal == member.value["rows"]?.normal, "\(member.key)")
                guard case .object(let shapes)? = member.value["shapes"] else {
                    Issue.record("\(member.key) should be refused")
                    continue
                }
                for expected in shapes.members {
                    let field = parsed.batch.field(named: expected.key)
                    #expect(
                        field.map(shape).map { .string($0) } == expected.value,
                        "\(member.key), \(expected.key)")
                }
            }
        }
    }

    @Test("pyarrow's own bodies, damaged, never trap")
    func damaged() throws {
        try Peer.withFolder { folder in
            try Peer.run("make", folder)
            for (number, member) in try Peer.json(folder, "cases.json").members.enumerated() {
                let bytes = [UInt8](
                    try Data(contentsOf: folder.appendingPathComponent("\(member.key).arrow")))
                var generator = SeededGenerator(seed: UInt64(number))
                for _ in 0..<300 {
                    var damaged = bytes
                    for _ in 0..<Int.random(in: 1...3, using: &generator) {
                        damaged[Int.random(in: damaged.indices, using: &generator)] = UInt8.random(
                            in: 0...255, using: &generator)
                    }
                    _ = try? ArrowReader.read(damaged)
                    _ = try? ArrowReader.read(
                        Array(bytes.prefix(Int.random(in: 0..<bytes.count, using: &generator))))
                }
            }
        }
    }

    /// Batches of which no column has one type, and one of float32.
    private func batches() throws -> [RecordBatch] {
        let bodies = [
            #"[{"time":1704827224734,"in.tensor":[1.5,2.5],"in.n":1,"out.variable":[0.25],"check_failures":[],"#
                + #""metadata.elapsed":[5039007,602225],"metadata.dropped":[],"metadata.partition":"é","flag":true,"mixed":1,"#
                + #""big":18446744073709551615,"ragged":[1]},"#
                + #"{"time":-1,"in.tensor":[1.5,null],"in.n":null,"out.variable":null,"check_failures":[],"metadata.elapsed":[1,2],"#
                + #""metadata.partition":"","flag":null,"mixed":null,"big":0,"ragged":[]}]"#,
            #"[{"time":5,"in.n":2.5,"mixed":"a","only":null,"ragged":[2,3.5]}]"#,
        ]
        var batches = try bodies.map { try RecordParser.parse(Array($0.utf8), as: .array).batch }
        batches.append(
            RecordBatch(
                times: [7, 8],
                fields: [
                    FieldColumn(
                        name: "in.tensor",
                        values: .fixedList([Leaf(.float32([0.5, .nan])), Leaf(.float32([.infinity, -0.0]))])),
                    FieldColumn(name: "in.f", values: .scalar(Leaf(.float32([0.1, -.infinity])))),
                ]))
        return batches
    }

    @Test("pyarrow reads what is written here: types, nulls, metadata and every value")
    func writing() throws {
        let batches = try batches()
        let status = #"{"status":"All","next":{"p":3}}"#
        try Peer.withFolder { folder in
            func write(_ name: String, _ bytes: [UInt8]) throws {
                try Data(bytes).write(to: folder.appendingPathComponent("\(name).arrow"))
            }
            try write("flat", ArrowWriter(status: status).bytes(of: batches))
            try write("stream", ArrowWriter(as: .stream, status: status).bytes(of: batches))
            try write("nested", ArrowWriter(form: .nested).bytes(of: batches))
            try write("picked", ArrowWriter().bytes(of: batches, rows: [(2, 1), (0, 1), (0, 0), (0, 0)]))
            try write("empty", ArrowWriter(status: status).bytes(of: []))
            try write("nothing", ArrowWriter(fields: FieldSelection(included: ["none"])).bytes(of: batches))
            let long = RecordBatch(
                times: (0..<70_000).map { Int64($0) },
                fields: [
                    FieldColumn(
                        name: "in.x",
                        values: .fixedList(
                            (0..<3).map { leaf in Leaf(.float32((0..<70_000).map { Float($0 * 3 + leaf) })) })
                    )
                ])
            try write("long", ArrowWriter().bytes(of: [long]))
            try Peer.run("read", folder)
            let found = try Peer.json(folder, "read.json")

            let flat = try #require(found["flat"])
            #expect(found["stream"] == flat)
            let types = [
                ("time", "int64"), ("in.tensor", "list<item: double>"), ("in.n", "double"),
                ("out.variable", "list<item: double>"),
                ("check_failures", "list<item: string>"), ("metadata.elapsed", "list<item: int64>"),
                ("metadata.dropped", "list<item: string>"),
                ("metadata.partition", "string"), ("flag", "bool"), ("mixed", "string"), ("big", "uint64"),
                ("only", "null"), ("ragged", "list<item: double>"), ("in.f", "float"),
            ]
            #expect(flat["types"] == .object(JSONObject(types.map { ($0.0, .string($0.1)) })))
            #expect(flat["metadata"] == .object(("status", .string(status))))
            #expect(flat["notes"]?["mixed"] == .object(("assaylog.content", .string("json"))))
            #expect(flat["nullable"]?["time"] == .bool(false))
            #expect(flat["nullable"]?["in.n"] == .bool(true))
            let nan = JSONValue.string("nan")
            let expected = try JSONValue(
                parsing: #"""
                    [{"time":1704827224734,"in.tensor":[1.5,2.5],"in.n":1.0,"out.variable":[0.25],"check_failures":[],
                      "metadata.elapsed":[5039007,602225],"metadata.dropped":[],"metadata.partition":"é","flag":true,"mixed":"1",
                      "big":18446744073709551615,"ragged":[1.0],"only":null,"in.f":null},
                     {"time":-1,"in.tensor":[1.5,null],"in.n":null,"out.variable":null,"check_failures":[],"metadata.elapsed":[1,2],
                      "metadata.dropped":null,"metadata.partition":"","flag":null,"mixed":null,"big":0,"ragged":[],"only":null,"in.f":null},
                     {"time":5,"in.tensor":null,"in.n":2.5,"out.variable":null,"check_failures":null,"metadata.elapsed":null,
                      "metadata.dropped":null,"metadata.partition":null,"flag":null,"mixed":"\"a\"","big":null,"ragged":[2.0,3.5],
                      "only":null,"in.f":null},
                     {"time":7,"in.tensor":[0.5,"inf"],"in.n":null,"out.variable":null,"check_failures":null,"metadata.elapsed":null,
                      "metadata.dropped":null,"metadata.partition":null,"flag":null,"mixed":null,"big":null,"ragged":null,"only":null,
                      "in.f":0.10000000149011612},
                     {"time":8,"in.tensor":["nan",-0.0],"in.n":null,"out.variable":null,"check_failures":null,"metadata.elapsed":null,
                      "metadata.dropped":null,"metadata.partition":null,"flag":null,"mixed":null,"big":null,"ragged":null,"only":null,
                      "in.f":"-inf"}]
                    """#)
            #expect(flat["rows"]?.normal == expected.normal)
            let all = try #require(expected.elements)

            let nested = try #require(found["nested"])
            #expect(
                nested["types"]?["in"] == .string("struct<tensor: list<item: double>, n: double, f: float>"))
            let nestedRows = try #require(nested["rows"]?.elements)
            #expect(nestedRows[4]["in"]?["tensor"] == .array([nan, .number(try #require(JSONNumber(-0.0)))]))
            #expect(nestedRows[2]["in"]?["tensor"] == .null)
            #expect(nestedRows[2]["metadata"] == .null)
            #expect(nestedRows[1]["metadata"]?["dropped"] == .null)

            let picked = try #require(found["picked"]?["rows"]?.elements)
            #expect(picked.count == 4)
            #expect(picked[0]["in.f"]?.normal == all[4]["in.f"]?.normal)
            #expect(picked[1]["in.tensor"]?.normal == all[1]["in.tensor"]?.normal)
            #expect(picked[2] == picked[3])

            #expect(found["empty"]?["types"] == .object(JSONObject()))
            #expect(found["empty"]?["metadata"] == .object(JSONObject()))
            #expect(found["nothing"]?["rowCount"] == .integer(5))
            let longRows = try #require(found["long"]?["rows"]?.elements)
            #expect(longRows.count == 70_000)
            #expect(
                longRows[69_999]["in.x"]?.normal
                    == .array(
                        [209_997, 209_998, 209_999].map { .number(JSONNumber(Double($0)) ?? JSONNumber($0)) })
            )
        }
    }
}
