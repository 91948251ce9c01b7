// The canonical text of a number, and the slow way from any text to its value.
//
// The canonical text of an Int64 is its decimal digits. That of a Double or Float has the fewest
// digits that read back as the value, laid out as Swift prints it: with a point and at least one
// digit after it from 1e-4 up to 2^53 (Float: 2^24), with an exponent elsewhere. Stored columns
// count on this layout, so the tests pin it: should a later Swift print otherwise, they redden.
//
// Invariants:
//  * `append` writes the canonical text; with `bare`, the same less the ".0" of a whole number.
//  * `value(of:)` gives the nearest double, ties to even, for every valid number text.

package enum JSONNumberText {
    /// No number's canonical text is longer: sign, 17 digits, point, "e-324" and some to spare.
    static let byteCountMax = 32

    /// Every whole double up to here is printed without an exponent.
    static let wholeMax = 9_007_199_254_740_992.0

    package static func append(_ value: Int64, to output: inout [UInt8]) {
        output.append(upTo: byteCountMax) { place in
            var count = 0
            if value < 0 { write(UInt8(ascii: "-"), place, &count) }
            writeDigits(value.magnitude, place, &count)
            return count
        }
    }

    /// `value` must be finite: JSON has no other numbers.
    package static func append(_ value: Double, bare: Bool = false, to output: inout [UInt8]) {
        let magnitude = value.magnitude
        if magnitude < wholeMax, case let whole = UInt64(magnitude), Double(whole) == magnitude {
            return appendWhole(whole, isNegative: value.sign == .minus, bare, to: &output)
        }
        if magnitude >= 1e-4 && magnitude < 1e15 {
            // The rule of JSONScanner+Numbers.swift backwards: where a decimal of at most fifteen
            // digits reads back as the value, it is the shortest.
            let digits = fractionDigits(of: magnitude)
            let power = JSONScanner.powerOfTen(digits)
            let scaled = UInt64(magnitude * power + 0.5)
            if scaled < 1_000_000_000_000_000 && Double(scaled) / power == magnitude {
                return appendDecimal(scaled, digits, isNegative: value.sign == .minus, to: &output)
            }
        }
        append(description: value.description, to: &output)
    }

    /// `value` must be finite: JSON has no other numbers.
    package static func append(_ value: Float, bare: Bool = false, to output: inout [UInt8]) {
        let magnitude = value.magnitude
        if magnitude < 16_777_216, case let whole = UInt64(magnitude), Float(whole) == magnitude {
            return appendWhole(whole, isNegative: value.sign == .minus, bare, to: &output)
        }
        append(description: value.description, to: &output)
    }

    /// How many digits after the point make fifteen significant ones, or fifteen below one.
    private static func fractionDigits(of magnitude: Double) -> Int {
        if magnitude < 10 { return magnitude < 1 ? 15 : 14 }
        var digits = 13
        while magnitude >= JSONScanner.powerOfTen(15 - digits) { digits -= 1 }
        return digits
    }

    private static func appendWhole(
        _ magnitude: UInt64, isNegative: Bool, _ bare: Bool, to output: inout [UInt8]
    ) {
        output.append(upTo: byteCountMax) { place in
            var count = 0
            if isNegative { write(UInt8(ascii: "-"), place, &count) }
            writeDigits(magnitude, place, &count)
            if !bare {
                write(UInt8(ascii: "."), place, &count)
                write(UInt8(ascii: "0"), place, &count)
            }
            return count
        }
    }

    /// Writes `scaled` · 10^-`digits`, which is not whole, less its trailing zeros.
    private static func appendDecimal(
        _ scaled: UInt64, _ digits: Int, isNegative: Bool, to output: inout [UInt8]
    ) {
        let power = wholePowersOfTen[digits]
        let (whole, fraction) = scaled.quotientAndRemainder(dividingBy: power)
        output.append(upTo: byteCountMax) { place in
            var count = 0
            if isNegative { write(UInt8(ascii: "-"), place, &count) }
            writeDigits(whole, place, &count)
            // The fraction with a one before it keeps its leading zeros; the point replaces the one.
            let point = count
            writeDigits(power + fraction, place, &count)
            place[point] = UInt8(ascii: ".")
            while place[count - 1] == UInt8(ascii: "0") { count -= 1 }
            return count
        }
    }

    private static func append(description text: String, to output: inout [UInt8]) {
        var text = text
        text.withUTF8 { output.append(contentsOf: $0) }
    }

    @inline(__always)
    private static func write(
        _ byte: UInt8, _ place: UnsafeMutablePointer<UInt8>, _ count: inout Int
    ) {
        place[count] = byte
        count += 1
    }

    /// Writes the decimal digits of `value`, two at a time from the last.
    @inline(__always)
    private static func writeDigits(
        _ value: UInt64, _ place: UnsafeMutablePointer<UInt8>, _ count: inout Int
    ) {
        var length = 1
        var bound: UInt64 = 10
        while length < 20 && value >= bound {
            length += 1
            // The twentieth digit's bound is past 64 bits, and is not asked for.
            bound = bound &* 10
        }
        var rest = value
        var last = count + length - 1
        while rest >= 100 {
            let (quotient, pair) = rest.quotientAndRemainder(dividingBy: 100)
            place[last] = 0x30 + UInt8(truncatingIfNeeded: pair % 10)
            place[last - 1] = 0x30 + UInt8(truncatingIfNeeded: pair / 10)
            last -= 2
            rest = quotient
        }
        place[last] = 0x30 + UInt8(truncatingIfNeeded: rest % 10)
        if rest >= 10 { place[last - 1] = 0x30 + UInt8(truncatingIfNeeded: rest / 10) }
        count += length
    }

    /// 10 to the power of 0 through 15.
    private static let wholePowersOfTen: [UInt64] = [
        1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000,
        10_000_000_000, 100_000_000_000, 1_000_000_000_000, 10_000_000_000_000,
        100_000_000_000_000, 1_000_000_000_000_000,
    ]
}

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

extension [UInt8] {
    /// Appends what `write` leaves at the place it is given, at most `byteCountMax` bytes; it
    /// returns how many they are.
    ///
    /// Unsafe inside because digits are written from the last to the first, which no safe way of
    /// appending allows without a second buffer.
    @inline(__always)
    mutating func append(
        upTo byteCountMax: Int, _ write: (UnsafeMutablePointer<UInt8>) -> Int
    ) {
        // Doubling here keeps appending amortised: the reservation itself is to the byte.
        if capacity - count < byteCountMax {
            reserveCapacity(Swift.max(count + byteCountMax, 2 * capacity))
        }
        append(addingCapacity: byteCountMax) { (span: inout OutputSpan<UInt8>) in
            span.withUnsafeMutableBufferPointer { buffer, count in
                guard let base = buffer.baseAddress else { return }
                let written = write(base + count)
                precondition(written <= byteCountMax, "A number fits the place reserved for it.")
                count += written
            }
        }
    }
}
