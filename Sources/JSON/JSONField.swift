// Reading a request: a value together with the path that led to it, so that every refusal names
// the field, what was wanted and what was found.

/// A field of a request that is missing or not of its type.
package struct FieldError: Error, Hashable, Sendable, CustomStringConvertible {
    /// As `window.width`, or empty for the request itself.
    package var field: String
    /// What is wrong, as the end of a sentence that begins with the field: `is missing; it must be a string`.
    package var problem: String

    package init(field: String, problem: String) {
        self.field = field
        self.problem = problem
    }

    package var description: String {
        field.isEmpty ? "the request \(problem)" : "field \"\(field)\" \(problem)"
    }
}

/// A place in a request: the value there, if any, and its path.
package struct JSONField: Sendable {
    /// As `window.width` or `weights[2]`; empty for the request itself.
    package let path: String
    /// Nil where the request has nothing at this path.
    package let value: JSONValue?

    package init(_ value: JSONValue?, path: String = "") {
        self.value = value
        self.path = path
    }

    /// The member `key`: a place without a value where it is missing, or where this is no object.
    package subscript(key: String) -> JSONField {
        JSONField(value?[key], path: path.isEmpty ? key : path + "." + key)
    }

    /// The first of several spellings of one field that is present and not null; else the first.
    package func first(of keys: String...) -> JSONField {
        for key in keys where self[key].isPresent { return self[key] }
        return self[keys[0]]
    }

    /// Whether there is a value here other than null.
    package var isPresent: Bool { value != nil && value != .null }

    /// This field, or nil where it is missing or null.
    package var optional: JSONField? { isPresent ? self : nil }

    /// The text here. Throws `FieldError` where there is none, or null, or another kind of value: so do all
    /// that follow.
    package func string() throws(FieldError) -> String {
        guard case .string(let text) = value else { throw wrong("a string") }
        return text
    }

    /// A whole number that fits 64 bits, also one written as `3.0` or `3e0`.
    package func integer() throws(FieldError) -> Int {
        guard case .number(let number) = value, let whole = number.integer else {
            throw wrong(isIntegerPast64Bits ? "an integer from \(Int64.min) to \(Int64.max)" : "an integer")
        }
        return Int(whole)
    }

    /// Whether a whole number is here that 64 bits do not hold: a refusal tells of its size, not of its kind.
    package var isIntegerPast64Bits: Bool {
        guard case .number(let number) = value, number.integer == nil else { return false }
        return number.double.rounded() == number.double
    }

    /// The nearest double of the number here; one past every double is refused.
    package func double() throws(FieldError) -> Double {
        guard case .number(let number) = value, number.double.isFinite else {
            throw wrong("a finite number")
        }
        return number.double
    }

    package func bool() throws(FieldError) -> Bool {
        guard case .bool(let flag) = value else { throw wrong("true or false") }
        return flag
    }

    package func object() throws(FieldError) -> JSONObject {
        guard case .object(let object) = value else { throw wrong("an object") }
        return object
    }

    /// The elements, each with its path (`weights[2]`).
    package func array() throws(FieldError) -> [JSONField] {
        guard case .array(let elements) = value else { throw wrong("a list") }
        return elements.enumerated().map { JSONField($1, path: "\(path)[\($0)]") }
    }

    /// Refuses what is no object, and what is not understood in one: a member besides `names`, and `passed`, which
    /// are taken without effect and so not named in the refusal.
    package func refuseMembers(
        besides names: [String], passingOver passed: [String] = []
    ) throws(FieldError) {
        for member in try object().members where !(names + passed).contains(member.key) {
            throw self[String(member.key.prefix(64))].refused(
                names.isEmpty
                    ? "is not known; nothing is taken here"
                    : "is not known; there is \(names.map { "\"\($0)\"" }.joined(separator: ", "))")
        }
    }

    /// A refusal of this field.
    package func refused(_ problem: String) -> FieldError {
        FieldError(field: path, problem: problem)
    }

    private func wrong(_ wanted: String) -> FieldError {
        guard let value else { return refused("is missing; it must be \(wanted)") }
        return refused("must be \(wanted), not \(value.kind)")
    }
}

extension JSONValue {
    /// The kind of value, in words, with short values shown.
    package var kind: String {
        switch self {
        case .null: "null"
        case .bool(let flag): "\(flag)"
        case .number(let number): "the number \(number.text.prefix(32))"
        case .string(let text): "the string \"\(text.prefix(32))\""
        case .array: "a list"
        case .object: "an object"
        }
    }
}
