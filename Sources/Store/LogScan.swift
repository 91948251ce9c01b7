// What a check has read of a log so far: what the next segment goes on from, and what is still to be explained.

import EventLog
import Records
import Segments

/// Whose records: a topic's partition.
struct PartitionAddress: Hashable, Sendable {
    var topic: String
    var partition: String
}

/// What was read of a log so far, segment after segment.
struct LogScan {
    /// The records of a rewritten segment, whose blocks stand in any order of their indexes.
    typealias RewrittenIndexes = [PartitionAddress: [(indexes: Range<UInt64>, place: SegmentPlace)]]

    let prefix: String
    /// Whether commits may be missing where a segment begins: those whose sync failed behind their answer.
    let mayLackCommits: Bool
    var folded: InferenceStore.Folded
    var lastCommit: CommitNumber = 0
    /// The index that each partition's next record gets.
    var nextIndexes: [PartitionAddress: UInt64] = [:]
    /// Records in small blocks that have not become columns yet, ascending.
    var waiting: [PartitionAddress: [Range<UInt64>]] = [:]
    /// Keys of rewritten segments, whose records may stand behind them.
    var keys: [(entries: [KeyEntry], place: SegmentPlace)] = []
    /// All records that were met in small blocks.
    var small: [PartitionAddress: IndexRanges] = [:]
    /// Records that were let go, by the partitions that tombstones name.
    private var letGo: [PartitionAddress: IndexRanges] = [:]
    /// By topic, those of all partitions before an index: a tombstone need not know a partition to let it go.
    private var letGoBefore: [String: UInt64] = [:]
    /// Indexes that are not there, and where that was met: a tombstone, which comes later, must say why.
    var missing: [(address: PartitionAddress, indexes: Range<UInt64>, place: SegmentPlace)] = []
    /// Whether some of it could not be seen, so that what follows may begin anywhere.
    var hasGap = false
    /// Indexes that numbers leapt to: what they leapt over is missed by nobody.
    var leaps: Set<UInt64> = []

    init(prefix: String, folded: InferenceStore.Folded, mayLackCommits: Bool) {
        self.prefix = prefix
        self.mayLackCommits = mayLackCommits
        self.folded = folded
    }

    /// What waited before a leap was there for nobody who made columns behind it: from where on records waited
    /// for the columns of `index`.
    func waitingStart(_ index: UInt64) -> UInt64 { leaps.lazy.filter { $0 <= index }.max() ?? 0 }

    /// Whether these were given before a leap, which may have given up the columns that they had become.
    func isBeforeLeap(_ indexes: Range<UInt64>) -> Bool {
        leaps.contains { $0 >= indexes.upperBound }
    }

    /// Takes note of what a tombstone lets go.
    mutating func letGo(by tombstone: Tombstone) {
        for (partition, ranges) in tombstone.ranges {
            let address = PartitionAddress(topic: tombstone.topic, partition: partition)
            letGo[address, default: IndexRanges()].formUnion(ranges)
        }
        letGoBefore[tombstone.topic] = max(letGoBefore[tombstone.topic] ?? 0, tombstone.othersEnd)
    }

    /// Whether records were let go, all of them.
    func wereLetGo(_ indexes: Range<UInt64>, of address: PartitionAddress) -> Bool {
        indexes.upperBound <= letGoBefore[address.topic] ?? 0 || letGo[address]?.contains(indexes) ?? false
    }

    /// A tombstone names indexes that were given: what comes later goes on behind them.
    mutating func note(
        tombstoneTo end: UInt64, _ address: PartitionAddress, _ place: SegmentPlace
    ) {
        let next = nextIndexes[address] ?? 0
        guard end > next else { return }
        missing.append((address, next..<end, place))
        nextIndexes[address] = end
    }
}
