// Codecs for float64 and float32 columns.
//
//     constant     one value
//     decimal      whole numbers over a power of ten (DecimalCoding)
//     dictionary   float32 only: few distinct values, their numbers packed
//     planes       float32: sign rotated to the bottom, the exponent byte of all values compressed,
//                  the three mantissa bytes as they are (they are noise)
//     shuffled     float64: all first bytes, then all second bytes, …, compressed
//     raw          as in memory, little-endian
//
// Invariant: decode ∘ encode is the identity on bit patterns.

import Bytes

enum FloatCodec: UInt8 {
    case raw = 0
    case constant = 1
    case decimal = 2
    case dictionary = 3
    case planes = 4
    case shuffled = 5
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
        var shuffled = [UInt8](repeating: 0, count: values.count * 8)
        for (index, value) in values.enumerated() {
            let bits = value.bitPattern
            for plane in 0..<8 {
                shuffled[plane * values.count + index] = UInt8(truncatingIfNeeded: bits >> UInt64(plane * 8))
            }
        }
        if let frame = shuffled.withUnsafeBytes({ compressor.compress($0) }) {
            writer.write(FloatCodec.shuffled.rawValue)
            writer.writeVarint(frame.count)
            return writer.write(frame)
        }
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
        case .dictionary, .planes, nil:
            throw .overLimit(offset: place, found: UInt64(code), limit: UInt64(FloatCodec.shuffled.rawValue))
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
        if let dictionary = dictionary(of: values), dictionary.byteCount < planeByteCount {
            writer.write(FloatCodec.dictionary.rawValue)
            writer.write(UInt8(dictionary.entries.count))
            for entry in dictionary.entries { writer.write(entry) }
            writer.write(UInt8(dictionary.width))
            dictionary.codes.withUnsafeBufferPointer {
                BitPacking.pack($0, width: dictionary.width, into: &writer)
            }
            return
        }
        if let decimals = decimals(of: values), decimals.count < planeByteCount {
            writer.write(FloatCodec.decimal.rawValue)
            return writer.write(decimals)
        }
        // Bit 31 (sign) goes to the bottom, so that the top byte is the whole exponent.
        var exponents = [UInt8](repeating: 0, count: values.count)
        for index in 0..<values.count {
            exponents[index] = UInt8(truncatingIfNeeded: values[index].bitPattern >> 23)
        }
        guard let frame = exponents.withUnsafeBytes({ compressor.compress($0) }) else {
            writer.write(FloatCodec.raw.rawValue)
            for value in values { writer.write(value.bitPattern) }
            return
        }
        writer.write(FloatCodec.planes.rawValue)
        writer.writeVarint(frame.count)
        writer.write(frame)
        withUnsafeTemporaryAllocation(byteCount: values.count * 3 + 1, alignment: 1) { rest in
            for index in 0..<values.count {
                let bits = values[index].bitPattern
                let low = (bits << 1 | bits >> 31) & 0xFF_FFFF
                rest.storeBytes(of: low.littleEndian, toByteOffset: index * 3, as: UInt32.self, limit: 3)
            }
            writer.write(raw: UnsafeRawBufferPointer(rebasing: rest[..<(values.count * 3)]))
        }
    }

    static func decode(
        _ cursor: inout ByteCursor, with decompressor: ZstdDecompressor,
        into output: UnsafeMutableBufferPointer<Float>
    ) throws(BytesError) {
        let place = cursor.offset
        let code: UInt8 = try cursor.read()
        let count = output.count
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
                    throw .overLimit(offset: place, found: codes[index], limit: UInt64(entries.count))
                }
                output[index] = entries[Int(codes[index])]
            }
        case .planes:
            let frame = try cursor.readBytes(try cursor.readCount(limit: count))
            let rest = try cursor.readBytes(count * 3)
            var failure: BytesError?
            withUnsafeTemporaryAllocation(byteCount: count, alignment: 8) { exponents in
                do throws(BytesError) { try decompressor.decompress(frame, into: exponents) } catch {
                    failure = error
                    return
                }
                for index in 0..<count {
                    let at = index * 3
                    let low =
                        UInt32(rest[at]) | UInt32(rest[at + 1]) << 8 | UInt32(rest[at + 2]) << 16
                    let bits = UInt32(exponents[index]) << 24 | low
                    output[index] = Float(bitPattern: bits >> 1 | bits << 31)
                }
            }
            if let failure { throw failure }
        case .shuffled, nil:
            throw .overLimit(offset: place, found: UInt64(code), limit: UInt64(FloatCodec.shuffled.rawValue))
        }
    }

    /// What planes cost at the very least: the mantissas, and next to nothing for exponents.
    private static func planesByteCountMin(_ count: Int) -> Int { count * 3 + count / 4 }

    private struct FloatDictionary {
        var entries: [UInt32]
        var codes: [UInt64]
        var width: Int
        var byteCount: Int { entries.count * 4 + codes.count * width / 8 }
    }

    private static func dictionary(of values: UnsafeBufferPointer<Float>) -> FloatDictionary? {
        guard hasRepeats(values) else { return nil }
        var numbers: [UInt32: UInt64] = [:]
        var entries: [UInt32] = []
        var codes: [UInt64] = []
        codes.reserveCapacity(values.count)
        for value in values {
            if let number = numbers[value.bitPattern] {
                codes.append(number)
            } else {
                guard entries.count < dictionaryCountMax else { return nil }
                numbers[value.bitPattern] = UInt64(entries.count)
                codes.append(UInt64(entries.count))
                entries.append(value.bitPattern)
            }
        }
        return FloatDictionary(
            entries: entries, codes: codes, width: BitPacking.width(of: UInt64(entries.count - 1)))
    }

    /// Whether a sample of the values has as many repeats as a dictionary needs: hashing a whole
    /// column of noise to find that out would cost more than encoding it.
    private static func hasRepeats(_ values: UnsafeBufferPointer<Float>) -> Bool {
        let sampleCount = min(values.count, 2 * dictionaryCountMax)
        return withUnsafeTemporaryAllocation(of: UInt32.self, capacity: sampleCount) { sample in
            for position in 0..<sampleCount {
                sample[position] = values[position * values.count / sampleCount].bitPattern
            }
            var sorted = sample
            sorted.sort()
            var distinctCount = 1
            for position in 1..<max(1, sampleCount) where sample[position] != sample[position - 1] {
                distinctCount += 1
            }
            return distinctCount <= dictionaryCountMax
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
        let scaled = (Double(value) * power).rounded(.toNearestOrEven)
        guard abs(scaled) < 4_294_967_296 else { return nil }
        let candidate = scaled / power
        return Float(candidate).bitPattern == value.bitPattern ? candidate : nil
    }
}

extension UnsafeMutableRawBufferPointer {
    /// Stores the low `limit` bytes of a little-endian word.
    fileprivate func storeBytes(of word: UInt32, toByteOffset offset: Int, as type: UInt32.Type, limit: Int) {
        for byte in 0..<limit { self[offset + byte] = UInt8(truncatingIfNeeded: word >> UInt32(byte * 8)) }
    }
}
