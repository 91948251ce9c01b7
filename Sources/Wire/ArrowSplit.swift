// A body of Arrow as several: cut between its record batches where these are too much together; where a server takes
// no body as large as one of them, they are read and written anew.
//
// Invariants:
//  * The bodies, read one after another, hold the records of the whole, in order.
//  * None is over `byteCountMax` bytes, but for a record that is so by itself.
//  * The same body makes the same ones: a retry of each is known for what it is.

import Records

package enum ArrowSplit {
    /// `bytes` itself where it is not too large.
    package static func bodies(of bytes: [UInt8], byteCountMax: Int) throws(ArrowError) -> [[UInt8]] {
        guard bytes.count > byteCountMax else { return [bytes] }
        let parsed = try ArrowReader.read(bytes)
        // Buffers may have been compressed: what is written anew is not, and mostly larger.
        let rowCount = max(1, parsed.batch.rowCount / (bytes.count / byteCountMax + 1))
        var bodies: [[UInt8]] = []
        for run in runs(parsed) {
            for start in stride(from: run.rows.lowerBound, to: run.rows.upperBound, by: rowCount) {
                let rows = start..<min(start + rowCount, run.rows.upperBound)
                try write(rows, of: parsed.batch, run.hasTime, byteCountMax, into: &bodies)
            }
        }
        return bodies
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
        guard let whole = try first(.max, of: bytes)?.piece else { return nil }
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

    private static func write(
        _ rows: Range<Int>, of batch: RecordBatch, _ hasTime: Bool, _ byteCountMax: Int,
        into bodies: inout [[UInt8]]
    ) throws(ArrowError) {
        let writer = ArrowWriter(as: .stream, fields: hasTime ? .all : FieldSelection(excluded: ["time"]))
        let body = try writer.bytes(of: [batch.slice(rows)])
        guard body.count > byteCountMax, rows.count > 1 else { return bodies.append(body) }
        let middle = rows.lowerBound + rows.count / 2
        try write(rows.lowerBound..<middle, of: batch, hasTime, byteCountMax, into: &bodies)
        try write(middle..<rows.upperBound, of: batch, hasTime, byteCountMax, into: &bodies)
    }
}
