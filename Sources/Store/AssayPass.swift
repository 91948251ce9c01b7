// One pass over an assay: its windows in a period, each compared with the baseline.
//
// The column is read once for all windows; windows are found from the records' times, so empty
// ones cost nothing.
//
// Invariant: outcomes are a pure function of definition, baseline, period and the records up to the
// snapshot's cut.

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

struct AssayPass {
    let view: StoreView
    let definition: AssayDefinition
    let grid: WindowGrid
    /// The baseline that was pinned before; nil works it out.
    var pinned: DatedSummary?

    /// - Throws: a refusal where the specification means nothing.
    init(
        _ definition: AssayDefinition, pinned: DatedSummary? = nil, _ view: StoreView
    ) throws {
        self.view = view
        self.definition = definition
        self.pinned = pinned
        let scope = try view.scope(of: definition.window)
        let first = view.snapshot.index.topics[scope.topic]?.timeMin
        grid = definition.grid(startingAt: first.map { Timestamp(milliseconds: $0) } ?? view.sources.now())
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

    /// Outcomes of the occupied windows that share a moment with `period` and end at or before `until`.
    func outcomes(touching period: TimeWindow, until: Timestamp) throws -> [WindowOutcome] {
        let complete = grid.completeCount(until: until)
        let indices = grid.indices(touching: period).clamped(to: 0..<complete)
        guard !indices.isEmpty else { return [] }
        let covered = TimeWindow(
            start: grid.window(indices.lowerBound).start, end: grid.window(indices.upperBound - 1).end)
        let values = try view.values(of: definition.window, in: covered)
        try view.checkPath(definition.window, values)
        try view.refuseUnseen(values.statistics.unseen)
        if values.times.isEmpty { return [] }

        let baseline = slides ? nil : try fixedBaseline()
        let evaluator = try baseline.map { try AssayEvaluator(definition, baseline: $0) }
        var search = OccupiedWindowSearch(grid, until: until)
        var sorter = SampleSorter()
        var sample = SortedSample()
        var outcomes: [WindowOutcome] = []
        try values.times.withUnsafeBufferPointer { times in
            try values.values.withUnsafeBufferPointer { numbers in
                while let found = search.next(in: times) {
                    guard indices.contains(found.index) else { continue }
                    let start = view.sources.monotonicNanoseconds()
                    let own: AssayEvaluator
                    if let evaluator {
                        own = evaluator
                    } else {
                        // A sliding baseline without records: there is nothing to compare this window with.
                        guard let summary = try? view.baseline(
                            definition.baseline, definition.summarizer, for: found.window)
                        else { continue }
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
        return outcomes
    }
}

extension TopicIndex {
    /// The least time of all records; nil where there are none.
    var timeMin: Int64? {
        let least = min(
            segments.lazy.map(\.timeMin).min() ?? .max, tails.values.joined().lazy.map(\.timeMin).min() ?? .max)
        return least == .max ? nil : least
    }
}
