// Whole records of a window in the order of time, as many as are asked for. Pages by address stand in
// RecordScan+Pages.swift.
//
// Two passes: the first reads times, and what the filter looks at, to find which records come; the
// second reads those records whole. So memory is that of the records asked for, even where every block
// overlaps the window.
//
// Invariants:
//  * `window` answers the first `limit` records behind `key`, by (time, partition, index), each once; fewer, and at
//    least one, where those take `byteCountMax` bytes.
//  * An answer holds at most `byteCountMax` bytes and what one block or run takes.
//  * A damaged block is left out and named; it does not end the scan.
//  * A cancelled task's scan ends before its next block.

import EventLog
import Records
import Segments

/// Rows of a batch, in the order in which they are answered.
package struct RecordRows: Sendable {
    /// What `rows` are of; other rows of them may be here as well.
    package var batches: [RecordBatch] = []
    /// Position of the batch and the row in it.
    package var rows: [(batch: Int, row: Int)] = []
    package var statistics = QueryStatistics()
    /// Whether more records than these would have come.
    package var hasMore = false
    /// About what `batches` take in memory.
    package internal(set) var byteCount = 0
    /// Records in `batches` that were asked for. Those past `rows` are behind some that did not fit.
    var fetchedCount = 0
    /// Of each batch.
    var partitions: [String] = []
    /// Of each row of `rows`.
    var indexes: [UInt64] = []

    package init() {}

    /// Adds a batch, of which rows are to follow.
    mutating func add(_ batch: RecordBatch, of partition: String) {
        batches.append(batch)
        partitions.append(partition)
        // Which rows have a field takes a byte each, where not all have it.
        byteCount += batch.memoryByteCount + batch.rowCount * batch.fields.count
    }

    /// Where a row of `rows` stands in the order of time.
    package func key(of position: Int) -> RecordKey {
        let (batch, row) = rows[position]
        return RecordKey(
            time: batches[batch].times[row], partition: partitions[batch], index: indexes[position])
    }
}

