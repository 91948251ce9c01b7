// What leaves the store, and when: retention by age and size, a topic's deletion, a field's redaction,
// and the rewrites that free the bytes.
//
//     policy, command ──► results sealed ──► tombstone ──► answers are without ──► rewrite ──► disk is without
//
// Invariants:
//  * Records go by tombstone alone, whole blocks of them or what waits in memory as one; control events never do.
//  * What was made of records is sealed before retention lets them go (`sealResults`). A result that nothing
//    proves does not keep them, and is told of; one that there is not at all does.
//  * What stops one topic's retention stops no other's, but for a log that does not write.
//  * What was sealed unproven is told of, also where something goes wrong after it.
//  * A deletion or redaction that was answered is durable, and its bytes are gone from the log's files,
//    also from damaged ones, or the answer says where they are not; those are tried again in the background.
//  * Asking again for what is done changes nothing.
//  * All of it works on a full disk as far as the log's reserve goes (EventLog: LogReserve.swift).

import Bytes
import Disk
import EventLog
import JSON
import Records
import Segments
import Synchronization

/// How long, and how much, a topic keeps.
package struct RetentionPolicy: Hashable, Sendable {
    /// Records older than this go; nil for none.
    package var age: TimeSpan?
    /// Past so many bytes, of blocks and of what waits to become one, the oldest go; nil for no bound.
    package var byteCount: Int?

    package init(age: TimeSpan? = nil, byteCount: Int? = nil) {
        self.age = age
        self.byteCount = byteCount
    }

    /// Whether it keeps all.
    package var isNone: Bool { age == nil && byteCount == nil }

    /// Its event's name in the log.
    static let eventName = "retention"

    func event(_ topic: String) -> Event {
        let json = JSONValue.object(
            ("topic", .string(topic)), ("age", age.map { .string($0.text) } ?? .null),
            ("bytes", byteCount.map { .integer($0) } ?? .null))
        return Event(name: RetentionPolicy.eventName, document: Array(json.text.utf8))
    }

    init(_ json: JSONField) throws {
        age = json["age"].isPresent ? try TimeSpan(parsing: try json["age"].string()) : nil
        byteCount = json["bytes"].isPresent ? try json["bytes"].integer() : nil
    }
}

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

/// What retention let go.
package struct RetentionReport: Hashable, Sendable {
    /// Records, by topic.
    package var recordCounts: [String: UInt64] = [:]
    /// What could not be done, or proved, by topic, each with what to do about it.
    package var topicProblems: [String: [String]] = [:]

    package init() {}

    /// The problems of all topics.
    package var problems: [String] {
        topicProblems.sorted { $0.key < $1.key }.flatMap(\.value)
    }
}

extension InferenceStore {
    // MARK: Retention

    /// Sets what a topic keeps; a policy without bounds keeps all. It is carried out in the background.
    ///
    /// - Throws: `FieldError` where it would keep nothing: that is no policy but a deletion, and one that goes on
    ///   with every record that comes.
    package func setRetention(_ policy: RetentionPolicy, of topic: String) async throws {
        if let byteCount = policy.byteCount, byteCount <= 0 {
            throw FieldError(
                field: "bytes",
                problem: "must be over 0, or records would go as they come; to let go those that there are, "
                    + "delete them (POST …/delete, or `assaylog delete`)")
        }
        try await log.freeingRoom {
            try await gate.pass {
                try refuseUnknown(topic)
                guard (folded.withLock { $0.retention[topic] } ?? RetentionPolicy()) != policy else { return }
                _ = try await log.append([.event(policy.event(topic))])
                folded.withLock { $0.retention[topic] = policy.isNone ? nil : policy }
            }
        }
    }

    /// The policy that is set; one without bounds where none is, also for a topic that is not there.
    package func retention(of topic: String) -> RetentionPolicy {
        folded.withLock { $0.retention[topic] } ?? RetentionPolicy()
    }

