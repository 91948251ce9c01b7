// What windows of an assay of the second generation came to that is not decided yet: for its scheduler, and for what is
// decided before records go (DueSealing.swift).
//
//     outcomes of windows ──► as decided, or sealed: nothing to do
//                        └──► news: analyses ──► decisions (log) ──► results (derived)
//
// Invariants:
//  * An outcome that the newest decision about its window had is no news; nor is any of a window whose result is
//    sealed.
//  * Analyses come in the order of the outcomes, and so do the decisions that are made of them.

import Assays
import EventLog
import Records

struct SeriesNews: Sendable {
    private(set) var outcomes: [SeriesOutcome] = []
    /// Of the same windows.
    private(set) var analyses: [WindowAnalysis] = []

    init(
        among outcomes: [WindowOutcome<SeriesOutcome>], of assay: SeriesAssay, _ view: StoreView
    ) throws {
        for window in outcomes {
            let outcome = window.outcome
            let earlier = assay.decision(forWindowStartingAt: outcome.window.start)
            // What retention left of a window whose result is sealed is not the window.
            if let earlier, try view.isSealed(earlier) || view.wasDecided(outcome, by: earlier, assay) {
                continue
            }
            let isBackfill = outcome.window.end <= assay.updatedAt
            self.outcomes.append(outcome)
            analyses.append(
                WindowAnalysis(
                    of: outcome, reason: earlier != nil ? .late : isBackfill ? .backfill : .complete,
                    analysedAt: window.analysedAt, elapsedMilliseconds: window.elapsedMilliseconds))
        }
    }

    var isEmpty: Bool { analyses.isEmpty }

    /// As those who are told of them need it.
    var pathStatuses: [TimeWindow: [AssayStatus]] {
        Dictionary(uniqueKeysWithValues: outcomes.map { ($0.window, $0.findings.map(\.status)) })
    }
}

extension InferenceStore {
    /// Keeps the results of decisions about news, but for those that follow from the decision alone.
    func keep(
        _ events: [AssayEvent], of news: SeriesNews, _ assay: SeriesAssay, on place: AppendThread = .writer
    ) async throws {
        let decisions = events.compactMap(\.decision)
        let kept = zip(decisions, news.outcomes).filter { decision, _ in
            assay.emptyOutcome(of: decision) == nil
        }
        let limit = SeriesPass.documentLimit(assay.definition)
        for start in stride(from: 0, to: kept.count, by: limit) {
            try await keep(
                kept[start..<min(start + limit, kept.count)].map { decision, outcome in
                    (decision.resultID.number, assay.document(outcome, of: decision))
                }, on: place)
        }
    }
}

extension StoreView {
    /// The topic of an assay's records, and the commit after which they are late for what has been examined up to
    /// `cut`; nil where none are.
    func lateRecords(
        of assay: SeriesAssay, after cut: CommitNumber
    ) -> (topic: String, after: CommitNumber)? {
        let targeting = assay.definition.targeting
        guard snapshot.cut > cut, let id = targeting.pipelineID, let pipeline = catalog.pipelines[id] else {
            return nil
        }
        // A partition that became an edge, or home again, changes what all windows at home hold.
        let homeChanged = targeting.locations == .home && locationsChanged(of: id, after: cut)
        return (pipeline.topic.name, homeChanged ? 0 : cut)
    }
}
