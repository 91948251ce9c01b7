// What numbers are together, without bins: count, extremes, mean, median, deviation, and what is missing.

import JSON
import Summaries

extension Summary {
    /// The statistics of numbers without bins; of none, and of infinities, too.
    package init(ofNumbers sample: SortedSample) {
        do throws(SummaryError) {
            let settings = try SummarizerSettings(binMode: .none)
            let none = try Summary(
                count: 0, min: nil, max: nil, mean: nil, median: nil, standardDeviation: nil, edges: [],
                edgeNames: [], aggregatedValues: [], aggregation: .density)
            self = Summarizer(settings).windows(on: none).summary(of: sample)
        } catch {
            preconditionFailure("Settings without bins, and a summary of nothing, are always fine: \(error)")
        }
    }

    /// The statistics by name, as answers show them.
    package var statistics: [(name: String, value: JSONValue)] {
        [
            ("count", .integer(count)), ("min", .number(min)), ("max", .number(max)),
            ("mean", .number(mean)), ("median", .number(median)), ("std", .number(standardDeviation)),
            ("missing_count", .integer(missingCount)), ("infinity_count", .integer(infinityCount)),
        ]
    }
}
