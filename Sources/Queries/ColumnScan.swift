// Carries a window query out: the numbers of one path, with their times.
//
// Invariants:
//  * The answer holds exactly the records of the snapshot up to the cut, inside the window, that
//    the filter keeps: each once, by (time, partition, index).
//  * A record without a number at the path is in the answer, as NaN: the caller counts it.
//  * Only time, the path's column and the filter's columns are read.
//  * A damaged block is left out and named in the statistics; it does not end the query.
//  * A cancelled task's scan ends before its next block.

import Bytes
import EventLog
import Records
import Segments

/// Numbers and the times of their records, by (time, partition, index).
package struct ColumnValues: Sendable {
    /// Milliseconds; empty where they were not asked for.
    package var times: [Int64] = []
    /// A number a record that counts, NaN where it has none: beside `times`, where those were asked for.
    package var values: [Double] = []
    /// Whether any block had a number at the path, even outside the window's rows.
    package var pathWasFound = false
    package var statistics = QueryStatistics()

    package init() {}

    /// The rows whose times lie in a period.
    package func rows(in period: TimeWindow) -> Range<Int> {
        let bounds = period.milliseconds
        let first = times.partitionPoint { $0 >= bounds.lowerBound }
        return first..<times.partitionPoint { $0 >= bounds.upperBound }
    }
}

