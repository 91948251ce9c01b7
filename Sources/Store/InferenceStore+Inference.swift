// A request through a deployed pipeline's models, into the log, and only then back to the caller.
//
// Invariants:
//  * An answer is a logged answer: it is given only when its records are durable, with their members in the order
//    in which they are logged.
//  * All records of one request have one time and lie in one commit.
//  * A request that is repeated is answered with its own records, all of them, or refused.

import Bytes
import Catalog
import EventLog
import JSON
import Queries
import Records
import Segments
import Serving

extension InferenceStore {
    /// Runs a request's rows through the deployment called `fullName`, and logs them.
    ///
    /// - Parameters:
    ///   - inputs: one row a question; fields are the model's inputs.
    ///   - parseNanoseconds: what reading the request took, for `metadata.elapsed`.
    ///   - key: what a retry is told by, within `log.once` for it.
    /// - Returns: the records as logged.
    package func infer(
        deployment fullName: String, pipelineName: String, _ inputs: RecordBatch, parseNanoseconds: Int64,
        key: RequestKey? = nil
    ) async throws -> RecordBatch {
        let catalog = self.catalog
        let (deployment, pipeline) = try deployed(fullName, pipelineName)
        let versions = deployment.modelVersionIDs.compactMap { catalog.modelVersions[$0] }
        guard let last = versions.last else {
            throw StoreRefusal(.invalid, "pipeline \"\(pipelineName)\" has no model in its steps")
        }
        let start = sources.monotonicNanoseconds()
        let outputs = try run(versions, inputs)
        let elapsed = sources.monotonicNanoseconds() - start

        let rowCount = inputs.rowCount
        var fields = inputs.fields.map { field in
            FieldColumn(name: "in." + field.name, presence: field.presence, values: field.values)
        }
        fields += try outputs.map { try ModelTensors.field($0, rowCount: rowCount) }
        func constant(_ name: String, _ text: String) -> FieldColumn {
            let texts = TextColumn(repeating: text, count: rowCount)
            return FieldColumn(name: name, values: .scalar(Leaf(.text(texts))))
        }
        func constant(_ value: Int64) -> Leaf {
            Leaf(.int64([Int64](repeating: value, count: rowCount)))
        }
        let lastModel = JSONValue.object(
            ("model_name", .string(last.name)), ("model_sha", .string(last.contents.sha256)))
        fields += [
            FieldColumn(name: "check_failures", values: .fixedList([])),
            FieldColumn(name: "anomaly.count", values: .scalar(constant(0))),
            constant("metadata.last_model", lastModel.text),
            constant(
                "metadata.pipeline_version",
                catalog.pipelineVersions[deployment.pipelineVersionID]?.version ?? ""),
            FieldColumn(
                name: "metadata.elapsed", values: .fixedList([constant(parseNanoseconds), constant(elapsed)])),
            FieldColumn(name: "metadata.dropped", values: .fixedList([])),
            constant("metadata.partition", configuration.enginePartition),
        ]
        let time = sources.now().milliseconds
        let batch = RecordBatch(times: [Int64](repeating: time, count: rowCount), fields: fields)
        let span = try await append(
            batch, topic: pipeline.topic.name, partition: configuration.enginePartition, key: key)
        return inOrder(batch, of: span)
    }

    /// Few records are logged with their fields in the order of those before them: so they are answered.
    private func inOrder(_ batch: RecordBatch, of span: AppendedSpan) -> RecordBatch {
        guard batch.rowCount < SegmentFormat.columnBlockRowCountMin else { return batch }
        let run = log.snapshot().index.topics[span.topic]?.tails[span.partition]?.last { run in
            run.firstIndex <= span.firstIndex && run.endIndex >= span.endIndex
        }
        // What became columns meanwhile is read. Where it cannot be, the records are answered all the same.
        guard let logged = run?.batch ?? (try? records(span))?.batches.first else { return batch }
        let places = Dictionary(
            logged.fields.enumerated().map { (ExactText($1.name), $0) },
            uniquingKeysWith: { first, _ in first })
        let placed = batch.fields.map { (place: places[ExactText($0.name)] ?? .max, field: $0) }
        if zip(placed, placed.dropFirst()).allSatisfy({ $0.place <= $1.place }) { return batch }
        return RecordBatch(times: batch.times, fields: placed.sorted { $0.place < $1.place }.map(\.field))
    }

