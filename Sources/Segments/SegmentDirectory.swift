// What a segment holds, block by block: kept in memory for all segments, written at the end of a
// sealed one so that opening a store reads no columns.
//
// Invariant: the directory of a sealed segment and a scan of its envelopes say the same, but for
// small blocks that were rolled: the directory leaves those out, as nobody reads them again.
//
// Format: Segments.docc/SegmentFormat.md, "Footer".

import Bytes
import Records

/// A block of records: where it lies and whose rows it holds.
package struct BlockEntry: Hashable, Sendable {
    package var topic: String
    package var partition: String
    /// Of the block's payload in its file.
    package var offset: Int
    /// Of head and columns together, wherever the columns lie.
    package var byteCount: Int
    package var headByteCount: Int
    package var kind: BlockKind
    package var firstIndex: UInt64
    package var rowCount: Int
    /// Least and greatest time of its rows, milliseconds since 1970.
    package var timeMin: Int64
    package var timeMax: Int64
    /// Of its first row, and of its last.
    package var firstCommit: CommitNumber
    package var lastCommit: CommitNumber
    /// From its own start to where the offsets of its columns count from: 0 but for a grouped block,
    /// whose columns lie with its group's.
    package var columnsDistance: Int

    /// Where the offsets of its columns count from, in the file.
    package var columnsOffset: Int { offset &+ columnsDistance }

    package init(
        topic: String, partition: String, offset: Int, byteCount: Int, headByteCount: Int,
        kind: BlockKind, firstIndex: UInt64, rowCount: Int, timeMin: Int64, timeMax: Int64,
        firstCommit: CommitNumber, lastCommit: CommitNumber, columnsDistance: Int = 0
    ) {
        self.columnsDistance = columnsDistance
        self.topic = topic
        self.partition = partition
        self.offset = offset
        self.byteCount = byteCount
        self.headByteCount = headByteCount
        self.kind = kind
        self.firstIndex = firstIndex
        self.rowCount = rowCount
        self.timeMin = timeMin
        self.timeMax = timeMax
        self.firstCommit = firstCommit
        self.lastCommit = lastCommit
    }
}

/// An event: where it lies and which commit brought it.
package struct EventEntry: Hashable, Sendable {
    package var name: String
    /// Of its payload in the file.
    package var offset: Int
    package var byteCount: Int
    package var commit: CommitNumber

    package init(name: String, offset: Int, byteCount: Int, commit: CommitNumber) {
        self.name = name
        self.offset = offset
        self.byteCount = byteCount
        self.commit = commit
    }
}

/// A block of idempotency keys: where it lies, which commit brought it, and when its newest key was used.
package struct KeyBlockEntry: Hashable, Sendable {
    /// Of its payload in the file.
    package var offset: Int
    package var byteCount: Int
    package var commit: CommitNumber
    /// The greatest time of its keys: past the horizon nobody reads it.
    package var timeMax: Int64

    package init(offset: Int, byteCount: Int, commit: CommitNumber, timeMax: Int64) {
        self.offset = offset
        self.byteCount = byteCount
        self.commit = commit
        self.timeMax = timeMax
    }
}

