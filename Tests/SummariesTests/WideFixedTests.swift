// Invariants checked: cutting off, never rounding, in each operation of WideFixed.swift; and ln 2
// against a value from elsewhere (Python's mpmath, 400 bits).

import Summaries
import Testing

@Suite("Wide fixed-point numbers")
struct WideFixedTests {
    private func tops(_ number: WideFixed) -> UInt128 { number.units }

    @Test("a third, three times, is one less the last unit; sums carry and differences borrow")
    func arithmetic() {
        let third = WideFixed(1, over: 3)
        let threeThirds = third.adding(third).adding(third)
        #expect(threeThirds.leadingBits.bits == .max)
        #expect(threeThirds.leadingBits.unitExponent == -128)
        #expect(tops(third.multiplied(by: 3)) == tops(threeThirds))
        #expect(threeThirds.subtracting(third.multiplied(by: 3)).isZero)
        #expect(tops(WideFixed(1, over: 2).adding(WideFixed(1, over: 2))) == 1 << 116)
        #expect(tops(WideFixed(7, over: 8).multiplied(by: 1_000)) == 875 << 116)
        #expect(tops(WideFixed(3, over: 4).subtracting(WideFixed(1, over: 4))) == 1 << 115)
    }

    @Test("products and quotients of fractions are cut off below the last place")
    func productsAndQuotients() {
        let half = WideFixed(1, over: 2)
        #expect(tops(half.multiplied(byFraction: half)) == 1 << 114)
        #expect(tops(half.divided(by: 4)) == 1 << 113)
        // (2/3)² = 4/9, digit by digit, but for what two cuts lose.
        let square = WideFixed(2, over: 3).multiplied(byFraction: WideFixed(2, over: 3))
        let lost = WideFixed(4, over: 9).subtracting(square)
        #expect(tops(lost) == 0)
        #expect(lost.isZero || lost.leadingBits.unitExponent + 128 <= -253)
        let seventh = WideFixed(1, over: 7)
        #expect(WideFixed(1, over: 91).subtracting(seventh.divided(by: 13)).isZero)
    }

    @Test("leading bits begin at the leading one, wherever it is")
    func leadingBits() {
        var number = WideFixed(1, over: 2)
        for exponent in 1...200 {
            #expect(number.leadingBits.bits == 1 << 127)
            #expect(number.leadingBits.unitExponent == -exponent - 127)
            number = number.divided(by: 2)
        }
        let whole = WideFixed(3, over: 4).multiplied(by: 1 << 20)
        #expect(whole.leadingBits.bits == 3 << 126)
        #expect(whole.leadingBits.unitExponent == 19 - 127)
    }

    @Test("ln 2, made here, is ln 2")
    func logarithmOfTwo() {
        // ln 2 · 2^128, cut off.
        let expected: UInt128 =
            0xB172_17F7_D1CF_79AB << 64 | 0xC9E3_B398_03F2_F6AF
        #expect(WideFixed.logarithmOfTwo.leadingBits.bits == expected)
        #expect(WideFixed.logarithmOfTwo.leadingBits.unitExponent == -128)
    }
}

extension WideFixed {
    /// In units of 2^-116, cut off; for numbers below 2^12.
    var units: UInt128 { isZero ? 0 : leadingBits.bits >> -(leadingBits.unitExponent + 116) }
}
