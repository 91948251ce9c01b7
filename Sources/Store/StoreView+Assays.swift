// Assays asked and answered: summaries, interactive runs, the records behind them. Stores nothing.

import Assays
import Catalog
import EventLog
import JSON
import Queries
import Records
import Summaries

extension StoreView {
    /// The results of an assay over its complete windows up to now, or to `run_until`; stores nothing.
    package func runInteractive(_ request: AssayRequest) throws -> [AssayResult] {
        try InteractiveRun(request, self).results()
    }

    /// The baseline by itself, in the form of a result; stores nothing.
    package func runInteractiveBaseline(_ request: AssayRequest) throws -> AssayResult {
        let definition = try completed(request.definition)
        let pass = try AssayPass(definition, self)
        let start = sources.monotonicNanoseconds()
        let baseline = try pass.fixedBaseline()
        let outcome = try AssayEvaluator(definition, baseline: baseline).baselineRun(
            startingAt: pass.grid.start)
        let milliseconds = Int((sources.monotonicNanoseconds() - start) / 1_000_000)
        return AssayResult(
            outcome, assayID: request.id, analysedAt: sources.beginning(ofWorkOf: milliseconds),
            elapsedMilliseconds: milliseconds)
    }

    /// The definition of an assay that may be created, with what the catalogue knows of it. Reads what its
    /// baseline is made of, and ends where the task is cancelled.
    ///
    /// - Throws: where it names what is not there, or would have nothing to compare windows with,
    ///   or more windows at once than an assay may.
    package func creatable(_ request: AssayRequest) throws -> AssayDefinition {
        let definition = try completed(request.definition)
        try refuseUselessBaseline(of: definition, at: sources.now())
        if request.isActive { try refuseEndlessBackfill(of: definition) }
        return definition
    }

    /// The definition with what the catalogue knows of it; refuses one that names what is not there.
    func completed(_ definition: AssayDefinition) throws -> AssayDefinition {
        var definition = definition
        let pipeline = try catalog.requirePipeline(definition.pipelineID)
        guard pipeline.name == definition.pipelineName else {
            throw FieldError(
                field: "pipeline_name",
                problem: "is \"\(definition.pipelineName)\", but pipeline \(pipeline.id) is called "
                    + "\"\(pipeline.name)\"; give the name and the number of one pipeline")
        }
        if let id = definition.workspaceID { try catalog.requireWorkspace(id) }
        try refuse(definition.workspaceID, "workspace_id", otherThanOf: pipeline)
        definition.workspaceID = pipeline.workspaceID
        // Results name the assay's pipeline, and must not be of another one's records.
        guard definition.window.pipelineName == pipeline.name else {
            throw FieldError(
                field: "window.pipeline_name",
                problem:
                    "is \"\(definition.window.pipelineName)\", but the assay's pipeline, \(pipeline.id), is "
                    + "called \"\(pipeline.name)\"; name the same in both")
        }
        try refuse(definition.window.workspaceID, "window.workspace_id", otherThanOf: pipeline)
        definition.window.workspaceID = pipeline.workspaceID
        try checkScope(of: definition.window)
        try definition.baseline.refuseMistakes()
        // The baseline's records are found by name too, and a name may be given again elsewhere later.
        func completed(_ spec: AssayWindowSpec) throws -> AssayWindowSpec {
            var spec = spec
            if spec.workspaceID == nil && spec.pipelineName == pipeline.name {
                spec.workspaceID = pipeline.workspaceID
            }
            try checkScope(of: spec)
            return spec
        }
        switch definition.baseline {
        case .summary, .vector: break
        case .fixedWindow(let spec): definition.baseline = .fixedWindow(try completed(spec))
        case .slidingWindow(let spec, let offset):
            definition.baseline = .slidingWindow(try completed(spec), offset: offset)
        }
        return definition
    }

    /// Refuses a workspace in which the pipeline is not: another one there may have its name.
    private func refuse(_ id: WorkspaceID?, _ field: String, otherThanOf pipeline: Pipeline) throws {
        guard let id, id != pipeline.workspaceID else { return }
        throw FieldError(
            field: field,
            problem:
                "is \(id), but pipeline \(pipeline.id) is in workspace \(pipeline.workspaceID); give that, "
                + "or leave it out")
    }

    // MARK: Records behind an assay

    /// Whole records of a pipeline, oldest first, as `assays/get_baseline` answers them.
    ///
    /// - Parameters:
    ///   - locations: whose records, as in an assay's window.
    ///   - next: behind which record to go on, as `next` of the records before says; empty for all, as
    ///     where every partition is at its beginning.
    package func records(
        pipelineName: String, workspaceID: WorkspaceID?, in window: TimeWindow, modelName: String?,
        locations: LocationFilter = .all, next: [String: UInt64] = [:], limit: Int
    ) throws -> RecordReading {
        let pipeline = try catalog.pipeline(named: pipelineName, in: workspaceID)
        let topic = pipeline.topic.name
        let filter = RecordFilter(
            partitions: try partitions(of: locations, pipeline, at: snapshot.cut), modelName: modelName)
        let token = try key(before: next, in: topic).map {
            PageToken(cut: snapshot.cut, place: .behind($0))
        }
        return RecordReading(
            at: snapshot.cut, topic: topic, window: window, filter: filter, order: .time(newestFirst: false),
            from: token, limit: limit)
    }

    /// The place in the order of time of the record that `next` is one past.
    private func key(before next: [String: UInt64], in topic: String) throws -> RecordKey? {
        let next = next.filter { $0.value > 0 }
        guard let (partition, index) = next.first else { return nil }
        func refusal(_ problem: String) -> FieldError {
            FieldError(field: "next", problem: problem + "; send what the answer before gave, or start anew")
        }
        guard next.count == 1 else { throw refusal("names \(next.count) partitions, and one record has one") }
        let found = try RecordScan(snapshot).page(
            topic: topic, positions: [partition: index - 1],
            filter: RecordFilter(partitions: [partition]), limit: 1
        ).rows
        guard !found.rows.isEmpty, case let key = found.key(of: 0), key.index == index - 1 else {
            throw refusal("is behind record \(index - 1) of partition \"\(partition)\", which is not there")
        }
        return key
    }
}

extension Catalog {
    /// What the workspace of an assay is called now; nil where it has none, or one that is not known.
    package func workspaceName(of assay: Assay) -> String? {
        assay.definition.workspaceID.flatMap { workspaces[$0]?.name }
    }
}
