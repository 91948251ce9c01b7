// Reads the columns that passes ask for, one after the other, and keeps the last: neighbours in the
// order of work ask for the same one.
//
// Invariant: what is given back is what reading it anew from the view would give.

import Assays
import EventLog
import Queries
import Records
import Summaries

struct ColumnReader {
    let view: StoreView
    /// What it keeps; nil where no column was read, or could be.
    private(set) var last: (column: ColumnSpec, period: TimeWindow, values: ColumnValues)?
    /// Sorted records under fixed baselines, newest last.
    private var baselines: [(spec: AssayWindowSpec, sample: SortedSample)] = []

    /// So many baselines are kept sorted; assays over one column have one or two as a rule.
    private static let baselineCountMax = 8

    init(_ view: StoreView) { self.view = view }

    /// The values of a column in `period`, and perhaps around it.
    ///
    /// - Parameter planned: a longer period that is asked for in pieces, read at once.
    mutating func values(
        of column: ColumnSpec, in period: TimeWindow, planned: TimeWindow
    ) throws -> ColumnValues {
        if let last, last.column == column, last.period.covers(period) { return last.values }
        last = nil
        let wanted = planned.covers(period) ? planned : period
        let values = try view.values(of: column.spec, in: wanted)
        try view.refuseUnseen(values.statistics.unseen)
        last = (column, wanted, values)
        return values
    }

    /// The summary of a baseline that stands still.
    mutating func baseline(of definition: AssayDefinition) throws -> DatedSummary {
        guard case .fixedWindow(let spec) = definition.baseline, let period = definition.baseline.period
        else { return try view.baseline(definition.baseline, definition.summarizer) }
        let sample: SortedSample
        if let known = baselines.first(where: { $0.spec == spec }) {
            sample = known.sample
        } else {
            sample = try view.baselineSample(of: spec, over: period)
            if baselines.count == Self.baselineCountMax { baselines.removeFirst() }
            baselines.append((spec, sample))
        }
        return try view.summary(
            of: sample, over: period, definition.summarizer, field: "baseline.fixed_window")
    }
}

extension TimeWindow {
    func covers(_ other: TimeWindow) -> Bool { start <= other.start && other.end <= end }
}
