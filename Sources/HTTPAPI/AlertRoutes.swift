// Alerts and the destinations that are told of them: ours, beside the contract.
//
//     POST /v1/api/alerts/list            {"assay_id"?, "limit"?}      changes of status, newest first; the
//                                                                      id is a number, or a UUID of /v2
//     POST /v1/api/webhooks/create        {"url", "secret"?}           {"webhook_id", "secret" if it is new}
//     POST /v1/api/webhooks/list          {}                           destinations, never their secrets
//     POST /v1/api/webhooks/set_active    {"id", "active"}
//     POST /v1/api/webhooks/delete        {"id"}

import Alerts
import Assays
import Hummingbird
import JSON
import Records
import Store

struct AlertRoutes {
    let store: InferenceStore

    private static let alertCountDefault = 100
    private static let alertCountMax = 1_000

    var routes: [Route] {
        [
            .post("/v1/api/alerts/list", list),
            .post("/v1/api/webhooks/create", createWebhook),
            .post("/v1/api/webhooks/list", listWebhooks),
            .post("/v1/api/webhooks/set_active", setActive),
            .post("/v1/api/webhooks/delete", deleteWebhook),
        ]
    }

    @Sendable func list(_ request: Request, _ context: APIContext) async throws -> Response {
        let body = try await request.document()
        let id = try body["assay_id"].optional.map { try assayID($0) }
        let limit =
            try body["limit"].optional?.integer(in: 1...AlertRoutes.alertCountMax)
            ?? AlertRoutes.alertCountDefault
        return Response(json: .array(store.alerts.recent(of: id, limit: limit).map(\.data)))
    }

    /// Assays of the first generation are called by their number, those of the second by their UUID.
    private func assayID(_ field: JSONField) throws -> AssayID {
        guard case .string? = field.value else { return try field.identifier() }
        let uuid = try field.uuid()
        guard let assay = store.book[uuid: uuid] else {
            throw AssayError.unknownUUID(uuid, field: "assay_id")
        }
        return assay.id
    }

    @Sendable func createWebhook(_ request: Request, _ context: APIContext) async throws -> Response {
        let body = try await request.document()
        let address = try WebhookAddress(body["url"])
        let given = body["secret"].optional
        let secret = try given.map { try WebhookSecret($0) }
        let created = try await store.createWebhook(address, secret: secret)
        var answer = JSONObject([("webhook_id", .identifier(created.id))])
        if let new = created.newSecret { answer.append("secret", .string(new.text)) }
        return Response(json: .object(answer))
    }

    @Sendable func listWebhooks(_ request: Request, _ context: APIContext) async throws -> Response {
        _ = try await request.document()
        let alerts = store.alerts
        return Response(json: .array(alerts.list.map { alerts.json(of: $0) }))
    }

    @Sendable func setActive(_ request: Request, _ context: APIContext) async throws -> Response {
        let body = try await request.document()
        let id: WebhookID = try body["id"].identifier()
        let isActive = try body["active"].bool()
        try await store.switchWebhook(id, isActive)
        return Response(json: .object(("id", .identifier(id)), ("active", .bool(isActive))))
    }

    @Sendable func deleteWebhook(_ request: Request, _ context: APIContext) async throws -> Response {
        let id: WebhookID = try (try await request.document())["id"].identifier()
        try await store.removeWebhook(id)
        return Response(json: .object(("id", .identifier(id))))
    }
}
