// Invariants checked: the two at the head of CColumns.c, for the joining of single-precision numbers; the
// reading of codes is checked by PrefixCodingTests.

import CColumns
import Simulation
import Testing

@Suite("Joined singles")
struct JoinedSinglesTests {
    @Test("vectors join the same numbers as plain C does, and touch nothing behind them", arguments: 0...70)
    func sameNumbers(count: Int) {
        var generator = SeededGenerator(seed: UInt64(count) + 1)
        let uppers = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
        let rest = (0..<3 * count).map { _ in UInt8.random(in: 0...255, using: &generator) }
        let untouched = Float(bitPattern: 0x7F12_3456)
        var found = [Float](repeating: untouched, count: count + 20)
        var expected = found
        assaylog_join_singles(uppers, rest, count, &found)
        assaylog_join_singles_portable(uppers, rest, count, &expected)
        #expect(found.map(\.bitPattern) == expected.map(\.bitPattern))
        #expect(found[count...].allSatisfy { $0.bitPattern == untouched.bitPattern })
        for (position, number) in found[..<count].enumerated() {
            let low = (0..<3).reduce(UInt32(0)) { $0 | UInt32(rest[3 * position + $1]) << UInt32(8 * $1) }
            let bits = UInt32(uppers[position]) << 24 | low
            #expect(number.bitPattern == bits >> 1 | bits << 31)
        }
    }
}
