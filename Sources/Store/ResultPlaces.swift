// Where kept results are: beside the log, from which they can be worked out again, or sealed in it.
//
// A result is an event whose name holds its number. The events of a log are many, and only ever more,
// so what was looked through once is remembered: asking costs what came since.
//
// Invariants:
//  * A document that is given back is the one that was kept under that number, whole.
//  * What is remembered is a convenience: where it leads nowhere, or to something else, because
//    segments were rewritten meanwhile, all is looked through again.

import EventLog
import Segments
import Synchronization

final class ResultPlaces: Sendable {
    private struct Known {
        /// How many of the log's events were looked through.
        var eventCount = 0
        var places: [Int: EventPlace] = [:]
    }

    /// What stands before the number in an event's name.
    private let prefix: String
    private let known = Mutex(Known())

    /// Results as the derived log keeps them: the number is the name.
    static func derived() -> ResultPlaces { ResultPlaces(prefix: "") }

    /// Results sealed in the main log. "result " and eight digits are a name without memory of its own.
    static func sealed() -> ResultPlaces { ResultPlaces(prefix: "result ") }

    private init(prefix: String) { self.prefix = prefix }

    func name(of number: Int) -> String { prefix + String(number) }

    /// Whether the log holds a result of this number.
    func holds(_ number: Int, in snapshot: LogSnapshot) -> Bool { place(of: number, in: snapshot) != nil }

    /// The document kept under a number; nil where there is none, or where it cannot be read.
    func document(_ number: Int, in snapshot: LogSnapshot) -> [UInt8]? {
        guard let place = place(of: number, in: snapshot) else { return nil }
        if let document = read(place, number, snapshot) { return document }
        known.withLock { $0 = Known() }
        return self.place(of: number, in: snapshot).flatMap { read($0, number, snapshot) }
    }

    private func read(_ place: EventPlace, _ number: Int, _ snapshot: LogSnapshot) -> [UInt8]? {
        do throws(SegmentError) {
            let event = try snapshot.event(place)
            return event.name == name(of: number) ? event.document : nil
        } catch { return nil }
    }

    private func place(of number: Int, in snapshot: LogSnapshot) -> EventPlace? {
        known.withLock { known in
            let events = snapshot.index.events
            if events.count > known.eventCount {
                for place in events[known.eventCount...] {
                    let name = place.entry.name
                    guard name.hasPrefix(prefix), let number = Int(name.dropFirst(prefix.count)) else {
                        continue
                    }
                    known.places[number] = place
                }
                known.eventCount = events.count
            }
            return known.places[number]
        }
    }
}
