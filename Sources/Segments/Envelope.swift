// A commit on disk: blocks of any topics, wholly there or not at all.
//
// Invariants:
//  * An envelope is valid exactly when its header's and its body's checksums match and the header
//    names this segment: anything else at the end of the active segment is a torn tail.
//  * Its blocks fill its body without a gap.
//
// Format: Segments.docc/SegmentFormat.md, "Envelope".

import Bytes
import Records

/// What a block of an envelope is. The numbers are on disk.
package enum BlockKind: UInt8, Hashable, Sendable {
    /// Columns, final as written.
    case columns = 1
    /// A few records in one frame, until rolled.
    case small = 2
    /// An event: a name and a document.
    case event = 3
    /// Columns made of small blocks' records, which they replace: same addresses, same commits.
    case rolled = 4
    /// Idempotency keys of the envelope's records.
    case keys = 5
    /// The head of a block whose columns lie with its neighbours' in the `group` block behind the heads.
    case grouped = 6
    /// The columns of the grouped heads before it, those of one path side by side.
    case group = 7
}

/// What an envelope says before its blocks, once its own checksum has matched.
package struct EnvelopeHeader: Hashable, Sendable {
    package var commit: CommitNumber
    package var bodyByteCount: Int
    package var blockCount: Int
    package var bodyChecksum: UInt32
    /// The low half of the segment's number: an envelope of another file is not taken for one of this.
    package var segmentTag: UInt32

    func write(into writer: inout ByteWriter) {
        let start = writer.count
        writer.write(SegmentFormat.envelopeMagic)
        writer.write(UInt32(0))
        writer.write(UInt32(bodyByteCount))
        writer.write(UInt32(blockCount))
        writer.write(commit)
        writer.write(bodyChecksum)
        writer.write(segmentTag)
        let checksum = writer.bytes.withUnsafeBytes {
            Checksum.crc32c(UnsafeRawBufferPointer(rebasing: $0[(start + 8)...]))
        }
        writer.patch(checksum, at: start + 4)
    }

    /// The first header of segment `number` that lies in `bytes` as a whole, at `start` or behind it.
    static func first(
        in bytes: [UInt8], from start: Int, segment number: UInt64
    ) -> (header: EnvelopeHeader, place: Int)? {
        bytes.withUnsafeBytes { bytes in
            var place = start
            while bytes.count - place >= SegmentFormat.envelopeHeaderByteCount {
                let word = bytes.loadUnaligned(fromByteOffset: place, as: UInt32.self)
                if UInt32(littleEndian: word) == SegmentFormat.envelopeMagic,
                    let header = read(UnsafeRawBufferPointer(rebasing: bytes[place...]), segment: number)
                {
                    return (header, place)
                }
                place += 1
            }
            return nil
        }
    }

    /// Nil where the bytes are no envelope header of segment `number`, or say what none can.
    static func read(_ bytes: UnsafeRawBufferPointer, segment number: UInt64) -> EnvelopeHeader? {
        var cursor = ByteCursor(bytes)
        guard let magic = try? cursor.read(UInt32.self), magic == SegmentFormat.envelopeMagic,
            let expected = try? cursor.read(UInt32.self),
            let rest = try? cursor.readBytes(SegmentFormat.envelopeHeaderByteCount - 8),
            Checksum.crc32c(rest) == expected
        else { return nil }
        var fields = ByteCursor(rest)
        guard let bodyByteCount = try? fields.read(UInt32.self),
            let blockCount = try? fields.read(UInt32.self),
            let commit = try? fields.read(UInt64.self),
            let bodyChecksum = try? fields.read(UInt32.self),
            let tag = try? fields.read(UInt32.self),
            tag == UInt32(truncatingIfNeeded: number),
            commit <= SegmentFormat.commitLimit,
            bodyByteCount <= SegmentFormat.envelopeByteCountMax
        else { return nil }
        return EnvelopeHeader(
            commit: commit, bodyByteCount: Int(bodyByteCount), blockCount: Int(blockCount),
            bodyChecksum: bodyChecksum, segmentTag: tag)
    }
}

