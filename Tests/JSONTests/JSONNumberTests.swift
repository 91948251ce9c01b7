// Invariants checked: those at the head of JSONScanner+Numbers.swift and JSONNumberText.swift.
//
// The oracle is the standard library: its reading of a text is the nearest double, and its
// description of a double is the canonical text.

import Testing

@testable import JSON

@Suite struct JSONNumberTests {
    private func scan(_ text: String) throws(JSONError) -> ScannedNumber {
        var bytes = Array(text.utf8)
        // What follows a number in a body; eight bytes so that the wide reads have what to read.
        bytes += Array(",1234567".utf8)
        let result: Result<ScannedNumber, JSONError> = bytes.withUnsafeBytes { buffer in
            var scanner = JSONScanner(buffer)
            do throws(JSONError) {
                let number = try scanner.scanNumber()
                #expect(scanner.offset == text.utf8.count, "\(text)")
                return .success(number)
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private func text(_ value: Double, bare: Bool = false) -> String {
        var bytes: [UInt8] = []
        JSONNumberText.append(value, bare: bare, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// What the form must be, by the standard library alone.
    private func expectedForm(_ text: String) -> NumberForm {
        if let integer = Int64(text), String(integer) == text { return .integer }
        let value = Double(text) ?? .nan
        guard value.isFinite else { return .other }
        let canonical = value.description
        if text == canonical { return canonical.hasSuffix(".0") ? .pointedWhole : .decimal }
        return text + ".0" == canonical ? .bareWhole : .other
    }

    @Test(
        "every number text gives its nearest double and its form",
        arguments: [1, 2, 3, 4] as [UInt64])
    func texts(seed: UInt64) throws {
        var texts = NumberTexts(seed: seed)
        for _ in 0..<50_000 {
            let text = texts.next()
            let number = try scan(text)
            let expected = Double(text) ?? .nan
            let context = "seed \(seed): \(text)"
            #expect(number.form == expectedForm(text), "\(context)")
            if let integer = number.integer {
                #expect(integer == Int64(text), "\(context)")
            } else {
                #expect(number.double.bitPattern == expected.bitPattern, "\(context)")
            }
        }
    }

    @Test(
        "the awkward numbers",
        arguments: [
            "0", "-0", "0.0", "-0.0", "0.00", "5", "5.0", "5.00", "1.50", "1e3", "1E3", "1e400",
            "-1e400",
            "5e-324",
            "2e-324", "1e-400", "9223372036854775807", "9223372036854775808",
            "-9223372036854775808",
            "-9223372036854775809", "9007199254740993", "9007199254740992.0", "9007199254740991.0",
            "1e-05",
            "1e-5",
            "0.0001", "0.00001", "1e+16", "10000000000000000.0", "12345678901234567890123",
            "999999999999999.0",
            "99999999999999.9", "999999999999999.9", "0.1234567890123456789",
            "0.000123456789012345",
            "0.00026360154151916504", "1.7976931348623157e+308", "1.7976931348623159e+308",
            "2.2250738585072014e-308",
            "2.2250738585072011e-308", "1.00000000000000011102230246251565404",
            "123456789.123456789",
            "0.30000000000000004", "8.41", "1234567890.12345678", "1.000000000000000000",
        ])
    func awkward(text: String) throws {
        let number = try scan(text)
        #expect(number.form == expectedForm(text))
        if number.integer == nil { #expect(number.double.bitPattern == Double(text)?.bitPattern) }
    }

    @Test(
        "what is not a number's text is refused",
        arguments: [
            "-", "+1", ".5", "1.", "01", "-01", "00", "00.5", "1.e3", "1e", "1e+", "1.5e-", "NaN",
            "-Infinity", "--1", "",
        ])
    func notNumbers(text: String) {
        #expect(throws: JSONError.self) { try scan(text) }
    }

    @Test("numbers end where the text does, whatever its length")
    func shortTexts() throws {
        for text in [
            "1", "-1", "1.5", "1.25", "12.125", "1.1234567", "1.12345678", "1.123456789", "1e1",
        ] {
            try Array(text.utf8).withUnsafeBytes { buffer in
                var scanner = JSONScanner(buffer)
                let number = try scanner.scanNumber()
                #expect(number.double == Double(text))
                #expect(scanner.isAtEnd)
            }
        }
    }

    @Test(
        "a double prints as its description, bare less the point and zero",
        arguments: [5, 6, 7] as [UInt64])
    func printing(seed: UInt64) {
        var texts = NumberTexts(seed: seed)
        for index in 0..<60_000 {
            let value = index.isMultiple(of: 2) ? texts.randomDouble() : texts.posted()
            let description = value.description
            #expect(text(value) == description, "seed \(seed)")
            let bare = description.hasSuffix(".0") ? String(description.dropLast(2)) : description
            #expect(text(value, bare: true) == bare, "seed \(seed)")
        }
    }

    @Test("a float prints as its description", arguments: [8, 9] as [UInt64])
    func printingFloats(seed: UInt64) {
        var texts = NumberTexts(seed: seed)
        for _ in 0..<50_000 {
            let value = Float(bitPattern: UInt32(truncatingIfNeeded: texts.randomBits()))
            guard value.isFinite else { continue }
            var bytes: [UInt8] = []
            JSONNumberText.append(value, to: &bytes)
            #expect(String(decoding: bytes, as: UTF8.self) == value.description, "seed \(seed)")
        }
    }

    @Test("every power of ten and its neighbours print as their description")
    func printingEdges() {
        for exponent in -324...308 {
            let value = Double("1e\(exponent)") ?? 0
            for near in [value, value.nextUp, value.nextDown, value * 5, -value] where near.isFinite {
                #expect(text(near) == near.description)
            }
        }
    }

    @Test("integers print as they are")
    func integers() {
        var values: [Int64] = [0, -1, .max, .min, .min + 1]
        var power: Int64 = 1
        for _ in 0..<18 {
            power *= 10
            values += [power, power - 1, power + 1, -power]
        }
        for value in values {
            var bytes: [UInt8] = []
            JSONNumberText.append(value, to: &bytes)
            #expect(String(decoding: bytes, as: UTF8.self) == String(value))
        }
    }

    // Stored columns count on this layout. If a later Swift prints otherwise, it is our printer that
    // has to change back, not this test.
    @Test(
        "the canonical layout stays as it is",
        arguments: [
            (1e15, "1000000000000000.0"), (9_007_199_254_740_991, "9007199254740991.0"),
            (9_007_199_254_740_992, "9007199254740992.0"),
            (9_007_199_254_740_994, "9.007199254740994e+15"),
            (1e16, "1e+16"), (0.0001, "0.0001"), (0.00001, "1e-05"), (0.00012345, "0.00012345"),
            (0.000012345, "1.2345e-05"), (.leastNonzeroMagnitude, "5e-324"), (-0.0, "-0.0"),
            (1e100, "1e+100"),
            (123_456_789_012_345_680, "1.2345678901234568e+17"),
            (2_251_799_813_685_249.5, "2251799813685249.5"),
        ] as [(Double, String)])
    func layout(value: Double, expected: String) {
        #expect(text(value) == expected)
    }

    @Test(
        "the canonical layout of floats stays as it is",
        arguments: [
            (16_777_215, "16777215.0"), (16_777_218, "1.6777218e+07"), (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (0.99300325, "0.99300325"), (1e10, "1e+10"), (-0.0, "-0.0"),
        ] as [(Float, String)])
    func layout(value: Float, expected: String) {
        var bytes: [UInt8] = []
        JSONNumberText.append(value, to: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == expected)
    }
}

extension ScannedNumber {
    /// Rounded where it is an integer past 2^53, infinite where it is past every double.
    fileprivate var double: Double {
        form == .integer ? Double(Int64(bitPattern: bits)) : Double(bitPattern: bits)
    }
}
