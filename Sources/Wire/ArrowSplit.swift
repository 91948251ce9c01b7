// A body of Arrow as several: cut between its record batches where these are too much together, and between the rows
// of one that is too much by itself. Where the parts go to a server, rows are read and written anew.
//
// Invariants:
//  * The bodies, read one after another, hold the records of the whole, in order.
//  * None is over `byteCountMax` bytes, but for a record that is so by itself.
//  * The same body makes the same ones: a retry of each is known for what it is.

import Records

package enum ArrowSplit {
    /// What reading a body of one's own file may take beyond its bytes: as much as the largest body has, for what is
    /// compressed in one record batch is inflated together.
    package static let memoryByteCountMax = RecordParser.bodyByteCountMax

    /// `bytes` itself where it is not too large.
    package static func bodies(of bytes: [UInt8], byteCountMax: Int) throws -> [[UInt8]] {
        guard bytes.count > byteCountMax, let whole = try first(.max, of: bytes)?.piece else {
            return [bytes]
        }
        var bodies: [[UInt8]] = []
        for part in stride(from: 0, to: whole.rowCount, by: RecordParser.rowCountMax) {
            let end = min(part + RecordParser.rowCountMax, whole.rowCount)
            let parsed = try ArrowReader.read(
                bytes, rows: part..<end, memoryByteCountMax: memoryByteCountMax)
            // Buffers may have been compressed: what is written anew is not, and mostly larger.
            let rowCount = max(1, whole.rowCount / (bytes.count / byteCountMax + 1))
            for run in runs(parsed) {
                for start in stride(from: run.rows.lowerBound, to: run.rows.upperBound, by: rowCount) {
                    let rows = start..<min(start + rowCount, run.rows.upperBound)
                    try write(rows, of: parsed.batch, run.hasTime, byteCountMax, into: &bodies)
                }
            }
        }
        return bodies
    }

    /// Rows of a record batch in parts, as few as can be read and two at least, of which each begins at a whole byte
    /// of bits where that can be; nil for a single row.
    package static func parts(of rows: Range<Int>) -> [Range<Int>]? {
        guard rows.count > 1 else { return nil }
        let count = max(2, (rows.count + RecordParser.rowCountMax - 1) / RecordParser.rowCountMax)
        var step = (rows.count + count - 1) / count
        if rows.count >= 16 { step = (step + 7) & ~7 }
        return stride(from: rows.lowerBound, to: rows.upperBound, by: step).map {
            $0..<min($0 + step, rows.upperBound)
        }
    }

    /// A stream as several that have some of its rows each: two that are cut between its record batches, or slices of
    /// the only one that has rows; nil where it has one row.
    package static func smaller(_ bytes: [UInt8]) throws -> [(bytes: [UInt8], rowCount: Int)]? {
        guard let (first, second) = try halves(of: bytes) else { return try slices(of: bytes) }
        return [(first.bytes, first.rowCount), (second.bytes, second.rowCount)]
    }

    /// A stream's rows in slices, written anew.
    private static func slices(of bytes: [UInt8]) throws -> [(bytes: [UInt8], rowCount: Int)]? {
        guard let whole = try first(.max, of: bytes)?.piece, let parts = parts(of: 0..<whole.rowCount) else {
            return nil
        }
        var slices: [(bytes: [UInt8], rowCount: Int)] = []
        for part in parts {
            let parsed = try ArrowReader.read(bytes, rows: part, memoryByteCountMax: memoryByteCountMax)
            for run in runs(parsed) {
                slices.append((try written(run.rows, of: parsed.batch, run.hasTime), run.rows.count))
            }
        }
        return slices
    }

    /// A stream cut behind the record batch with which it has the first so many rows, as two that stand alone; the
    /// second is nil where no batch is behind it. Nil where there is no batch.
    package static func first(
        _ rowCount: Int, of bytes: [UInt8]
    ) throws -> (piece: ArrowCutter.Piece, rest: ArrowCutter.Piece?)? {
        func piece(from offset: Int, _ rowCountMax: Int) throws -> ArrowCutter.Piece? {
            var place = 0
            var cutter = ArrowCutter(rowCountMax: rowCountMax, byteCountMax: .max) { wanted in
                defer { place = min(place + wanted, bytes.count) }
                return Array(bytes[place..<min(place + wanted, bytes.count)])
            }
            return try cutter.next(from: offset)
        }
        return try piece(from: 0, rowCount).map { ($0, try piece(from: $0.end, .max)) }
    }

    /// A stream cut between two of its record batches, near the middle, as two that have rows each; nil where one batch
    /// has all of them.
    package static func halves(
        of bytes: [UInt8]
    ) throws -> (first: ArrowCutter.Piece, second: ArrowCutter.Piece)? {
        guard let whole = try first(.max, of: bytes)?.piece, whole.batchEnds.count > 1 else { return nil }
        var wanted = whole.rowCount / 2
        while wanted > 0 {
            guard let (piece, rest) = try first(wanted, of: bytes) else { return nil }
            if let rest, rest.rowCount > 0 { return (piece, rest) }
            // The last batch that has rows has half of them or more.
            wanted /= 2
        }
        return nil
    }

    /// Rows that have a time, and rows that have none, each to stay so.
    private static func runs(_ parsed: ParsedRecords) -> [(rows: Range<Int>, hasTime: Bool)] {
        var runs: [(rows: Range<Int>, hasTime: Bool)] = []
        var start = 0
        var absent = parsed.timeAbsent[...]
        while start < parsed.batch.rowCount {
            let hasTime = absent.first != Int32(start)
            var end = start
            if hasTime {
                end = absent.first.map { Int($0) } ?? parsed.batch.rowCount
            } else {
                while absent.first == Int32(end) {
                    absent.removeFirst()
                    end += 1
                }
            }
            runs.append((start..<end, hasTime))
            start = end
        }
        return runs
    }

    private static func written(
        _ rows: Range<Int>, of batch: RecordBatch, _ hasTime: Bool
    ) throws(ArrowError) -> [UInt8] {
        let writer = ArrowWriter(as: .stream, fields: hasTime ? .all : FieldSelection(excluded: ["time"]))
        return try writer.bytes(of: [batch.slice(rows)])
    }

    private static func write(
        _ rows: Range<Int>, of batch: RecordBatch, _ hasTime: Bool, _ byteCountMax: Int,
        into bodies: inout [[UInt8]]
    ) throws(ArrowError) {
        let body = try written(rows, of: batch, hasTime)
        guard body.count > byteCountMax, rows.count > 1 else { return bodies.append(body) }
        let middle = rows.lowerBound + rows.count / 2
        try write(rows.lowerBound..<middle, of: batch, hasTime, byteCountMax, into: &bodies)
        try write(middle..<rows.upperBound, of: batch, hasTime, byteCountMax, into: &bodies)
    }
}
