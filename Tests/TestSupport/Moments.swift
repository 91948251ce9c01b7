// Moments of the day at which most tests play.

import Records

/// A moment `seconds` after 2024-01-09T19:00:00Z.
package func moment(_ seconds: Double) -> Timestamp {
    Timestamp(microseconds: 1_704_826_800_000_000 + Int64((seconds * 1_000_000).rounded()))
}
