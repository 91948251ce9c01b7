// Runs the active assays of the second generation: each run soon after its moment, those that lie behind
// once the assay is there, and again those whose window or rolling baseline late records reach. An assay that
// is switched off makes the runs that were due by then, and no other.
//
//     clock, new commits ──► due and late runs, a piece of each ──► pass ──► decisions (log) ──► results (derived)
//
// Every run is decided, whether its window holds records or not, and a decision says up to which commit the
// windows before it had been examined (SeriesProgress.swift). So after a restart an assay goes on after its newest
// decision, and looks again only at what came after that commit.
//
// Invariants:
//  * A window is decided once for each content it has had when it was looked at: an outcome with the digest
//    of the newest decision is no new revision.
//  * One tick runs at a time, so no window is analysed twice at once.
//  * In one tick an assay has a piece of its late runs looked at and one of its due ones, each bounded by its runs, by
//    the records that are read for them, and by the values that their windows and baselines hold, however much these
//    overlap: a month of either keeps no other assay waiting. One run is made, whatever it holds.
//  * Late records lead to one new revision when they have been quiet for the grace, at the latest after
//    `latenessMax`, or before where records of the window go (DueSealing.swift); where that takes several pieces, records
//    that go on coming make no run be looked at twice in less than that.
//  * An assay that cannot be analysed is tried again after each grace, not at every tick.
//  * What a decision changes of its paths' statuses is an alert in the same commit (Alerts), unless more runs
//    are due already: then it is told with the last of these.
//  * A clock that is set ahead makes no more runs at once than may be due when an assay is scheduled, before it has
//    stood by that for a while.
//  * A clock that goes back puts nothing off by more than the grace and the lateness, and what was examined
//    while it was ahead is examined again when it is due.

import Alerts
import Assays
import EventLog
import Logging
import Records
import Synchronization

