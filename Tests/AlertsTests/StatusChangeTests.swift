// Invariants checked: the first three at the head of StatusChange.swift, in that order, for one path and, of the
// second generation, for several. The fourth is in AlertBookTests.

import Assays
import Records
import Simulation
import TestSupport
import Testing

@testable import Alerts

@Suite("Changes of status")
struct StatusChangeTests {
    @Test("from commit to commit, each change is told once, by what the commit ends with")
    func windows() throws {
        var watch = try Support.single()
        #expect(try watch.decide([(1, .ok)]) == [])
        #expect(try watch.decide([(2, .ok)]) == [])
        #expect(try watch.decide([(3, .alert)]) == ["Ok>Alert@3"])
        let change = try #require(watch.changes.last)
        // The first Ok is written down, and is no news.
        #expect(watch.changes.map(\.id.number) == [1, 2] && watch.changes.map(\.isNews) == [false, true])
        #expect(watch.alerts.recent(limit: 9) == [change] && change.assayName == "watch")
        #expect(change.window.start == moment(120) && change.at == moment(185))
        #expect(try watch.decide([(4, .alert)]) == [])
        // Several windows of one commit.
        let several: [(Int64, AssayStatus)] = [(5, .warning), (6, .ok), (7, .noData), (8, .warning)]
        #expect(try watch.decide(several) == ["Alert>Warning@8"])
        #expect(try watch.decide([(9, .alert), (10, .warning)]) == [])
    }

    @Test("a first window that is not Ok is news, one that is Ok is none")
    func first() throws {
        var watch = try Support.single()
        #expect(try watch.decide([(1, .alert)]) == ["->Alert@1"])
        #expect(try watch.decide([(2, .ok)]) == ["Alert>Ok@2"])
        #expect(try watch.decide([(3, .alert)]) == ["Ok>Alert@3"])
    }

    @Test("an assay that is behind says nothing, and then what it came to, also where the rest was empty")
    func behind() throws {
        var watch = try Support.single()
        #expect(try watch.decide([(1, .alert), (2, .ok)], isBehind: true) == [])
        #expect(try watch.decide([(3, .ok), (4, .alert)], isBehind: true) == [])
        // The newest of them turns over while more is due.
        #expect(try watch.decide([(4, .warning)], isBehind: true) == [])
        watch.alerts = try watch.refolded()
        #expect(watch.changes == [])
        // The last minutes hold nothing: there is no commit of decisions to tell it with.
        #expect(watch.catchUp(9) == ["->Warning@5"])
        #expect(watch.catchUp(9) == [])
        watch.alerts = try watch.refolded()
        #expect(watch.catchUp(9) == [])
        #expect(try watch.decide([(10, .warning)]) == [])
        // What was said before it fell behind is what it is held against.
        #expect(try watch.decide([(11, .ok), (12, .alert)], isBehind: true) == [])
        #expect(try watch.decide([(13, .warning)]) == [])
        #expect(try watch.decide([(14, .alert)], isBehind: true) == [])
        // A window before the newest is decided when nothing more is due.
        #expect(try watch.decide([(2, .warning)], now: 20) == ["Warning>Alert@10"])
    }

    @Test("what is decided about a window before the latest changes nothing, about the latest it does")
    func late() throws {
        var watch = try Support.single()
        _ = try watch.decide([(1, .ok), (2, .ok)])
        #expect(try watch.decide([(1, .alert)], now: 2) == [])
        #expect(try watch.decide([(2, .alert)]) == ["Ok>Alert@4"])
        #expect(try watch.decide([(2, .alert)]) == [])
    }

    @Test("windows that have not ended say nothing, whatever a clock ahead of time had decided of them")
    func clock() throws {
        var watch = try Support.single()
        _ = try watch.decide([(1, .ok)])
        // A day ahead for a moment, and back.
        #expect(try watch.decide([(1_441, .alert)]) == ["Ok>Alert@2"])
        #expect(watch.catchUp(2) == ["Alert>Ok@1"])
        #expect(try watch.decide([(2, .warning)]) == ["Ok>Warning@3"])
        #expect(try watch.decide([(3, .noData), (1_442, .alert)], now: 3) == ["Warning>NoData@4"])
        var series = try Support.series(runsFrom: 60, at: moment(0))
        _ = try series.decide([(1, [.ok, .ok]), (1_441, [.noData, .noData])])
        #expect(try series.decide([(2, [.alert, .ok])]) == ["in.a NoData>Alert@3", "out.b.3 NoData>Ok@3"])
    }

