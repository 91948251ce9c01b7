// Invariants checked: the two at the head of CronExpression.swift, each field's syntax, and that the moments
// found are those found by looking at every minute.

import Assays
import Foundation
import Records
import Simulation
import Testing

@Suite("Cron expressions")
struct CronExpressionTests {
    private func next(_ text: String, after moment: String) throws -> String? {
        try CronExpression(parsing: text).next(after: try Timestamp(parsing: moment))?.zuluText
    }

    @Test("the next moment is the first whole minute after, in UTC")
    func nextMoments() throws {
        for (text, after, expected) in [
            ("* * * * *", "2025-03-19T10:37:00Z", "2025-03-19T10:38:00Z"),
            ("* * * * *", "2025-03-19T10:36:59.999999Z", "2025-03-19T10:37:00Z"),
            ("0 */6 * * *", "2025-03-19T18:00:00Z", "2025-03-20T00:00:00Z"),
            ("30 9 * * MON-FRI", "2025-03-21T09:30:00Z", "2025-03-24T09:30:00Z"),
            ("0 0 1 jan *", "2025-03-19T00:00:00Z", "2026-01-01T00:00:00Z"),
            ("0 0 29 2 *", "2025-03-19T00:00:00Z", "2028-02-29T00:00:00Z"),
            ("0 0 29 2 *", "2096-02-29T00:00:00Z", "2104-02-29T00:00:00Z"),
            ("0 12 31 * *", "2025-03-31T12:00:00Z", "2025-05-31T12:00:00Z"),
            ("15,45 10-12/2 * * *", "2025-03-19T10:45:00Z", "2025-03-19T12:15:00Z"),
            ("5/20 * * * *", "2025-03-19T10:26:00Z", "2025-03-19T10:45:00Z"),
            ("0 0 * * 7", "2025-03-19T00:00:00Z", "2025-03-23T00:00:00Z"),
            ("0 0 * * 0", "2025-03-19T00:00:00Z", "2025-03-23T00:00:00Z"),
            // Both day fields restricted: either fits. One that begins with a star: both must.
            ("0 0 13 * FRI", "2025-06-01T00:00:00Z", "2025-06-06T00:00:00Z"),
            ("0 0 13 * FRI", "2025-06-07T00:00:00Z", "2025-06-13T00:00:00Z"),
            ("0 0 */2 * FRI", "2025-06-01T00:00:00Z", "2025-06-13T00:00:00Z"),
            ("0 0 1 1 *", "0001-01-01T00:00:00Z", "0002-01-01T00:00:00Z"),
            ("59 23 31 12 *", "1969-12-31T23:58:00Z", "1969-12-31T23:59:00Z"),
        ] {
            #expect(try next(text, after: after) == expected, "\(text) after \(after)")
        }
        #expect(try next("0 0 1 1 *", after: "9999-06-01T00:00:00Z") == nil)
    }

    @Test("what is no expression, or never comes, is refused with the field and the remedy")
    func refusals() throws {
        for (text, part) in [
            ("", "five fields"), ("* * * *", "five fields"), ("0 * * * * *", "five fields"),
            ("@daily", "five fields"), ("60 * * * *", "minute holds \"60\"; it must be from 0 to 59"),
            ("-1 * * * *", "minute"), ("* 24 * * *", "hour"), ("* * 0 * *", "day of month"),
            ("* * 32 * *", "day of month"), ("* * * 13 *", "month"), ("* * * * 8", "day of week"),
            ("* * * * MO", "day of week"), ("5-3 * * * *", "ends before it begins"),
            ("*/0 * * * *", "step"), ("*/x * * * *", "step"), ("*/+5 * * * *", "step"),
            ("*/ * * * *", "step"), ("1/2/3 * * * *", "no range"),
            ("1-2-3 * * * *", "no range"), ("1,,2 * * * *", "minute"), ("*-5 * * * *", "minute"),
            ("0 0 30 2 *", "never comes"), ("0 0 31 4,6,9,11 *", "never comes"),
            (String(repeating: "1,", count: 600) + "1 * * * *", "five fields"),
        ] {
            let error = #expect(throws: TextError.self, "\(text)") { try CronExpression(parsing: text) }
            #expect(error?.description.contains(part) == true, "\(text): \(error?.description ?? "")")
        }
        // Spaces between fields are reduced, for the text is shown again.
        #expect(try CronExpression(parsing: " 0  0 * *  * ").text == "0 0 * * *")
    }

