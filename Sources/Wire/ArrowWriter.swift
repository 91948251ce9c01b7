// Records to Arrow IPC, as a file or a stream: what the log answers where Arrow is accepted.
//
// The time comes first, as int64 milliseconds; then the fields, in an order that has the
// rows' in it, flat (`in.x`) or as members of struct columns (`in`). ArrowColumnType says which type a
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

    let format: Format
    let form: RecordForm
    let selection: FieldSelection
    let metadata: [(key: String, value: String)]

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

    /// The given rows, in the order given; the schema is theirs, whatever other rows the batches have.
    package func bytes(
        of batches: [RecordBatch], rows: [(batch: Int, row: Int)]
    ) throws(ArrowError) -> [UInt8] {
        try bytes(of: batches, runs: ArrowRowRun.runs(of: rows, in: batches))
    }

    private func bytes(of batches: [RecordBatch], runs: [ArrowRowRun]) throws(ArrowError) -> [UInt8] {
        let (shown, renumbered) = ArrowRowRun.shown(runs.filter { !$0.rows.isEmpty }, of: batches)
        var schema = ArrowTableSchema()
        schema.add(shown, runs: renumbered)
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
