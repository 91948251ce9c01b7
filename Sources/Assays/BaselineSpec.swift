// What an assay's windows are compared with.
//
//     {"static": summary}                                  a summary made earlier, kept as it is
//     {"calculated": {"vector": [1.0, null, …]}}           numbers, null where one is missing
//     {"calculated": {"fixed_window": window}}             the records of one period
//     {"calculated": {"sliding_window": {"window": window, "offset": "7 days"}}}
//
// Requests may leave out the `calculated` around it, and call a fixed window `fixed`, `Fixed` or
// `fixed_window`, with `start_at` and `end_at` instead of `start` and `width`: the contract's
// generations differ. A sliding window is ours to define, for no service shows one working: the
// baseline of a window that starts at s is the period that starts at s less the offset.
//
// Invariants:
//  * `BaselineSpec(JSONField(spec.json))` gives back every specification.
//  * A static baseline holds at least one number, and no infinity.
//  * A fixed window has a start.

import JSON
import Records
import Summaries

/// What windows are compared with. A missing number of a vector is nil.
package enum BaselineSpec: Hashable, Sendable {
    case summary(DatedSummary)
    case vector([Double?])
    case fixedWindow(AssayWindowSpec)
    case slidingWindow(AssayWindowSpec, offset: WrittenSpan)

    /// The period that the baseline's values are from; nil where it has none or it moves.
    package var period: TimeWindow? {
        switch self {
        case .summary(let summary): summary.period
        case .fixedWindow(let window):
            window.start.map { TimeWindow(start: $0, end: $0.adding(window.width.span)) }
        case .vector, .slidingWindow: nil
        }
    }

    /// The period whose records are the baseline of `window`; nil where no records are.
    package func period(for window: TimeWindow) -> TimeWindow? {
        switch self {
        case .summary, .vector: return nil
        case .fixedWindow: return period
        case .slidingWindow(let spec, let offset):
            let start = window.start.adding(TimeSpan(microseconds: -offset.span.microseconds))
            return TimeWindow(start: start, end: start.adding(spec.width.span))
        }
    }

    /// Where the assay's windows start if it does not say: at the end of the baseline's period.
    package var end: Timestamp? {
        if case .summary(let summary) = self { summary.end } else { period?.end }
    }

    /// Refuses a summary that no values have. One that was stored before it was refused stays.
    package func refuseMistakes() throws(FieldError) {
        guard case .summary(let dated) = self else { return }
        let summary = dated.summary
        guard let problem = AggregatedValues.problem(summary.aggregatedValues, of: summary.aggregation)
        else { return }
        throw FieldError(field: "baseline.static.aggregated_values", problem: problem)
    }

    /// As stored and as lists show it: what is made of numbers or records stands in `calculated`.
    package var json: JSONValue {
        switch self {
        case .summary(let summary): .object(("static", summary.json))
        case .vector(let values):
            .object(("calculated", .object(("vector", .array(values.map { .number($0) })))))
        case .fixedWindow(let window):
            .object(("calculated", .object(("fixed_window", window.json))))
        case .slidingWindow(let window, let offset):
            .object(
                (
                    "calculated",
                    .object(
                        (
                            "sliding_window",
                            .object(("window", window.json), ("offset", .string(offset.text)))
                        ))
                ))
        }
    }
}

// MARK: Its summary

extension DatedSummary {
    /// The summary of a baseline whose values are `sample`.
    package init(
        ofBaseline sample: SortedSample, over period: TimeWindow?, _ settings: SummarizerSettings
    ) throws(SummaryError) {
        self.init(try Summarizer(settings).baseline(of: sample), over: period)
    }
}

// MARK: Reading

extension BaselineSpec {
    private static let kinds = [
        "static", "vector", "fixed_window", "fixed", "Fixed", "sliding_window",
    ]

    /// Reads a baseline. `defaults` is what the assay says of its windows.
    package init(
        _ json: JSONField, defaults: AssayWindowSpec.Defaults = AssayWindowSpec.Defaults()
    ) throws(FieldError) {
        _ = try json.object()
        let places = [json] + (json["calculated"].optional.map { [$0] } ?? [])
        var found: [(kind: String, field: JSONField)] = []
        for place in places {
            for kind in Self.kinds where place[kind].isPresent { found.append((kind, place[kind])) }
        }
        guard found.count == 1 else {
            let names = found.map { "\"\($0.kind)\"" }.joined(separator: " and ")
            throw json.refused(
                "has \(found.isEmpty ? "no kind" : names); give exactly one of \"static\", "
                    + "\"calculated.vector\", \"calculated.fixed_window\" and "
                    + "\"calculated.sliding_window\"")
        }
        let (kind, field) = found[0]
        switch kind {
        case "static": self = .summary(try Self.usable(field))
        case "vector": self = .vector(try field.series("a baseline needs at least one"))
        case "sliding_window":
            self = .slidingWindow(
                try AssayWindowSpec(field["window"], defaults: defaults),
                offset: try WrittenSpan(field["offset"]))
        default:
            self = .fixedWindow(try AssayWindowSpec(field, defaults: defaults, endsInstead: true))
        }
    }

    private static func usable(_ json: JSONField) throws(FieldError) -> DatedSummary {
        let dated = try DatedSummary(json)
        guard dated.summary.isScorable else {
            throw json["count"].refused(
                "says that the baseline has no finite numbers; nothing can be compared with it: give the summary of some"
            )
        }
        return dated
    }
}
