// One column of a file of Arrow: the columns of all batches that have the field, and their rows as
// arrays of the one type that holds them all.
//
// Invariants:
//  * A row that has no value, and a row of a batch without the field, is null.
//  * JSON text is the text that RecordWriter writes for the value where it keeps infinities: what was posted.

import Records

/// Rows of one batch that follow each other and are written together.
struct ArrowRowRun {
    var batch: Int
    var rows: Range<Int>
}

struct ArrowColumnWriter {
    let field: ArrowField
    /// For each batch its column of that name.
    private var columns: [FieldColumn?]
    /// For each batch with lists of several lengths, where each row's elements begin.
    private var starts: [[Int]]
    /// For each batch, its rows as JSON objects of one member; made where the column is of JSON text.
    private var texts: [PreparedRecords?]

    private static let jsonKey = "v"

    /// The columns of one name of the batches, as the field that holds them in the whole file.
    init(_ columns: [FieldColumn?], as field: ArrowField, in batches: [RecordBatch]) {
        self.columns = columns
        self.field = field
        starts = columns.map { column in
            guard case .list(let lengths, _)? = column?.values else { return [] }
            var starts = [0]
            starts.reserveCapacity(lengths.count + 1)
            for length in lengths { starts.append(starts[starts.count - 1] + Int(length)) }
            return starts
        }
        texts = []
        if field.isJSON {
            texts = zip(columns, batches).map { column, batch in
                guard var column else { return nil }
                column.name = Self.jsonKey
                return Self.rowWriter.prepare(RecordBatch(times: batch.times, fields: [column]))
            }
        }
        let element = field.children.first ?? field
        if case .integer(_, let isSigned) = element.type {
            for index in self.columns.indices { self.columns[index]?.values.makeIntegers(isSigned: isSigned) }
        }
    }

    private static var rowWriter: RecordWriter {
        RecordWriter(
            as: .lines, form: .flat, fields: FieldSelection(excluded: ["time"]), keepingInfinities: true)
    }

    /// Calls `body` with the rows of the runs, part by part: of each, whether its rows have values.
    private func forEachPart(
        of runs: [ArrowRowRun],
        _ body: (_ column: FieldColumn?, _ run: ArrowRowRun, _ hasValues: Bool) -> Void
    ) {
        for run in runs {
            guard let column = columns[run.batch], case .each(let states) = column.presence else {
                body(columns[run.batch], run, columns[run.batch] != nil)
                continue
            }
            var start = run.rows.lowerBound
            while start < run.rows.upperBound {
                let hasValue = states[start] == .value
                var end = start + 1
                while end < run.rows.upperBound && (states[end] == .value) == hasValue { end += 1 }
                body(column, ArrowRowRun(batch: run.batch, rows: start..<end), hasValue)
                start = end
            }
        }
    }

    /// Marks the rows that have the field, null or not.
    func markRows(of runs: [ArrowRowRun], in marks: inout [Bool]) {
        var row = 0
        for run in runs {
            if let column = columns[run.batch] {
                for index in run.rows where column.presence.state(index) != .absent {
                    marks[row + index - run.rows.lowerBound] = true
                }
            }
            row += run.rows.count
        }
    }

    /// Writes the array of the runs' rows.
    func write(_ runs: [ArrowRowRun], to body: inout ArrowBody) throws(ArrowError) {
        let rowCount = runs.reduce(0) { $0 + $1.rows.count }
        switch field.type {
        case .null: body.writeNulls(count: rowCount)
        case .list: try writeLists(runs, rowCount, &body)
        case .text where field.isJSON: try writeJSON(runs, rowCount, &body)
        default:
            var pieces = ArrowPieces()
            forEachPart(of: runs) { column, run, hasValues in
                if hasValues, case .scalar(let leaf)? = column?.values {
                    pieces.append(.rows(run.rows, of: [leaf]))
                } else {
                    pieces.append(.nulls(run.rows.count))
                }
            }
            try pieces.write(as: field, to: &body)
        }
    }

    private func writeLists(
        _ runs: [ArrowRowRun], _ rowCount: Int, _ body: inout ArrowBody
    ) throws(ArrowError) {
        var validity: [Bool] = []
        validity.reserveCapacity(rowCount)
        var ends: [Int] = [0]
        ends.reserveCapacity(rowCount + 1)
        var pieces = ArrowPieces()
        forEachPart(of: runs) { column, run, hasValues in
            validity.append(contentsOf: repeatElement(hasValues, count: run.rows.count))
            switch column?.values {
            case .fixedList(let leaves)? where hasValues:
                for _ in run.rows { ends.append(ends[ends.count - 1] + leaves.count) }
                pieces.append(.rows(run.rows, of: leaves))
            case .list(_, let leaf)? where hasValues:
                let starts = starts[run.batch]
                for row in run.rows { ends.append(ends[ends.count - 1] + starts[row + 1] - starts[row]) }
                pieces.append(.rows(starts[run.rows.lowerBound]..<starts[run.rows.upperBound], of: [leaf]))
            default:
                ends.append(contentsOf: repeatElement(ends[ends.count - 1], count: run.rows.count))
            }
        }
        var offsets: [Int32] = []
        offsets.reserveCapacity(ends.count)
        for end in ends { offsets.append(try ArrowWriter.offset(end, field)) }
        body.beginArray(count: rowCount, validity: validity)
        body.write(offsets: offsets)
        try pieces.write(as: field.children[0], to: &body)
    }

    private func writeJSON(
        _ runs: [ArrowRowRun], _ rowCount: Int, _ body: inout ArrowBody
    ) throws(ArrowError) {
        var writer = Self.rowWriter
        var ends: [Int] = []
        var validity: [Bool] = []
        for run in runs {
            for row in run.rows {
                let hasValue = columns[run.batch]?.presence.state(row) == .value
                if hasValue, let records = texts[run.batch] { writer.write(row: row, of: records) }
                ends.append(writer.byteCount)
                validity.append(hasValue)
            }
        }
        body.nanCount += writer.nanCount
        let lines = writer.finish()
        // Each line is {"v":value} and a line feed.
        let (before, after) = (Self.jsonKey.utf8.count + 4, 2)
        var offsets: [Int32] = [0]
        offsets.reserveCapacity(rowCount + 1)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(lines.count)
        var start = 0
        for end in ends {
            if end > start { bytes.append(contentsOf: lines[start + before..<end - after]) }
            offsets.append(try ArrowWriter.offset(bytes.count, field))
            start = end
        }
        body.beginArray(count: rowCount, validity: validity)
        body.write(offsets: offsets)
        body.write(bytes)
    }
}

extension FieldValues {
    /// The same with doubles as integers, unsigned ones by their bits: those that are written can be read so.
    fileprivate mutating func makeIntegers(isSigned: Bool) {
        func integers(_ leaf: Leaf) -> Leaf {
            guard case .float64 = leaf.elements else { return leaf }
            return Leaf(.int64(leaf.integers(isSigned: isSigned)), nulls: leaf.nulls)
        }
        switch self {
        case .scalar(let leaf): self = .scalar(integers(leaf))
        case .fixedList(let leaves): self = .fixedList(leaves.map(integers))
        case .list(let lengths, let leaf): self = .list(lengths: lengths, integers(leaf))
        case .none, .json: break
        }
    }
}
