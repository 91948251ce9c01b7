// Checked here: uploads in the contract's shape, whatever the order and cut of their parts; that one which
// is refused, too large or cut short leaves no file; and the list of versions.

import HTTPTypes
import Hummingbird
import JSON
import NIOCore
import TestSupport
import Testing

@testable import HTTPAPI

@Suite("Models uploaded and listed")
struct ModelRoutesTests {
    static func metadata(_ text: String) -> Part { Part(name: "metadata", contents: Array(text.utf8)) }

    static let good = metadata("{\"name\":\"m\",\"visibility\":\"private\",\"workspace_id\":1}")
    static let file = Part(name: "file", fileName: "m.onnx", contents: [1, 2, 3])

    @Test("an upload is answered with its version's number: 200, or 202 where it would be converted")
    func uploads() async throws {
        try await serving { (client: Client) async throws in
            try await client.ask("workspaces/create", "{\"workspace_name\":\"risk\"}")
            let plain = try await client.upload("m", [1, 2, 3])
            #expect(plain.status == 200)
            #expect(plain.text == "{\"insert_models\":{\"returning\":[{\"models\":[{\"id\":1}]}]}}")
            let converted = try await client.upload(
                "m", [4], fileName: "größe.onnx", endpoint: "models/upload_and_convert",
                extra:
                    ",\"conversion\":{\"framework\":\"ONNX\",\"python_version\":\"3.8\",\"requirements\":[]}")
            #expect(converted.status == 202)
            #expect(converted.text == "{\"insert_models\":{\"returning\":[{\"models\":[{\"id\":2}]}]}}")
            #expect(client.folder.names(in: "models").count == 2)
        }
    }

    @Test("versions are listed oldest first, by name where the number is a version's and not a model's")
    func versions() async throws {
        try await serving { (client: Client) async throws in
            try await client.ask("workspaces/create", "{\"workspace_name\":\"risk\"}")
            _ = try await client.upload("other", [9])
            _ = try await client.upload("m", [1, 2, 3])
            _ = try await client.upload("m", [1, 2, 3], fileName: "again.onnx")
            let answer = try await client.post(
                "/v1/api/models/list_versions", "{\"model_id\":\"m\",\"models_pk_id\":3}")
            let sha = "039058c6f2c0cb492c533b0a4d14ef77cc0f78abccced5287d84a1a2011cfb81"
            let owner = "00000000-0000-0000-0000-000000000000"
            func row(_ id: Int, _ uuid: String, _ file: String) -> String {
                """
                {"sha":"\(sha)","models_pk_id":2,"model_version":"\(uuid)","owner_id":"\(owner)",\
                "model_id":"m","id":\(id),"file_name":"\(file)","image_path":null,"status":"ready"}
                """
            }
            let uuids = client.store.catalog.modelVersions.all.map(\.version)
            #expect(answer.text == "[\(row(2, uuids[1], "m.onnx")),\(row(3, uuids[2], "again.onnx"))]")
            #expect(Set(uuids).count == 3)
            #expect(try await client.ask("models/list_versions", "{\"models_pk_id\":1}").array().count == 1)
            #expect(try await client.ask("models/list_versions", "{\"model_id\":\"nope\"}").array().isEmpty)
            #expect(try await client.refused("models/list_versions", "{\"model_id\":3}").status == 400)
        }
    }

    @Test("the file may come before what is said of it, and parts that nobody knows are passed over")
    func anyOrder() async throws {
        try await serving { (client: Client) async throws in
            try await client.ask("workspaces/create", "{\"workspace_name\":\"risk\"}")
            let other = Part(name: "comment", contents: Array("hello".utf8))
            let answer = try await client.upload("models/upload", [other, Self.file, Self.good, other])
            #expect(answer.status == 200, "\(answer.text)")
        }
    }

    @Test(
        "an upload that cannot be kept is refused by its field's name and leaves no file",
        arguments: [
            ("", [Self.file], "field \"metadata\" is missing"),
            ("", [Self.good], "field \"file\" is missing"),
            ("", [Self.good, Self.file, Self.file], "field \"file\" is given twice"),
            ("", [Self.metadata("{"), Self.file], "malformed JSON"),
            ("", [Self.metadata("{\"workspace_id\":1}"), Self.file], "field \"name\" is missing"),
            ("", [Self.metadata("{\"name\":\"m\"}"), Self.file], "field \"workspace_id\" is missing"),
            (
                "", [Self.metadata("{\"name\":\"m\",\"workspace_id\":7}"), Self.file],
                "field \"workspace_id\" is 7"
            ),
            (
                "", [Self.metadata("{\"name\":\"m/n\",\"workspace_id\":1}"), Self.file],
                "field \"name\" holds a slash"
            ),
            (
                "", [Self.metadata("{\"name\":\"m\",\"workspace_id\":1,\"visibility\":\"shy\"}"), Self.file],
                "field \"visibility\" is \"shy\""
            ),
            (
                "",
                [
                    Self.metadata(
                        "{\"name\":\"m\",\"workspace_id\":1,\"conversion\":{\"framework\":\"keras\"}}"),
                    Self.file,
                ], "field \"conversion.framework\" is \"keras\"; this server runs ONNX models"
            ),
            ("text/plain", [Self.good, Self.file], "a model is uploaded as multipart/form-data"),
            ("multipart/form-data", [Self.good, Self.file], "a model is uploaded as multipart/form-data"),
            (
                "multipart/form-data; boundary=other", [Self.good, Self.file],
                "the multipart body is malformed"
            ),
        ] as [(String, [Part], String)])
    func refusals(_ type: String, _ parts: [Part], _ message: String) async throws {
        try await serving { (client: Client) async throws in
            try await client.ask("workspaces/create", "{\"workspace_name\":\"risk\"}")
            let cut = client.store.log.cut
            let answer = try await client.send(
                .post, "/v1/api/models/upload",
                [.contentType: type.isEmpty ? "multipart/form-data; boundary=\(Part.boundary)" : type],
                Part.body(parts))
            #expect(answer.status == 400)
            #expect(try answer.json["msg"].string().contains(message), "\(answer.text)")
            #expect(client.folder.names(in: "models") == [])
            #expect(client.store.log.cut == cut)
        }
    }

