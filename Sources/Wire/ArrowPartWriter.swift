// Rows to record batches of Arrow, each no larger than is taken back.
//
// Batches are told by an estimate (ArrowRowSizes.swift). What it leaves out (the digits of numbers that become text)
// is seen once a batch is written: then it is written again as two.
//
// Invariants:
//  * Rows come in the order given, whatever the batches.
//  * A batch of several rows has at most half as many bytes again as it may have, and no more columns in blocks of
//    the log than are kept of one request.
//  * No two of them are held at once where they are given away.

import Bytes
import Records

/// Writes rows part by part, as a log that is larger than memory is written: its schema is gathered first.
package struct ArrowPartWriter {
    private let columns: ArrowColumns
    private let batchByteCountMax: Int
    private let batchColumnCountMax: Int
    /// What a reader makes of the elements of one row in all columns, at least.
    private let rowByteCount: Int
    private var output: ArrowOutput
    /// Fields of the schema, nested ones counted: `RecordLimits.fieldCountMax` of them are read again.
    package let fieldCount: Int
    /// The NaNs that were written as null, in columns of JSON text.
    package private(set) var nanCount = 0

    /// Fields times batches of records that one record batch is put together of: what is known of each is in memory.
    private static let sourceCountMax = 1 << 20

    /// A body of batches that `schema` was told of, in the form that `writer` would give them.
    ///
    /// - Parameter batchColumnCountMax: columns that the log keeps the rows of one record batch in.
    package init(
        _ writer: ArrowWriter, _ schema: ArrowTableSchema,
        batchByteCountMax: Int = ArrowWriter.batchByteCountMax,
        batchColumnCountMax: Int = RecordLimits.columnCountMax
    ) {
        columns = ArrowColumns(schema, writer.form, writer.selection)
        self.batchByteCountMax = batchByteCountMax
        self.batchColumnCountMax = batchColumnCountMax
        fieldCount = schema.isEmpty ? 0 : columns.fields.reduce(0) { $0 + $1.fieldCount }
        rowByteCount = columns.fields.reduce(0) { $0 + $1.readBitCount } / 8
        output = ArrowOutput(writer.format)
        output.write(
            schema: schema.isEmpty
                ? ArrowSchemaWriter.schema([], metadata: [])
                : ArrowSchemaWriter.schema(columns.fields, metadata: writer.metadata))
    }

    /// More rows, in the order given, which are given away record batch by record batch: no two of them are held
    /// at once.
    package mutating func write(
        _ batches: [RecordBatch], rows: [(batch: Int, row: Int)], to put: ([UInt8]) throws -> Void
    ) throws {
        var rest = parts(of: ArrowRowRun.runs(of: rows, in: batches), batches)
        while !rest.isEmpty {
            try writeNext(of: &rest, batches)
            try put(take())
        }
    }

    /// More rows, all held until they are taken.
    mutating func write(_ batches: [RecordBatch], runs: [ArrowRowRun]) throws(ArrowError) {
        var rest = parts(of: runs, batches)
        while !rest.isEmpty { try writeNext(of: &rest, batches) }
    }

    /// What was written since the last time.
    package mutating func take() -> [UInt8] { output.take() }

    /// The rest; the writer is used up.
    package consuming func finish() -> [UInt8] { output.finish() }
}

extension ArrowPartWriter {
    /// The rows of each record batch, the first batch last.
    private func parts(of runs: [ArrowRowRun], _ batches: [RecordBatch]) -> [[ArrowRowRun]] {
        let contents = batches.map { ArrowContents($0, elementBitCountMin: 8) }
        let parts = ArrowRowRun.parts(
            of: runs, rowCountMax: ArrowWriter.batchRowCount, byteCountMax: batchByteCountMax
        ) { batch, row in rowByteCount + contents[batch].byteCount(ofRow: row) }
        return parts.flatMap { cutByColumns($0, batches) }.reversed()
    }

