// What an assay says of one window: a pure function of the definition, the baseline and the values.
//
// Nothing here knows when it was worked out or what number it got; that is the decision's
// (AssayDecision.swift). So the same records always give the same outcome, and a digest of its
// canonical bytes (AssayOutcome+Digest.swift) proves it.
//
// Status has the contract's four words where there is a score. Where there is none it says so:
// "NoData" for a window whose values are all null or NaN, "NoScore" for one that cannot be compared
// (infinite values, a summarizer without bins, edges too far apart, a baseline that slid to where there are
// no numbers). Neither is ever "Ok", and `absence` says why in words. Windows without any record have no
// outcome at all.
//
// Invariants:
//  * `score` is nil exactly where `status` is `.noData` or `.noScore`.
//  * `scores` has one member for each bin; all are nil where there is no score.

import Records
import Summaries

/// What an outcome means, in its word on the wire.
package enum AssayStatus: String, Hashable, Sendable, CaseIterable {
    case ok = "Ok"
    case warning = "Warning"
    case alert = "Alert"
    /// The baseline by itself, not a comparison.
    case baselineRun = "BaselineRun"
    /// Records, but not one number in them.
    case noData = "NoData"
    /// Numbers, but nothing to compare or nothing that compares.
    case noScore = "NoScore"
}

/// What an assay says of one window. A copy costs one reference.
package struct AssayOutcome: Hashable, Sendable {
    /// One reference, whatever is in it: outcomes go from list to list by the hundred, and each copy of their
    /// edges, names and scores would be counted by itself.
    private let contents: Contents

    private struct Fields: Hashable, Sendable {
        let window: TimeWindow
        let summary: DatedSummary
        let score: Double?
        let scores: [Double?]
        let binIndex: Int?
        let status: AssayStatus
        let absence: String?
    }

    /// What the outcomes of many windows have in common: one reference for all of it.
    final class Comparison: Hashable, Sendable {
        let baseline: DatedSummary
        let thresholds: AssayThresholds
        let summarizer: SummarizerSettings
        /// What noise explains follows from baseline and settings, and is no part of what is compared.
        let noise: NoiseBaseline

        init(_ baseline: DatedSummary, _ thresholds: AssayThresholds, _ summarizer: SummarizerSettings) {
            self.baseline = baseline
            self.thresholds = thresholds
            self.summarizer = summarizer
            noise = NoiseBaseline(baseline.summary, summarizer)
        }

        static func == (left: Comparison, right: Comparison) -> Bool {
            left === right
                || left.baseline == right.baseline && left.thresholds == right.thresholds
                    && left.summarizer == right.summarizer
        }

        func hash(into hasher: inout Hasher) {
            hasher.combine(baseline)
            hasher.combine(thresholds)
            hasher.combine(summarizer)
        }
    }

    private final class Contents: Hashable, Sendable {
        let fields: Fields
        let comparison: Comparison

        init(_ fields: Fields, _ comparison: Comparison) {
            self.fields = fields
            self.comparison = comparison
        }

        static func == (left: Contents, right: Contents) -> Bool {
            left === right || left.fields == right.fields && left.comparison == right.comparison
        }

        func hash(into hasher: inout Hasher) {
            hasher.combine(fields)
            hasher.combine(comparison)
        }
    }

    init(
        window: TimeWindow, comparison: Comparison, summary: DatedSummary, score: Double?,
        scores: [Double?], binIndex: Int?, status: AssayStatus, absence: String?
    ) {
        contents = Contents(
            Fields(
                window: window, summary: summary, score: score, scores: scores, binIndex: binIndex,
                status: status, absence: absence), comparison)
    }

    init(
        window: TimeWindow, baseline: DatedSummary, summary: DatedSummary, score: Double?, scores: [Double?],
        binIndex: Int?, status: AssayStatus, absence: String?, thresholds: AssayThresholds,
        summarizer: SummarizerSettings
    ) {
        self.init(
            window: window, comparison: Comparison(baseline, thresholds, summarizer), summary: summary,
            score: score, scores: scores, binIndex: binIndex, status: status, absence: absence)
    }

    /// What sampling noise alone would score here; nil without a score, and where its law says nothing.
    package var noise: NoiseLine? {
        guard score != nil, status != .baselineRun else { return nil }
        return contents.comparison.noise.line(windowCount: summary.summary.count)
    }

    package var window: TimeWindow { contents.fields.window }
    package var baseline: DatedSummary { contents.comparison.baseline }
    package var summary: DatedSummary { contents.fields.summary }
    /// Nil where there is nothing that compares; then `absence` says why. 0 of a baseline's own run.
    package var score: Double? { contents.fields.score }
    /// One a bin, the outlier bins among them, in the order of the baseline's edge names.
    package var scores: [Double?] { contents.fields.scores }
    /// The bin of the largest difference, for MaxDiff only.
    package var binIndex: Int? { contents.fields.binIndex }
    package var status: AssayStatus { contents.fields.status }
    /// Why there is no score, as a sentence without its full stop; nil where there is one.
    package var absence: String? { contents.fields.absence }
    package var thresholds: AssayThresholds { contents.comparison.thresholds }
    package var summarizer: SummarizerSettings { contents.comparison.summarizer }
}

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
        return switch status {
        case .ok: .ok
        case .warning: .warning
        case .alert: .alert
        case nil: score.absence == .noNumbers ? .noData : .noScore
        }
    }

    private static func sentence(of absence: DriftScore.Absence, _ window: Summary) -> String {
        switch absence {
        case .noNumbers:
            "the window holds no numbers: its \(window.missingCount) values are null or NaN"
        case .infinities(let count):
            "the window holds \(count) infinite values among \(window.count)"
        case .noBins: "the summarizer makes no bins, so there is nothing to compare"
        case .notFinite: "the difference from the baseline is not a finite number"
        }
    }
}
