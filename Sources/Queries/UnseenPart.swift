// A part of the log that an answer is without, because its bytes are damaged: whose records, which of
// them, of when, and where the damage is. Of a file that nobody sees it is not known whose records are in it.
//
// Invariant: an answer that is without records of its question says so with parts that cover them.

import EventLog
import JSON
import Records

/// Records that are missing from an answer, or may be.
package struct UnseenPart: Hashable, Sendable {
    package var topic: String
    /// Nil where they may be of any.
    package var partition: String?
    /// The records by their index in the partition; nil where nobody knows which they are, or whether there are any.
    package var indexes: Range<UInt64>?
    /// Their times, in milliseconds, where the index tells; nil where only the damaged bytes would.
    package var times: ClosedRange<Int64>?
    /// What is wrong, with file and offset.
    package var problem: String

    package init(
        topic: String, partition: String?, indexes: Range<UInt64>?, times: ClosedRange<Int64>?,
        problem: String
    ) {
        self.topic = topic
        self.partition = partition
        self.indexes = indexes
        self.times = times
        self.problem = problem
    }
}

extension UnseenPart: CustomStringConvertible {
    package var description: String {
        guard let partition, let indexes else {
            return "\(problem); not seen: what it may hold of \(topic)"
        }
        let period =
            times.map {
                "from \(Timestamp(milliseconds: $0.lowerBound).zuluText) to "
                    + Timestamp(milliseconds: $0.upperBound).zuluText
            } ?? "of unknown times"
        return "\(problem); not seen: records [\(indexes.lowerBound), \(indexes.upperBound)) of partition "
            + "\"\(partition)\" of \(topic), \(period)"
    }

    package var json: JSONValue {
        .object(
            ("topic", .string(topic)), ("partition", partition.map { .string($0) } ?? .null),
            ("first_index", indexes.map { .integer($0.lowerBound) } ?? .null),
            ("end_index", indexes.map { .integer($0.upperBound) } ?? .null),
            ("time_min", times.map { .integer($0.lowerBound) } ?? .null),
            ("time_max", times.map { .integer($0.upperBound) } ?? .null), ("problem", .string(problem)))
    }
}

extension UnseenPart {
    init(_ gap: IndexGap, of topic: String) {
        self.init(
            topic: topic, partition: gap.partition, indexes: gap.indexes, times: nil,
            problem: "a segment that holds them is damaged (`assaylog check` says which and where)")
    }
}

extension LogIndex {
    /// What is to be said beside "there is none", where what is not seen may hold it; nil where all is seen.
    package var unseenRemark: String? {
        guard !unseen.isEmpty else { return nil }
        return "it may be in what is not seen of the log, "
            + unseen.map { "\($0) and what follows there" }.joined(separator: ", ")
            + " (`assaylog check` says why)"
    }

    /// What nobody sees, and what may hold records of any topic.
    func unseenParts(of topic: String) -> [UnseenPart] {
        unseen.map { place in
            UnseenPart(
                topic: topic, partition: nil, indexes: nil, times: nil,
                problem: "\(place) and what follows there is not seen (`assaylog check` says why)")
        }
    }
}

extension TopicIndex {
    /// Records of a partition that opening the log could not see, of the holes that are asked for.
    func gaps(
        of partition: String, _ topic: String, _ isAsked: (Range<UInt64>) -> Bool
    ) -> [UnseenPart] {
        gaps.filter { $0.partition == partition && isAsked($0.indexes) }.map { UnseenPart($0, of: topic) }
    }
}
