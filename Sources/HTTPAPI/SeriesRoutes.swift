// Assays of the second generation: `/v2/api/assays/…`, in the contract's shapes.
//
// Quirks kept: one assay is asked for at the path `get/:id`, colon and all, with its UUID in the body;
// scheduling answers a bare string, switching answers `null`. The UUID may stand in the path instead.
//
// Ours: scheduling says in the header `x-assay-coverage` what the windows so far hold, as v1's create does in
// its body. A baseline's binning is previewed without a targeting where it needs no records, which the contract's
// fields allow and its answer has no name for. `get_results` takes `revisions` and `limit` as v1's does; the revisions
// of a window have the contract's keys alone, and are told apart by `id`, which rises, and by their moments.

import Assays
import HTTPTypes
import Hummingbird
import JSON
import Records
import Store
import Summaries

struct SeriesRoutes {
    let store: InferenceStore

    /// Unicode scalars of one text in a header, each of at most twelve bytes there.
    private static let headerTextMax = 500

    var routes: [Route] {
        [
            .post("/v2/api/assays/get", list),
            .post("/v2/api/assays/get/:id", get),
            .longPost("/v2/api/assays/schedule", schedule),
            .longQuestion("/v2/api/assays/preview", preview),
            .longQuestion("/v2/api/assays/preview_baseline_binning", previewBaseline),
            .longPost("/v2/api/assays/get_results", results),
            .post("/v2/api/assays/get_next_run", nextRun),
            .longPost("/v2/api/assays/set_active", setActive),
            .longQuestion("/v2/api/assays/score", score),
        ]
    }

    // MARK: Asked and answered

    @Sendable func previewBaseline(_ request: Request, _ context: APIContext) async throws -> Response {
        let body = try await request.document(upTo: RequestLimits.vectorByteCountMax)
        guard body["targeting"].isPresent else {
            let settings = try SeriesSettings(body["summarizer"])
            return Response(json: try SeriesBaseline.untargetedPreview(body["baseline"], settings))
        }
        let asked = try Comparison(body)
        let view = store.view
        let targeting = try view.completed(asked.targeting)
        let summaries = try view.seriesBaselines(asked.baseline, targeting, asked.settings)
        return Response(
            json: .object(
                JSONObject(
                    targeting.targets.compactMap { target in
                        summaries[target.path].map { (target.path.dottedText, $0.json(target.path)) }
                    })))
    }

    @Sendable func preview(_ request: Request, _ context: APIContext) async throws -> Response {
        let body = try await request.document(upTo: RequestLimits.vectorByteCountMax)
        let definition = try SeriesDefinition(body, nameIsNeeded: false)
        let period = try body.period(from: "preview_start", to: "preview_end")
        let results = try store.view.previewSeries(definition, over: period)
        return Response(json: .array(results.map(\.previewJSON)))
    }

    @Sendable func score(_ request: Request, _ context: APIContext) async throws -> Response {
        let body = try await request.document(upTo: RequestLimits.vectorByteCountMax)
        let asked = try Comparison(body)
        let window = try SeriesScoreWindow(body["window"])
        let outcome = try store.view.scoreSeries(asked.baseline, asked.targeting, asked.settings, window)
        return Response(json: outcome.scoresJSON)
    }

    /// What a baseline preview and a score have in common.
    private struct Comparison {
        let targeting: SeriesTargeting
        let settings: SeriesSettings
        let baseline: SeriesBaseline

        init(_ body: JSONField) throws {
            targeting = try SeriesTargeting(body["targeting"])
            settings = try SeriesSettings(body["summarizer"])
            baseline = try SeriesBaseline(body["baseline"], targeting.targets.map(\.path), settings)
        }
    }

    // MARK: Stored assays

    @Sendable func schedule(_ request: Request, _ context: APIContext) async throws -> Response {
        let definition = try SeriesDefinition(
            try await request.document(upTo: RequestLimits.vectorByteCountMax))
        // What looks before ends with its client; what is scheduled is there, and its id is the answer, also for a
        // client that closed its side alone.
        let view = store.view
        let (moment, undoubted, schedulable) = try await context.compute {
            (store.sources.now(), store.undoubtedNow, try view.schedulable(definition))
        }
        let uuid = try await store.schedule(schedulable)
        var response = Response(json: .string(uuid))
        // The contract's answer has no room for it: what there is to look at.
        let members = await AssayCoverage.members(for: context) {
            try view.coverage(
                of: schedulable, baseline: definition.baseline, at: moment, undoubted: undoubted,
                grace: store.configuration.grace)
        }.map { name, value in
            // A name in a problem may be as long as a body, and clients bound their headers.
            guard case .string(let text) = value else { return (name, value) }
            return (
                name,
                .string(String(String.UnicodeScalarView(text.unicodeScalars.prefix(Self.headerTextMax))))
            )
        }
        response.headers[.assayCoverage] = JSONValue.object(JSONObject(members)).text.escapedForHeader
        return response
    }

