// Models: uploaded as multipart, streamed to disk, validated, kept by their hash.

import Catalog
import HTTPTypes
import Hummingbird
import JSON
import NIOCore
import Records
import Serving
import Store

struct ModelRoutes {
    let store: InferenceStore

    /// The metadata part is small; the file part is not held.
    private static let metadataByteCountMax = 1 << 20

    /// Whether a request to `path` brings a model, which is never held in memory.
    static func isUpload(_ path: String) -> Bool {
        path == "/v1/api/models/upload" || path == "/v1/api/models/upload_and_convert"
    }

    var routes: [Route] {
        [
            .post("/v1/api/models/upload") { request, _ in try await upload(request, status: .ok) },
            .post("/v1/api/models/upload_and_convert") { request, _ in
                try await upload(request, status: .accepted)
            },
            .post("/v1/api/models/list_versions", listVersions),
        ]
    }

    // MARK: Upload

    /// The parts of an upload: what was said of the model, and its file.
    private struct Parts {
        var metadata: [UInt8]?
        var fileName: String?
        var upload: ModelFiles.Upload?
    }

    /// What an upload says of its model.
    private struct Metadata {
        let name: String
        let workspaceID: WorkspaceID
        let visibility: Visibility
        let framework: String
        let conversion: JSONValue

        init(_ body: JSONField) throws {
            name = try body["name"].string()
            workspaceID = try body["workspace_id"].identifier()
            visibility = try body["visibility"].optional?.word() ?? .private
            framework = try body["conversion"]["framework"].optional?.string() ?? "onnx"
            conversion = body["conversion"].value ?? .null
            guard framework.lowercased() == "onnx" else {
                throw body["conversion"]["framework"].refused(
                    "is \"\(framework)\"; this server runs ONNX models: export the model to ONNX")
            }
        }
    }

    @Sendable func upload(_ request: Request, status: HTTPResponse.Status) async throws -> Response {
        guard request.mediaType == "multipart/form-data",
            let boundary = MultipartScanner.boundary(
                inContentType: request.headers.value(of: .contentType) ?? "")
        else {
            throw RequestRefusal(
                .badRequest,
                "a model is uploaded as multipart/form-data with the parts \"metadata\" and \"file\"")
        }
        try request.refuseStatedLength(
            over: store.configuration.modelByteCountMax + ModelRoutes.metadataByteCountMax)
        let parts = try await receive(request, boundary: boundary)
        guard let text = parts.metadata else {
            throw FieldError(field: "metadata", problem: "is missing; it must be a part of JSON")
        }
        guard let upload = parts.upload else {
            throw FieldError(field: "file", problem: "is missing; it must be a part with the model's bytes")
        }
        let metadata = try Metadata(JSONField(try JSONValue(parsing: text)))
        // What the catalogue would refuse is refused before the model is kept.
        _ = try store.catalog.addModelVersion(
            name: metadata.name, in: metadata.workspaceID, version: "",
            contents: ModelContents(
                sha256: "", fileName: "", byteCount: 0, framework: metadata.framework),
            createdBy: "", at: store.sources.now())

        let (sha256, signature) = try upload.keep()
        let contents = ModelContents(
            sha256: sha256, fileName: parts.fileName ?? metadata.name, byteCount: upload.byteCount,
            framework: metadata.framework, visibility: metadata.visibility, conversion: metadata.conversion,
            inputSignature: signature.map { .array($0.inputs.map(\.json)) } ?? .null,
            outputSignature: signature.map { .array($0.outputs.map(\.json)) } ?? .null)
        let events = try await store.change { catalog in
            [
                try catalog.addModelVersion(
                    name: metadata.name, in: metadata.workspaceID, version: store.sources.uuid(),
                    contents: contents, createdBy: Catalog.defaultUser, at: store.sources.now())
            ]
        }
        guard case .modelVersionAdded(let version)? = events.first else {
            preconditionFailure("Adding a model version is one event.")
        }
        // The contract's id here is the version's, whatever the key calls it.
        let model = JSONValue.object(("id", .identifier(version.id)))
        return Response(
            json: .object(
                (
                    "insert_models",
                    .object(("returning", .array([.object(("models", .array([model])))])))
                )), status: status)
    }

    private func receive(_ request: Request, boundary: String) async throws -> Parts {
        var scanner = MultipartScanner(boundary: boundary)
        var parts = Parts()
        var current: String?
        for try await piece in request.body {
            for event in try scanner.scan(piece.readableBytesView) {
                switch event {
                case .began(let header):
                    current = header.name
                    if header.name == "metadata" { parts.metadata = [] }
                    if header.name == "file" {
                        guard parts.upload == nil else {
                            throw FieldError(
                                field: "file", problem: "is given twice; upload one model at a time")
                        }
                        parts.fileName = header.fileName
                        parts.upload = try store.models.beginUpload(uuid: store.sources.uuid())
                    }
                case .data(let bytes):
                    if current == "metadata" {
                        parts.metadata?.append(contentsOf: bytes)
                        guard parts.metadata!.count <= ModelRoutes.metadataByteCountMax else {
                            throw RequestRefusal.bodyTooLarge(
                                "the metadata part is over 1 MiB", limit: ModelRoutes.metadataByteCountMax)
                        }
                    } else if current == "file" {
                        try parts.upload?.append(bytes)
                    }
                case .ended:
                    current = nil
                }
            }
        }
        try scanner.finish()
        return parts
    }

    // MARK: List

    @Sendable func listVersions(_ request: Request, _ context: APIContext) async throws -> Response {
        let body = try await request.document()
        let name = try body["model_id"].optional?.string()
        let modelID: ModelID? = try body["models_pk_id"].optional?.identifier()
        let versions = store.catalog.modelVersions(named: name, modelID: modelID)
        return Response(
            json: .array(
                versions.map { version in
                    .object(
                        ("sha", .string(version.contents.sha256)),
                        ("models_pk_id", .identifier(version.modelID)),
                        ("model_version", .string(version.version)),
                        ("owner_id", .string(version.createdBy)), ("model_id", .string(version.name)),
                        ("id", .identifier(version.id)), ("file_name", .string(version.contents.fileName)),
                        ("image_path", .null), ("status", .string(version.status.rawValue)))
                }))
    }
}

extension TensorSignature {
    fileprivate var json: JSONValue {
        .object(
            ("name", .string(name)), ("type", .string(elementType.rawValue)),
            ("shape", .array(dimensions.map { .integer($0) })))
    }
}
