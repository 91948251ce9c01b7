// Records that came after their windows had been examined: which windows they touch, and when they came.
//
// An import of a month is thousands of commits; a stray record may be a year old. So what is touched is
// kept as a few disjoint ranges (DisjointRanges.swift), not as one from the oldest to the newest: the windows between
// need no look.
//
// Invariants:
//  * What late records touch is due when they have been quiet for the grace, and at the latest a bounded
//    time after the first of them.
//  * A look at them that takes several pieces sees no window twice: what comes to one that it has seen waits for
//    the next look, so that an import that never rests keeps the look from no window.

import Records

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