    /// Lets go what the topics' policies do not keep now: in answers at once, on disk when a rewrite is due.
    ///
    /// - Throws: where the log does not write.
    @discardableResult
    package func applyRetention() async throws -> RetentionReport {
        var report = RetentionReport()
        try await applyRetention(noting: &report)
        return report
    }

    /// The same, which tells also of what was done before the log stopped writing.
    func applyRetention(noting report: inout RetentionReport) async throws {
        for (topic, policy) in folded.withLock({ $0.retention }).sorted(by: { $0.key < $1.key }) {
            guard let index = log.snapshot().index.topics[topic] else { continue }
            let parts = policy.excess(of: index, at: sources.now())
            guard !parts.isEmpty else { continue }
            var ranges: [String: IndexRanges] = [:]
            for part in parts { ranges[part.partition, default: IndexRanges()].insert(part.indexes) }
            let tombstone = Tombstone(topic: topic, reason: .retention, ranges: ranges)
            var letGo: Tombstone?
            var sealed = SealingReport()
            let leaving = LeavingRecords(topic: topic, periods: TimeWindow.covering(parts), field: nil)
            // Told of once: what is sealed is not sealed again.
            defer {
                if let problem = sealed.problem {
                    report.topicProblems[topic, default: []].append("\(topic): \(problem)")
                }
            }
            do {
                try await sealResults(leaving, noting: &sealed) { letGo = try await log.letGo(tombstone) }
            } catch LogError.busy(let waiting, let limit) {
                report.topicProblems[topic, default: []].append(
                    "\(topic) keeps records past its bounds until the next round: "
                        + "\(LogError.busy(waitingByteCount: waiting, limit: limit))")
            } catch let error as LogError {
                throw error
            } catch {
                try Task.checkCancellation()
                report.topicProblems[topic, default: []].append(
                    "\(topic) keeps records past its bounds: a result over them is neither kept nor can be "
                        + "worked out (\(error)); restore the damaged files from a backup, or delete the "
                        + "topic's records, which asks for no results")
            }
            if let letGo { report.recordCounts[topic] = letGo.ranges.values.reduce(0) { $0 + $1.count } }
        }
    }

    // MARK: Deletion and redaction

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
        func note(_ found: some Sequence<String>, rowCount: Int) {
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
            return (try await sealAndErase(topic, field, &problems, choose), problems)
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
        _ = try await sealAndErase(topic, nil, &problems) { _ in tombstone }
        return problems
            + lost.map { block in
                "records \(block.indexes.lowerBound) to \(block.indexes.upperBound - 1) of partition "
                    + "\"\(block.partition)\" are deleted whole: they were damaged so that no field of them can be "
                    + "told from another (\(block.error)); a backup of before may hold them"
            }
    }

