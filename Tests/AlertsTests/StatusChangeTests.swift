// Invariants checked: the first two at the head of StatusChange.swift, in that order, for one path and, of the
// second generation, for several. The third is in AlertBookTests.

import Assays
import Records
import Simulation
import Testing

@testable import Alerts

@Suite("Changes of status")
struct StatusChangeTests {
    private func told(_ changes: [StatusChange]) -> [String] {
        changes.map { "\($0.from?.rawValue ?? "-")>\($0.to.rawValue)@\($0.resultID)" }
    }

    @Test("from window to window, each change is told once")
    func windows() throws {
        var book = try Support.book()
        #expect(told(try Support.decide([(0, .ok)], in: &book)) == [])
        #expect(told(try Support.decide([(1, .ok)], in: &book)) == [])
        let changes = try Support.decide([(2, .alert)], in: &book, firstID: 7)
        #expect(told(changes) == ["Ok>Alert@3"])
        #expect(changes[0].id == AlertID(7) && changes[0].assayName == "watch")
        #expect(changes[0].window.start == moment(120) && changes[0].at == moment(185))
        #expect(told(try Support.decide([(3, .alert)], in: &book)) == [])
        // Several windows of one commit.
        let several = try Support.decide([(4, .warning), (5, .warning), (6, .noData), (7, .ok)], in: &book)
        #expect(told(several) == ["Alert>Warning@5", "Warning>NoData@7", "NoData>Ok@8"])
        #expect(several.map(\.id.number) == [1, 2, 3])
    }

    @Test("a first window that is not Ok is news, one that is Ok is none")
    func first() throws {
        var book = try Support.book()
        #expect(told(try Support.decide([(0, .alert)], in: &book)) == ["->Alert@1"])
    }

    @Test("a backfill is told by what it ends with")
    func backfill() throws {
        var book = try Support.book()
        let calm = try Support.decide([(0, .alert), (1, .ok), (2, .alert), (3, .ok)], .backfill, in: &book)
        #expect(told(calm) == [])
        let wild = try Support.decide([(4, .warning), (5, .alert)], .backfill, in: &book)
        #expect(told(wild) == ["Ok>Alert@6"])
        #expect(told(try Support.decide([(6, .alert)], in: &book)) == [])
    }

    @Test("what is decided about a window before the latest changes nothing, about the latest it does")
    func late() throws {
        var book = try Support.book()
        _ = try Support.decide([(0, .ok), (1, .ok)], in: &book)
        #expect(told(try Support.decide([(0, .alert)], .late, in: &book)) == [])
        #expect(told(try Support.decide([(1, .alert)], .late, in: &book)) == ["Ok>Alert@4"])
        #expect(told(try Support.decide([(1, .alert)], .late, in: &book)) == [])
    }

    @Test("decisions about an assay that is not there change nothing")
    func unknown() throws {
        var book = try Support.book()
        let analysis = WindowAnalysis(
            window: TimeWindow(start: moment(0), end: moment(60)), reason: .complete, status: .alert,
            digest: ResultDigest(of: [1]), analysedAt: moment(65), elapsedMilliseconds: 1)
        let events = try book.decide([analysis], of: AssayID(1), cut: 1, runAt: moment(0))
        book = AssayBook()
        #expect(StatusChange.changes(by: events, in: book, after: AlertBook()) == [])
    }

    // MARK: Of several paths

