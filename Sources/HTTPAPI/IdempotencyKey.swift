// `Idempotency-Key`: a client's name for one request, so that its retries are stored once.
//
// Invariants:
//  * A key is 1 to 255 visible ASCII characters; another is refused before the body is read.
//  * Two requests are the same exactly when target, media type and body are, byte for byte.

import EventLog
import HTTPTypes
import Hummingbird
import NIOCore
import Records

extension HTTPField.Name {
    static let idempotencyKey = HTTPField.Name("Idempotency-Key")!
    /// On an answer that an earlier request with the key brought about.
    static let idempotentReplayed = HTTPField.Name("Idempotent-Replayed")!
    /// On the refusal of another request under a key: the indexes of the records that the key stands for, as
    /// `0-100`, which ends before 100.
    static let idempotentSpan = HTTPField.Name("Idempotent-Span")!
}

extension Request {
    /// The header's key; nil where there is none.
    func idempotencyKey() throws -> String? {
        guard let text = headers.value(of: .idempotencyKey) else { return nil }
        guard (1...RequestKey.textByteCountMax).contains(text.utf8.count),
            text.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else {
            throw RequestRefusal(
                .badRequest,
                "the header Idempotency-Key has \(text.utf8.count) bytes or others than visible ASCII; send 1 "
                    + "to \(RequestKey.textByteCountMax) characters without spaces, as a UUID")
        }
        return text
    }

    /// The key with what it stands for.
    func key(_ text: String, topic: String, body: ByteBuffer, at now: Timestamp) -> RequestKey {
        body.withUnsafeReadableBytes {
            RequestKey(
                topic: topic, text: text, target: "\(uri.string)\n\(mediaType)", body: $0,
                time: now.milliseconds)
        }
    }
}
