// What the log holds, as its readers see it: for every topic its blocks by segment, and the tail of
// small appends that are not columns yet. A value: a reader's copy does not change.
//
// Invariants:
//  * Everything in it is durable, with commits up to `cut` and no other.
//  * The indexes of a partition are dense: each from 0 up to its next one stands in exactly one
//    block or tail run (but for what retention let go), or in a gap that damage made.

import Records
import Segments

/// The number of an envelope: the log's only clock. The first is 1.
package typealias CommitNumber = UInt64

/// A topic's blocks in one segment, in the order they were written.
package struct SegmentBlocks: Sendable {
    package let segment: UInt64
    package private(set) var timeMin = Int64.max
    package private(set) var timeMax = Int64.min
    /// The last commit whose records are in one of the blocks.
    package private(set) var lastCommit: CommitNumber = 0
    package private(set) var blocks: [BlockEntry] = []
    /// Least and greatest time of each block: all that a question about a window looks at, apart, so
    /// that it passes over a thousand blocks in the time that reading one takes.
    private var times: [(min: Int64, max: Int64)] = []

    init(segment: UInt64) { self.segment = segment }

    /// Calls `body` with the position of each block that may hold a record of `window`.
    package func forEachBlock(in window: Range<Int64>, _ body: (Int) -> Void) {
        for position in 0..<times.count
        where times[position].max >= window.lowerBound && times[position].min < window.upperBound {
            body(position)
        }
    }

    mutating func append(_ block: BlockEntry) {
        blocks.append(block)
        times.append((block.timeMin, block.timeMax))
        timeMin = min(timeMin, block.timeMin)
        timeMax = max(timeMax, block.timeMax)
        lastCommit = max(lastCommit, block.lastCommit)
    }
}

/// Small appends of one partition, decoded: dense indexes from `firstIndex`.
package struct TailRun: Sendable {
    package let partition: String
    package let firstIndex: UInt64
    package let batch: RecordBatch
    package let commitRuns: [CommitRun]
    package let timeMin: Int64
    package let timeMax: Int64
    /// About what its records take in memory.
    package let byteCount: Int

    init(
        partition: String, firstIndex: UInt64, batch: RecordBatch, commitRuns: [CommitRun], byteCount: Int
    ) {
        self.partition = partition
        self.firstIndex = firstIndex
        self.batch = batch
        self.commitRuns = commitRuns
        self.byteCount = byteCount
        timeMin = batch.times.min() ?? .max
        timeMax = batch.times.max() ?? .min
    }

    var endIndex: UInt64 { firstIndex + UInt64(batch.rowCount) }

    /// Both runs as one, where they are neighbours and their columns unify.
    func merged(with next: TailRun) -> TailRun? {
        guard next.firstIndex == endIndex,
            batch.rowCount + next.batch.rowCount <= SegmentFormat.blockRowCountMax,
            let union = RecordBatch(concatenating: [batch, next.batch])
        else { return nil }
        return TailRun(
            partition: partition, firstIndex: firstIndex, batch: union,
            commitRuns: commitRuns + next.commitRuns, byteCount: byteCount + next.byteCount)
    }
}

/// Indexes of a partition that stand in no block or run: opening the log could not see theirs.
package struct IndexGap: Hashable, Sendable {
    package let partition: String
    package let indexes: Range<UInt64>
}

