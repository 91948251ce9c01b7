// A segment that is read: sealed by its footer, or scanned envelope by envelope where it has none.
//
// Invariants:
//  * A scan ends at the first byte that is not a valid envelope; what lies before is whole.
//  * Neither a scan nor a footer is believed before its checksum matched.

import Bytes
import Disk
import Records

/// A file that is open. Copies share it, and it is closed when the last of them goes.
package struct SegmentFile: Sendable {
    package let number: UInt64
    package let file: any ReadableFile
    package let name: String

    /// Opens the file, of which nothing is read yet: `checkHeader` and `footer` look at what is in it. Throws
    /// `.disk`.
    package init(opening number: UInt64, in directory: String, on files: any FileSystem) throws(SegmentError)
    {
        self.number = number
        name = FileName.segment(number)
        do throws(DiskError) {
            file = try files.open(FileName.path(name, in: directory))
        } catch {
            throw .disk(error)
        }
    }

    package func place(_ byteOffset: Int) -> SegmentPlace {
        SegmentPlace(file: name, byteOffset: byteOffset)
    }

    /// Bytes as they are: whether they are those that were written is for the caller to check. Throws
    /// `.disk`, also where the file ends before.
    package func read(at offset: Int, byteCount: Int) throws(SegmentError) -> [UInt8] {
        do throws(DiskError) { return try file.read(at: offset, byteCount: byteCount) } catch {
            throw .disk(error)
        }
    }

    /// Fills `buffer` from `offset`.
    package func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(SegmentError) {
        do throws(DiskError) { try file.read(at: offset, into: buffer) } catch { throw .disk(error) }
    }

    /// Of the file as it is now, whatever of it is valid.
    package func byteCount() throws(SegmentError) -> Int {
        do throws(DiskError) { return try file.byteCount } catch { throw .disk(error) }
    }

    // MARK: Sealed

    /// The directory of a sealed segment.
    package func directory() throws(SegmentError) -> SegmentDirectory { try footer().directory }

    /// What the first read of a footer takes: the directory of five hundred blocks, which most segments have less of,
    /// is about as long.
    private static let tailByteCount = 16 << 10

    /// Says that `footer` will be asked for, of a file that should have `byteCount` bytes.
    package func willReadFooter(byteCount: Int) {
        file.willRead(at: 0, byteCount: SegmentFormat.segmentHeaderByteCount)
        let tailOffset = max(0, byteCount - SegmentFile.tailByteCount)
        file.willRead(at: tailOffset, byteCount: byteCount - tailOffset)
    }

    /// What a sealed segment says of itself: before its first envelope, and behind its last.
    package struct Footer: Equatable, Sendable {
        package var header: SegmentHeader
        package var directory: SegmentDirectory
        /// The byte after the last envelope, where the directory lies.
        package var offset: Int
    }

    /// Reads header and directory of a sealed segment.
    package func footer() throws(SegmentError) -> Footer {
        let header = try checkHeader()
        let end = try byteCount()
        let trailerOffset = end - SegmentFormat.trailerByteCount
        guard trailerOffset >= SegmentFormat.segmentHeaderByteCount else {
            throw .malformed(place(0), reason: "too short to be sealed: \(end) bytes")
        }
        // One read for both as a rule: from a disk that must seek, a second one costs more than the bytes.
        let tailOffset = max(SegmentFormat.segmentHeaderByteCount, end - SegmentFile.tailByteCount)
        let tail = try read(at: tailOffset, byteCount: end - tailOffset)
        let (footerOffset, footerByteCount, expected) = try footerPlace(
            tail[(trailerOffset - tailOffset)...], at: trailerOffset)
        let footer =
            footerOffset >= tailOffset
            ? tail[(footerOffset - tailOffset)..<(trailerOffset - tailOffset)]
            : try read(at: footerOffset, byteCount: footerByteCount)[...]
        let found = footer.withUnsafeBytes { Checksum.crc32c($0) }
        guard found == expected else {
            throw .checksumMismatch(place(footerOffset), expected: expected, found: found)
        }
        let directory = try parse(footer, at: footerOffset) { (cursor) throws(BytesError) in
            try SegmentDirectory.read(cursor.bytes)
        }
        return Footer(header: header, directory: directory, offset: footerOffset)
    }

    private func footerPlace(
        _ trailer: ArraySlice<UInt8>, at trailerOffset: Int
    ) throws(SegmentError) -> (offset: Int, byteCount: Int, checksum: UInt32) {
        try parse(trailer, at: trailerOffset) { (cursor) throws(BytesError) -> (Int, Int, UInt32) in
            let offset: UInt64 = try cursor.read()
            let byteCount = Int(try cursor.read(UInt32.self))
            let checksum: UInt32 = try cursor.read()
            guard try cursor.read(UInt64.self) == SegmentFormat.sealMagic else {
                throw .malformed(offset: 0, reason: "the file does not end in a seal")
            }
            guard offset <= UInt64(trailerOffset), Int(offset) + byteCount == trailerOffset else {
                throw .malformed(
                    offset: 0,
                    reason:
                        "a footer of \(byteCount) bytes at \(offset), before a trailer at \(trailerOffset)")
            }
            return (Int(offset), byteCount, checksum)
        }
    }

    /// Where the footer begins, by the last bytes of the file alone; nil where they do not say.
    package func footerOffset() throws(SegmentError) -> Int? {
        let trailerOffset = try byteCount() - SegmentFormat.trailerByteCount
        guard trailerOffset >= SegmentFormat.segmentHeaderByteCount else { return nil }
        let trailer = try read(at: trailerOffset, byteCount: SegmentFormat.trailerByteCount)
        do throws(SegmentError) { return try footerPlace(trailer[...], at: trailerOffset).offset } catch {
            return nil
        }
    }

    /// What the file's first bytes say of it. Refuses a file that is no segment, is another's, or is of
    /// an unknown version.
    @discardableResult
    package func checkHeader() throws(SegmentError) -> SegmentHeader {
        let bytes = try read(at: 0, byteCount: SegmentFormat.segmentHeaderByteCount)
        let (magic, version, origin, found, cut, expected) = try parse(bytes[...], at: 0) {
            (cursor) throws(BytesError) -> (UInt64, UInt16, UInt16, UInt64, UInt64, UInt32) in
            (
                try cursor.read(), try cursor.read(), try cursor.read(), try cursor.read(),
                try cursor.read(), try cursor.read()
            )
        }
        guard magic == SegmentFormat.segmentMagic else {
            throw .malformed(place(0), reason: "not a segment")
        }
        let checksum = Checksum.crc32c(Array(bytes[..<28]))
        guard checksum == expected else {
            throw .checksumMismatch(place(28), expected: expected, found: checksum)
        }
        guard version == SegmentFormat.version else {
            throw .unsupportedVersion(place(8), found: version)
        }
        guard found == number else {
            throw .malformed(place(12), reason: "it says that it is segment \(found)")
        }
        guard let origin = SegmentOrigin(rawValue: origin) else {
            throw .malformed(
                place(10), reason: "its origin is \(origin), which no segment of this version has")
        }
        return SegmentHeader(origin: origin, cut: cut)
    }

    // MARK: Scanned

    /// How far a scan came, and why it ended.
    package struct ScanEnd: Hashable, Sendable {
        /// Bytes up to the end of the last valid envelope.
        package var validByteCount: Int
        /// Nil where the file ends just there.
        package var tear: String?

        package init(validByteCount: Int, tear: String?) {
            self.validByteCount = validByteCount
            self.tear = tear
        }
    }

    /// Hands over every valid envelope in order, up to `limit` bytes or the first tear. Each body is read
    /// whole, and what is handed over is valid while `visit` runs.
    ///
    /// - Throws: where the disk refuses; what `visit` throws; and where an envelope contradicts itself though
    ///   its checksum matched, which is no tear.
    package func scan(
        upTo limit: Int? = nil,
        _ visit: (EnvelopeHeader, _ offset: Int, [FoundBlock]) throws(SegmentError) -> Void
    ) throws(SegmentError) -> ScanEnd {
        let end = min(try byteCount(), limit ?? .max)
        let headerByteCount = SegmentFormat.envelopeHeaderByteCount
        var offset = SegmentFormat.segmentHeaderByteCount
        guard offset <= end else { return ScanEnd(validByteCount: end, tear: "the file header is cut") }
        while offset < end {
            guard end - offset >= headerByteCount else {
                return ScanEnd(validByteCount: offset, tear: "an envelope header is cut")
            }
            let headerBytes = try read(at: offset, byteCount: headerByteCount)
            guard let header = headerBytes.withUnsafeBytes({ EnvelopeHeader.read($0, segment: number) })
            else {
                return ScanEnd(validByteCount: offset, tear: "an envelope header is damaged")
            }
            let bodyOffset = offset + headerByteCount
            guard end - bodyOffset >= header.bodyByteCount else {
                return ScanEnd(validByteCount: offset, tear: "an envelope is cut")
            }
            let body = try read(at: bodyOffset, byteCount: header.bodyByteCount)
            guard Checksum.crc32c(body) == header.bodyChecksum else {
                return ScanEnd(validByteCount: offset, tear: "an envelope is damaged")
            }
            try body.withUnsafeBufferPointer { (buffer) throws(SegmentError) in
                let blocks: [FoundBlock]
                do throws(BytesError) {
                    blocks = try EnvelopeBody.blocks(UnsafeRawBufferPointer(buffer), count: header.blockCount)
                } catch { throw SegmentError(error, in: place(bodyOffset)) }
                try visit(header, offset, blocks)
            }
            offset = bodyOffset + header.bodyByteCount
        }
        return ScanEnd(validByteCount: offset, tear: nil)
    }

    /// Whether what a scan of all bytes ended at is damage, and no end that a crash cut or somebody is writing: an
    /// envelope is appended when the one before it is durable, so one behind a tear says that the tear is damage.
    package func isDamaged(at end: ScanEnd) throws(SegmentError) -> Bool {
        guard end.tear != nil, try holdsEnvelope(after: end.validByteCount) else { return false }
        // Half written when it was scanned, it was whole when another followed.
        return try scan { _, _, _ in }.validByteCount == end.validByteCount
    }

    /// Whether a whole envelope of this segment lies anywhere behind `offset`.
    ///
    /// - Parameter pieceByteCount: what is read at once of a file that may be as long as a disk; an envelope's body
    ///   is read where a header that is whole says that there is one.
    package func holdsEnvelope(
        after offset: Int, pieceByteCount: Int = 1 << 20
    ) throws(SegmentError) -> Bool {
        let end = try byteCount()
        let headerByteCount = SegmentFormat.envelopeHeaderByteCount
        precondition(pieceByteCount >= headerByteCount, "A piece holds a header.")
        var start = offset + 1
        while end - start >= headerByteCount {
            let piece = try read(at: start, byteCount: min(end - start, pieceByteCount))
            var position = 0
            while let (header, place) = EnvelopeHeader.first(in: piece, from: position, segment: number) {
                let bodyOffset = start + place + headerByteCount
                if header.bodyByteCount <= end - bodyOffset {
                    let body = try read(at: bodyOffset, byteCount: header.bodyByteCount)
                    if Checksum.crc32c(body) == header.bodyChecksum { return true }
                }
                position = place + 1
            }
            // A header may begin in the last bytes of one piece and end in the next.
            start += piece.count - (headerByteCount - 1)
        }
        return false
    }

    // MARK: Blocks

    /// Reads an event, and checks it by its own checksum.
    package func event(_ entry: EventEntry) throws(SegmentError) -> Event {
        let payload = try read(at: entry.offset, byteCount: entry.byteCount)
        return try parse(payload[...], at: entry.offset) { (cursor) throws(BytesError) in
            try Event.read(cursor.bytes)
        }
    }

    /// The head of a column block.
    package func head(_ entry: BlockEntry) throws(SegmentError) -> BlockHead {
        let bytes = try read(at: entry.offset, byteCount: entry.headByteCount)
        return try bytes.withUnsafeBufferPointer { (buffer) throws(SegmentError) in
            try BlockHead.read(UnsafeRawBufferPointer(buffer), at: place(entry.offset), kind: entry.kind)
        }
    }

    /// The rows of a column block.
    package func batch(
        _ entry: BlockEntry, with reader: BlockReader
    ) throws(SegmentError) -> (BlockHead, RecordBatch) {
        let head = try head(entry)
        let batch = try reader.batch(head, at: place(entry.columnsOffset)) {
            (offset, byteCount) throws(SegmentError) in
            try read(at: entry.columnsOffset + offset, byteCount: byteCount)
        }
        return (head, batch)
    }

    private func parse<Result>(
        _ bytes: ArraySlice<UInt8>, at offset: Int, _ body: (inout ByteCursor) throws(BytesError) -> Result
    ) throws(SegmentError) -> Result {
        do throws(BytesError) {
            return try bytes.withUnsafeBufferPointer { (buffer) throws(BytesError) -> Result in
                var cursor = ByteCursor(UnsafeRawBufferPointer(buffer))
                return try body(&cursor)
            }
        } catch { throw SegmentError(error, in: place(offset)) }
    }
}

