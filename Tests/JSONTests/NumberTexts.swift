// Number texts from a seed: of the kinds that decide which path a number takes.

import Simulation

struct NumberTexts {
    private var generator: SeededGenerator

    init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    mutating func next() -> String {
        switch Int.random(in: 0..<8, using: &generator) {
        case 0: return decimal(wholeDigits: 1...3, fractionDigits: 1...12)
        case 1: return decimal(wholeDigits: 1...20, fractionDigits: 1...20)
        case 2: return sign() + digits(1...21)
        case 3: return decimal(wholeDigits: 1...2, fractionDigits: 1...5) + exponent(0...30)
        case 4: return sign() + digits(1...3) + exponent(0...340)
        case 5: return randomDouble().description
        case 6:
            return sign() + "0."
                + String(repeating: "0", count: .random(in: 0...24, using: &generator))
                + digits(1...17)
        default: return "\(Double(Int.random(in: -99_999...99_999, using: &generator)) / 100)"
        }
    }

    /// Any finite double, by its bits.
    mutating func randomDouble() -> Double {
        while true {
            let value = Double(bitPattern: generator.next())
            if value.isFinite { return value }
        }
    }

    mutating func randomBits() -> UInt64 { generator.next() }

    /// A decimal of a few places, as people write them.
    mutating func posted() -> Double {
        let places = Int.random(in: 0...16, using: &generator)
        var power = 1.0
        for _ in 0..<places { power *= 10 }
        return Double(
            Int64.random(in: -1_000_000_000_000_000...1_000_000_000_000_000, using: &generator))
            / power
    }

    private mutating func decimal(wholeDigits: ClosedRange<Int>, fractionDigits: ClosedRange<Int>)
        -> String
    {
        var fraction = ""
        for _ in 0..<Int.random(in: fractionDigits, using: &generator) {
            fraction += String(Int.random(in: 0...9, using: &generator))
        }
        if Int.random(in: 0..<5, using: &generator) == 0 { fraction += "00" }
        return sign() + digits(wholeDigits) + "." + fraction
    }

    private mutating func digits(_ count: ClosedRange<Int>) -> String {
        let count = Int.random(in: count, using: &generator)
        var text = String(Int.random(in: (count == 1 ? 0 : 1)...9, using: &generator))
        while text.utf8.count < count { text += String(Int.random(in: 0...9, using: &generator)) }
        return text
    }

    private mutating func sign() -> String { Bool.random(using: &generator) ? "-" : "" }

    private mutating func exponent(_ range: ClosedRange<Int>) -> String {
        let sign = ["", "+", "-"][Int.random(in: 0...2, using: &generator)]
        return (Bool.random(using: &generator) ? "e" : "E") + sign
            + String(Int.random(in: range, using: &generator))
    }
}
