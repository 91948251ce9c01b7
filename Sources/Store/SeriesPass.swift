// The windows of an assay of the second generation, each of its paths compared with that path's baseline.
//
// Neighbouring windows are read together, as many as memory holds; a window that stands apart is read alone.
// What does not depend on the path is read once for all paths. Every window has an outcome, also one without
// records.
//
// Invariants:
//  * Outcomes are a pure function of definition, windows and the records up to the cut.
//  * They come in the order of the windows, and so do findings in the order of the paths.

import Assays
import EventLog
import Queries
import Records
import Summaries

struct SeriesPass {
    let view: StoreView
    /// Its baseline is summaries, or rolling.
    let definition: SeriesDefinition
    /// The last commit that counts; nil for all that the view shows.
    var cut: CommitNumber?

    /// How many windows verification looks at in one go: an outcome is a kilobyte or two a path, and more of many bins.
    static func windowLimit(_ definition: SeriesDefinition) -> Int {
        PassLimit.scheduled.windowCount(of: definition)
    }

    /// The same where each window's document is held as well, and appended with the others'.
    static func documentLimit(_ definition: SeriesDefinition) -> Int {
        PassLimit.documents.windowCount(of: definition)
    }

    /// The outcomes of windows that ascend.
    func outcomes(of windows: [TimeWindow]) throws -> [WindowOutcome<SeriesOutcome>] {
        try outcomes(of: windows, rowCountMax: .max, valueCountMax: .max)
    }

    /// The outcomes of the first of windows that ascend: as many as hold about `rowCountMax` records together, and about
    /// `valueCountMax` values, counted as often as they are in a window or under its baseline, and for each path. At
    /// least one where there are any.
    func firstOutcomes(
        of windows: [TimeWindow], valueCountMax: Int
    ) throws -> [WindowOutcome<SeriesOutcome>] {
        try outcomes(of: windows, rowCountMax: max(1, rowCountMax), valueCountMax: max(1, valueCountMax))
    }

    private func outcomes(
        of windows: [TimeWindow], rowCountMax: Int, valueCountMax: Int
    ) throws -> [WindowOutcome<SeriesOutcome>] {
        var outcomes: [WindowOutcome<SeriesOutcome>] = []
        outcomes.reserveCapacity(windows.count)
        var (rowCount, valueCount) = (0, 0)
        var rest = windows[...]
        // Windows are left out of what is read together where the values are at their bound alone: that ends it.
        while !rest.isEmpty, rowCount < rowCountMax, valueCount < valueCountMax {
            let piece = readTogether(rest)
            valueCount += try append(
                piece.windows, to: &outcomes, valueCountMax: valueCountMax - valueCount)
            rowCount += piece.rowCount
            rest = rest[piece.windows.endIndex...]
        }
        return outcomes
    }

    /// Records read at once, unless one window's are more.
    var rowCountMax = PassLimit.rowCountAtOnce

    /// The first of some windows: neighbours, as many as memory holds the records of, with their baselines'; and about
    /// how many those are.
    private func readTogether(
        _ windows: ArraySlice<TimeWindow>
    ) -> (windows: ArraySlice<TimeWindow>, rowCount: Int) {
        var end = windows.startIndex + 1
        while end < windows.endIndex, windows[end].start <= windows[end - 1].end { end += 1 }
        let neighbours = windows[..<end]
        let topic = try? view.pipeline(of: definition.windowSpec(of: definition.targeting.targets[0].path))
            .topic.name
        guard let index = topic.flatMap({ view.snapshot.index.topics[$0] }) else {
            return (neighbours, 0)
        }
        func rowCount(_ windows: ArraySlice<TimeWindow>) -> Int {
            let (first, last) = (windows[windows.startIndex], windows[windows.endIndex - 1])
            var count = index.rowCountBound(in: TimeWindow(start: first.start, end: last.end))
            if let from = definition.baselinePeriod(for: first), let to = definition.baselinePeriod(for: last)
            {
                count += index.rowCountBound(in: TimeWindow(start: from.start, end: to.end))
            }
            return count
        }
        let least = rowCount(neighbours.prefix(1))
        guard neighbours.count > 1 else { return (neighbours, least) }
        return neighbours.halved(toHold: max(rowCountMax, 2 * least), rowCount)
    }

