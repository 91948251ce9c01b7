// Is it alive, and what is it.

import HTTPTypes
import Hummingbird
import JSON
import Store

struct HealthRoutes {
    let store: InferenceStore

    var routes: [Route] { [.get("/healthz", health)] }

    /// Answers as soon as the process serves; says how far the log is.
    @Sendable func health(_ request: Request, _ context: APIContext) async throws -> Response {
        let runtime: JSONValue =
            switch store.models.runtime {
            case .success(let runtime): .string(runtime.version)
            case .failure: .null
            }
        return Response(
            json: .object(
                ("status", .string("ok")), ("commit", .integer(store.log.cut)), ("onnxruntime", runtime)))
    }
}
