// Carries a window query out: the numbers of one path, with their times.
//
// Invariants:
//  * The answer holds exactly the records of the snapshot up to the cut, inside the window, that
//    the filter keeps: each once, ascending by time.
//  * A record without a number at the path is in the answer, as NaN: the caller counts it.
//  * Only time, the path's column and the filter's columns are read.
//  * A damaged block is left out and named in the statistics; it does not end the query.
//  * A cancelled task's scan ends before its next block.

import Bytes
import Dispatch
import EventLog
import Glibc
import Records
import Segments
import Synchronization

/// Numbers and the times of their records, ascending by time.
package struct ColumnValues: Sendable {
    /// Milliseconds.
    package var times: [Int64] = []
    package var values: [Double] = []
    /// Whether any block had a number at the path, even outside the window's rows.
    package var pathWasFound = false
    package var statistics = QueryStatistics()

    package init() {}
}

package struct ColumnScan {
    private let snapshot: LogSnapshot
    private let reader = BlockReader()
    private let scratch = ScanScratch()

    package init(_ snapshot: LogSnapshot) { self.snapshot = snapshot }

    /// - Parameter atOnce: how many threads may share the work, where it is enough for them.
    /// - Throws: `CancellationError` where the task is cancelled.
    package func values(
        _ query: WindowQuery, atOnce: Int = ColumnScan.processorCount
    ) throws(CancellationError) -> ColumnValues {
        let topic = snapshot.index.topics[query.topic]
        let plan = QueryPlan(topic: topic, window: query.window, filter: query.filter, cut: query.cut)
        let times = query.window.milliseconds
        var (answer, ascends) = blocks(plan.steps, query, times, atOnce: atOnce)
        answer.statistics.blocksSkipped = plan.skippedBlockCount
        answer.statistics.unseen = plan.unseen(of: query.topic) + answer.statistics.unseen
        if Task.isCancelled { throw CancellationError() }
        for run in plan.tails {
            read(run, query, times, into: &answer, &ascends)
            answer.statistics.tailRunsRead += 1
        }
        answer.statistics.rowsKept = answer.times.count
        if !ascends { answer.sortByTime() }
        return answer
    }

    package static let processorCount = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))

    /// Fewer blocks than this are read sooner than another thread has woken up.
    private static let blockCountEachMin = 8

    /// The rows of blocks, in the order of the blocks.
    private func blocks(
        _ steps: [QueryPlan.Step], _ query: WindowQuery, _ times: Range<Int64>, atOnce: Int
    ) -> (ColumnValues, ascends: Bool) {
        let partCount = min(atOnce, steps.count / ColumnScan.blockCountEachMin)
        guard partCount > 1 else { return blocks(steps[...], query, times) { Task.isCancelled } }
        let parts = Mutex([(values: ColumnValues, ascends: Bool)?](repeating: nil, count: partCount))
        let snapshot = self.snapshot
        withUnsafeCurrentTask { task in
            // Unsafe only in that it may not outlive this closure, which waits for all threads; that a task is
            // cancelled may be asked from any of them.
            nonisolated(unsafe) let task = task
            DispatchQueue.concurrentPerform(iterations: partCount) { part in
                let range = steps.count * part / partCount..<steps.count * (part + 1) / partCount
                // A scan of its own, because a reader and its memory serve one thread.
                let found = ColumnScan(snapshot).blocks(steps[range], query, times) {
                    task?.isCancelled ?? false
                }
                parts.withLock { $0[part] = (found.0, found.ascends) }
            }
        }
        var answer = ColumnValues()
        var ascends = true
        for case let part? in parts.withLock({ $0 }) {
            if let last = answer.times.last, let first = part.values.times.first, first < last {
                ascends = false
            }
            ascends = ascends && part.ascends
            answer.append(part.values, reserving: steps.reduce(0) { $0 + $1.block.rowCount })
        }
        return (answer, ascends)
    }

    private func blocks(
        _ steps: ArraySlice<QueryPlan.Step>, _ query: WindowQuery, _ times: Range<Int64>,
        until isCancelled: () -> Bool
    ) -> (ColumnValues, ascends: Bool) {
        var answer = ColumnValues()
        answer.reserveCapacity(steps.reduce(0) { $0 + $1.block.rowCount })
        var ascends = true
        var fieldName = query.path.recordField
        let ahead = ReadAhead()
        fieldName.withUTF8 { name in
            for (position, step) in zip(steps.indices, steps) {
                if isCancelled() { return }
                do throws(SegmentError) {
                    let isRead = try readLeaf(
                        step, query, UnsafeRawBufferPointer(name), times, into: &answer, &ascends)
                    if !isRead {
                        let groupBlockCount = QueryPlan.groupBlockCount(steps[position...])
                        try read(step, query, times, ahead, groupBlockCount, into: &answer, &ascends)
                    }
                    answer.statistics.blocksRead += 1
                } catch {
                    answer.statistics.unseen.append(step.unseen(error))
                }
            }
        }
        return (answer, ascends)
    }

    /// The ordinary case, all in memory that is kept from block to block: every row of the block counts,
    /// and its numbers are one column. False, with nothing read into the answer, where they are not.
    private func readLeaf(
        _ step: QueryPlan.Step, _ query: WindowQuery, _ fieldName: UnsafeRawBufferPointer,
        _ window: Range<Int64>, into answer: inout ColumnValues, _ ascends: inout Bool
    ) throws(SegmentError) -> Bool {
        let block = step.block
        if block.kind == .grouped || query.filter.looksAtRows { return false }
        if snapshot.index.topics[query.topic]?.hides(block) ?? false { return false }
        if let cut = query.cut, block.lastCommit > cut { return false }
        let segment = try snapshot.files.segment(step.segment)
        let place = segment.place(block.offset)
        let opening = try scratch.read(
            .opening, segment, at: block.offset,
            byteCount: BlockSource.openingByteCount(block))
        let excerpt = try BlockExcerpt(
            opening, at: place, field: fieldName, element: query.path.element)
        if excerpt.numbers == .withinField { return false }
        var bytesRead = opening.count

        func bytes(_ column: ColumnPlace) throws(SegmentError) -> UnsafeRawBufferPointer {
            let end = column.offset + column.byteCount
            guard end <= block.byteCount else {
                throw .malformed(place, reason: "a column lies past the block's end")
            }
            if end <= opening.count {
                return UnsafeRawBufferPointer(rebasing: opening[column.offset..<end])
            }
            bytesRead += column.byteCount
            return try scratch.read(
                .column, segment, at: block.offset + column.offset, byteCount: column.byteCount)
        }
        let rowCount = excerpt.rowCount
        let times = scratch.times(rowCount)
        try reader.readTimes(excerpt.times, try bytes(excerpt.times), at: place, into: times)
        let numbers = scratch.numbers(rowCount)
        var isFound = false
        if case .leaf(let leaf) = excerpt.numbers {
            isFound = try reader.readNumbers(leaf, try bytes(leaf.place), at: place, into: numbers)
            if isFound, let presence = excerpt.presence {
                try reader.readPresence(presence, try bytes(presence), at: place, into: numbers)
            }
        }
        if !isFound { numbers.update(repeating: .nan) }
        answer.statistics.bytesRead += bytesRead
        answer.statistics.rowsSeen += rowCount
        answer.pathWasFound = answer.pathWasFound || isFound
        if excerpt.timesAscend {
            answer.append(
                ascending: UnsafeBufferPointer(times), UnsafeBufferPointer(numbers), window, &ascends)
        } else {
            for row in 0..<rowCount where window.contains(times[row]) {
                answer.append(times[row], numbers[row], &ascends)
            }
        }
        return true
    }

    private func read(
        _ step: QueryPlan.Step, _ query: WindowQuery, _ window: Range<Int64>, _ ahead: ReadAhead,
        _ groupBlockCount: Int, into answer: inout ColumnValues, _ ascends: inout Bool
    ) throws(SegmentError) {
        let source = try BlockSource(
            step, snapshot, fields: query.fields, ahead: ahead, groupBlockCount: groupBlockCount)
        let head = source.head
        var statistics = answer.statistics
        statistics.bytesRead += source.readByteCount
        func bytes(_ offset: Int, _ byteCount: Int) throws(SegmentError) -> [UInt8] {
            try source.bytes(&statistics, at: offset, byteCount, ahead: ahead)
        }
        let rowCount = source.rowCount(upTo: query.cut)
        statistics.rowsSeen += rowCount
        let times = try reader.times(head, at: source.place, from: bytes)
        let mask = try RowMask(query.filter, reader, source, bytes)
        var numbers = [Double](repeating: .nan, count: head.rowCount)
        var isFound = false
        if let entry = head.fields.first(where: { $0.name == query.path.recordField }) {
            switch (entry.layout, query.path.element) {
            case (.scalar(let leaf), nil), (.scalar(let leaf), 0):
                isFound = try numbers.withUnsafeMutableBufferPointer { (output) throws(SegmentError) in
                    try reader.numbers(
                        leaf, presence: entry.presence, head, at: source.place, from: bytes, into: output)
                }
            case (.fixedList(let leaves), let element?) where element < leaves.count:
                isFound = try numbers.withUnsafeMutableBufferPointer { (output) throws(SegmentError) in
                    try reader.numbers(
                        leaves[element], presence: entry.presence, head, at: source.place, from: bytes,
                        into: output)
                }
            case (.scalar, _), (.fixedList, _), (.none, _):
                break
            case (.list, _), (.json, _):
                let field = try reader.field(entry, head, at: source.place, from: bytes)
                if let found = LeafNumbers.of(field, element: query.path.element, rowCount: head.rowCount) {
                    numbers = found
                    isFound = true
                }
            }
        }
        answer.statistics = statistics
        answer.pathWasFound = answer.pathWasFound || isFound
        answer.append(times, numbers, rows: rowCount, window, mask, &ascends)
    }

    private func read(
        _ run: TailRun, _ query: WindowQuery, _ window: Range<Int64>,
        into answer: inout ColumnValues, _ ascends: inout Bool
    ) {
        let rowCount = run.rowCount(upTo: query.cut)
        answer.statistics.rowsSeen += rowCount
        let numbers = run.batch.field(named: query.path.recordField).flatMap {
            LeafNumbers.of($0, element: query.path.element, rowCount: run.batch.rowCount)
        }
        answer.pathWasFound = answer.pathWasFound || numbers != nil
        answer.append(
            run.batch.times, numbers ?? [Double](repeating: .nan, count: run.batch.rowCount),
            rows: rowCount, window, RowMask(query.filter, run.batch), &ascends)
    }
}

