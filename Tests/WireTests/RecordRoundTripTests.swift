// Invariants checked: the first at the head of RecordParser.swift and the first of RecordWriter.swift:
// whatever is posted comes back equal, number texts included, in every form.

import Bytes
import JSON
import Records
import Testing

@testable import Wire

/// The batch's rows as text; times that were not posted are left out, as the oracle leaves them out.
private func written(_ parsed: ParsedRecords, _ text: RecordText, _ form: RecordForm) -> String {
    let all = RecordWriter(as: text, form: form)
    let withoutTime = RecordWriter(as: text, form: form, fields: FieldSelection(excluded: ["time"]))
    var writer = RecordWriter(as: text, form: form)
    let absent = Set(parsed.timeAbsent)
    let (records, timeless) = (all.prepare(parsed.batch), withoutTime.prepare(parsed.batch))
    for row in 0..<parsed.batch.rowCount {
        writer.write(row: row, of: absent.contains(Int32(row)) ? timeless : records)
    }
    return String(decoding: writer.finish(), as: UTF8.self)
}

private func parse(_ text: String, _ kind: RecordText = .array) throws(RecordParseError)
    -> ParsedRecords
{
    try RecordParser.parse(Array(text.utf8), as: kind)
}

extension RecordBatch {
    /// The nested form brings the fields of a group together.
    fileprivate var sorted: RecordBatch {
        RecordBatch(times: times, fields: fields.sorted { $0.name < $1.name })
    }

    /// The invariants at the head of RecordBatch.swift.
    fileprivate func checkInvariants(_ context: String) {
        #expect(Set(fields.map { $0.name }).count == fields.count, "\(context)")
        for field in fields {
            let states = (0..<rowCount).map { field.presence.state($0) }
            if case .each(let states) = field.presence {
                #expect(states.count == rowCount && states.contains { $0 != .value }, "\(context)")
            }
            func check(_ leaf: Leaf, count: Int) {
                #expect(leaf.count == count, "\(context)")
                #expect(
                    leaf.nulls == leaf.nulls.sorted() && Set(leaf.nulls).count == leaf.nulls.count,
                    "\(context)")
                #expect(
                    leaf.texts.map { $0.position } == leaf.texts.map { $0.position }.sorted(),
                    "\(context)")
                #expect(
                    leaf.nulls.allSatisfy { $0 < count }
                        && leaf.texts.allSatisfy { $0.position < count },
                    "\(context)")
            }
            switch field.values {
            case .none: #expect(!states.contains(.value), "\(context)")
            case .scalar(let leaf): check(leaf, count: rowCount)
            case .fixedList(let leaves): for leaf in leaves { check(leaf, count: rowCount) }
            case .list(let lengths, let leaf):
                #expect(lengths.count == rowCount, "\(context)")
                check(leaf, count: lengths.reduce(0) { $0 + Int($1) })
            case .json(let texts): #expect(texts.count == rowCount, "\(context)")
            }
        }
    }
}

private func checkRoundTrip(_ text: String, _ kind: RecordText, _ context: String) throws {
    guard let meaning = kind == .array ? Meaning(text) : Meaning(lines: text) else {
        Issue.record("\(context): the oracle refuses \(text)")
        return
    }
    let parsed = try parse(text, kind)
    parsed.batch.checkInvariants(context)
    for form in [RecordForm.flat, .nested] {
        let array = written(parsed, .array, form)
        #expect(Meaning(array) == meaning, "\(context), \(form): \(text) came back as \(array)")
        let lines = written(parsed, .lines, form)
        #expect(
            Meaning(lines: lines) == meaning, "\(context), \(form): \(text) came back as \(lines)")
        let again = try parse(array)
        #expect(
            form == .flat ? again == parsed : again.batch.sorted == parsed.batch.sorted,
            "\(context)")
        #expect(try parse(lines, .lines) == again, "\(context)")
    }
}

@Suite struct RecordRoundTripTests {
    @Test("whatever is posted comes back equal", arguments: UInt64(1)...12)
    func anyRows(seed: UInt64) throws {
        var rows = PostedRows(seed: seed)
        for number in 0..<60 {
            let kind: RecordText = number.isMultiple(of: 3) ? .lines : .array
            let text = rows.body(rowCount: number % 13, lines: kind == .lines)
            try checkRoundTrip(text, kind, "seed \(seed), body \(number)")
        }
    }

    @Test("every three values of one field come back equal, in every order")
    func everyThreeValues() throws {
        let values = [
            nil, "null", "1", "1.0", "1.5", "1.50", "-0", "9007199254740993", "1e400", "\"a\"",
            "\"\\ud800\"",
            "true",
            "[]", "[1]", "[2.0]", "[null]", "[1,2]", "[\"a\"]", "[false]", "[[1]]", "{}",
            "{\"a\":1}",
            "[1,\"a\"]",
        ]
        for first in values {
            for second in values {
                for third in values {
                    let text =
                        "["
                        + [first, second, third].map { $0.map { "{\"in.x\":\($0)}" } ?? "{}" }
                        .joined(separator: ",") + "]"
                    let parsed = try parse(text)
                    #expect(written(parsed, .array, .flat) == text)
                    let nested = written(parsed, .array, .nested)
                    #expect(Meaning(nested) == Meaning(text))
                    let again = try parse(nested)
                    #expect(again == parsed, "\(text)")
                }
            }
        }
    }

