// Commands on the assays of the second generation.

import Assays
import JSON
import Records
import Segments

extension InferenceStore {
    /// Windows that may be complete already when an assay is scheduled or switched on: each is analysed, and each has
    /// a decision in the log even where it holds nothing.
    static let seriesBackfillCountMax = 100_000

    /// Schedules an assay of a definition that a view found to be one (`StoreView.schedulable`).
    ///
    /// - Returns: its UUID.
    package func schedule(_ definition: SeriesDefinition) async throws -> String {
        let (uuid, now) = (sources.uuid(), sources.now())
        try await changeBook { book in [try book.schedule(definition, uuid: uuid, at: now)] }
        return uuid
    }

    /// Seals the results of the second generation that depend on records that are to go, under the gate
    /// (InferenceStore+Sealing.swift). Baselines that stand still are summaries from the start.
    func sealSeries(
        _ leaving: LeavingRecords, _ view: StoreView, at now: Timestamp, _ report: inout SealingReport
    ) async throws {
        for assay in view.book.seriesList().reversed() {
            var touched = LeavingWindows(leaving, of: assay, view)
            guard !touched.isEmpty else { continue }
            let name = "assay \(assay.uuid) (\(assay.definition.name))"
            let hasNews = try await report.noteDue(of: name) { count in
                try await decideDue(of: assay, &touched, view, at: now, &count)
            }
            // What is decided now is in a later view alone.
            let latest = hasNews ? self.view : view
            guard let decided = latest.book[series: assay.id] else { continue }
            for decisions in decided.revisions(by: decided.resultBatchCount) {
                let batch = decisions.filter {
                    !latest.isSealed($0) && touched.touch($0.window, asOf: $0.cut)
                }
                guard !batch.isEmpty else { continue }
                let results = try latest.sealable(batch, of: decided)
                _ = try await log.append(results.flatMap { $0.items(places) })
                report.note(results, of: name)
            }
        }
    }

    /// Switches an assay on or off, durably when this returns. Throws `AssayError` where it is not there, and where it
    /// is switched on with more runs to make at once than one that is scheduled may have.
    package func setActive(uuid: String, _ isActive: Bool) async throws {
        if isActive, let assay = book[uuid: uuid], !assay.isActive {
            try refuseEndlessBackfill(of: assay)
        }
        try await changeBook { book in
            [try book.setActive(uuid: uuid, isActive, at: sources.now())]
        }
    }

    private func refuseEndlessBackfill(of assay: SeriesAssay) throws {
        let (limit, schedule) = (Self.seriesBackfillCountMax, assay.definition.schedule)
        let (now, aheadBy) = lookAtClock()
        // What was due when it was switched off is made either way.
        let last = max(assay.examinedUntil ?? Timestamp(microseconds: .min), assay.runsUntil)
        guard let next = schedule.next(after: last),
            schedule.runCount(after: last, through: now, limit: limit + 1) > limit
        else { return }
        let remedy =
            aheadBy == nil
            ? "schedule another assay instead, with a later \"first_run\""
            : "the clock went ahead at once: set it right, or try again when it has stood by that for "
                + ClockWatch.probation.text
        throw FieldError(
            field: "active",
            problem:
                "is true, and more than \(limit) runs would be due at once, those since \(next.zuluText); \(remedy)"
        )
    }
}

extension StoreView {
    /// The definition of an assay that may be scheduled, with its baseline as it is from now on. Reads what that
    /// is made of, and ends where the task is cancelled.
    package func schedulable(_ request: SeriesDefinition) throws -> SeriesDefinition {
        let now = sources.now()
        let definition = try completed(request)
        let limit = InferenceStore.seriesBackfillCountMax
        let dueCount = definition.schedule.runCount(
            after: Timestamp(microseconds: .min), through: now, limit: limit + 1)
        guard dueCount <= limit else {
            throw FieldError(
                field: "scheduling.first_run",
                problem:
                    "is so long ago that more than \(limit) runs are due at once; choose a later one, or a "
                    + "lower \"run_frequency\"")
        }
        return definition
    }
}
