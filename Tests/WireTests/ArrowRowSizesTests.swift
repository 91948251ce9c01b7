// Invariants checked: those at the head of ArrowRowSizes.swift; that pages and record batches are bounded by bytes,
// and that little more is written for them.

import Records
import Testing

@testable import Wire

@Suite("Arrow told by its size")
struct ArrowRowSizesTests {
    /// Batches of records that have one field each, of its own.
    private static func unlike(_ count: Int, _ value: (Int) -> String) throws -> [RecordBatch] {
        try stride(from: 0, to: count, by: 50).map { start in
            let lines = (start..<min(start + 50, count)).map {
                #"{"time":\#($0),"in.f\#($0)":\#(value($0))}"#
            }
            return try RecordParser.parse(Array(lines.joined(separator: "\n").utf8), as: .lines).batch
        }
    }

    private static func rows(_ batches: [RecordBatch]) -> [(batch: Int, row: Int)] {
        batches.indices.flatMap { batch in (0..<batches[batch].rowCount).map { (batch, $0) } }
    }

    /// A page, and the bytes of each file that was written for it.
    private static func page(
        _ batches: [RecordBatch], within limit: Int, _ form: RecordForm = .flat
    ) throws -> (rows: RecordBatch, written: [Int]) {
        let rows = rows(batches)
        var written: [Int] = []
        var sizes = ArrowPageSizes(fields: .all, upTo: limit)
        sizes.add(batches, rows: rows)
        let bytes = try sizes.page { count in
            let bytes = try ArrowWriter(form: form).bytes(of: batches, rows: Array(rows.prefix(count)))
            written.append(bytes.count)
            return bytes
        }
        return (try ArrowReader.read(bytes).batch, written)
    }

    @Test(
        "a page of unlike records is near its limit, and little more is written for it",
        arguments: ["7", "0.5", "\"text\"", "true", "[1.5,2.5]", "[\"a\",\"b\"]", #"{"a":1}"#])
    func unlikeRecords(value: String) throws {
        let batches = try Self.unlike(1500) { _ in value }
        for form in [RecordForm.flat, .nested] {
            let limit = 1 << 20
            let (rows, written) = try Self.page(batches, within: limit, form)
            let last = try #require(written.last)
            #expect(last <= limit && last >= limit / 4, "\(written)")
            // All 1500 rows in 1500 columns are up to 36 MB.
            #expect(written.allSatisfy { $0 <= 3 * limit } && written.count <= 4, "\(written)")
            #expect(rows.times == (0..<Int64(rows.rowCount)).map { $0 })
        }
    }

    @Test("a page ends where it does whichever records share a batch, also those behind it")
    func shared() throws {
        let lines = (0..<120).map { row in
            let list = (0..<row % 4).map { "\($0)" }.joined(separator: ",")
            return row % 3 == 0
                ? #"{"time":\#(row),"n":null,"r":[\#(list)]}"#
                : #"{"time":\#(row),"n":\#(row),"r":[\#(list)],"in.f\#(row / 2)":\#(row % 5 == 0 ? "null" : "0.5")}"#
        }
        func batches(of count: Int) throws -> [RecordBatch] {
            try stride(from: 0, to: lines.count, by: count).map { start in
                let some = lines[start..<min(start + count, lines.count)].joined(separator: "\n")
                return try RecordParser.parse(Array(some.utf8), as: .lines).batch
            }
        }
        for limit in [1, 3000, 10_000, 40_000, 1 << 20] {
            let counts = try [1, 7, 120].map { try Self.page(batches(of: $0), within: limit).rows.rowCount }
            #expect(Set(counts).count == 1 && (counts[0] < 120) == (limit < 1 << 20), "\(limit): \(counts)")
        }
    }

    @Test("records that are within the limit are one page, written once")
    func within() throws {
        let lines = (0..<400).map {
            let text = String(repeating: "é", count: $0 % 7 * 10)
            let list = (0..<$0 % 5).map(String.init).joined(separator: ",")
            return #"{"time":\#($0),"in.x":[\#($0),0.5],"in.t":"\#(text)","in.r":[\#(list)],"ok":true,"#
                + #""in.w":["\#(text)","b"],"n":null,"out.j":{"a":\#($0)}}"#
        }
        let batch = try RecordParser.parse(Array(lines.joined(separator: "\n").utf8), as: .lines).batch
        let whole = try ArrowWriter().bytes(of: [batch])
        let (rows, written) = try Self.page([batch], within: whole.count)
        #expect(written == [whole.count])
        #expect(rows.rowCount == 400)
        // One byte less is fewer rows, yet most of them.
        let fewer = try Self.page([batch], within: whole.count - 1)
        #expect((300..<400).contains(fewer.rows.rowCount), "\(fewer.rows.rowCount)")
        // Never none, and nothing is an empty page.
        #expect(try Self.page([batch], within: 1).rows.rowCount == 1)
        #expect(try Self.page([], within: 1).rows.rowCount == 0)
    }

    @Test("record batches are bounded by bytes, of texts and of absent values, but for a row that has more")
    func recordBatches() throws {
        let limit = 40_000
        let texts = try RecordParser.parse(
            Array(
                (0..<60).map {
                    #"{"time":\#($0),"t":"\#(String(repeating: "x", count: $0 == 30 ? 60_000 : 3000))"}"#
                }.joined(separator: "\n").utf8), as: .lines
        ).batch
        for batches in [[texts], try Self.unlike(300) { "\($0)" }] {
            var schema = ArrowTableSchema()
            for batch in batches { schema.add(batch) }
            var writer = ArrowPartWriter(ArrowWriter(as: .stream), schema, batchByteCountMax: limit)
            var bytes = writer.take()
            let opening = bytes.count
            var parts: [Int] = []
            try writer.write(batches, rows: Self.rows(batches)) { part in
                parts.append(part.count)
                bytes += part
            }
            bytes += writer.finish()
            // Beside the elements stand nulls and what is said of each column.
            let extra = opening + limit / 4
            #expect(
                parts.count > 4 && parts.count { $0 > limit + extra } == (batches.count == 1 ? 1 : 0),
                "\(parts)")
            #expect(parts.count { $0 < limit / 2 } <= 2, "\(parts)")
            let read = try ArrowReader.read(bytes).batch
            #expect(read.times == batches.flatMap(\.times))
            // What was written at once is the same.
            var whole = ArrowPartWriter(ArrowWriter(as: .stream), schema, batchByteCountMax: .max)
            try whole.write(batches, rows: Self.rows(batches))
            #expect(try ArrowReader.read(whole.finish()).batch == read)
        }
    }

    @Test("a record batch that is too large is refused with a number of rows that it has")
    func tooLarge() throws {
        let head = ArrowFlatWriter.bytes(of: [
            0: .short(4), 1: .byte(ArrowMessage.Kind.batch.rawValue), 2: .table([0: .long(5600)]),
            3: .long(1 << 31),
        ])
        let byteCount = (0..<4).map { UInt8(truncatingIfNeeded: head.count >> (8 * $0)) }
        let bytes = [0xFF, 0xFF, 0xFF, 0xFF] + byteCount + head
        var place = 0
        var cutter = ArrowCutter(rowCountMax: 1, byteCountMax: 1) { count in
            defer { place = min(bytes.count, place + count) }
            return Array(bytes[place..<min(bytes.count, place + count)])
        }
        do {
            _ = try cutter.next()
            Issue.record("It has two gigabytes.")
        } catch let error as ArrowError {
            #expect("\(error)".contains("max_chunksize=175)"), "\(error)")
        }
    }
}
