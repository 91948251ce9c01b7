// Moments and spans of them.
//
// A record's time is whole milliseconds, as posted; windows and analyses are said to the
// microsecond, as the contract's windows start at arbitrary microseconds. One type holds both.
//
// Invariant: a record of time t (ms) lies in a window exactly when start ≤ t·1000 < end (µs).

/// A moment, UTC: microseconds since 1970-01-01T00:00:00Z.
package struct Timestamp: Hashable, Comparable, Sendable {
    package var microseconds: Int64

    package init(microseconds: Int64) { self.microseconds = microseconds }

    /// The first or the last moment there is, where the time is past what microseconds count.
    package init(milliseconds: Int64) {
        let (product, overflow) = milliseconds.multipliedReportingOverflow(by: 1000)
        microseconds = overflow ? (milliseconds < 0 ? .min : .max) : product
    }

    /// The whole milliseconds at or before this moment.
    package var milliseconds: Int64 { microseconds.flooredDivision(by: 1000) }

    package static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.microseconds < right.microseconds
    }

    /// The first or the last moment there is, where the sum is past it.
    package func adding(_ span: TimeSpan) -> Timestamp {
        let (sum, overflow) = microseconds.addingReportingOverflow(span.microseconds)
        return Timestamp(microseconds: overflow ? (span.microseconds < 0 ? .min : .max) : sum)
    }
}

/// A length of time in microseconds.
package struct TimeSpan: Hashable, Comparable, Sendable {
    package var microseconds: Int64

    package init(microseconds: Int64) { self.microseconds = microseconds }

    package static func < (left: TimeSpan, right: TimeSpan) -> Bool {
        left.microseconds < right.microseconds
    }
}

/// A half-open range of moments: `start` belongs to it, `end` does not.
package struct TimeWindow: Hashable, Sendable {
    package let start: Timestamp
    package let end: Timestamp

    /// - Precondition: `end` is not before `start`; where they are the same, no moment is inside.
    package init(start: Timestamp, end: Timestamp) {
        precondition(start <= end, "A window does not end before it starts.")
        self.start = start
        self.end = end
    }

    /// All of time.
    package static let always = TimeWindow(
        start: Timestamp(microseconds: .min), end: Timestamp(microseconds: .max))

    /// The record times inside, in milliseconds: those t with start ≤ t·1000 < end.
    package var milliseconds: Range<Int64> {
        let first = start.microseconds.ceilingDivision(by: 1000)
        let last =
            end.microseconds == .max ? Int64.max : end.microseconds.ceilingDivision(by: 1000)
        return (start.microseconds == .min ? Int64.min : first)..<max(first, last)
    }
}

extension Int64 {
    /// The quotient rounded towards negative infinity.
    package func flooredDivision(by divisor: Int64) -> Int64 {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder != 0 && (remainder < 0) != (divisor < 0) ? quotient - 1 : quotient
    }

    /// The quotient rounded towards positive infinity.
    package func ceilingDivision(by divisor: Int64) -> Int64 {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder != 0 && (remainder < 0) == (divisor < 0) ? quotient + 1 : quotient
    }
}