/// Blocks found by a scan, whose envelope's checksum just matched.
extension FoundBlock {
    /// The event of an event block, checked by its own checksum.
    ///
    /// - Parameter place: where the block is, for errors.
    package func event(at place: SegmentPlace) throws(SegmentError) -> Event {
        do throws(BytesError) { return try Event.read(payload) } catch {
            throw SegmentError(error, in: place)
        }
    }

    /// The head of a block of columns; that of a small one is inside its frame (`smallBatch`).
    package func head(at place: SegmentPlace) throws(SegmentError) -> BlockHead {
        try BlockHead.read(payload, at: place, kind: kind)
    }

    /// Bytes of the payload, as a column's place names them.
    package func bytes(
        at place: SegmentPlace, _ offset: Int, _ byteCount: Int
    ) throws(SegmentError) -> [UInt8] {
        guard offset + byteCount <= payload.count else {
            throw .malformed(place, reason: "a column lies past the block's end")
        }
        return Array(payload[offset..<offset + byteCount])
    }

    /// The head and rows of a small block.
    package func smallBatch(
        at place: SegmentPlace, with reader: BlockReader, _ decompressor: ZstdDecompressor
    ) throws(SegmentError) -> (BlockHead, RecordBatch) {
        let expanded: [UInt8]
        do throws(BytesError) { expanded = try SmallBlock.expand(payload, with: decompressor) } catch {
            throw SegmentError(error, in: place)
        }
        let head = try expanded.withUnsafeBufferPointer { (buffer) throws(SegmentError) in
            try BlockHead.read(UnsafeRawBufferPointer(buffer), at: place)
        }
        let batch = try reader.batch(head, at: place) { (offset, byteCount) throws(SegmentError) in
            guard offset + byteCount <= expanded.count else {
                throw .malformed(place, reason: "a column lies past the block's end")
            }
            return Array(expanded[offset..<offset + byteCount])
        }
        return (head, batch)
    }
}

