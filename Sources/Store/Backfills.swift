// How far behind assays are, for whoever asks: the scheduler's word where one runs, else what the log says.
//
// The scheduler knows what it looked at, also where that left no decision because there was nothing in it;
// it writes on the board who is behind after each piece of its work. An assay that was changed after it last
// looked is not on the board yet; of that, as in a process without a scheduler, the log is asked.
//
// Invariants:
//  * Who is not behind is not on the board.
//  * What the log says is what a scheduler would find: an assay is behind where a complete window would be
//    decided, not where one is merely later than the last decision.

import Assays
import Records

/// What the scheduler last wrote.
struct BackfillBoard: Sendable {
    /// How many of the store's changes it knew; nil before it ever looked.
    var knownChangeCount: Int?
    var entries: [AssayID: Backfill] = [:]
}

extension InferenceStore {
    /// How far behind an assay is; nil where it is not, or is not active.
    package func backfill(of assay: Assay) -> Backfill? {
        guard assay.isActive else { return nil }
        let (known, entry) = backfillBoard.withLock { ($0.knownChangeCount, $0.entries[assay.id]) }
        // Nobody looks at assays here.
        guard let known else { return nil }
        let isNews = changedAssays.withLock { $0[min(known, $0.count)...].contains(assay.id) }
        return isNews ? view.backfill(of: assay, configuration) : entry
    }

    /// How far behind an assay of the second generation is: all its runs are in its decisions.
    package func backfill(of assay: SeriesAssay) -> Backfill? {
        assay.backfill(through: sources.now().adding(-configuration.grace))
    }

    /// How many assays are behind, of both generations, and by how many windows in all.
    package var backfillFigures: (assayCount: Int, windowCount: Int) {
        let all =
            backfillBoard.withLock { Array($0.entries.values) } + book.seriesList().compactMap(backfill(of:))
        return (all.count, all.reduce(0) { $0 + $1.waitingCount })
    }
}

extension StoreView {
    /// How far behind an assay is, as its decisions and the records tell; nil where it is not.
    package func backfill(of assay: Assay, _ configuration: StoreConfiguration) -> Backfill? {
        guard assay.isActive else { return nil }
        let now = sources.now()
        do {
            guard let cohort = try Cohort.entering(assay, self, at: now, grace: configuration.grace) else {
                return nil
            }
            cohort.late = nil
            let first = cohort.firstWindow
            let dueCount = cohort.grid.completeCount(until: now.adding(-configuration.grace)) - first
            var reader = ColumnReader(self)
            let pass = CohortPass(cohort, &reader)
            while let windows = CohortWork(cohort, self, now: now, configuration).fresh {
                // One occupied window at a time: the first that would be decided is answer enough.
                let answer = try pass.examine(
                    windows, planned: cohort.grid.period(of: windows), &reader,
                    limit: PassLimit(windowCount: 1, valueCount: .max))
                if let failure = answer.failures.first {
                    return Backfill(
                        doneCount: cohort.examinedCount - first, dueCount: dueCount, problem: failure.problem)
                }
                if let found = answer.findings.first?.analyses.first {
                    let doneCount = cohort.grid.index(startingAt: found.window.start) - first
                    return Backfill(doneCount: doneCount, dueCount: dueCount)
                }
                cohort.finish(
                    late: [], fresh: windows.lowerBound..<answer.examinedEnd, cut: snapshot.cut)
            }
            return nil
        } catch {
            return Backfill(doneCount: assay.decisions.count, dueCount: nil, problem: "\(error)")
        }
    }
}

extension TimeSpan {
    static prefix func - (span: TimeSpan) -> TimeSpan { TimeSpan(microseconds: -span.microseconds) }
}
