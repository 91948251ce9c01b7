// Outcomes of the second generation as answers show them.
//
//     {"id","assay_id","analyzed_at","elapsed_millis","scores","status","summaries","window_end",
//      "window_start","created_at","updated_at","workspace_id","workspace_name","pipeline_id",
//      "warning_threshold","alert_threshold"}
//
//     scores      {path: {"score","scores","bin_index","noise"}} or {path: why there is no score}
//     summaries   {path: summary}, without the paths that have no score; empty for an empty window
//
// The keys are exactly these, because clients refuse others; within a score they do not, so what noise alone
// would score stands there, as {"mean","line_95","too_few_records"}, where its law says anything. The contract
// knows three statuses; a window that could not be judged is shown as "Warning", for it is not "Ok" and nothing
// drifted. The thresholds are those of the first path, the only one that clients which show them have. Revisions of
// one window differ in `id`, which rises with them, and in their moments; no key says which is which.
//
// A preview has no status and no thresholds, ends without a start, and shows minimal summaries. It is of
// no assay: its number is 0 and its assay the nil UUID.

import JSON
import Records
import Summaries

/// An outcome with what an answer says beside it; a stored one's moments are its decision's.
package struct SeriesResult: Hashable, Sendable {
    package var outcome: SeriesOutcome
    package var analysedAt: Timestamp
    package var elapsedMilliseconds: Int
    package var pipelineID: PipelineID
    package var workspaceID: WorkspaceID
    package var workspaceName: String

    package init(
        _ outcome: SeriesOutcome, analysedAt: Timestamp, elapsedMilliseconds: Int,
        pipelineID: PipelineID, workspaceID: WorkspaceID, workspaceName: String
    ) {
        self.outcome = outcome
        self.analysedAt = analysedAt
        self.elapsedMilliseconds = elapsedMilliseconds
        self.pipelineID = pipelineID
        self.workspaceID = workspaceID
        self.workspaceName = workspaceName
    }

    private static let nilUUID = "00000000-0000-0000-0000-000000000000"

    /// The result of a preview: number 0, the nil UUID, no status, no start, no thresholds.
    package var previewJSON: JSONValue {
        .object(
            ("id", .integer(0)), ("assay_id", .string(Self.nilUUID)),
            ("analyzed_at", .zulu(analysedAt)), ("elapsed_millis", .integer(elapsedMilliseconds)),
            ("scores", outcome.scoresJSON),
            ("summaries", outcome.summariesJSON { $0.minimalJSON }),
            ("window_end", .zulu(outcome.window.end)),
            ("workspace_id", .identifier(workspaceID)), ("workspace_name", .string(workspaceName)),
            ("pipeline_id", .identifier(pipelineID)))
    }

    /// The stored result of a decision about an assay whose UUID is `uuid`.
    package func json(of decision: AssayDecision, _ uuid: String) -> JSONValue {
        let thresholds = outcome.findings.first?.target.thresholds
        return .object(
            ("id", .identifier(decision.resultID)), ("assay_id", .string(uuid)),
            ("analyzed_at", .zulu(decision.analysedAt)),
            ("elapsed_millis", .integer(decision.elapsedMilliseconds)),
            ("scores", outcome.scoresJSON), ("status", .string(decision.status.inContract.rawValue)),
            ("summaries", outcome.summariesJSON { (dated, path) in dated.json(path) }),
            ("window_end", .zulu(outcome.window.end)),
            ("window_start", .zulu(outcome.window.start)),
            ("created_at", .zulu(decision.createdAt)), ("updated_at", .zulu(decision.createdAt)),
            ("workspace_id", .identifier(workspaceID)), ("workspace_name", .string(workspaceName)),
            ("pipeline_id", .identifier(pipelineID)),
            ("warning_threshold", .number(thresholds?.warning)),
            ("alert_threshold", .number(thresholds?.alert)))
    }
}

extension SeriesOutcome {
    /// By dotted path, in the definition's order: a score with its terms, or the sentence that says why there is none.
    package var scoresJSON: JSONValue {
        .object(JSONObject(findings.map { ($0.target.path.dottedText, $0.scoreJSON(settings)) }))
    }

    fileprivate func summariesJSON(_ json: (DatedSeriesSummary) -> JSONValue) -> JSONValue {
        summariesJSON { (dated, _) in json(dated) }
    }

    fileprivate func summariesJSON(_ json: (DatedSeriesSummary, IOPath) -> JSONValue) -> JSONValue {
        .object(
            JSONObject(
                findings.compactMap { finding in
                    finding.summary.map {
                        (finding.target.path.dottedText, json($0, finding.target.path))
                    }
                }))
    }
}

extension SeriesFinding {
    /// The score with its terms, or the sentence that says why there is none.
    fileprivate func scoreJSON(_ settings: SeriesSettings) -> JSONValue {
        guard let score else { return .string(absence) }
        var object = JSONObject([
            ("score", .number(score)), ("scores", .array(scores.map { .number($0) })),
            ("bin_index", binIndex.map { .integer($0) } ?? .null),
        ])
        if let noise = noise(settings) {
            let alert = target.thresholds.alert
            object.append(
                "noise",
                .object(
                    ("mean", .number(noise.mean)), ("line_95", .number(noise.line95)),
                    (
                        "too_few_records",
                        .bool(alert.map { noise.hasTooFewRecords(alertThreshold: $0) } ?? false)
                    )))
        }
        return .object(object)
    }

    /// What sampling noise alone would score here; nil without a score, and where its law says nothing.
    package func noise(_ settings: SeriesSettings) -> NoiseLine? {
        guard score != nil, let summary, let baseline else { return nil }
        let missingCount = summary.summary.missingCount
        let (count, overflow) = summary.summary.count.addingReportingOverflow(missingCount)
        return overflow
            ? nil
            : NoiseLine.of(
                windowCount: count, missingCount: missingCount, against: baseline.summary, settings)
    }
}
