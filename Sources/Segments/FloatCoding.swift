// Codecs for float64 and float32 columns.
//
//     constant     one value
//     decimal      whole numbers over a power of ten (DecimalCoding)
//     dictionary   float32 only: few distinct values, their numbers packed
//     exponents    float32: the exponent byte of all values in a prefix code, the sign and mantissa as
//                  they are (they are noise)
//     planes       the same with the exponents in a zstd frame: read, and no longer written
//     shuffled     float64: all first bytes, then all second bytes, …, compressed
//     raw          as in memory, little-endian
//
// Invariant: decode ∘ encode is the identity on bit patterns.

import Bytes
import CColumns

enum FloatCodec: UInt8 {
    case raw = 0
    case constant = 1
    case decimal = 2
    case dictionary = 3
    case planes = 4
    case shuffled = 5
    case exponents = 6
}

enum FloatCoding {
    /// More distinct values than this are not looked for: their numbers would not be short.
    private static let dictionaryCountMax = 128

    // MARK: float64

    static func encode(
        _ values: UnsafeBufferPointer<Double>, with compressor: ZstdCompressor, into writer: inout ByteWriter
    ) {
        guard let first = values.first else { return writer.write(FloatCodec.raw.rawValue) }
        if values.allSatisfy({ $0.bitPattern == first.bitPattern }) {
            writer.write(FloatCodec.constant.rawValue)
            return writer.write(first.bitPattern)
        }
        if let exponent = DecimalCoding.exponent(for: values) {
            var attempt = ByteWriter(reserving: values.count * 6)
            if DecimalCoding.encode(values, exponent: exponent, into: &attempt),
                attempt.count < values.count * 8
            {
                writer.write(FloatCodec.decimal.rawValue)
                return writer.write(attempt.bytes)
            }
        }
        let isShuffled = withUnsafeTemporaryAllocation(byteCount: values.count * 8, alignment: 8) { planes in
            for index in 0..<values.count {
                let bits = values[index].bitPattern
                for plane in 0..<8 {
                    planes[plane * values.count + index] = UInt8(
                        truncatingIfNeeded: bits >> UInt64(plane * 8))
                }
            }
            return write(.shuffled, UnsafeRawBufferPointer(planes), with: compressor, into: &writer)
        }
        if isShuffled { return }
        writer.write(FloatCodec.raw.rawValue)
        for value in values { writer.write(value.bitPattern) }
    }

