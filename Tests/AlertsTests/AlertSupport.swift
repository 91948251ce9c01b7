// What the tests of alerts stand on: an assay, decisions about its windows, and moments.

import Assays
import JSON
import Records
import Testing

@testable import Alerts

/// A moment `seconds` after 2024-01-09T19:00:00Z.
func moment(_ seconds: Int64) -> Timestamp {
    Timestamp(microseconds: 1_704_826_800_000_000 + seconds * 1_000_000)
}

enum Support {
    static let definition = """
        {"name":"watch","pipeline_id":1,"pipeline_name":"fraud",\
        "baseline":{"calculated":{"vector":[1.0,2.0,3.0,4.0]}},\
        "window":{"pipeline_name":"fraud","path":"output y","width":"1 minute","start":"2024-01-09T19:00:00Z"},\
        "summarizer":{"num_bins":2}}
        """

    /// A book with assay 1, `watch`.
    static func book() throws -> AssayBook {
        var book = AssayBook()
        let request = try AssayRequest(JSONField(try JSONValue(parsing: definition)))
        book.apply(try book.create(request.definition, isActive: true, at: moment(0)))
        return book
    }

    /// Decides windows, minutes by number, and folds them; returns what changed.
    static func decide(
        _ windows: [(minute: Int64, status: AssayStatus)], _ reason: DecisionReason = .complete,
        in book: inout AssayBook, firstID: Int = 1
    ) throws -> [StatusChange] {
        let digest = ResultDigest(of: [1])
        let analyses = windows.map { window in
            WindowAnalysis(
                window: TimeWindow(
                    start: moment(60 * window.minute), end: moment(60 * window.minute + 60)),
                reason: reason, status: window.status, digest: digest,
                analysedAt: moment(60 * window.minute + 65), elapsedMilliseconds: 1)
        }
        let events = try book.decide(analyses, of: AssayID(1), cut: 1, runAt: moment(0))
        let changes = StatusChange.changes(by: events, in: book, firstID: AlertID(firstID))
        for event in events { book.apply(event) }
        return changes
    }

    static func change(_ id: Int, at: Int64 = 0, to: AssayStatus = .alert) throws -> StatusChange {
        StatusChange(
            id: AlertID(id), assayID: AssayID(1), assayName: "watch", pipelineName: "fraud",
            path: try IOPath(parsing: "output y"), from: .ok, to: to,
            window: TimeWindow(start: moment(0), end: moment(60)), resultID: AssayResultID(id),
            at: moment(at))
    }

    static let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

    static func creation(_ id: Int, _ url: String = "https://hooks.example.com/a") throws -> AlertEvent {
        .webhookCreated(
            WebhookCreation(
                id: WebhookID(id), address: try WebhookAddress(JSONField(.string(url))),
                secret: try WebhookSecret(JSONField(.string(secret))), at: moment(0)))
    }

    static func attempt(
        _ alert: Int, _ number: Int, _ outcome: DeliveryAttempt.Outcome, webhook: Int = 1
    ) -> AlertEvent {
        .attempted(
            DeliveryAttempt(
                webhookID: WebhookID(webhook), alertID: AlertID(alert), attempt: number, outcome: outcome,
                status: outcome == .delivered ? 204 : 500,
                problem: outcome == .delivered ? nil : "the answer was 500", at: moment(9)))
    }
}
