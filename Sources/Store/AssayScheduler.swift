// Analyses the windows of active assays: each soon after it is complete, those that were complete
// before once the assay is there, and those that late records reach again.
//
//     clock, new commits ──► due cohorts ──► passes ──► decisions (log) ──► results (derived)
//
// Assays that look at the same windows of the same numbers form a cohort (Cohort.swift). What a tick
// costs does not depend on the history: new commits are found from the last one seen, and a cohort
// that is not due is one comparison. What is due is read once for each distinct column and period, and
// decided in commits of some thousand decisions.
//
// What was examined follows from the decisions: each holds up to which commit the windows before it
// had been examined when it was made. So after a restart an assay goes on from its newest decision, and
// looks again only at what came after.
//
// Invariants:
//  * A window is decided once for each content it has had when it was looked at: an outcome with
//    the digest of the newest decision is no new revision.
//  * One tick runs at a time, so no window is analysed twice at once.
//  * Late records lead to one new revision when they have been quiet for the grace, at the latest
//    after `latenessMax`; or before, where records of the window go (DueSealing.swift).
//  * An assay that cannot be analysed is tried again after each grace, not at every tick, and holds no
//    other up.
//  * An assay that is not in `untold` has been told of by its newest decision; one that is there is told of
//    when nothing is due any more, at the latest.
//  * While a step of the clock is doubted, no fixed baseline is pinned whose period is over by it alone: the assay
//    waits, and says so, until the clock has stood by it or is set right.
//  * A clock that goes back puts nothing off by more than the grace and the lateness, and what was examined
//    while it was ahead is examined again when it is complete.

import Alerts
import Assays
import EventLog
import Logging
import Records
import Segments
import Synchronization

