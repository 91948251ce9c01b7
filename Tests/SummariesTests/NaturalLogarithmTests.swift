// Invariants checked: the first at the head of NaturalLogarithm.swift, on each road, and that of
// NaturalLogarithm+Doubles.swift and LogarithmConstants.swift. The second is seen by reading: the files import
// nothing.

import Simulation
import Testing

@testable import Summaries

@Suite("Natural logarithm")
struct NaturalLogarithmTests {
    @Test("every reference argument has the nearest double for its logarithm")
    func references() {
        let pairs = NaturalLogarithmReferences.pairs()
        #expect(pairs.count == 320)
        for (argument, logarithm) in pairs {
            let found = NaturalLogarithm.of(argument)
            #expect(found.bitPattern == logarithm.bitPattern, "ln \(argument) came as \(found)")
        }
    }

    @Test("the slow road has the same answers by itself")
    func slowRoad() {
        for (argument, logarithm) in NaturalLogarithmReferences.pairs() {
            let found = NaturalLogarithm.exact(argument)
            #expect(found.bitPattern == logarithm.bitPattern, "ln \(argument) came as \(found)")
        }
    }

    @Test("both roads agree on arguments of every kind, and the quick one nearly always decides")
    func roadsAgree() {
        let seed: UInt64 = 0x1D_EA5
        var generator = SeededGenerator(seed: seed)
        var undecidedCount = 0
        for round in 0..<20_000 {
            let argument: Double =
                switch round % 5 {
                case 0: generator.anyNumber().magnitude
                case 1: Double.random(in: 0.5...2, using: &generator)
                case 2: 1 + generator.normal() * Double(sign: .plus, exponent: -round % 52, significand: 0.1)
                case 3: Double(bitPattern: generator.next() >> UInt64(12 + round % 50))
                default:
                    Double(Int.random(in: 1...1_000, using: &generator))
                        / Double(Int.random(in: 1...1_000, using: &generator))
                }
            guard argument.isFinite, argument > 0 else { continue }
            guard let quick = NaturalLogarithm.quick(argument) else {
                // Close to 1, ln x is nearly z - z²/2, which is often exactly half-way or a double.
                if (argument - 1).magnitude > 0x1p-11 { undecidedCount += 1 }
                continue
            }
            guard quick.bitPattern == NaturalLogarithm.exact(argument).bitPattern else {
                Issue.record("seed \(seed), round \(round): the roads part at \(argument)")
                return
            }
        }
        #expect(undecidedCount == 0, "seed \(seed)")
    }

    @Test("the road in doubles has no other answer, and decides nearly always away from one")
    func doubles() {
        let seed: UInt64 = 0xD0_0B1E
        var generator = SeededGenerator(seed: seed)
        var undecidedCount = 0
        for round in 0..<200_000 {
            let argument: Double =
                switch round % 4 {
                case 0: Double(bitPattern: UInt64.random(in: 1..<(0x7FF << 52), using: &generator))
                case 1: Double.random(in: 0.5...2, using: &generator)
                case 2: Double(Int.random(in: 1...1_000, using: &generator)) / 1_000
                // Where one fraction of the table ends and the next begins.
                default:
                    Double(bitPattern: UInt64(round % 512 + 0x3FD * 128) << 45 + generator.next() % 8 - 4)
                }
            guard let found = NaturalLogarithm.inDoubles(argument) else {
                if (argument - 1).magnitude > 0x1p-6 { undecidedCount += 1 }
                continue
            }
            let expected = NaturalLogarithm.quick(argument) ?? NaturalLogarithm.exact(argument)
            guard found.bitPattern == expected.bitPattern else {
                Issue.record("seed \(seed), round \(round): ln \(argument) came as \(found)")
                return
            }
        }
        #expect(undecidedCount < 400, "seed \(seed)")
        for argument in [0, -1, .infinity, .nan, 1, 0x1p-1040, -Double.infinity] {
            #expect(NaturalLogarithm.inDoubles(argument) == nil)
        }
    }

    @Test("the constants are those that the slow road makes")
    func constants() {
        #expect(LogarithmConstants.logarithmOfTwo == Int128(WideFixed.logarithmOfTwo.units))
        for index in 0..<128 {
            // r = R/256 = mantissa · 2^(exponent - 52), exactly.
            let multiplier = LogarithmTable.multiplier(at: index)
            let shift = multiplier.leadingZeroBitCount - 11
            let (magnitude, isNegative) = WideFixed.logarithm(
                mantissa: multiplier << UInt64(shift), exponent: 52 - 8 - shift)
            let units = Int128(magnitude.units)
            #expect(LogarithmConstants.ofReductions[index] == (isNegative ? units : -units), "\(index)")
        }
    }

    @Test("the logarithm of one is zero, and it rises through every neighbour of one")
    func aroundOne() {
        #expect(NaturalLogarithm.of(1).bitPattern == 0)
        var argument = 1.0
        for _ in 0..<200 { argument = argument.nextDown }
        var previous = -Double.infinity
        for _ in 0..<400 {
            let logarithm = NaturalLogarithm.of(argument)
            #expect(logarithm > previous)
            previous = logarithm
            argument = argument.nextUp
        }
    }

    @Test("a recorded outlier: all of a window in a bin that was empty")
    func recordedOutlier() {
        #expect((1 - 0.005) * NaturalLogarithm.of(1 / 0.005) == 5.2718257797152965)
    }
}
