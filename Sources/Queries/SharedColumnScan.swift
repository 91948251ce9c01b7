// Many columns of the same records: what does not depend on the column is done once.
//
//     plan, heads, times, filter, order     once
//     a path's column                       when it is asked for, by any number of threads
//
// The blocks' heads are kept, with the few kilobytes that were read beside them; columns are not.
//
// Invariants:
//  * `values(path)` answers what `ColumnScan.values` does for the same query: the same records by time, NaN
//    where there is no number. Those of one time come as they lie in the log: a summary has no order.
//  * `paths` answers the same however the records are divided into blocks: it is what rows have.

import Bytes
import EventLog
import Records
import Segments

/// The records of one question, asked for any number of paths by any number of threads.
package struct SharedColumnScan: Sendable {
    let parts: [Part]
    /// For each part, how many parts of its group are read from it on; 1 where it has no group.
    private let groupBlockCounts: [Int]
    /// Where each row of the answer is in the rows of all parts, put one after another; nil where
    /// that is their order.
    private let order: [Int32]?
    /// Milliseconds, ascending.
    package let times: [Int64]
    /// Of heads, times and filters. What a path costs comes to it in that path's answer.
    package let statistics: QueryStatistics

    /// Rows of a block or of a run in memory. An object: it is passed by, path for path, and a copy of all that
    /// it holds would be counted each time.
    final class Part: Sendable {
        let source: Source
        /// The rows that count; nil for the first `rowCount`.
        let rows: [Int32]?
        let rowCount: Int

        enum Source: Sendable {
            case block(BlockSource)
            case tail(TailRun)
        }

        init(_ source: Source, rows: [Int32]?, rowCount: Int) {
            self.source = source
            self.rows = rows
            self.rowCount = rowCount
        }
    }

    /// Reads heads, times and what the filter looks at. `query.path` is not looked at.
    ///
    /// - Throws: `CancellationError` where the task is cancelled.
    package init(_ snapshot: LogSnapshot, _ query: WindowQuery) throws(CancellationError) {
        let plan = QueryPlan(
            topic: snapshot.index.topics[query.topic], window: query.window, filter: query.filter,
            cut: query.cut)
        let window = query.window.milliseconds
        let reader = BlockReader()
        var statistics = QueryStatistics()
        statistics.blocksSkipped = plan.skippedBlockCount
        statistics.unseen = plan.unseen(of: query.topic, in: snapshot.index)
        var parts: [Part] = []
        var times: [Int64] = []
        func take(
            _ source: Part.Source, _ partTimes: [Int64], from least: Int64, to greatest: Int64, rowCount: Int,
            _ mask: RowMask
        ) {
            statistics.rowsSeen += rowCount
            if !query.filter.looksAtRows, window.contains(least), window.contains(greatest) {
                guard rowCount > 0 else { return }
                times += partTimes[..<rowCount]
                parts.append(Part(source, rows: nil, rowCount: rowCount))
                return
            }
            let rows = (0..<Int32(rowCount)).filter {
                window.contains(partTimes[Int($0)]) && mask.keeps(Int($0))
            }
            guard !rows.isEmpty else { return }
            for row in rows { times.append(partTimes[Int(row)]) }
            parts.append(Part(source, rows: rows.count == rowCount ? nil : rows, rowCount: rowCount))
        }
        let ahead = ReadAhead()
        var groupEnd = 0
        for (position, step) in plan.steps.enumerated() {
            if Task.isCancelled { throw CancellationError() }
            if position >= groupEnd {
                groupEnd = position + QueryPlan.groupBlockCount(plan.steps[position...])
            }
            do throws(SegmentError) {
                let source = try BlockSource(
                    step, snapshot, ahead: ahead, groupBlockCount: groupEnd - position)
                var counted = statistics
                counted.bytesRead += source.readByteCount
                func bytes(_ offset: Int, _ byteCount: Int) throws(SegmentError) -> [UInt8] {
                    try source.bytes(&counted, at: offset, byteCount, ahead: ahead)
                }
                let partTimes = try reader.times(source.head, at: source.place, from: bytes)
                let mask = try RowMask(query.filter, reader, source, bytes)
                statistics = counted
                statistics.blocksRead += 1
                take(
                    .block(source), partTimes, from: step.block.timeMin, to: step.block.timeMax,
                    rowCount: source.rowCount(upTo: query.cut), mask)
            } catch {
                statistics.unseen.append(step.unseen(error))
            }
        }
        for run in plan.tails {
            statistics.tailRunsRead += 1
            take(
                .tail(run), run.batch.times, from: run.timeMin, to: run.timeMax,
                rowCount: run.rowCount(upTo: query.cut), RowMask(query.filter, run.batch))
        }
        precondition(times.count <= Int(Int32.max), "Two thousand million rows are in no memory.")
        statistics.rowsKept = times.count
        let order = SharedColumnScan.order(of: times)
        self.parts = parts
        groupBlockCounts = SharedColumnScan.groupBlockCounts(of: parts)
        self.order = order
        self.times = order?.map { times[Int($0)] } ?? times
        self.statistics = statistics
    }

    private static func groupBlockCounts(of parts: [Part]) -> [Int] {
        var counts = [Int](repeating: 1, count: parts.count)
        for position in parts.indices.reversed().dropFirst()
        where parts[position].isGrouped(with: parts[position + 1]) {
            counts[position] = counts[position + 1] + 1
        }
        return counts
    }

    /// Where the rows are by ascending time, those of one time in the order that they have; nil where all are in it.
    private static func order(of times: [Int64]) -> [Int32]? {
        guard !zip(times, times.dropFirst()).allSatisfy({ $0 <= $1 }) else { return nil }
        return (0..<Int32(times.count)).sorted { left, right in
            let (first, second) = (times[Int(left)], times[Int(right)])
            return first == second ? left < right : first < second
        }
    }

    // MARK: Columns

    /// The numbers of one path, beside `times`.
    ///
    /// - Throws: `CancellationError` where the task is cancelled.
    package func values(_ path: IOPath) throws(CancellationError) -> ColumnValues {
        var answer = ColumnValues()
        answer.times = times
        answer.statistics = statistics
        var isCancelled = false
        var sought = SoughtPath(path)
        let numbers = [Double](unsafeUninitializedCapacity: times.count) { numbers, count in
            let (reader, ahead) = (BlockReader(), ReadAhead())
            for (part, groupBlockCount) in zip(parts, groupBlockCounts) {
                if Task.isCancelled {
                    isCancelled = true
                    return
                }
                let rows = UnsafeMutableBufferPointer(
                    rebasing: numbers[count..<count + (part.rows?.count ?? part.rowCount)])
                do throws(SegmentError) {
                    let isFound = try part.read(
                        &sought, reader, ahead, groupBlockCount: groupBlockCount, into: rows,
                        &answer.statistics)
                    answer.pathWasFound = answer.pathWasFound || isFound
                } catch {
                    // Its rows stay, as rows without a number; the caller sees that it is damaged.
                    rows.update(repeating: .nan)
                    if case .block(let source) = part.source {
                        answer.statistics.unseen.append(source.entry.unseen(error))
                    }
                }
                count += rows.count
            }
        }
        if isCancelled { throw CancellationError() }
        answer.values = order.map { order in order.map { numbers[Int($0)] } } ?? numbers
        return answer
    }

    /// Whether any record that was looked at has the path's field.
    package func hasField(of path: IOPath) -> Bool {
        let field = path.recordField
        return parts.contains { part in
            switch part.source {
            case .block(let source): source.head.fields.contains { $0.name.isExactly(field) }
            case .tail(let run): run.batch.field(named: field) != nil
            }
        }
    }
}

