// The values of one field, gathered row by row until their types are known.
//
// Elements are kept row after row, as they come; FieldBuilder+Column.swift turns them into leaves
// when all rows are in. What does not fit (mixed types, objects, nested lists) makes the field a
// column of JSON text. No value is rewritten for that: `places` remembers where each was posted.
//
// Invariants:
//  * `places` has one entry for each row up to the last that had the field.
//  * While the shape is not `.json`, the elements gathered are exactly those of the rows so far.
//  * No value allocates but by the doubling of these arrays.

import JSON
import Records

struct FieldBuilder {
    enum Shape {
        /// No row had a value so far.
        case none
        case scalar
        case list
        case json
    }

    enum ElementType {
        /// No element so far but null ones.
        case unknown
        case number
        case bool
        case text
    }

    /// In `places`, for rows without a value.
    static let absent = -1
    static let null = -2

    let name: String
    /// Where in the body each row's value begins.
    private(set) var places: [Int] = []
    private(set) var valueCount = 0
    private(set) var nullCount = 0
    private(set) var shape = Shape.none
    private(set) var elementType = ElementType.unknown

    /// Numbers; nulls while the type is unknown.
    private(set) var numbers = ScannedNumbers()
    private(set) var bools: [Bool?] = []

    private(set) var textBytes: [UInt8] = []
    private(set) var textEnds: [Int32] = []
    private(set) var textNulls: [Int] = []
    /// Where the last string lies in the body, quotes included, and what it decodes to, where it
    /// had escapes: the next row mostly repeats it.
    private var lastText = 0..<0
    private var lastDecoded: [UInt8] = []
    private var lastHasEscapes = false

    /// The length of all lists so far, or of the first, where `lengths` has begun.
    private(set) var length = 0
    /// Empty while all lists are of one length.
    private(set) var lengths: [Int32] = []

    init(name: String) { self.name = name }

    /// Rows it has heard of.
    var rowCount: Int { places.count }

    var elementCount: Int {
        switch elementType {
        case .unknown, .number: numbers.elements.count
        case .bool: bools.count
        case .text: textEnds.count
        }
    }

    /// Makes room for as many rows like the one it has: arrays that double are copied as often.
    mutating func reserve(rowCount: Int) {
        places.reserveCapacity(rowCount)
        let count = elementCount * rowCount
        switch elementType {
        case .unknown: break
        case .number: numbers.reserve(count)
        case .bool: bools.reserveCapacity(count)
        case .text:
            textEnds.reserveCapacity(count)
            textBytes.reserveCapacity(textBytes.count * rowCount)
        }
    }

    /// The rows from here up to `row` did not have the field.
    mutating func pad(toRow row: Int) {
        while places.count < row { places.append(Self.absent) }
    }
}

// Reading a value.
extension FieldBuilder {
    /// Steps over the next row's value and keeps it.
    mutating func read(_ scanner: inout JSONScanner, depth: Int) throws(JSONError) {
        let start = scanner.offset
        if scanner.peek == UInt8(ascii: "n") {
            try scanner.scanLiteral("null")
            places.append(Self.null)
            nullCount += 1
            return
        }
        if shape == .json {
            try scanner.skipValue(depth: depth)
        } else if try !readTyped(&scanner) {
            becomeJSON()
            scanner.offset = start
            try scanner.skipValue(depth: depth)
        }
        places.append(start)
        valueCount += 1
    }

    /// Steps over the value and keeps its elements; false, and the place lost, where it is not of
    /// the field's shape and type.
    private mutating func readTyped(_ scanner: inout JSONScanner) throws(JSONError) -> Bool {
        switch scanner.peek {
        case UInt8(ascii: "["):
            if shape == .none { shape = .list }
            guard shape == .list else { return false }
            return try readList(&scanner)
        case UInt8(ascii: "{"): return false
        default:
            if shape == .none { shape = .scalar }
            guard shape == .scalar else { return false }
            return try readElement(&scanner)
        }
    }

    private mutating func readList(_ scanner: inout JSONScanner) throws(JSONError) -> Bool {
        let before = elementCount
        if scanner.hasFirst(before: UInt8(ascii: "]")) {
            guard try readElements(&scanner) else { return false }
        }
        let count = elementCount - before
        if valueCount == 0 { length = count }
        if lengths.isEmpty && count != length {
            lengths = [Int32](repeating: Int32(length), count: valueCount)
            lengths.append(Int32(count))
        } else if !lengths.isEmpty {
            lengths.append(Int32(count))
        }
        return true
    }

    /// Steps over the elements of a list, of which the first is here, and over its end.
    private mutating func readElements(_ scanner: inout JSONScanner) throws(JSONError) -> Bool {
        if elementType == .number { return try scanner.scanNumbers(into: &numbers) }
        repeat {
            guard try readElement(&scanner) else { return false }
        } while try scanner.hasNext(before: UInt8(ascii: "]"))
        return true
    }

