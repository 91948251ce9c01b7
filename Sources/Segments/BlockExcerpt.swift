// What a question about one number of every row needs of a block's head, read without making lists and
// names of all the columns that it does not ask for.
//
// Invariant: an excerpt says of its columns what `BlockHead.read` says of them.

import Bytes
import Records

/// What a head says of one field; `numbers` is `.none` where it says nothing of it.
package struct BlockExcerpt: Hashable, Sendable {
    /// Where the numbers are.
    package enum Numbers: Hashable, Sendable {
        /// The block has no column of them.
        case none
        case leaf(LeafPlace)
        /// In lists of several lengths or in JSON texts: the whole field is to be read, by its head.
        case withinField
    }

    package let rowCount: Int
    /// Whether no row is earlier than the one before it.
    package let timesAscend: Bool
    package let times: ColumnPlace
    package private(set) var numbers = Numbers.none
    /// Nil where every row has a value.
    package private(set) var presence: ColumnPlace?

    /// Reads the excerpt about element `element` of the field `name`, given as UTF-8, from the start of the
    /// payload of a block of `kind`. `bytes` may hold more than the head.
    package init(
        _ bytes: UnsafeRawBufferPointer, at place: SegmentPlace, kind: BlockKind,
        field name: UnsafeRawBufferPointer, element: Int?
    ) throws(SegmentError) {
        do throws(BytesError) {
            var cursor = try BlockHead.body(of: bytes)
            var offset = ColumnOffset(following: 8 + cursor.remaining, isWritten: kind == .grouped)
            for _ in 0..<2 {
                // Topic and partition.
                _ = try cursor.readBytes(try cursor.readCount(limit: RecordLimits.nameByteCountMax))
            }
            _ = try cursor.readVarint()
            rowCount = try cursor.readRowCount()
            _ = try cursor.readTimeBounds()
            timesAscend = try cursor.read(UInt8.self) & BlockHead.timesAscendFlag != 0
            try cursor.readCommitRuns(rowCount: rowCount) { _ in }
            times = try cursor.readColumnPlace(from: &offset)
            for _ in 0..<(try cursor.readCount(limit: RecordLimits.fieldCountMax)) {
                let found = try cursor.readBytes(
                    try cursor.readCount(limit: RecordLimits.nameByteCountMax))
                guard found.count == name.count, found.elementsEqual(name) else {
                    try cursor.skipFieldEntry(from: &offset)
                    continue
                }
                try readField(&cursor, &offset, element: element)
                return
            }
        } catch {
            throw SegmentError(error, in: place)
        }
    }

    private mutating func readField(
        _ cursor: inout ByteCursor, _ offset: inout ColumnOffset, element: Int?
    ) throws(BytesError) {
        let (layout, hasPresence) = try cursor.readLayoutCode()
        if hasPresence { presence = try cursor.readColumnPlace(from: &offset) }
        switch layout {
        case .none: break
        case .scalar:
            // A client that counts elements calls a single number's 0.
            guard element ?? 0 == 0 else { return }
            numbers = .leaf(try cursor.readLeafPlace(from: &offset))
        case .fixedList:
            let count = try cursor.readCount(limit: RecordLimits.shreddedElementCountMax)
            guard let element, element < count else { return }
            for _ in 0..<element { _ = try cursor.readLeafPlace(from: &offset) }
            numbers = .leaf(try cursor.readLeafPlace(from: &offset))
        case .list, .json: numbers = .withinField
        }
    }
}
