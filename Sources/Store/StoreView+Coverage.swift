// What an assay has to look at, said when it is created: how many records its complete windows hold so
// far, and which times the data covers. An assay that would never say anything shows it at once: at a path
// that no record has, or without a number to compare with.
//
// Invariants:
//  * A record counts once, in however many windows it lies; one between windows does not count.
//  * Times are those of the partitions that the assay looks at, windows those that it has (`StoreView.grid`).
//  * A model that no record is of is looked for once, and not in each window.

import Assays
import EventLog
import Queries
import Records
import Summaries

/// What is there for an assay to look at, as of one view.
package struct AssayCoverage: Hashable, Sendable {
    /// Complete windows that hold records.
    package internal(set) var windowCount = 0
    /// Records in these windows.
    package internal(set) var recordCount = 0
    /// The times of the first and the last record; nil where there are none.
    package internal(set) var first: Timestamp?
    package internal(set) var last: Timestamp?
    /// Why the windows would hold no numbers, as the records are; nil where they may.
    package internal(set) var problem: String?
    /// Why there is nothing to compare windows with, as the records are; nil where there may be.
    package internal(set) var baselineProblem: String?
    /// Why no window would ever differ from the baseline, whatever it holds; nil where one may.
    package internal(set) var summarizerProblem: String?
    /// Why windows or a baseline would lack records that their topic keeps for too short; nil where they would not.
    package internal(set) var retentionProblem: String?
}

/// Between edges that were given there is no distance: edges that are aggregated are the same on both sides.
private let fixedEdges =
    "the summarizer compares edges, and these are given: they are the same in the baseline and in every window, so "
    + "that no score is above 0; use the aggregation Density or Cumulative, or bins that follow the values"

/// Statistics are all that there is.
private let noBins =
    "the summarizer makes no bins (\"bin_mode\" is \"None\"), so that nothing is compared and no result has a score; "
    + "for a score choose bins, as Quantile"

extension SummarizerSettings {
    /// Where one edge fewer is given, the first is the least value, and that may differ.
    fileprivate var problem: String? {
        if binMode == .none { return noBins }
        return binMode == .provided && aggregation == .edges && providedEdges?.count == numBins + 1
            ? fixedEdges : nil
    }
}

extension SeriesSettings {
    fileprivate var problem: String? {
        switch binMode {
        case .none: noBins
        case .provided where aggregation == .edges: fixedEdges
        case .equal, .quantile, .quantileWithExplicitOutliers, .provided: nil
        }
    }
}

extension StoreView {
    /// What the windows of an assay hold that are complete at `moment`.
    ///
    /// - Parameters:
    ///   - undoubted: the moment as far as nobody doubts it: what a baseline is made of may still come until its period
    ///     is over by that. Nil for `moment`.
    ///   - grace: how long after its end a window is looked at.
    /// - Throws: where the log cannot be read, or the specification means no records.
    package func coverage(
        of definition: AssayDefinition, at moment: Timestamp, undoubted: Timestamp? = nil,
        grace: TimeSpan = StoreConfiguration.graceDefault
    ) throws -> AssayCoverage {
        var coverage = AssayCoverage()
        let undoubted = undoubted ?? moment
        let scope = try scope(of: definition.window)
        let filterProblem = try filterProblem(definition.window, .ofWindow)
        coverage.problem =
            try (filterProblem ?? pathProblem(definition.window, field: "window.path")).map { "\($0)" }
        coverage.summarizerProblem = definition.summarizer.problem
        coverage.retentionProblem = retentionProblem(of: definition, grace: grace, at: moment)
        coverage.baselineProblem =
            try baselineProblem(of: definition, at: undoubted).map { "\($0)" }
            ?? definition.openBaseline(at: undoubted)
        guard let index = snapshot.index.topics[scope.topic],
            let times = index.times(in: scope.filter.partitions)
        else { return coverage }
        coverage.first = Timestamp(milliseconds: times.lowerBound)
        coverage.last = Timestamp(milliseconds: times.upperBound)
        // What no record passes need not be looked for in each window.
        guard filterProblem == nil, let grid = grid(of: definition, in: scope.topic) else { return coverage }
        // Windows before the first record and after the last one hold nothing.
        let data = TimeWindow(
            start: Timestamp(milliseconds: times.lowerBound),
            end: Timestamp(milliseconds: times.upperBound).adding(TimeSpan(microseconds: 1)))
        var windows = grid.indices(touching: data).clamped(to: 0..<grid.completeCount(until: moment))
        var countedUntil = Int64.min
        while !windows.isEmpty {
            let piece = windows.halved(toHold: PassLimit.rowCountAtOnce) {
                index.rowCountBound(in: grid.period(of: $0))
            }.windows
            let values = try values(of: definition.window, in: grid.period(of: piece))
            try refuseUnseen(values.statistics.unseen)
            try count(values, grid, piece, &coverage, &countedUntil)
            windows = piece.upperBound..<windows.upperBound
        }
        return coverage
    }

