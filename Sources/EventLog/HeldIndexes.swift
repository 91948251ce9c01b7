// Which addresses from before a leap stand in blocks already, so that none is shown twice.
//
//     A  small blocks of 0 … 10
//     B  columns of 0 … 5, lost, given up, back     ──► 0 … 5 are held
//     C  columns of 0 … 10, made while B was lost   ──► its 5 … 10 alone are added
//
// Small appends that are seen become columns behind a leap though what was given up has columns of them as well. In
// the order of the log the first block of a record counts; what comes after it has the rest.
//
// Invariants:
//  * An index is in it once a block that has it was added, and as long as the log is open.
//  * To ask and to add looks at no other partition, and there at what touches the block, however many there are.

import Segments

struct HeldIndexes: Sendable {
    private var partitions: [String: IndexRanges] = [:]
    /// Ranges that were looked at so far: what it costs, for whoever counts it.
    private(set) var stepCount = 0

    /// Adds a block's rows, if none of them is held.
    ///
    /// - Returns: the rows that nobody held, where some are held; nil where none was and all are now.
    mutating func add(_ block: BlockEntry) -> IndexRanges? {
        let (rest, touched) = self.rest(of: block)
        stepCount += 1 + touched
        guard rest.count == UInt64(block.rowCount) else { return rest }
        partitions[block.partition, default: IndexRanges()].insert(block.indexes)
        return nil
    }

    /// A block's rows that are not held, and how many ranges were looked at for it.
    func rest(of block: BlockEntry) -> (rest: IndexRanges, touchedCount: Int) {
        guard let held = partitions[block.partition] else { return (IndexRanges(block.indexes), 0) }
        var rest = IndexRanges(block.indexes)
        let touched = held.touching(block.indexes)
        for range in touched { rest.subtract(range) }
        return (rest, touched.count)
    }
}
