// A record block's columns, checked before they are believed.
//
// Invariants:
//  * No column is decoded before its checksum matched.
//  * A question about one leaf reads that leaf's bytes and no other column's.

import Bytes
import Records

/// Reads `byteCount` bytes at `offset` of a block, as the places of its columns count.
package typealias BlockByteSource = (
    _ offset: Int, _ byteCount: Int
) throws(SegmentError) -> [UInt8]

/// Decodes columns; one object is used by one thread at a time.
package final class BlockReader {
    let decompressor = ZstdDecompressor()

    package init() {}

    /// The whole block as a batch. Throws for the first column that is damaged.
    package func batch(
        _ head: BlockHead, at place: SegmentPlace, from source: BlockByteSource
    ) throws(SegmentError) -> RecordBatch {
        let times = try times(head, at: place, from: source)
        var fields: [FieldColumn] = []
        fields.reserveCapacity(head.fields.count)
        for entry in head.fields {
            fields.append(
                FieldColumn(
                    name: entry.name,
                    presence: try presence(entry, head, at: place, from: source),
                    values: try values(entry, head, at: place, from: source)))
        }
        return RecordBatch(times: times, fields: fields)
    }

    /// The times of all rows, milliseconds since 1970, in the order of the rows.
    package func times(
        _ head: BlockHead, at place: SegmentPlace, from source: BlockByteSource
    ) throws(SegmentError) -> [Int64] {
        try column(head.times, at: place, from: source) { (bytes) throws(BytesError) in
            var cursor = ByteCursor(bytes)
            return try IntegerCoding.decode(&cursor, count: head.rowCount)
        }
    }

    /// One field of the block.
    package func field(
        _ entry: FieldEntry, _ head: BlockHead, at place: SegmentPlace, from source: BlockByteSource
    ) throws(SegmentError) -> FieldColumn {
        FieldColumn(
            name: entry.name,
            presence: try presence(entry, head, at: place, from: source),
            values: try values(entry, head, at: place, from: source))
    }

    /// One leaf's numbers widened to double, one a row; NaN where a row or element has none.
    /// - Returns: false where the leaf holds no numbers.
    package func numbers(
        _ leaf: LeafPlace, presence: ColumnPlace?, _ head: BlockHead, at place: SegmentPlace,
        from source: BlockByteSource, into output: UnsafeMutableBufferPointer<Double>
    ) throws(SegmentError) -> Bool {
        precondition(output.count == head.rowCount, "One number a row.")
        let areNumbers = try column(leaf.place, at: place, from: source) { (bytes) throws(BytesError) in
            try LeafCoding.decodeNumbers(bytes, type: leaf.type, with: decompressor, into: output)
        }
        guard areNumbers, let presence else { return areNumbers }
        let states = try rowStates(presence, head, at: place, from: source)
        for (row, state) in states.enumerated() where state != .value { output[row] = .nan }
        return true
    }

    // MARK: Into the caller's memory

    /// The times of a block, from the bytes of their column.
    package func readTimes(
        _ column: ColumnPlace, _ bytes: UnsafeRawBufferPointer, at place: SegmentPlace,
        into output: UnsafeMutableBufferPointer<Int64>
    ) throws(SegmentError) {
        try read(column, bytes, at: place) { (cursor) throws(BytesError) in
            try IntegerCoding.decode(&cursor, into: output)
        }
    }

    /// One leaf's numbers widened to double, from the bytes of its column; NaN for null elements.
    /// - Returns: false where the leaf holds no numbers.
    package func readNumbers(
        _ leaf: LeafPlace, _ bytes: UnsafeRawBufferPointer, at place: SegmentPlace,
        into output: UnsafeMutableBufferPointer<Double>
    ) throws(SegmentError) -> Bool {
        try read(leaf.place, bytes, at: place) { (cursor) throws(BytesError) in
            try LeafCoding.decodeNumbers(cursor.bytes, type: leaf.type, with: decompressor, into: output)
        }
    }

    /// Makes NaN of the numbers of rows without a value, by the bytes of the column that tells.
    package func readPresence(
        _ column: ColumnPlace, _ bytes: UnsafeRawBufferPointer, at place: SegmentPlace,
        into output: UnsafeMutableBufferPointer<Double>
    ) throws(SegmentError) {
        try read(column, bytes, at: place) { (cursor) throws(BytesError) in
            let codes = try IntegerCoding.decode(&cursor, count: output.count)
            for (row, code) in codes.enumerated() {
                if try BlockReader.rowState(code) != .value { output[row] = .nan }
            }
        }
    }

    /// Checks a column's bytes, and only then lets `body` decode them.
    private func read<Result>(
        _ column: ColumnPlace, _ bytes: UnsafeRawBufferPointer, at place: SegmentPlace,
        _ body: (inout ByteCursor) throws(BytesError) -> Result
    ) throws(SegmentError) -> Result {
        precondition(bytes.count == column.byteCount, "A column is checked as a whole.")
        let columnPlace = SegmentPlace(file: place.file, byteOffset: place.byteOffset + column.offset)
        let found = Checksum.crc32c(bytes)
        guard found == column.checksum else {
            throw .checksumMismatch(columnPlace, expected: column.checksum, found: found)
        }
        do throws(BytesError) {
            var cursor = ByteCursor(bytes)
            return try body(&cursor)
        } catch {
            throw SegmentError(error, in: columnPlace)
        }
    }

    private static func rowState(_ code: Int64) throws(BytesError) -> RowState {
        guard let state = UInt8(exactly: code).flatMap({ RowState(rawValue: $0) }) else {
            throw .unknownCode(offset: 0, kind: "a row's state", found: UInt64(bitPattern: code))
        }
        return state
    }

    private func presence(
        _ entry: FieldEntry, _ head: BlockHead, at place: SegmentPlace, from source: BlockByteSource
    ) throws(SegmentError) -> Presence {
        guard let column = entry.presence else { return .everyRow }
        return .each(try rowStates(column, head, at: place, from: source))
    }

    private func rowStates(
        _ presence: ColumnPlace, _ head: BlockHead, at place: SegmentPlace, from source: BlockByteSource
    ) throws(SegmentError) -> [RowState] {
        try column(presence, at: place, from: source) { (bytes) throws(BytesError) in
            var cursor = ByteCursor(bytes)
            var states: [RowState] = []
            let codes = try IntegerCoding.decode(&cursor, count: head.rowCount)
            for code in codes { states.append(try BlockReader.rowState(code)) }
            return states
        }
    }

    private func values(
        _ entry: FieldEntry, _ head: BlockHead, at place: SegmentPlace, from source: BlockByteSource
    ) throws(SegmentError) -> FieldValues {
        switch entry.layout {
        case .none: return .none
        case .scalar(let leaf):
            return .scalar(try self.leaf(leaf, count: head.rowCount, at: place, from: source))
        case .fixedList(let places):
            var leaves: [Leaf] = []
            leaves.reserveCapacity(places.count)
            for leaf in places {
                leaves.append(try self.leaf(leaf, count: head.rowCount, at: place, from: source))
            }
            return .fixedList(leaves)
        case .list(let lengthPlace, let elementCount, let leafPlace):
            let lengths = try column(lengthPlace, at: place, from: source) {
                (bytes) throws(BytesError) -> [Int32] in
                var cursor = ByteCursor(bytes)
                var lengths: [Int32] = []
                var sum: Int64 = 0
                let decoded = try IntegerCoding.decode(&cursor, count: head.rowCount)
                for length in decoded {
                    guard length >= 0, length <= Int64(elementCount) - sum else {
                        throw .malformed(
                            offset: 0, reason: "a list of \(length) elements, of \(elementCount) in all")
                    }
                    sum += length
                    lengths.append(Int32(length))
                }
                guard sum == Int64(elementCount) else {
                    throw .malformed(
                        offset: 0, reason: "lists of \(sum) elements in all, \(elementCount) were written")
                }
                return lengths
            }
            // An element takes at least a bit, unless it equals all others; the bound is the leaf's.
            let leaf = try self.leaf(leafPlace, count: elementCount, at: place, from: source)
            return .list(lengths: lengths, leaf)
        case .json(let textPlace):
            return .json(
                try column(textPlace, at: place, from: source) { (bytes) throws(BytesError) in
                    var cursor = ByteCursor(bytes)
                    return try TextCoding.decode(&cursor, count: head.rowCount, with: decompressor)
                })
        }
    }

    private func leaf(
        _ leaf: LeafPlace, count: Int, at place: SegmentPlace, from source: BlockByteSource
    ) throws(SegmentError) -> Leaf {
        try column(leaf.place, at: place, from: source) { (bytes) throws(BytesError) in
            try LeafCoding.decode(bytes, type: leaf.type, count: count, with: decompressor)
        }
    }

    /// Reads a column, checks it, and only then lets `body` decode it.
    func column<Result>(
        _ column: ColumnPlace, at place: SegmentPlace, from source: BlockByteSource,
        _ body: (UnsafeRawBufferPointer) throws(BytesError) -> Result
    ) throws(SegmentError) -> Result {
        let bytes = try source(column.offset, column.byteCount)
        let columnPlace = SegmentPlace(
            file: place.file, byteOffset: place.byteOffset + column.offset)
        let found = Checksum.crc32c(bytes)
        guard found == column.checksum else {
            throw .checksumMismatch(columnPlace, expected: column.checksum, found: found)
        }
        do throws(BytesError) {
            return try bytes.withUnsafeBufferPointer { (buffer) throws(BytesError) -> Result in
                try body(UnsafeRawBufferPointer(buffer))
            }
        } catch {
            throw SegmentError(error, in: columnPlace)
        }
    }
}
