// How far one file is read into the log, as an event says it: by what the file holds, not by what it is called.
//
// Invariant: `ImportMark(JSONField(mark.event.document))` gives back all of a mark but its earlier places, which the
// marks before it are.

import Bytes
import JSON
import Records
import Segments

/// Up to where a file is in the log.
package struct ImportMark: Hashable, Sendable {
    package var topic: String
    package var partition: String
    /// What the file was called; for people.
    package var path: String
    /// Bytes of the file whose records are in the log, but for the last `rowsLeft` of them.
    package var byteCount: Int
    /// Records before the place that are not in the log yet: of a record batch of Arrow which is more than one commit
    /// holds. Within it there is no place, so that of all of its commits is its end.
    package var rowsLeft = 0
    /// Records of the file that are in the log.
    package var rowCount: Int
    /// Of the file's bytes before the place: of their number, their beginning and their end.
    package var digest: String
    /// CRC-32C of all of them; nil of an import before there was one.
    package var checksum: UInt32?
    /// Where the records of its commit begin, which is an earlier mark's place, or the file's beginning; nil of
    /// an import before that was noted.
    package var begin: Place?
    /// Earlier places of the same import, ascending: where the file changed is between two of them.
    package var earlier: [Place] = []
    /// Whether --again asked for its import: then what an earlier one brought says nothing of it.
    package var isAgain = false
    package var at: Timestamp

    /// How far an import had come.
    package struct Place: Hashable, Sendable {
        package var byteCount: Int
        /// Of the bytes before it.
        package var checksum: UInt32
        /// Records before it that it had not come to.
        package var rowsLeft: Int

        package init(byteCount: Int, checksum: UInt32, rowsLeft: Int = 0) {
            self.byteCount = byteCount
            self.checksum = checksum
            self.rowsLeft = rowsLeft
        }

        /// The beginning of a file.
        package static let start = Place(byteCount: 0, checksum: 0)
    }

    /// Its own place; nil of an import before there was a checksum.
    package var place: Place? {
        checksum.map { Place(byteCount: byteCount, checksum: $0, rowsLeft: rowsLeft) }
    }

    /// Whether more of a file that both fit is in the log by it.
    package func isFarther(than other: ImportMark) -> Bool {
        (byteCount, -rowsLeft) > (other.byteCount, -other.rowsLeft)
    }

    /// The bytes at either end of a file's read part that its digest is of: enough to tell records
    /// apart, little to read again.
    private static let probeByteCount = 4096

    /// A mark without `rowsLeft`, `begin`, `earlier` and `isAgain`: whoever appends it sets those.
    package init(
        topic: String, partition: String, path: String, byteCount: Int, rowCount: Int, digest: String,
        checksum: UInt32? = nil, at moment: Timestamp
    ) {
        self.topic = topic
        self.partition = partition
        self.path = path
        self.byteCount = byteCount
        self.rowCount = rowCount
        self.digest = digest
        self.checksum = checksum
        at = moment
    }

    /// The digest of a file's first `byteCount` bytes: of their number, their beginning and their end.
    package static func digest(
        upTo byteCount: Int, read: (_ offset: Int, _ byteCount: Int) throws -> [UInt8]
    ) rethrows -> String {
        let probe = min(byteCount, probeByteCount)
        let bytes =
            try Array("\(byteCount)\n".utf8) + read(0, probe) + read(byteCount - probe, probe)
        return SHA256.hexDigest(bytes)
    }

    /// The Idempotency-Key of a part of a file, for a server: of how the file begins, and of the part's place.
    /// The server tells by it whether the part is there, and whether another one is.
    ///
    /// - Parameters:
    ///   - salt: where the records go.
    ///   - attempt: how many files that begin alike, and then differ, it is not.
    ///   - row: records of the file before the part.
    package static func key(salt: String, beginning: Fingerprint, attempt: Int, row: Int) -> String {
        let whole = Fingerprint("\(salt)\n\(beginning.first) \(beginning.second)\n\(attempt)\n\(row)")
        return "import-\(row)-" + String(whole.first, radix: 16) + "-" + String(whole.second, radix: 16)
    }

    var event: Event {
        let document = JSONValue.object(
            ("kind", .string("file_read")), ("topic", .string(topic)), ("partition", .string(partition)),
            ("path", .string(path)), ("byte_count", .integer(byteCount)), ("row_count", .integer(rowCount)),
            ("digest", .string(digest)), ("checksum", checksum.map { .integer(Int($0)) } ?? .null),
            ("begin_byte", begin.map { .integer($0.byteCount) } ?? .null),
            ("begin_checksum", begin.map { .integer(Int($0.checksum)) } ?? .null),
            ("rows_left", .integer(rowsLeft)), ("begin_rows_left", .integer(begin?.rowsLeft ?? 0)),
            ("again", .bool(isAgain)), ("at", .zulu(at)))
        return Event(name: InferenceStore.importEventName, document: Array(document.text.utf8))
    }

    init(_ json: JSONField) throws(FieldError) {
        let checksum = try json["checksum"].optional?.integer()
        self.init(
            topic: try json["topic"].string(), partition: try json["partition"].string(),
            path: try json["path"].string(), byteCount: try json["byte_count"].integer(),
            rowCount: try json["row_count"].integer(), digest: try json["digest"].string(),
            checksum: checksum.map { UInt32(truncatingIfNeeded: $0) }, at: try json["at"].timestamp())
        isAgain = try json["again"].optional?.bool() ?? false
        // Absent where an import was never left within a record batch.
        rowsLeft = max(0, try json["rows_left"].optional?.integer() ?? 0)
        if let byte = try json["begin_byte"].optional?.integer(),
            let checksum = try json["begin_checksum"].optional?.integer()
        {
            begin = Place(
                byteCount: byte, checksum: UInt32(truncatingIfNeeded: checksum),
                rowsLeft: try json["begin_rows_left"].optional?.integer() ?? 0)
        }
    }
}
