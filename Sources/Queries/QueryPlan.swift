// Which blocks a query reads and which it skips, and why: decided from the index alone, before
// anything is read, and printable as `--explain` shows it.
//
// Invariant: a skipped block holds no record that the query asks for.

import EventLog
import Records
import Segments

package struct QueryPlan: Sendable {
    package enum Reason: String, Hashable, Sendable {
        case otherTime = "no record in the window"
        case otherPartition = "another partition"
        case laterCommit = "after the cut"
    }

    package struct Step: Sendable {
        package let segment: UInt64
        package let block: BlockEntry
        /// Nil where the block is read.
        package let skipped: Reason?
    }

    /// Every block of the topic, in the order of the log.
    package private(set) var steps: [Step] = []
    /// Tail runs to look at, by partition.
    package private(set) var tails: [TailRun] = []
    /// Segments whose blocks of this topic are all outside the window, and how many blocks that saves.
    package private(set) var skippedSegmentCount = 0
    package private(set) var skippedBlockCount = 0

    /// - Parameter explaining: whether to note skipped blocks one by one.
    package init(
        topic: TopicIndex?, window: TimeWindow, filter: RecordFilter, cut: CommitNumber?,
        explaining: Bool = false
    ) {
        guard let topic else { return }
        let times = window.milliseconds
        guard !times.isEmpty else { return }
        for segment in topic.segments {
            if !explaining, segment.timeMax < times.lowerBound || segment.timeMin >= times.upperBound {
                skippedSegmentCount += 1
                skippedBlockCount += segment.blocks.count
                continue
            }
            for block in segment.blocks {
                let skipped: Reason? =
                    if block.timeMax < times.lowerBound || block.timeMin >= times.upperBound {
                        .otherTime
                    } else if let partitions = filter.partitions, !partitions.contains(block.partition) {
                        .otherPartition
                    } else if let cut, block.firstCommit > cut {
                        .laterCommit
                    } else {
                        nil
                    }
                if skipped != nil { skippedBlockCount += 1 }
                if skipped == nil || explaining {
                    steps.append(Step(segment: segment.segment, block: block, skipped: skipped))
                }
            }
        }
        for (partition, runs) in topic.tails.sorted(by: { $0.key < $1.key }) {
            if let partitions = filter.partitions, !partitions.contains(partition) { continue }
            tails += runs.filter { run in
                run.timeMax >= times.lowerBound && run.timeMin < times.upperBound
                    && cut.map { run.commitRuns[0].commit <= $0 } ?? true
            }
        }
    }

    /// The plan as a person reads it, one line a block.
    package var text: String {
        var lines = steps.map { step in
            let block = step.block
            let verdict = step.skipped.map { "skip: \($0.rawValue)" } ?? "read"
            return "segment \(step.segment) at \(block.offset): \(block.partition) "
                + "[\(block.firstIndex), \(block.firstIndex + UInt64(block.rowCount))) "
                + "\(Timestamp(milliseconds: block.timeMin).zuluText) … "
                + "\(Timestamp(milliseconds: block.timeMax).zuluText) \(block.byteCount) bytes: \(verdict)"
        }
        lines += tails.map { run in
            "tail: \(run.partition) [\(run.firstIndex), \(run.firstIndex + UInt64(run.batch.rowCount))) "
                + "in memory: read"
        }
        return lines.joined(separator: "\n")
    }
}
