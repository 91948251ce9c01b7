// Around every route: what a handler throws, and a request for which there is no route, is answered.
//
// Invariant: an error that is not in the table (ErrorResponse.swift) is a 500 whose details go to the server's log
// only.

import HTTPTypes
import Hummingbird
import Logging
import Store

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
                if error.isOfUnknownName, let remark = unseenRemark() {
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
