// Invariants checked: the two at the head of PathRanking.swift, in that order.

import JSON
import Records
import Summaries
import TestSupport
import Testing

@testable import Assays

@Suite("Paths ranked by drift")
struct PathRankingTests {
    private func finding(_ path: String, _ windows: [[Double]]) throws -> PathFinding {
        let evaluator = try AssayOutcomeTests.evaluator()
        var finding = PathFinding(try IOPath(parsing: path))
        for (position, values) in windows.enumerated() {
            let start = moment(60 * Double(position))
            finding.add(
                evaluator.outcome(
                    of: SortedSample(values),
                    in: TimeWindow(start: start, end: start.adding(TimeSpan(microseconds: 60_000_000)))))
        }
        return finding
    }

    private let calm = [1.0, 2, 3, 4]
    private let wild = [9.0, 9, 9, 9]

    @Test("the most drifted path comes first, then who lacks scores, then the calm, last who has no window")
    func order() throws {
        let ranking = PathRanking([
            try finding("input b", [calm, calm]), try finding("input none", []),
            try finding("input c", [wild, wild]), try finding("input a", [calm, calm]),
            try finding("input d", [calm, wild]), try finding("input void", [[.nan]]),
        ])
        #expect(
            ranking.findings.map(\.path.text) == [
                "input c", "input d", "input void", "input a", "input b", "input none",
            ])
        #expect(ranking.json["windows"] == .integer(9))
        let entries = try #require(ranking.json["ranking"]?.elements)
        #expect(entries.map { $0["rank"] } == (1...6).map { .integer($0) })
        #expect(entries[2]["drift"] == .null && entries[2]["windows_scored"] == .integer(0))
        // Why there is no score; not where every window has one, nor where there is none.
        #expect(
            entries[2]["absence"]
                == .string("the window holds no numbers: its 1 values are null or NaN"))
        #expect(entries[3]["absence"] == nil && entries[5]["absence"] == nil)
        #expect(entries[5]["newest_status"] == .null && entries[5]["windows_no_data"] == .integer(0))
    }

    // The score of a path's first windows was all that was said of it.
    @Test("a path that fell silent is not taken for a calm one")
    func silent() throws {
        let ranking = PathRanking([
            try finding("input a", [calm, calm, calm]), try finding("input b", [calm, [.nan], calm]),
            try finding("input c", [calm, [.nan], [.nan]]), try finding("input d", [wild, wild, [.nan]]),
        ])
        #expect(ranking.findings.map(\.path.text) == ["input d", "input c", "input b", "input a"])
        #expect(
            ranking.findings.map(\.absenceText) == [
                "1 of 3 windows hold no numbers, the newest is NoData: the window holds no numbers: its 1 values are null or NaN",
                "2 of 3 windows hold no numbers, the newest is NoData: the window holds no numbers: its 1 values are null or NaN",
                "1 of 3 windows hold no numbers, the newest is Ok: the window holds no numbers: its 1 values are null or NaN",
                nil,
            ])
        let entries = try #require(ranking.json["ranking"]?.elements)
        #expect(entries.map { $0["windows_no_data"] } == [1, 2, 1, 0].map { .integer($0) })
        #expect(entries.map { $0["newest_status"] } == ["NoData", "NoData", "Ok", "Ok"].map { .string($0) })
        #expect(entries.map { $0["absence"] != nil } == [true, true, true, false])
        #expect(entries[1]["drift"] == .number(0))
    }

    // Whatever scored above 0 counted as drifted, which noise does: a path without numbers came last.
    @Test("noise is no drift: who is silent comes before it, first who is silent still; an alert is drift")
    func noise() throws {
        let noise = [1.0, 1, 1, 4, 4]
        let ranking = PathRanking([
            try finding("input loud", [noise, noise]), try finding("input back", [[.nan], [.nan], calm]),
            try finding("input silent", [noise, noise, [.nan]]), try finding("input void", [[.nan]]),
            try finding("input alerted", [wild] + Array(repeating: calm, count: 40)),
            try finding("input calm", [calm, calm]), try finding("input wild", [wild]),
        ])
        #expect(
            ranking.findings.map(\.path.field) == [
                "wild", "alerted", "silent", "void", "back", "loud", "calm",
            ])
        for finding in ranking.findings where ["loud", "alerted"].contains(finding.path.field) {
            let drift = try #require(finding.drift)
            #expect(drift > 0 && drift < 1, "\(finding.path.text)")
            #expect(finding.alertCount == (finding.path.field == "alerted" ? 1 : 0))
        }
    }

    @Test("drift is the mean of what scores are of what noise explains")
    func drift() throws {
        let evaluator = try AssayOutcomeTests.evaluator()
        let outcome = evaluator.outcome(of: SortedSample(wild), in: AssayOutcomeTests.window)
        let score = try #require(outcome.score)
        let line = try #require(outcome.noise).line95
        let found = try finding("input a", [wild, calm])
        #expect(found.drift == (score / line + 0) / 2)
        #expect(found.scoreMax == score && found.scoreMean == score / 2)
        #expect(found.scoreMaxWindow == moment(0))
        #expect(found.alertCount == 1 && found.tooFewCount == 2)
    }

    @Test("since when: the first window of the last unbroken run of alerts")
    func since() throws {
        #expect(try finding("input a", [calm]).alertSince == nil)
        let over = try finding("input a", [wild, calm, wild, wild, calm])
        #expect(over.alertSince == moment(120) && !over.isAlerting)
        let still = try finding("input a", [wild, calm, wild, [.nan], wild])
        #expect(still.alertSince == moment(120) && still.isAlerting && still.alertCount == 3)
    }
}
