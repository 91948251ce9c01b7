// What a result of the second generation does not tell of its outcome, though its digest is over it: kept
// beside a sealed result, so that the two can be held against what was decided when the records are gone.
//
//     {"result_id": 17,
//      "paths": {"out.y": {"baseline": {…}},
//                "out.p": {"baseline": {…}, "status": "NoScore",
//                          "held": {"count": 3, "missing_count": 1, "infinity_count": 3}}}}
//
// A baseline that moves with its windows is in no result, as the contract has no member for it. One that is in
// the definition is left out here as well. A path without a score tells in its result why, in words alone: the
// status and what was counted are here.
//
// Invariants:
//  * A result with its supplement is read back to an outcome of the digest that it was made of.
//  * A supplement contradicts no result: it has no number that the result has.

import JSON
import Records
import Summaries

/// What of an outcome stands beside its sealed result.
package struct SeriesSupplement: Hashable, Sendable {
    /// Of one path.
    struct Part: Hashable, Sendable {
        /// Nil where there was none, and where it is in the definition.
        var baseline: DatedSeriesSummary?
        /// Nil beside a score.
        var status: AssayStatus?
        var held: UnscoredValues?
    }

    /// One a path, in the definition's order.
    let parts: [Part]

    /// What the result of `outcome` leaves out, for an assay of this definition.
    package init(of outcome: SeriesOutcome, _ definition: SeriesDefinition) {
        parts = outcome.findings.map { finding in
            Part(
                baseline: definition.hasMovingBaseline ? finding.baseline : nil,
                status: finding.score == nil ? finding.status : nil, held: finding.held)
        }
    }

    /// The document that stands beside the result of a decision.
    package func json(of resultID: AssayResultID, _ definition: SeriesDefinition) -> JSONValue {
        .object(
            ("result_id", .identifier(resultID)),
            (
                "paths",
                .object(
                    JSONObject(
                        zip(definition.paths, parts).map { path, part in
                            (path.dottedText, part.json(path))
                        }))
            ))
    }

    /// Reads the document that stands beside the result of a decision.
    ///
    /// Throws where it is none, or another result's.
    package init(
        _ document: [UInt8], of resultID: AssayResultID, _ definition: SeriesDefinition
    ) throws {
        let json = JSONField(try JSONValue(parsing: document))
        guard try json["result_id"].integer() == resultID.number else {
            throw json["result_id"].refused("is not \(resultID.number)")
        }
        let paths = json["paths"]
        guard try paths.object().members.map(\.key) == definition.paths.map(\.dottedText) else {
            throw paths.refused("are not those of the assay")
        }
        parts = try paths.members(calledAs: definition.paths).map { try Part($0) }
    }
}

extension SeriesDefinition {
    /// Whether each window has a baseline of its own, of the records before it.
    var hasMovingBaseline: Bool {
        if case .summaries = baseline { false } else { true }
    }
}

extension SeriesSupplement.Part {
    fileprivate func json(_ path: IOPath) -> JSONValue {
        var object = JSONObject([])
        if let baseline { object.append("baseline", baseline.json(path)) }
        if let status { object.append("status", .string(status.rawValue)) }
        if let held {
            object.append(
                "held",
                .object(
                    ("count", .integer(held.count)), ("missing_count", .integer(held.missingCount)),
                    ("infinity_count", .integer(held.infinityCount))))
        }
        return .object(object)
    }

    fileprivate init(_ json: JSONField) throws(FieldError) {
        _ = try json.object()
        if let found = json["baseline"].optional { baseline = try DatedSeriesSummary(found) }
        if let found = json["status"].optional {
            let word: AssayStatus = try found.word()
            guard word == .noData || word == .noScore else {
                throw found.refused("is \(word.rawValue), which is said of a score")
            }
            status = word
        }
        if let found = json["held"].optional {
            let counts = 0...JSONField.integerMax
            held = UnscoredValues(
                count: try found["count"].integer(in: counts),
                missingCount: try found["missing_count"].integer(in: counts),
                infinityCount: try found["infinity_count"].integer(in: counts))
        }
    }
}
