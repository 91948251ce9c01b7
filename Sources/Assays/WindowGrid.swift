// The windows of an assay: window j is [start + j·interval, start + j·interval + width), j ≥ 0.
//
// An interval shorter than the width makes windows that overlap, a longer one leaves gaps. Only
// complete windows count, those that end at or before a given moment, and only those that hold
// records: an assay that starts in 1970 with windows of a millisecond has 10^12 of them, and almost
// none matters. So windows are found from the records:
//
//     times:     · ·· ·                 ·  ·                       ascending, milliseconds
//     windows:  [    )[    )           [    )
//                  first record at or after the window's start; is it before the window's end?
//                  yes: the window's records follow.  no: go on at the first window that ends
//                  after that record.
//
// Arithmetic is in 128 bits where two 64-bit moments meet: their distance may not fit 64.
//
// Invariants:
//  * Exactly the complete windows that hold a record are found, ascending, each once, each with
//    all its records.
//  * Finding them costs steps in proportion to the records and the windows found, whatever the
//    number of empty windows between.

import Records

/// A complete window and the records in it.
package struct OccupiedWindow: Hashable, Sendable {
    /// Its number on the grid, j.
    package let index: Int
    package let window: TimeWindow
    /// Positions of the records' times.
    package let rows: Range<Int>

    package init(index: Int, window: TimeWindow, rows: Range<Int>) {
        self.index = index
        self.window = window
        self.rows = rows
    }
}

/// Windows equally wide and equally far apart, numbered from 0; see the drawing above.
package struct WindowGrid: Hashable, Sendable {
    /// Where window 0 starts.
    package private(set) var start: Timestamp
    package let width: TimeSpan
    /// From the start of one window to the start of the next.
    package let interval: TimeSpan

    /// Width and interval must be positive.
    package init(start: Timestamp, width: TimeSpan, interval: TimeSpan) {
        precondition(width.microseconds > 0, "A window has a width.")
        precondition(interval.microseconds > 0, "Windows move on.")
        self.start = start
        self.width = width
        self.interval = interval
    }

    /// Lets the grid begin earlier: whole steps back, to the first window that does not start before
    /// `moment`. All of time is not gone back to.
    package mutating func reach(back moment: Timestamp) {
        guard moment > TimeWindow.always.start, moment < start else { return }
        let (distance, overflow) = start.microseconds.subtractingReportingOverflow(moment.microseconds)
        guard !overflow else { return }
        let back = distance / interval.microseconds * interval.microseconds
        start = start.adding(TimeSpan(microseconds: -back))
    }

    /// The same windows and those before, back to the year 1: one grid for all whose windows are of a kind,
    /// whenever they begin. A grid that begins earlier yet, or whose windows since then 64 bits do not count,
    /// is itself.
    package var reachingBack: WindowGrid {
        let distance = Int128(start.microseconds) - Int128(Self.yearOne)
        guard distance >= 0, distance / Int128(interval.microseconds) < Int128(Int.max / 2) else {
            return self
        }
        let first = Int128(Self.yearOne) + distance % Int128(interval.microseconds)
        return WindowGrid(
            start: Timestamp(microseconds: Int64(first)), width: width, interval: interval)
    }

    /// 0001-01-01T00:00:00Z.
    private static let yearOne: Int64 = -62_135_596_800_000_000

    /// The number of the window that starts at `moment`, where one does; else of the next one.
    package func index(startingAt moment: Timestamp) -> Int {
        let distance = distance(to: moment)
        let interval = Int128(interval.microseconds)
        return distance <= 0 ? 0 : Int(clamping: (distance + interval - 1) / interval)
    }

    /// Window `index`. Where time is not counted any more it is cut there.
    package func window(_ index: Int) -> TimeWindow {
        precondition(index >= 0, "The first window is 0.")
        let first = Int128(start.microseconds) + Int128(index) * Int128(interval.microseconds)
        let last = first + Int128(width.microseconds)
        return TimeWindow(
            start: Timestamp(microseconds: Int64(clamping: first)),
            end: Timestamp(microseconds: Int64(clamping: last)))
    }

    /// How many windows end at or before `until`: the number of the first that ends later.
    package func completeCount(until: Timestamp) -> Int {
        count(startingWithin: distance(to: until) - Int128(width.microseconds))
    }

    /// How many windows start at or before `moment`.
    package func startedCount(at moment: Timestamp) -> Int { count(startingWithin: distance(to: moment)) }

    /// Microseconds from the start of window 0.
    private func distance(to moment: Timestamp) -> Int128 {
        Int128(moment.microseconds) - Int128(start.microseconds)
    }

    /// How many windows start at most so many microseconds after window 0; none where that is negative.
    private func count(startingWithin distance: Int128) -> Int {
        distance < 0 ? 0 : Int(clamping: distance / Int128(interval.microseconds) + 1)
    }

    /// The windows that share at least a moment with `period`; none where that is empty.
    package func indices(touching period: TimeWindow) -> Range<Int> {
        guard period.start < period.end else { return 0..<0 }
        let first = completeCount(until: period.start)
        // Windows that start before the period's end.
        let end = count(startingWithin: distance(to: period.end) - 1)
        return first < end ? first..<end : 0..<0
    }

    /// The windows that the record of a time (in milliseconds) lies in.
    package func indices(containing time: Int64) -> Range<Int> {
        let moment = Timestamp(milliseconds: time)
        // Saturated times lie beyond every window that could be complete.
        guard moment.microseconds < .max else { return 0..<0 }
        return indices(
            touching: TimeWindow(
                start: moment, end: Timestamp(microseconds: moment.microseconds + 1)))
    }
}

