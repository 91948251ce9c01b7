// Whole records page by page, in the order of the log: one partition after another, each in the order
// of its indexes. And those of one partition that have given indexes.
//
// Invariants:
//  * `records` answers records of the indexes that it is asked for, and no others where those are not there.
//  * `page` answers dense runs of indexes of one partition after another, so that a place is a map
//    from partition to next index, stable under append and rewriting.
//  * A record past the cut is neither answered nor passed over: a later cut's page finds it.
//  * A damaged block is left out and named; it does not end the scan.
//  * A page holds about the rows that it answers, not those that it looked at; and at most `byteCountMax` bytes and
//    what one block or run takes.

import EventLog
import Records
import Segments

extension RecordRows {
    /// Adds rows of a batch that begins at an index, and of the batch no more than lies between them.
    fileprivate mutating func add(
        _ kept: [Int], of batch: RecordBatch, _ partition: String, firstIndex: UInt64
    ) {
        guard let least = kept.min(), let most = kept.max() else { return }
        let isFew = (most - least + 1) * 2 <= batch.rowCount
        let first = isFew ? least : 0
        add(isFew ? batch.slice(least..<most + 1) : batch, of: partition)
        for row in kept {
            rows.append((batches.count - 1, row - first))
            indexes.append(firstIndex + UInt64(row))
        }
    }
}

extension RecordScan {
    /// A page of records by address, and where the next one starts.
    package struct Page: Sendable {
        package var rows = RecordRows()
        /// The next index of every partition that was looked at or had a position.
        package var next: [String: UInt64] = [:]
        /// The same in as few words as do; nil where there was nothing to look at.
        package var place: AddressPlace?
        /// Whether the page ended because it was full, not because there is no more.
        package var isFull = false
    }

    /// - Parameters:
    ///   - positions: where each partition goes on: the first index to answer, or, newest first,
    ///     the index below which to answer. Partitions without one start at their end of the log.
    ///   - partition: where it goes on: partitions before it, in this order, are finished.
    ///   - cut: the last commit that counts; nil for all that the snapshot shows.
    ///   - limit: records on the page.
    ///   - byteCountMax: bytes of memory, past which no further block is read for the page; it has at least one record
    ///     where there is one.
    /// - Throws: `CancellationError` where the task is cancelled.
    package func page(
        topic: String, positions: [String: UInt64], from partition: String? = nil,
        window: TimeWindow = .always,
        filter: RecordFilter = RecordFilter(), cut: CommitNumber? = nil, limit: Int,
        byteCountMax: Int = .max, newestFirst: Bool = false
    ) throws(CancellationError) -> Page {
        var page = Page()
        page.next = positions
        if positions.isEmpty, partition == nil {
            page.rows.statistics.unseen = snapshot.index.unseenParts(of: topic)
        }
        guard let index = snapshot.index.topics[topic] else { return page }
        let question = PageQuestion(
            topic: topic, times: window.milliseconds, filter: filter, cut: cut, limit: limit,
            byteCountMax: byteCountMax, newestFirst: newestFirst)
        let partitions = index.nextIndexes.keys.sorted().filter { filter.partitions?.contains($0) ?? true }
        let first = partition
        for partition in newestFirst ? partitions.reversed() : partitions {
            if let first, newestFirst ? partition > first : partition < first {
                if positions[partition] == nil {
                    page.next[partition] =
                        newestFirst ? 0 : endIndex(of: parts(of: index, partition), upTo: cut)
                }
                continue
            }
            let end = index.nextIndexes[partition] ?? 0
            let start = positions[partition].map { min($0, end) } ?? (newestFirst ? end : 0)
            page.next[partition] = start
            if page.isFull {
                if positions[partition] != nil, start != (newestFirst ? end : 0) {
                    page.place?.positions[partition] = start
                }
                continue
            }
            try add(partition, from: start, of: index, question, to: &page)
            page.place = AddressPlace(partition: partition, positions: [partition: page.next[partition]!])
        }
        page.rows.statistics.rowsKept = page.rows.rows.count
        page.rows.hasMore = page.isFull
        return page
    }

    /// What a page is asked for.
    private struct PageQuestion {
        var topic: String
        var times: Range<Int64>
        var filter: RecordFilter
        var cut: CommitNumber?
        var limit: Int
        var byteCountMax: Int
        var newestFirst: Bool
    }

