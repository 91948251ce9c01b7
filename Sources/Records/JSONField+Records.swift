// Reading this room's words from a request: moments, spans, paths, identifiers, set words.
//
// Invariant: a text that is not what it should be is refused under its field's name.

import JSON

extension JSONField {
    /// A moment, as RFC 3339 text.
    package func timestamp() throws(FieldError) -> Timestamp {
        let text = try string()
        do { return try Timestamp(parsing: text) } catch { throw refused("is wrong: \(error)") }
    }

    /// A positive length of time, as `24 hours`.
    package func timeSpan() throws(FieldError) -> TimeSpan {
        let text = try string()
        do { return try TimeSpan(parsing: text) } catch { throw refused("is wrong: \(error)") }
    }

    /// A path to a number, as `output dense_1 0`.
    package func ioPath() throws(FieldError) -> IOPath {
        let text = try string()
        do { return try IOPath(parsing: text) } catch { throw refused("is wrong: \(error)") }
    }

    /// A UUID in its usual 36 characters, lower case.
    package func uuid() throws(FieldError) -> String {
        let text = try string().lowercased()
        let groups = text.split(separator: "-", omittingEmptySubsequences: false)
        guard groups.map(\.utf8.count) == [8, 4, 4, 4, 12],
            text.utf8.allSatisfy({ byte in
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "-")
                    || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
            })
        else {
            throw refused(
                "is \"\(text.prefix(64))\"; it must be a UUID, as "
                    + "\"1af7b34b-0c7e-4f0a-9b57-6f7c0f6f1d2e\"")
        }
        return text
    }

    /// A number that names something; they count from 1.
    package func identifier<Kind>(
        of kind: Identifier<Kind>.Type = Identifier<Kind>.self
    ) throws(FieldError) -> Identifier<Kind> {
        Identifier(try integer(in: 1...JSONField.integerMax))
    }

    /// The greatest whole number that every client counts exactly: 2^53. None of ours comes near.
    package static let integerMax = 9_007_199_254_740_992

    /// A whole number within bounds, so that what is counted on from it cannot overflow.
    package func integer(in bounds: ClosedRange<Int>) throws(FieldError) -> Int {
        if isIntegerPast64Bits, let value, case .number(let number) = value {
            throw refused(
                number.double < 0
                    ? "must be \(bounds.lowerBound) or more, not \(value.kind)"
                    : "must be \(bounds.upperBound) or less, not \(value.kind)")
        }
        let number = try integer()
        guard bounds.contains(number) else {
            throw refused(
                number < bounds.lowerBound
                    ? "must be \(bounds.lowerBound) or more, not \(number)"
                    : "must be \(bounds.upperBound) or less, not \(number)")
        }
        return number
    }

    /// One of the words of an enumeration.
    package func word<Word: RawRepresentable & CaseIterable>(
        _: Word.Type = Word.self
    ) throws(FieldError) -> Word where Word.RawValue == String {
        let text = try string()
        guard let word = Word(rawValue: text) else {
            let words = Word.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
            throw refused("is \"\(text.prefix(64))\"; it must be one of \(words)")
        }
        return word
    }
}

extension JSONValue {
    /// Its number, or null where there is none.
    package static func identifier<Kind>(_ identifier: Identifier<Kind>?) -> JSONValue {
        identifier.map { .integer($0.number) } ?? .null
    }

    /// As `2024-01-09T19:07:59.566516Z`.
    package static func zulu(_ moment: Timestamp?) -> JSONValue {
        .string(moment?.zuluText)
    }

    /// As `2024-01-09T19:07:59.566516+00:00`.
    package static func offset(_ moment: Timestamp?) -> JSONValue {
        .string(moment?.offsetText)
    }
}