package struct TopicIndex: Sendable {
    /// The index that the next record of each partition gets.
    package internal(set) var nextIndexes: [String: UInt64] = [:]
    package internal(set) var segments: [SegmentBlocks] = []
    /// By partition, ascending indexes.
    package internal(set) var tails: [String: [TailRun]] = [:]
    /// What all of `tails` take in memory, about.
    private(set) var tailByteCount = 0
    /// What damage hid when the log was opened; an answer about the topic says that it is without them.
    package internal(set) var gaps: [IndexGap] = []

    package init() {}

    package var rowCount: Int {
        segments.reduce(0) { $0 + $1.blocks.reduce(0) { $0 + $1.rowCount } }
            + tails.values.reduce(0) { $0 + $1.reduce(0) { $0 + $1.batch.rowCount } }
    }

    package var byteCount: Int {
        segments.reduce(0) { $0 + $1.blocks.reduce(0) { $0 + $1.byteCount } }
            + tails.values.reduce(0) { $0 + $1.reduce(0) { $0 + $1.byteCount } }
    }

    mutating func append(_ block: BlockEntry, segment: UInt64) {
        if segments.last?.segment != segment {
            // Segments come in ascending order, but for a reader that catches up.
            precondition((segments.last?.segment ?? 0) < segment, "Segments are read in order.")
            segments.append(SegmentBlocks(segment: segment))
        }
        segments[segments.count - 1].append(block)
        let end = block.firstIndex + UInt64(block.rowCount)
        nextIndexes[block.partition] = max(nextIndexes[block.partition] ?? 0, end)
        if block.kind == .rolled { dropTail(of: block.partition, below: end) }
    }

    /// Adds a small append and merges neighbours of similar size, so that n single records cost
    /// n·log n row copies and a reader meets few runs.
    mutating func append(_ run: TailRun) {
        nextIndexes[run.partition] = max(nextIndexes[run.partition] ?? 0, run.endIndex)
        // A union takes what its runs did.
        tailByteCount += run.byteCount
        var runs = tails.removeValue(forKey: run.partition) ?? []
        var last = run
        while let previous = runs.last, previous.batch.rowCount < 2 * last.batch.rowCount,
            let union = previous.merged(with: last)
        {
            runs.removeLast()
            last = union
        }
        runs.append(last)
        tails[run.partition] = runs
    }

    /// The indexes up to the next ones that stand nowhere.
    fileprivate func foundGaps() -> [IndexGap] {
        var runs: [String: [Range<UInt64>]] = [:]
        for block in segments.lazy.flatMap(\.blocks) {
            runs[block.partition, default: []].append(
                block.firstIndex..<block.firstIndex + UInt64(block.rowCount))
        }
        for run in tails.values.joined() {
            runs[run.partition, default: []].append(run.firstIndex..<run.endIndex)
        }
        return nextIndexes.keys.sorted().flatMap { partition -> [IndexGap] in
            var gaps: [IndexGap] = []
            var next: UInt64 = 0
            for run in (runs[partition] ?? []).sorted(by: { $0.lowerBound < $1.lowerBound }) {
                if run.lowerBound > next {
                    gaps.append(IndexGap(partition: partition, indexes: next..<run.lowerBound))
                }
                next = max(next, run.upperBound)
            }
            return gaps
        }
    }

    /// Forgets tail runs whose records have become columns.
    private mutating func dropTail(of partition: String, below end: UInt64) {
        guard var runs = tails[partition] else { return }
        while let first = runs.first, first.endIndex <= end {
            tailByteCount -= first.byteCount
            runs.removeFirst()
        }
        tails[partition] = runs.isEmpty ? nil : runs
    }
}

/// An event's place in the log.
package struct EventPlace: Hashable, Sendable {
    package let segment: UInt64
    package let entry: EventEntry
}

package struct LogIndex: Sendable {
    /// The last durable commit; 0 while there is none.
    package internal(set) var cut: CommitNumber = 0
    package internal(set) var topics: [String: TopicIndex] = [:]
    /// In commit order.
    package internal(set) var events: [EventPlace] = []
    /// What the tails of all topics take in memory, about.
    private(set) var tailByteCount = 0

    package init() {}

    mutating func append(_ block: BlockEntry, segment: UInt64) {
        change(block.topic) { $0.append(block, segment: segment) }
    }

    /// Notes what damage hides: indexes are dense, so a hole in them is records that are not seen.
    mutating func noteGaps() {
        for name in topics.keys { topics[name]!.gaps = topics[name]!.foundGaps() }
    }

    mutating func append(_ run: TailRun, topic: String) {
        change(topic) { $0.append(run) }
    }

    private mutating func change(_ topic: String, _ body: (inout TopicIndex) -> Void) {
        let before = topics[topic]?.tailByteCount ?? 0
        body(&topics[topic, default: TopicIndex()])
        tailByteCount += (topics[topic]?.tailByteCount ?? 0) - before
    }

    mutating func append(_ event: EventEntry, segment: UInt64) {
        events.append(EventPlace(segment: segment, entry: event))
    }
}
