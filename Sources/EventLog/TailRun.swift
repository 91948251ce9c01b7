// Small appends in memory, until they are columns: the part of the log that a writer keeps decoded.
//
// Invariants:
//  * A run's rows stand for neighbouring indexes of one partition, each with the commit that brought it.
//  * Runs that are put together keep rows, commits and texts as they were.

import Records
import Segments

/// Small appends of one partition, decoded: dense indexes from `firstIndex`.
package struct TailRun: Sendable {
    package let partition: String
    package let firstIndex: UInt64
    package let batch: RecordBatch
    /// Of all rows, in their order.
    package let commitRuns: [CommitRun]
    /// Least and greatest time of its rows, milliseconds since 1970.
    package let timeMin: Int64
    package let timeMax: Int64
    /// About what its records take in memory.
    package let byteCount: Int

    init(
        partition: String, firstIndex: UInt64, batch: RecordBatch, commitRuns: [CommitRun], byteCount: Int
    ) {
        self.partition = partition
        self.firstIndex = firstIndex
        self.batch = batch
        self.commitRuns = commitRuns
        self.byteCount = byteCount
        timeMin = batch.times.min() ?? .max
        timeMax = batch.times.max() ?? .min
    }

    /// About what a run of these records takes: decoded, as it is held, however short they are on disk.
    static func byteCount(of batch: RecordBatch) -> Int { 256 + batch.memoryByteCount }

    package var endIndex: UInt64 { firstIndex + UInt64(batch.rowCount) }

    /// The runs of it that are not in `letGo`.
    func without(_ letGo: IndexRanges) -> [TailRun] {
        var rest: [Range<Int>] = []
        var next = 0
        for range in letGo.ranges where range.overlaps(firstIndex..<endIndex) {
            let covered = range.clamped(to: firstIndex..<endIndex)
            let (start, end) = (Int(covered.lowerBound - firstIndex), Int(covered.upperBound - firstIndex))
            if next < start { rest.append(next..<start) }
            next = end
        }
        if next == 0 { return [self] }
        if next < batch.rowCount { rest.append(next..<batch.rowCount) }
        return rest.isEmpty ? [] : pieces(rest)
    }

    /// The runs of it that are in `wanted`.
    func within(_ wanted: IndexRanges) -> [TailRun] {
        pieces(
            wanted.touching(firstIndex..<endIndex).map { range in
                let own = range.clamped(to: firstIndex..<endIndex)
                return Int(own.lowerBound - firstIndex)..<Int(own.upperBound - firstIndex)
            })
    }

    /// The same rows without a field.
    func without(field: String) -> TailRun {
        guard batch.field(named: field) != nil else { return self }
        var rest = batch
        rest.fields.removeAll { $0.name.isExactly(field) }
        return TailRun(
            partition: partition, firstIndex: firstIndex, batch: rest, commitRuns: commitRuns,
            byteCount: TailRun.byteCount(of: rest))
    }

    /// Its rows, cut where times lie far apart.
    var cutAtFarTimes: [TailRun] {
        let stretches = batch.stretches
        return stretches.count == 1 ? [self] : pieces(stretches)
    }

    /// A run of each of the ranges of rows.
    private func pieces(_ ranges: [Range<Int>]) -> [TailRun] {
        let commits = commitRuns.flatMap { [CommitNumber](repeating: $0.commit, count: $0.rowCount) }
        return ranges.map { rows in
            var runs: [CommitRun] = []
            for commit in commits[rows] {
                if runs.last?.commit == commit {
                    runs[runs.count - 1].rowCount += 1
                } else {
                    runs.append(CommitRun(commit: commit, rowCount: 1))
                }
            }
            return TailRun(
                partition: partition, firstIndex: firstIndex + UInt64(rows.lowerBound),
                batch: batch.slice(rows), commitRuns: runs,
                byteCount: byteCount * rows.count / batch.rowCount)
        }
    }

    /// All of `runs` as one, where each is the next one's neighbour and their columns unify.
    static func union(of runs: ArraySlice<TailRun>) -> TailRun? {
        guard let first = runs.first,
            zip(runs, runs.dropFirst()).allSatisfy({ $0.endIndex == $1.firstIndex }),
            runs.reduce(0, { $0 + $1.batch.rowCount }) <= SegmentFormat.blockRowCountMax,
            let batch = RecordBatch(concatenating: runs.map(\.batch))
        else { return nil }
        return TailRun(
            partition: first.partition, firstIndex: first.firstIndex, batch: batch,
            commitRuns: CommitRun.joined(runs.lazy.flatMap(\.commitRuns)), byteCount: byteCount(of: batch))
    }

    /// The first of `runs`, as many as a block holds; at least one.
    static func blockful(of runs: ArraySlice<TailRun>) -> ArraySlice<TailRun> {
        var rowCount = 0
        let count = runs.prefix { run in
            rowCount += run.batch.rowCount
            return rowCount <= SegmentFormat.blockRowCountMax
        }.count
        return runs.prefix(max(1, count))
    }

    /// The same rows in as few runs as can be, each at most a block.
    static func joined(_ runs: [TailRun]) -> [TailRun] {
        var joined: [TailRun] = []
        var rest = runs[...]
        while !rest.isEmpty {
            let some = blockful(of: rest)
            rest = rest.dropFirst(some.count)
            if let union = union(of: some) {
                joined.append(union)
                continue
            }
            // Some do not unify: each with its neighbour, where those do.
            for run in some {
                if let last = joined.last, let union = union(of: [last, run]) {
                    joined[joined.count - 1] = union
                } else {
                    joined.append(run)
                }
            }
        }
        return joined
    }

    /// Runs of one size are less than eight times as long as each other.
    var size: Int { (Int.bitWidth - batch.rowCount.leadingZeroBitCount) / 3 }
}
