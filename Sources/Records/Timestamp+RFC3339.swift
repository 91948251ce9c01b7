// Moments as text: what clients post and what the answers say.
//
// Accepted: RFC 3339 and what Python and pandas write of it. The date; then `T`, `t` or a space and
// the time of day, whose seconds may be left out; up to nine digits of fraction; then `Z`, `z`, an
// offset (`+00:00`, `-0500`, `+01`) or nothing. Nothing means UTC: pandas drops the offset of a
// moment that never had a zone, and the records' own times are UTC. A date alone is its midnight.
// Refused: a leap second, 24:00, and dates that no calendar has.
//
// Two forms are printed, as the recorded answers have them: `…Z` in assay documents, with no
// fraction or six digits of it; and `…+00:00` in the columns that once came from a database
// (`next_run`, `updated_at`), with the fraction's trailing zeros left out.
//
// Invariants:
//  * A printed moment of the years 0001 to 9999 reads back as the same microsecond, in both forms.
//  * What a fraction has beyond microseconds is cut off, so a parsed moment is never late.
//  * A moment that was accepted lies in the years 0001 to 9999, as UTC.

extension Timestamp {
    /// The first moment a text can name: 0001-01-01T00:00:00Z.
    package static let earliestNamed = Timestamp(
        microseconds: daysSince1970(year: 1, month: 1, day: 1) * microsecondsADay)
    /// The last moment a text can name: 9999-12-31T23:59:59.999999Z.
    package static let latestNamed = Timestamp(
        microseconds: (daysSince1970(year: 9999, month: 12, day: 31) + 1) * microsecondsADay - 1)

    /// The moment that `text` names; spaces around it do not count.
    package init(parsing text: String) throws(TextError) {
        var reader = MomentReader(text)
        do {
            self = try reader.moment()
        } catch {
            throw TextError(text: text, problem: error.problem)
        }
    }

    /// The moment that stands at the front of `bytes` as `zuluText` prints it, and how many bytes it takes;
    /// nil where none does. Such a moment is read by `init(parsing:)` alike.
    package static func leadingZulu(
        _ bytes: UnsafeRawBufferPointer
    ) -> (moment: Timestamp, byteCount: Int)? {
        guard bytes.count >= 20 else { return nil }
        /// -1 where not all are digits.
        func number(_ place: Int, _ digitCount: Int) -> Int64 {
            var value: Int64 = 0
            for index in place..<place + digitCount {
                let digit = bytes[index] &- UInt8(ascii: "0")
                guard digit < 10 else { return -1 }
                value = value * 10 + Int64(digit)
            }
            return value
        }
        let (year, month, day) = (number(0, 4), number(5, 2), number(8, 2))
        let (hour, minute, second) = (number(11, 2), number(14, 2), number(17, 2))
        guard year >= 1, (1...12).contains(month), day >= 1, day <= dayCount(year: year, month: month),
            (0...23).contains(hour), (0...59).contains(minute), (0...59).contains(second),
            bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"), bytes[10] == UInt8(ascii: "T"),
            bytes[13] == UInt8(ascii: ":"), bytes[16] == UInt8(ascii: ":")
        else { return nil }
        var microseconds =
            daysSince1970(year: year, month: month, day: day) * microsecondsADay
            + ((hour * 60 + minute) * 60 + second) * 1_000_000
        if bytes[19] == UInt8(ascii: "Z") { return (Timestamp(microseconds: microseconds), 20) }
        guard bytes[19] == UInt8(ascii: "."), bytes.count >= 27, bytes[26] == UInt8(ascii: "Z"),
            case let fraction = number(20, 6), fraction >= 0
        else { return nil }
        microseconds += fraction
        return (Timestamp(microseconds: microseconds), 27)
    }

    /// As `2024-01-09T19:07:59.566516Z`: six digits of fraction, or none where it is zero.
    /// A moment outside the years 0001 to 9999 shows its year as a plain number.
    package var zuluText: String {
        let parts = MomentParts(self)
        return parts.dateAndTime + (parts.fraction == 0 ? "" : "." + parts.fraction.padded(6)) + "Z"
    }