    /// Seals what depends on records, or a field of them, and appends that they go.
    private func sealAndErase(
        _ topic: String, _ field: String?, _ problems: inout [String],
        _ choose: @escaping @Sendable (LogIndex) -> Tombstone?
    ) async throws -> CommitNumber? {
        var commit: CommitNumber?
        var sealed = SealingReport()
        let leaving = LeavingRecords(topic: topic, periods: [.always], field: field)
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

    /// As below; but a file that is not seen may hold the topic, and the answer then names it.
    private func refuseUnseen(_ topic: String) throws {
        if log.snapshot().index.uses.values.contains(where: { $0.unseenFrom != nil }) { return }
        try refuseUnknown(topic)
    }

    private func refuseUnknown(_ topic: String) throws {
        if log.snapshot().index.topics[topic] != nil { return }
        if catalog.pipelines.all.contains(where: { $0.topic.name == topic }) { return }
        throw StoreRefusal(
            .unknown,
            "there is no topic \"\(topic)\"; GET /topics lists those there are, as does `assaylog inspect`")
    }

    // MARK: Compaction

    /// Lets go what is over its bounds now, then rewrites all that is due, and all that was never regrouped, as
    /// fast as the disk takes it.
    package func compact() async throws -> CompactionReport {
        var retention = RetentionReport()
        try await log.freeingRoom { try await applyRetention(noting: &retention) }
        var report = try await log.freeingRoom { try await log.compact(CompactionPace(retries: .all)) }
        report.recordsLetGo = retention.recordCounts
        report.problems = retention.problems + report.problems
        return report
    }
}

extension RetentionPolicy {
    /// What is over its bounds: what is too old, then the oldest past the bytes, in blocks or waiting in memory to
    /// become one.
    ///
    /// What stands together goes when its newest record may: what is kept is up to one block more than was asked. A
    /// record whose clock was ahead keeps what it stands with until its time has passed.
    func excess(of topic: TopicIndex, at now: Timestamp) -> [RecordPart] {
        let parts = RecordPart.all(of: topic).sorted {
            ($0.timeMax, $0.indexes.lowerBound) < ($1.timeMax, $1.indexes.lowerBound)
        }
        var goes = parts.prefix(0)
        if let age {
            let oldest = now.adding(TimeSpan(microseconds: -age.microseconds)).milliseconds
            goes = parts.prefix { $0.timeMax < oldest }
        }
        if let byteCount {
            var rest = parts[goes.endIndex...].reduce(0) { $0 + $1.byteCount }
            while rest > byteCount, goes.endIndex < parts.endIndex {
                rest -= parts[goes.endIndex].byteCount
                goes = parts[..<(goes.endIndex + 1)]
            }
        }
        return Array(goes)
    }
}

/// Records that stand together, in a block or in memory, and go together.
struct RecordPart: Hashable {
    var partition: String
    var indexes: Range<UInt64>
    /// Of their times, in milliseconds.
    var timeMin: Int64
    var timeMax: Int64
    /// As a topic's bytes are counted: those on disk of a block, those in memory of what waits there.
    var byteCount: Int

    static func all(of topic: TopicIndex) -> [RecordPart] {
        topic.segments.flatMap(\.blocks).map { block in
            RecordPart(
                partition: block.partition, indexes: block.indexes, timeMin: block.timeMin,
                timeMax: block.timeMax, byteCount: block.byteCount)
        }
            + topic.tails.values.joined().map { run in
                RecordPart(
                    partition: run.partition, indexes: run.firstIndex..<run.endIndex, timeMin: run.timeMin,
                    timeMax: run.timeMax, byteCount: run.byteCount)
            }
    }
}

extension TimeWindow {
    /// The least windows that hold all of some records: those that overlap are one.
    fileprivate static func covering(_ parts: [RecordPart]) -> [TimeWindow] {
        var windows: [TimeWindow] = []
        for part in parts.sorted(by: { $0.timeMin < $1.timeMin }) {
            let window = TimeWindow(
                start: Timestamp(milliseconds: part.timeMin),
                end: Timestamp(milliseconds: part.timeMax).adding(TimeSpan(microseconds: 1000)))
            if let last = windows.last, last.end >= window.start {
                windows[windows.count - 1] = last.union(window)
            } else {
                windows.append(window)
            }
        }
        return windows
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

extension RetentionReport {
    /// Counts of records by topic.
    package static func json(_ counts: [String: UInt64]) -> JSONValue {
        .object(JSONObject(counts.sorted { $0.key < $1.key }.map { ($0.key, .integer($0.value)) }))
    }

    /// What is said of a topic's records in a server's log, and by commands.
    package static func sentence(_ count: UInt64, of topic: String) -> String {
        "retention let \(count) \(count == 1 ? "record" : "records") of \(topic) go"
    }
}

extension CompactionReport {
    /// As answers and the command line show it; `records_let_go` by topic.
    package var json: JSONValue {
        .object(
            ("rewrites", .integer(rewriteCount)),
            (
                "reasons",
                .object(JSONObject(rewrites.sorted { $0.key < $1.key }.map { ($0.key, .integer($0.value)) }))
            ),
            ("segments_before", .integer(segmentsBefore)), ("segments_after", .integer(segmentsAfter)),
            ("bytes_before", .integer(bytesBefore)), ("bytes_after", .integer(bytesAfter)),
            ("records_let_go", RetentionReport.json(recordsLetGo)),
            ("problems", .array(problems.map { .string($0) })))
    }
}
