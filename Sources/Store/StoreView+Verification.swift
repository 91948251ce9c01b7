// Does every stored result follow from the log? Each decision's outcome is worked out again, from its
// definition, its baseline and the records up to its cut, and must have the digest that the decision
// states; the document kept beside the log must be the very bytes.
//
// A result whose records were let go was sealed before: it is truth now, and counted apart. One made by
// another version of the engine follows other rules, and is counted apart as well: shown, never an error.
//
// The history is settled when the log as it stands has nothing more to say about windows that were due:
// every one is decided, and its newest decision is what the records give now.
//
// Invariants:
//  * Nothing is appended and nothing changed; a view is of one cut.
//  * Each decision is counted in exactly one of equal, different, sealed and other engine.

import Assays
import EventLog
import Records

/// What verifying found.
package struct Verification: Hashable, Sendable {
    /// A result that does not follow from the log.
    package struct Difference: Hashable, Sendable {
        package let assayID: AssayID
        package let resultID: AssayResultID
        package let window: TimeWindow
        package let revision: Int
        /// What is wrong, as a sentence without its full stop.
        package let problem: String
    }

    package var equalCount = 0
    package var differentCount = 0
    package var sealedCount = 0
    package var otherEngineCount = 0
    /// The first difference, in the order of assays and windows.
    package var first: Difference?
    /// Windows of active assays that were due and wait for a decision, or for a new one.
    package var unsettledCount = 0
    /// Why windows could not be looked at, assay by assay.
    package var problems: [String] = []

    package var decisionCount: Int { equalCount + differentCount + sealedCount + otherEngineCount }
    package var isSettled: Bool { unsettledCount == 0 && problems.isEmpty }

    mutating func note(_ problem: String, _ decision: AssayDecision) {
        differentCount += 1
        if first == nil {
            first = Difference(
                assayID: decision.assayID, resultID: decision.resultID, window: decision.window,
                revision: decision.revision, problem: problem)
        }
    }
}

extension StoreView {
    /// Works out every stored result again and compares.
    ///
    /// - Parameters:
    ///   - grace: how long after its end a window is due.
    ///   - report: called now and then with the decisions looked at so far.
    package func verify(grace: TimeSpan, report: (Int) -> Void = { _ in }) -> Verification {
        var found = Verification()
        for assay in book.list().reversed() {
            for decision in assay.revisions(startingIn: .always) {
                verify(decision, of: assay, &found)
                if found.decisionCount % 256 == 0 { report(found.decisionCount) }
            }
            if assay.isActive { settle(assay, grace, &found) }
        }
        return found
    }

    private func verify(_ decision: AssayDecision, of assay: Assay, _ found: inout Verification) {
        if isSealed(decision) {
            found.sealedCount += 1
            return
        }
        guard decision.engineVersion == AssayEvaluator.engineVersion else {
            found.otherEngineCount += 1
            return
        }
        do {
            let outcome = try outcome(of: decision, assay)
            guard outcome.digest == decision.digest else {
                return found.note(
                    "has the digest \(outcome.digest.hex) when it is worked out again, and "
                        + "\(decision.digest.hex) was decided", decision)
            }
            let document = catalog.document(outcome, of: decision, assay)
            if let kept = keptDocument(of: decision), kept != document {
                return found.note(
                    "is kept in other bytes than those it has when it is worked out again", decision)
            }
            found.equalCount += 1
        } catch {
            found.note("cannot be worked out again: \(error)", decision)
        }
    }

    /// Counts the windows that are due and not decided as the records are now.
    private func settle(_ assay: Assay, _ grace: TimeSpan, _ found: inout Verification) {
        do {
            let scope = try scope(of: assay.definition.window)
            guard snapshot.index.topics[scope.topic] != nil else { return }
            let pass = try AssayPass(assay, self)
            let horizon = sources.now().adding(TimeSpan(microseconds: -grace.microseconds))
            let limit = PassLimit(windowCount: .max, valueCount: .max)
            let due = try pass.outcomes(touching: .always, until: horizon, limit: limit).outcomes
            for window in due {
                let newest = assay.decision(forWindowStartingAt: window.outcome.window.start)
                if let newest, newest.digest == window.outcome.digest || isSealed(newest) { continue }
                found.unsettledCount += 1
            }
        } catch {
            found.problems.append(
                "assay \(assay.id) (\(assay.definition.name)) cannot be looked at: \(error)")
        }
    }
}
