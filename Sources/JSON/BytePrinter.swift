// Bytes written straight to where an array will hold them: digits come from the last to the first,
// which no way of appending allows without a second buffer.
//
// Invariant: a printer is never asked for more than the bytes reserved for it; `append(upTo:)`, the
// only one to make a printer, stops the process where it was.

/// A place for bytes that are reserved.
struct BytePrinter {
    /// Unsafe because a span cannot be written out of order; it never leaves `append(upTo:)`.
    fileprivate let start: UnsafeMutablePointer<UInt8>
    fileprivate var count = 0

    @inline(__always)
    mutating func write(_ byte: UInt8) {
        start[count] = byte
        count += 1
    }

    /// ASCII of at most a number's length.
    mutating func write(_ text: String) {
        for byte in text.utf8 { write(byte) }
    }

    /// Writes the decimal digits of `value`.
    @inline(__always)
    mutating func write(digitsOf value: UInt64) {
        if value < 10 { return write(0x30 + UInt8(truncatingIfNeeded: value)) }
        write(digitsOf: value, count: Self.digitCount(value))
    }

    /// The decimal digits of a value above zero.
    @inline(__always)
    private static func digitCount(_ value: UInt64) -> Int {
        // 1233/4096 is a little over log10(2): right, or one too few.
        let guess = ((64 - value.leadingZeroBitCount) * 1233) >> 12
        return guess + (value >= powersOfTen[guess] ? 1 : 0)
    }

    /// Writes `value` in exactly `length` decimal digits, two at a time from the last.
    @inline(__always)
    mutating func write(digitsOf value: UInt64, count length: Int) {
        var rest = value
        var last = count + length
        while last - count >= 2 {
            let (quotient, pair) = rest.quotientAndRemainder(dividingBy: 100)
            let digits = Self.pairs.utf8Start + 2 * Int(truncatingIfNeeded: pair)
            start[last - 1] = digits[1]
            start[last - 2] = digits[0]
            last -= 2
            rest = quotient
        }
        if last > count { start[count] = 0x30 + UInt8(truncatingIfNeeded: rest) }
        count += length
    }

    /// Writes `value` · 10^-`digits`, for one digit or more, with a digit before the point.
    mutating func write(_ value: UInt64, pointBefore digits: Int) {
        let length = Self.digitCount(value)
        let whole = length - digits
        guard whole > 0 else {
            // A point, the zeros after it, and all of the digits.
            write(0x30)
            write(UInt8(ascii: "."))
            for _ in whole..<0 { write(0x30) }
            return write(digitsOf: value, count: length)
        }
        // The digits a place to the right of where they belong; then those before the point go there.
        let first = count
        count += 1
        write(digitsOf: value, count: length)
        for place in first..<first + whole { start[place] = start[place + 1] }
        start[first + whole] = UInt8(ascii: ".")
    }

    /// Takes back every `byte` at the end; there must be another before them.
    @inline(__always)
    mutating func takeBack(_ byte: UInt8) {
        while start[count - 1] == byte { count -= 1 }
    }

    /// 00 to 99.
    private static let pairs: StaticString = """
        00010203040506070809101112131415161718192021222324252627282930313233343536373839\
        40414243444546474849505152535455565758596061626364656667686970717273747576777879\
        8081828384858687888990919293949596979899
        """

    /// 10 to the power of 0 through 19.
    static let powersOfTen: [UInt64] = [
        1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000,
        10_000_000_000, 100_000_000_000, 1_000_000_000_000, 10_000_000_000_000,
        100_000_000_000_000, 1_000_000_000_000_000, 10_000_000_000_000_000,
        100_000_000_000_000_000, 1_000_000_000_000_000_000, 10_000_000_000_000_000_000,
    ]
}

extension [UInt8] {
    /// Appends what `write` prints, at most `byteCountMax` bytes.
    @inline(__always)
    mutating func append(upTo byteCountMax: Int, _ write: (inout BytePrinter) -> Void) {
        // Doubling here keeps appending amortised: the reservation itself is to the byte.
        if capacity - count < byteCountMax {
            reserveCapacity(Swift.max(count + byteCountMax, 2 * capacity))
        }
        append(addingCapacity: byteCountMax) { (span: inout OutputSpan<UInt8>) in
            span.withUnsafeMutableBufferPointer { buffer, count in
                guard let base = buffer.baseAddress else { return }
                var printer = BytePrinter(start: base + count)
                write(&printer)
                precondition(printer.count <= byteCountMax, "What is printed fits its place.")
                count += printer.count
            }
        }
    }
}
