// Strings: found and checked first, decoded only by who wants them.
//
// Invariants:
//  * A scanned string is well-formed UTF-8 (Unicode table 3-7) with well-formed escapes.
//  * A surrogate escape without its other half (`\ud800`) is JSON's grammar but no character: it
//    is said, and left to the caller, who can keep the text but not decode it.

/// Where a string lies in the text, its quotes apart.
package struct ScannedString {
    /// The first byte after the opening quote.
    package var start: Int
    /// The closing quote.
    package var end: Int
    /// Whether its text is other than its bytes.
    package var hasEscapes: Bool
    /// Whether it cannot be decoded, because half of a surrogate pair is missing.
    package var hasLoneSurrogate: Bool

    package init(start: Int, end: Int, hasEscapes: Bool, hasLoneSurrogate: Bool) {
        self.start = start
        self.end = end
        self.hasEscapes = hasEscapes
        self.hasLoneSurrogate = hasLoneSurrogate
    }
}

extension JSONScanner {
    /// Steps over a string, whose quote must be here.
    package mutating func scanString() throws(JSONError) -> ScannedString {
        try expect(UInt8(ascii: "\""), "a string")
        var string = ScannedString(
            start: offset, end: offset, hasEscapes: false, hasLoneSurrogate: false)
        while true {
            skipPlainText()
            guard offset < bytes.count else { throw unexpected("the quote that ends a string") }
            switch bytes[offset] {
            case UInt8(ascii: "\""):
                string.end = offset
                offset += 1
                return string
            case UInt8(ascii: "\\"):
                string.hasEscapes = true
                if try !skipEscape() { string.hasLoneSurrogate = true }
            case 0..<0x20: throw unexpected("an escape for a control character")
            default: try skipCharacter()
            }
        }
    }

    /// Steps over ASCII that stands for itself, eight bytes at a time while there are eight.
    mutating func skipPlainText() {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs: UInt64 = 0x8080_8080_8080_8080
        while bytes.count - offset >= 8 {
            let word = UInt64(
                littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            // A high bit marks a quote, a backslash, a control character or a byte past ASCII.
            // A borrow can mark bytes above the first such byte wrongly, never below it.
            let quote = word ^ (ones &* 0x22)
            let backslash = word ^ (ones &* 0x5C)
            let marks =
                ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash)
                | ((word &- ones &* 0x20) & ~word) | word
            if marks & highs != 0 {
                offset += (marks & highs).trailingZeroBitCount / 8
                return
            }
            offset += 8
        }
        while offset < bytes.count {
            let byte = bytes[offset]
            guard byte >= 0x20 && byte < 0x80 && byte != 0x22 && byte != 0x5C else { return }
            offset += 1
        }
    }

    /// Steps over one character past ASCII.
    private mutating func skipCharacter() throws(JSONError) {
        let first = bytes[offset]
        // The bounds of the second byte shut out overlong forms, surrogates and what is past U+10FFFF.
        let (count, second): (Int, ClosedRange<UInt8>)
        switch first {
        case 0xC2...0xDF: (count, second) = (2, 0x80...0xBF)
        case 0xE0: (count, second) = (3, 0xA0...0xBF)
        case 0xE1...0xEC, 0xEE...0xEF: (count, second) = (3, 0x80...0xBF)
        case 0xED: (count, second) = (3, 0x80...0x9F)
        case 0xF0: (count, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: (count, second) = (4, 0x80...0xBF)
        case 0xF4: (count, second) = (4, 0x80...0x8F)
        default: throw unexpected("UTF-8")
        }
        guard bytes.count - offset >= count, second.contains(bytes[offset + 1]) else {
            throw unexpected("UTF-8")
        }
        for index in 2..<max(count, 2) where bytes[offset + index] & 0xC0 != 0x80 {
            throw unexpected("UTF-8")
        }
        offset += count
    }

    /// Steps over an escape; false where it is half of a surrogate pair without the other.
    private mutating func skipEscape() throws(JSONError) -> Bool {
        guard bytes.count - offset >= 2 else { throw unexpected("an escape") }
        switch bytes[offset + 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"),
            UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            offset += 2
            return true
        case UInt8(ascii: "u"):
            guard let unit = codeUnit(escapedAt: offset) else { throw unexpected("an escape") }
            offset += 6
            guard unit & 0xF800 == 0xD800 else { return true }
            guard unit < 0xDC00, let next = codeUnit(escapedAt: offset), next & 0xFC00 == 0xDC00
            else { return false }
            offset += 6
            return true
        default: throw unexpected("an escape")
        }
    }

    /// The UTF-16 code unit that `\uXXXX` at `place` stands for; nil where there is none.
    private func codeUnit(escapedAt place: Int) -> UInt32? {
        guard bytes.count - place >= 6, bytes[place] == UInt8(ascii: "\\"),
            bytes[place + 1] == UInt8(ascii: "u")
        else { return nil }
        var unit: UInt32 = 0
        for index in place + 2..<place + 6 {
            let digit: UInt8
            switch bytes[index] {
            case let byte where byte &- 0x30 < 10: digit = byte &- 0x30
            case let byte where (byte | 0x20) &- 0x61 < 6: digit = (byte | 0x20) &- 0x61 + 10
            default: return nil
            }
            unit = unit << 4 | UInt32(digit)
        }
        return unit
    }
}

extension JSONScanner {
    /// Appends the UTF-8 that `string` stands for; it must have no lone surrogate.
    package func decode(_ string: ScannedString, into output: inout [UInt8]) {
        precondition(!string.hasLoneSurrogate, "Half of a surrogate pair has no UTF-8.")
        guard string.hasEscapes else {
            output.append(contentsOf: bytes[string.start..<string.end])
            return
        }
        var place = string.start
        while place < string.end {
            var run = place
            while run < string.end && bytes[run] != UInt8(ascii: "\\") { run += 1 }
            output.append(contentsOf: bytes[place..<run])
            place = run
            if place < string.end { place += decodeEscape(at: place, into: &output) }
        }
    }

    /// The text that `string` stands for; it must have no lone surrogate.
    package func decode(_ string: ScannedString) -> String {
        guard string.hasEscapes else {
            return String(decoding: bytes[string.start..<string.end], as: UTF8.self)
        }
        var text: [UInt8] = []
        decode(string, into: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// Appends what the escape at `place`, scanned before, stands for; returns its length.
    private func decodeEscape(at place: Int, into output: inout [UInt8]) -> Int {
        switch bytes[place + 1] {
        case UInt8(ascii: "b"): output.append(0x08)
        case UInt8(ascii: "f"): output.append(0x0C)
        case UInt8(ascii: "n"): output.append(0x0A)
        case UInt8(ascii: "r"): output.append(0x0D)
        case UInt8(ascii: "t"): output.append(0x09)
        case UInt8(ascii: "u"):
            guard let unit = codeUnit(escapedAt: place) else { return 6 }
            if let scalar = UnicodeScalar(unit) {
                output.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
                return 6
            }
            guard let low = codeUnit(escapedAt: place + 6),
                let scalar = UnicodeScalar(0x10000 + ((unit & 0x3FF) << 10 | low & 0x3FF))
            else { return 6 }
            output.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            return 12
        case let byte: output.append(byte)
        }
        return 2
    }
}
