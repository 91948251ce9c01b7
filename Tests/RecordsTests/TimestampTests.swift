// Invariants checked: the one at the head of Timestamp.swift and the three at the head of
// Timestamp+RFC3339.swift, in that order.

import Records
import Simulation
import Testing

struct TimestampTests {
    @Test("a record lies in a window exactly when its milliseconds are among the window's")
    func recordTimesOfWindow() {
        for start in Int64(-2100)...(-900) where start % 7 == 0 {
            for length in [Int64(0), 1, 999, 1000, 1001, 2500] {
                let window = TimeWindow(
                    start: Timestamp(microseconds: start),
                    end: Timestamp(microseconds: start + length))
                for time in Int64(-4)...4 {
                    let isInside = start <= time * 1000 && time * 1000 < start + length
                    #expect(window.milliseconds.contains(time) == isInside)
                }
            }
        }
    }

    @Test(
        "every spelling of a moment names the same microsecond",
        arguments: [
            "2024-01-09T19:07:59.566516+00:00", "2024-01-09T19:07:59.566516Z",
            "2024-01-09T19:07:59.566516", "2024-01-09 19:07:59.566516z",
            "2024-01-09t14:07:59.566516-05:00", "2024-01-10T00:52:59.566516+05:45",
            "2024-01-10T00:52:59.566516+0545", "2024-01-09T20:07:59.566516+01",
            "2024-01-09T19:07:59.566516-00:00", "  2024-01-09T19:07:59.566516999Z\t",
        ])
    func spellings(text: String) throws {
        #expect(try Timestamp(parsing: text).microseconds == 1_704_827_279_566_516)
    }

    @Test("fractions of every length up to nine digits are cut to microseconds, never rounded")
    func fractions() throws {
        let digits = "987654999"
        let whole: [Int64] = [
            900_000, 980_000, 987_000, 987_600, 987_650, 987_654, 987_654, 987_654, 987_654,
        ]
        for length in 1...9 {
            for (second, base) in [
                ("1970-01-01T00:00:00", Int64(0)),
                ("1969-12-31T23:59:59", -1_000_000),
            ] {
                let moment = try Timestamp(parsing: "\(second).\(digits.prefix(length))Z")
                #expect(moment.microseconds == base + whole[length - 1])
            }
        }
    }

    @Test("seconds may be left out, and a date alone is its midnight")
    func shortForms() throws {
        #expect(try Timestamp(parsing: "1970-01-01T00:01Z").microseconds == 60_000_000)
        #expect(try Timestamp(parsing: "1970-01-02 00:00+01:00").microseconds == 82_800_000_000)
        #expect(try Timestamp(parsing: "1970-01-02").microseconds == 86_400_000_000)
    }

    @Test(
        "a text that names no moment is refused",
        arguments: [
            "", " ", "banana", "2024", "2024-1-09T00:00:00Z", "20240109T000000Z",
            "2024-13-01T00:00:00Z", "2024-00-01T00:00:00Z", "2024-01-00T00:00:00Z",
            "2024-04-31T00:00:00Z", "2023-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
            "2024-02-30T00:00:00Z", "0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z",
            "2024-01-09T24:00:00Z", "2024-01-09T23:60:00Z", "2024-01-09T23:59:60Z",
            "2024-01-09T19:07:59.Z", "2024-01-09T19:07:59.1234567890Z", "2024-01-09T19:07:59,5Z",
            "2024-01-09T19:07:59ZZ", "2024-01-09T19:07:59+24:00", "2024-01-09T19:07:59+00:60",
            "2024-01-09T19:07:59+00:00:00", "2024-01-09T19:07:59 00:00", "2024-01-09T19",
            "2024-01-09T19:07:59+", "2024-01-09T", "2024-01-09  19:07:59", "１９７０-01-01",
            "0001-01-01T00:30:00+01:00", "9999-12-31T23:30:00-01:00", "1704827279566",
        ])
    func refusals(text: String) {
        let error = #expect(throws: TextError.self) { try Timestamp(parsing: text) }
        #expect(error?.description.hasPrefix("\"\(text)\" is not a moment") == true)
    }

