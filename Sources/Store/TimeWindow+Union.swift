// Windows that are looked at, or read, as one.

import Records

extension TimeWindow {
    /// The shortest window that covers both.
    func union(_ other: TimeWindow) -> TimeWindow {
        TimeWindow(start: min(start, other.start), end: max(end, other.end))
    }
}
