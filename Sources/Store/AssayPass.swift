// One pass over an assay: its windows in a period, each compared with the baseline.
//
// The column is read once for all windows, and once more for a baseline that slides; windows are found
// from the records' times, so empty ones cost nothing. A long run is cut into slices of some thirty
// thousand records, which are read and compared by as many threads as there are processors, each with
// no more in memory than its slice (PassTally.swift).
//
// Invariants:
//  * Outcomes are a pure function of definition, baseline, period and the records up to the
//    snapshot's cut: neither slices nor threads change one.
//  * A pass ends: windows that overlap a million times are not all looked at in one, but refused or
//    left to the next.

import Assays
import Bytes
import EventLog
import Queries
import Records
import Summaries

struct AssayPass {
    let view: StoreView
    let definition: AssayDefinition
    var grid: WindowGrid
    /// Where each window has a baseline of its own; nil where one stands still for all.
    private let sliding: SlidingSpec?
    /// The baseline that was pinned before; nil works it out.
    private let pinned: DatedSummary?

    /// Reads columns together with those of other paths; nil reads them one by one.
    var columns: SharedColumns?

    /// Records of a slice: their times and values are half a megabyte, which a processor's own cache holds.
    var sliceRowCount = 1 << 15

    /// Whether a path that no record has is refused; else its windows have no numbers.
    private let refusesUnknownPath: Bool

    /// - Throws: a refusal where the specification means nothing.
    init(_ definition: AssayDefinition, _ view: StoreView) throws {
        try self.init(definition, pinned: nil, firstWindow: nil, view)
    }

    /// A pass over another path than the assay's, on the assay's own grid.
    init(_ definition: AssayDefinition, onGridOf assay: Assay, _ view: StoreView) throws {
        try self.init(definition, pinned: nil, firstWindow: assay.decisions.first?.window.start, view)
    }

    /// A pass over a stored assay, whose windows begin where the first one decided does. A window whose
    /// records lack the path, once others had it, must not stop the windows after it.
    init(_ assay: Assay, _ view: StoreView) throws {
        try self.init(
            assay.definition, pinned: assay.pin?.summary, firstWindow: assay.decisions.first?.window.start,
            view)
    }

    private init(
        _ definition: AssayDefinition, pinned: DatedSummary?, firstWindow: Timestamp?, _ view: StoreView
    ) throws {
        self.view = view
        self.definition = definition
        sliding = SlidingSpec(definition.baseline)
        self.pinned = pinned
        refusesUnknownPath = firstWindow == nil
        let scope = try view.scope(of: definition.window)
        grid =
            view.grid(of: definition, in: scope.topic, firstDecided: firstWindow)
            ?? definition.grid(startingAt: view.sources.now())
    }

    /// Whether each window has a baseline of its own.
    var slides: Bool { sliding != nil }

    /// The one baseline of all windows.
    func fixedBaseline() throws -> DatedSummary {
        if let pinned { return pinned }
        return try view.baseline(definition.baseline, definition.summarizer, columns: columns)
    }

    /// Bins of which a noise line takes longer to draw than a slice to be looked at.
    private static let briefBinCountMax = 128

    /// Whether the occupied windows that end at or before `until` hold no more values than one slice may, each of
    /// them taken to hold all that are read, no records are read for a baseline, and bins are few.
    func isBrief(until: Timestamp) throws -> Bool {
        let summarizer = definition.summarizer
        guard summarizer.binMode == .none || summarizer.numBins <= Self.briefBinCountMax else { return false }
        switch definition.baseline {
        case .summary, .vector: break
        case .fixedWindow, .slidingWindow: return false
        }
        let indices = indices(touching: .always, until: until)
        guard !indices.isEmpty else { return true }
        let rowCount = try plan(under: indices).steps.reduce(0) { $0 + $1.block.rowCount }
        return rowCount <= 2 * sliceRowCount / indices.count
    }

    func indices(touching period: TimeWindow, until: Timestamp) -> Range<Int> {
        grid.indices(touching: period).clamped(to: 0..<grid.completeCount(until: until))
    }

