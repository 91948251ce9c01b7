// The canonical text of a number.
//
// That of an Int64 is its decimal digits. That of a Double or Float has the fewest digits that read
// back as the value, laid out as Swift prints it: with a point and at least one digit after it from
// 1e-4 up to 2^53 (Float: 2^24), with an exponent elsewhere. Stored columns count on this layout, which
// Segments.docc/SegmentFormat.md writes down ("The text of a number"), so the tests pin it: should a later
// Swift print otherwise, they redden.
//
// Invariants:
//  * `append` writes the canonical text; with `bare`, the same less the ".0" of a whole number below 2^53
//    (Float: 2^24).
//  * No text is longer than `byteCountMax`.

package enum JSONNumberText {
    /// Sign, 17 digits, point and "e-324" are 24 bytes; the rest is to spare.
    static let byteCountMax = 32

    /// Every whole double below is printed without an exponent.
    static let wholeMax = 9_007_199_254_740_992.0

    package static func append(_ value: Int64, to output: inout [UInt8]) {
        output.append(upTo: byteCountMax) { write(value, &$0) }
    }

    /// `value` must be finite: JSON has no other numbers.
    package static func append(_ value: Double, bare: Bool = false, to output: inout [UInt8]) {
        output.append(upTo: byteCountMax) { write(value, bare, &$0) }
    }

    /// `value` must be finite: JSON has no other numbers.
    package static func append(_ value: Float, bare: Bool = false, to output: inout [UInt8]) {
        output.append(upTo: byteCountMax) { write(value, bare, &$0) }
    }

    /// Appends the numbers with commas between them; what is not finite is null. One reservation
    /// serves them all.
    package static func append(
        list values: ArraySlice<Double>, bare: Bool = false, to output: inout [UInt8]
    ) {
        append(list: values, to: &output) { value, printer in
            if value.isFinite { write(value, bare, &printer) } else { printer.write("null") }
        }
    }

    /// The same of single-precision numbers.
    package static func append(
        list values: ArraySlice<Float>, bare: Bool = false, to output: inout [UInt8]
    ) {
        append(list: values, to: &output) { value, printer in
            if value.isFinite { write(value, bare, &printer) } else { printer.write("null") }
        }
    }

    /// The same of whole numbers.
    package static func append(list values: ArraySlice<Int64>, to output: inout [UInt8]) {
        append(list: values, to: &output) { write($0, &$1) }
    }

    @inline(__always)
    private static func append<Number>(
        list values: ArraySlice<Number>, to output: inout [UInt8],
        _ write: (Number, inout BytePrinter) -> Void
    ) {
        output.append(upTo: values.count * (byteCountMax + 1)) { printer in
            var isFirst = true
            for value in values {
                if !isFirst { printer.write(UInt8(ascii: ",")) }
                isFirst = false
                write(value, &printer)
            }
        }
    }

    @inline(__always)
    private static func write(_ value: Int64, _ printer: inout BytePrinter) {
        if value < 0 { printer.write(UInt8(ascii: "-")) }
        printer.write(digitsOf: value.magnitude)
    }

    private static func write(_ value: Float, _ bare: Bool, _ printer: inout BytePrinter) {
        let magnitude = value.magnitude
        if value.sign == .minus { printer.write(UInt8(ascii: "-")) }
        guard magnitude < 16_777_216 else { return printer.write(magnitude.description) }
        if case let whole = Int64(magnitude), Float(whole) == magnitude {
            return write(whole: whole.magnitude, bare, &printer)
        }
        guard magnitude >= 1e-4 else { return printer.write(magnitude.description) }
        let shortest = ShortestSingle(magnitude)
        printer.write(UInt64(shortest.digits), pointBefore: -shortest.exponent)
        printer.takeBack(UInt8(ascii: "0"))
    }

    @inline(__always)
    private static func write(_ value: Double, _ bare: Bool, _ printer: inout BytePrinter) {
        let magnitude = value.magnitude
        if value.sign == .minus { printer.write(UInt8(ascii: "-")) }
        // Through Int64, not UInt64: one instruction each way.
        if magnitude < wholeMax, case let whole = Int64(magnitude), Double(whole) == magnitude {
            return write(whole: whole.magnitude, bare, &printer)
        }
        // Outside of this an exponent is printed, and whole numbers are printed above.
        guard magnitude >= 1e-4 && magnitude < wholeMax else { return printer.write(magnitude.description) }
        let shortest = ShortestDouble(magnitude)
        printer.write(shortest.digits, pointBefore: -shortest.exponent)
    }

    private static func write(whole: UInt64, _ bare: Bool, _ printer: inout BytePrinter) {
        printer.write(digitsOf: whole)
        guard !bare else { return }
        printer.write(UInt8(ascii: "."))
        printer.write(UInt8(ascii: "0"))
    }
}
