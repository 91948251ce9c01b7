// Invariants checked: the one at the head of SplitMix64.swift, against the published sequence.

import Bytes
import Testing

@Suite struct SplitMix64Tests {
    @Test("the numbers are those of SplitMix64")
    func sequence() {
        // The first outputs for seed 1234567, as the reference implementation prints them.
        var generator = SplitMix64(seed: 1_234_567)
        let numbers = (0..<5).map { _ in generator.next() }
        #expect(
            numbers == [
                6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
                4_593_380_528_125_082_431, 16_408_922_859_458_223_821,
            ])
    }

    @Test("the same seed gives the same numbers, another seed others")
    func repeatable() {
        var first = SplitMix64(seed: 5)
        var second = first
        var other = SplitMix64(seed: 6)
        let numbers = (0..<100).map { _ in first.next() }
        #expect(numbers == (0..<100).map { _ in second.next() })
        #expect(numbers != (0..<100).map { _ in other.next() })
    }
}
