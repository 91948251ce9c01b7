// Checked here: places are those that edges are made of, and their levels have the law at the head of OrderPlace.swift.

import Testing

@testable import Summaries

@Suite struct OrderPlaceTests {
    /// Values that are their own index, so that an edge is its place.
    @Test func places_are_where_edges_come_from() throws {
        for count in 1...40 {
            let sample = SortedSample((0..<count).map { Double($0) })
            for binCount in 1...21 {
                let settings = try SummarizerSettings(numBins: binCount)
                #expect(
                    OrderPlace.ranks(binCount, of: count).map(\.position)
                        == (try BinEdges.of(sample, settings)), "\(count) \(binCount)")
                guard binCount > 1 else { continue }
                let places = (1..<binCount).map { OrderPlace(quantile: $0, of: binCount, among: count) }
                #expect(
                    places.map(\.position) == (try SeriesBins(.quantile(binCount), of: sample).edges),
                    "\(count) \(binCount)")
                #expect(places.allSatisfy { $0.fraction == 0 || $0.index + 1 < count })
            }
        }
        // Where count · position is past an integer.
        #expect(BinEdges.rank(9_999, of: 10_000, among: 1 << 53) == (1 << 53) - 900_719_925_474)
        #expect(BinEdges.rank(10_000, of: 10_000, among: .max) == .max)
    }

    @Test func levels_are_those_of_sorted_uniform_numbers() {
        let count = 9
        var places = [OrderPlace(-1), OrderPlace(0), OrderPlace(2), OrderPlace(2), OrderPlace(8)]
        places[3].fraction = 0.5
        places.insert(OrderPlace(5), at: 4)
        places[4].fraction = 0.25
        var variates = NoiseVariates(seed: 5)
        var (sums, squares) = (Array(repeating: 0.0, count: 6), Array(repeating: 0.0, count: 6))
        let rounds = 5_000
        for _ in 0..<rounds {
            let levels = variates.levels(at: places, of: count)
            #expect(levels == levels.sorted() && levels[0] == 0 && levels[5] < 1)
            for (position, level) in levels.enumerated() {
                sums[position] += level / Double(rounds)
                squares[position] += level * level / Double(rounds)
            }
        }
        for (position, place) in places.enumerated() {
            // Beta of r and n + 1 - r, counted from 1.
            let rank = place.position + 1
            let mean = rank / Double(count + 1)
            #expect((sums[position] - mean).magnitude < 0.009, "\(place)")
            guard place.fraction == 0 else { continue }
            let variance = mean * (1 - mean) / Double(count + 2)
            #expect(
                (squares[position] - sums[position] * sums[position] - variance).magnitude < 0.002, "\(place)"
            )
        }
    }

    /// Several places in one spacing, and the last of them behind the last value but one.
    @Test func places_within_one_spacing_share_it() {
        var places = [0.2, 0.6, 0.9].map { fraction in
            var place = OrderPlace(1)
            place.fraction = fraction
            return place
        }
        places = [OrderPlace(1)] + places + [OrderPlace(2)]
        var variates = NoiseVariates(seed: 6)
        for _ in 0..<50 {
            let levels = variates.levels(at: places, of: 3)
            let width = levels[4] - levels[0]
            for (level, part) in zip(levels, [0, 0.2, 0.6, 0.9, 1]) {
                #expect((level - levels[0] - part * width).magnitude < 1e-12)
            }
            #expect(width > 0 && levels[4] < 1)
        }
    }
}
