// Neighbouring blocks of a topic, put together so that what they hold of one path lies in one run of
// bytes: a question about one path over a month reads a few long runs instead of a short one a block.
//
//     before   [head a b c][head a b c][head a b c]          each block by itself
//     after    [head][head][head] [a a a][b b b][c c c]      heads, then one block of columns
//
// Columns are moved, not decoded: their bytes and checksums stay what they were. Only blocks of a few
// rows are made one before (EventLog/ShortBlocks.swift), as their heads would outweigh their columns.
//
// Invariants:
//  * A grouped block has the rows, addresses and commits of the block it was made of, less the fields
//    that were to be dropped.
//  * A column is copied with the checksum that was written for it, and only when that matched, unless
//    whoever copies keeps damage: a rewrite does not give it a new name.
//
// Format: Segments.docc/SegmentFormat.md, "Group".

import Bytes
import Records

/// A block as it goes into a group: its head, and its columns' bytes in the order of the head.
package struct GroupMember: Sendable {
    /// Its runs of commits are never empty: they name the commit of every row.
    package let head: BlockHead
    private(set) var columns: [[UInt8]]

    /// Reads a block's columns and checks them.
    ///
    /// - Parameters:
    ///   - dropped: names of fields that are left behind, unread.
    ///   - keepsDamage: whether a damaged column is taken along as it is; whoever reads it is refused as before.
    package init(
        _ entry: BlockEntry, of segment: SegmentFile, dropping dropped: Set<ExactText> = [],
        keepingDamage keepsDamage: Bool = false
    ) throws(SegmentError) {
        var head = try segment.head(entry)
        if !dropped.isEmpty { head.fields.removeAll { dropped.contains(ExactText($0.name)) } }
        if head.commitRuns.isEmpty {
            head.commitRuns = [CommitRun(commit: entry.firstCommit, rowCount: head.rowCount)]
        }
        columns = []
        let places = head.columnPlaces
        columns.reserveCapacity(places.count)
        let columnsPlace = segment.place(entry.columnsOffset)
        for place in places {
            let bytes = try segment.read(at: entry.columnsOffset + place.offset, byteCount: place.byteCount)
            let found = Checksum.crc32c(bytes)
            guard keepsDamage || found == place.checksum else {
                throw .checksumMismatch(
                    SegmentPlace(file: segment.name, byteOffset: columnsPlace.byteOffset + place.offset),
                    expected: place.checksum, found: found)
            }
            columns.append(bytes)
        }
        self.head = head
    }

    /// A block that was just encoded, with the addresses that it gets.
    ///
    /// - Parameter commitRuns: of all its rows.
    package init(_ block: EncodedBlock, firstIndex: UInt64, commitRuns: [CommitRun]) {
        precondition(!commitRuns.isEmpty, "Rows of a group say their commits.")
        var writer = ByteWriter(reserving: block.byteCount + 256)
        _ = block.write(firstIndex: firstIndex, commitRuns: commitRuns, into: &writer)
        let bytes = writer.bytes
        do throws(SegmentError) {
            head = try bytes.withUnsafeBufferPointer { (buffer) throws(SegmentError) in
                try BlockHead.read(
                    UnsafeRawBufferPointer(buffer), at: SegmentPlace(file: "", byteOffset: 0))
            }
        } catch { preconditionFailure("A head that was just written is read: \(error)") }
        columns = head.columnPlaces.map { Array(bytes[$0.offset..<$0.offset + $0.byteCount]) }
    }

    /// Of its columns, without the head.
    package var byteCount: Int { columns.reduce(0) { $0 + $1.count } }

    /// Its rows, decoded.
    ///
    /// - Throws: where a column is damaged, of those that were taken along as they are.
    package func batch(with reader: BlockReader, at place: SegmentPlace) throws(SegmentError) -> RecordBatch {
        var byRange: [Range<Int>: [UInt8]] = [:]
        for (place, bytes) in zip(head.columnPlaces, columns) {
            byRange[place.offset..<place.offset + place.byteCount] = bytes
        }
        return try reader.batch(head, at: place) { (offset, byteCount) throws(SegmentError) in
            guard let bytes = byRange[offset..<offset + byteCount] else {
                preconditionFailure("A head places its own columns.")
            }
            return bytes
        }
    }
}

package enum BlockGroup {
    /// Blocks of a group: enough that a path's run is worth a read of its own, few enough that a
    /// question about a minute does not pay for a month.
    package static let blockCountMax = 64
    /// Bytes of a group's columns, past which another group begins: what a rewrite holds in memory.
    package static let byteCountMax = 16 << 20

    /// Which column of which field: columns with one key lie side by side.
    fileprivate struct Key: Hashable {
        @ExactText var field: String
        /// The place among the field's columns, from behind, so that a presence column that some blocks
        /// have does not shift the others.
        var position: Int
    }
}

