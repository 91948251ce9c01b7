// What the second generation keeps of a series: statistics, bins, and what is in them.
//
// A missing number (null or NaN) is left out of mean, median, standard deviation and extremes, counted in
// the count, and taken for the least of all numbers where bins are concerned. A window without a single
// number has nothing that could be compared, whatever its bins would say.
//
// Infinities lie in the outermost bins of a window, where they are compared as any value is, beside numbers
// that are finite (SeriesFinding); only the statistics that are infinite with them are said to be none. A
// baseline of infinities is refused.
//
// Invariants:
//  * `count` is the number of numbers, `missingCount` of the others; shares are of both together.
//  * Statistics are finite, or nil.
//  * `aggregatedValues` number as the bins. Nil is an edge that is none: the last, open one, and every one
//    of a window without usable values aggregated by edges.

/// The summary of one series.
package struct SeriesSummary: Sendable, Hashable {
    package let count: Int
    package let missingCount: Int
    /// Of the numbers.
    package let moments: Moments
    /// Those of the baseline; of a window aggregated by edges its own, where its values make any.
    package let bins: SeriesBins
    package let aggregatedValues: [Double?]
    package let aggregation: Aggregation

    init(
        of sample: SortedSample, _ bins: SeriesBins, _ aggregatedValues: [Double?],
        _ aggregation: Aggregation
    ) {
        moments = Moments(of: sample)
        count = sample.count
        missingCount = sample.missingCount
        self.bins = bins
        self.aggregatedValues = aggregatedValues
        self.aggregation = aggregation
    }

    /// A summary that was made elsewhere, with its shape checked; its numbers are believed.
    package init(
        count: Int, missingCount: Int = 0, moments: Moments, bins: SeriesBins, aggregatedValues: [Double?],
        aggregation: Aggregation
    ) throws(SummaryError) {
        try SummaryError.require(count >= 0 && missingCount >= 0, "a count is negative")
        try SummaryError.require(
            aggregatedValues.count == bins.count,
            "\(aggregatedValues.count) aggregated_values do not belong to \(bins.count) bins")
        try AggregatedValues.require(aggregatedValues, of: aggregation)
        self.count = count
        self.missingCount = missingCount
        self.moments = moments
        self.bins = bins
        self.aggregatedValues = aggregatedValues
        self.aggregation = aggregation
    }
}

/// Makes the summaries of the second generation.
package struct SeriesSummarizer: Sendable, Hashable {
    package let settings: SeriesSettings

    package init(_ settings: SeriesSettings) { self.settings = settings }

    /// The summary of a baseline; its bins come from the values.
    ///
    /// Throws `emptyBaseline`, `infiniteBaseline`, `equalBinsTooWide` and `quantileNotFinite`.
    package func baseline(of sample: SortedSample) throws(SummaryError) -> SeriesSummary {
        guard sample.count > 0 else { throw .emptyBaseline(missingCount: sample.missingCount) }
        guard sample.infinityCount == 0 else {
            throw .infiniteBaseline(infinityCount: sample.infinityCount)
        }
        let bins = try SeriesBins(settings.binMode, of: sample)
        return SeriesSummary(of: sample, bins, aggregate(sample, in: bins), settings.aggregation)
    }

    /// The summary of a window in the bins of its baseline; aggregated by edges, in its own, where the
    /// baseline's are of their mode: without edges otherwise.
    package func window(of sample: SortedSample, in bins: SeriesBins) -> SeriesSummary {
        guard settings.aggregation == .edges, bins.count > 0 else {
            return SeriesSummary(of: sample, bins, aggregate(sample, in: bins), settings.aggregation)
        }
        guard sample.count > 0, sample.infinityCount == 0, bins.areOfTheirMode,
            let own = try? SeriesBins(bins.mode, of: sample)
        else {
            return SeriesSummary(
                of: sample, bins, Array(repeating: nil, count: bins.count), settings.aggregation)
        }
        return SeriesSummary(of: sample, own, aggregate(sample, in: own), settings.aggregation)
    }

    private func aggregate(_ sample: SortedSample, in bins: SeriesBins) -> [Double?] {
        let total = sample.count + sample.missingCount
        return switch settings.aggregation {
        case .density: AggregatedValues.density(bins.counts(of: sample), of: total)
        case .cumulative: AggregatedValues.cumulative(bins.counts(of: sample), of: total)
        case .edges: AggregatedValues.edges(bins.edges)
        }
    }
}

extension DriftScore {
    /// Compares the summaries of a window and of its baseline.
    ///
    /// Throws `binsDiffer` and `aggregationsDiffer`: both must be made with `settings`.
    package init(
        of window: SeriesSummary, against baseline: SeriesSummary, _ settings: SeriesSettings
    ) throws(SummaryError) {
        try Self.requireOneAggregation(
            baseline: baseline.aggregation, window: window.aggregation, settings: settings.aggregation)
        guard window.count > 0 else {
            self.init(absence: .noNumbers)
            return
        }
        try self.init(
            baselineValues: baseline.aggregatedValues, windowValues: window.aggregatedValues,
            settings.metric, over: settings.aggregation, weights: settings.weights,
            weightSum: settings.weightSum)
    }
}
