// Numbers: from text to Int64 or Double, and whether the value alone gives the text back.
//
// Invariants:
//  * An integer's text that fits Int64 is exact: no digit passes through a Double.
//  * A Double is the one nearest to the text (ties to even); past its range it is infinite.
//  * The form says `.decimal`, `.pointedWhole`, `.bareWhole` or `.integer` only where the writer
//    (`JSONNumberText`) prints exactly the text that was scanned.
//
// Why the quick rule for canonical texts is right: decimals of at most 15 significant digits lie
// further apart than doubles, so two of them never share a nearest double. A text of so few digits
// is therefore the only one that short for its double: the shortest. Between 1e-4 and 2^53 the
// writer prints without an exponent, so a text without superfluous zeros is the writer's own.

/// How a number was written, beside its value.
package enum NumberForm: UInt8, Sendable {
    /// A whole number in Int64's own text: `5`, `-12`; never `-0`.
    case integer
    /// A double in its canonical text, which has no ".0" to leave out: `1.25`, `1e+16`.
    case decimal
    /// A whole double in its canonical text: `5.0`, `-0.0`.
    case pointedWhole
    /// A whole double in its canonical text but for the ".0": `-0`.
    case bareWhole
    /// Any other text: `1.50`, `1e3`, `1e400`. Only the text gives the text back.
    case other
}

/// A number: its value as the form tells, and where its text lies.
package struct ScannedNumber {
    /// Its text is the scanner's bytes from `start` up to `end`.
    package var start: Int
    package var end: Int
    /// An Int64 where the form is `.integer`, else a Double.
    package var bits: UInt64
    package var form: NumberForm

    init(start: Int, end: Int, bits: UInt64, form: NumberForm) {
        self.start = start
        self.end = end
        self.bits = bits
        self.form = form
    }

    /// The exact value of an integer's text; nil for every other.
    package var integer: Int64? { form == .integer ? Int64(bitPattern: bits) : nil }
}

