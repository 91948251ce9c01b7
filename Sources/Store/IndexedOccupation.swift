// How many windows hold records, as far as the index tells that without a record being read: of a block, or a run
// in memory, it knows the first and the last time, and how many records there are.
//
//     windows    [  )[  )[  )[  )[  )[  )[  )
//     a block          ·─────────·              at least those around its ends, at most all that it touches
//
// Invariants:
//  * The numbers of windows and of values that records make are in between what is told.
//  * What is told of no model's records alone is told of all: a name stands in the records.

import Assays
import EventLog
import Queries
import Records

/// Windows that hold records, counted once each; records come ascending by time.
struct OccupiedCount {
    let grid: WindowGrid
    let windows: Range<Int>
    private(set) var count = 0
    private var next: Int

    init(_ grid: WindowGrid, _ windows: Range<Int>) {
        self.grid = grid
        self.windows = windows
        next = windows.lowerBound
    }

    /// Adds those among `indices` that come after all that were added.
    mutating func add(_ indices: Range<Int>) {
        let end = min(indices.upperBound, windows.upperBound)
        let first = max(indices.lowerBound, next)
        guard first < end else { return }
        count += end - first
        next = end
    }
}

/// What the index tells of some windows of a grid.
struct IndexedOccupation {
    /// Windows that hold a block's first or last record.
    let windowCountMin: Int
    /// Windows that a block touches.
    let windowCountMax: Int
    /// Records of blocks that lie in one window whole, as often as they do.
    let valueCountMin: Int

    /// - Parameter plan: of the blocks that are read for the windows. Each is there whole: what lets records go
    ///   divides none.
    init(of windows: Range<Int>, on grid: WindowGrid, _ plan: QueryPlan) {
        let parts =
            (plan.steps.map {
                (least: $0.block.timeMin, greatest: $0.block.timeMax, rowCount: $0.block.rowCount)
            }
            + plan.tails.map { (least: $0.timeMin, greatest: $0.timeMax, rowCount: $0.batch.rowCount) })
            .sorted { $0.least < $1.least }
        var most = OccupiedCount(grid, windows)
        for part in parts {
            let end = Timestamp(milliseconds: part.greatest).adding(TimeSpan(microseconds: 1))
            most.add(
                grid.indices(touching: TimeWindow(start: Timestamp(milliseconds: part.least), end: end)))
        }
        windowCountMax = most.count
        var ends = OccupiedCount(grid, windows)
        for time in parts.flatMap({ [$0.least, $0.greatest] }).sorted() {
            ends.add(grid.indices(containing: time))
        }
        windowCountMin = ends.count
        valueCountMin = parts.reduce(0) { sum, part in
            let around = grid.indices(containing: part.least).clamped(to: windows)
                .clamped(to: grid.indices(containing: part.greatest))
            let (count, isMore) = around.count.multipliedReportingOverflow(by: part.rowCount)
            return isMore ? .max : sum.addingReportingOverflow(count).overflow ? .max : sum + count
        }
    }
}

extension AssayPass {
    /// Whether the index alone tells that `outcomes` would come to its limit before its last window.
    func isBeyond(_ limit: PassLimit, touching period: TimeWindow, until: Timestamp) throws -> Bool {
        let windows = indices(touching: period, until: until)
        guard !windows.isEmpty else { return false }
        let scope = try view.scope(of: definition.window)
        guard scope.filter.modelName == nil, let index = view.snapshot.index.topics[scope.topic] else {
            return false
        }
        let overlap = (grid.width.microseconds - 1) / grid.interval.microseconds + 1
        let (valueCountMax, isMore) = index.rowCount.multipliedReportingOverflow(by: Int(overlap))
        // Nearly always so, and told at once.
        guard windows.count > limit.windowCount || isMore || valueCountMax > limit.valueCount else {
            return false
        }
        let plan = try plan(under: windows)
        let indexed = IndexedOccupation(of: windows, on: grid, plan)
        // The last window may go past the limit, with no more values than there are records.
        return indexed.windowCountMin > limit.windowCount
            || indexed.valueCountMin.subtractingReportingOverflow(plan.recordCountMax).partialValue
                >= limit.valueCount
    }
}