extension EnvelopeWriter {
    /// Appends the heads of `members`, then their columns.
    /// - Returns: the members' entries, with offsets from the start of the envelope.
    package mutating func append(group members: [GroupMember]) -> [BlockEntry] {
        precondition(!members.isEmpty, "A group has a block.")
        // Where each column goes: keys in the order in which they were met, members in theirs.
        var order: [BlockGroup.Key] = []
        var runs: [BlockGroup.Key: [(member: Int, column: Int)]] = [:]
        for (number, member) in members.enumerated() {
            for (column, key) in member.keys.enumerated() {
                if runs[key] == nil { order.append(key) }
                runs[key, default: []].append((number, column))
            }
        }
        var offsets = members.map { [Int](repeating: 0, count: $0.columns.count) }
        var end = 0
        for key in order {
            for (member, column) in runs[key]! {
                offsets[member][column] = end
                end += members[member].columns[column].count
            }
        }
        var heads: [Block] = []
        for (member, offsets) in zip(members, offsets) {
            heads.append(append(.grouped) { member.head.write(placing: offsets, into: &$0) })
        }
        let columns = append(.group) { writer in
            for key in order {
                for (member, column) in runs[key]! { writer.write(members[member].columns[column]) }
            }
            return 0
        }
        return zip(members, heads).map { member, block in
            let head = member.head
            return BlockEntry(
                topic: head.topic, partition: head.partition, offset: block.offset,
                byteCount: block.byteCount + member.byteCount, headByteCount: block.headByteCount,
                kind: .grouped, firstIndex: head.firstIndex, rowCount: head.rowCount, timeMin: head.timeMin,
                timeMax: head.timeMax, firstCommit: head.commitRuns.first!.commit,
                lastCommit: head.commitRuns.last!.commit, columnsDistance: columns.offset - block.offset)
        }
    }
}

extension GroupMember {
    /// A key a column, in the order of the columns.
    fileprivate var keys: [BlockGroup.Key] {
        var keys = [BlockGroup.Key(field: "", position: 0)]  // The times: no field has this name.
        for field in head.fields {
            let count = field.columnPlaces.count
            if case .fixedList = field.layout {
                // Elements count from the front; the presence column, where there is one, is the first.
                let shift = field.presence == nil ? 0 : -1
                keys += (0..<count).map { BlockGroup.Key(field: field.name, position: $0 + shift) }
            } else {
                keys += (0..<count).map { BlockGroup.Key(field: field.name, position: $0 - count) }
            }
        }
        return keys
    }
}

extension BlockHead {
    /// Appends a grouped head, whose columns lie at `offsets`.
    /// - Returns: its bytes.
    fileprivate func write(placing offsets: [Int], into writer: inout ByteWriter) -> Int {
        var next = offsets.makeIterator()
        func write(_ place: ColumnPlace, into directory: inout ByteWriter) {
            directory.writeVarint(next.next()!)
            directory.writeVarint(place.byteCount)
            directory.write(place.checksum)
        }
        func write(_ leaf: LeafPlace, into directory: inout ByteWriter) {
            directory.write(leaf.type.rawValue)
            write(leaf.place, into: &directory)
        }
        var directory = ByteWriter(reserving: 64 + offsets.count * 12)
        write(times, into: &directory)
        directory.writeVarint(fields.count)
        for field in fields {
            directory.write(text: field.name)
            let code: LayoutCode =
                switch field.layout {
                case .none: .none
                case .scalar: .scalar
                case .fixedList: .fixedList
                case .list: .list
                case .json: .json
                }
            directory.write(code.rawValue | (field.presence == nil ? 0 : LayoutCode.presenceFlag))
            if let presence = field.presence { write(presence, into: &directory) }
            switch field.layout {
            case .none: break
            case .scalar(let leaf): write(leaf, into: &directory)
            case .fixedList(let leaves):
                directory.writeVarint(leaves.count)
                for leaf in leaves { write(leaf, into: &directory) }
            case .list(let lengths, let elementCount, let leaf):
                directory.writeVarint(elementCount)
                write(lengths, into: &directory)
                write(leaf, into: &directory)
            case .json(let place): write(place, into: &directory)
            }
        }
        let prefix = Prefix(
            topic: topic, partition: partition, firstIndex: firstIndex, rowCount: rowCount, timeMin: timeMin,
            timeMax: timeMax, timesAscend: timesAscend, commitRuns: commitRuns)
        return BlockHead.write(prefix, directory: directory.bytes, columns: [], into: &writer)
    }
}
