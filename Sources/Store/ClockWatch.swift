// Whether the time of day may be acted upon where that cannot be undone.
//
// The time of day is set by others, and may be wrong for a moment: by a day, by years. A clock that only counts
// seconds cannot be; so where the time of day has gone ahead by more than seconds were counted, it has been set, or
// the machine slept. Which of the two times was the right one nobody can say yet. So the step is doubted until it has
// stood for an hour, or is taken back.
//
//     retention by age · many runs at once · pins of fixed baselines ──► does the clock stand by what it says?
//
// A clock that was wrong from the start of the process on is not found out.
//
// Invariants:
//  * After a step of more than `stepMin` ahead the clock is doubted for `probation` of counted time, and from the last
//    such step on.
//  * What is acted upon is the reading that was looked at.
//  * A step back by as much ends it; any other step back changes nothing: what is younger than it was is kept.

import Records

struct ClockWatch {
    /// Clocks that are corrected a little are no doubt.
    static let stepMin = TimeSpan(microseconds: 60_000_000)
    /// Longer than it takes to set a clock right that was set wrong, and short beside any age that records are kept.
    static let probation = TimeSpan(microseconds: 3_600_000_000)

    private var last: (now: Timestamp, counted: Int64)?
    /// When the last step was seen, in counted microseconds, and how far ahead the clock is by all that are doubted.
    private var doubt: (since: Int64, ahead: Int64)?

    /// Whether the clock went ahead, and has not stood by that for long.
    var isDoubted: Bool { doubt != nil }

    /// How far ahead it went, by all steps that are doubted; nil where none is.
    var aheadBy: TimeSpan? { doubt.map { TimeSpan(microseconds: $0.ahead) } }

    /// Looks at both clocks.
    ///
    /// - Returns: the time of day that was looked at. Whoever acts by whether the clock is doubted has to act by this
    ///   one: it may be set before it is read again.
    @discardableResult
    mutating func look(_ sources: SystemSources) -> Timestamp {
        let now = sources.now()
        look(now, countedMicroseconds: sources.monotonicNanoseconds() / 1000)
        return now
    }

    /// - Parameter counted: of a clock that never goes back.
    /// - Returns: by how much the clock has been set ahead since the last look; nil where it was not.
    @discardableResult
    mutating func look(_ now: Timestamp, countedMicroseconds counted: Int64) -> TimeSpan? {
        defer { last = (now, counted) }
        if let doubt, counted - doubt.since >= Self.probation.microseconds { self.doubt = nil }
        guard let last else { return nil }
        let step = (now.microseconds &- last.now.microseconds) &- (counted &- last.counted)
        let ahead = (doubt?.ahead ?? 0) + step
        if step > Self.stepMin.microseconds {
            doubt = (counted, ahead)
            return TimeSpan(microseconds: step)
        }
        if step < -Self.stepMin.microseconds, doubt != nil {
            doubt?.ahead = ahead
            if ahead <= Self.stepMin.microseconds { doubt = nil }
        }
        return nil
    }
}

extension InferenceStore {
    /// Now, as far as nobody doubts it: where the clock has been set ahead, what it would say without that.
    package var undoubtedNow: Timestamp {
        let (now, aheadBy) = lookAtClock()
        return aheadBy.map { now.adding(-$0) } ?? now
    }

    /// Now, and how far ahead that is by all steps that are doubted; nil where none is, and where nobody watches.
    func lookAtClock() -> (now: Timestamp, aheadBy: TimeSpan?) {
        clockWatch.withLock { watch in
            let now = watch?.look(sources) ?? sources.now()
            return (now, watch?.aheadBy)
        }
    }
}
