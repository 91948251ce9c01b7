// How far files have been read into the log: marks that are committed together with the records.
//
// Invariants:
//  * A mark is durable exactly when the records up to its place are: one commit holds both.
//  * A mark knows its file by what it holds, not by what it is called, so that a file that was
//    moved is found again, and one that was changed is not taken for itself.
//  * A mark goes on from another exactly when it says so, by the other's place: a file that was written over
//    under the same name is not what was there before.
//  * With the records of a topic that are deleted their marks end, as idempotency keys do: the file may be
//    imported anew. Retention ends none, or what it let go would come back. The events stay in the log.
//  * A mark that cannot be read is told of, and hides no other: unless it was of another partition, for none of this
//    one's records came with it, or a later mark goes on from it, which then says how far its file is read. Which
//    file it was of is not known else.

import Bytes
import Disk
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

/// How far files have been read into a partition.
package struct ImportMarks: Sendable {
    /// The last mark of every file, newest first.
    package var marks: [ImportMark] = []
    /// Marks that cannot be read and may be the last of a file's, each with its place.
    package var unread: [String] = []
}

extension StoreView {
    /// The last marks of the files that were read into a partition.
    package func importMarks(topic: String, partition: String) -> ImportMarks {
        var found = ImportMarks()
        var marks: [ImportMark?] = []
        // The newest mark of each name, and at each place.
        var byPath: [ExactText: Int] = [:]
        var byPlace: [ImportMark.Place: Int] = [:]
        // Places that marks go on from where none is that can be read: each is that of one that cannot.
        var missing: Set<ImportMark.Place> = []
        // Not where a mark may be hidden with all that was beside it, or does not tell its place.
        var tellsMissing = !snapshot.index.uses.values.contains { $0.unseenFrom != nil }
        let index = snapshot.index.topics[topic]
        // Of the tombstones, which retention may have made thousands of, none is read where no deletion was.
        let wasDeleted = index?.isDeleted(partition, 0..<1) ?? false
        for place in snapshot.index.events {
            let isTombstone = wasDeleted && place.entry.name == Tombstone.eventName
            guard isTombstone || place.entry.name == InferenceStore.importEventName else { continue }
            var mark: ImportMark
            do {
                let event = try snapshot.event(place)
                if isTombstone {
                    if let tombstone = try Tombstone(event),
                        ends(tombstone, at: place.entry.commit, topic: topic, partition: partition)
                    {
                        (marks, byPath, byPlace) = ([], [:], [:])
                        (found.unread, missing) = ([], [])
                    }
                    continue
                }
                mark = try ImportMark(JSONField(try JSONValue(parsing: event.document)))
            } catch {
                // Its records came with it.
                guard index?.mayHold(place.entry.commit, in: partition) ?? false else { continue }
                let file = FileName.segment(place.segment)
                // What is wrong with the bytes `assaylog check` says.
                let reason = error is SegmentError ? "" : " (\(error))"
                found.unread.append(
                    "the event \"\(place.entry.name)\" of \(file) at byte \(place.entry.offset)\(reason)")
                continue
            }
            guard mark.topic == topic, mark.partition == partition else { continue }
            if mark.checksum == nil { tellsMissing = false }
            if let begin = mark.begin, begin != .start, byPlace[begin] == nil,
                missing.count < found.unread.count
            {
                missing.insert(begin)
            }
            let namesake = byPath[ExactText(mark.path)].flatMap { mark.follows(marks[$0]) ? $0 : nil }
            if let last = namesake ?? mark.begin.flatMap({ byPlace[$0] }), var found = marks[last] {
                // A file that goes on replaces its own last mark; one that was moved leaves it.
                if namesake != nil { marks[last] = nil }
                // Taken over, not copied, where it goes on: an import of a large file has thousands of places.
                swap(&mark.earlier, &found.earlier)
                if let place = found.place { mark.earlier.append(place) }
            }
            byPath[ExactText(mark.path)] = marks.count
            if let place = mark.place { byPlace[place] = marks.count }
            marks.append(mark)
        }
        if tellsMissing, missing.count == found.unread.count { found.unread = [] }
        found.marks = marks.reversed().compactMap { $0 }
        return found
    }

    /// Whether a tombstone is the deletion of all records that the partition had, and of their marks.
    private func ends(
        _ tombstone: Tombstone, at commit: CommitNumber, topic: String, partition: String
    ) -> Bool {
        guard tombstone.topic == topic, tombstone.reason == .deletion,
            let gone = tombstone.ranges(of: partition)
        else { return false }
        guard gone.ranges.count == 1, gone.contains(0..<gone.end) else { return false }
        // A redaction may delete damaged records at the beginning, and those behind them stay: where retention took
        // these since, the two cannot be told apart, and what is imported anew is old enough to go again.
        let index = snapshot.index.topics[topic]
        return index?.segments.lazy.flatMap(\.blocks).contains {
            $0.partition == partition && $0.firstIndex >= gone.end && $0.firstCommit < commit
        } != true
    }
}

extension ImportMark {
    /// Whether it goes on from the last mark of the same name.
    fileprivate func follows(_ last: ImportMark?) -> Bool {
        guard let last else { return false }
        // Imports before the beginning was noted: that they came farther is all that is known.
        guard let begin else { return last.byteCount < byteCount }
        return last.byteCount == begin.byteCount && last.rowsLeft == begin.rowsLeft
            && (last.checksum ?? begin.checksum) == begin.checksum
    }
}
