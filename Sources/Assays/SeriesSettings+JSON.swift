// A summarizer of the second generation as requests and answers write it.
//
//     {"UnivariateContinuous": {"bin_mode": {"Quantile": 5}, "aggregation", "metric", "bin_weights"}}
//
// JSON has no infinity: the edge of the last bin, here and in summaries, is the text "INFINITY".
//
// Invariants:
//  * What is written is read back equal.
//  * A refusal names the member that must change.

import JSON
import Summaries

extension JSONValue {
    /// Infinity as this API writes it, for JSON has no number for it.
    static let infinity = JSONValue.string("INFINITY")
}

extension JSONField {
    /// A finite number, or infinity in this API's spelling; null is how the first generation wrote that.
    func numberOrInfinity() throws(FieldError) -> Double {
        switch value {
        case .string("INFINITY"), .null: return .infinity
        case .number: return try double()
        default: throw refused("must be a finite number or \"INFINITY\"")
        }
    }

    func numbersOrInfinity() throws(FieldError) -> [Double] {
        var numbers: [Double] = []
        for element in try array() { numbers.append(try element.numberOrInfinity()) }
        return numbers
    }
}

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
        case "Provided": self = .provided(try Self.edges(json[name]))
        default: throw Self.unknown(json)
        }
    }

    /// Edges that are given; null is infinity, as elsewhere, where infinity may be: at the end.
    private static func edges(_ json: JSONField) throws(FieldError) -> [Double] {
        for edge in try json.array().dropLast() where !edge.isPresent {
            throw edge.refused("is null; give finite numbers, and \"INFINITY\" or null as the last alone")
        }
        return try json.numbersOrInfinity()
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
        try settings.refuseMembers(besides: ["bin_mode", "aggregation", "metric", "bin_weights"])
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
