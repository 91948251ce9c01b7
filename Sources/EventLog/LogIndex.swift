// What the log holds, as its readers see it: for every topic its blocks by segment, and the tail of
// small appends that are not columns yet. A value: a reader's copy does not change.
//
// Invariants:
//  * Everything in it is durable, with commits up to `cut` and no other.
//  * The indexes of a partition are dense: each from 0 up to its next one stands in exactly one
//    block or tail run, was let go by a tombstone, or stands in a gap that damage made.
//  * Nothing that a tombstone up to `cut` let go is in it, whatever is still on disk.

import Records
import Segments

/// The number of an envelope: the log's only clock. The first is 1.
package typealias CommitNumber = UInt64

/// A topic's blocks in one segment, in the order they were written.
package struct SegmentBlocks: Sendable {
    package let segment: UInt64
    package private(set) var timeMin = Int64.max
    package private(set) var timeMax = Int64.min
    /// The last commit whose records are in one of the blocks.
    package private(set) var lastCommit: CommitNumber = 0
    package private(set) var blocks: [BlockEntry] = []
    /// Of all its blocks.
    package private(set) var byteCount = 0
    package private(set) var rowCount = 0
    /// Least and greatest time of each block: all that a question about a window looks at, apart, so
    /// that it passes over a thousand blocks in the time that reading one takes.
    private var times: [(min: Int64, max: Int64)] = []

    init(segment: UInt64) { self.segment = segment }

    /// Calls `body` with the position of each block that may hold a record of `window`.
    package func forEachBlock(in window: Range<Int64>, _ body: (Int) -> Void) {
        for position in 0..<times.count
        where times[position].max >= window.lowerBound && times[position].min < window.upperBound {
            body(position)
        }
    }

    /// The blocks that are not in `letGo`; nil where none is left.
    fileprivate func without(_ letGo: [String: IndexRanges]) -> SegmentBlocks? {
        var rest = SegmentBlocks(segment: segment)
        for block in blocks where !(letGo[block.partition]?.contains(block.indexes) ?? false) {
            rest.append(block)
        }
        return rest.blocks.isEmpty ? nil : rest
    }

    /// The blocks of a segment, apart by topic. Neighbours are mostly of one: each run of them is looked up
    /// and taken over at once, as opening a log does it with every block that there is.
    static func byTopic(
        _ blocks: [BlockEntry], segment: UInt64
    ) -> [(topic: String, blocks: SegmentBlocks)] {
        var found: [(topic: String, blocks: SegmentBlocks)] = []
        var positions: [String: Int] = [:]
        var runs: [(position: Int, blocks: Range<Int>)] = []
        var counts: [Int] = []
        var start = 0
        while start < blocks.count {
            let topic = blocks[start].topic
            var end = start + 1
            while end < blocks.count, blocks[end].topic == topic { end += 1 }
            let position = positions[topic] ?? found.count
            if position == found.count {
                positions[topic] = position
                found.append((topic, SegmentBlocks(segment: segment)))
                counts.append(0)
            }
            runs.append((position, start..<end))
            counts[position] += end - start
            start = end
        }
        for (position, count) in counts.enumerated() {
            found[position].blocks.blocks.reserveCapacity(count)
            found[position].blocks.times.reserveCapacity(count)
        }
        for run in runs { found[run.position].blocks.append(blocks[run.blocks]) }
        return found
    }

    private mutating func append(_ more: ArraySlice<BlockEntry>) {
        blocks.append(contentsOf: more)
        for position in more.indices {
            times.append((more[position].timeMin, more[position].timeMax))
            timeMin = min(timeMin, more[position].timeMin)
            timeMax = max(timeMax, more[position].timeMax)
            lastCommit = max(lastCommit, more[position].lastCommit)
            byteCount += more[position].byteCount
            rowCount += more[position].rowCount
        }
    }

    mutating func append(_ block: BlockEntry) {
        blocks.append(block)
        times.append((block.timeMin, block.timeMax))
        timeMin = min(timeMin, block.timeMin)
        timeMax = max(timeMax, block.timeMax)
        lastCommit = max(lastCommit, block.lastCommit)
        byteCount += block.byteCount
        rowCount += block.rowCount
    }
}

