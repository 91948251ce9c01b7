// Invariants checked: the three at the head of SeriesSettings.swift, in that order, and the weights that
// clients hand over from the first generation.

import Summaries
import Testing

@Suite("Second-generation settings")
struct SeriesSettingsTests {
    @Test("bins number 2 to the bound, whichever mode makes them")
    func binCounts() throws {
        for mode in [
            SeriesBinMode.equal(2), .quantile(10_000), .quantileWithExplicitOutliers(1), .provided([1]),
        ] {
            #expect(try SeriesSettings(binMode: mode).binMode == mode)
        }
        #expect(SeriesBinMode.quantileWithExplicitOutliers(5).binCount == 7)
        #expect(SeriesBinMode.provided([1, 2]).binCount == 3)
        #expect(SeriesBinMode.provided([1, 2, .infinity]).binCount == 3)
        for (mode, found) in [
            (SeriesBinMode.equal(1), 1), (.quantile(0), 0), (.quantile(-1), -1), (.quantile(10_001), 10_001),
            (.quantileWithExplicitOutliers(0), 0), (.quantileWithExplicitOutliers(.max), .max),
            (.provided([]), 1), (.provided([.infinity]), 1),
        ] {
            #expect(throws: SummaryError.seriesBinCount(found: found)) { try SeriesSettings(binMode: mode) }
        }
        #expect(throws: SummaryError.self) {
            try SeriesSettings(binMode: .quantileWithExplicitOutliers(-1))
        }
    }

    @Test("weights number as the bins, or as the first generation's, whose outliers' are left aside")
    func weights() throws {
        let own = try SeriesSettings(binMode: .quantile(3), binWeights: [1, 2, 3])
        #expect(own.weights == [1, 2, 3] && own.weightSum == 6)
        let handed = try SeriesSettings(binMode: .quantile(3), binWeights: [9, 1, 2, 3, 9])
        #expect(handed.weights == [1, 2, 3] && handed.weightSum == 6)
        #expect(handed.binWeights == [9, 1, 2, 3, 9])
        #expect(throws: SummaryError.seriesWeightCount(found: 4, binCount: 3)) {
            try SeriesSettings(binMode: .quantile(3), binWeights: [1, 2, 3, 4])
        }
        #expect(throws: SummaryError.binWeightsSumToZero) {
            try SeriesSettings(binMode: .quantile(3), binWeights: [9, 0, 0, 0, 9])
        }
        #expect(throws: SummaryError.binWeightNotUsable(position: 1, found: -1)) {
            try SeriesSettings(binMode: .quantile(3), binWeights: [1, -1, 1])
        }
        #expect(throws: SummaryError.binWeightSumTooLarge) {
            try SeriesSettings(
                binMode: .quantile(2), binWeights: [.greatestFiniteMagnitude, .greatestFiniteMagnitude])
        }
        // Without bins they mean nothing.
        #expect(try SeriesSettings(binMode: .none, binWeights: [1]).weights == nil)
    }

    @Test("provided edges ascend, and only the last may be infinite")
    func edges() throws {
        #expect(throws: SummaryError.seriesEdgesNotAscending(position: 1)) {
            try SeriesSettings(binMode: .provided([2, 1]))
        }
        for edges in [[.infinity, 1], [.nan, 1], [-Double.infinity, 1]] {
            #expect(throws: SummaryError.self) { try SeriesSettings(binMode: .provided(edges)) }
        }
    }
}
