// Random numbers that can be repeated: a test that fails says its seed, and the seed is the case.
//
// SeededGenerator, after G. L. Steele, D. Lea and C. H. Flood, 2014: small, and good enough to shuffle.

import Simulation
import Testing

extension SeededGenerator {
    /// About normal, mean 0, deviation 1.
    mutating func normal() -> Double {
        var sum = -6.0
        for _ in 0..<12 { sum += Double.random(in: 0..<1, using: &self) }
        return sum
    }

    /// Any bits that are not a NaN: all exponents equally often.
    mutating func anyNumber() -> Double {
        while true {
            let value = Double(bitPattern: next())
            if !value.isNaN { return value }
        }
    }
}

/// The shapes that samples have in the tests: by name, so that a failure says which.
enum SampleShape: String, CaseIterable, CustomTestStringConvertible {
    case normal, single, ties, zeros, probability, crowded, anyBits, missing, infinite, subnormal
    /// Every single, zeros, infinities and NaN too; and singles with now and then a number that is none.
    case anySingle, nearlySingle
    /// A few whole numbers below zero, and fractions of the unit of their sum: mostly halves of one.
    case halves

    var testDescription: String { rawValue }

    func values(_ count: Int, seed: UInt64) -> [Double] {
        var generator = SeededGenerator(seed: seed)
        return (0..<count).map { _ in
            let draw = generator.normal()
            let chance = Int.random(in: 0..<100, using: &generator)
            switch self {
            case .normal: return draw
            case .single: return Double(Float(draw))
            case .ties: return (draw * 3).rounded()
            case .zeros: return chance < 40 ? (chance < 20 ? -0.0 : 0.0) : draw
            case .probability: return chance < 50 ? 1 - draw.magnitude * 1e-9 : draw.magnitude / 8
            case .crowded: return chance < 2 ? draw * 1e300 : 1 + draw * 1e-12
            case .anyBits: return generator.anyNumber()
            case .missing: return chance < 30 ? (chance < 15 ? .nan : -.nan) : draw
            case .infinite: return chance < 6 ? (chance < 3 ? .infinity : -.infinity) : draw
            case .subnormal: return draw * 0x1p-1030
            case .anySingle:
                return chance < 10
                    ? -0.0 : Double(Float(bitPattern: UInt32.random(in: 0 ... .max, using: &generator)))
            case .nearlySingle: return chance < 1 ? draw : Double(Float(draw))
            case .halves: return chance < 10 ? -1 : Double(chance / 2) * 0x1p-49
            }
        }
    }
}