    /// The periods whose values `outcomes` reads for windows, one after the other; none where there is no
    /// window.
    func readPeriods(touching period: TimeWindow, until: Timestamp) throws -> [TimeWindow] {
        let indices = indices(touching: period, until: until)
        guard !indices.isEmpty else { return [] }
        // Windows whose baseline slides are looked at in slices, and read at once.
        return slides ? [grid.period(of: indices)] : try slices(of: indices).map(grid.period(of:))
    }

    /// The period whose values are read for the baselines of windows; nil where there is no window, and where
    /// baselines are of no period.
    func baselinePeriod(touching period: TimeWindow, until: Timestamp) -> TimeWindow? {
        let indices = indices(touching: period, until: until)
        guard !indices.isEmpty else { return nil }
        return sliding.map { $0.period(under: indices, of: grid) } ?? definition.baseline.period
    }

    /// Outcomes of the occupied windows that share a moment with `period` and end at or before `until`.
    ///
    /// - Returns: with them the moment up to which windows were looked at, by their ends: `until`, or
    ///   where the limit was reached, the end of the last.
    func outcomes(
        touching period: TimeWindow, until: Timestamp, limit: PassLimit
    ) throws -> (outcomes: [WindowOutcome<AssayOutcome>], until: Timestamp) {
        let indices = indices(touching: period, until: until)
        guard !indices.isEmpty else { return ([], until) }
        var tally = PassTally(from: grid.period(of: indices).start, limit: limit)
        let slices = try slices(of: indices)
        if !slides, slices.count > 1,
            let evaluator = try? AssayEvaluator(definition, baseline: fixedBaseline())
        {
            try examine(slices, evaluator, until: until, &tally)
        } else {
            // One slice, or a baseline for each window, or none at all: then it is the values that tell
            // what is wrong.
            let values = try values(under: indices)
            if refusesUnknownPath { try view.checkPath(definition.window, values) }
            if values.times.isEmpty { return ([], until) }
            let baseline = slides ? nil : try fixedBaseline()
            let evaluator = try baseline.map { try AssayEvaluator(definition, baseline: $0) }
            let baselines = try sliding.map {
                try SlidingBaselines($0, over: $0.period(under: indices, of: grid), view, columns: columns)
            }
            if refusesUnknownPath, let baselines {
                try view.checkPath(
                    baselines.spec.column.spec, baselines.values,
                    field: "baseline.sliding_window.window.path")
            }
            try tally.add(slices, atOnce: columns == nil) { slice, remaining in
                try examine(slice, values, evaluator, baselines, until: until, remaining)
            }
        }
        return (tally.outcomes, tally.stoppedAfter ?? until)
    }

    /// Examines slices that each read their own values.
    private func examine(
        _ slices: [Range<Int>], _ evaluator: AssayEvaluator, until: Timestamp, _ tally: inout PassTally
    ) throws {
        var (recordsWereFound, pathWasFound) = (false, false)
        // Where many paths are read, each is worked out by one processor.
        try tally.add(slices, atOnce: columns == nil) { slice, remaining in
            let values = try values(under: slice, atOnce: 1)
            var examined = try examine(slice, values, evaluator, nil, until: until, remaining)
            examined.recordsWereFound = !values.times.isEmpty
            examined.pathWasFound = values.pathWasFound
            return examined
        } each: { examined in
            recordsWereFound = recordsWereFound || examined.recordsWereFound
            pathWasFound = pathWasFound || examined.pathWasFound
        }
        if refusesUnknownPath, recordsWereFound, !pathWasFound,
            let problem = try view.pathProblem(definition.window)
        {
            throw problem
        }
    }

    /// The values of the windows of a slice.
    private func values(
        under indices: Range<Int>, atOnce: Int = Processors.count
    ) throws -> ColumnValues {
        let period = grid.period(of: indices)
        let values =
            try columns?.values(of: definition.window, in: period)
            ?? view.values(of: definition.window, in: period, atOnce: atOnce)
        try view.refuseUnseen(values.statistics.unseen)
        return values
    }

