// One pass over an assay: its windows in a period, each compared with the baseline.
//
// The column is read once for all windows, and once more for a baseline that slides; windows are found
// from the records' times, so empty ones cost nothing.
//
// Invariants:
//  * Outcomes are a pure function of definition, baseline, period and the records up to the
//    snapshot's cut.
//  * A pass ends: windows that overlap a million times are not all looked at in one, but refused or
//    left to the next.

import Assays
import EventLog
import Queries
import Records
import Summaries

/// A window's outcome and what working it out took.
struct WindowOutcome {
    var outcome: AssayOutcome
    var analysedAt: Timestamp
    var elapsedMilliseconds: Int
}

/// How much one pass looks at.
struct PassLimit {
    var windowCount: Int
    /// Values of all windows together, as often as they are in one.
    var valueCount: Int

    /// A run is answered as a whole, from memory, a kilobyte or two a window; its values cost a few
    /// seconds.
    static let interactive = PassLimit(windowCount: 100_000, valueCount: 1 << 28)
    /// The scheduler goes on where it stopped, and looks after other assays in between.
    static let scheduled = PassLimit(windowCount: 10_000, valueCount: 1 << 26)
}

struct AssayPass {
    let view: StoreView
    let definition: AssayDefinition
    var grid: WindowGrid
    /// The baseline that was pinned before; nil works it out.
    private let pinned: DatedSummary?

    /// Whether a path that no record has is refused; else its windows have no numbers.
    private let refusesUnknownPath: Bool

    /// - Throws: a refusal where the specification means nothing.
    init(_ definition: AssayDefinition, _ view: StoreView) throws {
        try self.init(definition, pinned: nil, firstWindow: nil, view)
    }

    /// A pass over a stored assay. Where its windows begin was settled by the first one decided: an
    /// older record that comes late must not move the grid under the decisions. Nor must a window
    /// whose records lack the path, once others had it, stop the windows after it.
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
        self.pinned = pinned
        refusesUnknownPath = firstWindow == nil
        let scope = try view.scope(of: definition.window)
        let first = view.snapshot.index.topics[scope.topic]?.timeMin.map { Timestamp(milliseconds: $0) }
        grid = definition.grid(startingAt: firstWindow ?? first ?? view.sources.now())
    }

    /// Whether each window has a baseline of its own.
    var slides: Bool {
        if case .slidingWindow = definition.baseline { true } else { false }
    }

    /// The one baseline of all windows.
    func fixedBaseline() throws -> DatedSummary {
        if let pinned { return pinned }
        return try view.baseline(definition.baseline, definition.summarizer)
    }

    /// The values under the baselines of windows, where those slide: read once for all of them.
    private func slidingValues(under windows: Range<Int>) throws -> ColumnValues {
        guard case .slidingWindow(let spec, _) = definition.baseline,
            let first = definition.baseline.period(for: grid.window(windows.lowerBound)),
            let last = definition.baseline.period(for: grid.window(windows.upperBound - 1))
        else { return ColumnValues() }
        let values = try view.values(of: spec, in: TimeWindow(start: first.start, end: last.end))
        try view.refuseUnseen(values.statistics.unseen)
        return values
    }

    /// The baseline of one window, where it slides; nil where there is nothing to compare the window
    /// with: no records, or none with a number.
    private func slidingBaseline(
        of window: TimeWindow, in values: ColumnValues, _ sample: inout SortedSample,
        _ sorter: inout SampleSorter
    ) -> DatedSummary? {
        guard let period = definition.baseline.period(for: window) else { return nil }
        let times = period.milliseconds
        let first = values.times.position(notBefore: times.lowerBound)
        let rows = first..<values.times.position(notBefore: times.upperBound)
        guard !rows.isEmpty else { return nil }
        values.values.withUnsafeBufferPointer {
            sample.refill(from: UnsafeBufferPointer(rebasing: $0[rows]), sorter: &sorter)
        }
        do throws(SummaryError) {
            return try DatedSummary(ofBaseline: sample, over: period, definition.summarizer)
        } catch { return nil }
    }

    /// Outcomes of the occupied windows that share a moment with `period` and end at or before `until`.
    ///
    /// - Returns: with them the moment up to which windows were looked at, by their ends: `until`, or
    ///   where the limit was reached, the end of the last.
    func outcomes(
        touching period: TimeWindow, until: Timestamp, limit: PassLimit
    ) throws -> (outcomes: [WindowOutcome], until: Timestamp) {
        let complete = grid.completeCount(until: until)
        let indices = grid.indices(touching: period).clamped(to: 0..<complete)
        guard !indices.isEmpty else { return ([], until) }
        let covered = TimeWindow(
            start: grid.window(indices.lowerBound).start, end: grid.window(indices.upperBound - 1).end)
        let values = try view.values(of: definition.window, in: covered)
        try view.refuseUnseen(values.statistics.unseen)
        if refusesUnknownPath { try view.checkPath(definition.window, values) }
        if values.times.isEmpty { return ([], until) }

        let baseline = slides ? nil : try fixedBaseline()
        let evaluator = try baseline.map { try AssayEvaluator(definition, baseline: $0) }
        let baselineValues = try slidingValues(under: indices)
        // From the first window that is wanted: others may overlap it in any number.
        var search = OccupiedWindowSearch(
            WindowGrid(start: covered.start, width: grid.width, interval: grid.interval), until: until)
        var counted = (windows: 0, values: 0)
        var stoppedAfter: Timestamp?
        var lastEnd = covered.start
        var sorter = SampleSorter()
        var sample = SortedSample()
        var baselineSample = SortedSample()
        var outcomes: [WindowOutcome] = []
        try values.times.withUnsafeBufferPointer { times in
            try values.values.withUnsafeBufferPointer { numbers in
                while let found = search.next(in: times) {
                    guard found.index < indices.count else { break }
                    guard counted.windows < limit.windowCount, counted.values < limit.valueCount else {
                        stoppedAfter = lastEnd
                        break
                    }
                    counted.windows += 1
                    counted.values += found.rows.count
                    lastEnd = found.window.end
                    let start = view.sources.monotonicNanoseconds()
                    let own: AssayEvaluator
                    if let evaluator {
                        own = evaluator
                    } else {
                        guard
                            let summary = slidingBaseline(
                                of: found.window, in: baselineValues, &baselineSample, &sorter)
                        else { continue }
                        counted.values += summary.summary.count
                        own = try AssayEvaluator(definition, baseline: summary)
                    }
                    sample.refill(from: UnsafeBufferPointer(rebasing: numbers[found.rows]), sorter: &sorter)
                    let outcome = own.outcome(of: sample, in: found.window)
                    let elapsed = view.sources.monotonicNanoseconds() - start
                    outcomes.append(
                        WindowOutcome(
                            outcome: outcome, analysedAt: view.sources.now(),
                            elapsedMilliseconds: Int(elapsed / 1_000_000)))
                }
            }
        }
        return (outcomes, stoppedAfter ?? until)
    }
}

extension Array<Int64> {
    /// The first position whose element is `bound` or greater; elements ascend.
    func position(notBefore bound: Int64) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if self[middle] < bound { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
