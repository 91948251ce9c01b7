// Elements of arrays as JSON text: what becomes of structs and of lists within lists.
//
// Invariants:
//  * The text is the compact JSON that a client would have posted for the same value: members of a
//    struct in the schema's order, nulls written out, infinities as `1e999`, NaN null, as JSON has none.
//  * Every byte written is charged before the text grows past it, but for those of one element.

import JSON
import Records

struct ArrowJSONText {
    private var output = JSONWriter()
    private var ends: [Int32] = []
    private var charged = 0
    private let field: ArrowField
    private let memory: ArrowMemory

    /// Texts for the rows of the column `field`.
    init(_ field: ArrowField, _ memory: ArrowMemory) {
        self.field = field
        self.memory = memory
    }

    /// The next row's value.
    mutating func append(_ array: ArrowArray, _ position: Int) throws(ArrowError) {
        try write(array, position)
        ends.append(Int32(output.bytes.count))
    }

    /// A row without a value.
    mutating func appendEmpty() { ends.append(Int32(output.bytes.count)) }

    /// The texts so far.
    consuming func finish() -> TextColumn { TextColumn(bytes: output.bytes, ends: ends) }

    private mutating func write(_ array: ArrowArray, _ position: Int) throws(ArrowError) {
        // A list writes a bracket at least for each of its elements, so this is met often enough.
        if output.bytes.count > charged {
            try memory.charge(output.bytes.count - charged, of: 1, field)
            charged = output.bytes.count
        }
        if array.isNull(position) { return output.write("null") }
        switch array.field.type {
        case .null: output.write("null")
        case .bool: output.write(ArrowArray.bit(array.values, position))
        case .integer(64, false):
            let value = array.load(position, UInt64.self)
            output.bytes.append(contentsOf: String(value).utf8)
        case .integer, .timestamp, .temporal: output.write(array.integer(position))
        case .float(16): write(Float(Float16(bitPattern: array.load(position, UInt16.self))))
        case .float(32): write(Float(bitPattern: array.load(position, UInt32.self)))
        case .float:
            let value = Double(bitPattern: array.load(position, UInt64.self))
            if value.isInfinite { output.write(infinity: value) } else { output.write(value) }
        case .text:
            output.write(
                stringUTF8: UnsafeRawBufferPointer(rebasing: array.values[array.elements(of: position)]))
        case .list, .fixedSizeList:
            output.write(byte: UInt8(ascii: "["))
            let elements = array.elements(of: position)
            for element in elements {
                if element > elements.lowerBound { output.write(byte: UInt8(ascii: ",")) }
                try write(array.children[0], element)
            }
            output.write(byte: UInt8(ascii: "]"))
        case .structure:
            output.write(byte: UInt8(ascii: "{"))
            for (index, child) in array.children.enumerated() {
                if index > 0 { output.write(byte: UInt8(ascii: ",")) }
                output.write(string: child.field.name)
                output.write(byte: UInt8(ascii: ":"))
                try write(child, position)
            }
            output.write(byte: UInt8(ascii: "}"))
        }
    }

    private mutating func write(_ value: Float) {
        if value.isInfinite { output.write(infinity: Double(value)) } else { output.write(value) }
    }
}