extension JSONScanner {
    /// Steps over a number, which must begin here.
    @inline(__always)
    package mutating func scanNumber() throws(JSONError) -> ScannedNumber {
        let start = offset
        // Signs come as they like, and a branch on them is mispredicted half of the time: one or none
        // is added instead.
        let isNegative = peek == UInt8(ascii: "-")
        offset &+= isNegative ? 1 : 0
        var place = offset
        let end = bytes.count
        var mantissa: UInt64 = 0
        while place < end {
            let digit = bytes[place] &- 0x30
            guard digit < 10 else { break }
            mantissa = mantissa &* 10 &+ UInt64(digit)
            place += 1
        }
        let wholeDigits = place - offset
        guard wholeDigits > 0 && (wholeDigits == 1 || bytes[offset] != 0x30) else {
            throw malformedWhole(at: offset)
        }
        let next = place < end ? bytes[place] : 0
        if next == UInt8(ascii: ".") {
            place += 1
            let fraction = place
            // Up to eight digits a step, however many there are: how many differs from number to number,
            // and a loop over single digits is mispredicted at each number's end.
            while end - place >= 8 {
                let word = UInt64(
                    littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self))
                let others = Self.nonDigits(word)
                let count = others.trailingZeroBitCount >> 3
                guard count > 0 else { break }
                let values = (word &- 0x3030_3030_3030_3030) << UInt64(64 - 8 * count)
                mantissa =
                    mantissa &* BytePrinter.powersOfTen[count] &+ Self.joined(digits: values)
                place += count
                guard count == 8 else { break }
            }
            while place < end {
                let digit = bytes[place] &- 0x30
                guard digit < 10 else { break }
                mantissa = mantissa &* 10 &+ UInt64(digit)
                place += 1
            }
            let digits = place - fraction
            let after = place < end ? bytes[place] : 0
            // 19 digits cannot overflow the mantissa; 15 significant ones make it exact.
            if digits > 0 && wholeDigits + digits <= 19 && mantissa < 1_000_000_000_000_000
                && after | 0x20 != UInt8(ascii: "e")
            {
                offset = place
                // Through Int64: a 64-bit unsigned number takes five instructions more.
                let magnitude = Double(Int64(bitPattern: mantissa)) / Self.powerOfTen(digits)
                let bits = magnitude.bitPattern | (isNegative ? 1 << 63 : 0)
                let form: NumberForm =
                    if bytes[place - 1] != 0x30 {
                        magnitude >= 1e-4 ? .decimal : .other
                    } else {
                        digits == 1 ? .pointedWhole : .other
                    }
                // A small fraction has an exponent in its canonical text, and superfluous zeros
                // have to be said apart: both are for the slow path.
                if form != .other {
                    return ScannedNumber(
                        start: start, end: place, bits: bits, form: form)
                }
            }
        } else if wholeDigits <= 18 && next | 0x20 != UInt8(ascii: "e") {
            offset = place
            if mantissa == 0 && isNegative {
                return ScannedNumber(
                    start: start, end: place, bits: (-0.0).bitPattern, form: .bareWhole)
            }
            let value = Int64(bitPattern: mantissa)
            return ScannedNumber(
                start: start, end: place, bits: UInt64(bitPattern: isNegative ? -value : value),
                form: .integer)
        }
        offset = start
        return try scanUnusualNumber()
    }

    /// Zero where all eight bytes are ASCII digits, else with its lowest set bit in the first that is none.
    static func nonDigits(_ word: UInt64) -> UInt64 {
        // The upper half of each byte is 3, and stays so when 6 is added: 0...9. What is carried out of a
        // byte that is no digit comes to those after it.
        let uppers: UInt64 = 0xF0F0_F0F0_F0F0_F0F0
        let threes: UInt64 = 0x3030_3030_3030_3030
        return ((word & uppers) ^ threes) | (((word &+ 0x0606_0606_0606_0606) & uppers) ^ threes)
    }

    /// The value of eight digits, one in each byte, the first in the lowest.
    static func joined(digits: UInt64) -> UInt64 {
        // Neighbours are joined: digits to pairs, pairs to fours, fours to the eight.
        let pairs = (digits &* 10) &+ (digits >> 8)
        let low = (pairs & 0x0000_00FF_0000_00FF) &* (100 + (1_000_000 << 32))
        let high = ((pairs >> 16) & 0x0000_00FF_0000_00FF) &* (1 + (10_000 << 32))
        return (low &+ high) >> 32
    }

    /// 10 to the power of 0 through 22, each exact.
    static func powerOfTen(_ exponent: Int) -> Double { powersOfTen[exponent] }

    static let powersOfTen: [Double] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
        1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
    ]

    /// Steps over a number's text.
    package mutating func skipNumber() throws(JSONError) {
        _ = skip(UInt8(ascii: "-"))
        let whole = offset
        skipDigits()
        guard offset > whole && (offset == whole + 1 || bytes[whole] != 0x30) else {
            throw malformedWhole(at: whole)
        }
        if skip(UInt8(ascii: ".")) {
            let fraction = offset
            skipDigits()
            guard offset > fraction else { throw unexpected("a digit after the point") }
        }
        if peek | 0x20 == UInt8(ascii: "e") {
            offset += 1
            if !skip(UInt8(ascii: "-")) { _ = skip(UInt8(ascii: "+")) }
            let exponent = offset
            skipDigits()
            guard offset > exponent else { throw unexpected("a digit of the exponent") }
        }
    }

    private mutating func skipDigits() {
        while offset < bytes.count && bytes[offset] &- 0x30 < 10 { offset += 1 }
    }

    @inline(never)
    func malformedWhole(at place: Int) -> JSONError {
        place < bytes.count && bytes[place] == 0x30
            ? JSONError(offset: place, problem: "a number has a superfluous leading zero")
            : JSONScanner(bytes, at: place).unexpected("a digit")
    }

    /// The slow path: exponents, many digits, superfluous zeros.
    @inline(never)
    mutating func scanUnusualNumber() throws(JSONError) -> ScannedNumber {
        let start = offset
        try skipNumber()
        let text = UnsafeRawBufferPointer(rebasing: bytes[start..<offset])
        let (bits, form) = JSONNumberText.value(of: text)
        return ScannedNumber(start: start, end: offset, bits: bits, form: form)
    }
}
