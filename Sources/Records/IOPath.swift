// Which number of a record is watched: `output dense_1 0` is element 0 of what the model answered
// in `dense_1`; `input age` is the whole of a field that holds one number a record.
//
// Two spellings are read: `input|output <field> [<element>]`, where the field may hold spaces and
// the element is the last word when it is a number and a field stands before it; and the dotted
// `in.<field>[.<element>]`, `out.<field>[.<element>]` of the second generation of assays. Printed
// is the first, but for a whole field such as `in.income 2023`: `input income 2023` is an element of
// `income`. A field that neither can name, as its name is empty, has a blank at an end or a control
// character, is written as a JSON string: `in." age"`, `in." age".0`. In such quotes another field is
// none: `in."age"` is the field `"age"`, as ever. The plural `inputs 0 1` of the oldest documents counted
// fields by position; a record's fields have names and no fixed order here, so it is refused with the remedy.
//
// A name is its scalars. Swift's characters would make one of a blank, a dot or a quote and the mark that
// combines with it: such a field had no path, or another one.
//
// Invariants:
//  * Every field of a record has a path, and `IOPath(parsing: path.text)` gives back every path: no two print alike.
//  * So does `path.dottedText`, but for a whole field whose name ends in a dot and a number, and one in quotes.
//  * Order: inputs before outputs, then by field, then the whole field before its elements.
//  * Fields of other bytes are other fields, also where Swift compares them as equal.

import Bytes
import JSON