    /// Appends `zuluText`, digit by digit: a page of results has thousands of moments.
    package func appendZuluText(to bytes: inout [UInt8]) {
        let parts = MomentParts(self)
        guard (0...9999).contains(parts.year) else { return bytes.append(contentsOf: zuluText.utf8) }
        func append(_ value: Int64, _ digitCount: Int, _ mark: Unicode.Scalar) {
            var power: Int64 = 1
            for _ in 1..<digitCount { power *= 10 }
            while power > 0 {
                bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value / power % 10))
                power /= 10
            }
            bytes.append(UInt8(ascii: mark))
        }
        append(parts.year, 4, "-")
        append(parts.month, 2, "-")
        append(parts.day, 2, "T")
        append(parts.second / 3600, 2, ":")
        append(parts.second / 60 % 60, 2, ":")
        append(parts.second % 60, 2, parts.fraction == 0 ? "Z" : ".")
        if parts.fraction != 0 { append(parts.fraction, 6, "Z") }
    }

    /// As `2024-01-09T19:10:00.42948+00:00`: the fraction without its trailing zeros.
    package var offsetText: String {
        let parts = MomentParts(self)
        var digits = Substring(parts.fraction.padded(6))
        while digits.last == "0" { digits.removeLast() }
        return parts.dateAndTime + (digits.isEmpty ? "" : "." + digits) + "+00:00"
    }
}

private let microsecondsADay: Int64 = 86_400_000_000

/// Days from 1970-01-01 to the given day of the proleptic Gregorian calendar.
///
/// Years are counted from March, so that the leap day is a year's last and months have a fixed
/// pattern of lengths: (153·m + 2) / 5 days stand before month m.
private func daysSince1970(year: Int64, month: Int64, day: Int64) -> Int64 {
    let marchYear = month > 2 ? year : year - 1
    let marchMonth = (month + 9) % 12
    let leapDays =
        marchYear.flooredDivision(by: 4) - marchYear.flooredDivision(by: 100)
        + marchYear.flooredDivision(by: 400)
    // 719,468 days lie between 0000-03-01 and 1970-01-01.
    return marchYear * 365 + leapDays + (153 * marchMonth + 2) / 5 + day - 1 - 719_468
}

/// How many days a month has.
private func dayCount(year: Int64, month: Int64) -> Int64 {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
}

/// A moment taken apart, in UTC.
private struct MomentParts {
    var year: Int64
    var month: Int64
    var day: Int64
    var second: Int64
    /// Microseconds.
    var fraction: Int64

    init(_ moment: Timestamp) {
        let days = moment.microseconds.flooredDivision(by: microsecondsADay)
        // Wraps for the day that holds Int64.min, whose first microsecond has no number; the
        // difference is right all the same.
        let rest = moment.microseconds &- days &* microsecondsADay
        second = rest / 1_000_000
        fraction = rest % 1_000_000
        let fromMarchOfYear0 = days + 719_468
        let era = fromMarchOfYear0.flooredDivision(by: 146_097)
        let dayOfEra = fromMarchOfYear0 - era * 146_097
        // The leap days passed so far in the 400 years are taken out before dividing by 365.
        let yearOfEra =
            (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
        month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0)
    }

    var dateAndTime: String {
        let date = "\(year.padded(4))-\(month.padded(2))-\(day.padded(2))"
        let hour = second / 3600
        let minute = second / 60 % 60
        return "\(date)T\(hour.padded(2)):\(minute.padded(2)):\((second % 60).padded(2))"
    }
}

extension Int64 {
    /// In decimal with zeros before it, at least `digitCount` digits.
    fileprivate func padded(_ digitCount: Int) -> String {
        let digits = String(magnitude)
        return (self < 0 ? "-" : "")
            + String(repeating: "0", count: Swift.max(0, digitCount - digits.utf8.count)) + digits
    }
}

/// Reads one moment from the front of a text to its end.
private struct MomentReader {
    struct Problem: Error { var problem: String }

    private let bytes: [UInt8]
    private var place = 0

    init(_ text: String) {
        var bytes = Array(text.utf8)[...]
        while let first = bytes.first, first == 0x20 || first == 0x09 { bytes.removeFirst() }
        while let last = bytes.last, last == 0x20 || last == 0x09 { bytes.removeLast() }
        self.bytes = Array(bytes)
    }

    mutating func moment() throws(Problem) -> Timestamp {
        let days = try date()
        var microseconds: Int64 = 0
        if place < bytes.count {
            microseconds = try timeOfDay()
            microseconds -= try offset()
        }
        let moment = Timestamp(microseconds: days * microsecondsADay + microseconds)
        guard Timestamp.earliestNamed <= moment, moment <= Timestamp.latestNamed else {
            throw Problem(problem: "is not a moment: as UTC it lies outside the years 0001 to 9999")
        }
        return moment
    }