    @Test("decisions about an assay that is not there, or newest ones of one switched off, change nothing")
    func unknown() throws {
        var watch = try Support.single()
        let analysis = WindowAnalysis(
            window: TimeWindow(start: moment(0), end: moment(60)), reason: .complete, status: .alert,
            digest: ResultDigest(of: [1]), analysedAt: moment(65), elapsedMilliseconds: 1)
        let events = try watch.book.decide([analysis], of: AssayID(1), cut: 1, runAt: moment(0))
        let circumstances = StatusChange.Circumstances(horizon: moment(60))
        #expect(StatusChange.changes(by: events, in: AssayBook(), after: AlertBook(), circumstances) == [])
        #expect(try watch.decide([(1, .alert)], isBehind: true) == [])
        watch.keep(try watch.book.setActive(AssayID(1), false, at: moment(70)))
        #expect(watch.catchUp(2) == [])
        watch.keep(try watch.book.setActive(AssayID(1), true, at: moment(80)))
        #expect(watch.catchUp(2) == ["->Alert@1"])
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
                "in.a Warning>NoData@6"
            ])
        let newest = try #require(watch.alerts.recent(limit: 1).first)
        #expect(newest.id == AlertID(5) && newest.assayUUID == Support.uuid)
        #expect(newest.assayName == "several" && newest.pipelineName == "fraud")
        #expect(newest.window.end == moment(360) && newest.at == moment(365))
    }

    @Test("of a path that was Ok when all others were not, the change from Ok is told as such")
    func refold() throws {
        var watch = try Support.series(runsFrom: 60, at: moment(0))
        _ = try watch.decide([(1, [.alert, .ok])])
        // What the log's events alone say, as after a restart.
        watch.alerts = try watch.refolded()
        #expect(try watch.decide([(2, [.alert, .alert])]) == ["out.b.3 Ok>Alert@2"])
        watch.alerts = try watch.refolded()
        #expect(try watch.decide([(3, [.alert, .alert])]) == [])
    }

    @Test("of several paths too, a backfill of several commits is told once, by what it ends with")
    func longBackfill() throws {
        var watch = try Support.series(runsFrom: 60, at: moment(350))
        #expect(try watch.decide([(1, [.alert, .alert]), (2, [.alert, .ok])], isBehind: true) == [])
        // Late records for a window that the backfill came to are no reason to tell of it either.
        #expect(try watch.decide([(2, [.noData, .noData])], isBehind: true) == [])
        #expect(
            try watch.decide([(3, [.ok, .ok]), (4, [.ok, .alert]), (5, [.warning, .ok])]) == [
                "in.a ->Warning@6"
            ])
        #expect(try watch.decide([(6, [.alert, .alert]), (7, [.alert, .alert])], isBehind: true) == [])
        #expect(try watch.decide([(8, [.ok, .ok]), (9, [.alert, .ok])]) == ["in.a Warning>Alert@10"])
    }

    @Test("of a second-generation assay too, a window before the latest changes nothing, and the latest does")
    func lateOfSeveral() throws {
        var watch = try Support.series(runsFrom: 60, at: moment(0))
        _ = try watch.decide([(1, [.ok, .ok]), (2, [.ok, .ok])])
        #expect(try watch.decide([(1, [.alert, .alert])], now: 2) == [])
        #expect(try watch.decide([(2, [.ok, .alert])]) == ["out.b.3 Ok>Alert@4"])
        #expect(try watch.decide([(2, [.ok, .alert])]) == [])
    }

    // MARK: Any history

    /// The plain rule: whenever nothing is due, the newest status is held against the one said last.
    private struct Model {
        var statuses: [AssayStatus] = []
        var said: AssayStatus?
        var told: [String] = []

        mutating func look() {
            guard let newest = statuses.last, newest != said else { return }
            if said != nil || newest != .ok {
                told.append("\(said?.rawValue ?? "-")>\(newest.rawValue)")
            }
            said = newest
        }
    }

    @Test(
        "histories at random, cut anywhere, begun again anywhere: what is told is what the plain rule says",
        arguments: 0..<40)
    func random(seed: UInt64) throws {
        print("seed \(seed)")
        var generator = SeededGenerator(seed: seed)
        let isSeries = seed % 2 == 1
        var watch = isSeries ? try Support.series(runsFrom: 60, at: moment(0)) : try Support.single()
        var models = Array(repeating: Model(), count: isSeries ? 2 : 1)
        let words: [AssayStatus] = [.ok, .ok, .warning, .alert, .noData, .noScore]
        for _ in 0..<80 {
            let isBehind = Int.random(in: 0..<3, using: &generator) == 0
            let count = models[0].statuses.count
            if count > 0, Int.random(in: 0..<4, using: &generator) == 0 {
                // Late, of one window. Of several paths, those of the newest are known with its decision only;
                // of no other does a commit come when an assay has caught up.
                let place = Int.random(in: 0..<count, using: &generator)
                let drawn = models.map { _ in words.randomElement(using: &generator)! }
                for path in models.indices { models[path].statuses[place] = drawn[path] }
                let isSilent = isBehind || isSeries && place < count - 1
                _ = try watch.decide([(Int64(place) + 1, drawn)], isBehind: isBehind, now: Int64(count))
                if !isSilent { for path in models.indices { models[path].look() } }
            } else {
                let windows = (1...Int.random(in: 1...4, using: &generator)).map { number in
                    (Int64(count + number), models.map { _ in words.randomElement(using: &generator)! })
                }
                for path in models.indices { models[path].statuses += windows.map { $0.1[path] } }
                _ = try watch.decide(windows, isBehind: isBehind)
                if !isBehind { for path in models.indices { models[path].look() } }
            }
            if !isSeries, !isBehind || Bool.random(using: &generator) {
                _ = watch.catchUp(Int64(models[0].statuses.count))
                models[0].look()
            }
            if Int.random(in: 0..<8, using: &generator) == 0 { watch.alerts = try watch.refolded() }
        }
        let paths = try watch.series?.definition.paths ?? [IOPath(parsing: "output y")]
        for (path, model) in zip(paths, models) {
            let told = watch.changes.filter { $0.path == path && $0.isNews }
            #expect(told.map { "\($0.from?.rawValue ?? "-")>\($0.to.rawValue)" } == model.told)
            #expect(model.told.count > 5)
        }
    }
}