    @Test("an upload that ends early leaves no file, wherever it ends")
    func cutShort() async throws {
        try await serving { (client: Client) async throws in
            try await client.ask("workspaces/create", "{\"workspace_name\":\"risk\"}")
            let body = Part.body([Self.good, Self.file])
            for end in 0..<body.count - 3 {
                let answer = try await client.send(
                    .post, "/v1/api/models/upload",
                    [.contentType: "multipart/form-data; boundary=\(Part.boundary)"], Array(body[..<end]))
                #expect(answer.status == 400, "cut at \(end)")
                #expect(client.folder.names(in: "models") == [], "cut at \(end)")
            }
        }
    }

    @Test("an upload whose client goes away leaves no file")
    func aborted() async throws {
        struct GoneAway: Error {}
        try await serving { (client: Client) async throws in
            try await client.ask("workspaces/create", "{\"workspace_name\":\"risk\"}")
            let body = Part.body([Self.good, Self.file])
            let answer = try await client.fail(
                "/v1/api/models/upload", [.contentType: "multipart/form-data; boundary=\(Part.boundary)"],
                after: Array(body.dropLast(30)), GoneAway())
            #expect(answer.status == 500)
            #expect(client.folder.names(in: "models") == [])
        }
    }

    @Test("a model past the limit is 413, by the length that is stated or by the bytes that come")
    func tooLarge() async throws {
        try await serving(configure: { $0.modelByteCountMax = 100_000 }) { (client: Client) async throws in
            try await client.ask("workspaces/create", "{\"workspace_name\":\"risk\"}")
            let type = "multipart/form-data; boundary=\(Part.boundary)"
            let large = Part(name: "file", fileName: "m", contents: [UInt8](repeating: 7, count: 100_001))
            let body = Part.body([Self.good, large])
            let pieces = stride(from: 0, to: body.count, by: 4096).map {
                Array(body[$0..<min(body.count, $0 + 4096)])
            }
            let streamed = try await client.stream("/v1/api/models/upload", [.contentType: type], pieces)
            #expect(streamed.status == 413)
            #expect(streamed.text == "{\"msg\":\"a model file is limited to 100000 bytes\",\"code\":413}")
            // Nothing is read of what says that it is too large.
            let stated = try await client.stream(
                "/v1/api/models/upload", [.contentType: type, .contentLength: "\(1 << 40)"], [[UInt8]]())
            #expect(stated.status == 413)
            #expect(stated.headers[HTTPField.Name("x-max-request-size")!] != nil)
            let talkative = Part(name: "metadata", contents: [UInt8](repeating: 0x20, count: (1 << 20) + 1))
            let metadata = try await client.stream(
                "/v1/api/models/upload", [.contentType: type], [Part.body([Self.file, talkative])])
            #expect(metadata.status == 413)
            #expect(client.folder.names(in: "models") == [])
            let exact = Part(name: "file", fileName: "m", contents: [UInt8](repeating: 7, count: 100_000))
            #expect(try await client.upload("models/upload", [Self.good, exact]).status == 200)
        }
    }

    @Test(
        "with the library, what is no model that can be served is refused and leaves no file",
        .enabled(if: Library.isNamed, "\(Library.remedy)"))
    func noModel() async throws {
        try await serving(runsModels: true) { (client: Client) async throws in
            try await client.ask("workspaces/create", "{\"workspace_name\":\"risk\"}")
            let bytes = try await client.upload("m", [1, 2, 3])
            #expect(bytes.status == 400)
            #expect(try bytes.json["msg"].string().hasPrefix("not a usable ONNX model: "))
            let text = try await client.upload("m", try TestData.model("text_input.onnx"))
            #expect(text.status == 400)
            #expect(
                try text.json["msg"].string().contains("\"merchant\" is of type string, which is not served"))
            #expect(client.folder.names(in: "models") == [])
            #expect(client.store.catalog.modelVersions.all.isEmpty)
        }
    }
}

extension Client {
    /// Sends the beginning of a body, then nothing but an error, as when a connection breaks.
    func fail(_ path: String, _ headers: HTTPFields, after bytes: [UInt8], _ error: some Error) async throws
        -> Answer
    {
        let (sequence, source) = AsyncThrowingStream.makeStream(of: ByteBuffer.self)
        source.yield(ByteBuffer(bytes: bytes))
        source.finish(throwing: error)
        return try await respond(path, headers, RequestBody(asyncSequence: sequence))
    }
}
