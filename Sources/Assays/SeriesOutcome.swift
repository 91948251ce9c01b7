// What an assay of the second generation says of one window: of each path, a score or why there is none.
//
// As with the first generation this is a pure function of definition, baseline and values, and its digest
// (SeriesOutcome+Digest.swift) is what a decision in the log holds of it (AssayDecision.swift); when it was worked
// out and which number it got is the decision's.
//
// Invariants:
//  * A path has a score or a sentence, never both; with a sentence it has no summary.
//  * A window without records has no score and no summary of any path, and is not "Ok"; nor is one without a
//    finite number.

import Records
import Summaries

/// What there was, where no score came of it: of the window, or of the baseline where that was no use.
package struct UnscoredValues: Hashable, Sendable {
    /// Numbers, infinite ones among them.
    package let count: Int
    /// Values that were null or NaN.
    package let missingCount: Int
    /// They are among `count`.
    package let infinityCount: Int

    /// Nil where there was nothing at all.
    package init?(_ sample: SortedSample) {
        guard sample.count + sample.missingCount > 0 else { return nil }
        count = sample.count
        missingCount = sample.missingCount
        infinityCount = sample.infinityCount
    }

    init(count: Int, missingCount: Int, infinityCount: Int) {
        (self.count, self.missingCount, self.infinityCount) = (count, missingCount, infinityCount)
    }
}

/// What became of one path in one window.
package struct SeriesFinding: Hashable, Sendable {
    package let target: SeriesTarget
    /// Nil where there was none to compare with.
    package let baseline: DatedSeriesSummary?
    /// Nil where there is no score.
    package let summary: DatedSeriesSummary?
    package let score: Double?
    /// One a bin, as `DriftScore` has them; empty where there is no score.
    package let scores: [Double]
    /// The bin of the largest difference, for MaxDiff only.
    package let binIndex: Int?
    package let status: AssayStatus
    /// Why there is no score, as a sentence without its full stop.
    package let absence: String?
    /// What there was instead; nil where there was nothing, and beside a score.
    package let held: UnscoredValues?

    /// Said of a window that nothing fell into.
    package static let noRecords = "the window holds no records"

    /// A path without a score.
    package init(
        _ target: SeriesTarget, baseline: DatedSeriesSummary? = nil, absence: String,
        _ status: AssayStatus = .noData, held: UnscoredValues? = nil
    ) {
        precondition(status == .noData || status == .noScore, "Without a score nothing is judged.")
        self.target = target
        self.baseline = baseline
        summary = nil
        score = nil
        scores = []
        binIndex = nil
        self.status = status
        self.absence = absence
        self.held = held
    }

    /// A path with a score.
    init(
        _ target: SeriesTarget, _ baseline: DatedSeriesSummary, _ summary: DatedSeriesSummary,
        score: Double, scores: [Double], binIndex: Int?
    ) {
        self.target = target
        self.baseline = baseline
        self.summary = summary
        self.score = score
        self.scores = scores
        self.binIndex = binIndex
        guard
            let status = DriftStatus.reaching(
                score: score, alertThreshold: target.thresholds.alert,
                warningThreshold: target.thresholds.warning)
        else { preconditionFailure("A score that is a number has a status.") }
        self.status = AssayStatus(status)
        absence = nil
        held = nil
    }

    /// A path whose values in `window` are `sample`, compared with `baseline`.
    ///
    /// Throws where baseline and settings do not belong together.
    package init(
        _ target: SeriesTarget, _ sample: SortedSample, in window: TimeWindow?,
        against baseline: DatedSeriesSummary, _ settings: SeriesSettings
    ) throws(SummaryError) {
        let held = UnscoredValues(sample)
        guard sample.count == 0 || sample.infinityCount < sample.count else {
            // Wherever its bins lie: also where the baseline's values lie in an outermost bin as well.
            self.init(
                target, baseline: baseline,
                absence: "the window holds no finite number: its \(sample.count) numbers are infinite",
                .noScore, held: held)
            return
        }
        let summary = SeriesSummarizer(settings).window(of: sample, in: baseline.summary.bins)
        let score = try DriftScore(of: summary, against: baseline.summary, settings)
        switch (score.absence, score.score) {
        case (nil, let found?):
            self.init(
                target, baseline, DatedSeriesSummary(summary, over: window), score: found,
                scores: score.scores, binIndex: score.binIndex)
        case (.noBins, _):
            self.init(
                target, baseline: baseline,
                absence: AbsenceSentence.noBins, .noScore, held: held)
        case (.notFinite, _), (.infinities, _):
            self.init(
                target, baseline: baseline,
                absence: AbsenceSentence.notFinite, .noScore, held: held)
        case (.noNumbers, _), (nil, nil):
            self.init(
                target, baseline: baseline,
                absence: sample.missingCount == 0
                    ? Self.noRecords : AbsenceSentence.noNumbers(missingCount: sample.missingCount),
                held: held)
        }
    }
}

/// What an assay says of one window, path by path.
package struct SeriesOutcome: Hashable, Sendable {
    package let window: TimeWindow
    /// One a path, in the definition's order.
    package let findings: [SeriesFinding]
    package let settings: SeriesSettings

    /// The caller gives one finding for each path of the definition, in its order.
    package init(_ window: TimeWindow, _ findings: [SeriesFinding], _ settings: SeriesSettings) {
        self.window = window
        self.findings = findings
        self.settings = settings
    }

    /// The worst of its paths: an alert, else a warning, else what could not be judged, else "Ok".
    package var status: AssayStatus {
        let order: [AssayStatus] = [.alert, .warning, .noScore, .noData, .ok]
        return order.first { status in findings.contains { $0.status == status } } ?? .noData
    }

    /// The version of the rules from values to outcome, and of the layout that its digest is over. It is part of
    /// each decision; the first generation's (AssayEvaluator.swift) counts apart.
    package static let engineVersion = 2
}
