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
package struct BlockList: RandomAccessCollection, Sendable {
    /// Whose rows a block holds.
    private struct Owner: Hashable {
        var topic: String
        var partition: String
    }

    private struct Times {
        var min: Int64
        var max: Int64
    }

    /// What `SegmentFormat` bounds is as narrow as its bound.
    private struct Place {
        var offset: Int
        var firstIndex: UInt64
        var firstCommit: UInt64
        var lastCommit: UInt64
        var byteCount: UInt32
        var headByteCount: UInt32
        var rowCount: UInt32
        var columnsDistance: UInt32
        /// In `owners`.
        var owner: UInt32
        var kind: BlockKind
    }

    private var owners: [Owner] = []
    /// Of each owner, the index after its last row.
    private var indexEnds: [UInt64] = []
    private var times: [Times] = []
    private var places: [Place] = []
    /// The owners' numbers, once one was looked for: a list that was read as a whole needs none.
    private var numbers: [Owner: UInt32] = [:]

    /// The least and greatest time of all its blocks; where it has none, the greatest and least that can be.
    package private(set) var timeMin = Int64.max
    package private(set) var timeMax = Int64.min
    /// The last commit whose records are in one of the blocks; 0 where there is none.
    package private(set) var lastCommit: UInt64 = 0
    /// Of all its blocks.
    package private(set) var byteCount = 0
    package private(set) var rowCount = 0

    package init() {}

    package init(_ entries: some Sequence<BlockEntry>) {
        for entry in entries { append(entry) }
    }

    // MARK: Entries

    package var startIndex: Int { 0 }
    package var endIndex: Int { places.count }

    package subscript(position: Int) -> BlockEntry {
        let place = places[position]
        let owner = owners[Int(place.owner)]
        return BlockEntry(
            topic: owner.topic, partition: owner.partition, offset: place.offset,
            byteCount: Int(place.byteCount), headByteCount: Int(place.headByteCount), kind: place.kind,
            firstIndex: place.firstIndex, rowCount: Int(place.rowCount), timeMin: times[position].min,
            timeMax: times[position].max, firstCommit: place.firstCommit, lastCommit: place.lastCommit,
            columnsDistance: Int(place.columnsDistance))
    }

    /// Calls `body` with the position of each block that may hold a record of `window`.
    package func forEachPosition(in window: Range<Int64>, _ body: (Int) -> Void) {
        for position in times.indices
        where times[position].max >= window.lowerBound && times[position].min < window.upperBound {
            body(position)
        }
    }

    /// Calls `body` with every partition that has a block, and the index after its last row.
    package func forEachIndexEnd(_ body: (_ partition: String, _ indexEnd: UInt64) -> Void) {
        for (owner, indexEnd) in zip(owners, indexEnds) { body(owner.partition, indexEnd) }
    }

    // MARK: Growing

    mutating func reserveCapacity(_ count: Int) {
        times.reserveCapacity(count)
        places.reserveCapacity(count)
    }

    package mutating func append(_ entry: BlockEntry) {
        append(
            number: number(entry.topic, entry.partition), offset: entry.offset, byteCount: entry.byteCount,
            headByteCount: entry.headByteCount, kind: entry.kind, firstIndex: entry.firstIndex,
            rowCount: entry.rowCount, timeMin: entry.timeMin, timeMax: entry.timeMax,
            firstCommit: entry.firstCommit, lastCommit: entry.lastCommit,
            columnsDistance: entry.columnsDistance)
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
        let number = appendOwner(topic, partition)
        numbers[owner] = number
        return number
    }

    /// Adds an owner that is not there yet.
    ///
    /// - Returns: its number.
    mutating func appendOwner(_ topic: String, _ partition: String) -> UInt32 {
        owners.append(Owner(topic: topic, partition: partition))
        indexEnds.append(0)
        return UInt32(owners.count - 1)
    }

    /// Adds a block of the owner `number`.
    mutating func append(
        number: UInt32, offset: Int, byteCount: Int, headByteCount: Int, kind: BlockKind, firstIndex: UInt64,
        rowCount: Int, timeMin: Int64, timeMax: Int64, firstCommit: UInt64, lastCommit: UInt64,
        columnsDistance: Int
    ) {
        append(
            Place(
                offset: offset, firstIndex: firstIndex, firstCommit: firstCommit, lastCommit: lastCommit,
                byteCount: UInt32(byteCount), headByteCount: UInt32(headByteCount),
                rowCount: UInt32(rowCount), columnsDistance: UInt32(columnsDistance), owner: number,
                kind: kind),
            Times(min: timeMin, max: timeMax))
    }

    @inline(__always)
    private mutating func append(_ place: Place, _ span: Times) {
        places.append(place)
        times.append(span)
        timeMin = Swift.min(timeMin, span.min)
        timeMax = Swift.max(timeMax, span.max)
        lastCommit = Swift.max(lastCommit, place.lastCommit)
        byteCount += Int(place.byteCount)
        rowCount += Int(place.rowCount)
        let indexEnd = place.firstIndex + UInt64(place.rowCount)
        let owner = Int(place.owner)
        if indexEnd > indexEnds[owner] { indexEnds[owner] = indexEnd }
    }

    // MARK: Apart

    /// Its blocks, apart by topic, each in the order of this list.
    package func byTopic() -> [(topic: String, blocks: BlockList)] {
        var found: [(topic: String, blocks: BlockList)] = []
        var positions: [String: Int] = [:]
        /// Of each owner: where its topic stands in `found`, and its number there.
        var homes: [(position: Int, number: UInt32)] = []
        for owner in owners {
            let position = positions[owner.topic] ?? found.count
            if position == found.count {
                positions[owner.topic] = position
                found.append((owner.topic, BlockList()))
            }
            homes.append((position, found[position].blocks.appendOwner(owner.topic, owner.partition)))
        }
        if found.count == 1 { return [(found[0].topic, self)] }
        var counts = [Int](repeating: 0, count: found.count)
        for place in places { counts[homes[Int(place.owner)].position] += 1 }
        for (position, count) in counts.enumerated() { found[position].blocks.reserveCapacity(count) }
        for position in places.indices {
            var place = places[position]
            let home = homes[Int(place.owner)]
            place.owner = home.number
            found[home.position].blocks.append(place, times[position])
        }
        return found
    }
}

extension BlockList: Equatable {
    package static func == (one: BlockList, other: BlockList) -> Bool { one.elementsEqual(other) }
}