    @Test(
        "a field named as a group comes back beside the group's fields",
        arguments: [
            #"[{"in":{}},{"in":{"a":1}}]"#, #"[{"in":5,"in.a":1}]"#,
            #"[{"in":null,"in.a":1},{"in":{"a":2}}]"#,
            #"[{"in.a":1,"in":{}}]"#, #"[{"out_x":{}},{"out_x":[1]},{"out_x":{"a":[1.0]}}]"#,
            #"[{"in.":1},{"in":{"":2}}]"#,
            #"[{"out_":{"a":1}}]"#, #"[{"out_m.n":{"a":1}}]"#,
            #"[{"in":{"x":{"y":1}},"in.x.y":2}]"#,
            #"[{"other":{"a":1}},{"other.a":2}]"#, #"[{"in":{"in":{"in":1}}}]"#,
        ])
    func groups(text: String) throws {
        try checkRoundTrip(text, .array, "groups")
    }

    @Test(
        "rows that lack, gain, turn and repeat fields come back equal",
        arguments: [
            "[]", "[{}]", "[{},{}]", #"[{"a":1},{"b":2},{"c":3,"a":4}]"#,
            #"[{"a":1,"b":2,"c":3,"d":4},{"a":1,"d":5},{"d":1,"a":2}]"#,
            #"[{"a":1},{"\u0061":2}]"#, #"[{"\u0061":1},{"a":2},{"\u0061":3}]"#, #"[{"":1}]"#,
            #"[{"a\u0000b":1}]"#,
            #"[{"in":{"a":1,"b":2}},{"in.a":3,"in.b":4},{"in":{"b":5,"a":6}}]"#,
        ])
    func shapes(text: String) throws {
        try checkRoundTrip(text, .array, "shapes")
    }

    @Test(
        "concatenated bodies are the body of all rows, where they unify", arguments: UInt64(1)...8)
    func concatenation(seed: UInt64) throws {
        var rows = PostedRows(seed: seed)
        var unified = 0
        for number in 0..<80 {
            let text = rows.body(rowCount: 2 + number % 9, lines: true)
            let whole = try parse(text, .lines).batch
            let lines = text.split(separator: "\n").filter { !$0.allSatisfy(\.isWhitespace) }
            let cut = number % (lines.count + 1)
            let names = whole.fields.map { $0.name }
            let places = Dictionary(uniqueKeysWithValues: zip(names.map { ExactText($0) }, 0...))
            let parts = try [lines[..<cut], lines[cut...]].map { lines in
                // Bodies whose fields stand otherwise stay apart; those of one body have one order.
                var batch = try parse(lines.joined(separator: "\n"), .lines).batch
                batch.fields.sort { places[ExactText($0.name)]! < places[ExactText($1.name)]! }
                return batch
            }
            guard let joined = RecordBatch(concatenating: parts) else { continue }
            unified += 1
            let context = "seed \(seed), body \(number)"
            joined.checkInvariants(context)
            #expect(joined.fields.map { $0.name } == names, "\(context)")
            for (field, expected) in zip(joined.fields, whole.fields) {
                // Parts may give each element of a list its type where the whole sees mixed types
                // (["a",null] and [null,1]); what they say is the same.
                if case .json = expected.values, case .fixedList = field.values { continue }
                #expect(field == expected, "\(context)")
            }
            let absent = try parse(text, .lines).timeAbsent
            let back = written(ParsedRecords(batch: joined, timeAbsent: absent), .lines, .flat)
            #expect(Meaning(lines: back) == Meaning(lines: text), "\(context)")
        }
        #expect(unified > 5)
    }

    @Test("slices and selections are the body of those rows", arguments: UInt64(1)...6)
    func slices(seed: UInt64) throws {
        var rows = PostedRows(seed: seed)
        for number in 0..<40 {
            let text = rows.body(rowCount: 1 + number % 9, lines: true)
            let parsed = try parse(text, .lines)
            let lines = text.split(separator: "\n").filter { !$0.allSatisfy(\.isWhitespace) }
            let start = number % lines.count
            let sliced = parsed.batch.slice(start..<lines.count)
            sliced.checkInvariants("seed \(seed), body \(number)")
            let selected = parsed.batch.selecting(rows: Array(start..<lines.count))
            #expect(selected == sliced)
            let backwards = parsed.batch.selecting(rows: lines.indices.reversed())
            let absent = parsed.timeAbsent
            for (batch, numbers) in [
                (sliced, Array(start..<lines.count)), (backwards, lines.indices.reversed()),
            ] {
                let times = numbers.indices.filter { absent.contains(Int32(numbers[$0])) }.map {
                    Int32($0)
                }
                let back = written(ParsedRecords(batch: batch, timeAbsent: times), .lines, .flat)
                let posted = numbers.map { String(lines[$0]) }.joined(separator: "\n")
                #expect(
                    Meaning(lines: back) == Meaning(lines: posted), "seed \(seed), body \(number)")
            }
        }
    }
}
