// A summarizer as requests and answers write it.
//
//     {"type","bin_mode","aggregation","metric","num_bins","bin_weights","provided_edges"}
//
// Choices that are left out are those of the clients: Quantile, Density, PSI, five bins. A choice
// that is not known is refused, as is the multivariate type, which no service ever had. Three
// members (`name`, `bin_width`, `add_outlier_edges`) never had an effect and are dropped: outlier bins
// are always there. Others are refused: a misspelled one would be a default that nobody asked for.
// Provided edges come in ascending order, as the clients send them: others are likelier a mistake than
// meant.
//
// Invariants:
//  * `SummarizerSettings(JSONField(settings.json))` gives back all settings.
//  * A refusal names the member that must change.

import JSON
import Records
import Summaries

extension SummarizerSettings {
    /// All members, defaults too, so that a later default changes nothing that is stored.
    package var json: JSONValue {
        .object(
            ("type", .string("UnivariateContinuous")), ("bin_mode", .string(binMode.rawValue)),
            ("aggregation", .string(aggregation.rawValue)), ("metric", .string(metric.rawValue)),
            ("num_bins", .integer(numBins)),
            ("bin_weights", binWeights.map { .array($0.map { .number($0) }) } ?? .null),
            ("provided_edges", providedEdges.map { .array($0.map { .number($0) }) } ?? .null))
    }

    private static let members = [
        "type", "bin_mode", "aggregation", "metric", "num_bins", "bin_weights", "provided_edges",
    ]

    /// Reads a summarizer. Throws for a member or choice that is not known, and for settings that contradict each
    /// other.
    package init(_ json: JSONField) throws(FieldError) {
        try json.refuseMembers(
            besides: Self.members, passingOver: ["bin_width", "add_outlier_edges", "name"])
        if let type = json["type"].optional, try type.string() != "UnivariateContinuous" {
            throw type.refused(
                "is \"\(try type.string().prefix(64))\"; it must be \"UnivariateContinuous\"")
        }
        let binMode: BinMode = try json["bin_mode"].optional?.word() ?? .quantile
        let aggregation: Aggregation = try json["aggregation"].optional?.word() ?? .density
        let metric: DriftMetric = try json["metric"].optional?.word() ?? .psi
        let numBins = try json["num_bins"].optional?.integer() ?? Self.numBinsDefault
        let binWeights = try json["bin_weights"].optional?.doubles()
        let providedEdges = try json["provided_edges"].optional?.doubles()
        if binMode == .provided, let edges = providedEdges {
            for position in edges.indices.dropFirst() where edges[position] < edges[position - 1] {
                throw json["provided_edges"].refused(
                    "has \(edges[position]) after \(edges[position - 1]); give the edges in ascending order")
            }
        }
        do {
            try self.init(
                binMode: binMode, aggregation: aggregation, metric: metric, numBins: numBins,
                binWeights: binWeights, providedEdges: providedEdges)
        } catch {
            throw json[error.member].refused("is refused: \(error)")
        }
    }
}

extension SummaryError {
    /// The member of a summarizer that must change.
    fileprivate var member: String {
        switch self {
        case .binWeightCount, .binWeightNotUsable, .binWeightsSumToZero, .binWeightSumTooLarge:
            "bin_weights"
        case .providedEdgesMissing, .providedEdgeCount, .providedEdgeNotFinite: "provided_edges"
        default: "num_bins"
        }
    }
}
