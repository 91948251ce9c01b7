// Late records that wait when records go: the windows that both reach are decided anew first, as of now, and that is
// what is sealed. A window with a sealed result is not looked at again, so what waits would never be.
//
//     decided ── late records ── they rest for the grace ──► a scheduler decides anew
//                     └──► records go: decided here, by the schedulers' own passes ──► sealed ──► tombstone
//
// Invariants:
//  * All of it is behind the gate: nobody else decides meanwhile, and who had looked before decides nothing after.
//  * No window is decided that nothing goes of; where no late records wait, nothing is read or appended.
//  * As much is read and decided at once as a scheduler does. What a decision says was examined is what the assay's
//    decisions said before: the others of its windows are still to be looked at.
//  * Late records that cannot be read keep no records from going: that they were not looked at is told.

import Alerts
import Assays
import EventLog
import Records
import Synchronization

extension InferenceStore {
    /// Decides anew those windows of an active assay that late records reached and of which something goes.
    ///
    /// - Parameter count: rises with the windows that were decided.
    func decideLate(
        of assay: Assay, _ touched: inout LeavingWindows, _ reader: inout ColumnReader, _ count: inout Int
    ) async throws {
        let (view, now, grace) = (reader.view, sources.now(), configuration.grace)
        guard assay.isActive, let cohort = try Cohort.entering(assay, view, at: now, grace: grace) else {
            return
        }
        cohort.keepLate(touchedBy: touched.times, of: touched.topic)
        let horizon = now.adding(-grace)
        let isBehind = cohort.examinedCount < cohort.grid.completeCount(until: horizon)
        let circumstances = StatusChange.Circumstances(
            horizon: horizon, behind: isBehind ? [assay.id] : [])
        while cohort.late != nil {
            var work = CohortWork(cohort, view, now: now, configuration)
            work.fresh = nil
            guard !work.late.isEmpty else { return }
            work = try work.examined(planned: nil, &reader, limit: .scheduled, believedUntil: nil)
            if let failure = work.failures.first { throw StoreRefusal(.unavailable, failure.problem) }
            cohort.finish(late: work.late, fresh: nil, cut: view.snapshot.cut, at: now)
            guard var found = work.findings.first else { continue }
            found.keep { window in
                let earlier = assay.decision(forWindowStartingAt: window.start)
                return touched.touch(window, asOf: earlier?.cut ?? view.snapshot.cut)
            }
            guard !found.analyses.isEmpty else { continue }
            found.examinedCut = assay.examinedCut
            count += try await decideBehindGate([found], cut: view.snapshot.cut, runAt: now, circumstances)
            noteDecided()
            // It is told of when it has caught up: the scheduler has to know.
            if isBehind { changedAssays.withLock { $0.append(assay.id) } }
        }
    }

    /// The same of the second generation.
    func decideLate(
        of assay: SeriesAssay, _ touched: inout LeavingWindows, _ view: StoreView, _ count: inout Int
    ) async throws {
        guard assay.isActive, let (topic, cut) = view.lateRecords(of: assay, after: assay.examinedCut) else {
            return
        }
        let (now, definition) = (sources.now(), assay.definition)
        let horizon = now.adding(-configuration.grace)
        var state = SeriesProgress(of: assay, horizon: horizon)
        let times = view.snapshot.index.topics[topic]?.times(after: cut) ?? DisjointRanges()
        state.note(times, definition, upTo: view.snapshot.cut, at: now)
        let next = definition.schedule.next(after: state.examinedUntil)
        let isBehind = next.map { $0 <= horizon } ?? false
        let limit = PassLimit.series.windowCount(of: definition)
        while true {
            // One more than are looked at tells where the next piece begins.
            let runs = state.lateRuns(definition.schedule, limit: limit + 1)
            guard !runs.isEmpty else { return }
            let windows = runs.prefix(limit).map { definition.window(of: $0) }.filter { window in
                let earlier = assay.decision(forWindowStartingAt: window.start)
                return touched.touch(window, asOf: earlier?.cut ?? view.snapshot.cut)
            }
            let outcomes = try SeriesPass(view: view, definition: definition).firstOutcomes(
                of: windows, valueCountMax: PassLimit.series.valueCount)
            let isCut = outcomes.count < windows.count
            state.finishPiece(
                before: isCut ? windows[outcomes.count].end : runs.dropFirst(limit).first, at: now)
            let news = try SeriesNews(among: outcomes, of: assay, view)
            guard !news.isEmpty else { continue }
            let circumstances = StatusChange.Circumstances(
                horizon: horizon, behind: isBehind ? [assay.id] : [], pathStatuses: news.pathStatuses)
            let change = try await changeBookBehindGate(circumstances) { book in
                guard let current = book[series: assay.id] else { return [] }
                return book.decide(
                    news.analyses, ofSeries: current, cut: view.snapshot.cut, examinedCut: assay.examinedCut,
                    runAt: now)
            }
            count += change.events.count
            noteDecided()
            // Because: what is not kept, as on a full disk, is worked out again.
            try? await keep(change.events, of: news, assay)
        }
    }

    /// Has whoever looked before look again: what was decided since would be decided twice.
    private func noteDecided() { sealingCount.add(1, ordering: .sequentiallyConsistent) }
}

extension SealingReport {
    /// Has late records of an assay looked at, and takes note of what that came to.
    ///
    /// - Returns: whether any window was decided.
    /// - Throws: where the log does not write, and where the task is cancelled.
    mutating func noteLate(of name: String, _ decide: (inout Int) async throws -> Void) async throws -> Bool {
        var count = 0
        defer { lateWindowCount += count }
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