    @Sendable func get(_ request: Request, _ context: APIContext) async throws -> Response {
        let body = try await request.document()
        let path = try context.parameters.component("id")
        let field = body["id"].isPresent || path == ":id" ? body["id"] : JSONField(.string(path), path: "id")
        let uuid = try field.uuid()
        guard let assay = store.book[uuid: uuid] else { throw AssayError.unknownUUID(uuid) }
        return Response(json: json(of: assay, store.view))
    }

    private enum Activity: String, CaseIterable {
        case all = "All"
        case activeOnly = "ActiveOnly"
        case inactiveOnly = "InactiveOnly"
    }

    @Sendable func list(_ request: Request, _ context: APIContext) async throws -> Response {
        let body = try await request.document()
        let activity: Activity = try body["active"].optional?.word() ?? .all
        let pipelineName = try body["pipeline_name"].optional?.string()
        let workspaceID: WorkspaceID? = try body["workspace_id"].optional?.identifier()
        let assays = store.book.seriesList().filter { assay in
            let targeting = assay.definition.targeting
            return (activity == .all || assay.isActive == (activity == .activeOnly))
                && (pipelineName == nil || targeting.pipelineName == pipelineName)
                && (workspaceID == nil || targeting.workspaceID == workspaceID)
        }
        let view = store.view
        return Response(json: .array(assays.map { json(of: $0, view) }))
    }

    private func json(of assay: SeriesAssay, _ view: StoreView) -> JSONValue {
        assay.json(
            backfill: store.backfill(of: assay),
            retentionProblem: view.retentionProblem(of: assay, grace: store.configuration.grace))
    }

    @Sendable func setActive(_ request: Request, _ context: APIContext) async throws -> Response {
        let body = try await request.document()
        try await store.setActive(uuid: try body["assay_id"].uuid(), try body["active"].bool())
        return Response(json: .null)
    }

    @Sendable func nextRun(_ request: Request, _ context: APIContext) async throws -> Response {
        let uuid = try await request.document()["assay_id"].uuid()
        guard let assay = store.book[uuid: uuid] else {
            throw AssayError.unknownUUID(uuid, field: "assay_id")
        }
        let now = store.sources.now()
        return Response(
            json: .object(
                ("last_run", .zulu(assay.lastRun(by: now))), ("next_run", .zulu(assay.nextRun(by: now)))))
    }

    @Sendable func results(_ request: Request, _ context: APIContext) async throws -> Response {
        let body = try await request.document()
        let uuid = try body["id"].uuid()
        let period = try body.openPeriod()
        let limit = try body.limit() ?? .max
        let isAll = try body.wantsAllRevisions()
        // Ours are the results that there are: nothing more is known for debugging.
        _ = try body["debug"].optional?.bool()
        let view = store.view
        if let id: WorkspaceID = try body["workspace_id"].optional?.identifier(),
            let found = view.book[uuid: uuid]?.definition.targeting.workspaceID, found != id
        {
            throw body["workspace_id"].refused(
                "is \(id), but assay \(uuid) is in workspace \(found); give that, or leave it out")
        }
        guard let assay = view.book[uuid: uuid] else { throw AssayError.unknownUUID(uuid) }
        // Windows that have not ended were decided by a clock that was ahead: they are not there yet.
        let positions = assay.positions(endingIn: period)
            .clamped(to: 0..<assay.decisionCount(endedAt: store.sources.now()))
        if isAll {
            let revisions = Array(assay.revisions(at: positions).prefix(limit))
            return try Response(
                resultCount: revisions.count, by: assay.resultBatchCount, for: context
            ) { part in try view.seriesResults(of: assay, Array(revisions[part])) }
        }
        return try Response(
            resultCount: min(positions.count, limit), by: assay.resultBatchCount, for: context
        ) { part in
            let first = positions.lowerBound + part.lowerBound
            return try view.seriesResults(of: assay, assay.decisions.decisions(first..<first + part.count))
        }
    }
}
