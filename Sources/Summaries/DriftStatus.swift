// What a score means to the people who set its thresholds.
//
// Invariants:
//  * A threshold of the first generation is passed only by a score strictly above it; one of the
//    second, by a score that reaches it.
//  * No score has no status: what could not be compared is never "Ok".

/// The status of a score; raw values are the names on the wire, where there are statuses without a score as well.
package enum DriftStatus: String, Sendable, Hashable, CaseIterable {
    case ok = "Ok"
    case warning = "Warning"
    case alert = "Alert"

    /// The status of a score under its thresholds; an absent threshold is never passed.
    ///
    /// Nil where the score is nil: the caller must say so, and has `DriftScore.absence` to say why.
    package static func of(
        score: Double?, alertThreshold: Double?, warningThreshold: Double?
    ) -> DriftStatus? {
        of(score, alertThreshold, warningThreshold, passes: >)
    }

    /// The status of a score as the second generation of assays has it: at a threshold is past it.
    package static func reaching(
        score: Double?, alertThreshold: Double?, warningThreshold: Double?
    ) -> DriftStatus? {
        of(score, alertThreshold, warningThreshold, passes: >=)
    }

    private static func of(
        _ score: Double?, _ alertThreshold: Double?, _ warningThreshold: Double?,
        passes: (_ score: Double, _ threshold: Double) -> Bool
    ) -> DriftStatus? {
        guard let score, !score.isNaN else { return nil }
        // Our mistake if it happens: nothing is above NaN, so every window would look fine.
        precondition(
            alertThreshold?.isNaN != true && warningThreshold?.isNaN != true,
            "A threshold is a number.")
        if let alertThreshold, passes(score, alertThreshold) { return .alert }
        if let warningThreshold, passes(score, warningThreshold) { return .warning }
        return .ok
    }
}
