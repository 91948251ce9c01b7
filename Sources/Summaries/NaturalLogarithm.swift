// The natural logarithm of a double, correctly rounded, in arithmetic of our own.
//
// Why our own: the logarithm in C libraries is allowed to be off in the last bit, and is, differently
// from one version and processor to the next. Results here are compared by digest, so the same
// records must give the same bits on every machine. Correct rounding has one answer: the double
// nearest to the true value. Integers have one answer too: no unit of rounding, no fused operation.
//
// The quickest road is in doubles (NaturalLogarithm+Doubles.swift), and decides nearly always; what follows
// is asked where it cannot, and for what is near one.
//
// The quick road. x = m · 2^k, with m in about [0.707, 1.414). A table gives for the leading seven bits
// of m a fraction r = R/256 close to 1/m, so that z = m·r - 1 is exact and below 2^-7:
//
//     ln x = k · ln 2 - ln r + z·q(z),     q(z) = 1 - z/2 + z²/3 - … + z^12/13
//
// Each constant and step is cut off, by less than one unit of its last place. The sum of these errors
// is known; where it could change the rounding (about once in 2^30), `WideFixed` decides.
// It can: of all doubles, the hardest has its true value within 2^-118 of itself of a place where
// rounding changes (found by exhaustive search: V. Lefèvre and J.-M. Muller, 2001), and the slow
// road knows 128 bits.
//
// Invariants:
//  * The result is the double nearest to ln x, for every positive finite x; ln 1 is 0.
//  * No C library is involved, and no floating-point operation whose error is not bounded and asked about:
//    what the roads disagree in is their cost.

/// ln, correctly rounded.
package enum NaturalLogarithm {
    /// ln x to the nearest double. x must be positive and finite.
    package static func of(_ x: Double) -> Double { inDoubles(x) ?? quick(x) ?? exact(x) }

    /// The quick road alone; nil where it cannot tell which of two doubles is nearer.
    package static func quick(_ x: Double) -> Double? {
        let argument = LogarithmArgument(x)
        let index = argument.tableIndex
        let reduction = LogarithmTable.shared.reductions[index]
        // In units of 2^-53: upper mantissas are halved by counting one power of two more.
        let isHalved = index >= LogarithmArgument.firstHalvedIndex
        let power = argument.exponent + (isHalved ? 1 : 0)
        let mantissa = isHalved ? argument.mantissa : argument.mantissa << 1
        // m·r in units of 2^-61, and what it is above or below one: exact.
        let product = mantissa &* reduction.multiplier
        let isBelowOne = product < LogarithmTable.one
        let distance = isBelowOne ? LogarithmTable.one &- product : product &- LogarithmTable.one
        if power == 0 && reduction.multiplier == LogarithmTable.unitMultiplier {
            guard distance > 0 else { return 0 }
            return nearOne(distance, isNegative: isBelowOne)
        }
        let fraction = distance << LogarithmTable.distanceShift
        let series = LogarithmTable.upper(LogarithmTable.series(fraction, isNegative: isBelowOne), fraction)
        // z·q comes in units of 2^-134 and joins the others at 2^-116.
        let ofFraction = Int128(series >> 18)
        let sum =
            Int128(power) &* LogarithmTable.shared.logarithmOfTwo &+ reduction.logarithm
            &+ (isBelowOne ? -ofFraction : ofFraction)
        // z·q is within 2^-95 (q within 2^-88, z below 2^-7), or 2^21 units; the rest is a unit for
        // each ln 2 that was cut off, and a few for ln r and the cuts. Twice as much is allowed.
        return rounded(
            sum.magnitude, unitExponent: -LogarithmTable.logarithmFractionBits,
            errorUnits: 1 << 22, isNegative: sum < 0)
    }

    /// The slow road alone: any argument, some 10 µs.
    package static func exact(_ x: Double) -> Double {
        guard x != 1 else { return 0 }
        let argument = LogarithmArgument(x)
        let (magnitude, isNegative) = WideFixed.logarithm(
            mantissa: argument.mantissa, exponent: argument.exponent)
        let (bits, unitExponent) = magnitude.leadingBits
        guard
            let result = rounded(
                bits, unitExponent: unitExponent, errorUnits: 2, isNegative: isNegative)
        else { preconditionFailure("No double's logarithm is this close to a midpoint.") }
        return result
    }

    /// |x - 1| is so small that ln x = z·q(z) alone, and all of its bits have to be kept.
    private static func nearOne(_ distance: UInt64, isNegative: Bool) -> Double? {
        let series = LogarithmTable.series(distance << LogarithmTable.distanceShift, isNegative: isNegative)
        let shift = distance.leadingZeroBitCount
        let product = LogarithmTable.upper(series, distance << UInt64(shift))
        // q has 127 fraction bits, the distance 61 and those it was shifted by; 64 are dropped.
        // q is within 2^39 units of the truth (see `LogarithmTable.series`); the shifted distance is below
        // 2^64, so the product is within 2^39 of its own, and dropping costs one more.
        return rounded(
            product, unitExponent: 64 - 127 - 61 - shift, errorUnits: 1 << 40, isNegative: isNegative)
    }

    /// The double nearest to `magnitude` · 2^`unitExponent`, where all numbers within `errorUnits`
    /// of the magnitude round to it; else nil.
    private static func rounded(
        _ magnitude: UInt128, unitExponent: Int, errorUnits: UInt128, isNegative: Bool
    ) -> Double? {
        let droppedBits = UInt128.bitWidth - magnitude.leadingZeroBitCount - 53
        let kept = UInt64(truncatingIfNeeded: magnitude >> UInt128(droppedBits))
        let dropped = magnitude & ((1 << UInt128(droppedBits)) - 1)
        let half: UInt128 = 1 << UInt128(droppedBits - 1)
        let isAboveHalf = dropped > half
        guard (isAboveHalf ? dropped - half : half - dropped) > errorUnits else { return nil }
        // The leading one of `kept` adds one to the exponent below it; so does a rounding that
        // carries out of the significand, which is then right as it stands.
        let exponentBits = UInt64(unitExponent + droppedBits + 52 + 1023 - 1) << 52
        let sign: UInt64 = isNegative ? 1 << 63 : 0
        return Double(bitPattern: sign | (exponentBits + kept + (isAboveHalf ? 1 : 0)))
    }
}

