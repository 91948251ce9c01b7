// Invariants checked: the three at the head of SummarizerSettings.swift, in that order; and the wire
// names, which clients compare as text.

import Summaries
import Testing

@Suite("Summarizer settings")
struct SummarizerSettingsTests {
    private func refusal(_ make: () throws(SummaryError) -> SummarizerSettings) -> SummaryError? {
        do throws(SummaryError) {
            _ = try make()
            return nil
        } catch { return error }
    }

    @Test("the choices have the names that clients send")
    func wireNames() {
        #expect(BinMode.allCases.map(\.rawValue) == ["None", "Equal", "Quantile", "Provided"])
        #expect(Aggregation.allCases.map(\.rawValue) == ["Density", "Cumulative", "Edges"])
        #expect(DriftMetric.allCases.map(\.rawValue) == ["PSI", "MaxDiff", "SumDiff"])
    }

    @Test("a number of bins outside its bounds is refused by name")
    func binsAreBounded() throws {
        for numBins in [Int.min, -1, 0, SummarizerSettings.numBinsMax + 1, Int.max] {
            let error = refusal { () throws(SummaryError) in try .init(numBins: numBins) }
            #expect(error == .numBinsOutOfBounds(found: numBins))
        }
        #expect(try SummarizerSettings(numBins: 1).numBins == 1)
        #expect(try SummarizerSettings(numBins: SummarizerSettings.numBinsMax).numBins == 10_000)
    }

    @Test("without bins nothing about bins is looked at")
    func noneNeedsNoBins() throws {
        let settings = try SummarizerSettings(
            binMode: .none, numBins: -4, binWeights: [.nan], providedEdges: [.nan])
        #expect(settings.binWeights == nil)
        #expect(settings.providedEdges == nil)
    }

    @Test("weights number the bins and both outlier bins")
    func weightsHaveTheRightCount() {
        for count in [0, 5, 6, 8] {
            let error = refusal { () throws(SummaryError) in
                try .init(binWeights: Array(repeating: 1, count: count))
            }
            #expect(error == .binWeightCount(found: count, expected: 7))
        }
    }

    @Test("weights that weigh nothing, or are no weights, are refused")
    func weightsAreUsable() throws {
        for bad in [-1, -.leastNonzeroMagnitude, .infinity, -.infinity, .nan] as [Double] {
            let error = refusal { () throws(SummaryError) in
                try .init(numBins: 1, binWeights: [1, bad, 1])
            }
            guard case .binWeightNotUsable(position: 1, let found) = error else {
                Issue.record("\(bad) gave \(String(describing: error))")
                continue
            }
            #expect(found.bitPattern == bad.bitPattern)
        }
        #expect(
            refusal { () throws(SummaryError) in try .init(numBins: 1, binWeights: [0, -0.0, 0]) }
                == .binWeightsSumToZero)
        #expect(
            refusal { () throws(SummaryError) in
                try .init(numBins: 1, binWeights: [1e308, 1e308, 0])
            } == .binWeightSumTooLarge)
        #expect(try SummarizerSettings(numBins: 1, binWeights: [0, 3, 0.5]).binWeightSum == 3.5)
    }

    @Test("provided edges come k or k + 1, finite, and leave ascending")
    func providedEdges() throws {
        let mode = BinMode.provided
        #expect(
            refusal { () throws(SummaryError) in try .init(binMode: mode) }
                == .providedEdgesMissing)
        for count in [0, 1, 4, 7] {
            let error = refusal { () throws(SummaryError) in
                try .init(binMode: mode, providedEdges: Array(repeating: 1, count: count))
            }
            #expect(error == .providedEdgeCount(found: count, numBins: 5))
        }
        for bad in [.infinity, -.infinity] as [Double] {
            let error = refusal { () throws(SummaryError) in
                try .init(binMode: mode, numBins: 2, providedEdges: [1, 2, bad])
            }
            #expect(error == .providedEdgeNotFinite(position: 2, found: bad))
        }
        let unsorted = try SummarizerSettings(
            binMode: mode, numBins: 3, providedEdges: [0.0, 5, -0.0, -2])
        #expect(bits(try #require(unsorted.providedEdges)) == bits([-2, -0.0, 0.0, 5]))
    }

    @Test("a NaN among provided edges is refused where it stands")
    func edgeIsNotANumber() {
        let error = refusal { () throws(SummaryError) in
            try .init(binMode: .provided, numBins: 2, providedEdges: [.nan, 2])
        }
        guard case .providedEdgeNotFinite(position: 0, let found) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(found.isNaN)
    }
}
