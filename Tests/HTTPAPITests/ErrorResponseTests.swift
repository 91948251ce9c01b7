// Invariants checked: those at the heads of ErrorResponse.swift and ErrorMiddleware.swift, in that order; then the
// statuses that only the server as a whole gives: unknown paths, wrong methods, bodies past their limit.

import Alerts
import Assays
import Catalog
import Disk
import EventLog
import HTTPTypes
import Hummingbird
import JSON
import NIOCore
import Serving
import Store
import StoreSupport
import Summaries
import Testing
import Wire

@testable import HTTPAPI

@Suite("Errors")
struct ErrorResponseTests {
    static let table: [(error: any Error & Sendable, status: Int)] = [
        (FieldError(field: "a.b", problem: "is wrong"), 400),
        (JSONError(offset: 3, problem: "a value was wanted"), 400),
        (RecordParseError.tooLarge("too many rows"), 400),
        (MultipartError(description: "no end"), 400),
        (SummaryError.providedEdgesMissing, 400),
        (CatalogError(.unknown, field: "id", "is 9"), 400),
        (AssayError.unknownAssay(.init(9)), 400),
        (StoreRefusal(.invalid, "no"), 400), (StoreRefusal(.unknown, "no"), 404),
        (StoreRefusal(.gone, "no"), 404), (AlertError.tooManyWebhooks, 400),
        (StoreRefusal(.tooLarge, "no"), 413), (StoreRefusal(.unavailable, "no"), 503),
        (ServingError.libraryUnavailable(tried: []), 503), (ServingError.runtime(reason: "no"), 400),
        (ServingError.missingInput(field: "x"), 400), (ServingError.invalidModel(reason: "no"), 400),
        (ModelFileError("models/aa", hash: "bb"), 503),
        (LogError.busy(waitingByteCount: 5, limit: 4), 429), (LogError.closed, 503),
        (LogError.keyReused("k", span: nil), 422),
        (
            LogError.disk(DiskError(kind: .outOfSpace, operation: "append", file: "f", reason: "full")), 507
        ), (LogError.disk(DiskError(kind: .other, operation: "sync", file: "f", reason: "EIO")), 503),
        (RequestRefusal(.unsupportedMediaType, "no"), 415),
        (RequestRefusal.bodyTooLarge("no", limit: 7), 413),
        (HTTPError(.unprocessableContent, message: "no"), 422),
    ]

    @Test("every error of ours has its status and a sentence")
    func statuses() throws {
        for (error, status) in Self.table {
            let response = try #require(ErrorResponse(error), "\(error)")
            #expect(response.status.code == status, "\(error)")
            #expect(!response.message.isEmpty, "\(error)")
        }
        #expect(ErrorResponse(LogError.busy(waitingByteCount: 5, limit: 4))?.headers[.retryAfter] == "1")
        #expect(ErrorResponse(LogError.closed)?.headers[.retryAfter] == "5")
        struct Fault: Error {}
        #expect(ErrorResponse(Fault()) == nil)
    }

    @Test(
        "an error has the body of its path's family",
        arguments: [
            ("/v1/api/assays/list", "{\"msg\":\"no\",\"code\":400}"),
            ("/v2/api/assays/get", "{\"msg\":\"no\",\"code\":400}"), ("/", "{\"msg\":\"no\",\"code\":400}"),
            ("/v1/logs/topic/t/records", "{\"message\":\"no\",\"code\":400}"),
            ("/topic/t", "{\"message\":\"no\",\"code\":400}"),
            ("/topics", "{\"message\":\"no\",\"code\":400}"),
            (
                "/v1/api/pipelines/infer/a-1/a",
                "{\"code\":400,\"status\":\"Error\",\"error\":\"no\",\"msg\":\"no\",\"source\":\"engine\"}"
            ),
        ])
    func families(_ path: String, _ body: String) async throws {
        let middleware = ErrorMiddleware<APIContext>(routes: [], logger: noLog) { nil }
        #expect(try await Self.text(middleware, path, StoreRefusal(.invalid, "no")) == body)
    }

