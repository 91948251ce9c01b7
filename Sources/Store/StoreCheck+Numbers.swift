// The numbers of records and commits, held against what was known of the log so far.
//
// Invariants:
//  * Indexes of a partition are dense: no record stands twice, and one that is nowhere was let go or given up.
//  * Where something of the log could not be seen, nothing is said of what follows from it.

import EventLog
import Segments

extension StoreCheck {
    /// A key's records are there: keys stand behind the records of their envelope.
    mutating func checkKeys(_ keys: [KeyEntry], at place: SegmentPlace, _ scan: LogScan) {
        for key in keys where !scan.hasGap {
            let end = key.firstIndex + UInt64(key.rowCount)
            let next =
                scan.nextIndexes[PartitionAddress(topic: key.topic, partition: key.partition)] ?? 0
            guard end > next else { continue }
            find(
                scan.prefix + place.file, place.byteOffset,
                "the key \"\(key.key)\" is of records \(key.firstIndex) to \(end) of \(key.partition) "
                    + "in \(key.topic), which end at \(next)")
        }
    }

    /// Indexes are dense: new records go on where the last ended, rolled ones replace those that wait.
    mutating func checkAddress(
        _ head: BlockHead, _ kind: BlockKind, at place: SegmentPlace, _ scan: inout LogScan
    ) {
        let address = PartitionAddress(topic: head.topic, partition: head.partition)
        let range = head.firstIndex..<head.firstIndex + UInt64(head.rowCount)
        func find(_ problem: String) {
            self.find(
                scan.prefix + place.file, place.byteOffset,
                "records \(range.lowerBound) to \(range.upperBound) "
                    + "of \(address.partition) in \(address.topic) "
                    + problem)
        }
        if kind == .rolled {
            let start = scan.waitingStart(range.lowerBound)
            let all = scan.waiting[address] ?? []
            let before = all.filter { $0.lowerBound < start }
            var ranges = all.filter { $0.lowerBound >= start }
            // What was let go while it waited was passed over.
            ranges.removeAll { $0.upperBound <= range.lowerBound && scan.wereLetGo($0, of: address) }
            var reached = range.lowerBound
            while let first = ranges.first, first.lowerBound == reached, first.upperBound <= range.upperBound
            {
                reached = first.upperBound
                ranges.removeFirst()
            }
            // What was given up and came back has become columns twice: readers see the first ones.
            let isRepeated = scan.isBeforeLeap(range) && replacesWaiting(range, address, scan)
            if reached != range.upperBound && !scan.hasGap && !isRepeated {
                find("replace records that are not there")
            }
            // Behind a leap, what came back beside its rows was not there to become columns with them.
            let end = scan.isBeforeLeap(range) ? range.lowerBound : 0
            ranges.removeAll { $0.lowerBound >= end && $0.upperBound <= range.upperBound }
            scan.waiting[address] = before + ranges
        } else {
            let next = scan.nextIndexes[address] ?? 0
            if range.lowerBound > next {
                scan.missing.append((address, next..<range.lowerBound, place))
            } else if range.lowerBound < next && !scan.hasGap {
                find("follow record \(next)")
            }
            if kind == .small {
                scan.waiting[address, default: []].append(range)
                scan.small[address, default: IndexRanges()].insert(range)
            }
        }
        scan.nextIndexes[address] = max(scan.nextIndexes[address] ?? 0, range.upperBound)
    }

    /// The records of a rewritten segment: dense with those before it, but for what was let go, and in
    /// the place of those that wait in small blocks.
    mutating func checkIndexes(_ indexes: LogScan.RewrittenIndexes, _ scan: inout LogScan) {
        for (address, found) in indexes {
            var next = scan.nextIndexes[address] ?? 0
            for (indexes, place) in found.sorted(by: { $0.indexes.lowerBound < $1.indexes.lowerBound }) {
                let start = scan.waitingStart(indexes.lowerBound)
                scan.waiting[address]?.removeAll {
                    $0.lowerBound >= start && $0.upperBound <= indexes.upperBound
                }
                if indexes.lowerBound > next {
                    scan.missing.append((address, next..<indexes.lowerBound, place))
                } else if indexes.lowerBound < next, !scan.hasGap,
                    // A block may go on behind small ones of another segment.
                    !replacesWaiting(indexes.clamped(to: 0..<next), address, scan)
                {
                    find(
                        scan.prefix + place.file, place.byteOffset,
                        "records \(indexes.lowerBound) to \(indexes.upperBound) of \(address.partition) in "
                            + "\(address.topic) stand twice")
                }
                next = max(next, indexes.upperBound)
            }
            scan.nextIndexes[address] = next
        }
    }

    /// Whether small blocks were met of all these records.
    private func replacesWaiting(
        _ indexes: Range<UInt64>, _ address: PartitionAddress, _ scan: LogScan
    ) -> Bool {
        scan.small[address]?.contains(indexes) ?? false
    }

    /// A rewritten segment stands for all commits of those that it was made of.
    mutating func checkCommits(_ footer: SegmentDirectory?, _ file: String, _ scan: inout LogScan) {
        guard let footer, let commits = footer.commits else {
            scan.hasGap = true
            return
        }
        let isLeap =
            footer.events.contains { $0.name == Leap.eventName } && commits.lowerBound > scan.lastCommit
        if commits.lowerBound != scan.lastCommit + 1 && !isLeap && !scan.hasGap {
            find(file, nil, "its commits begin at \(commits.lowerBound) and follow commit \(scan.lastCommit)")
        }
        scan.lastCommit = max(scan.lastCommit, commits.upperBound)
    }

    /// Records that are nowhere must have been let go.
    mutating func checkMissing(_ scan: LogScan) {
        guard !scan.hasGap else { return }
        for (address, indexes, place) in scan.missing
        where !scan.wereLetGo(indexes, of: address) && !scan.leaps.contains(indexes.upperBound) {
            find(
                scan.prefix + place.file, place.byteOffset,
                "records \(indexes.lowerBound) to \(indexes.upperBound) of \(address.partition) in "
                    + "\(address.topic) are missing before it, and no tombstone let them go")
        }
    }
}
