// Appended records to a running server, each chunk a request that is stored once.
//
// A file is known by its first record, and a chunk by how many records of the file come before it: that is
// its Idempotency-Key. The server says what a key stands for when it is asked with an empty body, which it
// stores nothing of; so what it has of a file is sent as it was sent before, and then what is new:
//
//     sent before    [a b c][d e]                     the file       [a b c][d e f]
//     the server     has 3 records at 0, 2 at 3       then           [a b c] and [d e] are there; [f] is new
//     or             [d e] is not what is there: it is another file that begins alike, and is sent from its
//                    beginning once more, under the keys of the next attempt
//
// Keys are forgotten after a day, those of an earlier file before those of a later one that begins alike. So
// before a file gets the keys of an attempt, `attemptCount` of them are asked for, and where one fits it is taken.
//
// Invariants:
//  * When `append` returned, the chunk's records are durable.
//  * Within the horizon of keys no chunk is stored twice, of up to `attemptCount` files that begin alike, and
//    none is taken for one that it is not.
//  * Records behind a beginning that the server has are stored only with --resume, or of what has no size (a
//    pipe), which --resume refuses: they may be of another file, whose beginning would be lost.

import Bytes
import Catalog
import JSON
import Records
import Store
import Wire

final class ServerSink: RecordSink {
    let server: ServerClient
    let topic: String
    let partition: String
    /// What the server is to know of the records: the query of every append.
    let query: String
    /// Beside a file's beginning and a chunk's place, what its key is made of: the same for every import of the
    /// same file to the same place, unless it is to be stored once more.
    private let salt: String

    private let isResumed: Bool
    private let isAgain: Bool

    /// Attempts that are asked for before a file is a new one.
    private static let attemptCount = 8

    // Of the file that is being sent.
    private var attempt = 0
    /// The place where an attempt before this one ended.
    private var other: Range<Int>?
    private var beginning: Fingerprint?
    private var rowCount = 0
    /// Whether a chunk of it was stored: those behind it surely are not there.
    private var isNew = false

    private init(server: ServerClient, topic: String, partition: String, query: String, options: Append) {
        self.server = server
        self.topic = topic
        self.partition = partition
        self.query = query
        // Keys are a topic's: the same bytes for another partition, or read otherwise, are another request.
        salt =
            options.again ? SystemSources.randomUUID() : CatalogName.pathComponent(partition) + query
        isResumed = options.resume
        isAgain = options.again
    }

    static func open(_ options: Append, _ url: String) throws -> ServerSink {
        let server = try ServerClient(url)
        let topic = try topic(options, server)
        let members =
            (options.edge ? ["edge=true"] : [])
            + options.float32.map { "float32=" + CatalogName.pathComponent($0) }
        let query = members.isEmpty ? "" : "?" + members.joined(separator: "&")
        return ServerSink(
            server: server, topic: topic, partition: options.partition, query: query, options: options)
    }

    private static func topic(_ options: Append, _ server: ServerClient) throws -> String {
        let name = options.pipeline.pipeline
        let workspaces = try server.post("/v1/api/workspaces/list", .object(JSONObject()))["workspaces"]
            .array().map { (id: WorkspaceID(try $0["id"].integer()), name: try $0["name"].string()) }
        /// Nil where there is no such pipeline, or no single one.
        func topic(in workspaceID: WorkspaceID?) throws -> String? {
            let question = JSONValue.object(
                ("pipeline_name", .string(name)),
                ("workspace_id", workspaceID.map { .identifier($0) } ?? .null))
            do {
                return try server.post("/v1/api/plateau/get_topic_name", question)["topic_name"].string()
            } catch let failure as CommandFailure where failure.status == 400 { return nil }
        }
        let choice = try PipelineChoice(options.pipeline, among: workspaces, mayCreate: options.create) {
            workspaceID in
            // It has one question, mostly: which of several hold a name is asked only where it has no answer.
            if let topic = try topic(in: workspaceID) { return [("", topic)] }
            return try workspaceID != nil
                ? [] : workspaces.compactMap { place in try topic(in: place.id).map { (place.name, $0) } }
        }
        let place: PipelinePlace
        switch choice {
        case .found(let topic): return topic
        case .make(let chosen): place = chosen
        case .refused(.unclear(let problem)): throw CommandFailure(problem)
        case .refused(.noWorkspace(let problem)), .refused(.noPipeline(let problem)):
            // One that takes no appends makes none, and what it does not see of its log may hold it.
            let reason = try server.get("/healthz")["reason"]
            throw CommandFailure(
                problem
                    + (reason.isPresent
                        ? "; the server makes none now, and may not see the one that there is: "
                            + (try reason.string())
                        : "; add --create to make it"))
        }
        let workspaceID: WorkspaceID
        switch place {
        case .workspace(let id): workspaceID = id
        case .newWorkspace(let name):
            let document = JSONValue.object(("workspace_name", .string(name)))
            workspaceID = WorkspaceID(
                try server.post("/v1/api/workspaces/create", document)["workspace_id"].integer())
        }
        _ = try server.post(
            "/v1/api/pipelines/create",
            .object(
                ("pipeline_id", .string(name)), ("workspace_id", .identifier(workspaceID)),
                ("definition", .object(JSONObject()))))
        guard let made = try topic(in: workspaceID) else {
            throw CommandFailure("the server made pipeline \"\(name)\" and does not know it; ask it again")
        }
        return made
    }

    func begin(attempt number: Int) {
        // What an attempt ended at is behind it, whichever that was.
        attempt = number == 0 ? 0 : attempt + 1
        if number == 0 { other = nil }
        beginning = nil
        rowCount = 0
        isNew = isAgain
    }

