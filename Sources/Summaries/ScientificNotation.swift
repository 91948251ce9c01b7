// A double in scientific notation with two decimals: 12.77 is 1.28e1, 0.000264 is 2.64e-4.
//
// The digits are those of the EXACT value of the double, rounded once, halves to even. Two shortcuts
// are not taken, since each is wrong somewhere: rounding the shortest digits that read back as the
// double rounds twice (the double 9.995 is a little below that number, 7.105 a little above), and
// scaling by powers of ten in doubles rounds at each step.
//
// So the value is held as a fraction of two natural numbers of any length, which a double always is,
// and its digits come out by subtraction, as on paper.
//
// Invariants:
//  * The mantissa is in 1.00 … 9.99, the exponent has no plus sign and no leading zero.
//  * Both zeros are 0.00e0: a bin at zero has one name.

/// Doubles written with two decimals and an exponent.
package enum ScientificNotation {
    private static let decimals = 2

    /// The text of a finite value, as Rust's `{:.2e}` writes it, but for the sign of zero.
    package static func twoDecimals(_ value: Double) -> String {
        precondition(value.isFinite, "A name is made of a finite edge.")
        guard value != 0 else { return "0.00e0" }
        let sign = value < 0 ? "-" : ""
        var (digits, exponent) = decimalDigits(of: value.magnitude)
        if digits == 1000 {
            // 9.995 and above rounded up to ten: one more power, one digit less.
            digits = 100
            exponent += 1
        }
        let fraction = digits % 100
        return "\(sign)\(digits / 100).\(fraction < 10 ? "0" : "")\(fraction)e\(exponent)"
    }

    /// The first three decimal digits of `value` as one number, 100 … 1000, and its exponent of ten.
    private static func decimalDigits(of value: Double) -> (digits: Int, exponent: Int) {
        let significandBitCount = Double.significandBitCount
        let isSubnormal = value.exponentBitPattern == 0
        let significand =
            value.significandBitPattern | (isSubnormal ? 0 : 1 << UInt64(significandBitCount))
        let scale =
            (isSubnormal ? 1 : Int(value.exponentBitPattern)) - 1023 - significandBitCount
        var numerator = LongNatural(significand)
        var denominator = LongNatural(1)
        if scale >= 0 { numerator.shiftLeft(by: scale) } else { denominator.shiftLeft(by: -scale) }

        // log10 of the leading bit, rounded down by integers: at most one too small.
        let leadingBit = scale + (UInt64.bitWidth - 1 - significand.leadingZeroBitCount)
        var exponent = (leadingBit * 30_103).floored(dividedBy: 100_000)
        if exponent >= 0 {
            denominator.multiply(byTenToThe: exponent)
        } else {
            numerator.multiply(byTenToThe: -exponent)
        }
        var tenfold = denominator
        tenfold.multiply(by: 10)
        if !numerator.isLess(than: tenfold) {
            denominator = tenfold
            exponent += 1
        } else if numerator.isLess(than: denominator) {
            numerator.multiply(by: 10)
            exponent -= 1
        }

        var digits = 0
        for place in 0...decimals {
            if place > 0 { numerator.multiply(by: 10) }
            var digit = 0
            while !numerator.isLess(than: denominator) {
                numerator.subtract(denominator)
                digit += 1
            }
            digits = digits * 10 + digit
        }
        // What is left, doubled, against the whole: below, above, or exactly half.
        numerator.shiftLeft(by: 1)
        let isBelowHalf = numerator.isLess(than: denominator)
        let isAboveHalf = denominator.isLess(than: numerator)
        if isAboveHalf || (!isBelowHalf && digits % 2 == 1) { digits += 1 }
        return (digits, exponent)
    }
}

extension Int {
    fileprivate func floored(dividedBy divisor: Int) -> Int {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}

/// A natural number of any length: 32-bit digits, least first, no zero digit at the end.
private struct LongNatural {
    private var digits: [UInt32]

    init(_ value: UInt64) {
        digits = [UInt32(truncatingIfNeeded: value), UInt32(truncatingIfNeeded: value >> 32)]
        trim()
    }

    private mutating func trim() {
        while digits.last == 0 { digits.removeLast() }
    }

    mutating func multiply(by factor: UInt32) {
        var carry: UInt64 = 0
        for position in digits.indices {
            let product = UInt64(digits[position]) * UInt64(factor) + carry
            digits[position] = UInt32(truncatingIfNeeded: product)
            carry = product >> 32
        }
        if carry > 0 { digits.append(UInt32(carry)) }
    }

    mutating func multiply(byTenToThe exponent: Int) {
        // Nine zeros at a time: the largest power of ten in one digit.
        for _ in 0..<(exponent / 9) { multiply(by: 1_000_000_000) }
        for _ in 0..<(exponent % 9) { multiply(by: 10) }
    }

    mutating func shiftLeft(by bits: Int) {
        multiply(by: 1 << UInt32(bits % 32))
        digits.insert(contentsOf: repeatElement(0, count: bits / 32), at: 0)
    }

    /// Takes away a number that is not greater.
    mutating func subtract(_ other: LongNatural) {
        var borrow: UInt32 = 0
        for position in digits.indices {
            let taken = position < other.digits.count ? other.digits[position] : 0
            let (difference, first) = digits[position].subtractingReportingOverflow(taken)
            let (rest, second) = difference.subtractingReportingOverflow(borrow)
            digits[position] = rest
            borrow = first || second ? 1 : 0
        }
        precondition(borrow == 0, "A natural number has nothing below zero.")
        trim()
    }

    func isLess(than other: LongNatural) -> Bool {
        guard digits.count == other.digits.count else { return digits.count < other.digits.count }
        for position in digits.indices.reversed() where digits[position] != other.digits[position] {
            return digits[position] < other.digits[position]
        }
        return false
    }
}
