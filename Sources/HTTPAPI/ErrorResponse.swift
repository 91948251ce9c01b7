// The one table from our errors to a status and a body.
//
//     /v1/api/…, /v2/api/…      {"msg": …, "code": …}
//     /v1/logs/…, /topic…       {"message": …, "code": …}
//     …/pipelines/infer/…       {"code": …, "status": "Error", "error": …, "msg": …, "source": "engine"}
//
// Invariants:
//  * Every error becomes a body of its API family's shape, with a sentence that says what, where and
//    what to do next.
//  * An error that is not in the table is a 500 whose details go to the server's log only.

import Alerts
import Assays
import Catalog
import EventLog
import HTTPTypes
import Hummingbird
import JSON
import Logging
import NIOHTTP1
import Serving
import Store
import Summaries
import Wire

/// An error as the client sees it.
struct ErrorResponse {
    var status: HTTPResponse.Status
    var message: String
    var headers: HTTPFields = [:]
    /// Whether a name of the request stands for nothing: where a part of the log is not seen it may be there.
    var isOfUnknownName = false

    /// Which shape the body has.
    enum Family {
        case api
        case logs
        case inference

        init(path: String) {
            if path.hasPrefix("/v1/api/pipelines/infer/") {
                self = .inference
            } else if path.hasPrefix("/v1/logs/") || path.hasPrefix("/topic") {
                self = .logs
            } else {
                self = .api
            }
        }
    }

    func response(_ family: Family) -> Response {
        var status = self.status
        // An answer is a logged answer: a log that refuses is an engine that does not answer now.
        if family == .inference, status == .tooManyRequests || status == .outOfStorage {
            status = .serviceUnavailable
        }
        let code = JSONValue.integer(status.code)
        let body: JSONValue =
            switch family {
            case .api: .object(("msg", .string(message)), ("code", code))
            case .logs: .object(("message", .string(message)), ("code", code))
            case .inference:
                .object(
                    ("code", code), ("status", .string("Error")), ("error", .string(message)),
                    ("msg", .string(message)), ("source", .string("engine")))
            }
        var response = Response(json: body, status: status)
        response.headers.append(contentsOf: headers)
        return response
    }
}

/// A refusal decided in this room: of a header, a query, a method.
struct RequestRefusal: Error {
    var status: HTTPResponse.Status
    var message: String
    var headers: HTTPFields = [:]

    init(_ status: HTTPResponse.Status, _ message: String) {
        self.status = status
        self.message = message
    }

    /// A refusal with the limit beside it, for clients that split what they send.
    static func bodyTooLarge(_ message: String, limit: Int) -> RequestRefusal {
        var refusal = RequestRefusal(.contentTooLarge, message)
        refusal.headers[HTTPField.Name("x-max-request-size")!] = String(limit)
        return refusal
    }
}

extension HTTPResponse.Status {
    /// RFC 4918, 11.5: the disk is full.
    fileprivate static let outOfStorage = HTTPResponse.Status(code: 507, reasonPhrase: "Insufficient Storage")
}

extension ErrorResponse {
    /// The table. Nil for an error that is not in it: a fault of ours.
    init?(_ error: any Error) {
        switch error {
        case let error as RequestRefusal:
            self.init(status: error.status, message: error.message, headers: error.headers)
        case let error as FieldError:
            self.init(status: .badRequest, message: "\(error)")
        case let error as JSONError:
            self.init(status: .badRequest, message: "\(error)")
        case let error as RecordParseError:
            self.init(status: .badRequest, message: "\(error)")
        case let error as ArrowError:
            self.init(status: .badRequest, message: "\(error)")
        case let error as MultipartError:
            self.init(status: .badRequest, message: "the multipart body is malformed: \(error)")
        case let error as SummaryError:
            self.init(status: .badRequest, message: "\(error)")
        case let error as CatalogError:
            self.init(
                status: .badRequest, message: "\(error)", isOfUnknownName: error.kind == .unknown)
        case let error as AlertError:
            self.init(status: .badRequest, message: "\(error)")
            if case .unknownWebhook = error { isOfUnknownName = true }
        case let error as AssayError:
            self.init(status: .badRequest, message: "\(error)")
            switch error {
            case .unknownAssay, .unknownUUID: isOfUnknownName = true
            case .duplicateName, .duplicateSeriesName: break
            }
        case let error as StoreRefusal:
            let status: HTTPResponse.Status =
                switch error.kind {
                case .invalid: .badRequest
                case .unknown, .gone: .notFound
                case .tooLarge: .contentTooLarge
                case .unavailable: .serviceUnavailable
                }
            self.init(
                status: status, message: error.description, isOfUnknownName: error.kind == .unknown)
        case let error as ServingError:
            let status: HTTPResponse.Status =
                switch error {
                case .libraryUnavailable: .serviceUnavailable
                // A model that fails does so for what it was asked, or for what it is: the same request
                // fails again, so it is not a fault of the server's.
                default: .badRequest
                }
            self.init(status: status, message: "\(error)")
        case let error as ModelFileError:
            // The model that was asked is a model: it is its file here that is to be mended.
            self.init(status: .serviceUnavailable, message: "\(error)")
        case let error as LogError: self.init(log: error)
        case is HTTPParserError:
            // The head was whole, so that there is a request to answer.
            self.init(
                status: .badRequest,
                message: "the request's body is no HTTP message body (a chunk's length, perhaps): \(error); "
                    + "nothing was stored")
        case let error as HTTPError:
            self.init(status: error.status, message: error.body ?? error.status.reasonPhrase)
        default:
            return nil
        }
    }

