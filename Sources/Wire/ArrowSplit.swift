// A body of Arrow as several, where a server takes no larger ones: its record batches cannot be cut, so
// they are read and written anew.
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
