// Invariants checked: the three at the head of ArrowPartWriter.swift; that bounds of bytes hold for ordinary rows is
// in ArrowRowSizesTests.swift.

import Records
import Testing

@testable import Wire

@Suite("Record batches that are taken back")
struct ArrowPartWriterTests {
    private static func batch(_ lines: [String]) throws -> RecordBatch {
        try RecordParser.parse(Array(lines.joined(separator: "\n").utf8), as: .lines).batch
    }

    private static func schema(_ batches: [RecordBatch]) -> ArrowTableSchema {
        var schema = ArrowTableSchema()
        for batch in batches { schema.add(batch) }
        return schema
    }

    /// The rows of each record batch of a stream.
    private static func batches(of bytes: [UInt8]) throws -> [RecordBatch] {
        var place = 0
        var cutter = ArrowCutter(rowCountMax: 1, byteCountMax: 1) { count in
            defer { place = min(bytes.count, place + count) }
            return Array(bytes[place..<min(bytes.count, place + count)])
        }
        var batches: [RecordBatch] = []
        while let piece = try cutter.next() { batches.append(try ArrowReader.read(piece.bytes).batch) }
        return batches
    }

    /// Written part by part, with the bytes of each part.
    private static func written(
        _ batches: [RecordBatch], rows: [(batch: Int, row: Int)], with writer: ArrowPartWriter
    ) throws -> (bytes: [UInt8], parts: [Int]) {
        var writer = writer
        var bytes = writer.take()
        var parts: [Int] = []
        try writer.write(batches, rows: rows) { part in
            parts.append(part.count)
            bytes += part
        }
        return (bytes + writer.finish(), parts)
    }

    @Test("a record batch that is larger than it was told to be is written as several")
    func halved() throws {
        // In one batch of records numbers and in the other texts: JSON text, whose digits nobody counted.
        let batches = try ["1234567890123456789", "\"t\""].map { value in
            try Self.batch(
                (0..<200).map { row in
                    let fields = (0..<40).map { ",\"in.f\($0)\":\(value)" }.joined()
                    return "{\"time\":\(row)\(fields)}"
                })
        }
        let rows: [(batch: Int, row: Int)] = batches.indices.flatMap { batch in
            (0..<200).map { (batch, $0) }
        }
        let schema = Self.schema(batches)
        let limit = 10_000
        let (bytes, parts) = try Self.written(
            batches, rows: rows,
            with: ArrowPartWriter(ArrowWriter(as: .stream), schema, batchByteCountMax: limit))
        // With what is said of each column before them.
        #expect(parts.allSatisfy { $0 <= limit * 3 / 2 + 5000 }, "\(parts)")
        #expect(parts.count < 60, "\(parts)")
        let read = try ArrowReader.read(bytes).batch
        #expect(read.times == batches.flatMap(\.times))
        let whole = try Self.written(
            batches, rows: rows,
            with: ArrowPartWriter(ArrowWriter(as: .stream), schema, batchByteCountMax: .max))
        #expect(whole.parts.count == 1)
        #expect(try ArrowReader.read(whole.bytes).batch == read)
        // What has no half is written as it is.
        let single = try Self.written(
            batches, rows: [(0, 7)],
            with: ArrowPartWriter(ArrowWriter(as: .stream), schema, batchByteCountMax: 1))
        #expect(single.parts.count == 1)
    }

    @Test("a record batch has no more columns than are kept together, in whatever order its rows come")
    func columns() throws {
        let batches = try (0..<12).map { number in
            try Self.batch((0..<2).map { "{\"time\":\(number * 2 + $0),\"in.f\(number)\":[1,2,3,4,5]}" })
        }
        let schema = Self.schema(batches)
        let inOrder: [(batch: Int, row: Int)] = batches.indices.flatMap { batch in
            (0..<2).map { (batch, $0) }
        }
        let inTurn: [(batch: Int, row: Int)] = (0..<2).flatMap { row in batches.indices.map { ($0, row) } }
        for (rows, partCount) in [(inOrder, 6), (inTurn, 12)] {
            let times = rows.map { batches[$0.batch].times[$0.row] }
            // A field that a batch has not is a column of nulls.
            for columnCountMax in [25 + 5, 25 + 10, 25 + 14] {
                let (bytes, parts) = try Self.written(
                    batches, rows: rows,
                    with: ArrowPartWriter(
                        ArrowWriter(as: .stream), schema, batchColumnCountMax: columnCountMax))
                let found = try Self.batches(of: bytes)
                #expect(found.count == parts.count && found.flatMap(\.times) == times)
                #expect(
                    found.allSatisfy { $0.columnCount <= columnCountMax }, "\(found.map(\.columnCount))")
                #expect(parts.count == (columnCountMax == 25 + 5 ? 2 * partCount : partCount))
            }
            let whole = try Self.written(
                batches, rows: rows, with: ArrowPartWriter(ArrowWriter(as: .stream), schema))
            #expect(whole.parts.count == 1)
        }
    }

    @Test("truth values and nulls are told by what a reader makes of them")
    func readSizes() throws {
        let list = Array(repeating: "true", count: 1000).joined(separator: ",")
        let bools = try Self.batch((0..<40).map { "{\"time\":\($0),\"in.b\":[\(list)]}" })
        let nulls = try Self.batch(
            (0..<40).map { row in
                "{\"time\":\(row)" + (0..<1000).map { ",\"in.n\($0)\":null" }.joined() + "}"
            })
        for batch in [bools, nulls] {
            let (bytes, parts) = try Self.written(
                [batch], rows: (0..<40).map { (batch: 0, row: $0) },
                with: ArrowPartWriter(
                    ArrowWriter(as: .stream), Self.schema([batch]), batchByteCountMax: 10_200))
            #expect(parts.count == 4)
            #expect(try ArrowReader.read(bytes).batch == batch)
        }
    }
}

extension ArrowTableSchema {
    /// One more batch, all of whose rows are to be written.
    mutating func add(_ batch: RecordBatch) {
        add([batch], runs: [ArrowRowRun(batch: 0, rows: 0..<batch.rowCount)])
    }
}
