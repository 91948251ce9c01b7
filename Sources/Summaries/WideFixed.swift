// Natural logarithms to more than a hundred and eighty bits, in integer arithmetic.
//
// This is the slow road of `NaturalLogarithm`: it is taken where the quick one cannot decide the last
// bit, and by the tests, which make the constants of the quick one again, so that none has to be believed.
// It is written to be checked by eye, not to be fast (some 10 µs).
//
//     x = m · 2^k with m in [√½, √2),   s = (m - 1) / (m + 1),   |s| < 0.1716
//     ln x = k · ln 2 + 2 · (s + s³/3 + s⁵/5 + …),   and ln 2 = 2 · (t + t³/3 + …) with t = 1/3
//
// Invariants:
//  * Every operation cuts off below 2^-256; none rounds. A sum of some fifty terms, doubled, is less
//    than 2^9 units of 2^-256 below the truth, and k times that less than 2^20.
//  * ln x is at least 2^-54 in magnitude for every double but 1, so 180 bits of it are certain.

/// A number of zero or more: 64 bits before the point, 256 after it, most significant first.
package struct WideFixed: Sendable {
    /// Limb 0 is the whole part.
    private var limbs: InlineArray<5, UInt64>

    private static let limbCount = 5

    /// Zero.
    package init() { limbs = InlineArray(repeating: 0) }

    /// numerator / denominator for a numerator below the denominator, cut off.
    package init(_ numerator: UInt64, over denominator: UInt64) {
        precondition(numerator < denominator, "The quotient is a fraction.")
        self.init()
        var remainder = numerator
        for position in 1..<Self.limbCount {
            (limbs[position], remainder) = denominator.dividingFullWidth((remainder, 0))
        }
    }

    package var isZero: Bool {
        for position in 0..<Self.limbCount where limbs[position] != 0 { return false }
        return true
    }

    /// The sum, whose whole part must fit 64 bits.
    package func adding(_ other: WideFixed) -> WideFixed {
        var sum = self
        var carry: UInt64 = 0
        for position in (0..<Self.limbCount).reversed() {
            let (partial, first) = limbs[position].addingReportingOverflow(other.limbs[position])
            let (limb, second) = partial.addingReportingOverflow(carry)
            sum.limbs[position] = limb
            carry = first || second ? 1 : 0
        }
        precondition(carry == 0, "The whole part holds the sum.")
        return sum
    }

    /// The difference from a number that is not greater.
    package func subtracting(_ other: WideFixed) -> WideFixed {
        var difference = self
        var borrow: UInt64 = 0
        for position in (0..<Self.limbCount).reversed() {
            let (partial, first) =
                limbs[position].subtractingReportingOverflow(other.limbs[position])
            let (limb, second) = partial.subtractingReportingOverflow(borrow)
            difference.limbs[position] = limb
            borrow = first || second ? 1 : 0
        }
        precondition(borrow == 0, "A difference here is never below zero.")
        return difference
    }

    /// The product with a small whole number, exact while the whole part holds it.
    package func multiplied(by factor: UInt64) -> WideFixed {
        var product = self
        var carry: UInt64 = 0
        for position in (0..<Self.limbCount).reversed() {
            let (high, low) = limbs[position].multipliedFullWidth(by: factor)
            let (limb, overflow) = low.addingReportingOverflow(carry)
            product.limbs[position] = limb
            carry = high + (overflow ? 1 : 0)
        }
        precondition(carry == 0, "The whole part holds the product.")
        return product
    }

    /// The product of two fractions, cut off.
    package func multiplied(byFraction other: WideFixed) -> WideFixed {
        precondition(limbs[0] == 0 && other.limbs[0] == 0, "Both factors are below one.")
        // Fraction limb i stands for 2^-64i, so limbs i and j meet at place i + j: 2 … 8, of which
        // 5 … 8 only carry upwards. Columns are summed from the least significant one.
        var wide = InlineArray<9, UInt64>(repeating: 0)
        for left in (1..<Self.limbCount).reversed() {
            var carry: UInt64 = 0
            for right in (1..<Self.limbCount).reversed() {
                let (high, low) = limbs[left].multipliedFullWidth(by: other.limbs[right])
                let (partial, first) = low.addingReportingOverflow(wide[left + right])
                let (limb, second) = partial.addingReportingOverflow(carry)
                wide[left + right] = limb
                carry = high + (first ? 1 : 0) + (second ? 1 : 0)
            }
            wide[left] = carry
        }
        var product = WideFixed()
        for position in 1..<Self.limbCount { product.limbs[position] = wide[position] }
        return product
    }

    /// The quotient by a small whole number, cut off.
    package func divided(by divisor: UInt64) -> WideFixed {
        var quotient = self
        var remainder: UInt64 = 0
        for position in 0..<Self.limbCount {
            (quotient.limbs[position], remainder) =
                divisor.dividingFullWidth((remainder, limbs[position]))
        }
        return quotient
    }

    /// The 128 bits from the leading one on, and the power of two that the last of them stands for.
    ///
    /// For numbers that are not zero; what follows the last bit is cut off.
    package var leadingBits: (bits: UInt128, unitExponent: Int) {
        var first = 0
        while limbs[first] == 0 { first += 1 }
        let shift = limbs[first].leadingZeroBitCount
        func limb(_ position: Int) -> UInt128 {
            position < Self.limbCount ? UInt128(limbs[position]) : 0
        }
        let top = limb(first) << 64 | limb(first + 1)
        let bits =
            shift == 0 ? top : top << UInt128(shift) | limb(first + 2) >> UInt128(64 - shift)
        return (bits, -64 * (first + 1) - shift)
    }
}

