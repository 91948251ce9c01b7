// Answers that are written whole: JSON, or bytes of some media type.

import HTTPTypes
import Hummingbird
import JSON
import NIOCore

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
