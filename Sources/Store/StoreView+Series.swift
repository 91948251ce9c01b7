// The second generation asked and answered: baselines, previews, scores, stored results.
//
// Invariants:
//  * What is asked is completed from the catalogue first, and refused where it contradicts it.
//  * A stored result is given back as it was sealed or kept, else worked out again: it is the same one.
//  * A preview says of a window what the assay would, and stores nothing.

import Assays
import Catalog
import EventLog
import JSON
import Records
import Summaries

/// What a single comparison of the second generation looks at.
package enum SeriesScoreWindow: Hashable, Sendable {
    /// Numbers, for every path the same; nil is NaN.
    case raw([Double?])
    case stored(TimeWindow)

    /// Reads `{"Raw": […]}` or `{"Stored": [start, end]}`; throws where both or neither is there.
    package init(_ json: JSONField) throws(FieldError) {
        _ = try json.object()
        let (raw, stored) = (json["Raw"], json["Stored"])
        guard raw.isPresent != stored.isPresent else {
            throw json.refused("must have exactly one of \"Raw\", numbers, and \"Stored\", [start, end]")
        }
        self =
            raw.isPresent
            ? .raw(try raw.series("a window needs at least one")) : .stored(try stored.period())
    }
}

extension StoreView {
    // MARK: What is asked, completed

    /// The targeting with what the catalogue knows; refuses one that names what is not there.
    package func completed(_ targeting: SeriesTargeting) throws -> SeriesTargeting {
        func refusal(_ member: String, _ problem: String) -> FieldError {
            FieldError(field: "targeting.data_origin.\(member)", problem: problem)
        }
        try targeting.refuseMistakes()
        var targeting = targeting
        let pipeline: Pipeline
        if let id = targeting.pipelineID {
            pipeline = try catalog.requirePipeline(id, field: "targeting.data_origin.pipeline_id")
        } else {
            pipeline = try catalog.pipeline(named: targeting.pipelineName ?? "", in: targeting.workspaceID)
        }
        if let name = targeting.pipelineName, name != pipeline.name {
            throw refusal(
                "pipeline_name",
                "is \"\(name)\", but pipeline \(pipeline.id) is called \"\(pipeline.name)\"; give that, or one of "
                    + "\"pipeline_id\" and \"pipeline_name\" alone")
        }
        if let id = targeting.workspaceID, id != pipeline.workspaceID {
            throw refusal(
                "workspace_id",
                "is \(id), but pipeline \(pipeline.id) is in workspace \(pipeline.workspaceID); give that, or "
                    + "leave it out")
        }
        let workspace = catalog.workspaces[pipeline.workspaceID]
        if let name = targeting.workspaceName, let workspace, name != workspace.name {
            throw refusal(
                "workspace_name",
                "is \"\(name)\", but workspace \(workspace.id) is called "
                    + "\"\(workspace.name)\"; give that, or leave it out")
        }
        targeting.pipelineID = pipeline.id
        targeting.pipelineName = pipeline.name
        targeting.workspaceID = pipeline.workspaceID
        targeting.workspaceName = workspace?.name
        return targeting
    }

    /// The definition with what the catalogue knows, and with its baseline as it is from now on: summaries,
    /// or rolling.
    package func completed(_ definition: SeriesDefinition) throws -> SeriesDefinition {
        var definition = definition
        definition.targeting = try completed(definition.targeting)
        // Refuses a filter that cannot mean any records.
        for path in definition.paths.prefix(1) { try checkScope(of: definition.windowSpec(of: path)) }
        if case .rolling = definition.baseline { return definition }
        definition.baseline = .summaries(
            try seriesBaselines(definition.baseline, definition.targeting, definition.settings))
        return definition
    }

    // MARK: Baselines

    /// The summary of each path's baseline. A rolling one is as it is at its start.
    package func seriesBaselines(
        _ baseline: SeriesBaseline, _ targeting: SeriesTargeting, _ settings: SeriesSettings
    ) throws -> [IOPath: DatedSeriesSummary] {
        var summaries: [IOPath: DatedSeriesSummary] = [:]
        if case .summaries(let given) = baseline {
            try baseline.refuseMistakes()
            return given
        }
        for (position, target) in targeting.targets.enumerated() {
            do {
                summaries[target.path] = try seriesBaseline(baseline, target.path, targeting, settings)
            } catch let error as SummaryError where error.isOfValues {
                if case .vector = baseline {
                    throw FieldError(field: "baseline", problem: "is refused: \(error)")
                }
                throw FieldError(
                    field: "targeting.iopath[\(position)]",
                    problem: "names \(target.path.dottedText), whose baseline is refused: \(error)")
            }
        }
        return summaries
    }

