// Where no number is left to be given: what damage, or a forger, made great.
//
// Invariants:
//  * What no reader would take back is not acknowledged: it is refused, by the place that claims the numbers before it.
//  * A partition that has no index left refuses its own records and nobody else's, whatever comes with them.

import Disk
import Segments

extension LogIndex {
    /// More than the rows of any envelope: behind this no index is given.
    private static let lastIndex = UInt64(SegmentFormat.indexLimit) - 1 << 32

    /// Whether a partition has indexes for whatever may come at once.
    func hasIndexesLeft(_ source: AppendSource) -> Bool {
        nextIndex(source.topic, source.partition) <= Self.lastIndex
    }

    /// Whether there is a commit after the last one.
    var hasCommitsLeft: Bool { cut < UInt64(SegmentFormat.commitLimit) }

    /// Says that no number is left behind the greatest one, and where that is claimed.
    ///
    /// - Parameter source: the partition that has none left; nil where the log has not.
    func outOfNumbers(of source: AppendSource?, _ configuration: LogConfiguration) -> LogError {
        var greatest: UInt64 = 0
        var place = SegmentPlace(file: FileName.manifest, byteOffset: 0)
        func note(_ number: UInt64, _ segment: UInt64, _ offset: Int) {
            guard number > greatest else { return }
            greatest = number
            place = SegmentPlace(file: FileName.segment(segment), byteOffset: offset)
        }
        func isMeant(_ partition: String) -> Bool { source.map { $0.partition == partition } ?? true }
        for (name, topic) in topics where source.map({ $0.topic == name }) ?? true {
            for found in topic.segments {
                for block in found.blocks where isMeant(block.partition) {
                    note(max(block.indexes.upperBound, block.lastCommit), found.segment, block.offset)
                }
            }
            // Where in its segment a small block lies is not kept.
            let holders = uses.lazy.filter { $0.value.topics.contains(name) }
            for (partition, runs) in topic.tails where isMeant(partition) {
                for run in runs {
                    note(
                        max(run.endIndex, run.commitRuns.last?.commit ?? 0), holders.map(\.key).max() ?? 0, 0)
                }
            }
        }
        let end = source.map { nextIndex($0.topic, $0.partition) } ?? max(indexEnd, cut)
        for found in events {
            // What these say is not kept beside them; all that is greater than theirs was noted before.
            let isClaim = found.entry.name == Leap.eventName || found.entry.name == Tombstone.eventName
            note(
                isClaim ? max(end, found.entry.commit) : found.entry.commit, found.segment,
                found.entry.offset)
        }
        return .outOfNumbers(
            place,
            reason:
                "a commit or an index of \(max(greatest, end)) is claimed here, and behind it none is left to "
                + "be given"
                + (source.map { " to records of \($0.partition) in \($0.topic)" } ?? "")
                + "; restore \(configuration.path(place.file)) from a backup")
    }
}

extension LogWriter {
    /// Why the records of each of the requests cannot be numbered, though others' can; nil where they can.
    func refusals(of requests: [AppendRequest]) -> [LogError?] {
        let index = shared.index.withLock { $0 }
        return requests.map { request in
            let sources = request.items.lazy.compactMap(\.source)
            return sources.first { !index.hasIndexesLeft($0) }.map { outOfNumbers(of: $0, index) }
        }
    }

    /// Why the log has no commit left; nil where it has.
    var commitRefusal: LogError? {
        guard shared.index.withLock({ !$0.hasCommitsLeft }) else { return nil }
        return outOfNumbers(of: nil, shared.index.withLock { $0 })
    }

    /// Once found it stays so: to find what claims the numbers looks through all blocks.
    private func outOfNumbers(of source: AppendSource?, _ index: LogIndex) -> LogError {
        // Of a leap's number every partition is without one, also those that nobody has named yet.
        let own = index.hasIndexesLeft(.control) ? source : nil
        if let refusal = spent[own ?? .control] { return refusal }
        let refusal = index.outOfNumbers(of: own, configuration)
        spent[own ?? .control] = refusal
        return refusal
    }
}