/// What lies in a segment. Of one that grows, what does so far.
package struct SegmentDirectory: Equatable, Sendable {
    package var blocks = BlockList()
    package var events: [EventEntry] = []
    package var keys: [KeyBlockEntry] = []
    /// Whose keys and small blocks it holds. No block may be listed of theirs: of small blocks that were let go
    /// before they were rolled, of keys that outlived their records.
    package var otherTopics: Set<String> = []
    /// The least and greatest commit of the segment; nil while it has none.
    package var commits: ClosedRange<CommitNumber>?

    package init() {}

    /// Widens `commits` so that it holds this one.
    package mutating func note(commit: CommitNumber) {
        commits = commits.map { min($0.lowerBound, commit)...max($0.upperBound, commit) } ?? commit...commit
    }

    static let entryCountMax = 1 << 26

    func write(into writer: inout ByteWriter) {
        var names: [String] = []
        var numbers: [String: Int] = [:]
        func number(_ name: String) -> Int {
            if let known = numbers[name] { return known }
            numbers[name] = names.count
            names.append(name)
            return names.count - 1
        }
        for block in blocks {
            _ = number(block.topic)
            _ = number(block.partition)
        }
        for event in events { _ = number(event.name) }
        // Behind the names that entries refer to: nobody refers to these.
        names += otherTopics.subtracting(blocks.lazy.map(\.topic)).sorted()
        writer.writeVarint(names.count)
        for name in names { writer.write(text: name) }
        writer.writeVarint(commits == nil ? 0 : 1)
        if let commits {
            writer.writeVarint(commits.lowerBound)
            writer.writeVarint(commits.upperBound - commits.lowerBound)
        }
        writer.writeVarint(blocks.count)
        for block in blocks {
            writer.writeVarint(number(block.topic))
            writer.writeVarint(number(block.partition))
            writer.write(block.kind.rawValue)
            writer.writeVarint(block.offset)
            writer.writeVarint(block.byteCount)
            writer.writeVarint(block.headByteCount)
            writer.writeVarint(block.firstIndex)
            writer.writeVarint(block.rowCount)
            writer.writeZigzag(block.timeMin)
            writer.writeVarint(UInt64(bitPattern: block.timeMax &- block.timeMin))
            writer.writeVarint(block.firstCommit)
            writer.writeVarint(block.lastCommit - block.firstCommit)
            if block.kind == .grouped { writer.writeVarint(block.columnsDistance) }
        }
        writer.writeVarint(events.count)
        for event in events {
            writer.writeVarint(number(event.name))
            writer.writeVarint(event.offset)
            writer.writeVarint(event.byteCount)
            writer.writeVarint(event.commit)
        }
        writer.writeVarint(keys.count)
        for entry in keys {
            writer.writeVarint(entry.offset)
            writer.writeVarint(entry.byteCount)
            writer.writeVarint(entry.commit)
            writer.writeZigzag(entry.timeMax)
        }
    }

    static func read(_ bytes: UnsafeRawBufferPointer) throws(BytesError) -> SegmentDirectory {
        var cursor = ByteCursor(bytes)
        var names: [String] = []
        for _ in 0..<(try cursor.readCount(limit: entryCountMax)) {
            names.append(try cursor.readText(byteCountMax: RecordLimits.nameByteCountMax))
        }
        /// Names from the first to the last that an entry refers to.
        var nameCount = 0
        func name(_ cursor: inout ByteCursor) throws(BytesError) -> String {
            let place = cursor.offset
            let number = try cursor.readCount(limit: entryCountMax)
            nameCount = max(nameCount, number + 1)
            guard number < names.count else {
                throw .malformed(offset: place, reason: "name \(number) of \(names.count)")
            }
            return names[number]
        }
        var directory = SegmentDirectory()
        if try cursor.readCount(limit: 1) == 1 {
            let first = try cursor.readCommit()
            directory.commits = first...first + (try cursor.readCommit(behind: first))
        }
        let blockCount = try cursor.readCount(limit: entryCountMax)
        directory.blocks = try readBlocks(blockCount, names, from: &cursor, &nameCount)
        for _ in 0..<(try cursor.readCount(limit: entryCountMax)) {
            directory.events.append(
                EventEntry(
                    name: try name(&cursor), offset: try cursor.readCount(limit: SegmentFormat.offsetLimit),
                    byteCount: try cursor.readCount(limit: SegmentFormat.envelopeByteCountMax),
                    commit: try cursor.readCommit()))
        }
        for _ in 0..<(try cursor.readCount(limit: entryCountMax)) {
            directory.keys.append(
                KeyBlockEntry(
                    offset: try cursor.readCount(limit: SegmentFormat.offsetLimit),
                    byteCount: try cursor.readCount(limit: SegmentFormat.envelopeByteCountMax),
                    commit: try cursor.readCommit(), timeMax: try cursor.readZigzag()))
        }
        directory.otherTopics = Set(names[min(nameCount, names.count)...])
        return directory
    }

    /// Opening a log reads an entry for every block that there is: so the numbers of one are read together, and
    /// where one is beyond its limit, its place is looked for then.
    private static func readBlocks(
        _ count: Int, _ names: [String], from cursor: inout ByteCursor, _ nameCount: inout Int
    ) throws(BytesError) -> BlockList {
        guard !names.isEmpty || count == 0 else {
            throw .malformed(offset: cursor.offset, reason: "blocks, and no names of their topics")
        }
        let numbers = UnsafeMutableBufferPointer<UInt64>.allocate(capacity: 9)
        defer { numbers.deallocate() }
        let nameNumbers = UnsafeMutableBufferPointer(rebasing: numbers[..<2])
        var owners: [BlockList.Owner] = []
        /// Their numbers, by both of their names'.
        var ownerNumbers: [Int: UInt32] = [:]
        var (owner, ownerNames) = (UInt32(0), -1)
        var times: [BlockList.Times] = []
        var places: [BlockList.Place] = []
        // A claim, until as many bytes are there: an entry has a dozen.
        times.reserveCapacity(min(count, cursor.remaining / 12))
        places.reserveCapacity(min(count, cursor.remaining / 12))
        var start = 0
        func number(_ position: Int, limit: Int) throws(BytesError) -> Int {
            guard numbers[position] <= UInt64(limit) else {
                var place = ByteCursor(cursor.bytes, at: start)
                for _ in 0..<position { _ = try place.readVarint() }
                throw .overLimit(offset: place.offset, found: numbers[position], limit: UInt64(limit))
            }
            return Int(truncatingIfNeeded: numbers[position])
        }
        for _ in 0..<count {
            start = cursor.offset
            try cursor.readVarints(into: nameNumbers)
            let topic = try number(0, limit: names.count - 1)
            let partition = try number(1, limit: names.count - 1)
            nameCount = max(nameCount, max(topic, partition) + 1)
            // Neighbours are mostly of one owner.
            if ownerNames != topic * names.count + partition {
                ownerNames = topic * names.count + partition
                if let known = ownerNumbers[ownerNames] {
                    owner = known
                } else {
                    owner = UInt32(owners.count)
                    ownerNumbers[ownerNames] = owner
                    owners.append(BlockList.Owner(topic: names[topic], partition: names[partition]))
                }
            }
            let code: UInt8 = try cursor.read()
            guard let kind = BlockKind(rawValue: code) else {
                throw .unknownCode(offset: cursor.offset - 1, kind: "a block", found: UInt64(code))
            }
            start = cursor.offset
            try cursor.readVarints(into: numbers)
            let offset = try number(0, limit: SegmentFormat.offsetLimit)
            let byteCount = try number(1, limit: SegmentFormat.envelopeByteCountMax)
            let headByteCount = try number(2, limit: SegmentFormat.headByteCountMax)
            let firstIndex = UInt64(try number(3, limit: SegmentFormat.indexLimit))
            let rowCount = try number(4, limit: SegmentFormat.rowCountLimit)
            let timeMin = Int64(bitPattern: numbers[5] >> 1) ^ -Int64(bitPattern: numbers[5] & 1)
            let timeMax = try cursor.greatestTime(timeMin, span: numbers[6], at: start)
            let firstCommit = try number(7, limit: SegmentFormat.commitLimit)
            let lastCommit = firstCommit + (try number(8, limit: SegmentFormat.commitLimit - firstCommit))
            let columnsDistance =
                kind == .grouped ? try cursor.readCount(limit: SegmentFormat.envelopeByteCountMax) : 0
            times.append(BlockList.Times(min: timeMin, max: timeMax))
            places.append(
                BlockList.Place(
                    offset: offset, firstIndex: firstIndex, firstCommit: CommitNumber(firstCommit),
                    lastCommit: CommitNumber(lastCommit), byteCount: UInt32(truncatingIfNeeded: byteCount),
                    headByteCount: UInt32(truncatingIfNeeded: headByteCount),
                    rowCount: UInt32(truncatingIfNeeded: rowCount),
                    columnsDistance: UInt32(truncatingIfNeeded: columnsDistance), owner: owner, kind: kind))
        }
        return BlockList(owners, times[...], places[...])
    }
}
