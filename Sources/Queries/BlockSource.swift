// One block of a segment as a query reads it: head first, then the columns it asks for.
//
// The first read takes a little more than the head, because the column of times follows it and every
// query wants that: a system call costs more than the bytes. The columns of a grouped block lie
// elsewhere, side by side with its neighbours': those are read ahead.

import Bytes
import EventLog
import Records
import Segments

/// A path that is looked for in one block after another.
struct SoughtPath {
    let path: IOPath
    /// Made once: a name is put together from two.
    let field: String
    /// Where the field stood in the block before: most blocks of a topic list the same fields.
    var position = 0

    init(_ path: IOPath) {
        self.path = path
        field = path.recordField
    }
}

/// A block being read; counts what it reads. An object: a scan keeps it for many paths, and a copy of all that it
/// holds would be counted each time, by every processor at once.
final class BlockSource: Sendable {
    let segment: SegmentFile
    let entry: BlockEntry
    let head: BlockHead
    /// The block's first bytes.
    private let opening: [UInt8]
    /// For a grouped block, how many blocks of its group are read from this one on.
    private let groupBlockCount: Int
    /// Bytes that the first read took from the file.
    let readByteCount: Int

    /// What the first read of a block takes: its head, and as a rule its times.
    static func openingByteCount(_ block: BlockEntry) -> Int {
        // Neighbours in time differ by seconds: two bytes a row hold 65 of them, in milliseconds.
        min(block.byteCount, block.headByteCount + 64 + min(2 * block.rowCount, 4096))
    }

    /// - Parameters:
    ///   - wanted: the fields that the head is to list; nil for all.
    ///   - ahead: where a scan keeps what it read ahead of grouped blocks.
    ///   - groupBlockCount: how many blocks of this one's group the scan reads from here on.
    init(
        _ step: QueryPlan.Step, _ snapshot: LogSnapshot, fields wanted: [String]? = nil,
        ahead: ReadAhead? = nil, groupBlockCount: Int = 1
    ) throws(SegmentError) {
        segment = try snapshot.files.segment(step.segment)
        entry = step.block
        self.groupBlockCount = groupBlockCount
        if entry.kind == .grouped, let ahead {
            let (bytes, count) = try ahead.lend(
                segment, at: entry.offset, byteCount: entry.headByteCount, pieceCount: groupBlockCount)
            (opening, readByteCount) = (Array(bytes), count)
        } else {
            opening = try segment.read(
                at: entry.offset,
                byteCount: entry.kind == .grouped
                    ? entry.headByteCount : BlockSource.openingByteCount(entry))
            readByteCount = opening.count
        }
        let headPlace = segment.place(entry.offset)
        let kind = entry.kind
        var head = try opening.withUnsafeBufferPointer { (buffer) throws(SegmentError) in
            try BlockHead.read(UnsafeRawBufferPointer(buffer), at: headPlace, kind: kind, fields: wanted)
        }
        guard head.rowCount == entry.rowCount else {
            throw .malformed(
                headPlace,
                reason: "a block of \(head.rowCount) rows, which the index says has \(entry.rowCount)")
        }
        if let hidden = snapshot.index.topics[entry.topic]?.hiddenFields(of: entry), !hidden.isEmpty {
            head.fields.removeAll { hidden.contains(ExactText($0.name)) }
        }
        self.head = head
    }

    /// Where the offsets of its columns count from.
    var place: SegmentPlace { segment.place(entry.columnsOffset) }

