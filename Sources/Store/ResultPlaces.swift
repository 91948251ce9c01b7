// Where kept results are: beside the log, from which they can be worked out again, or sealed in it.
//
// A result is an event whose name holds its number. The events of a log are many, and only ever more,
// so what was looked through once is remembered: asking costs what came since. What is remembered is the
// event's position among all, four bytes a result; it stays when segments are rewritten.
//
// Invariants:
//  * A document that is given back is the one that was kept under that number, whole.
//  * What is remembered is a convenience: where it leads nowhere, or to something else, all is looked
//    through again.

import EventLog
import Segments
import Synchronization

final class ResultPlaces: Sendable {
    private struct Known {
        /// How many of the log's events were looked through.
        var eventCount = 0
        /// Positions by number, in pages: numbers count from 1, but a damaged log may hold any.
        var pages: [Int: [UInt32]] = [:]

        /// Of how many numbers a position is known.
        private(set) var count = 0

        private static let pageCount = 256
        private static let none = UInt32.max

        func position(_ number: Int) -> Int? {
            guard let page = pages[number / Self.pageCount] else { return nil }
            let position = page[number % Self.pageCount]
            return position == Self.none ? nil : Int(position)
        }

        func numbers(ofPage page: Int) -> [Int] {
            (0..<Self.pageCount).map { page * Self.pageCount + $0 }.filter { position($0) != nil }
        }

        mutating func note(_ number: Int, at position: Int) {
            let blank = [UInt32](repeating: Self.none, count: Self.pageCount)
            if self.position(number) == nil { count += 1 }
            pages[number / Self.pageCount, default: blank][number % Self.pageCount] = UInt32(position)
        }
    }

    /// What stands before the number in an event's name.
    private let prefix: String
    private let known = Mutex(Known())

    /// Results as the derived log keeps them: the number is the name.
    static func derived() -> ResultPlaces { ResultPlaces(prefix: "") }

    /// Results sealed in the main log. "result " and eight digits are a name without memory of its own.
    static func sealed() -> ResultPlaces { ResultPlaces(prefix: "result ") }

    /// What stands beside sealed results that do not tell all of their outcomes (SeriesSupplement.swift).
    static func supplements() -> ResultPlaces { ResultPlaces(prefix: "beside ") }

    /// The marks of sealed results that nothing proved to be what was decided (SealableResult.swift).
    static func unproven() -> ResultPlaces { ResultPlaces(prefix: unprovenPrefix) }

    private static let unprovenPrefix = "unproven "

    static func isUnprovenMark(_ name: String) -> Bool { name.hasPrefix(unprovenPrefix) }

    private init(prefix: String) { self.prefix = prefix }

    func name(of number: Int) -> String { prefix + String(number) }

    /// Whether the log holds a result of this number.
    func holds(_ number: Int, in snapshot: LogSnapshot) -> Bool { position(of: number, in: snapshot) != nil }

    /// All numbers that the log holds something under.
    func numbers(in snapshot: LogSnapshot) -> Set<Int> {
        _ = position(of: 0, in: snapshot)
        return known.withLock { known in Set(known.pages.keys.flatMap { known.numbers(ofPage: $0) }) }
    }

    /// How many numbers the log holds something under.
    func count(in snapshot: LogSnapshot) -> Int {
        _ = position(of: 0, in: snapshot)
        return known.withLock { $0.count }
    }

    /// The same where at most so many events have to be looked through for it, and nobody looks just now; else nil.
    func count(in snapshot: LogSnapshot, passing eventCountMax: Int) -> Int? {
        let missing = known.withLockIfAvailable { snapshot.index.events.count - $0.eventCount }
        guard let missing, missing <= eventCountMax else { return nil }
        return count(in: snapshot)
    }

    /// The document kept under a number; nil where there is none, or where it cannot be read.
    func document(_ number: Int, in snapshot: LogSnapshot) -> [UInt8]? {
        do throws(SegmentError) { return try documentUnlessRefused(number, in: snapshot) } catch {
            return nil
        }
    }

    /// The same, for somebody who would let go what is not shown.
    ///
    /// - Throws: where the disk or this build refuses to read it; damage is nil.
    func documentUnlessRefused(_ number: Int, in snapshot: LogSnapshot) throws(SegmentError) -> [UInt8]? {
        guard let position = position(of: number, in: snapshot) else { return nil }
        if let document = try read(position, number, snapshot) { return document }
        known.withLock { $0 = Known() }
        guard let again = self.position(of: number, in: snapshot) else { return nil }
        return try read(again, number, snapshot)
    }

    private func read(
        _ position: Int, _ number: Int, _ snapshot: LogSnapshot
    ) throws(SegmentError) -> [UInt8]? {
        // A snapshot from before it was kept does not show it.
        guard position < snapshot.index.events.count else { return nil }
        do throws(SegmentError) {
            let event = try snapshot.event(snapshot.index.events[position])
            return event.name == name(of: number) ? event.document : nil
        } catch {
            if error.isRefusal { throw error }
            return nil
        }
    }

    private func position(of number: Int, in snapshot: LogSnapshot) -> Int? {
        guard number >= 0 else { return nil }
        return known.withLock { known in
            let events = snapshot.index.events
            if events.count > known.eventCount {
                var position = known.eventCount
                for place in events.suffix(from: position) {
                    defer { position += 1 }
                    let name = place.entry.name
                    guard name.hasPrefix(prefix), let number = Int(name.dropFirst(prefix.count)), number >= 0
                    else { continue }
                    known.note(number, at: position)
                }
                known.eventCount = events.count
            }
            return known.position(number)
        }
    }
}