/// Makes the runs of assays of the second generation, one tick at a time.
package actor SeriesScheduler: Scheduler {
    private let store: InferenceStore
    private let logger: Logger
    /// What is known of each active assay since it was activated or the process began.
    private var progress: [AssayID: SeriesProgress] = [:]
    private var isTicking = false
    private var lastNow = Timestamp(microseconds: .min)
    private var clock = ClockWatch()

    /// How many runs of each sort are looked at in one tick, for each assay, and about how many values of theirs.
    private let limit: PassLimit
    /// About how many records are read for them, unless one window's are more.
    private let rowCountMax: Int
    private let place: AppendThread

    /// Does nothing until it is run or told to tick.
    ///
    /// - Parameter place: the thread on which it writes what it decides: its own, where that may wait for the disk.
    package init(_ store: InferenceStore, logger: Logger, writingOn place: AppendThread = .writer) {
        self.init(store, logger: logger, limit: .series, writingOn: place)
    }

    init(
        _ store: InferenceStore, logger: Logger, limit: PassLimit,
        rowCountMax: Int = PassLimit.rowCountAtOnce, writingOn place: AppendThread = .writer
    ) {
        self.store = store
        self.place = place
        self.logger = logger
        self.limit = limit
        self.rowCountMax = rowCountMax
    }

    /// Looks at every active assay once.
    ///
    /// - Returns: whether more is due already, that nothing is known to keep from being made.
    @discardableResult
    package func tick() async -> Bool {
        guard !isTicking else { return false }
        isTicking = true
        defer {
            let problems = progress.compactMapValues { $0.trouble?.problem }
            store.seriesProblems.withLock { $0 = problems }
            isTicking = false
        }
        let now = clock.look(store.sources)
        let active = store.book.seriesList().filter { $0.isActive || $0.hasRunsLeft }
        let ids = Set(active.map(\.id))
        progress = progress.filter { ids.contains($0.key) }
        guard !active.isEmpty else { return false }
        let tick = Tick(store, at: now)
        if tick.now < lastNow {
            let step = TimeSpan(microseconds: lastNow.microseconds - tick.now.microseconds)
            let horizon = self.horizon(tick.now)
            progress = progress.mapValues { state in
                var state = state
                state.setBack(by: step, horizon: horizon)
                return state
            }
        }
        lastNow = tick.now
        var isBehind = false
        for assay in active.reversed() {
            if Task.isCancelled { return false }
            if let trouble = progress[assay.id]?.trouble, tick.now < trouble.retryAt { continue }
            do {
                if try await examine(assay, tick) { isBehind = true }
                progress[assay.id]?.trouble = nil
            } catch {
                // Told to stop, it goes on where it was after the next start.
                if Task.isCancelled { return false }
                let problem = "\(error)"
                let grace = store.configuration.grace
                if progress[assay.id]?.trouble.note(problem, at: tick.now, grace: grace) ?? true {
                    logger.warning(
                        "assay \(assay.uuid) (\(assay.definition.name)) is not analysed: \(problem)")
                }
            }
        }
        return isBehind
    }

    /// Runs until then are due.
    private func horizon(_ now: Timestamp) -> Timestamp { now.adding(-store.configuration.grace) }

    /// One moment and one cut, which all assays of a tick are looked at by.
    private final class Tick {
        let now: Timestamp
        let sealingCount: Int
        let view: StoreView
        /// The times of records after a commit, by topic: most assays ask for the same.
        private var touched: [String: [CommitNumber: DisjointRanges]] = [:]

        init(_ store: InferenceStore, at now: Timestamp) {
            self.now = now
            sealingCount = store.sealingCount.load(ordering: .sequentiallyConsistent)
            view = store.view
        }

        func times(in topic: String, after cut: CommitNumber) -> DisjointRanges {
            if let known = touched[topic]?[cut] { return known }
            let found = view.snapshot.index.topics[topic]?.times(after: cut) ?? DisjointRanges()
            touched[topic, default: [:]][cut] = found
            return found
        }
    }

    // MARK: One assay

    /// Looks at a piece of what late records reached and at one of what is due.
    ///
    /// - Returns: whether more is due already.
    private func examine(_ assay: SeriesAssay, _ tick: Tick) async throws -> Bool {
        let configuration = store.configuration
        let schedule = assay.definition.schedule
        let horizon = min(self.horizon(tick.now), assay.runsUntil)
        var state = progress[assay.id] ?? SeriesProgress(of: assay, horizon: self.horizon(tick.now))
        noteLate(assay, tick, &state)
        progress[assay.id] = state
        let limit = self.limit.windowCount(of: assay.definition)
        if assay.isActive, state.isLateDue(at: tick.now, configuration) {
            // One more than are looked at tells where the next piece begins.
            let runs = state.lateRuns(schedule, limit: limit + 1)
            let outcomes = try firstOutcomes(of: runs.prefix(limit), assay, tick)
            let isBehind = schedule.next(after: state.examinedUntil).map { $0 <= horizon } ?? false
            guard
                try await decide(outcomes, assay.id, tick, examinedCut: state.examinedCut, isBehind: isBehind)
            else { return false }
            state.finishPiece(before: runs.dropFirst(outcomes.count).first, at: tick.now)
            progress[assay.id] = state
        }
        let runs = schedule.runs(after: state.examinedUntil, through: horizon, limit: limit + 1)
        guard !runs.isEmpty else { return assay.isActive && state.isLateDue(at: tick.now, configuration) }
        try refuseDoubted(schedule, after: state.examinedUntil, through: horizon)
        let outcomes = try firstOutcomes(of: runs.prefix(limit), assay, tick)
        let isBehind = outcomes.count < runs.count
        guard
            try await decide(
                outcomes, assay.id, tick, examinedCut: state.examinedCut, isBehind: isBehind, isFresh: true)
        else { return false }
        if let last = outcomes.last { state.finish(through: last.outcome.window.end) }
        progress[assay.id] = state
        return isBehind || assay.isActive && state.isLateDue(at: tick.now, configuration)
    }

    /// The outcomes of the first of some runs: as many as hold about the records and values that are looked at in one
    /// tick, and at least one.
    private func firstOutcomes(
        of runs: ArraySlice<Timestamp>, _ assay: SeriesAssay, _ tick: Tick
    ) throws -> [WindowOutcome<SeriesOutcome>] {
        var pass = SeriesPass(view: tick.view, definition: assay.definition)
        pass.rowCountMax = rowCountMax
        return try pass.firstOutcomes(
            of: runs.map { assay.definition.window(of: $0) }, valueCountMax: limit.valueCount)
    }

    /// Refuses more runs at once than may be due when an assay is scheduled, where the clock alone says that they are:
    /// each is decided for good.
    private func refuseDoubted(
        _ schedule: RunSchedule, after last: Timestamp, through horizon: Timestamp
    ) throws {
        let limit = InferenceStore.seriesBackfillCountMax
        guard clock.isDoubted, schedule.runCount(after: last, through: horizon, limit: limit + 1) > limit
        else { return }
        throw StoreRefusal(
            .unavailable,
            "the clock went ahead at once, and by it more than \(limit) runs are due; they are made when it has "
                + "stood by that for \(ClockWatch.probation.text), or set it right")
    }

    /// Notes records that came since the last look, for windows that were examined before.
    private func noteLate(_ assay: SeriesAssay, _ tick: Tick, _ state: inout SeriesProgress) {
        guard let (topic, cut) = tick.view.lateRecords(of: assay, after: state.seenCut) else { return }
        state.note(
            tick.times(in: topic, after: cut), assay.definition, upTo: tick.view.snapshot.cut, at: tick.now)
    }

    /// Decides what is new of runs, and keeps the results.
    ///
    /// - Parameters:
    ///   - outcomes: of their windows, which ascend.
    ///   - isBehind: whether more runs are due already.
    ///   - isFresh: whether the runs' windows have just become complete.
    /// - Returns: whether the assay still makes these runs; if not, it is examined anew when it is again.
    private func decide(
        _ outcomes: [WindowOutcome<SeriesOutcome>], _ id: AssayID, _ tick: Tick, examinedCut: CommitNumber,
        isBehind: Bool, isFresh: Bool = false
    ) async throws -> Bool {
        guard let last = outcomes.last?.outcome.window.end else { return true }
        guard let assay = store.book[series: id], last <= assay.runsUntil else {
            progress[id] = nil
            return false
        }
        let news = try SeriesNews(among: outcomes, of: assay, tick.view)
        if isFresh, !isBehind, let newest = outcomes.last?.outcome,
            !news.analyses.contains(where: { $0.window == newest.window }),
            let earlier = assay.decision(forWindowStartingAt: newest.window.start),
            !tick.view.isSealed(earlier)
        {
            // A clock that was ahead decided it, and it has come out so: no decision tells of it now.
            try await store.tell(
                earlier,
                StatusChange.Circumstances(
                    horizon: self.horizon(tick.now),
                    pathStatuses: [earlier.window: newest.findings.map(\.status)]))
        }
        guard !news.isEmpty else { return true }
        let (store, cut, now, sealingCount) = (store, tick.view.snapshot.cut, tick.now, tick.sealingCount)
        let analyses = news.analyses
        let circumstances = StatusChange.Circumstances(
            horizon: now.adding(-store.configuration.grace), behind: isBehind ? [id] : [],
            pathStatuses: news.pathStatuses)
        let change = try await store.changeBook(circumstances, on: place) { book in
            guard let current = book[series: id], last <= current.runsUntil,
                store.sealingCount.load(ordering: .sequentiallyConsistent) == sealingCount
            else { return [] }
            return book.decide(
                analyses, ofSeries: current, cut: cut, examinedCut: examinedCut, runAt: now)
        }
        guard !change.events.isEmpty else {
            progress[id] = nil
            return false
        }
        try await store.keep(change.events, of: news, assay, on: place)
        return true
    }
}