    @Test("a 29th of February that is a given day of the week comes within forty years of any moment")
    func rarest() throws {
        // A star with a step restricts, and both day fields must fit: `*/7` is Sunday alone.
        let sunday = try CronExpression(parsing: "0 0 29 2 */7")
        var last = try Timestamp(parsing: "1700-01-01T00:00:00Z")
        var gaps: Set<Int64> = []
        for _ in 0..<40 {
            let next = try #require(sunday.next(after: last))
            gaps.insert((next.microseconds - last.microseconds) / 86_400_000_000 / 365)
            last = next
        }
        // Of 28 years as a rule, of 12 or 40 around a century without a leap day.
        #expect(gaps.isSuperset(of: [28, 40]) && gaps.allSatisfy { $0 <= 40 })
    }

    @Test("moments found are those found minute by minute", arguments: 0..<40)
    func minuteByMinute(seed: UInt64) throws {
        print("seed \(seed)")
        var generator = SeededGenerator(seed: seed)
        func field(_ bounds: ClosedRange<Int>) -> (text: String, fits: Set<Int>) {
            let low = Int.random(in: bounds, using: &generator)
            let high = Int.random(in: low...bounds.upperBound, using: &generator)
            let step = Int.random(in: 1...4, using: &generator)
            switch Int.random(in: 0...3, using: &generator) {
            case 0: return ("*", Set(bounds))
            case 1: return ("\(low)", [low])
            case 2: return ("\(low)-\(high)", Set(low...high))
            default: return ("\(low)-\(high)/\(step)", Set(stride(from: low, through: high, by: step)))
            }
        }
        let (minutes, hours) = (field(0...59), field(0...23))
        // Days that every month has, or all.
        var days = field(1...28)
        if days.text == "*" { days.fits = Set(1...31) }
        let (months, weekdays) = (field(1...12), field(0...6))
        let cron = try CronExpression(
            parsing: [minutes, hours, days, months, weekdays].map(\.text).joined(separator: " "))
        // Dates by another implementation.
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = try #require(TimeZone(identifier: "UTC"))
        func fits(_ date: Date) -> Bool {
            let parts = calendar.dateComponents([.month, .day, .weekday], from: date)
            let (byDay, byWeek) = (days.fits.contains(parts.day!), weekdays.fits.contains(parts.weekday! - 1))
            let either = days.text != "*" && weekdays.text != "*" ? byDay || byWeek : byDay && byWeek
            return months.fits.contains(parts.month!) && either
        }
        var start = Int64.random(in: 0..<2_000_000_000, using: &generator) / 60 * 60
        for _ in 0..<5 {
            var expected: Int64?
            search: for day in 0..<800 {
                let midnight = (start / 86_400 + Int64(day)) * 86_400
                guard fits(Date(timeIntervalSince1970: Double(midnight))) else { continue }
                for minute in 0..<1440 {
                    let time = midnight + Int64(minute) * 60
                    if time > start, hours.fits.contains(minute / 60), minutes.fits.contains(minute % 60) {
                        expected = time
                        break search
                    }
                }
            }
            let found = cron.next(after: Timestamp(microseconds: start * 1_000_000))
            if let expected { #expect(found?.microseconds == expected * 1_000_000, "\(cron.text) \(start)") }
            start = expected ?? start
        }
    }
}
