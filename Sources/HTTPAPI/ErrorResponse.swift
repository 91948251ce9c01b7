// The one table from our errors to a status and a body.
//
//     /v1/api/…, /v2/api/…      {"msg": …, "code": …}
//     /v1/logs/…, /topic…       {"message": …, "code": …}; and {…, "field": …, "problem": …} where the refusal is
//                               of one member of the request: the message by its parts
//     …/pipelines/infer/…       {"code": …, "status": "Error", "error": …, "msg": …, "source": "engine"}
//
// Invariant: every error becomes a body of its API family's shape, with a sentence that says what, where and
// what to do next.

import Alerts
import Assays
import Catalog
import EventLog
import HTTPTypes
import Hummingbird
import JSON
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
    /// The member of the request that is refused, where it is one.
    var field: FieldError?

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
            case .logs:
                .object(
                    JSONObject(
                        [("message", .string(message)), ("code", code)]
                            + (field.map {
                                [("field", .string($0.field)), ("problem", .string($0.problem))]
                            } ?? [])))
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
            self.init(status: .badRequest, message: "\(error)", field: error.field.isEmpty ? nil : error)
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
            self.init(status: .badRequest, message: "\(error)")
        case let error as AlertError:
            self.init(status: .badRequest, message: "\(error)")
        case let error as AssayError:
            self.init(status: .badRequest, message: "\(error)")
        case let error as StoreRefusal:
            let status: HTTPResponse.Status =
                switch error.kind {
                case .invalid: .badRequest
                case .unknown, .gone: .notFound
                case .tooLarge: .contentTooLarge
                case .unavailable: .serviceUnavailable
                }
            self.init(status: status, message: error.description)
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
