// The log as of one commit, and its events, which are read where they stand.
//
// Invariant: a snapshot shows exactly the commits up to its cut, for as long as it is held.

import Records
import Segments

/// The log as of one commit.
package struct LogSnapshot: Sendable {
    package let index: LogIndex
    /// Has what the index names, for as long as it is held, though it be replaced meanwhile.
    package let files: SegmentFiles

    package init(index: LogIndex, files: SegmentFiles) {
        self.index = index
        self.files = files
    }

    package var cut: CommitNumber { index.cut }

    /// The same, of which more is not seen.
    package func lacking(_ places: [SegmentPlace]) -> LogSnapshot {
        var index = index
        index.unseen += places
        return LogSnapshot(index: index, files: files)
    }

    /// Reads one event. Whoever wants many has neighbours read together by `forEachEvent`.
    package func event(_ place: EventPlace) throws(SegmentError) -> Event {
        try files.segment(place.segment).event(place.entry)
    }

    /// Hands over the events of these names, each with its position, in order and from a position on; neighbours
    /// are read at once. The others are not read: damage to one of them stops nobody who does not ask for it.
    ///
    /// - Parameter damaged: told of an event that is damaged, and then passed over, unless it throws that.
    package func forEachEvent(
        named names: Set<String>, from position: Int = 0,
        damaged: (EventPlace, SegmentError) throws -> Void = { throw $1 },
        _ visit: (_ position: Int, EventPlace, Event) throws -> Void
    ) throws {
        let wanted = index.events.suffix(from: position).lazy.enumerated().filter {
            names.contains($0.element.entry.name)
        }
        try forEachEvent(of: wanted, \.element, damaged: { try damaged($0.element, $1) }) {
            try visit(position + $0.offset, $0.element, $1)
        }
    }

    /// The same of the events at some positions, which rise and are below the count.
    package func forEachEvent(
        at positions: [Int], _ visit: (EventPlace, Event) throws -> Void
    ) throws {
        guard let last = positions.last else { return }
        var wanted: [EventPlace] = []
        wanted.reserveCapacity(positions.count)
        for (position, place) in index.events.enumerated() where positions[wanted.count] == position {
            wanted.append(place)
            if position == last { break }
        }
        try forEachEvent(of: wanted, \.self, visit)
    }

    private func forEachEvent<Item>(
        of items: some Sequence<Item>, _ place: (Item) -> EventPlace,
        damaged: (Item, SegmentError) throws -> Void = { throw $1 }, _ visit: (Item, Event) throws -> Void
    ) throws {
        var waiting: [Item] = []
        func flush() throws {
            guard let first = waiting.first else { return }
            let segment = try files.segment(place(first).segment)
            try segment.events(waiting, { place($0).entry }, damaged: damaged, visit)
            waiting.removeAll(keepingCapacity: true)
        }
        for item in items {
            let isNeighbour = waiting.last.map { place($0).segment == place(item).segment } ?? true
            if !isNeighbour || waiting.count == LogSnapshot.eventCountAtOnce { try flush() }
            waiting.append(item)
        }
        try flush()
    }

    /// Events whose places are taken out of the index before they are read.
    private static let eventCountAtOnce = 1024
}
