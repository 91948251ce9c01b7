// Many columns of the same records: what does not depend on the column is done once.
//
//     plan, heads, times, filter, order     once
//     a path's column                       when it is asked for, by any number of threads
//
// The blocks' heads are kept, with the few kilobytes that were read beside them; columns are not.
//
// Invariants:
//  * `values(path)` answers what `ColumnScan.values` does for the same query: the same records in
//    the same order, NaN where there is no number.
//  * `paths` reads no column: it is what the heads of the blocks say.

import EventLog
import Records
import Segments

package struct SharedColumnScan: Sendable {
    private let cut: CommitNumber?
    private let parts: [Part]
    /// Where each row of the answer is in the rows of all parts, put one after another; nil where
    /// that is their order.
    private let order: [Int32]?
    /// Milliseconds, ascending.
    package let times: [Int64]
    package let statistics: QueryStatistics

    /// Rows of a block or of a run in memory.
    private struct Part: Sendable {
        var source: Source
        /// The rows that count; nil for the first `rowCount`.
        var rows: [Int32]?
        var rowCount: Int

        enum Source: Sendable {
            case block(BlockSource)
            case tail(TailRun)
        }
    }

    /// Reads heads, times and what the filter looks at. `query.path` is not looked at.
    package init(_ snapshot: LogSnapshot, _ query: WindowQuery) {
        cut = query.cut
        let plan = QueryPlan(
            topic: snapshot.index.topics[query.topic], window: query.window, filter: query.filter,
            cut: query.cut)
        let window = query.window.milliseconds
        let reader = BlockReader()
        var statistics = QueryStatistics()
        statistics.blocksSkipped = plan.skippedBlockCount
        statistics.unseen = plan.unseen(of: query.topic)
        var parts: [Part] = []
        var times: [Int64] = []
        func take(_ source: Part.Source, _ partTimes: [Int64], rowCount: Int, _ mask: RowMask) {
            statistics.rowsSeen += rowCount
            let rows = (0..<rowCount).filter { window.contains(partTimes[$0]) && mask.keeps($0) }
            guard !rows.isEmpty else { return }
            if rows.count == rowCount {
                times += partTimes[..<rowCount]
                parts.append(Part(source: source, rows: nil, rowCount: rowCount))
            } else {
                for row in rows { times.append(partTimes[row]) }
                parts.append(Part(source: source, rows: rows.map { Int32($0) }, rowCount: rowCount))
            }
        }
        for step in plan.steps {
            do throws(SegmentError) {
                let source = try BlockSource(step, snapshot)
                var counted = statistics
                counted.bytesRead += source.readByteCount
                func bytes(_ offset: Int, _ byteCount: Int) throws(SegmentError) -> [UInt8] {
                    try source.bytes(&counted, at: offset, byteCount)
                }
                let partTimes = try reader.times(source.head, at: source.place, from: bytes)
                let mask = try RowMask(query.filter, reader, source, bytes)
                statistics = counted
                statistics.blocksRead += 1
                take(.block(source), partTimes, rowCount: source.rowCount(upTo: query.cut), mask)
            } catch {
                statistics.unseen.append(step.unseen(error))
            }
        }
        for run in plan.tails {
            let rowCount =
                query.cut.map { CommitRun.rowCount(run.commitRuns, upTo: $0) } ?? run.batch.rowCount
            statistics.tailRunsRead += 1
            take(.tail(run), run.batch.times, rowCount: rowCount, RowMask(query.filter, run.batch))
        }
        precondition(times.count <= Int(Int32.max), "Two thousand million rows are in no memory.")
        statistics.rowsKept = times.count
        self.parts = parts
        self.statistics = statistics
        if zip(times, times.dropFirst()).allSatisfy({ $0 <= $1 }) {
            order = nil
            self.times = times
        } else {
            // Rows of one time keep their order.
            let sorted = (0..<Int32(times.count)).sorted { left, right in
                let (first, second) = (times[Int(left)], times[Int(right)])
                return first == second ? left < right : first < second
            }
            order = sorted
            self.times = sorted.map { times[Int($0)] }
        }
    }

    // MARK: Columns

    /// The numbers of one path, beside `times`.
    package func values(_ path: IOPath) -> ColumnValues {
        var answer = ColumnValues()
        answer.times = times
        answer.statistics = statistics
        var numbers: [Double] = []
        numbers.reserveCapacity(times.count)
        let reader = BlockReader()
        for part in parts {
            var found: [Double]?
            var count = part.rowCount
            switch part.source {
            case .block(let source):
                count = source.head.rowCount
                do throws(SegmentError) {
                    found = try source.numbers(path, reader, &answer.statistics)
                } catch {
                    // Its rows stay, as rows without a number; the caller sees that it is damaged.
                    answer.statistics.unseen.append(source.entry.unseen(error))
                }
            case .tail(let run):
                count = run.batch.rowCount
                found = run.batch.field(named: path.recordField).flatMap {
                    LeafNumbers.of($0, element: path.element, rowCount: run.batch.rowCount)
                }
            }
            if found != nil { answer.pathWasFound = true }
            let column = found ?? [Double](repeating: .nan, count: count)
            if let rows = part.rows {
                for row in rows { numbers.append(column[Int(row)]) }
            } else {
                numbers += column[..<part.rowCount]
            }
        }
        answer.values = order.map { order in order.map { numbers[Int($0)] } } ?? numbers
        return answer
    }

    /// Every path that has a column of numbers of its own, in the order of paths.
    ///
    /// Lists too long to have a column an element, and fields kept as JSON text, are not listed.
    package var paths: [IOPath] {
        var found: Set<IOPath> = []
        func add(_ field: String, _ elements: [(element: Int?, isNumber: Bool)]) {
            guard field.hasPrefix("in.") || field.hasPrefix("out.") else { return }
            let name = field.hasPrefix("in.") ? "input " + field.dropFirst(3) : "output " + field.dropFirst(4)
            for (element, isNumber) in elements where isNumber {
                // A field that no path can name is not asked for.
                guard let path = try? IOPath(parsing: name + (element.map { " \($0)" } ?? "")),
                    path.recordField == field, path.element == element
                else { continue }
                found.insert(path)
            }
        }
        // Blocks of one topic mostly have the same fields: each distinct shape is looked at once.
        var seen: [String: Set<[Bool]>] = [:]
        func addOnce(_ field: String, _ elements: [(element: Int?, isNumber: Bool)]) {
            guard seen[field, default: []].insert(elements.map(\.isNumber)).inserted else { return }
            add(field, elements)
        }
        for part in parts {
            switch part.source {
            case .block(let source):
                for entry in source.head.fields {
                    switch entry.layout {
                    case .scalar(let leaf): addOnce(entry.name, [(nil, leaf.type.isNumber)])
                    case .fixedList(let leaves):
                        addOnce(entry.name, leaves.enumerated().map { ($0.offset, $0.element.type.isNumber) })
                    case .none, .list, .json: break
                    }
                }
            case .tail(let run):
                for field in run.batch.fields {
                    switch field.values {
                    case .scalar(let leaf): addOnce(field.name, [(nil, ElementType(leaf.elements).isNumber)])
                    case .fixedList(let leaves):
                        addOnce(
                            field.name,
                            leaves.enumerated().map { ($0.offset, ElementType($0.element.elements).isNumber) }
                        )
                    case .none, .list, .json: break
                    }
                }
            }
        }
        return found.sorted()
    }

    /// Whether any record that was looked at has the path's field.
    package func hasField(of path: IOPath) -> Bool {
        parts.contains { part in
            switch part.source {
            case .block(let source): source.head.fields.contains { $0.name == path.recordField }
            case .tail(let run): run.batch.field(named: path.recordField) != nil
            }
        }
    }
}

