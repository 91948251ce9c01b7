// Assays: summaries, interactive runs, stored assays and their results, in the contract's shapes.
//
// Quirks kept: results have every key, null where there is nothing; lists are newest first, results
// oldest first; `get_results` is another name for `get_assay_results`.
//
// Ours: `get_baseline` takes `locations` as an assay's window does, and says in the header
// `x-iteration-status` whether there are more records, and then as `next` what to send for them.
//
// `run_interactive` with `paths` ("all", or a list) runs the assay over many paths and streams
// NDJSON: a line a result, with its path; at the end one line `{"ranking":[…],"windows":…}`.

import Assays
import Catalog
import HTTPTypes
import Hummingbird
import JSON
import NIOCore
import Queries
import Records
import Store
import Summaries
import Wire

struct AssayRoutes {
    let store: InferenceStore

    /// Rows that `get_baseline` answers when no limit is given.
    private static let baselineRowCountDefault = 1000
    private static let baselineRowCountMax = 100_000
    /// Bytes of the answer's text, past which it ends: those of some forty thousand ordinary records, and no more than
    /// a page of what is read takes decoded.
    private static let baselineByteCountMax = RecordReading.pageByteCountMax

    var routes: [Route] {
        [
            .longQuestion("/v1/api/assays/summarize", summarize),
            .longPost("/v1/api/assays/create", create),
            .post("/v1/api/assays/list", list),
            .post("/v1/api/assays/filter", filter),
            .post("/v1/api/assays/get_assay_by_id", getByID),
            .longPost("/v1/api/assays/set_active", setActive),
            .longQuestion("/v1/api/assays/get_baseline", baselineRecords),
            // A question that says itself which of its work is long.
            .post("/v1/api/assays/run_interactive", runInteractive),
            .longQuestion("/v1/api/assays/run_interactive_baseline", runInteractiveBaseline),
            .longPost("/v1/api/assays/get_assay_results", results),
            .longPost("/v1/api/assays/get_results", results),
        ]
    }

    // MARK: Asked and answered

    @Sendable func summarize(_ request: Request, _ context: APIContext) async throws -> Response {
        let body = try await request.document(upTo: RequestLimits.vectorByteCountMax)
        let settings = try SummarizerSettings(body["summarizer"])
        let baseline = try BaselineSpec(body["baseline"])
        return Response(json: try store.view.baseline(baseline, settings).json)
    }

    @Sendable func runInteractive(_ request: Request, _ context: APIContext) async throws -> Response {
        let body = try await request.bytes(upTo: RequestLimits.vectorByteCountMax)
        let isShort = body.readableBytes <= RequestLimits.shortByteCountMax
        let view = store.view
        let (document, run) = try await context.compute(atOnce: isShort) {
            let document = try body.document()
            let isOfPaths = document["paths"].isPresent
            return (
                document,
                isOfPaths ? nil : try InteractiveRun(AssayRequest(document, nameIsNeeded: false), view)
            )
        }
        guard let run else { return try await runPaths(document, context) }
        return try await context.compute(atOnce: isShort && run.isBrief) {
            Response(bytes: AssayResultWriter.list(of: try run.results()), contentType: "application/json")
        }
    }

    /// Streams what is found path by path, as fast as it is taken; a client that goes away ends it.
    private func runPaths(_ body: JSONField, _ context: APIContext) async throws -> Response {
        let view = store.view
        let run = try await context.compute {
            try PathsRun(try AssayRequest(ofPaths: body), try PathSelection(body["paths"]), view)
        }
        return Response(
            status: .ok, headers: HTTPFields([HTTPField(name: .contentType, value: "application/x-ndjson")]),
            body: ResponseBody { writer in
                let ranking = try await run.run {
                    $0.lines
                } handOn: { lines in
                    if !lines.isEmpty { try await writer.write(ByteBuffer(bytes: lines)) }
                }
                var line: [UInt8] = []
                ranking.json.write(into: &line)
                line.append(0x0A)
                try await writer.write(ByteBuffer(bytes: line))
                try await writer.finish(nil)
            })
    }

    @Sendable func runInteractiveBaseline(_ request: Request, _ context: APIContext) async throws -> Response
    {
        let run = try AssayRequest(
            try await request.document(upTo: RequestLimits.vectorByteCountMax), nameIsNeeded: false)
        return Response(json: try store.view.runInteractiveBaseline(run).json)
    }

    // MARK: Stored assays

    @Sendable func create(_ request: Request, _ context: APIContext) async throws -> Response {
        // An id in the request is another service's number for it; this one gives its own.
        let assay = try AssayRequest(try await request.document(upTo: RequestLimits.vectorByteCountMax))
        // What looks before ends with its client; what is created is there, and its number is the answer, also
        // for a client that closed its side alone.
        let view = store.view
        let definition = try await context.compute { try view.creatable(assay) }
        let id = try await store.createAssay(definition, isActive: assay.isActive)
        // Beyond the contract, whose clients read the number alone: what there is to look at.
        let coverage = await AssayCoverage.members(for: context) {
            try view.coverage(
                of: definition, at: store.sources.now(), undoubted: store.undoubtedNow,
                grace: store.configuration.grace)
        }
        return Response(json: .object(JSONObject([("assay_id", JSONValue.identifier(id))] + coverage)))
    }

