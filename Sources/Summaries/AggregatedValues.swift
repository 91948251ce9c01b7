// From bin counts to what a summary says of each bin.
//
// Counts are divided once, at the end. A cumulative value is (running count) / n, never a running
// sum of ratios, which drifts from what was recorded in one case of three.
//
// Invariants:
//  * Densities and cumulative values lie in 0 … 1; the last cumulative value is 1.
//  * Without values they are all 0, as numbers, and `Summary.count` 0 says what that is worth.

/// The making of aggregated values.
package enum AggregatedValues {
    /// count / n for each bin.
    package static func density(_ counts: [Int], of total: Int) -> [Double?] {
        counts.map { total == 0 ? 0 : Double($0) / Double(total) }
    }

    /// (count of this bin and all to its left) / n for each bin.
    package static func cumulative(_ counts: [Int], of total: Int) -> [Double?] {
        var running = 0
        return counts.map { count in
            running += count
            return total == 0 ? 0 : Double(running) / Double(total)
        }
    }

    /// The edges themselves, and nil for the open right one.
    package static func edges(_ edges: [Double]) -> [Double?] {
        edges.isEmpty ? [] : edges.map(Optional.some) + [nil]
    }

    /// Refuses values that were made elsewhere and that `aggregation` does not make.
    static func require(_ values: [Double?], of aggregation: Aggregation) throws(SummaryError) {
        try SummaryError.require(
            aggregation == .edges || values.allSatisfy { $0.map((0...1).contains) ?? false },
            "aggregated_values are not all shares from 0 to 1")
    }
}
