// A recurring moment in the five fields of cron, in UTC:
//
//     minute (0-59)  hour (0-23)  day of month (1-31)  month (1-12, JAN-DEC)  day of week (0-7, SUN-SAT)
//
// A field is a list of `*`, numbers and ranges `a-b`, each perhaps with a step `/n`; `a/n` is `a` to the
// end in steps. Sunday is 0 and 7. Where both day fields are restricted, a day that fits either fits, as
// every cron has had it; a field that begins with `*` is no restriction.
//
// Invariants:
//  * An accepted expression fires again and again, within 40 years of any moment: that is the longest time
//    between two 29ths of February that are, say, Sundays. One that never fires is refused.
//  * Finding the next moment costs a step for each day looked at, and no more than 40 years have.

import Records

/// Five fields of cron, in UTC, that name at least one moment.
package struct CronExpression: Hashable, Sendable {
    /// As written, the spaces between fields reduced to one.
    package let text: String
    /// The set bits are the numbers that fit.
    private let minutes: UInt64
    private let hours: UInt64
    private let daysOfMonth: UInt64
    private let months: UInt64
    private let daysOfWeek: UInt64
    private let anyDayOfMonth: Bool
    private let anyDayOfWeek: Bool

    private static let monthNames = [
        "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
    ]
    private static let dayNames = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
    /// Longer expressions are nobody's: each field can name its every number in less.
    private static let byteCountMax = 1024

    /// Throws for what is no expression, and for one that never comes, such as the 30th of February.
    package init(parsing text: String) throws(TextError) {
        let fields = text.utf8.count <= Self.byteCountMax ? text.split(whereSeparator: \.isWhitespace) : []
        guard fields.count == 5 else {
            throw TextError(
                text: text,
                problem: "is no cron expression: write five fields, minute, hour, day of month, month "
                    + "and day of week, as in \"0 */6 * * MON-FRI\"; times are UTC")
        }
        self.text = fields.joined(separator: " ")
        func bits(
            _ position: Int, _ name: String, _ bounds: ClosedRange<Int>, _ names: [String] = []
        ) throws(TextError) -> UInt64 {
            do throws(CronFieldProblem) {
                return try CronField.bits(fields[position], bounds, names, firstName: bounds.lowerBound)
            } catch {
                throw TextError(text: text, problem: "is no cron expression: its \(name) \(error.problem)")
            }
        }
        minutes = try bits(0, "minute", 0...59)
        hours = try bits(1, "hour", 0...23)
        daysOfMonth = try bits(2, "day of month", 1...31)
        months = try bits(3, "month", 1...12, Self.monthNames)
        let days = try bits(4, "day of week", 0...7, Self.dayNames)
        daysOfWeek = (days | days >> 7) & 0x7F
        anyDayOfMonth = fields[2].hasPrefix("*")
        anyDayOfWeek = fields[4].hasPrefix("*")
        guard next(after: CivilDay.reference) != nil else {
            throw TextError(
                text: text, problem: "never comes: no month it names has such a day; choose another day")
        }
    }

    /// The first moment after `moment`; nil only past the years that a text can name.
    package func next(after moment: Timestamp) -> Timestamp? {
        // Whole minutes, the first after the moment.
        let minute = max(moment, .earliestNamed).microseconds.flooredDivision(by: 60_000_000) + 1
        var day = CivilDay(number: minute.flooredDivision(by: 1440))
        var from = Int(minute - day.number * 1440)
        for _ in 0..<CivilDay.searchedDayCount {
            if fits(day), let minuteOfDay = firstMinute(from: from) {
                let found = Timestamp(
                    microseconds: (day.number * 1440 + Int64(minuteOfDay)) * 60_000_000)
                return found <= .latestNamed ? found : nil
            }
            day.advance()
            from = 0
        }
        return nil
    }

    private func fits(_ day: CivilDay) -> Bool {
        guard months & (1 << UInt64(day.month)) != 0 else { return false }
        let fitsMonth = daysOfMonth & (1 << UInt64(day.day)) != 0
        let fitsWeek = daysOfWeek & (1 << UInt64(day.weekday)) != 0
        return switch (anyDayOfMonth, anyDayOfWeek) {
        // A field such as */2 begins with a star and still names some days only: both must fit then.
        case (true, _), (_, true): fitsMonth && fitsWeek
        case (false, false): fitsMonth || fitsWeek
        }
    }

    private func firstMinute(from start: Int) -> Int? {
        for hour in (start / 60)..<24 where hours & (1 << UInt64(hour)) != 0 {
            let first = hour == start / 60 ? start % 60 : 0
            let left = minutes >> UInt64(first)
            if left != 0 { return hour * 60 + first + left.trailingZeroBitCount }
        }
        return nil
    }
}

