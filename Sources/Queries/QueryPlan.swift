// Which blocks a query reads and which it skips, and why: decided from the index alone, before
// anything is read, and printable as `--explain` shows it.
//
// Invariant: a skipped block holds no record that the query asks for.

import EventLog
import Records
import Segments

/// What one query reads. It reads nothing itself.
package struct QueryPlan: Sendable {
    /// Why a part is skipped, in the words that people are shown.
    package enum Reason: String, Hashable, Sendable {
        case otherTime = "no record in the window"
        case otherPartition = "another partition"
        case laterCommit = "after the cut"
    }

    /// A block, and whether it is read.
    package struct Step: Sendable {
        package let segment: UInt64
        package let block: BlockEntry
        /// Nil where the block is read.
        package let skipped: Reason?
    }

    /// The blocks to read, in the order of the log; every block of the topic, where skipped parts are noted
    /// one by one.
    package private(set) var steps: [Step] = []
    /// Tail runs to look at, by partition.
    package private(set) var tails: [TailRun] = []
    /// Tail runs that are not looked at, where skipped parts are noted one by one.
    package private(set) var skippedTails: [(run: TailRun, reason: Reason)] = []
    /// Segments whose blocks of this topic are all outside the window, and how many blocks that saves.
    package private(set) var skippedSegmentCount = 0
    /// Of all segments, whether the blocks are noted one by one or not.
    package private(set) var skippedBlockCount = 0
    /// Records of the topic that damage hides and that may be asked for, by partition.
    private var gaps: [IndexGap] = []

    /// Empty where there is no such topic, or where no whole millisecond lies in the window.
    ///
    /// - Parameter explaining: whether to note skipped blocks one by one.
    package init(
        topic: TopicIndex?, window: TimeWindow, filter: RecordFilter, cut: CommitNumber?,
        explaining: Bool = false
    ) {
        guard let topic else { return }
        let times = window.milliseconds
        guard !times.isEmpty else { return }
        gaps = topic.gaps.filter { filter.partitions?.contains($0.partition) ?? true }
        for segment in topic.segments {
            let blocks = segment.blocks
            if explaining {
                for block in blocks {
                    let isOutside = times.misses(from: block.timeMin, to: block.timeMax)
                    let skipped = isOutside ? .otherTime : QueryPlan.reason(toSkip: block, filter, cut)
                    if skipped != nil { skippedBlockCount += 1 }
                    steps.append(Step(segment: segment.segment, block: block, skipped: skipped))
                }
                continue
            }
            let before = steps.count
            if times.misses(from: blocks.timeMin, to: blocks.timeMax) {
                skippedSegmentCount += 1
            } else {
                blocks.forEachPosition(in: times) { position in
                    let block = blocks[position]
                    guard QueryPlan.reason(toSkip: block, filter, cut) == nil else { return }
                    steps.append(Step(segment: segment.segment, block: block, skipped: nil))
                }
            }
            skippedBlockCount += blocks.count - (steps.count - before)
        }
        for (partition, runs) in topic.tails.sorted(by: { $0.key < $1.key }) {
            for run in runs {
                guard let skipped = QueryPlan.reason(toSkip: run, of: partition, times, filter, cut) else {
                    tails.append(run)
                    continue
                }
                if explaining { skippedTails.append((run, skipped)) }
            }
        }
    }

    /// Why a block of the window is skipped all the same; nil where it is read.
    private static func reason(
        toSkip block: BlockEntry, _ filter: RecordFilter, _ cut: CommitNumber?
    ) -> Reason? {
        if let partitions = filter.partitions, !partitions.contains(block.partition) {
            return .otherPartition
        }
        if let cut, block.firstCommit > cut { return .laterCommit }
        return nil
    }

    /// Why a run in memory is skipped; nil where it is looked at.
    private static func reason(
        toSkip run: TailRun, of partition: String, _ times: Range<Int64>, _ filter: RecordFilter,
        _ cut: CommitNumber?
    ) -> Reason? {
        if let partitions = filter.partitions, !partitions.contains(partition) { return .otherPartition }
        if times.misses(from: run.timeMin, to: run.timeMax) { return .otherTime }
        if let cut, run.commitRuns[0].commit > cut { return .laterCommit }
        return nil
    }

    /// Records of the parts that are read: no fewer than the question's.
    package var recordCountMax: Int {
        steps.reduce(0) { $0 + ($1.skipped == nil ? $1.block.rowCount : 0) }
            + tails.reduce(0) { $0 + $1.batch.rowCount }
    }

    /// What no answer to the question can hold, as opening the log found it.
    func unseen(of topic: String, in index: LogIndex) -> [UnseenPart] {
        gaps.map { UnseenPart($0, of: topic) } + index.unseenParts(of: topic)
    }

    /// How many blocks of the group of the first step are read, that one included; 1 where it has no group.
    static func groupBlockCount(_ steps: ArraySlice<Step>) -> Int {
        guard let first = steps.first, first.block.kind == .grouped else { return 1 }
        return steps.prefix {
            $0.segment == first.segment && $0.block.columnsOffset == first.block.columnsOffset
        }.count
    }

    /// The plan as a person reads it, one line a block.
    package var text: String {
        var lines = steps.map { step in
            let block = step.block
            let verdict = step.skipped.map { "skip: \($0.rawValue)" } ?? "read"
            return "segment \(step.segment) at \(block.offset): \(block.partition) "
                + "[\(block.firstIndex), \(block.indexes.upperBound)) "
                + "\(Timestamp(milliseconds: block.timeMin).zuluText) … "
                + "\(Timestamp(milliseconds: block.timeMax).zuluText) \(block.byteCount) bytes: \(verdict)"
        }
        func line(_ run: TailRun, _ verdict: String) -> String {
            "tail: \(run.partition) [\(run.firstIndex), \(run.endIndex)) "
                + "in memory: \(verdict)"
        }
        lines += tails.map { line($0, "read") }
        lines += skippedTails.map { line($0.run, "skip: \($0.reason.rawValue)") }
        lines += gaps.map { "not seen: \($0.partition) [\($0.indexes.lowerBound), \($0.indexes.upperBound))" }
        return lines.joined(separator: "\n")
    }
}
