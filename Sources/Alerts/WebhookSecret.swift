// The secret of a destination, and the signature it makes: symmetric keys of the Standard Webhooks
// specification (github.com/standard-webhooks), `whsec_` and base64 of 24 to 64 bytes.
//
// Invariants:
//  * A secret prints as dots wherever it is printed: only `text` shows it, and that is for the log and
//    for the one answer that creates it.
//  * A signature is `v1,` and base64 of HMAC-SHA256 of `id.timestamp.body` under the key's bytes.

import Bytes
import JSON
import Records

/// A key of 24 to 64 bytes that only the store and one receiver know.
package struct WebhookSecret: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    private let key: [UInt8]

    private static let prefix = "whsec_"
    private static let keyByteCounts = 24...64

    /// A new one, from the system's own randomness.
    package init() {
        var random = SystemRandomNumberGenerator()
        key = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &random) }
    }

    /// Throws for what is no such text, without repeating it.
    package init(_ json: JSONField) throws(FieldError) {
        let text = try json.string()
        // What was given is not repeated in the refusal: it may be a secret elsewhere.
        guard text.hasPrefix(Self.prefix),
            let key = Base64.decode(String(text.dropFirst(Self.prefix.count))),
            Self.keyByteCounts.contains(key.count)
        else {
            throw json.refused(
                "is no secret: write \"whsec_\" and base64 of 24 to 64 bytes, or leave it out for a new one")
        }
        self.key = key
    }

    /// The secret itself, as `whsec_…`; not to be printed.
    package var text: String { Self.prefix + Base64.encode(key) }

    package var description: String { "whsec_…" }
    package var debugDescription: String { description }

    /// The value of the header `webhook-signature`.
    package func signature(id: String, timestamp: Int64, body: [UInt8]) -> String {
        "v1," + Base64.encode(HMAC.sha256(Array("\(id).\(timestamp).".utf8) + body, key: key))
    }
}