/// A place in a record that holds a number.
package struct IOPath: Hashable, Sendable {
    /// Whether the model was asked it, or answered it.
    package enum Direction: String, Hashable, Sendable {
        case input
        case output
    }

    package let direction: Direction
    /// The field's name without its group, as `dense_1`.
    @ExactText package private(set) var field: String
    /// Position in the field's list; nil where the field is one number.
    package let element: Int?

    /// The largest element position: lists are counted in 32 bits.
    package static let elementMax = Int(Int32.max)

    /// The path that `text` names, in either spelling. Whether any record has such a field is not asked.
    package init(parsing text: String) throws(TextError) {
        let words = Self.words(of: text)
        guard let first = words.first else {
            throw Self.refusal(text, "is empty")
        }
        switch first.lowercased() {
        case "input", "output":
            guard words.count >= 2 else { throw Self.refusal(text, "names no field") }
            let hasElement = words.count >= 3 && words[words.count - 1].isNumber
            let end = hasElement ? words[words.count - 2].endIndex : words[words.count - 1].endIndex
            try self.init(
                text: text, direction: first.lowercased() == "input" ? .input : .output,
                field: text[words[1].startIndex..<end],
                element: hasElement ? words[words.count - 1] : nil)
            guard words.count < 3 || !words[words.count - 1].isSignedNumber else {
                throw Self.refusal(text, "counts elements from 0 upwards")
            }
        case "inputs", "outputs":
            throw Self.refusal(
                text, "counts fields by position, as records here do not: name the field")
        default:
            try self.init(dotted: text, words: words)
        }
    }

    /// The path to a record's field as it is named there, `out.dense_1`, or to an element of it.
    ///
    /// Unlike in the dotted spelling, a field whose name ends in a number is not taken for an element, nor quotes
    /// for such around another name.
    package init(recordField name: String, element: Int?) throws(TextError) {
        guard let (direction, rest) = Self.divided(Substring(name)) else {
            throw TextError(
                text: name,
                problem: "is no field of a record: it begins neither with \"in.\" nor with \"out.\". Write "
                    + "\"in.age\" for the input age, \"out.dense_1\" for the output dense_1")
        }
        try self.init(
            text: name, direction: direction, field: rest, element: element.map { Substring("\($0)") },
            isQuoted: true)
    }

    /// As `output dense_1 0`, or `out.class 5` for a whole field whose name ends so, or `out." class".0`.
    package var text: String {
        if Self.needsQuotes(field) {
            return (direction == .input ? "in." : "out.") + JSONValue.string(field).text
                + (element.map { ".\($0)" } ?? "")
        }
        return endsLikeElement
            ? dottedText : "\(direction.rawValue) \(field)" + (element.map { " \($0)" } ?? "")
    }

    /// Whether neither spelling without quotes names a field.
    private static func needsQuotes(_ field: String) -> Bool {
        let scalars = field.unicodeScalars
        guard let first = scalars.first, let last = scalars.last else { return true }
        return first.properties.isWhitespace || last.properties.isWhitespace
            || scalars.contains(where: isControl)
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || scalar.value == 0x7F
    }

    /// Whether the spelling with spaces would take the end of the field's name for an element.
    private var endsLikeElement: Bool {
        guard element == nil, let last = field.utf8.last, (0x30...0x39).contains(last) else { return false }
        let words = Self.words(of: field)
        return words.count >= 2 && (words[words.count - 1].isNumber || words[words.count - 1].isSignedNumber)
    }

    /// As `out.dense_1.0`: the key of the second generation of assays.
    package var dottedText: String { recordField + (element.map { ".\($0)" } ?? "") }

    /// The field of a record that holds the number, as `out.dense_1`.
    package var recordField: String { (direction == .input ? "in." : "out.") + field }

    // MARK: Construction, step by step

    private init(dotted text: String, words: [Substring]) throws(TextError) {
        let body = text[words[0].startIndex..<words[words.count - 1].endIndex]
        guard let (direction, rest) = Self.divided(body) else {
            throw Self.refusal(text, "begins neither with \"input\" nor with \"output\"")
        }
        if let (field, element) = Self.unquoted(rest) {
            try self.init(
                text: text, direction: direction, field: Substring(field), element: element, isQuoted: true)
            return
        }
        if let (field, element) = Self.dividedAtElement(rest) {
            try self.init(text: text, direction: direction, field: field, element: element)
        } else {
            try self.init(text: text, direction: direction, field: rest, element: nil)
        }
        // A blank at the end of the text is no part of it, and one behind the first dot may have come there by mistake.
        guard endsLikeElement || !Self.needsQuotes(self.field) else {
            throw Self.refusal(
                text, "names a field with a blank at an end; write \(self.text), if it is called so")
        }
    }

    /// What stands in a JSON string before the end, or before a dot and an element; nil where there is none, or where
    /// the field in it needs no quotes: then they are its own.
    private static func unquoted(_ rest: Substring) -> (field: String, element: Substring?)? {
        let quote = UInt8(ascii: "\"")
        guard rest.utf8.first == quote, let last = rest.utf8.lastIndex(of: quote) else { return nil }
        let end = rest.utf8.index(after: last)
        guard case .string(let field)? = try? JSONValue(parsing: String(rest[..<end])), needsQuotes(field)
        else { return nil }
        guard end < rest.endIndex else { return (field, nil) }
        guard let (nothing, element) = dividedAtElement(rest[end...]), nothing.isEmpty else { return nil }
        return (field, element)
    }

    /// What stands before the last dot, and the number behind it; nil where none does.
    private static func dividedAtElement(_ rest: Substring) -> (field: Substring, element: Substring)? {
        guard let dot = rest.utf8.lastIndex(of: UInt8(ascii: ".")) else { return nil }
        let element = rest[rest.utf8.index(after: dot)...]
        return element.isNumber ? (rest[..<dot], element) : nil
    }

    /// What stands behind `in.` or `out.`; nil where it begins with neither.
    private static func divided(_ name: Substring) -> (direction: Direction, field: Substring)? {
        if name.utf8.starts(with: "in.".utf8) { return (.input, Substring(name.utf8.dropFirst(3))) }
        if name.utf8.starts(with: "out.".utf8) { return (.output, Substring(name.utf8.dropFirst(4))) }
        return nil
    }

    /// What stands between blanks.
    private static func words(of text: String) -> [Substring] {
        text.unicodeScalars.split(whereSeparator: \.properties.isWhitespace).map { Substring($0) }
    }

    /// - Parameter isQuoted: whether the field is what it is called, whatever that is.
    private init(
        text: String, direction: Direction, field: Substring, element: Substring?, isQuoted: Bool = false
    ) throws(TextError) {
        guard isQuoted || !field.isEmpty else { throw Self.refusal(text, "names no field") }
        guard isQuoted || !field.unicodeScalars.contains(where: Self.isControl) else {
            throw Self.refusal(
                text, "holds a control character, which a field has in quotes alone, as in in.\"a\\tb\"")
        }
        self.direction = direction
        self.field = String(field)
        if let element {
            guard let position = Int(element), position <= Self.elementMax else {
                throw Self.refusal(text, "counts elements past \(Self.elementMax)")
            }
            self.element = position
        } else {
            self.element = nil
        }
        guard recordField.utf8.count <= RecordLimits.nameByteCountMax else {
            throw Self.refusal(
                text, "names a field longer than \(RecordLimits.nameByteCountMax) bytes")
        }
    }

    private static func refusal(_ text: String, _ problem: String) -> TextError {
        TextError(
            text: text,
            problem: "is no path: it \(problem). Write \"output dense_1 0\" for element 0 of the "
                + "output field dense_1, or \"output dense_1\" where the field is one number")
    }
}

extension IOPath: Comparable {
    package static func < (left: IOPath, right: IOPath) -> Bool {
        if left.direction != right.direction { return left.direction == .input }
        if left._field != right._field { return left._field < right._field }
        return (left.element ?? -1) < (right.element ?? -1)
    }
}

extension Substring {
    fileprivate var isNumber: Bool {
        !isEmpty && utf8.allSatisfy { (0x30...0x39).contains($0) }
    }

    fileprivate var isSignedNumber: Bool {
        guard utf8.first == UInt8(ascii: "-") || utf8.first == UInt8(ascii: "+") else { return false }
        return Substring(utf8.dropFirst()).isNumber
    }
}
