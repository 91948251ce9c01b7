// Runs of a segment's bytes in memory that a scan uses again and again. The heads of a group's blocks lie
// side by side, and so do their columns of one path: what one block asks for, the next one will ask for
// right behind it, so it is read with it.
//
// Invariants:
//  * The bytes lent are those at the place that was asked for. Bytes that were read for the asking stay until
//    `runCount` more runs were read; those of a run that was there already, until the next one is.
//  * No run is longer than what was asked for, or than the blocks to come can want, within `byteCountMax`.
//  * Used by the one scan that made it, so by one thread at a time.

import Segments

final class ReadAhead {
    private struct Run {
        /// 0, which no segment has, where there is none.
        var segment: UInt64 = 0
        var offset = 0
        var byteCount = 0
        var memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)

        func holds(_ wanted: Range<Int>, of segment: UInt64) -> Bool {
            self.segment == segment && offset <= wanted.lowerBound && wanted.upperBound <= offset + byteCount
        }
    }

    private var runs = [Run](repeating: Run(), count: runCount)
    /// The run that the next reading replaces: the oldest.
    private var next = 0

    /// Heads, times, a path with its presence, two columns of a filter.
    private static let runCount = 6
    /// Past this a second read costs less than the memory.
    private static let byteCountMax = 1 << 20

    deinit {
        for run in runs { run.memory.deallocate() }
    }

    /// - Parameter pieceCount: about how many such pieces will be asked for, one behind the other.
    /// - Returns: the bytes, and how many were read from the file for them.
    func lend(
        _ segment: SegmentFile, at offset: Int, byteCount: Int, pieceCount: Int
    ) throws(SegmentError) -> (bytes: UnsafeRawBufferPointer, readByteCount: Int) {
        let wanted = offset..<offset + byteCount
        for position in runs.indices where runs[position].holds(wanted, of: segment.number) {
            let start = offset - runs[position].offset
            return (UnsafeRawBufferPointer(rebasing: runs[position].memory[start..<start + byteCount]), 0)
        }
        var runByteCount = byteCount
        if pieceCount > 1 {
            // Pieces differ a little in size: an eighth more, rather than one more read for the last.
            let ahead = min(ReadAhead.byteCountMax, byteCount * pieceCount + byteCount * pieceCount / 8)
            runByteCount = max(byteCount, min(ahead, try segment.byteCount() - offset))
        }
        let position = next
        next = (next + 1) % ReadAhead.runCount
        // Holds nothing, should the reading fail.
        runs[position].segment = 0
        if runs[position].memory.count < runByteCount {
            let room = max(runByteCount, 2 * runs[position].memory.count)
            runs[position].memory.deallocate()
            runs[position].memory = .allocate(byteCount: room, alignment: 16)
        }
        let memory = UnsafeMutableRawBufferPointer(rebasing: runs[position].memory[..<runByteCount])
        try segment.read(at: offset, into: memory)
        runs[position].segment = segment.number
        runs[position].offset = offset
        runs[position].byteCount = runByteCount
        return (UnsafeRawBufferPointer(rebasing: memory[..<byteCount]), runByteCount)
    }
}
