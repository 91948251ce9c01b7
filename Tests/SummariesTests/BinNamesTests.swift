// Invariants checked: the one at the head of BinNames.swift, and the names recorded.

import Summaries
import Testing

@Suite("Bin names")
struct BinNamesTests {
    private let edges = [1.519918441772461e-06, 0.00026360154151916504, 0.0004509389400482178, 12.77]

    @Test("a baseline's bins are named after their share, or after their right edge")
    func baselineNames() {
        #expect(
            BinNames.ofBaseline([0, 1, 2, 3, 4, 5], .quantile)
                == ["left_outlier", "q_20", "q_40", "q_60", "q_80", "q_100", "right_outlier"])
        #expect(
            BinNames.ofBaseline(edges, .equal)
                == ["left_outlier", "p_2.64e-4", "p_4.51e-4", "p_1.28e1", "right_outlier"])
        #expect(
            BinNames.ofBaseline(edges, .provided)
                == ["left_outlier", "e_2.64e-4", "e_4.51e-4", "e_1.28e1", "right_outlier"])
    }

    @Test("a window's bins are named after their right edge, whatever the baseline's are called")
    func windowNames() {
        #expect(BinNames.ofWindow(edges) == BinNames.ofBaseline(edges, .provided))
    }

    @Test("shares that are not whole percents are rounded, halves up")
    func fractionalPercents() {
        #expect(
            BinNames.ofBaseline([0, 1, 2, 3], .quantile)[1...3] == ["q_33", "q_67", "q_100"])
        // An eighth is 12.5 percent.
        #expect(BinNames.ofBaseline(Array(repeating: 0, count: 9), .quantile)[1] == "q_13")
    }

    @Test("there are as many names as bins, or none")
    func counts() {
        for numBins in 1...40 {
            let edges = (0...numBins).map(Double.init)
            for mode in [BinMode.quantile, .equal, .provided] {
                #expect(BinNames.ofBaseline(edges, mode).count == numBins + 2)
            }
            #expect(BinNames.ofWindow(edges).count == numBins + 2)
        }
        for mode in BinMode.allCases where mode == .none {
            #expect(BinNames.ofBaseline([], mode).isEmpty)
        }
        #expect(BinNames.ofWindow([]).isEmpty)
    }
}
