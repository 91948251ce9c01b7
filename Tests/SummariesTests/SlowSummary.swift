// Summaries and scores as a first reader of the rules would write them: no sorted runs, no bisection,
// no scratch. The tests hold the fast ones against these, on every small sample.

import Summaries

enum SlowSummary {
    static func sorted(_ values: [Double]) -> [Double] {
        values.filter { !$0.isNaN }.sorted { left, right in
            if left != right { return left < right }
            return left.sign == .minus && right.sign == .plus
        }
    }

    static func edges(_ values: [Double], _ mode: BinMode, _ numBins: Int, given: [Double])
        -> [Double]
    {
        let sorted = sorted(values)
        guard let least = sorted.first, let greatest = sorted.last else { return [] }
        switch mode {
        case .none: return []
        case .quantile:
            return [least]
                + (1...numBins).map { position in
                    let exact = Double(sorted.count * position) / Double(numBins)
                    return sorted[max(Int(exact.rounded(.toNearestOrAwayFromZero)), 1) - 1]
                }
        case .equal:
            let width = (greatest - least) / Double(numBins)
            return (0..<numBins).map { least + width * Double($0) } + [greatest]
        case .provided:
            let ascending = given.sorted()
            return ascending.count == numBins ? [least] + ascending : ascending
        }
    }

    static func counts(_ values: [Double], _ edges: [Double]) -> [Int] {
        var counts = Array(repeating: 0, count: edges.count + 1)
        for value in values where !value.isNaN {
            if value < edges[0] {
                counts[0] += 1
            } else if let bin = (1..<edges.count).first(where: { value <= edges[$0] }) {
                counts[bin] += 1
            } else {
                counts[edges.count] += 1
            }
        }
        return counts
    }

    static func aggregated(_ values: [Double], _ edges: [Double], _ aggregation: Aggregation)
        -> [Double?]
    {
        let counts = counts(values, edges)
        let total = counts.reduce(0, +)
        switch aggregation {
        case .density: return counts.map { total == 0 ? 0 : Double($0) / Double(total) }
        case .cumulative:
            return counts.indices.map { last in
                total == 0 ? 0 : Double(counts[...last].reduce(0, +)) / Double(total)
            }
        case .edges: return edges.map { $0 } + [nil]
        }
    }

    static func moments(_ values: [Double]) -> (mean: Double, median: Double, deviation: Double) {
        let sorted = sorted(values)
        let count = Double(sorted.count)
        let mean = sorted.reduce(0, +) / count
        let squares = sorted.map { ($0 - mean) * ($0 - mean) }.reduce(0, +)
        let upper = sorted[sorted.count / 2]
        let median =
            sorted.count % 2 == 1 ? upper : (sorted[sorted.count / 2 - 1] + upper) / 2
        return (mean, median, (squares / count).squareRoot())
    }
}

/// Every list over `alphabet` of every length up to `lengthMax`, shortest first.
func everySample(over alphabet: [Double], upTo lengthMax: Int) -> [[Double]] {
    var all: [[Double]] = [[]]
    var longest = all
    for _ in 0..<lengthMax {
        longest = longest.flatMap { start in alphabet.map { start + [$0] } }
        all += longest
    }
    return all
}

func bits(_ values: some Sequence<Double>) -> [UInt64] { values.map(\.bitPattern) }
