// Reading a request's path and query.
//
// Invariant: names in them mean the same however they are percent-encoded: clients write `[]` as
// `%5B%5D`, and a name's space as `%20`. One that decodes to no text is refused.

import Hummingbird
import JSON

extension Request {
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
