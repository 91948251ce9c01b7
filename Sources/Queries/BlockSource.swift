// One block of a segment as a query reads it: head first, then the columns it asks for.
//
// The first read takes a little more than the head, because the column of times follows it and every
// query wants that: a system call costs more than the bytes.

import EventLog
import Records
import Segments

/// A block being read; counts what it reads.
struct BlockSource {
    let segment: SegmentFile
    let entry: BlockEntry
    let head: BlockHead
    /// The block's first bytes.
    private let opening: [UInt8]

    /// What the first read of a block takes: its head, and as a rule its times.
    static func openingByteCount(_ block: BlockEntry) -> Int {
        // Neighbours in time differ by seconds: two bytes a row hold 65 of them, in milliseconds.
        min(block.byteCount, block.headByteCount + 64 + min(2 * block.rowCount, 4096))
    }

    /// - Parameter wanted: the fields that the head is to list; nil for all.
    init(
        _ step: QueryPlan.Step, _ files: SegmentFiles, fields wanted: [String]? = nil
    ) throws(SegmentError) {
        segment = try files.segment(step.segment)
        entry = step.block
        opening = try segment.read(
            at: entry.offset,
            byteCount: BlockSource.openingByteCount(entry))
        let place = segment.place(entry.offset)
        head = try opening.withUnsafeBufferPointer { (buffer) throws(SegmentError) in
            try BlockHead.read(UnsafeRawBufferPointer(buffer), at: place, fields: wanted)
        }
    }

    var place: SegmentPlace { segment.place(entry.offset) }

    /// Bytes of the block, counted into `statistics`.
    func bytes(_ statistics: inout QueryStatistics, at offset: Int, _ byteCount: Int) throws(SegmentError)
        -> [UInt8]
    {
        guard offset + byteCount <= entry.byteCount else {
            throw .malformed(place, reason: "a column lies past the block's end")
        }
        if offset + byteCount <= opening.count {
            return Array(opening[offset..<offset + byteCount])
        }
        statistics.bytesRead += byteCount
        return try segment.read(at: entry.offset + offset, byteCount: byteCount)
    }

    /// Bytes of the first read.
    var readByteCount: Int { opening.count }

    /// Rows whose commit is at most `cut`: rows come in commit order, so these are the first ones.
    func rowCount(upTo cut: CommitNumber?) -> Int {
        guard let cut, entry.lastCommit > cut else { return head.rowCount }
        return CommitRun.rowCount(head.commitRuns, upTo: cut)
    }
}

extension CommitRun {
    /// Rows of the runs up to `cut`; runs come in commit order.
    package static func rowCount(_ runs: [CommitRun], upTo cut: CommitNumber) -> Int {
        runs.prefix { $0.commit <= cut }.reduce(0) { $0 + $1.rowCount }
    }
}