    /// Steps over one element and keeps it; false where it is not of the field's type.
    private mutating func readElement(_ scanner: inout JSONScanner) throws(JSONError) -> Bool {
        switch scanner.peek {
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            guard begin(.number) else { return false }
            numbers.append(try scanner.scanNumber())
        case UInt8(ascii: "\""):
            guard begin(.text) else { return false }
            return try readText(&scanner)
        case UInt8(ascii: "t"):
            guard begin(.bool) else { return false }
            try scanner.scanLiteral("true")
            bools.append(true)
        case UInt8(ascii: "f"):
            guard begin(.bool) else { return false }
            try scanner.scanLiteral("false")
            bools.append(false)
        case UInt8(ascii: "n"):
            try scanner.scanLiteral("null")
            appendNull()
        default: return false
        }
        return true
    }

    private mutating func appendNull() {
        switch elementType {
        case .unknown, .number: numbers.appendNull()
        case .bool: bools.append(nil)
        case .text:
            textNulls.append(textEnds.count)
            textEnds.append(Int32(textBytes.count))
        }
    }

    /// Whether elements of this type may come: the first that is not null decides.
    private mutating func begin(_ type: ElementType) -> Bool {
        if elementType == .unknown {
            elementType = type
            let nullCount = numbers.elements.count
            if type != .number && nullCount > 0 {
                numbers = ScannedNumbers()
                for _ in 0..<nullCount { appendNull() }
            }
        }
        return elementType == type
    }

    /// Keeps the string here; false where it cannot be decoded.
    private mutating func readText(_ scanner: inout JSONScanner) throws(JSONError) -> Bool {
        let start = scanner.offset
        if !scanner.skipRepeated(from: lastText.lowerBound, lastText.count) {
            let string = try scanner.scanString()
            guard !string.hasLoneSurrogate else { return false }
            lastText = start..<scanner.offset
            lastHasEscapes = string.hasEscapes
            if string.hasEscapes {
                lastDecoded.removeAll(keepingCapacity: true)
                scanner.decode(string, into: &lastDecoded)
            }
        }
        if lastHasEscapes {
            textBytes.append(contentsOf: lastDecoded)
        } else {
            textBytes.append(contentsOf: scanner.bytes[start + 1..<scanner.offset - 1])
        }
        textEnds.append(Int32(textBytes.count))
        return true
    }

    /// Gives up the elements: the body has the values.
    private mutating func becomeJSON() {
        shape = .json
        elementType = .unknown
        numbers = ScannedNumbers()
        bools = []
        textBytes = []
        textEnds = []
        textNulls = []
        lengths = []
    }
}

// Joining what two have read of one body.
extension FieldBuilder {
    /// Takes the rows of `next`, and is then what it would be had it read them itself, but for what it
    /// remembers of the last text it met. No value is read again.
    ///
    /// - Precondition: `next` read the rows after those that this one has heard of, in the same body.
    mutating func join(_ next: FieldBuilder) {
        joinElements(next)
        places += next.places
        valueCount += next.valueCount
        nullCount += next.nullCount
    }

    private mutating func joinElements(_ next: FieldBuilder) {
        // Rows of nulls bring no element, and say nothing of shape or type.
        if next.shape == .none { return }
        if shape == .none {
            shape = next.shape
            elementType = next.elementType
            numbers = next.numbers
            bools = next.bools
            textBytes = next.textBytes
            textEnds = next.textEnds
            textNulls = next.textNulls
            length = next.length
            lengths = next.lengths
            return
        }
        guard shape == next.shape, shape != .json else { return becomeJSON() }
        var next = next
        // Null elements are of any type, until one that is not null says which.
        if elementType == .unknown && next.elementType != .unknown { _ = begin(next.elementType) }
        if next.elementType == .unknown && elementType != .unknown { _ = next.begin(elementType) }
        guard elementType == next.elementType else { return becomeJSON() }
        if shape == .list { joinLengths(next) }
        numbers.append(contentsOf: next.numbers)
        bools += next.bools
        let (count, byteCount) = (textEnds.count, Int32(textBytes.count))
        textNulls += next.textNulls.map { count + $0 }
        textEnds += next.textEnds.lazy.map { byteCount + $0 }
        textBytes += next.textBytes
    }

    private mutating func joinLengths(_ next: FieldBuilder) {
        if lengths.isEmpty && next.lengths.isEmpty && length == next.length { return }
        if lengths.isEmpty { lengths = [Int32](repeating: Int32(length), count: valueCount) }
        if next.lengths.isEmpty {
            lengths += [Int32](repeating: Int32(next.length), count: next.valueCount)
        } else {
            lengths += next.lengths
        }
    }
}
