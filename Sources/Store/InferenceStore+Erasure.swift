// What leaves the store because somebody asks: a topic's records, or a field of them.
//
// Invariants:
//  * A deletion or redaction that was answered is durable, and its bytes are gone from the log's files,
//    also from damaged ones, or the answer says where they are not; those are tried again in the background.
//  * Nobody who asks for records to go is refused because of what was made of them: what was sealed unproven, or
//    not at all, is told of.
//  * Asking again for what is done changes nothing.
//  * All of it works on a full disk as far as the log's reserve goes (EventLog: LogReserve.swift).

import Bytes
import Disk
import EventLog
import JSON
import Records
import Segments
import Synchronization

/// What a command let go, and what became of the bytes.
package struct ErasureReport: Sendable {
    /// The tombstone's commit; nil where there was nothing to let go.
    package var commit: CommitNumber?
    /// Records that were let go. Of a redaction, those in blocks that have the field, whether each had it or not.
    package var recordCount: UInt64 = 0
    /// What the rewrites did that took the bytes away.
    package var compaction = CompactionReport()
    /// Segments that may still hold what was to go, of this erasure or an earlier one: they are tried again.
    package var pendingSegments: [UInt64] = []
    /// What could not be done, each with what to do about it.
    package var problems: [String] = []
}

extension InferenceStore {
    /// Lets all records of a topic go, now and from disk. The topic's addresses are not given again.
    package func deleteRecords(ofTopic topic: String) async throws -> ErasureReport {
        try refuseUnseen(topic)
        // Of the log that the tombstone is made of: records come until then, and go with the others. Its
        // ranges are no count, for they name also what went before.
        let rowCount = Mutex(0)
        var report = try await erase(of: topic) { index in
            rowCount.withLock { $0 = index.topics[topic]?.rowCount ?? 0 }
            return Tombstone(deleting: topic, in: index)
        }
        if report.commit != nil { report.recordCount = UInt64(rowCount.withLock { $0 }) }
        return report
    }

    /// Lets a field of all records of a topic go that there are now, from answers and from disk. Records
    /// that come later may have it again.
    package func redact(_ field: String, ofTopic topic: String) async throws -> ErasureReport {
        try refuseUnseen(topic)
        guard !field.isEmpty, field != "time", field.utf8.count <= RecordLimits.nameByteCountMax else {
            throw FieldError(
                field: "field",
                problem:
                    "must name a field of the records as the log keeps it, as \"in.name\"; the time stays")
        }
        let recordCount = try countHolders(of: field, in: topic)
        var report = try await erase(of: topic, field: field) {
            Tombstone(redacting: field, of: topic, in: $0)
        }
        if report.commit != nil { report.recordCount = recordCount }
        return report
    }

    /// How many records stand in blocks that have the field, as far as can be seen.
    ///
    /// - Throws: `FieldError` where there are records and none has it: it may be misspelled, or a part of a
    ///   field that is kept whole, and would stay on disk. Asked again for one that is gone, it is none.
    private func countHolders(of field: String, in topic: String) throws -> UInt64 {
        let snapshot = log.snapshot()
        guard let index = snapshot.index.topics[topic] else { return 0 }
        var count = 0
        var mayBeHidden = index.redactions.contains { $0.field.isExactly(field) }
        var names: Set<ExactText> = []
        func note(_ found: [String], rowCount: Int) {
            if found.contains(where: { $0.isExactly(field) }) { count += rowCount }
            if names.count < RecordLimits.fieldCountMax { names.formUnion(Set(exactly: found)) }
        }
        for blocks in index.segments {
            for block in blocks.blocks {
                do {
                    let head = try snapshot.files.segment(blocks.segment).head(block)
                    note(head.fields.map(\.name), rowCount: block.rowCount)
                } catch {
                    // What cannot be read may have it.
                    mayBeHidden = true
                }
            }
        }
        for run in index.tails.values.joined() {
            note(run.batch.fields.map(\.name), rowCount: run.batch.rowCount)
        }
        mayBeHidden = mayBeHidden || snapshot.index.uses.values.contains { $0.unseenFrom != nil }
        guard count > 0 || mayBeHidden || index.rowCount == 0 else {
            let whole = names.map(\.text).filter { field.hasExactPrefix($0 + ".") }.max {
                $0.count < $1.count
            }
            let remedy =
                whole.map { "\"\($0)\" is kept as one field: redact that" }
                ?? "it has "
                + names.map(\.text).sorted().prefix(8).map { "\"\($0)\"" }.joined(separator: ", ")
                + (names.count > 8 ? " and \(names.count - 8) more" : "")
            throw FieldError(
                field: "field", problem: "names \"\(field)\", which no record of the topic has; \(remedy)")
        }
        return UInt64(count)
    }

