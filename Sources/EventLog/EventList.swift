// Where the events of a log lie, in commit order: some bytes each, for a log may decide a window of ten
// thousand assays every hour, and each decision is an event.
//
//     full chunks: 256 events packed into bytes ─┬─ open end: places as they are
//                                                └─ the next chunk, once there are 256
//
// An event is packed as what sets it off from the one before it: neighbours share segment and commit, lie
// side by side, and are called alike or counted on ("41", "42"). The first of a chunk starts from nothing.
// In memory only: a chunk is read back by the process that packed it.
//
// Invariants:
//  * It is the sequence of what was appended, but for what `replace` put in another's place.
//  * A copy does not change, and shares all full chunks: appending to a log of any length, while somebody
//    holds a snapshot of it, copies one open end.

import Bytes
import Segments

/// Places of events, in the order of the log. To go through them costs little, to take out one of them more.
package struct EventList: Sendable {
    private var chunks: [Chunk] = []
    private var end: [EventPlace] = []

    private static let chunkCount = 256

    private struct Chunk: Sendable {
        /// Of all its events; nil where they lie in several.
        let segment: UInt64?
        let bytes: [UInt8]

        init(_ places: [EventPlace]) {
            let first = places[0].segment
            segment = places.allSatisfy { $0.segment == first } ? first : nil
            var packer = EventPacker()
            for place in places { packer.append(place) }
            bytes = packer.exactBytes
        }

        /// The first `limit` of its events.
        func places(_ limit: Int = chunkCount) -> [EventPlace] {
            bytes.withUnsafeBytes { bytes in
                var reader = EventUnpacker(bytes)
                var places: [EventPlace] = []
                places.reserveCapacity(limit)
                for _ in 0..<limit { places.append(reader.next()) }
                return places
            }
        }
    }

    package var count: Int { chunks.count * Self.chunkCount + end.count }
    package var isEmpty: Bool { count == 0 }

    /// Costs what stands before it in its chunk.
    package subscript(position: Int) -> EventPlace {
        precondition(position >= 0 && position < count, "There is an event at each position.")
        let (chunk, rest) = position.quotientAndRemainder(dividingBy: Self.chunkCount)
        return chunk < chunks.count ? chunks[chunk].places(rest + 1)[rest] : end[rest]
    }

    package mutating func append(_ place: EventPlace) {
        end.append(place)
        guard end.count == Self.chunkCount else { return }
        chunks.append(Chunk(end))
        end.removeAll(keepingCapacity: true)
    }

    /// Puts `places` where the events of `segments` are, which stand side by side; nowhere where there is none.
    mutating func replace(_ segments: Set<UInt64>, with places: [EventPlace]) {
        let chunk = chunks.firstIndex { chunk in
            chunk.segment.map(segments.contains) ?? chunk.places().contains { segments.contains($0.segment) }
        }
        guard chunk != nil || end.contains(where: { segments.contains($0.segment) }) else { return }
        let kept = chunk ?? chunks.count
        var rest = Array(self.suffix(from: kept * Self.chunkCount))
        guard let first = rest.firstIndex(where: { segments.contains($0.segment) }) else { return }
        let last = rest[first...].firstIndex { !segments.contains($0.segment) } ?? rest.endIndex
        rest.replaceSubrange(first..<last, with: places)
        chunks.removeSubrange(kept...)
        end.removeAll()
        for place in rest { append(place) }
    }

    /// The events of some segments.
    func events(of segments: Set<UInt64>) -> [EventPlace] {
        var found: [EventPlace] = []
        for chunk in chunks where chunk.segment.map(segments.contains) ?? true {
            found += chunk.places().filter { segments.contains($0.segment) }
        }
        return found + end.filter { segments.contains($0.segment) }
    }

    /// What all take in memory, about.
    package var byteCount: Int {
        chunks.reduce(0) { $0 + $1.bytes.count + MemoryLayout<Chunk>.stride + 32 }
            + end.count * MemoryLayout<EventPlace>.stride
    }
}

extension EventList: Sequence {
    package struct Iterator: IteratorProtocol {
        private let list: EventList
        private var chunk: Int
        private var places: [EventPlace]
        private var position: Int

        fileprivate init(_ list: EventList, from start: Int) {
            self.list = list
            (chunk, position) = start.quotientAndRemainder(dividingBy: EventList.chunkCount)
            places = chunk < list.chunks.count ? list.chunks[chunk].places() : list.end
        }

        package mutating func next() -> EventPlace? {
            if position == places.count {
                guard chunk < list.chunks.count else { return nil }
                chunk += 1
                places = chunk < list.chunks.count ? list.chunks[chunk].places() : list.end
                position = 0
                guard !places.isEmpty else { return nil }
            }
            defer { position += 1 }
            return places[position]
        }
    }

    package func makeIterator() -> Iterator { Iterator(self, from: 0) }

    package var underestimatedCount: Int { count }

