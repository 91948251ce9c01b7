// Bytes of JSON, appended part by part.
//
// Invariants:
//  * Numbers are in their canonical text (JSONNumberText.swift); what is not finite is null.
//  * A string is escaped where JSON demands it and nowhere else.
//
// Commas and brackets are the caller's: it knows where it is.

/// A growing JSON text.
package struct JSONWriter: Sendable {
    /// The text so far. Whoever has JSON already may append it here.
    package var bytes: [UInt8] = []

    package init() {}

    package mutating func write(byte: UInt8) { bytes.append(byte) }

    /// A piece of JSON as it is: nothing is quoted or escaped.
    package mutating func write(_ literal: StaticString) {
        bytes.append(
            contentsOf: UnsafeBufferPointer(
                start: literal.utf8Start, count: literal.utf8CodeUnitCount))
    }

    package mutating func write(_ value: Bool) { write(value ? "true" : "false") }

    package mutating func write(_ value: Int64) { JSONNumberText.append(value, to: &bytes) }

    /// With `bare`, a whole number is written without ".0".
    package mutating func write(_ value: Double, bare: Bool = false) {
        guard value.isFinite else { return write("null") }
        JSONNumberText.append(value, bare: bare, to: &bytes)
    }

    /// With `bare`, a whole number is written without ".0".
    package mutating func write(_ value: Float, bare: Bool = false) {
        guard value.isFinite else { return write("null") }
        JSONNumberText.append(value, bare: bare, to: &bytes)
    }

    /// A list of numbers, in its brackets: one call for a row's worth of them.
    package mutating func write(list values: ArraySlice<Double>, bare: Bool = false) {
        bytes.append(UInt8(ascii: "["))
        JSONNumberText.append(list: values, bare: bare, to: &bytes)
        bytes.append(UInt8(ascii: "]"))
    }

    /// The same of single-precision numbers.
    package mutating func write(list values: ArraySlice<Float>, bare: Bool = false) {
        bytes.append(UInt8(ascii: "["))
        JSONNumberText.append(list: values, bare: bare, to: &bytes)
        bytes.append(UInt8(ascii: "]"))
    }

    /// The same of whole numbers.
    package mutating func write(list values: ArraySlice<Int64>) {
        bytes.append(UInt8(ascii: "["))
        JSONNumberText.append(list: values, to: &bytes)
        bytes.append(UInt8(ascii: "]"))
    }

    /// A string in quotes.
    package mutating func write(string text: String) {
        var text = text
        text.withUTF8 { write(stringUTF8: UnsafeRawBufferPointer($0)) }
    }

    /// A string in quotes, from its UTF-8.
    package mutating func write(stringUTF8 text: UnsafeRawBufferPointer) {
        bytes.append(UInt8(ascii: "\""))
        var place = 0
        while place < text.count {
            let run = Self.plainByteCount(text, from: place)
            bytes.append(contentsOf: text[place..<place + run])
            place += run
            if place < text.count {
                writeEscape(of: text[place])
                place += 1
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// How many bytes from `start` on need no escape.
    private static func plainByteCount(_ text: UnsafeRawBufferPointer, from start: Int) -> Int {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs: UInt64 = 0x8080_8080_8080_8080
        var place = start
        while text.count - place >= 8 {
            let word = UInt64(
                littleEndian: text.loadUnaligned(fromByteOffset: place, as: UInt64.self))
            let quote = word ^ (ones &* 0x22)
            let backslash = word ^ (ones &* 0x5C)
            let marks =
                ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash)
                | ((word &- ones &* 0x20) & ~word)
            // The lowest mark is right; those above it may be borrowed.
            if marks & highs != 0 {
                return place - start + (marks & highs).trailingZeroBitCount / 8
            }
            place += 8
        }
        while place < text.count {
            let byte = text[place]
            guard byte >= 0x20 && byte != 0x22 && byte != 0x5C else { break }
            place += 1
        }
        return place - start
    }

    private mutating func writeEscape(of byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): write("\\\"")
        case UInt8(ascii: "\\"): write("\\\\")
        case 0x08: write("\\b")
        case 0x09: write("\\t")
        case 0x0A: write("\\n")
        case 0x0C: write("\\f")
        case 0x0D: write("\\r")
        default:
            write("\\u00")
            for digit in [byte >> 4, byte & 15] {
                bytes.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
            }
        }
    }
}
