// What a topic keeps, and letting go of it: retention, deletion, redaction, compaction.
//
// Invariants:
//  * A deletion or redaction is answered when it is durable, no answer shows what went, and the log's
//    files were rewritten without it; what could not be is named in `problems`.
//  * A member that is not known is refused: nothing goes, or stays, by a misspelling.
//  * A policy, asked for or set, names the assays that reach further back than it keeps records.
//  * Records that a compaction let go by their topic's policy are told of, in the answer and the server's log.
//  * Asking again for what is done is answered with a count of 0.

import EventLog
import Hummingbird
import JSON
import Logging
import Records
import Store

struct HousekeepingRoutes {
    let store: InferenceStore
    let logger: Logger

    var routes: [Route] {
        [
            .get("/v1/logs/topic/:topic/retention", retention),
            .post("/v1/logs/topic/:topic/retention", setRetention),
            .post("/v1/logs/topic/:topic/delete", delete),
            .post("/v1/logs/topic/:topic/redact", redact),
            .post("/v1/logs/compact", compact),
        ]
    }

    @Sendable func retention(_ request: Request, _ context: APIContext) async throws -> Response {
        let topic = try context.parameters.component("topic")
        return Response(json: document(topic, store.retention(of: topic)))
    }

    @Sendable func setRetention(_ request: Request, _ context: APIContext) async throws -> Response {
        let topic = try context.parameters.component("topic")
        let document = try await request.document()
        try document.refuseMembers(besides: ["age", "bytes"])
        let (age, byteCount) = (document["age"], document["bytes"])
        guard age.value != nil || byteCount.value != nil else {
            throw FieldError(
                field: "age",
                problem: "and \"bytes\" are both missing; name the bound to set, or to remove with null")
        }
        // A bound that is not named stays.
        var policy = store.retention(of: topic)
        if age.value != nil {
            do {
                policy.age = try age.optional.map { try TimeSpan(parsing: try $0.string()) }
            } catch let error as TextError { throw age.refused("\(error)") }
        }
        if byteCount.value != nil { policy.byteCount = try byteCount.optional?.integer() }
        try await store.setRetention(policy, of: topic)
        return Response(json: self.document(topic, policy))
    }

    private func document(_ topic: String, _ policy: RetentionPolicy) -> JSONValue {
        var object = JSONObject([
            ("topic", .string(topic)), ("age", policy.age.map { .string($0.text) } ?? .null),
            ("bytes", policy.byteCount.map { .integer($0) } ?? .null),
        ])
        if let problem = store.view.retentionProblem(ofTopic: topic, grace: store.configuration.grace) {
            object.append("retention_problem", .string(problem))
        }
        return .object(object)
    }

    @Sendable func delete(_ request: Request, _ context: APIContext) async throws -> Response {
        let topic = try context.parameters.component("topic")
        // Who names a part wants no more than that to go.
        try await request.document().refuseMembers(besides: [])
        return Response(json: try await store.deleteRecords(ofTopic: topic).json)
    }

    @Sendable func redact(_ request: Request, _ context: APIContext) async throws -> Response {
        let topic = try context.parameters.component("topic")
        let document = try await request.document()
        try document.refuseMembers(besides: ["field"])
        let field = try document["field"].string()
        return Response(json: try await store.redact(field, ofTopic: topic).json)
    }

    @Sendable func compact(_ request: Request, _ context: APIContext) async throws -> Response {
        let report = try await store.compact()
        for (topic, count) in report.recordsLetGo.sorted(by: { $0.key < $1.key }) {
            logger.notice("\(RetentionReport.sentence(count, of: topic))")
        }
        return Response(json: report.json)
    }
}
