// Appended records to a running server, each chunk a request that is stored once.
//
// A file is known by its first record, and a chunk by how many records of the file come before it: that is
// its Idempotency-Key. So the server says of each chunk whether it is there, or another one in its place:
//
//     sent before    [a b c][d e]                     the file       [a b c][d e f]
//     the server     [a b c] is there; at 3 there are 2 other records than [d e f]
//     then           [d e] is there; [f] is new: the file has grown
//     or             [d e] is not what is there: it is another file that begins alike, and is sent from its
//                    beginning once more, under keys of its own
//
// Invariants:
//  * When `append` returned, the chunk's records are durable.
//  * Within the horizon of keys no chunk is stored twice, and none is taken for one that it is not.

import Bytes
import Catalog
import HTTPAPI
import JSON
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

    // Of the file that is being sent.
    private var attempt = 0
    private var beginning: Fingerprint?
    private var rowCount = 0

    private init(server: ServerClient, topic: String, partition: String, query: String, salt: String) {
        self.server = server
        self.topic = topic
        self.partition = partition
        self.query = query
        self.salt = salt
    }

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

    func begin(attempt: Int) {
        self.attempt = attempt
        beginning = nil
        rowCount = 0
    }

    func append(
        _ chunk: RecordChunk, of file: InputFile, counting unit: String, mark: ImportMark?
    ) async throws -> AppendedChunk {
        var whole = AppendedChunk(rowCount: 0)
        do {
            if chunk.kind == .arrow {
                let bodies: [[UInt8]]
                do throws(ArrowError) {
                    bodies = try ArrowSplit.bodies(of: chunk.text, byteCountMax: APIServer.bodyByteCountMax)
                } catch { throw chunk.located(error, in: file) }
                for body in bodies {
                    beginning = beginning ?? body.withUnsafeBytes { Fingerprint($0) }
                    try send(body, isArrow: true, into: &whole)
                }
            } else {
                try send(lines: chunk.text[...], into: &whole)
            }
        } catch let failure as CommandFailure {
            throw CommandFailure("\(file.name), after \(unit) \(chunk.linesBefore): \(failure)")
        }
        whole.wasThere = whole.indexes == nil
        return whole
    }

    /// Sends lines of records: all at once, or what the server has of them first, and then what is new.
    private func send(lines: ArraySlice<UInt8>, into whole: inout AppendedChunk) throws {
        var rest = lines.trimmed
        while !rest.isEmpty {
            if beginning == nil {
                beginning = rest[..<(rest.end(ofRecord: 1) ?? rest.endIndex)].withUnsafeBytes {
                    Fingerprint($0)
                }
            }
            do {
                return try send(Array(rest), isArrow: false, into: &whole)
            } catch let conflict as KeyConflict {
                // Where the file has grown, what the server has is its beginning.
                let rows = rowCount..<rowCount + conflict.rowCount
                guard let end = rest.end(ofRecord: conflict.rowCount), end < rest.endIndex else {
                    throw OtherFile(rows: rows)
                }
                do { try send(Array(rest[..<end]), isArrow: false, into: &whole) } catch is KeyConflict {
                    throw OtherFile(rows: rows)
                }
                rest = rest[end...].trimmed
            }
        }
    }

    private func send(_ body: [UInt8], isArrow: Bool, into whole: inout AppendedChunk) throws {
        let path =
            "/v1/logs/topic/\(CatalogName.pathComponent(topic))/partition/"
            + CatalogName.pathComponent(partition) + query
        let key = ImportMark.key(salt: salt, beginning: beginning!, attempt: attempt, row: rowCount)
        let (answer, wasThere): (JSONField, Bool)
        do {
            (answer, wasThere) = try server.post(
                path, body: body,
                contentType: isArrow ? "application/vnd.apache.arrow.stream" : "application/x-ndjson",
                key: key)
        } catch let conflict as KeyConflict where isArrow {
            throw OtherFile(rows: rowCount..<rowCount + conflict.rowCount)
        }
        let span = answer["span"]
        let indexes = UInt64(try span["start"].integer())..<UInt64(try span["end"].integer())
        rowCount += indexes.count
        guard !wasThere, !indexes.isEmpty else { return }
        whole.rowCount += indexes.count
        whole.indexes = (whole.indexes?.lowerBound ?? indexes.lowerBound)..<indexes.upperBound
    }

    func marks() throws -> [ImportMark]? { nil }

    func close() async throws {}
}

extension ArraySlice<UInt8> {
    private static func isSpace(_ byte: UInt8) -> Bool { [0x20, 0x09, 0x0A, 0x0D].contains(byte) }

    /// Without the space at its ends, so that the same records are the same bytes wherever a file ends.
    fileprivate var trimmed: ArraySlice<UInt8> {
        guard let first = firstIndex(where: { !Self.isSpace($0) }),
            let last = lastIndex(where: { !Self.isSpace($0) })
        else { return self[endIndex...] }
        return self[first...last]
    }

    /// Where the record of that number ends, counted from 1; nil where there are fewer, or none is closed.
    fileprivate func end(ofRecord number: Int) -> Int? {
        var (depth, count) = (0, 0)
        var (isInString, isEscaped) = (false, false)
        for (position, byte) in zip(indices, self) {
            if isInString {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isInString = false
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): isInString = true
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                guard depth == 0 else { continue }
                count += 1
                if count == number { return position + 1 }
            default: break
            }
        }
        return nil
    }
}
