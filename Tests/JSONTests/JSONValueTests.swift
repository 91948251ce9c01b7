// Invariants checked: those at the head of JSONValue.swift, JSONValue+Text.swift and JSONWriter.swift.

import Testing

@testable import JSON

@Suite struct JSONValueTests {
    @Test(
        "a text comes back compact, its numbers as they were written",
        arguments: [
            (" { \"a\" : [ 1 , 2.50 , -0 , 1e400 ] } ", "{\"a\":[1,2.50,-0,1e400]}"),
            ("12345678901234567890123", "12345678901234567890123"), ("null", "null"),
            ("[true,false]", "[true,false]"),
            ("\"\\u00e9\\/\\ud83d\\ude00\"", "\"é/😀\""),
            ("\"\\b\\f\\n\\r\\t\\u0001\\u001f\"", "\"\\b\\f\\n\\r\\t\\u0001\\u001f\""),
            ("{\"b\":1,\"a\":2,\"b\":3}", "{\"b\":1,\"a\":2,\"b\":3}"),
        ])
    func text(posted: String, expected: String) throws {
        let value = try JSONValue(parsing: posted)
        #expect(value.text == expected)
        #expect(try JSONValue(parsing: value.text) == value)
    }

    @Test(
        "a whole number is exactly that of its text, or none",
        arguments: [
            ("3", 3), ("3.0", 3), ("3e0", 3), ("-30e-1", -3), ("0.3E+1", 3), ("-0", 0), ("0.000", 0),
            ("0e99999999999999999999", 0), ("1e18", 1_000_000_000_000_000_000), ("1e19", nil), ("0.5", nil),
            ("1.0000000000000000001", nil), ("1e-99999999999999999999", nil), ("1e99999999999999999999", nil),
            ("1e9223372036854775807", nil), ("1.5e-9223372036854775808", nil),
            ("9007199254740993.0", 9_007_199_254_740_993), ("9223372036854775807.00", .max),
            ("9223372036854775808", nil), ("9223372036854775808.0", nil), ("-9223372036854775808.0", .min),
            ("-9223372036854775809", nil), ("-922337203685477580.9e1", nil),
            ("922337203685477580.7e1", .max),
        ] as [(String, Int64?)])
    func integer(text: String, expected: Int64?) throws {
        guard case .number(let number) = try JSONValue(parsing: text) else {
            throw JSONError(offset: 0, problem: "no number")
        }
        #expect(number.integer == expected)
    }

    @Test("members keep their order, and of two with one key the last counts")
    func members() throws {
        let value = try JSONValue(parsing: #"{"b":1,"a":2,"b":3}"#)
        #expect(value["b"] == .integer(3))
        guard case .object(let object) = value else {
            throw JSONError(offset: 0, problem: "no object")
        }
        #expect(object.members.map { $0.key } == ["b", "a", "b"])
    }

    @Test("keys and strings of other bytes are others, though Swift takes one for the other")
    func spellings() throws {
        let text = "{\"\u{E9}\":1,\"e\u{301}\":2}"
        let value = try JSONValue(parsing: text)
        #expect(value["\u{E9}"] == .integer(1) && value["e\u{301}"] == .integer(2))
        #expect(try value != JSONValue(parsing: "{\"\u{E9}\":1,\"\u{E9}\":2}"))
        #expect(JSONValue.array([.string("\u{E9}")]) != .array([.string("e\u{301}")]))
        guard case .object(var object) = value else {
            throw JSONError(offset: 0, problem: "no object")
        }
        object["e\u{301}"] = nil
        #expect(object.members.map { Array($0.key.utf8) } == [Array("\u{E9}".utf8)])
    }

    @Test(
        "an error names its place",
        arguments: [
            ("[1,]", 3), ("{\"a\":tru}", 5), ("[1] x", 4), ("\"abc", 4), ("{\"a\" 1}", 5),
            ("[\"\\ud800\"]", 2), ("", 0),
            ("[1,01]", 3), ("\"\u{2}\"", 1),
        ])
    func places(text: String, offset: Int) {
        do throws(JSONError) {
            let value = try JSONValue(parsing: text)
            Issue.record("\(text) was taken as \(value)")
        } catch {
            #expect(error.offset == offset, "\(error)")
        }
    }

    @Test(
        "half of a surrogate pair is refused, wherever it stands",
        arguments: [
            #""\ud800""#, #""\udc00""#, #""\ud800\ud800""#, #""\ud800x""#, #"{"\ud800":1}"#,
            #"[{"a":"b\udfff"}]"#,
        ])
    func surrogates(text: String) {
        #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
    }

    @Test("every scalar comes back from a string, alone and between others")
    func everyScalar() throws {
        for code in UInt32(0)...0x10FFFF
        where code < 0x300 || code % 61 == 0 || (0xD700...0xE100).contains(code) {
            guard let scalar = UnicodeScalar(code) else { continue }
            for text in [String(Character(scalar)), "before12\(scalar)after678"] {
                let written = JSONValue.string(text).text
                guard case .string(let back) = try JSONValue(parsing: written) else {
                    throw JSONError(offset: 0, problem: "no string")
                }
                #expect(back.unicodeScalars.elementsEqual(text.unicodeScalars))
            }
        }
    }

    @Test("escapes decode to what they stand for")
    func escapes() throws {
        let value = try JSONValue(parsing: #""\"\\\/\b\f\n\r\t\u0041\u00E9\u20ac\uD83D\uDE00""#)
        #expect(value == .string("\"\\/\u{8}\u{C}\n\r\tAé€😀"))
    }

    @Test("numbers that are not finite are written as null")
    func notFinite() {
        var writer = JSONWriter()
        writer.write(Double.nan)
        writer.write(-Double.infinity)
        writer.write(Float.nan)
        #expect(String(decoding: writer.bytes, as: UTF8.self) == "nullnullnull")
    }

    @Test("a byte changed anywhere is refused or means what it says, and never traps")
    func changedBytes() {
        let text = Array(#"{"a":[1.5,-2e3,"x\u00e9\n",true,null],"b":{"c":"é"}}"#.utf8)
        for place in text.indices {
            for byte in UInt8.min ... .max {
                var changed = text
                changed[place] = byte
                guard let value = try? JSONValue(parsing: changed) else { continue }
                #expect((try? JSONValue(parsing: value.text)) == value)
            }
        }
    }

    @Test("an integer past 64 bits is refused by its range, not as no integer")
    func integersPast64Bits() throws {
        for text in ["9223372036854775808", "-9223372036854777856", "99999999999999999999", "1e300", "1e999"]
        {
            let error = #expect(throws: FieldError.self, "\(text)") {
                try JSONField(try JSONValue(parsing: text), path: "n").integer()
            }
            #expect(
                error?.problem
                    == "must be an integer from -9223372036854775808 to 9223372036854775807, not the number \(text)"
            )
        }
        for text in ["0.5", "-1e-300", "1.25e1"] {
            let error = #expect(throws: FieldError.self, "\(text)") {
                try JSONField(try JSONValue(parsing: text), path: "n").integer()
            }
            #expect(error?.problem == "must be an integer, not the number \(text)")
        }
        for (text, number) in [
            ("9223372036854775807", Int.max), ("-9223372036854775808", Int.min), ("3e0", 3),
        ] {
            #expect(try JSONField(try JSONValue(parsing: text)).integer() == number)
        }
    }
}
