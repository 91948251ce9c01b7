// Appended records into a data directory that this process alone writes, each chunk a commit.
//
// Invariant: when `append` returned, the chunk's records are durable, and with them the mark of how far the file is
// read (Store: InferenceStore+Import.swift).

import Bytes
import Catalog
import Disk
import EventLog
import JSON
import Records
import Store
import Wire

struct StoreSink: RecordSink {
    let store: InferenceStore
    let topic: String
    let partition: String
    let declaration: RecordDeclaration

    /// Opens a data directory for appending, alone.
    static func open(_ options: Append) async throws -> StoreSink {
        let directory = options.directory.data
        if !options.create {
            try StoreView.requireStore(
                on: PosixFileSystem(root: directory), named: directory,
                remedy: "add --create to make it, or give another --data")
        }
        let store: InferenceStore
        do {
            var configuration = StoreConfiguration(directory: directory)
            // A disk that an import fills is one on which something will have to go.
            configuration.log.reserveByteCount = StoreConfiguration.reserveByteCount
            let (opened, report) = try InferenceStore.open(configuration)
            store = opened
            for repair in report.log.repairs + report.derived.repairs { Output.note("note: \(repair)") }
            for damage in report.log.damages + report.derived.damages { Output.note("warning: \(damage)") }
        } catch LogError.disk(let error) where error.kind == .locked {
            throw isServed(options)
        }
        do {
            let pipeline = try await pipeline(options, store)
            let known = store.log.snapshot().index.topics[pipeline.topic.name]?.nextIndexes ?? [:]
            if let problem = RecordLimits.problem(ofPartition: options.partition, beside: known) {
                throw CommandFailure("--partition \(problem)")
            }
            return StoreSink(
                store: store, topic: pipeline.topic.name, partition: options.partition,
                declaration: RecordDeclaration(
                    of: pipeline.id, float32Fields: options.float32, isFromEdge: options.edge))
        } catch {
            try await store.close()
            throw error
        }
    }

    private static func pipeline(_ options: Append, _ store: InferenceStore) async throws -> Pipeline {
        let place: PipelinePlace
        switch options.pipeline.choice(in: store.catalog, mayCreate: options.create) {
        case .found(let pipeline): return pipeline
        case .make(let chosen): place = chosen
        case .refused(let refusal):
            // What may be there is not made a second time.
            let remark = store.unseenRemark
            throw PipelineOptions.failure(
                refusal, in: store.catalog, unseen: remark,
                remedy: remark == nil
                    ? "; or add --create to make it"
                    : "; restore that file from a backup, or give it up with `assaylog serve --without-unseen`"
            )
        }
        let name = options.pipeline.pipeline
        let workspaceID: WorkspaceID
        switch place {
        case .workspace(let id): workspaceID = id
        case .newWorkspace(let name):
            workspaceID = store.catalog.workspaces.next
            try await store.change { catalog in
                [
                    try catalog.createWorkspace(
                        name: name, createdBy: Catalog.defaultUser, at: store.sources.now())
                ]
            }
        }
        let definition = try PipelineDefinition(JSONField(.object(JSONObject())))
        try await store.change { catalog in
            [
                try catalog.createPipeline(
                    name: name, in: workspaceID, definition: definition, version: store.sources.uuid(),
                    createdBy: Catalog.defaultUser, at: store.sources.now())
            ]
        }
        return try store.catalog.pipeline(named: name, in: workspaceID, field: "--pipeline")
    }

    /// Another process writes the directory: it takes records over HTTP.
    private static func isServed(_ options: Append) -> CommandFailure {
        var topic = "TOPIC"
        if let (view, _) = try? StoreView.open(options.directory.data),
            let pipeline = try? options.pipeline.found(
                in: view.catalog, unseen: view.snapshot.index.unseenRemark)
        {
            topic = pipeline.topic.name
        }
        let path =
            "/v1/logs/topic/\(CatalogName.pathComponent(topic))/partition/"
            + CatalogName.pathComponent(options.partition)
        return CommandFailure(
            "\(options.directory.data) is being written by another process, surely a server; "
                + "send the records "
                + "to it: add --server http://HOST:PORT (8080, if it was not told otherwise), "
                + "or POST them to \(path)"
        )
    }

    func begin(attempt: Int) {}

    func append(
        _ chunk: RecordChunk, of file: InputFile, counting unit: String, mark: ImportMark?
    ) async throws -> AppendedChunk {
        var parsed: ParsedRecords
        if chunk.kind == .arrow {
            do throws(ArrowError) { parsed = try chunk.arrowRecords() } catch {
                let failure = chunk.located(error, in: file)
                if case .tooLarge = error { throw TooLargeTogether(failure: failure) }
                throw failure
            }
        } else {
            do throws(RecordParseError) {
                parsed = try RecordParser.parse(
                    chunk.text, as: .lines,
                    float32Fields: store.float32Fields(ofTopic: topic).union(
                        Set(exactly: declaration.float32Fields)))
            } catch {
                let failure = chunk.located(error, in: file, counting: unit)
                if case .tooLarge = error { throw TooLargeTogether(failure: failure) }
                throw failure
            }
        }
        guard parsed.batch.rowCount > 0 else { return AppendedChunk(rowCount: 0) }
        // A record without a time happened now, as far as we know.
        let now = store.sources.now().milliseconds
        for row in parsed.timeAbsent { parsed.batch.times[Int(row)] = now }
        let span: AppendedSpan
        do {
            if var mark {
                mark.rowCount += parsed.batch.rowCount
                span = try await store.append(parsed.batch, mark: mark, declaring: declaration)
            } else {
                span = try await store.append(
                    parsed.batch, topic: topic, partition: partition, declaring: declaration)
            }
        } catch let refusal as StoreRefusal where refusal.kind == .tooLarge {
            throw TooLargeTogether(failure: refusal)
        }
        return AppendedChunk(
            rowCount: parsed.batch.rowCount, indexes: span.firstIndex..<span.endIndex, commitCount: 1)
    }

    func declare() async throws { try await store.declare(declaration, of: partition) }

    func marks() throws -> ImportMarks? { store.view.importMarks(topic: topic, partition: partition) }

    func close() async throws { try await store.close() }
}
