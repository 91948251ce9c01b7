// Numbers in the base sixteen, at the width of their type.

extension UnsignedInteger where Self: FixedWidthInteger {
    /// All lower-case hexadecimal digits that the type has room for: two a byte, zeros in front.
    package var hexDigits: String {
        let digits = String(self, radix: 16)
        return String(repeating: "0", count: Self.bitWidth / 4 - digits.utf8.count) + digits
    }
}