    /// The same of one path.
    private func seriesBaseline(
        _ baseline: SeriesBaseline, _ path: IOPath, _ targeting: SeriesTargeting, _ settings: SeriesSettings
    ) throws -> DatedSeriesSummary {
        let summarizer = SeriesSummarizer(settings)
        switch baseline {
        case .summaries(let given):
            guard let summary = given[path] else {
                preconditionFailure("Summaries are given for each path.")
            }
            return summary
        case .vector(let numbers):
            let sample = SortedSample(withNulls: numbers)
            return DatedSeriesSummary(try summarizer.baseline(of: sample), over: nil)
        case .period(let period):
            return try seriesBaseline(path, over: period, targeting, summarizer)
        case .rolling(let start, let width):
            let period = TimeWindow(start: start, end: start.adding(width))
            return try seriesBaseline(path, over: period, targeting, summarizer)
        }
    }

    private func seriesBaseline(
        _ path: IOPath, over period: TimeWindow, _ targeting: SeriesTargeting, _ summarizer: SeriesSummarizer
    ) throws -> DatedSeriesSummary {
        let spec = targeting.windowSpec(of: path)
        let values = try values(of: spec, in: period, wantsTimes: false)
        try refuseUnseen(values.statistics.unseen)
        guard !values.values.isEmpty else {
            throw try noInferences(path.dottedText, spec, in: period, .ofTargeting)
        }
        if !values.pathWasFound, try pathProblem(spec) != nil { throw unknownSeriesPath(spec) }
        return DatedSeriesSummary(try summarizer.baseline(of: SortedSample(values.values)), over: period)
    }

    /// The refusal of a path at which no record has a number.
    func unknownSeriesPath(_ spec: AssayWindowSpec) -> FieldError {
        FieldError(
            field: "targeting.iopath",
            problem:
                "names \(spec.path.dottedText), and no record of pipeline \"\(spec.pipelineName)\" there "
                + "has a number at it; use a field that the records have, with \"indexes\" where it is a "
                + "list and without where it is one number")
    }

    // MARK: Scores and previews

    /// Each path's comparison of one window. A path without a baseline says so; the others are compared.
    package func scoreSeries(
        _ baseline: SeriesBaseline, _ targeting: SeriesTargeting, _ settings: SeriesSettings,
        _ window: SeriesScoreWindow
    ) throws -> SeriesOutcome {
        let targeting = try completed(targeting)
        // What is wrong for all paths is refused as a whole.
        for target in targeting.targets.prefix(1) {
            try checkScope(of: targeting.windowSpec(of: target.path))
        }
        switch baseline {
        case .vector, .summaries: _ = try seriesBaselines(baseline, targeting, settings)
        case .period, .rolling: break
        }
        var period = TimeWindow.always
        if case .stored(let stored) = window { period = stored }
        let findings = try targeting.targets.map { target -> SeriesFinding in
            let found: DatedSeriesSummary
            do {
                found = try seriesBaseline(baseline, target.path, targeting, settings)
            } catch let error as StoreRefusal where error.kind == .invalid {
                return SeriesFinding(target, absence: "\(error)", .noScore)
            } catch let error as FieldError {
                return SeriesFinding(target, absence: "\(error)", .noScore)
            } catch let error as SummaryError {
                return SeriesFinding(target, absence: "\(error)", .noScore)
            }
            let sample: SortedSample
            switch window {
            case .raw(let numbers): sample = SortedSample(withNulls: numbers)
            case .stored(let period):
                let values = try values(
                    of: targeting.windowSpec(of: target.path), in: period, wantsTimes: false)
                try refuseUnseen(values.statistics.unseen)
                sample = SortedSample(values.values)
            }
            return try SeriesFinding(target, sample, in: period, against: found, settings)
        }
        return SeriesOutcome(period, findings, settings)
    }

    /// What an assay would say of the complete windows inside `period`; stores nothing.
    ///
    /// The schedule is taken to go on before its first run; after its end there is no run.
    package func previewSeries(
        _ definition: SeriesDefinition, over period: TimeWindow
    ) throws -> [SeriesResult] {
        let definition = try completed(definition)
        let limit = min(
            PassLimit.interactive.windowCount, PassLimit.interactiveFindings.windowCount(of: definition))
        let (_, overflow) = period.start.microseconds.addingReportingOverflow(definition.width.microseconds)
        guard !overflow else { return [] }
        let runs = definition.schedule.runs(
            after: period.start.adding(TimeSpan(microseconds: definition.width.microseconds - 1)),
            through: min(period.end, sources.now()), .reachingBack, limit: limit + 1)
        guard runs.count <= limit else {
            throw FieldError(
                field: "preview_end",
                problem:
                    "is so late that there are more than \(limit) windows since \"preview_start\"; choose "
                    + "a shorter period, or a lower \"run_frequency\"")
        }
        return try SeriesPass(view: self, definition: definition)
            .outcomes(of: runs.map { definition.window(of: $0) })
            .map { window in
                definition.result(
                    window.outcome, analysedAt: window.analysedAt,
                    elapsedMilliseconds: window.elapsedMilliseconds)
            }
    }

    // MARK: Stored results

