// One alert as a receiver gets it: the Standard Webhooks form, id, time and signature in headers,
// {"type","timestamp","data"} as the body.
//
// Invariants:
//  * The id and the body of an alert are the same at every attempt and for ever; the time in the
//    header, and so the signature, are those of the attempt.

import JSON
import Records

/// What is posted of an alert in one attempt.
package struct WebhookMessage: Hashable, Sendable {
    /// The header `webhook-id`: the alert's number and its moment in microseconds.
    package let id: String
    /// JSON in UTF-8, as it was signed.
    package let body: [UInt8]
    /// Seconds since 1970, of this attempt.
    package let timestamp: Int64
    /// The header `webhook-signature`.
    package let signature: String

    /// - Parameter now: the moment of the attempt, cut to seconds; receivers refuse signatures that are old.
    package init(_ change: StatusChange, signedBy secret: WebhookSecret, at now: Timestamp) {
        // The moment keeps stores apart that count from 1 alike.
        id = "alert_\(change.id)_\(change.at.microseconds)"
        var bytes: [UInt8] = []
        JSONValue.object(
            ("type", .string("assay.status_changed")), ("timestamp", .zulu(change.at)),
            ("data", change.data)
        ).write(into: &bytes)
        body = bytes
        timestamp = now.microseconds / 1_000_000
        signature = secret.signature(id: id, timestamp: timestamp, body: bytes)
    }
}
