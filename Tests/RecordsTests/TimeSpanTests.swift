// Invariants checked: the two at the head of TimeSpan+Text.swift, in that order.

import Records
import Simulation
import Testing

struct TimeSpanTests {
    @Test(
        "a span is read in every unit, in any case, with or without spaces",
        arguments: [
            ("1 minutes", Int64(60_000_000)), ("1 minute", 60_000_000), ("1minute", 60_000_000),
            ("24 hours", 86_400_000_000), (" 24  HOURS ", 86_400_000_000), ("1048 ms", 1_048_000),
            ("1048 milliseconds", 1_048_000), ("2 days", 172_800_000_000),
            ("1 Week", 604_800_000_000),
            ("30 seconds", 30_000_000), ("30s", 30_000_000), ("5m", 300_000_000),
            ("007 hours", 25_200_000_000), ("1 microsecond", 1), ("12 us", 12),
        ])
    func units(text: String, microseconds: Int64) throws {
        #expect(try TimeSpan(parsing: text).microseconds == microseconds)
    }

    @Test(
        "what is no length of time is refused, and the units are named",
        arguments: [
            "banana", "", " ", "minutes", "5", "-1 hours", "1.5 hours", "1e3 ms", "1 month",
            "1 year", "one hour", "1 hour 30 minutes", "24:00:00", "٣ hours", "+1 hour",
        ])
    func refusals(text: String) {
        let error = #expect(throws: TextError.self) { try TimeSpan(parsing: text) }
        for unit in ["ms", "seconds", "minutes", "hours", "days", "weeks"] {
            #expect(error?.problem.contains(unit) == true)
        }
    }

    @Test(
        "zero and what cannot be counted are refused",
        arguments: [
            "0 minutes", "00 ms", "9223372036854775807 hours", "99999999999999999999 ms",
            "15250285 weeks 1", "9223372036854775808 us",
        ])
    func outOfBounds(text: String) {
        #expect(throws: TextError.self) { try TimeSpan(parsing: text) }
    }

    @Test("the longest span is accepted, the next refused")
    func longest() throws {
        #expect(try TimeSpan(parsing: "9223372036854775807 us").microseconds == .max)
        #expect(
            try TimeSpan(parsing: "15250284 weeks").microseconds == 15_250_284 * 604_800_000_000)
        #expect(throws: TextError.self) { try TimeSpan(parsing: "15250285 weeks") }
    }

    @Test("a span prints in the longest unit that needs no fraction, and reads back")
    func printing() throws {
        let cases: [(Int64, String)] = [
            (60_000_000, "1 minute"), (86_400_000_000, "1 day"), (1_048_000, "1048 ms"),
            (90 * 60_000_000, "90 minutes"), (1, "1 microsecond"), (1_500, "1500 microseconds"),
            (1209600_000_000, "2 weeks"),
        ]
        for (microseconds, text) in cases {
            #expect(TimeSpan(microseconds: microseconds).text == text)
        }
        let seed: UInt64 = 7
        print("seed \(seed)")
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<2000 {
            let magnitude = Int64(1) << Int64.random(in: 0...61, using: &generator)
            var span = TimeSpan(microseconds: Int64.random(in: 1...magnitude, using: &generator))
            #expect(try TimeSpan(parsing: span.text) == span)
            span.microseconds = max(1000, span.microseconds - span.microseconds % 1000)
            #expect(try TimeSpan(parsing: span.text) == span)
        }
    }
}
