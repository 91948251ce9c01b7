// What assays are still to look at when records go, late records or windows that became complete: the windows that
// hold records that go are decided first, as of now, and that is what is sealed. Afterwards they could not be: a
// window with a sealed result is not looked at again, and one without records is passed over as if none had come.
//
//     decided ── late records ── they rest for the grace ──► a scheduler decides anew
//     complete ── a backfill comes to it ──► a scheduler decides
//                     └──► records go: decided here, by the schedulers' own passes ──► sealed ──► tombstone
//
// Invariants:
//  * All of it is behind the gate: nobody else decides meanwhile, and who had looked before decides nothing after.
//  * Of windows that were looked at before none is decided that nothing goes of. Of those that were not all are, in
//    their order, up to the last of which something goes: who goes on is behind the newest decision.
//  * What is due is so by a moment before the view of the log that it is looked at in: of no window are records left
//    out that came before it was over and are in the log, and those that come while the gate is held go unlooked-at with
//    windows that are not over.
//  * Where nothing waits, and the newest decision is of a window behind all that goes, nothing is read or appended.
//  * While the clock is doubted no fixed baseline is pinned here whose period is over by it alone.
//  * As much is read and decided at once as a scheduler does. Where late records go on waiting, a decision says that as
//    much was examined as the assay's decisions said before: the others of its windows are still to be looked at.
//  * Records that cannot be looked at are not kept from going: that they were not is told.

import Alerts
import Assays
import EventLog
import Records
import Synchronization

extension InferenceStore {
    /// Decides what an active assay has still to look at and of which something goes.
    ///
    /// - Parameters:
    ///   - moment: the time of day from before the reader's view, and how far it is doubted.
    ///   - count: rises with the windows that were decided.
    func decideDue(
        of assay: Assay, _ touched: inout LeavingWindows, _ reader: inout ColumnReader,
        at moment: (now: Timestamp, aheadBy: TimeSpan?), _ count: inout Int
    ) async throws {
        let (view, now, grace) = (reader.view, moment.now, configuration.grace)
        guard assay.isActive, let cohort = try Cohort.entering(assay, view, at: now, grace: grace) else {
            return
        }
        let horizon = now.adding(-grace)
        let believedUntil = moment.aheadBy.map { horizon.adding(-$0) }
        let completeCount = cohort.grid.completeCount(until: horizon)
        let freshStart = cohort.grid.window(cohort.examinedCount).start
        let freshEnd =
            cohort.windows(
                before: completeCount, touchedBy: touched.times(asOf: view.snapshot.cut), of: touched.topic
            ).ranges.last?.upperBound ?? 0
        let examinedCut = cohort.late == nil ? view.snapshot.cut : assay.examinedCut
        cohort.keepLate(
            of: cohort.windows(before: cohort.examinedCount, touchedBy: touched.times, of: touched.topic))
        while cohort.late != nil || cohort.examinedCount < freshEnd {
            var work = CohortWork(cohort, view, now: now, configuration)
            work.leaveOut(from: freshEnd)
            guard !work.ranges.isEmpty else { return }
            work = try work.examined(planned: nil, &reader, limit: .scheduled, believedUntil: believedUntil)
            if let failure = work.failures.first { throw StoreRefusal(.unavailable, failure.problem) }
            cohort.finish(late: work.late, fresh: work.fresh, cut: view.snapshot.cut, at: now)
            guard var found = work.findings.first else { continue }
            found.keep { window in
                if window.start >= freshStart { return true }
                let earlier = assay.decision(forWindowStartingAt: window.start)
                return touched.touch(window, asOf: earlier?.cut ?? view.snapshot.cut)
            }
            guard !found.analyses.isEmpty else { continue }
            found.examinedCut = examinedCut
            let isBehind = cohort.examinedCount < completeCount
            let circumstances = StatusChange.Circumstances(
                horizon: horizon, behind: isBehind ? [assay.id] : [])
            count += try await decideBehindGate([found], cut: view.snapshot.cut, runAt: now, circumstances)
            noteDecided()
            // It is told of when it has caught up, and where windows begin with the first record that is settled now:
            // the scheduler has to know.
            if isBehind || assay.decisions.isEmpty { changedAssays.withLock { $0.append(assay.id) } }
        }
    }

