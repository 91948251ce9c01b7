// Writing FlatBuffers: a tree of values to the bytes that ArrowFlatTable reads.
//
// A table is written before what it leads to, and each offset is filled in once its target has a
// place; the format wants targets behind the offsets, and this is the order of reading too.
//
// Invariants:
//  * Every value lies at a multiple of its width from the start, as verifiers of the format demand.
//  * The whole is a multiple of eight bytes, so what follows it in a message is aligned as well.

import Bytes

/// A value of a table's field.
enum ArrowFlatValue {
    case byte(UInt8)
    case short(Int16)
    case int(Int32)
    case long(Int64)
    case text(String)
    /// The values by the fields' numbers; what is left out has its default.
    case table([Int: ArrowFlatValue])
    case tables([ArrowFlatValue])
    /// Elements of equal width that hold eight-byte integers.
    case structs([UInt8], count: Int)

    /// Bytes that it takes inside its table: its own, or those of an offset.
    fileprivate var width: Int {
        switch self {
        case .byte: 1
        case .short: 2
        case .int, .text, .table, .tables, .structs: 4
        case .long: 8
        }
    }
}

struct ArrowFlatWriter {
    private var output = ByteWriter()

    /// The buffer whose root is the table `root`.
    static func bytes(of root: [Int: ArrowFlatValue]) -> [UInt8] {
        var writer = ArrowFlatWriter()
        writer.output.write(UInt32(0))
        writer.output.patch(UInt32(writer.table(root)), at: 0)
        writer.pad(to: 8)
        return writer.output.bytes
    }

    /// Zeros up to where `alignment` divides the place, less `distance`.
    private mutating func pad(to alignment: Int, before distance: Int = 0) {
        while (output.count + distance) % alignment != 0 { output.write(UInt8(0)) }
    }

    /// Writes a table and all that it leads to; gives its place.
    private mutating func table(_ fields: [Int: ArrowFlatValue]) -> Int {
        let slotCount = (fields.keys.max() ?? -1) + 1
        // Widest first, so that there are no gaps; the table begins where its fifth byte is aligned.
        let slots = fields.keys.sorted { left, right in
            let (a, b) = (fields[left]?.width ?? 0, fields[right]?.width ?? 0)
            return a != b ? a > b : left < right
        }
        var places = [Int](repeating: 0, count: slotCount)
        var byteCount = 4
        for slot in slots {
            places[slot] = byteCount
            byteCount += fields[slot]?.width ?? 0
        }
        pad(to: 2)
        let vtable = output.count
        output.write(UInt16(4 + slotCount * 2))
        output.write(UInt16(byteCount))
        for place in places { output.write(UInt16(place)) }
        pad(to: 8, before: 4)
        let start = output.count
        output.write(Int32(start - vtable))
        for slot in slots {
            switch fields[slot] {
            case .byte(let value)?: output.write(value)
            case .short(let value)?: output.write(value)
            case .int(let value)?: output.write(value)
            case .long(let value)?: output.write(value)
            case .text?, .table?, .tables?, .structs?, nil: output.write(UInt32(0))
            }
        }
        for slot in slots.sorted() {
            guard let value = fields[slot], let target = target(value) else { continue }
            output.patch(UInt32(target - start - places[slot]), at: start + places[slot])
        }
        return start
    }

    /// Writes what an offset leads to; gives its place, or nil for a value inside the table.
    private mutating func target(_ value: ArrowFlatValue) -> Int? {
        switch value {
        case .byte, .short, .int, .long: return nil
        case .table(let fields): return table(fields)
        case .text(let text):
            pad(to: 4)
            let start = output.count
            output.write(UInt32(text.utf8.count))
            output.write(Array(text.utf8))
            output.write(UInt8(0))
            return start
        case .tables(let tables):
            pad(to: 4)
            let start = output.count
            output.write(UInt32(tables.count))
            for _ in tables { output.write(UInt32(0)) }
            for (index, element) in tables.enumerated() {
                let place = start + 4 + index * 4
                if let target = target(element) { output.patch(UInt32(target - place), at: place) }
            }
            return start
        case .structs(let bytes, let count):
            pad(to: 8, before: 4)
            let start = output.count
            output.write(UInt32(count))
            output.write(bytes)
            return start
        }
    }
}