/// Puts an envelope together, block by block, in one run of bytes.
package struct EnvelopeWriter {
    /// A block as it lies in the envelope being written.
    package struct Block: Sendable {
        package var kind: BlockKind
        /// From the start of the envelope to the block's payload.
        package var offset: Int
        /// Of the payload, without kind and length.
        package var byteCount: Int
        /// Of the head at the payload's start; 0 where none is read by itself.
        package var headByteCount: Int
    }

    private var writer: ByteWriter
    package private(set) var blocks: [Block] = []

    /// - Parameter byteCount: what is expected of all blocks; it grows past that.
    package init(reserving byteCount: Int = 4096) {
        writer = ByteWriter(reserving: byteCount + SegmentFormat.envelopeHeaderByteCount)
        for _ in 0..<SegmentFormat.envelopeHeaderByteCount { writer.write(UInt8(0)) }
    }

    /// Appends records, which get the indexes from `firstIndex` on.
    ///
    /// - Parameter commitRuns: empty where all rows belong to this envelope's commit.
    package mutating func append(
        _ block: EncodedBlock, as kind: BlockKind, firstIndex: UInt64, commitRuns: [CommitRun] = []
    ) -> Block {
        append(kind) { block.write(firstIndex: firstIndex, commitRuns: commitRuns, into: &$0) }
    }

    /// Appends an event. A name of over 256 bytes, or a document of over 64 MiB, stops the process.
    package mutating func append(_ event: Event) -> Block {
        append(.event) {
            event.write(into: &$0)
            return 0
        }
    }

    /// Appends the keys of this envelope's records, one at least, as one block.
    package mutating func append(_ keys: [KeyEntry]) -> Block {
        append(.keys) {
            KeyBlock.write(keys, into: &$0)
            return 0
        }
    }

    mutating func append(_ kind: BlockKind, _ write: (inout ByteWriter) -> Int) -> Block {
        writer.write(kind.rawValue)
        let lengthOffset = writer.count
        writer.write(UInt32(0))
        let offset = writer.count
        let headByteCount = write(&writer)
        let byteCount = writer.count - offset
        precondition(
            writer.count <= SegmentFormat.envelopeByteCountMax,
            "Requests are bounded far below an envelope's limit.")
        writer.patch(UInt32(byteCount), at: lengthOffset)
        let block = Block(kind: kind, offset: offset, byteCount: byteCount, headByteCount: headByteCount)
        blocks.append(block)
        return block
    }

    /// A block as it lies in another envelope.
    @discardableResult
    package mutating func append(copyOf kind: BlockKind, _ payload: UnsafeRawBufferPointer) -> Block {
        append(kind) {
            $0.write(raw: payload)
            return 0
        }
    }

    /// An envelope with the same blocks, for another segment.
    package static func copy(_ blocks: [FoundBlock], commit: CommitNumber, segment number: UInt64) -> [UInt8]
    {
        var copy = EnvelopeWriter(reserving: blocks.reduce(0) { $0 + $1.payload.count + 5 })
        for block in blocks { copy.append(copyOf: block.kind, block.payload) }
        return copy.finish(commit: commit, segment: number)
    }

    /// The envelope's bytes, once. In place: whoever consumes a copy patches a copy of them all.
    ///
    /// - Parameter number: the segment's that they are for: in another one they are no envelope.
    package mutating func finish(commit: CommitNumber, segment number: UInt64) -> [UInt8] {
        let headerByteCount = SegmentFormat.envelopeHeaderByteCount
        let header = EnvelopeHeader(
            commit: commit, bodyByteCount: writer.count - headerByteCount, blockCount: blocks.count,
            bodyChecksum: writer.bytes.withUnsafeBytes {
                Checksum.crc32c(UnsafeRawBufferPointer(rebasing: $0[headerByteCount...]))
            }, segmentTag: UInt32(truncatingIfNeeded: number))
        var headerWriter = ByteWriter(reserving: headerByteCount)
        header.write(into: &headerWriter)
        for index in stride(from: 0, to: headerByteCount, by: 8) {
            let word = headerWriter.bytes.withUnsafeBytes {
                $0.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            }
            writer.patch(UInt64(littleEndian: word), at: index)
        }
        return writer.bytes
    }
}

/// A block found in an envelope's body.
package struct FoundBlock {
    package var kind: BlockKind
    /// From the start of the body.
    package var offset: Int
    /// Not copied: valid as long as the body in which it was found, which is while a scan visits it.
    package var payload: UnsafeRawBufferPointer
}

enum EnvelopeBody {
    /// The blocks of a body whose checksum matched.
    static func blocks(
        _ body: UnsafeRawBufferPointer, count: Int
    ) throws(BytesError) -> [FoundBlock] {
        var cursor = ByteCursor(body)
        var blocks: [FoundBlock] = []
        for _ in 0..<count {
            let place = cursor.offset
            let code: UInt8 = try cursor.read()
            guard let kind = BlockKind(rawValue: code) else {
                throw .unknownCode(offset: place, kind: "a block", found: UInt64(code))
            }
            let byteCount = Int(try cursor.read(UInt32.self))
            let offset = cursor.offset
            blocks.append(FoundBlock(kind: kind, offset: offset, payload: try cursor.readBytes(byteCount)))
        }
        guard cursor.remaining == 0 else {
            throw .trailing(offset: cursor.offset, byteCount: cursor.remaining)
        }
        return blocks
    }
}
