// That a window was analysed: what the log keeps of it.
//
// The outcome itself can be worked out again at any time from definition, baseline and the records
// up to `cut`; the decision holds what cannot: when it was done, why, what the log held then, which
// numbers it was given, and the digest that the outcome must have again.
//
// A window may be analysed several times, when late records reach it or its definition changes.
// Each time is a revision with a result number of its own; the newest is what lists show, and the
// earlier ones stay in the log, for people acted on them.
//
// Invariants:
//  * `AssayDecision(JSONField(decision.json))` gives back every decision. A window may stand where
//    the records' clocks were wrong, in years that have no text; so its bounds are numbers.
//  * Result numbers rise in the order of the log, over all assays.
//  * The revisions of one window count from 1.

import JSON
import Records

/// Why a window was analysed.
package enum DecisionReason: String, Hashable, Sendable, CaseIterable {
    /// It had become complete.
    case complete
    /// It was complete before the assay was created or activated.
    case backfill
    /// Records came that belong to it, after it had been analysed.
    case late
    /// Thresholds changed.
    case definition
    /// The rules from values to outcome changed, and somebody asked.
    case engine
}

/// One window analysed, of an assay of either generation: both take their result numbers from one count.
package struct AssayDecision: Hashable, Sendable {
    package var assayID: AssayID
    package var resultID: AssayResultID
    package var window: TimeWindow
    /// Of the window, from 1.
    package var revision: Int
    /// Of the assay's definition, from 1.
    package var definitionRevision: Int
    package var reason: DecisionReason
    package var status: AssayStatus
    /// The last commit that was seen: the records of this and all earlier commits are in the outcome.
    package var cut: CommitNumber
    /// Up to this commit, all windows of the assay that were decided before have been examined; at
    /// most `cut`, and less while late records wait to come to rest. After a restart the assay is
    /// looked at again from here on.
    package var examinedCut: CommitNumber
    /// The rules that the outcome was worked out by: `AssayEvaluator`'s or `SeriesOutcome`'s, which count apart.
    package var engineVersion: Int
    /// What the outcome's digest must be again when it is worked out from the records up to `cut`.
    package var digest: ResultDigest
    /// When the pass over the assay began; the windows analysed in one pass share it.
    package var runAt: Timestamp
    /// The clock when the outcome was there, less what that took.
    package var analysedAt: Timestamp
    /// This window's share of the work: windows are worked out several at a time.
    package var elapsedMilliseconds: Int

    /// More than a million years: no analysis takes so long, and a microsecond count still holds it.
    static let elapsedMillisecondsMax = 1 << 50

    /// When the result came to be: the analysis and what it took. Written down nowhere but in results that are
    /// sealed, and so for ever this sum.
    package var createdAt: Timestamp {
        analysedAt.adding(TimeSpan(microseconds: Int64(elapsedMilliseconds) * 1000))
    }

    /// The event's document. `examined_cut` is left out where it is the cut; the order of the members is what the fast
    /// reader (WrittenDecision.swift) relies on.
    package var json: JSONValue {
        var object = JSONObject([
            ("kind", .string("window_analysed")), ("assay_id", .identifier(assayID)),
            ("result_id", .identifier(resultID)),
            ("window_start_microseconds", .integer(window.start.microseconds)),
            ("window_end_microseconds", .integer(window.end.microseconds)),
            ("revision", .integer(revision)),
            ("definition_revision", .integer(definitionRevision)),
            ("reason", .string(reason.rawValue)), ("status", .string(status.rawValue)),
            ("cut", .integer(cut)), ("engine_version", .integer(engineVersion)),
            ("digest", .string(digest.hex)), ("run_at", .zulu(runAt)),
            ("analyzed_at", .zulu(analysedAt)), ("elapsed_millis", .integer(elapsedMilliseconds)),
        ])
        if examinedCut != cut { object.append("examined_cut", .integer(examinedCut)) }
        return .object(object)
    }
}

extension AssayDecision {
    /// Reads an event's document by its members' names, in any order; `kind` is not looked at.
    package init(_ json: JSONField) throws(FieldError) {
        let start = try json["window_start_microseconds"].integer()
        let end = try json["window_end_microseconds"].integer()
        guard start < end else {
            throw json["window_end_microseconds"].refused("is not after the start")
        }
        let hex = try json["digest"].string()
        guard let digest = ResultDigest(hex: hex) else {
            throw json["digest"].refused("is not 64 lower-case hexadecimal digits")
        }
        let cut = try json["cut"].commit()
        let examinedCut = try json["examined_cut"].optional?.commit() ?? cut
        guard examinedCut <= cut else { throw json["examined_cut"].refused("is above the cut") }
        self.init(
            assayID: try json["assay_id"].identifier(),
            resultID: try json["result_id"].identifier(),
            window: TimeWindow(
                start: Timestamp(microseconds: Int64(start)),
                end: Timestamp(microseconds: Int64(end))),
            revision: try json["revision"].integer(in: 1...JSONField.integerMax),
            definitionRevision: try json["definition_revision"]
                .integer(in: 1...JSONField.integerMax),
            reason: try json["reason"].word(), status: try json["status"].word(),
            cut: cut, examinedCut: examinedCut,
            engineVersion: try json["engine_version"].integer(),
            digest: digest, runAt: try json["run_at"].timestamp(),
            analysedAt: try json["analyzed_at"].timestamp(),
            elapsedMilliseconds: try json["elapsed_millis"]
                .integer(in: 0...Self.elapsedMillisecondsMax))
    }
}

extension JSONField {
    /// A commit's number.
    func commit() throws(FieldError) -> UInt64 {
        guard let commit = UInt64(exactly: try integer()) else {
            throw refused("must not be negative")
        }
        return commit
    }
}