    @Sendable func list(_ request: Request, _ context: APIContext) async throws -> Response {
        let body = try await request.document()
        let pipelineID: PipelineID? = try body["pipeline_id"].optional?.identifier()
        let catalog = store.catalog
        let workspaceID = try workspace(body, catalog)
        let assays = store.book.list(pipelineID: pipelineID, workspaceID: workspaceID)
        let (view, now) = (store.view, store.sources.now())
        return Response(
            json: .array(
                assays.map {
                    $0.listJSON(
                        workspaceName: catalog.workspaceName(of: $0), at: now,
                        backfill: store.backfill(of: $0),
                        retentionProblem: view.retentionProblem(of: $0, grace: store.configuration.grace))
                }))
    }

    @Sendable func getByID(_ request: Request, _ context: APIContext) async throws -> Response {
        let body = try await request.document()
        let id: AssayID = try body["id"].identifier()
        let catalog = store.catalog
        guard let assay = store.book[id] else { throw AssayError.unknownAssay(id) }
        try refuse(assay, outsideOf: body, catalog)
        return Response(
            json: assay.detailJSON(
                workspaceName: catalog.workspaceName(of: assay), at: store.sources.now(),
                backfill: store.backfill(of: assay),
                retentionProblem: store.view.retentionProblem(of: assay, grace: store.configuration.grace)))
    }

    private enum SortOrder: String, CaseIterable {
        case lastRunDateDesc = "LastRunDateDesc"
        case creationDateDesc = "CreationDateDesc"
    }

    /// Whole configurations, filtered. A name fits where it is part of the assay's, in any case; a drift
    /// window keeps the assays that alerted or warned about a window which shares a moment with it; locations
    /// those that look at one of them.
    @Sendable func filter(_ request: Request, _ context: APIContext) async throws -> Response {
        let body = try await request.document()
        let workspaceID: WorkspaceID = try body["workspace_id"].identifier()
        let pipelineID: PipelineID = try body["pipeline_id"].identifier()
        let order: SortOrder = try body["sort_by"].word()
        let name = try body["name"].optional?.string().lowercased()
        let isActive = try body["active"].optional?.bool()
        let drift = try body["drift_window"].optional?.period(from: "start", to: "end")
        let locations = try body["locations"].optional?.array().map { try $0.string() }
        let catalog = store.catalog
        var assays = store.book.list(pipelineID: pipelineID, workspaceID: workspaceID).filter { assay in
            (isActive == nil || assay.isActive == isActive)
                // An empty name is part of every name, which `contains` denies.
                && (name.map { $0.isEmpty || assay.definition.name.lowercased().contains($0) } ?? true)
                && (drift.map(assay.drifted(in:)) ?? true)
                && (locations.map(assay.definition.window.locations.includesAny(of:)) ?? true)
        }
        let now = store.sources.now()
        if order == .lastRunDateDesc {
            // Newest first to begin with, which stays so among those of one moment or none.
            let runs = assays.map { $0.lastRun(by: now) ?? .earliestNamed }
            assays = assays.indices.sorted { one, other in
                runs[one] == runs[other] ? one < other : runs[one] > runs[other]
            }.map { assays[$0] }
        }
        return Response(
            json: .array(
                assays.map {
                    $0.configurationJSON(workspaceName: catalog.workspaceName(of: $0), at: now)
                }))
    }

    /// The workspace that a request names, by number or by name; nil where it names none. Named by both, it must be
    /// one.
    private func workspace(_ body: JSONField, _ catalog: Catalog) throws -> WorkspaceID? {
        let id: WorkspaceID? = try body["workspace_id"].optional?.identifier()
        guard let field = body["workspace_name"].optional else { return id }
        let name = try field.string()
        guard let workspace = catalog.workspace(named: name) else {
            throw CatalogError(
                .unknown, field: field.path, "is \"\(name)\", and there is no such workspace")
        }
        if let id, id != workspace.id {
            throw field.refused(
                "is \"\(name)\", which is workspace \(workspace.id), and \"workspace_id\" is \(id); give one of them"
            )
        }
        return workspace.id
    }

    /// Refuses an assay that is not in the workspace which the request names, and an unknown workspace in any case.
    private func refuse(_ assay: Assay?, outsideOf body: JSONField, _ catalog: Catalog) throws {
        guard let asked = try workspace(body, catalog), let assay, asked != assay.definition.workspaceID
        else { return }
        let field = body["workspace_id"].optional ?? body["workspace_name"]
        throw field.refused(
            "is \(field.value?.text ?? ""), but assay \(assay.id) is not in it; give the assay's own, or leave it out"
        )
    }

