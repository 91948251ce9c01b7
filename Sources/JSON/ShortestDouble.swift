// The fewest decimal digits that read back as a double, and of those the nearest: ShortestSingle.swift
// for 53-bit significands.
//
// Only for numbers from 1e-4 to 2^53, which are what people post and what statistics are: the powers of
// ten that they need are 10^0 to 10^20, and those fit the 128 bits of the product exactly, so the table is
// a multiplication each and no bound on an error has to be believed.
//
// Invariant: digits · 10^exponent are the digits that the standard library prints, but for zeros at
// their end.

struct ShortestDouble {
    let digits: UInt64
    let exponent: Int

    /// - Precondition: `value` is at least 1e-4 and below 2^53.
    init(_ value: Double) {
        // value = significand · 2^power
        let fraction = value.significandBitPattern
        let significand = fraction | 1 << 52
        let power = Int(value.exponentBitPattern) - 1075
        // Ties round to even, so that the ends of the interval belong to an even significand.
        let endsAreOutside = significand & 1
        // Below a power of two the neighbours are half as far apart.
        let isLowerHalf = fraction == 0

        // The power of ten just below the width of the interval, by logarithms in fixed point.
        let scale = (power * 1_262_611 - (isLowerHalf ? 524_031 : 0)) >> 22
        let shift = UInt64(power + ((-scale * 1_741_647) >> 19) + 1)
        let tens = Self.powersOfTen[-scale]
        let interval = DecimalInterval(
            low: Self.product(tens, (4 * significand - (isLowerHalf ? 1 : 2)) << shift) + endsAreOutside,
            here: Self.product(tens, (4 * significand) << shift),
            high: Self.product(tens, (4 * significand + 2) << shift) - endsAreOutside)
        let (digits, exponent) = interval.shortest(scale: scale)
        self.init(digits: digits, exponent: exponent)
    }

    /// Takes the zeros at the end of the digits into the exponent.
    private init(digits: UInt64, exponent: Int) {
        var (digits, exponent) = (digits, exponent)
        while exponent < 0, case let (shorter, rest) = digits.quotientAndRemainder(dividingBy: 10), rest == 0
        {
            (digits, exponent) = (shorter, exponent + 1)
        }
        self.digits = digits
        self.exponent = exponent
    }

    /// The upper 64 of the 192 bits of tens · factor, the lowest of them set where any below is.
    @inline(__always)
    private static func product(_ tens: (high: UInt64, low: UInt64), _ factor: UInt64) -> UInt64 {
        let low = tens.low.multipliedFullWidth(by: factor)
        let high = tens.high.multipliedFullWidth(by: factor)
        let (middle, carries) = high.low.addingReportingOverflow(low.high)
        return (high.high &+ (carries ? 1 : 0)) | (middle > 1 ? 1 : 0)
    }

    /// 10^0 to 10^21, each shifted up until its highest bit is the highest of 128.
    private static let powersOfTen: [(high: UInt64, low: UInt64)] = (0...21).map { power in
        let value = (0..<power).reduce(UInt128(1)) { product, _ in product * 10 }
        let shifted = value << UInt128(value.leadingZeroBitCount)
        return (UInt64(shifted >> 64), UInt64(truncatingIfNeeded: shifted))
    }
}
