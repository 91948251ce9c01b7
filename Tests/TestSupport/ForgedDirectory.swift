// A segment's directory with an entry changed by hand.

import Segments

extension SegmentDirectory {
    /// Changes what it says of the block at `position`.
    package mutating func changeBlock(_ position: Int, _ change: (inout BlockEntry) -> Void) {
        var entries = Array(blocks)
        change(&entries[position])
        blocks = BlockList(entries)
    }
}
