// Record batches of every shape that columns can take, from a seed.
//
// They keep the invariants at the head of RecordBatch.swift: a zero or an empty text where a row
// has no value, ascending positions of nulls and kept texts.

import Records
import Simulation

extension SeededGenerator {
    /// A batch of `rowCount` rows with up to eight fields.
    package mutating func batch(rowCount: Int) -> RecordBatch {
        let fieldCount = Int.random(in: 0...8, using: &self)
        return RecordBatch(
            times: times(count: rowCount),
            fields: (0..<fieldCount).map { field(named: "field.\($0)", rowCount: rowCount) })
    }

    /// Milliseconds in one of the orders that clients send: all alike, even, in any order, of all 64 bits, or nearly
    /// ascending.
    package mutating func times(count: Int) -> [Int64] {
        switch Int.random(in: 0..<5, using: &self) {
        case 0: return [Int64](repeating: 1_700_000_000_000, count: count)
        case 1: return (0..<count).map { 1_700_000_000_000 + Int64($0) * 250 }
        case 2: return (0..<count).map { _ in Int64.random(in: 0...2_000_000_000_000, using: &self) }
        case 3: return (0..<count).map { _ in Int64.random(in: .min ... .max, using: &self) }
        default:
            var time: Int64 = 1_700_000_000_000
            return (0..<count).map { _ in
                time += Int64.random(in: -5...90, using: &self)
                return time
            }
        }
    }

