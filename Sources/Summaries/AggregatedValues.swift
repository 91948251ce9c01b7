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

    /// How far shares that somebody rounded may be from what they add up to.
    private static let roundingMax = 0.05

    /// Why values that were made elsewhere are not the shares of one whole; nil where they may be. Those that came into
    /// the log before this was asked stay.
    package static func problem(_ values: [Double?], of aggregation: Aggregation) -> String? {
        let shares = values.compactMap(\.self)
        guard let last = shares.last else { return nil }
        switch aggregation {
        case .density:
            let sum = shares.reduce(0, +)
            guard abs(sum - 1) > roundingMax else { return nil }
            return
                "add up to \(sum), and shares of one whole add up to 1; give those of a summary as it was made"
        case .cumulative:
            let ascend = zip(shares, shares.dropFirst()).allSatisfy { $0 <= $1 }
            guard !ascend || abs(last - 1) > roundingMax else { return nil }
            return "do not ascend to 1, as cumulative shares do; give those of a summary as it was made"
        case .edges: return nil
        }
    }

    /// Refuses values that were made elsewhere and that `aggregation` does not make.
    static func require(_ values: [Double?], of aggregation: Aggregation) throws(SummaryError) {
        try SummaryError.require(
            aggregation == .edges || values.allSatisfy { $0.map((0...1).contains) ?? false },
            "aggregated_values are not all shares from 0 to 1")
    }
}