extension BlockEntry {
    /// The entry of a block that a scan found, with its head.
    ///
    /// - Parameters:
    ///   - commit: the envelope's.
    ///   - group: where the columns of the group behind it begin, in the file; nil where there is none.
    package init(
        _ block: FoundBlock, _ head: BlockHead, at place: SegmentPlace, commit: CommitNumber, group: Int?
    ) throws(SegmentError) {
        var byteCount = block.payload.count
        var columnsDistance = 0
        if block.kind == .grouped {
            guard let group else { throw .malformed(place, reason: "a grouped head without its group") }
            columnsDistance = group - place.byteOffset
            byteCount += head.columnPlaces.reduce(0) { $0 + $1.byteCount }
            // Each is within its bound, and all together lie in one envelope.
            guard byteCount <= SegmentFormat.envelopeByteCountMax else {
                throw .malformed(place, reason: "a block of \(byteCount) bytes, more than an envelope has")
            }
        }
        self.init(
            topic: head.topic, partition: head.partition, offset: place.byteOffset, byteCount: byteCount,
            headByteCount: head.byteCount, kind: block.kind, firstIndex: head.firstIndex,
            rowCount: head.rowCount, timeMin: head.timeMin, timeMax: head.timeMax,
            firstCommit: head.commitRuns.first?.commit ?? commit,
            lastCommit: head.commitRuns.last?.commit ?? commit, columnsDistance: columnsDistance)
    }
}
