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
    /// Where each text lies in the values of the first part.
    private var places: [SIMD2<Int32>] = []

    mutating func append(_ part: ArrowArray, _ memory: ArrowMemory) throws(ArrowError) {
        hasNulls = hasNulls || part.nullCount > 0
        ends.append((ends.last ?? 0) + part.count)
        parts.append(part)
        guard case .text = part.field.type, parts.count == 1 else { return }
        try memory.charge(part.count, of: MemoryLayout<SIMD2<Int32>>.stride, part.field)
        places.reserveCapacity(part.count)
        for position in 0..<part.count {
            let bytes = part.isNull(position) ? 0..<0 : part.elements(of: position)
            places.append([Int32(bytes.lowerBound), Int32(bytes.upperBound)])
        }
    }

    /// The array that `indices` stand for.
    func decode(
        _ indices: ArrowArray, as field: ArrowField, _ memory: ArrowMemory
    ) throws(ArrowError) -> ArrowArray {
        var plain = field
        plain.dictionary = nil
        // A number may be said of two fields, and the values are read as the first one's.
        if let part = parts.first, part.field.type != field.type {
            throw .refused(
                field: field.path, row: nil,
                problem: "has the dictionary of \"\(part.field.path)\", which is of another type")
        }
        // Dictionaries repeat texts, so together they may pass what 32-bit offsets can say.
        if case .text = field.type { plain.type = .text(isLarge: true) }
        var array = ArrowArray(plain, count: indices.count)
        let numbers = try numbers(of: indices)
        try readValidity(&array, indices, numbers, memory)
        switch plain.type {
        case .text: try readTexts(&array, numbers, memory)
        case .bool: try readBits(&array, numbers, memory)
        default: try readNumbers(&array, numbers, memory)
        }
        return array
    }

    /// The indices, each within the dictionary; zero where they are null.
    private func numbers(of indices: ArrowArray) throws(ArrowError) -> [Int] {
        let count = ends.last ?? 0
        var numbers = [Int](repeating: 0, count: indices.count)
        // Once an array: whoever reads the numbers looks neither at types nor at nulls.
        if indices.nullCount == 0, case .integer(32, true) = indices.field.type {
            for position in numbers.indices { numbers[position] = Int(indices.load(position, Int32.self)) }
        } else {
            for position in numbers.indices where !indices.isNull(position) {
                numbers[position] = Int(indices.integer(position))
            }
        }
        for position in numbers.indices where numbers[position] < 0 || numbers[position] >= count {
            // Zero stands under a null even where there is no value.
            if indices.isNull(position) { continue }
            throw .refused(
                field: indices.field.path, row: nil,
                problem: "has index \(numbers[position]) into a dictionary of \(count) values")
        }
        return numbers
    }

    /// Where a value is, found anew each time: most dictionaries have one part.
    private func place(of index: Int) -> (part: ArrowArray, position: Int) {
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
        _ array: inout ArrowArray, _ indices: ArrowArray, _ numbers: [Int], _ memory: ArrowMemory
    ) throws(ArrowError) {
        guard indices.nullCount > 0 || hasNulls else { return }
        let bits = try memory.allocate((array.count + 7) / 8, for: array.field)
        array.nullCount = array.count
        for position in 0..<array.count where !indices.isNull(position) {
            let place = place(of: numbers[position])
            if place.part.isNull(place.position) { continue }
            bits[position >> 3] |= 1 << UInt8(position & 7)
            array.nullCount -= 1
        }
        if array.nullCount > 0 { array.validity = UnsafeRawBufferPointer(bits) }
    }

    private func readTexts(
        _ array: inout ArrowArray, _ numbers: [Int], _ memory: ArrowMemory
    ) throws(ArrowError) {
        if parts.count == 1, let values = parts.first?.values {
            return try placeTexts(&array, numbers, values, memory)
        }
        let offsets = try memory.allocateRaw((array.count + 1) * 8, for: array.field)
        offsets.storeBytes(of: 0, as: Int64.self)
        var end = 0
        for (position, number) in numbers.enumerated() {
            // At most 2^31 times 2^30.
            if !array.isNull(position) { end += text(number).count }
            offsets.storeBytes(of: Int64(end), toByteOffset: (position + 1) * 8, as: Int64.self)
        }
        let bytes = try memory.allocateRaw(end, for: array.field)
        var start = 0
        for (position, number) in numbers.enumerated() where !array.isNull(position) {
            let text = text(number)
            guard let source = text.baseAddress, let target = bytes.baseAddress else { continue }
            // Unsafe as the buffer was made for just these texts, a few lines above.
            (target + start).copyMemory(from: source, byteCount: text.count)
            start += text.count
        }
        array.offsets = UnsafeRawBufferPointer(offsets)
        array.hasLargeOffsets = true
        array.values = UnsafeRawBufferPointer(bytes)
    }

    private func text(_ number: Int) -> UnsafeRawBufferPointer {
        let place = place(of: number)
        return UnsafeRawBufferPointer(rebasing: place.part.values[place.part.elements(of: place.position)])
    }

    /// Texts that stay where they are.
    private func placeTexts(
        _ array: inout ArrowArray, _ numbers: [Int], _ values: UnsafeRawBufferPointer, _ memory: ArrowMemory
    ) throws(ArrowError) {
        let memoryOfPlaces = try memory.allocateRaw(array.count * 8, for: array.field)
        let found = memoryOfPlaces.bindMemory(to: SIMD2<Int32>.self)
        var byteCount = 0
        for (position, number) in numbers.enumerated() {
            let place = array.nullCount > 0 && array.isNull(position) ? SIMD2() : places[number]
            found[position] = place
            byteCount += Int(place.y - place.x)
        }
        // As if each had its own: whoever prints them writes them out.
        try memory.charge(byteCount, of: 1, array.field)
        array.offsets = UnsafeRawBufferPointer(found)
        array.liesInDictionary = true
        array.values = values
    }

    private func readBits(
        _ array: inout ArrowArray, _ numbers: [Int], _ memory: ArrowMemory
    ) throws(ArrowError) {
        let bits = try memory.allocate((array.count + 7) / 8, for: array.field)
        for position in 0..<array.count where !array.isNull(position) {
            let place = place(of: numbers[position])
            if ArrowArray.bit(place.part.values, place.position) {
                bits[position >> 3] |= 1 << UInt8(position & 7)
            }
        }
        array.values = UnsafeRawBufferPointer(bits)
    }

    private func readNumbers(
        _ array: inout ArrowArray, _ numbers: [Int], _ memory: ArrowMemory
    ) throws(ArrowError) {
        let width = array.field.type.valueByteCount ?? 8
        let bytes = try memory.allocate(array.count * width, for: array.field)
        for position in 0..<array.count where !array.isNull(position) {
            let place = place(of: numbers[position])
            for byte in 0..<width {
                bytes[position * width + byte] = place.part.values[place.position * width + byte]
            }
        }
        array.values = UnsafeRawBufferPointer(bytes)
    }
}