    /// Works out the occupied windows among `indices`, in order, up to `remaining`.
    private func examine(
        _ indices: Range<Int>, _ values: ColumnValues, _ evaluator: AssayEvaluator?,
        _ baselines: SlidingBaselines?, until: Timestamp, _ remaining: PassLimit
    ) throws -> ExaminedSlice {
        // From the first window that is wanted: others may overlap it in any number.
        var search = OccupiedWindowSearch(
            WindowGrid(
                start: grid.window(indices.lowerBound).start, width: grid.width, interval: grid.interval),
            until: until)
        var slice = ExaminedSlice()
        var left = remaining
        var sorter = SampleSorter()
        var sampled = SampledWindows()
        var baselines = baselines
        try values.times.withUnsafeBufferPointer { times in
            try values.values.withUnsafeBufferPointer { numbers in
                while let found = search.next(in: times), found.index < indices.count {
                    guard !left.isSpent else {
                        slice.isCut = true
                        break
                    }
                    left.spend(windows: 1, values: found.rows.count)
                    let rows = UnsafeBufferPointer(rebasing: numbers[found.rows])
                    if let evaluator {
                        sampled.add(rows, of: found.window, &sorter, view.sources)
                        if sampled.isFull {
                            sampled.examine(with: evaluator, view.sources, into: &slice.windows)
                        }
                        continue
                    }
                    let start = view.sources.monotonicNanoseconds()
                    guard
                        let baseline = baselines?.baseline(
                            of: found.window, definition.summarizer, &sorter)
                    else { preconditionFailure("A baseline that stands still has an evaluator.") }
                    let baselineCount = baseline.summary.summary.count
                    left.spend(windows: 0, values: baselineCount)
                    let own = try AssayEvaluator(definition, baseline)
                    sampled.add(rows, of: found.window, &sorter, view.sources, since: start)
                    sampled.examine(
                        with: own, view.sources, baselineValueCount: baselineCount, into: &slice.windows)
                }
            }
        }
        if let evaluator { sampled.examine(with: evaluator, view.sources, into: &slice.windows) }
        return slice
    }

    // MARK: Slices

    /// What is read for the windows of `indices`, of which there is one at least.
    func plan(under indices: Range<Int>) throws -> QueryPlan {
        let scope = try view.scope(of: definition.window)
        return QueryPlan(
            topic: view.snapshot.index.topics[scope.topic], window: grid.period(of: indices),
            filter: scope.filter, cut: nil)
    }

    /// Cuts `indices` where about `sliceRowCount` records lie between, as the index has it. Where blocks
    /// or windows overlap so much that slices would read half as much again, there is one slice.
    private func slices(of indices: Range<Int>) throws -> [Range<Int>] {
        let plan = try plan(under: indices)
        let rowCount = plan.steps.reduce(0) { $0 + $1.block.rowCount }
        guard rowCount >= 2 * sliceRowCount else { return [indices] }
        let blocks = plan.steps.map {
            (min: $0.block.timeMin, max: $0.block.timeMax, rowCount: $0.block.rowCount)
        }
        .sorted { $0.min < $1.min }
        var slices: [Range<Int>] = []
        var first = indices.lowerBound
        var gathered = 0
        for block in blocks {
            gathered += block.rowCount
            guard gathered >= sliceRowCount else { continue }
            let cut = grid.indices(containing: block.max).lowerBound
            guard cut > first, cut < indices.upperBound else { continue }
            slices.append(first..<cut)
            first = cut
            gathered = 0
        }
        slices.append(first..<indices.upperBound)
        var readCount = 0
        for slice in slices {
            let times = grid.period(of: slice).milliseconds
            for block in blocks where block.max >= times.lowerBound && block.min < times.upperBound {
                readCount += block.rowCount
            }
        }
        return readCount * 2 <= rowCount * 3 ? slices : [indices]
    }
}
