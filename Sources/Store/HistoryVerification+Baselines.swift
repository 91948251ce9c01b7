// Half of a score is its baseline: each one that was pinned is worked out again from the records that its
// commit saw.
//
//     pin ──► its records up to its cut ──► the same summary: equal
//                                      └──► another: explained by what went since? else different
//
// Records that went are in no index any more, and with them their times: a tombstone has addresses alone, and to
// keep more would be to keep a part of what is to go. So it is asked what can be: whether what is missing is no more
// than what went from the baseline's partitions after the pin, and whether what is left could have been a part of it.
//
// Invariants:
//  * A pin is counted once: equal, different, or as one that cannot be checked, because what it was made of
//    went since, or belongs to another place now. Those stand as they are: it was for this that they were pinned.
//  * What went elsewhere (other partitions, other fields, or before the pin) leaves a pin to be checked.
//  * Records that go take numbers away and add none: a pin with fewer numbers than there are is different, and so is
//    one with a number outside of its least and greatest.

import Assays
import EventLog
import Records
import Summaries

extension StoreView {
    /// Adds what the pinned baselines come to.
    func verifyBaselines(_ report: inout HistoryReport) {
        let pinned = book.list().reversed().filter { $0.pin != nil }
        guard !pinned.isEmpty else { return }
        let tombstones: [(commit: CommitNumber, tombstone: Tombstone)]
        do {
            tombstones = try self.tombstones()
        } catch {
            report.baselineDifferentCount += pinned.count
            report.note("what was let go cannot be read, and so no pinned baseline be checked: \(error)")
            return
        }
        for assay in pinned {
            guard let pin = assay.pin, case .fixedWindow(let spec) = assay.definition.baseline else {
                continue
            }
            guard let pipeline = try? pipeline(of: spec) else {
                report.baselineGoneCount += 1
                continue
            }
            let gone = tombstones.lazy.filter { $0.commit > pin.cut }.map(\.tombstone).filter {
                $0.topic == pipeline.topic.name
            }
            let name = "assay \(assay.id) (\(assay.definition.name)): its baseline"
            let movedSince = spec.locations == .home && locationsChanged(of: pipeline.id, after: pin.cut)
            do {
                let again = try baseline(
                    assay.definition.baseline, assay.definition.summarizer, cut: pin.cut)
                if again.summary == pin.summary.summary {
                    report.baselineEqualCount += 1
                } else if movedSince || explains(gone, spec, pin, isLeft: again.summary) {
                    report.baselineGoneCount += 1
                } else {
                    report.baselineDifferentCount += 1
                    report.note("\(name), worked out again, is not what was pinned at commit \(pin.cut)")
                }
            } catch {
                let isDamage = (error as? StoreRefusal)?.kind == .unavailable
                if !isDamage, movedSince || explains(gone, spec, pin, isLeft: nil) {
                    report.baselineGoneCount += 1
                } else {
                    report.baselineDifferentCount += 1
                    report.note("\(name) cannot be worked out again: \(error)")
                }
            }
        }
    }

    /// Whether what went after a pin may be what its baseline lacks.
    ///
    /// - Parameter left: of the numbers that are there still; nil where there are none.
    private func explains(
        _ gone: some Sequence<Tombstone>, _ spec: AssayWindowSpec, _ pin: BaselinePin, isLeft left: Summary?
    ) -> Bool {
        let pinned = pin.summary.summary
        let lackCount = pinned.count - (left?.count ?? 0)
        guard lackCount > 0, pinned.encloses(left), let scope = try? scope(of: spec, cut: pin.cut) else {
            return false
        }
        var ranges: [String: IndexRanges] = [:]
        for tombstone in gone {
            if let field = tombstone.field {
                if LeavingRecords(topic: tombstone.topic, periods: [], field: field).hold(spec) {
                    return true
                }
            }
            let known = snapshot.index.topics[tombstone.topic]?.ranges(of: tombstone) ?? tombstone.ranges
            for (partition, each) in known
            where scope.filter.partitions?.contains(partition) ?? true {
                ranges[partition, default: IndexRanges()].formUnion(each)
            }
        }
        return ranges.values.reduce(0) { $0 + $1.count } >= UInt64(lackCount)
    }

    /// What was let go, in commit order.
    private func tombstones() throws -> [(commit: CommitNumber, tombstone: Tombstone)] {
        var found: [(commit: CommitNumber, tombstone: Tombstone)] = []
        for place in snapshot.index.events where place.entry.name == Tombstone.eventName {
            if let tombstone = try Tombstone(snapshot.event(place)) {
                found.append((place.entry.commit, tombstone))
            }
        }
        return found
    }
}

extension Summary {
    /// Whether the numbers that another tells of lie between the least and the greatest of these.
    fileprivate func encloses(_ other: Summary?) -> Bool {
        guard let least = other?.min, let greatest = other?.max else { return true }
        guard let min, let max else { return false }
        return min <= least && greatest <= max
    }
}
