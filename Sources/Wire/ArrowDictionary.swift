// Dictionary encoding undone: indices and a dictionary become the plain array that they stand for.
//
// Records have dictionaries of their own, chosen per block when they are stored; after this file
// nothing knows that the sender had one.
//
// Invariants:
//  * A delta's values follow those that were there; a dictionary of the same number replaces them for
//    the batches after it, and decoded arrays keep what they had.
//  * An index outside the dictionary is refused; where the index is null, it is not looked at.

/// The values of one dictionary: the array it came with, and one more for each delta.
struct ArrowDictionary {
    private var parts: [ArrowArray] = []
    /// Where each part ends, counted over all.
    private var ends: [Int] = []
    private var hasNulls = false

    mutating func append(_ part: ArrowArray) {
        hasNulls = hasNulls || part.nullCount > 0
        ends.append((ends.last ?? 0) + part.count)
        parts.append(part)
    }

    /// The array that `indices` stand for.
    func decode(
        _ indices: ArrowArray, as field: ArrowField, _ memory: ArrowMemory
    ) throws(ArrowError) -> ArrowArray {
        var plain = field
        plain.dictionary = nil
        // Dictionaries repeat texts, so together they may pass what 32-bit offsets can say.
        if case .text = field.type { plain.type = .text(isLarge: true) }
        var array = ArrowArray(plain, count: indices.count)
        try check(indices)
        try readValidity(&array, indices, memory)
        switch plain.type {
        case .text: try readTexts(&array, indices, memory)
        case .bool: try readBits(&array, indices, memory)
        default: try readNumbers(&array, indices, memory)
        }
        return array
    }

    private func check(_ indices: ArrowArray) throws(ArrowError) {
        let count = ends.last ?? 0
        for position in 0..<indices.count where !indices.isNull(position) {
            let index = indices.integer(position)
            guard index >= 0, index < count else {
                throw .refused(
                    field: indices.field.path, row: nil,
                    problem: "has index \(index) into a dictionary of \(count) values")
            }
        }
    }

    /// Where an element's value is, found anew each time: most dictionaries have one part.
    private func place(of position: Int, _ indices: ArrowArray) -> (part: ArrowArray, position: Int) {
        let index = Int(indices.integer(position))
        if parts.count == 1 { return (parts[0], index) }
        var low = 0
        var high = ends.count - 1
        while low < high {
            let middle = (low + high) / 2
            if ends[middle] <= index { low = middle + 1 } else { high = middle }
        }
        return (parts[low], low == 0 ? index : index - ends[low - 1])
    }

    private func readValidity(
        _ array: inout ArrowArray, _ indices: ArrowArray, _ memory: ArrowMemory
    ) throws(ArrowError) {
        guard indices.nullCount > 0 || hasNulls else { return }
        let bits = try memory.allocate((array.count + 7) / 8, for: array.field)
        array.nullCount = array.count
        for position in 0..<array.count where !indices.isNull(position) {
            let place = place(of: position, indices)
            if place.part.isNull(place.position) { continue }
            bits[position >> 3] |= 1 << UInt8(position & 7)
            array.nullCount -= 1
        }
        if array.nullCount > 0 { array.validity = UnsafeRawBufferPointer(bits) }
    }

    private func readTexts(
        _ array: inout ArrowArray, _ indices: ArrowArray, _ memory: ArrowMemory
    ) throws(ArrowError) {
        let offsets = try memory.allocate((array.count + 1) * 8, for: array.field)
        var end = 0
        for position in 0..<array.count {
            if !array.isNull(position) {
                let place = place(of: position, indices)
                // At most 2^31 times 2^30.
                end += place.part.elements(of: place.position).count
            }
            offsets.storeBytes(of: Int64(end), toByteOffset: (position + 1) * 8, as: Int64.self)
        }
        let bytes = try memory.allocate(end, for: array.field)
        var start = 0
        for position in 0..<array.count where !array.isNull(position) {
            let place = place(of: position, indices)
            let text = UnsafeRawBufferPointer(
                rebasing: place.part.values[place.part.elements(of: place.position)])
            UnsafeMutableRawBufferPointer(rebasing: bytes[start..<start + text.count]).copyMemory(from: text)
            start += text.count
        }
        array.offsets = UnsafeRawBufferPointer(offsets)
        array.hasLargeOffsets = true
        array.values = UnsafeRawBufferPointer(bytes)
    }

    private func readBits(
        _ array: inout ArrowArray, _ indices: ArrowArray, _ memory: ArrowMemory
    ) throws(ArrowError) {
        let bits = try memory.allocate((array.count + 7) / 8, for: array.field)
        for position in 0..<array.count where !array.isNull(position) {
            let place = place(of: position, indices)
            if ArrowArray.bit(place.part.values, place.position) {
                bits[position >> 3] |= 1 << UInt8(position & 7)
            }
        }
        array.values = UnsafeRawBufferPointer(bits)
    }

    private func readNumbers(
        _ array: inout ArrowArray, _ indices: ArrowArray, _ memory: ArrowMemory
    ) throws(ArrowError) {
        let width = array.field.type.valueByteCount ?? 8
        let bytes = try memory.allocate(array.count * width, for: array.field)
        for position in 0..<array.count where !array.isNull(position) {
            let place = place(of: position, indices)
            for byte in 0..<width {
                bytes[position * width + byte] = place.part.values[place.position * width + byte]
            }
        }
        array.values = UnsafeRawBufferPointer(bytes)
    }
}
