// Before records go, what was made of them becomes truth: results and baselines are put into the log
// itself, where they were only derived from it.
//
//     seal ──► baselines pinned, results sealed ──► durable ──► body: the tombstone ──► records may go
//     └──────────────────────── no decision falls in between ────────────────────────┘
//
// A sealed result is an event of the main log, called `result` and its number, whose document is the
// stored result as it was: byte for byte, so that an answer does not change when its records go.
//
// Invariants:
//  * When the body runs, every decision whose window or sliding baseline may hold records that go has its result in
//    the log, and every fixed baseline over them is pinned; no other has (LeavingRecords.swift).
//  * What assays are still to look at of it, late records and complete windows, is decided before (DueSealing.swift).
//  * A decision made of a view from before records went is not appended after: `sealingCount` rises when they
//    are gone, still behind the gate, and whoever decides read it before the view. Sealing that lets nothing
//    go, and decides nothing, leaves it, and with it the passes that are under way.
//  * Sealing again appends nothing; a crash in between leaves results that are sealed, and true.
//  * What is sealed is what was decided, or is marked: a kept result of another digest is worked out again,
//    and where that differs too the log says so beside it (SealableResult.swift).
//  * A window with a sealed result is not analysed again: what is left of its records is not it.

import Assays
import EventLog
import JSON
import Records
import Summaries

/// What sealing put into the log.
package struct SealingReport: Hashable, Sendable {
    /// Results of both generations; what was sealed before is not counted.
    package var resultCount = 0
    package var pinnedBaselineCount = 0
    /// Results among them that nothing proves to be what was decided, and which the first one is.
    package var unprovenCount = 0
    package var firstUnproven: String?
    /// Windows that were due to be looked at, for the first time or for late records, and were decided before.
    package var dueWindowCount = 0
    /// Assays whose due windows could not be looked at before, and the first one with the reason.
    package var unexaminedCount = 0
    package var firstUnexamined: String?
}

extension InferenceStore {
    /// Seals what depends on records that leave, then carries out `body`, which appends that they go. No decision
    /// about an assay is made meanwhile. `report` tells also of what was sealed before something went wrong.
    ///
    /// A result that nothing proves does not keep its records: it is sealed as people know it, and marked.
    ///
    /// - Parameter leaving: what is to go of what a view shows. Records that come later rest in no decision.
    /// - Throws: where a result is neither kept nor can be worked out: the records must stay then.
    func sealResults(
        _ leaving: (StoreView) -> LeavingRecords, noting report: inout SealingReport,
        then body: () async throws -> Void
    ) async throws {
        try await gate.pass {
            let moment = lookAtClock()
            try await pinBaselines(leaving(self.view), at: moment.now, &report)
            let view = view
            let leaving = leaving(view)
            var reader = ColumnReader(view)
            for assay in view.book.list().reversed() {
                var touched = LeavingWindows(leaving, of: assay, view)
                guard !touched.isEmpty else { continue }
                let name = "assay \(assay.id) (\(assay.definition.name))"
                let hasNews = try await report.noteDue(of: name) { count in
                    try await decideDue(of: assay, &touched, &reader, at: moment, &count)
                }
                // What is decided now is in a later view alone.
                let latest = hasNews ? self.view : view
                guard let decided = latest.book[assay.id] else { continue }
                let decisions = (Array(decided.superseded) + decided.decisions).filter {
                    touched.touch($0.window, asOf: $0.cut) && !latest.isSealed($0)
                }
                let count = assay.resultBatchCount
                for start in stride(from: 0, to: decisions.count, by: count) {
                    let batch = decisions[start..<min(start + count, decisions.count)]
                    let results = try latest.sealable(batch, of: decided)
                    _ = try await log.append(results.flatMap { $0.items(places) })
                    report.note(results, of: name)
                }
            }
            try await sealSeries(leaving, view, at: moment.now, &report)
            try await letGo(body)
        }
    }

    /// Keeps fixed baselines as they are now of which something goes.
    private func pinBaselines(
        _ leaving: LeavingRecords, at now: Timestamp, _ report: inout SealingReport
    ) async throws {
        let view = view
        for assay in view.book.list().reversed() where view.isPinDue(of: assay, leaving) {
            guard let pin = try view.pin(of: assay, at: now) else { continue }
            _ = try await changeBookBehindGate(nil) { _ in [pin] }
            report.pinnedBaselineCount += 1
        }
    }

    /// Carries out what lets records go. Only behind the gate.
    func letGo<Outcome>(_ body: () async throws -> Outcome) async rethrows -> Outcome {
        // Not before: a view taken meanwhile still has the records. Also where it throws: they may be gone.
        defer { sealingCount.add(1, ordering: .sequentiallyConsistent) }
        return try await body()
    }
}

extension StoreView {
    /// Whether an assay has a fixed baseline, not pinned yet, of which something goes.
    fileprivate func isPinDue(of assay: Assay, _ leaving: LeavingRecords) -> Bool {
        let baseline = assay.definition.baseline
        guard assay.pin == nil, case .fixedWindow(let spec) = baseline else { return false }
        var periods = LeavingPeriods(leaving, readBy: spec, of: try? pipeline(of: spec), self)
        return periods.touch(baseline.period, asOf: snapshot.cut)
    }

    /// The event that keeps a fixed baseline as it is now; nil where there is nothing to keep.
    fileprivate func pin(of assay: Assay, at moment: Timestamp) throws -> AssayEvent? {
        do {
            let summary = try baseline(assay.definition.baseline, assay.definition.summarizer)
            return try book.pinBaseline(of: assay.id, summary, cut: snapshot.cut, at: moment)
        } catch let refusal as StoreRefusal where refusal.kind == .invalid {
            return nil  // No records in it: it never was a baseline.
        } catch is FieldError {
            return nil  // Records without the path.
        } catch is SummaryError {
            return nil  // Records, but no numbers that could be compared with.
        }
    }
}
