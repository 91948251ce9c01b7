// What the server's tests stand on: the router without a port, over a store in a folder that vanishes, and
// answers to look at.

import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import JSON
import NIOCore
import NIOEmbedded
import Store
import StoreSupport
import Synchronization
import TestSupport
import Testing

@testable import HTTPAPI

/// What came back.
struct Answer {
    var status: Int
    var headers: HTTPFields
    var bytes: [UInt8]

    var text: String { String(decoding: bytes, as: UTF8.self) }

    var json: JSONField {
        get throws { JSONField(try JSONValue(parsing: bytes)) }
    }
}

/// A client of the router, and the store behind it.
struct Client: Sendable {
    let folder: TemporaryFolder
    let clock: ManualClock
    let store: InferenceStore
    let inner: any TestClientProtocol

    func send(
        _ method: HTTPRequest.Method, _ path: String, _ headers: HTTPFields = [:], _ body: [UInt8]? = nil
    ) async throws -> Answer {
        try await inner.execute(
            uri: path, method: method, headers: headers, body: body.map { ByteBuffer(bytes: $0) }
        ) { response in
            Answer(
                status: response.status.code, headers: response.headers,
                bytes: Array(response.body.readableBytesView))
        }
    }

    func post(_ path: String, _ body: String, type: String = "application/json") async throws -> Answer {
        try await send(.post, path, [.contentType: type], Array(body.utf8))
    }

    /// Posts to `/v1/api/…` and wants an answer without a refusal.
    @discardableResult
    func ask(_ endpoint: String, _ body: String) async throws -> JSONField {
        let answer = try await post("/v1/api/\(endpoint)", body)
        try #require(answer.status == 200, "\(endpoint) \(body): \(answer.status) \(answer.text)")
        return try answer.json
    }

    /// Posts to `/v1/api/…` and wants a refusal in the contract's shape.
    func refused(_ endpoint: String, _ body: String) async throws -> (status: Int, message: String) {
        let answer = try await post("/v1/api/\(endpoint)", body)
        let json = try answer.json
        guard case .object(let object) = json.value else { return (answer.status, answer.text) }
        try #require(object.members.map(\.key) == ["msg", "code"], "\(endpoint): \(answer.text)")
        try #require(try json["code"].integer() == answer.status)
        return (answer.status, try json["msg"].string())
    }

    // MARK: The tutorial's beginnings

    /// Workspace 1 and pipeline 1, `fraud`.
    func createPipeline() async throws {
        try await ask("workspaces/create", "{\"workspace_name\":\"risk\"}")
        try await ask("pipelines/create", "{\"pipeline_id\":\"fraud\",\"workspace_id\":1,\"definition\":{}}")
    }

    static let topic = "workspace-1-pipeline-fraud-inference"

    func append(_ rows: String, partition: String = "engine", query: String = "") async throws {
        let answer = try await post("/v1/logs/topic/\(Client.topic)/partition/\(partition)\(query)", rows)
        try #require(answer.status == 200, "\(answer.text)")
    }

    /// Records of `out.y` at moments in seconds after 19:00.
    func append(_ records: [(seconds: Double, y: Double)], partition: String = "engine") async throws {
        let rows = records.map { record in
            "{\"time\":\(1_704_826_800_000 + Int64((record.seconds * 1000).rounded())),\"out.y\":\(record.y)}"
        }
        try await append("[" + rows.joined(separator: ",") + "]", partition: partition)
    }

    func upload(
        _ name: String = "m", _ file: [UInt8], fileName: String = "m.onnx", workspaceID: Int = 1,
        endpoint: String = "models/upload", extra: String = ""
    ) async throws -> Answer {
        let metadata =
            "{\"name\":\"\(name)\",\"visibility\":\"public\",\"workspace_id\":\(workspaceID)\(extra)}"
        return try await upload(
            endpoint,
            [
                Part(name: "metadata", contents: Array(metadata.utf8)),
                Part(name: "file", fileName: fileName, contents: file),
            ])
    }

    func upload(_ endpoint: String, _ parts: [Part]) async throws -> Answer {
        try await send(
            .post, "/v1/api/\(endpoint)", [.contentType: "multipart/form-data; boundary=\(Part.boundary)"],
            Part.body(parts))
    }

