// Whole records: of a window in the order of time, or page by page in the order of the log.
//
// Invariants:
//  * `window` answers the first `limit` records by (time, partition, index), each once.
//  * `page` answers dense runs of indexes of one partition after another, so that a page token is
//    a map from partition to next index, stable under append and compaction.
//  * A damaged block is left out and named; it does not end the scan.

import EventLog
import Records
import Segments

/// Rows of a batch, in the order in which they are answered.
package struct RecordRows: Sendable {
    package var batches: [RecordBatch] = []
    /// Position of the batch and the row in it.
    package var rows: [(batch: Int, row: Int)] = []
    package var statistics = QueryStatistics()

    package init() {}
}

package struct RecordScan {
    private let snapshot: LogSnapshot
    private let reader = BlockReader()

    package init(_ snapshot: LogSnapshot) { self.snapshot = snapshot }

    // MARK: By time

    /// The first `limit` records of the window, oldest first; or the last, newest first.
    package func window(
        topic: String, _ window: TimeWindow, filter: RecordFilter = RecordFilter(), limit: Int,
        newestFirst: Bool = false
    ) -> RecordRows {
        let plan = QueryPlan(
            topic: snapshot.index.topics[topic], window: window, filter: filter, cut: nil)
        // Blocks by the earliest record they may hold, so that reading can stop early.
        var parts = plan.steps.map { Part.block($0) } + plan.tails.map { Part.tail($0) }
        parts.sort { newestFirst ? $0.timeMax > $1.timeMax : $0.timeMin < $1.timeMin }

        struct Candidate {
            var time: Int64
            var index: UInt64
            var part: Int
            var batch: Int
            var row: Int
        }
        let times = window.milliseconds
        var result = RecordRows()
        var candidates: [Candidate] = []
        func comesBefore(_ left: Candidate, _ right: Candidate) -> Bool {
            if left.time != right.time { return (left.time < right.time) != newestFirst }
            if left.part != right.part {
                let (partition, other) = (parts[left.part].partition, parts[right.part].partition)
                if partition != other { return (partition < other) != newestFirst }
            }
            return (left.index < right.index) != newestFirst
        }
        for (position, part) in parts.enumerated() {
            if position > 0, candidates.count >= limit {
                // Enough records that no later part can come before.
                let settled = candidates.count { candidate in
                    newestFirst ? candidate.time > part.timeMax : candidate.time < part.timeMin
                }
                if settled >= limit { break }
            }
            guard let (batch, mask, rowCount) = read(part, filter, cut: nil, &result.statistics) else {
                continue
            }
            result.batches.append(batch)
            for row in 0..<rowCount where times.contains(batch.times[row]) && mask.keeps(row) {
                candidates.append(
                    Candidate(
                        time: batch.times[row], index: part.firstIndex + UInt64(row), part: position,
                        batch: result.batches.count - 1, row: row))
            }
        }
        // Traffic comes in the order of time, and then there is nothing to sort.
        let isSorted = zip(candidates, candidates.dropFirst()).allSatisfy { !comesBefore($1, $0) }
        if !isSorted { candidates.sort(by: comesBefore) }
        result.rows = candidates.prefix(limit).map { ($0.batch, $0.row) }
        result.statistics.rowsKept = result.rows.count
        return result
    }

    // MARK: By address

    /// A page of records by address, and where the next one starts.
    package struct Page: Sendable {
        package var rows = RecordRows()
        /// The next index of every partition that was looked at or had a position.
        package var next: [String: UInt64] = [:]
        /// Whether the page ended because it was full, not because there is no more.
        package var isFull = false
    }

    /// - Parameters:
    ///   - positions: where each partition goes on: the first index to answer, or, newest first,
    ///     the index below which to answer. Partitions without one start at their end of the log.
    ///   - limit: records on the page.
    package func page(
        topic: String, positions: [String: UInt64], window: TimeWindow = .always,
        filter: RecordFilter = RecordFilter(), limit: Int, newestFirst: Bool = false
    ) -> Page {
        var page = Page()
        page.next = positions
        guard let index = snapshot.index.topics[topic] else { return page }
        let times = window.milliseconds
        let partitions = index.nextIndexes.keys.sorted().filter { filter.partitions?.contains($0) ?? true }
        // Where a position is given, partitions before it in the alphabet have been finished.
        for partition in newestFirst ? partitions.reversed() : partitions {
            let end = index.nextIndexes[partition] ?? 0
            let start = positions[partition].map { min($0, end) } ?? (newestFirst ? end : 0)
            page.next[partition] = start
            if page.isFull { continue }
            var parts = parts(of: index, partition).filter { part in
                newestFirst ? part.firstIndex < start : part.firstIndex + UInt64(part.rowCount) > start
            }
            parts.sort { newestFirst ? $0.firstIndex > $1.firstIndex : $0.firstIndex < $1.firstIndex }
            scan: for part in parts {
                if page.rows.rows.count >= limit {
                    page.isFull = true
                    break scan
                }
                let isOutside = part.timeMax < times.lowerBound || part.timeMin >= times.upperBound
                let read = isOutside ? nil : read(part, filter, cut: nil, &page.rows.statistics)
                guard let (batch, mask, rowCount) = read else {
                    page.next[partition] =
                        newestFirst ? part.firstIndex : part.firstIndex + UInt64(part.rowCount)
                    continue
                }
                page.rows.batches.append(batch)
                let position = page.rows.batches.count - 1
                let rows = newestFirst ? Array((0..<rowCount).reversed()) : Array(0..<rowCount)
                for row in rows {
                    let address = part.firstIndex + UInt64(row)
                    guard newestFirst ? address < start : address >= start else { continue }
                    if page.rows.rows.count >= limit {
                        page.isFull = true
                        break scan
                    }
                    page.next[partition] = newestFirst ? address : address + 1
                    if times.contains(batch.times[row]) && mask.keeps(row) {
                        page.rows.rows.append((position, row))
                    }
                }
            }
        }
        page.rows.statistics.rowsKept = page.rows.rows.count
        return page
    }

    // MARK: Parts

    /// A block on disk or a run in memory.
    private enum Part {
        case block(QueryPlan.Step)
        case tail(TailRun)

        var timeMin: Int64 {
            switch self {
            case .block(let step): step.block.timeMin
            case .tail(let run): run.timeMin
            }
        }
        var timeMax: Int64 {
            switch self {
            case .block(let step): step.block.timeMax
            case .tail(let run): run.timeMax
            }
        }
        var partition: String {
            switch self {
            case .block(let step): step.block.partition
            case .tail(let run): run.partition
            }
        }
        var firstIndex: UInt64 {
            switch self {
            case .block(let step): step.block.firstIndex
            case .tail(let run): run.firstIndex
            }
        }
        var rowCount: Int {
            switch self {
            case .block(let step): step.block.rowCount
            case .tail(let run): run.batch.rowCount
            }
        }
    }

    private func parts(of index: TopicIndex, _ partition: String) -> [Part] {
        index.segments.flatMap { segment in
            segment.blocks.filter { $0.partition == partition }.map {
                Part.block(QueryPlan.Step(segment: segment.segment, block: $0, skipped: nil))
            }
        } + (index.tails[partition] ?? []).map { Part.tail($0) }
    }

    private func read(
        _ part: Part, _ filter: RecordFilter, cut: CommitNumber?, _ statistics: inout QueryStatistics
    ) -> (RecordBatch, RowMask, rowCount: Int)? {
        switch part {
        case .tail(let run):
            statistics.tailRunsRead += 1
            statistics.rowsSeen += run.batch.rowCount
            return (run.batch, RowMask(filter, run.batch), run.batch.rowCount)
        case .block(let step):
            do throws(SegmentError) {
                let source = try BlockSource(step, snapshot.files)
                var counted = statistics
                func bytes(_ offset: Int, _ byteCount: Int) throws(SegmentError) -> [UInt8] {
                    try source.bytes(&counted, at: offset, byteCount)
                }
                let batch = try reader.batch(source.head, at: source.place, from: bytes)
                counted.blocksRead += 1
                counted.rowsSeen += batch.rowCount
                statistics = counted
                return (batch, RowMask(filter, batch), batch.rowCount)
            } catch {
                statistics.unseen.append("\(error)")
                return nil
            }
        }
    }
}
