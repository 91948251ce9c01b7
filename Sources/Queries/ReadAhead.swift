// Runs of a group's bytes, read at once: the heads of neighbouring blocks lie side by side, and so do
// their columns of one path. What one block asks for, the next one will ask for right behind it.
//
// Invariants:
//  * The bytes given are those at the place that was asked for.
//  * It holds few runs of bounded size, and none of them longer than the blocks to come can want.

import Segments

final class ReadAhead {
    private struct Run {
        var segment: UInt64
        var offset: Int
        var bytes: [UInt8]
    }

    /// The last used one comes last.
    private var runs: [Run] = []

    /// Heads, times, a path with its presence, two columns of a filter.
    private static let runCountMax = 6
    /// Past this a second read costs less than the memory.
    private static let byteCountMax = 1 << 20

    /// - Parameter wanted: about how many such pieces will be asked for, one behind the other.
    /// - Returns: the bytes, and how many were read from the file for them.
    func read(
        _ segment: SegmentFile, at offset: Int, byteCount: Int, pieces wanted: Int
    ) throws(SegmentError) -> (bytes: [UInt8], readByteCount: Int) {
        if let position = runs.lastIndex(where: { run in
            run.segment == segment.number && run.offset <= offset
                && offset + byteCount <= run.offset + run.bytes.count
        }) {
            let run = runs[position]
            if position != runs.count - 1 { runs.append(runs.remove(at: position)) }
            let start = offset - run.offset
            return (Array(run.bytes[start..<start + byteCount]), 0)
        }
        // Pieces differ a little in size: an eighth more, rather than one more read for the last.
        let aheadByteCount = min(ReadAhead.byteCountMax, byteCount * wanted + byteCount * wanted / 8)
        guard wanted > 1, aheadByteCount > byteCount else {
            return (try segment.read(at: offset, byteCount: byteCount), byteCount)
        }
        let end = min(offset + aheadByteCount, try segment.byteCount())
        guard end > offset + byteCount else {
            return (try segment.read(at: offset, byteCount: byteCount), byteCount)
        }
        let bytes = try segment.read(at: offset, byteCount: end - offset)
        if runs.count == ReadAhead.runCountMax { runs.removeFirst() }
        runs.append(Run(segment: segment.number, offset: offset, bytes: bytes))
        return (Array(bytes[..<byteCount]), bytes.count)
    }
}
