// Works out again what decisions are about: each from its definition, its baseline and the records up to
// its cut.
//
// Decisions over one column that saw one commit are worked out together, window after window, so that a
// window is read and sorted once whatever the number of assays over it.
//
// Invariants:
//  * Each decision is answered once: with its outcome, or with why there is none.
//  * An outcome depends on its own decision's definition, baseline and cut alone, not on its neighbours.

import Assays
import EventLog
import Queries
import Records
import Summaries

struct HistoryReplay {
    /// A decision to work out.
    struct Item {
        fileprivate let subject: Subject
        let decision: AssayDecision

        var assay: Assay { subject.assay }
    }

    /// An assay, held once by all items about it: an item of its own would be ten times as large.
    final class Subject: Sendable {
        let assay: Assay

        init(_ assay: Assay) { self.assay = assay }

        func item(_ decision: AssayDecision) -> Item { Item(subject: self, decision: decision) }
    }

    /// Assays whose decisions are worked out together, those of one column: at no time are all decisions of
    /// a log looked at, only those over one of its columns.
    static func groups(of assays: [Assay]) -> [[Assay]] {
        var positions: [ColumnSpec: Int] = [:]
        var groups: [[Assay]] = []
        for assay in assays {
            let column = ColumnSpec(assay.definition.window)
            if let position = positions[column] {
                groups[position].append(assay)
            } else {
                positions[column] = groups.count
                groups.append([assay])
            }
        }
        return groups
    }

    let view: StoreView

    /// Windows read at once, unless they hold more than `PassLimit.rowCountAtOnce`, as far as the index can tell.
    private static let windowCountMax = 512

    /// Items of one group in an order in which what belongs together stands together.
    static func sorted(_ items: [Item]) -> [Item] {
        items.sorted {
            ($0.decision.cut, $0.decision.window.start, $0.decision.window.end)
                < ($1.decision.cut, $1.decision.window.start, $1.decision.window.end)
        }
    }

    /// Works out items of one group, sorted.
    func run(
        _ items: some RandomAccessCollection<Item>,
        _ answer: (Item, Result<AssayOutcome, any Error>) throws -> Void
    ) throws {
        let items = Array(items)
        guard let first = items.first else { return }
        let column = ColumnSpec(first.subject.assay.definition.window)
        var evaluators: [AssayID: (revision: Int, evaluator: AssayEvaluator)] = [:]
        var start = 0
        while start < items.count {
            let end = pieceEnd(items, from: start)
            try run(column, items[start..<end], &evaluators, answer)
            start = end
        }
    }

    /// Where the items end that are read together: one cut, neighbouring windows, bounded memory.
    private func pieceEnd(_ items: [Item], from start: Int) -> Int {
        let first = items[start].decision
        let topic = try? view.pipeline(of: items[start].assay.definition.window).topic.name
        let index = topic.flatMap { view.snapshot.index.topics[$0] }
        var period = first.window
        var windowCount = 1
        var end = start + 1
        while end < items.count, items[end].decision.cut == first.cut {
            let window = items[end].decision.window
            if window != items[end - 1].decision.window {
                windowCount += 1
                let union = period.union(window)
                // The index is asked each time that the windows have doubled: to ask it is a look at all blocks.
                guard windowCount <= Self.windowCountMax, window.start <= period.end,
                    windowCount.nonzeroBitCount > 1
                        || (index?.rowCountBound(in: union) ?? 0) <= PassLimit.rowCountAtOnce
                else { break }
                period = union
            }
            end += 1
        }
        return end
    }

    private func run(
        _ column: ColumnSpec, _ items: ArraySlice<Item>,
        _ evaluators: inout [AssayID: (revision: Int, evaluator: AssayEvaluator)],
        _ answer: (Item, Result<AssayOutcome, any Error>) throws -> Void
    ) throws {
        let cut = items[items.startIndex].decision.cut
        let first = items[items.startIndex].decision.window
        let period = items.reduce(first) { $0.union($1.decision.window) }
        let values: ColumnValues
        var reading = SlidingReading(view, cut, items.map(\.decision.window))
        do {
            values = try view.values(of: column.spec, in: period, cut: cut)
            try view.refuseUnseen(values.statistics.unseen)
        } catch {
            for item in items { try answer(item, .failure(error)) }
            return
        }
        var sorter = SampleSorter()
        var sample = SortedSample()
        var moments = Moments(of: sample)
        var window: TimeWindow?
        for item in items {
            let decision = item.decision
            if decision.window != window {
                window = decision.window
                let rows = values.rows(in: decision.window)
                values.values.withUnsafeBufferPointer {
                    sample.refill(from: UnsafeBufferPointer(rebasing: $0[rows]), sorter: &sorter)
                }
                moments = Moments(of: sample)
            }
            let outcome = Result {
                try evaluator(for: item, &evaluators, &reading, &sorter)
                    .outcome(of: sample, moments: moments, in: decision.window)
            }
            try answer(item, outcome)
        }
    }

    private func evaluator(
        for item: Item, _ known: inout [AssayID: (revision: Int, evaluator: AssayEvaluator)],
        _ reading: inout SlidingReading, _ sorter: inout SampleSorter
    ) throws -> AssayEvaluator {
        let (assay, decision) = (item.assay, item.decision)
        let definition = assay.definition(ofRevision: decision.definitionRevision)
        if let sliding = SlidingSpec(definition.baseline) {
            let baseline = try reading.baseline(
                sliding, of: decision.window, definition.summarizer, &sorter)
            return try AssayEvaluator(definition, baseline)
        }
        if let found = known[assay.id], found.revision == decision.definitionRevision {
            return found.evaluator
        }
        let baseline =
            try assay.pin?.summary
            ?? view.baseline(definition.baseline, definition.summarizer, cut: decision.cut)
        let evaluator = try AssayEvaluator(definition, baseline: baseline)
        known[assay.id] = (decision.definitionRevision, evaluator)
        return evaluator
    }
}

/// Baselines that slide, as one commit saw them, under some windows.
private struct SlidingReading {
    private let view: StoreView
    private let cut: CommitNumber
    private let windows: [TimeWindow]
    private var known: [SlidingSpec: SlidingBaselines] = [:]

    init(_ view: StoreView, _ cut: CommitNumber, _ windows: [TimeWindow]) {
        (self.view, self.cut, self.windows) = (view, cut, windows)
    }

    mutating func baseline(
        _ sliding: SlidingSpec, of window: TimeWindow, _ settings: SummarizerSettings,
        _ sorter: inout SampleSorter
    ) throws -> FoundBaseline {
        // Taken out, so that its memory is held once while it is changed.
        var baselines = try known.removeValue(forKey: sliding) ?? read(sliding)
        defer { known[sliding] = baselines }
        return baselines.baseline(of: window, settings, &sorter)
    }

    private func read(_ sliding: SlidingSpec) throws -> SlidingBaselines {
        let periods = windows.map { sliding.period(forWindowStartingAt: $0.start) }
        let period = periods.dropFirst().reduce(periods[0]) { $0.union($1) }
        return try SlidingBaselines(sliding, over: period, view, cut: cut)
    }
}
