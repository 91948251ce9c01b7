// Record batches to blocks: every column encoded, checksummed and placed; the addresses are left
// for the writer, who alone knows them.
//
// Invariants:
//  * An encoded block holds exactly the rows it was given, in their order.
//  * Encoding depends on the rows alone: the same rows give the same bytes, also those of a range of a batch and
//    the same in a batch of their own. Numbers are not copied for it.

import Bytes
import Records

/// A batch as the bytes of a block, but for what is known only at commit.
package struct EncodedBlock: Sendable {
    package let topic: String
    package let partition: String
    package let rowCount: Int
    /// Least and greatest time of its rows, milliseconds since 1970.
    package let timeMin: Int64
    package let timeMax: Int64
    /// Whether no row is earlier than the one before it.
    package let timesAscend: Bool
    /// The directory of columns, as it stands in the head.
    let directory: [UInt8]
    let columns: [UInt8]
    /// Directory and columns in one frame, for a small block; nil for a column block, or where a
    /// frame would not be smaller.
    let frame: [UInt8]?
    /// In which of the two forms it was encoded: `.columns` or `.small`.
    package let kind: BlockKind

    /// Without the addresses, which come to it at commit.
    package var byteCount: Int { frame?.count ?? directory.count + columns.count }

    /// The block's payload with its addresses filled in, appended to `writer`.
    /// - Parameter commitRuns: empty where all rows belong to the envelope's commit.
    /// - Returns: the bytes of the head; 0 for a small block, which has none to read by itself.
    package func write(
        firstIndex: UInt64, commitRuns: [CommitRun], into writer: inout ByteWriter
    ) -> Int {
        let prefix = BlockHead.Prefix(
            topic: topic, partition: partition, firstIndex: firstIndex, rowCount: rowCount,
            timeMin: timeMin, timeMax: timeMax, timesAscend: timesAscend, commitRuns: commitRuns)
        let headByteCount: Int
        if kind == .small {
            headByteCount = SmallBlock.write(prefix: prefix, directory, columns, frame: frame, into: &writer)
        } else {
            headByteCount = BlockHead.write(prefix, directory: directory, columns: columns, into: &writer)
        }
        precondition(
            headByteCount <= SegmentFormat.headByteCountMax, "Columns are bounded where they come in.")
        return kind == .small ? 0 : headByteCount
    }
}

