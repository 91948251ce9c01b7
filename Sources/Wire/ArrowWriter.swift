// Records to Arrow IPC, as a file or a stream: what the log answers where Arrow is accepted.
//
// The time comes first, as int64 milliseconds; then the fields, in the order in which the batches
// name them, flat (`in.x`) or as members of struct columns (`in`). ArrowColumnType says which type a
// field has. Columns of JSON text are strings with `assaylog.content: json` in the field's metadata.
//
// Invariants:
//  * ArrowReader gives back every value of every row written; what Arrow cannot say is lost alone: a
//    number's other texts, and absent against null outside a group that the row lacks altogether; and NaN in
//    a column of JSON text, which is null there and counted.
//  * A column has one type for the whole file; a row without the field is null there.
//  * No rows make a schema without fields and without metadata, as clients of the log expect.

import Records

/// Writes rows of record batches as one body of Arrow IPC.
package struct ArrowWriter: Sendable {
    package enum Format: Hashable, Sendable {
        /// Begins and ends with "ARROW1"; `application/vnd.apache.arrow.file`.
        case file
        /// `application/vnd.apache.arrow.stream`.
        case stream
    }

    /// Rows of one record batch: enough that its metadata costs nothing, few enough that offsets of
    /// 32 bits hold the texts of all but outlandish rows.
    static let batchRowCount = 1 << 16
    /// Bytes of one record batch, but for a row that has more: half of what a server takes in a request, so that
    /// an export goes back batch by batch, and memory is that of a few.
    package static let batchByteCountMax = 32 << 20

    fileprivate let format: Format
    fileprivate let form: RecordForm
    fileprivate let selection: FieldSelection
    fileprivate let metadata: [(key: String, value: String)]

    /// `status` is JSON text for the schema's metadata: whether there is more, and where it begins.
    package init(
        as format: Format = .file, form: RecordForm = .flat, fields selection: FieldSelection = .all,
        status: String? = nil
    ) {
        self.format = format
        self.form = form
        self.selection = selection
        metadata = status.map { [("status", $0)] } ?? []
    }

    /// All rows of the batches, in order.
    package func bytes(of batches: [RecordBatch]) throws(ArrowError) -> [UInt8] {
        try bytes(
            of: batches, runs: batches.enumerated().map { ArrowRowRun(batch: $0, rows: 0..<$1.rowCount) })
    }

    /// The given rows, in the order given; the schema is that of the batches which they come from.
    package func bytes(
        of batches: [RecordBatch], rows: [(batch: Int, row: Int)]
    ) throws(ArrowError) -> [UInt8] {
        try bytes(of: batches, runs: ArrowRowRun.runs(of: rows, in: batches))
    }

    private func bytes(of batches: [RecordBatch], runs: [ArrowRowRun]) throws(ArrowError) -> [UInt8] {
        let runs = runs.filter { !$0.rows.isEmpty }
        // Batches that no row is of have no say in the schema.
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
        var schema = ArrowTableSchema()
        for batch in shown { schema.add(batch) }
        var parts = ArrowPartWriter(self, schema)
        try parts.write(shown, runs: renumbered)
        return parts.finish()
    }

    /// A place in a buffer as the 32 bits that it has.
    static func offset(_ place: Int, _ field: ArrowField) throws(ArrowError) -> Int32 {
        guard let offset = Int32(exactly: place) else {
            throw .tooLarge(
                "\(batchRowCount) rows of field \"\(field.path)\" are over 2 GiB, more than Arrow holds in a "
                    + "batch; ask for fewer rows at once")
        }
        return offset
    }
}

/// Writes rows part by part, as a log that is larger than memory is written: its schema is gathered first.
package struct ArrowPartWriter {
    private let columns: ArrowColumns
    private let batchByteCountMax: Int
    /// What the elements of one row take in all columns.
    private let rowByteCount: Int
    private var output: ArrowOutput
    /// Fields of the schema, nested ones counted: `RecordLimits.fieldCountMax` of them are read again.
    package let fieldCount: Int
    /// The NaNs that were written as null, in columns of JSON text.
    package private(set) var nanCount = 0

    /// A body of batches that `schema` was told of, in the form that `writer` would give them.
    package init(
        _ writer: ArrowWriter, _ schema: ArrowTableSchema,
        batchByteCountMax: Int = ArrowWriter.batchByteCountMax
    ) {
        columns = ArrowColumns(schema, writer.form, writer.selection)
        self.batchByteCountMax = batchByteCountMax
        fieldCount = schema.isEmpty ? 0 : columns.fields.reduce(0) { $0 + $1.fieldCount }
        rowByteCount = columns.fields.reduce(0) { $0 + $1.elementBitCount } / 8
        output = ArrowOutput(writer.format)
        output.write(
            schema: schema.isEmpty
                ? ArrowSchemaWriter.schema([], metadata: [])
                : ArrowSchemaWriter.schema(columns.fields, metadata: writer.metadata))
    }

    /// More rows, in the order given.
    package mutating func write(
        _ batches: [RecordBatch], rows: [(batch: Int, row: Int)]
    ) throws(ArrowError) {
        try write(batches, runs: ArrowRowRun.runs(of: rows, in: batches))
    }

    /// The same, given away record batch by record batch: no two of them are held at once.
    package mutating func write(
        _ batches: [RecordBatch], rows: [(batch: Int, row: Int)], to put: ([UInt8]) throws -> Void
    ) throws {
        let runs = ArrowRowRun.runs(of: rows, in: batches)
        if runs.isEmpty { return }
        let table = ArrowTable(columns, batches)
        for part in parts(of: runs, batches) {
            try write(part, of: table)
            try put(take())
        }
    }

    fileprivate mutating func write(_ batches: [RecordBatch], runs: [ArrowRowRun]) throws(ArrowError) {
        if runs.isEmpty { return }
        let table = ArrowTable(columns, batches)
        for part in parts(of: runs, batches) { try write(part, of: table) }
    }

    private func parts(of runs: [ArrowRowRun], _ batches: [RecordBatch]) -> [[ArrowRowRun]] {
        let contents = batches.map { ArrowContents($0) }
        return ArrowRowRun.parts(
            of: runs, rowCountMax: ArrowWriter.batchRowCount, byteCountMax: batchByteCountMax
        ) { batch, row in rowByteCount + contents[batch].byteCount(ofRow: row) }
    }

    private mutating func write(_ part: [ArrowRowRun], of table: ArrowTable) throws(ArrowError) {
        var body = ArrowBody()
        try table.write(part, to: &body)
        nanCount += body.nanCount
        output.write(body, rowCount: part.reduce(0) { $0 + $1.rows.count })
    }

    /// What was written since the last time.
    package mutating func take() -> [UInt8] { output.take() }

    /// The rest; the writer is used up.
    package consuming func finish() -> [UInt8] { output.finish() }
}
