// The one reader of JSON text (RFC 8259): for trees and for records alike.
//
// It is a place in a text, moved forward by whoever knows what may come next; it builds nothing.
//
// Invariants:
//  * No byte outside `bytes` is read, whatever the text claims.
//  * What it accepts is JSON to the letter: no NaN, no trailing comma, no comment, no byte-order
//    mark, no control character or malformed UTF-8 in a string, nothing nested past `depthMax`.
//  * After a throw the place means nothing: the caller gives up on the text.
//
// Loops over many values are in this room too (ScannedNumbers.swift): a call into another room is
// never inlined, so what crosses is a list, a key or a string, not a byte.

import Glibc

/// A place in a JSON text.
///
/// It holds an unsafe buffer because a stored `RawSpan` is not expressible in the language yet;
/// scanners live inside the `withUnsafeBytes` that owns the memory and never leave it.
package struct JSONScanner {
    /// Lists and objects nested deeper are refused: each level costs a stack frame, and no record
    /// or request of ours comes near.
    package static let depthMax = 128

    /// Not owned: valid within the `withUnsafeBytes` that lent them.
    package let bytes: UnsafeRawBufferPointer
    /// The next byte to read. Callers move it only to a place a scanner has been.
    package var offset: Int

    package init(_ bytes: UnsafeRawBufferPointer, at offset: Int = 0) {
        self.bytes = bytes
        self.offset = offset
    }

    /// The byte here, or zero, which begins nothing in JSON, at the end.
    @inline(__always)
    package var peek: UInt8 { offset < bytes.count ? bytes[offset] : 0 }

    @inline(__always)
    package var isAtEnd: Bool { offset >= bytes.count }

    /// Steps over spaces, tabs and line ends: JSON knows no other whitespace.
    @inline(__always)
    package mutating func skipWhitespace() {
        while offset < bytes.count {
            let byte = bytes[offset]
            // Everything above a space is no whitespace, and is what stands here nearly always.
            guard byte <= 0x20 && (byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09)
            else { return }
            offset += 1
        }
    }

    /// Steps over `byte` if it is here.
    @inline(__always)
    package mutating func skip(_ byte: UInt8) -> Bool {
        guard offset < bytes.count && bytes[offset] == byte else { return false }
        offset += 1
        return true
    }

    /// Steps over `byte`, which must be here.
    @inline(__always)
    package mutating func expect(_ byte: UInt8, _ wanted: StaticString) throws(JSONError) {
        guard skip(byte) else { throw unexpected(wanted) }
    }

    /// Steps over the comma before a further element, or over the end of the list or object.
    @inline(__always)
    package mutating func hasNext(before end: UInt8) throws(JSONError) -> Bool {
        skipWhitespace()
        if skip(UInt8(ascii: ",")) {
            skipWhitespace()
            return true
        }
        if skip(end) { return false }
        throw unexpected(end == UInt8(ascii: "]") ? "\",\" or \"]\"" : "\",\" or \"}\"")
    }

    /// Steps over the start of a list or object and, where it is empty, over its end.
    @inline(__always)
    package mutating func hasFirst(before end: UInt8) -> Bool {
        offset += 1
        skipWhitespace()
        return !skip(end)
    }

    /// Steps over `true`, `false` or `null`.
    package mutating func scanLiteral(_ literal: StaticString) throws(JSONError) {
        let count = literal.utf8CodeUnitCount
        guard bytes.count - offset >= count else { throw unexpected("a value") }
        for index in 0..<count where bytes[offset + index] != literal.utf8Start[index] {
            throw unexpected("a value")
        }
        offset += count
    }

    /// Refuses anything but whitespace from here on.
    package mutating func expectEnd() throws(JSONError) {
        skipWhitespace()
        if !isAtEnd { throw unexpected("the end of the text") }
    }

    /// Steps over a whole value, whatever it is, checking it to the letter.
    package mutating func skipValue(depth: Int = 0) throws(JSONError) {
        switch peek {
        case UInt8(ascii: "\""): _ = try scanString()
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try skipNumber()
        case UInt8(ascii: "t"): try scanLiteral("true")
        case UInt8(ascii: "f"): try scanLiteral("false")
        case UInt8(ascii: "n"): try scanLiteral("null")
        case UInt8(ascii: "["):
            try checkDepth(depth)
            guard hasFirst(before: UInt8(ascii: "]")) else { return }
            repeat {
                try skipValue(depth: depth + 1)
            } while try hasNext(before: UInt8(ascii: "]"))
        case UInt8(ascii: "{"):
            try checkDepth(depth)
            guard hasFirst(before: UInt8(ascii: "}")) else { return }
            repeat {
                _ = try scanKey()
                try skipValue(depth: depth + 1)
            } while try hasNext(before: UInt8(ascii: "}"))
        default: throw unexpected("a value")
        }
    }

    /// Refuses a list or object that begins here inside `depth` others, where that is too deep.
    package func checkDepth(_ depth: Int) throws(JSONError) {
        guard depth < Self.depthMax else {
            throw JSONError(
                offset: offset, problem: "lists and objects are nested over \(Self.depthMax) deep")
        }
    }

    /// Steps over a key, its colon and the whitespace around them.
    package mutating func scanKey() throws(JSONError) -> ScannedString {
        guard peek == UInt8(ascii: "\"") else { throw unexpected("a key in quotes") }
        let key = try scanString()
        skipWhitespace()
        try expect(UInt8(ascii: ":"), "\":\"")
        skipWhitespace()
        return key
    }

    /// Steps over `count` bytes here if they equal those that begin at `start`, before this place.
    package mutating func skipRepeated(from start: Int, _ count: Int) -> Bool {
        // memcmp, because keys and repeated texts are half of a body and it compares 32 bytes at a
        // time; both runs lie in `bytes`. The last byte is looked at first: it differs soonest.
        guard count > 0, start + count <= offset, bytes.count - offset >= count,
            bytes[offset + count - 1] == bytes[start + count - 1], let base = bytes.baseAddress,
            memcmp(base + offset, base + start, count) == 0
        else { return false }
        offset += count
        return true
    }

    /// Steps over a key, its colon and the whitespace around them, if the key's `count` bytes,
    /// quotes included, equal those that begin at `start`, before this place.
    package mutating func skipRepeatedKey(from start: Int, _ count: Int) -> Bool {
        let here = offset
        guard skipRepeated(from: start, count) else { return false }
        skipWhitespace()
        guard skip(UInt8(ascii: ":")) else {
            offset = here
            return false
        }
        skipWhitespace()
        return true
    }

    /// What to throw where `wanted` is not here.
    @inline(never)
    package func unexpected(_ wanted: StaticString) -> JSONError {
        guard offset < bytes.count else {
            return JSONError(offset: bytes.count, problem: "expected \(wanted), the text ends")
        }
        // What Python's json.dumps writes unless told otherwise.
        for word in ["NaN", "Infinity"] where bytes[offset...].starts(with: word.utf8) {
            return JSONError(
                offset: offset, problem: "JSON has no \(word); write null, or leave the number out")
        }
        let byte = bytes[offset]
        let found =
            (0x21..<0x7F).contains(byte)
            ? "\"\(Character(UnicodeScalar(byte)))\"" : "byte \(byte)"
        return JSONError(offset: offset, problem: "expected \(wanted), found \(found)")
    }
}