    /// What the log refuses.
    private init(log error: LogError) {
        switch error {
        case .busy:
            self.init(
                status: .tooManyRequests, message: "\(error)",
                headers: HTTPFields([HTTPField(name: .retryAfter, value: "1")]))
        case .refused:
            self.init(status: .badRequest, message: "\(error)")
        case .keyReused(_, let span):
            let fields = span.map {
                [HTTPField(name: .idempotentSpan, value: "\($0.firstIndex)-\($0.endIndex)")]
            }
            self.init(
                status: .unprocessableContent, message: "\(error)", headers: HTTPFields(fields ?? []))
        case _ where error.isOutOfSpace:
            self.init(
                status: .outOfStorage, message: "nothing was stored: \(error)",
                headers: HTTPFields([HTTPField(name: .retryAfter, value: "5")]))
        default:
            self.init(
                status: .serviceUnavailable, message: "nothing was stored: \(error)",
                headers: HTTPFields([HTTPField(name: .retryAfter, value: "5")]))
        }
    }
}

/// Turns whatever a handler throws into an answer.
struct ErrorMiddleware<Context: RequestContext>: RouterMiddleware {
    /// Path patterns with the methods they have, to tell a wrong method from a wrong path.
    let routes: [Route]
    let logger: Logger
    /// What is said beside that something is unknown; nil while all of the log is seen.
    let unseenRemark: @Sendable () -> String?

    func handle(
        _ request: Request, context: Context,
        next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        var response = try await answer(request, context, next)
        // What HEAD would get, without it (RFC 9110, 9.3.2).
        if request.method == .head {
            response.body = ResponseBody(contentLength: response.body.contentLength) {
                try await $0.finish(nil)
            }
        }
        return response
    }

    private func answer(
        _ request: Request, _ context: Context, _ next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        let path = request.uri.path
        do {
            try request.refuseEncodedBody()
            return try await next(request, context)
        } catch let error as HTTPError where error.status == .notFound && error.body == nil {
            // Only the router throws this: no route has the path and the method.
            let methods = Set(routes.filter { $0.matches(path) }.map(\.method.rawValue)).sorted()
            let refusal =
                methods.isEmpty
                ? ErrorResponse(
                    status: .notFound, message: "there is nothing at \(path); the README lists what there is")
                : ErrorResponse(
                    status: .methodNotAllowed,
                    message:
                        "\(path) takes \(methods.joined(separator: ", ")), not \(request.method.rawValue)",
                    headers: HTTPFields([HTTPField(name: .allow, value: methods.joined(separator: ", "))]))
            return refusal.response(ErrorResponse.Family(path: path))
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            if var refusal = ErrorResponse(error) {
                if refusal.isOfUnknownName, let remark = unseenRemark() {
                    refusal.message += "; " + remark
                }
                if let error = error as? ModelFileError {
                    // Once: each question of the model meets it until somebody mends the file.
                    if error.isNews { logger.error("\(request.method) \(path): \(refusal.message)") }
                } else if refusal.status.code >= 500 {
                    logger.warning("\(request.method) \(path): \(refusal.message)")
                }
                return refusal.response(ErrorResponse.Family(path: path))
            }
            logger.error("\(request.method) \(path): \(error)")
            return ErrorResponse(
                status: .internalServerError,
                message:
                    "the server failed at \(path), by a fault of its own and not of the request's; what it was "
                    + "is in the server's log, beside this path"
            ).response(ErrorResponse.Family(path: path))
        }
    }
}
