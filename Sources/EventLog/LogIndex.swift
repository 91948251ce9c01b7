// What the log holds, as its readers see it: for every topic its blocks by segment, and the tail of
// small appends that are not columns yet. A value: a reader's copy does not change.
//
// Invariants:
//  * Everything in it is durable, with commits up to `cut` and no other.
//  * The indexes of a partition are dense: each from 0 up to its next one stands in exactly one
//    block or tail run, was let go by a tombstone, or stands in a gap that damage made.
//  * Nothing that a tombstone up to `cut` let go is in it, whatever is still on disk.
//  * No index of a partition is in it twice, whichever of what a leap gave up has come back.

import Bytes
import Records
import Segments

/// An event's place in the log.
package struct EventPlace: Hashable, Sendable {
    package let segment: UInt64
    package let entry: EventEntry
}

/// What of a segment is still wanted, for whoever decides on its rewriting.
package struct SegmentUse: Hashable, Sendable {
    /// Bytes of its blocks and events, and of those that are still seen.
    package internal(set) var listedByteCount = 0
    package internal(set) var liveByteCount = 0
    package internal(set) var blockCount = 0
    package internal(set) var rowCount = 0
    /// Whose records and keys it holds, seen or not.
    package internal(set) var topics: Set<String> = []
    package internal(set) var header = SegmentHeader()
    /// The last erasure that may concern it; 0 for none.
    package internal(set) var erasure: CommitNumber = 0
    /// From where on its bytes are damaged, so that nobody knows whose records they hold; nil where all
    /// of it was seen.
    package internal(set) var unseenFrom: Int?
    /// Whether a failed envelope, of whatever topics, may lie behind its valid bytes.
    package internal(set) var isClosed = false
    /// Whether rows that wait in memory may stand in it and in no other that is seen: it is not made anew before they
    /// are columns elsewhere.
    package internal(set) var isLent = false

    /// Whether its blocks are so short that a path's column in one is less than a page: then a question
    /// about the path reads more of its neighbours than of it.
    var isScattered: Bool { rowCount < blockCount * SegmentUse.wholeRowCount }

    /// A page of four-byte numbers.
    private static let wholeRowCount = 1024

    /// Whether it holds bytes that are to leave the disk.
    package var isErasureDue: Bool { erasure > header.cut }
}