    @Test("an offset whose plus was lost in a URL is explained")
    func lostPlus() {
        let error = #expect(throws: TextError.self) {
            try Timestamp(parsing: "2024-01-09T19:07:59.566516 00:00")
        }
        #expect(error?.problem.contains("%2B") == true)
    }

    @Test("both printed forms are those of the recorded answers")
    func printedForms() throws {
        let cases = [
            ("2024-01-09T19:07:59.566516Z", "2024-01-09T19:07:59.566516+00:00"),
            ("2023-01-01T05:00:00Z", "2023-01-01T05:00:00+00:00"),
            ("2023-05-17T20:54:09.276580Z", "2023-05-17T20:54:09.27658+00:00"),
            ("2023-05-17T20:54:09.000001Z", "2023-05-17T20:54:09.000001+00:00"),
            ("2023-05-17T20:54:09.500000Z", "2023-05-17T20:54:09.5+00:00"),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00+00:00"),
            ("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999+00:00"),
        ]
        for (zulu, offset) in cases {
            #expect(try Timestamp(parsing: zulu).zuluText == zulu)
            #expect(try Timestamp(parsing: zulu).offsetText == offset)
            #expect(try Timestamp(parsing: offset).zuluText == zulu)
        }
    }

    @Test("a moment's digits are appended as its text has them, whatever its year")
    func appended() {
        var random = SeededGenerator(seed: 12)
        var moments = [
            Timestamp.earliestNamed, .latestNamed, Timestamp(microseconds: .min),
            Timestamp(microseconds: .max),
            Timestamp(microseconds: Timestamp.earliestNamed.microseconds - 1),
            Timestamp(microseconds: Timestamp.latestNamed.microseconds + 1), Timestamp(microseconds: 0),
        ]
        for _ in 0..<2000 {
            moments.append(
                Timestamp(
                    microseconds: .random(
                        in: -70_000_000_000_000_000...260_000_000_000_000_000, using: &random)))
            moments.append(Timestamp(milliseconds: .random(in: 0...2_000_000_000, using: &random) * 1000))
        }
        for moment in moments {
            var bytes = Array("at ".utf8)
            moment.appendZuluText(to: &bytes)
            #expect(String(decoding: bytes, as: UTF8.self) == "at " + moment.zuluText)
        }
    }

    @Test("every day of four centuries and both ends of the calendar follow their predecessor")
    func calendar() throws {
        var year = 1600
        var month = 1
        var day = 1
        var moment = try Timestamp(parsing: "1600-01-01")
        #expect(moment.microseconds == -135_140 * 86_400_000_000)
        let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        while year < 2001 {
            func padded(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
            let text = "\(year)-\(padded(month))-\(padded(day))T00:00:00Z"
            #expect(moment.zuluText == text)
            #expect(try Timestamp(parsing: text) == moment)
            moment.microseconds += 86_400_000_000
            let isLeapYear = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
            day += 1
            if day > lengths[month - 1] + (month == 2 && isLeapYear ? 1 : 0) {
                (day, month) = (1, month + 1)
            }
            if month > 12 { (month, year) = (1, year + 1) }
        }
        #expect(Timestamp.earliestNamed.zuluText == "0001-01-01T00:00:00Z")
        #expect(Timestamp.latestNamed.zuluText == "9999-12-31T23:59:59.999999Z")
    }

    @Test("a printed moment reads back as the same microsecond", arguments: [UInt64(2024_01_09)])
    func printedMomentReadsBack(seed: UInt64) throws {
        print("seed \(seed)")
        var generator = SeededGenerator(seed: seed)
        let named = Timestamp.earliestNamed.microseconds...Timestamp.latestNamed.microseconds
        for round in 0..<20_000 {
            var microseconds = Int64.random(in: named, using: &generator)
            if round % 3 == 0 { microseconds -= microseconds % 1_000_000 }
            let moment = Timestamp(microseconds: microseconds)
            #expect(try Timestamp(parsing: moment.zuluText) == moment)
            #expect(try Timestamp(parsing: moment.offsetText) == moment)
        }
    }

    @Test("moments that no text can name still print")
    func unnamedMomentsPrint() {
        #expect(Timestamp(microseconds: .max).zuluText == "294247-01-10T04:00:54.775807Z")
        #expect(Timestamp(microseconds: .min).zuluText == "-290308-12-21T19:59:05.224192Z")
        #expect(Timestamp(milliseconds: .max) == Timestamp(microseconds: .max))
    }
}
