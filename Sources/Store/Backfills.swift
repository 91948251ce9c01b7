// How far behind assays are, for whoever asks: the scheduler's word where one runs, else what the log says.
//
// The scheduler knows what it looked at, also where that left no decision because there was nothing in it;
// it writes on the board who is behind after each piece of its work. An assay that was changed after it last
// looked is not on the board yet; of that, as in a process without a scheduler, the log is asked. Of the second
// generation all runs are in the decisions, and the scheduler says alone what keeps it from them.
//
// Invariants:
//  * Who is not behind, and is kept from nothing, is not on the board.
//  * What keeps an assay from windows is said as long as it does, also where those are not new: late records
//    reached them.
//  * What the log says is what a scheduler would find: an assay is behind where a complete window would be
//    decided, not where one is merely later than the last decision.

import Assays
import EventLog
import Records

/// What the scheduler last wrote.
struct BackfillBoard: Sendable {
    /// How many of the store's changes it knew; nil before it ever looked.
    var knownChangeCount: Int?
    var entries: [AssayID: Backfill] = [:]

    /// Notes who of some cohorts is behind or kept from windows, of those that are complete at `horizon`.
    mutating func note(_ cohorts: some Sequence<Cohort>, _ index: LogIndex, until horizon: Timestamp) {
        // A topic's newest record is looked for in all of its segments, so once, and where somebody is behind.
        var newest: [String: Timestamp?] = [:]
        for cohort in cohorts
        where cohort.trouble != nil || cohort.examinedCount < cohort.grid.completeCount(until: horizon) {
            let topic = cohort.key.topic
            if newest[topic] == nil { newest[topic] = .some(index.topics[topic]?.newestRecord) }
            let dueEnd = cohort.dueEnd(until: horizon, newestRecord: newest[topic] ?? nil)
            for (id, first) in cohort.firstWindows {
                entries[id] = cohort.backfill(from: first, before: dueEnd)
            }
        }
    }
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

    /// How far behind an assay of the second generation is.
    package func backfill(of assay: SeriesAssay) -> Backfill? {
        assay.backfill(
            through: sources.now().adding(-configuration.grace),
            problem: seriesProblems.withLock { $0[assay.id] })
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
            let late = cohort.late
            cohort.late = nil
            let first = cohort.firstWindow
            let dueEnd = cohort.dueEnd(
                until: now.adding(-configuration.grace),
                newestRecord: snapshot.index.topics[cohort.key.topic]?.newestRecord)
            func progress(before window: Int, problem: String? = nil) -> Backfill {
                Backfill(
                    doneCount: max(0, min(window, dueEnd) - first), dueCount: max(0, dueEnd - first),
                    problem: problem)
            }
            var reader = ColumnReader(self)
            let pass = CohortPass(cohort, &reader)
            while let windows = CohortWork(cohort, self, now: now, configuration).fresh {
                // One occupied window at a time: the first that would be decided is answer enough.
                let answer = try pass.examine(
                    windows, planned: cohort.grid.period(of: windows), &reader,
                    limit: PassLimit(windowCount: 1, valueCount: .max))
                if let failure = answer.failures.first {
                    return progress(before: cohort.examinedCount, problem: failure.problem)
                }
                if let found = answer.findings.first?.analyses.first {
                    return progress(before: cohort.grid.index(startingAt: found.window.start))
                }
                cohort.finish(
                    late: [], fresh: windows.lowerBound..<answer.examinedEnd, cut: snapshot.cut, at: now)
            }
            // What would keep it from one window that late records reached would from the others.
            cohort.late = late
            guard let windows = CohortWork(cohort, self, now: now, configuration).late.first else {
                return nil
            }
            let answer = try pass.examine(
                windows, planned: cohort.grid.period(of: windows), &reader,
                limit: PassLimit(windowCount: 1, valueCount: .max))
            guard let failure = answer.failures.first else { return nil }
            cohort.trouble.note(failure.problem, at: now, grace: configuration.grace)
            return cohort.backfill(from: first, before: dueEnd)
        } catch {
            return Backfill(doneCount: assay.decisions.count, dueCount: nil, problem: "\(error)")
        }
    }
}

extension Cohort {
    /// Before this window are all that may be due: complete ones that begin before the newest record of the topic.
    /// Which of them hold records of the column is not asked, as only reading them tells.
    func dueEnd(until horizon: Timestamp, newestRecord: Timestamp?) -> Int {
        newestRecord.map { min(grid.completeCount(until: horizon), grid.startedCount(at: $0)) } ?? 0
    }

    /// How far a member's windows have come that are due, from `first` on and before `dueEnd`; nil where none is.
    /// Those that are to be looked at again count as well where something keeps them from it.
    func backfill(from first: Int, before dueEnd: Int) -> Backfill? {
        guard trouble != nil || max(first, examinedCount) < dueEnd else { return nil }
        let examined = first..<max(first, min(examinedCount, dueEnd))
        let again = trouble == nil ? [] : late?.touched.ranges.map { $0.clamped(to: examined).count } ?? []
        return Backfill(
            doneCount: max(0, again.reduce(examined.count, -)), dueCount: max(0, dueEnd - first),
            problem: trouble?.problem)
    }
}

extension TopicIndex {
    /// The time of the newest record; nil where there is none.
    var newestRecord: Timestamp? { times.map { Timestamp(milliseconds: $0.upperBound) } }
}

extension TimeSpan {
    static prefix func - (span: TimeSpan) -> TimeSpan { TimeSpan(microseconds: -span.microseconds) }
}
