// The logarithm in doubles: the road that is taken nearly always, four times as fast as the one in integers.
//
// x = m · 2^k and z = m·r - 1 as in NaturalLogarithm.swift. The result is gathered as a large part, which is
// exact, and a small one, which is not, but by less than 2^-68:
//
//     large    k · ln 2 + (-ln r) + z   of these the bits down to 2^-40, or 2^-32 of z; then - z²/2 of that z
//     small    the other bits of the three, the rest of z²/2, z³/3 - z⁴/4 + …, and what large + z²/2 lost
//
// Where the large part plus the small one, made smaller and greater by what may be wrong, round to one double,
// that is the double nearest to the true value, since rounding keeps the order. Where they do not, about once in a
// thousand times, the road does not decide.
//
// Every operation is one of IEEE 754's basic ones, which have one answer on every machine; but even that is
// not leant on: an answer is given only where it could be no other.
//
// The errors, with |z| < 2^-7. The small part is below 2^-21, so each of its six sums is off by less than 2^-75.
// z³·(…) is below 2^-22, of relative error below 2^-50: 2^-72. The terms left out are below 2^-80, and the
// constants' last bits, times k, below 2^-80. Together less than 2^-71; 2^-68 is allowed.
//
// Invariant: an answer is the double nearest to ln x.

extension NaturalLogarithm {
    /// What the small part may be wrong by.
    private static let errorMax = 0x1p-68

    /// nil where this road cannot tell which of two doubles is nearer, near one, and for what is no normal
    /// number above zero.
    @inline(__always)
    static func inDoubles(_ x: Double) -> Double? {
        let bits = x.bitPattern
        let biasedExponent = Int(truncatingIfNeeded: bits >> 52)
        // The sign would make it greater.
        guard biasedExponent > 0, biasedExponent < 2047 else { return nil }
        let index = Int(truncatingIfNeeded: bits >> 45) & 127
        let isHalved = index >= LogarithmArgument.firstHalvedIndex
        let power = biasedExponent - 1023 + (isHalved ? 1 : 0)
        let reduction = DoubleTable.shared.reductions[index]
        if power == 0 && reduction.fraction == 1 { return nil }
        let exponentBits: UInt64 = (isHalved ? 1022 : 1023) << 52
        let mantissaBits = bits & (1 << 52 - 1) | exponentBits
        let mantissa = Double(bitPattern: mantissaBits)
        // 24 bits, so that the square of z's upper part has no more than 50; the rest is exact.
        let upperMantissa = Double(bitPattern: mantissaBits & ~(1 << 29 - 1))
        let upper = upperMantissa * reduction.fraction - 1
        let lower = (mantissa - upperMantissa) * reduction.fraction
        let z = upper + lower

        let k = Double(power)
        let exact = k * DoubleTable.shared.upperLogarithmOfTwo + reduction.upperLogarithm + upper
        let square = -0.5 * upper * upper
        let large = exact + square
        let lost = square - (large - exact)

        let z2 = z * z
        let z4 = z2 * z2
        let low = (1.0 / 3 - z * (1.0 / 4)) + z2 * (1.0 / 5 - z * (1.0 / 6))
        let high = (1.0 / 7 - z * (1.0 / 8)) + z2 * (1.0 / 9 - z * (1.0 / 10))
        let series = z2 * z * (low + z4 * high)
        let rest = lower - lower * (upper + 0.5 * lower)
        let constants = k * DoubleTable.shared.lowerLogarithmOfTwo + reduction.lowerLogarithm
        let small = lost + (rest + (series + constants))

        let least = large + (small - errorMax)
        let greatest = large + (small + errorMax)
        return least == greatest ? least : nil
    }
}

/// The constants as doubles, two each: a multiple of 2^-40, so that sums of such are exact, and the rest.
private struct DoubleTable: Sendable {
    static let shared = DoubleTable()

    struct Reduction: Sendable {
        /// r.
        let fraction: Double
        let upperLogarithm: Double
        let lowerLogarithm: Double
    }

    let reductions = InlineArray<128, Reduction> { index in
        let (upper, lower) = parts(LogarithmConstants.ofReductions[index])
        return Reduction(
            fraction: Double(LogarithmTable.multiplier(at: index)) / 256, upperLogarithm: upper,
            lowerLogarithm: lower)
    }
    let upperLogarithmOfTwo = parts(LogarithmConstants.logarithmOfTwo).upper
    let lowerLogarithmOfTwo = parts(LogarithmConstants.logarithmOfTwo).lower

    /// A number of units of 2^-116.
    private static func parts(_ units: Int128) -> (upper: Double, lower: Double) {
        let upper = units >> 76
        // Of the 76 bits left 60 are taken: the others are below 2^-100.
        let lower = (units - upper << 76) >> 16
        return (
            Double(Int64(truncatingIfNeeded: upper)) * 0x1p-40,
            Double(Int64(truncatingIfNeeded: lower)) * 0x1p-100
        )
    }
}
