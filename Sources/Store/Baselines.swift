// Baselines worked out from what their specification names: a summary as given, numbers as given,
// or the records of a period.

import Assays
import EventLog
import JSON
import Queries
import Records
import Summaries

/// What a request calls the filters of a window.
struct FilterFields {
    let model: String
    let locations: String

    static let ofFixedBaseline = FilterFields(of: "baseline.fixed_window")
    static let ofSlidingBaseline = FilterFields(of: "baseline.sliding_window.window")
    static let ofWindow = FilterFields(of: "window")
    static let ofTargeting = FilterFields(
        model: "targeting.data_origin.model_id", locations: "targeting.data_origin.locations")

    private init(model: String, locations: String) { (self.model, self.locations) = (model, locations) }

    private init(of window: String) {
        self.init(model: window + ".model_name", locations: window + ".locations")
    }
}

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
        switch spec {
        case .summary(let summary):
            return summary
        case .vector(let numbers):
            let sample = SortedSample(withNulls: numbers)
            return try summary(of: sample, over: nil, settings, field: "baseline.vector")
        case .fixedWindow(let windowSpec):
            let sample = try sample(of: windowSpec, over: spec.period, cut: cut, columns)
            return try summary(of: sample, over: spec.period, settings, field: "baseline.fixed_window")
        case .slidingWindow(let windowSpec, _):
            let period = window.flatMap { spec.period(for: $0) }
            let sample = try sample(of: windowSpec, over: period, cut: cut, columns)
            return try summary(of: sample, over: period, settings, field: "baseline.sliding_window")
        }
    }

    /// What a window is compared with. Of a baseline that slides it is also said where that is nothing.
    ///
    /// - Throws: a refusal where a baseline that stands still has no numbers.
    func foundBaseline(
        of window: TimeWindow, _ definition: AssayDefinition, cut: CommitNumber?
    ) throws -> FoundBaseline {
        guard case .slidingWindow(let spec, _) = definition.baseline,
            let period = definition.baseline.period(for: window)
        else { return FoundBaseline(try baseline(definition.baseline, definition.summarizer, cut: cut)) }
        let values = try values(of: spec, in: period, cut: cut, wantsTimes: false)
        try refuseUnseen(values.statistics.unseen)
        return FoundBaseline(SortedSample(values.values), over: period, definition.summarizer)
    }

    /// The summary of a baseline's values; where they make none, `field` of the request is refused.
    func summary(
        of sample: SortedSample, over period: TimeWindow?, _ settings: SummarizerSettings, field: String
    ) throws -> DatedSummary {
        do throws(SummaryError) {
            return try DatedSummary(ofBaseline: sample, over: period, settings)
        } catch {
            guard error.isOfValues else { throw error }
            throw FieldError(field: field, problem: "is refused: \(error)")
        }
    }

    private func sample(
        of spec: AssayWindowSpec, over period: TimeWindow?, cut: CommitNumber?, _ columns: SharedColumns?
    ) throws -> SortedSample {
        guard let period else {
            throw FieldError(
                field: "baseline",
                problem: "slides with each window; there is no single summary of it: use a fixed_window")
        }
        return try baselineSample(of: spec, over: period, cut: cut, columns)
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
            throw try noInferences(spec.path.text, spec, in: period, .ofFixedBaseline)
        }
        try checkPath(spec, values, field: "baseline.fixed_window.path")
        return SortedSample(values.values)
    }

    // MARK: What is wrong with one

    /// Why an assay has nothing to compare windows with, as the records are at `moment`; nil where it has, and
    /// where that is open still: a period that has not ended, a baseline that slides over a path there is.
    ///
    /// - Throws: where the records cannot be read.
    func baselineProblem(of definition: AssayDefinition, at moment: Timestamp) throws -> (any Error)? {
        switch definition.baseline {
        case .summary, .vector: break
        case .fixedWindow:
            guard let period = definition.baseline.period, period.end <= moment else { return nil }
        case .slidingWindow(let spec, _):
            return try filterProblem(spec, .ofSlidingBaseline)
                ?? pathProblem(spec, field: "baseline.sliding_window.window.path")
        }
        do {
            let baseline = try baseline(definition.baseline, definition.summarizer)
            _ = try AssayEvaluator(definition, baseline: baseline)
            return nil
        } catch let error as StoreRefusal where error.kind == .invalid {
            return error
        } catch let error as FieldError {
            return error
        } catch let error as SummaryError {
            return error
        }
    }

    /// Refuses an assay that has nothing to compare windows with and would get nothing as time goes on. Before
    /// the pipeline has any record, its past may still be on the way.
    func refuseUselessBaseline(of definition: AssayDefinition, at moment: Timestamp) throws {
        try refuseOpenBaseline(of: definition)
        switch definition.baseline {
        case .summary, .vector: break
        case .fixedWindow(let spec):
            let scope = try scope(of: spec)
            guard snapshot.index.topics[scope.topic]?.times(in: scope.filter.partitions) != nil else {
                return
            }
        case .slidingWindow: return
        }
        if let problem = try baselineProblem(of: definition, at: moment) { throw problem }
    }

    /// Refuses baselines that end after their windows: each new record would change what windows long complete
    /// were compared with.
    private func refuseOpenBaseline(of definition: AssayDefinition) throws {
        guard case .slidingWindow(let spec, let offset) = definition.baseline else { return }
        let reach = Int128(spec.width.span.microseconds) - Int128(offset.span.microseconds)
        guard reach > Int128(definition.window.width.span.microseconds) else { return }
        throw FieldError(
            field: "baseline.sliding_window.offset",
            problem:
                "lets the baseline, \(spec.width.text) wide, end after the window that is compared with it; choose "
                + "an offset of at least the baseline's width less the window's")
    }

    /// Why no record that is there could pass the filter of `spec`, whatever its time; nil where one does,
    /// where there is no record at all, and where damage hides some.
    func filterProblem(_ spec: AssayWindowSpec, _ fields: FilterFields) throws -> FieldError? {
        let scope = try scope(of: spec)
        guard let index = snapshot.index.topics[scope.topic], index.times(in: nil) != nil else { return nil }
        if let problem = emptyHome(scope.pipeline, spec.locations, scope.filter.partitions) { return problem }
        if let partitions = scope.filter.partitions, index.times(in: partitions) == nil {
            func list(_ names: some Sequence<String>) -> String {
                let names = names.sorted()
                return names.prefix(8).joined(separator: ", ") + (names.count > 8 ? ", …" : "")
            }
            return FieldError(
                field: fields.locations,
                problem:
                    "names \(list(partitions)), and no record of pipeline \"\(spec.pipelineName)\" is from "
                    + "there; those that there are come from \(list(index.nextIndexes.keys))")
        }
        guard let name = spec.modelName else { return nil }
        let mayHold = try filters.mayHold(scope.topic, scope.filter) {
            try RecordScan(snapshot).mayHold(topic: scope.topic, scope.filter)
        }
        guard !mayHold else { return nil }
        return FieldError(
            field: fields.model,
            problem:
                "is \"\(name)\", and no record of pipeline \"\(spec.pipelineName)\" there is of a model of "
                + "that name; use the name that its records have, or leave it out for all models")
    }

    /// The refusal of a baseline's period without records, with where there are some.
    func noInferences(
        _ path: String, _ spec: AssayWindowSpec, in period: TimeWindow, _ fields: FilterFields
    ) throws -> any Error {
        if let problem = try filterProblem(spec, fields) { return problem }
        let scope = try scope(of: spec)
        let times = snapshot.index.topics[scope.topic]?.times(in: scope.filter.partitions)
        let remedy =
            if let times {
                "field \"baseline\" must name a period with records, and those of the pipeline are from "
                    + "\(Timestamp(milliseconds: times.lowerBound).zuluText) to "
                    + "\(Timestamp(milliseconds: times.upperBound).zuluText)"
            } else {
                "field \"baseline\" must name a period with records, and the pipeline has none yet: send some "
                    + "first"
            }
        return StoreRefusal(
            .invalid,
            "no inferences for \(path) of pipeline \"\(spec.pipelineName)\" between "
                + "\(period.start.zuluText) and \(period.end.zuluText): \(remedy)")
    }

    /// A summary that people act on is not made of half its records in silence.
    func refuseUnseen(_ unseen: [UnseenPart]) throws {
        guard let first = unseen.first else { return }
        throw StoreRefusal(
            .unavailable,
            "\(unseen.count) damaged \(unseen.count == 1 ? "part" : "parts") of the log cannot be read, so the answer "
                + "would be wrong: \(first)")
    }
}
