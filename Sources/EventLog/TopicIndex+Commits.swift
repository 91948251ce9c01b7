// Which commits brought records of a partition, as far as the index tells: of a block it knows the first and the last
// one, of a run in memory each.
//
//     commits      4 … 9           17 … 30
//     indexes   [0 ······ 256)  [256 ···· 800)        none of 12: its records would lie between, and nothing does
//
// Invariant: what is said not to have come with a commit did not.

import Records
import Segments

extension TopicIndex {
    /// Whether records of a partition may have come with a commit: false where the records of the commits before
    /// and after it are neighbours. What was let go, or is not seen, may have.
    package func mayHold(_ commit: CommitNumber, in partition: String) -> Bool {
        guard let end = nextIndexes[partition] else { return false }
        var between = (start: UInt64(0), end: end)
        /// - Returns: whether these may be its own.
        func pass(_ indexes: Range<UInt64>, _ first: CommitNumber, _ last: CommitNumber) -> Bool {
            if last < commit {
                between.start = max(between.start, indexes.upperBound)
            } else if first > commit {
                between.end = min(between.end, indexes.lowerBound)
            } else {
                return true
            }
            return false
        }
        for segment in segments {
            for block in segment.blocks
            where block.partition == partition && pass(block.indexes, block.firstCommit, block.lastCommit) {
                return true
            }
        }
        for run in tails[partition] ?? [] {
            var first = run.firstIndex
            for own in run.commitRuns {
                let indexes = first..<first + UInt64(own.rowCount)
                if pass(indexes, own.commit, own.commit) { return true }
                first = indexes.upperBound
            }
        }
        return between.start < between.end
    }
}
