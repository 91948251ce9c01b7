// From a window's values to its outcome, under one definition and against one baseline.
//
// Invariants:
//  * An outcome is a pure function of definition, baseline and values: nothing here knows the time, or who asks.
//  * Whatever the values are, a window has an outcome: one without a score says why.

import Records
import Summaries

/// Compares windows with one baseline, one after the other.
package final class AssayEvaluator: Sendable {
    private let definition: AssayDefinition
    private var baseline: DatedSummary { comparison.baseline }
    /// Why nothing can be compared with the baseline; nil where windows can.
    private let problem: String?
    private let windows: WindowSummarizer
    /// Shared by the outcomes of all windows.
    private let comparison: AssayOutcome.Comparison

    /// The version of the rules from values to outcome. It is part of each decision; it changes
    /// when any rule does, so that no stored digest is held against another rule.
    package static let engineVersion = 1

    /// Refuses a baseline that was not summarised as the definition says.
    package convenience init(_ definition: AssayDefinition, baseline: DatedSummary) throws(SummaryError) {
        try self.init(definition, FoundBaseline(baseline))
    }

    /// The same; a baseline that nothing can be compared with makes outcomes without a score.
    package init(_ definition: AssayDefinition, _ found: FoundBaseline) throws(SummaryError) {
        let baseline = found.summary.summary
        problem = found.problem
        // What could be wrong between baseline and settings is wrong in this comparison already.
        if problem == nil {
            _ = try DriftScore(of: baseline, against: baseline, definition.summarizer)
        }
        self.definition = definition
        windows = Summarizer(definition.summarizer).windows(on: baseline)
        comparison = AssayOutcome.Comparison(
            found.summary, definition.thresholds, definition.summarizer)
    }

    /// What the assay says of `window`, whose values are `sample`; `moments` are the sample's, where
    /// they are known already.
    package func outcome(
        of sample: SortedSample, moments: Moments? = nil, in window: TimeWindow
    ) -> AssayOutcome {
        let summary = windows.summary(of: sample, moments: moments)
        if let problem, summary.count > 0 { return outcome(summary, in: window, without: problem) }
        let score: DriftScore
        do {
            score = try DriftScore(
                of: summary, against: baseline.summary, definition.summarizer)
        } catch {
            preconditionFailure(
                "A window summarised on the baseline's edges has its bins: \(error)")
        }
        return AssayOutcome(
            window: window, comparison: comparison, summary: DatedSummary(summary, over: window),
            score: score.score,
            scores: score.absence == nil
                ? score.scores.map(Optional.some)
                : Array(repeating: nil, count: baseline.summary.edgeNames.count),
            binIndex: score.binIndex, status: status(of: score),
            absence: score.absence.map { Self.sentence(of: $0, summary) })
    }

    /// What is said of a window with numbers that has no baseline.
    private func outcome(
        _ summary: Summary, in window: TimeWindow, without problem: String
    ) -> AssayOutcome {
        AssayOutcome(
            window: window, comparison: comparison, summary: DatedSummary(summary, over: window), score: nil,
            scores: Array(repeating: nil, count: baseline.summary.edgeNames.count), binIndex: nil,
            status: .noScore, absence: problem)
    }

    /// The baseline looked at as if it were a window: no difference anywhere.
    ///
    /// A baseline without a period is shown at the window that starts at `fallback`.
    package func baselineRun(startingAt fallback: Timestamp) -> AssayOutcome {
        let found = baseline.summary
        let start = baseline.start ?? definition.window.start ?? fallback
        let end = baseline.end ?? start.adding(definition.window.width.span)
        let window = TimeWindow(start: start, end: max(start, end))
        return AssayOutcome(
            window: window, comparison: comparison, summary: DatedSummary(found.namedAsWindow, over: window),
            score: 0, scores: Array(repeating: 0, count: found.edgeNames.count), binIndex: nil,
            status: .baselineRun, absence: nil)
    }

    private func status(of score: DriftScore) -> AssayStatus {
        let status = score.status(
            alertThreshold: definition.thresholds.alert,
            warningThreshold: definition.thresholds.warning)
        return status.map(AssayStatus.init) ?? (score.absence == .noNumbers ? .noData : .noScore)
    }

    private static func sentence(of absence: DriftScore.Absence, _ window: Summary) -> String {
        switch absence {
        case .noNumbers: AbsenceSentence.noNumbers(missingCount: window.missingCount)
        case .infinities(let count):
            "the window holds \(count) infinite values among \(window.count)"
        case .noBins: AbsenceSentence.noBins
        case .notFinite: AbsenceSentence.notFinite
        }
    }
}