    private func erase(
        of topic: String, field: String? = nil, _ choose: @escaping @Sendable (LogIndex) -> Tombstone?
    ) async throws -> ErasureReport {
        var report = ErasureReport()
        (report.commit, report.problems) = try await log.freeingRoom {
            var problems: [String] = []
            let commit = try await sealAndErase(
                { LeavingRecords(topic: topic, periods: $0.periods(ofTopic: topic), field: field) },
                &problems, choose)
            return (commit, problems)
        }
        // Asked again, it goes on with what an earlier attempt could not finish.
        do {
            report.compaction = try await log.freeingRoom {
                try await log.compact(CompactionPace(retries: .all) { _ in false })
            }
        } catch let error as LogError where error.isOutOfSpace {
            report.problems.append(
                "the records are gone from all answers, but not all of their bytes from the disk, which has no room "
                    + "to write what stays beside them: that is tried again in the background (\(error))")
        }
        if let lost = try await deleteUnreadable(report.compaction.unreadable, ofTopic: topic) {
            report.problems += lost
            report.compaction = try await log.compact(CompactionPace(retries: .all) { _ in false })
        }
        report.problems += report.compaction.problems
        report.pendingSegments = log.snapshot().index.pendingErasures.sorted()
        // Where nothing is seen of a topic there is no tombstone, and no rewrite that could fail.
        for (number, use) in log.snapshot().index.uses.sorted(by: { $0.key < $1.key }) {
            guard let offset = use.unseenFrom, !use.isErasureDue else { continue }
            report.problems.append(
                "\(SegmentPlace(file: FileName.segment(number), byteOffset: offset)): from here on it is damaged, "
                    + "and whose records it holds is unknown; \(RewritePlan.erasureRemedy)")
        }
        return report
    }

    /// Lets records go whole whose block is so damaged that a field of it cannot be told from the others:
    /// nobody can read them, and they are not to keep on disk what is to go.
    /// - Returns: which, for the answer; nil where there are none.
    private func deleteUnreadable(
        _ blocks: [UnreadableBlock], ofTopic topic: String
    ) async throws -> [String]? {
        let lost = blocks.filter { $0.topic == topic }
        if lost.isEmpty { return nil }
        var ranges: [String: IndexRanges] = [:]
        for block in lost { ranges[block.partition, default: IndexRanges()].insert(block.indexes) }
        let tombstone = Tombstone(topic: topic, reason: .deletion, ranges: ranges)
        var problems: [String] = []
        // Whole records go, so results over any of their fields are sealed.
        let leaving = LeavingRecords(topic: topic, partitions: ranges.mapValues { _ in [.always] })
        _ = try await sealAndErase({ _ in leaving }, &problems) { _ in tombstone }
        return problems
            + lost.map { block in
                "records \(block.indexes.lowerBound) to \(block.indexes.upperBound - 1) of partition "
                    + "\"\(block.partition)\" are deleted whole: they were damaged so that no field of them can be "
                    + "told from another (\(block.error)); a backup of before may hold them"
            }
    }

    /// Seals what depends on records, or a field of them, and appends that they go.
    private func sealAndErase(
        _ leaving: (StoreView) -> LeavingRecords, _ problems: inout [String],
        _ choose: @escaping @Sendable (LogIndex) -> Tombstone?
    ) async throws -> CommitNumber? {
        var commit: CommitNumber?
        var sealed = SealingReport()
        defer { if let problem = sealed.problem { problems.append(problem) } }
        do {
            try await sealResults(leaving, noting: &sealed) { commit = try await log.erase(choose) }
        } catch  where commit == nil && !(error is LogError) {
            // Who asks for records to go is not refused because of what was made of them.
            problems.append("results over these records were not sealed first: \(error)")
            commit = try await gate.pass { try await letGo { try await log.erase(choose) } }
        }
        return commit
    }

    /// Refuses a topic that is not there; but a file that is not seen may hold it, and the answer then names that.
    private func refuseUnseen(_ topic: String) throws {
        if log.snapshot().index.uses.values.contains(where: { $0.unseenFrom != nil }) { return }
        try refuseUnknown(topic)
    }
}

// MARK: For people

extension ErasureReport {
    /// As answers and the command line show it; segments by their files' names.
    package var json: JSONValue {
        .object(
            ("records", .integer(recordCount)), ("commit", commit.map { .integer($0) } ?? .null),
            ("segments_rewritten", .integer(compaction.segmentsBefore)),
            ("segments_pending", .array(pendingSegments.map { .string(FileName.segment($0)) })),
            ("problems", .array(problems.map { .string($0) })))
    }
}
