// Invariants checked: the two at the head of ScientificNotation.swift, in that order.
//
// The references are exact decimal arithmetic's, made with Python's `decimal` at 2,000 digits: bits of
// the double, and its text. Among them are ties, boundaries like 9.995, subnormals and both extremes.

import Simulation
import Summaries
import Testing

@Suite("Scientific notation")
struct ScientificNotationTests {
    @Test("the text is the exact value rounded once, halves to even")
    func references() throws {
        let references = Self.references.split(whereSeparator: \.isWhitespace)
        #expect(references.count == 292)
        for position in stride(from: 0, to: references.count, by: 2) {
            let pattern = try #require(UInt64(references[position], radix: 16))
            let value = Double(bitPattern: pattern)
            #expect(ScientificNotation.twoDecimals(value) == references[position + 1], "\(value)")
            let negative = references[position + 1].hasPrefix("-")
            #expect(
                ScientificNotation.twoDecimals(-value)
                    == (negative ? "" : "-") + references[position + 1].drop { $0 == "-" })
        }
    }

    @Test("both zeros have one name")
    func zeros() {
        #expect(ScientificNotation.twoDecimals(0.0) == "0.00e0")
        #expect(ScientificNotation.twoDecimals(-0.0) == "0.00e0")
    }

    @Test("every power of ten is one and its exponent, and so is its neighbour below")
    func powersOfTen() throws {
        for exponent in -300...300 {
            let power = try #require(Double("1e\(exponent)"))
            #expect(ScientificNotation.twoDecimals(power) == "1.00e\(exponent)")
            #expect(ScientificNotation.twoDecimals(power.nextDown) == "1.00e\(exponent)")
            let below = try #require(Double("9.99e\(exponent)"))
            #expect(ScientificNotation.twoDecimals(below) == "9.99e\(exponent)")
        }
    }

    @Test("the text, read back, is within half a hundredth of its leading digit")
    func readsBackNearby() throws {
        for seed in UInt64(1)...2_000 {
            var generator = SeededGenerator(seed: seed)
            let value = generator.anyNumber()
            guard value.isFinite, value.magnitude > 1e-300 else { continue }
            let back = try #require(Double(ScientificNotation.twoDecimals(value)))
            // 9.995 and more of the largest exponent round up to ten times infinity's threshold.
            #expect(((back - value) / value).magnitude <= 0.005000001, "seed \(seed): \(value)")
        }
    }

    private static let references = """
        40298a3d70a3d70a 1.28e1 bfd972474538ef35 -3.98e-1 3ff0000000000000 1.00e0
        4023fd70a3d70a3d 9.99e0 4023fd70a3d70a3d 9.99e0 4023f851eb851eb8 9.98e0
        3ff0147ae147ae14 1.00e0 3ff03d70a3d70a3d 1.01e0 3ff0666666666666 1.02e0
        3fc0000000000000 1.25e-1 3ff2000000000000 1.12e0 3ff6000000000000 1.38e0
        3ffa000000000000 1.62e0 4026800000000000 1.12e1 405c200000000000 1.12e2
        4091940000000000 1.12e3 4091bc0000000000 1.14e3 4058fccccccccccd 1.00e2
        408f3c0000000000 1.00e3 40c3858000000000 1.00e4 40c3808000000000 9.98e3
        0000000000000001 4.94e-324 0000000000000003 1.48e-323 0010000000000000 2.23e-308
        000fffffffffffff 2.23e-308 7fefffffffffffff 1.80e308 4480f0cf064dd592 1.00e22
        44b52d02c7e14af6 1.00e23 44b52a4ce4323445 1.00e23 3ee4f8b588e368f1 1.00e-5
        419d6f3454000000 1.23e8 3f31468000000000 2.64e-4 401c6b851eb851ec 7.11e0
        3f50000000000000 9.77e-4 4340000000000000 9.01e15 c023fd70a3d70a3d -9.99e0
        7e37e43c8800759c 1.00e300 01dac639ec12df64 9.99e-300 4011666666666666 4.35e0
        40fb38c000000000 1.12e5 4059200000000000 1.00e2 408f680000000000 1.00e3
        408fb80000000000 1.02e3 430c6bf526340000 1.00e15 4341c37937e08000 1.00e16
        3eb0000000000000 9.54e-7 7953a6f252e6b439 2.72e276 32899387269e0d38 3.04e-65
        062e3fe8a6a3a451 6.67e-279 691f8412128b2f34 2.36e198 0c0c7408892f902c 1.24e-250
        4a98cc2e5d9dc9f9 2.32e51 74712eca0ed90476 7.87e252 1b7b3ae681e74ef6 2.69e-176
        0b0051ad099950d9 1.09e-255 3586aa4d6f03675b 7.57e-51 1ece0b9211e20b90 2.67e-160
        4688b7671738f7da 6.27e31 0790eedb6cad4a27 3.13e-272 4860c967d3ac94b0 4.57e40
        7946082e1fb17c24 1.53e276 50b8599c3926305a 7.22e80 4a9fa478a09f76b6 2.96e51
        07eb1878f29d0daa 1.60e-270 4af3057a93bd04d0 1.14e53 0658f14e658cda15 4.40e-278
        1c4c68c8f9ebdacd 2.30e-172 4740cb9f0becd7b1 1.74e35 110bdf56dbc496cc 1.47e-226
        35a659214a23d597 2.99e-50 453531f624ede6a5 2.56e25 4913b32c1e27a1c1 1.10e44
        47b682ac4ef8aa39 2.99e37 574bdd4ad0eda830 3.35e112 0d30edf12e44158c 3.87e-245
        491d39b494e3bf92 1.63e44 180c2862a38fd548 7.71e-193 0c789ae95f557204 1.37e-248
        5b2672118c38fb2a 1.24e131 483d38611012f038 9.94e39 4f3bb4d80f4205b5 4.90e73
        3f8a829234b9b5e0 1.29e-2 440f68b1ae2eb155 7.24e19 637c3b8c6d76b07f 1.70e171
        3b98d788506bf2f0 1.32e-21 763353c395e761d2 2.38e261 2e4854ac7403e431 9.78e-86
        1fcc713b4cbd87ae 1.66e-155 170298cdcb5c7428 7.77e-198 63d17510b2f14c95 6.75e172
        0a7a399f3e7d1bfc 3.41e-258 266e902a930d6eb0 1.44e-123 3f5ff90386734722 1.95e-3
        2bf702e6e00902c8 6.73e-97 3973661dbabced21 5.98e-32 4df25e7e49b64a09 3.10e67
        095ea567faecbd39 1.52e-263 418703de1e398f11 4.83e7 151d7a6a6b0a18e9 5.74e-207
        2bc87c17c1d3fd00 8.96e-98 777565f126e87556 2.76e267 35fa36347d2caf83 1.12e-48
        7b2370fa0a097c98 1.45e285 09ef77c3ab1031d1 7.99e-261 476f06bdc3baea9f 1.29e36
        650109af92b1d3f3 3.45e178 4083300000000000 6.14e2 41900ff040000000 6.74e7
        3ee1c571b114acd8 8.47e-6 40044395810624dd 2.53e0 3ee262bf4e1a5074 8.77e-6
        4033f0a3d70a3d71 1.99e1 4054c0a3d70a3d71 8.30e1 40bc980000000000 7.32e3
        4134e3a800000000 1.37e6 3f7bf26f1dc50ce6 6.82e-3 417bd40600000000 2.92e7
        3f941f212d773190 1.97e-2 3f42b50e6a260e87 5.71e-4 40e8b00000000000 5.06e4
        4191a7a740000000 7.40e7 3f630164840e171a 2.32e-3 40f4686000000000 8.36e4
        3f42315aebdee0cb 5.55e-4 40201b22d0e56042 8.05e0 40be7c0000000000 7.80e3
        3fe725460aa64c30 7.23e-1 3ecd20102f91d7c8 3.47e-6 3f39794dc9b76e97 3.89e-4
        3fdeb851eb851eb8 4.80e-1 4166d4ba00000000 1.20e7 400fe5604189374c 3.99e0
        3e6e2ab1de1fb7ab 5.62e-8 4114aaa000000000 3.39e5 40c30f0000000000 9.76e3
        3f4461b6d43d0397 6.22e-4 3eafb1317701a558 9.45e-7 40f4b4a000000000 8.48e4
        40f25ca000000000 7.52e4 3f138c4ed8554125 7.46e-5 40f5b3a000000000 8.89e4
        3f94acaff6d33095 2.02e-2 3f9588e368f08463 2.10e-2 3f80d51f81a5870d 8.22e-3
        407181999999999a 2.80e2 3ef3839576495d6d 1.86e-5
        """
}