extension JSONScanner {
    /// Appends the value at `start` without the whitespace between its parts; number texts,
    /// strings and their escapes stay as they are. Returns where the value ends.
    ///
    /// The value must have been scanned before: nothing is checked again but the bounds.
    @discardableResult
    package func copyCompact(valueAt start: Int, into output: inout [UInt8]) -> Int {
        var place = start
        var depth = 0
        while place < bytes.count {
            let byte = bytes[place]
            switch byte {
            case UInt8(ascii: "\""):
                let end = stringEnd(place)
                output.append(contentsOf: bytes[place..<end])
                place = end
                if depth == 0 { return place }
                continue
            case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
            case UInt8(ascii: "]"), UInt8(ascii: "}"):
                if depth == 0 { return place }
                depth -= 1
                if depth == 0 {
                    output.append(byte)
                    return place + 1
                }
            case 0x20, 0x0A, 0x0D, 0x09:
                if depth == 0 { return place }
                place += 1
                continue
            case UInt8(ascii: ","): if depth == 0 { return place }
            default: break
            }
            output.append(byte)
            place += 1
        }
        return place
    }

    /// The place after the closing quote of the string, scanned before, whose quote is at `start`.
    private func stringEnd(_ start: Int) -> Int {
        var place = start + 1
        while place < bytes.count {
            let byte = bytes[place]
            place += byte == UInt8(ascii: "\\") ? 2 : 1
            if byte == UInt8(ascii: "\"") { break }
        }
        return min(place, bytes.count)
    }
}
