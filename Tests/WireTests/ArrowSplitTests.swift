// Invariants checked: the three at the head of ArrowSplit.swift.

import Records
import Testing

@testable import Wire

@Suite struct ArrowSplitTests {
    /// Records as texts, those without a time without one.
    private static func texts(_ parsed: ParsedRecords) -> [String] {
        let absent = Set(parsed.timeAbsent)
        return (0..<parsed.batch.rowCount).map { row in
            let fields = absent.contains(Int32(row)) ? FieldSelection(excluded: ["time"]) : .all
            var writer = RecordWriter(as: .lines, fields: fields)
            writer.write(row: row, of: writer.prepare(parsed.batch))
            return String(decoding: writer.finish(), as: UTF8.self)
        }
    }

    private static func body(rowCount: Int, absent: Set<Int>, text: Int = 40) throws -> [UInt8] {
        let rows = (0..<rowCount).map { row in
            (absent.contains(row) ? "{" : "{\"time\":\(row),")
                + "\"in.x\":[\(row).5,1.25],\"t\":\"" + String(repeating: "é", count: row % text) + "\"}"
        }
        let parsed = try RecordParser.parse(Array(rows.joined(separator: "\n").utf8), as: .lines)
        let fields = absent.isEmpty ? FieldSelection.all : FieldSelection(excluded: ["time"])
        return try ArrowWriter(fields: fields).bytes(of: [parsed.batch])
    }

    @Test(
        "the bodies hold the records of the whole, in order, and none is too large",
        arguments: [4000, 9000, 30_000])
    func split(limit: Int) throws {
        for absent in [Set<Int>(), Set(0..<900)] {
            let whole = try Self.body(rowCount: 900, absent: absent)
            let bodies = try ArrowSplit.bodies(of: whole, byteCountMax: limit)
            #expect(bodies.count > 1 && bodies.allSatisfy { $0.count <= limit })
            let parts = try bodies.flatMap { Self.texts(try ArrowReader.read($0)) }
            #expect(parts == Self.texts(try ArrowReader.read(whole)))
            #expect(bodies == (try ArrowSplit.bodies(of: whole, byteCountMax: limit)))
        }
    }

    @Test("a body that is small enough stays as it is, and a large record is a body of its own")
    func bounds() throws {
        let whole = try Self.body(rowCount: 10, absent: [])
        #expect(try ArrowSplit.bodies(of: whole, byteCountMax: whole.count) == [whole])
        let bodies = try ArrowSplit.bodies(of: whole, byteCountMax: 10)
        #expect(bodies.count == 10)
        #expect(try bodies.map { try ArrowReader.read($0).batch.times[0] } == (0..<10).map { Int64($0) })
    }

    @Test("a stream is halved between two of its record batches, unless one has all rows")
    func halves() throws {
        for counts in [
            [7], [1, 9], [9, 1], [3, 3], [1, 1, 1, 1, 50], [50, 1, 1, 1], [2, 8, 2], [1, 1, 1, 1, 1],
        ] {
            let batches = try counts.indices.map { number in
                let start = counts[..<number].reduce(0, +)
                let lines = (start..<start + counts[number]).map { "{\"time\":\($0),\"in.x\":\($0)}\n" }
                return try RecordParser.parse(Array(lines.joined().utf8), as: .lines).batch
            }
            var schema = ArrowTableSchema()
            for batch in batches { schema.add(batch) }
            var writer = ArrowPartWriter(ArrowWriter(as: .stream), schema)
            for batch in batches {
                try writer.write([batch], rows: batch.times.indices.map { (batch: 0, row: $0) })
            }
            let bytes = writer.finish()
            guard let (first, second) = try ArrowSplit.halves(of: bytes) else {
                #expect(counts.count == 1)
                continue
            }
            #expect(counts.count > 1 && first.rowCount > 0 && second.rowCount > 0, "\(counts)")
            #expect(first.batchEnds.count + second.batchEnds.count == counts.count)
            let (head, tail) = (
                try ArrowReader.read(first.bytes).batch, try ArrowReader.read(second.bytes).batch
            )
            #expect(head.rowCount == first.rowCount && tail.rowCount == second.rowCount)
            #expect(head.times + tail.times == batches.flatMap(\.times), "\(counts)")
            // It is the same where it was sent so before and is asked for by its rows.
            let again = try #require(try ArrowSplit.first(first.rowCount, of: bytes))
            #expect(again.piece.bytes == first.bytes && again.rest?.bytes == second.bytes)
        }
    }
}
