// Which type a field has in a file of Arrow, where a column has one type and batches may differ.
//
//     the rows say                          the column is
//     int64                                 int64
//     float32 · float64                     float · double
//     float32 and float64                   double
//     integers and floats                   double, if doubles hold every integer; else JSON text
//     numbers kept by digits, all of them   uint64: integers from 0 on, some above Int64.max
//     bool · text                           bool · string
//     nulls only · empty lists only         null · list<string>
//     lists of any one of these             list<item: that>
//     anything else, or two of these        string of JSON, noted in the field's metadata
//
// Arrow carries values: `1.50` comes out as the double 1.5, and `5` among decimals as 5.0. JSON text
// carries what was posted.
//
// Invariants:
//  * No value changes by being widened.
//  * A batch that has only nulls, or only empty lists, of a field does not change its type.
//  * Integers are integers though they came into a block with decimals, whose other rows are not written.

import JSON
import Records

/// What the batches seen so far say of one field.
struct ArrowColumnType: Sendable {
    private var hasScalars = false
    private var hasLists = false
    private var hasJSON = false
    /// Of leaves with an element that is not null.
    private var types: Set<ArrowType> = []
    /// Of leaves without one: the first, and the first that is not of integers, which knows its type.
    private var emptyType: ArrowType?
    private var knowingEmptyType: ArrowType?
    private var hasLargeIntegers = false
    private var areUnsigned = true
    private var fitDoubles = true

    private static let integer = ArrowType.integer(bitWidth: 64, isSigned: true)
    private static let double = ArrowType.float(bitWidth: 64)

    /// One more batch's column of the field: of rows that are written, and no others.
    mutating func add(_ column: FieldColumn) {
        switch column.values {
        case .none: break
        case .scalar(let leaf):
            hasScalars = true
            add(leaf, column.presence)
        case .fixedList(let parts):
            hasLists = true
            for leaf in parts { add(leaf, column.presence) }
        case .list(_, let leaf):
            hasLists = true
            add(leaf, .everyRow)
        case .json: hasJSON = true
        }
    }

    /// The presence is that of the rows whose elements these are; `.everyRow` within lists.
    private mutating func add(_ leaf: Leaf, _ presence: Presence) {
        let type: ArrowType =
            switch leaf.elements {
            case .float64: leaf.areIntegers(presence) ? Self.integer : Self.double
            case .float32: .float(bitWidth: 32)
            case .int64: Self.integer
            case .bool: .bool
            case .text: .text(isLarge: false)
            }
        let hasElements =
            switch presence {
            case .everyRow: leaf.nulls.count < leaf.count
            case .each(let states): leaf.nulls.count < states.count { $0 == .value }
            }
        guard hasElements else {
            emptyType = emptyType ?? type
            if type != Self.integer { knowingEmptyType = knowingEmptyType ?? type }
            return
        }
        types.insert(type)
        hasLargeIntegers = hasLargeIntegers || leaf.hasLargeIntegers
        areUnsigned = areUnsigned && leaf.areUnsignedIntegers
        fitDoubles = fitDoubles && leaf.fitsDoubles
    }

    /// The field that holds all columns seen.
    func field(named name: String) -> ArrowField {
        var field = ArrowField(name: name, path: name, type: .null)
        if !hasScalars && !hasLists && !hasJSON { return field }
        guard !hasJSON, hasScalars != hasLists, let type = elementType else {
            field.type = .text(isLarge: false)
            field.isJSON = true
            return field
        }
        field.type = hasLists ? .list(isLarge: false) : type
        if hasLists { field.children = [ArrowField(name: "item", path: name + ".item", type: type)] }
        return field
    }

    /// The one type that holds the elements of all leaves; nil where there is none.
    private var elementType: ArrowType? {
        guard let first = types.first else {
            // Nulls only, or no leaf at all: empty lists.
            return knowingEmptyType ?? emptyType ?? .text(isLarge: false)
        }
        guard types.contains(Self.double) || types.count > 1 else { return first }
        guard !types.contains(.bool), !types.contains(.text(isLarge: false)) else { return nil }
        if hasLargeIntegers && areUnsigned { return .integer(bitWidth: 64, isSigned: false) }
        return fitDoubles ? Self.double : nil
    }
}