/// Indexes of a partition that stand in no block or run: opening the log could not see theirs.
package struct IndexGap: Hashable, Sendable {
    package let partition: String
    package let indexes: Range<UInt64>
}

extension BlockEntry {
    /// The indexes of its rows.
    package var indexes: Range<UInt64> { firstIndex..<firstIndex + UInt64(rowCount) }
}

extension KeyEntry {
    /// The indexes of its records; none where they are past any that can be.
    var indexes: Range<UInt64> {
        let (end, overflow) = firstIndex.addingReportingOverflow(UInt64(rowCount))
        return firstIndex..<(overflow ? firstIndex : end)
    }
}

/// A field that is not to be seen in records before a commit.
package struct Redaction: Hashable, Sendable {
    package let field: String
    package let commit: CommitNumber
}

package struct TopicIndex: Sendable {
    /// The index that the next record of each partition gets.
    package internal(set) var nextIndexes: [String: UInt64] = [:]
    package internal(set) var segments: [SegmentBlocks] = []
    /// By partition, ascending indexes.
    package internal(set) var tails: [String: [TailRun]] = [:]
    /// What all of `tails` take in memory, about.
    private(set) var tailByteCount = 0
    /// What damage hid when the log was opened; an answer about the topic says that it is without them.
    package internal(set) var gaps: [IndexGap] = []
    /// Records that were let go, by partition.
    package internal(set) var letGo: [String: IndexRanges] = [:]
    /// Fields that were let go, in commit order, each once.
    package internal(set) var redactions: [Redaction] = []
    /// Of those, the ones that went by deletion: their idempotency keys went with them.
    private var deleted: [String: IndexRanges] = [:]

    package init() {}

    /// The fields of a block that are not to be seen, as long as they are on disk.
    package func hiddenFields(of block: BlockEntry) -> Set<String> {
        redactions.isEmpty ? [] : Set(redactions.lazy.filter { $0.commit > block.lastCommit }.map(\.field))
    }

    /// Whether a block has fields that are not to be seen.
    package func hides(_ block: BlockEntry) -> Bool {
        redactions.contains { $0.commit > block.lastCommit }
    }

    package var rowCount: Int {
        segments.reduce(0) { $0 + $1.rowCount }
            + tails.values.reduce(0) { $0 + $1.reduce(0) { $0 + $1.batch.rowCount } }
    }

    package var byteCount: Int {
        segments.reduce(0) { $0 + $1.byteCount }
            + tails.values.reduce(0) { $0 + $1.reduce(0) { $0 + $1.byteCount } }
    }

    /// - Returns: whether the block is seen: it was not let go.
    mutating func append(_ block: BlockEntry, segment: UInt64) -> Bool {
        let end = block.indexes.upperBound
        nextIndexes[block.partition] = max(nextIndexes[block.partition] ?? 0, end)
        // A segment is rewritten once every small block before its end has been rolled.
        if block.kind == .rolled || block.kind == .grouped { dropTail(of: block.partition, below: end) }
        if letGo[block.partition]?.contains(block.indexes) ?? false { return false }
        if segments.last?.segment != segment { segments.append(SegmentBlocks(segment: segment)) }
        segments[segments.count - 1].append(block)
        return true
    }

    /// - Returns: the bytes of those that are seen.
    fileprivate mutating func append(sealed found: SegmentBlocks) -> Int {
        guard tails.isEmpty, letGo.isEmpty else {
            return found.blocks.reduce(0) { $0 + (append($1, segment: found.segment) ? $1.byteCount : 0) }
        }
        let blocks = found.blocks
        var byteCount = 0
        var start = 0
        // Neighbours are mostly of one partition. By position, as taking an entry out counts its names' uses.
        while start < blocks.count {
            var next: UInt64 = 0
            var end = start
            repeat {
                next = max(next, blocks[end].indexes.upperBound)
                byteCount += blocks[end].byteCount
                end += 1
            } while end < blocks.count && blocks[end].partition == blocks[start].partition
            let partition = blocks[start].partition
            if next > nextIndexes[partition] ?? 0 { nextIndexes[partition] = next }
            start = end
        }
        segments.append(found)
        return byteCount
    }

    /// Adds a small append. Eight neighbours of one size become one, so that n single records cost n·log8(n)
    /// row copies, and a reader meets some dozens of runs at most.
    mutating func append(_ run: TailRun) {
        nextIndexes[run.partition] = max(nextIndexes[run.partition] ?? 0, run.endIndex)
        if letGo[run.partition]?.contains(run.firstIndex..<run.endIndex) ?? false { return }
        tailByteCount += run.byteCount
        var runs = tails.removeValue(forKey: run.partition) ?? []
        runs.append(run)
        while runs.count >= TopicIndex.mergedRunCount {
            let last = runs[(runs.count - TopicIndex.mergedRunCount)...]
            let size = last[last.endIndex - 1].size
            guard last.allSatisfy({ $0.size <= size }), let union = TailRun.union(of: last) else { break }
            // Rows that lack each other's fields take more together.
            tailByteCount += union.byteCount - last.reduce(0) { $0 + $1.byteCount }
            runs.replaceSubrange(last.indices, with: CollectionOfOne(union))
        }
        tails[run.partition] = runs
    }

    private static let mergedRunCount = 8

    /// The indexes up to the next ones that stand nowhere.
    fileprivate func foundGaps() -> [IndexGap] {
        var runs: [String: [Range<UInt64>]] = [:]
        for block in segments.lazy.flatMap(\.blocks) {
            runs[block.partition, default: []].append(
                block.firstIndex..<block.firstIndex + UInt64(block.rowCount))
        }
        for run in tails.values.joined() {
            runs[run.partition, default: []].append(run.firstIndex..<run.endIndex)
        }
        // What was let go is missed by nobody.
        for (partition, ranges) in letGo { runs[partition, default: []] += ranges.ranges }
        return nextIndexes.keys.sorted().flatMap { partition -> [IndexGap] in
            var gaps: [IndexGap] = []
            var next: UInt64 = 0
            for run in (runs[partition] ?? []).sorted(by: { $0.lowerBound < $1.lowerBound }) {
                if run.lowerBound > next {
                    gaps.append(IndexGap(partition: partition, indexes: next..<run.lowerBound))
                }
                next = max(next, run.upperBound)
            }
            return gaps
        }
    }

    /// Whether its records were deleted, and none came since that is there: then it is not listed. What retention
    /// let go before a deletion, or after it, is not there either.
    package var isDeleted: Bool {
        hasDeleted
            && nextIndexes.allSatisfy { partition, next in
                next == 0 || letGo[partition]?.contains(0..<next) ?? false
            }
    }

    /// Whether these records went by deletion, all of them. Retention leaves keys until they expire: it lets
    /// no retry be stored twice.
    package func isDeleted(_ partition: String, _ indexes: Range<UInt64>) -> Bool {
        indexes.isEmpty || deleted[partition]?.contains(indexes) ?? false
    }

    /// Whether it has records that went by deletion.
    var hasDeleted: Bool { !deleted.isEmpty }

    /// Lets records go that stand in blocks.
    fileprivate mutating func apply(_ ranges: [String: IndexRanges], _ reason: Tombstone.Reason) {
        for (partition, ranges) in ranges {
            if reason == .deletion { deleted[partition, default: IndexRanges()].formUnion(ranges) }
            letGo[partition, default: IndexRanges()].formUnion(ranges)
            nextIndexes[partition] = max(nextIndexes[partition] ?? 0, ranges.end)
        }
        segments = segments.compactMap { $0.without(letGo) }
        // A small block of a segment that was given up may still be met, though the block that took its
        // place is gone already.
        for partition in ranges.keys {
            guard let runs = tails[partition], let letGo = letGo[partition] else { continue }
            let rest = runs.flatMap { $0.without(letGo) }
            tailByteCount += rest.reduce(0) { $0 + $1.byteCount } - runs.reduce(0) { $0 + $1.byteCount }
            tails[partition] = rest.isEmpty ? nil : rest
        }
    }

    /// Puts the blocks of a rewritten segment in the place of those it was made of.
    fileprivate mutating func replace(_ sources: Set<UInt64>, with segment: UInt64, _ blocks: [BlockEntry]) {
        let position = segments.firstIndex { sources.contains($0.segment) } ?? segments.endIndex
        segments.removeAll { sources.contains($0.segment) }
        var rewritten = SegmentBlocks(segment: segment)
        for block in blocks { rewritten.append(block) }
        guard let rest = rewritten.without(letGo) else { return }
        segments.insert(rest, at: position)
    }

    /// Forgets tail runs whose records have become columns.
    private mutating func dropTail(of partition: String, below end: UInt64) {
        guard var runs = tails[partition] else { return }
        while let first = runs.first, first.endIndex <= end {
            tailByteCount -= first.byteCount
            runs.removeFirst()
        }
        tails[partition] = runs.isEmpty ? nil : runs
    }
}

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

    /// Whether its blocks are so short that a path's column in one is less than a page: then a question
    /// about the path reads more of its neighbours than of it.
    var isScattered: Bool { rowCount < blockCount * SegmentUse.wholeRowCount }

    /// A page of four-byte numbers.
    private static let wholeRowCount = 1024

    /// Whether it holds bytes that are to leave the disk.
    package var isErasureDue: Bool { erasure > header.cut }
}

