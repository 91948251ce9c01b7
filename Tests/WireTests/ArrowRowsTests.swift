// Invariants checked: the second at the head of ArrowReader.swift, and those of ArrowSplit.swift where a record batch
// is cut between its rows.

import Records
import Testing

@testable import Wire

@Suite("Some rows of a body of Arrow") struct ArrowRowsTests {
    /// Of every kind of array, with nulls that come and go, so that each range has others.
    private static func columns(_ count: Int, hasAbsent: Bool = true) -> [SampleArray] {
        let rows = Array(0..<count)
        let valid = rows.map { $0 % 5 != 3 }
        func short<Number: BitwiseCopyable>(_ name: String, _ value: (Int) -> Number) -> SampleArray {
            .numbers(name, .float(bitWidth: 32), rows.map(value))
        }
        let members: [SampleArray] = [
            // A member may be longer than its struct.
            .numbers("a", .integer(bitWidth: 16, isSigned: false), (0..<count + 3).map { UInt16($0) }),
            .texts("b", rows.map { $0 % 7 == 2 ? nil : "b\($0)" }),
        ]
        return [
            .numbers(
                "time", .integer(bitWidth: 64, isSigned: true), rows.map { Int64($0) },
                valid: hasAbsent ? rows.map { $0 % 11 != 10 } : nil),
            short("f") { Float($0) / 4 },
            .numbers("d", .float(bitWidth: 64), rows.map { Double($0) / 8 }, valid: valid),
            .bools("q", rows.map { $0 % 6 == 1 ? nil : $0 % 3 == 0 }),
            .texts(
                "t", rows.map { $0 % 4 == 1 ? nil : String(repeating: "é", count: $0 % 5) }, isLarge: true),
            .lists(
                "l", rows.map { $0 % 3 },
                of: .numbers("item", .float(bitWidth: 32), (0..<3 * count).map { Float($0) }),
                start: 1, valid: valid),
            .fixedSizeLists("x", 3, of: .bools("item", (0..<3 * count).map { $0 % 2 == 0 }), count: count),
            .fixedSizeLists("e", 0, of: .texts("item", []), count: count),
            .lists(
                "n", rows.map { _ in 1 },
                of: .lists("item", rows.map { _ in 2 }, of: short("item") { Float($0) }.repeated(2))),
            .structs("in", members, count: count, valid: hasAbsent ? rows.map { $0 % 9 != 4 } : nil),
            .structs("s", members, count: count, valid: valid),
            .indices(
                "k", .text(isLarge: false), rows.map { Int8($0 % 2) },
                as: .integer(bitWidth: 8, isSigned: true), of: 1),
            SampleArray("z", .null, count: count),
        ]
    }

    private static var dictionary: ArrowSample.Part {
        .dictionary(1, .texts("k", ["even", "odd"]), isDelta: false)
    }

    /// Records as texts, those without a time without one.
    private static func texts(_ parsed: ParsedRecords) -> [String] {
        (0..<parsed.batch.rowCount).map { row in
            let isAbsent = parsed.timeAbsent.contains(Int32(row))
            var writer = RecordWriter(
                as: .lines, fields: isAbsent ? FieldSelection(excluded: ["time"]) : .all)
            writer.write(row: row, of: writer.prepare(parsed.batch))
            return String(decoding: writer.finish(), as: UTF8.self)
        }
    }

    @Test(
        "each range of rows is what it is in the whole, across record batches, compressed or not",
        arguments: [false, true])
    func ranges(isCompressed: Bool) throws {
        var sample = ArrowSample([Self.dictionary, .batch(Self.columns(21)), .batch(Self.columns(17))])
        sample.isCompressed = isCompressed
        let body = sample.stream
        let whole = try Self.texts(ArrowReader.read(body))
        try #require(whole.count == 38 && Set(whole).count > 21)
        for start in 0..<38 {
            for end in start + 1...38 {
                let part = try ArrowReader.read(body, rows: start..<end)
                #expect(Self.texts(part) == Array(whole[start..<end]), "rows \(start) to \(end)")
            }
        }
        #expect(try ArrowReader.read(body, rows: 30..<90).batch.rowCount == 8)
    }