    /// The deployment called `fullName`, and its pipeline, which is called `pipelineName`.
    package func deployed(
        _ fullName: String, _ pipelineName: String
    ) throws -> (deployment: Deployment, pipeline: Pipeline) {
        let catalog = self.catalog
        guard let deployment = catalog.deployment(fullName: fullName), deployment.isDeployed,
            let pipeline = catalog.pipelines[deployment.pipelineID], pipeline.name == pipelineName
        else {
            throw StoreRefusal(
                .unknown,
                "pipeline \"\(pipelineName)\" is not deployed as \"\(fullName)\"; deploy it and ask "
                    + "admin/get_pipeline_external_url for its address")
        }
        return (deployment, pipeline)
    }

    /// The records that an earlier request brought, as one that is repeated is answered.
    ///
    /// - Throws: `StoreRefusal` where not all of them can be read: they were let go, or are damaged.
    package func records(_ span: AppendedSpan) throws -> RecordRows {
        let rows = try RecordScan(log.snapshot()).records(
            topic: span.topic, partition: span.partition, span.indexes)
        let missing = span.indexes.count - rows.rows.count
        if missing == 0 { return rows }
        let what =
            "the request was answered before, with records \(span.firstIndex) to \(span.endIndex - 1) of "
            + "\(span.partition) in \(span.topic), of which \(missing) "
        let anew = "under another key it is answered anew"
        if let unseen = rows.statistics.unseen.first {
            throw StoreRefusal(
                .unavailable,
                what
                    + "cannot be read (\(unseen)); restore the damaged file from a backup and ask again; \(anew)"
            )
        }
        throw StoreRefusal(.gone, what + "are not there any more (they were let go); \(anew)")
    }

    /// Each model's answers are the next one's questions.
    private func run(_ versions: [ModelVersion], _ inputs: RecordBatch) throws -> [Tensor] {
        var tensors: [Tensor] = []
        for (position, version) in versions.enumerated() {
            let session = try models.session(sha256: version.contents.sha256)
            if position == 0 {
                tensors = try ModelTensors.inputs(inputs, for: session.signature)
            } else if tensors.count == session.signature.inputs.count {
                // By name where the names agree, else by position.
                let names = Set(tensors.map(\.name))
                if names != Set(session.signature.inputs.map(\.name)) {
                    tensors = zip(tensors, session.signature.inputs).map { tensor, input in
                        Tensor(name: input.name, shape: tensor.shape, values: tensor.values)
                    }
                }
            }
            tensors = try run(session, tensors, rowCount: inputs.rowCount)
        }
        return tensors
    }

    /// A model saved for one row at a time is asked row by row; all others at once.
    private func run(_ session: ModelSession, _ inputs: [Tensor], rowCount: Int) throws -> [Tensor] {
        let takesOneRow = session.signature.inputs.contains { !$0.takesAnyRowCount && $0.dimensions[0] == 1 }
        guard takesOneRow, rowCount > 1 else { return try session.run(inputs) }
        var rows: [[Tensor]] = []
        for row in 0..<rowCount {
            rows.append(try session.run(inputs.map { $0.row(row, of: rowCount) }))
        }
        return try (0..<rows[0].count).map { output in try Tensor(stacking: rows.map { $0[output] }) }
    }
}

extension InferenceStore {
    /// Declares what records would, without any.
    package func declare(_ declaration: RecordDeclaration, of partition: String) async throws {
        if declaration.isKnown(to: catalog, of: partition) { return }
        try await change { try declaration.events(in: $0, of: partition, at: sources.now()) }
    }

    /// The pipeline whose records are in a topic; nil where there is none.
    package func pipeline(ofTopic name: String) -> Pipeline? {
        folded.withLock { folded in folded.topics[name].flatMap { folded.catalog.pipelines[$0] } }
    }

    /// The fields of a topic's records whose numbers are float32: what text denotes there.
    package func float32Fields(ofTopic name: String) -> Set<ExactText> {
        pipeline(ofTopic: name)?.float32Fields ?? []
    }

    /// Frees the memory of models that no deployment runs.
    package func forgetIdleModels() {
        let catalog = self.catalog
        let running = catalog.deployments.all.filter(\.isDeployed).flatMap(\.modelVersionIDs)
        models.forget(except: Set(running.compactMap { catalog.modelVersions[$0]?.contents.sha256 }))
    }
}
