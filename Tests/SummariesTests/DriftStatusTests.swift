// Invariants checked: the two at the head of DriftStatus.swift, in that order.

import Summaries
import Testing

@Suite("Drift status")
struct DriftStatusTests {
    @Test("statuses have the names that clients compare")
    func wireNames() {
        #expect(DriftStatus.allCases.map(\.rawValue) == ["Ok", "Warning", "Alert"])
    }

    @Test(
        "a threshold is passed only from above",
        arguments: [
            (0.0, 0.25, nil, .ok), (0.25, 0.25, nil, .ok), (0.25.nextUp, 0.25, nil, .alert),
            (0.2, 0.25, 0.1, .warning), (0.1, 0.25, 0.1, .ok), (0.3, 0.25, 0.1, .alert),
            (0.3, nil, 0.1, .warning), (0.3, nil, nil, .ok), (0.037, 0.1, 0.0, .warning),
            (0.0, 0.1, 0.0, .ok),
        ] as [(Double, Double?, Double?, DriftStatus)])
    func thresholds(score: Double, alert: Double?, warning: Double?, expected: DriftStatus) {
        #expect(
            DriftStatus.of(score: score, alertThreshold: alert, warningThreshold: warning)
                == expected)
    }

    @Test("no score has no status, under any thresholds")
    func noScore() {
        for score in [nil, Double.nan] as [Double?] {
            #expect(
                DriftStatus.of(score: score, alertThreshold: 0.25, warningThreshold: 0) == nil)
            #expect(
                DriftStatus.of(score: score, alertThreshold: nil, warningThreshold: nil) == nil)
        }
    }
}
