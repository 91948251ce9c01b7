// What bins are called in answers and charts.
//
// A bin is named after its right edge: quantile bins of a baseline by the share below it in percent
// (`q_20`), equal ones by the edge (`p_1.26e1`), provided ones likewise (`e_1.20e1`). Names of a
// window are always by the edge, `e_…`, since a window's shares are not the baseline's.
//
// Invariants:
//  * There are as many names as bins with the two outlier bins: k + 2, or none without bins.

/// The making of bin names.
package enum BinNames {
    /// Names of a baseline's bins. `edges` are its k + 1 edges, or none.
    package static func ofBaseline(_ edges: [Double], _ binMode: BinMode) -> [String] {
        switch binMode {
        case .none: []
        case .quantile:
            surround(
                (1..<max(edges.count, 1)).map { position in
                    // A percentage that is not whole is rounded, halves up: q_33, q_67, q_100.
                    "q_\(BinEdges.roundedQuotient(100 * position, edges.count - 1))"
                })
        case .equal: named("p_", edges)
        case .provided: named("e_", edges)
        }
    }

    /// Names of a window's bins on `edges`, k + 1 of them, or none.
    package static func ofWindow(_ edges: [Double]) -> [String] {
        edges.isEmpty ? [] : named("e_", edges)
    }

    private static func named(_ prefix: String, _ edges: [Double]) -> [String] {
        surround(edges.dropFirst().map { prefix + ScientificNotation.twoDecimals($0) })
    }

    private static func surround(_ names: [String]) -> [String] {
        ["left_outlier"] + names + ["right_outlier"]
    }
}
