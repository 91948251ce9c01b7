// One assay of the second generation as its events tell it.
//
// It has a number like any assay, by which decisions name it, and a UUID, by which people do. What is
// decided about its windows is kept as for any assay; a window is decided even where it holds no records.
//
// Invariants:
//  * What is decided about its windows is kept by `WindowDecisions`, whose invariants hold here. All windows are
//    equally long, so the newest decisions ascend by the window's end as well.
//  * `lastRun` is the run that the newest window belongs to. At a moment the last run is that of the newest window
//    which has ended, the next one the run after it: what a clock that was ahead decided has not been yet.
//  * Switching it off puts off future runs alone: those that were due then are made all the same.

import Bytes
import JSON
import Records

/// The event that an assay of the second generation was scheduled.
package struct SeriesCreation: Hashable, Sendable {
    package var id: AssayID
    package var uuid: String
    package var definition: SeriesDefinition
    package var at: Timestamp

    package init(id: AssayID, uuid: String, definition: SeriesDefinition, at: Timestamp) {
        self.id = id
        self.uuid = uuid
        self.definition = definition
        self.at = at
    }
}

/// An assay of the second generation: its definition, which does not change, and every decision about its windows.
package struct SeriesAssay: Hashable, Sendable {
    package let id: AssayID
    package let uuid: String
    package let definition: SeriesDefinition
    package private(set) var isActive: Bool
    /// When it was switched off; nil while it is active.
    private var pausedAt: Timestamp?
    /// Whether runs that were due when it was switched off are not made yet.
    package private(set) var hasRunsLeft = false
    package let createdAt: Timestamp
    package private(set) var updatedAt: Timestamp
    /// What was decided about its windows.
    private(set) var decided: WindowDecisions

    init(_ creation: SeriesCreation) {
        id = creation.id
        uuid = creation.uuid
        definition = creation.definition
        isActive = true
        createdAt = creation.at
        updatedAt = creation.at
        decided = WindowDecisions(of: creation.id)
    }

    /// The newest decision of each window, ascending by the window's start.
    package var decisions: DecisionList { decided.newest }

    /// Decisions that a newer one about the same window took the place of.
    package var superseded: DecisionList { decided.superseded }

    /// The last commit that all windows decided so far have been examined for; 0 before the first.
    package var examinedCut: CommitNumber { decided.examinedCut }

    /// Windows that end by then were examined when they were complete, for all commits up to `examinedCut`; those
    /// after it that are decided were so by a clock that was ahead. Nil before the first decision.
    package var examinedUntil: Timestamp? { decided.examinedUntil }

    /// The moment of the last run that was made, also by a clock that was ahead; nil before the first.
    package var lastRun: Timestamp? { decisions.last?.window.end }

    /// The moment of the last run that was made by `now`; nil before the first.
    package func lastRun(by now: Timestamp) -> Timestamp? { decisions.last(endedAt: now)?.window.end }

    /// The moment of the run after it; nil where there is none, or none while it is not active.
    package func nextRun(by now: Timestamp) -> Timestamp? {
        guard isActive else { return nil }
        return definition.schedule.next(after: lastRun(by: now) ?? Timestamp(microseconds: .min))
    }

    /// Runs after this moment are not made.
    package var runsUntil: Timestamp { pausedAt ?? Timestamp(microseconds: .max) }

    mutating func activate(_ isActive: Bool, at moment: Timestamp) {
        // Switched off again, it stays where it was, unless a clock that was ahead had put that into the future.
        pausedAt = isActive ? nil : min(pausedAt ?? moment, moment)
        self.isActive = isActive
        updatedAt = moment
        noteRunsLeft()
    }

    private mutating func noteRunsLeft() {
        guard let pausedAt else {
            hasRunsLeft = false
            return
        }
        let next = definition.schedule.next(after: examinedUntil ?? Timestamp(microseconds: .min))
        hasRunsLeft = next.map { $0 <= pausedAt } ?? false
    }

    /// The newest decision about the window that starts at `start`.
    package func decision(forWindowStartingAt start: Timestamp) -> AssayDecision? {
        decided.decision(forWindowStartingAt: start)
    }

    /// Where in `decisions` those about the windows stand that end in `period`.
    package func positions(endingIn period: TimeWindow) -> Range<Int> {
        let first = decisions.firstPosition { $0.window.end < period.start }
        let end = decisions.firstPosition { $0.window.end < period.end }
        return first..<max(first, end)
    }

    /// How many decisions are about windows that have ended at `moment`.
    package func decisionCount(endedAt moment: Timestamp) -> Int {
        decisions.firstPosition { $0.window.end <= moment }
    }

    /// Every decision about the windows at some positions of `decisions`: by window, then by revision.
    package func revisions(at positions: Range<Int>) -> [AssayDecision] { decided.revisions(at: positions) }

    /// Every decision, the ones that others took the place of first, at most `count` at a time.
    package func revisions(by count: Int) -> some Sequence<[AssayDecision]> {
        [superseded, decisions].lazy.flatMap { list in
            stride(from: 0, to: list.count, by: count).lazy.map {
                list.decisions($0..<min($0 + count, list.count))
            }
        }
    }

    /// How many decisions there are, superseded ones counted.
    package var revisionCount: Int { superseded.count + decisions.count }

    mutating func keep(_ decision: AssayDecision) {
        decided.keep(decision)
        if hasRunsLeft { noteRunsLeft() }
    }

    // MARK: In a checkpoint

    /// Writes what decisions alone made of it.
    func writeDecided(into writer: inout ByteWriter) {
        decided.write(into: &writer)
    }

    /// Reads what `writeDecided` wrote, doubting it.
    mutating func readDecided(from cursor: inout ByteCursor) throws(BytesError) {
        decided = try WindowDecisions(of: id, from: &cursor)
        noteRunsLeft()
    }

    /// As `get` answers it, with how far behind the assay is, where it is, why its windows lack records, where they do,
    /// and what its answers cannot tell apart.
    package func json(backfill: Backfill?, retentionProblem: String? = nil) -> JSONValue {
        var object = JSONObject(
            [("id", .string(uuid)), ("name", .string(definition.name))] + definition.parts
                + [
                    ("created_at", .zulu(createdAt)), ("updated_at", .zulu(updatedAt)),
                    ("active", .bool(isActive)),
                ])
        if let backfill { object.append("backfill", backfill.json) }
        if let retentionProblem { object.append("retention_problem", .string(retentionProblem)) }
        if let problem = definition.targeting.namingProblem {
            object.append("iopath_problem", .string(problem))
        }
        return .object(object)
    }
}
