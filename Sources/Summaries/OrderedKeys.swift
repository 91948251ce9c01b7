// Doubles as unsigned integers in the same order, so that sorting is integer work.
//
// The bits of a double, without its sign, rise with its magnitude. So a key is the magnitude's bits for
// a positive value and their inversion for a negative one. But most such keys are never met: from the
// least negative to the least positive magnitude of a sample lie some 2^62 of them, for the thousand
// powers of two that no value has. They would fill the leading bits of every key with nothing. So
// magnitudes are counted from the least one in the sample, and keys from the least key:
//
//     value       -3.5     -0.25      -0.0   0.0      0.25      3.5
//     key           0        …         …     … + 1      …        …        width: some 57 bits
//
// Invariants, for the values of the sample that the keys were made for, NaN apart:
//  * a < b implies key(a) < key(b); -0.0 comes just before 0.0.
//  * A key is reversible: every bit of the double comes back.
//
// Both directions are written without branches: the signs of data are as good as random to a predictor.

/// The order-preserving keys of one sample.
package struct OrderedKeys: Sendable, Hashable {
    /// A power of two below the bits of the least magnitude that is not zero. Zeros count as this.
    private let base: UInt64
    /// The signed key of the least value, from which keys are counted.
    private let least: UInt64
    /// How many low bits of a key can differ from zero.
    package let bitWidth: Int

    private static let signBit: UInt64 = 1 << 63
    /// How far the bits of a double and its half are apart.
    private static let powerOfTwo: UInt64 = 1 << 52

    /// Keys for `values`, or nil where all of them are NaN or there are none.
    package init?(_ values: UnsafeBufferPointer<Double>) {
        var lowest = Double.infinity
        var highest = -Double.infinity
        var base = UInt64.max
        for value in values {
            // Comparisons with NaN are false, which leaves NaN out of both.
            lowest = value < lowest ? value : lowest
            highest = value > highest ? value : highest
            // A zero less one is the greatest integer; a NaN is above every number.
            base = min(base, (value.bitPattern & ~Self.signBit) &- 1)
        }
        guard lowest <= highest else { return nil }
        // A power of two below it, so that zeros and the least values of both signs, which the gap
        // kept apart, still differ in their leading bits.
        base = base > Self.powerOfTwo ? base - Self.powerOfTwo : 0
        self.base = base
        // Which zero was met first must not matter: the lowest is taken as -0.0, the highest as 0.0.
        least = Self.signedKey(lowest == 0 ? -0.0 : lowest, base: base)
        let greatest = Self.signedKey(highest == 0 ? 0.0 : highest, base: base)
        bitWidth = UInt64.bitWidth - (greatest &- least).leadingZeroBitCount
    }

    /// Two's complement: negative values have the inversion of their magnitude's key.
    @inline(__always)
    private static func signedKey(_ value: Double, base: UInt64) -> UInt64 {
        let bits = value.bitPattern
        let folded = max(bits & ~signBit, base) &- base
        return folded ^ (0 &- (bits &>> 63))
    }

    /// The key of a value of the sample that is not NaN.
    @inline(__always)
    package func key(of value: Double) -> UInt64 {
        Self.signedKey(value, base: base) &- least
    }

    /// The value whose key this is.
    @inline(__always)
    package func value(of key: UInt64) -> Double {
        let signed = key &+ least
        let onesWhenNegative = 0 &- (signed &>> 63)
        let folded = signed ^ onesWhenNegative
        let magnitude = folded == 0 ? 0 : folded &+ base
        return Double(bitPattern: magnitude | (onesWhenNegative & Self.signBit))
    }
}
