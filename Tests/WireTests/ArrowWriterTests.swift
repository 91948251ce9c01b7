// Invariants checked: those at the heads of ArrowColumnType.swift (its table, line by line) and
// ArrowWriter.swift: the schema that clients see.

import JSON
import Records
import Testing

@testable import Wire

/// The fields of the schema that is written for those batches, as text.
private func schema(_ bytes: [UInt8]) throws -> [String] {
    try bytes.withUnsafeBytes { buffer in
        try ArrowSchemaReader.fields(of: ArrowMessages(ArrowBytes(raw: buffer, place: 0)).schema).map(text)
    }
}

private func text(_ field: ArrowField) -> String {
    let type =
        switch field.type {
        case .null: "null"
        case .bool: "bool"
        case .integer(let bitWidth, let isSigned): "\(isSigned ? "" : "u")int\(bitWidth)"
        case .float(let bitWidth): "float\(bitWidth)"
        case .text: field.isJSON ? "json" : "text"
        case .list: "list<\(text(field.children[0]))>"
        case .structure: "struct<\(field.children.map(text).joined(separator: ", "))>"
        default: "\(field.type)"
        }
    return "\(field.name): \(type)"
}

/// The type of the field `x` of posted bodies, each a batch of its own, less "x: ".
private func type(_ bodies: String...) throws -> String {
    let batches = try bodies.map { body in
        let rows = body.split(separator: "|").map { #"{"time":1,"x":\#($0)}"# }.joined(separator: ",")
        return try RecordParser.parse(Array("[\(rows)]".utf8), as: .array).batch
    }
    return String(try schema(ArrowWriter().bytes(of: batches))[1].dropFirst(3))
}

private func float32(_ values: [Float]) -> RecordBatch {
    RecordBatch(
        times: values.map { _ in 1 },
        fields: [FieldColumn(name: "x", values: .scalar(Leaf(.float32(values))))])
}

private func posted(_ text: String) throws -> RecordBatch {
    try RecordParser.parse(Array(text.utf8), as: .array).batch
}

@Suite struct ArrowWriterTests {
    @Test("one type a column: what batches agree on, or the next wider type that changes no value")
    func types() throws {
        #expect(try type("1|2") == "int64")
        #expect(try type("1.5|2") == "float64")
        #expect(try type("1|2", "1.5") == "float64")
        #expect(try type("9007199254740992", "1.5") == "float64")
        #expect(try type("9007199254740993", "1.5") == "json")
        #expect(try type("18446744073709551615|1") == "uint64")
        #expect(try type("18446744073709551615|1", "5") == "uint64")
        #expect(try type("18446744073709551615|1", "-5") == "json")
        #expect(try type("18446744073709551615|1.5") == "json")
        #expect(try type("18446744073709551616") == "float64")
        #expect(try type("true") == "bool")
        #expect(try type("true", "1") == "json")
        #expect(try type("\"a\"") == "text")
        #expect(try type("\"a\"", "1") == "json")
        #expect(try type("null") == "null")
        #expect(try type("null", "true") == "bool")
        #expect(try type("[]|[]") == "list<item: text>")
        #expect(try type("[]", "[1]") == "list<item: int64>")
        #expect(try type("[null]", "[true]") == "list<item: bool>")
        #expect(try type("[1,2]|[3,4]") == "list<item: int64>")
        #expect(try type("[1,2.5]|[3,4]") == "list<item: float64>")
        #expect(try type("[1]|[3,4.5]") == "list<item: float64>")
        #expect(try type("[1]", "1") == "json")
        #expect(try type("[\"a\"]", "[1]") == "json")
        #expect(try type("[[1]]") == "json")
        #expect(try type("{}") == "json")
        #expect(try schema(ArrowWriter().bytes(of: [float32([1])])) == ["time: int64", "x: float32"])
        #expect(
            try schema(ArrowWriter().bytes(of: [float32([1]), posted(#"[{"x":1.5}]"#)])) == [
                "time: int64", "x: float64",
            ])
        #expect(
            try schema(ArrowWriter().bytes(of: [float32([1]), posted(#"[{"x":5}]"#)])) == [
                "time: int64", "x: float64",
            ])
    }

    @Test("no value changes where a column is widened, and JSON text has what was posted")
    func widened() throws {
        func read(_ batches: RecordBatch...) throws -> FieldValues? {
            try ArrowReader.read(ArrowWriter().bytes(of: batches)).batch.field(named: "x")?.values
        }
        #expect(
            try read(float32([0.1]), posted(#"[{"x":0.1}]"#), posted(#"[{"x":-5}]"#))
                == .scalar(Leaf(.float64([Double(Float(0.1)), 0.1, -5]))))
        #expect(
            try read(posted(#"[{"x":18446744073709551615}]"#), posted(#"[{"x":null},{"x":5}]"#))
                == posted(#"[{"x":18446744073709551615},{"x":null},{"x":5}]"#).fields[0].values)
        #expect(
            try read(posted(#"[{"x":9007199254740993}]"#), posted(#"[{"x":0.5}]"#))
                == read(posted(#"[{"x":9007199254740993},{"x":0.5}]"#)),
            "in one block as in two")
        #expect(
            try read(posted(#"[{"x":1.50}]"#), posted(#"[{"x":[1e3,"a"]}]"#), posted("[{}]"))
                == posted(#"[{"x":1.50},{"x":[1e3,"a"]},{}]"#).fields[0].values)
    }

    @Test("a column of JSON text keeps infinities, and counts its NaNs, which are null")
    func infinities() throws {
        func batch(_ leaf: Leaf) -> RecordBatch {
            RecordBatch(times: [1, 2, 3], fields: [FieldColumn(name: "x", values: .scalar(leaf))])
        }
        let batches = try [
            batch(Leaf(.float64([.infinity, .nan, -.infinity]))),
            batch(Leaf(.float32([.nan, 0.5, .infinity]))), posted(#"[{"x":"a"}]"#),
        ]
        var table = ArrowTableSchema()
        for batch in batches { table.add(batch) }
        var writer = ArrowPartWriter(ArrowWriter(), table)
        for (number, batch) in batches.enumerated() {
            try writer.write([batch], rows: (0..<batch.rowCount).map { (0, $0) })
            #expect(writer.nanCount == [1, 2, 2][number])
        }
        let bytes = writer.finish()
        #expect(try schema(bytes) == ["time: int64", "x: json"])
        let expected = try posted(
            #"[{"x":1e999},{"x":null},{"x":-1e999},{"x":null},{"x":0.5},{"x":1e999},{"x":"a"}]"#)
        #expect(try ArrowReader.read(bytes).batch.field(named: "x")?.values == expected.fields[0].values)
        // Elsewhere NaN is NaN.
        var plain = ArrowTableSchema()
        plain.add(batches[0])
        var numbers = ArrowPartWriter(ArrowWriter(), plain)
        try numbers.write([batches[0]], rows: [(0, 0), (0, 1), (0, 2)])
        #expect(numbers.nanCount == 0)
    }

    @Test(
        "an integer of any length that no double holds makes a column of JSON text, with its digits",
        arguments: [
            ("18446744073709551615", "-1"), ("18446744073709551615", "0.5"), ("36893488147419103233", "1"),
            ("-9223372036854775809", "1"), ("123456789012345678901", "0.5"),
            ("999999999999999999999999999999999999999999999999", "1"),
        ])
    func longIntegers(integer: String, other: String) throws {
        for text in [
            "[{\"x\":\(integer)},{\"x\":\(other)}]", "[{\"x\":[\(integer)]},{\"x\":[\(other)]}]",
            "[{\"x\":[\(integer),\(other)]}]",
        ] {
            let batch = try posted(text)
            #expect(try schema(ArrowWriter().bytes(of: [batch])) == ["time: int64", "x: json"])
            let read = try ArrowReader.read(ArrowWriter().bytes(of: [batch])).batch
            #expect(read.field(named: "x")?.values == batch.fields[0].values, "\(text)")
        }
        // 2^65 is a double.
        #expect(
            try schema(ArrowWriter().bytes(of: [posted("[{\"x\":36893488147419103232},{\"x\":-1}]")]))
                == ["time: int64", "x: float64"])
    }

    @Test("flat and nested schemas, in the order of the fields, the time first")
    func forms() throws {
        let batch = try posted(
            #"[{"in.x":[1.5],"time":1,"out.y":[2.5],"check_failures":[],"in.z":1,"metadata.partition":"p"}]"#)
        func fields(_ form: RecordForm, _ selection: FieldSelection = .all) throws -> [String] {
            try schema(ArrowWriter(form: form, fields: selection).bytes(of: [batch]))
        }
        #expect(
            try fields(.flat) == [
                "time: int64", "in.x: list<item: float64>", "out.y: list<item: float64>",
                "check_failures: list<item: text>",
                "in.z: int64", "metadata.partition: text",
            ])
        #expect(
            try fields(.nested) == [
                "time: int64", "in: struct<x: list<item: float64>, z: int64>",
                "out: struct<y: list<item: float64>>",
                "check_failures: list<item: text>", "metadata: struct<partition: text>",
            ])
        #expect(
            try fields(.nested, FieldSelection(included: ["out", "time"])) == [
                "time: int64", "out: struct<y: list<item: float64>>",
            ])
        #expect(
            try fields(.flat, FieldSelection(excluded: ["in", "time", "metadata", "check_failures"])) == [
                "out.y: list<item: float64>"
            ])
        let nothing = try ArrowReader.read(
            ArrowWriter(fields: FieldSelection(included: ["nothing"])).bytes(of: [batch]))
        #expect(nothing.batch == RecordBatch(times: [0], fields: []) && nothing.timeAbsent == [0])
    }

    @Test("a field with a group's own name leaves the group flat, as a name may stand only once")
    func namesakes() throws {
        let batch = try posted(#"[{"in":5,"in.x":1},{"in.x":2}]"#)
        #expect(
            try schema(ArrowWriter(form: .nested).bytes(of: [batch])) == [
                "time: int64", "in: int64", "in.x: int64",
            ])
    }

    @Test("the status is metadata of the schema; no rows mean no fields and no metadata")
    func status() throws {
        let status = #"{"status":"All","next":{"p":3}}"#
        let batch = try posted(#"[{"in.x":1}]"#)
        func metadata(_ bytes: [UInt8]) throws -> [String: String] {
            try bytes.withUnsafeBytes { buffer in
                let schema = try ArrowMessages(ArrowBytes(raw: buffer, place: 0)).schema
                var pairs: [String: String] = [:]
                for index in 0..<(try schema.tableCount(2)) {
                    let pair = try schema.table(2, index)
                    let (key, value) = (
                        try pair.vector(0, width: 1) ?? .none, try pair.vector(1, width: 1) ?? .none
                    )
                    pairs[String(decoding: key.raw, as: UTF8.self)] = String(
                        decoding: value.raw, as: UTF8.self)
                }
                return pairs
            }
        }
        for format in [ArrowWriter.Format.file, .stream] {
            let writer = ArrowWriter(as: format, status: status)
            #expect(try metadata(writer.bytes(of: [batch])) == ["status": status])
            for empty in [try writer.bytes(of: []), try writer.bytes(of: [batch], rows: [])] {
                #expect(try schema(empty).isEmpty && metadata(empty).isEmpty)
                #expect(
                    try ArrowReader.read(empty)
                        == ParsedRecords(batch: RecordBatch(times: [], fields: []), timeAbsent: []))
            }
        }
        #expect(try metadata(ArrowWriter().bytes(of: [batch])).isEmpty)
    }

    @Test("batches that no row is of have no say in the schema")
    func unused() throws {
        let batches = [try posted(#"[{"x":1}]"#), try posted(#"[{"x":"a","y":1}]"#)]
        #expect(try schema(ArrowWriter().bytes(of: batches, rows: [(0, 0)])) == ["time: int64", "x: int64"])
    }

    @Test(
        "columns stand in an order that has each row's own in it, or as they are met, whoever shares a batch")
    func columnOrder() throws {
        for (rows, order) in [
            ([#"{"b":1,"d":1}"#, #"{"a":1,"b":1,"c":1}"#, #"{"c":1,"d":1}"#], "a b c d"),
            ([#"{"b":1}"#, #"{"a":1}"#, #"{"c":1}"#], "b a c"),
            ([#"{"b":1}"#, #"{"a":1,"c":1}"#, #"{"a":null,"b":1,"c":1}"#], "a b c"),
        ] {
            // As of rows of one body, which has one order.
            let names = ["a", "b", "c", "d"]
            func batch(_ rows: ArraySlice<String>) throws -> RecordBatch {
                var batch = try posted("[\(rows.joined(separator: ","))]")
                batch.fields.sort { names.firstIndex(of: $0.name)! < names.firstIndex(of: $1.name)! }
                return batch
            }
            let bodies = try (0...rows.count).map { cut in
                try ArrowWriter(fields: FieldSelection(excluded: ["time"])).bytes(
                    of: [batch(rows[..<cut]), batch(rows[cut...])])
            }
            #expect(
                try schema(bodies[0]).map { String($0.prefix { $0 != ":" }) }.joined(separator: " ") == order)
            #expect(bodies.allSatisfy { $0 == bodies[0] }, "\(rows)")
        }
        // They contradict each other.
        let bodies = [#"[{"a":1,"b":1}]"#, #"[{"c":1,"b":1,"a":1}]"#]
        #expect(
            try schema(ArrowWriter().bytes(of: bodies.map(posted)))
                == ["time: int64", "a: int64", "b: int64", "c: int64"])
        #expect(
            try schema(ArrowWriter().bytes(of: bodies.map(posted), rows: [(1, 0), (0, 0)]))
                == ["time: int64", "c: int64", "b: int64", "a: int64"])
    }

    @Test("columns and their types are those of the rows that are written, not of those beside them")
    func writtenRows() throws {
        let rows = [
            #"{"time":1,"x":7,"l":[1,2]}"#, #"{"time":2,"x":2.5,"l":[0.5,3],"y":1}"#,
            #"{"time":3,"x":0,"l":[-4,5],"u":18446744073709551615}"#, #"{"time":4,"u":-1.5}"#,
            #"{"time":5,"x":null,"l":null,"u":3}"#,
        ]
        let all = try posted("[\(rows.joined(separator: ","))]")
        for some in [[0], [2], [0, 2], [4], [0, 1], [2, 4], [4, 2, 0], [3, 4], [0, 1, 2, 3, 4]] {
            let together = try ArrowWriter().bytes(of: [all], rows: some.map { (0, $0) })
            let apart = try ArrowWriter().bytes(of: some.map { try posted("[\(rows[$0])]") })
            #expect(together == apart, "\(some)")
        }
        let bytes = try ArrowWriter().bytes(of: [all], rows: [(0, 0), (0, 2)])
        #expect(
            try schema(bytes) == ["time: int64", "x: int64", "l: list<item: int64>", "u: uint64"])
        #expect(try ArrowReader.read(bytes).batch.field(named: "x")?.values == .scalar(Leaf(.int64([7, 0]))))
        // A whole number with a point, and a negative zero, are no integers.
        #expect(try type("1|2.5", "4.0") == "float64" && type("4.0") == "float64" && type("-0") == "float64")
    }

    @Test("a place past 32 bits is refused, not cut")
    func offsets() throws {
        let field = ArrowField(name: "x", path: "x", type: .text(isLarge: false))
        #expect(try ArrowWriter.offset(Int(Int32.max), field) == .max)
        #expect(throws: ArrowError.self) { try ArrowWriter.offset(Int(Int32.max) + 1, field) }
    }
}

extension ArrowPartWriter {
    /// More rows, in the order given, all held until they are taken.
    mutating func write(
        _ batches: [RecordBatch], rows: [(batch: Int, row: Int)]
    ) throws(ArrowError) {
        try write(batches, runs: ArrowRowRun.runs(of: rows, in: batches))
    }
}
