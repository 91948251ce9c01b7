// One array of a record batch: a tree of buffers that was checked and not yet turned into columns.
//
// Invariants, kept by ArrowArrayReader and ArrowDictionary:
//  * Every element from 0 up to `count` can be read: the buffers are long enough, the offsets ascend
//    and stay inside the texts or the child, and a child is as long as its parent needs.
//  * The texts of elements that are not null are UTF-8.

struct ArrowArray {
    var field: ArrowField
    var count: Int
    /// One bit an element, 0: null; absent where there are no nulls, and for the type null.
    var validity: UnsafeRawBufferPointer?
    var nullCount = 0
    /// Positions in `values` or in the child where each element begins, and where the last one ends; of texts that lie
    /// in a dictionary, both for each of them (`places`).
    var offsets = UnsafeRawBufferPointer(start: nil, count: 0)
    var hasLargeOffsets = false
    /// Whether texts lie where their dictionary has them.
    var liesInDictionary = false
    /// Numbers, bits or the bytes of texts.
    var values = UnsafeRawBufferPointer(start: nil, count: 0)
    var children: [ArrowArray] = []

    init(_ field: ArrowField, count: Int) {
        self.field = field
        self.count = count
    }

    @inline(__always)
    func isNull(_ position: Int) -> Bool {
        guard let validity else { return field.type == .null }
        return !Self.bit(validity, position)
    }

    @inline(__always)
    static func bit(_ bits: UnsafeRawBufferPointer, _ position: Int) -> Bool {
        bits[position >> 3] >> UInt8(position & 7) & 1 != 0
    }

    @inline(__always)
    private func offset(_ position: Int) -> Int {
        hasLargeOffsets
            ? Int(offsets.loadUnaligned(fromByteOffset: position * 8, as: Int64.self))
            : Int(offsets.loadUnaligned(fromByteOffset: position * 4, as: Int32.self))
    }

    /// Where the elements of a range of texts or lists lie in `values` or in the child.
    ///
    /// - Precondition: they lie one after the other, and not in a dictionary.
    @inline(__always)
    func elements(of range: Range<Int>) -> Range<Int> {
        if case .fixedSizeList(let size) = field.type {
            return range.lowerBound * size..<range.upperBound * size
        }
        // An array of no elements may come without offsets.
        return range.isEmpty ? 0..<0 : offset(range.lowerBound)..<offset(range.upperBound)
    }

    /// The length that the first `count` lists have, which are at least one; nil where they differ.
    func commonLength(of count: Int) -> Int? {
        if case .fixedSizeList(let size) = field.type { return size }
        let length = elements(of: 0).count
        let first = elements(of: 0).lowerBound
        for position in 1...count where offset(position) != first + position * length { return nil }
        return length
    }

    @inline(__always)
    func elements(of position: Int) -> Range<Int> {
        guard liesInDictionary else { return elements(of: position..<position + 1) }
        let place = places(of: position..<position + 1)[0]
        return Int(place.x)..<Int(place.y)
    }

    /// Where texts that lie in a dictionary begin and end in `values`; nulls are empty there.
    func places(of range: Range<Int>) -> UnsafeBufferPointer<SIMD2<Int32>> {
        UnsafeBufferPointer(rebasing: offsets.assumingMemoryBound(to: SIMD2<Int32>.self)[range])
    }

    /// The integer at `position`, which holds one of at most 64 bits; unsigned ones of 64 by their bits.
    func integer(_ position: Int) -> Int64 {
        switch field.type {
        case .integer(8, true): Int64(load(position, Int8.self))
        case .integer(8, false): Int64(load(position, UInt8.self))
        case .integer(16, true): Int64(load(position, Int16.self))
        case .integer(16, false): Int64(load(position, UInt16.self))
        case .integer(32, true), .temporal(32): Int64(load(position, Int32.self))
        case .integer(32, false): Int64(load(position, UInt32.self))
        default: load(position, Int64.self)
        }
    }

    /// The elements of a range, which begins at a multiple of eight: a whole byte of its bits.
    func slice(_ range: Range<Int>) -> ArrowArray {
        if range == 0..<count { return self }
        let start = range.lowerBound
        func behind(_ buffer: UnsafeRawBufferPointer, _ byteCount: Int) -> UnsafeRawBufferPointer {
            UnsafeRawBufferPointer(rebasing: buffer[byteCount...])
        }
        var part = self
        part.count = range.count
        switch field.type {
        case .null: part.nullCount = range.count
        case .bool: part.values = behind(values, start / 8)
        case .integer, .float, .timestamp, .temporal:
            part.values = behind(values, start * (field.type.valueByteCount ?? 8))
        // They lead into the texts and elements as they lie there.
        case .text, .list:
            part.offsets = behind(offsets, start * (hasLargeOffsets || liesInDictionary ? 8 : 4))
        case .fixedSizeList(let size):
            part.children = children.map { $0.slice(start * size..<range.upperBound * size) }
        case .structure: part.children = children.map { $0.slice(range) }
        }
        if let validity {
            let bits = behind(validity, start / 8)
            part.nullCount = (0..<range.count).count { !Self.bit(bits, $0) }
            part.validity = part.nullCount > 0 ? bits : nil
        }
        return part
    }

    @inline(__always)
    func load<Value: BitwiseCopyable>(_ position: Int, _ type: Value.Type) -> Value {
        values.loadUnaligned(fromByteOffset: position * MemoryLayout<Value>.size, as: type)
    }
}