    @Test("each path of a second-generation assay changes by itself, and is told under its own name")
    func paths() throws {
        var watch = try Support.series(runsFrom: 60, at: moment(0))
        // The first is no news where it is Ok.
        #expect(try watch.decide([(1, [.ok, .alert])]) == ["out.b.3 ->Alert@1"])
        #expect(try watch.decide([(2, [.ok, .alert])]) == [])
        #expect(
            try watch.decide([(3, [.warning, .ok])]) == ["in.a Ok>Warning@3", "out.b.3 Alert>Ok@3"])
        // Several windows of one commit.
        #expect(
            try watch.decide([(4, [.ok, .ok]), (5, [.noData, .noData]), (6, [.noData, .ok])]) == [
                "in.a Warning>Ok@4", "in.a Ok>NoData@5", "out.b.3 Ok>NoData@5", "out.b.3 NoData>Ok@6",
            ])
        let newest = try #require(watch.alerts.recent(limit: 1).first)
        #expect(newest.id == AlertID(7) && newest.assayUUID == Support.uuid)
        #expect(newest.assayName == "several" && newest.pipelineName == "fraud")
        #expect(newest.window.end == moment(360) && newest.at == moment(365))
    }

    @Test("of a path that was Ok when all others were not, the change from Ok is told as such")
    func refold() throws {
        var watch = try Support.series(runsFrom: 60, at: moment(0))
        _ = try watch.decide([(1, [.alert, .ok])])
        // What the log's events alone say, as after a restart.
        watch.alerts = watch.refolded()
        #expect(try watch.decide([(2, [.alert, .alert])]) == ["out.b.3 Ok>Alert@2"])
        watch.alerts = watch.refolded()
        #expect(try watch.decide([(3, [.alert, .alert])]) == [])
    }

    @Test("a backfill of several commits is told once, by what it ends with")
    func longBackfill() throws {
        // Scheduled at 350 seconds: the runs at 60, …, 300 lie behind.
        var watch = try Support.series(runsFrom: 60, at: moment(350))
        #expect(try watch.decide([(1, [.alert, .alert]), (2, [.alert, .ok])], .backfill) == [])
        #expect(watch.assay?.hasCaughtUp == false)
        // Late records for a window that the backfill came to are no reason to tell of it either.
        #expect(try watch.decide([(2, [.noData, .noData])], .late) == [])
        #expect(
            try watch.decide([(3, [.ok, .ok]), (4, [.ok, .alert]), (5, [.warning, .ok])], .backfill) == [
                "in.a ->Warning@6"
            ])
        #expect(watch.assay?.hasCaughtUp == true)
        // Paused in the middle of the seventh minute, and on again after the ninth.
        try watch.activate(false, at: moment(390))
        try watch.activate(true, at: moment(550))
        #expect(try watch.decide([(6, [.alert, .alert]), (7, [.alert, .alert])], .backfill) == [])
        #expect(
            try watch.decide([(8, [.ok, .ok]), (9, [.alert, .ok])], .backfill) == ["in.a Warning>Alert@10"])
    }

    @Test("of a second-generation assay too, a window before the latest changes nothing, and the latest does")
    func lateOfSeveral() throws {
        var watch = try Support.series(runsFrom: 60, at: moment(0))
        _ = try watch.decide([(1, [.ok, .ok]), (2, [.ok, .ok])])
        #expect(try watch.decide([(1, [.alert, .alert])], .late) == [])
        #expect(try watch.decide([(2, [.ok, .alert])], .late) == ["out.b.3 Ok>Alert@4"])
        #expect(try watch.decide([(2, [.ok, .alert])], .late) == [])
    }

    @Test(
        "histories at random: what was told of a path leads from each status to the next", arguments: 0..<20)
    func random(seed: UInt64) throws {
        print("seed \(seed)")
        var generator = SeededGenerator(seed: seed)
        var watch = try Support.series(runsFrom: 60, at: moment(0))
        var statuses: [[AssayStatus]] = []
        let words: [AssayStatus] = [.ok, .warning, .alert, .noData, .noScore]
        for _ in 0..<60 {
            let drawn = [words.randomElement(using: &generator)!, words.randomElement(using: &generator)!]
            if !statuses.isEmpty, Int.random(in: 0..<4, using: &generator) == 0 {
                let place = Int.random(in: 0..<statuses.count, using: &generator)
                _ = try watch.decide([(Int64(place) + 1, drawn)], .late)
                statuses[place] = drawn
            } else {
                _ = try watch.decide([(Int64(statuses.count) + 1, drawn)])
                statuses.append(drawn)
            }
            if Int.random(in: 0..<8, using: &generator) == 0 { watch.alerts = watch.refolded() }
        }
        for place in 0..<2 {
            let told = watch.told.filter { $0.path == watch.assay?.definition.paths[place] }
            var known: AssayStatus?
            for change in told {
                // A first Ok is not told of.
                #expect(change.from == known || (known == nil && change.from == .ok))
                #expect(change.from != change.to)
                known = change.to
            }
            #expect((known ?? .ok) == statuses.last?[place])
        }
    }
}
