// Summaries and summarizers of the second generation as requests and answers write them.
//
//     {"name": "out.dense_1.0",
//      "bins": {"mode": {"Quantile": 5}, "edges": [e1, …, "INFINITY"], "labels": ["< 20%", …]},
//      "aggregated_values": [0.2, …], "aggregation": "Density",
//      "statistics": {"count", "min", "max", "mean", "median", "std"}, "start", "end"}
//
//     {"UnivariateContinuous": {"bin_mode": {"Quantile": 5}, "aggregation", "metric", "bin_weights"}}
//
// The count is of all values, missing ones included. Where some were missing, `missing_count` at the end
// says how many, so that what was written is read back; a summary made elsewhere has no such member.
//
// Invariants:
//  * What is written is read back equal.
//  * A refusal names the member that must change.

import JSON
import Records
import Summaries

/// A second-generation summary and the period that its values are from, as far as that is known.
package struct DatedSeriesSummary: Hashable, Sendable {
    package let summary: SeriesSummary
    package let start: Timestamp?
    package let end: Timestamp?

    package init(_ summary: SeriesSummary, over period: TimeWindow?) {
        self.summary = summary
        start = period?.start
        end = period?.end
    }

    /// With the name of its series.
    package func json(_ path: IOPath) -> JSONValue {
        var object = JSONObject([
            ("name", .string(path.dottedText)), ("bins", summary.bins.json),
            ("aggregated_values", aggregatedValues),
            ("aggregation", .string(summary.aggregation.rawValue)), ("statistics", statistics),
            ("start", .zulu(start)), ("end", .zulu(end)),
        ])
        if summary.missingCount > 0 { object.append("missing_count", .integer(summary.missingCount)) }
        return .object(object)
    }

    /// Without what could be looked up at the baseline, as previews show it.
    package var minimalJSON: JSONValue {
        .object(
            ("aggregated_values", aggregatedValues), ("bins", summary.bins.json),
            ("statistics", statistics), ("start", .zulu(start)), ("end", .zulu(end)))
    }

    private var aggregatedValues: JSONValue {
        .array(summary.aggregatedValues.map { $0.map { .number($0) } ?? .infinity })
    }

    private var statistics: JSONValue {
        .object(
            JSONObject(
                [("count", .integer(summary.count + summary.missingCount))] + summary.moments.members))
    }
}

extension SeriesBins {
    fileprivate var json: JSONValue {
        .object(
            ("mode", mode.json),
            ("edges", .array(count == 0 ? [] : edges.map { .number($0) } + [.infinity])),
            ("labels", .array(labels.map { .string($0) })))
    }
}

extension JSONValue {
    /// Infinity as this API writes it, for JSON has no number for it.
    fileprivate static let infinity = JSONValue.string("INFINITY")
}

extension JSONField {
    /// A finite number, or infinity in this API's spelling; null is how the first generation wrote that.
    fileprivate func numberOrInfinity() throws(FieldError) -> Double {
        switch value {
        case .string("INFINITY"), .null: return .infinity
        case .number: return try double()
        default: throw refused("must be a finite number or \"INFINITY\"")
        }
    }

    fileprivate func numbersOrInfinity() throws(FieldError) -> [Double] {
        var numbers: [Double] = []
        for element in try array() { numbers.append(try element.numberOrInfinity()) }
        return numbers
    }
}

// MARK: Reading summaries

extension DatedSeriesSummary {
    /// Reads a summary. Its name is not looked at; an aggregated value that is infinite or null is read as none.
    package init(_ json: JSONField) throws(FieldError) {
        _ = try json.object()
        start = try json["start"].optional?.timestamp()
        end = try json["end"].optional?.timestamp()
        if let start, let end, end < start {
            throw json["end"].refused(
                "is \(end.zuluText), before the start \(start.zuluText); exchange them")
        }
        let bins = try SeriesBins(json["bins"])
        var values: [Double?] = []
        for value in try json["aggregated_values"].array() {
            let number = try value.numberOrInfinity()
            values.append(number.isFinite ? number : nil)
        }
        let missingCount = try json["missing_count"].optional?.integer(in: 0...JSONField.integerMax) ?? 0
        let statistics = json["statistics"]
        let count = try statistics["count"].integer(in: 0...JSONField.integerMax)
        guard missingCount <= count else {
            throw json["missing_count"].refused("is \(missingCount), more than the count of all values")
        }
        let aggregation: Aggregation = try json["aggregation"].word()
        let moments = try Moments(statistics)
        do {
            summary = try SeriesSummary(
                count: count - missingCount, missingCount: missingCount, moments: moments, bins: bins,
                aggregatedValues: values, aggregation: aggregation)
        } catch {
            throw json.refused("is inconsistent: \(error)")
        }
    }
}

