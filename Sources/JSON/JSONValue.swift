// A JSON text as a tree: for requests and events, which are small. Records never pass here.
//
// Invariants:
//  * A number keeps the text it was written in; members keep their order.
//  * `JSONValue(parsing: value.text)` gives back an equal value.
//  * Keys and strings are equal where their bytes are.

import Bytes

/// Any JSON value (RFC 8259).
package indirect enum JSONValue: Hashable, Sendable {
    case null
    case bool(Bool)
    case number(JSONNumber)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)
}

extension JSONValue {
    /// Strings and keys by their bytes, numbers by their text, members in their order: `1` and `1.0` are two,
    /// and so are `{"a":1,"b":2}` and `{"b":2,"a":1}`.
    package static func == (left: JSONValue, right: JSONValue) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let a), .bool(let b)): a == b
        case (.number(let a), .number(let b)): a == b
        case (.string(let a), .string(let b)): a.isExactly(b)
        case (.array(let a), .array(let b)): a == b
        case (.object(let a), .object(let b)): a == b
        default: false
        }
    }
}

/// A number as the text it was written in, which is always a valid JSON number.
package struct JSONNumber: Hashable, Sendable {
    package let text: String

    /// `text` must be a JSON number; the parser and the initialisers below see to it.
    init(validText text: String) { self.text = text }

    package init(_ value: some FixedWidthInteger) { text = String(value) }

    /// The shortest text that reads back as `value`; nil where it is not finite.
    package init?(_ value: Double) {
        guard value.isFinite else { return nil }
        text = value.description
    }

    /// The nearest double; ±infinity past its range.
    package var double: Double { Double(text) ?? .nan }

    /// The value where it is a whole number in range, however it was written (`3`, `3.0`, `30e-1`): exactly
    /// that of the text, never its nearest.
    package var integer: Int64? {
        if let exact = Int64(text) { return exact }
        let parts = text.split(omittingEmptySubsequences: false) { $0 == "e" || $0 == "E" }
        var digits: [UInt8] = []
        // The power of ten that the digits are multiplied by, but for the exponent.
        var scale = 0
        var isBehindPoint = false
        for byte in parts[0].utf8 where byte != UInt8(ascii: "-") {
            if byte == UInt8(ascii: ".") {
                isBehindPoint = true
                continue
            }
            if !digits.isEmpty || byte != UInt8(ascii: "0") { digits.append(byte) }
            if isBehindPoint { scale -= 1 }
        }
        while digits.last == UInt8(ascii: "0") {
            digits.removeLast()
            scale += 1
        }
        guard !digits.isEmpty else { return 0 }
        // An exponent past an integer is past every whole number, too.
        guard let exponent = parts.count == 1 ? 0 : Int(parts[1]) else { return nil }
        let (zeros, overflow) = scale.addingReportingOverflow(exponent)
        // Of 64 bits there are 19 digits at most.
        guard !overflow, zeros >= 0, digits.count + min(zeros, 20) < 20 else { return nil }
        let whole = digits + [UInt8](repeating: UInt8(ascii: "0"), count: zeros)
        return Int64((text.hasPrefix("-") ? "-" : "") + String(decoding: whole, as: UTF8.self))
    }
}

/// Members in the order written. Where a key stands twice, the last one counts.
package struct JSONObject: Hashable, Sendable {
    package struct Member: Hashable, Sendable {
        @ExactText package var key: String
        package var value: JSONValue
    }

    /// In the order written, with each of a key that stands twice.
    package private(set) var members: [Member]

    package init(_ members: [(String, JSONValue)] = []) {
        self.members = members.map { Member(key: $0.0, value: $0.1) }
    }

    /// The last member of that key. To set it removes all of that key and puts the new one at the end; nil
    /// only removes.
    package subscript(key: String) -> JSONValue? {
        get { members.last { $0.key.isExactly(key) }?.value }
        set {
            members.removeAll { $0.key.isExactly(key) }
            if let newValue { members.append(Member(key: key, value: newValue)) }
        }
    }

    /// Adds a member without looking for an earlier one of that key.
    package mutating func append(_ key: String, _ value: JSONValue) {
        members.append(Member(key: key, value: value))
    }
}

extension JSONValue {
    /// A finite number, or null: JSON has no other.
    package static func number(_ value: Double?) -> JSONValue {
        value.flatMap { JSONNumber($0) }.map { .number($0) } ?? .null
    }

    package static func integer(_ value: some FixedWidthInteger) -> JSONValue {
        .number(JSONNumber(value))
    }

    /// The text, or null where there is none.
    package static func string(_ value: String?) -> JSONValue {
        value.map { .string($0) } ?? .null
    }

    package static func object(_ members: (String, JSONValue)...) -> JSONValue {
        .object(JSONObject(members))
    }

    /// The member `key` of an object; nil where it is missing or this is no object.
    package subscript(key: String) -> JSONValue? {
        if case .object(let object) = self { object[key] } else { nil }
    }
}
