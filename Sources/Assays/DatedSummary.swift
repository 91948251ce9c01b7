// A summary with the period that its values are from, and how both are written in requests,
// answers and events.
//
//     {"count","min","max","mean","median","std","edges":[e0,…,ek,null],"edge_names",
//      "aggregated_values","aggregation","start","end"}
//
// `null` closes the edges: the right outlier's, which has no end. `missing_count` (nulls and NaN)
// and `infinity_count` follow only where they are not zero, so that ordinary summaries have the
// recorded shape and no value is lost in silence.
//
// A period is the one that was asked for, not that of the first and last value; its end may lie in
// the future. A baseline given as a vector has none.
//
// Invariants:
//  * `DatedSummary(JSONField(summary.json))` gives back every summary.
//  * What is read has edges that ascend after the first, and as many names and values as they make
//    bins. The first may lie above the next: it is a minimum put before edges that a user gave.
//  * Where both are there, `start` is before `end` or equal.

import JSON
import Records
import Summaries

/// A summary and the period that its values are from, as far as that is known.
package struct DatedSummary: Hashable, Sendable {
    package let summary: Summary
    package let start: Timestamp?
    package let end: Timestamp?

    package init(_ summary: Summary, over period: TimeWindow?) {
        self.summary = summary
        start = period?.start
        end = period?.end
    }

    /// Nil unless both ends are known.
    package var period: TimeWindow? {
        guard let start, let end else { return nil }
        return TimeWindow(start: start, end: end)
    }

    /// As answers and events write it: a null closes the edges, and counts of what is missing follow where there
    /// are any.
    package var json: JSONValue {
        var object = JSONObject(
            [("count", .integer(summary.count))] + summary.moments.members + [
                ("edges", .array(closedEdges)),
                ("edge_names", .array(summary.edgeNames.map { .string($0) })),
                ("aggregated_values", .array(summary.aggregatedValues.map { .number($0) })),
                ("aggregation", .string(summary.aggregation.rawValue)),
                ("start", .zulu(start)), ("end", .zulu(end)),
            ])
        if summary.missingCount > 0 {
            object.append("missing_count", .integer(summary.missingCount))
        }
        if summary.infinityCount > 0 {
            object.append("infinity_count", .integer(summary.infinityCount))
        }
        return .object(object)
    }

    private var closedEdges: [JSONValue] {
        summary.edges.isEmpty ? [] : summary.edges.map { .number($0) } + [.null]
    }
}

// MARK: Reading

extension DatedSummary {
    /// Reads a summary. Statistics and `edge_names` may be missing: the tutorial's table of the
    /// fields leaves out some, and names of the window's kind are made for them.
    package init(_ json: JSONField) throws(FieldError) {
        _ = try json.object()
        start = try json.first(of: "start", "start_at").optional?.timestamp()
        end = try json.first(of: "end", "end_at").optional?.timestamp()
        if let start, let end, end < start {
            throw json.first(of: "end", "end_at").refused(
                "is \(end.zuluText), before the start \(start.zuluText); exchange them")
        }
        let edges = try Self.edges(json["edges"])
        let names = try json["edge_names"].optional?.strings() ?? BinNames.ofWindow(edges)
        let values = try json["aggregated_values"].optionalDoubles()
        let count = try json["count"].integer()
        let missingCount = try json["missing_count"].optional?.integer() ?? 0
        let infinityCount = try json["infinity_count"].optional?.integer() ?? 0
        let moments = try Moments(json)
        let aggregation: Aggregation = try json["aggregation"].word()
        do {
            summary = try Summary(
                count: count, missingCount: missingCount, infinityCount: infinityCount, moments: moments,
                edges: edges, edgeNames: names, aggregatedValues: values, aggregation: aggregation)
        } catch {
            throw json.refused("is inconsistent: \(error)")
        }
    }

    /// The finite edges. The last member is null, or the greatest double, which older services
    /// printed for it.
    private static func edges(_ json: JSONField) throws(FieldError) -> [Double] {
        let members = try json.array()
        guard let last = members.last else { return [] }
        let isClosed =
            last.value == .null
            || ((try? last.double()) ?? 0) == Double.greatestFiniteMagnitude
        guard isClosed else {
            throw json.refused("must end with null, the edge of the right outlier")
        }
        var edges: [Double] = []
        for member in members.dropLast() {
            let edge = try member.double()
            guard edges.count < 2 || edges[edges.count - 1] <= edge else {
                throw member.refused("is \(edge), less than the edge before it; sort the edges")
            }
            edges.append(edge)
        }
        return edges
    }
}
