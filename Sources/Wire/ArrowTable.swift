// The columns of an Arrow file: which there are, as all rows of it say them, and the rows of some.
//
// Invariants:
//  * Columns are those that some row has, in an order of ArrowColumnOrder.swift; those of a group stand together,
//    where its first one stood.
//  * Which columns there are, their order and their types follow from the rows and the order of their fields, not
//    from which of them share a batch.
//  * Every row that is written was told to the schema before.

import Bytes
import Records

/// The fields of the rows of one file, with a type for each that holds them all.
package struct ArrowTableSchema: Sendable {
    /// As they are met, row after row.
    private var names: [String] = []
    private var numbers: [ExactText: Int] = [:]
    private var order = ArrowColumnOrder()
    fileprivate var types: [ExactText: ArrowColumnType] = [:]
    /// Whether it was told of no row.
    private(set) var isEmpty = true

    package init() {}

    /// More rows that are to be written, in the order given.
    package mutating func add(_ batches: [RecordBatch], rows: [(batch: Int, row: Int)]) {
        add(batches, runs: ArrowRowRun.runs(of: rows, in: batches))
    }

    mutating func add(_ batches: [RecordBatch], runs: [ArrowRowRun]) {
        /// Of each batch its runs, with how many rows come before each.
        var own: [[(before: Int, rows: Range<Int>)]] = Array(repeating: [], count: batches.count)
        var rowCount = 0
        for run in runs where !run.rows.isEmpty {
            own[run.batch].append((rowCount, run.rows))
            rowCount += run.rows.count
        }
        if rowCount == 0 { return }
        isEmpty = false
        /// Of each field that is new, the first row that has it, and where it stands among that row's.
        var met: [ExactText: (row: Int, place: Int)] = [:]
        for (batch, runs) in zip(batches, own) where !runs.isEmpty {
            // Less those that none of the rows has.
            var shown = batch.showing(runs.map(\.rows))?.fields.makeIterator()
            for (place, field) in batch.fields.enumerated() {
                guard let first = field.presence.firstRow(in: runs) else { continue }
                let name = ExactText(field.name)
                if types[name] == nil || first < met[name]?.row ?? -1 { met[name] = (first, place) }
                types[name, default: ArrowColumnType()].add(shown?.next() ?? field)
            }
        }
        for (name, _) in met.sorted(by: { ($0.value.row, $0.value.place) < ($1.value.row, $1.value.place) }) {
            numbers[name] = names.count
            names.append(name.text)
        }
        for (batch, runs) in zip(batches, own) where !runs.isEmpty {
            let fields = batch.fields.lazy.filter { $0.presence.firstRow(in: runs) != nil }
            order.add(
                fields.compactMap { field in
                    numbers[ExactText(field.name)].map { ($0, field.presence) }
                }, runs.map(\.rows))
        }
    }

    /// The names of the columns, in their order.
    fileprivate var columns: [String] { order.order(count: names.count).map { names[$0] } }
}

extension RecordBatch {
    /// The rows of the runs where there are others, as a batch that says no more than they do; nil where they are
    /// all.
    fileprivate func showing(_ runs: [Range<Int>]) -> RecordBatch? {
        if runs.reduce(0, { $0 + $1.count }) == rowCount { return nil }
        return runs.count == 1 ? slice(runs[0]) : selecting(rows: runs.flatMap { Array($0) })
    }
}

extension Presence {
    /// How many rows of the runs, each with how many come before it, stand before the first that has the field;
    /// nil where none has it.
    fileprivate func firstRow(in runs: [(before: Int, rows: Range<Int>)]) -> Int? {
        guard case .each(let states) = self else { return runs.first?.before }
        for (before, rows) in runs {
            if let row = states[rows].firstIndex(where: { $0 != .absent }) {
                return before + row - rows.lowerBound
            }
        }
        return nil
    }
}

/// The columns that a file shows.
struct ArrowColumns {
    /// A field, or the fields of a group under the group's name.
    fileprivate struct Member {
        var group: String?
        var columns: [(name: String, field: ArrowField)]
    }

    fileprivate let showsTime: Bool
    fileprivate private(set) var members: [Member] = []

    init(_ schema: ArrowTableSchema, _ form: RecordForm, _ selection: FieldSelection) {
        showsTime = selection.shows("time")
        let names = schema.columns.filter { selection.shows($0) }
        let all = Set(exactly: names)
        var groups: [ExactText: Int] = [:]
        for name in names {
            var field = (schema.types[ExactText(name)] ?? ArrowColumnType()).field(named: name)
            // A field of the group's own name takes the name; the group's fields stay flat beside it.
            guard form == .nested, let (group, rest) = RecordGroup.split(name),
                !all.contains(ExactText(String(group)))
            else {
                members.append(Member(columns: [(name, field)]))
                continue
            }
            field.name = String(rest)
            if let number = groups[ExactText(String(group))] {
                members[number].columns.append((name, field))
            } else {
                groups[ExactText(String(group))] = members.count
                members.append(Member(group: String(group), columns: [(name, field)]))
            }
        }
    }

