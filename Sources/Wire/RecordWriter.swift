// Columns to rows of JSON.
//
// Invariants:
//  * What RecordParser took comes back equal: number texts, null and absent, key order within the
//    columns' order. The time is always first.
//  * A row is written alike whichever rows stand beside it, as long as its own fields stand in one order.
//  * Every text written is JSON. A NaN is null. So is an infinity without a text of its own, unless
//    the writer is to keep them: then it is `1e999` or `-1e999`, past every double, which RecordParser and
//    other readers of JSON take as infinite, and the NaNs are counted.
//
// Rows of several batches may be written in any order, as answers sorted by time need.

import Bytes
import JSON
import Records

/// Writes rows of record batches, one after another.
package struct RecordWriter: Sendable {
    private let text: RecordText
    private let form: RecordForm
    private let selection: FieldSelection
    private let keepsInfinities: Bool
    private var output: JSONWriter
    package private(set) var rowCount = 0
    /// The NaNs that were written as null; counted where infinities are kept, and else 0.
    package private(set) var nanCount = 0

    /// - Parameter keepsInfinities: whether infinities are `1e999` and `-1e999` instead of null, and NaNs
    ///   counted.
    package init(
        as text: RecordText = .array, form: RecordForm = .flat,
        fields selection: FieldSelection = .all, keepingInfinities keepsInfinities: Bool = false
    ) {
        self.keepsInfinities = keepsInfinities
        self.text = text
        self.form = form
        self.selection = selection
        output = JSONWriter()
        if text == .array { output.write(byte: UInt8(ascii: "[")) }
    }

    /// The bytes written so far.
    package var byteCount: Int { output.bytes.count }

    /// What `write(row:of:)` wants: made once for a batch, used for many rows.
    package func prepare(_ batch: RecordBatch) -> PreparedRecords {
        PreparedRecords(batch, form, selection, keepingInfinities: keepsInfinities)
    }

    /// Writes all rows of a batch.
    package mutating func write(_ batch: RecordBatch) {
        let records = prepare(batch)
        for row in 0..<batch.rowCount { write(row: row, of: records) }
    }

    /// Writes one row. `records` must come from a writer of the same form and fields.
    package mutating func write(row: Int, of records: PreparedRecords) {
        precondition(row < records.rowCount, "Writes only rows that are there.")
        if rowCount > 0 && text == .array { output.write(byte: UInt8(ascii: ",")) }
        rowCount += 1
        output.write(byte: UInt8(ascii: "{"))
        var isFirst = true
        if records.showsTime {
            output.write("\"time\":")
            output.write(records.times[row])
            isFirst = false
        }
        if let columns = records.flatColumns {
            for column in columns { write(column, row, column.flatKey, &isFirst) }
        } else {
            writeMembers(of: records, row, &isFirst)
        }
        output.write(byte: UInt8(ascii: "}"))
        if text == .lines { output.write(byte: 0x0A) }
    }

    private mutating func writeMembers(of records: PreparedRecords, _ row: Int, _ isFirst: inout Bool) {
        if records.isOrderedByRow {
            for member in records.members(of: row) { write(member, of: records, row, &isFirst) }
        } else {
            for member in records.members { write(member, of: records, row, &isFirst) }
        }
    }

    private mutating func write(
        _ member: PreparedRecords.Member, of records: PreparedRecords, _ row: Int, _ isFirst: inout Bool
    ) {
        guard let groupKey = member.groupKey else {
            return write(member.columns[0], row, member.columns[0].flatKey, &isFirst)
        }
        if let namesake = member.namesake,
            records.members[namesake].columns[0].presence.state(row) != .absent
        {
            for column in member.columns { write(column, row, column.flatKey, &isFirst) }
            return
        }
        guard member.columns.contains(where: { $0.presence.state(row) != .absent }) else { return }
        if !isFirst { output.write(byte: UInt8(ascii: ",")) }
        isFirst = false
        output.bytes.append(contentsOf: groupKey)
        output.write(byte: UInt8(ascii: "{"))
        var isFirstOfGroup = true
        for column in member.columns { write(column, row, column.nestedKey, &isFirstOfGroup) }
        output.write(byte: UInt8(ascii: "}"))
    }

    /// The whole text; the writer is used up.
    package consuming func finish() -> [UInt8] {
        if text == .array { output.write(byte: UInt8(ascii: "]")) }
        return output.bytes
    }
}

