// Invariants checked: those at the head of RecordParser+Pieces.swift. What is expected is what one parser
// makes of the whole body.

import Bytes
import JSON
import Records
import Simulation
import Testing

@testable import Wire

@Suite struct RecordParserPiecesTests {
    private static func parse(
        _ text: [UInt8], _ kind: RecordText, cutAt cuts: [Int], float32Fields: Set<ExactText> = []
    ) -> Result<ParsedRecords, RecordParseError> {
        text.withUnsafeBytes { bytes in
            Result { () throws(RecordParseError) in
                try RecordParser.parse(bytes, as: kind, float32Fields: float32Fields, cutAt: cuts)
            }
        }
    }

    /// How many pieces were taken over; nil where the body was refused.
    private static func joinedCount(_ text: [UInt8], _ kind: RecordText, cutAt cuts: [Int]) -> Int? {
        text.withUnsafeBytes { bytes in
            var parser = RecordParser(bytes)
            return try? parser.readPieces(kind, cutAt: cuts)
        }
    }

    private static func cuts(_ text: [UInt8], _ kind: RecordText, processorCount: Int) -> [Int] {
        text.withUnsafeBytes { RecordParser.cuts(in: $0, as: kind, processorCount: processorCount) }
    }

    private static func braces(_ text: [UInt8]) -> [Int] {
        text.indices.filter { text[$0] == UInt8(ascii: "{") }
    }

    @Test("random bodies, whole and damaged, say the same wherever they are cut", arguments: [false, true])
    func anywhere(lines: Bool) {
        var joinedCount = 0
        var refusedCount = 0
        for seed in UInt64(0)..<120 {
            var random = SeededGenerator(seed: seed &* 77)
            var rows = PostedRows(seed: seed)
            var text = Array(rows.body(rowCount: Int(seed % 7) + 2, lines: lines).utf8)
            // Every third body is damaged: what is refused in a piece is refused as in the whole.
            if seed % 3 == 0 {
                let place = Int.random(in: text.indices, using: &random)
                switch seed % 4 {
                case 0: text.remove(at: place)
                case 1: text.insert(text[place], at: place)
                case 2: text[place] = Array("{}[],:\"n0 \n".utf8).randomElement(using: &random)!
                default: text.removeLast(text.count - place)
                }
            }
            let kind: RecordText = lines ? .lines : .array
            let fields: Set<ExactText> = seed % 2 == 0 ? [] : ["in.a", "out.a"]
            let expected = Self.parse(text, kind, cutAt: [], float32Fields: fields)
            if case .failure = expected { refusedCount += 1 }
            let braces = Self.braces(text)
            var cuts = braces.map { [$0] }
            for _ in 0..<8 where !text.isEmpty {
                cuts.append([Int.random(in: text.indices, using: &random)])
                let several = (0..<3).compactMap { _ in braces.randomElement(using: &random) }
                cuts.append(Set(several).sorted())
            }
            for cuts in cuts where !cuts.isEmpty {
                let found = Self.parse(text, kind, cutAt: cuts, float32Fields: fields)
                #expect(found == expected, "seed \(seed), cut at \(cuts)")
                joinedCount += Self.joinedCount(text, kind, cutAt: cuts) ?? 0
            }
        }
        #expect(joinedCount > 300 && refusedCount > 10, "too few bodies to say anything")
    }

