// Invariants checked: the two at the head of SeriesBins.swift, the edges, labels and members of each mode,
// and that a count found by bisection is the count found value by value.

import Simulation
import Summaries
import Testing

@Suite("Second-generation bins")
struct SeriesBinsTests {
    @Test("quantiles are interpolated linearly, the ends are open, and labels name shares")
    func quantiles() throws {
        let bins = try SeriesBins(.quantile(5), of: SortedSample((1...100).map(Double.init)))
        // Position 99 · i / 5 of the sorted values: 19.8, 39.6, 59.4 and 79.2.
        #expect(bins.edges == [20.8, 40.6, 60.4, 80.2])
        #expect(bins.labels == ["< 20%", "20% - 40%", "40% - 60%", "60% - 80%", "> 80%"])
        #expect(bins.count == 5)
        let thirds = try SeriesBins(.quantile(3), of: SortedSample([1, 2]))
        #expect(thirds.labels == ["< 33%", "33% - 67%", "> 67%"])
    }

    @Test("with explicit outliers the ends are closed, and there are two bins more")
    func explicitOutliers() throws {
        let bins = try SeriesBins(.quantileWithExplicitOutliers(2), of: SortedSample([1, 2, 4]))
        #expect(bins.edges == [1, 2, 4])
        #expect(bins.labels == ["< 0%", "0% - 50%", "50% - 100%", "> 100%"])
        #expect(bins.counts(of: SortedSample([0, 1, 2, 3, 4, 5])) == [1, 2, 2, 1])
        // A missing number has the lowest bin to itself, and quantiles do without it.
        let missing = try SeriesBins(
            .quantileWithExplicitOutliers(2), of: SortedSample([1, 2, 4], nullCount: 2))
        #expect(missing.edges == [1, 2, 4])
        #expect(missing.counts(of: SortedSample([1, 2, 4], nullCount: 2)) == [2, 2, 1, 0])
    }

    @Test("equal and provided bins are open at the ends and named by their edges")
    func equalAndProvided() throws {
        let equal = try SeriesBins(.equal(4), of: SortedSample([0, 1, 8]))
        #expect(equal.edges == [2, 4, 6])
        #expect(equal.labels == ["< 2.0", "2.0 - 4.0", "4.0 - 6.0", "> 6.0"])
        for edges in [[0.5, 1.5], [0.5, 1.5, .infinity]] {
            let provided = try SeriesBins(.provided(edges), of: SortedSample([3]))
            #expect(provided.edges == [0.5, 1.5])
            #expect(provided.labels == ["< 0.5", "0.5 - 1.5", "> 1.5"])
        }
        #expect(try SeriesBins(.none, of: SortedSample([3])).count == 0)
        #expect(throws: SummaryError.self) {
            try SeriesBins(
                .equal(2), of: SortedSample([-Double.greatestFiniteMagnitude, .greatestFiniteMagnitude]))
        }
    }

    @Test("bins are closed on the right, and a missing number is the least of all")
    func members() throws {
        let bins = try SeriesBins(.provided([1, 2]), of: SortedSample([3]))
        #expect(bins.counts(of: SortedSample([1, 1.5, 2, 2.5])) == [1, 2, 1])
        #expect(bins.counts(of: SortedSample([2.5, -.infinity, .infinity], nullCount: 3)) == [4, 0, 2])
        // Among four values one is missing: the least. Half of them lies at position 1.5.
        let half = try SeriesBins(.quantile(2), of: SortedSample([2, 4, 8], nullCount: 1))
        #expect(half.edges == [3])
    }

    @Test("a quantile that falls among missing numbers is refused, not invented")
    func missingQuantile() throws {
        #expect(throws: SummaryError.quantileNotFinite(position: 1, binCount: 2)) {
            try SeriesBins(.quantile(2), of: SortedSample([2, 4], nullCount: 3))
        }
        // Nor is one between the last of them and the first number.
        #expect(throws: SummaryError.quantileNotFinite(position: 1, binCount: 2)) {
            try SeriesBins(.quantile(2), of: SortedSample([2, 4], nullCount: 2))
        }
    }

    @Test("counts by bisection are counts value by value", arguments: 0..<100)
    func slowCounts(seed: UInt64) throws {
        print("seed \(seed)")
        var generator = SeededGenerator(seed: seed)
        let edges = (0..<Int.random(in: 1...6, using: &generator)).map { _ in
            Double(Int.random(in: -4...4, using: &generator))
        }.sorted()
        let values = (0..<Int.random(in: 0...40, using: &generator)).map { _ in
            Double(Int.random(in: -10...10, using: &generator)) / 2
        }
        let missing = Int.random(in: 0...3, using: &generator)
        let bins = try SeriesBins(.provided(edges), of: SortedSample([0]))
        var expected = [Int](repeating: 0, count: edges.count + 1)
        for value in values { expected[edges.firstIndex { value <= $0 } ?? edges.count] += 1 }
        expected[0] += missing
        #expect(bins.counts(of: SortedSample(values, nullCount: missing)) == expected)
    }

    @Test("bins made elsewhere are refused where they do not hold together")
    func malformed() throws {
        let labels = ["a", "b", "c"]
        #expect(try SeriesBins(.quantile(3), edges: [1, 2], labels: labels).count == 3)
        for edges in [[1], [1, 2, 3], [2, 1], [1, .infinity], [.nan, 1]] {
            #expect(throws: SummaryError.self) {
                try SeriesBins(.quantile(3), edges: edges, labels: labels)
            }
        }
        #expect(throws: SummaryError.self) { try SeriesBins(.quantile(3), edges: [1], labels: []) }
        // Its only bin would lie between two edges that are not there.
        #expect(throws: SummaryError.self) {
            try SeriesBins(.quantileWithExplicitOutliers(-1), edges: [], labels: ["all"])
        }
    }
}
