// Invariants checked: those at the head of NoiseTail.swift, its formulas against sums, and that tails of known laws are
// found again.

import Testing

@testable import Summaries

@Suite struct NoiseTailTests {
    @Test func heights_fall_to_nothing_at_the_anchor() {
        for shape in NoiseTails.grid {
            let heights = (1...64).map { TailShape.height(Double($0) / 64, shape) }
            #expect(heights == heights.sorted(by: >) && heights[63].magnitude < 1e-12, "\(shape)")
        }
        // ξ is the shape's quarter, less one: of 1/16 all roots are exact.
        for index in [0, 1, 2, 3, 5, 6] {
            let xi = TailShape.xi(index)
            // 16^ξ, ξ a number of quarters.
            var power = 1.0
            for _ in 0..<Int((4 * xi).magnitude) { power *= xi > 0 ? 2 : 0.5 }
            #expect((TailShape.height(1.0 / 16, index: index) - (power - 1) / xi).magnitude < 1e-12)
        }
        #expect(TailShape.height(1.0 / 16, index: 4) == NaturalLogarithm.of(16))
    }

    @Test func means_and_squares_are_those_of_sums() {
        for rarity in [0.01, 0.3] {
            let moments = TailShape.moments(rarity: rarity)
            for (shape, moment) in zip(NoiseTails.grid, moments) {
                let parts = 4_000
                let whole = TailShape.height(rarity, shape)
                var (sum, squares) = (0.0, 0.0)
                for part in 0..<parts {
                    let p = rarity + (1 - rarity) * (Double(part) + 0.5) / Double(parts)
                    let way = TailShape.height(p, shape) / whole
                    sum += way / Double(parts)
                    squares += way * way / Double(parts)
                }
                #expect((moment.share / sum - 1).magnitude < 1e-4, "\(rarity) \(shape)")
                #expect((moment.square / squares - 1).magnitude < 1e-3, "\(rarity) \(shape)")
                // And the shape is found again by its share; but between whole ones it is mixed, as h is.
                #expect((TailShape.shape(share: moment.share, rarity: rarity) - shape).magnitude < 1e-9)
            }
        }
        #expect(TailShape.shape(share: 1, rarity: 0.01) == 0 && TailShape.shape(share: 0, rarity: 0.01) == 6)
    }

    /// Values at the middles of equal chances, in five bins.
    private static func tails(_ count: Int, _ quantile: (Double) -> Double) throws -> (NoiseTails, Summary) {
        let settings = try SummarizerSettings(aggregation: .edges)
        let summary = try Summarizer(settings).baseline(
            of: SortedSample((0..<count).map { quantile((Double($0) + 0.5) / Double(count)) }))
        let knots = zip(OrderPlace.ranks(5, of: count), summary.edges).map {
            NoiseKnot(place: $0, value: $1)
        }
        let tails = NoiseTails(
            knots, of: count, missingCount: 0, mean: summary.mean, deviation: summary.standardDeviation)
        return (tails, summary)
    }

    @Test func tails_of_known_laws_are_found_again() throws {
        let count = 2_000
        // By mean and deviation: the shape that the upper tail has where its extreme is as rare as expected.
        func upper(_ quantile: (Double) -> Double) throws -> Double {
            let (tails, _) = try Self.tails(count, quantile)
            #expect(tails.lower.anchor == 1 && tails.upper.anchor == 4)
            return TailShape.shape(share: tails.upper.share, rarity: 1 / Double(count / 5 + 1))
        }
        let uniform = try upper { $0 }
        let exponential = try upper { -NaturalLogarithm.of(1 - $0) }
        let heavy = try upper { 1 / (1 - $0).squareRoot().squareRoot() }
        #expect(uniform < 0.6, "\(uniform)")
        #expect((exponential - 4).magnitude < 0.6, "\(exponential)")
        #expect((heavy - 5).magnitude < 0.8, "\(heavy)")
    }

    /// Within and past the extreme, where its own chance is known.
    @Test func a_tail_goes_through_what_is_known_and_on() throws {
        let (tails, summary) = try Self.tails(2_000) { -NaturalLogarithm.of(1 - $0) }
        let extreme: DrawnTail.Point = (summary.edges[5], 1.0 / 4_000)
        let inner: DrawnTail.Point = (summary.edges[4], 0.2)
        let tail = DrawnTail(tails.upper, extreme: extreme, inner: inner, anchor: inner)
        #expect((tail.value(inner.chance) - inner.value).magnitude < 1e-9)
        #expect((tail.value(extreme.chance) - extreme.value).magnitude < 1e-9)
        for chance in [0.1, 0.03, 0.002, 1e-4, 1e-5] {
            let expected = -NaturalLogarithm.of(chance)
            #expect((tail.value(chance) / expected - 1).magnitude < 0.15, "\(chance)")
        }
        var last = -Double.infinity
        for step in 0..<200 {
            let value = tail.value(0.2 * (1 - Double(step) / 200))
            #expect(value > last)
            last = value
        }
        #expect(tail.value(0).isFinite)
    }

    @Test func of_two_values_the_tails_are_the_line_through_them() {
        let knots = [NoiseKnot(place: OrderPlace(0), value: 3), NoiseKnot(place: OrderPlace(1), value: 5)]
        let tails = NoiseTails(knots, of: 2, missingCount: 0, mean: 4, deviation: 1)
        let lower = DrawnTail(tails.lower, extreme: (3, 0.25), inner: (5, 0.5), anchor: (5, 0.5))
        #expect((lower.value(0.375) - 4).magnitude < 1e-12 && (lower.value(0.125) - 2).magnitude < 1e-12)
    }
}
