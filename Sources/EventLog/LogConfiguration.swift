// The log's limits, each with its reason.

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
    /// grows only turns overload into late overload.
    package var queueByteCountMax = 64 << 20
    /// Bytes gathered into one envelope, and so into one sync.
    package var envelopeByteCountTarget = 16 << 20
    /// A block of fewer rows is joined with its neighbours when its segment is made anew: its head outweighs
    /// its columns.
    package var shortRowCount = 256
    /// How long an idempotency key is remembered: a client that was down for a night retries safely.
    package var keyHorizonMilliseconds: Int64 = 86_400_000
    /// Keys remembered of one topic, at about 64 bytes each; past it the oldest are forgotten.
    package var keyCountMax = 1 << 20
    /// Between attempts to write again after the disk refused.
    package var recoveryIntervalMilliseconds = 1000
    /// The directory below the file system's root, "" for the root itself.
    package var directory = ""

    package init() {}

    func path(_ name: String) -> String { directory.isEmpty ? name : directory + "/" + name }
}