/// Analyses windows of assays of the first generation, one tick at a time.
package actor AssayScheduler: Scheduler {
    private let store: InferenceStore
    private let logger: Logger

    private var cohorts: [Cohort.Key: [Cohort]] = [:]
    private var cohortOf: [AssayID: Cohort] = [:]
    /// Assays that belong to no cohort: their topic has no record yet, or something is wrong.
    private var waiting: [AssayID: Waiting] = [:]
    /// Assays whose newest status may not have been told: they are behind, or were when the process began.
    private var untold: Set<AssayID> = []
    /// Why telling went wrong the last time, said once.
    private var tellingProblem: String?
    /// The topics that assays look at, and the time of the first record: windows may start with it.
    private var topics: [String: Int64?] = [:]
    /// How many of the store's changes are known here; nil before the first tick.
    private var knownChangeCount: Int?
    /// Commits up to this one have been looked at.
    private var seenCut: CommitNumber = 0
    private var lastNow = Timestamp(microseconds: .min)
    private var isTicking = false
    private var clock = ClockWatch()

    private struct Waiting {
        /// Nil where it is the first record that is waited for.
        var trouble: Trouble?
    }

    /// Works over one column that are carried out one after the other.
    private struct WorkGroup: Hashable {
        var column: ColumnSpec
        var isBackfill: Bool
    }

    /// So many windows are an hour's: what is late with more is a backfill.
    private static let nearlyDoneCount = 16

    /// Decisions in one commit: some megabytes.
    private static let decisionCountTarget = 4096

    /// How much one cohort is looked at in one tick.
    private let limit: PassLimit
    private let rowCountMax: Int
    /// How long backfills are worked on before those that are nearly done get their turn again.
    private let patience: Duration
    private let place: AppendThread
    private var tickCount = 0

    /// - Parameter place: the thread on which it writes what it decides: its own, where that may wait for the disk.
    package init(_ store: InferenceStore, logger: Logger, writingOn place: AppendThread = .writer) {
        self.init(store, logger: logger, limit: .scheduled, writingOn: place)
    }

    init(
        _ store: InferenceStore, logger: Logger, limit: PassLimit,
        rowCountMax: Int = PassLimit.rowCountAtOnce, patience: Duration = .milliseconds(250),
        writingOn place: AppendThread = .writer
    ) {
        self.store = store
        self.place = place
        self.patience = patience
        self.logger = logger
        self.limit = limit
        self.rowCountMax = rowCountMax
    }

    /// How many assays wait for late records to come to rest.
    var lateCount: Int { all.reduce(0) { $0 + ($1.late == nil ? 0 : $1.members.count) } }

    /// The assays that are examined together, in no order.
    var groups: [[AssayID]] { all.map(\.members) }

    private var all: some Sequence<Cohort> { cohorts.values.joined() }

    /// Looks at what is new and carries out what is due, a bounded piece for each cohort.
    ///
    /// - Returns: whether more is due already.
    @discardableResult
    package func tick() async -> Bool {
        guard !isTicking else { return false }
        isTicking = true
        defer { isTicking = false }
        let now = clock.look(store.sources)
        followClock(now)
        let sealingCount = store.sealingCount.load(ordering: .sequentiallyConsistent)
        let changed = takeChanges()
        let view = store.view
        for id in changed ?? view.book.list().map(\.id).reversed() { enter(id, view, now) }
        // Those that entered looked at what came before by themselves.
        if changed == nil { seenCut = view.snapshot.cut }
        noteArrivals(view, now)
        defer { report(now) }
        let isBehind = await carryOut(view, sealingCount, now)
        await tellCaughtUp(now)
        return isBehind
    }

    /// Writes down who is behind now.
    private func report(_ now: Timestamp) {
        var board = BackfillBoard(knownChangeCount: knownChangeCount)
        board.note(all, store.log.snapshot().index, until: horizon(now))
        for (id, entry) in waiting {
            guard let problem = entry.trouble?.problem else { continue }
            let doneCount = store.book[id]?.decisions.count ?? 0
            board.entries[id] = Backfill(doneCount: doneCount, dueCount: nil, problem: problem)
        }
        store.backfillBoard.withLock { [board] in $0 = board }
    }

    /// Windows that end until then are complete.
    private func horizon(_ now: Timestamp) -> Timestamp { now.adding(-store.configuration.grace) }

    /// A clock that went back takes the moments along that were read off it.
    private func followClock(_ now: Timestamp) {
        if now < lastNow {
            let step = TimeSpan(microseconds: lastNow.microseconds - now.microseconds)
            let configuration = store.configuration
            for cohort in all {
                cohort.followClock(
                    back: step, to: now, grace: configuration.grace, latenessMax: configuration.latenessMax)
            }
            for id in waiting.keys { waiting[id]?.trouble?.retryAt = now }
            // The status told last may be that of a window which has not been yet. A clock that is corrected by less
            // has told the truth a little early.
            if step.microseconds > configuration.latenessMax.microseconds {
                for cohort in all { untold.formUnion(cohort.members) }
            }
        }
        lastNow = now
    }

    /// The assays that changed since the last tick; nil at the first.
    private func takeChanges() -> [AssayID]? {
        let known = knownChangeCount
        let (changed, count) = store.changedAssays.withLock { changed in
            (known.map { Array(changed[$0...]) }, changed.count)
        }
        knownChangeCount = count
        guard let changed else { return nil }
        var once: Set<AssayID> = []
        return changed.filter { once.insert($0).inserted }
    }

    // MARK: Cohorts

    /// Puts an assay where it belongs, as its decisions tell.
    private func enter(_ id: AssayID, _ view: StoreView, _ now: Timestamp) {
        let earlier = waiting[id]?.trouble
        leave(id)
        guard let assay = view.book[id], assay.isActive else { return }
        do {
            guard let cohort = try Cohort.entering(assay, view, at: now, grace: store.configuration.grace)
            else {
                let topic = try view.pipeline(of: assay.definition.window).topic.name
                topics[topic] = .some(nil)
                waiting[id] = Waiting()
                return
            }
            for topic in cohort.topics {
                topics[topic] = .some(view.snapshot.index.topics[topic]?.times?.lowerBound)
            }
            join(cohort)
            untold.insert(id)
        } catch {
            var trouble = earlier
            let isNews = trouble.note("\(error)", at: now, grace: store.configuration.grace)
            waiting[id] = Waiting(trouble: trouble)
            if isNews { warn("\(id) (\(assay.definition.name))", "\(error)") }
        }
    }

    private func leave(_ id: AssayID) {
        waiting[id] = nil
        untold.remove(id)
        guard let cohort = cohortOf.removeValue(forKey: id) else { return }
        cohort.remove(id)
        if cohort.members.isEmpty { remove(cohort) }
    }

    private func remove(_ cohort: Cohort) {
        cohorts[cohort.key]?.removeAll { $0 === cohort }
        if cohorts[cohort.key]?.isEmpty == true { cohorts[cohort.key] = nil }
    }

    /// Adds a cohort, or its members to one that is as far.
    private func join(_ cohort: Cohort) {
        let others = cohorts[cohort.key] ?? []
        if let known = others.first(where: { $0 !== cohort && $0.isInStep(with: cohort) }) {
            for id in cohort.members { cohortOf[id] = known }
            known.absorb(cohort)
            remove(cohort)
        } else {
            for id in cohort.members { cohortOf[id] = cohort }
            if !others.contains(where: { $0 === cohort }) {
                cohorts[cohort.key, default: []].append(cohort)
            }
        }
    }

    private func warn(_ names: String, _ problem: String) {
        logger.warning("assay \(names) is not analysed: \(problem)")
    }

    // MARK: New records

    /// Takes note of what came since the last tick.
    private func noteArrivals(_ view: StoreView, _ now: Timestamp) {
        for (id, entry) in waiting {
            if let trouble = entry.trouble, trouble.retryAt <= now { enter(id, view, now) }
        }
        guard view.snapshot.cut > seenCut else { return }
        defer { seenCut = view.snapshot.cut }
        var arrivals: [String: DisjointRanges] = [:]
        for (topic, knownTimeMin) in topics {
            guard let index = view.snapshot.index.topics[topic] else { continue }
            let times = index.times(after: seenCut)
            guard !times.isEmpty else { continue }
            arrivals[topic] = times
            let timeMin = index.times?.lowerBound
            guard timeMin != knownTimeMin else { continue }
            topics[topic] = .some(timeMin)
            for id in all.filter({ $0.key.topic == topic }).compactMap(\.key.unsettled) {
                enter(id, view, now)
            }
        }
        if !arrivals.isEmpty {
            for (id, entry) in waiting where entry.trouble == nil { enter(id, view, now) }
        }
        for cohort in all {
            for topic in cohort.topics {
                if let times = arrivals[topic] { cohort.note(times, of: topic, at: now) }
            }
            for topic in cohort.topicsOfChangedHome(view, after: seenCut) {
                let everything = view.snapshot.index.topics[topic]?.times(after: 0)
                cohort.note(everything ?? DisjointRanges(), of: topic, at: now)
            }
            if cohort.late == nil { cohort.settledCut = view.snapshot.cut }
        }
    }

    // MARK: What is due

    /// - Returns: whether more is due already.
    private func carryOut(_ view: StoreView, _ sealingCount: Int, _ now: Timestamp) async -> Bool {
        let configuration = store.configuration
        let due = all.filter {
            $0.dueAt(grace: configuration.grace, latenessMax: configuration.latenessMax) <= now
        }
        guard !due.isEmpty else { return false }
        // The more are due, the smaller the piece of each.
        let limit = PassLimit(
            windowCount: min(limit.windowCount, max(100, limit.windowCount * 10 / due.count)),
            valueCount: limit.valueCount)
        let works = due.map { CohortWork($0, view, now: now, configuration, rowCountMax: rowCountMax) }
        // Nobody waits for another's backfill: those that are nearly done come first, and what time is
        // left goes to who has waited longest.
        let columns = Dictionary(grouping: works) {
            WorkGroup(column: $0.cohort.key.column, isBackfill: $0.windowCount > Self.nearlyDoneCount)
        }
        func lastTurn(_ group: WorkGroup) -> Int {
            group.isBackfill ? columns[group]!.reduce(.max) { min($0, $1.cohort.lastTurn) } : -1
        }
        let begin = store.sources.monotonicNanoseconds()
        tickCount += 1
        var hasWorkedOnBackfill = false
        var reader = ColumnReader(view)
        var done: [CohortWork] = []
        var decisionCount = 0
        for (group, works) in columns.sorted(by: { lastTurn($0.key) < lastTurn($1.key) }) {
            let elapsed = Duration.nanoseconds(store.sources.monotonicNanoseconds() - begin)
            if group.isBackfill, hasWorkedOnBackfill, elapsed >= patience { break }
            hasWorkedOnBackfill = hasWorkedOnBackfill || group.isBackfill
            let planned = CohortWork.plan(works, view, rowCountMax: rowCountMax)
            for (work, planned) in zip(works, planned) {
                if Task.isCancelled { return false }
                work.cohort.lastTurn = tickCount
                guard let answered = examine(work, planned, &reader, limit, now) else { continue }
                done.append(answered)
                decisionCount += answered.findingCount
                if decisionCount >= Self.decisionCountTarget {
                    await decide(done, view.snapshot.cut, sealingCount, now)
                    (done, decisionCount) = ([], 0)
                    report(now)
                }
            }
        }
        await decide(done, view.snapshot.cut, sealingCount, now)
        return all.contains {
            $0.dueAt(grace: configuration.grace, latenessMax: configuration.latenessMax) <= now
        }
    }

    /// Looks at the windows of a work; nil where they cannot be read.
    private func examine(
        _ work: CohortWork, _ planned: TimeWindow?, _ reader: inout ColumnReader, _ limit: PassLimit,
        _ now: Timestamp
    ) -> CohortWork? {
        do {
            return try work.examined(
                planned: planned, &reader, limit: limit,
                believedUntil: clock.aheadBy.map { horizon(now).adding(-$0) })
        } catch {
            // Told to stop, it goes on where it was after the next start.
            if !Task.isCancelled { fail(work.cohort, "\(error)", now) }
            return nil
        }
    }

    // MARK: Decisions

    /// Decides what is new in works, in one commit, and keeps the results.
    private func decide(
        _ works: [CohortWork], _ cut: CommitNumber, _ sealingCount: Int, _ now: Timestamp
    ) async {
        guard !works.isEmpty else { return }
        var all: [AssayFindings] = []
        for work in works {
            let examinedCut = work.isLateDone ? cut : min(work.cohort.settledCut, cut)
            for var findings in work.findings where !findings.analyses.isEmpty {
                findings.examinedCut = examinedCut
                all.append(findings)
            }
        }
        let behind = Set(works.lazy.flatMap(\.behind))
        let circumstances = StatusChange.Circumstances(
            horizon: now.adding(-store.configuration.grace), behind: behind)
        do {
            guard
                try await store.decide(
                    all, cut: cut, sealingCount: sealingCount, runAt: now, circumstances, on: place)
            else {
                return  // Records were to go meanwhile: all is looked at anew.
            }
        } catch {
            for work in works { fail(work.cohort, "\(error)", now) }
            return
        }
        untold.formUnion(behind)
        for work in works { finish(work, cut, now) }
    }

    /// Tells of the assays that were behind and are not any more, by their newest decisions.
    private func tellCaughtUp(_ now: Timestamp) async {
        let (grace, latenessMax) = (store.configuration.grace, store.configuration.latenessMax)
        let caughtUp = untold.filter { id in
            cohortOf[id].map { !$0.isBehind(at: now, grace: grace, latenessMax: latenessMax) } ?? false
        }
        guard !caughtUp.isEmpty, !Task.isCancelled else { return }
        do {
            try await store.tellNewest(of: caughtUp.sorted(), horizon: now.adding(-grace))
            untold.subtract(caughtUp)
            tellingProblem = nil
        } catch {
            // Tried again at the next tick: a log that refuses says so at once.
            if tellingProblem != "\(error)" {
                logger.warning("changes of status are not told yet: \(error)")
            }
            tellingProblem = "\(error)"
        }
    }

    /// Takes note of what was examined.
    private func finish(_ work: CohortWork, _ cut: CommitNumber, _ now: Timestamp) {
        let cohort = work.cohort
        for failure in work.failures {
            guard cohort.members.count > 1 else {
                fail(cohort, failure.problem, now)
                return
            }
            // As far as the others were, but alone from here on.
            let alone = cohort.alone(failure.id)
            cohort.remove(failure.id)
            fail(alone, failure.problem, now)
            join(alone)
        }
        if let fresh = work.fresh { noteDecidedBefore(fresh, of: cohort, now) }
        cohort.finish(late: work.late, fresh: work.fresh, cut: cut, at: now)
        cohort.trouble = nil
        if let id = cohort.key.unsettled {
            let view = store.view
            if view.book[id]?.decisions.isEmpty == false { enter(id, view, now) }
        } else {
            join(cohort)
        }
    }

    /// Has members told of anew whose newest window was decided before it was complete, by a clock that was ahead: as
    /// it has come out so again, no decision tells of it now.
    private func noteDecidedBefore(_ fresh: Range<Int>, of cohort: Cohort, _ now: Timestamp) {
        guard !fresh.isEmpty else { return }
        let (start, horizon, book) = (cohort.grid.window(fresh.lowerBound).start, horizon(now), store.book)
        for id in cohort.members {
            guard let newest = book[id]?.decisions.last(endedAt: horizon), newest.window.start >= start,
                newest.runAt != now
            else { continue }
            untold.insert(id)
        }
    }

    private func fail(_ cohort: Cohort, _ problem: String, _ now: Timestamp) {
        if cohort.trouble.note(problem, at: now, grace: store.configuration.grace) {
            let names = cohort.members.prefix(8).map { "\($0) (\(store.book[$0]?.definition.name ?? "?"))" }
            let more = cohort.members.count > 8 ? " and \(cohort.members.count - 8) more" : ""
            warn(names.joined(separator: ", ") + more, problem)
        }
    }
}
