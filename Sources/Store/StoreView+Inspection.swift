// What the log is made of, for people who look: segments, their blocks, the columns of those.

import Bytes
import Disk
import EventLog
import Records
import Segments

/// A segment of the log, as the manifest and its blocks tell of it.
package struct SegmentInspection: Sendable {
    package var number: UInt64
    /// As `sealed`.
    package var state: String
    package var byteCount: Int
    /// Nil where the segment has none.
    package var commits: ClosedRange<CommitNumber>?
    package var envelopeCount = 0
    package var eventCount = 0
    /// Idempotency keys.
    package var keyCount = 0
    package var blocks: [BlockInspection] = []
    /// Where the segment could not be followed any further, and why.
    package var damage: String?

    /// Rows of its blocks. A record is counted in the small block it came in, and not again where it was rolled.
    package var recordCount: Int { blocks.reduce(0) { $0 + ($1.kind == "rolled" ? 0 : $1.rowCount) } }
}

/// A block of records.
package struct BlockInspection: Sendable {
    /// As `columns`, `small`, `rolled`, `grouped`.
    package var kind: String
    package var byteOffset: Int
    package var byteCount: Int
    package var topic: String
    package var partition: String
    /// The first row's address in its partition; those of the others follow.
    package var firstIndex: UInt64
    package var rowCount: Int
    /// The least and the greatest time of its rows, in milliseconds since 1970 UTC.
    package var timeMin: Int64
    package var timeMax: Int64
    /// That of the envelope it stands in: rows of a rolled block came with earlier ones.
    package var commit: CommitNumber
    /// Nil for a small block, whose columns lie in one frame.
    package var columns: [ColumnDescription]?
}

extension StoreView {
    /// The segments of a data directory, in the order of the log.
    ///
    /// - Parameter number: the segment whose columns are described too; nil for none.
    package static func segments(
        of directory: String, describing number: UInt64? = nil
    ) throws -> [SegmentInspection] {
        let files = PosixFileSystem(root: directory)
        guard let manifest = try Manifest.read(LogConfiguration(), on: files) else { return [] }
        return try manifest.entries.compactMap { entry in
            var found = SegmentInspection(number: entry.number, state: "\(entry.state)", byteCount: 0)
            do throws(SegmentError) {
                let segment = try SegmentFile(opening: entry.number, in: "", on: files)
                try inspect(segment, entry, describesColumns: entry.number == number, into: &found)
            } catch {
                // What is wrong with one keeps no other from being looked at. A server beside may have made it anew.
                let manifest = try Manifest.read(LogConfiguration(), on: files)
                guard manifest?.entries.contains(where: { $0.number == entry.number }) ?? false else {
                    return nil
                }
                found.damage = "\(error)"
            }
            return found
        }
    }

    /// As far as the segment can be followed.
    private static func inspect(
        _ segment: SegmentFile, _ entry: Manifest.Entry, describesColumns: Bool,
        into found: inout SegmentInspection
    ) throws(SegmentError) {
        found.byteCount = try segment.byteCount()
        let (reader, decompressor) = (BlockReader(), ZstdDecompressor())
        try segment.checkHeader()
        var limit: Int?
        var footerProblem: String?
        switch entry.state {
        case .sealed:
            // The envelopes say the same as the footer.
            do throws(SegmentError) { limit = try segment.footer().offset } catch {
                footerProblem = "its footer is not read (\(error))"
            }
        case .closed: limit = try entry.closed(as: segment).byteCount
        case .active: break
        }
        let end = try segment.scan(upTo: limit) { (header, offset, blocks) throws(SegmentError) in
            found.envelopeCount += 1
            // In a rewritten segment they do not ascend.
            let commits = found.commits ?? header.commit...header.commit
            found.commits =
                min(commits.lowerBound, header.commit)...max(commits.upperBound, header.commit)
            for (position, block) in blocks.enumerated() {
                let place = segment.place(offset + SegmentFormat.envelopeHeaderByteCount + block.offset)
                let head: BlockHead
                var columns: [ColumnDescription]?
                var byteCount = block.payload.count
                switch block.kind {
                case .event:
                    found.eventCount += 1
                    continue
                case .keys:
                    found.keyCount += try block.keys(at: place).count
                    continue
                case .small: head = try block.smallBatch(at: place, with: reader, decompressor).0
                case .group: continue
                case .grouped:
                    head = try block.head(at: place)
                    byteCount += head.columnPlaces.reduce(0) { $0 + $1.byteCount }
                    guard describesColumns,
                        let group = blocks[position...].first(where: { $0.kind == .group })
                    else { break }
                    columns = try reader.columns(head, at: place) {
                        (offset, byteCount) throws(SegmentError) in
                        try group.bytes(at: place, offset, byteCount)
                    }
                case .columns, .rolled:
                    head = try block.head(at: place)
                    guard describesColumns else { break }
                    columns = try reader.columns(head, at: place) {
                        (offset, byteCount) throws(SegmentError) in
                        try block.bytes(at: place, offset, byteCount)
                    }
                }
                found.blocks.append(
                    BlockInspection(
                        kind: "\(block.kind)", byteOffset: place.byteOffset, byteCount: byteCount,
                        topic: head.topic, partition: head.partition, firstIndex: head.firstIndex,
                        rowCount: head.rowCount, timeMin: head.timeMin, timeMax: head.timeMax,
                        commit: header.commit, columns: columns))
            }
        }
        if let footerProblem {
            found.damage = "\(footerProblem); scanned instead, up to byte \(end.validByteCount)"
        } else if let tear = end.tear {
            // The end of one that is being written is no damage.
            let isDamaged = if entry.state == .active { try segment.isDamaged(at: end) } else { true }
            if isDamaged { found.damage = "\(tear), at byte \(end.validByteCount)" }
        }
    }
}
