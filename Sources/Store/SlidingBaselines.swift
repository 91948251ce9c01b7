// Baselines that slide with their windows: where they lie, and the values under them, read once for many windows.
//
// Invariant: the baseline of a window is a pure function of the values in its period and of the settings, whatever
// windows were asked about before.

import Assays
import EventLog
import Queries
import Records
import Summaries

/// Where baselines lie that move with their windows.
struct SlidingSpec: Hashable, Sendable {
    let column: ColumnSpec
    private let width: TimeSpan
    private let offset: TimeSpan

    /// Nil where the baseline stands still.
    init?(_ baseline: BaselineSpec) {
        guard case .slidingWindow(let spec, let offset) = baseline else { return nil }
        column = ColumnSpec(spec)
        width = spec.width.span
        self.offset = offset.span
    }

    /// The period that the window of a start is compared with.
    func period(forWindowStartingAt start: Timestamp) -> TimeWindow {
        let first = start.adding(-offset)
        return TimeWindow(start: first, end: first.adding(width))
    }

    /// From the start of the first baseline of some windows to the end of the last.
    func period(under windows: Range<Int>, of grid: WindowGrid) -> TimeWindow {
        TimeWindow(
            start: period(forWindowStartingAt: grid.window(windows.lowerBound).start).start,
            end: period(forWindowStartingAt: grid.window(windows.upperBound - 1).start).end)
    }

    /// The moments at which windows start that are compared with records of `period`.
    func starts(comparedWith period: TimeWindow) -> TimeWindow {
        // The baseline of a window that starts at s is [s - offset, s - offset + width).
        let first = period.start.adding(TimeSpan(microseconds: offset.microseconds - width.microseconds))
        return TimeWindow(start: first, end: max(first, period.end.adding(offset)))
    }
}

/// The baselines of windows that slide with them: under one window the same records for all assays, sorted once, and one
/// summary for each way to summarise them.
struct SlidingBaselines {
    let spec: SlidingSpec
    let values: ColumnValues
    /// The period of the window that was asked about last, its values sorted and its baselines.
    private var period: TimeWindow?
    private var sample = SortedSample()
    private var found: [SummarizerSettings: FoundBaseline] = [:]

    /// Reads what is under the baselines of all windows that will be asked about.
    ///
    /// - Parameters:
    ///   - cut: the last commit that counts; nil for all.
    ///   - columns: reads them together with those of other paths; nil reads them alone.
    init(
        _ spec: SlidingSpec, over period: TimeWindow, _ view: StoreView, cut: CommitNumber? = nil,
        columns: SharedColumns? = nil
    ) throws {
        self.spec = spec
        values =
            try columns?.values(of: spec.column.spec, in: period)
            ?? view.values(of: spec.column.spec, in: period, cut: cut)
        try view.refuseUnseen(values.statistics.unseen)
    }

    /// How many records are under the baseline of a window.
    func rowCount(under window: TimeWindow) -> Int {
        values.rows(in: spec.period(forWindowStartingAt: window.start)).count
    }

    /// The baseline of a window.
    mutating func baseline(
        of window: TimeWindow, _ settings: SummarizerSettings, _ sorter: inout SampleSorter
    ) -> FoundBaseline {
        let period = spec.period(forWindowStartingAt: window.start)
        if period != self.period {
            let rows = values.rows(in: period)
            values.values.withUnsafeBufferPointer {
                sample.refill(from: UnsafeBufferPointer(rebasing: $0[rows]), sorter: &sorter)
            }
            self.period = period
            found.removeAll(keepingCapacity: true)
        }
        if let known = found[settings] { return known }
        let baseline = FoundBaseline(sample, over: period, settings)
        found[settings] = baseline
        return baseline
    }
}