/// Encodes batches; one object is used by one thread at a time.
package final class BlockEncoder {
    private let compressor = ZstdCompressor(level: 1)
    /// Of the columns last encoded, a row: the next are mostly like them.
    private var columnByteCountOfRow = 64
    /// More is not taken for granted: the last block's rows may have been few and long.
    private static let reservedByteCountMax = 1 << 20

    package init() {}

    /// A batch's rows of a range as the bytes of a block, but for its addresses.
    ///
    /// - Parameter rows: nil for all.
    /// - Precondition: there is a row, and no more than a block holds; names, fields and lists are
    ///   within `RecordLimits`. What is over the bounds of readers stops the process, as it could never be
    ///   read again.
    package func encode(
        _ batch: RecordBatch, rows: Range<Int>? = nil, topic: String, partition: String,
        kind: BlockKind = .columns
    ) -> EncodedBlock {
        let rows = rows ?? 0..<batch.rowCount
        precondition(
            (1...SegmentFormat.rowCountLimit).contains(rows.count), "A block has rows, within bounds.")
        let fields = batch.fields.compactMap { $0.part(rows) }
        // The reader's bounds: what is over them could be written, and never read again. Columns are bounded at
        // the door and where batches are joined; here are also those of a log from before they were.
        precondition(
            fields.count <= RecordLimits.fieldCountMax
                && ([topic, partition] + fields.map(\.name)).allSatisfy {
                    $0.utf8.count <= RecordLimits.nameByteCountMax
                }, "Names and fields are bounded where they come in.")
        var directory = ByteWriter(reserving: 64 + fields.count * 32)
        var columns = ByteWriter(
            reserving: min(rows.count * columnByteCountOfRow, Self.reservedByteCountMax))

        place(in: &directory, &columns) { IntegerCoding.encode(batch.times, rows, into: &$0) }
        directory.writeVarint(fields.count)
        for field in fields {
            directory.write(text: field.name)
            var code: UInt8
            switch field.values {
            case .none: code = LayoutCode.none.rawValue
            case .scalar: code = LayoutCode.scalar.rawValue
            case .fixedList: code = LayoutCode.fixedList.rawValue
            case .list: code = LayoutCode.list.rawValue
            case .json: code = LayoutCode.json.rawValue
            }
            if case .each = field.presence { code |= LayoutCode.presenceFlag }
            directory.write(code)
            if case .each(let states) = field.presence {
                precondition(states.count == rows.count, "A column covers its batch's rows.")
                place(in: &directory, &columns) {
                    IntegerCoding.encode(states.map { Int64($0.rawValue) }, into: &$0)
                }
            }
            switch field.values {
            case .none: break
            case .scalar(let leaf):
                precondition(leaf.count == batch.rowCount, "A column covers its batch's rows.")
                place(leaf, rows, in: &directory, &columns)
            case .fixedList(let leaves):
                precondition(
                    leaves.count <= RecordLimits.shreddedElementCountMax, "Longer lists are one column.")
                directory.writeVarint(leaves.count)
                for leaf in leaves {
                    precondition(leaf.count == batch.rowCount, "A column covers its batch's rows.")
                    place(leaf, rows, in: &directory, &columns)
                }
            case .list(let lengths, let leaf):
                let elements =
                    rows.count == batch.rowCount
                    ? 0..<leaf.count : FieldValues.elements(of: rows, lengths)
                precondition(
                    elements.count <= RecordLimits.listElementCountMax,
                    "Lists are bounded where they come in.")
                directory.writeVarint(elements.count)
                place(in: &directory, &columns) {
                    IntegerCoding.encode(lengths[rows].map { Int64($0) }, into: &$0)
                }
                place(leaf, elements, in: &directory, &columns)
            case .json(let texts):
                place(in: &directory, &columns) {
                    TextCoding.encode(texts, rows, with: compressor, into: &$0)
                }
            }
        }
        columnByteCountOfRow = columns.count / rows.count * 9 / 8 + 1
        let first = batch.times[rows.lowerBound]
        var (timeMin, timeMax, ascends, previous) = (first, first, true, first)
        for time in batch.times[rows] {
            timeMin = min(timeMin, time)
            timeMax = max(timeMax, time)
            if time < previous { ascends = false }
            previous = time
        }
        var frame: [UInt8]?
        if kind == .small {
            frame = (directory.bytes + columns.bytes).withUnsafeBytes { compressor.compress($0) }
        }
        return EncodedBlock(
            topic: topic, partition: partition, rowCount: rows.count, timeMin: timeMin,
            timeMax: timeMax, timesAscend: ascends, directory: directory.bytes, columns: columns.bytes,
            frame: frame, kind: kind)
    }

    private func place(
        _ leaf: Leaf, _ range: Range<Int>, in directory: inout ByteWriter, _ columns: inout ByteWriter
    ) {
        directory.write(ElementType(leaf.elements).rawValue)
        place(in: &directory, &columns) { LeafCoding.encode(leaf, range, with: compressor, into: &$0) }
    }

    /// Writes one column and notes its length and checksum.
    private func place(
        in directory: inout ByteWriter, _ columns: inout ByteWriter, _ write: (inout ByteWriter) -> Void
    ) {
        let start = columns.count
        write(&columns)
        directory.writeVarint(columns.count - start)
        directory.write(
            columns.bytes.withUnsafeBytes {
                Checksum.crc32c(UnsafeRawBufferPointer(rebasing: $0[start...]))
            })
    }
}
