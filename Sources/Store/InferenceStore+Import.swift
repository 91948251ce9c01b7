// How far files have been read into the log: marks that are committed together with the records.
//
// Invariants:
//  * A mark is durable exactly when the records up to its place are: one commit holds both.
//  * A mark knows its file by what it holds, not by what it is called, so that a file that was
//    moved is found again, and one that was changed is not taken for itself.

import Bytes
import EventLog
import JSON
import Records
import Segments

/// Up to where a file is in the log.
package struct ImportMark: Hashable, Sendable {
    package var topic: String
    package var partition: String
    /// What the file was called; for people.
    package var path: String
    /// Bytes of the file whose records are in the log.
    package var byteCount: Int
    /// Records of the file that are in the log.
    package var rowCount: Int
    /// Of the file's bytes before the place.
    package var digest: String
    package var at: Timestamp

    /// The bytes at either end of a file's read part that its digest is of: enough to tell records
    /// apart, little to read again.
    private static let probeByteCount = 4096

    package init(
        topic: String, partition: String, path: String, byteCount: Int, rowCount: Int, digest: String,
        at moment: Timestamp
    ) {
        self.topic = topic
        self.partition = partition
        self.path = path
        self.byteCount = byteCount
        self.rowCount = rowCount
        self.digest = digest
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

    /// The Idempotency-Key of a part of a file, for a server: of its place and its bytes.
    package static func key(salt: String, start: Int, _ text: [UInt8]) -> String {
        let contents = text.withUnsafeBytes { Fingerprint($0) }
        let whole = Fingerprint("\(salt)\n\(start)\n\(contents.first) \(contents.second)")
        return "import-\(start)-" + String(whole.first, radix: 16) + "-" + String(whole.second, radix: 16)
    }

    var event: Event {
        let document = JSONValue.object(
            ("kind", .string("file_read")), ("topic", .string(topic)), ("partition", .string(partition)),
            ("path", .string(path)), ("byte_count", .integer(byteCount)), ("row_count", .integer(rowCount)),
            ("digest", .string(digest)), ("at", .zulu(at)))
        return Event(name: InferenceStore.importEventName, document: Array(document.text.utf8))
    }

    init(_ json: JSONField) throws(FieldError) {
        self.init(
            topic: try json["topic"].string(), partition: try json["partition"].string(),
            path: try json["path"].string(), byteCount: try json["byte_count"].integer(),
            rowCount: try json["row_count"].integer(), digest: try json["digest"].string(),
            at: try json["at"].timestamp())
    }
}

extension InferenceStore {
    static let importEventName = "import"

    /// Appends records of a file and, in the same commit, up to where it is read and what they declare.
    package func append(
        _ batch: RecordBatch, mark: ImportMark, declaring declaration: RecordDeclaration? = nil
    ) async throws -> AppendedSpan {
        try await append(
            batch, topic: mark.topic, partition: mark.partition, noting: mark.event, declaring: declaration)
    }
}

extension StoreView {
    /// The last mark of every file that was read into a partition, newest first.
    package func importMarks(topic: String, partition: String) throws -> [ImportMark] {
        var marks: [ImportMark] = []
        for place in snapshot.index.events where place.entry.name == InferenceStore.importEventName {
            let mark = try ImportMark(JSONField(try JSONValue(parsing: try snapshot.event(place).document)))
            guard mark.topic == topic, mark.partition == partition else { continue }
            // A file that goes on replaces its own last mark; marks of one import follow each other.
            if marks.last?.path == mark.path, (marks.last?.byteCount ?? 0) < mark.byteCount {
                marks.removeLast()
            }
            marks.append(mark)
        }
        return marks.reversed()
    }
}