extension WindowQuery {
    /// The fields that carrying it out reads.
    fileprivate var fields: [String] { [path.recordField] + filter.fields }
}

extension ColumnValues {
    /// Takes the first `rows` rows that lie in the window and count.
    fileprivate mutating func append(
        _ newTimes: [Int64], _ numbers: [Double], rows: Int, _ window: Range<Int64>, _ mask: RowMask,
        _ ascends: inout Bool
    ) {
        for row in 0..<rows where window.contains(newTimes[row]) && mask.keeps(row) {
            append(newTimes[row], numbers[row], &ascends)
        }
    }

    fileprivate mutating func append(_ time: Int64, _ number: Double, _ ascends: inout Bool) {
        if let last = times.last, time < last { ascends = false }
        times.append(time)
        values.append(number)
    }

    /// Takes the rows of `newTimes`, which ascend, that lie in the window: they are neighbours.
    fileprivate mutating func append(
        ascending newTimes: UnsafeBufferPointer<Int64>, _ numbers: UnsafeBufferPointer<Double>,
        _ window: Range<Int64>, _ ascends: inout Bool
    ) {
        let start = newTimes.position(notBefore: window.lowerBound)
        let rows = start..<newTimes.position(notBefore: window.upperBound)
        guard let first = rows.first else { return }
        if let last = times.last, newTimes[first] < last { ascends = false }
        times.append(contentsOf: UnsafeBufferPointer(rebasing: newTimes[rows]))
        values.append(contentsOf: UnsafeBufferPointer(rebasing: numbers[rows]))
    }

