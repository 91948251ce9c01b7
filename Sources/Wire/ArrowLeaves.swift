// Leaves of a record batch from the elements of arrays: each type of Arrow to one of ours.
//
//     int8 … int64, uint8 … uint32      int64
//     uint64                            int64; where one is above Int64.max, float64 with the digits kept
//     float16, float32                  float32
//     float64                           float64
//     bool, string                      bool, text
//     date, time, duration, timestamp   int64, in the unit that it came in
//
// Invariants:
//  * No element changes its value, NaN and infinities included.
//  * A leaf of uint64 is the leaf that the same digits posted as JSON would make.

import JSON
import Records

extension ArrowRuns {
    /// The leaves of the runs over arrays of one type, which is scalar or null.
    func leaves(_ arrays: [ArrowArray], of field: ArrowField) throws(ArrowError) -> [Leaf] {
        let elements: [Elements]
        switch field.type {
        case .bool: elements = bools(arrays).map { .bool($0) }
        case .text:
            guard let texts = texts(arrays) else {
                throw .tooLarge(
                    "the texts of field \"\(field.path)\" are over \(RecordLimits.textByteCountMax) bytes; "
                        + "send fewer rows a body")
            }
            elements = texts.map { .text($0) }
        case .float(64):
            elements = values(arrays, UInt64.self, zero: Double(0)) { Double(bitPattern: $0) }.map {
                .float64($0)
            }
        case .float(32):
            elements = values(arrays, UInt32.self, zero: Float(0)) { Float(bitPattern: $0) }.map {
                .float32($0)
            }
        case .float:
            elements = values(arrays, UInt16.self, zero: Float(0)) { Float(Float16(bitPattern: $0)) }
                .map { .float32($0) }
        case .integer(64, false): return unsignedLeaves(arrays)
        case .integer(8, true): elements = integers(arrays, Int8.self)
        case .integer(8, false): elements = integers(arrays, UInt8.self)
        case .integer(16, true): elements = integers(arrays, Int16.self)
        case .integer(16, false): elements = integers(arrays, UInt16.self)
        case .integer(32, true), .temporal(32): elements = integers(arrays, Int32.self)
        case .integer(32, false): elements = integers(arrays, UInt32.self)
        case .integer, .timestamp, .temporal: elements = integers(arrays, Int64.self)
        case .null, .list, .fixedSizeList, .structure:
            // Nulls are of any type; as those of JSON, integers.
            elements = [Elements](
                repeating: .int64([Int64](repeating: 0, count: rowCount)), count: width)
        }
        return zip(elements, nulls(arrays)).map { Leaf($0, nulls: $1) }
    }

    private func integers<Raw: FixedWidthInteger & BitwiseCopyable>(
        _ arrays: [ArrowArray], _ raw: Raw.Type
    ) -> [Elements] {
        values(arrays, raw, zero: Int64(0)) { Int64(truncatingIfNeeded: $0) }.map { .int64($0) }
    }

    private func unsignedLeaves(_ arrays: [ArrowArray]) -> [Leaf] {
        zip(values(arrays, UInt64.self, zero: UInt64(0)) { $0 }, nulls(arrays)).map { values, nulls in
            guard values.contains(where: { $0 > UInt64(Int64.max) }) else {
                return Leaf(.int64(values.map { Int64($0) }), nulls: nulls)
            }
            var isBare = false
            var texts: [NumberText] = []
            var rest = nulls[...]
            for (position, value) in values.enumerated() {
                if rest.first == Int32(position) {
                    rest.removeFirst()
                } else if Self.isPrinted(value) {
                    isBare = true
                } else {
                    texts.append(NumberText(position: Int32(position), text: String(value)))
                }
            }
            return Leaf(
                .float64(values.map { Double($0) }), nulls: nulls, texts: texts, wholeNumbersAreBare: isBare)
        }
    }

    /// Whether the nearest double to `value` prints all of its digits.
    private static func isPrinted(_ value: UInt64) -> Bool {
        if value < 1 << 53 { return true }
        var text: [UInt8] = []
        JSONNumberText.append(Double(value), bare: true, to: &text)
        return text.elementsEqual(String(value).utf8)
    }
}
