// What numbers are together, without bins: count, extremes, mean, median, deviation, and what is missing.

import JSON
import Summaries

extension Summary {
    /// The statistics of numbers without bins; of none, and of infinities, too.
    package init(ofNumbers sample: SortedSample) {
        do throws(SummaryError) {
            self = Summarizer(try SummarizerSettings(binMode: .none)).withoutBins(sample)
        } catch {
            preconditionFailure("Settings without bins are always fine: \(error)")
        }
    }

    /// The statistics by name, as answers show them.
    package var statistics: [(name: String, value: JSONValue)] {
        [("count", .integer(count))] + moments.members.map { (name: $0, value: $1) } + [
            ("missing_count", .integer(missingCount)), ("infinity_count", .integer(infinityCount)),
        ]
    }
}
