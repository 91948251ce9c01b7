// Is it alive, does it take appends, and what is it.

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
            switch store.models.runtime.known {
            case .success(let runtime): .string(runtime.version)
            case .failure: .null
            case nil: .string("opening")
            }
        // Alive all the same: reads go on while the disk refuses appends.
        let (status, reason): (String, JSONValue) =
            switch store.log.state {
            case .serving: ("ok", .null)
            case .readOnly(let error): ("read-only", .string("\(error)"))
            }
        return Response(
            json: .object(
                ("status", .string(status)), ("reason", reason), ("commit", .integer(store.log.cut)),
                ("onnxruntime", runtime)))
    }
}
