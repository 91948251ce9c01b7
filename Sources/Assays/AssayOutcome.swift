// What an assay says of one window: a pure function of the definition, the baseline and the values.
//
// Nothing here knows when it was worked out or what number it got; that is the decision's
// (AssayDecision.swift). So the same records always give the same outcome, and a digest of its
// canonical bytes (AssayOutcome+Digest.swift) proves it.
//
// Status has the contract's four words where there is a score. Where there is none it says so:
// "NoData" for a window whose values are all null or NaN, "NoScore" for one that cannot be compared
// (infinite values, a summarizer without bins, edges too far apart, a baseline that slid to where there are
// no numbers). Neither is ever "Ok", and `absence` says why in words. Answers show the contract's word for both,
// with these beside it. Windows without any record have no outcome at all.
//
// Invariants:
//  * `score` is nil exactly where `status` is `.noData` or `.noScore`.
//  * `scores` has one member for each bin; all are nil where there is no score.

import Records
import Summaries

/// What an outcome means.
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

    /// As answers say it: the contract knows the first four, and clients refuse another with all the results beside
    /// it. What could not be judged is not "Ok", and nothing drifted.
    var inContract: AssayStatus {
        switch self {
        case .ok, .warning, .alert, .baselineRun: self
        case .noData, .noScore: .warning
        }
    }

    /// Of a score.
    init(_ status: DriftStatus) {
        self =
            switch status {
            case .ok: .ok
            case .warning: .warning
            case .alert: .alert
            }
    }
}

/// Why there is no score, in the words of both generations: sentences without their full stops.
enum AbsenceSentence {
    static let noBins = "the summarizer makes no bins, so there is nothing to compare"
    static let notFinite = "the difference from the baseline is not a finite number"

    static func noNumbers(missingCount: Int) -> String {
        "the window holds no numbers: its \(missingCount) values are null or NaN"
    }
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
