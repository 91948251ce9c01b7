// What a record block says about itself before its columns: whose rows, which times, where each
// column lies. A query reads heads first and then only the columns it needs.
//
// Invariants:
//  * Reading a head allocates no more than its own size justifies.
//  * A head that was read has a row; its runs of commits, where it has any, ascend and are of all its rows; its
//    greatest time is not below its least.
//  * Column offsets follow from lengths: columns lie one after another behind the head. Only a grouped
//    block's are written, as its columns lie among its neighbours'.
//
// Format: Segments.docc/SegmentFormat.md, "Record block".

import Bytes
import Records

/// The commits of a block's rows: `rowCount` rows of `commit`, one run after another.
package struct CommitRun: Hashable, Sendable {
    package var commit: CommitNumber
    package var rowCount: Int

    package init(commit: CommitNumber, rowCount: Int) {
        self.commit = commit
        self.rowCount = rowCount
    }

    /// Neighbours of one commit as one: a commit may have brought several blocks.
    package static func joined(_ runs: some Sequence<CommitRun>) -> [CommitRun] {
        var joined: [CommitRun] = []
        for run in runs {
            if joined.last?.commit == run.commit {
                joined[joined.count - 1].rowCount += run.rowCount
            } else {
                joined.append(run)
            }
        }
        return joined
    }
}

/// Where a column's bytes lie, and their checksum. The offset counts from the start of the block, and of
/// a grouped block from the start of its group's columns.
package struct ColumnPlace: Hashable, Sendable {
    package var offset: Int
    package var byteCount: Int
    package var checksum: UInt32
}

/// A column of elements, and of which type they are.
package struct LeafPlace: Hashable, Sendable {
    package var type: ElementType
    package var place: ColumnPlace
}

/// The shape of a field's values in one block; mirrors `FieldValues`.
package enum FieldLayout: Hashable, Sendable {
    case none
    case scalar(LeafPlace)
    case fixedList([LeafPlace])
    /// `elementCount` elements in all rows together.
    case list(lengths: ColumnPlace, elementCount: Int, LeafPlace)
    case json(ColumnPlace)
}

/// A field, as the head of a block tells of it.
package struct FieldEntry: Hashable, Sendable {
    @ExactText package var name: String
    /// Nil where every row has a value.
    package var presence: ColumnPlace?
    package var layout: FieldLayout
}

extension FieldEntry {
    /// The field's columns, in the order in which a head places them.
    var columnPlaces: [ColumnPlace] {
        let presence = presence.map { [$0] } ?? []
        return switch layout {
        case .none: presence
        case .scalar(let leaf): presence + [leaf.place]
        case .fixedList(let leaves): presence + leaves.map(\.place)
        case .list(let lengths, _, let leaf): presence + [lengths, leaf.place]
        case .json(let place): presence + [place]
        }
    }
}

/// What the head of a block says; nothing is known of whether its columns can be read.
package struct BlockHead: Hashable, Sendable {
    package var topic: String
    package var partition: String
    /// The index of the first row in its partition; rows follow densely.
    package var firstIndex: UInt64
    package var rowCount: Int
    /// Least and greatest time, milliseconds.
    package var timeMin: Int64
    package var timeMax: Int64
    /// Whether no row is earlier than the one before it.
    package var timesAscend: Bool
    /// Empty where all rows belong to the envelope's own commit.
    package var commitRuns: [CommitRun]
    package var times: ColumnPlace
    /// All fields, or those that were asked for, in the order of the head.
    package var fields: [FieldEntry]
    /// Bytes from the start of the block to its first column.
    package var byteCount: Int
}

extension BlockHead {
    static let timesAscendFlag: UInt8 = 1

    /// What the writer knows only at commit: addresses, before the directory of columns.
    struct Prefix {
        var topic: String
        var partition: String
        var firstIndex: UInt64
        var rowCount: Int
        var timeMin: Int64
        var timeMax: Int64
        var timesAscend: Bool
        var commitRuns: [CommitRun]

        func write(into writer: inout ByteWriter) {
            writer.write(text: topic)
            writer.write(text: partition)
            writer.writeVarint(firstIndex)
            writer.writeVarint(rowCount)
            writer.writeZigzag(timeMin)
            writer.writeVarint(UInt64(bitPattern: timeMax &- timeMin))
            writer.write(timesAscend ? BlockHead.timesAscendFlag : 0)
            writer.writeVarint(commitRuns.count)
            var previous: UInt64 = 0
            for run in commitRuns {
                writer.writeVarint(run.commit &- previous)
                writer.writeVarint(run.rowCount)
                previous = run.commit
            }
        }
    }

    /// Appends head and columns; returns the bytes of the head.
    static func write(
        _ prefix: Prefix, directory: [UInt8], columns: [UInt8], into writer: inout ByteWriter
    ) -> Int {
        let start = writer.count
        writer.write(UInt32(0))
        writer.write(UInt32(0))
        prefix.write(into: &writer)
        writer.write(directory)
        let headByteCount = writer.count - start
        let checksum = writer.bytes.withUnsafeBytes {
            Checksum.crc32c(UnsafeRawBufferPointer(rebasing: $0[(start + 8)...]))
        }
        writer.patch(UInt32(headByteCount - 8), at: start)
        writer.patch(checksum, at: start + 4)
        writer.write(columns)
        return headByteCount
    }

