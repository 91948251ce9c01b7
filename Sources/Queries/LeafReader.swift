// Reads one path's numbers, block after block, where they are a column of their own: the ordinary case, in
// which nothing is made of a block but its times and numbers, in the memory where they are wanted.
//
// Invariants:
//  * A number is given for every row of the block: NaN where the row has none, or the block has no such
//    column, or the field is not to be seen any more.
//  * Of a block, its head, the column of times if asked for, and the path's columns are read.
//  * Used by the one scan that made it, so by one thread at a time.

import Bytes
import EventLog
import Records
import Segments

final class LeafReader {
    private let snapshot: LogSnapshot
    private let topic: TopicIndex?
    private let field: String
    private let fieldBytes: [UInt8]
    private let element: Int?
    private let reader = BlockReader()
    private let ahead: ReadAhead
    /// The segment of the block before.
    private var segment: SegmentFile?

    /// What was read of a block.
    struct Reading {
        var timesAscend: Bool
        /// Whether the block has numbers at the path.
        var isFound: Bool
        var byteCount: Int
    }

    init(_ snapshot: LogSnapshot, _ query: WindowQuery, _ ahead: ReadAhead) {
        self.snapshot = snapshot
        self.ahead = ahead
        topic = snapshot.index.topics[query.topic]
        field = query.path.recordField
        fieldBytes = Array(field.utf8)
        element = query.path.element
    }

    /// Reads a block.
    ///
    /// - Parameters:
    ///   - groupBlockCount: how many blocks of its group are read from this one on.
    ///   - times: where its times go, one a row; nil where nobody wants them.
    ///   - numbers: where its numbers go, one a row.
    /// - Returns: nil, with nothing said of the numbers, where they are no column of their own.
    func read(
        _ step: QueryPlan.Step, groupBlockCount: Int, times: UnsafeMutableBufferPointer<Int64>?,
        numbers: UnsafeMutableBufferPointer<Double>
    ) throws(SegmentError) -> Reading? {
        let block = step.block
        let segment = try segment(step.segment)
        let isGrouped = block.kind == .grouped
        // The columns of a block by itself follow its head, and so are counted from its start.
        let columnsOffset = isGrouped ? block.columnsOffset : block.offset
        let place = segment.place(columnsOffset)
        var (opening, readByteCount) = try ahead.lend(
            segment, at: block.offset,
            byteCount: isGrouped ? block.headByteCount : BlockSource.openingByteCount(block),
            pieceCount: groupBlockCount)
        let excerpt = try fieldBytes.withUnsafeBufferPointer { (name) throws(SegmentError) in
            try BlockExcerpt(
                opening, at: segment.place(block.offset), kind: block.kind,
                field: UnsafeRawBufferPointer(name), element: element)
        }
        guard excerpt.rowCount == block.rowCount else {
            throw .malformed(
                segment.place(block.offset),
                reason: "a block of \(excerpt.rowCount) rows, which the index says has \(block.rowCount)")
        }
        if excerpt.numbers == .withinField { return nil }

        func bytes(_ column: ColumnPlace) throws(SegmentError) -> UnsafeRawBufferPointer {
            let end = column.offset + column.byteCount
            if !isGrouped {
                guard end <= block.byteCount else {
                    throw .malformed(place, reason: "a column lies past the block's end")
                }
                if end <= opening.count {
                    return UnsafeRawBufferPointer(rebasing: opening[column.offset..<end])
                }
            }
            let (bytes, count) = try ahead.lend(
                segment, at: columnsOffset + column.offset, byteCount: column.byteCount,
                pieceCount: groupBlockCount)
            readByteCount += count
            return bytes
        }
        if let times { try reader.readTimes(excerpt.times, try bytes(excerpt.times), at: place, into: times) }
        var isFound = false
        if case .leaf(let leaf) = excerpt.numbers, !isHidden(of: block) {
            isFound = try reader.readNumbers(leaf, try bytes(leaf.place), at: place, into: numbers)
            if isFound, let presence = excerpt.presence {
                try reader.readPresence(presence, try bytes(presence), at: place, into: numbers)
            }
        }
        if !isFound { numbers.update(repeating: .nan) }
        return Reading(timesAscend: excerpt.timesAscend, isFound: isFound, byteCount: readByteCount)
    }

    private func segment(_ number: UInt64) throws(SegmentError) -> SegmentFile {
        if let segment, segment.number == number { return segment }
        let found = try snapshot.files.segment(number)
        segment = found
        return found
    }

    /// Whether the path's field was let go and is only on disk still.
    private func isHidden(of block: BlockEntry) -> Bool {
        guard let topic, topic.hides(block) else { return false }
        return topic.hiddenFields(of: block).contains(ExactText(field))
    }
}
