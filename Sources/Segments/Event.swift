// What happened besides inferences: a name and a document, kept as given.
//
// Format: Segments.docc/SegmentFormat.md, "Event block".

import Bytes

/// A control event or a decision. Which names there are, and what their documents say, is the
/// business of the rooms that fold them; the log keeps all, known or not.
package struct Event: Hashable, Sendable {
    /// At most 256 bytes.
    package var name: String
    /// UTF-8 JSON.
    package var document: [UInt8]

    package init(name: String, document: [UInt8]) {
        self.name = name
        self.document = document
    }

    static let nameByteCountMax = 256
    static let documentByteCountMax = 64 << 20
    /// Shorter documents are not worth a frame.
    private static let compressedByteCountMin = 512

    /// Appends the event behind a checksum of its own: it is read by itself, when its envelope's is
    /// no longer looked at.
    func write(into writer: inout ByteWriter) {
        precondition(
            name.utf8.count <= Event.nameByteCountMax && document.count <= Event.documentByteCountMax,
            "An event that could not be read back is not written.")
        let start = writer.count
        writer.write(UInt32(0))
        writer.write(text: name)
        writer.writeVarint(document.count)
        if document.count >= Event.compressedByteCountMin,
            let frame = document.withUnsafeBytes({ ZstdCompressor().compress($0) })
        {
            writer.writeVarint(frame.count)
            writer.write(frame)
        } else {
            writer.writeVarint(document.count)
            writer.write(document)
        }
        let checksum = writer.bytes.withUnsafeBytes {
            Checksum.crc32c(UnsafeRawBufferPointer(rebasing: $0[(start + 4)...]))
        }
        writer.patch(checksum, at: start)
    }

    static func read(_ payload: UnsafeRawBufferPointer) throws(BytesError) -> Event {
        var cursor = ByteCursor(payload)
        let expected: UInt32 = try cursor.read()
        let found = Checksum.crc32c(UnsafeRawBufferPointer(rebasing: payload[4...]))
        guard found == expected else {
            throw .malformed(offset: 0, reason: "event checksum \(found), \(expected) was written")
        }
        let name = try cursor.readText(byteCountMax: nameByteCountMax)
        let byteCount = try cursor.readCount(limit: documentByteCountMax)
        let stored = try cursor.readBytes(try cursor.readCount(limit: byteCount))
        let document =
            stored.count == byteCount
            ? Array(stored) : try ZstdDecompressor().decompress(stored, byteCount: byteCount)
        return Event(name: name, document: document)
    }
}