package struct LogIndex: Sendable {
    /// The last durable commit; 0 while there is none.
    package internal(set) var cut: CommitNumber = 0
    package internal(set) var topics: [String: TopicIndex] = [:]
    /// In commit order.
    package internal(set) var events = EventList()
    /// What the tails of all topics take in memory, about.
    private(set) var tailByteCount = 0
    /// By segment number.
    package internal(set) var uses: [UInt64: SegmentUse] = [:]

    package init() {}

    /// Segments that hold bytes which are to leave the disk.
    package var pendingErasures: Set<UInt64> { Set(uses.lazy.filter { $0.value.isErasureDue }.map(\.key)) }

    /// Adds the blocks of a sealed segment, as if one by one: with one look at a topic for all of its blocks.
    mutating func append(sealed topics: [(topic: String, blocks: SegmentBlocks)], segment: UInt64) {
        var use = uses[segment] ?? SegmentUse()
        for (topic, blocks) in topics {
            use.topics.insert(topic)
            use.listedByteCount += blocks.byteCount
            use.blockCount += blocks.blocks.count
            use.rowCount += blocks.rowCount
            change(topic) { use.liveByteCount += $0.append(sealed: blocks) }
        }
        uses[segment] = use
    }

    mutating func append(_ block: BlockEntry, segment: UInt64) {
        var isSeen = false
        change(block.topic) { isSeen = $0.append(block, segment: segment) }
        uses[segment, default: SegmentUse()].listedByteCount += block.byteCount
        uses[segment]!.blockCount += 1
        uses[segment]!.rowCount += block.rowCount
        if isSeen { uses[segment]!.liveByteCount += block.byteCount }
        if !uses[segment]!.topics.contains(block.topic) { uses[segment]!.topics.insert(block.topic) }
    }

    /// Notes what damage hides: indexes are dense, so a hole in them is records that are not seen.
    mutating func noteGaps() {
        for name in topics.keys { topics[name]!.gaps = topics[name]!.foundGaps() }
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

    mutating func noteClosed(_ segment: UInt64) {
        uses[segment, default: SegmentUse()].isClosed = true
    }

    /// Lets go what a tombstone says, as of its commit. All that it concerns is in the index.
    package mutating func apply(_ tombstone: Tombstone, commit: CommitNumber) {
        var topic = topics[tombstone.topic] ?? TopicIndex()
        let tailByteCountBefore = topic.tailByteCount
        if !tombstone.ranges.isEmpty {
            var before: [UInt64: Int] = [:]
            for segment in topic.segments {
                before[segment.segment] = segment.byteCount
            }
            topic.apply(tombstone.ranges, tombstone.reason)
            for segment in topic.segments {
                before[segment.segment]! -= segment.byteCount
            }
            for (segment, byteCount) in before { uses[segment]!.liveByteCount -= byteCount }
        }
        if let field = tombstone.field {
            topic.redactions.removeAll { $0.field == field }
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
        let blocks = Dictionary(grouping: directory.blocks, by: \.topic)
        for name in topics.keys {
            topics[name]!.replace(sources, with: segment, blocks[name] ?? [])
        }
        use.topics = directory.otherTopics
        for (name, blocks) in blocks {
            use.topics.insert(name)
            use.listedByteCount += blocks.reduce(0) { $0 + $1.byteCount }
        }
        for topic in topics.values {
            for blocks in topic.segments where blocks.segment == segment {
                use.liveByteCount += blocks.byteCount
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