    func append(
        _ chunk: RecordChunk, of file: InputFile, counting unit: String, mark: ImportMark?
    ) async throws -> AppendedChunk {
        var whole = AppendedChunk(rowCount: 0)
        do {
            for piece in try SentPiece.all(of: chunk) {
                var rest = [piece]
                while let piece = rest.popLast() {
                    do {
                        rest += try send(piece, of: file, into: &whole).reversed()
                    } catch let failure as CommandFailure {
                        // The server counts rows from where the request began.
                        let before = unit == "line" ? piece.linesBefore(in: chunk) : rowCount
                        throw CommandFailure(
                            "\(file.name), after \(unit) \(before): \(failure)",
                            serverRemedy: failure.serverRemedy)
                    }
                }
            }
        } catch {
            let failure: any Error =
                if let error = error as? ArrowError { chunk.located(error, in: file) } else { error }
            throw whole.indexes == nil ? failure : PartlyAppended(chunk: whole, failure: failure)
        }
        whole.wasThere = whole.indexes == nil
        return whole
    }

    /// Sends what the server has of a piece, or all of it where it has nothing.
    /// - Returns: the rest in order; all of it, halved, where it was too large for a request.
    private func send(_ piece: SentPiece, of file: InputFile, into whole: inout AppendedChunk) throws
        -> [SentPiece]
    {
        var count: Int?
        if beginning == nil {
            beginning = try piece.beginning()
            count = try choose(piece)
        } else if !isNew {
            count = try rowCountThere(attempt)
        }
        if count == nil {
            guard isNew || rowCount == 0 || isResumed || file.byteCount == nil else {
                throw CommandFailure(
                    "the server has the \(Quantity.of(rowCount, "record")) before, and not those behind: "
                        + "--resume sends these, where the file has grown or its import was interrupted; "
                        + "--again sends all of it, where it is another file that begins alike")
            }
            do {
                try post(piece.body, piece.mediaType, into: &whole)
                return []
            } catch let failure as CommandFailure where piece.isTooLarge(by: failure) {
                guard let halves = try piece.halves() else { throw failure }
                return halves
            } catch let conflict as KeyConflict {
                // Another process sends the same file, or what is behind a gap is there.
                count = conflict.rowCount
            }
        }
        let rows = rowCount..<rowCount + (count ?? 0)
        guard let (body, rest) = try piece.cut(behind: rows.count) else { throw isOther(rows) }
        do { try post(body, piece.mediaType, into: &whole) } catch is KeyConflict { throw isOther(rows) }
        return rest
    }

    private func isOther(_ rows: Range<Int>) -> OtherFile {
        other = rows
        return OtherFile(rows: rows, isStored: isNew)
    }

    /// Chooses the attempt whose file begins as this one does, and has most of it; or one that is free.
    ///
    /// - Returns: the records that the server has of the piece under the attempt's first key; nil for none.
    private func choose(_ piece: SentPiece) throws -> Int? {
        guard !isAgain else { return nil }
        var free: Int?
        var found: (attempt: Int, rowCount: Int)?
        let last = attempt + ServerSink.attemptCount
        var different: Range<Int>?
        var candidate = attempt
        while candidate < last || (found == nil && free == nil) {
            defer { candidate += 1 }
            guard let count = try rowCountThere(candidate) else {
                free = free ?? candidate
                continue
            }
            guard count > found?.rowCount ?? 0 else { continue }
            if let (body, _) = try piece.cut(behind: count),
                try isThere(body, piece.mediaType, candidate)
            {
                found = (candidate, count)
            } else {
                different = different ?? 0..<count
            }
        }
        if let found {
            attempt = found.attempt
            return found.rowCount
        }
        // What is resumed has begun, if anything that begins so has.
        if isResumed, let rows = other ?? different { throw OtherFile(rows: rows, isLast: true) }
        attempt = free!
        return nil
    }

    // MARK: Requests

    private var path: String {
        "/v1/logs/topic/\(CatalogName.pathComponent(topic))/partition/"
            + CatalogName.pathComponent(partition) + query
    }

    private func key(_ attempt: Int) -> String {
        ImportMark.key(salt: salt, beginning: beginning!, attempt: attempt, row: rowCount)
    }

    /// How many records the key of the place stands for; nil where it stands for none.
    private func rowCountThere(_ attempt: Int) throws -> Int? {
        do {
            _ = try server.post(path, body: [], contentType: SentPiece.linesType, key: key(attempt))
            return nil
        } catch let conflict as KeyConflict { return conflict.rowCount }
    }

    /// Whether the key of the place, which is known to stand for something, stands for these records.
    private func isThere(_ body: [UInt8], _ mediaType: String, _ attempt: Int) throws -> Bool {
        do {
            _ = try server.post(path, body: body, contentType: mediaType, key: key(attempt))
            return true
        } catch is KeyConflict { return false }
    }

    private func post(_ body: [UInt8], _ mediaType: String, into whole: inout AppendedChunk) throws {
        let (answer, wasThere) = try server.post(path, body: body, contentType: mediaType, key: key(attempt))
        let span = answer["span"]
        let indexes = UInt64(try span["start"].integer())..<UInt64(try span["end"].integer())
        rowCount += indexes.count
        guard !wasThere, !indexes.isEmpty else { return }
        isNew = true
        whole.rowCount += indexes.count
        whole.commitCount += 1
        whole.indexes = (whole.indexes?.lowerBound ?? indexes.lowerBound)..<indexes.upperBound
    }

    /// What was there was sent with the same query, which is part of its key: it is declared.
    func declare() {}

    func marks() throws -> ImportMarks? { nil }

    func close() async throws {}
}
