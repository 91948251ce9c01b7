// How many windows an assay decides at once, asked before it may: each is an event of the log, with a result of
// a kilobyte or two beside it.
//
//     the index (IndexedOccupation.swift) ──► no more than the bound: go on
//                                        └──► more than the bound hold a block's first or last record: refuse
//     else the records' times, in order, up to the bound, or as many as may be read
//
// Invariants:
//  * What is refused has more windows than the bound that hold records and are complete.
//  * Empty windows count for nothing, however many there are.
//  * Asking reads at most some million records.

import Assays
import EventLog
import JSON
import Queries
import Records

extension StoreView {
    /// The most windows that hold records and are due as soon as an assay is active: a year of minutes is half of
    /// it, and so many take some two minutes and two gigabytes.
    static let backfillCountMax = 1_000_000
    /// Records that are looked at to know, and how many at once.
    private static let askedRowCountMax = 1 << 22
    private static let askedRowCount = 1 << 18

    /// Refuses an assay that had more windows to decide at once than `backfillCountMax`.
    ///
    /// - Parameter assay: the stored assay, whose decided windows are done; nil for one that is created.
    func refuseEndlessBackfill(of definition: AssayDefinition, _ assay: Assay? = nil) throws {
        let limit = Self.backfillCountMax
        func refused(_ problem: String) -> FieldError {
            FieldError(
                field: "window.interval",
                problem: "\(problem); use a longer interval, or a later \"window.start\"")
        }
        let overlap =
            (definition.window.width.span.microseconds - 1) / definition.window.step.microseconds + 1
        guard overlap <= limit else {
            throw refused(
                "puts each record into \(overlap) windows, and \(limit) is what an assay may have to look at "
                    + "when it begins")
        }
        let scope = try scope(of: definition.window)
        let decided = assay?.decisions
        guard let index = snapshot.index.topics[scope.topic],
            let grid = grid(of: definition, in: scope.topic, firstDecided: decided?.first?.window.start)
        else { return }
        let first = decided?.last.map { grid.index(startingAt: $0.window.start) + 1 } ?? 0
        let completeCount = grid.completeCount(until: sources.now())
        guard first < completeCount else { return }
        let windows = first..<completeCount
        let found = try occupiedCount(windows, grid, definition.window, scope.filter, index, limit: limit)
        guard found <= limit else {
            throw refused(
                "makes at least \(found) windows that hold records and are due at once, and \(limit) is what an "
                    + "assay may have to look at when it begins")
        }
    }

    /// How many of `windows` hold records, or a number above `limit` where more do; at least as many as were
    /// found where there are too many records to look at.
    private func occupiedCount(
        _ windows: Range<Int>, _ grid: WindowGrid, _ spec: AssayWindowSpec, _ filter: RecordFilter,
        _ index: TopicIndex, limit: Int
    ) throws -> Int {
        let plan = QueryPlan(topic: index, window: grid.period(of: windows), filter: filter, cut: nil)
        let indexed = IndexedOccupation(of: windows, on: grid, plan)
        guard indexed.windowCountMax > limit else { return indexed.windowCountMax }
        // A model's name is told by the records, not by the index.
        if filter.modelName == nil, indexed.windowCountMin > limit { return indexed.windowCountMin }
        var counted = OccupiedCount(grid, windows)
        var readCount = 0
        var rest = windows
        while !rest.isEmpty, counted.count <= limit, readCount < Self.askedRowCountMax {
            let piece = rest.halved(toHold: Self.askedRowCount) {
                index.rowCountBound(in: grid.period(of: $0))
            }.windows
            let values = try values(of: spec, in: grid.period(of: piece))
            readCount += max(1, values.times.count)
            for time in values.times {
                counted.add(grid.indices(containing: time).clamped(to: piece))
                if counted.count > limit { break }
            }
            rest = piece.upperBound..<rest.upperBound
        }
        return counted.count
    }
}
