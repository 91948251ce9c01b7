// The log's limits, each with its reason.

import Disk
import Segments

package struct LogConfiguration: Sendable {
    /// A segment is sealed past this size: large enough that a year of a busy fleet is a few
    /// thousand files, small enough that copying the active one after a crash takes a tenth of a second.
    package var segmentByteCountMax = 64 << 20
    /// Records that small appends hold in memory for one partition before they become columns:
    /// one full block.
    package var tailRowCountMax = SegmentFormat.blockRowCountMax
    /// Bytes that small appends hold in memory over all partitions: a bound on memory and on what
    /// recovery must decode.
    package var tailByteCountMax = 32 << 20
    /// Bytes of appends that wait for the disk. Past it appends are refused, because a queue that
    /// grows only turns overload into late overload. One request of each size may wait beside
    /// them (PlacesBeyond.swift).
    package var queueByteCountMax = 64 << 20
    /// Bytes gathered into one envelope, and so into one sync.
    package var envelopeByteCountTarget = 16 << 20
    /// A block of fewer rows is joined with its neighbours when its segment is made anew: its head outweighs
    /// its columns.
    package var shortRowCount = 256
    /// How long an idempotency key is remembered: a client that was down for a night retries safely.
    package var keyHorizonMilliseconds: Int64 = 86_400_000
    /// Now, in milliseconds since 1970. Keys are forgotten by it and by their own times, whichever is less: one
    /// that was dated ahead by a wrong clock makes the log forget no honest one. Nil for their times alone.
    package var clock: (@Sendable () -> Int64)?
    /// Keys remembered of one topic, at about 64 bytes each; past it the oldest are forgotten.
    package var keyCountMax = 1 << 20
    /// Between attempts to write again after the disk refused.
    package var recoveryIntervalMilliseconds = 1000
    /// Bytes of the disk kept for what frees room on a full one (LogReserve.swift); 0 for none.
    package var reserveByteCount = 0
    /// Whether what an opening cannot see is given up, so that appends go on (Leap.swift). Not by itself: with the
    /// records also deletions, settings and idempotency keys that stood there are gone.
    package var goesOnWithoutUnseen = false
    /// Whether an append is answered when it is written, and synced behind its answer: at once, and before anything
    /// else is written. For what can be made anew, as the last one answered may be gone after a power cut, or a sync
    /// that fails. What is said elsewhere of durable commits is, of such a log, true of all but that one.
    package var answersBeforeSync = false
    /// The directory below the file system's root, "" for the root itself.
    package var directory = ""

    package init() {}

    /// Keys used before are forgotten, where the newest of some was used at `newest`.
    func oldestKeyTime(_ newest: Int64) -> Int64 {
        let now = clock.map { min($0(), newest) } ?? newest
        let (oldest, overflow) = now.subtractingReportingOverflow(keyHorizonMilliseconds)
        return overflow ? .min : oldest
    }

    func path(_ name: String) -> String { FileName.path(name, in: directory) }
}
