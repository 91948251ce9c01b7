// The edges between bins: k + 1 finite numbers, e0 … ek, from the values of one side.
//
//        left outlier │  bin 1  │  bin 2  │ … │  bin k  │ right outlier
//                    e0        e1        e2  e(k-1)    ek
//
// Quantile edges are order statistics, read off the sorted sample without interpolation: the i-th is
// value number round(n·i/k), counted from 1, halves away from zero, never below the first. This is
// not the default of the common numeric libraries, which interpolate.
//
// Invariants:
//  * There are k + 1 edges, all finite.
//  * Quantile and equal edges ascend, begin at the minimum and end at the maximum exactly.
//  * Provided edges are as given; where only k were, the minimum is put before them, even where it
//    lies above the first of them. Counting members allows for that (see BinCounts).

/// The making of edges.
package enum BinEdges {
    /// The edges that `settings` ask for, from the numbers of `sample`, which holds at least one
    /// and no infinity; empty where `binMode` is none.
    ///
    /// Throws `equalBinsTooWide` where max - min overflows.
    package static func of(
        _ sample: SortedSample, _ settings: SummarizerSettings
    ) throws(SummaryError) -> [Double] {
        precondition(
            sample.count > 0 && sample.infinityCount == 0, "Edges come from finite numbers.")
        switch settings.binMode {
        case .none: return []
        case .quantile: return quantile(sample.values, settings.numBins)
        case .equal: return try equal(sample.values, settings.numBins)
        case .provided: return provided(sample.values, settings)
        }
    }

    private static func quantile(_ sorted: ArraySlice<Double>, _ numBins: Int) -> [Double] {
        var edges = [sorted[sorted.startIndex]]
        edges.reserveCapacity(numBins + 1)
        for position in 1...numBins {
            edges.append(sorted[sorted.startIndex + rank(position, of: numBins, among: sorted.count) - 1])
        }
        return edges
    }

    private static func equal(
        _ sorted: ArraySlice<Double>, _ numBins: Int
    ) throws(SummaryError) -> [Double] {
        let least = sorted[sorted.startIndex]
        let greatest = sorted[sorted.endIndex - 1]
        let width = (greatest - least) / Double(numBins)
        guard width.isFinite else { throw .equalBinsTooWide(min: least, max: greatest) }
        // Between neighbouring subnormals the width itself rounds up, hence the bound.
        var edges = (0..<numBins).map { min(least + width * Double($0), greatest) }
        edges.append(greatest)
        return edges
    }

    private static func provided(
        _ sorted: ArraySlice<Double>, _ settings: SummarizerSettings
    ) -> [Double] {
        guard let edges = settings.providedEdges else {
            preconditionFailure("Settings with provided edges hold them.")
        }
        return edges.count == settings.numBins ? [sorted[sorted.startIndex]] + edges : edges
    }

    /// The number, counted from 1, of the value that is quantile edge `position`, 1 … `numBins`.
    ///
    /// Of as many values as an integer counts: no product is greater than they are, or than the square of the bins.
    static func rank(_ position: Int, of numBins: Int, among count: Int) -> Int {
        let (whole, rest) = count.quotientAndRemainder(dividingBy: numBins)
        // Fewer values than half the bins round to rank 0; the first value stands for it.
        return max(1, whole * position + roundedQuotient(rest * position, numBins))
    }

    /// numerator / denominator to the nearest whole number, halves away from zero; both positive.
    ///
    /// In integers, because n·i/k in doubles can meet a half that is none.
    package static func roundedQuotient(_ numerator: Int, _ denominator: Int) -> Int {
        let (quotient, remainder) = numerator.quotientAndRemainder(dividingBy: denominator)
        return quotient + (remainder >= denominator - remainder ? 1 : 0)
    }
}
