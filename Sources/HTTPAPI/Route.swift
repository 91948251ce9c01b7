// A method, a path and what answers it. Routes are values in lists, so that the whole surface can be
// looked through: for a wrong method, for tests, for documentation.

import HTTPTypes
import Hummingbird

struct Route: Sendable {
    typealias Handler = @Sendable (Request, APIContext) async throws -> Response

    let method: HTTPRequest.Method
    /// As `/v1/logs/topic/:topic/records`.
    let path: String
    let handler: Handler
    /// Whether all of the work is given up when nobody waits for the answer any more.
    private(set) var endsWithClient = false

    static func post(_ path: String, _ handler: @escaping Handler) -> Route {
        Route(method: .post, path: path, handler: handler)
    }

    /// A post that computes for as long as it takes, on threads of its own.
    static func longPost(_ path: String, _ handler: @escaping Handler) -> Route {
        post(path) { request, context in
            try await withTaskExecutorPreference(LongWork.requests) { try await handler(request, context) }
        }
    }

    /// A question that computes for as long as it takes, on threads of its own.
    static func longQuestion(_ path: String, _ handler: @escaping Handler) -> Route {
        question(path, on: .requests, handler)
    }

    /// A post whose work ends when the client goes: it only reads.
    static func question(_ path: String, on threads: LongWork? = nil, _ handler: @escaping Handler) -> Route {
        var route = post(path) { request, context in
            try await context.whileClientWaits(on: threads) { try await handler(request, context) }
        }
        route.endsWithClient = true
        return route
    }

    static func get(_ path: String, _ handler: @escaping Handler) -> Route {
        Route(method: .get, path: path, handler: handler)
    }

    func matches(_ other: String) -> Bool {
        let pattern = path.split(separator: "/")
        let parts = other.split(separator: "/")
        return pattern.count == parts.count
            && zip(pattern, parts).allSatisfy { $0.hasPrefix(":") || $0 == $1 }
    }
}
