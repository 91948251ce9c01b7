// Invariants checked: the two at the head of StatusChange.swift, in that order.

import Assays
import Records
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
        #expect(StatusChange.changes(by: events, in: book, firstID: AlertID(1)) == [])
    }
}