/// The index as of one commit. A copy costs a few references.
package struct LogIndex: Sendable {
    /// The last durable commit; 0 while there is none.
    package internal(set) var cut: CommitNumber = 0
    /// By name; also those of which no record is left.
    package internal(set) var topics: [String: TopicIndex] = [:]
    /// In commit order.
    package internal(set) var events = EventList()
    /// What the tails of all topics take in memory, about.
    private(set) var tailByteCount = 0
    /// What was let go while it waited, since all that waited became columns: no block lists it.
    private(set) var letGoTailByteCount = 0
    /// Where parts begin that the opening could not see, and that nobody has given up: of any topic, for all that
    /// is known.
    package internal(set) var unseen: [SegmentPlace] = []
    /// The indexes that numbers leapt to, of every partition.
    private var leaps: Set<UInt64> = []
    /// Whether what was not seen was ever given up.
    package var hasLeapt: Bool { !leaps.isEmpty }
    /// No index before this was given behind the last leap, whether that leap is seen or not.
    private var leapEnd: UInt64 = 0
    /// By segment number.
    package internal(set) var uses: [UInt64: SegmentUse] = [:]

    package init() {}

    /// Segments that hold bytes which are to leave the disk.
    package var pendingErasures: Set<UInt64> { Set(uses.lazy.filter { $0.value.isErasureDue }.map(\.key)) }

    /// Adds the blocks of a sealed segment, as if one by one: with one look at a topic for all of its blocks.
    ///
    /// - Returns: those that are seen in part.
    mutating func append(
        sealed topics: [(topic: String, blocks: BlockList)], segment: UInt64
    ) -> [BlockEntry] {
        var inPart: [BlockEntry] = []
        var use = uses[segment] ?? SegmentUse()
        for (topic, blocks) in topics {
            use.topics.insert(topic)
            use.listedByteCount += blocks.byteCount
            use.blockCount += blocks.count
            use.rowCount += blocks.rowCount
            change(topic) { [leapEnd] in
                let found = $0.append(sealed: blocks, segment: segment, leapEnd)
                use.liveByteCount += found.seenByteCount
                inPart += found.inPart
            }
        }
        uses[segment] = use
        return inPart
    }

    /// Adds a block. What a writer rolls is never seen in part: nothing waits that a block has.
    @discardableResult
    mutating func append(_ block: BlockEntry, segment: UInt64) -> BlockAddition {
        var addition = BlockAddition.notSeen
        change(block.topic) { [leapEnd] in addition = $0.append(block, segment: segment, leapEnd) }
        uses[segment, default: SegmentUse()].listedByteCount += block.byteCount
        uses[segment]!.blockCount += 1
        uses[segment]!.rowCount += block.rowCount
        if addition == .seen { uses[segment]!.liveByteCount += block.byteCount }
        if !uses[segment]!.topics.contains(block.topic) { uses[segment]!.topics.insert(block.topic) }
        return addition
    }

    /// Adds rows that a block of a segment has alone, and that are to wait.
    mutating func insert(_ run: TailRun, topic: String, lentBy segment: UInt64) {
        change(topic) { $0.insert(run) }
        uses[segment, default: SegmentUse()].isLent = true
    }

    /// Notes that all that waited is columns.
    mutating func noteAllRolled() {
        for (segment, use) in uses where use.isLent { uses[segment]!.isLent = false }
        letGoTailByteCount = 0
    }

    /// The index that the next record of a partition gets.
    func nextIndex(_ topic: String, _ partition: String) -> UInt64 {
        max(topics[topic]?.nextIndexes[partition] ?? 0, lastLeap)
    }

    /// What numbers leapt to last, of indexes and commits; 0 where they never did.
    var lastLeap: UInt64 { leaps.max() ?? 0 }

    /// Past every index that is known to have been given.
    var indexEnd: UInt64 {
        topics.values.reduce(lastLeap) { max($0, $1.nextIndexes.values.max() ?? 0) }
    }

    /// Gives up what is not seen: no index below the leap's is given from here on.
    mutating func apply(_ leap: Leap) {
        unseen = []
        leaps.insert(leap.index)
        expectLeaps(upTo: leap.index)
    }

    /// Says that numbers leapt up to an index, by leaps that may not be seen.
    mutating func expectLeaps(upTo index: UInt64) {
        guard index > leapEnd else { return }
        leapEnd = index
        for name in topics.keys { topics[name]!.noteHeld(before: index) }
    }

    /// Notes what damage hides: indexes are dense, so a hole in them is records that are not seen.
    mutating func noteGaps() {
        for name in topics.keys { topics[name]!.gaps = topics[name]!.foundGaps(but: leaps) }
    }

    /// - Parameter segment: where the small block is that holds it.
    mutating func append(_ run: TailRun, topic: String, segment: UInt64) {
        change(topic) { $0.append(run) }
        uses[segment, default: SegmentUse()].topics.insert(topic)
    }

    private mutating func change(_ topic: String, _ body: (inout TopicIndex) -> Void) {
        let before = topics[topic]?.tailByteCount ?? 0
        body(&topics[topic, default: TopicIndex()])
        tailByteCount += (topics[topic]?.tailByteCount ?? 0) - before
    }

    mutating func append(_ event: EventEntry, segment: UInt64) {
        events.append(EventPlace(segment: segment, entry: event))
        uses[segment, default: SegmentUse()].listedByteCount += event.byteCount
        uses[segment]!.liveByteCount += event.byteCount
    }

    /// Notes whose keys and small blocks a segment holds, where no block may be listed of theirs.
    mutating func note(otherTopics: Set<String>, segment: UInt64) {
        if otherTopics.isEmpty { return }
        uses[segment, default: SegmentUse()].topics.formUnion(otherTopics)
    }

    /// Whether an idempotency key is a deleted record's: then it is remembered no longer, and is to go.
    func isDeleted(_ key: KeyEntry) -> Bool {
        guard let topic = topics[key.topic], topic.hasDeleted else { return false }
        return topic.isDeleted(key.partition, key.indexes)
    }

    mutating func note(_ header: SegmentHeader, segment: UInt64) {
        uses[segment, default: SegmentUse()].header = header
    }

    /// Notes that a segment's bytes are damaged from `offset` on.
    mutating func noteUnseen(_ segment: UInt64, from offset: Int) {
        uses[segment, default: SegmentUse()].unseenFrom = offset
    }

    /// Notes that a segment ends without a footer. What waits in memory it may have alone.
    mutating func noteClosed(_ segment: UInt64) {
        uses[segment, default: SegmentUse()].isClosed = true
        if tailByteCount > 0 { uses[segment]!.isLent = true }
    }

    /// Lets go what a tombstone says, as of its commit. All that it concerns is in the index.
    package mutating func apply(_ tombstone: Tombstone, commit: CommitNumber) {
        var topic = topics[tombstone.topic] ?? TopicIndex()
        let tailByteCountBefore = topic.tailByteCount
        let ranges = topic.ranges(of: tombstone)
        if !ranges.isEmpty {
            var before: [UInt64: Int] = [:]
            for segment in topic.segments {
                before[segment.segment] = segment.blocks.byteCount
            }
            topic.apply(ranges, tombstone.reason)
            letGoTailByteCount += max(0, tailByteCountBefore - topic.tailByteCount)
            for segment in topic.segments {
                before[segment.segment]! -= segment.blocks.byteCount
            }
            for (segment, byteCount) in before { uses[segment]!.liveByteCount -= byteCount }
        }
        topic.noteDeleted(before: tombstone.othersEnd)
        if let field = tombstone.field {
            topic.redactTails(field, before: commit)
            topic.redactions.removeAll { $0.field.isExactly(field) }
            topic.redactions.append(Redaction(field: field, commit: commit))
        }
        topics[tombstone.topic] = topic
        tailByteCount += topic.tailByteCount - tailByteCountBefore
        guard tombstone.reason.erases else { return }
        for (segment, use) in uses
        where use.topics.contains(tombstone.topic) || use.unseenFrom != nil || use.isClosed {
            uses[segment]!.erasure = max(use.erasure, commit)
        }
    }

    /// Puts a rewritten segment in the place of those it was made of.
    mutating func replace(
        _ sources: Set<UInt64>, with segment: UInt64, _ header: SegmentHeader, _ directory: SegmentDirectory
    ) {
        var use = SegmentUse()
        use.header = header
        for source in sources {
            guard let old = uses.removeValue(forKey: source) else { continue }
            use.erasure = max(use.erasure, old.erasure)
        }
        let blocks = Dictionary(uniqueKeysWithValues: directory.blocks.byTopic().map { ($0, $1) })
        for name in topics.keys {
            topics[name]!.replace(sources, with: segment, blocks[name] ?? BlockList())
        }
        use.topics = directory.otherTopics.union(blocks.keys)
        use.listedByteCount = directory.blocks.byteCount
        for topic in topics.values {
            for found in topic.segments where found.segment == segment {
                use.liveByteCount += found.blocks.byteCount
            }
        }
        let eventByteCount = directory.events.reduce(0) { $0 + $1.byteCount }
        use.listedByteCount += eventByteCount
        use.liveByteCount += eventByteCount
        // Segments that are rewritten together are neighbours, and so are their events.
        events.replace(sources, with: directory.events.map { EventPlace(segment: segment, entry: $0) })
        uses[segment] = use
    }
}