extension BlockSource {
    /// The numbers of a path, one a row of the block; nil where the block has none there.
    fileprivate func numbers(
        _ path: IOPath, _ reader: BlockReader, _ statistics: inout QueryStatistics
    ) throws(SegmentError) -> [Double]? {
        guard let entry = head.fields.first(where: { $0.name == path.recordField }) else { return nil }
        var counted = statistics
        defer { statistics = counted }
        func bytes(_ offset: Int, _ byteCount: Int) throws(SegmentError) -> [UInt8] {
            try self.bytes(&counted, at: offset, byteCount)
        }
        func numbers(_ leaf: LeafPlace) throws(SegmentError) -> [Double]? {
            var numbers = [Double](repeating: .nan, count: head.rowCount)
            let areNumbers = try numbers.withUnsafeMutableBufferPointer { (output) throws(SegmentError) in
                try reader.numbers(
                    leaf, presence: entry.presence, head, at: place, from: bytes, into: output)
            }
            return areNumbers ? numbers : nil
        }
        switch (entry.layout, path.element) {
        case (.scalar(let leaf), nil), (.scalar(let leaf), 0): return try numbers(leaf)
        case (.fixedList(let leaves), let element?) where element < leaves.count:
            return try numbers(leaves[element])
        case (.scalar, _), (.fixedList, _), (.none, _): return nil
        case (.list, _), (.json, _):
            let field = try reader.field(entry, head, at: place, from: bytes)
            return LeafNumbers.of(field, element: path.element, rowCount: head.rowCount)
        }
    }
}

extension ElementType {
    fileprivate var isNumber: Bool {
        switch self {
        case .float32, .float64, .int64: true
        default: false
        }
    }
}
