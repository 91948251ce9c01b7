// An outcome as answers show it: with the assay's number, and when it was worked out.
//
//     {"id","assay_id","window_start","analyzed_at","elapsed_millis","pipeline_id",
//      "baseline_summary","window_summary","warning_threshold","alert_threshold","score","scores",
//      "bin_index","summarizer","status","created_at"}
//
// An interactive run has no `id`, no `pipeline_id` and no `created_at`: null, but there, because
// clients read the keys. Stored results have all of them, and with them, as the later generation
// wrote them, `workspace_id` and `workspace_name` after `pipeline_id`.
//
// Invariants:
//  * The keys come in the recorded order.
//  * A result without a score has the contract's status "Warning", and at the end says which of ours it is, in
//    `unscored`, and why, in `absence`; others have no such keys.
//  * `noise`, ours, follows the contract's keys: {"mean","line_95","too_few_records"}, the score that
//    sampling noise alone explains (NoiseLine), or null where there is none. It follows from the
//    outcome, so no digest holds it.

import JSON
import Records
import Summaries

/// An outcome with the numbers and moments under which an answer shows it.
package struct AssayResult: Hashable, Sendable {
    package var outcome: AssayOutcome
    /// The stored result's number; nil for an interactive run.
    package var id: AssayResultID?
    /// The assay's number, or the number that an interactive request gave.
    package var assayID: AssayID?
    /// Nil for an interactive run.
    package var pipelineID: PipelineID?
    /// With its name, or nil to leave both keys out.
    package var workspace: (id: WorkspaceID, name: String)? {
        get { workspaceID.flatMap { id in workspaceName.map { (id, $0) } } }
        set { (workspaceID, workspaceName) = (newValue?.id, newValue?.name) }
    }
    private var workspaceID: WorkspaceID?
    private var workspaceName: String?
    package var analysedAt: Timestamp
    package var elapsedMilliseconds: Int
    /// When the stored result came to be; nil for an interactive run.
    package var createdAt: Timestamp?

    /// An interactive run's result.
    package init(
        _ outcome: AssayOutcome, assayID: AssayID?, analysedAt: Timestamp,
        elapsedMilliseconds: Int
    ) {
        self.outcome = outcome
        self.assayID = assayID
        self.analysedAt = analysedAt
        self.elapsedMilliseconds = elapsedMilliseconds
    }

    /// A stored result: the outcome that a decision is about.
    package init(_ outcome: AssayOutcome, of decision: AssayDecision, pipelineID: PipelineID) {
        self.init(
            outcome, assayID: decision.assayID, analysedAt: decision.analysedAt,
            elapsedMilliseconds: decision.elapsedMilliseconds)
        id = decision.resultID
        self.pipelineID = pipelineID
        createdAt = decision.createdAt
    }

    /// As a tree; `AssayResultWriter` prints the same text without one.
    package var json: JSONValue {
        var object = JSONObject([
            ("id", .identifier(id)), ("assay_id", .identifier(assayID)),
            ("window_start", .zulu(outcome.window.start)), ("analyzed_at", .zulu(analysedAt)),
            ("elapsed_millis", .integer(elapsedMilliseconds)),
            ("pipeline_id", .identifier(pipelineID)),
        ])
        if let workspace {
            object.append("workspace_id", .identifier(workspace.id))
            object.append("workspace_name", .string(workspace.name))
        }
        object.append("baseline_summary", outcome.baseline.json)
        object.append("window_summary", outcome.summary.json)
        object.append("warning_threshold", .number(outcome.thresholds.warning))
        object.append("alert_threshold", .number(outcome.thresholds.alert))
        object.append("score", .number(outcome.score))
        object.append("scores", .array(outcome.scores.map { .number($0) }))
        object.append("bin_index", outcome.binIndex.map { .integer($0) } ?? .null)
        object.append("summarizer", outcome.summarizer.json)
        object.append("status", .string(outcome.status.inContract.rawValue))
        object.append("created_at", .zulu(createdAt))
        object.append("noise", outcome.noiseJSON)
        if let absence = outcome.absence {
            object.append("unscored", .string(outcome.status.rawValue))
            object.append("absence", .string(absence))
        }
        return .object(object)
    }
}

extension AssayOutcome {
    var noiseJSON: JSONValue {
        guard let noise else { return .null }
        return .object(
            ("mean", .number(noise.mean)), ("line_95", .number(noise.line95)),
            ("too_few_records", .bool(noise.hasTooFewRecords(alertThreshold: thresholds.alert))))
    }
}
