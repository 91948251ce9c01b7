// One assay as its events tell it, and the document that lists show of it.
//
// `last_run`, `next_run` and `status` follow from the decisions: the last run is the pass that
// made the newest decision; the status counts what that pass found; the next run is due when the
// window after the newest analysed one that has ended ends, and before the first run at the assay's creation. A
// pass that found no occupied window leaves no decision, and so no trace here. Nor is a pass told of whose moment
// is yet to come: a clock that was ahead made it.
//
// Invariants:
//  * What is decided about its windows is kept by `WindowDecisions`, whose invariants hold here.
//  * A decision is about the definition that held then: `definition(ofRevision:)` gives each back.
//  * The report counts exactly the decisions of the last run, at a moment of the last one that began by then.

import Bytes
import JSON
import Records

/// What the last pass over an assay found.
package struct RunReport: Hashable, Sendable {
    /// When the pass began: the `runAt` that its decisions share.
    package let runAt: Timestamp
    package internal(set) var okCount = 0
    package internal(set) var warningCount = 0
    package internal(set) var alertCount = 0
    /// Windows without a score.
    package internal(set) var noScoreCount = 0

    init(runAt: Timestamp) { self.runAt = runAt }

    mutating func count(_ status: AssayStatus) {
        switch status {
        case .ok: okCount += 1
        case .warning: warningCount += 1
        case .alert: alertCount += 1
        case .noData, .noScore: noScoreCount += 1
        case .baselineRun: break
        }
    }

    /// The text that `status` shows: JSON as the service wrote it by hand, two spaces included.
    package var text: String {
        "{\"run_at\": \"\(runAt.offsetText)\",  \"num_ok\": \(okCount), "
            + "\"num_warnings\": \(warningCount), \"num_alerts\": \(alertCount)"
            + (noScoreCount > 0 ? ", \"num_no_score\": \(noScoreCount)}" : "}")
    }
}

