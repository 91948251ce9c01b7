// Invariant checked: the one at the head of ExactText.swift, of texts that Swift takes for equal.

import Bytes
import Testing

@Suite("Exact texts")
struct ExactTextTests {
    /// "é" in one scalar and in two, as Swift takes them for one; and marks below and above in both orders.
    static let pairs = [
        ("\u{E9}", "e\u{301}"), ("a\u{323}\u{307}", "a\u{307}\u{323}"), ("\u{212B}", "\u{C5}"),
    ]

    @Test("texts of other bytes are two, as keys, as properties and by themselves", arguments: pairs)
    func apart(one: String, other: String) {
        #expect(one == other, "else this test says nothing")
        #expect(!one.isExactly(other) && one.isExactly(String(decoding: Array(one.utf8), as: UTF8.self)))
        #expect(ExactText(one) != ExactText(other))
        let numbers = [ExactText(one): 1, ExactText(other): 2]
        #expect(numbers[ExactText(one)] == 1 && numbers[ExactText(other)] == 2)
        #expect(Holder(name: one, model: nil) != Holder(name: other, model: nil))
        #expect(Set([one, other, one].map { Holder(name: "x", model: $0) }).count == 2)
        #expect(Holder(name: "x", model: nil) != Holder(name: "x", model: ""))
    }

    private struct Holder: Hashable {
        @ExactText var name: String
        @ExactText.OrNone var model: String?
    }

    @Test("texts that may be missing", arguments: pairs)
    func missing(one: String, other: String) {
        let none: String? = nil
        #expect(none.isExactly(nil) && !none.isExactly("") && !Optional(one).isExactly(nil))
        #expect(Optional(one).isExactly(one) && !Optional(one).isExactly(other))
    }

    @Test("lengths from empty to far past what a string keeps in itself", arguments: [0, 1, 15, 16, 1000])
    func lengths(count: Int) {
        let text = String(repeating: "x", count: count)
        #expect(text.isExactly(String(repeating: "x", count: count)) && !text.isExactly(text + "x"))
        #expect(count == 0 || !text.isExactly(String(text.dropLast()) + "y"))
    }

    @Test("a prefix is one of bytes, also where an accent follows it")
    func prefixes() {
        #expect(!"in.\u{301}x".hasPrefix("in.") && "in.\u{301}x".hasExactPrefix("in."))
        #expect("\u{E9}.x".hasPrefix("e\u{301}.") && !"\u{E9}.x".hasExactPrefix("e\u{301}."))
        #expect("in".hasExactPrefix("") && !"in".hasExactPrefix("in."))
    }
}