/// A positive double taken apart: `mantissa` · 2^(`exponent` - 52), with 53 bits in the mantissa.
struct LogarithmArgument {
    let mantissa: UInt64
    let exponent: Int

    /// From this index on, m is at or above 1 + 53/128 = 1.414, and is halved.
    static let firstHalvedIndex = 53

    init(_ x: Double) {
        precondition(x > 0 && x < .infinity, "A logarithm is of a positive finite number.")
        let fraction = x.significandBitPattern
        if x.exponentBitPattern == 0 {
            // Subnormal: shift the leading one to where a normal number has its implicit one.
            let shift = fraction.leadingZeroBitCount - 11
            mantissa = fraction << UInt64(shift)
            exponent = -1022 - shift
        } else {
            mantissa = fraction | 1 << 52
            exponent = Int(x.exponentBitPattern) - 1023
        }
    }

    /// The seven bits after the leading one.
    var tableIndex: Int { Int(truncatingIfNeeded: mantissa >> 45) & 127 }
}

/// The constants of the quick road.
struct LogarithmTable: Sendable {
    static let shared = LogarithmTable()

    static let logarithmFractionBits = 116
    /// m·r = 1 in units of 2^-61.
    static let one: UInt64 = 1 << 61
    /// r = 1, used on both sides of m = 1, so that near 1 nothing cancels.
    static let unitMultiplier: UInt64 = 256
    /// |z| is below 2^-7, so in units of 2^-71 it still fits in 64 bits.
    static let distanceShift: UInt64 = 10

    struct Reduction: Sendable {
        /// 256 times r.
        let multiplier: UInt64
        /// -ln r in units of 2^-116.
        let logarithm: Int128
    }

    /// A reduction for each leading seven bits of m.
    ///
    /// In line, not on the heap: a reference here would be counted at every logarithm.
    let reductions = InlineArray<128, Reduction> { index in
        Reduction(multiplier: multiplier(at: index), logarithm: LogarithmConstants.ofReductions[index])
    }

    /// ln 2 in units of 2^-116.
    let logarithmOfTwo = LogarithmConstants.logarithmOfTwo

    /// 256 times r.
    static func multiplier(at index: Int) -> UInt64 {
        // Around 1 exactly 1; elsewhere 1 over the middle of the interval, to the nearest.
        if index == 0 || index == 127 { return unitMultiplier }
        let middle = UInt64(257 + 2 * index)
        let numerator: UInt64 = index < LogarithmArgument.firstHalvedIndex ? 65_536 : 131_072
        return (2 * numerator + middle) / (2 * middle)
    }

    /// q(z) = 1 - z/2 + z²/3 - …, in units of 2^-127, of |z| in units of 2^-71.
    ///
    /// Within 2^39 units, 2^-88: the terms left out are below 2^-94; the coarse ones, from the fifth,
    /// are off by less than 4 units of 2^-63, times z^4, or 2^-89; the others by some units. More
    /// terms would decide more, but what is undecided now is too rare to cost anything.
    @inline(__always)
    static func series(_ distance: UInt64, isNegative: Bool) -> UInt128 {
        // All terms of q have one sign for negative z and alternate for positive z.
        var coarse: UInt64 = (1 << 63) / 13
        for term: UInt64 in (5...12).reversed() {
            let rest = coarse.multipliedFullWidth(by: distance).high >> 7
            coarse = isNegative ? (1 << 63) / term &+ rest : (1 << 63) / term &- rest
        }
        func next(_ reciprocal: UInt128, _ following: UInt128) -> UInt128 {
            let rest = upper(following, distance) >> 7
            return isNegative ? reciprocal &+ rest : reciprocal &- rest
        }
        let one: UInt128 = 1 << 127
        // A third of `one`, cut off: written out, since the compiler does not divide 128 bits.
        let third: UInt128 = 0x2AAA_AAAA_AAAA_AAAA_AAAA_AAAA_AAAA_AAAA
        return next(one, next(one >> 1, next(third, next(one >> 2, UInt128(coarse) << 64))))
    }

    /// The upper 128 bits of a product of 192, less than two units too small.
    @inline(__always)
    static func upper(_ wide: UInt128, _ narrow: UInt64) -> UInt128 {
        let high = UInt64(truncatingIfNeeded: wide >> 64).multipliedFullWidth(by: narrow)
        let low = UInt64(truncatingIfNeeded: wide).multipliedFullWidth(by: narrow)
        return (UInt128(high.high) << 64 | UInt128(high.low)) &+ UInt128(low.high)
    }
}
