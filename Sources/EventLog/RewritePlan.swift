// Which segments are made anew next, and why: those that hold what is to leave the disk, then the half dead, then
// those that questions read slowly, then the small.
//
// Invariants:
//  * The segments of a plan are neighbours in the manifest, and what is wanted of them fits into one: where that is
//    more by itself, a segment is alone in its plan.
//  * In no plan is a segment that is written, or that could not be made anew before, nor one that alone has rows
//    which wait in memory to become columns.
//  * Where numbers leapt over what is not seen, a closed one is in plans of erasures alone: what came of its rows may be
//    what comes back.

import Segments

/// Which segments are to be made anew, and why.
package struct RewritePlan: Hashable, Sendable {
    /// The most pressing one first.
    package enum Reason: String, Hashable, Sendable {
        /// They hold bytes that are to leave the disk.
        case erasure
        /// More than half of them is not wanted any more.
        case halfDead = "half dead"
        /// Their columns lie scattered, block by short block.
        case regrouping
        /// They are small.
        case merging
    }

    package var reason: Reason
    /// Neighbours in the manifest.
    package var sources: [Manifest.Entry]
}

extension RewritePlan {
    /// What to do where an erasure cannot reach the bytes.
    package static let erasureRemedy =
        "what was to go may be in it. A running server tries again by itself; where it stays so, stop it, put "
        + "the file back from a backup, or remove it with all that it holds, start again and ask again"

    /// What is most due; nil where nothing is.
    ///
    /// - Parameters:
    ///   - canRegroup: whether a segment may be made anew for nothing but its order.
    ///   - left: segments that could not be rewritten, to be left alone.
    static func next(
        _ manifest: Manifest, _ index: LogIndex, segmentByteCountMax: Int, left: Set<UInt64>,
        canRegroup: (UInt64) -> Bool
    ) -> RewritePlan? {
        /// What a segment that may be rewritten is used for.
        func use(_ entry: Manifest.Entry) -> SegmentUse? {
            guard entry.state != .active, let use = index.uses[entry.number], !left.contains(entry.number)
            else { return nil }
            if use.isLent, index.tailByteCount > 0 { return nil }
            return entry.state == .closed && index.lastLeap > 0 && !use.isErasureDue ? nil : use
        }
        /// Live bytes of a segment that may be rewritten.
        func liveByteCount(_ entry: Manifest.Entry) -> Int? {
            guard let use = use(entry) else { return nil }
            // Of what is not seen nobody knows what is wanted; but that something is to go from it is told.
            guard use.unseenFrom == nil || use.isErasureDue else { return nil }
            return use.liveByteCount
        }
        func reason(_ entry: Manifest.Entry) -> Reason? {
            guard let use = use(entry) else { return nil }
            if use.isErasureDue { return .erasure }
            guard let live = liveByteCount(entry) else { return nil }
            let isWritten = use.header.origin == .committed
            if live * 2 < (isWritten ? entry.byteCount : use.listedByteCount) { return .halfDead }
            if isWritten, use.isScattered, canRegroup(entry.number) { return .regrouping }
            return nil
        }
        /// `first` and the neighbours behind it that fit into one segment with it.
        func run(from first: Int, _ found: Reason) -> RewritePlan {
            var plan = RewritePlan(reason: found, sources: [manifest.entries[first]])
            var byteCount = liveByteCount(manifest.entries[first]) ?? segmentByteCountMax
            for entry in manifest.entries[(first + 1)...] {
                guard let live = liveByteCount(entry), byteCount + live <= segmentByteCountMax else { break }
                // A neighbour that has no reason of its own comes along where it is small.
                guard reason(entry) != nil || live <= segmentByteCountMax / 8 else { break }
                plan.sources.append(entry)
                byteCount += live
            }
            return plan
        }
        for wanted in [Reason.erasure, .halfDead, .regrouping] {
            if let first = manifest.entries.firstIndex(where: { reason($0) == wanted }) {
                return run(from: first, wanted)
            }
        }
        // Two small neighbours that were rewritten before: together they are one.
        for first in manifest.entries.indices.dropLast() {
            let pair = manifest.entries[first...(first + 1)]
            let isSmall = pair.allSatisfy { entry in
                index.uses[entry.number]?.header.origin == .rewritten
                    && liveByteCount(entry).map { $0 <= segmentByteCountMax / 8 } ?? false
            }
            if isSmall { return run(from: first, .merging) }
        }
        return nil
    }
}
