// Blocks of a few rows, made one when their segment is made anew.
//
//     head a b c │ 2 rows   head a b c │ 1 row   head a b c │ 3 rows ──►  head a b c │ 6 rows
//
// Ten thousand clients share the memory in which small appends wait to become columns, so that the tail of
// each is rolled with a row or two. A head takes about thirty bytes a column: of such rows it is nearly all
// that is kept of them, and the index holds an entry for each.
//
// Invariants:
//  * A joined block has the rows of those it was made of, in their order, with their addresses and commits.
//  * Only neighbours are joined, by index, of one partition, whose times lie within a day all together, whose
//    columns unify and whose fields have one order in common; others stay as they are. So do those with damaged
//    columns, which an erasure takes along, and those that a tombstone divides.
//  * What is decoded at once is bounded, and a block that holds enough rows is never decoded.

import Records
import Segments

/// A block and where it is.
struct BlockPlace {
    var segment: UInt64
    var block: BlockEntry

    /// A topic's blocks in some segments, in their order but for those that may be joined: each run of them
    /// stands where its first one did.
    ///
    /// - Parameter shortRowCount: a block of fewer rows is short.
    static func shortRuns(
        of topic: TopicIndex, in segments: Set<UInt64>, shortRowCount: Int
    ) -> [[BlockPlace]] {
        var runs: [[BlockPlace]] = []
        /// The run of each partition that may go on.
        var open: [String: OpenRun] = [:]
        for blocks in topic.segments where segments.contains(blocks.segment) {
            for block in blocks.blocks {
                let place = BlockPlace(segment: blocks.segment, block: block)
                let isShort =
                    block.rowCount < shortRowCount
                    && !(topic.letGo[block.partition]?.divides(block.indexes) ?? false)
                if isShort, var run = open[block.partition], run.rowCount < shortRowCount, run.take(block) {
                    runs[run.position].append(place)
                    open[block.partition] = run
                } else {
                    open[block.partition] = isShort ? OpenRun(position: runs.count, block) : nil
                    runs.append([place])
                }
            }
        }
        return runs
    }
}

/// Neighbours that are to be one block, as far as they were met.
private struct OpenRun {
    let position: Int
    private(set) var rowCount: Int
    private var endIndex: UInt64
    private var timeMin: Int64
    private var timeMax: Int64

    init(position: Int, _ block: BlockEntry) {
        self.position = position
        rowCount = block.rowCount
        endIndex = block.indexes.upperBound
        (timeMin, timeMax) = (block.timeMin, block.timeMax)
    }

    /// Whether `block` follows by index, and all of their times still lie near each other; then it is taken.
    mutating func take(_ block: BlockEntry) -> Bool {
        let (least, greatest) = (min(timeMin, block.timeMin), max(timeMax, block.timeMax))
        // Unsigned, so that no distance is too great.
        guard block.firstIndex == endIndex,
            UInt64(bitPattern: greatest &- least) < FarTimes.milliseconds
        else { return false }
        rowCount += block.rowCount
        endIndex = block.indexes.upperBound
        (timeMin, timeMax) = (least, greatest)
        return true
    }
}

/// Joins blocks; one object is used by one thread at a time.
final class ShortBlockJoiner {
    private let reader = BlockReader()
    private let encoder = BlockEncoder()
    /// Decoded bytes of the blocks that become one.
    private static let byteCountMax = 4 << 20
    /// Numbers or texts of a block that is decoded: its head says how many it has.
    private static let cellCountMax = 1 << 18

    /// Neighbours in as few blocks as can be; those that join with no other as they were.
    func joined(_ members: [GroupMember]) -> [GroupMember] {
        var joined: [GroupMember] = []
        var waiting: [(member: GroupMember, run: TailRun)] = []
        var byteCount = 0
        func flush() {
            for run in TailRun.joined(waiting.map(\.run)) {
                if let alone = waiting.first(where: { $0.run.firstIndex == run.firstIndex }),
                    alone.run.endIndex == run.endIndex
                {
                    joined.append(alone.member)
                } else {
                    joined.append(member(run, like: waiting[0].member.head))
                }
            }
            waiting = []
            byteCount = 0
        }
        for member in members {
            guard let run = run(member) else {
                flush()
                joined.append(member)
                continue
            }
            if byteCount + run.byteCount > Self.byteCountMax { flush() }
            waiting.append((member, run))
            byteCount += run.byteCount
        }
        flush()
        return joined
    }

    /// A block's rows; nil where they are damaged, or too much to hold with others.
    private func run(_ member: GroupMember) -> TailRun? {
        let head = member.head
        guard head.cellCount <= Self.cellCountMax else { return nil }
        let batch: RecordBatch
        do throws(SegmentError) {
            // Whoever reads a damaged column is told its place in the file that it goes to.
            batch = try member.batch(with: reader, at: SegmentPlace(file: "", byteOffset: 0))
        } catch { return nil }
        let run = TailRun(
            partition: head.partition, firstIndex: head.firstIndex, batch: batch, commitRuns: head.commitRuns,
            byteCount: TailRun.byteCount(of: batch))
        return run.byteCount <= Self.byteCountMax ? run : nil
    }

    private func member(_ run: TailRun, like head: BlockHead) -> GroupMember {
        let block = encoder.encode(run.batch, topic: head.topic, partition: head.partition)
        return GroupMember(block, firstIndex: run.firstIndex, commitRuns: run.commitRuns)
    }
}

extension BlockHead {
    /// Numbers and texts of all its columns.
    fileprivate var cellCount: Int {
        fields.reduce(rowCount) { count, field in
            switch field.layout {
            case .none: count
            case .scalar, .json: count + rowCount
            case .fixedList(let leaves): count + leaves.count * rowCount
            case .list(_, let elementCount, _): count + rowCount + elementCount
            }
        }
    }
}
