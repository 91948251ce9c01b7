// Analyses the windows of active assays: each soon after it is complete, those that were complete
// before once the assay is there, and those that late records reach again.
//
//     clock, new commits ──► due assays ──► pass ──► decisions (log) ──► results (derived)
//
// What was examined follows from the decisions: a pass that decides anything has examined all its
// assay's windows up to its cut, because everything that was due came along. So after a restart an
// assay goes on from its newest decision, and looks again only at what came after.
//
// Invariants:
//  * A window is decided once for each content it has had when it was looked at: an outcome with
//    the digest of the newest decision is no new revision.
//  * One pass runs at a time, so no window is analysed twice at once.
//  * Late records lead to one new revision when they have been quiet for the grace, at the latest
//    after `latenessMax`.
//  * An assay that cannot be analysed is tried again after each grace, not at every tick: a try reads
//    its whole column.

import Assays
import EventLog
import Logging
import Records
import Segments
import Synchronization

package actor AssayScheduler {
    private let store: InferenceStore
    private let logger: Logger
    /// What is known of each active assay since it was activated or the process began.
    private var progress: [AssayID: Progress] = [:]

    private struct Progress {
        /// Windows that end at or before this have been examined, as far as the log then held.
        var examinedUntil: Timestamp
        /// Commits up to this one have been examined.
        var examinedCut: CommitNumber
        /// Late records that wait to be looked at: their times, and when the first and last came.
        var late: (period: TimeWindow, first: Timestamp, last: Timestamp)?
        /// What went wrong at the last pass, said once, and when to try again.
        var problem: String?
        var retryAt: Timestamp?
    }

    package init(_ store: InferenceStore, logger: Logger) {
        self.store = store
        self.logger = logger
    }

    /// How many assays wait for late records to come to rest.
    var lateCount: Int { progress.values.count { $0.late != nil } }

    /// Runs until the task is cancelled.
    package func run(every pause: Duration = .milliseconds(250)) async {
        while !Task.isCancelled {
            await tick()
            try? await Task.sleep(for: pause)
        }
    }

    /// Looks at every active assay once.
    package func tick() async {
        let active = store.book.list().filter(\.isActive)
        let ids = Set(active.map(\.id))
        progress = progress.filter { ids.contains($0.key) }
        for assay in active.reversed() {
            if Task.isCancelled { return }
            let now = store.sources.now()
            if let retryAt = progress[assay.id]?.retryAt, now < retryAt { continue }
            do {
                try await examine(assay, now: now)
                progress[assay.id]?.problem = nil
                progress[assay.id]?.retryAt = nil
            } catch {
                let problem = "\(error)"
                if progress[assay.id]?.problem != problem {
                    logger.warning("assay \(assay.id) (\(assay.definition.name)) is not analysed: \(problem)")
                }
                progress[assay.id]?.problem = problem
                progress[assay.id]?.retryAt = now.adding(store.configuration.grace)
            }
        }
    }

    // MARK: One assay

    private func examine(_ assay: Assay, now: Timestamp) async throws {
        let horizon = now.adding(TimeSpan(microseconds: -store.configuration.grace.microseconds))
        let sealingCount = store.sealingCount.load(ordering: .sequentiallyConsistent)
        let view = store.view
        let snapshot = view.snapshot
        var state =
            progress[assay.id]
            ?? Progress(
                examinedUntil: assay.decisions.last?.window.end ?? Timestamp(microseconds: .min),
                examinedCut: assay.decisions.lazy.map(\.cut).max() ?? 0)
        progress[assay.id] = state
        let scope = try view.scope(of: assay.definition.window)
        guard let topic = snapshot.index.topics[scope.topic] else { return }

        // Records that came since the last look, in windows that were examined before.
        let examinedCut = state.examinedCut
        // A partition that became an edge, or home again, changes what all windows at home hold.
        let homeChanged =
            assay.definition.window.locations == .home
            && view.locationsChanged(of: scope.pipeline.id, after: examinedCut)
        if snapshot.cut > examinedCut, let touched = topic.times(after: homeChanged ? 0 : examinedCut) {
            if touched.start < state.examinedUntil {
                let first = state.late?.first ?? now
                let period = state.late.map { $0.period.union(touched) } ?? touched
                state.late = (period, first, now)
            }
            state.examinedCut = snapshot.cut
        }
        var due: TimeWindow?
        if let late = state.late,
            late.last.adding(store.configuration.grace) <= now
                || late.first.adding(store.configuration.latenessMax) <= now
        {
            due = late.period
        }
        let pass = try AssayPass(assay, view)
        let completed =
            pass.grid.completeCount(until: horizon) - pass.grid.completeCount(until: state.examinedUntil)
        if completed > 0 {
            // Everything that is due comes along: late windows need not wait longer than new ones.
            let fresh = TimeWindow(
                start: min(state.examinedUntil, horizon), end: max(state.examinedUntil, horizon))
            due = (due ?? fresh).union(fresh)
            if let late = state.late { due = due?.union(late.period) }
        }
        guard let due else {
            progress[assay.id] = state
            return
        }
        let (outcomes, examinedUntil) = try pass.outcomes(
            touching: pass.reach(of: due), until: horizon, examinedUntil: state.examinedUntil,
            limit: .scheduled)
        guard try await decide(assay, pass, outcomes, sealingCount: sealingCount, now: now) else {
            // Deactivated meanwhile, or its records were let go: it is examined anew, however soon that is.
            progress[assay.id] = nil
            return
        }
        state.examinedUntil = max(state.examinedUntil, examinedUntil)
        state.late = nil
        progress[assay.id] = state
    }

    /// Decides what is new in the outcomes, and keeps the results.
    ///
    /// - Returns: whether the assay is still active, and so has been examined.
    private func decide(
        _ assay: Assay, _ pass: AssayPass, _ outcomes: [WindowOutcome], sealingCount: Int, now: Timestamp
    ) async throws -> Bool {
        let cut = pass.view.snapshot.cut
        guard !outcomes.isEmpty else { return true }
        // A fixed baseline stays what it was when it was first used, whatever comes later.
        var baseline: DatedSummary?
        if case .fixedWindow = assay.definition.baseline, assay.pin == nil {
            baseline = try pass.fixedBaseline()
        }
        let analyses = outcomes.compactMap { window -> (WindowOutcome, WindowAnalysis)? in
            let earlier = assay.decision(forWindowStartingAt: window.outcome.window.start)
            let digest = window.outcome.digest
            // What retention left of a window whose result is sealed is not the window.
            if let earlier, earlier.digest == digest || pass.view.isSealed(earlier) { return nil }
            let reason: DecisionReason =
                if earlier != nil {
                    earlier?.definitionRevision == assay.definitionRevision ? .late : .definition
                } else if window.outcome.window.end <= assay.updatedAt {
                    .backfill
                } else {
                    .complete
                }
            let analysis = WindowAnalysis(
                of: window.outcome, reason: reason, analysedAt: window.analysedAt,
                elapsedMilliseconds: window.elapsedMilliseconds)
            return (window, analysis)
        }
        guard !analyses.isEmpty else { return true }
        let (store, pin) = (store, baseline)
        let change = try await store.changeBook { book in
            guard let current = book[assay.id], current.isActive,
                store.sealingCount.load(ordering: .sequentiallyConsistent) == sealingCount
            else { return [] }
            let pin = try pin.flatMap {
                try book.pinBaseline(of: assay.id, $0, cut: cut, at: now)
            }
            return try (pin.map { [$0] } ?? [])
                + book.decide(analyses.map(\.1), of: assay.id, cut: cut, runAt: now)
        }
        guard !change.events.isEmpty, let current = store.book[assay.id] else { return false }
        var documents: [(number: Int, document: [UInt8])] = []
        let decided = change.events.compactMap { event -> AssayDecision? in
            if case .analysed(let decision) = event { decision } else { nil }
        }
        for (decision, analysis) in zip(decided, analyses) {
            documents.append(
                (decision.resultID.number, store.document(analysis.0.outcome, of: decision, current)))
        }
        try await store.keep(documents)
        return true
    }
}

extension TopicIndex {
    /// The span of the times of records that came after `cut`; nil where none did.
    func times(after cut: CommitNumber) -> TimeWindow? {
        var least = Int64.max
        var greatest = Int64.min
        for segment in segments {
            for block in segment.blocks where block.lastCommit > cut {
                least = min(least, block.timeMin)
                greatest = max(greatest, block.timeMax)
            }
        }
        for run in tails.values.joined() where run.commitRuns.last!.commit > cut {
            // A run grows with each small append: only its rows after the cut are new.
            let oldRowCount = run.commitRuns.lazy.filter { $0.commit <= cut }.reduce(0) { $0 + $1.rowCount }
            for time in run.batch.times[oldRowCount...] {
                least = min(least, time)
                greatest = max(greatest, time)
            }
        }
        guard least <= greatest else { return nil }
        let end = Timestamp(milliseconds: greatest)
        return TimeWindow(
            start: Timestamp(milliseconds: least), end: end.adding(TimeSpan(microseconds: 1)))
    }
}

extension TimeWindow {
    /// The shortest window that covers both.
    func union(_ other: TimeWindow) -> TimeWindow {
        TimeWindow(start: min(start, other.start), end: max(end, other.end))
    }
}
