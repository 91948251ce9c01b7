// Invariants checked: those at the head of RecordParser.swift, MemberTable.swift and FieldBuilder+Column.swift,
// but for the round trip, which has its own file.

import JSON
import Records
import Testing

@testable import Wire

private func parse(_ text: String, _ kind: RecordText = .array) throws(RecordParseError)
    -> ParsedRecords
{
    try RecordParser.parse(Array(text.utf8), as: kind)
}

private func error(_ text: String, _ kind: RecordText = .array) -> RecordParseError? {
    do throws(RecordParseError) {
        _ = try parse(text, kind)
        return nil
    } catch {
        return error
    }
}

private func values(_ text: String, field: String = "x") throws -> FieldValues? {
    try parse(text).batch.field(named: field)?.values
}

@Suite struct RecordParserTests {
    @Test("a row becomes an element of each column")
    func columns() throws {
        let parsed = try parse(
            #"""
            [{"time":1704827224734,"in.dense_input":[-1.0603297501,2.5],"out.dense_1":[0.99300325],"check_failures":[],
              "metadata.last_model":"{\"model_name\":\"m\"}","metadata.elapsed":[5039007,602225]},
             {"time":1704827224735,"in":{"dense_input":[1.5,3.0]},"out":{"dense_1":[0.5]},"check_failures":[],
              "metadata":{"last_model":"{\"model_name\":\"m\"}","elapsed":[1,2]}}]
            """#)
        let model = #"{"model_name":"m"}"#
        #expect(
            parsed.batch
                == RecordBatch(
                    times: [1_704_827_224_734, 1_704_827_224_735],
                    fields: [
                        FieldColumn(
                            name: "in.dense_input",
                            values: .fixedList([
                                Leaf(.float64([-1.0603297501, 1.5])), Leaf(.float64([2.5, 3.0])),
                            ])),
                        FieldColumn(
                            name: "out.dense_1",
                            values: .fixedList([Leaf(.float64([0.99300325, 0.5]))])),
                        FieldColumn(name: "check_failures", values: .fixedList([])),
                        FieldColumn(
                            name: "metadata.last_model",
                            values: .scalar(Leaf(.text(TextColumn([model, model]))))),
                        FieldColumn(
                            name: "metadata.elapsed",
                            values: .fixedList([
                                Leaf(.int64([5_039_007, 1])), Leaf(.int64([602225, 2])),
                            ])),
                    ]))
        #expect(parsed.timeAbsent.isEmpty)
    }

    @Test("a time that is absent or null is left to the log")
    func absentTimes() throws {
        let parsed = try parse(#"[{"a":1},{"time":5},{"time":null},{}]"#)
        #expect(parsed.batch.times == [0, 5, 0, 0])
        #expect(parsed.timeAbsent == [0, 2, 3])
        let ends = try parse(#"[{"time":-62135596800000},{"time":253402300799999}]"#).batch.times
        #expect(ends.map { Timestamp(milliseconds: $0).zuluText.prefix(10) } == ["0001-01-01", "9999-12-31"])
    }

    @Test("numbers keep the texts that their values would not give back, and no others")
    func texts() throws {
        #expect(
            try values(#"[{"x":1},{"x":2.5},{"x":1.50},{"x":3}]"#)
                == .scalar(
                    Leaf(
                        .float64([1, 2.5, 1.5, 3]), texts: [NumberText(position: 2, text: "1.50")],
                        wholeNumbersAreBare: true)))
        #expect(
            try values(#"[{"x":1.0},{"x":2},{"x":3.0}]"#)
                == .scalar(Leaf(.float64([1, 2, 3]), texts: [NumberText(position: 1, text: "2")])))
        #expect(
            try values(#"[{"x":1},{"x":2},{"x":3.0}]"#)
                == .scalar(
                    Leaf(
                        .float64([1, 2, 3]), texts: [NumberText(position: 2, text: "3.0")],
                        wholeNumbersAreBare: true)))
        #expect(
            try values(#"[{"x":9007199254740993},{"x":0.5}]"#)
                == .scalar(
                    Leaf(
                        .float64([9_007_199_254_740_992, 0.5]),
                        texts: [NumberText(position: 0, text: "9007199254740993")])))
        #expect(
            try values(#"[{"x":9007199254740993},{"x":5}]"#)
                == .scalar(Leaf(.int64([9_007_199_254_740_993, 5]))))
        #expect(
            try values(#"[{"x":1e400}]"#)
                == .scalar(
                    Leaf(.float64([.infinity]), texts: [NumberText(position: 0, text: "1e400")])))
    }

    @Test("each element of a list of fixed length has its own type")
    func leaves() throws {
        #expect(
            try values(#"[{"x":[1,0.5,null]},{"x":[2,1,null]}]"#)
                == .fixedList([
                    Leaf(.int64([1, 2])), Leaf(.float64([0.5, 1]), wholeNumbersAreBare: true),
                    Leaf(.int64([0, 0]), nulls: [0, 1]),
                ]))
    }

    @Test("lists of changing length, texts, bools and their nulls are columns")
    func lists() throws {
        #expect(
            try values(#"[{"x":[1]},{},{"x":[]},{"x":null},{"x":[2,null]}]"#)
                == .list(lengths: [1, 0, 0, 0, 2], Leaf(.int64([1, 2, 0]), nulls: [2])))
        #expect(
            try values(#"[{"x":["a",null]},{},{"x":[null,"b"]}]"#)
                == .fixedList([
                    Leaf(.text(TextColumn(["a", "", ""])), nulls: [2]),
                    Leaf(.text(TextColumn(["", "", "b"])), nulls: [0]),
                ]))
        #expect(
            try values(#"[{"x":[null]},{"x":[true]}]"#)
                == .fixedList([Leaf(.bool([false, true]), nulls: [0])]))
        #expect(try values(#"[{"x":null},{}]"#) == FieldValues.none)
        #expect(try parse(#"[{"x":null},{}]"#).batch.fields[0].presence == .each([.null, .absent]))
    }

    @Test(
        "what is of no one type is kept as the text it was posted in, less its spaces",
        arguments: [
            (#"[{"x":1.50},{"x":"a"}]"#, ["1.50", "\"a\""]),
            (#"[{"x":[ 1.0 , 2 ]},{"x":3}]"#, ["[1.0,2]", "3"]),
            (#"[{"x":[1,"a"]},{"x":[2,"b"]}]"#, ["[1,\"a\"]", "[2,\"b\"]"]),
            (#"[{"x":{ "a" : "\u00e9" }},{}]"#, [#"{"a":"\u00e9"}"#, ""]),
            (#"[{"x":"\u0041\ud800"},{"x":"b"}]"#, [#""\u0041\ud800""#, "\"b\""]),
            (#"[{"x":true},{"x":1}]"#, ["true", "1"]),
            (#"[{"x":[[1.0]]},{"x":[]}]"#, ["[[1.0]]", "[]"]),
        ])
    func json(text: String, expected: [String]) throws {
        #expect(try values(text) == .json(TextColumn(expected)))
    }

    @Test("a list too long to be shredded is one column")
    func longLists() throws {
        func row(_ count: Int) -> String {
            "[{\"x\":[\((0..<count).map { "\($0)" }.joined(separator: ","))]}]"
        }
        guard case .fixedList(let leaves) = try values(row(512)) else { throw Missing() }
        #expect(leaves.count == 512)
        #expect(try values(row(513)) == .list(lengths: [513], Leaf(.int64(Array(0..<513)))))
    }

    private struct Missing: Error {}

    @Test(
        "a row that would not come back is refused by its index and field",
        arguments: [
            (#"[{},{"a":1,"a":1}]"#, 1, "a"), (#"[{"a":1,"\u0061":1}]"#, 0, "a"),
            (#"[{"in":{"a":1},"in.a":1}]"#, 0, "in.a"),
            (#"[{"in.a":1,"in":{"a":1}}]"#, 0, "in.a"), (#"[{"in":{"a":1,"a":2}}]"#, 0, "in.a"),
            (#"[{"in":{"a":1},"in":{"b":1}}]"#, 0, "in"), (#"[{"in":{},"in":5}]"#, 0, "in"),
            (#"[{"in":{"a":1},"in":5}]"#, 0, "in"),
            (#"[{"time":1,"time":1}]"#, 0, "time"), (#"[{"time":null,"time":1}]"#, 0, "time"),
            (#"[{"time":1.5}]"#, 0, "time"),
            (#"[{"time":1},{"time":1704827224734.0}]"#, 1, "time"), (#"[{"time":1e3}]"#, 0, "time"),
            (#"[{"time":"1"}]"#, 0, "time"),
            (#"[{"time":9223372036854775808}]"#, 0, "time"), (#"[{"time":9223372036854775807}]"#, 0, "time"),
            (#"[{"time":1},{"time":253402300800000}]"#, 1, "time"),
            (#"[{"time":-62135596800001}]"#, 0, "time"),
            (#"[{"time":-0}]"#, 0, "time"),
            (#"[{"time":[1]}]"#, 0, "time"),
            (#"[{"\ud800":1}]"#, 0, "\\ud800"),
        ])
    func refused(text: String, row: Int, field: String) throws {
        guard case .refused(let atRow, let atField, _)? = error(text) else { throw Missing() }
        #expect(atRow == row && atField == field)
    }

    @Test("names of other bytes are other fields, though Swift takes one for the other")
    func spellings() throws {
        let body = "[{\"\u{E9}\":1,\"e\u{301}\":2,\"out_e\u{301}\":{\"a\":3},\"out_\u{E9}\":{\"a\":4}}]"
        let batch = try parse(body).batch
        let names = ["\u{E9}", "e\u{301}", "out_e\u{301}.a", "out_\u{E9}.a"]
        #expect(batch.fields.map { Array($0.name.utf8) } == names.map { Array($0.utf8) })
        for (number, name) in names.enumerated() {
            #expect(
                batch.field(named: name)?.values == .scalar(Leaf(.int64([Int64(number + 1)]))), "\(name)")
        }
        var writer = RecordWriter(as: .array, form: .nested)
        writer.write(batch)
        let text = String(decoding: writer.finish(), as: UTF8.self)
        #expect(text.utf8.elementsEqual(body.replacing("[{", with: "[{\"time\":0,").utf8), "\(text)")
    }

    @Test(
        "a malformed body is refused with its row and place",
        arguments: [
            ("", nil, 0), ("{}", nil, 0), ("[1]", 0, 1), ("[{},2]", 1, 4), ("[{}", nil, 3),
            ("[{}]x", nil, 4),
            ("[{},]", 1, 4),
            (#"[{"a":01}]"#, 0, 6), (#"[{"a":1},{"a":1,}]"#, 1, 16), (#"[{"a":[1,]}]"#, 0, 9),
            (#"[{"a" 1}]"#, 0, 6),
            (#"[{"a":1} {"a":1}]"#, nil, 9), ("[{\"a\":\"\u{1}\"}]", 0, 7),
            (#"[{"in":{"a":tru}}]"#, 0, 12),
            ("\u{FEFF}[]", nil, 0), ("[null]", 0, 1),
        ] as [(String, Int?, Int)])
    func malformed(text: String, row: Int?, offset: Int) throws {
        guard case .malformed(let atRow, let error)? = error(text) else { throw Missing() }
        #expect(atRow == row && error.offset == offset, "\(error)")
    }

    @Test("lines are one record each; blank lines mean nothing")
    func lines() throws {
        let parsed = try parse("\n{\"a\":1}\r\n\n  {\"a\":2} \n", .lines)
        #expect(
            parsed.batch.fields == [FieldColumn(name: "a", values: .scalar(Leaf(.int64([1, 2]))))])
        #expect(try parse("", .lines).batch.rowCount == 0)
        #expect(error("{\"a\":1} {\"a\":2}", .lines) != nil)
        #expect(error("{\"a\":1},", .lines) != nil)
        #expect(error("[{\"a\":1}]", .lines) != nil)
    }

    @Test("names and fields past their limits are refused")
    func limits() throws {
        let longest = String(repeating: "n", count: RecordLimits.nameByteCountMax)
        #expect(try parse("[{\"\(longest)\":1}]").batch.fields[0].name == longest)
        #expect(error("[{\"\(longest)n\":1}]") != nil)
        // In a group it is the whole name that counts.
        #expect(error("[{\"in\":{\"\(longest.dropLast(2))\":1}}]") != nil)
        let many = (0...RecordLimits.fieldCountMax).map { "\"f\($0)\":1" }
        #expect(
            try parse("[{\(many.dropLast().joined(separator: ","))}]").batch.fields.count
                == RecordLimits.fieldCountMax)
        guard case .tooLarge? = error("[{\(many.joined(separator: ","))}]") else { throw Missing() }
    }

    @Test("one row too many is refused")
    func rowLimit() throws {
        let rows = String(repeating: "{}\n", count: RecordParser.rowCountMax)
        #expect(try parse(rows, .lines).batch.rowCount == RecordParser.rowCountMax)
        guard case .tooLarge? = error(rows + "{}", .lines) else { throw Missing() }
    }

    @Test("a small body cannot ask for columns of gigabytes")
    func padding() throws {
        let many = (0..<2_000).map { "\"f\($0)\":1" }.joined(separator: ",")
        let rows = String(repeating: "{}\n", count: 100_000)
        guard case .tooLarge? = error("{\(many)}\n" + rows, .lines) else { throw Missing() }
        // The same where the fields come back at the end.
        guard case .tooLarge? = error("{\(many)}\n" + rows + "{\(many)}", .lines) else {
            throw Missing()
        }
        // One long list among many rows is kept, as a list of changing length.
        let list = "{\"x\":[\((0..<512).map { "\($0)" }.joined(separator: ","))]}\n"
        guard case .list? = try parse(list + rows, .lines).batch.field(named: "x")?.values else {
            throw Missing()
        }
    }

    @Test("nesting past the limit is refused in either form alike")
    func depth() throws {
        func value(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        let deepest = JSONScanner.depthMax - 3
        #expect(error("[{\"in.a\":\(value(deepest))}]") == nil)
        #expect(error("[{\"in\":{\"a\":\(value(deepest))}}]") == nil)
        #expect(error("[{\"in.a\":\(value(deepest + 1))}]") != nil)
        #expect(error("[{\"in\":{\"a\":\(value(deepest + 1))}}]") != nil)
        #expect(error("[{\"in.a\":" + String(repeating: "[", count: 100_000)) != nil)
    }

    static let body = #"""
        [{"time":17,"in.x":[1.5,-2.25],"s":"a\"\u00e9","b":[true,null],"o":{"k":[1, 2]}},
        {"time":18,"in":{"x":[1.5,3.5]},"s":"é","b":[],"o":{"k":7}},{"time":null,"in.x":[1e3,0.5],"s":"a\"\u00e9"}]
        """#

    /// Refused, or taken with the meaning that the text has.
    private func check(_ bytes: [UInt8]) {
        let text = String(decoding: bytes, as: UTF8.self)
        let meaning = String(validating: bytes, as: UTF8.self).flatMap { Meaning($0) }
        guard let parsed = try? RecordParser.parse(bytes, as: .array) else { return }
        guard let meaning else {
            Issue.record("taken, though the oracle refuses it: \(text)")
            return
        }
        var writer = RecordWriter()
        writer.write(parsed.batch)
        var back = Meaning(String(decoding: writer.finish(), as: UTF8.self))
        for row in parsed.timeAbsent { back?.rows[Int(row)]["time"] = nil }
        #expect(back == meaning, "\(text)")
    }

    @Test("a body with a byte deleted, doubled or cut off is refused or means what it says")
    func damaged() {
        let body = Array(Self.body.utf8)
        for place in body.indices {
            check(Array(body[..<place]))
            check(Array(body[..<place] + body[(place + 1)...]))
            check(Array(body[...place] + body[place...]))
        }
        check(body)
    }

    @Test("a body with any byte changed is refused or means what it says")
    func changed() {
        let body = Array(Self.body.utf8)
        let bytes: [UInt8] = [
            0, 9, 10, 32, 34, 43, 44, 45, 46, 48, 49, 58, 91, 92, 93, 101, 110, 117, 123, 125, 128,
            195, 255,
        ]
        for place in body.indices {
            for byte in bytes {
                var changed = body
                changed[place] = byte
                check(changed)
            }
        }
    }

    @Test("the place of a body in memory does not matter", arguments: 0..<9)
    func alignment(shift: Int) throws {
        let bytes = [UInt8](repeating: 0x20, count: shift) + Array(Self.body.utf8)
        let expected = try parse(Self.body)
        let parsed = try bytes.withUnsafeBytes {
            try RecordParser.parse(UnsafeRawBufferPointer(rebasing: $0[shift...]), as: .array)
        }
        #expect(parsed == expected)
    }
}
