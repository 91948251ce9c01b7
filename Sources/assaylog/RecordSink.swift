// Where appended records go: into a data directory that this process alone writes, or to a server.
//
// Invariant: when `append` returned, the chunk's records are durable.

import Catalog
import Disk
import EventLog
import HTTPAPI
import JSON
import Records
import Store
import Wire

/// What became of one chunk.
struct AppendedChunk {
    var rowCount: Int
    /// Addresses of its records; nil where it held none.
    var indexes: Range<UInt64>?
    /// Whether an earlier import had brought it: nothing was stored now.
    var wasThere = false
}

/// Takes chunks of records, one after another.
protocol RecordSink {
    /// What the records are about to become part of.
    var topic: String { get }

    func append(
        _ chunk: RecordChunk, of file: InputFile, counting unit: String, mark: ImportMark?
    ) async throws -> AppendedChunk

    /// Up to where earlier imports read files into the same place; nil where that cannot be known.
    func marks() throws -> [ImportMark]?

    func close() async throws
}

struct StoreSink: RecordSink {
    let store: InferenceStore
    let topic: String
    let partition: String
    let declaration: RecordDeclaration

    /// Opens a data directory for appending, alone.
    static func open(_ options: Append) async throws -> StoreSink {
        let directory = options.directory.data
        if !options.create {
            let names = try? PosixFileSystem(root: directory).list("")
            guard names?.contains(FileName.manifest) == true else {
                throw CommandFailure(
                    "--data: \(directory) holds no assaylog data; add --create to make it, or name another")
            }
        }
        let store: InferenceStore
        do {
            let (opened, report) = try InferenceStore.open(StoreConfiguration(directory: directory))
            store = opened
            for repair in report.log.repairs + report.derived.repairs { Output.note("note: \(repair)") }
            for damage in report.log.damages + report.derived.damages { Output.note("warning: \(damage)") }
        } catch LogError.disk(let error) where error.kind == .locked {
            throw isServed(options)
        }
        do {
            let pipeline = try await pipeline(options, store)
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
        let pipelineOptions = options.pipeline
        if !options.create {
            do { return try pipelineOptions.found(in: store.catalog) } catch let failure as CommandFailure {
                throw CommandFailure(failure.description + "; or add --create to make it")
            }
        }
        let nobody = "00000000-0000-0000-0000-000000000000"
        let workspaceID: WorkspaceID
        let named = pipelineOptions.workspace
        let existing = store.catalog.workspaces.all
        if named == nil, existing.count > 1 {
            // More than one place it could be made in: it must be there, or be told.
            return try pipelineOptions.found(in: store.catalog)
        }
        if let found = try? pipelineOptions.workspaceID(in: store.catalog)
            ?? (named == nil ? existing.first?.id : nil)
        {
            workspaceID = found
        } else {
            workspaceID = store.catalog.workspaces.next
            try await store.change { catalog in
                [
                    try catalog.createWorkspace(
                        name: named ?? "default", createdBy: nobody, at: store.sources.now())
                ]
            }
        }
        let name = pipelineOptions.pipeline
        if !store.catalog.pipelines(in: workspaceID).contains(where: { $0.name == name }) {
            let definition = try PipelineDefinition(JSONField(.object(JSONObject())))
            try await store.change { catalog in
                [
                    try catalog.createPipeline(
                        name: name, in: workspaceID, definition: definition, version: store.sources.uuid(),
                        createdBy: nobody, at: store.sources.now())
                ]
            }
        }
        return try store.catalog.pipeline(named: name, in: workspaceID, field: "--pipeline")
    }

    /// Another process writes the directory: it takes records over HTTP.
    private static func isServed(_ options: Append) -> CommandFailure {
        var topic = "TOPIC"
        if let (view, _) = try? StoreView.open(options.directory.data),
            let pipeline = try? options.pipeline.found(in: view.catalog)
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

    func append(
        _ chunk: RecordChunk, of file: InputFile, counting unit: String, mark: ImportMark?
    ) async throws -> AppendedChunk {
        var parsed: ParsedRecords
        if chunk.kind == .arrow {
            do throws(ArrowError) { parsed = try ArrowReader.read(chunk.text) } catch {
                throw chunk.located(error, in: file)
            }
        } else {
            do throws(RecordParseError) {
                parsed = try RecordParser.parse(
                    chunk.text, as: .lines,
                    float32Fields: store.float32Fields(ofTopic: topic).union(declaration.float32Fields))
            } catch { throw chunk.located(error, in: file, counting: unit) }
        }
        guard parsed.batch.rowCount > 0 else { return AppendedChunk(rowCount: 0) }
        // A record without a time happened now, as far as we know.
        let now = store.sources.now().milliseconds
        for row in parsed.timeAbsent { parsed.batch.times[Int(row)] = now }
        let span: AppendedSpan
        if var mark {
            mark.rowCount += parsed.batch.rowCount
            span = try await store.append(parsed.batch, mark: mark, declaring: declaration)
        } else {
            span = try await store.append(
                parsed.batch, topic: topic, partition: partition, declaring: declaration)
        }
        return AppendedChunk(rowCount: parsed.batch.rowCount, indexes: span.firstIndex..<span.endIndex)
    }

    func marks() throws -> [ImportMark]? { try store.view.importMarks(topic: topic, partition: partition) }

    func close() async throws { try await store.close() }
}

struct ServerSink: RecordSink {
    let server: ServerClient
    let topic: String
    let partition: String
    /// What the server is to know of the records: the query of every append.
    let query: String
    /// Beside a chunk's place and bytes, what its key is made of: the same for every import of the
    /// same bytes to the same place, unless they are to be stored once more.
    let salt: String

    static func open(_ options: Append, _ url: String) throws -> ServerSink {
        let server = try ServerClient(url)
        let name = options.pipeline.pipeline
        let workspaces = try server.post("/v1/api/workspaces/list", .object(JSONObject()))
        var workspaceID: Int?
        if let wanted = options.pipeline.workspace {
            workspaceID = try workspaces["workspaces"].array().first { try $0["name"].string() == wanted }
                .map { try $0["id"].integer() }
            if workspaceID == nil && options.create {
                let answer = try server.post(
                    "/v1/api/workspaces/create", .object(("workspace_name", .string(wanted))))
                workspaceID = try answer["workspace_id"].integer()
            }
            guard workspaceID != nil else {
                throw CommandFailure(
                    "--workspace is \"\(wanted)\", and the server has no such workspace; "
                        + "add --create to make it"
                )
            }
        }
        func topic() throws -> String {
            let question = JSONValue.object(
                ("pipeline_name", .string(name)),
                ("workspace_id", workspaceID.map { .integer($0) } ?? .null))
            return try server.post("/v1/api/plateau/get_topic_name", question)["topic_name"].string()
        }
        var found: String
        do { found = try topic() } catch let failure as CommandFailure {
            guard options.create, let workspaceID else { throw failure }
            _ = try server.post(
                "/v1/api/pipelines/create",
                .object(
                    ("pipeline_id", .string(name)), ("workspace_id", .integer(workspaceID)),
                    ("definition", .object(JSONObject()))))
            found = try topic()
        }
        let members =
            (options.edge ? ["edge=true"] : [])
            + options.float32.map { "float32=" + CatalogName.pathComponent($0) }
        let query = members.isEmpty ? "" : "?" + members.joined(separator: "&")
        return ServerSink(
            server: server, topic: found, partition: options.partition, query: query,
            // Keys are a topic's: the same bytes for another partition, or read otherwise, are another request.
            salt: options.again
                ? SystemSources.randomUUID() : CatalogName.pathComponent(options.partition) + query)
    }

    func append(
        _ chunk: RecordChunk, of file: InputFile, counting unit: String, mark: ImportMark?
    ) async throws -> AppendedChunk {
        let path =
            "/v1/logs/topic/\(CatalogName.pathComponent(topic))/partition/"
            + CatalogName.pathComponent(partition) + query
        var bodies = [chunk.text]
        if chunk.kind == .arrow {
            do throws(ArrowError) {
                bodies = try ArrowSplit.bodies(of: chunk.text, byteCountMax: APIServer.bodyByteCountMax)
            } catch { throw chunk.located(error, in: file) }
        }
        var whole: AppendedChunk?
        do {
            for (number, body) in bodies.enumerated() {
                let (answer, wasThere) = try server.post(
                    path, body: body,
                    contentType: chunk.kind == .arrow
                        ? "application/vnd.apache.arrow.stream" : "application/x-ndjson",
                    // A chunk has more bytes than bodies: no two of them have one place.
                    key: ImportMark.key(salt: salt, start: chunk.start + number, body))
                let span = answer["span"]
                let indexes = UInt64(try span["start"].integer())..<UInt64(try span["end"].integer())
                whole = AppendedChunk(
                    rowCount: (whole?.rowCount ?? 0) + indexes.count,
                    indexes: (whole?.indexes?.lowerBound ?? indexes.lowerBound)..<indexes.upperBound,
                    wasThere: (whole?.wasThere ?? true) && wasThere)
            }
        } catch let failure as CommandFailure {
            throw CommandFailure("\(file.name), after \(unit) \(chunk.linesBefore): \(failure)")
        }
        return whole ?? AppendedChunk(rowCount: 0)
    }

    func marks() throws -> [ImportMark]? { nil }

    func close() async throws {}
}