    static func decode(
        _ cursor: inout ByteCursor, with decompressor: ZstdDecompressor,
        into output: UnsafeMutableBufferPointer<Double>
    ) throws(BytesError) {
        let place = cursor.offset
        let code: UInt8 = try cursor.read()
        let count = output.count
        switch FloatCodec(rawValue: code) {
        case .raw:
            let bytes = try cursor.readBytes(count * 8)
            for index in 0..<count {
                let bits = bytes.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self)
                output[index] = Double(bitPattern: UInt64(littleEndian: bits))
            }
        case .constant:
            output.update(repeating: Double(bitPattern: try cursor.read()))
        case .decimal:
            try DecimalCoding.decode(&cursor, into: output)
        case .shuffled:
            let frame = try cursor.readBytes(try cursor.readCount(limit: count * 8))
            let planes = try decompressor.decompress(frame, byteCount: count * 8)
            for index in 0..<count {
                var bits: UInt64 = 0
                for plane in 0..<8 { bits |= UInt64(planes[plane * count + index]) << UInt64(plane * 8) }
                output[index] = Double(bitPattern: bits)
            }
        case .dictionary, .planes, .exponents, nil:
            throw .unknownCode(offset: place, kind: "a codec of numbers", found: UInt64(code))
        }
    }

    // MARK: float32

    static func encode(
        _ values: UnsafeBufferPointer<Float>, with compressor: ZstdCompressor, into writer: inout ByteWriter
    ) {
        guard let first = values.first else { return writer.write(FloatCodec.raw.rawValue) }
        if values.allSatisfy({ $0.bitPattern == first.bitPattern }) {
            writer.write(FloatCodec.constant.rawValue)
            return writer.write(first.bitPattern)
        }
        let planeByteCount = planesByteCountMin(values.count)
        if writeDictionary(of: values, below: planeByteCount, into: &writer) { return }
        if let decimals = decimals(of: values), decimals.count < planeByteCount {
            writer.write(FloatCodec.decimal.rawValue)
            return writer.write(decimals)
        }
        // Bit 31 (sign) goes to the bottom, so that the top byte is the whole exponent.
        let isCompressed = withUnsafeTemporaryAllocation(byteCount: values.count, alignment: 8) { exponents in
            for index in 0..<values.count {
                exponents[index] = UInt8(truncatingIfNeeded: values[index].bitPattern >> 23)
            }
            writer.write(FloatCodec.exponents.rawValue)
            let isCoded = PrefixCoding.encode(UnsafeRawBufferPointer(exponents), into: &writer)
            if !isCoded { writer.removeLast() }
            return isCoded
        }
        guard isCompressed else {
            writer.write(FloatCodec.raw.rawValue)
            for value in values { writer.write(value.bitPattern) }
            return
        }
        writer.write(byteCount: values.count * 3) { rest in
            // Each store writes a byte too many, which the next one writes again; the last has none
            // after it and is stored byte by byte.
            let last = values.count - 1
            for index in 0..<last {
                let bits = values[index].bitPattern
                rest.storeBytes(
                    of: (bits << 1 | bits >> 31).littleEndian, toByteOffset: index * 3, as: UInt32.self)
            }
            let bits = values[last].bitPattern
            let low = bits << 1 | bits >> 31
            for byte in 0..<3 { rest[last * 3 + byte] = UInt8(truncatingIfNeeded: low >> UInt32(byte * 8)) }
        }
    }

    /// Appends codec, length and frame of `planes`; false, with nothing appended, where a frame would
    /// not be smaller.
    private static func write(
        _ codec: FloatCodec, _ planes: UnsafeRawBufferPointer, with compressor: ZstdCompressor,
        into writer: inout ByteWriter
    ) -> Bool {
        compressor.withFrame(of: planes) { frame in
            writer.write(codec.rawValue)
            writer.writeVarint(frame.count)
            writer.write(raw: frame)
            return true
        } ?? false
    }

    static func decode(
        _ cursor: inout ByteCursor, with decompressor: ZstdDecompressor,
        into output: UnsafeMutableBufferPointer<Float>
    ) throws(BytesError) {
        let place = cursor.offset
        let count = output.count
        let code: UInt8 = try cursor.read()
        switch FloatCodec(rawValue: code) {
        case .raw:
            let bytes = try cursor.readBytes(count * 4)
            for index in 0..<count {
                let bits = bytes.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self)
                output[index] = Float(bitPattern: UInt32(littleEndian: bits))
            }
        case .constant:
            output.update(repeating: Float(bitPattern: try cursor.read()))
        case .decimal:
            var doubles = [Double](repeating: 0, count: count)
            try doubles.withUnsafeMutableBufferPointer { buffer throws(BytesError) in
                try DecimalCoding.decode(&cursor, into: buffer)
            }
            for index in 0..<count { output[index] = Float(doubles[index]) }
        case .dictionary:
            let entryCount = Int(try cursor.read(UInt8.self))
            var entries: [Float] = []
            for _ in 0..<entryCount { entries.append(Float(bitPattern: try cursor.read())) }
            let width = Int(try cursor.read(UInt8.self))
            var codes = [UInt64](repeating: 0, count: count)
            try codes.withUnsafeMutableBufferPointer { buffer throws(BytesError) in
                try BitPacking.unpack(&cursor, width: width, base: 0, into: buffer)
            }
            for index in 0..<count {
                guard codes[index] < UInt64(entries.count) else {
                    throw .malformed(
                        offset: place, reason: "entry \(codes[index]) of a dictionary of \(entries.count)")
                }
                output[index] = entries[Int(codes[index])]
            }
        case .planes, .exponents:
            var failure: BytesError?
            withUnsafeTemporaryAllocation(byteCount: count, alignment: 8) { exponents in
                do throws(BytesError) {
                    if code == FloatCodec.planes.rawValue {
                        let frame = try cursor.readBytes(try cursor.readCount(limit: count))
                        try decompressor.decompress(frame, into: exponents)
                    } else {
                        try PrefixCoding.decode(&cursor, into: exponents)
                    }
                    let rest = try cursor.readBytes(count * 3)
                    assaylog_join_singles(exponents.baseAddress, rest.baseAddress, count, output.baseAddress)
                } catch {
                    failure = error
                }
            }
            if let failure { throw failure }
        case .shuffled, nil:
            throw .unknownCode(offset: place, kind: "a codec of numbers", found: UInt64(code))
        }
    }

    /// The same values as doubles.
    static func decodeWidened(
        _ cursor: inout ByteCursor, with decompressor: ZstdDecompressor,
        into output: UnsafeMutableBufferPointer<Double>
    ) throws(BytesError) {
        // First all singles, then all doubles: so a processor converts several at once.
        var failure: BytesError?
        withUnsafeTemporaryAllocation(of: Float.self, capacity: output.count) { singles in
            do throws(BytesError) {
                try decode(&cursor, with: decompressor, into: singles)
                for index in 0..<output.count { output[index] = Double(singles[index]) }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }

    /// What coded exponents cost at the very least: the mantissas, and next to nothing for exponents.
    private static func planesByteCountMin(_ count: Int) -> Int { count * 3 + count / 4 }

    /// Appends the values as numbers of their distinct ones; false, with nothing appended, where those
    /// are too many or the whole would not be below `byteCountMax`.
    private static func writeDictionary(
        of values: UnsafeBufferPointer<Float>, below byteCountMax: Int, into writer: inout ByteWriter
    ) -> Bool {
        withUnsafeTemporaryAllocation(of: UInt16.self, capacity: DistinctBits.slotCount) { slots in
            withUnsafeTemporaryAllocation(of: UInt32.self, capacity: dictionaryCountMax) { entries in
                // A sample first: looking a whole column of noise up would cost more than encoding it.
                let sampleCount = min(values.count, 2 * dictionaryCountMax)
                var distinct = DistinctBits(slots: slots, entries: entries)
                for position in 0..<sampleCount {
                    let bits = values[position * values.count / sampleCount].bitPattern
                    guard distinct.number(of: bits) != nil else { return false }
                }
                distinct = DistinctBits(slots: slots, entries: entries)
                return withUnsafeTemporaryAllocation(of: UInt64.self, capacity: values.count) { codes in
                    for index in 0..<values.count {
                        guard let number = distinct.number(of: values[index].bitPattern) else { return false }
                        codes[index] = UInt64(number)
                    }
                    let width = BitPacking.width(of: UInt64(distinct.count - 1))
                    guard distinct.count * 4 + values.count * width / 8 < byteCountMax else { return false }
                    writer.write(FloatCodec.dictionary.rawValue)
                    writer.write(UInt8(distinct.count))
                    for entry in entries[..<distinct.count] { writer.write(entry) }
                    writer.write(UInt8(width))
                    BitPacking.pack(UnsafeBufferPointer(codes), width: width, into: &writer)
                    return true
                }
            }
        }
    }

    /// Numbers bit patterns in the order in which they are first met, as long as there is room: an
    /// open-addressed table on the stack, four times as long as it is ever full.
    private struct DistinctBits {
        static let slotCount = 512
        /// The number of the entry in each slot and one; 0 where there is none.
        private let slots: UnsafeMutableBufferPointer<UInt16>
        private let entries: UnsafeMutableBufferPointer<UInt32>
        private(set) var count = 0

        init(slots: UnsafeMutableBufferPointer<UInt16>, entries: UnsafeMutableBufferPointer<UInt32>) {
            precondition(
                slots.count == Self.slotCount && entries.count < Self.slotCount, "A slot stays free.")
            self.slots = slots
            self.entries = entries
            slots.initialize(repeating: 0)
        }

        /// The number of `bits`; nil where it is new and there is no room.
        @inline(__always)
        mutating func number(of bits: UInt32) -> Int? {
            // Fibonacci hashing: the upper bits of the product depend on all of the pattern.
            var slot = Int((bits &* 0x9E37_79B1) >> 23)
            while true {
                let found = Int(slots[slot])
                if found == 0 { break }
                if entries[found - 1] == bits { return found - 1 }
                slot = (slot + 1) & (Self.slotCount - 1)
            }
            guard count < entries.count else { return nil }
            entries[count] = bits
            count += 1
            slots[slot] = UInt16(count)
            return count - 1
        }
    }

    /// The values as the decimals of their shortest texts, where single precision keeps those:
    /// 47.6063 as a float is 476063 / 10^4 rounded once to double and once to single.
    private static func decimals(of values: UnsafeBufferPointer<Float>) -> [UInt8]? {
        let exponentMax = 7
        let step = max(1, values.count / 32)
        let sample = stride(from: 0, to: values.count, by: step).map { values[$0] }
        let exponent = (0...exponentMax).first { exponent in
            sample.allSatisfy { decimal($0, power: DecimalCoding.powers[exponent]) != nil }
        }
        guard let exponent else { return nil }
        let power = DecimalCoding.powers[exponent]
        var doubles: [Double] = []
        doubles.reserveCapacity(values.count)
        for value in values {
            doubles.append(decimal(value, power: power) ?? Double(value))
        }
        // A NaN does not widen and narrow to the same bits; such columns are rare and stay planes.
        guard zip(doubles, values).allSatisfy({ Float($0).bitPattern == $1.bitPattern }) else { return nil }
        var writer = ByteWriter(reserving: values.count * 3)
        let fits = doubles.withUnsafeBufferPointer {
            DecimalCoding.encode($0, exponent: exponent, into: &writer)
        }
        return fits ? writer.bytes : nil
    }

    private static func decimal(_ value: Float, power: Double) -> Double? {
        let scaled = DecimalCoding.rounded(Double(value) * power)
        guard abs(scaled) < 4_294_967_296 else { return nil }
        let candidate = scaled / power
        return Float(candidate).bitPattern == value.bitPattern ? candidate : nil
    }
}