    @Test(
        "what one row decides about others is decided across a cut too",
        arguments: [
            // Kinds of column.
            #"[{"x":1},{"x":2.0},{"x":3}]"#, #"[{"x":1},{"x":"a"}]"#,
            #"[{"x":"a"},{"x":"b\u0041"},{"x":"b"}]"#,
            #"[{"x":[1,2]},{"x":[1]},{"x":[2,3]},{"x":[]}]"#, #"[{"x":[1]},{"x":[1,2]},{"x":[1,2]}]"#,
            #"[{"x":[null,null]},{"x":[null,true]},{"x":[false,null]}]"#,
            #"[{"x":[null]},{"x":["a"]},{"x":[null]},{"x":["b"]}]"#,
            #"[{"x":["a"]},{"x":[null]},{"x":["",null]}]"#,
            #"[{"x":[]},{"x":[1]}]"#, #"[{"x":[]},{"x":["a"]},{"x":[1]}]"#, #"[{"x":[]},{"x":[]}]"#,
            #"[{"x":{"a":1}},{"x":1},{"x":2}]"#, #"[{"x":1},{"x":2},{"x":{"a":1}}]"#, #"[{"x":[1]},{"x":1}]"#,
            #"[{"x":true},{"x":false},{"x":null}]"#, #"[{"x":null},{"x":null},{"x":1.50}]"#,
            #"[{"x":1.50},{"x":1.5},{"x":1e2},{"x":1.50}]"#, #"[{"x":"\ud800"},{"x":"a"}]"#,
            // Fields that come and go, times that are absent, groups.
            #"[{"a":1},{"b":2},{"a":3,"c":4},{}]"#, #"[{},{},{"a":[1,2]},{"b":1}]"#,
            #"[{"time":5,"a":1},{"a":2},{"time":null,"a":3},{"time":-1}]"#,
            #"[{"in":{"x":1}},{"in.x":2},{"in":{"x":3,"y":4}},{"in":5}]"#,
            #"[{"in":5},{"in":{"x":1}},{"in":{}}]"#,
            // What looks like a record and is none.
            #"[{"x":"},{\"x\":1},{"},{"x":"a"},{"x":"},{"}]"#,
            #"[{"x":[{"x":1},{"x":2}]},{"x":[{"x":3},{"x":4}]}]"#,
            #"[{"x":"[{},{}]"},{"x":[[{}],[{},{}]]}]"#,
            // Refusals, before a cut, after it, and of both together.
            #"[{"x":1,"x":2},{"x":1}]"#, #"[{"x":1},{"x":1,"x":2}]"#, #"[{"x":1},{"x":2},]"#,
            #"[{"x":1},{"x":2}"#,
            #"[{"x":1},{"x":2}] {"#, #"[{"x":1},{"time":"a"},{"time":1.5}]"#, #"[{"x":1},5,{"x":2}]"#,
            #"[{"in.x":1},{"in":{"x":1},"in.x":2},{}]"#, #"[{"x":1} {"x":2}]"#,
            #"[{"x":1},{"x":01},{"x":tru}]"#,
            "[{\"\u{E9}\":1},{\"x\":1},{\"e\u{301}\":2}]",
            "[{\"out_\u{E9}\":{\"a\":1}},{\"out_e\u{301}\":{\"b\":1}}]",
            "[{\"in\":{\"a\":1}},{\"in\":{\"\u{E9}\":1}},{\"in\":{\"e\u{301}\":1}}]",
            "[{\"x\":1},{\"out_\u{E9}\":{\"a\":1}},{\"out_e\u{301}\":5}]",
            "[{\"in\":{\"\u{E9}\":1}},{\"in.e\u{301}\":1}]", "[{\"x\u{E9}\":null},{},{\"xe\u{301}\":null}]",
        ])
    func acrossCuts(body: String) {
        let text = Array(body.utf8)
        let expected = Self.parse(text, .array, cutAt: [])
        for first in text.indices {
            #expect(Self.parse(text, .array, cutAt: [first]) == expected, "cut at \(first)")
        }
        let braces = Self.braces(text)
        for (position, first) in braces.enumerated() {
            for second in braces[(position + 1)...] {
                let found = Self.parse(text, .array, cutAt: [first, second])
                #expect(found == expected, "cut at \(first) and \(second)")
            }
        }
    }

    @Test("a limit holds for the pieces together")
    func limits() {
        let empties = Array(repeating: "{}", count: 9000).joined(separator: ",")
        let wide = "{" + (0..<1900).map { "\"f\($0)\":1" }.joined(separator: ",") + "}"
        let many = (0..<11_000).map { "\"f\($0)\":1" }.joined(separator: ",")
        let others = (0..<11_000).map { "\"g\($0)\":1" }.joined(separator: ",")
        for body in ["[\(empties),\(wide)]", "[\(wide),\(empties),\(wide)]", "[{\(many)},{\(others)}]"] {
            let text = Array(body.utf8)
            let expected = Self.parse(text, .array, cutAt: [])
            guard case .failure(.tooLarge) = expected else {
                Issue.record("the body is within the limits")
                continue
            }
            #expect(Self.parse(text, .array, cutAt: [Self.braces(text).last!]) == expected)
        }
    }

    @Test("a large body is cut where records begin, and its pieces are taken over", arguments: [2, 3, 64])
    func largeBodies(processorCount: Int) {
        // A text that looks like a record, and objects within a list, stand in each.
        let row =
            #"{"time":1704827224734,"in":{"a":[0.25,1.5]},"note":"},{\"time\":1","parts":[{"k":1},{"k":2}],"plain":"0123456789"}"#
        for (kind, separator) in [(RecordText.array, ","), (.array, " ,\n  "), (.lines, "\n")] {
            let rows = Array(repeating: row, count: 3000).joined(separator: separator)
            let text = Array((kind == .array ? "[" + rows + "]" : rows).utf8)
            let cuts = Self.cuts(text, kind, processorCount: processorCount)
            #expect(cuts.count == min(processorCount, 4) - 1)
            #expect(Self.joinedCount(text, kind, cutAt: cuts) == cuts.count)
            #expect(Self.parse(text, kind, cutAt: cuts) == Self.parse(text, kind, cutAt: []))
            #expect(Self.cuts(text, kind, processorCount: 1).isEmpty)
            #expect(Self.cuts(Array(text.prefix(100_000)), kind, processorCount: processorCount).isEmpty)
        }
    }

    @Test(
        "a body that is no list of records is not cut",
        arguments: ["", "[", "{", "[1,", "[\"{", "[{}", "null"])
    func noRecords(start: String) {
        let text = Array(start.utf8) + [UInt8](repeating: UInt8(ascii: " "), count: 200_000)
        #expect(Self.cuts(text, .array, processorCount: 2).isEmpty)
        #expect(Self.cuts(text, .lines, processorCount: 2).isEmpty)
    }
}
