// One block of a segment as a query reads it: head first, then the columns it asks for.

import EventLog
import Records
import Segments

/// A block being read; counts what it reads.
struct BlockSource {
    let segment: SegmentFile
    let entry: BlockEntry
    let head: BlockHead

    init(_ step: QueryPlan.Step, _ files: SegmentFiles) throws(SegmentError) {
        try self.init(step.block, in: step.segment, files)
    }

    init(_ entry: BlockEntry, in segment: UInt64, _ files: SegmentFiles) throws(SegmentError) {
        self.segment = try files.segment(segment)
        self.entry = entry
        head = try self.segment.head(entry)
    }

    var place: SegmentPlace { segment.place(entry.offset) }

    /// Bytes of the block, counted into `statistics`.
    func bytes(_ statistics: inout QueryStatistics, at offset: Int, _ byteCount: Int) throws(SegmentError) -> [UInt8] {
        guard offset + byteCount <= entry.byteCount else {
            throw .malformed(place, reason: "a column lies past the block's end")
        }
        statistics.bytesRead += byteCount
        return try segment.read(at: entry.offset + offset, byteCount: byteCount)
    }

    /// Rows whose commit is at most `cut`: rows come in commit order, so these are the first ones.
    func rowCount(upTo cut: CommitNumber?) -> Int {
        guard let cut, entry.lastCommit > cut else { return head.rowCount }
        return CommitRun.rowCount(head.commitRuns, upTo: cut)
    }
}

extension CommitRun {
    static func rowCount(_ runs: [CommitRun], upTo cut: CommitNumber) -> Int {
        runs.prefix { $0.commit <= cut }.reduce(0) { $0 + $1.rowCount }
    }
}