extension SharedColumnScan.Part {
    /// Whether both are blocks of one group.
    fileprivate func isGrouped(with next: SharedColumnScan.Part) -> Bool {
        guard case .block(let own) = source, case .block(let other) = next.source else { return false }
        return own.entry.kind == .grouped && other.entry.kind == .grouped
            && own.segment.number == other.segment.number
            && own.entry.columnsOffset == other.entry.columnsOffset
    }

    /// Reads the numbers of its rows that count; NaN where there are none.
    /// - Returns: whether it has any at the path.
    func read(
        _ sought: inout SoughtPath, _ reader: BlockReader, _ ahead: ReadAhead, groupBlockCount: Int,
        into output: UnsafeMutableBufferPointer<Double>, _ statistics: inout QueryStatistics
    ) throws(SegmentError) -> Bool {
        let found: [Double]?
        switch source {
        case .block(let block):
            // The ordinary case, decoded where it stays.
            if rows == nil, rowCount == block.head.rowCount,
                case .leaf(let leaf, let presence) = block.numbers(of: &sought)
            {
                let bytes = try block.lend(
                    leaf.place, from: ahead, groupBlockCount: groupBlockCount, &statistics)
                guard try reader.readNumbers(leaf, bytes, at: block.place, into: output) else {
                    output.update(repeating: .nan)
                    return false
                }
                if let presence {
                    let bytes = try block.lend(
                        presence, from: ahead, groupBlockCount: groupBlockCount, &statistics)
                    try reader.readPresence(presence, bytes, at: block.place, into: output)
                }
                return true
            }
            var counted = statistics
            defer { statistics = counted }
            found = try block.numbers(&sought, reader) { (offset, byteCount) throws(SegmentError) in
                try block.bytes(&counted, at: offset, byteCount, ahead: ahead)
            }
        case .tail(let run):
            found = run.batch.field(named: sought.field).flatMap {
                LeafNumbers.of($0, element: sought.path.element, rowCount: run.batch.rowCount)
            }
        }
        guard let found else {
            output.update(repeating: .nan)
            return false
        }
        if let rows {
            for (position, row) in rows.enumerated() { output[position] = found[Int(row)] }
        } else {
            for row in 0..<rowCount { output[row] = found[row] }
        }
        return true
    }
}