extension Leaf {
    /// Whether digits are kept of an integer above Int64.max.
    fileprivate var hasLargeIntegers: Bool {
        texts.contains { UInt64($0.text) ?? 0 > UInt64(Int64.max) }
    }

    /// Whether `isSo` says so of each double, which has a text kept beside it or none: up to the first of which it
    /// does not.
    private func everyDouble(_ isSo: (_ index: Int, _ value: Double, _ text: String?) -> Bool) -> Bool {
        guard case .float64(let values) = elements else { return false }
        var texts = texts[...]
        for (index, value) in values.enumerated() {
            let text = texts.first.flatMap { $0.position == Int32(index) ? $0.text : nil }
            if text != nil { texts.removeFirst() }
            if !isSo(index, value, text) { return false }
        }
        return true
    }

    /// Whether there are doubles, and each was posted as an integer of 64 bits.
    fileprivate func areIntegers(_ presence: Presence) -> Bool {
        guard wholeNumbersAreBare || !texts.isEmpty else { return false }
        var nulls = nulls[...]
        var count = 0
        let areIntegers = everyDouble { index, value, text in
            if nulls.first == Int32(index) {
                nulls.removeFirst()
                return true
            }
            guard presence.state(index) == .value else { return true }
            count += 1
            return signed(value, text) != nil
        }
        return areIntegers && count > 0
    }

    /// The integer of 64 bits that a double was posted as; nil where it was not.
    private func signed(_ value: Double, _ text: String?) -> Int64? {
        var digits = Array((text ?? "").utf8)
        if text == nil {
            guard wholeNumbersAreBare, value.isFinite else { return nil }
            // Below 2^53 every whole double prints all its digits; a zero may be a negative one.
            if value != 0, value.magnitude < 9_007_199_254_740_992 { return Int64(exactly: value) }
            JSONNumberText.append(value, bare: true, to: &digits)
        }
        let posted = String(decoding: digits, as: UTF8.self)
        return Int64(posted).flatMap { String($0) == posted ? $0 : nil }
    }

    /// The integer from 0 on that a double is, by the digits kept where there are any; nil where it is none.
    private func unsigned(_ value: Double, _ text: String?) -> UInt64? {
        if let text { return UInt64(text) }
        // Above 2^53 a double stands for several integers.
        return value.magnitude < 9_007_199_254_740_992 ? UInt64(exactly: value) : nil
    }

    /// Doubles as integers of 64 bits, or as the bits of those from 0 on. What was posted otherwise is 0: of a column
    /// of integers it is not written.
    func integers(isSigned: Bool) -> [Int64] {
        var integers: [Int64] = []
        integers.reserveCapacity(count)
        _ = everyDouble { _, value, text in
            integers.append(
                isSigned
                    ? signed(value, text) ?? 0 : unsigned(value, text).map { Int64(bitPattern: $0) } ?? 0)
            return true
        }
        return integers
    }

    /// Whether doubles hold all elements as they are.
    fileprivate var fitsDoubles: Bool {
        switch elements {
        case .int64(let values): values.allSatisfy { Int64(exactly: Double($0)) == $0 }
        // Integers that came among doubles keep their digits beside them.
        case .float64(let values):
            texts.allSatisfy { $0.text.isInteger ? $0.text.isHeld(by: values[Int($0.position)]) : true }
        case .float32, .bool, .text: true
        }
    }

    /// Whether all elements are integers from 0 on.
    fileprivate var areUnsignedIntegers: Bool {
        switch elements {
        case .int64(let values): values.allSatisfy { $0 >= 0 }
        case .float64: everyDouble { unsigned($1, $2) != nil }
        case .float32, .bool, .text: false
        }
    }
}

extension String {
    /// Whether a number's text is one of digits alone, whatever their number.
    fileprivate var isInteger: Bool {
        let digits = utf8.first == UInt8(ascii: "-") ? utf8.dropFirst() : utf8[...]
        return digits.allSatisfy { (0x30...0x39).contains($0) }
    }

    /// Whether a double is the integer of this text. Of more digits than 128 bits hold none is trusted: JSON
    /// text carries them.
    fileprivate func isHeld(by value: Double) -> Bool {
        guard let integer = Int128(self) else { return false }
        return Int128(exactly: value) == integer
    }
}
