// Invariants checked: those at the heads of FloatCoding.swift and DecimalCoding.swift: what comes
// back is the same bits.

import Bytes
import Simulation
import TestSupport
import Testing

@testable import Segments

@Suite struct FloatCodingTests {
    private let compressor = ZstdCompressor()
    private let decompressor = ZstdDecompressor()

    private func check(_ values: [Double], _ comment: @autoclosure () -> String = "") throws {
        let decoded = try Coded.doubles(Coded.encode(values, compressor), count: values.count, decompressor)
        let same = zip(decoded, values).allSatisfy { $0.bitPattern == $1.bitPattern }
        #expect(same, "\(comment()) \(values.prefix(8)) came back as \(decoded.prefix(8))")
    }

    private func check(_ values: [Float], _ comment: @autoclosure () -> String = "") throws {
        let decoded = try Coded.floats(Coded.encode(values, compressor), count: values.count, decompressor)
        let same = zip(decoded, values).allSatisfy { $0.bitPattern == $1.bitPattern }
        #expect(same, "\(comment()) \(values.prefix(8)) came back as \(decoded.prefix(8))")
    }

    @Test("every short list of special doubles comes back, bit for bit")
    func shortDoubles() throws {
        let alphabet: [Double] = [
            0, -0.0, 1.5, -0.1, .infinity, -.infinity, .nan, Double(bitPattern: 0xFFF0_0000_0000_0001),
            .leastNonzeroMagnitude, .greatestFiniteMagnitude,
        ]
        for values in allLists(of: alphabet, upTo: 4) { try check(values) }
    }

    @Test("every short list of special floats comes back, bit for bit")
    func shortFloats() throws {
        let alphabet: [Float] = [
            0, -0.0, 1.5, -0.1, .infinity, -.infinity, .nan, Float(bitPattern: 0xFF80_0001),
            .leastNonzeroMagnitude, .greatestFiniteMagnitude,
        ]
        for values in allLists(of: alphabet, upTo: 4) { try check(values) }
    }

    @Test("special values among ordinary ones come back at every place")
    func oneAmongMany() throws {
        let ordinary = (0..<40).map { Double($0) / 10 }
        let specials: [Double] = [
            -0.0, .nan, Double(bitPattern: 0x7FF0_0000_0000_0001), .infinity, .leastNonzeroMagnitude,
            9_007_199_254_740_992, -9_007_199_254_740_994, 1e22, 0.1 + 0.2,
        ]
        for special in specials {
            for place in ordinary.indices {
                var values = ordinary
                values[place] = special
                try check(values, "\(special) at \(place)")
                try check(values.map { Float($0) }, "\(special) at \(place)")
            }
        }
    }

    @Test("lists of every kind and up to three blocks come back")
    func longLists() throws {
        for seed in 0..<150 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            let count = Int.random(in: 1...3000, using: &generator)
            try check(generator.doubles(count: count), "seed \(seed)")
            try check(generator.floats(count: count), "seed \(seed)")
        }
    }

    @Test("float bits of every exponent and sign come back")
    func everyExponent() throws {
        let values = (0..<512 as Range<UInt32>).map { Float(bitPattern: $0 << 23 | $0 &* 0x3_1415) }
        try check(values)
        let doubles = (0..<4096 as Range<UInt64>).map { Double(bitPattern: $0 << 52 | $0 &* 0x3_1415_9265) }
        try check(doubles)
    }

    @Test("each codec is used where it is meant to be")
    func choice() {
        func codec(_ coded: [UInt8]) -> FloatCodec? { coded.first.flatMap { FloatCodec(rawValue: $0) } }
        var generator = SeededGenerator(seed: 1)
        let random = (0..<500).map { _ in Double.random(in: 0...1, using: &generator) }
        let bits = (0..<8).map { _ in Double(bitPattern: UInt64.random(in: 0 ... .max, using: &generator)) }
        #expect(codec(Coded.encode([Double](repeating: 0.3, count: 9), compressor)) == .constant)
        #expect(codec(Coded.encode((0..<500).map { Double($0 * 7 % 1000) / 100 }, compressor)) == .decimal)
        #expect(codec(Coded.encode(random, compressor)) == .shuffled)
        #expect(codec(Coded.encode(bits, compressor)) == .raw)
        #expect(codec(Coded.encode([Float](repeating: 0.3, count: 9), compressor)) == .constant)
        #expect(codec(Coded.encode((0..<500).map { Float($0 % 5) / 3 }, compressor)) == .dictionary)
        #expect(codec(Coded.encode((0..<500).map { Float($0 * 7 % 1000) / 100 }, compressor)) == .decimal)
        #expect(codec(Coded.encode(random.map { Float($0) }, compressor)) == .exponents)
        #expect(codec(Coded.encode(bits.prefix(4).map { Float($0) } + [1, 2], compressor)) == .raw)
    }

    @Test("a column whose exponents are in a zstd frame, as builds before wrote it, is read")
    func planes() throws {
        var generator = SeededGenerator(seed: 2)
        for count in [17, 100, 1001] {
            let values = (0..<count).map { _ in Float.random(in: -3...9, using: &generator) }
            let exponents = values.map { UInt8(truncatingIfNeeded: $0.bitPattern >> 23) }
            guard let frame = exponents.withUnsafeBytes({ compressor.compress($0) }) else { continue }
            let coded = bytes { writer in
                writer.write(FloatCodec.planes.rawValue)
                writer.writeVarint(frame.count)
                writer.write(frame)
                for value in values {
                    let low = value.bitPattern << 1 | value.bitPattern >> 31
                    for byte in 0..<3 as Range<UInt32> {
                        writer.write(UInt8(truncatingIfNeeded: low >> (byte * 8)))
                    }
                }
            }
            var found = [Float](repeating: 0, count: count)
            try coded.withUnsafeBytes { coded in
                var cursor = ByteCursor(coded)
                try found.withUnsafeMutableBufferPointer {
                    try FloatCoding.decode(&cursor, with: ZstdDecompressor(), into: $0)
                }
            }
            #expect(found == values)
        }
    }

    @Test("posted decimals of up to fifteen digits need no exceptions")
    func decimals() throws {
        for exponent in 0...15 {
            var generator = SeededGenerator(seed: UInt64(exponent))
            let values = (0..<200).map { _ in
                let whole = Int.random(in: -999_999_999_999_999...999_999_999_999_999, using: &generator)
                return Double("\(whole)e-\(exponent)") ?? .nan
            }
            let chosen = try #require(values.withUnsafeBufferPointer { DecimalCoding.exponent(for: $0) })
            #expect(chosen <= exponent)
            for value in values {
                #expect(DecimalCoding.whole(value, power: DecimalCoding.powers[exponent]) != nil, "\(value)")
            }
        }
    }

    @Test("a quarter of exceptions is the most that decimals carry")
    func exceptions() {
        for exceptionCount in 0...8 {
            let values = (0..<20).map { $0 < exceptionCount ? Double.nan : Double($0) }
            let coded = bytes { writer in
                let fits = values.withUnsafeBufferPointer {
                    DecimalCoding.encode($0, exponent: 0, into: &writer)
                }
                #expect(fits == (exceptionCount <= 5))
            }
            #expect(coded.isEmpty == (exceptionCount > 5), "nothing is appended where they do not fit")
        }
    }
}
