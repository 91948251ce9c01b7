// One answer of whole records, bounded by its bytes: what it holds is read piece by piece, and no further than it
// can hold.
//
// Invariants:
//  * It holds the reading's next records, in order: as many as are within the bytes, and one where there is one.
//  * The reading goes on exactly behind the last record of it.
//  * Memory is that of the answer and of one page of the reading. In Arrow, whose rows are chosen before they are
//    written, it is that of two: an answer whose rows take more in memory than in Arrow ends there.

import EventLog
import Queries
import Records
import Wire

struct RecordPage {
    /// Where it began, and once it is written where it goes on.
    private(set) var reading: RecordReading
    private(set) var rowCount = 0
    /// Whether it ended by its bytes, with more records to come.
    private(set) var isCut = false
    private let snapshot: LogSnapshot
    private let form: RecordForm
    private let fields: FieldSelection
    private let byteCountMax: Int

    /// - Parameters:
    ///   - reading: where to begin, and the most records.
    ///   - byteCountMax: bytes of the answer, past which it ends.
    init(
        _ reading: RecordReading, in snapshot: LogSnapshot, form: RecordForm, fields: FieldSelection,
        within byteCountMax: Int
    ) {
        self.reading = reading
        self.snapshot = snapshot
        self.form = form
        self.fields = fields
        self.byteCountMax = byteCountMax
    }

    /// The page as rows of JSON.
    mutating func write(as text: RecordText) throws -> [UInt8] {
        var writer = RecordWriter(as: text, form: form, fields: fields)
        var isFull: Bool { writer.rowCount > 0 && writer.byteCount >= byteCountMax }
        while !isCut {
            let before = reading
            // Where it is full already, one record tells that there are more.
            guard let rows = try reading.next(in: snapshot, atMost: isFull ? 1 : .max) else { break }
            let prepared = rows.batches.map { writer.prepare($0) }
            for (batch, row) in rows.rows {
                if isFull {
                    isCut = true
                    break
                }
                writer.write(row: row, of: prepared[batch])
            }
            if isCut {
                reading = before
                try reading.pass(writer.rowCount - rowCount, of: rows, in: snapshot)
            }
            rowCount = writer.rowCount
        }
        return writer.finish()
    }

    /// The page as a body of Arrow.
    ///
    /// - Parameter status: what the schema is to say of the page, which is known by then.
    mutating func write(
        as format: ArrowWriter.Format, status: (RecordPage) -> String? = { _ in nil }
    ) throws -> [UInt8] {
        var batches: [RecordBatch] = []
        var rows: [(batch: Int, row: Int)] = []
        var byteCount = 0
        var sizes = ArrowPageSizes(fields: fields, upTo: byteCountMax)
        /// What was read, and where the reading was before it.
        var pieces: [(before: RecordReading, firstRow: Int, rows: RecordRows)] = []
        while !sizes.isFull, byteCount < reading.pageByteCountMax {
            let before = reading
            guard var piece = try reading.next(in: snapshot) else { break }
            for batch in piece.batches.indices {
                piece.batches[batch].fields.removeAll { !fields.shows($0.name) }
            }
            sizes.add(piece.batches, rows: piece.rows)
            byteCount += piece.batches.reduce(0) { $0 + $1.memoryByteCount }
            pieces.append((before, rows.count, piece))
            rows += piece.rows.map { (batches.count + $0.batch, $0.row) }
            batches += piece.batches
        }
        let whole = self
        return try sizes.page { count in
            self = whole
            rowCount = count
            if count == rows.count {
                var last = reading
                isCut = try last.next(in: snapshot, atMost: 1).map { !$0.rows.isEmpty } ?? false
            } else if let piece = pieces.last(where: { $0.firstRow < count }) {
                isCut = true
                reading = piece.before
                try reading.pass(count - piece.firstRow, of: piece.rows, in: snapshot)
            }
            let (shown, places) = Self.narrowed(batches, rows: rows.prefix(count))
            return try ArrowWriter(as: format, form: form, fields: fields, status: status(self))
                .bytes(of: shown, rows: places)
        }
    }

    /// The rows, and of their batches no more than lies between them: a page has no columns of records behind it.
    private static func narrowed(
        _ batches: [RecordBatch], rows: ArraySlice<(batch: Int, row: Int)>
    ) -> (batches: [RecordBatch], rows: [(batch: Int, row: Int)]) {
        var ranges: [Int: Range<Int>] = [:]
        for (batch, row) in rows {
            let known = ranges[batch] ?? row..<row
            ranges[batch] = min(known.lowerBound, row)..<max(known.upperBound, row + 1)
        }
        var batches = batches
        for (batch, range) in ranges { batches[batch] = batches[batch].slice(range) }
        return (batches, rows.map { ($0.batch, $0.row - ranges[$0.batch]!.lowerBound) })
    }
}
