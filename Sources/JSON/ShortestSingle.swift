// The fewest decimal digits that read back as a single-precision number, and of those the nearest.
//
// Raffaello Giulietti's way (The Schubfach way to render doubles, 2020), for 24-bit significands: the
// ends of the interval that rounds to the value are scaled by one power of ten, in 64 bits of it,
// which decides every case; then at most two candidates of each length are looked at. A page of records
// has thirty thousand such numbers, and the standard library's way through a string took most of its time.
//
// Invariant: digits · 10^exponent are the digits that the standard library prints, but for zeros at
// their end.

struct ShortestSingle {
    let digits: UInt32
    let exponent: Int

    /// - Precondition: `value` is finite and above zero.
    init(_ value: Float) {
        let fraction = value.significandBitPattern
        let isNormal = value.exponentBitPattern > 0
        // value = significand · 2^power
        let significand = isNormal ? fraction | 1 << 23 : fraction
        let power = (isNormal ? Int(value.exponentBitPattern) : 1) - 150
        // Ties round to even, so that the ends of the interval belong to an even significand.
        let endsAreOutside = significand & 1
        // Below a power of two the neighbours are half as far apart.
        let isLowerHalf = fraction == 0 && value.exponentBitPattern > 1

        // The power of ten just below the width of the interval, by logarithms in fixed point.
        let scale = (power * 1_262_611 - (isLowerHalf ? 524_031 : 0)) >> 22
        let shift = UInt32(power + ((-scale * 1_741_647) >> 19) + 1)
        let tens = Self.powersOfTen[-scale - Self.leastPower]
        let interval = DecimalInterval(
            low: Self.product(tens, (4 * significand - (isLowerHalf ? 1 : 2)) << shift) + endsAreOutside,
            here: Self.product(tens, (4 * significand) << shift),
            high: Self.product(tens, (4 * significand + 2) << shift) - endsAreOutside)
        (digits, exponent) = interval.shortest(scale: scale)
    }

    /// The upper 32 of the 96 bits of tens · factor, the lowest of them set where any below is, but for
    /// the inexactness of `tens` itself.
    @inline(__always)
    private static func product(_ tens: UInt64, _ factor: UInt32) -> UInt32 {
        let (high, low) = tens.multipliedFullWidth(by: UInt64(factor))
        return UInt32(truncatingIfNeeded: high) | (low >> 32 > 1 ? 1 : 0)
    }

    private static let leastPower = -31
    private static let greatestPower = 45

    /// The leading 64 bits of 10^-31 through 10^45, rounded up.
    private static let powersOfTen: [UInt64] = (leastPower...greatestPower).map { power in
        // 10^power has the leading bits of 5^power; 5^45 fits 105 bits.
        let fives = (0..<abs(power)).reduce(UInt128(1)) { product, _ in product * 5 }
        if power >= 0 {
            let bitCount = UInt128.bitWidth - fives.leadingZeroBitCount
            if bitCount <= 64 { return UInt64(fives) << UInt64(64 - bitCount) }
            let cut = UInt128(bitCount - 64)
            let leading = UInt64(fives >> cut)
            return UInt128(leading) << cut == fives ? leading : leading + 1
        }
        // 2^n / 5^-power, one bit after the other, from the first that is one.
        var remainder: UInt128 = 1
        var quotient: UInt64 = 0
        while quotient >> 63 == 0 {
            remainder <<= 1
            quotient <<= 1
            if remainder >= fives {
                remainder -= fives
                quotient |= 1
            }
        }
        return quotient + (remainder == 0 ? 0 : 1)
    }
}
