// Baselines worked out from what their specification names: a summary as given, numbers as given,
// or the records of a period.

import Assays
import EventLog
import JSON
import Queries
import Records
import Summaries

extension StoreView {
    /// The summary of a baseline.
    ///
    /// - Parameters:
    ///   - window: the window that is compared, for a baseline that slides with it.
    ///   - cut: the last commit that counts; nil for all.
    /// - Throws: a refusal where the period holds no records, or no numbers.
    package func baseline(
        _ spec: BaselineSpec, _ settings: SummarizerSettings, for window: TimeWindow? = nil,
        cut: CommitNumber? = nil
    ) throws -> DatedSummary {
        try baseline(spec, settings, for: window, cut: cut, columns: nil)
    }

    /// The same, with the records read together with those of other paths.
    func baseline(
        _ spec: BaselineSpec, _ settings: SummarizerSettings, for window: TimeWindow? = nil,
        cut: CommitNumber? = nil, columns: SharedColumns?
    ) throws -> DatedSummary {
        let summarizer = Summarizer(settings)
        switch spec {
        case .summary(let summary):
            return summary
        case .vector(let numbers):
            let present = numbers.compactMap { $0 }
            let sample = SortedSample(present, nullCount: numbers.count - present.count)
            return DatedSummary(try summarizer.baseline(of: sample), over: nil)
        case .fixedWindow(let windowSpec):
            return try baseline(of: windowSpec, over: spec.period, summarizer, cut: cut, columns)
        case .slidingWindow(let windowSpec, _):
            return try baseline(
                of: windowSpec, over: window.flatMap { spec.period(for: $0) }, summarizer, cut: cut, columns)
        }
    }

    private func baseline(
        of spec: AssayWindowSpec, over period: TimeWindow?, _ summarizer: Summarizer, cut: CommitNumber?,
        _ columns: SharedColumns?
    ) throws -> DatedSummary {
        guard let period else {
            throw FieldError(
                field: "baseline",
                problem: "slides with each window; there is no single summary of it: use a fixed_window")
        }
        let sample = try baselineSample(of: spec, over: period, cut: cut, columns)
        return DatedSummary(try summarizer.baseline(of: sample), over: period)
    }

    /// The sorted values under a baseline.
    ///
    /// - Throws: a refusal where the period holds no records, or none with a number at the path.
    func baselineSample(
        of spec: AssayWindowSpec, over period: TimeWindow, cut: CommitNumber? = nil,
        _ columns: SharedColumns? = nil
    ) throws -> SortedSample {
        let values =
            try columns?.values(of: spec, in: period)
            ?? values(of: spec, in: period, cut: cut, wantsTimes: false)
        try refuseUnseen(values.statistics.unseen)
        guard !values.values.isEmpty else {
            throw StoreRefusal(
                .invalid,
                "no inferences for \(spec.path.text) of pipeline \"\(spec.pipelineName)\" between "
                    + "\(period.start.zuluText) and \(period.end.zuluText)")
        }
        try checkPath(spec, values)
        return SortedSample(values.values)
    }

    /// A summary that people act on is not made of half its records in silence.
    func refuseUnseen(_ unseen: [UnseenPart]) throws {
        guard let first = unseen.first else { return }
        throw StoreRefusal(
            .unavailable,
            "\(unseen.count) damaged parts of the log cannot be read, so the answer would be wrong: \(first)")
    }
}
