// What the log says of alerts: that a status changed, which destinations there are, each attempt to
// tell them, and what they are not told because too much waits.
//
// Invariants:
//  * `AlertEvent(JSONField(event.json))` gives back every event.
//  * A kind that is not known is refused by name: a fold that passed it over would be wrong.

import JSON
import Records

/// What tells numbers of destinations from others; it has no values.
package enum WebhookKind {}
package typealias WebhookID = Identifier<WebhookKind>

/// A fact about alerts, as the log holds it.
package enum AlertEvent: Hashable, Sendable {
    case statusChanged(StatusChange)
    case webhookCreated(WebhookCreation)
    case webhookSwitched(WebhookID, isActive: Bool, at: Timestamp)
    case webhookRemoved(WebhookID, at: Timestamp)
    case attempted(DeliveryAttempt)
    case givenUp(DeliveryLoss)
}

/// That a destination was made. The log holds its secret as text.
package struct WebhookCreation: Hashable, Sendable {
    package var id: WebhookID
    package var address: WebhookAddress
    package var secret: WebhookSecret
    package var at: Timestamp
}

/// That a destination is not told of its oldest alerts, for more wait than are kept.
package struct DeliveryLoss: Hashable, Sendable {
    package var webhookID: WebhookID
    /// Of this alert, and of all before it that still waited.
    package var lastAlertID: AlertID
    /// How many they are: for readers, the fold counts itself.
    package var count: Int
    package var at: Timestamp
}

/// One try to tell a destination of an alert, and what came of it.
package struct DeliveryAttempt: Hashable, Sendable {
    package enum Outcome: Hashable, Sendable {
        /// Taken: an answer of 200 to 299.
        case delivered
        /// Not taken: tried again at a moment, or given up where that is nil.
        case failed(nextAt: Timestamp?)
        /// The receiver is gone for good (410): it is told nothing any more.
        case gone
    }

    package var webhookID: WebhookID
    package var alertID: AlertID
    /// From 1.
    package var attempt: Int
    package var outcome: Outcome
    /// The status that was answered; nil where none was.
    package var status: Int?
    /// What went wrong, in a few words.
    package var problem: String?
    package var at: Timestamp

    package init(
        webhookID: WebhookID, alertID: AlertID, attempt: Int, outcome: Outcome, status: Int?,
        problem: String?, at: Timestamp
    ) {
        self.webhookID = webhookID
        self.alertID = alertID
        self.attempt = attempt
        self.outcome = outcome
        self.status = status
        self.problem = problem
        self.at = at
    }

    /// The event's document, and what lists show of a destination's last attempt.
    package var json: JSONValue {
        let (word, next): (String, Timestamp?) =
            switch outcome {
            case .delivered: ("delivered", nil)
            case .failed(let nextAt): ("failed", nextAt)
            case .gone: ("gone", nil)
            }
        return .object(
            ("kind", .string("webhook_attempted")), ("webhook_id", .identifier(webhookID)),
            ("alert_id", .identifier(alertID)), ("attempt", .integer(attempt)), ("outcome", .string(word)),
            ("next_at", .zulu(next)), ("status", status.map { .integer($0) } ?? .null),
            ("problem", .string(problem)), ("at", .zulu(at)))
    }

    /// Reads an event's document; throws for an outcome that is not known.
    package init(_ json: JSONField) throws(FieldError) {
        let next = try json["next_at"].optional?.timestamp()
        let outcome: Outcome =
            switch try json["outcome"].string() {
            case "delivered": .delivered
            case "failed": .failed(nextAt: next)
            case "gone": .gone
            default: throw json["outcome"].refused("is none that this version knows")
            }
        self.init(
            webhookID: try json["webhook_id"].identifier(), alertID: try json["alert_id"].identifier(),
            attempt: try json["attempt"].integer(in: 1...JSONField.integerMax), outcome: outcome,
            status: try json["status"].optional?.integer(), problem: try json["problem"].optional?.string(),
            at: try json["at"].timestamp())
    }
}

extension AlertEvent {
    /// The event's document: its `kind` first, then its members. That of a new destination holds its secret.
    package var json: JSONValue {
        switch self {
        case .statusChanged(let change): change.json
        case .webhookCreated(let creation):
            .object(
                ("kind", .string("webhook_created")), ("id", .identifier(creation.id)),
                ("url", .string(creation.address.text)), ("secret", .string(creation.secret.text)),
                ("at", .zulu(creation.at)))
        case .webhookSwitched(let id, let isActive, let at):
            .object(
                ("kind", .string("webhook_switched")), ("id", .identifier(id)), ("active", .bool(isActive)),
                ("at", .zulu(at)))
        case .webhookRemoved(let id, let at):
            .object(("kind", .string("webhook_removed")), ("id", .identifier(id)), ("at", .zulu(at)))
        case .attempted(let attempt): attempt.json
        case .givenUp(let loss):
            .object(
                ("kind", .string("webhook_given_up")), ("webhook_id", .identifier(loss.webhookID)),
                ("last_alert_id", .identifier(loss.lastAlertID)), ("count", .integer(loss.count)),
                ("at", .zulu(loss.at)))
        }
    }

    /// Reads an event's document; throws for a kind that is not known.
    package init(_ json: JSONField) throws(FieldError) {
        let kind = try json["kind"].string()
        switch kind {
        case "status_changed": self = .statusChanged(try StatusChange(json))
        case "webhook_created":
            self = .webhookCreated(
                WebhookCreation(
                    id: try json["id"].identifier(), address: try WebhookAddress(json["url"]),
                    secret: try WebhookSecret(json["secret"]), at: try json["at"].timestamp()))
        case "webhook_switched":
            self = .webhookSwitched(
                try json["id"].identifier(), isActive: try json["active"].bool(),
                at: try json["at"].timestamp())
        case "webhook_removed":
            self = .webhookRemoved(try json["id"].identifier(), at: try json["at"].timestamp())
        case "webhook_attempted": self = .attempted(try DeliveryAttempt(json))
        case "webhook_given_up":
            self = .givenUp(
                DeliveryLoss(
                    webhookID: try json["webhook_id"].identifier(),
                    lastAlertID: try json["last_alert_id"].identifier(),
                    count: try json["count"].integer(in: 1...JSONField.integerMax),
                    at: try json["at"].timestamp()))
        default:
            throw json["kind"].refused(
                "is \"\(kind)\", an event that this version does not know; use a newer version")
        }
    }
}
