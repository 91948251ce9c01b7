// A baseline as it was found under one window: what the window is compared with, or what is there instead and
// why nothing can be compared with that.
//
// A baseline that stands still is refused where it holds no numbers. One that slides is another for each
// window, and a window is not left out because the records before it are missing: its outcome says so.
//
// Invariants:
//  * It is a pure function of the values, the period and the settings.
//  * Where `problem` is not nil, the summary has the values' statistics and no bins.

import Records
import Summaries

/// A baseline, and whether windows can be compared with it.
package struct FoundBaseline: Hashable, Sendable {
    package let summary: DatedSummary
    /// Why nothing can be compared with it, as a sentence without its full stop; nil where windows can.
    package let problem: String?

    /// A baseline that windows can be compared with.
    package init(_ summary: DatedSummary) {
        self.summary = summary
        problem = nil
    }

    /// What the values of `period` are worth.
    package init(_ sample: SortedSample, over period: TimeWindow, _ settings: SummarizerSettings) {
        do throws(SummaryError) {
            summary = try DatedSummary(ofBaseline: sample, over: period, settings)
            problem = nil
        } catch {
            summary = DatedSummary(Summarizer(settings).withoutBins(sample), over: period)
            let found =
                switch error {
                case .emptyBaseline(missingCount: 0): "holds no records"
                case .emptyBaseline(let missingCount):
                    "holds no numbers: its \(missingCount) values are null or NaN"
                case .infiniteBaseline(let infinityCount):
                    "holds \(infinityCount) infinite values among \(sample.count)"
                default: "makes no bins: \(error)"
                }
            problem = "the baseline, from \(period.start.zuluText) to \(period.end.zuluText), \(found)"
        }
    }
}
