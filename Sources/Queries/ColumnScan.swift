// Carries a window query out: the numbers of one path, with their times.
//
// Invariants:
//  * The answer holds exactly the records of the snapshot up to the cut, inside the window, that
//    the filter keeps: each once, ascending by time.
//  * A record without a number at the path is in the answer, as NaN: the caller counts it.
//  * Only time, the path's column and the filter's columns are read.
//  * A damaged block is left out and named in the statistics; it does not end the query.

import Bytes
import EventLog
import Records
import Segments

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

    package init(_ snapshot: LogSnapshot) { self.snapshot = snapshot }

    package func values(_ query: WindowQuery) -> ColumnValues {
        let topic = snapshot.index.topics[query.topic]
        let plan = QueryPlan(topic: topic, window: query.window, filter: query.filter, cut: query.cut)
        let times = query.window.milliseconds
        var answer = ColumnValues()
        var ascends = true
        answer.statistics.blocksSkipped = plan.skippedBlockCount
        for step in plan.steps {
            do throws(SegmentError) {
                try read(step, query, times, into: &answer, &ascends)
                answer.statistics.blocksRead += 1
            } catch {
                answer.statistics.unseen.append("\(error)")
            }
        }
        for run in plan.tails {
            read(run, query, times, into: &answer, &ascends)
            answer.statistics.tailRunsRead += 1
        }
        answer.statistics.rowsKept = answer.times.count
        if !ascends { answer.sortByTime() }
        return answer
    }

    private func read(
        _ step: QueryPlan.Step, _ query: WindowQuery, _ window: Range<Int64>,
        into answer: inout ColumnValues, _ ascends: inout Bool
    ) throws(SegmentError) {
        let source = try BlockSource(step, snapshot.files, fields: query.fields)
        let head = source.head
        var statistics = answer.statistics
        statistics.bytesRead += source.readByteCount
        func bytes(_ offset: Int, _ byteCount: Int) throws(SegmentError) -> [UInt8] {
            try source.bytes(&statistics, at: offset, byteCount)
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
        let rowCount =
            query.cut.map { CommitRun.rowCount(run.commitRuns, upTo: $0) } ?? run.batch.rowCount
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
    fileprivate var fields: [String] {
        var names = [path.recordField]
        if filter.modelName != nil { names.append(RowMask.modelField) }
        if filter.pipelineVersion != nil { names.append(RowMask.versionField) }
        return names
    }
}

extension ColumnValues {
    /// Takes the first `rows` rows that lie in the window and count.
    fileprivate mutating func append(
        _ newTimes: [Int64], _ numbers: [Double], rows: Int, _ window: Range<Int64>, _ mask: RowMask,
        _ ascends: inout Bool
    ) {
        var last = times.last ?? .min
        for row in 0..<rows {
            let time = newTimes[row]
            guard window.contains(time), mask.keeps(row) else { continue }
            if time < last { ascends = false }
            last = time
            times.append(time)
            values.append(numbers[row])
        }
    }

    /// Puts rows in the order of their times. Rows of one time keep their order.
    fileprivate mutating func sortByTime() {
        var order = Array(0..<times.count)
        order.sort { times[$0] == times[$1] ? $0 < $1 : times[$0] < times[$1] }
        times = order.map { times[$0] }
        values = order.map { values[$0] }
    }
}
