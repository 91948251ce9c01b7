// Which type a field has in a file of Arrow, where a column has one type and batches may differ.
//
//     the batches say                       the column is
//     int64                                 int64
//     float32 · float64                     float · double
//     float32 and float64                   double
//     int64 and floats                      double, if doubles hold every integer; else JSON text
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
//  * The type follows from the batches, not from which of their rows are written.

import Records

enum ArrowColumnType {
    /// The field that holds the columns of all batches.
    static func field(named name: String, of columns: [FieldColumn]) -> ArrowField {
        var field = ArrowField(name: name, path: name, type: .null)
        var hasScalars = false
        var hasLists = false
        var hasJSON = false
        var leaves: [TypedLeaf] = []
        for column in columns {
            switch column.values {
            case .none: break
            case .scalar(let leaf):
                hasScalars = true
                leaves.append(TypedLeaf(leaf, column.presence))
            case .fixedList(let parts):
                hasLists = true
                leaves += parts.map { TypedLeaf($0, column.presence) }
            case .list(_, let leaf):
                hasLists = true
                leaves.append(TypedLeaf(leaf, .everyRow))
            case .json: hasJSON = true
            }
        }
        if !hasScalars && !hasLists && !hasJSON { return field }
        guard !hasJSON, hasScalars != hasLists, let type = elementType(of: leaves) else {
            field.type = .text(isLarge: false)
            field.isJSON = true
            return field
        }
        field.type = hasLists ? .list(isLarge: false) : type
        if hasLists { field.children = [ArrowField(name: "item", path: name + ".item", type: type)] }
        return field
    }

    /// A leaf and whether any of its elements is not null.
    private struct TypedLeaf {
        var leaf: Leaf
        var hasElements: Bool
        var type: ArrowType

        /// The presence is that of the rows whose elements these are; `.everyRow` within lists.
        init(_ leaf: Leaf, _ presence: Presence) {
            self.leaf = leaf
            switch presence {
            case .everyRow: hasElements = leaf.nulls.count < leaf.count
            case .each(let states): hasElements = leaf.nulls.count < states.count { $0 == .value }
            }
            type =
                switch leaf.elements {
                case .float64: .float(bitWidth: 64)
                case .float32: .float(bitWidth: 32)
                case .int64: .integer(bitWidth: 64, isSigned: true)
                case .bool: .bool
                case .text: .text(isLarge: false)
                }
        }
    }

    /// The one type that holds the elements of all leaves; nil where there is none.
    private static func elementType(of leaves: [TypedLeaf]) -> ArrowType? {
        let integer = ArrowType.integer(bitWidth: 64, isSigned: true)
        let typed = leaves.filter { $0.hasElements }
        guard let first = typed.first else {
            // Nulls only: what is not of integers knows its type. No leaf at all: empty lists.
            return (leaves.first { $0.type != integer } ?? leaves.first)?.type ?? .text(isLarge: false)
        }
        let types = Set(typed.map { $0.type })
        guard types.contains(.float(bitWidth: 64)) || types.count > 1 else { return first.type }
        guard !types.contains(.bool), !types.contains(.text(isLarge: false)) else { return nil }
        if typed.contains(where: { $0.leaf.hasLargeIntegers }),
            typed.allSatisfy({ $0.leaf.unsignedIntegers != nil })
        {
            return .integer(bitWidth: 64, isSigned: false)
        }
        let areExact =
            !types.contains(integer) || types.count == 1 || typed.allSatisfy { $0.leaf.fitsDoubles }
        return areExact ? .float(bitWidth: 64) : nil
    }
}

extension Leaf {
    /// Whether digits are kept of an integer above Int64.max.
    fileprivate var hasLargeIntegers: Bool {
        texts.contains { UInt64($0.text) ?? 0 > UInt64(Int64.max) }
    }

    /// Whether doubles hold all elements as they are.
    fileprivate var fitsDoubles: Bool {
        guard case .int64(let values) = elements else { return true }
        return values.allSatisfy { Int64(exactly: Double($0)) == $0 }
    }

    /// The elements as integers from 0 on, by the digits kept where there are any; nil where one is
    /// no such integer.
    var unsignedIntegers: [UInt64]? {
        var integers: [UInt64] = []
        integers.reserveCapacity(count)
        switch elements {
        case .int64(let values):
            for value in values {
                guard let integer = UInt64(exactly: value) else { return nil }
                integers.append(integer)
            }
        case .float64(let values):
            var rest = texts[...]
            for (position, value) in values.enumerated() {
                if let text = rest.first, text.position == position {
                    rest.removeFirst()
                    guard let integer = UInt64(text.text) else { return nil }
                    integers.append(integer)
                } else {
                    // Above 2^53 a double stands for several integers.
                    guard value.magnitude < 9_007_199_254_740_992, let integer = UInt64(exactly: value) else {
                        return nil
                    }
                    integers.append(integer)
                }
            }
        case .float32, .bool, .text: return nil
        }
        return integers
    }
}
