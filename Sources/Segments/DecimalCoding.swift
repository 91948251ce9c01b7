// Doubles that are decimals in disguise: v = i / 10^e with a whole i below 2^53.
//
// Posted numbers mostly are: the digits somebody printed. Dividing two exact doubles rounds
// correctly, so i / 10^e is bit for bit the double that parsing those digits gives (the argument
// of ALP, Afroozeh, Kuffó, Boncz 2023). What does not fit is kept whole, beside.
//
// Invariant: decode ∘ encode is the identity on bit patterns, NaNs and -0.0 included.

import Bytes

enum DecimalCoding {
    /// 10^e is exact in a double up to 22; more digits than 18 do not fit an Int64.
    static let exponentMax = 18

    static let powers: [Double] = (0...exponentMax).map { exponent in
        (0..<exponent).reduce(1.0) { power, _ in power * 10 }
    }

    /// The nearest whole number, ties to even.
    ///
    /// Adding and taking away 1.5 · 2^52 rounds so by itself where the value is below 2^51: two additions
    /// instead of a call, as the oldest processors of this kind, which the compiler writes for, have no
    /// instruction that rounds.
    @inline(__always)
    static func rounded(_ value: Double) -> Double {
        let bias = 6_755_399_441_055_744.0
        return abs(value) < 2_251_799_813_685_248
            ? (value + bias) - bias : value.rounded(.toNearestOrEven)
    }

    /// The whole number i with i / 10^exponent == value, bit for bit; nil where there is none.
    @inline(__always)
    static func whole(_ value: Double, power: Double) -> Int64? {
        let scaled = rounded(value * power)
        guard abs(scaled) < 9_007_199_254_740_992 else { return nil }
        let whole = Int64(scaled)
        return (Double(whole) / power).bitPattern == value.bitPattern ? whole : nil
    }

    /// The exponent that suits a sample of `values` best; nil where fewer than three in four fit.
    static func exponent(for values: UnsafeBufferPointer<Double>) -> Int? {
        let step = max(1, values.count / 32)
        let sample = stride(from: 0, to: values.count, by: step).map { values[$0] }
        var best: (exponent: Int, fits: Int) = (0, -1)
        for exponent in 0...exponentMax {
            let power = powers[exponent]
            let fits = sample.reduce(0) { $0 + (whole($1, power: power) == nil ? 0 : 1) }
            if fits > best.fits { best = (exponent, fits) }
            if fits == sample.count { break }
        }
        return best.fits * 4 >= sample.count * 3 ? best.exponent : nil
    }

    /// Appends exponent, whole numbers and exceptions; false, with nothing appended, where more
    /// than a quarter of the values are exceptions.
    static func encode(
        _ values: UnsafeBufferPointer<Double>, exponent: Int, into writer: inout ByteWriter
    ) -> Bool {
        let power = powers[exponent]
        var wholes = [Int64](repeating: 0, count: values.count)
        var exceptions: [Int] = []
        for index in 0..<values.count {
            if let whole = whole(values[index], power: power) {
                wholes[index] = whole
            } else {
                exceptions.append(index)
                // The neighbour's number costs nothing to pack.
                wholes[index] = index > 0 ? wholes[index - 1] : 0
            }
        }
        guard exceptions.count * 4 <= values.count else { return false }
        writer.write(UInt8(exponent))
        IntegerCoding.encode(wholes, into: &writer)
        writer.writeVarint(exceptions.count)
        var previous = 0
        for index in exceptions {
            writer.writeVarint(index - previous)
            writer.write(values[index].bitPattern)
            previous = index
        }
        return true
    }

    static func decode(
        _ cursor: inout ByteCursor, into output: UnsafeMutableBufferPointer<Double>
    ) throws(BytesError) {
        let place = cursor.offset
        let exponent = Int(try cursor.read(UInt8.self))
        guard exponent <= exponentMax else {
            throw .overLimit(offset: place, found: UInt64(exponent), limit: UInt64(exponentMax))
        }
        let power = powers[exponent]
        // Whole numbers are decoded into the doubles' own memory, then turned one by one.
        let wholes = UnsafeMutableRawBufferPointer(output).assumingMemoryBound(to: Int64.self)
        try IntegerCoding.decode(&cursor, into: wholes)
        for index in 0..<output.count {
            output[index] = Double(wholes[index]) / power
        }
        let exceptionCount = try cursor.readCount(limit: output.count)
        var index = 0
        for _ in 0..<exceptionCount {
            index += try cursor.readCount(limit: output.count)
            let bits: UInt64 = try cursor.read()
            guard index < output.count else {
                throw .malformed(
                    offset: cursor.offset, reason: "an exception at \(index) of \(output.count) numbers")
            }
            output[index] = Double(bitPattern: bits)
        }
    }
}