    /// Reads the period that neighbouring windows cover, and the one that their baselines do, and adds the outcomes of
    /// the first windows: as many as hold about `valueCountMax` values, and at least one.
    ///
    /// - Returns: how many values they hold.
    private func append(
        _ windows: ArraySlice<TimeWindow>, to outcomes: inout [WindowOutcome<SeriesOutcome>],
        valueCountMax: Int
    ) throws -> Int {
        let covered = TimeWindow(
            start: windows[windows.startIndex].start, end: windows[windows.endIndex - 1].end)
        var findings = [[SeriesFinding]](repeating: [], count: windows.count)
        var elapsed = [Int64](repeating: 0, count: windows.count)
        var scratch = Scratch()
        // One path alone is read by all processors.
        let targets = definition.targeting.targets
        let columns = targets.count > 1 ? SharedColumns(view, cut: cut) : nil
        var looked = windows
        var valueCount = 0
        for (place, target) in targets.enumerated() {
            let spec = definition.windowSpec(of: target.path)
            let values = try read(spec, covered, columns)
            let baselineValues = try rollingValues(spec, windows, columns)
            for (position, window) in looked.enumerated() {
                try Task.checkCancellation()
                if place == 0 {
                    if position > 0, valueCount >= valueCountMax {
                        looked = windows.prefix(position)
                        break
                    }
                    // Each path has a value of each record, be it none.
                    let baseline = definition.baselinePeriod(for: window)
                    let baselineCount = baseline.map { baselineValues.rows(in: $0).count } ?? 0
                    valueCount += targets.count * (values.rows(in: window).count + baselineCount)
                }
                let start = view.sources.monotonicNanoseconds()
                findings[position].append(
                    try finding(target, window, values, baselineValues, &scratch))
                elapsed[position] += view.sources.monotonicNanoseconds() - start
            }
        }
        for (position, window) in looked.enumerated() {
            let milliseconds = Int(elapsed[position] / 1_000_000)
            outcomes.append(
                WindowOutcome(
                    outcome: SeriesOutcome(window, findings[position], definition.settings),
                    analysedAt: view.sources.beginning(ofWorkOf: milliseconds),
                    elapsedMilliseconds: milliseconds))
        }
        return valueCount
    }

    /// Memory that one window after the other is sorted in.
    private struct Scratch: ~Copyable {
        var sorter = SampleSorter()
        var sample = SortedSample()
        var baseline = SortedSample()
    }

    private func read(
        _ spec: AssayWindowSpec, _ period: TimeWindow, _ columns: SharedColumns?
    ) throws -> ColumnValues {
        let values =
            try columns?.values(of: spec, in: period) ?? view.values(of: spec, in: period, cut: cut)
        try view.refuseUnseen(values.statistics.unseen)
        return values
    }

    /// The values under the baselines of windows, where those move; else none.
    private func rollingValues(
        _ spec: AssayWindowSpec, _ windows: ArraySlice<TimeWindow>, _ columns: SharedColumns?
    ) throws -> ColumnValues {
        guard let first = definition.baselinePeriod(for: windows[windows.startIndex]),
            let last = definition.baselinePeriod(for: windows[windows.endIndex - 1])
        else { return ColumnValues() }
        return try read(spec, TimeWindow(start: first.start, end: last.end), columns)
    }

    private func finding(
        _ target: SeriesTarget, _ window: TimeWindow, _ values: ColumnValues,
        _ baselineValues: ColumnValues, _ scratch: inout Scratch
    ) throws -> SeriesFinding {
        let baseline: DatedSeriesSummary
        switch baselineOf(target, window, baselineValues, &scratch) {
        case .success(let found): baseline = found
        case .failure(let absence):
            return SeriesFinding(
                target, absence: absence.sentence, absence.status, held: absence.held)
        }
        let rows = values.rows(in: window)
        guard !rows.isEmpty else {
            return SeriesFinding(target, baseline: baseline, absence: SeriesFinding.noRecords)
        }
        values.values.withUnsafeBufferPointer {
            scratch.sample.refill(from: UnsafeBufferPointer(rebasing: $0[rows]), sorter: &scratch.sorter)
        }
        return try SeriesFinding(
            target, scratch.sample, in: window, against: baseline, definition.settings)
    }

    private struct NoBaseline: Error {
        var sentence: String
        var status: AssayStatus
        /// What the period holds all the same.
        var held: UnscoredValues?
    }

    private func baselineOf(
        _ target: SeriesTarget, _ window: TimeWindow, _ values: ColumnValues, _ scratch: inout Scratch
    ) -> Result<DatedSeriesSummary, NoBaseline> {
        if case .summaries(let summaries) = definition.baseline {
            guard let summary = summaries[target.path] else {
                preconditionFailure("A definition holds a summary for each of its paths.")
            }
            return .success(summary)
        }
        guard let period = definition.baselinePeriod(for: window) else {
            preconditionFailure("A baseline that is no summaries is a period by now.")
        }
        let rows = values.rows(in: period)
        guard !rows.isEmpty else {
            return .failure(
                NoBaseline(
                    sentence:
                        "the baseline, from \(period.start.zuluText) to \(period.end.zuluText), holds no "
                        + "records", status: .noData))
        }
        values.values.withUnsafeBufferPointer {
            scratch.baseline.refill(from: UnsafeBufferPointer(rebasing: $0[rows]), sorter: &scratch.sorter)
        }
        do throws(SummaryError) {
            let summary = try SeriesSummarizer(definition.settings).baseline(of: scratch.baseline)
            return .success(DatedSeriesSummary(summary, over: period))
        } catch {
            return .failure(
                NoBaseline(
                    sentence: "the window has no baseline: \(error)", status: .noScore,
                    held: UnscoredValues(scratch.baseline)))
        }
    }
}
