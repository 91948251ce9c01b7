// Invariants checked: the three at the head of BinEdges.swift, in that order.

import Simulation
import Summaries
import Testing

@Suite("Bin edges")
struct BinEdgesTests {
    private func quantileEdges(of count: Int, _ numBins: Int) throws -> [Double] {
        try BinEdges.of(
            SortedSample((1...count).map(Double.init)), SummarizerSettings(numBins: numBins))
    }

    @Test("quantile edges are the recorded order statistics, not interpolated")
    func recordedRanks() throws {
        #expect(try quantileEdges(of: 1001, 5) == [1, 200, 400, 601, 801, 1001])
        #expect(try quantileEdges(of: 181, 5) == [1, 36, 72, 109, 145, 181])
        #expect(try quantileEdges(of: 500, 5) == [1, 100, 200, 300, 400, 500])
        #expect(
            try quantileEdges(of: 182, 10) == [1, 18, 36, 55, 73, 91, 109, 127, 146, 164, 182])
    }

    @Test("half a rank goes away from zero, and no rank is below the first")
    func halvesAndSmallSamples() throws {
        // 501 · 5 / 10 = 250.5, recorded as 251.
        #expect(try quantileEdges(of: 501, 10)[5] == 251)
        #expect(try quantileEdges(of: 1, 10) == Array(repeating: 1, count: 11))
        #expect(try quantileEdges(of: 3, 10) == [1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3])
    }

    @Test("rounding a quotient in integers is rounding it exactly")
    func roundedQuotient() {
        for denominator in 1...24 {
            for numerator in 0...200 {
                let doubled = 2 * numerator + denominator
                #expect(
                    BinEdges.roundedQuotient(numerator, denominator) == doubled / (2 * denominator))
            }
        }
    }

    @Test("equal edges begin at the minimum, end at the maximum exactly, and ascend")
    func equalEdges() throws {
        let settings = try SummarizerSettings(binMode: .equal)
        let recorded = try BinEdges.of(
            SortedSample([-3.5, -2.25, -1, 0, 0, 1.5, 2, 7.25]), settings)
        #expect(recorded == [-3.5, -1.35, 0.7999999999999998, 2.9499999999999993, 5.1, 7.25])
        for seed in UInt64(1)...300 {
            var generator = SeededGenerator(seed: seed)
            let tiny = seed % 3 == 0
            let values = (0..<9).map { _ in
                tiny
                    ? Double(bitPattern: generator.next() % 8)
                    : generator.normal() * 1e3
            }
            let numBins = Int.random(in: 1...60, using: &generator)
            let edges = try BinEdges.of(
                SortedSample(values), SummarizerSettings(binMode: .equal, numBins: numBins))
            #expect(edges.count == numBins + 1, "seed \(seed)")
            #expect(edges.first == values.min() && edges.last == values.max(), "seed \(seed)")
            #expect(zip(edges, edges.dropFirst()).allSatisfy { $0 <= $1 }, "seed \(seed)")
        }
    }

    @Test("equal bins over a distance that is not finite are refused, not filled with NaN")
    func tooWide() throws {
        let sample = SortedSample([-1.7e308, 1.7e308])
        let settings = try SummarizerSettings(binMode: .equal)
        #expect(throws: SummaryError.equalBinsTooWide(min: -1.7e308, max: 1.7e308)) {
            try BinEdges.of(sample, settings)
        }
    }

    @Test("k provided edges get the minimum before them, k + 1 stay as given")
    func providedEdges() throws {
        let sample = SortedSample([5, 9])
        let right = try SummarizerSettings(
            binMode: .provided, numBins: 3, providedEdges: [30, 10, 20])
        #expect(try BinEdges.of(sample, right) == [5, 10, 20, 30])
        let both = try SummarizerSettings(
            binMode: .provided, numBins: 2, providedEdges: [10, 20, 30])
        #expect(try BinEdges.of(sample, both) == [10, 20, 30])
        let above = try SummarizerSettings(binMode: .provided, numBins: 2, providedEdges: [1, 7])
        #expect(try BinEdges.of(sample, above) == [5, 1, 7])
        #expect(try BinEdges.of(sample, SummarizerSettings(binMode: .none)) == [])
    }
}
