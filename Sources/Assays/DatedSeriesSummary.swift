// A summary of the second generation with the period that its values are from, as requests and answers write it.
//
//     {"name": "out.dense_1.0",
//      "bins": {"mode": {"Quantile": 5}, "edges": [e1, …, "INFINITY"], "labels": ["< 20%", …]},
//      "aggregated_values": [0.2, …], "aggregation": "Density",
//      "statistics": {"count", "min", "max", "mean", "median", "std"}, "start", "end"}
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
    package func json(_ path: IOPath) -> JSONValue { json(called: path.dottedText) }

    func json(called name: String) -> JSONValue {
        var object = JSONObject([
            ("name", .string(name)), ("bins", summary.bins.json),
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

// MARK: Reading

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
