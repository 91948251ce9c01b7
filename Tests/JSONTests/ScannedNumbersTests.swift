// Invariants checked: those at the head of ScannedNumbers.swift and of CNumbers.c.

import Simulation
import Testing

@testable import JSON

@Suite struct ScannedNumbersTests {
    @Test("lists of numbers and nulls are kept whole, and stop at anything else")
    func numberLists() throws {
        func scan(_ text: String) throws -> (isWhole: Bool, rest: Int, numbers: ScannedNumbers) {
            try Array(text.utf8).withUnsafeBytes { buffer in
                var scanner = JSONScanner(buffer)
                _ = scanner.hasFirst(before: UInt8(ascii: "]"))
                var numbers = ScannedNumbers()
                let isWhole = try scanner.scanNumbers(into: &numbers)
                return (isWhole, scanner.offset, numbers)
            }
        }
        let list = try scan("[1.5, 2 ,null,1e3]x")
        #expect(list.isWhole && list.rest == 18)
        #expect(list.numbers.elements.map { $0.form } == [.decimal, .integer, nil, .other])
        #expect(list.numbers.texts.map { $0.position } == [3])
        #expect(list.numbers.hasNulls && !list.numbers.areDecimals)
        #expect(try scan("[1.5,-0.25]").numbers.areDecimals)
        let mixed = try scan("[1.5,true]")
        #expect(!mixed.isWhole && mixed.rest == 5)
        #expect(throws: JSONError.self) { try scan("[1.5,2") }
        #expect(throws: JSONError.self) { try scan("[1.5 2]") }
    }

    @Test("numbers scanned together are those scanned one by one", arguments: 1...40 as ClosedRange<UInt64>)
    func numbersTogether(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var texts = NumberTexts(seed: seed)
        // Runs of what vectors read, between numbers of every kind.
        let numbers = (0..<Int.random(in: 1...200, using: &random)).map { _ in
            switch UInt64.random(in: 0...seed, using: &random) {
            case 0: texts.next()
            case 1: "null"
            default: Self.decimal(using: &random)
            }
        }
        let separator = [",", ", ", " ,", ",  ", ",\n"][Int(seed % 5)]
        let list = "[" + numbers.joined(separator: separator) + "]"
        // However near the text's end is, and whatever follows.
        for after in ["", "]", String(repeating: " ", count: 50), "7" + String(repeating: ".5", count: 30)] {
            try Array((list + after).utf8).withUnsafeBytes { buffer in
                var scanner = JSONScanner(buffer)
                _ = scanner.hasFirst(before: UInt8(ascii: "]"))
                var together = ScannedNumbers()
                #expect(try scanner.scanNumbers(into: &together))
                #expect(scanner.offset == list.utf8.count, "seed \(seed)")
                var alone = ScannedNumbers()
                for number in numbers {
                    if number == "null" { alone.appendNull() } else { alone.append(try Self.scanned(number)) }
                }
                #expect(together.elements.map { $0.bits } == alone.elements.map { $0.bits }, "seed \(seed)")
                #expect(together.elements.map { $0.form } == alone.elements.map { $0.form }, "seed \(seed)")
                #expect(together.texts.map { $0.position } == alone.texts.map { $0.position })
                #expect(together.areDecimals == alone.areDecimals && together.hasNulls == alone.hasNulls)
            }
        }
    }

    @Test(
        "what stands among decimals and is no number is refused where it stands",
        arguments: [
            "[01.5,2.5]", "[1.5,-.5]", "[1.5,2.]", "[1.5,2.5.5]", "[1.5,--2.5]", "[1.5,2.5e]",
            "[1.5 2.5]", "[1.5;2.5]", "[1.5,2.5}",
        ])
    func malformedAmongDecimals(list: String) {
        for after in ["", String(repeating: ",1.25", count: 20) + "]"] {
            Array((list + after).utf8).withUnsafeBytes { buffer in
                var scanner = JSONScanner(buffer)
                _ = scanner.hasFirst(before: UInt8(ascii: "]"))
                var numbers = ScannedNumbers()
                #expect(throws: JSONError.self) { try scanner.scanNumbers(into: &numbers) }
            }
        }
    }

    private static func scanned(_ text: String) throws -> ScannedNumber {
        try Array(text.utf8).withUnsafeBytes { buffer in
            var scanner = JSONScanner(buffer)
            return try scanner.scanNumber()
        }
    }

    private static func decimal(using random: inout SeededGenerator) -> String {
        let sign = Bool.random(using: &random) ? "-" : ""
        let whole = Bool.random(using: &random) ? 0 : Int.random(in: 1...99_999, using: &random)
        let fraction = (0..<Int.random(in: 0...9, using: &random)).map { _ in
            String(Int.random(in: 0...9, using: &random))
        }
        return "\(sign)\(whole).\(fraction.joined())\(Int.random(in: 1...9, using: &random))"
    }
}
