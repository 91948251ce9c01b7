// Codecs for 64-bit integers: constant, packed above a base, packed differences.
//
// Invariants:
//  * decode ∘ encode is the identity for every list of integers, the extremes included:
//    differences wrap, and wrap back.
//  * The smallest of the three is chosen by computing each size, not by trying.

import Bytes

enum IntegerCoding {
    enum Codec: UInt8 {
        case constant = 1
        case packed = 2
        case differences = 3
    }

    /// Appends the codec and its payload. The count is the reader's to know.
    static func encode(_ values: UnsafeBufferPointer<Int64>, into writer: inout ByteWriter) {
        guard let first = values.first else { return writer.write(Codec.constant.rawValue) }
        var least = first
        var greatest = first
        var leastStep = Int64.max
        var greatestStep = Int64.min
        var previous = first
        for value in values.dropFirst() {
            least = min(least, value)
            greatest = max(greatest, value)
            let step = value &- previous
            leastStep = min(leastStep, step)
            greatestStep = max(greatestStep, step)
            previous = value
        }
        if least == greatest {
            writer.write(Codec.constant.rawValue)
            return writer.writeZigzag(first)
        }
        let width = BitPacking.width(of: UInt64(bitPattern: greatest &- least))
        // Wrapped steps may span more than 63 bits; the unsigned difference still holds them.
        let stepWidth = BitPacking.width(of: UInt64(bitPattern: greatestStep &- leastStep))
        if stepWidth < width {
            writer.write(Codec.differences.rawValue)
            writer.writeZigzag(first)
            writer.writeZigzag(leastStep)
            writer.write(UInt8(stepWidth))
            withUnsafeTemporaryAllocation(of: UInt64.self, capacity: values.count - 1) { steps in
                for index in 1..<values.count {
                    let step = values[index] &- values[index - 1]
                    steps[index - 1] = UInt64(bitPattern: step &- leastStep)
                }
                BitPacking.pack(UnsafeBufferPointer(steps), width: stepWidth, into: &writer)
            }
        } else {
            writer.write(Codec.packed.rawValue)
            writer.writeZigzag(least)
            writer.write(UInt8(width))
            withUnsafeTemporaryAllocation(of: UInt64.self, capacity: values.count) { offsets in
                for index in 0..<values.count {
                    offsets[index] = UInt64(bitPattern: values[index] &- least)
                }
                BitPacking.pack(UnsafeBufferPointer(offsets), width: width, into: &writer)
            }
        }
    }

    /// Fills `output` with what `encode` was given.
    static func decode(
        _ cursor: inout ByteCursor, into output: UnsafeMutableBufferPointer<Int64>
    ) throws(BytesError) {
        let place = cursor.offset
        let code: UInt8 = try cursor.read()
        guard !output.isEmpty else { return }
        guard let codec = Codec(rawValue: code) else {
            throw .unknownCode(offset: place, kind: "a codec of integers", found: UInt64(code))
        }
        switch codec {
        case .constant:
            output.update(repeating: try cursor.readZigzag())
        case .packed:
            let base = try cursor.readZigzag()
            let width = Int(try cursor.read(UInt8.self))
            try BitPacking.unpack(
                &cursor, width: width, base: UInt64(bitPattern: base), into: images(of: output, from: 0))
        case .differences:
            let first = try cursor.readZigzag()
            let base = try cursor.readZigzag()
            let width = Int(try cursor.read(UInt8.self))
            output[0] = first
            guard output.count > 1 else { return }
            try BitPacking.unpackSums(
                &cursor, width: width, base: UInt64(bitPattern: base), from: UInt64(bitPattern: first),
                into: images(of: output, from: 1))
        }
    }

    /// The same memory as unsigned images: same size and stride, so the rebinding is sound.
    private static func images(
        of output: UnsafeMutableBufferPointer<Int64>, from start: Int
    ) -> UnsafeMutableBufferPointer<UInt64> {
        let raw = UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: output[start...]))
        return raw.assumingMemoryBound(to: UInt64.self)
    }
}

extension IntegerCoding {
    static func encode(_ values: [Int64], into writer: inout ByteWriter) {
        encode(values, 0..<values.count, into: &writer)
    }

    /// Encodes the values of a range.
    static func encode(_ values: [Int64], _ range: Range<Int>, into writer: inout ByteWriter) {
        values.withUnsafeBufferPointer { encode(UnsafeBufferPointer(rebasing: $0[range]), into: &writer) }
    }

    static func decode(_ cursor: inout ByteCursor, count: Int) throws(BytesError) -> [Int64] {
        var failure: BytesError?
        let values = [Int64](unsafeUninitializedCapacity: count) { buffer, initialized in
            buffer.initialize(repeating: 0)
            initialized = count
            do throws(BytesError) {
                try decode(&cursor, into: UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
            } catch { failure = error }
        }
        if let failure { throw failure }
        return values
    }
}