    /// Uploads a sample model and deploys it as the pipeline's only step; returns where to ask it.
    func deploy(_ model: String, pipeline: String = "fraud", deployment: String = "fraud") async throws
        -> String
    {
        let answer = try await upload(model, try TestData.model(model))
        try #require(answer.status == 200, "\(answer.text)")
        let versions = try await ask("models/list_versions", "{\"model_id\":\"\(model)\"}").array()
        let version = try #require(versions.last)
        let reference = """
            {"name":"\(model)","version":"\(try version["model_version"].string())",\
            "sha":"\(try version["sha"].string())"}
            """
        let created = try await ask(
            "pipelines/create",
            """
            {"pipeline_id":"\(pipeline)","workspace_id":1,\
            "definition":{"steps":[{"ModelInference":{"models":[\(reference)]}}]}}
            """)
        let variant = try created["pipeline_variant_pk_id"].integer()
        let deployed = try await ask(
            "pipelines/deploy",
            "{\"deploy_id\":\"\(deployment)\",\"pipeline_version_pk_id\":\(variant),\"models\":[\(reference)]}"
        )
        let id = try deployed["id"].integer()
        return "/v1/api/pipelines/infer/\(deployment)-\(id)/\(pipeline)"
    }
}

/// A part of a multipart body.
struct Part {
    static let boundary = "a-boundary"

    var name: String
    var fileName: String?
    var contents: [UInt8]

    init(name: String, fileName: String? = nil, contents: [UInt8]) {
        self.name = name
        self.fileName = fileName
        self.contents = contents
    }

    static func body(_ parts: [Part], boundary: String = boundary) -> [UInt8] {
        var bytes: [UInt8] = []
        for part in parts {
            let file = part.fileName.map { "; filename=\"\($0)\"" } ?? ""
            bytes += Array(
                "--\(boundary)\r\nContent-Disposition: form-data; name=\"\(part.name)\"\(file)\r\n\r\n".utf8)
            bytes += part.contents + Array("\r\n".utf8)
        }
        return bytes + Array("--\(boundary)--\r\n".utf8)
    }
}

/// Runs `body` with a client of a new store's router.
func serving<Value>(
    runsModels: Bool = false, publicURL: String? = nil, clock: ManualClock = ManualClock(),
    folder: TemporaryFolder? = nil, configure: (inout StoreConfiguration) -> Void = { _ in },
    _ body: @Sendable @escaping (Client) async throws -> Value
) async throws -> Value {
    let folder = try folder ?? TemporaryFolder()
    var configuration = folder.configuration(runsModels: runsModels)
    configure(&configuration)
    let store = try InferenceStore.open(configuration, sources: clock.sources).store
    let value = try await serving(publicURL: publicURL, clock: clock, folder: folder, store: store, body)
    try await store.close()
    return value
}

/// The router over a store that stays open.
@discardableResult
func serving<Value>(
    publicURL: String? = nil, clock: ManualClock, folder: TemporaryFolder, store: InferenceStore,
    _ body: @Sendable @escaping (Client) async throws -> Value
) async throws -> Value {
    let application = Application(
        router: APIServer.router(store, publicURL: publicURL, logger: noLog), logger: noLog)
    return try await application.test(.router) { client in
        try await body(Client(folder: folder, clock: clock, store: store, inner: client))
    }
}

extension Client {
    /// Sends a body piece by piece without saying how long it will be, or saying something else.
    func stream(
        _ path: String, _ headers: HTTPFields, _ pieces: some Sequence<[UInt8]> & Sendable
    ) async throws -> Answer {
        let (sequence, source) = AsyncStream.makeStream(of: ByteBuffer.self)
        for piece in pieces { source.yield(ByteBuffer(bytes: piece)) }
        source.finish()
        return try await respond(path, headers, RequestBody(asyncSequence: sequence))
    }

    /// The router's answer to a body of any kind.
    func respond(_ path: String, _ headers: HTTPFields, _ body: RequestBody) async throws -> Answer {
        let responder = APIServer.router(store, publicURL: nil, logger: noLog).buildResponder()
        let request = Request(
            head: HTTPRequest(
                method: .post, scheme: "http", authority: "localhost", path: path, headerFields: headers),
            body: body)
        let response = try await responder.respond(to: request, context: Client.context)
        return Answer(
            status: response.status.code, headers: response.headers,
            bytes: try await Client.bytes(of: response))
    }

    static var context: APIContext {
        APIContext(source: ApplicationRequestContextSource(channel: EmbeddedChannel(), logger: noLog))
    }

    static func bytes(of response: Response) async throws -> [UInt8] {
        let collector = Collector()
        try await response.body.write(collector)
        return collector.bytes.withLock { $0 }
    }
}

/// Keeps what a response writes.
private final class Collector: ResponseBodyWriter, Sendable {
    let bytes = Mutex<[UInt8]>([])

    func write(_ buffer: ByteBuffer) async throws {
        bytes.withLock { $0 += Array(buffer.readableBytesView) }
    }

    func finish(_ trailers: HTTPFields?) async throws {}
}
