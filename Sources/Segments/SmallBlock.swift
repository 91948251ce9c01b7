// A few records in one frame: what single appends write, until enough of them make a column block.
//
// The frame holds the same directory and columns as a column block, so that reading is: inflate,
// put the head together, go on as with any block. It has no checksum of its own: it is read only
// whole, with its envelope's checksum just verified.
//
// Format: Segments.docc/SegmentFormat.md, "Small block".

import Bytes

enum SmallBlock {
    /// - Returns: the bytes of the head that it is read with.
    static func write(
        prefix: BlockHead.Prefix, _ directory: [UInt8], _ columns: [UInt8], frame: [UInt8]?,
        into writer: inout ByteWriter
    ) -> Int {
        var prefixWriter = ByteWriter(reserving: 96)
        prefix.write(into: &prefixWriter)
        writer.writeVarint(prefixWriter.count)
        writer.write(prefixWriter.bytes)
        writer.writeVarint(directory.count)
        writer.writeVarint(columns.count)
        if let frame {
            writer.writeVarint(frame.count)
            writer.write(frame)
        } else {
            writer.writeVarint(directory.count + columns.count)
            writer.write(directory)
            writer.write(columns)
        }
        return 8 + prefixWriter.count + directory.count
    }

    /// The payload of the column block that a small block's payload stands for.
    static func expand(
        _ payload: UnsafeRawBufferPointer, with decompressor: ZstdDecompressor
    ) throws(BytesError) -> [UInt8] {
        var cursor = ByteCursor(payload)
        let prefix = try cursor.readBytes(try cursor.readCount(limit: SegmentFormat.headByteCountMax))
        let directoryByteCount = try cursor.readCount(limit: SegmentFormat.headByteCountMax)
        let columnByteCount = try cursor.readCount(limit: SegmentFormat.envelopeByteCountMax)
        let rawByteCount = directoryByteCount + columnByteCount
        let stored = try cursor.readBytes(try cursor.readCount(limit: rawByteCount))
        let raw =
            stored.count == rawByteCount
            ? Array(stored) : try decompressor.decompress(stored, byteCount: rawByteCount)
        var writer = ByteWriter(reserving: 8 + prefix.count + rawByteCount)
        writer.write(UInt32(prefix.count + directoryByteCount))
        writer.write(UInt32(0))
        writer.write(raw: prefix)
        writer.write(raw)
        let checksum = writer.bytes.withUnsafeBytes {
            Checksum.crc32c(UnsafeRawBufferPointer(rebasing: $0[8..<(8 + prefix.count + directoryByteCount)]))
        }
        writer.patch(checksum, at: 4)
        return writer.bytes
    }
}
