// Blocks of a few rows, made one when their segment is made anew.
//
//     head a b c │ 2 rows   head a b c │ 1 row   head a b c │ 3 rows ──►  head a b c │ 6 rows
//
// Ten thousand clients share the memory in which small appends wait to become columns, so that the tail of
// each is rolled with a row or two. A head takes about thirty bytes a column: of such rows it is nearly all
// that is kept of them, and the index holds an entry for each.
//
// Invariants:
//  * A joined block has the rows of those it was made of, in their order, with their addresses and commits.
//  * Only neighbours are joined, by index, of one partition, whose times lie near each other and whose columns
//    unify; others stay as they are. So do those with damaged columns, which an erasure takes along.
//  * A block that holds enough rows is never decoded.

import Records
import Segments

/// A block and where it is.
struct BlockPlace {
    var segment: UInt64
    var block: BlockEntry

    /// A topic's blocks in some segments, in their order but for those that may be joined: each run of them
    /// stands where its first one did.
    ///
    /// - Parameter shortRowCount: a block of fewer rows is short.
    static func shortRuns(
        of topic: TopicIndex, in segments: Set<UInt64>, shortRowCount: Int
    ) -> [[BlockPlace]] {
        var runs: [[BlockPlace]] = []
        /// The run of each partition that may go on, and the rows in it.
        var open: [String: (run: Int, rowCount: Int)] = [:]
        for blocks in topic.segments where segments.contains(blocks.segment) {
            for block in blocks.blocks {
                let place = BlockPlace(segment: blocks.segment, block: block)
                let isShort = block.rowCount < shortRowCount
                if isShort, let (run, rowCount) = open[block.partition], rowCount < shortRowCount,
                    runs[run][runs[run].count - 1].block.isNear(block)
                {
                    runs[run].append(place)
                    open[block.partition] = (run, rowCount + block.rowCount)
                } else {
                    runs.append([place])
                    open[block.partition] = isShort ? (runs.count - 1, block.rowCount) : nil
                }
            }
        }
        return runs
    }
}

extension BlockEntry {
    /// Whether `next` follows by index, and no question that touches one is far from the other.
    fileprivate func isNear(_ next: BlockEntry) -> Bool {
        guard indexes.upperBound == next.firstIndex else { return false }
        let (from, to) = (max(timeMin, next.timeMin), min(timeMax, next.timeMax))
        // Unsigned, so that no distance is too great.
        return from <= to || UInt64(bitPattern: from &- to) < FarTimes.milliseconds
    }
}

/// Joins blocks; one object is used by one thread at a time.
final class ShortBlockJoiner {
    private let reader = BlockReader()
    private let encoder = BlockEncoder()

    /// Neighbours as one, or as they were.
    func joined(_ members: [GroupMember]) -> [GroupMember] {
        let heads = members.map(\.head)
        var batches: [RecordBatch] = []
        for member in members {
            do throws(SegmentError) {
                // Whoever reads a damaged column is told its place in the file that it goes to.
                batches.append(
                    try member.batch(with: reader, at: SegmentPlace(file: "", byteOffset: 0)))
            } catch { return members }
        }
        guard let batch = RecordBatch(concatenating: batches) else { return members }
        let block = encoder.encode(batch, topic: heads[0].topic, partition: heads[0].partition)
        return [
            GroupMember(
                block, firstIndex: heads[0].firstIndex,
                commitRuns: CommitRun.joined(heads.lazy.flatMap(\.commitRuns)))
        ]
    }
}
