// What leaves the store by itself, and when: retention by age and size, and the rewrites that free the bytes. What
// goes because somebody asks is in InferenceStore+Erasure.swift.
//
//     policy, command ──► results sealed ──► tombstone ──► answers are without ──► rewrite ──► disk is without
//
// Invariants:
//  * Records go by tombstone alone, whole blocks of them or what waits in memory as one; control events never do.
//  * What was made of records is sealed before retention lets them go (`sealResults`). A result that nothing
//    proves does not keep them, and is told of; one that there is not at all does.
//  * What stops one topic's retention stops no other's, but for a log that does not write.
//  * What was sealed unproven is told of, also where something goes wrong after it.
//  * All of it works on a full disk as far as the log's reserve goes (EventLog: LogReserve.swift).

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
    ///
    /// - Parameters:
    ///   - byAge: whether records go by their age as well, or by bytes alone.
    ///   - now: the moment that ages are counted to, for all topics: the clock may be set meanwhile. Nil for the clock's.
    func applyRetention(
        byAge: Bool = true, at now: Timestamp? = nil, noting report: inout RetentionReport
    ) async throws {
        let now = now ?? sources.now()
        for (topic, policy) in folded.withLock({ $0.retention }).sorted(by: { $0.key < $1.key }) {
            guard let index = log.snapshot().index.topics[topic] else { continue }
            let bounds = byAge ? policy : RetentionPolicy(byteCount: policy.byteCount)
            let parts = bounds.excess(of: index, at: now)
            guard !parts.isEmpty else { continue }
            var ranges: [String: IndexRanges] = [:]
            var periods: [String: [TimeWindow]] = [:]
            for part in parts {
                ranges[part.partition, default: IndexRanges()].insert(part.indexes)
                periods[part.partition, default: []].append(part.period)
            }
            let tombstone = Tombstone(topic: topic, reason: .retention, ranges: ranges)
            var letGo: Tombstone?
            var sealed = SealingReport()
            let leaving = LeavingRecords(topic: topic, partitions: periods)
            // Told of once: what is sealed is not sealed again.
            defer {
                if let problem = sealed.problem {
                    report.topicProblems[topic, default: []].append("\(topic): \(problem)")
                }
            }
            do {
                try await sealResults({ _ in leaving }, noting: &sealed) {
                    letGo = try await log.letGo(tombstone)
                }
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

    func refuseUnknown(_ topic: String) throws {
        if log.snapshot().index.topics[topic] != nil { return }
        if catalog.pipelines.all.contains(where: { $0.topic.name == topic }) { return }
        throw StoreRefusal(
            .unknown,
            "there is no topic \"\(topic)\"; GET /v1/logs/topics lists those there are, as does `assaylog inspect`"
        )
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

    /// The least that holds all of them.
    var period: TimeWindow {
        TimeWindow(
            start: Timestamp(milliseconds: timeMin),
            end: Timestamp(milliseconds: timeMax).adding(TimeSpan(microseconds: 1000)))
    }

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

// MARK: For people

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
