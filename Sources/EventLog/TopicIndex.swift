// What the log holds of one topic: its blocks by segment, the tail of small appends that are not columns yet,
// and what was let go. A value, as the index that it is a part of.
//
// Invariants, as LogIndex.swift has them: indexes are dense but for what was let go or cannot be seen; nothing
// that was let go is in it.

import Bytes
import Records
import Segments

/// A topic's blocks in one segment, in the order they were written.
package struct SegmentBlocks: Sendable {
    package let segment: UInt64
    package internal(set) var blocks: BlockList

    /// The blocks that are not in `letGo`; nil where none is left.
    func without(_ letGo: [String: IndexRanges]) -> SegmentBlocks? {
        let rest = BlockList(
            blocks.lazy.filter { !(letGo[$0.partition]?.contains($0.indexes) ?? false) })
        return rest.isEmpty ? nil : SegmentBlocks(segment: segment, blocks: rest)
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
    /// The indexes of its records.
    var indexes: Range<UInt64> { firstIndex..<firstIndex + UInt64(rowCount) }
}

/// A field that is not to be seen in records before a commit.
package struct Redaction: Hashable, Sendable {
    @ExactText package private(set) var field: String
    package let commit: CommitNumber
}

/// What became of a block that an index was given.
package enum BlockAddition: Hashable, Sendable {
    case seen
    /// It was let go, or others that are seen have all of its rows.
    case notSeen
    /// Others have some of its rows: what it has alone is to be added by itself, as rows that wait.
    case inPart
}

package struct TopicIndex: Sendable {
    /// The index that the next record of each partition gets.
    package internal(set) var nextIndexes: [String: UInt64] = [:]
    /// In the order of the log. None is without a block that is seen.
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
    /// Of each partition, also of those that nobody sees, what stands before this index went by deletion.
    private(set) var deletedBefore: UInt64 = 0
    /// What stands in blocks of before a leap.
    private(set) var held = HeldIndexes()

    package init() {}

    /// The fields of a block that are not to be seen, as long as they are on disk.
    package func hiddenFields(of block: BlockEntry) -> Set<ExactText> {
        redactions.isEmpty
            ? [] : Set(redactions.lazy.filter { $0.commit > block.lastCommit }.map { ExactText($0.field) })
    }

    /// Whether a block has fields that are not to be seen.
    package func hides(_ block: BlockEntry) -> Bool {
        redactions.contains { $0.commit > block.lastCommit }
    }

    /// Records that are seen, in blocks and in memory.
    package var rowCount: Int {
        segments.reduce(0) { $0 + $1.blocks.rowCount }
            + tails.values.reduce(0) { $0 + $1.reduce(0) { $0 + $1.batch.rowCount } }
    }

    /// The least index of a record that is there, of each partition that has one.
    package var firstIndexes: [String: UInt64] {
        var first: [String: UInt64] = [:]
        for block in segments.lazy.flatMap(\.blocks) {
            first[block.partition] = min(first[block.partition] ?? .max, block.firstIndex)
        }
        for run in tails.values.joined() {
            first[run.partition] = min(first[run.partition] ?? .max, run.firstIndex)
        }
        return first
    }

    /// Of blocks as they lie on disk and of runs as they are in memory, about.
    package var byteCount: Int {
        segments.reduce(0) { $0 + $1.blocks.byteCount }
            + tails.values.reduce(0) { $0 + $1.reduce(0) { $0 + $1.byteCount } }
    }

    /// The least and the greatest time of all its records, in milliseconds; nil where there are none.
    package var times: ClosedRange<Int64>? {
        let runs = tails.values.joined()
        let least = min(
            segments.lazy.map(\.blocks.timeMin).min() ?? .max, runs.lazy.map(\.timeMin).min() ?? .max)
        let greatest = max(
            segments.lazy.map(\.blocks.timeMax).max() ?? .min, runs.lazy.map(\.timeMax).max() ?? .min)
        return least <= greatest ? least...greatest : nil
    }

    /// - Parameter leapEnd: what numbers leapt to at most: what stands before it may stand there twice.
    mutating func append(_ block: BlockEntry, segment: UInt64, _ leapEnd: UInt64) -> BlockAddition {
        nextIndexes[block.partition] = max(nextIndexes[block.partition] ?? 0, block.indexes.upperBound)
        if block.firstIndex < leapEnd, let rest = held.add(block) {
            if !rest.isEmpty { return .inPart }
            cutTail(of: block.partition, block.indexes)
            return .notSeen
        }
        if block.kind == .rolled || block.kind == .grouped {
            // These rows and no others: what was rolled with them may be lost, and others may have come back.
            cutTail(of: block.partition, block.indexes)
        }
        if letGo[block.partition]?.contains(block.indexes) ?? false { return .notSeen }
        if segments.last?.segment != segment {
            segments.append(SegmentBlocks(segment: segment, blocks: BlockList()))
        }
        segments[segments.count - 1].blocks.append(block)
        return .seen
    }

    /// The rows that a block which is seen in part has alone: no block that is seen has them, nor do they wait.
    func rest(of block: BlockEntry) -> IndexRanges {
        var rest = held.rest(of: block).rest
        for run in tails[block.partition] ?? [] { rest.subtract(run.firstIndex..<run.endIndex) }
        for range in letGo[block.partition]?.touching(block.indexes) ?? [] { rest.subtract(range) }
        return rest
    }

    /// Notes what stands in blocks of before a leap that was not known when they were added.
    mutating func noteHeld(before leapEnd: UInt64) {
        held = HeldIndexes()
        for block in segments.lazy.flatMap(\.blocks) where block.firstIndex < leapEnd { _ = held.add(block) }
    }

    /// - Returns: the bytes of those that are seen, and those that are seen in part.
    mutating func append(
        sealed blocks: BlockList, segment: UInt64, _ leapEnd: UInt64
    ) -> (seenByteCount: Int, inPart: [BlockEntry]) {
        guard tails.isEmpty, letGo.isEmpty else { return append(eachOf: blocks, from: 0, segment, leapEnd) }
        // As a rule nobody has rows of any: what leapt once has blocks from before the leap for ever.
        let wholeCount =
            leapEnd == 0
            ? blocks.count
            : blocks.firstIndex { $0.firstIndex < leapEnd && held.add($0) != nil } ?? blocks.count
        let whole = wholeCount == blocks.count ? blocks : BlockList(blocks[..<wholeCount])
        whole.forEachIndexEnd { partition, end in
            if end > nextIndexes[partition] ?? 0 { nextIndexes[partition] = end }
        }
        if !whole.isEmpty { segments.append(SegmentBlocks(segment: segment, blocks: whole)) }
        var found = append(eachOf: blocks, from: wholeCount, segment, leapEnd)
        found.seenByteCount += whole.byteCount
        return found
    }

    private mutating func append(
        eachOf blocks: BlockList, from start: Int, _ segment: UInt64, _ leapEnd: UInt64
    ) -> (seenByteCount: Int, inPart: [BlockEntry]) {
        var found: (seenByteCount: Int, inPart: [BlockEntry]) = (0, [])
        // By position: to make the type that iterates over a slice took a fifteenth of an opening, mostly for no block.
        for position in start..<blocks.count {
            let block = blocks[position]
            switch append(block, segment: segment, leapEnd) {
            case .seen: found.seenByteCount += block.byteCount
            case .notSeen: break
            case .inPart: found.inPart.append(block)
            }
        }
        return found
    }

    /// Adds rows of a block that is seen in part, where they stand among those that wait.
    mutating func insert(_ run: TailRun) {
        tailByteCount += run.byteCount
        var runs = tails.removeValue(forKey: run.partition) ?? []
        runs.insert(run, at: runs.firstIndex { $0.firstIndex > run.firstIndex } ?? runs.endIndex)
        tails[run.partition] = runs
    }

    /// Takes a field out of rows that wait, of before a commit: they had become columns before it came, in what is
    /// not seen. A run is on one side of the commit, whole: an erasure seals the log first, small rows are read in the
    /// order of their commits, and what a block has alone is put together with no other run.
    mutating func redactTails(_ field: String, before commit: CommitNumber) {
        for (partition, runs) in tails {
            let rest = runs.map { run in
                (run.commitRuns.first?.commit ?? 0) < commit ? run.without(field: field) : run
            }
            tailByteCount += rest.reduce(0) { $0 + $1.byteCount } - runs.reduce(0) { $0 + $1.byteCount }
            tails[partition] = rest
        }
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
    ///
    /// - Parameter leaps: what numbers leapt to; what they leapt over nobody ever had, or was given up.
    func foundGaps(but leaps: Set<UInt64>) -> [IndexGap] {
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
                if run.lowerBound > next, !leaps.contains(run.lowerBound) {
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
                next <= deletedBefore || letGo[partition]?.contains(deletedBefore..<next) ?? false
            }
    }

    /// Whether these records went by deletion, all of them. Retention leaves keys until they expire: it lets
    /// no retry be stored twice.
    package func isDeleted(_ partition: String, _ indexes: Range<UInt64>) -> Bool {
        indexes.upperBound <= deletedBefore || indexes.isEmpty
            || deleted[partition]?.contains(indexes) ?? false
    }

    /// Whether it has records that went by deletion.
    var hasDeleted: Bool { !deleted.isEmpty || deletedBefore > 0 }

    /// What a tombstone lets go of the partitions that are known. All that it concerns is: what came back from a backup
    /// stands before it.
    package func ranges(of tombstone: Tombstone) -> [String: IndexRanges] {
        guard tombstone.othersEnd > 0 else { return tombstone.ranges }
        var ranges = tombstone.ranges
        for partition in nextIndexes.keys { ranges[partition] = tombstone.ranges(of: partition) }
        return ranges
    }

    mutating func noteDeleted(before index: UInt64) { deletedBefore = max(deletedBefore, index) }

    /// Lets records go that stand in blocks.
    mutating func apply(_ ranges: [String: IndexRanges], _ reason: Tombstone.Reason) {
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
    mutating func replace(_ sources: Set<UInt64>, with segment: UInt64, _ blocks: BlockList) {
        let position = segments.firstIndex { sources.contains($0.segment) } ?? segments.endIndex
        segments.removeAll { sources.contains($0.segment) }
        let rewritten = SegmentBlocks(segment: segment, blocks: blocks)
        guard let rest = letGo.isEmpty && !blocks.isEmpty ? rewritten : rewritten.without(letGo) else {
            return
        }
        segments.insert(rest, at: position)
    }

    /// Forgets these records of the tail and no others: runs that hold some of them are cut.
    private mutating func cutTail(of partition: String, _ indexes: Range<UInt64>) {
        guard let runs = tails[partition],
            runs.contains(where: { $0.firstIndex < indexes.upperBound && $0.endIndex > indexes.lowerBound })
        else { return }
        let rest = runs.flatMap { $0.without(IndexRanges(indexes)) }
        tailByteCount += rest.reduce(0) { $0 + $1.byteCount } - runs.reduce(0) { $0 + $1.byteCount }
        tails[partition] = rest.isEmpty ? nil : rest
    }
}
