// Which number of a record is watched: `output dense_1 0` is element 0 of what the model answered
// in `dense_1`; `input age` is the whole of a field that holds one number a record.
//
// Two spellings are read: `input|output <field> [<element>]`, where the field may hold spaces and
// the element is the last word when it is a number and a field stands before it; and the dotted
// `in.<field>[.<element>]`, `out.<field>[.<element>]` of the second generation of assays. Printed
// is the first, but for a whole field such as `in.income 2023`: `input income 2023` is an element of
// `income`. The plural `inputs 0 1` of the oldest documents counted fields by position; a record's
// fields have names and no fixed order here, so it is refused with the remedy.
//
// Invariants:
//  * `IOPath(parsing: path.text)` gives back every parsed path, so no two print alike.
//  * So does `path.dottedText`, but for a whole field whose name ends in a dot and a number.
//  * Order: inputs before outputs, then by field, then the whole field before its elements.
//  * Fields of other bytes are other fields, also where Swift compares them as equal.

import Bytes

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
        let words = text.split(whereSeparator: \.isWhitespace)
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
    /// Unlike in the dotted spelling, a field whose name ends in a number is not taken for an element.
    package init(recordField name: String, element: Int?) throws(TextError) {
        let direction: Direction
        let rest: Substring
        if name.hasPrefix("in.") {
            (direction, rest) = (.input, name.dropFirst(3))
        } else if name.hasPrefix("out.") {
            (direction, rest) = (.output, name.dropFirst(4))
        } else {
            throw TextError(
                text: name,
                problem: "is no field of a record: it begins neither with \"in.\" nor with \"out.\". Write "
                    + "\"in.age\" for the input age, \"out.dense_1\" for the output dense_1")
        }
        try self.init(
            text: name, direction: direction, field: rest, element: element.map { Substring("\($0)") })
        guard (try? IOPath(parsing: text)) == self else {
            throw TextError(text: name, problem: "is no field that a path can name: it has blanks at an end")
        }
    }

    /// As `output dense_1 0`, or `out.class 5` for a whole field whose name ends so.
    package var text: String {
        endsLikeElement
            ? dottedText : "\(direction.rawValue) \(field)" + (element.map { " \($0)" } ?? "")
    }

    /// Whether the spelling with spaces would take the end of the field's name for an element.
    private var endsLikeElement: Bool {
        guard element == nil, let last = field.utf8.last, (0x30...0x39).contains(last) else { return false }
        let words = field.split(whereSeparator: \.isWhitespace)
        return words.count >= 2 && (words[words.count - 1].isNumber || words[words.count - 1].isSignedNumber)
    }

    /// As `out.dense_1.0`: the key of the second generation of assays.
    package var dottedText: String { recordField + (element.map { ".\($0)" } ?? "") }

    /// The field of a record that holds the number, as `out.dense_1`.
    package var recordField: String { (direction == .input ? "in." : "out.") + field }

    // MARK: Construction, step by step

    private init(dotted text: String, words: [Substring]) throws(TextError) {
        let body = text[words[0].startIndex..<words[words.count - 1].endIndex]
        let direction: Direction
        let rest: Substring
        if body.hasPrefix("in.") {
            direction = .input
            rest = body.dropFirst(3)
        } else if body.hasPrefix("out.") {
            direction = .output
            rest = body.dropFirst(4)
        } else {
            throw Self.refusal(text, "begins neither with \"input\" nor with \"output\"")
        }
        if let dot = rest.lastIndex(of: "."), rest[rest.index(after: dot)...].isNumber {
            try self.init(
                text: text, direction: direction, field: rest[..<dot],
                element: rest[rest.index(after: dot)...])
        } else {
            try self.init(text: text, direction: direction, field: rest, element: nil)
        }
        // A field such as " a" would print as "a"; what is printed with dots comes back as it is.
        guard endsLikeElement || (try? IOPath(parsing: self.text)) == self else {
            throw Self.refusal(text, "names a field that the spelling with spaces cannot name")
        }
    }

    private init(
        text: String, direction: Direction, field: Substring, element: Substring?
    ) throws(TextError) {
        guard !field.isEmpty else { throw Self.refusal(text, "names no field") }
        guard !field.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) else {
            throw Self.refusal(text, "holds a control character")
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
        (first == "-" || first == "+") && dropFirst().isNumber
    }
}
