// Blocks of a segment as memory keeps them. A log has an entry for each block that there is from its opening
// on, so what one takes, and how long it takes to put it there, is what a large log's opening costs.
//
//     owners   topic, partition       once each, by number
//     times    least, greatest        16 bytes a block: all that a question about a window looks at
//     places   everything else        56 bytes a block
//
// Invariants:
//  * An entry that was appended comes back equal.
//  * No text is copied, and no use of one counted, for a block that nobody asks for.

/// Entries in an order of their own: made when they are asked for.
import Records

package struct BlockList: RandomAccessCollection, Sendable {
    /// Whose rows a block holds.
    struct Owner: Hashable {
        var topic: String
        var partition: String
    }

    struct Times {
        var min: Int64
        var max: Int64
    }

    /// What `SegmentFormat` bounds is as narrow as its bound.
    struct Place {
        var offset: Int
        var firstIndex: UInt64
        var firstCommit: CommitNumber
        var lastCommit: CommitNumber
        var byteCount: UInt32
        var headByteCount: UInt32
        var rowCount: UInt32
        var columnsDistance: UInt32
        /// In `owners`.
        var owner: UInt32
        var kind: BlockKind
    }

    private var owners: [Owner] = []
    /// Of each owner, the index after its last row; 0 where it has none in this list.
    private var indexEnds: [UInt64] = []
    /// Parts of their segment's, where the list is of one of its topics.
    private var times: ArraySlice<Times> = []
    private var places: ArraySlice<Place> = []
    /// The owners' numbers, once one was looked for: a list that was read as a whole needs none.
    private var numbers: [Owner: UInt32] = [:]

    /// The least and greatest time of all its blocks; where it has none, the greatest and least that can be.
    package private(set) var timeMin = Int64.max
    package private(set) var timeMax = Int64.min
    /// The last commit whose records are in one of the blocks; 0 where there is none.
    package private(set) var lastCommit: CommitNumber = 0
    /// Of all its blocks.
    package private(set) var byteCount = 0
    package private(set) var rowCount = 0

    package init() {}

    package init(_ entries: some Sequence<BlockEntry>) {
        for entry in entries { append(entry) }
    }

    /// - Parameters:
    ///   - owners: each once; not all need have a block.
    ///   - times: of the blocks at `places`.
    init(_ owners: [Owner], _ times: ArraySlice<Times>, _ places: ArraySlice<Place>) {
        self.owners = owners
        self.times = times
        self.places = places
        indexEnds = [UInt64](repeating: 0, count: owners.count)
        for span in times {
            timeMin = Swift.min(timeMin, span.min)
            timeMax = Swift.max(timeMax, span.max)
        }
        for place in places { count(place) }
    }

    // MARK: Entries

    package var startIndex: Int { 0 }
    package var endIndex: Int { places.count }

    /// Made at each call: whoever looks for times alone is better off with `forEachPosition`.
    package subscript(position: Int) -> BlockEntry {
        let place = places[places.startIndex + position]
        let span = times[times.startIndex + position]
        let owner = owners[Int(place.owner)]
        return BlockEntry(
            topic: owner.topic, partition: owner.partition, offset: place.offset,
            byteCount: Int(place.byteCount), headByteCount: Int(place.headByteCount), kind: place.kind,
            firstIndex: place.firstIndex, rowCount: Int(place.rowCount), timeMin: span.min,
            timeMax: span.max, firstCommit: place.firstCommit, lastCommit: place.lastCommit,
            columnsDistance: Int(place.columnsDistance))
    }

    /// Calls `body` with the position of each block that may hold a record of `window`.
    package func forEachPosition(in window: Range<Int64>, _ body: (Int) -> Void) {
        for (position, span) in times.enumerated()
        where span.max >= window.lowerBound && span.min < window.upperBound {
            body(position)
        }
    }

    /// Calls `body` with every partition that has a block, and the index after its last row.
    package func forEachIndexEnd(_ body: (_ partition: String, _ indexEnd: UInt64) -> Void) {
        for (owner, indexEnd) in zip(owners, indexEnds) where indexEnd > 0 { body(owner.partition, indexEnd) }
    }

    // MARK: Growing

    /// - Precondition: its lengths are within the bounds of `SegmentFormat`.
    package mutating func append(_ entry: BlockEntry) {
        let place = Place(
            offset: entry.offset, firstIndex: entry.firstIndex, firstCommit: entry.firstCommit,
            lastCommit: entry.lastCommit, byteCount: UInt32(entry.byteCount),
            headByteCount: UInt32(entry.headByteCount), rowCount: UInt32(entry.rowCount),
            columnsDistance: UInt32(entry.columnsDistance), owner: number(entry.topic, entry.partition),
            kind: entry.kind)
        places.append(place)
        times.append(Times(min: entry.timeMin, max: entry.timeMax))
        timeMin = Swift.min(timeMin, entry.timeMin)
        timeMax = Swift.max(timeMax, entry.timeMax)
        count(place)
    }

    package mutating func append(contentsOf entries: some Sequence<BlockEntry>) {
        for entry in entries { append(entry) }
    }

    /// The number of an owner, who has one from here on.
    private mutating func number(_ topic: String, _ partition: String) -> UInt32 {
        if let last = places.last?.owner {
            let owner = owners[Int(last)]
            if owner.partition == partition && owner.topic == topic { return last }
        }
        if numbers.count != owners.count {
            numbers = Dictionary(uniqueKeysWithValues: zip(owners, UInt32(0)...))
        }
        let owner = Owner(topic: topic, partition: partition)
        if let known = numbers[owner] { return known }
        owners.append(owner)
        indexEnds.append(0)
        let number = UInt32(owners.count - 1)
        numbers[owner] = number
        return number
    }

    private mutating func count(_ place: Place) {
        lastCommit = Swift.max(lastCommit, place.lastCommit)
        byteCount += Int(place.byteCount)
        rowCount += Int(place.rowCount)
        let indexEnd = place.firstIndex + UInt64(place.rowCount)
        let owner = Int(place.owner)
        if indexEnd > indexEnds[owner] { indexEnds[owner] = indexEnd }
    }

    // MARK: Apart

    /// Its blocks, apart by topic, each in the order of this list. A topic's only run of neighbours, which is what
    /// regrouping leaves of each, stays where it is.
    package func byTopic() -> [(topic: String, blocks: BlockList)] {
        var topics: [String] = []
        var numbers: [String: Int] = [:]
        /// Of each owner, the number of its topic.
        let topicNumbers = owners.map { owner in
            if let known = numbers[owner.topic] { return known }
            topics.append(owner.topic)
            numbers[owner.topic] = topics.count - 1
            return topics.count - 1
        }
        var runs = [[Range<Int>]](repeating: [], count: topics.count)
        // Both begin at the same index: they are parts of arrays that grew together.
        precondition(times.indices == places.indices, "A block has its times.")
        var start = places.startIndex
        while start < places.endIndex {
            let topic = topicNumbers[Int(places[start].owner)]
            var end = start + 1
            while end < places.endIndex, topicNumbers[Int(places[end].owner)] == topic { end += 1 }
            runs[topic].append(start..<end)
            start = end
        }
        return zip(topics, runs).map { topic, runs in
            if runs.count == 1 {
                return (topic, BlockList(owners, times[runs[0]], places[runs[0]]))
            }
            var (ownTimes, ownPlaces): ([Times], [Place]) = ([], [])
            let count = runs.reduce(0) { $0 + $1.count }
            ownTimes.reserveCapacity(count)
            ownPlaces.reserveCapacity(count)
            for run in runs {
                ownTimes += times[run]
                ownPlaces += places[run]
            }
            return (topic, BlockList(owners, ownTimes[...], ownPlaces[...]))
        }
    }
}

extension BlockList: Equatable {
    package static func == (one: BlockList, other: BlockList) -> Bool { one.elementsEqual(other) }
}
