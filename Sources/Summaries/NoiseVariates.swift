// Random numbers of the laws that sampling noise is made of: gamma, for the shares of bins that a
// baseline leaves uncertain, and binomial, for the counts of a window.
//
// They come from one seed and from additions, products, quotients, square roots and this room's own
// logarithm, each of which has one answer; so the numbers are the same on every machine.
//
//     gamma, small shapes    minus the logarithm of a product of uniform numbers
//     gamma, others          G. Marsaglia and W. W. Tsang, A simple method for generating gamma
//                            variables, ACM TOMS 26 (2000)
//     gamma, shape 1/2       half the square of a normal number
//     normal                 the polar method (G. Marsaglia and T. A. Bray, 1964)
//     binomial, small mean   inversion by search from 0; (1 - p)^n by squaring
//     binomial, others       W. Hörmann, The generation of binomial random variates, J. Stat.
//                            Comput. Simul. 46 (1993): transformed rejection (BTRS)
//     bits                   SplitMix64
//
// Invariants:
//  * The same seed and the same calls give the same numbers, bit by bit.
//  * Nothing is allocated, but for a list of levels (OrderPlace.swift).

import Bytes

struct NoiseVariates {
    private var bits: SplitMix64
    /// The polar method makes two numbers at a time; the second waits here.
    private var spare: Double?

    /// Up to this shape a product of so many uniform numbers is quicker, and far from underflow.
    private static let productShapeMax = 8
    /// Below this mean the search from 0 is quicker, and above it BTRS holds.
    private static let searchMeanMax = 10.0

    init(seed: UInt64) { bits = SplitMix64(seed: seed) }

    /// Between 0 and 1, neither of them: the middles of 2^52 equal parts.
    mutating func uniform() -> Double { (Double(bits.next() >> 12) + 0.5) * 0x1p-52 }

    /// A whole number from 0 to `count` - 1.
    mutating func index(below count: Int) -> Int {
        Int(bits.next().multipliedFullWidth(by: UInt64(count)).high)
    }

    mutating func normal() -> Double {
        if let spare {
            self.spare = nil
            return spare
        }
        while true {
            let x = 2 * uniform() - 1
            let y = 2 * uniform() - 1
            let square = x * x + y * y
            guard square < 1, square > 0 else { continue }
            let factor = (-2 * NaturalLogarithm.of(square) / square).squareRoot()
            spare = y * factor
            return x * factor
        }
    }

    /// A gamma variate of a whole shape and scale 1; 0 for shape 0.
    mutating func gamma(shape: Int) -> Double {
        precondition(shape >= 0, "A shape is a count.")
        if shape <= Self.productShapeMax {
            var product = 1.0
            for _ in 0..<shape { product *= uniform() }
            return shape == 0 ? 0 : -NaturalLogarithm.of(product)
        }
        return squeezed(shape: Double(shape))
    }

    /// A gamma variate of scale 1 whose shape is 1/2, or 1 or more.
    mutating func gamma(halfOrMore shape: Double) -> Double {
        if shape == 0.5 {
            let x = normal()
            return x * x / 2
        }
        precondition(shape >= 1, "Between 1/2 and 1 no shape is asked for.")
        return squeezed(shape: shape)
    }

    private mutating func squeezed(shape: Double) -> Double {
        let d = shape - 1.0 / 3
        let c = 1 / (9 * d).squareRoot()
        while true {
            let x = normal()
            let root = 1 + c * x
            guard root > 0 else { continue }
            let v = root * root * root
            let u = uniform()
            let square = x * x
            if u < 1 - 0.0331 * square * square { return d * v }
            if NaturalLogarithm.of(u) < 0.5 * square + d * (1 - v + NaturalLogarithm.of(v)) { return d * v }
        }
    }

    /// How many of `count` trials succeed, each with the chance `chance`, 0 … 1.
    mutating func binomial(_ count: Int, _ chance: Double) -> Int {
        if count == 0 || chance <= 0 { return 0 }
        if chance >= 1 { return count }
        // Both ways want the rarer outcome.
        if chance > 0.5 { return count - rarer(count, 1 - chance) }
        return rarer(count, chance)
    }

    private mutating func rarer(_ count: Int, _ chance: Double) -> Int {
        Double(count) * chance < Self.searchMeanMax
            ? searched(count, chance) : transformed(count, chance)
    }

    private mutating func searched(_ count: Int, _ chance: Double) -> Int {
        let none = Self.power(1 - chance, count)
        let odds = chance / (1 - chance)
        while true {
            var rest = uniform()
            var probability = none
            for successes in 0...count {
                if rest <= probability { return successes }
                rest -= probability
                probability *= odds * Double(count - successes) / Double(successes + 1)
                // The rest of a great count is as impossible: it is not gone through.
                guard probability > 0 else { break }
            }
            // Rounding left a rest beyond the last outcome: another number.
        }
    }

    /// BTRS, in the letters of the paper.
    private mutating func transformed(_ count: Int, _ p: Double) -> Int {
        let n = Double(count)
        let deviation = (n * p * (1 - p)).squareRoot()
        let b = 1.15 + 2.53 * deviation
        let a = -0.0873 + 0.0248 * b + 0.01 * p
        let c = n * p + 0.5
        let quick = 0.92 - 4.2 / b
        while true {
            let u = uniform() - 0.5
            let v = uniform()
            let us = 0.5 - u.magnitude
            let k = ((2 * a / us + b) * u + c).rounded(.down)
            if us >= 0.07 && v <= quick { return Int(k) }
            guard k >= 0, k <= n else { continue }
            let r = p / (1 - p)
            let alpha = (2.83 + 5.1 / b) * deviation
            let m = ((n + 1) * p).rounded(.down)
            let bound =
                (m + 0.5) * NaturalLogarithm.of((m + 1) / (r * (n - m + 1)))
                + (n + 1) * NaturalLogarithm.of((n - m + 1) / (n - k + 1))
                + (k + 0.5) * NaturalLogarithm.of(r * (n - k + 1) / (k + 1))
                + Self.stirlingRest(m) + Self.stirlingRest(n - m)
                - Self.stirlingRest(k) - Self.stirlingRest(n - k)
            if NaturalLogarithm.of(v * alpha / (a / (us * us) + b)) <= bound { return Int(k) }
        }
    }

    /// What Stirling's formula leaves of ln k!: with x = k + 1, 1/(12x) - 1/(360x³) + 1/(1260x⁵).
    private static func stirlingRest(_ k: Double) -> Double {
        // The first ones, for which the series is too short.
        switch k {
        case 0: return 0.081_061_466_795_327_26
        case 1: return 0.041_340_695_955_409_29
        case 2: return 0.027_677_925_684_998_34
        case 3: return 0.020_790_672_103_765_09
        case 4: return 0.016_644_691_189_821_19
        case 5: return 0.013_876_128_823_070_75
        case 6: return 0.011_896_709_945_891_77
        case 7: return 0.010_411_265_261_972_09
        case 8: return 0.009_255_462_182_712_733
        case 9: return 0.008_330_563_433_362_871
        default: break
        }
        let x = k + 1
        let square = x * x
        return (1.0 / 12 - (1.0 / 360 - 1.0 / 1260 / square) / square) / x
    }

    /// base to the power of a whole number, by squaring.
    private static func power(_ base: Double, _ exponent: Int) -> Double {
        var (result, square, rest) = (1.0, base, exponent)
        while rest > 0 {
            if rest & 1 == 1 { result *= square }
            square *= square
            rest >>= 1
        }
        return result
    }
}