    /// Takes all rows of a later part, and what it says of itself.
    fileprivate mutating func append(_ part: ColumnValues, reserving rowCount: Int) {
        if times.isEmpty {
            times = part.times
            values = part.values
        } else {
            reserveCapacity(rowCount)
            times.append(contentsOf: part.times)
            values.append(contentsOf: part.values)
        }
        pathWasFound = pathWasFound || part.pathWasFound
        statistics.add(part.statistics)
    }

    fileprivate mutating func reserveCapacity(_ rowCount: Int) {
        times.reserveCapacity(rowCount)
        values.reserveCapacity(rowCount)
    }

    /// Puts rows in the order of their times. Rows of one time keep their order.
    fileprivate mutating func sortByTime() {
        var order = Array(0..<times.count)
        order.sort { times[$0] == times[$1] ? $0 < $1 : times[$0] < times[$1] }
        times = order.map { times[$0] }
        values = order.map { values[$0] }
    }
}

extension UnsafeBufferPointer<Int64> {
    /// The first position whose element is `bound` or greater; elements ascend.
    fileprivate func position(notBefore bound: Int64) -> Int {
        // Blocks inside the window are the ordinary case: their ends tell.
        guard let first, let last = self.last, first < bound else { return 0 }
        if last < bound { return count }
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if self[middle] < bound { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

/// Memory that one scan uses again for each block.
///
/// Used by the one scan that made it, so by one thread at a time.
private final class ScanScratch {
    enum Use: Int {
        case opening
        case column
    }

    private var bytes: [UnsafeMutableRawBufferPointer] = [
        .init(start: nil, count: 0), .init(start: nil, count: 0),
    ]
    private var rows = UnsafeMutableRawBufferPointer(start: nil, count: 0)

    deinit {
        for buffer in bytes { buffer.deallocate() }
        rows.deallocate()
    }

    /// Reads bytes into the memory for this use: valid until the next read for it.
    func read(
        _ use: Use, _ segment: SegmentFile, at offset: Int, byteCount: Int
    ) throws(SegmentError) -> UnsafeRawBufferPointer {
        reserve(byteCount, in: &bytes[use.rawValue])
        let buffer = UnsafeMutableRawBufferPointer(rebasing: bytes[use.rawValue][..<byteCount])
        try segment.read(at: offset, into: buffer)
        return UnsafeRawBufferPointer(buffer)
    }

    /// Room for the times of `count` rows; forgets the numbers.
    func times(_ count: Int) -> UnsafeMutableBufferPointer<Int64> {
        reserve(count * 16, in: &rows)
        let room = UnsafeMutableRawBufferPointer(rebasing: rows[..<(count * 8)])
        return room.bindMemory(to: Int64.self)
    }

    /// Room for the numbers of as many rows as `times` was asked for last.
    func numbers(_ count: Int) -> UnsafeMutableBufferPointer<Double> {
        precondition(rows.count >= count * 16, "Room is made for both at once.")
        let room = UnsafeMutableRawBufferPointer(rebasing: rows[(count * 8)..<(count * 16)])
        return room.bindMemory(to: Double.self)
    }

    private func reserve(_ byteCount: Int, in buffer: inout UnsafeMutableRawBufferPointer) {
        guard buffer.count < byteCount else { return }
        let count = max(byteCount, 2 * buffer.count)
        buffer.deallocate()
        buffer = .allocate(byteCount: count, alignment: 16)
    }
}
