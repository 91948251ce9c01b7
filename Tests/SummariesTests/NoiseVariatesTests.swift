// Invariants checked: those at the head of NoiseVariates.swift, and that the laws are what they are
// called: by their moments, and by their distribution against one made another way.

import Testing

@testable import Summaries

@Suite struct NoiseVariatesTests {
    @Test func the_same_seed_gives_the_same_numbers() {
        var first = NoiseVariates(seed: 7)
        var second = NoiseVariates(seed: 7)
        for round in 0..<500 {
            #expect(first.normal().bitPattern == second.normal().bitPattern)
            #expect(first.gamma(shape: round).bitPattern == second.gamma(shape: round).bitPattern)
            #expect(first.binomial(round, 0.3) == second.binomial(round, 0.3))
        }
    }

    /// Written down once: a change of one bit on any machine shows here.
    @Test func the_numbers_are_these_on_every_machine() {
        var variates = NoiseVariates(seed: 1)
        let numbers = [
            variates.uniform(), variates.normal(), variates.gamma(shape: 3), variates.gamma(shape: 4_000),
            Double(variates.binomial(50, 0.02)), Double(variates.binomial(5_000, 0.4)),
        ]
        #expect(numbers.map(\.bitPattern) == NoiseReferences.numbers, "\(numbers.map(\.bitPattern))")
    }

    @Test(arguments: [1, 2, 8, 9, 50, 1_000])
    func a_gamma_variate_has_the_mean_and_variance_of_its_shape(shape: Int) {
        var variates = NoiseVariates(seed: 11)
        let numbers = (0..<20_000).map { _ in variates.gamma(shape: shape) }
        let (mean, variance) = Self.moments(numbers)
        let expected = Double(shape)
        #expect((mean - expected).magnitude < 5 * (expected / 20_000).squareRoot())
        #expect((variance / expected - 1).magnitude < 0.12)
        #expect(variates.gamma(shape: 0) == 0)
    }

    /// Both ways of making them, on both sides of the middle, against the sum of the law's own terms.
    @Test(arguments: [(7, 0.2), (400, 0.011), (60, 0.4), (900, 0.5), (900, 0.93), (20_000, 0.03)])
    func a_binomial_variate_has_its_law(count: Int, chance: Double) {
        var variates = NoiseVariates(seed: 13)
        let drawn = 20_000
        var tally = [Int](repeating: 0, count: count + 1)
        for _ in 0..<drawn { tally[variates.binomial(count, chance)] += 1 }
        // The distribution function by the recurrence of its terms, from the most likely one outwards.
        var terms = [Double](repeating: 0, count: count + 1)
        let mode = min(count, Int(Double(count + 1) * chance))
        terms[mode] = 1
        for k in mode..<count {
            terms[k + 1] = terms[k] * Double(count - k) / Double(k + 1) * chance / (1 - chance)
        }
        for k in (0..<mode).reversed() {
            terms[k] = terms[k + 1] * Double(k + 1) / Double(count - k) * (1 - chance) / chance
        }
        let total = terms.reduce(0, +)
        var (law, found, distance) = (0.0, 0.0, 0.0)
        for k in 0...count {
            law += terms[k] / total
            found += Double(tally[k]) / Double(drawn)
            distance = max(distance, (law - found).magnitude)
        }
        // Kolmogorov's bound at one in ten thousand; discrete laws stay below it.
        #expect(distance < 2.23 / Double(drawn).squareRoot(), "\(distance)")
    }

    @Test func the_ends_of_a_binomial_law_are_certain() {
        var variates = NoiseVariates(seed: 17)
        #expect(variates.binomial(1_000, 0) == 0)
        #expect(variates.binomial(1_000, 1) == 1_000)
        #expect(variates.binomial(0, 0.5) == 0)
    }

    private static func moments(_ numbers: [Double]) -> (mean: Double, variance: Double) {
        let mean = numbers.reduce(0, +) / Double(numbers.count)
        let squares = numbers.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        return (mean, squares / Double(numbers.count))
    }
}
