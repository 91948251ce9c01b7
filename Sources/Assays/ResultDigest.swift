// The digest of an outcome's canonical bytes, by which a result is proved to be what was decided.
//
// Invariant: it is the SHA-256, whose text is 64 lower-case hexadecimal digits; no other text is read as one.

import Bytes

/// A SHA-256.
package struct ResultDigest: Hashable, Sendable, CustomStringConvertible {
    /// The 32 bytes as four numbers: decisions are held in memory by the million, and a text of
    /// each would be three times as long.
    let words: SIMD4<UInt64>

    init(words: SIMD4<UInt64>) { self.words = words }

    /// Hashes `bytes`.
    package init(of bytes: [UInt8]) {
        let hex = SHA256.hexDigest(bytes)
        guard let digest = ResultDigest(hex: hex) else {
            preconditionFailure("A digest is 64 hexadecimal digits.")
        }
        self = digest
    }

    /// Nil unless `hex` is 64 lower-case hexadecimal digits.
    package init?(hex: String) {
        var hex = hex
        guard let digest = hex.withUTF8({ ResultDigest(hexUTF8: UnsafeRawBufferPointer($0)) }) else {
            return nil
        }
        self = digest
    }

    /// The same of the text's bytes.
    init?(hexUTF8 digits: UnsafeRawBufferPointer) {
        guard digits.count == 64 else { return nil }
        var words = SIMD4<UInt64>()
        for index in 0..<4 {
            var word: UInt64 = 0
            for digit in digits[index * 16..<index * 16 + 16] {
                let value: UInt8
                switch digit {
                case UInt8(ascii: "0")...UInt8(ascii: "9"): value = digit - UInt8(ascii: "0")
                case UInt8(ascii: "a")...UInt8(ascii: "f"): value = digit - UInt8(ascii: "a") + 10
                default: return nil
                }
                word = word << 4 | UInt64(value)
            }
            words[index] = word
        }
        self.words = words
    }

    /// 64 lower-case hexadecimal digits.
    package var hex: String {
        (0..<4).map { words[$0].hexDigits }.joined()
    }

    package var description: String { hex }
}
