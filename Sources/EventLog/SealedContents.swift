// What sealed segments say they hold, read by all cores before their turns come: a log's opening is mostly this,
// an entry for each block that there is.
//
//     manifest  1 2 3 4 5 6 …        open, and have the disk fetch the ends of the next 64
//               ├── 1 3 5 …  ─┐
//               └── 2 4 6 …  ─┴──►   footers read, checked, put apart by topic
//     index     1, then 2, then 3 …  one after another, as one may let another's records go
//
// Invariant: what is wrong with a segment is told when its turn comes, and ends no other's reading.

import Disk
import Dispatch
import Segments
import Synchronization

/// A sealed segment's footer.
struct SealedContents: Sendable {
    var header: SegmentHeader
    var topics: [(topic: String, blocks: SegmentBlocks)]
    var events: [EventEntry]
    var keys: [KeyBlockEntry]
    var otherTopics: Set<String>
    /// The last commit; nil where it has none.
    var lastCommit: CommitNumber?

    init(reading segment: SegmentFile) throws(SegmentError) {
        let footer = try segment.footer()
        header = footer.header
        topics = SegmentBlocks.byTopic(footer.directory.blocks, segment: segment.number)
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

    /// The next one is the last.
    private var found: [Found] = []

    /// Opens those of the next `countMax` entries that are sealed.
    ///
    /// - Parameter open: what is wrong with one that it does not open is told by it when its turn comes.
    mutating func fill(
        _ entries: ArraySlice<Manifest.Entry>, _ open: (UInt64) throws(SegmentError) -> SegmentFile
    ) {
        var segments: [SegmentFile] = []
        for entry in entries.prefix(Self.countMax) where entry.state == .sealed {
            guard let segment = try? open(entry.number) else { continue }
            segment.willReadFooter(byteCount: entry.byteCount)
            segments.append(segment)
        }
        let contents = Mutex([Result<SealedContents, SegmentError>?](repeating: nil, count: segments.count))
        let read = { @Sendable [segments] (position: Int) in
            let result = Result { () throws(SegmentError) in try SealedContents(reading: segments[position]) }
            contents.withLock { $0[position] = result }
        }
        if segments.count < 4 {
            // Waking a thread costs as much as reading one.
            for position in segments.indices { read(position) }
        } else {
            DispatchQueue.concurrentPerform(iterations: segments.count, execute: read)
        }
        found = zip(segments, contents.withLock { $0 }).map { Found(segment: $0, contents: $1!) }.reversed()
    }

    /// The segment of that number, if its turn has come and it was opened.
    mutating func take(_ number: UInt64) -> Found? {
        found.last?.segment.number == number ? found.removeLast() : nil
    }
}
