// Reading what a request brings: its body within a bound, its query, its JSON.
//
// Invariant: a body past its bound is refused with 413, whether its length was stated or not, and
// no more than the bound is held.

import HTTPTypes
import Hummingbird
import JSON
import NIOCore
import Records

enum RequestLimits {
    /// Requests that are not records or models: the largest holds a vector baseline.
    static let documentByteCountMax = 32 << 20
    /// Records of one append or one inference request.
    static let recordsByteCountMax = 64 << 20
}

extension Request {
    /// The whole body.
    func bytes(upTo limit: Int) async throws -> ByteBuffer {
        if let stated = headers[.contentLength].flatMap({ Int($0) }), stated > limit {
            throw RequestRefusal(.contentTooLarge, "the body has \(stated) bytes; the limit is \(limit)")
        }
        var body: ByteBuffer?
        for try await piece in self.body {
            if body == nil { body = piece } else { body!.writeImmutableBuffer(piece) }
            if body!.readableBytes > limit {
                throw RequestRefusal(.contentTooLarge, "the body is over the limit of \(limit) bytes")
            }
        }
        return body ?? ByteBuffer()
    }

    /// The body as JSON; an empty one is an empty object, as clients leave it out.
    func json() async throws -> JSONField {
        let body = try await bytes(upTo: RequestLimits.documentByteCountMax)
        guard body.readableBytes > 0 else { return JSONField(.object(JSONObject())) }
        let value = try body.withUnsafeReadableBytes { try JSONValue(parsing: $0) }
        return JSONField(value)
    }

    /// The body as a JSON object.
    func document() async throws -> JSONField {
        let field = try await json()
        _ = try field.object()
        return field
    }

    /// The values of a query parameter, decoded.
    func query(_ name: String) -> [String] {
        uri.queryParameters[values: Substring(name)].map { String($0) }
    }

    /// The media type of the body, lower case, without parameters.
    var mediaType: String {
        let value = headers[.contentType] ?? ""
        return value.prefix { $0 != ";" }.trimmed.lowercased()
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

extension Response {
    init(json: JSONValue, status: HTTPResponse.Status = .ok) {
        var bytes: [UInt8] = []
        json.write(into: &bytes)
        self.init(bytes: bytes, contentType: "application/json", status: status)
    }

    init(bytes: [UInt8], contentType: String, status: HTTPResponse.Status = .ok) {
        self.init(
            status: status,
            headers: HTTPFields([HTTPField(name: .contentType, value: contentType)]),
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}
