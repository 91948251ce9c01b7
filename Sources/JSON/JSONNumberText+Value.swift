// The slow way from a number's text to its value: exponents, many digits, superfluous zeros.
//
// Invariants:
//  * `value(of:)` gives the nearest double, ties to even, for every valid number text.
//  * Its form is told by printing the value again: nothing is canonical by argument alone here.

extension JSONNumberText {
    /// The value of a valid number text and how the text relates to it; see `ScannedNumber`.
    package static func value(of text: UnsafeRawBufferPointer) -> (bits: UInt64, form: NumberForm) {
        if let integer = integer(of: text) { return (UInt64(bitPattern: integer), .integer) }
        let double = double(of: text)
        return (double.bitPattern, form(of: text, double))
    }

    /// How `text` relates to the canonical text of `value`, its nearest double.
    package static func form(of text: UnsafeRawBufferPointer, _ value: Double) -> NumberForm {
        guard value.isFinite && text.count < byteCountMax else { return .other }
        var canonical: [UInt8] = []
        append(value, to: &canonical)
        if text.elementsEqual(canonical) {
            return canonical.suffix(2) == [UInt8(ascii: "."), UInt8(ascii: "0")]
                ? .pointedWhole : .decimal
        }
        canonical.removeAll(keepingCapacity: true)
        append(value, bare: true, to: &canonical)
        return text.elementsEqual(canonical) ? .bareWhole : .other
    }

    /// The exact value of an integer's text that fits Int64; `-0` is none.
    private static func integer(of text: UnsafeRawBufferPointer) -> Int64? {
        guard text.count <= 20 else { return nil }
        let isNegative = text[0] == UInt8(ascii: "-")
        var value: Int64 = 0
        for byte in text[(isNegative ? 1 : 0)...] {
            guard byte &- 0x30 < 10 else { return nil }
            let (tens, past) = value.multipliedReportingOverflow(by: 10)
            let digit = Int64(byte &- 0x30)
            // Counted downwards, because Int64.min has no positive twin.
            let (sum, overflow) = tens.subtractingReportingOverflow(digit)
            guard !past && !overflow else { return nil }
            value = sum
        }
        if isNegative { return value == 0 ? nil : value }
        return value == .min ? nil : -value
    }

    /// The double nearest to a valid number text.
    private static func double(of text: UnsafeRawBufferPointer) -> Double {
        if let quick = quickDouble(of: text) { return quick }
        // The standard library reads every valid text, rounds correctly and knows no locale.
        guard let value = Double(String(decoding: text, as: UTF8.self)) else {
            preconditionFailure("A JSON number is a Swift number.")
        }
        return value
    }

    /// The double nearest to a text of at most 19 digits without an exponent: doubles of 16 and 17
    /// digits are ordinary, and the standard library's way is ten times slower.
    private static func quickDouble(of text: UnsafeRawBufferPointer) -> Double? {
        let isNegative = text[0] == UInt8(ascii: "-")
        var mantissa: UInt64 = 0
        var significant = 0
        var point: Int?
        for (place, byte) in text.enumerated().dropFirst(isNegative ? 1 : 0) {
            let digit = byte &- 0x30
            if digit < 10 {
                if significant > 0 || digit > 0 { significant += 1 }
                guard significant <= 19 else { return nil }
                mantissa = mantissa * 10 + UInt64(digit)
            } else {
                guard byte == UInt8(ascii: ".") else { return nil }
                point = place
            }
        }
        let digits = point.map { text.count - 1 - $0 } ?? 0
        guard digits < powersOfFive.count else { return nil }
        let magnitude = nearestDouble(mantissa, overTenToThe: digits)
        return isNegative ? -magnitude : magnitude
    }

    /// The double nearest to `mantissa` / 10^`digits`, for at most 27 digits.
    ///
    /// 10^digits is 5^digits shifted, and 5^27 fits 64 bits: one division of 128 bits by 64 gives
    /// 64 correct bits of the quotient, and the remainder says on which side of them the truth is.
    private static func nearestDouble(_ mantissa: UInt64, overTenToThe digits: Int) -> Double {
        guard mantissa > 0 else { return 0 }
        let divisor = powersOfFive[digits]
        // Both stand with their highest bit set; then the quotient lies between 1/2 and 2.
        let up = mantissa.leadingZeroBitCount
        let divisorUp = divisor.leadingZeroBitCount
        let dividend = mantissa << up
        let shifted = divisor << divisorUp
        // Halving a dividend that is not below the divisor keeps the quotient within 64 bits.
        let half: UInt64 = dividend >= shifted ? 1 : 0
        let low: UInt64 = half == 1 ? dividend << 63 : 0
        let (quotient, remainder) = shifted.dividingFullWidth((dividend >> half, low))
        let exponent = divisorUp - up - digits + Int(half) - 64
        // Rounding to 53 bits sees at most the lowest bit of the quotient, which may stand for all
        // that was cut off: the quotient has 63 bits or more.
        let sticky = quotient | (remainder == 0 ? 0 : 1)
        return Double(sign: .plus, exponent: exponent, significand: Double(sticky))
    }

    /// 5 to the power of 0 through 27: the last that fits 64 bits.
    private static let powersOfFive: [UInt64] = {
        var powers: [UInt64] = [1]
        for _ in 0..<27 { powers.append(powers[powers.count - 1] * 5) }
        return powers
    }()
}
