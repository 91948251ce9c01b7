// Values to summaries: of a baseline, whose values make the bins, and of windows, counted in them.
//
// Invariants:
//  * A summary is a pure function of settings, edges and the multiset of values.
//  * A baseline holds at least one number and no infinity, or it is refused.
//  * A window is never refused for what its values are: an empty one has count 0, and one with
//    infinities says how many. What they are worth is for the score to say.

/// Makes summaries as an assay's settings ask.
package struct Summarizer: Sendable, Hashable {
    package let settings: SummarizerSettings

    package init(_ settings: SummarizerSettings) { self.settings = settings }

    /// The summary of a baseline; its edges come from the values.
    ///
    /// Throws `emptyBaseline`, `infiniteBaseline`, and `equalBinsTooWide`.
    package func baseline(of sample: SortedSample) throws(SummaryError) -> Summary {
        guard sample.count > 0 else { throw .emptyBaseline(missingCount: sample.missingCount) }
        guard sample.infinityCount == 0 else {
            throw .infiniteBaseline(infinityCount: sample.infinityCount)
        }
        let edges = try BinEdges.of(sample, settings)
        return Summary(
            of: sample, edges: edges, edgeNames: BinNames.ofBaseline(edges, settings.binMode),
            aggregatedValues: aggregate(sample, on: edges), aggregation: settings.aggregation)
    }

    /// The statistics alone of values that make no bins: of a baseline that nothing can be compared with.
    package func withoutBins(_ sample: SortedSample) -> Summary {
        Summary(of: sample, edges: [], edgeNames: [], aggregatedValues: [], aggregation: settings.aggregation)
    }

    /// What summarises windows on `baseline`'s edges, one after the other.
    package func windows(on baseline: Summary) -> WindowSummarizer {
        WindowSummarizer(self, edges: baseline.edges)
    }

    fileprivate func aggregate(_ sample: SortedSample, on edges: [Double]) -> [Double?] {
        switch settings.aggregation {
        case .density:
            AggregatedValues.density(BinCounts.of(sample, on: edges), of: sample.count)
        case .cumulative:
            AggregatedValues.cumulative(BinCounts.of(sample, on: edges), of: sample.count)
        case .edges: AggregatedValues.edges(edges)
        }
    }
}

/// Summarises windows on the edges of one baseline; what they share is made once.
package struct WindowSummarizer: Sendable, Hashable {
    private let summarizer: Summarizer
    private let edges: [Double]
    private let edgeNames: [String]

    fileprivate init(_ summarizer: Summarizer, edges: [Double]) {
        self.summarizer = summarizer
        self.edges = edges
        edgeNames = BinNames.ofWindow(edges)
    }

    /// The summary of one window.
    ///
    /// Density and cumulative windows repeat the baseline's edges. Aggregated by edges, a window
    /// has its own, which are then what is compared; where it has no usable values, or they lie too
    /// far apart for equal bins, it repeats the baseline's and says nil for each.
    ///
    /// `moments`, if given, are the sample's: they are the same whatever the edges, so whoever looks at
    /// one sample for many baselines works them out once.
    package func summary(of sample: SortedSample, moments: Moments? = nil) -> Summary {
        func summary(_ edges: [Double], _ edgeNames: [String], _ values: [Double?]) -> Summary {
            Summary(
                of: sample, moments: moments, edges: edges, edgeNames: edgeNames,
                aggregatedValues: values, aggregation: summarizer.settings.aggregation)
        }
        guard summarizer.settings.aggregation == .edges, !edges.isEmpty else {
            return summary(edges, edgeNames, summarizer.aggregate(sample, on: edges))
        }
        guard sample.count > 0, sample.infinityCount == 0,
            let own = try? BinEdges.of(sample, summarizer.settings)
        else {
            return summary(edges, edgeNames, Array(repeating: nil, count: edges.count + 1))
        }
        return summary(own, BinNames.ofWindow(own), AggregatedValues.edges(own))
    }
}
