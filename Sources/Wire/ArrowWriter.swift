// Records to Arrow IPC, as a file or a stream: what the log answers where Arrow is accepted.
//
// The time comes first, as int64 milliseconds; then the fields, in the order in which the batches
// name them, flat (`in.x`) or as members of struct columns (`in`). ArrowColumnType says which type a
// field has. Columns of JSON text are strings with `assaylog.content: json` in the field's metadata.
//
// Invariants:
//  * ArrowReader gives back every value of every row written; what Arrow cannot say is lost alone: a
//    number's other texts, and absent against null outside a group that the row lacks altogether.
//  * A column has one type for the whole file; a row without the field is null there.
//  * No rows make a schema without fields and without metadata, as clients of the log expect.

import Bytes
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

    private let format: Format
    private let form: RecordForm
    private let selection: FieldSelection
    private let metadata: [(key: String, value: String)]

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
        var runs: [ArrowRowRun] = []
        for (batch, row) in rows {
            precondition(row >= 0 && row < batches[batch].rowCount, "Writes only rows that are there.")
            if let last = runs.last, last.batch == batch, last.rows.upperBound == row {
                runs[runs.count - 1].rows = last.rows.lowerBound..<row + 1
            } else {
                runs.append(ArrowRowRun(batch: batch, rows: row..<row + 1))
            }
        }
        return try bytes(of: batches, runs: runs)
    }

    private func bytes(of batches: [RecordBatch], runs: [ArrowRowRun]) throws(ArrowError) -> [UInt8] {
        let runs = runs.filter { !$0.rows.isEmpty }
        var output = ArrowOutput(format)
        guard !runs.isEmpty else {
            output.write(schema: ArrowSchemaWriter.schema([], metadata: []))
            return output.finish()
        }
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
        let table = ArrowTable(shown, form, selection)
        output.write(schema: ArrowSchemaWriter.schema(table.fields, metadata: metadata))
        for part in Self.parts(of: renumbered) {
            var body = ArrowBody()
            try table.write(part, to: &body)
            output.write(body, rowCount: part.reduce(0) { $0 + $1.rows.count })
        }
        return output.finish()
    }

    /// The runs cut where a record batch ends.
    private static func parts(of runs: [ArrowRowRun]) -> [[ArrowRowRun]] {
        var parts: [[ArrowRowRun]] = []
        var room = 0
        for run in runs {
            var start = run.rows.lowerBound
            while start < run.rows.upperBound {
                if room == 0 {
                    parts.append([])
                    room = batchRowCount
                }
                let end = min(run.rows.upperBound, start + room)
                parts[parts.count - 1].append(ArrowRowRun(batch: run.batch, rows: start..<end))
                room -= end - start
                start = end
            }
        }
        return parts
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

/// The columns of a file.
private struct ArrowTable {
    /// A field, or the fields of a group under the group's name.
    private struct Member {
        var group: String?
        var columns: [ArrowColumnWriter]
    }

    private let batches: [RecordBatch]
    private let showsTime: Bool
    private var members: [Member] = []

    init(_ batches: [RecordBatch], _ form: RecordForm, _ selection: FieldSelection) {
        self.batches = batches
        showsTime = selection.shows("time")
        var names: [String] = []
        var known: Set<String> = []
        for batch in batches {
            for field in batch.fields where known.insert(field.name).inserted && selection.shows(field.name) {
                names.append(field.name)
            }
        }
        let all = Set(names)
        var groups: [Substring: Int] = [:]
        for name in names {
            // A field of the group's own name takes the name; the group's fields stay flat beside it.
            guard form == .nested, let (group, rest) = RecordGroup.split(name), !all.contains(String(group))
            else {
                members.append(Member(columns: [ArrowColumnWriter(name, shownAs: name, in: batches)]))
                continue
            }
            let column = ArrowColumnWriter(name, shownAs: String(rest), in: batches)
            if let number = groups[group] {
                members[number].columns.append(column)
            } else {
                groups[group] = members.count
                members.append(Member(group: String(group), columns: [column]))
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

/// The bytes of a file or stream, message by message.
private struct ArrowOutput {
    private let format: ArrowWriter.Format
    private var output = ByteWriter()
    private var schema = ArrowFlatValue.table([:])
    /// Where each record batch lies, as the footer says it.
    private var blocks = ByteWriter()
    private var blockCount = 0

    /// Version 5 of the metadata, since Arrow 1.0.
    private static let version = ArrowFlatValue.short(4)

    init(_ format: ArrowWriter.Format) {
        self.format = format
        guard format == .file else { return }
        writeMagic()
        output.write(UInt16(0))
    }

    private mutating func writeMagic() {
        for byte in 0..<ArrowMessages.magic.utf8CodeUnitCount {
            output.write(ArrowMessages.magic.utf8Start[byte])
        }
    }

    mutating func write(schema: ArrowFlatValue) {
        self.schema = schema
        write(.schema, schema, body: [])
    }

    mutating func write(_ body: ArrowBody, rowCount: Int) {
        let start = output.count
        let metadataByteCount = write(.batch, body.header(rowCount: rowCount), body: body.bytes)
        blocks.write(Int64(start))
        blocks.write(Int32(metadataByteCount))
        blocks.write(Int32(0))
        blocks.write(Int64(body.bytes.count))
        blockCount += 1
    }

    /// Writes a message; gives the bytes before its body.
    @discardableResult
    private mutating func write(_ kind: ArrowMessage.Kind, _ header: ArrowFlatValue, body: [UInt8]) -> Int {
        let metadata = ArrowFlatWriter.bytes(of: [
            0: Self.version, 1: .byte(kind.rawValue), 2: header, 3: .long(Int64(body.count)),
        ])
        output.write(ArrowMessages.continuation)
        output.write(Int32(metadata.count))
        output.write(metadata)
        output.write(body)
        return 8 + metadata.count
    }

    consuming func finish() -> [UInt8] {
        output.write(ArrowMessages.continuation)
        output.write(Int32(0))
        guard format == .file else { return output.bytes }
        let footer = ArrowFlatWriter.bytes(of: [
            0: Self.version, 1: schema, 2: .structs([], count: 0),
            3: .structs(blocks.bytes, count: blockCount),
        ])
        output.write(footer)
        output.write(Int32(footer.count))
        writeMagic()
        return output.bytes
    }
}