extension WideFixed {
    /// ln 2, less than 2^9 units below the truth.
    package static let logarithmOfTwo = twiceInverseHyperbolicTangent(WideFixed(1, over: 3))

    /// ln of `mantissa` · 2^(`exponent` - 52), as a magnitude and a sign; `mantissa` has 53 bits.
    package static func logarithm(
        mantissa: UInt64, exponent: Int
    ) -> (magnitude: WideFixed, isNegative: Bool) {
        let one: UInt64 = 1 << 52
        // √2 · 2^52, to the nearest; which side of it a mantissa is on changes only the speed.
        let squareRootOfTwo: UInt64 = 0x16_A09E_667F_3BCD
        let isHalved = mantissa > squareRootOfTwo
        let reference = isHalved ? one << 1 : one
        let power = isHalved ? exponent + 1 : exponent
        let isBelowOne = mantissa < reference
        let distance = isBelowOne ? reference - mantissa : mantissa - reference
        let ofMantissa = twiceInverseHyperbolicTangent(
            WideFixed(distance, over: mantissa + reference))
        guard power != 0 else { return (ofMantissa, isBelowOne) }
        // |ln m| is at most half of ln 2, so the power decides the sign.
        let ofPower = logarithmOfTwo.multiplied(by: UInt64(power.magnitude))
        let isNegative = power < 0
        return (
            isNegative == isBelowOne
                ? ofPower.adding(ofMantissa) : ofPower.subtracting(ofMantissa),
            isNegative
        )
    }

    /// 2 · artanh(s) = 2 · (s + s³/3 + s⁵/5 + …) for a fraction s of at most 1/3.
    private static func twiceInverseHyperbolicTangent(_ fraction: WideFixed) -> WideFixed {
        let square = fraction.multiplied(byFraction: fraction)
        var sum = fraction
        var power = fraction
        var divisor: UInt64 = 1
        while !power.isZero {
            power = power.multiplied(byFraction: square)
            divisor += 2
            sum = sum.adding(power.divided(by: divisor))
        }
        return sum.multiplied(by: 2)
    }
}
