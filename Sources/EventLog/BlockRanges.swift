// Where rows are cut into blocks: at a bounded size, and where times lie far apart.
//
//     now now now │ a year ago │ now now now ──► three blocks
//
// A block says its least and greatest time, and a question reads every block that its window touches. One
// record of a client whose clock is wrong would make its block touch every window of a year, and all of
// them be looked at again when it comes late.
//
// Invariants:
//  * The ranges cover all rows, in their order, none twice.
//  * Rows that lie in no order of time are not cut for it: the cuts are few, or none.

import Records
import Segments

extension RecordBatch {
    /// The rows of each block that holds a part of the batch: of nearly equal size between times that lie
    /// far apart, so that the last one is not a handful of rows.
    package var blockRanges: [Range<Int>] {
        let size = SegmentFormat.blockRowCountMax
        return stretches.flatMap { rows in
            let count = (rows.count + size - 1) / size
            return (0..<count).map { part in
                rows.lowerBound + rows.count * part / count..<rows.lowerBound + rows.count * (part + 1)
                    / count
            }
        }
    }

    /// The rows between times that lie far apart; all of them, where that is the rule and not the exception.
    var stretches: [Range<Int>] {
        var starts = [0]
        var previous = times.first ?? 0
        for (row, time) in times.enumerated() {
            // Unsigned, so that no distance is too great.
            let distance = UInt64(bitPattern: time < previous ? previous &- time : time &- previous)
            if distance >= FarTimes.milliseconds {
                guard starts.count <= FarTimes.cutCountMax else { return [0..<rowCount] }
                starts.append(row)
            }
            previous = time
        }
        return zip(starts, starts.dropFirst() + [rowCount]).map { $0..<$1 }
    }
}

enum FarTimes {
    /// A day: a block that spans less touches few windows more than its rows do.
    static let milliseconds: UInt64 = 86_400_000
    /// Four strays. More cuts would make many small blocks of rows that came in no order.
    fileprivate static let cutCountMax = 8
}
