// Lengths of time as people and clients write them: `1 minute`, `24 hours`, `1048 ms`.
//
// A whole number and a unit, with or without a space between, in any case. Days are 24 hours and
// weeks 7 days; months and years have no fixed length and are not units. The clients print plurals
// always (`1 minutes`), so number and unit need not agree.
//
// Invariants:
//  * A parsed span is at least a microsecond long.
//  * `TimeSpan(parsing: span.text)` gives back every such span.

extension TimeSpan {
    /// The length that `text` names, always positive.
    package init(parsing text: String) throws(TextError) {
        let bytes = Array(text.utf8)
        let trimmed = bytes.drop { $0.isBlank }
        let digits = trimmed.prefix { (0x30...0x39).contains($0) }
        let afterDigits = trimmed[digits.endIndex...].drop { $0.isBlank }
        let word = String(decoding: afterDigits, as: UTF8.self).lowercased()
            .split(separator: " ", omittingEmptySubsequences: true)
        guard !digits.isEmpty, word.count == 1, let unit = SpanUnit.named(String(word[0])) else {
            let isSigned = trimmed.first == UInt8(ascii: "-")
            throw TextError(
                text: text,
                problem: (isSigned ? "is negative, and no span is: " : "is no length of time: ")
                    + "write a whole number and a unit, as in \"24 hours\"; the units are "
                    + SpanUnit.acceptedNames)
        }
        let count = Int64(String(decoding: digits, as: UTF8.self))
        guard count != 0 else {
            throw TextError(
                text: text, problem: "is no length of time: it must be longer than zero")
        }
        guard let count,
            case let (product, overflow) = count.multipliedReportingOverflow(
                by: unit.microseconds), !overflow
        else {
            throw TextError(
                text: text, problem: "is longer than time is counted here, about 292,000 years")
        }
        self.init(microseconds: product)
    }

    /// In the longest unit that needs no fraction, as `90 minutes` or `1 day`.
    package var text: String {
        let unit =
            SpanUnit.all.last { microseconds != 0 && microseconds % $0.microseconds == 0 }
            ?? SpanUnit.all[0]
        let count = microseconds / unit.microseconds
        return "\(count) \(count == 1 ? unit.singular : unit.plural)"
    }
}

private struct SpanUnit {
    var singular: String
    var plural: String
    var abbreviations: [String]
    var microseconds: Int64

    init(_ singular: String, _ plural: String, _ abbreviations: String..., microseconds: Int64) {
        self.singular = singular
        self.plural = plural
        self.abbreviations = abbreviations
        self.microseconds = microseconds
    }

    /// Shortest first. Milliseconds print as "ms", as the clients write them.
    static let all = [
        SpanUnit("microsecond", "microseconds", "us", microseconds: 1),
        SpanUnit("ms", "ms", "millisecond", "milliseconds", microseconds: 1000),
        SpanUnit("second", "seconds", "s", "sec", "secs", microseconds: 1_000_000),
        SpanUnit("minute", "minutes", "m", "min", "mins", microseconds: 60_000_000),
        SpanUnit("hour", "hours", "h", "hr", "hrs", microseconds: 3_600_000_000),
        SpanUnit("day", "days", "d", microseconds: 86_400_000_000),
        SpanUnit("week", "weeks", "w", microseconds: 604_800_000_000),
    ]

    static let acceptedNames = all.map(\.plural).joined(separator: ", ")

    static func named(_ word: String) -> SpanUnit? {
        all.first { $0.singular == word || $0.plural == word || $0.abbreviations.contains(word) }
    }
}

extension UInt8 {
    fileprivate var isBlank: Bool { self == 0x20 || (0x09...0x0D).contains(self) }
}
