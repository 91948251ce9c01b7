// Numbers one after another, as the elements of lists come: what a column of numbers is made of.
//
// Invariants:
//  * `elements` has an entry for each number and null, in the order scanned.
//  * `texts` has, in ascending position, the place of each number whose form is `.other`: those
//    are the texts that the value does not give back.

package struct ScannedNumbers: Sendable {
    package struct Element: Sendable {
        /// As in `ScannedNumber`; zero for null.
        package var bits: UInt64
        /// Nil for null.
        package var form: NumberForm?
    }

    package struct Text: Sendable {
        /// Among `elements`.
        package var position: Int
        package var start: Int
        package var end: Int
    }

    package private(set) var elements: [Element] = []
    package private(set) var texts: [Text] = []
    package private(set) var hasNulls = false
    /// Whether all are numbers of the form `.decimal`: doubles that need nothing beside them.
    package private(set) var areDecimals = true

    package init() {}

    package mutating func appendNull() {
        hasNulls = true
        areDecimals = false
        elements.append(Element(bits: 0, form: nil))
    }

    @inline(__always)
    package mutating func append(_ number: ScannedNumber) {
        switch number.form {
        case .decimal: break
        case .other:
            texts.append(Text(position: elements.count, start: number.start, end: number.end))
            areDecimals = false
        default: areDecimals = false
        }
        elements.append(Element(bits: number.bits, form: number.form))
    }
}

extension JSONScanner {
    /// Steps over the elements of a list, of which one begins here, while they are numbers or null,
    /// and over the end of the list. False where an element is something else: it is here then.
    package mutating func scanNumbers(into numbers: inout ScannedNumbers) throws(JSONError) -> Bool {
        repeat {
            let byte = peek
            // From "-" to "9": digits, the sign, and two signs that no value begins with.
            if byte &- 0x2D < 13 {
                numbers.append(try scanNumber())
            } else if byte == UInt8(ascii: "n") {
                try scanLiteral("null")
                numbers.appendNull()
            } else {
                return false
            }
        } while try hasNext(before: UInt8(ascii: "]"))
        return true
    }
}
