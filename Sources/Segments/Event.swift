// What happened besides inferences: a name and a document, kept as given.
//
// Format: Segments.docc/SegmentFormat.md, "Event block".

import Bytes

/// A control event or a decision. Which names there are, and what their documents say, is the
/// business of the rooms that fold them; the log keeps all, known or not.
package struct Event: Hashable, Sendable {
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

    func write(into writer: inout ByteWriter) {
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
    }

    static func read(_ payload: UnsafeRawBufferPointer) throws(BytesError) -> Event {
        var cursor = ByteCursor(payload)
        let name = try cursor.readText(byteCountMax: nameByteCountMax)
        let byteCount = try cursor.readCount(limit: documentByteCountMax)
        let stored = try cursor.readBytes(try cursor.readCount(limit: byteCount))
        let document =
            stored.count == byteCount
            ? Array(stored) : try ZstdDecompressor().decompress(stored, byteCount: byteCount)
        return Event(name: name, document: document)
    }
}
