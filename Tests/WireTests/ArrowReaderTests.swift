// Invariants checked: those at the heads of ArrowLeaves.swift, ArrowColumnReader.swift,
// ArrowDictionary.swift and ArrowReader.swift. Where JSON can say the same, what the same rows posted
// as JSON become is the oracle: equal records make equal batches, however they came.

import JSON
import Records
import Testing

@testable import Wire

private let int64 = ArrowType.integer(bitWidth: 64, isSigned: true)
private let float32 = ArrowType.float(bitWidth: 32)
private let float64 = ArrowType.float(bitWidth: 64)

private func posted(_ text: String) throws -> [FieldColumn] {
    try RecordParser.parse(Array(text.utf8), as: .array).batch.fields
}

private func read(_ columns: SampleArray...) throws -> [FieldColumn] {
    try ArrowSample(columns).read().fields
}

/// What the reader says of a sample that it refuses.
private func refusal(_ sample: ArrowSample) -> String {
    do throws(ArrowError) {
        _ = try ArrowReader.read(sample.stream)
        return "taken"
    } catch {
        return error.description
    }
}

private func refusal(_ columns: SampleArray...) -> String { refusal(ArrowSample(columns)) }

@Suite struct ArrowReaderTests {
    @Test("integers of every width are int64, with their signs")
    func integers() throws {
        func check<Number: FixedWidthInteger & BitwiseCopyable>(_: Number.Type) throws {
            let type = ArrowType.integer(bitWidth: Number.bitWidth, isSigned: Number.isSigned)
            let values: [Number] = [Number.min, 0, 1, Number.max >> 1, Number.max]
            guard Number.max <= Int64.max else { return }
            #expect(
                try read(.numbers("x", type, values))
                    == [FieldColumn(name: "x", values: .scalar(Leaf(.int64(values.map { Int64($0) }))))])
        }
        try check(Int8.self)
        try check(Int16.self)
        try check(Int32.self)
        try check(Int64.self)
        try check(UInt8.self)
        try check(UInt16.self)
        try check(UInt32.self)
        #expect(
            try read(
                .numbers("d", .temporal(bitWidth: 32), [Int32(-1)]),
                .numbers("e", .temporal(bitWidth: 64), [Int64.max])
            )
            .map { $0.values } == [.scalar(Leaf(.int64([-1]))), .scalar(Leaf(.int64([.max])))])
    }

    @Test(
        "unsigned integers past Int64 make the leaf that the same digits posted make",
        arguments: [
            [UInt64.max, 1, 9_007_199_254_740_993, 1 << 53, 0], [UInt64.max], [3, 1 << 63],
            [7, UInt64(Int64.max)],
        ])
    func unsignedIntegers(values: [UInt64]) throws {
        let text = "[" + values.map { "{\"x\":\($0)}" }.joined(separator: ",") + "]"
        #expect(try read(.numbers("x", .integer(bitWidth: 64, isSigned: false), values)) == posted(text))
    }

    @Test("floats keep every bit, NaN and infinities too; halves become float32")
    func floats() throws {
        let floats: [Float] = [
            0, -0.0, 1.5, .nan, Float(bitPattern: 0x7FA0_0001), .infinity, -.infinity, .leastNonzeroMagnitude,
        ]
        #expect(try read(.numbers("x", float32, floats))[0].values == .scalar(Leaf(.float32(floats))))
        let doubles: [Double] = [
            0, -0.0, 0.1, .nan, Double(bitPattern: 0x7FF4_0000_0000_0001), .infinity, .leastNonzeroMagnitude,
        ]
        #expect(try read(.numbers("x", float64, doubles))[0].values == .scalar(Leaf(.float64(doubles))))
        let halves: [UInt16] = [0x3C00, 0xC000, 0x0001, 0x7BFF, 0xFC00]
        #expect(
            try read(.numbers("x", .float(bitWidth: 16), halves))[0].values
                == .scalar(Leaf(.float32([1, -2, 5.9604645e-08, 65504, -.infinity]))))
    }

    @Test("texts, truth values and nulls are what the same JSON is", arguments: [false, true])
    func textsAndBools(isLarge: Bool) throws {
        #expect(
            try read(
                .texts("a", ["", "é😀", nil, "x\"y", nil], isLarge: isLarge),
                .bools("b", [true, false, nil, nil, true]),
                SampleArray("c", .null, count: 5), .texts("d", [nil, nil, nil, nil, nil], isLarge: isLarge))
                == posted(
                    #"[{"a":"","b":true,"c":null,"d":null},{"a":"é😀","b":false,"c":null,"d":null},"#
                        + #"{"a":null,"b":null,"c":null,"d":null},{"a":"x\"y","b":null,"c":null,"d":null},"#
                        + #"{"a":null,"b":true,"c":null,"d":null}]"#))
    }

    @Test("what stands under a null never shows: not a number, not a text, not a list")
    func underNulls() throws {
        let valid = [true, false, true]
        var text = SampleArray.texts("t", ["a", "zzz", "b"])
        text.validity = valid
        var garbage = text
        garbage.buffers[1] = [0x61, 0xFF, 0xFF, 0xFF, 0x62]
        let child = SampleArray.numbers(
            "item", int64, [Int64](1...6), valid: [true, true, true, true, false, true])
        let expected = try posted(
            #"[{"n":1,"t":"a","f":[1,2],"l":[1,2]},{"n":null,"t":null,"f":null,"l":null},"#
                + #"{"n":3,"t":"b","f":[null,6],"l":[null]}]"#)
        for text in [text, garbage] {
            #expect(
                try read(
                    .numbers("n", int64, [Int64](1...3), valid: valid), text,
                    .fixedSizeLists("f", 2, of: child, count: 3, valid: valid),
                    .lists("l", [2, 2, 1], of: child, valid: valid)) == expected)
        }
    }

    @Test(
        "lists of one length are shredded, others not; offsets may begin anywhere", arguments: [0, 1, 3],
        [false, true])
    func lists(start: Int, isLarge: Bool) throws {
        let child = SampleArray.numbers("item", float64, (0..<start + 6).map { Double($0 - start) + 0.5 })
        func list(_ lengths: [Int]) throws -> [FieldColumn] {
            try read(.lists("x", lengths, of: child, isLarge: isLarge, start: start))
        }
        #expect(try list([2, 2, 2]) == posted(#"[{"x":[0.5,1.5]},{"x":[2.5,3.5]},{"x":[4.5,5.5]}]"#))
        #expect(try list([3, 0, 1]) == posted(#"[{"x":[0.5,1.5,2.5]},{"x":[]},{"x":[3.5]}]"#))
        // As many elements as three lists of two.
        #expect(try list([2, 1, 3]) == posted(#"[{"x":[0.5,1.5]},{"x":[2.5]},{"x":[3.5,4.5,5.5]}]"#))
        #expect(try list([0, 0]) == posted(#"[{"x":[]},{"x":[]}]"#))
    }

    @Test("lists of texts and of truth values, with null elements")
    func listsOfOthers() throws {
        #expect(
            try read(
                .lists("t", [2, 2], of: .texts("item", ["a", nil, "", "é"])),
                .lists("u", [1, 3], of: .texts("item", ["a", nil, "", "é"])),
                .fixedSizeLists("b", 2, of: .bools("item", [true, nil, false, true]), count: 2),
                .lists("n", [1, 1], of: SampleArray("item", .null, count: 2)))
                == posted(
                    #"[{"t":["a",null],"u":["a"],"b":[true,null],"n":[null]},"#
                        + #"{"t":["","é"],"u":[null,"","é"],"b":[false,true],"n":[null]}]"#))
    }

    @Test("long and sparse lists follow the rule of posted JSON")
    func longLists() throws {
        let length = RecordLimits.shreddedElementCountMax + 1
        let child = SampleArray.numbers("item", float32, [Float](repeating: 1.5, count: 2 * length))
        let long = try read(.fixedSizeLists("x", length, of: child, count: 2))[0].values
        #expect(
            long
                == .list(
                    lengths: [Int32](repeating: Int32(length), count: 2),
                    Leaf(.float32([Float](repeating: 1.5, count: 2 * length)))))
        // Padding is what rows without a list would take: 511 · 2,051 elements are little, 512 · 2,051 are not.
        func sparse(_ width: Int) throws -> FieldValues {
            let valid = (0..<2053).map { $0 == 0 || $0 == 2052 }
            let child = SampleArray.numbers("item", float32, [Float](repeating: 1.5, count: 2 * width))
            return try read(.lists("x", valid.map { $0 ? width : 0 }, of: child, valid: valid))[0].values
        }
        guard case .fixedList(let leaves) = try sparse(511),
            case .list(let lengths, let leaf) = try sparse(512)
        else {
            Issue.record("padding is not counted as for JSON")
            return
        }
        #expect(leaves.count == 511 && leaves[0].count == 2053)
        #expect(leaf.count == 1024 && lengths.reduce(0, +) == 1024)
    }

    @Test("the hot path: 29 floats a row, over the size of its blocks, come out leaf by leaf")
    func transposition() throws {
        let rowCount = 1000
        let values = (0..<rowCount * 29).map { Float($0) / 8 }
        let column = try read(
            .fixedSizeLists("in.x", 29, of: .numbers("item", float32, values), count: rowCount))[0]
        guard case .fixedList(let leaves) = column.values else {
            Issue.record("not shredded")
            return
        }
        #expect(leaves.count == 29)
        for (number, leaf) in leaves.enumerated() {
            #expect(leaf == Leaf(.float32((0..<rowCount).map { values[$0 * 29 + number] })))
        }
    }

    @Test("a struct named like a group is that group; where it is null its fields are absent")
    func groups() throws {
        let columns = try read(
            .structs(
                "in", [.numbers("x", int64, [Int64](1...3)), .texts("y.z", ["a", nil, "c"])], count: 3,
                valid: [true, true, false]),
            .structs("out_shadow", [.numbers("x", float64, [0.5, 1.5, 2.5])], count: 3),
            .structs(
                "anomaly", [SampleArray("count", .null, count: 3)], count: 3, valid: [false, false, false]))
        #expect(
            try columns
                == posted(
                    #"[{"in":{"x":1,"y.z":"a"},"out_shadow":{"x":0.5}},{"in":{"x":2,"y.z":null},"out_shadow":{"x":1.5}},"#
                        + #"{"out_shadow":{"x":2.5}}]"#))
    }

    @Test("a member that is longer than its struct gives its first elements, batch by batch")
    func longMembers() throws {
        let part = ArrowSample.Part.batch([
            .structs(
                "in",
                [
                    .numbers("n", int64, [Int64](1...5)),
                    .lists("l", [1, 0, 1, 1], of: .texts("item", ["a", "b", "c"])),
                ],
                count: 2)
        ])
        #expect(
            try ArrowSample([part, part]).read().fields
                == posted(
                    #"[{"in":{"n":1,"l":["a"]}},{"in":{"n":2,"l":[]}},{"in":{"n":1,"l":["a"]}},{"in":{"n":2,"l":[]}}]"#
                ))
    }

    @Test("other structs and deeper lists become the JSON that would have been posted")
    func json() throws {
        let pairs = SampleArray.lists(
            "item", [2, 0, 1],
            of: .numbers("item", .integer(bitWidth: 64, isSigned: false), [1, UInt64.max, 3]))
        let object = SampleArray.structs(
            "o",
            [
                .numbers("n", float32, [Float(0.1), .nan]), .texts("t \"q\"", ["é\n", nil]),
                .bools("b", [true, nil]), .numbers("f", float32, [Float.infinity, -.infinity]),
                .numbers("d", float64, [-Double.infinity, .infinity]),
            ],
            count: 2, valid: [true, true])
        var nullObject = object
        nullObject.field.name = "p"
        nullObject.validity = [false, true]
        #expect(
            try read(
                object, nullObject, .lists("nested", [2, 1], of: pairs),
                .structs(
                    "in", [.structs("deep", [.numbers("n", int64, [Int64](1...2))], count: 2)], count: 2),
                .structs("metadata", [], count: 2))
                == posted(
                    #"[{"o":{"n":0.1,"t \"q\"":"é\n","b":true,"f":1e999,"d":-1e999},"p":null,"nested":[[1,18446744073709551615],[]],"#
                        + #""in.deep":{"n":1},"metadata":{}},"#
                        + #"{"o":{"n":null,"t \"q\"":null,"b":null,"f":-1e999,"d":1e999},"#
                        + #""p":{"n":null,"t \"q\"":null,"b":null,"f":-1e999,"d":1e999},"nested":[[3]],"#
                        + #""in.deep":{"n":2},"metadata":{}}]"#))
    }

    @Test("texts noted as JSON become what the same JSON posted becomes")
    func notedJSON() throws {
        var column = SampleArray.texts("in.x", [#"{"a" : 1.50}"#, "null", nil, " [1,2] ", "3", #""t""#])
        column.field.isJSON = true
        #expect(
            try read(column)
                == posted(
                    #"[{"in.x":{"a":1.50}},{"in.x":null},{"in.x":null},{"in.x":[1,2]},{"in.x":3},{"in.x":"t"}]"#
                ))
        column = SampleArray.texts("x", ["1.50", "2", "18446744073709551615"])
        column.field.isJSON = true
        #expect(try read(column) == posted(#"[{"x":1.50},{"x":2},{"x":18446744073709551615}]"#))
        column = SampleArray.texts("x", ["1", #"2},{"v":3"#])
        column.field.isJSON = true
        #expect(refusal(column).hasPrefix(#"row 1, field "x": is noted as JSON and is not"#))
    }

    @Test(
        "the time is milliseconds, from integers and timestamps of every unit; null and absent are not 0"
    )
    func times() throws {
        func times(_ column: SampleArray) throws -> ParsedRecords {
            try ArrowReader.read(ArrowSample([column]).file)
        }
        let units: [(ArrowTimeUnit, Int64, Int64)] = [
            (.second, -2, -2000), (.millisecond, -2, -2), (.microsecond, -1_501_000, -1501),
            (.microsecond, 1_704_827_224_734_000, 1_704_827_224_734), (.nanosecond, -3_000_000, -3),
            (.nanosecond, 1_704_827_224_734_000_000, 1_704_827_224_734),
        ]
        for (unit, stated, expected) in units {
            let parsed = try times(
                .numbers("time", .timestamp(unit), [stated, 0, 5], valid: [true, true, false]))
            #expect(parsed.batch == RecordBatch(times: [expected, 0, 0], fields: []))
            #expect(parsed.timeAbsent == [2])
        }
        #expect(
            try times(.numbers("time", .integer(bitWidth: 32, isSigned: false), [UInt32.max])).batch.times
                == [4_294_967_295])
        #expect(try times(.numbers("x", int64, [Int64(1), 2])).timeAbsent == [0, 1])
        #expect(try times(SampleArray("time", .null, count: 2)).timeAbsent == [0, 1])
        #expect(
            refusal(.numbers("time", .timestamp(.second), [Int64(1), .max]))
                == "row 1, field \"time\": is 9223372036854775807 seconds, past 64 bits of milliseconds")
        #expect(
            refusal(.numbers("time", .integer(bitWidth: 64, isSigned: false), [UInt64.max])).contains(
                "of the years 0001 to 9999"))
        #expect(
            refusal(.numbers("time", int64, [Int64(1), .max])).hasPrefix("row 1, field \"time\": is 9223372"))
        let (first, last): (Int64, Int64) = (-62_135_596_800_000, 253_402_300_799_999)
        #expect(try times(.numbers("time", int64, [first, last])).batch.times == [first, last])
        for time in [first - 1, last + 1] {
            #expect(
                refusal(.numbers("time", int64, [0, time])).hasPrefix(
                    "row 1, field \"time\": is \(time); it must be whole milliseconds"))
        }
        #expect(refusal(.numbers("time", .timestamp(.second), [last / 1000 + 1])).hasPrefix("row 0"))
        #expect(refusal(.numbers("time", float64, [1.5])).contains("cast it"))
        #expect(refusal(.numbers("time", .temporal(bitWidth: 32), [Int32(19_000)])).contains("cast it"))
        #expect(refusal(.structs("time", [], count: 1)).contains("cast it"))
    }

    @Test(
        "a time between two milliseconds is refused by its row, and so is nothing else",
        arguments: [
            (.microsecond, 1_704_827_224_734_999), (.microsecond, 1), (.microsecond, -1),
            (.microsecond, -1_500_001), (.microsecond, .max), (.microsecond, .min),
            (.nanosecond, 1_704_827_224_734_000_001), (.nanosecond, 999_999), (.nanosecond, -1),
            (.nanosecond, -3_000_001), (.nanosecond, .min),
        ] as [(ArrowTimeUnit, Int64)])
    func timesBetweenMilliseconds(unit: ArrowTimeUnit, time: Int64) throws {
        let name = unit == .microsecond ? "microseconds" : "nanoseconds"
        #expect(
            refusal(.numbers("time", .timestamp(unit), [0, time]))
                == "row 1, field \"time\": is \(time) \(name), which are no whole milliseconds: round it to "
                + "milliseconds")
        // What stands under a null is anything; and of another field it is a number in its unit.
        let null = SampleArray.numbers("time", .timestamp(unit), [0, time], valid: [true, false])
        #expect(try ArrowReader.read(ArrowSample([null]).stream).timeAbsent == [1])
        #expect(
            try read(.numbers("in.at", .timestamp(unit), [time]))
                == [FieldColumn(name: "in.at", values: .scalar(Leaf(.int64([time]))))])
    }

    @Test("several record batches are one batch, shaped with every row in sight")
    func severalBatches() throws {
        func part(_ lengths: [Int], _ texts: [String?]) -> ArrowSample.Part {
            .batch([
                .lists(
                    "x", lengths,
                    of: .numbers("item", float64, (0..<lengths.reduce(0, +)).map { Double($0) + 0.5 })),
                .texts("t", texts),
            ])
        }
        #expect(
            try ArrowSample([part([2, 2], ["a", nil]), part([], []), part([2], ["c"])]).read().fields
                == posted(#"[{"x":[0.5,1.5],"t":"a"},{"x":[2.5,3.5],"t":null},{"x":[0.5,1.5],"t":"c"}]"#))
        #expect(
            try ArrowSample([part([2], ["a"]), part([1, 0], ["b", "c"])]).read().fields
                == posted(#"[{"x":[0.5,1.5],"t":"a"},{"x":[0.5],"t":"b"},{"x":[],"t":"c"}]"#))
    }

    @Test("no rows, no columns, no batches")
    func empty() throws {
        #expect(try ArrowSample([ArrowSample.Part]()).read() == RecordBatch(times: [], fields: []))
        #expect(try ArrowSample([.texts("x", [])]).read() == RecordBatch(times: [], fields: []))
    }
}

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
            try sample.read().fields == posted(#"[{"x":"é"},{"x":"a"},{"x":null},{"x":null},{"x":"a"}]"#))
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
            #expect(try found == posted("[\(json.joined(separator: ","))]"), "\(rows)")
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
        #expect(try Array(fields[2...]) == posted(#"[{"l":["y","x"]},{"l":["x","y"]}]"#))
    }

    @Test("deltas add to a dictionary; in a stream a new one replaces it for what follows")
    func deltas() throws {
        let first = ArrowSample.Part.dictionary(7, .texts("", ["a"]), isDelta: false)
        let delta = ArrowSample.Part.dictionary(7, .texts("", ["b", "c"]), isDelta: true)
        #expect(
            try ArrowSample([first, delta, column([2, 0, 1])]).read().fields
                == posted(#"[{"x":"c"},{"x":"a"},{"x":"b"}]"#))
        let replacing = ArrowSample([
            first, column([0]), .dictionary(7, .texts("", ["z"]), isDelta: false), column([0]),
        ])
        #expect(try ArrowReader.read(replacing.stream).batch.fields == posted(#"[{"x":"a"},{"x":"z"}]"#))
        #expect(throws: ArrowError.self) { try ArrowReader.read(replacing.file) }
    }

    @Test("an index outside the dictionary is refused; without a dictionary only nulls are taken")
    func outside() throws {
        let first = ArrowSample.Part.dictionary(7, .texts("", ["a"]), isDelta: false)
        #expect(
            refusal(ArrowSample([first, column([1])]))
                == #"field "x": has index 1 into a dictionary of 1 values"#)
        #expect(refusal(ArrowSample([first, column([-1])])).contains("has index -1"))
        #expect(refusal(ArrowSample([column([0])])).contains("dictionary of 0 values"))
        #expect(try ArrowSample([column([0], valid: [false])]).read().fields == posted(#"[{"x":null}]"#))
        #expect(
            refusal(ArrowSample([first, .dictionary(8, .texts("", ["a"]), isDelta: false), column([0])]))
                .contains("dictionary 8 is no column's"))
    }

    @Test("a dictionary cannot make gigabytes of a few bytes")
    func expansion() {
        let long = String(repeating: "x", count: 1 << 16)
        let sample = ArrowSample([
            .dictionary(7, .texts("", [long]), isDelta: false), column([Int8](repeating: 0, count: 1 << 16)),
        ])
        #expect(refusal(sample).contains("past 256 MiB"))
    }
}