    /// The events from a position on.
    package func suffix(from start: Int) -> IteratorSequence<Iterator> {
        precondition(start >= 0 && start <= count, "A suffix starts at an event or at the end.")
        return IteratorSequence(Iterator(self, from: start))
    }
}

// MARK: One event after another

/// How an event is called, as it stands behind another's name.
private enum NameToken: UInt8 {
    case same
    /// The number at its end is one more.
    case next
    /// The same but for the number at its end, whose distance follows.
    case numbered
    /// Its bytes follow.
    case other

    static let mask: UInt8 = 3
    static let sameSegment: UInt8 = 4
    static let sameCommit: UInt8 = 8
}

/// A name that ends with a number is told by it; no number begins with a zero or has more than 18 digits.
private struct EventName: Equatable {
    var stem: Substring.UTF8View.SubSequence
    var number: Int?

    static func == (one: EventName, other: EventName) -> Bool {
        one.number == other.number && one.stem.elementsEqual(other.stem)
    }

    init(_ name: String) {
        let text = name[...].utf8
        stem = text
        var start = text.endIndex
        var count = 0
        while start > text.startIndex, count < 18 {
            let before = text.index(before: start)
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(text[before]) else { break }
            (start, count) = (before, count + 1)
        }
        while start < text.endIndex, text[start] == UInt8(ascii: "0"), count > 1 {
            (start, count) = (text.index(after: start), count - 1)
        }
        guard count > 0 else { return }
        number = text[start...].reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
        stem = text[..<start]
    }
}

private struct EventPacker {
    private var writer = ByteWriter()
    private var last = EventPlace(
        segment: 0, entry: EventEntry(name: "", offset: 0, byteCount: 0, commit: 0))

    var exactBytes: [UInt8] { writer.bytes.withUnsafeBufferPointer { Array($0) } }

    mutating func append(_ place: EventPlace) {
        let (entry, before) = (place.entry, last.entry)
        var token = NameToken.other
        var distance = 0
        if entry.name == before.name {
            token = .same
        } else {
            let (name, lastName) = (EventName(entry.name), EventName(before.name))
            if let number = name.number, let lastNumber = lastName.number,
                name.stem.elementsEqual(lastName.stem)
            {
                distance = number - lastNumber
                token = distance == 1 ? .next : .numbered
            }
        }
        writer.write(
            token.rawValue | (place.segment == last.segment ? NameToken.sameSegment : 0)
                | (entry.commit == before.commit ? NameToken.sameCommit : 0))
        if token == .numbered { writer.writeZigzag(Int64(distance)) }
        if token == .other { writer.write(text: entry.name) }
        // Whatever the numbers are, the distance wraps back to them.
        if place.segment != last.segment {
            writer.writeZigzag(Int64(bitPattern: place.segment &- last.segment))
        }
        if entry.commit != before.commit {
            writer.writeZigzag(Int64(bitPattern: entry.commit &- before.commit))
        }
        writer.writeZigzag(Int64(entry.offset &- (before.offset &+ before.byteCount)))
        writer.writeZigzag(Int64(entry.byteCount &- before.byteCount))
        last = place
    }
}

/// Reads what `EventPacker` wrote in this process: it is not doubted.
private struct EventUnpacker {
    private var cursor: ByteCursor
    private var last = EventPlace(
        segment: 0, entry: EventEntry(name: "", offset: 0, byteCount: 0, commit: 0))

    init(_ bytes: UnsafeRawBufferPointer) { cursor = ByteCursor(bytes) }

    mutating func next() -> EventPlace {
        do throws(BytesError) {
            let head = try cursor.read(UInt8.self)
            let before = last.entry
            var entry = before
            switch NameToken(rawValue: head & NameToken.mask) {
            case .next: entry.name = Self.counted(before.name, by: 1)
            case .numbered: entry.name = Self.counted(before.name, by: Int(try cursor.readZigzag()))
            case .other: entry.name = try cursor.readText(byteCountMax: .max)
            case .same, nil: break
            }
            var segment = last.segment
            if head & NameToken.sameSegment == 0 {
                segment = segment &+ UInt64(bitPattern: try cursor.readZigzag())
            }
            if head & NameToken.sameCommit == 0 {
                entry.commit = before.commit &+ UInt64(bitPattern: try cursor.readZigzag())
            }
            entry.offset = before.offset &+ before.byteCount &+ Int(try cursor.readZigzag())
            entry.byteCount = before.byteCount &+ Int(try cursor.readZigzag())
            last = EventPlace(segment: segment, entry: entry)
            return last
        } catch {
            preconditionFailure("What was packed is read back: \(error)")
        }
    }

    private static func counted(_ name: String, by distance: Int) -> String {
        let parts = EventName(name)
        guard let number = parts.number else {
            preconditionFailure("A name that is counted on has a number.")
        }
        return (String(parts.stem) ?? "") + String(number + distance)
    }
}