extension SeriesBins {
    fileprivate init(_ json: JSONField) throws(FieldError) {
        _ = try json.object()
        let mode = try SeriesBinMode(json["mode"])
        var edges = try json["edges"].numbersOrInfinity()
        if !edges.isEmpty {
            guard edges.removeLast() == .infinity else {
                throw json["edges"].refused("must end with \"INFINITY\", the edge of the last bin")
            }
        }
        let labels = try json["labels"].strings()
        do { try self.init(mode, edges: edges, labels: labels) } catch {
            throw json.refused("is inconsistent: \(error)")
        }
    }
}

// MARK: Summarizers

extension SeriesBinMode {
    /// "None", or an object of one member that is called as the mode is.
    package var json: JSONValue {
        switch self {
        case .none: .string("None")
        case .equal(let count): .object(("Equal", .integer(count)))
        case .quantile(let count): .object(("Quantile", .integer(count)))
        case .quantileWithExplicitOutliers(let count):
            .object(("QuantileWithExplicitOutliers", .integer(count)))
        case .provided(let edges):
            .object(("Provided", .array(edges.map { $0.isFinite ? .number($0) : .infinity })))
        }
    }

    /// Reads what `json` writes. Whether counts and edges can make bins is for `SeriesSettings` and `SeriesBins` to
    /// say.
    package init(_ json: JSONField) throws(FieldError) {
        if json.value == .string("None") {
            self = .none
            return
        }
        guard case .object(let object) = json.value, object.members.count == 1,
            let name = object.members.first?.key
        else { throw Self.unknown(json) }
        switch name {
        case "Equal": self = .equal(try json[name].integer())
        case "Quantile": self = .quantile(try json[name].integer())
        case "QuantileWithExplicitOutliers":
            self = .quantileWithExplicitOutliers(try json[name].integer())
        case "Provided": self = .provided(try json[name].numbersOrInfinity())
        default: throw Self.unknown(json)
        }
    }

    private static func unknown(_ json: JSONField) -> FieldError {
        json.refused(
            "must be \"None\" or an object of one member: {\"Equal\": n}, {\"Quantile\": n}, "
                + "{\"QuantileWithExplicitOutliers\": n} or {\"Provided\": [right edges]}")
    }
}

extension SeriesSettings {
    package var json: JSONValue {
        .object(
            (
                "UnivariateContinuous",
                .object(
                    ("bin_mode", binMode.json), ("aggregation", .string(aggregation.rawValue)),
                    ("metric", .string(metric.rawValue)),
                    ("bin_weights", binWeights.map { .array($0.map { .number($0) }) } ?? .null))
            ))
    }

    /// Reads a summarizer; a member that is not known is refused, and none has a default but the weights.
    package init(_ json: JSONField) throws(FieldError) {
        _ = try json.object()
        let settings = json["UnivariateContinuous"]
        guard settings.isPresent else {
            throw json.refused("must have \"UnivariateContinuous\", the only kind that is evaluated")
        }
        // A misspelled member would be a default that nobody asked for.
        try settings.refuseMembers(otherThan: ["bin_mode", "aggregation", "metric", "bin_weights"])
        let mode = try SeriesBinMode(settings["bin_mode"])
        let aggregation: Aggregation = try settings["aggregation"].word()
        let metric: DriftMetric = try settings["metric"].word()
        let weights = try settings["bin_weights"].optional?.doubles()
        do {
            try self.init(
                binMode: mode, aggregation: aggregation, metric: metric, binWeights: weights)
        } catch {
            throw settings[error.seriesMember].refused("is refused: \(error)")
        }
    }
}

extension SummaryError {
    /// The member of a second-generation summarizer that must change.
    fileprivate var seriesMember: String {
        switch self {
        case .seriesWeightCount, .binWeightNotUsable, .binWeightsSumToZero, .binWeightSumTooLarge:
            "bin_weights"
        default: "bin_mode"
        }
    }
}