    @Test("a refusal counts from the first row that is wanted")
    func refusal() throws {
        var times = (0..<20).map { Int64($0) }
        times[13] = .max
        let body = ArrowSample([.numbers("time", .integer(bitWidth: 64, isSigned: true), times)]).stream
        #expect(try ArrowReader.read(body, rows: 3..<13).batch.times == Array(3..<13))
        #expect {
            _ = try ArrowReader.read(body, rows: 11..<20)
        } throws: { error in
            guard case ArrowError.refused(field: "time", row: 2, problem: _) = error else { return false }
            return true
        }
    }

    @Test(
        "more rows than are read at once are read in parts",
        arguments: [2, 15, 16, 17, 1_000_000, 1_000_001, 5_000_003])
    func parts(rowCount: Int) throws {
        let rows = 8..<8 + rowCount
        let parts = try #require(ArrowSplit.parts(of: rows))
        #expect(parts.count >= 2 && parts.allSatisfy { (1...RecordParser.rowCountMax).contains($0.count) })
        #expect(parts.count <= rowCount / RecordParser.rowCountMax + 2)
        #expect(parts.first?.lowerBound == 8 && parts.last?.upperBound == rows.upperBound)
        #expect(zip(parts, parts.dropFirst()).allSatisfy { $0.upperBound == $1.lowerBound })
        if rowCount >= 16 { #expect(parts.allSatisfy { $0.lowerBound % 8 == 0 }) }
        #expect(ArrowSplit.parts(of: 8..<9) == nil)
    }

    // It was refused whichever rows were wanted.
    @Test("a record batch of over a million rows is read where some of them are wanted")
    func manyRows() throws {
        let times = (0..<1_000_010).map { Int64($0) }
        let body = ArrowSample([.numbers("time", .integer(bitWidth: 64, isSigned: true), times)]).stream
        #expect(throws: ArrowError.tooLarge("a body has over 1000000 rows; split it")) {
            try ArrowReader.read(body)
        }
        #expect(
            try ArrowReader.read(body, rows: 1_000_001..<1_000_010).batch.times
                == Array(1_000_001..<1_000_010))
    }

    @Test("what is compressed may take as much memory as its reader allows")
    func memory() throws {
        var sample = ArrowSample([short(4096)])
        sample.isCompressed = true
        let body = sample.stream
        #expect(try ArrowReader.read(body, memoryByteCountMax: 4096 * 8).batch.rowCount == 4096)
        #expect {
            _ = try ArrowReader.read(body, memoryByteCountMax: 4096 * 8 - 1)
        } throws: {
            "\($0)".contains("past 0 MiB once it is unpacked")
        }
    }

    private func short(_ count: Int) -> SampleArray {
        .numbers("d", .float(bitWidth: 64), [Double](repeating: 0.5, count: count))
    }

    @Test("a record batch in slices holds the same records in order, and each slice is cut again")
    func slices() throws {
        let whole = ArrowSample([Self.dictionary, .batch(Self.columns(40, hasAbsent: false))]).stream
        var pieces = [whole]
        while let first = pieces.first, let slices = try ArrowSplit.smaller(first) {
            #expect(slices.count == 2 && slices.allSatisfy { $0.rowCount > 0 })
            for slice in slices {
                #expect(try ArrowReader.read(slice.bytes).batch.rowCount == slice.rowCount)
            }
            #expect(try ArrowSplit.smaller(first)?.map(\.bytes) == slices.map(\.bytes))
            pieces = slices.map(\.bytes) + pieces.dropFirst()
            let found = try pieces.flatMap { Self.texts(try ArrowReader.read($0)) }
            #expect(found == Self.texts(try ArrowReader.read(whole)))
        }
        #expect(pieces.count == 7)
    }
}

extension SampleArray {
    /// Its first buffer so often, and as many elements.
    fileprivate func repeated(_ times: Int) -> SampleArray {
        var array = self
        array.count *= times
        array.buffers = [Array([[UInt8]](repeating: buffers[0], count: times).joined())]
        return array
    }
}
