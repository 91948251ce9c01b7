// Invariants checked: the three at the head of Summary.swift, in that order, on summaries that were
// kept elsewhere; those made here keep them by construction (SummarizerTests).

import Summaries
import Testing

@Suite("Summary")
struct SummaryTests {
    private func restored(
        count: Int = 4, missingCount: Int = 0, infinityCount: Int = 0, mean: Double? = 2,
        edges: [Double] = [1, 3], edgeNames: [String] = ["left_outlier", "q_100", "right_outlier"],
        values: [Double?] = [0, 1, 0], aggregation: Aggregation = .density
    ) throws(SummaryError) -> Summary {
        try Summary(
            count: count, missingCount: missingCount, infinityCount: infinityCount,
            moments: Moments(min: 1, max: 3, mean: mean, median: 2, standardDeviation: 1), edges: edges,
            edgeNames: edgeNames, aggregatedValues: values, aggregation: aggregation)
    }

    private func isRefused(_ make: () throws(SummaryError) -> Summary) -> Bool {
        do throws(SummaryError) {
            _ = try make()
            return false
        } catch {
            if case .summaryMalformed = error { return true }
            return false
        }
    }

    @Test("a summary kept elsewhere comes back equal to the one made from the values")
    func restoring() throws {
        let made = try Summarizer(SummarizerSettings()).baseline(of: SortedSample([3, 1, 2, .nan]))
        let back = try Summary(
            count: made.count, missingCount: made.missingCount,
            moments: Moments(
                min: made.min, max: made.max, mean: made.mean, median: made.median,
                standardDeviation: made.standardDeviation),
            edges: made.edges, edgeNames: made.edgeNames, aggregatedValues: made.aggregatedValues,
            aggregation: made.aggregation)
        #expect(back == made)
    }

    @Test("one that does not hold together is refused")
    func malformed() throws {
        #expect(try restored().count == 4)
        #expect(isRefused { () throws(SummaryError) in try restored(count: -1) })
        #expect(isRefused { () throws(SummaryError) in try restored(missingCount: -1) })
        #expect(isRefused { () throws(SummaryError) in try restored(infinityCount: 5) })
        #expect(isRefused { () throws(SummaryError) in try restored(mean: .nan) })
        #expect(isRefused { () throws(SummaryError) in try restored(edges: [1, .infinity]) })
        #expect(isRefused { () throws(SummaryError) in try restored(edges: [1]) })
        #expect(isRefused { () throws(SummaryError) in try restored(edges: []) })
        #expect(isRefused { () throws(SummaryError) in try restored(edgeNames: []) })
        #expect(isRefused { () throws(SummaryError) in try restored(values: [0, 1]) })
        #expect(isRefused { () throws(SummaryError) in try restored(values: [0, nil, 0]) })
        #expect(isRefused { () throws(SummaryError) in try restored(values: [0, 1.5, 0]) })
        #expect(isRefused { () throws(SummaryError) in try restored(values: [0, -0.5, 0]) })
        #expect(
            try restored(values: [1, 3, nil], aggregation: .edges).aggregatedValues == [1, 3, nil])
    }

    @Test("a summary without numbers, or with infinities, is not for scoring")
    func scorable() throws {
        #expect(try restored().isScorable)
        #expect(try !restored(count: 0).isScorable)
        #expect(try !restored(infinityCount: 1).isScorable)
    }
}