    @Sendable func setActive(_ request: Request, _ context: APIContext) async throws -> Response {
        let body = try await request.document()
        let id: AssayID = try body["id"].identifier()
        let isActive = try body["active"].bool()
        try await store.setActive(id, isActive)
        return Response(json: .object(("id", .identifier(id)), ("active", .bool(isActive))))
    }

    // MARK: Results and records

    @Sendable func results(_ request: Request, _ context: APIContext) async throws -> Response {
        let body = try await request.document()
        let id: AssayID = try body["assay_id"].identifier()
        let window = try body.openPeriod()
        let limit = try body.limit() ?? .max
        let view = store.view
        let found = view.book[id]
        try refuse(found, outsideOf: body, view.catalog)
        if let pipelineID: PipelineID = try body["pipeline_id"].optional?.identifier(),
            let found, found.definition.pipelineID != pipelineID
        {
            throw body["pipeline_id"].refused(
                "is \(pipelineID), but assay \(id) watches pipeline \(found.definition.pipelineID); give that, "
                    + "or leave it out")
        }
        let isAll = try body.wantsAllRevisions()
        guard let assay = found else { throw AssayError.unknownAssay(id, field: "assay_id") }
        let ended = assay.complete(window, by: store.sources.now())
        let decisions = Array(
            (isAll ? assay.revisions(startingIn: ended) : assay.decisions(startingIn: ended)).prefix(limit))
        return try Response(
            resultCount: decisions.count, by: assay.resultBatchCount, for: context
        ) { part in
            try isAll
                ? view.revisions(of: assay, decisions[part]) : view.results(of: assay, decisions[part])
        }
    }

    @Sendable func baselineRecords(_ request: Request, _ context: APIContext) async throws -> Response {
        let body = try await request.document()
        let name = try body["pipeline_name"].string()
        let workspaceID: WorkspaceID? = try body["workspace_id"].optional?.identifier()
        let modelName = try body["model_name"].optional?.string()
        let locations = try LocationFilter(body["locations"])
        let limit = min(
            try body.limit() ?? AssayRoutes.baselineRowCountDefault, AssayRoutes.baselineRowCountMax)
        let window = try body.openPeriod()
        var next: [String: UInt64] = [:]
        for member in try body["next"].optional?.object().members ?? [] {
            next[member.key] = UInt64(try body["next"][member.key].integer(in: 0...JSONField.integerMax))
        }
        let view = store.view
        let reading = try view.records(
            pipelineName: name, workspaceID: workspaceID, in: window, modelName: modelName,
            locations: locations, next: next, limit: limit)
        var page = RecordPage(
            reading, in: view.snapshot, form: .flat, fields: .all, within: AssayRoutes.baselineByteCountMax)
        var response = Response(bytes: try page.write(as: .array), contentType: "application/json")
        // The contract's answer is the rows alone, and has no room for where the next ones start.
        let extent = page.isCut ? "ByteLimited" : page.reading.isEnded ? "All" : "RecordLimited"
        var status = [("status", JSONValue.string(extent))]
        if !page.reading.isEnded, page.rowCount > 0, case .behind(let last)? = page.reading.place {
            status.append(("next", .object((last.partition, .integer(last.index + 1)))))
        }
        response.headers[.iterationStatus] = JSONValue.object(JSONObject(status)).text.escapedForHeader
        response.note(page.reading.unseen)
        return response
    }
}

extension AssayCoverage {
    /// What there is to look at, as answers to a creation say it. Where nothing can be said yet, they say why:
    /// the assay is there all the same. Looking ends with the client, and then they say nothing of it.
    static func members(
        for context: APIContext, of coverage: @escaping @Sendable () throws -> AssayCoverage
    ) async -> [(String, JSONValue)] {
        (try? await context.compute { members(of: coverage) }) ?? []
    }

    private static func members(of coverage: () throws -> AssayCoverage) -> [(String, JSONValue)] {
        do {
            let coverage = try coverage()
            var members: [(String, JSONValue)] = [
                ("complete_windows", .integer(coverage.windowCount)),
                ("records_in_windows", .integer(coverage.recordCount)),
                ("data_start", .zulu(coverage.first)), ("data_end", .zulu(coverage.last)),
            ]
            if let problem = coverage.problem { members.append(("coverage_problem", .string(problem))) }
            if let problem = coverage.baselineProblem {
                members.append(("baseline_problem", .string(problem)))
            }
            if let problem = coverage.summarizerProblem {
                members.append(("summarizer_problem", .string(problem)))
            }
            if let problem = coverage.retentionProblem {
                members.append(("retention_problem", .string(problem)))
            }
            return members
        } catch is CancellationError {
            return []
        } catch {
            return [("coverage_problem", .string("\(error)"))]
        }
    }
}

extension HTTPField.Name {
    /// What an assay has to look at, where the answer's shape has no room for it.
    static let assayCoverage = HTTPField.Name("x-assay-coverage")!
}
