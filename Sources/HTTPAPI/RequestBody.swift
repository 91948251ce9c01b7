// Reading a request's body: within a bound, as bytes or as JSON.
//
// Invariant: a body past its bound is refused with 413, whether its length was stated or not, and no more
// than the bound is held.

import HTTPTypes
import Hummingbird
import JSON
import NIOCore

enum RequestLimits {
    /// Requests that are not records or models. A document takes some twenty times its bytes once it is read.
    static let documentByteCountMax = 1 << 20
    /// Those that may hold a vector baseline: half a million numbers.
    static let vectorByteCountMax = 8 << 20
    /// Those that are read in less time than it takes to hand them to another thread.
    static let shortByteCountMax = 16 << 10
    /// Records of one append or one inference request.
    static let recordsByteCountMax = 64 << 20
}

extension HTTPFields {
    /// What the field of this name says; of several, what all of them say, joined. Without a text made of one
    /// alone: a request asks for half a dozen.
    func value(of name: HTTPField.Name) -> String? {
        var found: HTTPField?
        for field in self where field.name == name {
            guard found == nil else { return self[name] }
            found = field
        }
        return found?.value
    }

    /// How many bytes of body are stated to come; nil where nothing is, or no number.
    var statedByteCount: Int? { value(of: .contentLength).flatMap { Int($0) } }
}

extension Request {
    private static let reservedByteCountMax = 4 << 20

    /// The whole body.
    func bytes(upTo limit: Int) async throws -> ByteBuffer {
        try refuseStatedLength(over: limit)
        let stated = headers.statedByteCount ?? 0
        var body: ByteBuffer?
        for try await piece in self.body {
            guard (body?.readableBytes ?? 0) + piece.readableBytes <= limit else {
                throw RequestRefusal.bodyTooLarge(
                    "the body is over the limit of \(limit) bytes", limit: limit)
            }
            guard body != nil else {
                body = piece
                // Room for what is stated, once: growing would copy the body as often as it doubles. But a
                // claim of more than most bodies hold has to be lived up to first.
                let room = min(stated, Self.reservedByteCountMax)
                if room > piece.readableBytes { body!.reserveCapacity(room) }
                continue
            }
            body!.writeImmutableBuffer(piece)
        }
        return body ?? ByteBuffer()
    }

    /// Refuses a body by the length that its header states, before any of it is read.
    func refuseStatedLength(over limit: Int) throws {
        guard let stated = headers.statedByteCount, stated > limit else { return }
        throw RequestRefusal.bodyTooLarge("the body has \(stated) bytes; the limit is \(limit)", limit: limit)
    }

    /// The body as JSON; an empty one is an empty object, as clients leave it out.
    func json() async throws -> JSONField {
        try await bytes(upTo: RequestLimits.documentByteCountMax).json()
    }

    /// The body as a JSON object.
    func document(upTo limit: Int = RequestLimits.documentByteCountMax) async throws -> JSONField {
        try await bytes(upTo: limit).document()
    }

    /// Refuses a body that is not sent as it is.
    func refuseEncodedBody() throws {
        guard let encoding = headers.value(of: .contentEncoding)?.lowercased(), !encoding.isEmpty,
            encoding != "identity"
        else { return }
        var refusal = RequestRefusal(
            .unsupportedMediaType,
            "Content-Encoding is \"\(encoding.prefix(32))\", and bodies are read as they are: send it without, or "
                + "records as Arrow, whose buffers may be compressed")
        refusal.headers[.acceptEncoding] = "identity"
        throw refusal
    }

    /// The media type of the body, lower case, without parameters.
    var mediaType: String {
        let value = headers.value(of: .contentType) ?? ""
        // As nearly everybody writes it.
        if value == "application/json" { return value }
        return value.prefix { $0 != ";" }.trimmed.lowercased()
    }
}

extension ByteBuffer {
    /// A body as JSON; an empty one is an empty object.
    fileprivate func json() throws -> JSONField {
        guard readableBytes > 0 else { return JSONField(.object(JSONObject())) }
        return JSONField(try withUnsafeReadableBytes { try JSONValue(parsing: $0) })
    }

    /// A body as a JSON object.
    func document() throws -> JSONField {
        let field = try json()
        _ = try field.object()
        return field
    }
}

extension Substring {
    fileprivate var trimmed: String {
        var text = self
        while text.first?.isWhitespace == true { text = text.dropFirst() }
        while text.last?.isWhitespace == true { text = text.dropLast() }
        return String(text)
    }
}