    /// A column of any kind of values: none, one a row, lists of one length or of any, JSON, text.
    package mutating func field(named name: String, rowCount: Int) -> FieldColumn {
        let presence = self.presence(rowCount: rowCount)
        func hasValue(_ row: Int) -> Bool { presence.state(row) == .value }
        let values: FieldValues
        switch Int.random(in: 0..<6, using: &self) {
        case 0:
            let states = (0..<rowCount).map { _ in Bool.random(using: &self) ? RowState.null : .absent }
            return FieldColumn(name: name, presence: .each(states), values: .none)
        case 1:
            values = .scalar(leaf(count: rowCount, hasValue: hasValue))
        case 2:
            let count = [0, 1, 2, 7, 29][Int.random(in: 0..<5, using: &self)]
            values = .fixedList((0..<count).map { _ in leaf(count: rowCount, hasValue: hasValue) })
        case 3:
            let longest = [0, 1, 3, 40][Int.random(in: 0..<4, using: &self)]
            let lengths = (0..<rowCount).map { row in
                hasValue(row) ? Int32.random(in: 0...Int32(longest), using: &self) : 0
            }
            let count = lengths.reduce(0) { $0 + Int($1) }
            values = .list(lengths: lengths, leaf(count: count) { _ in true })
        case 4:
            values = .json(
                TextColumn((0..<rowCount).map { hasValue($0) ? #"{"a":[\#($0 % 7),null]}"# : "" }))
        default:
            values = .scalar(textLeaf(count: rowCount, hasValue: hasValue))
        }
        return FieldColumn(name: name, presence: presence, values: values)
    }

    private mutating func presence(rowCount: Int) -> Presence {
        guard Int.random(in: 0..<3, using: &self) == 0 else { return .everyRow }
        return Presence(
            states: (0..<rowCount).map { _ in
                RowState(rawValue: UInt8.random(in: 0...2, using: &self)) ?? .value
            })
    }

    /// A leaf of any type; zero where `hasValue` says that there is no value.
    package mutating func leaf(count: Int, hasValue: (Int) -> Bool) -> Leaf {
        var leaf: Leaf
        switch Int.random(in: 0..<5, using: &self) {
        case 0: leaf = Leaf(.float64(doubles(count: count)))
        case 1: leaf = Leaf(.float32(floats(count: count)))
        case 2: leaf = Leaf(.int64(wholes(count: count)))
        case 3: leaf = Leaf(.bool((0..<count).map { _ in Bool.random(using: &self) }))
        default: leaf = textLeaf(count: count, hasValue: hasValue)
        }
        if Int.random(in: 0..<3, using: &self) == 0 {
            leaf.nulls = (0..<count).filter { hasValue($0) && $0 % 5 == 2 }.map { Int32($0) }
        }
        if Int.random(in: 0..<3, using: &self) == 0 {
            leaf.texts = (0..<count).filter { hasValue($0) && $0 % 4 == 1 }.map {
                NumberText(position: Int32($0), text: "\($0).50")
            }
        }
        if case .float64 = leaf.elements { leaf.wholeNumbersAreBare = Bool.random(using: &self) }
        let nulls = Set(leaf.nulls)
        let zeros = (0..<count).filter { !hasValue($0) || nulls.contains(Int32($0)) }
        switch leaf.elements {
        case .float64(var values):
            for row in zeros { values[row] = 0 }
            leaf.elements = .float64(values)
        case .float32(var values):
            for row in zeros { values[row] = 0 }
            leaf.elements = .float32(values)
        case .int64(var values):
            for row in zeros { values[row] = 0 }
            leaf.elements = .int64(values)
        case .bool(var values):
            for row in zeros { values[row] = false }
            leaf.elements = .bool(values)
        case .text: break
        }
        return leaf
    }

    private mutating func textLeaf(count: Int, hasValue: (Int) -> Bool) -> Leaf {
        let distinct = [1, 3, 64, 65, 5000][Int.random(in: 0..<5, using: &self)]
        return Leaf(
            .text(
                TextColumn(
                    (0..<count).map { row in
                        hasValue(row) ? "tëxt \(Int.random(in: 0..<distinct, using: &self))" : ""
                    })))
    }

    /// Doubles of one of the kinds that a codec is made for, or of none.
    package mutating func doubles(count: Int) -> [Double] {
        let extremes: [Double] = [
            0, -0.0, 1, -1, .infinity, -.infinity, .nan, Double(bitPattern: 0x7FF4_0000_0000_0001),
            .leastNonzeroMagnitude, -.leastNormalMagnitude, .greatestFiniteMagnitude, 0.1, 1e300,
            9_007_199_254_740_992,
        ]
        switch Int.random(in: 0..<6, using: &self) {
        case 0: return [Double](repeating: 47.25, count: count)
        case 1: return (0..<count).map { _ in Double(Int.random(in: -99_999...99_999, using: &self)) / 100 }
        case 2:
            return (0..<count).map { _ in Double(bitPattern: UInt64.random(in: 0 ... .max, using: &self)) }
        case 3: return (0..<count).map { _ in Double.random(in: 0...1, using: &self) }
        case 4:
            return (0..<count).map { _ in
                Int.random(in: 0..<8, using: &self) == 0
                    ? extremes[Int.random(in: 0..<extremes.count, using: &self)]
                    : Double(Int.random(in: 0...999, using: &self)) / 10
            }
        default: return (0..<count).map { _ in extremes[Int.random(in: 0..<extremes.count, using: &self)] }
        }
    }

    /// The same of floats.
    package mutating func floats(count: Int) -> [Float] {
        let extremes: [Float] = [
            0, -0.0, 1, -1, .infinity, -.infinity, .nan, Float(bitPattern: 0x7FA0_0001),
            .leastNonzeroMagnitude, -.leastNormalMagnitude, .greatestFiniteMagnitude, 0.1,
        ]
        switch Int.random(in: 0..<6, using: &self) {
        case 0: return [Float](repeating: 0.25, count: count)
        case 1: return (0..<count).map { _ in Float(Int.random(in: 0...9999, using: &self)) / 100 }
        case 2: return (0..<count).map { _ in Float(bitPattern: UInt32.random(in: 0 ... .max, using: &self)) }
        case 3: return (0..<count).map { _ in Float.random(in: 0...1, using: &self) }
        case 4: return (0..<count).map { Float($0 % 3) }
        default: return (0..<count).map { _ in extremes[Int.random(in: 0..<extremes.count, using: &self)] }
        }
    }

    /// Whole numbers: all alike, even, of all 64 bits, the extremes, or small.
    package mutating func wholes(count: Int) -> [Int64] {
        switch Int.random(in: 0..<5, using: &self) {
        case 0: return [Int64](repeating: -3, count: count)
        case 1: return (0..<count).map { Int64($0) * 1000 }
        case 2: return (0..<count).map { _ in Int64.random(in: .min ... .max, using: &self) }
        case 3: return (0..<count).map { $0 % 2 == 0 ? .min : .max }
        default: return (0..<count).map { _ in Int64.random(in: -7...7, using: &self) }
        }
    }
}
