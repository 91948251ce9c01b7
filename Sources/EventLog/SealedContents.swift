// What sealed segments say they hold, read by all cores before their turns come: a log's opening is mostly this,
// an entry for each block that there is.
//
//     manifest  1 2 3 4 5 6 …
//               ├── 1 3 5 …  ─┐      open, and have the disk fetch the ends of the next 64; then
//               └── 2 4 6 …  ─┴──►   footers read, checked, put apart by topic
//     index     1, then 2, then 3 …  one after another, as one may let another's records go
//
// Invariant: what is wrong with a segment is told when its turn comes, and ends no other's reading.

import Bytes
import Disk
import Records
import Segments

/// A sealed segment's footer.
struct SealedContents: Sendable {
    var header: SegmentHeader
    var topics: [(topic: String, blocks: BlockList)]
    var events: [EventEntry]
    var keys: [KeyBlockEntry]
    var otherTopics: Set<String>
    /// The last commit; nil where it has none.
    var lastCommit: CommitNumber?

    init(reading segment: SegmentFile) throws(SegmentError) {
        let footer = try segment.footer()
        header = footer.header
        topics = footer.directory.blocks.byTopic()
        events = footer.directory.events
        keys = footer.directory.keys
        otherTopics = footer.directory.otherTopics
        lastCommit = footer.directory.commits?.upperBound
    }
}

/// Sealed segments that were opened before their turn.
struct ReadAheadSegments {
    struct Found {
        var segment: SegmentFile
        var contents: Result<SealedContents, SegmentError>
    }

    /// How many segments are opened before the first of them is taken: with as many reads at once a disk is busy,
    /// and a log may have more segments than a process may open files.
    static let countMax = 64

    /// Those whose bytes the disk fetches.
    private var announced: [SegmentFile] = []
    /// The next one is the last.
    private var found: [Found] = []

    /// Opens those of the next `countMax` entries that are sealed, and has the disk fetch what they say of
    /// themselves: there is time for something else before it is there.
    ///
    /// - Parameter open: what is wrong with one that it does not open is told by it when its turn comes.
    mutating func announce(
        _ entries: ArraySlice<Manifest.Entry>,
        _ open: @Sendable (UInt64) throws(SegmentError) -> SegmentFile
    ) {
        let sealed = entries.prefix(Self.countMax).filter { $0.state == .sealed }
        // All are announced before one is waited for; and to announce one costs half of what to read it does.
        announced = ReadAheadSegments.each(of: sealed) { entry -> SegmentFile? in
            let segment = try? open(entry.number)
            segment?.willReadFooter(byteCount: entry.byteCount)
            return segment
        }.compactMap { $0 }
    }

    /// Reads those that were announced.
    mutating func read() {
        let contents = ReadAheadSegments.each(of: announced) { segment in
            Result { () throws(SegmentError) in try SealedContents(reading: segment) }
        }
        found = zip(announced, contents).map { Found(segment: $0, contents: $1) }.reversed()
        announced = []
    }

    /// What `body` makes of each item, in their order.
    private static func each<Item: Sendable, Made: Sendable>(
        of items: [Item], _ body: @Sendable (Item) -> Made
    ) -> [Made] {
        // Waking a thread costs as much as reading one segment.
        if items.count < 4 { return items.map(body) }
        return Processors.share(parts: items.count) { body(items[$0]) }
    }

    /// The segment of that number, if its turn has come and it was opened.
    mutating func take(_ number: UInt64) -> Found? {
        found.last?.segment.number == number ? found.removeLast() : nil
    }
}