    // Whoever sent it by another name can say that name: nobody looks for it in the sentence.
    @Test("a member that is refused is named apart from the sentence, where the contract has room for it")
    func refusedMember() async throws {
        let middleware = ErrorMiddleware<APIContext>(routes: [], logger: noLog) { nil }
        let message = "\"field \\\"a.b\\\" is wrong\",\"code\":400"
        for (path, field, body) in [
            (
                "/v1/logs/compact", "a.b",
                "{\"message\":\(message),\"field\":\"a.b\",\"problem\":\"is wrong\"}"
            ),
            ("/v1/logs/compact", "", "{\"message\":\"the request is wrong\",\"code\":400}"),
            ("/v1/api/assays/list", "a.b", "{\"msg\":\(message)}"),
        ] {
            let error = FieldError(field: field, problem: "is wrong")
            #expect(try await Self.text(middleware, path, error) == body)
        }
    }

    @Test("a fault of ours is a 500 that says whose it is and where more is said, and nothing of it")
    func faults() async throws {
        struct Fault: Error, CustomStringConvertible { let description = "/secret/path" }
        let middleware = ErrorMiddleware<APIContext>(routes: [], logger: noLog) { nil }
        #expect(
            try await Self.text(middleware, "/v1/api/assays/list", Fault())
                == "{\"msg\":\"the server failed at /v1/api/assays/list, by a fault of its own and not of the "
                + "request's; what it was is in the server's log, beside this path\",\"code\":500}")
    }

    @Test("a model's file that is to be mended is told the log once, and each who asks")
    func modelFile() async throws {
        let messages = Messages()
        let middleware = ErrorMiddleware<APIContext>(routes: [], logger: messages.logger) { nil }
        let folder = try TemporaryFolder()
        let store = try InferenceStore.open(folder.configuration()).store
        for _ in 0..<3 {
            let error = #expect(throws: ModelFileError.self) { try store.models.requireWhole("aa") }
            let body = try await Self.text(
                middleware, "/v1/api/pipelines/infer/a-1/a", try #require(error))
            #expect(body.hasPrefix("{\"code\":503,\"status\":\"Error\",\"error\":\"models/aa is missing, "))
        }
        try await store.close()
        #expect(
            messages.all == [
                "POST /v1/api/pipelines/infer/a-1/a: models/aa is missing, and the catalogue has a model of it; "
                    + "restore the file from a backup, or upload the same model again"
            ])
    }

    static func text(_ middleware: ErrorMiddleware<APIContext>, _ path: String, _ error: any Error)
        async throws
        -> String
    {
        let request = Request(
            head: HTTPRequest(method: .post, scheme: "http", authority: "localhost", path: path),
            body: RequestBody(buffer: ByteBuffer()))
        let response = try await middleware.handle(request, context: Client.context) { _, _ in throw error }
        return String(decoding: try await Client.bytes(of: response), as: UTF8.self)
    }

    // It was asked whether the status is 404, which names of the catalogue, assays and webhooks have not.
    @Test("of a name that is unknown, and of nothing else, it is said that it may be in what is not seen")
    func unknownNames() async throws {
        let middleware = ErrorMiddleware<APIContext>(routes: [], logger: noLog) { "it may be elsewhere" }
        let cases: [(error: any Error & Sendable, isUnknown: Bool)] = [
            (CatalogError(.unknown, field: "id", "is 9"), true), (StoreRefusal(.unknown, "no"), true),
            (AssayError.unknownAssay(.init(9)), true), (AssayError.unknownUUID("9"), true),
            (AlertError.unknownWebhook(.init(9)), true),
            (CatalogError(.duplicate, field: "id", "is 9"), false), (StoreRefusal(.gone, "no"), false),
            (AssayError.duplicateName("a", existing: .init(9)), false), (AlertError.tooManyWebhooks, false),
        ]
        for (error, isUnknown) in cases {
            let text = try await Self.text(middleware, "/v1/api/assays/list", error)
            #expect(text.contains("; it may be elsewhere\"") == isUnknown, "\(text)")
        }
    }

    @Test("a pipeline that was made in a file which is gone is not called absent")
    func unseenPipeline() async throws {
        let folder = try TemporaryFolder()
        let question = "{\"pipeline_name\":\"fraud\"}"
        try await serving(folder: folder) { (client: Client) async throws in
            try await client.createPipeline()
            try await client.append([(0, 1)])
            let refused = try await client.refused("plateau/get_topic_name", "{\"pipeline_name\":\"froud\"}")
            #expect(refused.status == 400 && !refused.message.contains("not seen"), "\(refused.message)")
        }
        try folder.remove("segment-0000000000000001")
        try await serving(folder: folder) { (client: Client) async throws in
            for question in [question, "{\"pipeline_pk_id\":1}"] {
                let refused = try await client.refused("plateau/get_topic_name", question)
                #expect(
                    refused.status == 400
                        && refused.message.contains(
                            "; it may be in what is not seen of the log, segment-0000000000000001 at byte 0"),
                    "\(refused.message)")
            }
        }
    }

    @Test(
        "an unknown path is 404, a known one with another method 405 with those it takes",
        arguments: [
            ("GET", "/v1/api/assays/list", 405, "POST"), ("DELETE", "/v1/api/models/upload", 405, "POST"),
            ("GET", "/v1/api/pipelines/infer/a-1/a", 405, "POST"), ("POST", "/healthz", 405, "GET"),
            ("PUT", "/v1/logs/topic/t/records", 405, "POST"), ("POST", "/topic/t", 405, "GET"),
            ("POST", "/v1/api/assays/nothing", 404, nil), ("GET", "/v1/api", 404, nil),
            ("POST", "/", 404, nil),
            ("POST", "/v1/api/assays/list/more", 404, nil), ("POST", "/v1/logs/topic/t", 405, "GET"),
            ("POST", "/v1/logs/topic/a/b/c/d", 404, nil), ("GET", "/../etc/passwd", 404, nil),
        ])
    func unknownPaths(_ method: String, _ path: String, _ status: Int, _ allowed: String?) async throws {
        try await serving { (client: Client) async throws in
            let answer = try await client.send(try #require(HTTPRequest.Method(method)), path)
            #expect(answer.status == status, "\(answer.text)")
            #expect(answer.headers[.allow] == allowed)
            let key = path.hasPrefix("/v1/logs/") || path.hasPrefix("/topic") ? "message" : "msg"
            #expect(try answer.json[key].string().contains(status == 405 ? "takes" : "there is nothing at"))
            #expect(try answer.json["code"].integer() == status)
        }
    }

    @Test("a path means the same with a slash at its end")
    func slashes() async throws {
        try await serving { (client: Client) async throws in
            #expect(try await client.send(.get, "/healthz/").status == 200)
            #expect(try await client.post("/v1/api/features/list/", "{}").status == 200)
        }
    }

    @Test("a closed log is said as such, and what was asked of it is not stored")
    func closedLog() async throws {
        let folder = try TemporaryFolder()
        let store = try InferenceStore.open(StoreConfiguration(directory: folder.path)).store
        try await store.close()
        let application = Application(
            router: APIServer.router(store, publicURL: nil, logger: noLog), logger: noLog)
        try await application.test(.router) { inner in
            let client = Client(folder: folder, clock: ManualClock(), store: store, inner: inner)
            let refused = try await client.refused("workspaces/create", "{\"workspace_name\":\"x\"}")
            #expect(refused.status == 503)
            #expect(refused.message.hasPrefix("nothing was stored: the log is closed"))
        }
    }
}