    /// Days since 1970.
    private mutating func date() throws(Problem) -> Int64 {
        let year = try number(digitCount: 4, of: "the year (0001 to 9999)", in: 1...9999)
        try expect("-", after: "the year")
        let month = try number(digitCount: 2, of: "the month (01 to 12)", in: 1...12)
        try expect("-", after: "the month")
        let last = dayCount(year: year, month: month)
        let day = try number(
            digitCount: 2, of: "the day (that month has 01 to \(last))", in: 1...last)
        return daysSince1970(year: year, month: month, day: day)
    }

    private mutating func timeOfDay() throws(Problem) -> Int64 {
        guard take("T") || take("t") || take(" ") else {
            throw wanted("\"T\" or a space between date and time")
        }
        let hour = try number(digitCount: 2, of: "the hour (00 to 23)", in: 0...23)
        try expect(":", after: "the hour")
        let minute = try number(digitCount: 2, of: "the minute (00 to 59)", in: 0...59)
        var second: Int64 = 0
        var fraction: Int64 = 0
        if take(":") {
            second = try number(digitCount: 2, of: "the second (00 to 59)", in: 0...59)
            if take(".") { fraction = try fractionOfSecond() }
        }
        return ((hour * 60 + minute) * 60 + second) * 1_000_000 + fraction
    }

    /// Whole microseconds; further digits are read and dropped.
    private mutating func fractionOfSecond() throws(Problem) -> Int64 {
        var value: Int64 = 0
        var digitCount = 0
        while let digit = digitHere() {
            if digitCount < 6 { value = value * 10 + digit }
            digitCount += 1
            place += 1
        }
        guard (1...9).contains(digitCount) else { throw wanted("1 to 9 digits of fraction") }
        for _ in 0..<max(0, 6 - digitCount) { value *= 10 }
        return value
    }

    /// Microseconds that the zone is ahead of UTC.
    private mutating func offset() throws(Problem) -> Int64 {
        if take("Z") || take("z") || place == bytes.count {
            guard place == bytes.count else { throw wanted("nothing after the Z") }
            return 0
        }
        let isAhead = take("+")
        guard isAhead || take("-") else {
            let hint =
                take(" ") && digitHere() != nil ? " (in a URL, \"+\" is written \"%2B\")" : ""
            throw Problem(
                problem: "is not a moment: after the time of day only \"Z\" or an offset such as "
                    + "\"+00:00\" may stand" + hint)
        }
        let hours = try number(digitCount: 2, of: "the offset's hours (00 to 23)", in: 0...23)
        var minutes: Int64 = 0
        if take(":") || digitHere() != nil {
            minutes = try number(digitCount: 2, of: "the offset's minutes (00 to 59)", in: 0...59)
        }
        guard place == bytes.count else { throw wanted("nothing after the offset") }
        return (isAhead ? 1 : -1) * (hours * 60 + minutes) * 60_000_000
    }

    // MARK: One step

    private func digitHere() -> Int64? {
        guard place < bytes.count, (0x30...0x39).contains(bytes[place]) else { return nil }
        return Int64(bytes[place] - 0x30)
    }

    private mutating func number(
        digitCount: Int, of name: String, in range: ClosedRange<Int64>
    ) throws(Problem) -> Int64 {
        let start = place
        var value: Int64 = 0
        for _ in 0..<digitCount {
            guard let digit = digitHere() else { throw wanted("\(digitCount) digits of \(name)") }
            value = value * 10 + digit
            place += 1
        }
        guard range.contains(value) else {
            place = start
            throw wanted(name)
        }
        return value
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard place < bytes.count, bytes[place] == UInt8(ascii: character) else { return false }
        place += 1
        return true
    }

    private mutating func expect(
        _ character: Unicode.Scalar, after name: String
    ) throws(Problem) {
        guard take(character) else { throw wanted("\"\(character)\" after \(name)") }
    }

    private func wanted(_ what: String) -> Problem {
        let found =
            place < bytes.count
            ? "\"\(String(decoding: bytes[place...].prefix(8), as: UTF8.self))\"" : "its end"
        return Problem(
            problem: "is not a moment: wanted \(what) and found \(found); "
                + "write it as 2024-01-09T19:07:59.566516Z")
    }
}
