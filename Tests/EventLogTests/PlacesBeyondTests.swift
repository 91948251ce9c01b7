// Invariants checked: the two at the head of PlacesBeyond.swift, in that order.

import Simulation
import Testing

@testable import EventLog

@Suite struct PlacesBeyondTests {
    private static let bound = 640

    @Test("a request competes for a place with those of about its size alone, or with all of over an eighth")
    func sizes() {
        let (least, eighth) = (Self.bound / 64, Self.bound / 8)
        for size in 1...Self.bound / 4 {
            for other in 1...Self.bound / 4 {
                var places = PlacesBeyond(byteCountMax: Self.bound)
                let isTaken = places.take(size) != nil
                let competes = isTaken && other > least && places.take(other) == nil
                let isNear = other < 2 * size && size < 2 * other || min(size, other) > eighth
                guard isTaken == (size > least), !competes || isNear else {
                    Issue.record("\(size) and \(other): taken \(isTaken), competes \(competes)")
                    return
                }
            }
        }
    }

    @Test("all places but the last hold less than a quarter of the bound", arguments: 1...20)
    func sum(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var places = PlacesBeyond(byteCountMax: Self.bound)
        var held: [(place: PlacesBeyond.Place, size: Int)] = []
        for step in 0..<2000 {
            let size = Int.random(in: 1...Self.bound / 4, using: &random)
            let position = held.indices.randomElement(using: &random)
            switch (Int.random(in: 0..<3, using: &random), position) {
            case (0, let position?):
                if let place = places.grow(held[position].place, to: size) { held[position] = (place, size) }
            case (1, let position?): places.giveBack(held.remove(at: position).place)
            default:
                if let place = places.take(size) { held.append((place, size)) }
            }
            let small = held.map(\.size).filter { $0 <= Self.bound / 8 }
            guard small.reduce(0, +) * 4 < Self.bound, held.count <= small.count + 1,
                places.byteCount == held.reduce(0, { $0 + $1.size })
            else {
                Issue.record("seed \(seed), step \(step): \(held)")
                return
            }
        }
    }
}
