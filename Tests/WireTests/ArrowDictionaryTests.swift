// Invariants checked: those at the head of ArrowDictionary.swift, and that texts lie where a dictionary has them.
// What the same rows posted as JSON become is the oracle.

import JSON
import Records
import Testing

@testable import Wire

private let float32 = ArrowType.float(bitWidth: 32)

@Suite struct ArrowDictionaryTests {
    private static let int8 = ArrowType.integer(bitWidth: 8, isSigned: true)

    private func column(_ indices: [Int8], valid: [Bool]? = nil) -> ArrowSample.Part {
        .batch([.indices("x", .text(isLarge: false), indices, as: Self.int8, of: 7, valid: valid)])
    }

    @Test("dictionaries of texts are the texts, nulls in either place")
    func texts() throws {
        let sample = ArrowSample([
            .dictionary(7, .texts("", ["a", nil, "é"]), isDelta: false),
            column([2, 0, 1, -5, 0], valid: [true, true, true, false, true]),
        ])
        #expect(
            try sample.read().fields
                == fieldsPosted(#"[{"x":"é"},{"x":"a"},{"x":null},{"x":null},{"x":"a"}]"#))
    }

    @Test("texts of a dictionary lie in one place, unless it holds more than they do")
    func places() throws {
        let sent = (0..<1000).map { Int8(truncatingIfNeeded: $0 % 3) }
        func texts(of dictionary: [String]) throws -> TextColumn {
            let sample = ArrowSample([.dictionary(7, .texts("", dictionary), isDelta: false), column(sent)])
            var texts: TextColumn?
            if case .scalar(let leaf)? = try sample.read().fields.first?.values,
                case .text(let found) = leaf.elements
            {
                texts = found
            }
            return try #require(texts)
        }
        let three = try texts(of: ["engine-a", "", "engine-b"])
        #expect(three.bytes.count == 16 && three.count == 1000)
        #expect((0..<4).map { three[$0] } == ["engine-a", "", "engine-b", "engine-a"])
        let long = String(repeating: "x", count: 5000)
        let many = try texts(of: ["a", "b", "c", long])
        #expect(many.bytes.count == 1000 && many[2] == "c")
    }

    @Test("two fields with one dictionary are refused where its values are not of both their types")
    func sharedDictionary() {
        let wide = ArrowType.integer(bitWidth: 64, isSigned: true)
        func refusal(_ first: ArrowType, _ second: ArrowType, _ values: SampleArray) -> String {
            let sample = ArrowSample([
                .dictionary(7, values, isDelta: false),
                .batch([
                    .indices("a", first, [Int8(0), 1], as: Self.int8, of: 7),
                    .indices("b", second, [Int8(1), 0], as: Self.int8, of: 7),
                ]),
            ])
            do { return "\(try sample.read().fields)" } catch { return "\(error)" }
        }
        let text = ArrowType.text(isLarge: false)
        #expect(
            refusal(wide, text, .numbers("", wide, [Int64(1), 2]))
                == #"field "b": has the dictionary of "a", which is of another type"#)
        #expect(refusal(text, wide, .texts("", ["x", "y"])).contains("of another type"))
        #expect(!refusal(text, text, .texts("", ["x", "y"])).contains("another type"))
    }

    @Test("texts of a dictionary are the same in several batches, among nulls and in some rows of a body")
    func textsEverywhere() throws {
        let list = ["xx", "y", ""]
        let indices = (0..<40).map { Int8($0 % 3) }
        let sample = ArrowSample([
            .dictionary(7, .texts("", list.map { $0 }), isDelta: false),
            .batch([.indices("x", .text(isLarge: false), indices, as: Self.int8, of: 7)]),
            .batch([
                .indices(
                    "x", .text(isLarge: false), indices, as: Self.int8, of: 7,
                    valid: (0..<40).map { $0 % 5 != 0 })
            ]),
        ])
        let expected: [String?] =
            (0..<40).map { list[$0 % 3] } + (0..<40).map { $0 % 5 == 0 ? nil : list[$0 % 3] }
        // They begin within a byte of bits, at its end and in the second batch.
        for rows in [0..<80, 9..<40, 16..<17, 23..<61, 57..<80] {
            let json = expected[rows].map { $0.map { #"{"x":"\#($0)"}"# } ?? #"{"x":null}"# }
            let found = try ArrowReader.read(sample.stream, rows: rows).batch.fields
            #expect(try found == fieldsPosted("[\(json.joined(separator: ","))]"), "\(rows)")
        }
    }

    @Test("dictionaries of numbers and truth values, within lists too")
    func numbers() throws {
        let wide = ArrowType.integer(bitWidth: 64, isSigned: false)
        let sample = ArrowSample([
            .dictionary(1, .numbers("", float32, [Float(0.5), .infinity]), isDelta: false),
            .dictionary(2, .bools("", [false, true]), isDelta: false),
            .dictionary(3, .texts("", ["x", "y"]), isDelta: false),
            .batch([
                .indices("n", float32, [UInt64(1), 0], as: wide, of: 1),
                .indices("b", .bool, [Int8(1), 0], as: Self.int8, of: 2),
                .lists(
                    "l", [2, 2],
                    of: .indices("item", .text(isLarge: false), [Int8(1), 0, 0, 1], as: Self.int8, of: 3)),
            ]),
        ])
        let fields = try sample.read().fields
        #expect(fields[0].values == .scalar(Leaf(.float32([.infinity, 0.5]))))
        #expect(fields[1].values == .scalar(Leaf(.bool([true, false]))))
        #expect(try Array(fields[2...]) == fieldsPosted(#"[{"l":["y","x"]},{"l":["x","y"]}]"#))
    }

    @Test("deltas add to a dictionary; in a stream a new one replaces it for what follows")
    func deltas() throws {
        let first = ArrowSample.Part.dictionary(7, .texts("", ["a"]), isDelta: false)
        let delta = ArrowSample.Part.dictionary(7, .texts("", ["b", "c"]), isDelta: true)
        #expect(
            try ArrowSample([first, delta, column([2, 0, 1])]).read().fields
                == fieldsPosted(#"[{"x":"c"},{"x":"a"},{"x":"b"}]"#))
        let replacing = ArrowSample([
            first, column([0]), .dictionary(7, .texts("", ["z"]), isDelta: false), column([0]),
        ])
        #expect(
            try ArrowReader.read(replacing.stream).batch.fields == fieldsPosted(#"[{"x":"a"},{"x":"z"}]"#))
        #expect(throws: ArrowError.self) { try ArrowReader.read(replacing.file) }
    }

    @Test("an index outside the dictionary is refused; without a dictionary only nulls are taken")
    func outside() throws {
        let first = ArrowSample.Part.dictionary(7, .texts("", ["a"]), isDelta: false)
        #expect(
            ArrowSample([first, column([1])]).refusal
                == #"field "x": has index 1 into a dictionary of 1 values"#)
        #expect(ArrowSample([first, column([-1])]).refusal.contains("has index -1"))
        #expect(ArrowSample([column([0])]).refusal.contains("dictionary of 0 values"))
        #expect(
            try ArrowSample([column([0], valid: [false])]).read().fields == fieldsPosted(#"[{"x":null}]"#))
        #expect(
            ArrowSample([first, .dictionary(8, .texts("", ["a"]), isDelta: false), column([0])]).refusal
                .contains("dictionary 8 is no column's"))
    }

    @Test("a dictionary cannot make gigabytes of a few bytes")
    func expansion() {
        let long = String(repeating: "x", count: 1 << 16)
        let sample = ArrowSample([
            .dictionary(7, .texts("", [long]), isDelta: false), column([Int8](repeating: 0, count: 1 << 16)),
        ])
        #expect(sample.refusal.contains("past 256 MiB"))
    }
}
