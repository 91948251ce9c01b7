// Invariants checked: the three at the head of SeriesProgress.swift, against a plain list of what each run waits for.
//
// Windows are a minute wide and runs a minute apart from 60 seconds on, where nothing else is asked.

import Assays
import Records
import Simulation
import TestSupport
import Testing

@testable import Store

@Suite("How far an assay of the second generation has come")
struct SeriesProgressTests {
    private func times(_ seconds: Range<Int>) -> DisjointRanges {
        var times = DisjointRanges()
        times.insert(
            Int(
                moment(Double(seconds.lowerBound)).microseconds)..<Int(
                    moment(Double(seconds.upperBound)).microseconds))
        return times
    }

    /// Looks at a piece, and takes note of it.
    private func look(
        _ progress: inout SeriesProgress, _ definition: SeriesDefinition, limit: Int, at now: Double
    )
        -> [Timestamp]
    {
        let found = progress.lateRuns(definition.schedule, limit: limit + 1)
        let seen = Array(found.prefix(limit))
        progress.finishPiece(before: found.dropFirst(seen.count).first, at: moment(now))
        return seen
    }

    @Test(
        "whatever comes while a look is cut, runs that late records reach are seen again, once a look",
        arguments: 1...30)
    func anyOrder(seed: Int) throws {
        print("seed \(seed)")
        var random = SeededGenerator(seed: UInt64(seed))
        let definition = try Scene.seriesRequest(width: [60, 30, 150][seed % 3])
        let runs = (1...40).map { moment(Double($0) * 60) }
        var progress = SeriesProgress(examinedUntil: runs[19], examinedCut: 0)
        var cut: UInt64 = 0
        // Of each run, the commits that reached it after it had been looked at.
        var waiting: [Timestamp: Set<UInt64>] = [:]
        var seenInLook: [Timestamp] = []
        for second in 0..<300 {
            switch Int.random(in: 0..<12, using: &random) {
            case 0..<5:
                cut += 1
                var touched = DisjointRanges()
                for _ in 0..<Int.random(in: 1...3, using: &random) {
                    let first = Int.random(in: 0..<2400, using: &random)
                    touched.formUnion(times(first..<first + 1))
                    let time = moment(Double(first))
                    for run in runs where run <= progress.examinedUntil {
                        let window = definition.window(of: run)
                        guard window.start <= time, time < window.end else { continue }
                        waiting[run, default: []].insert(cut)
                    }
                }
                progress.note(touched, definition, upTo: cut, at: moment(Double(second)))
            case 5:
                let next = try #require(definition.schedule.next(after: progress.examinedUntil))
                if next <= runs[39] { progress.finish(through: next) }
            case 6:
                // The clock goes back: what is after its moment is made again by itself.
                let horizon = moment(Double(Int.random(in: 900..<2400, using: &random)))
                progress.setBack(by: TimeSpan(microseconds: 1_000_000), horizon: horizon)
                for run in runs where run > progress.examinedUntil { waiting[run] = nil }
            default:
                if progress.late?.look == nil { seenInLook = [] }
                let limit = Int.random(in: 1...4, using: &random)
                let seen = look(&progress, definition, limit: limit, at: Double(second))
                seenInLook += seen
                #expect(seen.allSatisfy { $0 <= progress.examinedUntil }, "none before it is due")
                #expect(seenInLook == Set(seenInLook).sorted(), "in their order, each once")
                for run in seen { waiting[run] = nil }
            }
            let oldest = waiting.values.joined().min()
            #expect(progress.seenCut == cut && progress.examinedCut < (oldest ?? .max))
        }
        // Two looks: what waits behind the one under way is the next one's.
        for _ in 0..<100 where progress.late != nil {
            for run in look(&progress, definition, limit: 3, at: 400) { waiting[run] = nil }
        }
        #expect(progress.late == nil && waiting.isEmpty && progress.examinedCut == cut)
    }

    @Test("what is examined stays where it was until a look is over, and is then where that began")
    func cuts() throws {
        let definition = try Scene.seriesRequest()
        let runs = (1...10).map { moment(Double($0) * 60) }
        var progress = SeriesProgress(examinedUntil: runs[9], examinedCut: 5)
        progress.note(times(0..<600), definition, upTo: 7, at: moment(700))
        var seen = look(&progress, definition, limit: 4, at: 705)
        #expect(seen == Array(runs[0..<4]))
        #expect(progress.examinedCut == 5)
        progress.note(times(0..<600), definition, upTo: 8, at: moment(706))
        seen = look(&progress, definition, limit: 4, at: 706)
        #expect(seen == Array(runs[4..<8]))
        #expect(progress.examinedCut == 5 && progress.seenCut == 8)
        seen = look(&progress, definition, limit: 4, at: 707)
        #expect(seen == Array(runs[8..<10]))
        #expect(progress.examinedCut == 7 && progress.late?.look == nil)
        // The first four have yet to see the last commit.
        seen = look(&progress, definition, limit: 4, at: 711)
        #expect(seen == Array(runs[0..<4]))
        #expect(progress.examinedCut == 8 && progress.late == nil)
    }

    @Test("late records that no window holds wait for nothing")
    func gap() throws {
        let definition = try Scene.seriesRequest(
            frequency: "{\"SimpleRunFrequency\":{\"quantity\":1,\"unit\":\"Hour\"}}")
        var progress = SeriesProgress(examinedUntil: moment(3660), examinedCut: 0)
        progress.note(times(1800..<1801), definition, upTo: 1, at: moment(4000))
        let seen = look(&progress, definition, limit: 4, at: 4005)
        #expect(seen.isEmpty)
        #expect(progress.late == nil && progress.examinedCut == 1)
        // Nor do those of runs that are not due yet.
        progress.note(times(3700..<4000), definition, upTo: 2, at: moment(4010))
        #expect(progress.late == nil && progress.examinedCut == 2)
    }
}
