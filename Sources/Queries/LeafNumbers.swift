// The numbers of one path out of a field's values in memory: one a row, NaN where there is none.
//
// Invariant: a number is the posted one's nearest double; float32 values are widened exactly.

import JSON
import Records

package enum LeafNumbers {
    /// One number for each row of `field`; nil where the field holds no numbers at this path.
    static func of(_ field: FieldColumn, element: Int?, rowCount: Int) -> [Double]? {
        guard var numbers = unmasked(field.values, element: element, rowCount: rowCount) else { return nil }
        if case .each(let states) = field.presence {
            for (row, state) in states.enumerated() where state != .value { numbers[row] = .nan }
        }
        return numbers
    }

    private static func unmasked(_ values: FieldValues, element: Int?, rowCount: Int) -> [Double]? {
        switch values {
        case .none: return nil
        case .scalar(let leaf):
            // A client that counts elements calls a single number's 0.
            guard element ?? 0 == 0 else { return nil }
            return numbers(leaf)
        case .fixedList(let leaves):
            guard let element, element < leaves.count else { return nil }
            return numbers(leaves[element])
        case .list(let lengths, let leaf):
            guard let element, let all = numbers(leaf) else { return nil }
            // As of a list whose length is the same in every row: what none reaches is not there.
            guard lengths.contains(where: { element < $0 }) else { return nil }
            var result: [Double] = []
            result.reserveCapacity(rowCount)
            var start = 0
            for length in lengths {
                result.append(element < length ? all[start + element] : .nan)
                start += Int(length)
            }
            return result
        case .json(let texts):
            var result: [Double] = []
            result.reserveCapacity(rowCount)
            var found = false
            for row in 0..<texts.count {
                let number = number(Array(texts.bytes[texts.range(row)]), element: element)
                if number != nil { found = true }
                result.append(number ?? .nan)
            }
            return found ? result : nil
        }
    }

    /// The elements at which rows have numbers, in lists of several lengths and in JSON texts; nil stands for a
    /// number that is the whole value. Lists too long to have a column an element are passed over.
    ///
    /// - Parameter rows: the rows that count; nil for the first `rowCount`.
    package static func elements(of field: FieldColumn, rows: [Int32]?, rowCount: Int) -> Set<Int?> {
        var found: Set<Int?> = []
        func each(_ body: (Int) -> Void) {
            if let rows {
                for row in rows { body(Int(row)) }
            } else {
                for row in 0..<rowCount { body(row) }
            }
        }
        switch field.values {
        case .none, .scalar, .fixedList: preconditionFailure("Columns of their own are told by heads.")
        case .list(let lengths, let leaf):
            guard let numbers = numbers(leaf) else { return [] }
            var starts = [0]
            for length in lengths { starts.append(starts[starts.count - 1] + Int(length)) }
            each { row in
                guard lengths[row] <= RecordLimits.shreddedElementCountMax else { return }
                for element in 0..<Int(lengths[row]) where !numbers[starts[row] + element].isNaN {
                    found.insert(element)
                }
            }
        case .json(let texts):
            each { row in
                let bytes = Array(texts.bytes[texts.range(row)])
                guard !bytes.isEmpty, let value = try? JSONValue(parsing: bytes) else { return }
                switch value {
                case .number: found.insert(nil)
                case .array(let elements) where elements.count <= RecordLimits.shreddedElementCountMax:
                    for (position, element) in elements.enumerated() {
                        if case .number = element { found.insert(position) }
                    }
                default: break
                }
            }
        }
        return found
    }

    private static func numbers(_ leaf: Leaf) -> [Double]? {
        var numbers: [Double]
        switch leaf.elements {
        case .float64(let values): numbers = values
        case .float32(let values): numbers = values.map { Double($0) }
        case .int64(let values): numbers = values.map { Double($0) }
        case .bool, .text: return nil
        }
        for position in leaf.nulls { numbers[Int(position)] = .nan }
        return numbers
    }

    private static func number(_ text: [UInt8], element: Int?) -> Double? {
        guard !text.isEmpty, var value = try? JSONValue(parsing: text) else { return nil }
        if case .array(let elements) = value {
            guard let element, element < elements.count else { return nil }
            value = elements[element]
        } else if element ?? 0 != 0 {
            return nil
        }
        guard case .number(let number) = value else { return nil }
        return number.double
    }
}