    /// Reads a head from the start of a block's payload, whose first eight bytes are the head's
    /// length and checksum. `bytes` may hold more than the head.
    ///
    /// - Parameters:
    ///   - kind: `.grouped` where each column's offset is written.
    ///   - wanted: the fields that `fields` is to hold; nil for all. Others are passed over
    ///     without a name or a list made for them, which is what most of a head's reading costs.
    package static func read(
        _ bytes: UnsafeRawBufferPointer, at place: SegmentPlace, kind: BlockKind = .columns,
        fields wanted: [String]? = nil
    ) throws(SegmentError) -> BlockHead {
        do throws(BytesError) {
            var cursor = try body(of: bytes)
            let bodyByteCount = cursor.remaining
            var head = BlockHead(
                topic: try cursor.readText(byteCountMax: RecordLimits.nameByteCountMax),
                partition: try cursor.readText(byteCountMax: RecordLimits.nameByteCountMax),
                firstIndex: UInt64(try cursor.readCount(limit: SegmentFormat.indexLimit)),
                rowCount: try cursor.readRowCount(),
                timeMin: 0, timeMax: 0, timesAscend: false, commitRuns: [],
                times: ColumnPlace(offset: 0, byteCount: 0, checksum: 0), fields: [],
                byteCount: 8 + bodyByteCount)
            (head.timeMin, head.timeMax) = try cursor.readTimeBounds()
            head.timesAscend = try cursor.read(UInt8.self) & timesAscendFlag != 0
            try cursor.readCommitRuns(rowCount: head.rowCount) { head.commitRuns.append($0) }
            var offset = ColumnOffset(following: head.byteCount, isWritten: kind == .grouped)
            head.times = try cursor.readColumnPlace(from: &offset)
            let fieldCount = try cursor.readCount(limit: RecordLimits.fieldCountMax)
            for _ in 0..<fieldCount {
                let name = try cursor.readBytes(
                    try cursor.readCount(limit: RecordLimits.nameByteCountMax))
                if let wanted, !wanted.contains(where: { $0.utf8.elementsEqual(name) }) {
                    try cursor.skipFieldEntry(from: &offset)
                } else {
                    head.fields.append(
                        try cursor.readFieldEntry(String(decoding: name, as: UTF8.self), from: &offset))
                }
            }
            return head
        } catch {
            throw SegmentError(error, in: place)
        }
    }

    /// What of `bytes` is the head behind its length and checksum, which it matches.
    static func body(of bytes: UnsafeRawBufferPointer) throws(BytesError) -> ByteCursor {
        var opening = ByteCursor(bytes)
        let byteCount = Int(try opening.read(UInt32.self))
        let expected: UInt32 = try opening.read()
        guard byteCount <= SegmentFormat.headByteCountMax else {
            throw .overLimit(
                offset: 0, found: UInt64(byteCount), limit: UInt64(SegmentFormat.headByteCountMax))
        }
        let body = try opening.readBytes(byteCount)
        let found = Checksum.crc32c(body)
        guard found == expected else {
            throw .malformed(offset: 0, reason: "head checksum \(found), \(expected) was written")
        }
        return ByteCursor(body)
    }

    /// Bytes of the whole block: head and columns. Of a grouped block: where its last column ends. Only of a
    /// head that was read with all its fields.
    package var blockByteCount: Int { columnPlaces.reduce(0) { max($0, $1.offset + $1.byteCount) } }

    /// All columns, in the order in which the head places them.
    package var columnPlaces: [ColumnPlace] {
        var places = [times]
        for field in fields { places += field.columnPlaces }
        return places
    }
}

/// Where the next column of a head lies: behind the one before it, or where the head says.
struct ColumnOffset {
    var next: Int
    let isWritten: Bool

    init(following next: Int, isWritten: Bool) {
        self.next = next
        self.isWritten = isWritten
    }
}

/// A field's shape on disk.
enum LayoutCode: UInt8 {
    case none = 0
    case scalar = 1
    case fixedList = 2
    case list = 3
    case json = 4

    /// Set beside the code where the field has a presence column.
    static let presenceFlag: UInt8 = 0x80
}

extension ByteCursor {
    /// A block's rows: at least one.
    mutating func readRowCount() throws(BytesError) -> Int {
        let place = offset
        let count = try readCount(limit: SegmentFormat.rowCountLimit)
        guard count > 0 else { throw .malformed(offset: place, reason: "a block of no rows") }
        return count
    }

