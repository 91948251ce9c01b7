// Invariants checked: those at the heads of ArrowLeaves.swift, ArrowColumnReader.swift and ArrowReader.swift. Where JSON can say the same, what the same rows posted
// as JSON become is the oracle: equal records make equal batches, however they came.

import JSON
import Records
import Testing

@testable import Wire

private let int64 = ArrowType.integer(bitWidth: 64, isSigned: true)
private let float32 = ArrowType.float(bitWidth: 32)
private let float64 = ArrowType.float(bitWidth: 64)

private func read(_ columns: SampleArray...) throws -> [FieldColumn] {
    try ArrowSample(columns).read().fields
}

private func refusal(_ columns: SampleArray...) -> String { ArrowSample(columns).refusal }

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
        #expect(
            try read(.numbers("x", .integer(bitWidth: 64, isSigned: false), values)) == fieldsPosted(text))
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
                == fieldsPosted(
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
        let expected = try fieldsPosted(
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
        #expect(try list([2, 2, 2]) == fieldsPosted(#"[{"x":[0.5,1.5]},{"x":[2.5,3.5]},{"x":[4.5,5.5]}]"#))
        #expect(try list([3, 0, 1]) == fieldsPosted(#"[{"x":[0.5,1.5,2.5]},{"x":[]},{"x":[3.5]}]"#))
        // As many elements as three lists of two.
        #expect(try list([2, 1, 3]) == fieldsPosted(#"[{"x":[0.5,1.5]},{"x":[2.5]},{"x":[3.5,4.5,5.5]}]"#))
        #expect(try list([0, 0]) == fieldsPosted(#"[{"x":[]},{"x":[]}]"#))
    }

    @Test("lists of texts and of truth values, with null elements")
    func listsOfOthers() throws {
        #expect(
            try read(
                .lists("t", [2, 2], of: .texts("item", ["a", nil, "", "é"])),
                .lists("u", [1, 3], of: .texts("item", ["a", nil, "", "é"])),
                .fixedSizeLists("b", 2, of: .bools("item", [true, nil, false, true]), count: 2),
                .lists("n", [1, 1], of: SampleArray("item", .null, count: 2)))
                == fieldsPosted(
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
                == fieldsPosted(
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
                == fieldsPosted(
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
                == fieldsPosted(
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
                == fieldsPosted(
                    #"[{"in.x":{"a":1.50}},{"in.x":null},{"in.x":null},{"in.x":[1,2]},{"in.x":3},{"in.x":"t"}]"#
                ))
        column = SampleArray.texts("x", ["1.50", "2", "18446744073709551615"])
        column.field.isJSON = true
        #expect(try read(column) == fieldsPosted(#"[{"x":1.50},{"x":2},{"x":18446744073709551615}]"#))
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
                == fieldsPosted(
                    #"[{"x":[0.5,1.5],"t":"a"},{"x":[2.5,3.5],"t":null},{"x":[0.5,1.5],"t":"c"}]"#))
        #expect(
            try ArrowSample([part([2], ["a"]), part([1, 0], ["b", "c"])]).read().fields
                == fieldsPosted(#"[{"x":[0.5,1.5],"t":"a"},{"x":[0.5],"t":"b"},{"x":[],"t":"c"}]"#))
    }

    @Test("no rows, no columns, no batches")
    func empty() throws {
        #expect(try ArrowSample([ArrowSample.Part]()).read() == RecordBatch(times: [], fields: []))
        #expect(try ArrowSample([.texts("x", [])]).read() == RecordBatch(times: [], fields: []))
    }
}
