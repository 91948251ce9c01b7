// Invariants checked: those at the head of EventList.swift, beside a plain array.

import Segments
import Simulation
import Testing

@testable import EventLog

@Suite("The list of events")
struct EventListTests {
    /// Places as logs have them, and as none has.
    static func places(_ count: Int, _ random: inout SeededGenerator) -> [EventPlace] {
        let wild: [Int] = [.min, -1, 0, 1, .max]
        var (segment, commit, offset, number) = (UInt64(1), UInt64(1), 36, 1)
        var names = ["assay", "alert", "result 9", "result 10", "7", "0", "00", "", "x007", "-1", "naïve 3"]
        names += ["999999999999999999", "1000000000000000000", "18446744073709551616", "a 099", "a 100"]
        return (0..<count).map { _ in
            if Int.random(in: 0..<9, using: &random) == 0 { commit += .random(in: 1...1000, using: &random) }
            if Int.random(in: 0..<90, using: &random) == 0 { (segment, offset) = (segment + 1, 36) }
            number += [1, 1, 1, 5, -3].randomElement(using: &random)!
            var name = String(number)
            if Int.random(in: 0..<3, using: &random) == 0 { name = names.randomElement(using: &random)! }
            var entry = EventEntry(
                name: name, offset: offset, byteCount: .random(in: 300...500, using: &random), commit: commit)
            offset += entry.byteCount + 24
            if Int.random(in: 0..<50, using: &random) == 0 {
                entry.offset = wild.randomElement(using: &random)!
                entry.byteCount = wild.randomElement(using: &random)!
                entry.commit = [0, 1, .max].randomElement(using: &random)!
            }
            return EventPlace(segment: segment, entry: entry)
        }
    }

    static func list(_ places: [EventPlace]) -> EventList {
        var list = EventList()
        for place in places { list.append(place) }
        return list
    }

    static func same(_ list: EventList, _ places: [EventPlace], _ random: inout SeededGenerator) -> Bool {
        let start = Int.random(in: 0...places.count, using: &random)
        let some = (0..<20).compactMap { _ in places.indices.randomElement(using: &random) }
        return list.count == places.count && Array(list) == places
            && Array(list.suffix(from: start)) == Array(places[start...])
            && some.allSatisfy { list[$0] == places[$0] }
    }

    @Test("it is the list of what was appended", arguments: [0, 1, 255, 256, 257, 511, 512, 513, 2000])
    func appended(count: Int) throws {
        var random = SeededGenerator(seed: UInt64(count))
        let places = Self.places(count, &random)
        #expect(Self.same(Self.list(places), places, &random))
    }

    @Test("a copy stays what it was, whatever is appended later", arguments: 1...5)
    func copies(seed: Int) throws {
        print("seed \(seed)")
        var random = SeededGenerator(seed: UInt64(seed))
        let places = Self.places(1200, &random)
        var list = EventList()
        var copies: [(EventList, Int)] = []
        for (count, place) in places.enumerated() {
            if Int.random(in: 0..<40, using: &random) == 0 { copies.append((list, count)) }
            list.append(place)
        }
        for (copy, count) in copies { #expect(Self.same(copy, Array(places[..<count]), &random)) }
    }

    @Test("rewritten segments put their events in the place of the old ones", arguments: 1...40)
    func replaced(seed: Int) throws {
        print("seed \(seed)")
        var random = SeededGenerator(seed: UInt64(seed))
        var places = Self.places(.random(in: 0...1500, using: &random), &random)
        var list = Self.list(places)
        var next = UInt64(100)
        for _ in 0..<4 {
            // Neighbours, as a rewrite's sources are.
            let order = places.reduce(into: [UInt64]()) { if $0.last != $1.segment { $0.append($1.segment) } }
            let first = Int.random(in: 0...order.count, using: &random)
            let segments = Set(order[first..<min(order.count, first + .random(in: 0...3, using: &random))])
            #expect(list.events(of: segments) == places.filter { segments.contains($0.segment) })
            let moved = places.filter { segments.contains($0.segment) }.map {
                EventPlace(segment: next, entry: $0.entry)
            }
            next += 1
            list.replace(segments, with: moved)
            if let start = places.firstIndex(where: { segments.contains($0.segment) }) {
                places.replaceSubrange(start..<start + moved.count, with: moved)
            }
            #expect(Self.same(list, places, &random))
            // What is appended lies in segments of its own.
            for place in Self.places(30, &random) {
                let later = EventPlace(segment: place.segment + 1000 * next, entry: place.entry)
                list.append(later)
                places.append(later)
            }
        }
    }

    @Test("an event of a busy log takes less than eight bytes of memory")
    func small() throws {
        var list = EventList()
        for number in 0..<100_000 {
            list.append(
                EventPlace(
                    segment: UInt64(1 + number / 50_000),
                    entry: EventEntry(
                        name: String(number), offset: 36 + number * 512, byteCount: 440 + number % 40,
                        commit: UInt64(1 + number / 4096))))
        }
        print("bytes an event: \(Double(list.byteCount) / 100_000)")
        #expect(list.byteCount < 800_000)
    }
}