    /// The least and the greatest time of a block's rows. Both are of 64 bits, and their distance is a number
    /// without a sign: one that passes the greatest time there is would lead back below the least.
    mutating func readTimeBounds() throws(BytesError) -> (least: Int64, greatest: Int64) {
        let place = offset
        let least = try readZigzag()
        return (least, try greatestTime(least, span: try readVarint(), at: place))
    }

    func greatestTime(_ least: Int64, span: UInt64, at place: Int) throws(BytesError) -> Int64 {
        let greatest = least &+ Int64(bitPattern: span)
        guard greatest >= least else {
            throw .malformed(
                offset: place, reason: "times that end \(span) ms after \(least), past all times")
        }
        return greatest
    }

    /// The commits of a block's rows, run by run. Whoever reads a block up to a commit takes the first of its
    /// rows, as many as the runs say: so they are of all its rows, in ascending order.
    mutating func readCommitRuns(rowCount: Int, _ body: (CommitRun) -> Void) throws(BytesError) {
        let place = offset
        let runCount = try readCount(limit: rowCount)
        var (commit, rest) = (UInt64(0), rowCount)
        for _ in 0..<runCount {
            // A lesser commit than the one before it would be a distance that passes 64 bits.
            commit += try readCommit(behind: commit)
            let rows = try readCount(limit: rest)
            guard rows > 0 else { throw .malformed(offset: place, reason: "a commit of no rows") }
            rest -= rows
            body(CommitRun(commit: commit, rowCount: rows))
        }
        guard runCount == 0 || rest == 0 else {
            throw .malformed(
                offset: place, reason: "commits of \(rowCount - rest) rows, and the block has \(rowCount)")
        }
    }

    /// A commit, or how far one is behind the commit `before`: one can be added to it.
    mutating func readCommit(behind before: UInt64 = 0) throws(BytesError) -> UInt64 {
        UInt64(try readCount(limit: SegmentFormat.commitLimit - Int(before)))
    }

    mutating func readColumnPlace(from offset: inout ColumnOffset) throws(BytesError) -> ColumnPlace {
        if offset.isWritten { offset.next = try readCount(limit: SegmentFormat.envelopeByteCountMax) }
        let byteCount = try readCount(limit: SegmentFormat.envelopeByteCountMax)
        let place = ColumnPlace(offset: offset.next, byteCount: byteCount, checksum: try read())
        offset.next += byteCount
        return place
    }

    mutating func readLeafPlace(from offset: inout ColumnOffset) throws(BytesError) -> LeafPlace {
        let code: UInt8 = try read()
        guard let type = ElementType(rawValue: code) else {
            throw .unknownCode(offset: self.offset - 1, kind: "a type", found: UInt64(code))
        }
        return LeafPlace(type: type, place: try readColumnPlace(from: &offset))
    }

    mutating func readLayoutCode() throws(BytesError) -> (LayoutCode, hasPresence: Bool) {
        let code: UInt8 = try read()
        guard let layout = LayoutCode(rawValue: code & ~LayoutCode.presenceFlag) else {
            throw .unknownCode(offset: self.offset - 1, kind: "a layout", found: UInt64(code))
        }
        return (layout, code & LayoutCode.presenceFlag != 0)
    }

    /// Passes over what `readFieldEntry` would read.
    mutating func skipFieldEntry(from offset: inout ColumnOffset) throws(BytesError) {
        let (layoutCode, hasPresence) = try readLayoutCode()
        if hasPresence { _ = try readColumnPlace(from: &offset) }
        switch layoutCode {
        case .none: break
        case .scalar: _ = try readLeafPlace(from: &offset)
        case .fixedList:
            for _ in 0..<(try readCount(limit: RecordLimits.shreddedElementCountMax)) {
                _ = try readLeafPlace(from: &offset)
            }
        case .list:
            _ = try readCount(limit: RecordLimits.listElementCountMax)
            _ = try readColumnPlace(from: &offset)
            _ = try readLeafPlace(from: &offset)
        case .json: _ = try readColumnPlace(from: &offset)
        }
    }

    fileprivate mutating func readFieldEntry(
        _ name: String, from offset: inout ColumnOffset
    ) throws(BytesError) -> FieldEntry {
        let (layoutCode, hasPresence) = try readLayoutCode()
        let presence = hasPresence ? try readColumnPlace(from: &offset) : nil
        let layout: FieldLayout
        switch layoutCode {
        case .none: layout = .none
        case .scalar: layout = .scalar(try readLeafPlace(from: &offset))
        case .fixedList:
            var leaves: [LeafPlace] = []
            for _ in 0..<(try readCount(limit: RecordLimits.shreddedElementCountMax)) {
                leaves.append(try readLeafPlace(from: &offset))
            }
            layout = .fixedList(leaves)
        case .list:
            let elementCount = try readCount(limit: RecordLimits.listElementCountMax)
            let lengths = try readColumnPlace(from: &offset)
            layout = .list(
                lengths: lengths, elementCount: elementCount, try readLeafPlace(from: &offset))
        case .json: layout = .json(try readColumnPlace(from: &offset))
        }
        return FieldEntry(name: name, presence: presence, layout: layout)
    }
}
