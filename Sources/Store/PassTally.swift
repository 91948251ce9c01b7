// Slices of a pass examined several at once, and their outcomes counted in order.
//
// Invariants:
//  * Outcomes stand in the order of the windows, whichever slice was done first.
//  * No window is counted behind the one at which the limit was reached.

import Assays
import Bytes
import Records

/// A window's outcome and what working it out took.
struct WindowOutcome<Outcome: Sendable>: Sendable {
    var outcome: Outcome
    var analysedAt: Timestamp
    var elapsedMilliseconds: Int
}

/// What became of the windows of one slice, in order.
struct ExaminedSlice {
    var windows: [ExaminedWindow] = []
    /// Whether the limit ended it before its last window.
    var isCut = false
    var recordsWereFound = false
    var pathWasFound = false
}

/// Outcomes as they are counted, window by window in order, against the limit of the pass.
struct PassTally {
    private(set) var outcomes: [WindowOutcome<AssayOutcome>] = []
    /// The end of the last window looked at, where the limit was reached.
    private(set) var stoppedAfter: Timestamp?
    /// What is left of the limit.
    private var left: PassLimit
    private var lastEnd: Timestamp

    /// Slices that are under way before the limit is looked at again: enough to keep every processor of a
    /// large machine busy, few enough that a run which is refused has not done much more than it may.
    private static let sliceCountAtOnce = 64

    init(from start: Timestamp, limit: PassLimit) {
        left = limit
        lastEnd = start
    }

    /// Has `examine` look at all slices, several `atOnce` or one after the other, and adds what it found in
    /// their order.
    ///
    /// - Throws: the error of the first slice that has one.
    mutating func add(
        _ slices: [Range<Int>], atOnce: Bool,
        _ examine: @Sendable (Range<Int>, _ remaining: PassLimit) throws -> ExaminedSlice,
        each: (ExaminedSlice) -> Void = { _ in }
    ) throws {
        for start in stride(from: 0, to: slices.count, by: PassTally.sliceCountAtOnce) {
            let group = slices[start..<min(start + PassTally.sliceCountAtOnce, slices.count)]
            if !atOnce {
                for slice in group {
                    let examined = try examine(slice, left)
                    each(examined)
                    guard add(examined) else { return }
                }
                continue
            }
            let remaining = left
            let results = Processors.share(parts: group.count) { position in
                Result { try examine(group[group.startIndex + position], remaining) }
            }
            for result in results {
                let slice = try result.get()
                each(slice)
                guard add(slice) else { return }
            }
        }
    }

    /// False where the limit is reached.
    private mutating func add(_ slice: ExaminedSlice) -> Bool {
        for window in slice.windows {
            guard !left.isSpent else {
                stoppedAfter = lastEnd
                return false
            }
            left.spend(windows: 1, values: window.valueCount + window.baselineValueCount)
            lastEnd = window.end
            outcomes.append(window.outcome)
        }
        if slice.isCut { stoppedAfter = lastEnd }
        return !slice.isCut
    }
}