    /// Bytes of the block, counted into `statistics`.
    func bytes(
        _ statistics: inout QueryStatistics, at offset: Int, _ byteCount: Int, ahead: ReadAhead? = nil
    ) throws(SegmentError) -> [UInt8] {
        if entry.kind == .grouped {
            guard let ahead else {
                statistics.bytesRead += byteCount
                return try segment.read(at: entry.columnsOffset + offset, byteCount: byteCount)
            }
            let (bytes, read) = try ahead.lend(
                segment, at: entry.columnsOffset + offset, byteCount: byteCount, pieceCount: groupBlockCount)
            statistics.bytesRead += read
            return Array(bytes)
        }
        guard offset + byteCount <= entry.byteCount else {
            throw .malformed(place, reason: "a column lies past the block's end")
        }
        if offset + byteCount <= opening.count {
            return Array(opening[offset..<offset + byteCount])
        }
        statistics.bytesRead += byteCount
        return try segment.read(at: entry.offset + offset, byteCount: byteCount)
    }

    /// The bytes of one of its columns, lent by `ahead`, where the scan reads so many blocks of its group from
    /// this one on.
    func lend(
        _ column: ColumnPlace, from ahead: ReadAhead, groupBlockCount: Int,
        _ statistics: inout QueryStatistics
    ) throws(SegmentError) -> UnsafeRawBufferPointer {
        guard entry.kind == .grouped || column.offset + column.byteCount <= entry.byteCount else {
            throw .malformed(place, reason: "a column lies past the block's end")
        }
        let (bytes, count) = try ahead.lend(
            segment, at: entry.columnsOffset + column.offset, byteCount: column.byteCount,
            pieceCount: groupBlockCount)
        statistics.bytesRead += count
        return bytes
    }

    /// Where a path's numbers are.
    enum Numbers {
        /// The block has no column of them.
        case none
        case leaf(LeafPlace, presence: ColumnPlace?)
        /// In lists of several lengths or in JSON texts: the whole field is to be read.
        case within(FieldEntry)
    }

    func numbers(of sought: inout SoughtPath) -> Numbers {
        let fields = head.fields
        if !fields.indices.contains(sought.position) || !fields[sought.position].name.isExactly(sought.field)
        {
            guard let position = fields.indices.first(where: { fields[$0].name.isExactly(sought.field) })
            else { return .none }
            sought.position = position
        }
        let field = fields[sought.position]
        switch (field.layout, sought.path.element) {
        case (.scalar(let leaf), nil), (.scalar(let leaf), 0): return .leaf(leaf, presence: field.presence)
        case (.fixedList(let leaves), let element?) where element < leaves.count:
            return .leaf(leaves[element], presence: field.presence)
        case (.scalar, _), (.fixedList, _), (.none, _): return .none
        case (.list, _), (.json, _): return .within(field)
        }
    }

    /// The numbers of a path, one a row of the block; nil where the block has none there.
    func numbers(
        _ sought: inout SoughtPath, _ reader: BlockReader, _ bytes: BlockByteSource
    ) throws(SegmentError) -> [Double]? {
        switch numbers(of: &sought) {
        case .none: return nil
        case .leaf(let leaf, let presence):
            var numbers = [Double](repeating: .nan, count: head.rowCount)
            let areNumbers = try numbers.withUnsafeMutableBufferPointer { (output) throws(SegmentError) in
                try reader.numbers(leaf, presence: presence, head, at: place, from: bytes, into: output)
            }
            return areNumbers ? numbers : nil
        case .within(let field):
            let field = try reader.field(field, head, at: place, from: bytes)
            return LeafNumbers.of(field, element: sought.path.element, rowCount: head.rowCount)
        }
    }

    /// Rows whose commit is at most `cut`: rows come in commit order, so these are the first ones.
    func rowCount(upTo cut: CommitNumber?) -> Int {
        guard let cut, entry.lastCommit > cut else { return head.rowCount }
        return CommitRun.rowCount(head.commitRuns, upTo: cut)
    }
}

extension CommitRun {
    /// Rows of the runs up to `cut`; runs come in commit order.
    package static func rowCount(_ runs: [CommitRun], upTo cut: CommitNumber) -> Int {
        runs.prefix { $0.commit <= cut }.reduce(0) { $0 + $1.rowCount }
    }
}