    /// The same of an assay of the second generation, whose definition is completed.
    ///
    /// - Parameter asked: the baseline as it was asked for; the completed one is a summary of it.
    package func coverage(
        of definition: SeriesDefinition, baseline asked: SeriesBaseline? = nil, at moment: Timestamp,
        undoubted: Timestamp? = nil, grace: TimeSpan = StoreConfiguration.graceDefault
    ) throws -> AssayCoverage {
        var coverage = AssayCoverage()
        coverage.baselineProblem = asked?.openPeriod(at: undoubted ?? moment)
        let spec = definition.windowSpec(of: definition.targeting.targets[0].path)
        let scope = try scope(of: spec)
        let filterProblem = try filterProblem(spec, .ofTargeting)
        coverage.problem = filterProblem.map { "\($0)" }
        coverage.summarizerProblem = definition.settings.problem
        coverage.retentionProblem = retentionProblem(of: definition, grace: grace)
        for path in definition.paths where coverage.problem == nil {
            let spec = definition.windowSpec(of: path)
            if try pathProblem(spec) != nil { coverage.problem = "\(unknownSeriesPath(spec))" }
        }
        guard let index = snapshot.index.topics[scope.topic],
            let times = index.times(in: scope.filter.partitions)
        else { return coverage }
        let (first, last) = (
            Timestamp(milliseconds: times.lowerBound), Timestamp(milliseconds: times.upperBound)
        )
        (coverage.first, coverage.last) = (first, last)
        guard filterProblem == nil else { return coverage }
        // Windows that end with the first record or before it, or begin after the last one, hold nothing.
        let windows = definition.schedule.runs(
            after: first, through: min(moment, last.adding(definition.width)),
            limit: InferenceStore.seriesBackfillCountMax
        ).map { definition.window(of: $0) }
        var rest = windows[...]
        var countedUntil = Timestamp(microseconds: .min)
        func period(of windows: ArraySlice<TimeWindow>) -> TimeWindow {
            TimeWindow(start: windows[windows.startIndex].start, end: windows[windows.endIndex - 1].end)
        }
        while !rest.isEmpty {
            let piece = rest.halved(toHold: PassLimit.rowCountAtOnce) {
                index.rowCountBound(in: period(of: $0))
            }.windows
            let values = try values(of: spec, in: period(of: piece))
            try refuseUnseen(values.statistics.unseen)
            for window in piece {
                try Task.checkCancellation()
                guard !values.rows(in: window).isEmpty else { continue }
                coverage.windowCount += 1
                let fresh = TimeWindow(start: max(window.start, countedUntil), end: window.end)
                coverage.recordCount += values.rows(in: fresh).count
                countedUntil = window.end
            }
            rest = rest[piece.endIndex...]
        }
        return coverage
    }

    private func count(
        _ values: ColumnValues, _ grid: WindowGrid, _ windows: Range<Int>, _ coverage: inout AssayCoverage,
        _ countedUntil: inout Int64
    ) throws {
        let period = grid.period(of: windows)
        var search = OccupiedWindowSearch(
            WindowGrid(start: period.start, width: grid.width, interval: grid.interval), until: period.end)
        var countedRow = 0
        try values.times.withUnsafeBufferPointer { times in
            while let found = search.next(in: times), found.index < windows.count {
                coverage.windowCount += 1
                if coverage.windowCount % 4096 == 0 { try Task.checkCancellation() }
                // Windows ascend, so what an earlier one held lies before where it ended: in this piece the
                // rows up to there, and in those before it the times.
                while countedRow < found.rows.upperBound, times[countedRow] < countedUntil { countedRow += 1 }
                coverage.recordCount += max(0, found.rows.upperBound - max(countedRow, found.rows.lowerBound))
                countedRow = max(countedRow, found.rows.upperBound)
            }
        }
        countedUntil = max(countedUntil, period.milliseconds.upperBound)
    }
}

extension AssayDefinition {
    /// What to know of a fixed baseline whose period goes on; nil where it has ended.
    fileprivate func openBaseline(at moment: Timestamp) -> String? {
        guard case .fixedWindow = baseline, let period = baseline.period, period.end > moment,
            windowStart.map({ $0 < period.end }) ?? true
        else { return nil }
        return
            "the baseline's period ends at \(period.end.zuluText), after windows begin: it is kept as it is when "
            + "the first of them is decided; let windows start when it ends, or choose one that has ended"
    }
}

extension SeriesBaseline {
    /// What to know of a period that goes on when it is summarised; nil where it has ended.
    fileprivate func openPeriod(at moment: Timestamp) -> String? {
        guard case .period(let period) = self, period.end > moment else { return nil }
        return
            "the baseline's period ends at \(period.end.zuluText), after the assay is scheduled: it is kept as it is "
            + "now, without the records that are yet to come; schedule the assay when it has ended, or choose one "
            + "that has"
    }
}

extension TopicIndex {
    /// The least and the greatest time in some partitions, nil for all of them.
    func times(in partitions: Set<String>?) -> ClosedRange<Int64>? {
        var (least, greatest) = (Int64.max, Int64.min)
        for block in segments.lazy.flatMap(\.blocks) where partitions?.contains(block.partition) ?? true {
            least = min(least, block.timeMin)
            greatest = max(greatest, block.timeMax)
        }
        for run in tails.values.lazy.joined() where partitions?.contains(run.partition) ?? true {
            least = min(least, run.timeMin)
            greatest = max(greatest, run.timeMax)
        }
        return least <= greatest ? least...greatest : nil
    }
}