private struct CronFieldProblem: Error { var problem: String }

/// Reading one field.
private enum CronField {
    static func bits(
        _ field: Substring, _ bounds: ClosedRange<Int>, _ names: [String], firstName: Int
    ) throws(CronFieldProblem) -> UInt64 {
        func number(_ text: Substring) throws(CronFieldProblem) -> Int {
            if let position = names.firstIndex(of: text.uppercased()) { return firstName + position }
            guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                let number = Int(text), bounds.contains(number)
            else {
                throw CronFieldProblem(
                    problem: "holds \"\(text.prefix(32))\"; it must be from \(bounds.lowerBound) to "
                        + "\(bounds.upperBound)")
            }
            return number
        }
        var bits: UInt64 = 0
        for part in field.split(separator: ",", omittingEmptySubsequences: false) {
            let pieces = part.split(separator: "/", omittingEmptySubsequences: false)
            let ends = pieces[0].split(separator: "-", omittingEmptySubsequences: false)
            guard pieces.count <= 2, ends.count <= 2 else {
                throw CronFieldProblem(problem: "holds \"\(part.prefix(32))\", which is no range")
            }
            var range: ClosedRange<Int>
            if ends[0] == "*", ends.count == 1 {
                range = bounds
            } else {
                let low = try number(ends[0])
                let openEnd = pieces.count == 2 ? bounds.upperBound : low
                let high = ends.count == 2 ? try number(ends[1]) : openEnd
                guard low <= high else {
                    throw CronFieldProblem(
                        problem: "holds \"\(part.prefix(32))\", which ends before it begins")
                }
                range = low...high
            }
            var step = 1
            if pieces.count == 2 {
                // `Int` takes a sign too.
                guard pieces[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                    let given = Int(pieces[1]), (1...bounds.upperBound).contains(given)
                else {
                    throw CronFieldProblem(
                        problem: "holds \"\(part.prefix(32))\"; a step is from 1 to \(bounds.upperBound)")
                }
                step = given
            }
            for value in stride(from: range.lowerBound, through: range.upperBound, by: step) {
                bits |= 1 << UInt64(value)
            }
        }
        return bits
    }
}

/// A day of the proleptic Gregorian calendar, counted on day by day.
private struct CivilDay {
    /// Days since 1970-01-01.
    private(set) var number: Int64
    private(set) var month: Int
    private(set) var day: Int
    private var year: Int64

    /// Where the search for a first moment begins, when an expression is judged: at 1970.
    static let reference = Timestamp(microseconds: -1)
    /// Forty years and more.
    static let searchedDayCount = 41 * 366

    /// Thursday was the first.
    var weekday: Int { Int(((number + 4) % 7 + 7) % 7) }

    init(number: Int64) {
        self.number = number
        // Years are counted from March, so that the leap day is a year's last; 400 of them repeat.
        let shifted = number + 719_468
        let era = shifted.flooredDivision(by: 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        day = Int(dayOfYear - (153 * marchMonth + 2) / 5 + 1)
        month = Int(marchMonth < 10 ? marchMonth + 3 : marchMonth - 9)
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    mutating func advance() {
        number += 1
        day += 1
        guard day > length else { return }
        day = 1
        month += 1
        guard month > 12 else { return }
        month = 1
        year += 1
    }

    /// Days in the month.
    private var length: Int {
        switch month {
        case 4, 6, 9, 11: 30
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        default: 31
        }
    }
}