    /// The schema.
    var fields: [ArrowField] {
        let time = ArrowField(name: "time", path: "time", type: .integer(bitWidth: 64, isSigned: true))
        return (showsTime ? [time] : [])
            + members.flatMap { member -> [ArrowField] in
                let fields = member.columns.map { $0.field }
                guard let group = member.group else { return fields }
                return [ArrowField(name: group, path: group, type: .structure, children: fields)]
            }
    }
}

/// The columns over some batches.
struct ArrowTable {
    private let batches: [RecordBatch]
    private let showsTime: Bool
    private let members: [(group: String?, columns: [ArrowColumnWriter])]

    init(_ columns: ArrowColumns, _ batches: [RecordBatch]) {
        self.batches = batches
        showsTime = columns.showsTime
        // Looked up by name once a batch: a file may have as many columns as a batch has fields.
        let numbers = batches.map { batch in
            Dictionary(
                batch.fields.enumerated().map { (ExactText($1.name), $0) },
                uniquingKeysWith: { first, _ in first })
        }
        members = columns.members.map { member in
            let writers = member.columns.map { column in
                let name = ExactText(column.name)
                let held = zip(batches, numbers).map { batch, numbers in
                    numbers[name].map { batch.fields[$0] }
                }
                return ArrowColumnWriter(held, as: column.field, in: batches)
            }
            return (member.group, writers)
        }
    }

    /// Writes the arrays of some rows.
    func write(_ runs: [ArrowRowRun], to body: inout ArrowBody) throws(ArrowError) {
        let rowCount = runs.reduce(0) { $0 + $1.rows.count }
        if showsTime {
            body.beginArray(count: rowCount, validity: nil)
            body.writeBuffer(byteCount: rowCount * 8) { bytes in
                var place = 0
                for run in runs {
                    batches[run.batch].times[run.rows].withUnsafeBytes { times in
                        UnsafeMutableRawBufferPointer(rebasing: bytes[place..<place + times.count])
                            .copyMemory(from: times)
                        place += times.count
                    }
                }
            }
        }
        for member in members {
            if member.group != nil {
                var hasAny = [Bool](repeating: false, count: rowCount)
                for column in member.columns { column.markRows(of: runs, in: &hasAny) }
                body.beginArray(count: rowCount, validity: hasAny)
            }
            for column in member.columns { try column.write(runs, to: &body) }
        }
    }
}

extension ArrowRowRun {
    /// Rows in the order given, as runs.
    static func runs(of rows: [(batch: Int, row: Int)], in batches: [RecordBatch]) -> [ArrowRowRun] {
        var runs: [ArrowRowRun] = []
        for (batch, row) in rows {
            precondition(row >= 0 && row < batches[batch].rowCount, "Writes only rows that are there.")
            if let last = runs.last, last.batch == batch, last.rows.upperBound == row {
                runs[runs.count - 1].rows = last.rows.lowerBound..<row + 1
            } else {
                runs.append(ArrowRowRun(batch: batch, rows: row..<row + 1))
            }
        }
        return runs
    }

    /// The runs cut where a record batch of `rowCountMax` rows ends, or the row before `byteCountMax` bytes are passed.
    ///
    /// - Parameter byteCount: of a row; a row of more is a part by itself.
    static func parts(
        of runs: [ArrowRowRun], rowCountMax: Int, byteCountMax: Int,
        byteCount: (_ batch: Int, _ row: Int) -> Int
    ) -> [[ArrowRowRun]] {
        var parts: [[ArrowRowRun]] = []
        var (room, byteRoom) = (0, 0)
        for run in runs {
            var start = run.rows.lowerBound
            while start < run.rows.upperBound {
                var next = byteCount(run.batch, start)
                if room == 0 || next > byteRoom {
                    parts.append([])
                    (room, byteRoom) = (rowCountMax, byteCountMax)
                }
                let last = min(run.rows.upperBound, start + room)
                byteRoom -= next
                var end = start + 1
                while end < last {
                    next = byteCount(run.batch, end)
                    guard next <= byteRoom else { break }
                    byteRoom -= next
                    end += 1
                }
                parts[parts.count - 1].append(ArrowRowRun(batch: run.batch, rows: start..<end))
                room -= end - start
                start = end
            }
        }
        return parts
    }
}
