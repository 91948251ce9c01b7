// A set of integers that is kept as a few ranges: of microseconds, or of windows by their numbers.
//
// Invariant: ranges are disjoint, ascending and at most `countMax`; they cover everything that was inserted and not
// removed.

import Records

/// A set of integers as few ranges: of microseconds, or of windows by their numbers.
struct DisjointRanges: Hashable, Sendable {
    /// More would be a list of records; fewer would look at windows that nothing touched.
    static let countMax = 64

    private(set) var ranges: [Range<Int>] = []

    var isEmpty: Bool { ranges.isEmpty }

    mutating func insert(_ range: Range<Int>) {
        guard !range.isEmpty else { return }
        // The ranges that overlap or touch this one are neighbours.
        let first = ranges.firstIndex { $0.upperBound >= range.lowerBound } ?? ranges.count
        var end = first
        var union = range
        while end < ranges.count, ranges[end].lowerBound <= range.upperBound {
            union = union.hull(ranges[end])
            end += 1
        }
        ranges.replaceSubrange(first..<end, with: [union])
        if ranges.count > Self.countMax { closeLeastGap() }
    }

    mutating func formUnion(_ other: DisjointRanges) {
        for range in other.ranges { insert(range) }
    }

    mutating func formIntersection(_ other: DisjointRanges) {
        var found = DisjointRanges()
        for one in ranges {
            for range in other.ranges where range.overlaps(one) { found.insert(range.clamped(to: one)) }
        }
        self = found
    }

    mutating func remove(_ range: Range<Int>) {
        guard !range.isEmpty else { return }
        ranges = ranges.flatMap { known -> [Range<Int>] in
            guard known.overlaps(range) else { return [known] }
            let before = known.lowerBound..<max(known.lowerBound, range.lowerBound)
            let after = min(known.upperBound, range.upperBound)..<known.upperBound
            return [before, after].filter { !$0.isEmpty }
        }
        while ranges.count > Self.countMax { closeLeastGap() }
    }

    private mutating func closeLeastGap() {
        // A distance that 64 bits do not hold is no gap to be closed.
        func gap(_ position: Int) -> Int {
            let (gap, overflow) = ranges[position + 1].lowerBound.subtractingReportingOverflow(
                ranges[position].upperBound)
            return overflow ? .max : gap
        }
        guard let position = (0..<ranges.count - 1).min(by: { gap($0) < gap($1) }) else { return }
        ranges.replaceSubrange(position...position + 1, with: [ranges[position].hull(ranges[position + 1])])
    }
}

extension Range<Int> {
    /// The shortest range that covers both.
    func hull(_ other: Range<Int>) -> Range<Int> {
        Swift.min(lowerBound, other.lowerBound)..<Swift.max(upperBound, other.upperBound)
    }
}

extension TimeWindow {
    /// A range of microseconds.
    init(_ range: Range<Int>) {
        self.init(
            start: Timestamp(microseconds: Int64(range.lowerBound)),
            end: Timestamp(microseconds: Int64(range.upperBound)))
    }
}
