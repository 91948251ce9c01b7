// Numbers one after another, as the elements of lists come: what a column of numbers is made of.
//
// Most are decimals of few digits, which vectors read (CNumbers); all others, and all of a processor
// without them, are scanned one by one, to the same elements.
//
// Invariants:
//  * `elements` has an entry for each number and null, in the order scanned.
//  * `texts` has, in ascending position, the place of each number whose form is `.other`: those
//    are the texts that the value does not give back.

import CNumbers

/// Numbers and nulls of one text, which is not held: places are those of the scanner that read them.
package struct ScannedNumbers: Sendable {
    package struct Element: Sendable {
        /// As in `ScannedNumber`; zero for null.
        package var bits: UInt64
        /// Nil for null.
        package var form: NumberForm?
    }

    /// The place of a number's text, in the bytes of the scanner.
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

    /// Makes room for so many elements in all.
    package mutating func reserve(_ count: Int) {
        // A group is room for more, at the end as well.
        elements.reserveCapacity(count + Self.groupCountMax)
    }

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

    /// Appends the numbers of `next`, scanned in the same text.
    package mutating func append(contentsOf next: ScannedNumbers) {
        let count = elements.count
        texts += next.texts.lazy.map { Text(position: count + $0.position, start: $0.start, end: $0.end) }
        elements += next.elements
        hasNulls = hasNulls || next.hasNulls
        areDecimals = areDecimals && next.areDecimals
    }
}

extension JSONScanner {
    /// Steps over the elements of a list, of which one begins here, while they are numbers or null,
    /// and over the end of the list. False where an element is something else: it is here then.
    package mutating func scanNumbers(into numbers: inout ScannedNumbers) throws(JSONError) -> Bool {
        while true {
            switch try numbers.appendGroup(&self) {
            case .full: continue
            case .listEnded: return true
            case .somethingElse: return false
            }
        }
    }
}

extension ScannedNumbers {
    /// Why a group of elements ended.
    fileprivate enum GroupEnd {
        /// It has no room: the next element begins here.
        case full
        case listEnded
        case somethingElse
    }

    /// Elements for which room is made at once: an array that is asked for each by itself looks each time
    /// whether it is shared and whether it is full.
    private static let groupCountMax = 64

    fileprivate mutating func appendGroup(_ scanner: inout JSONScanner) throws(JSONError) -> GroupEnd {
        if elements.capacity - elements.count < Self.groupCountMax {
            elements.reserveCapacity(max(elements.count + Self.groupCountMax, 2 * elements.capacity))
        }
        let first = elements.count
        var end = GroupEnd.full
        // Apart from the arrays while one of them is being filled.
        var (foundNulls, foundOnlyDecimals) = (false, true)
        var foundTexts: [Text] = []
        var mayBeDecimals = true
        try elements.append(addingCapacity: Self.groupCountMax) {
            (group: inout OutputSpan<Element>) throws(JSONError) in
            repeat {
                if mayBeDecimals {
                    let run = scanner.appendDecimals(to: &group)
                    if run.isAtEnd {
                        // Only the end of the list is left to step over.
                        _ = try scanner.hasNext(before: UInt8(ascii: "]"))
                        end = .listEnded
                        return
                    }
                    mayBeDecimals = run.count > 0
                    scanner.skipWhitespace()
                    if group.freeCapacity == 0 { return }
                }
                let byte = scanner.peek
                // From "-" to "9": digits, the sign, and two signs that no value begins with.
                if byte &- 0x2D < 13 {
                    let number = try scanner.scanNumber()
                    if number.form != .decimal {
                        foundOnlyDecimals = false
                        if number.form == .other {
                            foundTexts.append(
                                Text(position: first + group.count, start: number.start, end: number.end))
                        }
                    }
                    group.append(Element(bits: number.bits, form: number.form))
                } else if byte == UInt8(ascii: "n") {
                    try scanner.scanLiteral("null")
                    foundNulls = true
                    foundOnlyDecimals = false
                    group.append(Element(bits: 0, form: nil))
                } else {
                    end = .somethingElse
                    return
                }
                if try !scanner.hasNext(before: UInt8(ascii: "]")) {
                    end = .listEnded
                    return
                }
            } while group.freeCapacity > 0
        }
        hasNulls = hasNulls || foundNulls
        areDecimals = areDecimals && foundOnlyDecimals
        // To append nothing to an array that never held anything makes one.
        if !foundTexts.isEmpty { texts += foundTexts }
        return end
    }
}

extension JSONScanner {
    /// Steps over decimals, of which one may begin here, with the commas behind them.
    fileprivate mutating func appendDecimals(
        to group: inout OutputSpan<ScannedNumbers.Element>
    ) -> assaylog_decimals {
        withUnsafeTemporaryAllocation(of: Double.self, capacity: group.freeCapacity) { doubles in
            let run = assaylog_read_decimals(
                bytes.baseAddress, bytes.count, offset, doubles.baseAddress, doubles.count)
            for index in 0..<run.count {
                group.append(ScannedNumbers.Element(bits: doubles[index].bitPattern, form: .decimal))
            }
            offset = run.offset
            return run
        }
    }
}
