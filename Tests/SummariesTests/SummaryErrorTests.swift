// Invariants checked: each refusal names its setting, what was found and the remedy.

import Summaries
import Testing

@Suite("Summary error")
struct SummaryErrorTests {
    @Test(
        "a refusal names the setting, what was found and what to give",
        arguments: [
            (SummaryError.numBinsOutOfBounds(found: 0), ["num_bins", "0", "10000"]),
            (.binWeightCount(found: 3, expected: 7), ["bin_weights", "3", "7"]),
            (.binWeightNotUsable(position: 4, found: -1), ["bin_weights[4]", "-1.0"]),
            (.binWeightsSumToZero, ["bin_weights", "zero"]),
            (.binWeightSumTooLarge, ["bin_weights", "smaller"]),
            (.providedEdgesMissing, ["provided_edges", "num_bins + 1"]),
            (.providedEdgeCount(found: 2, numBins: 5), ["provided_edges", "2", "5", "6"]),
            (.providedEdgeNotFinite(position: 1, found: .infinity), ["provided_edges[1]", "inf"]),
            (
                .seriesEdgeNotFinite(position: 1, found: .infinity),
                ["Provided[1] is INFINITY", "as the last"]
            ),
            (.emptyBaseline(missingCount: 12), ["baseline", "12 null"]),
            (.infiniteBaseline(infinityCount: 2), ["baseline", "2 infinite"]),
            (.equalBinsTooWide(min: -1e308, max: 1e308), ["Equal", "1e+308", "Quantile"]),
            (.summaryMalformed(fault: "an edge is not finite"), ["an edge is not finite", "again"]),
            (.binsDiffer(baseline: 7, window: 12), ["7", "12", "edges"]),
            (
                .aggregationsDiffer(baseline: .density, window: .edges, settings: .cumulative),
                ["Density", "Edges", "Cumulative"]
            ),
        ])
    func refusalsAreSentences(error: SummaryError, words: [String]) {
        let text = error.description
        for word in words { #expect(text.contains(word), "\(text)") }
        #expect(text.hasSuffix("."))
        #expect(!text.contains("\n"))
    }
}
