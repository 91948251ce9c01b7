// Invariants checked: the two at the head of IntegerCoding.swift, in that order.

import Simulation
import TestSupport
import Testing

@testable import Segments

@Suite struct IntegerCodingTests {
    @Test("every short list of extremes comes back")
    func shortLists() throws {
        let alphabet: [Int64] = [.min, .min + 1, -1, 0, 1, 255, .max - 1, .max]
        for values in allLists(of: alphabet, upTo: 4) {
            #expect(try Coded.roundTrip(values) == values)
        }
    }

    @Test("lists of every length up to three blocks and of every spread come back")
    func longLists() throws {
        for seed in 0..<120 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            let count = Int.random(in: 1...3000, using: &generator)
            let values = seed % 2 == 0 ? generator.wholes(count: count) : generator.times(count: count)
            #expect(try Coded.roundTrip(values) == values, "seed \(seed)")
        }
    }

    @Test("values of every width come back, as they are and as differences")
    func everyWidth() throws {
        for width in 0..<64 {
            let top = Int64(bitPattern: 1 << UInt64(width))
            for count in [2, 3, 9, 64, 65] {
                let spread = (0..<count).map { $0 % 2 == 0 ? 0 : top }
                #expect(try Coded.roundTrip(spread) == spread, "width \(width)")
                let steps = (0..<count).map { Int64($0) &* top &+ Int64($0 % 2) }
                #expect(try Coded.roundTrip(steps) == steps, "width \(width)")
            }
        }
    }

    @Test("the smallest of the three codecs is chosen")
    func choice() {
        func size(_ values: [Int64]) -> Int { bytes { IntegerCoding.encode(values, into: &$0) }.count }
        #expect(size([Int64](repeating: .max, count: 1000)) == 11)
        // A sequence costs its first value and its step.
        #expect(size((0..<1000).map { 1_700_000_000_000 + $0 * 250 }) < 16)
        // Eight values take three bits each.
        #expect(size((0..<1000).map { ($0 * 5) % 8 }) == 1 + 1 + 1 + 375 + 8)
    }
}
