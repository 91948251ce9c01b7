// How far an assay is behind: windows that are complete and that nobody has looked at yet.
//
// An assay that is created or switched on has the past before it, and a process that was down has what
// became complete meanwhile. Beside the contract's members, answers say how far that has come, as long as
// it lasts; an assay that is not behind has no such member. One that is kept from windows says by what, also from
// those that late records reached after they were looked at.
//
// Invariants:
//  * Windows are counted on the assay's grid, empty ones too, up to the newest record: what is behind that holds
//    nothing to look at, however long ago it came.
//  * As many are done as lie before the first that nobody looked at, but for those it is kept from looking at again;
//    never more than are due.

import JSON
import Records

/// How many of an assay's windows are looked at, of how many that are due.
package struct Backfill: Hashable, Sendable {
    /// Windows before the first that nobody looked at, empty ones too; without those that it is kept from looking at
    /// again.
    package var doneCount: Int
    /// Complete windows up to the newest record; nil where nobody can say, because of `problem`.
    package var dueCount: Int?
    /// Why it does not go on, where something is wrong.
    package var problem: String?

    package init(doneCount: Int, dueCount: Int?, problem: String? = nil) {
        self.doneCount = doneCount
        self.dueCount = dueCount
        self.problem = problem
    }

    /// Windows yet to be looked at; 0 where nobody can say how many are due.
    package var waitingCount: Int { max(0, (dueCount ?? 0) - doneCount) }

    package var json: JSONValue {
        var object = JSONObject([
            ("windows_done", .integer(doneCount)),
            ("windows_due", dueCount.map { .integer($0) } ?? .null),
        ])
        if let problem { object.append("problem", .string(problem)) }
        return .object(object)
    }
}

extension SeriesAssay {
    /// Runs counted at most where they lie behind: more may not be due when an assay is scheduled.
    private static let waitingCountMax = 100_000

    /// How far the runs up to `horizon` have come. A single run that fell due after the assay was created
    /// or switched on is no backfill: the scheduler is about to make it.
    ///
    /// - Parameter problem: what keeps it from runs, new ones or such that late records reached; nil where
    ///   nothing does.
    package func backfill(through horizon: Timestamp, problem: String? = nil) -> Backfill? {
        guard isActive || hasRunsLeft else { return nil }
        let horizon = min(horizon, runsUntil)
        let last = lastRun ?? Timestamp(microseconds: .min)
        var waitingCount = 0
        var isBehind = false
        if let next = definition.schedule.next(after: last), next <= horizon {
            waitingCount = definition.schedule.runCount(
                after: last, through: horizon, limit: Self.waitingCountMax)
            isBehind = next <= updatedAt || waitingCount > 1
        }
        guard isBehind || problem != nil else { return nil }
        return Backfill(
            doneCount: decisions.count, dueCount: decisions.count + waitingCount, problem: problem)
    }
}
