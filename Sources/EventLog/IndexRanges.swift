// A set of a partition's indexes, as the few ranges that they are: of what is let go, or was seen.
//
// Invariant: it answers as the plain set of its indexes would, whatever ranges it was made of.

import Bytes

/// Indexes of a partition, as few ranges.
package struct IndexRanges: Hashable, Sendable {
    /// Ascending; none is empty, none touches the next.
    package private(set) var ranges: [Range<UInt64>] = []

    package init() {}

    package init(_ range: Range<UInt64>) { insert(range) }

    package var isEmpty: Bool { ranges.isEmpty }

    /// Above every index in it; 0 where there is none.
    package var end: UInt64 { ranges.last?.upperBound ?? 0 }

    /// Indexes, not ranges.
    package var count: UInt64 { ranges.reduce(0) { $0 + UInt64($1.count) } }

    /// Adds indexes. Ranges that overlap or touch become one; an empty one changes nothing.
    package mutating func insert(_ range: Range<UInt64>) {
        guard !range.isEmpty else { return }
        let first = ranges.partitionPoint { $0.upperBound >= range.lowerBound }
        var end = first
        var union = range
        while end < ranges.count, ranges[end].lowerBound <= range.upperBound {
            union =
                min(union.lowerBound, ranges[end].lowerBound)..<max(union.upperBound, ranges[end].upperBound)
            end += 1
        }
        ranges.replaceSubrange(first..<end, with: [union])
    }

    package mutating func formUnion(_ other: IndexRanges) {
        for range in other.ranges { insert(range) }
    }

    /// Takes indexes out, those that are in it; a range that goes on at both sides becomes two.
    package mutating func subtract(_ range: Range<UInt64>) {
        ranges = ranges.flatMap { own in
            [
                own.lowerBound..<max(own.lowerBound, min(own.upperBound, range.lowerBound)),
                min(own.upperBound, max(own.lowerBound, range.upperBound))..<own.upperBound,
            ].filter { !$0.isEmpty }
        }
    }

    /// Those of its ranges that hold an index of `range`.
    func touching(_ range: Range<UInt64>) -> ArraySlice<Range<UInt64>> {
        let first = ranges.partitionPoint { $0.upperBound > range.lowerBound }
        return ranges[first...].prefix { $0.lowerBound < range.upperBound }
    }

    /// Whether a part of `range` is in it, and another is not.
    package func divides(_ range: Range<UInt64>) -> Bool {
        let position = ranges.partitionPoint { $0.upperBound > range.lowerBound }
        guard position < ranges.count, ranges[position].overlaps(range) else { return false }
        return !contains(range)
    }

    /// Whether all of `range` is in it.
    package func contains(_ range: Range<UInt64>) -> Bool {
        let position = ranges.partitionPoint { $0.upperBound >= range.upperBound }
        return position < ranges.count && ranges[position].lowerBound <= range.lowerBound
    }
}