/// Answers questions about one number of the records of a snapshot.
package struct ColumnScan {
    private let snapshot: LogSnapshot

    package init(_ snapshot: LogSnapshot) { self.snapshot = snapshot }

    /// - Parameters:
    ///   - atOnce: how many threads may share the work, where it is enough for them.
    ///   - wantsTimes: false where the numbers alone matter, in whatever order: then the times of blocks that
    ///     lie inside the window are not even read, and none are answered.
    /// - Throws: `CancellationError` where the task is cancelled.
    package func values(
        _ query: WindowQuery, atOnce: Int = Processors.count, wantsTimes: Bool = true
    ) throws(CancellationError) -> ColumnValues {
        let topic = snapshot.index.topics[query.topic]
        let plan = QueryPlan(topic: topic, window: query.window, filter: query.filter, cut: query.cut)
        var answer = gather(plan, query, atOnce: atOnce, wantsTimes: wantsTimes)
        answer.statistics.blocksSkipped = plan.skippedBlockCount
        answer.statistics.unseen = plan.unseen(of: query.topic, in: snapshot.index) + answer.statistics.unseen
        if Task.isCancelled { throw CancellationError() }
        return answer
    }

    /// Whether a block or run that a query looks at has numbers at its path, in whatever row; also where
    /// damage hides it. As a rule it is the heads alone that are read, up to the first that has them.
    ///
    /// - Throws: `CancellationError` where the task is cancelled.
    package func mayHaveNumbers(_ query: WindowQuery) throws(CancellationError) -> Bool {
        let (reader, ahead) = (BlockReader(), ReadAhead())
        var statistics = QueryStatistics()
        return try mayHave(query, ahead) { run in
            run.batch.field(named: query.path.recordField).map {
                LeafNumbers.of($0, element: query.path.element, rowCount: run.batch.rowCount) != nil
            } ?? false
        } block: { source throws(SegmentError) in
            var sought = SoughtPath(query.path)
            if case .none = source.numbers(of: &sought) { return false }
            return try source.numbers(&sought, reader) { (offset, byteCount) throws(SegmentError) in
                try source.bytes(&statistics, at: offset, byteCount, ahead: ahead)
            } != nil
        }
    }

    /// The same of the path's field, with whatever value.
    package func mayHaveField(_ query: WindowQuery) throws(CancellationError) -> Bool {
        try mayHave(query, ReadAhead()) { run in
            run.batch.field(named: query.path.recordField) != nil
        } block: { source throws(SegmentError) in
            !source.head.fields.isEmpty
        }
    }

    /// Whether a block or run that a query looks at has what is asked for; also where there is none, or damage
    /// may hide it. Of a block's fields the path's alone is known.
    private func mayHave(
        _ query: WindowQuery, _ ahead: ReadAhead, tail: (TailRun) -> Bool,
        block: (BlockSource) throws(SegmentError) -> Bool
    ) throws(CancellationError) -> Bool {
        let plan = QueryPlan(
            topic: snapshot.index.topics[query.topic], window: query.window, filter: query.filter,
            cut: query.cut)
        if plan.steps.isEmpty && plan.tails.isEmpty { return true }
        if !plan.unseen(of: query.topic, in: snapshot.index).isEmpty { return true }
        if plan.tails.contains(where: tail) { return true }
        // What came last is the likeliest to have it.
        for step in plan.steps.reversed() {
            if Task.isCancelled { throw CancellationError() }
            do throws(SegmentError) {
                let source = try BlockSource(step, snapshot, fields: [query.path.recordField], ahead: ahead)
                if try block(source) { return true }
            } catch {
                return true
            }
        }
        return false
    }

    /// Fewer blocks than this are read sooner than another thread has woken up.
    private static let sharedBlockCountMin = 16
    /// Of a few blocks each, so that whoever is awake goes on with the next: another thread may take as long to
    /// wake up as all of the work does.
    private static let shareBlockCountMin = 3
    private static let shareCountEachMax = 4

    /// What a thread made of its share of the blocks.
    private struct Share {
        /// Where its rows begin in the memory of all.
        var firstRow = 0
        var rowCount = 0
        var ascends = true
        /// Where its rows came from, where their order matters.
        var pieces: [RowPiece] = []
        var pathWasFound = false
        var statistics = QueryStatistics()
    }

    /// All rows, in memory that has room for each row of each block and run that is looked at.
    private func gather(
        _ plan: QueryPlan, _ query: WindowQuery, atOnce: Int, wantsTimes: Bool
    ) -> ColumnValues {
        var answer = ColumnValues()
        var ascends = true
        var pieces: [RowPiece] = []
        let rowCountMax = plan.recordCountMax
        answer.times = [Int64](unsafeUninitializedCapacity: rowCountMax) { times, timeCount in
            answer.values = [Double](unsafeUninitializedCapacity: rowCountMax) { numbers, numberCount in
                // Rebased: a buffer of a capacity may be longer than what was asked for.
                let (times, numbers) = (
                    UnsafeMutableBufferPointer(rebasing: times[..<rowCountMax]),
                    UnsafeMutableBufferPointer(rebasing: numbers[..<rowCountMax])
                )
                let shares = shares(plan.steps, query, times, numbers, atOnce: atOnce, wantsTimes)
                for share in shares {
                    pieces += share.pieces
                    answer.pathWasFound = answer.pathWasFound || share.pathWasFound
                    answer.statistics.add(share.statistics)
                }
                var count: Int
                (count, ascends) = ColumnScan.join(shares, times, numbers, wantsTimes)
                var rows = GatheredRows(
                    UnsafeMutableBufferPointer(rebasing: times[count...]),
                    UnsafeMutableBufferPointer(rebasing: numbers[count...]))
                for (position, run) in plan.tails.enumerated() {
                    let before = rows.count
                    read(run, query, into: &rows, &answer)
                    answer.statistics.tailRunsRead += 1
                    guard wantsTimes, rows.count > before else { continue }
                    pieces.append(
                        RowPiece(part: plan.steps.count + position, rowCount: rows.count - before))
                }
                if wantsTimes, count > 0, rows.count > 0, times[count] < times[count - 1] { ascends = false }
                ascends = ascends && rows.ascends
                count += rows.count
                answer.statistics.rowsKept = count
                numberCount = count
                timeCount = wantsTimes ? count : 0
            }
        }
        guard wantsTimes else { return answer }
        RowOrder.apply(to: &answer, pieces, ascends: ascends) { plan.comesBefore($0, $1) }
        return answer
    }

    /// Moves the rows of all shares together, one share's behind another's.
    ///
    /// - Returns: how many they are, and whether their times ascend.
    private static func join(
        _ shares: [Share], _ times: UnsafeMutableBufferPointer<Int64>,
        _ numbers: UnsafeMutableBufferPointer<Double>, _ wantsTimes: Bool
    ) -> (count: Int, ascends: Bool) {
        var (count, ascends) = (0, true)
        for share in shares {
            let rows = share.firstRow..<share.firstRow + share.rowCount
            if count > 0, share.rowCount > 0, wantsTimes, times[rows.lowerBound] < times[count - 1] {
                ascends = false
            }
            if rows.lowerBound > count {
                _ = times[count...].update(fromContentsOf: times[rows])
                _ = numbers[count...].update(fromContentsOf: numbers[rows])
            }
            count += share.rowCount
            ascends = ascends && share.ascends
        }
        return (count, ascends)
    }

    /// The rows of blocks, each share's in the order of its blocks, where all rows before its would end.
    private func shares(
        _ steps: [QueryPlan.Step], _ query: WindowQuery, _ times: UnsafeMutableBufferPointer<Int64>,
        _ numbers: UnsafeMutableBufferPointer<Double>, atOnce: Int, _ wantsTimes: Bool
    ) -> [Share] {
        let isShared = atOnce > 1 && steps.count >= ColumnScan.sharedBlockCountMin
        let shareCount =
            isShared
            ? min(atOnce * ColumnScan.shareCountEachMax, steps.count / ColumnScan.shareBlockCountMin) : 1
        let bounds = (0...shareCount).map { steps.count * $0 / shareCount }
        let firstRows = bounds.map { bound in steps[..<bound].reduce(0) { $0 + $1.block.rowCount } }
        // Unsafe only in that they may not outlive this call, which waits for all threads; and each of those
        // has rows of its own.
        nonisolated(unsafe) let times = times
        nonisolated(unsafe) let numbers = numbers
        @Sendable func share(_ number: Int, until isCancelled: () -> Bool) -> Share {
            let rows = firstRows[number]..<firstRows[number + 1]
            var gathered = GatheredRows(
                UnsafeMutableBufferPointer(rebasing: times[rows]),
                UnsafeMutableBufferPointer(rebasing: numbers[rows]))
            var share = Share(firstRow: rows.lowerBound)
            ColumnScan(snapshot).read(
                steps[bounds[number]..<bounds[number + 1]], query, wantsTimes, into: &gathered, &share,
                until: isCancelled)
            share.rowCount = gathered.count
            share.ascends = gathered.ascends
            return share
        }
        guard shareCount > 1 else { return [share(0) { Task.isCancelled }] }
        return withUnsafeCurrentTask { task in
            // That a task is cancelled may be asked from any thread.
            nonisolated(unsafe) let task = task
            return Processors.share(parts: shareCount) { number in
                share(number) { task?.isCancelled ?? false }
            }
        }
    }

    private func read(
        _ steps: ArraySlice<QueryPlan.Step>, _ query: WindowQuery, _ wantsTimes: Bool,
        into rows: inout GatheredRows, _ share: inout Share, until isCancelled: () -> Bool
    ) {
        let ahead = ReadAhead()
        let leaves = LeafReader(snapshot, query, ahead)
        let window = query.window.milliseconds
        var groupEnd = steps.startIndex
        for position in steps.indices {
            if isCancelled() { return }
            if position >= groupEnd { groupEnd = position + QueryPlan.groupBlockCount(steps[position...]) }
            let groupBlockCount = groupEnd - position
            let before = rows
            do throws(SegmentError) {
                let isRead = try readLeaf(
                    steps[position], leaves, query, window, groupBlockCount, wantsTimes, into: &rows, &share)
                if !isRead {
                    try read(steps[position], query, window, ahead, groupBlockCount, into: &rows, &share)
                }
                share.statistics.blocksRead += 1
                if wantsTimes, rows.count > before.count {
                    share.pieces.append(RowPiece(part: position, rowCount: rows.count - before.count))
                }
            } catch {
                rows = before
                share.statistics.unseen.append(steps[position].unseen(error))
            }
        }
    }

    /// The ordinary case: every row of the block counts, and its numbers are one column. False, with no
    /// row taken, where they are not.
    private func readLeaf(
        _ step: QueryPlan.Step, _ leaves: LeafReader, _ query: WindowQuery, _ window: Range<Int64>,
        _ groupBlockCount: Int, _ wantsTimes: Bool, into rows: inout GatheredRows, _ share: inout Share
    ) throws(SegmentError) -> Bool {
        let block = step.block
        if query.filter.looksAtRows { return false }
        if let cut = query.cut, block.lastCommit > cut { return false }
        let room = rows.room(for: block.rowCount)
        let isInside = block.timeMin >= window.lowerBound && block.timeMax < window.upperBound
        let readsTimes = wantsTimes || !isInside
        guard
            let reading = try leaves.read(
                step, groupBlockCount: groupBlockCount, times: readsTimes ? room.times : nil,
                numbers: room.numbers)
        else { return false }
        share.statistics.bytesRead += reading.byteCount
        share.statistics.rowsSeen += block.rowCount
        share.pathWasFound = share.pathWasFound || reading.isFound
        if readsTimes {
            rows.keep(block.rowCount, ascending: reading.timesAscend, in: window)
        } else {
            rows.keepNumbers(block.rowCount)
        }
        return true
    }

    /// Any other block: some of its rows may not count, or its numbers lie in lists of several lengths or in
    /// texts.
    private func read(
        _ step: QueryPlan.Step, _ query: WindowQuery, _ window: Range<Int64>, _ ahead: ReadAhead,
        _ groupBlockCount: Int, into rows: inout GatheredRows, _ share: inout Share
    ) throws(SegmentError) {
        let source = try BlockSource(
            step, snapshot, fields: query.fields, ahead: ahead, groupBlockCount: groupBlockCount)
        let reader = BlockReader()
        var statistics = share.statistics
        statistics.bytesRead += source.readByteCount
        func bytes(_ offset: Int, _ byteCount: Int) throws(SegmentError) -> [UInt8] {
            try source.bytes(&statistics, at: offset, byteCount, ahead: ahead)
        }
        let rowCount = source.rowCount(upTo: query.cut)
        statistics.rowsSeen += rowCount
        let times = try reader.times(source.head, at: source.place, from: bytes)
        let mask = try RowMask(query.filter, reader, source, bytes)
        var sought = SoughtPath(query.path)
        let numbers = try source.numbers(&sought, reader, bytes)
        share.statistics = statistics
        share.pathWasFound = share.pathWasFound || numbers != nil
        for row in 0..<rowCount where window.contains(times[row]) && mask.keeps(row) {
            rows.append(times[row], numbers?[row] ?? .nan)
        }
    }

    private func read(
        _ run: TailRun, _ query: WindowQuery, into rows: inout GatheredRows, _ answer: inout ColumnValues
    ) {
        let rowCount = run.rowCount(upTo: query.cut)
        answer.statistics.rowsSeen += rowCount
        let numbers = run.batch.field(named: query.path.recordField).flatMap {
            LeafNumbers.of($0, element: query.path.element, rowCount: run.batch.rowCount)
        }
        answer.pathWasFound = answer.pathWasFound || numbers != nil
        let (window, mask) = (query.window.milliseconds, RowMask(query.filter, run.batch))
        for row in 0..<rowCount where window.contains(run.batch.times[row]) && mask.keeps(row) {
            rows.append(run.batch.times[row], numbers?[row] ?? .nan)
        }
    }
}

extension WindowQuery {
    /// The fields that carrying it out reads.
    fileprivate var fields: [String] { [path.recordField] + filter.fields }
}

extension QueryPlan {
    /// Whether the records of one block or run stand before another's, by partition and index.
    fileprivate func comesBefore(_ left: Int, _ right: Int) -> Bool {
        let (one, other) = (address(of: left), address(of: right))
        return one.partition == other.partition
            ? one.index < other.index : one.partition < other.partition
    }

    private func address(of part: Int) -> (partition: String, index: UInt64) {
        guard part >= steps.count else { return (steps[part].block.partition, steps[part].block.firstIndex) }
        let run = tails[part - steps.count]
        return (run.partition, run.firstIndex)
    }
}