    /// A part cut before each batch of records that has, with those before it, more columns than are kept together.
    /// Alone each has few enough: the log holds it so.
    private func cutByColumns(_ part: [ArrowRowRun], _ batches: [RecordBatch]) -> [[ArrowRowRun]] {
        let batchCountMax = max(1, Self.sourceCountMax / max(1, fieldCount))
        // A field that none of the rows has is read as a column of nulls.
        let columnCountMax = batchColumnCountMax - fieldCount
        let numbers = Set(part.map(\.batch))
        guard
            numbers.count > batchCountMax
                || numbers.reduce(0, { $0 + batches[$1].columnCount }) > columnCountMax
        else { return [part] }
        var parts: [[ArrowRowRun]] = []
        /// The batches of the last part, and how many columns each field takes there.
        var known: Set<Int> = []
        var widths: [ExactText: Int] = [:]
        var columnCount = 0
        for run in part {
            if known.contains(run.batch) {
                parts[parts.count - 1].append(run)
                continue
            }
            let fields = batches[run.batch].fields.map { (name: ExactText($0.name), width: $0.columnCount) }
            let moreCount = fields.reduce(0) { $0 + max(0, $1.width - (widths[$1.name] ?? 0)) }
            if parts.isEmpty || known.count == batchCountMax || columnCount + moreCount > columnCountMax {
                parts.append([])
                (known, widths, columnCount) = ([], [:], 0)
            }
            parts[parts.count - 1].append(run)
            known.insert(run.batch)
            for (name, width) in fields {
                let before = widths[name] ?? 0
                widths[name] = max(before, width)
                columnCount += max(0, width - before)
            }
        }
        return parts
    }

    /// Writes the last part, or as much of it as is no larger than it was told to be, and takes that away.
    private mutating func writeNext(
        of rest: inout [[ArrowRowRun]], _ batches: [RecordBatch]
    ) throws(ArrowError) {
        while let part = rest.popLast() {
            let (shown, runs) = ArrowRowRun.shown(part, of: batches)
            var body = ArrowBody()
            var isTooLarge = false
            do throws(ArrowError) { try ArrowTable(columns, shown).write(runs, to: &body) } catch {
                guard case .tooLarge = error, ArrowRowRun.halves(of: part) != nil else { throw error }
                isTooLarge = true
            }
            if isTooLarge || body.bytes.count - body.bytes.count / 3 > batchByteCountMax,
                let (first, second) = ArrowRowRun.halves(of: part)
            {
                rest += [second, first]
                continue
            }
            nanCount += body.nanCount
            output.write(body, rowCount: part.reduce(0) { $0 + $1.rows.count })
            return
        }
    }
}

extension ArrowRowRun {
    /// The runs, and of the batches those that they are of.
    static func shown(
        _ runs: [ArrowRowRun], of batches: [RecordBatch]
    ) -> (batches: [RecordBatch], runs: [ArrowRowRun]) {
        var numbers: [Int: Int] = [:]
        var shown: [RecordBatch] = []
        let renumbered = runs.map { run in
            let number = numbers[run.batch] ?? shown.count
            if number == shown.count {
                numbers[run.batch] = number
                shown.append(batches[run.batch])
            }
            return ArrowRowRun(batch: number, rows: run.rows)
        }
        return (shown, renumbered)
    }

    /// The first half of the rows and the second; nil for a single row.
    static func halves(of runs: [ArrowRowRun]) -> (first: [ArrowRowRun], second: [ArrowRowRun])? {
        var wanted = runs.reduce(0) { $0 + $1.rows.count } / 2
        guard wanted > 0 else { return nil }
        var halves: (first: [ArrowRowRun], second: [ArrowRowRun]) = ([], [])
        for run in runs {
            let cut = run.rows.lowerBound + min(wanted, run.rows.count)
            wanted -= cut - run.rows.lowerBound
            if cut > run.rows.lowerBound {
                halves.first.append(ArrowRowRun(batch: run.batch, rows: run.rows.lowerBound..<cut))
            }
            if cut < run.rows.upperBound {
                halves.second.append(ArrowRowRun(batch: run.batch, rows: cut..<run.rows.upperBound))
            }
        }
        return halves
    }
}
