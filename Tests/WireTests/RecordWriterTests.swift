// Invariants checked: those at the head of RecordWriter.swift, PreparedRecords.swift and
// FieldSelection.swift, but for the round trip, which has its own file.

import Records
import Testing

@testable import Wire

private let row =
    #"[{"time":1,"in.a":[1.5],"out.b":2,"in.c":null,"metadata.elapsed":[1,2],"plain":"x","out_m.b":{"k":1}}]"#

private func written(
    _ text: String, _ form: RecordForm, _ fields: FieldSelection = .all,
    as kind: RecordText = .array
) throws -> String {
    var writer = RecordWriter(as: kind, form: form, fields: fields)
    writer.write(try RecordParser.parse(Array(text.utf8), as: .array).batch)
    return String(decoding: writer.finish(), as: UTF8.self)
}

@Suite struct RecordWriterTests {
    @Test("the flat form is what was posted, the nested form gathers the groups")
    func forms() throws {
        #expect(try written(row, .flat) == row)
        #expect(
            try written(row, .nested)
                == #"[{"time":1,"in":{"a":[1.5],"c":null},"out":{"b":2},"metadata":{"elapsed":[1,2]},"plain":"x","out_m":{"b":{"k":1}}}]"#
        )
    }

    @Test(
        "an answer shows the fields that are asked for",
        arguments: [
            (["*"], [], row), ([], [], row),
            (
                ["*"], ["metadata"],
                #"[{"time":1,"in.a":[1.5],"out.b":2,"in.c":null,"plain":"x","out_m.b":{"k":1}}]"#
            ),
            (["in"], [], #"[{"in.a":[1.5],"in.c":null}]"#),
            (["time", "out.b"], [], #"[{"time":1,"out.b":2}]"#),
            (["in"], ["in.a"], #"[{"in.c":null}]"#), (["*"], ["*"], "[{}]"),
            (["i", "out.", "plai"], [], "[{}]"),
            (["*"], ["time", "in", "out", "out_m", "plain"], #"[{"metadata.elapsed":[1,2]}]"#),
            (["metadata.elapsed"], [], #"[{"metadata.elapsed":[1,2]}]"#),
        ])
    func selection(included: [String], excluded: [String], expected: String) throws {
        #expect(
            try written(row, .flat, FieldSelection(included: included, excluded: excluded))
                == expected)
    }

    @Test("no rows are an empty list, or no lines")
    func empty() throws {
        #expect(try written("[]", .flat) == "[]")
        #expect(try written("[]", .flat, as: .lines) == "")
        #expect(
            try written("[{},{}]", .flat, FieldSelection(excluded: ["time"]), as: .lines)
                == "{}\n{}\n")
    }

    @Test("rows of several batches are written in the order they are given")
    func merging() throws {
        let first = try RecordParser.parse(
            Array(#"[{"time":1,"a":1},{"time":3,"a":3}]"#.utf8), as: .array
        )
        .batch
        let second = try RecordParser.parse(Array(#"[{"time":2,"in.b":[0.5]}]"#.utf8), as: .array)
            .batch
        var writer = RecordWriter(form: .nested)
        let (left, right) = (writer.prepare(first), writer.prepare(second))
        writer.write(row: 0, of: left)
        writer.write(row: 0, of: right)
        writer.write(row: 1, of: left)
        #expect(writer.rowCount == 3)
        #expect(
            String(decoding: writer.finish(), as: UTF8.self)
                == #"[{"time":1,"a":1},{"time":2,"in":{"b":[0.5]}},{"time":3,"a":3}]"#)
    }

    @Test("a row is written as it is written alone, whichever rows stand beside it")
    func alone() throws {
        let rows = [
            #"{"time":1,"in":{"a":1},"plain":2,"out":{"y":3}}"#,
            // The group's first field is another's, behind which its own stand otherwise.
            #"{"time":2,"plain":4,"out":{"y":5},"in":{"b":6}}"#, #"{"time":3,"out":{"y":7},"in":{"b":null}}"#,
            #"{"time":4,"plain":8,"in":9,"in.b":0}"#, #"{"time":5,"in":{"a":1,"b":2}}"#,
        ]
        let names = ["in.a", "plain", "in", "out.y", "in.b"]
        func batch(_ rows: [String]) throws -> RecordBatch {
            var batch = try RecordParser.parse(Array(rows.joined(separator: "\n").utf8), as: .lines).batch
            batch.fields.sort { names.firstIndex(of: $0.name)! < names.firstIndex(of: $1.name)! }
            return batch
        }
        for form in [RecordForm.flat, .nested] {
            var apart = RecordWriter(as: .lines, form: form)
            for row in rows { apart.write(try batch([row])) }
            var together = RecordWriter(as: .lines, form: form)
            together.write(try batch(rows))
            let written = together.finish()
            #expect(written == apart.finish())
            if form == .nested { #expect(written == Array((rows.joined(separator: "\n") + "\n").utf8)) }
        }
    }

    @Test("infinities that are to be kept come back as they were, and NaNs are counted")
    func keptInfinities() throws {
        let batch = RecordBatch(
            times: [1, 2, 3],
            fields: [
                FieldColumn(name: "x", values: .scalar(Leaf(.float64([.nan, .infinity, -.infinity])))),
                FieldColumn(
                    name: "in.y",
                    values: .fixedList([
                        Leaf(.float32([1.5, -.infinity, 5])), Leaf(.float32([.infinity, .nan, 0.5])),
                    ])),
                FieldColumn(name: "in.z", values: .fixedList([Leaf(.float64([1.5, 2.5, 3.5]))])),
                FieldColumn(
                    name: "w", values: .list(lengths: [1, 0, 2], Leaf(.float64([.nan, .infinity, 0.5])))),
            ])
        for form in [RecordForm.flat, .nested] {
            var writer = RecordWriter(as: .lines, form: form, keepingInfinities: true)
            writer.write(batch)
            #expect(writer.nanCount == 3)
            let text = writer.finish()
            let read = try RecordParser.parse(text, as: .lines).batch
            func leaf(_ name: String, _ element: Int = 0) -> [Double]? {
                let leaf: Leaf? =
                    switch read.field(named: name)?.values {
                    case .scalar(let leaf): leaf
                    case .fixedList(let leaves): leaves[element]
                    case .list(_, let leaf): leaf
                    default: nil
                    }
                guard case .float64(let values) = leaf?.elements else { return nil }
                return values
            }
            #expect(leaf("x")?.dropFirst() == [.infinity, -.infinity])
            #expect(leaf("in.y", 0) == [1.5, -.infinity, 5])
            #expect(leaf("in.y", 1)?.first == .infinity)
            #expect(leaf("w")?.dropFirst() == [.infinity, 0.5])
            if form == .flat {
                #expect(
                    String(decoding: text, as: UTF8.self) == """
                        {"time":1,"x":null,"in.y":[1.5,1e999],"in.z":[1.5],"w":[null]}
                        {"time":2,"x":1e999,"in.y":[-1e999,null],"in.z":[2.5],"w":[]}
                        {"time":3,"x":-1e999,"in.y":[5.0,0.5],"in.z":[3.5],"w":[1e999,0.5]}

                        """)
            }
        }
    }

    @Test("numbers that JSON has not are null, unless they were posted")
    func notFinite() throws {
        let batch = RecordBatch(
            times: [1, 2, 3],
            fields: [
                FieldColumn(
                    name: "x",
                    values: .scalar(
                        Leaf(
                            .float64([.nan, .infinity, .infinity]),
                            texts: [NumberText(position: 2, text: "1e999")]))),
                FieldColumn(
                    name: "y", values: .fixedList([Leaf(.float32([0.99300325, -.infinity, 5]))])),
                FieldColumn(
                    name: "z",
                    values: .scalar(Leaf(.float32([5, 0.5, -0.0]), wholeNumbersAreBare: true))),
            ])
        var writer = RecordWriter(as: .lines)
        writer.write(batch)
        #expect(
            String(decoding: writer.finish(), as: UTF8.self) == """
                {"time":1,"x":null,"y":[0.99300325],"z":5}
                {"time":2,"x":null,"y":[null],"z":0.5}
                {"time":3,"x":1e999,"y":[5.0],"z":-0}

                """)
    }
}
