// How many values of a sorted sample fall in each bin.
//
//     x < e0            left outlier
//     e0 ≤ x ≤ e1       bin 1: closed on both sides
//     e(i-1) < x ≤ ei   bin i: closed on the right
//     ek < x            right outlier
//
// In a sorted sample the values up to an edge are a prefix, so a bin is the difference of two
// prefix lengths, each found by bisection: k·log(n) steps instead of n·log(k).
//
// Invariants:
//  * The counts add up to the number of values: each value is in one bin.
//  * A value on several equal edges is in the first bin that holds it; the later ones hold none.
//  * That is also true where e0 lies above later edges (a baseline's minimum put before provided
//    edges): what is below e0 is the left outlier's, whatever the other edges say.

/// Bin membership.
package enum BinCounts {
    /// The k + 2 counts of `sample` on k + 1 `edges`, left outlier first.
    package static func of(_ sample: SortedSample, on edges: [Double]) -> [Int] {
        guard let lowest = edges.first else { return [] }
        return sample.withUnsafeValues { values in
            var counts: [Int] = []
            counts.reserveCapacity(edges.count + 1)
            var counted = prefixLength(of: values) { $0 < lowest }
            counts.append(counted)
            for edge in edges.dropFirst() {
                let upTo = max(counted, prefixLength(of: values) { $0 <= edge })
                counts.append(upTo - counted)
                counted = upTo
            }
            counts.append(values.count - counted)
            return counts
        }
    }

    /// The k counts of `sample` in bins that reach from -infinity to infinity, on the k - 1 edges
    /// between them: x ≤ e1, e1 < x ≤ e2, …, e(k-1) < x.
    package static func openEnded(_ sample: SortedSample, on edges: [Double]) -> [Int] {
        sample.withUnsafeValues { values in
            var counts: [Int] = []
            counts.reserveCapacity(edges.count + 1)
            var counted = 0
            for edge in edges {
                let upTo = max(counted, prefixLength(of: values) { $0 <= edge })
                counts.append(upTo - counted)
                counted = upTo
            }
            counts.append(values.count - counted)
            return counts
        }
    }

    /// How many leading values satisfy `belongs`, which no value satisfies after one that does not.
    @inline(__always)
    private static func prefixLength(
        of values: UnsafeBufferPointer<Double>, where belongs: (Double) -> Bool
    ) -> Int {
        guard var start = values.baseAddress, let base = values.baseAddress else { return 0 }
        var length = values.count
        // Halves without a branch on the data: every other such branch would be mispredicted.
        // Because: start + half - 1 is always among the `length` values not yet decided.
        while length > 1 {
            let half = length / 2
            start += belongs(start[half - 1]) ? half : 0
            length -= half
        }
        guard length == 1 else { return 0 }
        return start - base + (belongs(start.pointee) ? 1 : 0)
    }
}