extension RecordWriter {
    private mutating func write(
        _ column: PreparedRecords.Column, _ row: Int, _ key: [UInt8], _ isFirst: inout Bool
    ) {
        let state = column.everyRowHasValue ? .value : column.presence.state(row)
        guard state != .absent else { return }
        if !isFirst { output.write(byte: UInt8(ascii: ",")) }
        isFirst = false
        output.bytes.append(contentsOf: key)
        guard state == .value else { return output.write("null") }
        let numbers = row * column.length..<(row + 1) * column.length
        switch column.kind {
        case .doubles: output.write(list: column.doubles[numbers], bare: column.wholeNumbersAreBare)
        case .singles: output.write(list: column.singles[numbers], bare: column.wholeNumbersAreBare)
        case .integers: output.write(list: column.integers[numbers])
        case .texts: write(column.texts, row)
        case .lists, .other: writeUnprepared(column, row)
        }
    }

    private mutating func writeUnprepared(_ column: PreparedRecords.Column, _ row: Int) {
        switch column.values {
        case .list(let lengths, let leaf):
            output.write(byte: UInt8(ascii: "["))
            let start = Int(column.starts[row])
            for position in start..<start + Int(lengths[row]) {
                if position > start { output.write(byte: UInt8(ascii: ",")) }
                write(leaf, position)
            }
            output.write(byte: UInt8(ascii: "]"))
        case .scalar(let leaf): write(leaf, row)
        case .fixedList(let leaves):
            output.write(byte: UInt8(ascii: "["))
            for index in leaves.indices {
                if index > 0 { output.write(byte: UInt8(ascii: ",")) }
                write(leaves[index], row)
            }
            output.write(byte: UInt8(ascii: "]"))
        case .json(let texts):
            output.bytes.append(contentsOf: texts.bytes[texts.range(row)])
        case .none: preconditionFailure("A row with a value has a column that holds it.")
        }
    }

    private mutating func write(_ texts: TextColumn, _ row: Int) {
        texts.bytes.withUnsafeBytes { bytes in
            output.write(stringUTF8: UnsafeRawBufferPointer(rebasing: bytes[texts.range(row)]))
        }
    }

    private mutating func write(_ leaf: Leaf, _ position: Int) {
        if !leaf.nulls.isEmpty && leaf.isNull(position) { return output.write("null") }
        if !leaf.texts.isEmpty, let text = leaf.text(at: position) {
            return output.bytes.append(contentsOf: text.utf8)
        }
        switch leaf.elements {
        case .float64(let values):
            if keepsInfinities && !values[position].isFinite { return write(special: values[position]) }
            output.write(values[position], bare: leaf.wholeNumbersAreBare)
        case .float32(let values):
            if keepsInfinities && !values[position].isFinite {
                return write(special: Double(values[position]))
            }
            output.write(values[position], bare: leaf.wholeNumbersAreBare)
        case .int64(let values): output.write(values[position])
        case .bool(let values): output.write(values[position])
        case .text(let texts): write(texts, position)
        }
    }

    /// Writes a number that is not finite.
    private mutating func write(special value: Double) {
        if value.isNaN {
            nanCount += 1
            output.write("null")
        } else {
            output.write(infinity: value)
        }
    }
}

extension JSONWriter {
    /// Writes an infinity as a number of its sign past every double.
    mutating func write(infinity value: Double) { write(value < 0 ? "-1e999" : "1e999") }
}

extension Leaf {
    /// Whether the element at `position` is null.
    func isNull(_ position: Int) -> Bool {
        let place = nulls.partitionPoint { $0 >= position }
        return place < nulls.count && nulls[place] == position
    }

    /// The text kept for the element at `position`, if any.
    func text(at position: Int) -> String? {
        let place = texts.partitionPoint { $0.position >= position }
        return place < texts.count && texts[place].position == position ? texts[place].text : nil
    }
}
