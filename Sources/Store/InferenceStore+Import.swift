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