/// An assay of the first generation: its definition, and every decision made about its windows.
package struct Assay: Hashable, Sendable {
    package let id: AssayID
    package private(set) var definition: AssayDefinition
    /// From 1; each change of the definition adds one.
    package private(set) var definitionRevision: Int
    /// What the thresholds were from an earlier revision on, ascending; thresholds are all that changes.
    private var earlierThresholds: [EarlierThresholds] = []
    package private(set) var isActive: Bool
    package let createdAt: Timestamp
    package private(set) var updatedAt: Timestamp
    /// The calculated baseline as it was first used; nil until then. It stays, also where a clock that was ahead and not
    /// doubted used it before its period was over: decisions follow from it.
    package internal(set) var pin: BaselinePin?
    /// Of the pass that made the newest decision, whenever that was; nil before the first run.
    private var newestReport: RunReport?
    /// What was decided about its windows.
    private(set) var decided: WindowDecisions

    private struct EarlierThresholds: Hashable, Sendable {
        var sinceRevision: Int
        var thresholds: AssayThresholds
    }

    init(_ creation: AssayCreation) {
        id = creation.id
        definition = creation.definition
        definitionRevision = 1
        isActive = creation.isActive
        createdAt = creation.at
        updatedAt = creation.at
        decided = WindowDecisions(of: creation.id)
    }

    /// What the newest pass found that began by `now`; nil where none did. Costs a look at all decisions where the
    /// newest was made by a clock that was ahead.
    package func report(by now: Timestamp) -> RunReport? {
        guard let newestReport, newestReport.runAt > now else { return newestReport }
        var found: RunReport?
        var number = AssayResultID(0)
        for decision in [superseded, decisions].joined() where decision.runAt <= now {
            if found?.runAt != decision.runAt {
                // Numbers rise from pass to pass.
                guard decision.resultID > number else { continue }
                found = RunReport(runAt: decision.runAt)
            }
            number = max(number, decision.resultID)
            found?.count(decision.status)
        }
        return found
    }

    /// When the newest pass began that made a decision by `now`; nil before the first.
    package func lastRun(by now: Timestamp) -> Timestamp? { report(by: now)?.runAt }

    /// The end of the window after the newest decided one that had ended by `now`; before the first, when the assay
    /// was created.
    package func nextRun(by now: Timestamp) -> Timestamp {
        decisions.last(endedAt: now)?.window.end.adding(definition.window.step) ?? createdAt
    }

    /// "created" before the first run, then the report's text.
    private static func status(_ report: RunReport?) -> String { report?.text ?? "created" }

    // MARK: What it is

    mutating func activate(_ isActive: Bool, at moment: Timestamp) {
        self.isActive = isActive
        updatedAt = moment
    }

    mutating func change(_ change: ThresholdChange) {
        // Folded again, it changes nothing.
        if change.definitionRevision > definitionRevision {
            earlierThresholds.append(
                EarlierThresholds(
                    sinceRevision: definitionRevision, thresholds: definition.thresholds))
            definitionRevision = change.definitionRevision
        }
        definition.thresholds = change.thresholds
        updatedAt = change.at
    }

    /// The definition as it was when decisions of `revision` were made.
    package func definition(ofRevision revision: Int) -> AssayDefinition {
        guard revision < definitionRevision,
            let earlier = earlierThresholds.last(where: { $0.sinceRevision <= revision })
        else { return definition }
        var old = definition
        old.thresholds = earlier.thresholds
        return old
    }

    // MARK: Decisions

    /// The newest decision of each window, ascending by the window's start.
    package var decisions: DecisionList { decided.newest }

    /// Decisions that a newer one about the same window took the place of.
    package var superseded: DecisionList { decided.superseded }

    /// The last commit that all windows decided so far have been examined for; 0 before the first.
    package var examinedCut: CommitNumber { decided.examinedCut }

    /// Windows that end by then were examined when they were complete, for all commits up to `examinedCut`; those
    /// after it that are decided were so by a clock that was ahead. Nil before the first decision.
    package var examinedUntil: Timestamp? { decided.examinedUntil }

    /// The earliest moment of a decision that was made when windows which end later had been decided; nil where no
    /// clock went back.
    package var contradictedAt: Timestamp? { decided.contradictedAt }

    /// The newest decision about the window that starts at `start`.
    package func decision(forWindowStartingAt start: Timestamp) -> AssayDecision? {
        decided.decision(forWindowStartingAt: start)
    }

    /// What of `period` holds the starts of windows that have ended at `now`: others were decided by a clock that was
    /// ahead, and are not there yet.
    package func complete(_ period: TimeWindow, by now: Timestamp) -> TimeWindow {
        let width = definition.window.width.span.microseconds
        let end = min(period.end, now.adding(TimeSpan(microseconds: 1 - width)))
        return TimeWindow(start: period.start, end: max(period.start, end))
    }

    /// The newest decisions about the windows that start in `period`, ascending.
    package func decisions(startingIn period: TimeWindow) -> [AssayDecision] {
        decisions.decisions(positions(startingIn: period))
    }

    /// Every decision about the windows that start in `period`: by window, then by revision.
    package func revisions(startingIn period: TimeWindow) -> [AssayDecision] {
        decided.revisions(at: positions(startingIn: period))
    }

    private func positions(startingIn period: TimeWindow) -> Range<Int> {
        let first = decided.position(startingAtOrAfter: period.start)
        return first..<decided.position(startingAtOrAfter: period.end)
    }

    mutating func keep(_ decision: AssayDecision) {
        decided.keep(decision)
        if newestReport?.runAt != decision.runAt { newestReport = RunReport(runAt: decision.runAt) }
        newestReport?.count(decision.status)
    }

    // MARK: In a checkpoint

    /// Writes what decisions alone made of it.
    func writeDecided(into writer: inout ByteWriter) {
        decided.write(into: &writer)
        writer.write(UInt8(newestReport == nil ? 0 : 1))
        guard let report = newestReport else { return }
        writer.writeZigzag(report.runAt.microseconds)
        for count in [report.okCount, report.warningCount, report.alertCount, report.noScoreCount] {
            writer.writeVarint(count)
        }
    }

    /// Reads what `writeDecided` wrote, doubting it.
    mutating func readDecided(from cursor: inout ByteCursor) throws(BytesError) {
        decided = try WindowDecisions(of: id, from: &cursor)
        guard try cursor.read(UInt8.self) != 0 else { return newestReport = nil }
        var report = RunReport(runAt: Timestamp(microseconds: try cursor.readZigzag()))
        report.okCount = try cursor.readCount(limit: .max)
        report.warningCount = try cursor.readCount(limit: .max)
        report.alertCount = try cursor.readCount(limit: .max)
        report.noScoreCount = try cursor.readCount(limit: .max)
        newestReport = report
    }

    // MARK: As JSON

    /// A member of `assays/list`. `workspaceName` is the catalogue's, or nil where it is not known.
    ///
    /// - Parameters:
    ///   - now: the clock, from which the last run and the next one follow.
    ///   - backfill: how far behind the assay is, shown where it is.
    ///   - retentionProblem: why windows or a baseline lack records, shown where they do.
    package func listJSON(
        workspaceName: String?, at now: Timestamp, backfill: Backfill? = nil, retentionProblem: String? = nil
    ) -> JSONValue {
        .object(listing(workspaceName, now, backfill, retentionProblem))
    }

    /// The answer to `assays/get_assay_by_id`: the list's member and when the assay was created.
    package func detailJSON(
        workspaceName: String?, at now: Timestamp, backfill: Backfill? = nil, retentionProblem: String? = nil
    ) -> JSONValue {
        var object = listing(workspaceName, now, backfill, retentionProblem)
        object.append("created_at", .zulu(createdAt))
        return .object(object)
    }

    /// A member of `assays/filter`: the whole configuration. Its moments are as answers say them, at `now`.
    package func configurationJSON(workspaceName: String?, at now: Timestamp) -> JSONValue {
        let report = report(by: now)
        return .object(
            ("id", .identifier(id)), ("name", .string(definition.name)),
            ("pipeline_id", .identifier(definition.pipelineID)),
            ("pipeline_name", .string(definition.pipelineName)), ("active", .bool(isActive)),
            ("status", .string(Self.status(report))), ("baseline", definition.baseline.json),
            ("window", definition.window.json), ("summarizer", definition.summarizer.json),
            ("warning_threshold", .number(definition.thresholds.warning)),
            ("alert_threshold", .number(definition.thresholds.alert)),
            ("created_at", .zulu(createdAt)),
            ("last_window_start", .zulu(decisions.last(endedAt: now)?.window.start)),
            ("run_until", .zulu(definition.runUntil)), ("last_run", .zulu(report?.runAt)),
            ("workspace_id", .identifier(definition.workspaceID)),
            ("workspace_name", .string(workspaceName ?? definition.workspaceName)))
    }

    /// Whether a window that shares a moment with `period` is past a threshold.
    package func drifted(in period: TimeWindow) -> Bool {
        // No window that starts earlier reaches into the period: all are equally wide.
        let start = period.start.adding(TimeSpan(microseconds: -definition.window.width.span.microseconds))
        return decisions(startingIn: TimeWindow(start: start, end: period.end)).contains { decision in
            (decision.status == .alert || decision.status == .warning)
                && decision.window.start < period.end && period.start < decision.window.end
        }
    }

    private func listing(
        _ workspaceName: String?, _ now: Timestamp, _ backfill: Backfill?, _ retentionProblem: String?
    ) -> JSONObject {
        let report = report(by: now)
        var object = JSONObject([
            ("id", .identifier(id)), ("name", .string(definition.name)),
            ("active", .bool(isActive)),
            ("status", .string(Self.status(report))),
            ("warning_threshold", .number(definition.thresholds.warning)),
            ("alert_threshold", .number(definition.thresholds.alert)),
            ("pipeline_id", .identifier(definition.pipelineID)),
            ("pipeline_name", .string(definition.pipelineName)),
            ("last_run", .offset(report?.runAt)), ("next_run", .offset(nextRun(by: now))),
            ("run_until", .offset(definition.runUntil)), ("updated_at", .offset(updatedAt)),
            ("baseline", definition.baseline.json), ("window", definition.window.json),
            ("summarizer", definition.summarizer.json),
            ("workspace_id", .identifier(definition.workspaceID)),
            ("workspace_name", .string(workspaceName ?? definition.workspaceName)),
        ])
        if let backfill { object.append("backfill", backfill.json) }
        if let retentionProblem { object.append("retention_problem", .string(retentionProblem)) }
        return object
    }
}
