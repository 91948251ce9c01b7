// Invariants checked: the three at the head of JSONScanner.swift.

import Testing

@testable import JSON

/// Whether `bytes` are one JSON value, by the scanner alone.
private func isJSON(_ bytes: [UInt8]) -> Bool {
    bytes.withUnsafeBytes { buffer in
        var scanner = JSONScanner(buffer)
        do throws(JSONError) {
            scanner.skipWhitespace()
            try scanner.skipValue()
            try scanner.expectEnd()
            return true
        } catch {
            #expect(error.offset >= 0 && error.offset <= bytes.count)
            return false
        }
    }
}

private func isJSON(_ text: String) -> Bool { isJSON(Array(text.utf8)) }

@Suite struct JSONScannerTests {
    @Test(
        "JSON is taken",
        arguments: [
            "null", " true ", "\tfalse\r\n", "0", "-0", "1.5e-7", "\"\"",
            "\"é\\u00e9😀\\ud83d\\ude00\"", "[]",
            "[ ]",
            "{}", "{ }", "[1,[2,[3]]]", "{\"a\":{\"b\":[]}}", "{\"\":0}", "{\"a\":1,\"a\":2}",
            "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
            "\"\u{7F}\"", "\"\\ud800\"", "\"\\udc00\\ud800\"", "[null , 1 ]", "\"\\u0000\"",
        ])
    func valid(text: String) {
        #expect(isJSON(text))
    }

    @Test(
        "what is not JSON to the letter is refused",
        arguments: [
            "", " ", "nul", "nulll", "True", "NaN", "Infinity", "-", "01", "1.", ".1", "+1", "0x1",
            "'a'",
            "[1,]", "[,1]",
            "[1 2]", "[1", "]", "{", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{\"a\" 1}",
            "{1:1}", "\"",
            "\"\\\"",
            "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"a\nb\"", "\"\u{1}\"", "\"\t\"", "1 2", "// x",
            "[1]/**/", "\u{FEFF}1",
            "{\"a\":1}}", "[1]]", "\u{A0}1", "\u{0}", "1\u{0}", "\"\\\u{0}\"", "\"\\ud83d\\u12\"",
        ])
    func invalid(text: String) {
        #expect(!isJSON(text))
    }

    @Test("malformed UTF-8 in a string is refused, well-formed is taken")
    func utf8() {
        func quoted(_ bytes: [UInt8]) -> Bool {
            let near = isJSON([0x22] + bytes + [0x22])
            // Far from the end the scanner reads eight bytes at a time.
            let far = isJSON(
                [0x22] + Array("before12".utf8) + bytes + Array("after678".utf8) + [0x22])
            #expect(near == far)
            return near
        }
        let wellFormed: [[UInt8]] = [
            [0xC2, 0x80], [0xDF, 0xBF], [0xE0, 0xA0, 0x80], [0xED, 0x9F, 0xBF], [0xEE, 0x80, 0x80],
            [0xEF, 0xBF, 0xBF], [0xF0, 0x90, 0x80, 0x80], [0xF4, 0x8F, 0xBF, 0xBF],
        ]
        for bytes in wellFormed { #expect(quoted(bytes)) }
        let malformed: [[UInt8]] = [
            [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC2], [0xC2, 0x41], [0xE0, 0x9F, 0xBF],
            [0xE0, 0x80, 0x80],
            [0xE2, 0x82], [0xE2, 0x82, 0x41], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF],
            [0xF0, 0x8F, 0xBF, 0xBF],
            [0xF0, 0x9F, 0x98], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFE], [0xFF],
            [0xF8, 0x88, 0x80, 0x80, 0x80],
        ]
        for bytes in malformed { #expect(!quoted(bytes), "\(bytes)") }
    }

    @Test("two bytes anywhere in a string are taken exactly where Swift takes them as UTF-8")
    func everyPairOfBytes() {
        for first in UInt8(0x20)...0xFF {
            for second in UInt8(0x20)...0xFF
            where ![0x22, 0x5C].contains(first) && ![0x22, 0x5C].contains(second) {
                let isUTF8 = String(validating: [first, second], as: UTF8.self) != nil
                #expect(isJSON([0x22, first, second, 0x22]) == isUTF8)
            }
        }
    }

    @Test("nesting is taken to the limit and refused past it, without a crash however deep")
    func depth() {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(isJSON(nested(JSONScanner.depthMax)))
        #expect(!isJSON(nested(JSONScanner.depthMax + 1)))
        #expect(!isJSON(String(repeating: "[", count: 1_000_000)))
        #expect(!isJSON(String(repeating: "{\"a\":", count: 1_000_000)))
    }

    @Test("a text cut anywhere is refused")
    func truncation() {
        let text = Array(#"{"a":[1.5,-2e3,"x\u00e9\n",true,null],"b":{"c":"é"}}"#.utf8)
        #expect(isJSON(text))
        for count in text.indices { #expect(!isJSON(Array(text[..<count]))) }
    }

    @Test(
        "compact copies say the same without whitespace",
        arguments: [
            ("1.50", "1.50"), (" [ 1 , 2.0 ] ", "[1,2.0]"),
            (#"{ "a b" : [ ] , "c" : "\u00e9 \" ]" }"#, #"{"a b":[],"c":"\u00e9 \" ]"}"#),
            ("\"a , b\"", "\"a , b\""), ("null ", "null"), ("[[ ],{ }]", "[[],{}]"),
        ])
    func compact(text: String, expected: String) {
        for after in ["", " ", ",1", "]", "}"] {
            Array((text + after).utf8).withUnsafeBytes { buffer in
                var scanner = JSONScanner(buffer)
                scanner.skipWhitespace()
                var output: [UInt8] = []
                scanner.copyCompact(valueAt: scanner.offset, into: &output)
                #expect(String(decoding: output, as: UTF8.self) == expected)
            }
        }
    }

    @Test("a repeated key is stepped over only where its bytes and its colon are")
    func repeatedKeys() {
        Array(#"{"ab":1,"ab" : 2,"ab"3,"ac":4}"#.utf8).withUnsafeBytes { buffer in
            for (place, after) in [(8, 15), (17, 17), (23, 23), (28, 28)] {
                var scanner = JSONScanner(buffer, at: place)
                let isRepeated = scanner.skipRepeatedKey(from: 1, 4)
                #expect(isRepeated == (after > place) && scanner.offset == after)
            }
        }
    }
}
