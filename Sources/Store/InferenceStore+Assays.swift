// Assays: summaries, interactive runs, and the commands on stored assays and their results.

import Assays
import Catalog
import EventLog
import JSON
import Queries
import Records
import Segments
import Summaries

extension InferenceStore {
    // MARK: Asked and answered

    /// The summary of a baseline, as `assays/summarize` wants it.
    package func summarize(_ spec: BaselineSpec, _ settings: SummarizerSettings) throws -> DatedSummary {
        try baseline(spec, settings, log.snapshot())
    }

    /// The results of an assay over its complete windows up to now, or to `run_until`; stores nothing.
    package func runInteractive(_ request: AssayRequest) throws -> [AssayResult] {
        let definition = try completed(request.definition)
        let pass = try AssayPass(definition, log.snapshot(), self)
        let until = definition.runUntil ?? sources.now()
        return try pass.outcomes(touching: .always, until: until).map { window in
            AssayResult(
                window.outcome, assayID: request.id, analysedAt: window.analysedAt,
                elapsedMilliseconds: window.elapsedMilliseconds)
        }
    }

    /// The baseline by itself, in the form of a result; stores nothing.
    package func runInteractiveBaseline(_ request: AssayRequest) throws -> AssayResult {
        let definition = try completed(request.definition)
        let pass = try AssayPass(definition, log.snapshot(), self)
        let start = sources.monotonicNanoseconds()
        let baseline = try pass.fixedBaseline()
        let outcome = try AssayEvaluator(definition, baseline: baseline).baselineRun(startingAt: pass.grid.start)
        return AssayResult(
            outcome, assayID: request.id, analysedAt: sources.now(),
            elapsedMilliseconds: Int((sources.monotonicNanoseconds() - start) / 1_000_000))
    }

    /// The definition with what the catalogue knows of it; refuses one that names what is not there.
    private func completed(_ definition: AssayDefinition) throws -> AssayDefinition {
        let catalog = self.catalog
        var definition = definition
        guard let pipeline = catalog.pipelines[definition.pipelineID] else {
            throw FieldError(
                field: "pipeline_id",
                problem: "is \(definition.pipelineID), and there is no such pipeline; create it first")
        }
        guard pipeline.name == definition.pipelineName else {
            throw FieldError(
                field: "pipeline_name",
                problem: "is \"\(definition.pipelineName)\", but pipeline \(pipeline.id) is called "
                    + "\"\(pipeline.name)\"")
        }
        if let id = definition.workspaceID, catalog.workspaces[id] == nil {
            throw FieldError(
                field: "workspace_id", problem: "is \(id), and there is no such workspace; create it first")
        }
        definition.workspaceID = definition.workspaceID ?? pipeline.workspaceID
        if definition.window.workspaceID == nil && definition.window.pipelineName == pipeline.name {
            definition.window.workspaceID = pipeline.workspaceID
        }
        _ = try scope(of: definition.window, in: log.snapshot())
        if case .fixedWindow(let spec) = definition.baseline { _ = try scope(of: spec, in: log.snapshot()) }
        return definition
    }

    // MARK: Commands

    /// Judges a command on the book as it stands, appends the events it returns, folds them.
    @discardableResult
    func changeBook(_ command: (AssayBook) throws -> [AssayEvent]) async throws -> (
        events: [AssayEvent], commit: CommitNumber?
    ) {
        try await gate.pass {
            let events = try command(book)
            guard !events.isEmpty else { return ([], nil) }
            let receipt = try await log.append(
                events.map { .event(Event(name: EventName.assay, document: Array($0.json.text.utf8))) })
            folded.withLock { folded in
                for event in events { folded.book.apply(event) }
            }
            return (events, receipt.commit)
        }
    }

    package func createAssay(_ request: AssayRequest) async throws -> AssayID {
        let definition = try completed(request.definition)
        let change = try await changeBook { book in
            [try book.create(definition, isActive: request.isActive, at: sources.now())]
        }
        guard case .created(let creation)? = change.events.first else {
            preconditionFailure("Creating an assay is one event.")
        }
        return creation.id
    }

    package func setActive(_ id: AssayID, _ isActive: Bool) async throws {
        try await changeBook { book in [try book.setActive(id, isActive, at: sources.now())] }
    }

    // MARK: Results

    /// The newest result of each window of an assay that starts in `period`, oldest first, as JSON
    /// documents; at most `limit`.
    package func results(
        of id: AssayID, startingIn period: TimeWindow, limit: Int = .max
    ) throws -> [[UInt8]] {
        guard let assay = book[id] else { throw AssayError.unknownAssay(id) }
        let places = resultPlaces()
        return try assay.decisions(startingIn: period).prefix(limit).map { decision in
            if let place = places[decision.resultID.number] {
                return try derived.snapshot().event(place).document
            }
            return try rederive(decision, of: assay)
        }
    }

    /// Where the stored results are, by number.
    private func resultPlaces() -> [Int: EventPlace] {
        var places: [Int: EventPlace] = [:]
        for place in derived.snapshot().index.events {
            guard let number = Int(place.entry.name) else { continue }
            places[number] = place
        }
        return places
    }

    /// Works a result out again that is not in the derived directory: definition, baseline and the
    /// records up to the decision's cut give the same one.
    private func rederive(_ decision: AssayDecision, of assay: Assay) throws -> [UInt8] {
        let snapshot = log.snapshot()
        let baseline =
            try assay.pin?.summary
            ?? baseline(
                assay.definition.baseline, assay.definition.summarizer, for: decision.window, cut: decision.cut,
                snapshot)
        let values = try values(
            of: assay.definition.window, in: decision.window, cut: decision.cut, snapshot)
        let outcome = try AssayEvaluator(assay.definition, baseline: baseline)
            .outcome(of: SortedSample(values.values), in: decision.window)
        return document(outcome, of: decision, assay)
    }

    /// A result as it is answered and stored.
    func document(_ outcome: AssayOutcome, of decision: AssayDecision, _ assay: Assay) -> [UInt8] {
        var result = AssayResult(outcome, of: decision, pipelineID: assay.definition.pipelineID)
        if let id = assay.definition.workspaceID, let workspace = catalog.workspaces[id] {
            result.workspace = (id, workspace.name)
        }
        return Array(result.json.text.utf8)
    }

    /// Keeps results beside the log.
    func keep(_ documents: [(number: Int, document: [UInt8])]) async throws {
        guard !documents.isEmpty else { return }
        _ = try await derived.append(
            documents.map { .event(Event(name: String($0.number), document: $0.document)) })
    }

    // MARK: Records behind an assay

    /// Whole records of a pipeline, oldest first, as `assays/get_baseline` answers them.
    package func records(
        pipelineName: String, workspaceID: WorkspaceID?, in window: TimeWindow, modelName: String?, limit: Int
    ) throws -> RecordRows {
        let pipeline = try catalog.pipeline(named: pipelineName, in: workspaceID)
        return RecordScan(log.snapshot()).window(
            topic: pipeline.topic.name, window, filter: RecordFilter(modelName: modelName), limit: limit)
    }
}