/// Answers whole records of a snapshot; used by one thread at a time.
package struct RecordScan {
    let snapshot: LogSnapshot
    private let reader = BlockReader()

    package init(_ snapshot: LogSnapshot) { self.snapshot = snapshot }

    /// The first `limit` records of the window, oldest first; or the last, newest first.
    ///
    /// - Parameters:
    ///   - cut: the last commit that counts; nil for all that the snapshot shows.
    ///   - key: where the answer goes on: only records behind it come.
    ///   - byteCountMax: bytes of memory, past which no further block is read for the answer.
    /// - Throws: `CancellationError` where the task is cancelled.
    package func window(
        topic: String, _ window: TimeWindow, filter: RecordFilter = RecordFilter(), cut: CommitNumber? = nil,
        after key: RecordKey? = nil, limit: Int, byteCountMax: Int = .max, newestFirst: Bool = false
    ) throws(CancellationError) -> RecordRows {
        var result = RecordRows()
        let plan = QueryPlan(topic: snapshot.index.topics[topic], window: window, filter: filter, cut: cut)
        result.statistics.blocksSkipped = plan.skippedBlockCount
        result.statistics.unseen = plan.unseen(of: topic, in: snapshot.index)
        guard limit > 0 else { return result }
        // Blocks by the earliest record they may hold, so that reading can stop early.
        var parts = plan.steps.map { LogPart.block($0) } + plan.tails.map { LogPart.tail($0) }
        if let key { parts.removeAll { newestFirst ? $0.timeMin > key.time : $0.timeMax < key.time } }
        parts.sort { newestFirst ? $0.timeMax > $1.timeMax : $0.timeMin < $1.timeMin }
        let selection = Selection(
            parts: parts, times: window.milliseconds, filter: filter, cut: cut, key: key,
            // One more than is asked for tells whether there is more.
            limit: limit == .max ? limit : limit + 1, newestFirst: newestFirst)
        var damaged: Set<Int> = []
        while true {
            // Parts that are looked at again count once; what is read of files again costs again.
            (result.statistics.blocksRead, result.statistics.tailRunsRead, result.statistics.rowsSeen) = (
                0, 0, 0
            )
            let candidates = try candidates(selection, without: &damaged, &result.statistics)
            let damagedBefore = damaged.count
            let isWhole = try fill(
                &result, with: candidates.prefix(limit), of: selection, within: byteCountMax, &damaged)
            result.hasMore = !isWhole || candidates.count > limit
            // A block whose times were well and whose records were not: others come in its place.
            if damaged.count == damagedBefore { break }
        }
        result.statistics.rowsKept = result.rows.count
        return result
    }

    // MARK: Which records come

    private struct Selection {
        var parts: [LogPart]
        var times: Range<Int64>
        var filter: RecordFilter
        var cut: CommitNumber?
        var key: RecordKey?
        var limit: Int
        var newestFirst: Bool

        func comesBefore(_ left: Candidate, _ right: Candidate) -> Bool {
            if left.time != right.time { return (left.time < right.time) != newestFirst }
            if left.part != right.part {
                let (partition, other) = (parts[left.part].partition, parts[right.part].partition)
                if partition != other { return (partition < other) != newestFirst }
            }
            return (left.index < right.index) != newestFirst
        }

        /// Whether the record comes behind the key.
        func isBehindKey(_ candidate: Candidate) -> Bool {
            guard let key else { return true }
            if candidate.time != key.time { return (candidate.time > key.time) != newestFirst }
            let own = RecordKey(
                time: candidate.time, partition: parts[candidate.part].partition, index: candidate.index)
            return own != key && (own > key) != newestFirst
        }
    }

    private struct Candidate {
        var time: Int64
        var index: UInt64
        var part: Int
        var row: Int
    }

    private func candidates(
        _ selection: Selection, without damaged: inout Set<Int>, _ statistics: inout QueryStatistics
    ) throws(CancellationError) -> [Candidate] {
        var candidates: [Candidate] = []
        for (position, part) in selection.parts.enumerated() where !damaged.contains(position) {
            if Task.isCancelled { throw CancellationError() }
            if let last = candidates.last, candidates.count >= selection.limit {
                // Enough records that no later part can come before.
                if selection.newestFirst ? last.time > part.timeMax : last.time < part.timeMin { break }
            }
            let read: (times: [Int64], mask: RowMask, rowCount: Int)
            do throws(SegmentError) {
                read = try times(of: part, selection, &statistics)
            } catch {
                statistics.unseen.append(part.unseen(error))
                damaged.insert(position)
                continue
            }
            let countBefore = candidates.count
            for row in 0..<read.rowCount
            where selection.times.contains(read.times[row]) && read.mask.keeps(row) {
                let candidate = Candidate(
                    time: read.times[row], index: part.firstIndex + UInt64(row), part: position, row: row)
                if selection.isBehindKey(candidate) { candidates.append(candidate) }
            }
            guard candidates.count > countBefore else { continue }
            // Traffic comes in the order of time, and then there is nothing to sort.
            let tail = candidates[max(0, countBefore - 1)...]
            let isSorted = zip(tail, tail.dropFirst()).allSatisfy { !selection.comesBefore($1, $0) }
            if !isSorted { candidates.sort(by: selection.comesBefore) }
            if candidates.count > selection.limit {
                candidates.removeLast(candidates.count - selection.limit)
            }
        }
        return candidates
    }

    private func times(
        of part: LogPart, _ selection: Selection, _ statistics: inout QueryStatistics
    ) throws(SegmentError) -> ([Int64], RowMask, rowCount: Int) {
        switch part {
        case .tail(let run):
            statistics.tailRunsRead += 1
            statistics.rowsSeen += run.batch.rowCount
            return (run.batch.times, RowMask(selection.filter, run.batch), run.rowCount(upTo: selection.cut))
        case .block(let step):
            let source = try BlockSource(step, snapshot, fields: selection.filter.fields)
            var counted = statistics
            counted.bytesRead += source.readByteCount
            func bytes(_ offset: Int, _ byteCount: Int) throws(SegmentError) -> [UInt8] {
                try source.bytes(&counted, at: offset, byteCount)
            }
            let times = try reader.times(source.head, at: source.place, from: bytes)
            let mask = try RowMask(selection.filter, reader, source, bytes)
            counted.blocksRead += 1
            counted.rowsSeen += times.count
            statistics = counted
            return (times, mask, source.rowCount(upTo: selection.cut))
        }
    }

    // MARK: The records

    /// Reads the chosen records whole, up to the first that is of a block for which there is no room any more.
    /// Blocks that turn out damaged are added to `damaged`.
    ///
    /// - Returns: whether all of them were read.
    private func fill(
        _ result: inout RecordRows, with chosen: ArraySlice<Candidate>, of selection: Selection,
        within byteCountMax: Int, _ damaged: inout Set<Int>
    ) throws(CancellationError) -> Bool {
        (result.batches, result.rows, result.partitions, result.indexes) = ([], [], [], [])
        (result.byteCount, result.fetchedCount) = (0, 0)
        var wanted: [Int: [Int]] = [:]
        for candidate in chosen { wanted[candidate.part, default: []].append(candidate.row) }
        /// For each part its batch, and where the wanted rows went in it; nil for where they were.
        var places: [Int: (batch: Int, rows: [Int: Int]?)] = [:]
        result.rows.reserveCapacity(chosen.count)
        result.indexes.reserveCapacity(chosen.count)
        for candidate in chosen {
            var place = places[candidate.part]
            // Parts are read as their first records come, so that those that fit are the first ones of the answer.
            if place == nil, let rows = wanted.removeValue(forKey: candidate.part) {
                if Task.isCancelled { throw CancellationError() }
                if !result.batches.isEmpty, result.byteCount >= byteCountMax { return false }
                place = fetch(rows.sorted(), of: selection.parts[candidate.part], into: &result)
                places[candidate.part] = place
                if place == nil { damaged.insert(candidate.part) }
            }
            guard let place else { continue }
            result.rows.append((place.batch, place.rows?[candidate.row] ?? candidate.row))
            result.indexes.append(candidate.index)
        }
        return true
    }

    /// Reads a part of which some rows, ascending, are wanted.
    ///
    /// - Returns: its batch, and where the wanted rows went in it, nil for where they were; nil where it is damaged,
    ///   which is noted.
    private func fetch(
        _ rows: [Int], of part: LogPart, into result: inout RecordRows
    ) -> (batch: Int, rows: [Int: Int]?)? {
        var batch: RecordBatch
        do throws(SegmentError) { batch = try self.batch(of: part, &result.statistics) } catch {
            result.statistics.unseen.append(part.unseen(error))
            return nil
        }
        var moved: [Int: Int]?
        // Few rows of many would keep all of them in memory.
        if rows.count * 4 < batch.rowCount {
            batch = batch.selecting(rows: rows)
            moved = Dictionary(uniqueKeysWithValues: zip(rows, 0...))
        }
        result.add(batch, of: part.partition)
        result.fetchedCount += rows.count
        return (result.batches.count - 1, moved)
    }

    /// All records of a block or run.
    func batch(of part: LogPart, _ statistics: inout QueryStatistics) throws(SegmentError) -> RecordBatch {
        switch part {
        case .tail(let run): return run.batch
        case .block(let step):
            let source = try BlockSource(step, snapshot)
            var counted = statistics
            counted.bytesRead += source.readByteCount
            func bytes(_ offset: Int, _ byteCount: Int) throws(SegmentError) -> [UInt8] {
                try source.bytes(&counted, at: offset, byteCount)
            }
            let batch = try reader.batch(source.head, at: source.place, from: bytes)
            statistics = counted
            return batch
        }
    }

    /// Rows of a block whose commit is at most `cut`, by its head alone.
    func rowCount(of part: LogPart, upTo cut: CommitNumber?) throws(SegmentError) -> Int {
        switch part {
        case .tail(let run): run.rowCount(upTo: cut)
        case .block(let step):
            if let cut, step.block.lastCommit > cut {
                try BlockSource(step, snapshot, fields: []).rowCount(upTo: cut)
            } else {
                step.block.rowCount
            }
        }
    }
}