/// Finds occupied windows one by one, so that a caller may stop or work in between.
package struct OccupiedWindowSearch: Sendable {
    private let grid: WindowGrid
    private let completeCount: Int
    private var index = 0
    /// No record before this one lies in a window yet to be found.
    private var row = 0
    /// How many records the window before held.
    private var lastCount = 0
    /// Windows that are found also where they hold no records, and the first that was not passed.
    private let besides: [Int]
    private var besidesPosition = 0
    /// An occupied window that lies behind one of those.
    private var ahead: OccupiedWindow?

    /// - Parameter besides: numbers of windows that are found also where they hold no records, ascending.
    package init(_ grid: WindowGrid, until: Timestamp, besides: [Int] = []) {
        self.grid = grid
        self.besides = besides
        completeCount = grid.completeCount(until: until)
    }

    /// The next occupied window, or one that is found besides, then without rows where it holds none; nil where
    /// there is none.
    ///
    /// `times`, in milliseconds, ascend and are the same at each call.
    package mutating func next(in times: UnsafeBufferPointer<Int64>) -> OccupiedWindow? {
        let found = ahead ?? nextOccupied(in: times)
        ahead = nil
        guard besidesPosition < besides.count else { return found }
        let other = besides[besidesPosition]
        if let found, found.index < other { return found }
        besidesPosition += 1
        if other == found?.index { return found }
        ahead = found
        guard other < completeCount else { return next(in: times) }
        return OccupiedWindow(index: other, window: grid.window(other), rows: 0..<0)
    }

    private mutating func nextOccupied(in times: UnsafeBufferPointer<Int64>) -> OccupiedWindow? {
        while index < completeCount {
            let window = grid.window(index)
            let inside = window.milliseconds
            row = times.firstPosition(from: row, notBefore: inside.lowerBound, near: row)
            guard row < times.count else { break }
            if times[row] < inside.upperBound {
                // A window mostly holds about as many as the one before.
                let end = times.firstPosition(
                    from: row, notBefore: inside.upperBound, near: min(row + lastCount, times.count))
                lastCount = end - row
                defer { index += 1 }
                return OccupiedWindow(index: index, window: window, rows: row..<end)
            }
            // The record lies after this window: at the first one that ends after the record. Past
            // a gap that is the next window or a later one, so this always gets on.
            index = max(
                index + 1, grid.completeCount(until: Timestamp(milliseconds: times[row])))
        }
        index = completeCount
        return nil
    }
}

extension UnsafeBufferPointer<Int64> {
    /// The first position at or after `start` whose element is `bound` or greater.
    ///
    /// Costs a logarithm of the distance from `guess`, which is at or after `start`: steps double until they pass the
    /// bound.
    fileprivate func firstPosition(from start: Int, notBefore bound: Int64, near guess: Int) -> Int {
        var (low, high, step) = (start, guess, 1)
        if guess == start || self[guess - 1] < bound {
            low = guess
            while low + step <= count, self[low + step - 1] < bound {
                low += step
                step *= 2
            }
            high = Swift.min(low + step, count)
        } else {
            high -= 1
            while high - step >= low, self[high - step] >= bound {
                high -= step
                step *= 2
            }
            low = Swift.max(low, high - step + 1)
        }
        while low < high {
            let middle = low + (high - low) / 2
            if self[middle] < bound { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