    /// The results of some of an assay's decisions, in their order, as JSON documents. All are held at once.
    package func seriesResults(
        of assay: SeriesAssay, _ decisions: [AssayDecision]
    ) throws -> [[UInt8]] {
        var documents = decisions.map { decision in
            places.sealed.document(decision.resultID.number, in: snapshot)
                ?? assay.emptyDocument(of: decision)
                // A damaged copy is as good as none: the log can say it again.
                ?? keptDocument(of: decision)
        }
        // Beside each other those that saw one commit, where revisions of a window stand in between.
        let missing = documents.indices.filter { documents[$0] == nil }.sorted {
            (decisions[$0].cut, decisions[$0].window.start) < (decisions[$1].cut, decisions[$1].window.start)
        }
        let outcomes = try seriesOutcomes(of: missing.map { decisions[$0] }, assay)
        for (position, outcome) in zip(missing, outcomes) {
            documents[position] = assay.document(try outcome.get(), of: decisions[position])
        }
        return documents.compactMap { $0 }
    }

    /// What a decision is about, worked out from definition and the records up to its cut.
    func seriesOutcome(of decision: AssayDecision, _ assay: SeriesAssay) throws -> SeriesOutcome {
        guard let outcome = try seriesOutcomes(of: [decision], assay).first else {
            preconditionFailure("A window has an outcome.")
        }
        return try outcome.get()
    }

    /// The same of some decisions, in their order. Those that stand beside each other and saw one commit are
    /// worked out together: neighbouring windows are read at once.
    func seriesOutcomes(
        of decisions: [AssayDecision], _ assay: SeriesAssay
    ) throws -> [Result<SeriesOutcome, any Error>] {
        var outcomes: [Result<SeriesOutcome, any Error>] = []
        outcomes.reserveCapacity(decisions.count)
        var rest = decisions[...]
        while let first = rest.first {
            var end = rest.startIndex + 1
            while end < rest.endIndex, rest[end].cut == first.cut,
                rest[end - 1].window.start < rest[end].window.start
            { end += 1 }
            let pass = SeriesPass(view: self, definition: assay.definition, cut: first.cut)
            let windows = rest[..<end].map(\.window)
            do {
                outcomes += try pass.outcomes(of: windows).map { .success($0.outcome) }
            } catch {
                try Task.checkCancellation()
                // What is wrong with one window is wrong with that one alone.
                outcomes += windows.map { window in
                    Result { try pass.outcomes(of: [window])[0].outcome }
                }
            }
            rest = rest[end...]
        }
        return outcomes
    }

    /// Whether `outcome` is what was decided already. The digests of engine version 1 do not tell what a
    /// window without a score holds, so there it is looked up in the records that the decision saw.
    func wasDecided(
        _ outcome: SeriesOutcome, by decision: AssayDecision, _ assay: SeriesAssay
    ) throws -> Bool {
        guard outcome.digest(ofEngine: decision.engineVersion) == decision.digest else { return false }
        return try decision.engineVersion == SeriesOutcome.engineVersion
            || outcome.findings.allSatisfy { $0.held == nil }
            || seriesOutcome(of: decision, assay).digest == outcome.digest
    }
}

extension PassLimit {
    /// Paths of all windows together that one preview looks at.
    static let interactiveFindings = PassLimit(windowCount: 400_000, valueCount: 1 << 28)
}

extension SeriesTargeting {
    /// Records at a path, whatever the window.
    fileprivate func windowSpec(of path: IOPath) -> AssayWindowSpec {
        windowSpec(of: path, width: TimeSpan(microseconds: 1))
    }
}

extension SeriesDefinition {
    /// An outcome as an answer shows it; the definition is completed.
    fileprivate func result(
        _ outcome: SeriesOutcome, analysedAt: Timestamp, elapsedMilliseconds: Int
    ) -> SeriesResult {
        guard let pipelineID = targeting.pipelineID, let workspaceID = targeting.workspaceID else {
            preconditionFailure("A completed definition names its pipeline and its workspace.")
        }
        return SeriesResult(
            outcome, analysedAt: analysedAt, elapsedMilliseconds: elapsedMilliseconds,
            pipelineID: pipelineID, workspaceID: workspaceID, workspaceName: targeting.workspaceName ?? "")
    }
}

extension SeriesAssay {
    /// How many results are held and appended at once, whoever reads them.
    package var resultBatchCount: Int { min(512, SeriesPass.documentLimit(definition)) }

    /// The result about a window without records, where that follows from the decision: it is not kept. An
    /// assay that runs each minute over a pipeline that sleeps would keep half a kilobyte a minute.
    func emptyDocument(of decision: AssayDecision) -> [UInt8]? {
        emptyOutcome(of: decision).map { document($0, of: decision) }
    }

    /// A result as it is answered and stored.
    func document(_ outcome: SeriesOutcome, of decision: AssayDecision) -> [UInt8] {
        let result = definition.result(
            outcome, analysedAt: decision.analysedAt, elapsedMilliseconds: decision.elapsedMilliseconds)
        return Array(result.json(of: decision, uuid).text.utf8)
    }
}
