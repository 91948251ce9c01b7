// The note that records, or a field of them, were let go: an event of the log like any other, and the
// only way in which anything ever leaves it.
//
//     tombstone ──► durable ──► no later snapshot shows it ──► a rewrite leaves it behind ──► gone from disk
//
// Invariants:
//  * What a tombstone lets go is named by address, which is for ever: it reads the same however often
//    segments were rewritten, and to let go twice is to let go once.
//  * An erasure comes when every record of its topic stands in a sealed block, so that it never divides
//    one: blocks are before it or after it. Retention divides none either: what stands in one block with
//    records that stay, stays with them.
//  * Tombstones themselves are never let go: they hold the addresses that may not be given again.

import Bytes
import JSON
import Segments

/// What is let go: records by their addresses, or a field by its name.
package struct Tombstone: Hashable, Sendable {
    package enum Reason: String, Hashable, Sendable {
        /// Old or many: the bytes go when a rewrite is worth it.
        case retention
        /// All records of a topic: the bytes are to go at once.
        case deletion
        /// A field of all records of a topic: the bytes are to go at once.
        case redaction

        /// Whether the bytes have to leave the disk, not only the answers.
        var erases: Bool { self != .retention }
    }

    package var topic: String
    package var reason: Reason
    /// The records that go, by partition; empty for a redaction.
    package var ranges: [String: IndexRanges] = [:]
    /// Of each partition that `ranges` does not name, the records before this index go: those of partitions that
    /// nobody sees when it is made, and that a leap gave up. 0 where numbers never leapt.
    package var othersEnd: UInt64 = 0
    /// The field that goes; nil unless this is a redaction.
    @ExactText.OrNone package var field: String? = nil

    package init(topic: String, reason: Reason, ranges: [String: IndexRanges]) {
        self.topic = topic
        self.reason = reason
        self.ranges = ranges
    }

    /// Whether any record has the field is not asked here, as `init(redacting:of:in:)` does.
    package init(topic: String, redacting field: String) {
        self.topic = topic
        reason = .redaction
        self.field = field
    }

    /// All records of a topic; nil where none is left.
    package init?(deleting topic: String, in index: LogIndex) {
        let found = index.topics[topic] ?? TopicIndex()
        var ranges: [String: IndexRanges] = [:]
        for (partition, next) in found.nextIndexes where next > 0 {
            // What a leap gave up goes too, should it come back, also of partitions that are not seen.
            let end = index.nextIndex(topic, partition)
            // What retention let go is named too: its keys are still there.
            if found.isDeleted(partition, 0..<end) { continue }
            ranges[partition] = IndexRanges(0..<end)
        }
        if ranges.isEmpty, found.deletedBefore >= index.lastLeap { return nil }
        self.init(topic: topic, reason: .deletion, ranges: ranges)
        // No record behind the leap has an index before it, of whatever partition.
        othersEnd = index.lastLeap
    }

    /// The records of a partition that go; nil where none does.
    package func ranges(of partition: String) -> IndexRanges? {
        ranges[partition] ?? (othersEnd > 0 ? IndexRanges(0..<othersEnd) : nil)
    }

    /// A field of all records of a topic; nil where there are no records that may have it.
    package init?(redacting field: String, of topic: String, in index: LogIndex) {
        let found = index.topics[topic] ?? TopicIndex()
        let since = found.redactions.first { $0.field.isExactly(field) }?.commit ?? 0
        let hasRecords =
            // What a leap gave up may have it; and what was made anew without an earlier redaction that stood there.
            since < index.lastLeap || !found.tails.isEmpty
            || found.segments.contains { $0.blocks.contains { $0.lastCommit > since } }
        guard hasRecords else { return nil }
        self.init(topic: topic, redacting: field)
    }

    /// Less the records of blocks that it would divide, as the log stands now: records that were rolled or
    /// joined with others since it was made. Nil where nothing is left.
    func sparingDividedBlocks(in index: LogIndex) -> Tombstone? {
        guard let found = index.topics[topic] else { return nil }
        var spared = self
        for block in found.segments.lazy.flatMap(\.blocks) {
            guard let ranges = ranges[block.partition], ranges.divides(block.indexes) else { continue }
            spared.ranges[block.partition]?.subtract(block.indexes)
        }
        spared.ranges = spared.ranges.filter { !$0.value.isEmpty }
        return spared.ranges.isEmpty ? nil : spared
    }

    /// Its event's name.
    package static let eventName = "tombstone"

    package var event: Event {
        var members: [(String, JSONValue)] = [
            ("topic", .string(topic)), ("reason", .string(reason.rawValue)),
        ]
        if let field { members.append(("field", .string(field))) }
        if othersEnd > 0 { members.append(("others", .integer(othersEnd))) }
        if !ranges.isEmpty {
            let partitions = ranges.sorted { $0.key < $1.key }.map { partition, ranges in
                let pairs = ranges.ranges.map {
                    JSONValue.array([.integer($0.lowerBound), .integer($0.upperBound)])
                }
                return (partition, JSONValue.array(pairs))
            }
            members.append(("ranges", .object(JSONObject(partitions))))
        }
        return Event(
            name: Tombstone.eventName, document: Array(JSONValue.object(JSONObject(members)).text.utf8))
    }

    /// Nil for an event that is no tombstone.
    /// - Throws: where it is one, and cannot be read: to pass over it would show what was let go.
    package init?(_ event: Event) throws(TombstoneError) {
        guard event.name == Tombstone.eventName else { return nil }
        do {
            let json = JSONField(try JSONValue(parsing: event.document))
            topic = try json["topic"].string()
            guard let reason = Reason(rawValue: try json["reason"].string()) else {
                throw json["reason"].refused("is of another version")
            }
            self.reason = reason
            if reason == .redaction { field = try json["field"].string() }
            if let others = try json["others"].optional?.integer() {
                guard let end = UInt64(exactly: others) else { throw json["others"].refused("is no index") }
                othersEnd = end
            }
            guard json["ranges"].isPresent else { return }
            for member in try json["ranges"].object().members {
                var found = IndexRanges()
                for pair in try JSONField(member.value).array() {
                    let bounds = try pair.array().map { bound throws(FieldError) -> UInt64 in
                        guard let index = UInt64(exactly: try bound.integer()) else {
                            throw bound.refused("is no index")
                        }
                        return index
                    }
                    guard bounds.count == 2, bounds[0] <= bounds[1] else { throw pair.refused("is no range") }
                    found.insert(bounds[0]..<bounds[1])
                }
                ranges[member.key] = found
            }
        } catch { throw TombstoneError(reason: "\(error)") }
    }
}

/// A tombstone that cannot be read.
package struct TombstoneError: Error, Hashable, Sendable {
    package var reason: String
}