    /// Adds records of a partition from `start` on, as far as there is room, and has its position follow.
    private func add(
        _ partition: String, from start: UInt64, of index: TopicIndex, _ question: PageQuestion,
        to page: inout Page
    ) throws(CancellationError) {
        let newestFirst = question.newestFirst
        var parts = parts(of: index, partition).filter { part in
            newestFirst ? part.firstIndex < start : part.endIndex > start
        }
        parts.sort { newestFirst ? $0.firstIndex > $1.firstIndex : $0.firstIndex < $1.firstIndex }
        page.rows.statistics.unseen += index.gaps(of: partition, question.topic) {
            newestFirst ? $0.lowerBound < start : $0.upperBound > start
        }
        for part in parts {
            if Task.isCancelled { throw CancellationError() }
            let isHeavy = !page.rows.rows.isEmpty && page.rows.byteCount >= question.byteCountMax
            if page.rows.rows.count >= question.limit || isHeavy {
                page.isFull = true
                return
            }
            if let cut = question.cut, part.firstCommit > cut {
                // Commits ascend with indexes: what is past the cut stands at the partition's end.
                guard newestFirst else { return }
                page.next[partition] = part.firstIndex
                continue
            }
            let isOutside = question.times.misses(from: part.timeMin, to: part.timeMax)
            guard
                let read = read(
                    part, question.filter, question.cut, skipping: isOutside, &page.rows.statistics)
            else {
                page.next[partition] = newestFirst ? part.firstIndex : part.endIndex
                continue
            }
            guard let records = read.records else {
                page.next[partition] =
                    newestFirst ? part.firstIndex : part.firstIndex + UInt64(read.rowCount)
                continue
            }
            add(records, rowCount: read.rowCount, of: part, from: start, question, to: &page)
            if page.isFull { return }
        }
    }

    /// Adds those of a part's first `rowCount` records that are asked for, up to the limit.
    private func add(
        _ records: (batch: RecordBatch, mask: RowMask), rowCount: Int, of part: LogPart,
        from start: UInt64, _ question: PageQuestion, to page: inout Page
    ) {
        let newestFirst = question.newestFirst
        let rows = newestFirst ? Array((0..<rowCount).reversed()) : Array(0..<rowCount)
        var kept: [Int] = []
        for row in rows {
            let address = part.firstIndex + UInt64(row)
            guard newestFirst ? address < start : address >= start else { continue }
            if page.rows.rows.count + kept.count >= question.limit {
                page.isFull = true
                break
            }
            page.next[part.partition] = newestFirst ? address : address + 1
            if question.times.contains(records.batch.times[row]) && records.mask.keeps(row) {
                kept.append(row)
            }
        }
        page.rows.add(kept, of: records.batch, part.partition, firstIndex: part.firstIndex)
    }

    /// The records of a partition that have these indexes, ascending: those that are there. What damage hides of
    /// them stands in the statistics.
    ///
    /// - Throws: `CancellationError` where the task is cancelled.
    package func records(
        topic: String, partition: String, _ indexes: Range<UInt64>
    ) throws(CancellationError) -> RecordRows {
        var result = RecordRows()
        guard let index = snapshot.index.topics[topic] else { return result }
        result.statistics.unseen = index.gaps(of: partition, topic) { $0.overlaps(indexes) }
        let parts = parts(of: index, partition).filter { ($0.firstIndex..<$0.endIndex).overlaps(indexes) }
        for part in parts.sorted(by: { $0.firstIndex < $1.firstIndex }) {
            if Task.isCancelled { throw CancellationError() }
            let read = read(part, RecordFilter(), nil, skipping: false, &result.statistics)
            guard let (batch, _) = read?.records else { continue }
            let rows = (0..<batch.rowCount).filter { indexes.contains(part.firstIndex + UInt64($0)) }
            result.add(rows, of: batch, partition, firstIndex: part.firstIndex)
        }
        result.statistics.rowsKept = result.rows.count
        return result
    }

    /// Where a partition ends that was read up to a cut.
    private func endIndex(of parts: [LogPart], upTo cut: CommitNumber?) -> UInt64 {
        let reached = parts.filter { part in cut.map { part.firstCommit <= $0 } ?? true }
        guard let last = reached.max(by: { $0.firstIndex < $1.firstIndex }) else { return 0 }
        // A part whose head is damaged is passed over, and told of where it is read.
        return last.firstIndex + UInt64((try? rowCount(of: last, upTo: cut)) ?? last.rowCount)
    }

    private func parts(of index: TopicIndex, _ partition: String) -> [LogPart] {
        index.segments.flatMap { segment in
            segment.blocks.filter { $0.partition == partition }.map {
                LogPart.block(QueryPlan.Step(segment: segment.segment, block: $0, skipped: nil))
            }
        } + (index.tails[partition] ?? []).map { LogPart.tail($0) }
    }

    /// The records of a part, or, where none of them can be asked for, how many there are up to the cut.
    /// Nil where it is damaged, which is noted.
    private func read(
        _ part: LogPart, _ filter: RecordFilter, _ cut: CommitNumber?, skipping isOutside: Bool,
        _ statistics: inout QueryStatistics
    ) -> (records: (batch: RecordBatch, mask: RowMask)?, rowCount: Int)? {
        do throws(SegmentError) {
            let rowCount = try rowCount(of: part, upTo: cut)
            if isOutside {
                if case .block = part { statistics.blocksSkipped += 1 }
                return (nil, rowCount)
            }
            let batch = try batch(of: part, &statistics)
            switch part {
            case .block: statistics.blocksRead += 1
            case .tail: statistics.tailRunsRead += 1
            }
            statistics.rowsSeen += batch.rowCount
            return ((batch, RowMask(filter, batch)), rowCount)
        } catch {
            statistics.unseen.append(part.unseen(error))
            return nil
        }
    }
}
