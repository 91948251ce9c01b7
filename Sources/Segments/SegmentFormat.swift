// The numbers that the format document names. Segments.docc/SegmentFormat.md draws them.

import Records

package enum SegmentFormat {
    /// "ALOGSEG" and a zero byte, as a little-endian integer.
    static let segmentMagic: UInt64 = 0x0047_4553_474F_4C41
    /// "ENVL".
    static let envelopeMagic: UInt32 = 0x4C56_4E45
    /// "ALOGSEAL".
    static let sealMagic: UInt64 = 0x4C41_4553_474F_4C41
    /// Frozen: files of this version are read for ever (CompatibilityTests).
    package static let version: UInt16 = 1

    package static let segmentHeaderByteCount = 32
    package static let envelopeHeaderByteCount = 32
    static let trailerByteCount = 24

    /// The largest envelope body. A length above it is damage, not a large commit: it bounds what
    /// a reader allocates. No commit comes near it: requests are bounded well below, and whoever has more to
    /// say makes several commits.
    package static let envelopeByteCountMax = 256 << 20
    /// Rows of a column block: large enough to compress within 2 % of ever larger blocks, small
    /// enough that one block answers a one-minute window in microseconds.
    package static let blockRowCountMax = 2048
    /// A reader's bound on a place in a file: beyond any file, and lengths can be added to it.
    static let offsetLimit = 1 << 56
    /// A reader's bound on the index of a record: beyond any partition, and row counts can be added to it.
    package static let indexLimit = 1 << 62
    /// A reader's bound on a commit: beyond any log, and the next one can be counted.
    package static let commitLimit = 1 << 62
    /// A reader's bound on rows; above it the head is damaged.
    static let rowCountLimit = 1 << 20
    /// A reader's bound on a block's head.
    static let headByteCountMax = 64 << 20

    /// The most bytes of a head: names, lengths and checksums, each as long as it can be. At the bounds of
    /// `RecordLimits` and of a block's rows this is below `headByteCountMax`, so that what is written is read.
    static func headByteCount(fieldCount: Int, columnCount: Int, runCount: Int) -> Int {
        let (name, count, number) = (2 + RecordLimits.nameByteCountMax, 5, 10)
        // An offset, which only grouped blocks have, a length and a checksum.
        let place = 2 * count + 4
        let opening = 8 + 2 * name + 5 * number + 1 + runCount * 2 * number + place + count
        return opening + fieldCount * (name + 1 + place + 2 * count) + columnCount * (1 + place)
    }
    /// A reader's bound on the records of one request.
    static let keyRowCountLimit = 1 << 31
    /// From this many rows a batch gets column blocks of its own; below, a small block.
    package static let columnBlockRowCountMin = 256
}
