// Records that came after their windows had been examined: which windows they touch, and when they came.
//
// An import of a month is thousands of commits; a stray record may be a year old. So what is touched is
// kept as a few disjoint ranges, not as one from the oldest to the newest: the windows between need no
// look.
//
// Invariants:
//  * Ranges are disjoint, ascending and at most `countMax`; they cover everything that was inserted and
//    not removed.
//  * What late records touch is due when they have been quiet for the grace, and at the latest a bounded
//    time after the first of them.
//  * A look at them that takes several pieces sees no window twice: what comes to one that it has seen waits for
//    the next look, so that an import that never rests keeps the look from no window.

import EventLog
import Records
import Segments

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

/// Late records that wait to be looked at, as both schedulers keep them.
struct LateRecords: Sendable {
    /// The windows they touch, by their numbers; or by the moments of their runs, in microseconds, where they have none.
    var touched: DisjointRanges
    /// When the first and the last of them came.
    var first: Timestamp
    var last: Timestamp
    /// The window that a look which is under way comes to next, and when it began; nil where none is.
    private(set) var look: (next: Int, began: Timestamp)?

    /// What is under way is due at once.
    func dueAt(grace: TimeSpan, latenessMax: TimeSpan) -> Timestamp {
        look == nil ? min(last.adding(grace), first.adding(latenessMax)) : Timestamp(microseconds: .min)
    }

    /// The windows that a look has to see, or has still to see where it is under way.
    var rest: DisjointRanges {
        var rest = touched
        if let look { rest.remove(.min..<look.next) }
        return rest
    }

    /// Takes note that some of these windows were looked at, the first ones first.
    mutating func noteLook(at windows: [Range<Int>], at now: Timestamp) {
        guard look != nil || !windows.isEmpty else { return }
        var rest = rest
        for range in windows {
            touched.remove(range)
            rest.remove(range)
        }
        let began = look?.began ?? now
        look = rest.ranges.first.map { (next: $0.lowerBound, began: began) }
        // What is left touches windows that had been seen: it came since the look began.
        if look == nil { first = began }
    }

    /// After the clock went back by `span`.
    mutating func shift(back span: TimeSpan) {
        let shift = TimeSpan(microseconds: -span.microseconds)
        first = first.adding(shift)
        last = last.adding(shift)
        if let began = look?.began { look?.began = began.adding(shift) }
    }
}

extension LateRecords? {
    /// Takes note of more of them, which came at a moment.
    mutating func note(_ touched: DisjointRanges, at moment: Timestamp) {
        guard !touched.isEmpty else { return }
        if self == nil { self = LateRecords(touched: DisjointRanges(), first: moment, last: moment) }
        self?.touched.formUnion(touched)
        self?.last = moment
    }
}

extension TimeWindow {
    /// The shortest window that covers both.
    func union(_ other: TimeWindow) -> TimeWindow {
        TimeWindow(start: min(start, other.start), end: max(end, other.end))
    }

    /// A range of microseconds.
    init(_ range: Range<Int>) {
        self.init(
            start: Timestamp(microseconds: Int64(range.lowerBound)),
            end: Timestamp(microseconds: Int64(range.upperBound)))
    }
}

/// Records of one run that are no further apart than this are looked at together.
private let nearMilliseconds: UInt64 = 60_000

extension TopicIndex {
    /// The times of records that came after `cut`. Costs the blocks of segments that got any.
    ///
    /// - Returns: ranges of microseconds.
    func times(after cut: CommitNumber) -> DisjointRanges {
        var found = DisjointRanges()
        func insert(_ least: Int64, _ greatest: Int64) {
            let end = Timestamp(milliseconds: greatest).adding(TimeSpan(microseconds: 1))
            found.insert(Int(Timestamp(milliseconds: least).microseconds)..<Int(end.microseconds))
        }
        for segment in segments where segment.blocks.lastCommit > cut {
            for block in segment.blocks where block.lastCommit > cut {
                insert(block.timeMin, block.timeMax)
            }
        }
        for run in tails.values.joined() where run.commitRuns.last!.commit > cut {
            // A run grows with each small append: only its rows after the cut are new.
            let oldRowCount = run.commitRuns.lazy.filter { $0.commit <= cut }.reduce(0) { $0 + $1.rowCount }
            // A record of now may stand beside one that is a year late: only those near each other are one range.
            let times = run.batch.times[oldRowCount...]
            guard var least = times.first, var greatest = times.first else { continue }
            for time in times {
                // Unsigned, so that no distance is too great.
                let gap = time < least ? least &- time : time > greatest ? time &- greatest : 0
                if UInt64(bitPattern: gap) > nearMilliseconds {
                    insert(least, greatest)
                    (least, greatest) = (time, time)
                } else {
                    (least, greatest) = (min(least, time), max(greatest, time))
                }
            }
            insert(least, greatest)
        }
        return found
    }

    /// About how many records lie in a period: those of all blocks that touch it.
    func rowCountBound(in period: TimeWindow) -> Int {
        let times = period.milliseconds
        var count = 0
        for segment in segments
        where segment.blocks.timeMax >= times.lowerBound && segment.blocks.timeMin < times.upperBound {
            for block in segment.blocks
            where block.timeMax >= times.lowerBound && block.timeMin < times.upperBound {
                count += block.rowCount
            }
        }
        for run in tails.values.joined()
        where run.timeMax >= times.lowerBound && run.timeMin < times.upperBound {
            count += run.batch.rowCount
        }
        return count
    }
}
