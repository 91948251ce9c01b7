// Invariants checked: the two at the head of Moments.swift, in that order.

import CSums
import Simulation
import Summaries
import Testing

@Suite("Moments")
struct MomentsTests {
    @Test("every small sample has the moments of a plain computation, bit by bit")
    func smallSamples() {
        for values in everySample(over: [-1.5, 0, 0.1, 1e16], upTo: 5) where !values.isEmpty {
            let moments = Moments(of: SortedSample(values))
            let slow = SlowSummary.moments(values)
            guard
                moments.mean == slow.mean, moments.median == slow.median,
                moments.standardDeviation == slow.deviation,
                moments.min == values.min(), moments.max == values.max()
            else {
                Issue.record("\(values): \(moments) and not \(slow)")
                return
            }
        }
    }

    @Test("the mean is of the sorted sum, which no other order gives")
    func sortedSum() {
        // From the left 1e16 + 1 + … loses every one; ascending, the ones add up first.
        let values = [1e16] + Array(repeating: 1.0, count: 10)
        #expect(Moments(of: SortedSample(values)).mean == (1e16 + 10) / 11)
        #expect(values.reduce(0, +) == 1e16)
    }

    @Test("long samples have the moments of additions one by one", arguments: SampleShape.allCases)
    func longSamples(shape: SampleShape) {
        for seed in UInt64(1)...40 {
            var generator = SeededGenerator(seed: seed)
            // Around a stretch of 64, and far beyond it.
            let length =
                Int.random(in: 50...200, using: &generator) * Int.random(in: 1...12, using: &generator)
            let values = shape.values(length, seed: seed)
            let (found, slow) = (Moments(of: SortedSample(values)), SlowSummary.moments(values))
            #expect(
                found.mean == (slow.mean.isFinite ? slow.mean : nil)
                    && found.standardDeviation == (slow.deviation.isFinite ? slow.deviation : nil),
                "seed \(seed), \(length) values: \(found) and not \(slow)")
        }
    }

    /// Of one bit pattern, or both no number: which of them an addition gives is the processor's.
    private static func isSame(_ a: Double, _ b: Double) -> Bool {
        a.bitPattern == b.bitPattern || (a.isNaN && b.isNaN)
    }

    @Test(
        "sums of ascending numbers are those of additions one by one, bit by bit",
        arguments: SampleShape.allCases)
    func sumsBitByBit(shape: SampleShape) {
        for seed in UInt64(1)...40 {
            var generator = SeededGenerator(seed: seed)
            let length =
                Int.random(in: 0...200, using: &generator) * Int.random(in: 1...12, using: &generator)
            let values = shape.values(length, seed: seed).filter { !$0.isNaN }.sorted()
            let sum = values.reduce(0, +)
            #expect(
                Self.isSame(assaylog_sum_of_ascending(values, values.count), sum),
                "seed \(seed), \(length) values")
            for mean in [0, sum / Double(max(1, length)), -0x1p-1074] where mean.isFinite {
                let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
                #expect(
                    Self.isSame(assaylog_squares_of_ascending(values, values.count, mean), squares),
                    "seed \(seed), \(length) values about \(mean)")
            }
        }
    }

    @Test("a sum leaves a power of two by less than a unit, on the side where numbers lie closer together")
    func besideAPowerOfTwo() {
        for share in [0.2, 0.3, 0.5, 0.7] {
            // The first 64 add up to -1; each of the others is part of a unit above 1, and twice that below.
            let values = Array(repeating: -0x1p-6, count: 64) + Array(repeating: share * 0x1p-52, count: 640)
            #expect(Moments(of: SortedSample(values)).mean == SlowSummary.moments(values).mean, "\(share)")
        }
    }

    @Test("a sum that passes a power of two and comes back within a stretch is rounded there as it passes")
    func pastAPowerOfTwoAndBack() {
        // -2 and a little; beyond -2 the numbers below would lose their last bit; then back.
        let values =
            Array(repeating: -0x1p-5 + 0x1p-12, count: 64) + Array(repeating: -0x1p-8 - 0x1p-52, count: 32)
            + Array(repeating: 0x1p-8 + 0x3p-52, count: 32)
        #expect(Moments(of: SortedSample(values)).mean == SlowSummary.moments(values).mean)
    }

    @Test("samples worked out side by side have the moments that each has alone", arguments: UInt64(1)...60)
    func sideBySide(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let samples = (0..<Int.random(in: 0...9, using: &generator)).map { number in
            let shape = SampleShape.allCases.randomElement(using: &generator) ?? .normal
            let length = Int.random(in: 0...40, using: &generator) * Int.random(in: 0...4, using: &generator)
            return SortedSample(shape.values(length, seed: seed &+ UInt64(number)))
        }
        let count = samples.isEmpty ? 0 : Int.random(in: 0...samples.count, using: &generator)
        let found = Moments.ofEach(samples, count: count)
        #expect(found == samples[..<count].map { Moments(of: $0) }, "seed \(seed)")
    }

    @Test("recorded statistics of eight values, the population's deviation among them")
    func eightValues() {
        let moments = Moments(of: SortedSample([-3.5, -2.25, -1, 0, 0, 1.5, 2, 7.25]))
        #expect(moments.mean == 0.5)
        #expect(moments.median == 0)
        #expect(moments.standardDeviation == 3.0644126680328156)
        #expect(moments.min == -3.5)
        #expect(moments.max == 7.25)
    }

    @Test("what is no finite number is nil: of nothing, of infinities, of sums too large")
    func notFinite() {
        #expect(Moments(of: SortedSample([.nan])) == Moments(of: SortedSample([])))
        #expect(Moments(of: SortedSample([])).min == nil)
        let infinite = Moments(of: SortedSample([1, 2, .infinity]))
        #expect(infinite.min == 1)
        #expect(infinite.max == nil)
        #expect(infinite.mean == nil)
        #expect(infinite.median == 2)
        #expect(infinite.standardDeviation == nil)
        let large = Moments(of: SortedSample([1.7e308, 1.7e308]))
        #expect(large.max == 1.7e308)
        #expect(large.mean == nil)
        #expect(large.median == nil)
    }
}