    /// The same of the second generation, in which one that is switched off has runs left that were due by then.
    func decideDue(
        of assay: SeriesAssay, _ touched: inout LeavingWindows, _ view: StoreView, at now: Timestamp,
        _ count: inout Int
    ) async throws {
        let (definition, schedule) = (assay.definition, assay.definition.schedule)
        let horizon = now.adding(-configuration.grace)
        var state = SeriesProgress(of: assay, horizon: horizon)
        if let (topic, cut) = view.lateRecords(of: assay, after: assay.examinedCut) {
            let times = view.snapshot.index.topics[topic]?.times(after: cut) ?? DisjointRanges()
            state.note(times, definition, upTo: view.snapshot.cut, at: now)
        }
        let end = min(horizon, assay.runsUntil)
        let limit = PassLimit.series.windowCount(of: definition)
        var piece = SeriesPiece(
            assay: assay, view: view, examinedCut: state.late == nil ? view.snapshot.cut : assay.examinedCut,
            now: now, horizon: horizon)
        piece.isBehind = schedule.next(after: state.examinedUntil).map { $0 <= end } ?? false
        while assay.isActive {
            // One more than are looked at tells where the next piece begins.
            let runs = state.lateRuns(schedule, limit: limit + 1)
            guard !runs.isEmpty else { break }
            let windows = runs.prefix(limit).map { definition.window(of: $0) }.filter { window in
                let earlier = assay.decision(forWindowStartingAt: window.start)
                return touched.touch(window, asOf: earlier?.cut ?? view.snapshot.cut)
            }
            let outcomes = try piece.outcomes(of: windows)
            let isCut = outcomes.count < windows.count
            state.finishPiece(
                before: isCut ? windows[outcomes.count].end : runs.dropFirst(limit).first, at: now)
            count += try await decide(outcomes, piece)
        }
        guard piece.isBehind else { return }
        let most = Self.seriesBackfillCountMax
        // No window behind it holds what goes, or is compared with that.
        let reach = touched.times.ranges.last.map { definition.reach(of: TimeWindow($0)).end } ?? now
        let runs = schedule.runs(
            after: state.examinedUntil, through: min(end, reach.adding(definition.width)), limit: most + 1)
        guard runs.count <= most else {
            throw StoreRefusal(
                .unavailable, "more than \(most) runs are due, which all commands would wait for")
        }
        let last = runs.lastIndex { touched.touch(definition.window(of: $0), asOf: view.snapshot.cut) }
        var rest = runs.prefix(last.map { $0 + 1 } ?? 0)
        while !rest.isEmpty {
            let outcomes = try piece.outcomes(of: rest.prefix(limit).map { definition.window(of: $0) })
            rest = rest.dropFirst(outcomes.count)
            let isLast =
                schedule.next(after: outcomes.last?.outcome.window.end ?? end).map { $0 > end } ?? true
            piece.isBehind = !isLast
            count += try await decide(outcomes, piece)
        }
    }

    /// Decides what is new of windows.
    ///
    /// - Returns: how many decisions that were.
    private func decide(
        _ outcomes: [WindowOutcome<SeriesOutcome>], _ piece: SeriesPiece
    ) async throws -> Int {
        let (assay, view) = (piece.assay, piece.view)
        let news = try SeriesNews(among: outcomes, of: assay, view)
        guard !news.isEmpty else { return 0 }
        let circumstances = StatusChange.Circumstances(
            horizon: piece.horizon, behind: piece.isBehind ? [assay.id] : [], pathStatuses: news.pathStatuses)
        let change = try await changeBookBehindGate(circumstances) { book in
            guard let current = book[series: assay.id] else { return [] }
            return book.decide(
                news.analyses, ofSeries: current, cut: view.snapshot.cut, examinedCut: piece.examinedCut,
                runAt: piece.now)
        }
        noteDecided()
        // Because: what is not kept, as on a full disk, is worked out again.
        try? await keep(change.events, of: news, assay)
        return change.events.count
    }

    /// Has whoever looked before look again: what was decided since would be decided twice.
    private func noteDecided() { sealingCount.add(1, ordering: .sequentiallyConsistent) }
}

/// What all decisions about an assay of the second generation have in common that are made before records go.
private struct SeriesPiece {
    let assay: SeriesAssay
    let view: StoreView
    let examinedCut: CommitNumber
    let now: Timestamp
    let horizon: Timestamp
    /// Whether more runs are due than were looked at.
    var isBehind = false

    /// Of the first of some windows, as many as a scheduler looks at in one tick, and at least one.
    func outcomes(of windows: [TimeWindow]) throws -> [WindowOutcome<SeriesOutcome>] {
        try SeriesPass(view: view, definition: assay.definition).firstOutcomes(
            of: windows, valueCountMax: PassLimit.series.valueCount)
    }
}

extension SealingReport {
    /// Has an assay's due windows looked at, and takes note of what that came to.
    ///
    /// - Returns: whether any window was decided.
    /// - Throws: where the log does not write, and where the task is cancelled.
    mutating func noteDue(of name: String, _ decide: (inout Int) async throws -> Void) async throws -> Bool {
        var count = 0
        defer { dueWindowCount += count }
        do { try await decide(&count) } catch let error as LogError { throw error } catch {
            try Task.checkCancellation()
            unexaminedCount += 1
            if firstUnexamined == nil { firstUnexamined = "\(name): \(error)" }
        }
        return count > 0
    }
}

extension AssayFindings {
    /// Leaves the windows out that are not wanted.
    fileprivate mutating func keep(_ isWanted: (TimeWindow) -> Bool) {
        let kept = zip(analyses, outcomes).filter { isWanted($0.0.window) }
        (analyses, outcomes) = (kept.map(\.0), kept.map(\.1))
    }
}
