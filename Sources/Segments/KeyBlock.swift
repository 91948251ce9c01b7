// Idempotency keys of a commit: what a retry is told by, durable with the records it would store again.
//
// Invariants:
//  * A key lies in the envelope of its records: both are there or neither is.
//  * It has a checksum of its own: it is read by itself, when its envelope's is no longer looked at.
//
// Format: Segments.docc/SegmentFormat.md, "Key block".

import Bytes
import Records

/// A key that was used, for what, and which records it brought.
package struct KeyEntry: Hashable, Sendable {
    package var topic: String
    package var partition: String
    /// 1 to 255 bytes.
    package var key: String
    /// Of the request that used it: its target and its body.
    package var request: Fingerprint
    /// Of its first record; all `rowCount` of them follow densely.
    package var firstIndex: UInt64
    package var rowCount: Int
    /// When it was used, in milliseconds since 1970.
    package var time: Int64

    package init(
        topic: String, partition: String, key: String, request: Fingerprint, firstIndex: UInt64,
        rowCount: Int, time: Int64
    ) {
        self.topic = topic
        self.partition = partition
        self.key = key
        self.request = request
        self.firstIndex = firstIndex
        self.rowCount = rowCount
        self.time = time
    }

    package static let keyByteCountMax = 255
}

package enum KeyBlock {
    /// The fewest bytes that an entry takes: a bound on how many a payload can hold.
    private static let entryByteCountMin = 1 + 1 + 2 + 16 + 1 + 1 + 1

    static func write(_ entries: [KeyEntry], into writer: inout ByteWriter) {
        precondition(!entries.isEmpty, "A key block has a key in it.")
        let start = writer.count
        writer.write(UInt32(0))
        writer.writeVarint(entries.count)
        for entry in entries {
            precondition(
                (1...KeyEntry.keyByteCountMax).contains(entry.key.utf8.count) && entry.rowCount > 0,
                "Keys are bounded where they come in, and a key has records.")
            writer.write(text: entry.topic)
            writer.write(text: entry.partition)
            writer.write(text: entry.key)
            writer.write(entry.request.first)
            writer.write(entry.request.second)
            writer.writeVarint(entry.firstIndex)
            writer.writeVarint(entry.rowCount)
            writer.writeZigzag(entry.time)
        }
        let checksum = writer.bytes.withUnsafeBytes {
            Checksum.crc32c(UnsafeRawBufferPointer(rebasing: $0[(start + 4)...]))
        }
        writer.patch(checksum, at: start)
    }

    static func read(_ payload: UnsafeRawBufferPointer) throws(BytesError) -> [KeyEntry] {
        var cursor = ByteCursor(payload)
        let expected: UInt32 = try cursor.read()
        let found = Checksum.crc32c(UnsafeRawBufferPointer(rebasing: payload[4...]))
        guard found == expected else {
            throw .malformed(offset: 0, reason: "key block checksum \(found), \(expected) was written")
        }
        let count = try cursor.readCount(limit: cursor.remaining / entryByteCountMin)
        var entries: [KeyEntry] = []
        entries.reserveCapacity(count)
        for _ in 0..<count {
            entries.append(
                KeyEntry(
                    topic: try cursor.readText(byteCountMax: RecordLimits.nameByteCountMax),
                    partition: try cursor.readText(byteCountMax: RecordLimits.nameByteCountMax),
                    key: try cursor.readText(byteCountMax: KeyEntry.keyByteCountMax),
                    request: Fingerprint(first: try cursor.read(), second: try cursor.read()),
                    firstIndex: UInt64(try cursor.readCount(limit: SegmentFormat.indexLimit)),
                    rowCount: try cursor.readCount(limit: SegmentFormat.keyRowCountLimit),
                    time: try cursor.readZigzag()))
        }
        guard cursor.remaining == 0 else {
            throw .trailing(offset: cursor.offset, byteCount: cursor.remaining)
        }
        return entries
    }
}

extension FoundBlock {
    /// The keys of a key block that a scan found, or that was read by its entry.
    package func keys(at place: SegmentPlace) throws(SegmentError) -> [KeyEntry] {
        do throws(BytesError) { return try KeyBlock.read(payload) } catch {
            throw SegmentError(error, in: place)
        }
    }
}
