// Reading what a request brings: its body within a bound, its query, its JSON.
//
// Invariants:
//  * A body past its bound is refused with 413, whether its length was stated or not, and no more
//    than the bound is held.
//  * Names in a path or query mean the same however they are percent-encoded: clients write `[]` as
//    `%5B%5D`, and a name's space as `%20`. One that decodes to no text is refused.

import HTTPTypes
import Hummingbird
import JSON
import NIOCore
import Records

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
    func json(upTo limit: Int = RequestLimits.documentByteCountMax) async throws -> JSONField {
        try await bytes(upTo: limit).json()
    }

    /// The body as a JSON object.
    func document(upTo limit: Int = RequestLimits.documentByteCountMax) async throws -> JSONField {
        try await bytes(upTo: limit).document()
    }

    /// The values of a query parameter, in order.
    func query(_ name: String) throws -> [String] {
        var values: [String] = []
        for pair in (uri.query ?? "").split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts[0].percentDecoded == name else { continue }
            guard let value = (parts.count > 1 ? parts[1] : "").percentDecoded else {
                throw FieldError(field: name, problem: "is no percent-encoded UTF-8 text")
            }
            values.append(value)
        }
        return values
    }

    /// Refuses query parameters other than `names`.
    func refuseParameters(besides names: Set<String>) throws {
        for pair in (uri.query ?? "").split(separator: "&") {
            let name = pair.prefix { $0 != "=" }
            guard let name = name.percentDecoded, !names.contains(name) else { continue }
            throw FieldError(
                field: name,
                problem: "is not known in this query; there is \(names.sorted().joined(separator: ", "))")
        }
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

extension Parameters {
    /// A component of the request's path, decoded.
    func component(_ name: String) throws -> String {
        guard let value = Substring(try require(name)).percentDecoded else {
            throw FieldError(field: name, problem: "is no percent-encoded UTF-8 text")
        }
        return value
    }
}

extension Substring {
    /// The text that `%` and two digits stand for; nil where they stand for none. `+` is itself:
    /// moments hold it (`+00:00`), and only forms write spaces with it.
    fileprivate var percentDecoded: String? {
        guard utf8.contains(UInt8(ascii: "%")) else { return String(self) }
        var bytes: [UInt8] = []
        var rest = utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(\.hexadecimalDigit),
                let low = rest.popFirst().flatMap(\.hexadecimalDigit)
            else { return nil }
            bytes.append(high << 4 | low)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    fileprivate var trimmed: String {
        var text = self
        while text.first?.isWhitespace == true { text = text.dropFirst() }
        while text.last?.isWhitespace == true { text = text.dropLast() }
        return String(text)
    }
}

extension JSONField {
    /// The half-open period between two moments of a request.
    ///
    /// `period()`, without names, is of two moments in a list.
    func period(from startName: String, to endName: String) throws(FieldError) -> TimeWindow {
        try period(
            from: self[startName].timestamp(), startName, to: self[endName].timestamp(), endName)
    }

    /// `start` and `end` of a request, half-open; all of time where they are left out.
    func openPeriod() throws(FieldError) -> TimeWindow {
        try period(
            from: self["start"].optional?.timestamp() ?? TimeWindow.always.start, "start",
            to: self["end"].optional?.timestamp() ?? TimeWindow.always.end, "end")
    }

    /// `limit` of a request, how many are wanted at most; nil where it is left out.
    func limit() throws(FieldError) -> Int? {
        guard let field = self["limit"].optional else { return nil }
        let limit = try field.integer()
        guard limit >= 1 else { throw field.refused("is \(limit); it must be 1 or more") }
        return limit
    }

    private func period(
        from start: Timestamp, _ startName: String, to end: Timestamp, _ endName: String
    ) throws(FieldError) -> TimeWindow {
        guard start <= end else {
            throw self[endName].refused("is before \"\(startName)\"; exchange them, or give a later one")
        }
        return TimeWindow(start: start, end: end)
    }
}

extension UInt8 {
    fileprivate var hexadecimalDigit: UInt8? {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

extension Response {
    init(json: JSONValue, status: HTTPResponse.Status = .ok) {
        var bytes: [UInt8] = []
        json.write(into: &bytes)
        self.init(bytes: bytes, contentType: "application/json", status: status)
    }

    init(bytes: [UInt8], contentType: String, status: HTTPResponse.Status = .ok) {
        self.init(ByteBuffer(bytes: bytes), contentType: contentType, status: status)
    }

    init(_ body: ByteBuffer, contentType: String, status: HTTPResponse.Status = .ok) {
        self.init(
            status: status, headers: HTTPFields([HTTPField(name: .contentType, value: contentType)]),
            body: ResponseBody(byteBuffer: body))
    }
}
