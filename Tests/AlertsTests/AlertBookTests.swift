// Invariants checked: the five at the head of AlertBook.swift, and those of AlertEvent.swift.

import Assays
import JSON
import Records
import TestSupport
import Testing

@testable import Alerts

@Suite("Alerts folded")
struct AlertBookTests {
    private func fold(_ events: [AlertEvent]) -> AlertBook {
        var book = AlertBook()
        for event in events { book.apply(event) }
        return book
    }

    private func events() throws -> [AlertEvent] {
        [
            .statusChanged(try Support.change(1)), try Support.creation(1),
            try Support.creation(2, "https://hooks.example.com/b"),
            .statusChanged(try Support.change(2, at: 5)),
            .statusChanged(try Support.change(3, at: 6, to: .ok)),
            Support.attempt(2, 1, .failed(nextAt: moment(20))), Support.attempt(2, 1, .delivered, webhook: 2),
            .webhookSwitched(WebhookID(2), isActive: false, at: moment(7)),
            .webhookSwitched(WebhookID(2), isActive: true, at: moment(8)),
            .statusChanged(try Support.change(4, at: 9)), Support.attempt(3, 1, .gone, webhook: 2),
            .webhookRemoved(WebhookID(2), at: moment(10)),
        ]
    }

    @Test("every event comes back from its JSON")
    func json() throws {
        let first = StatusChange(
            id: AlertID(9), assayID: AssayID(1), assayName: "w", pipelineName: "p",
            path: try IOPath(parsing: "input a 3"), from: nil, to: .noData,
            window: TimeWindow(start: moment(0), end: moment(1)), resultID: AssayResultID(4), at: moment(2))
        var second = first
        second.assayUUID = Support.uuid
        #expect(second.json.text.contains("\"iopath\":\"in.a.3\""))
        // What was written before there were alerts of the second generation says nothing of it.
        #expect(!first.json.text.contains("uuid") && !first.json.text.contains("iopath"))
        for event in try events()
            + [
                .statusChanged(first), .statusChanged(second), Support.attempt(2, 9, .failed(nextAt: nil)),
                .givenUp(
                    DeliveryLoss(
                        webhookID: WebhookID(1), lastAlertID: AlertID(9), count: 4, at: moment(3))),
            ]
        {
            #expect(try AlertEvent(JSONField(event.json)) == event, "\(event.json.text)")
        }
        #expect(throws: FieldError.self) { try AlertEvent(JSONField(.object(("kind", .string("other"))))) }
    }

    @Test("the same events give the same book, and the last ones again change nothing, but for switches")
    func refold() throws {
        let events = try events()
        for end in 1...events.count {
            let book = fold(Array(events[..<end]))
            #expect(book == fold(Array(events[..<end])))
            for start in 0..<end {
                let last = events[start..<end]
                let switches = last.contains { if case .webhookSwitched = $0 { true } else { false } }
                if switches, last.count > 1 { continue }
                var again = book
                for event in last { again.apply(event) }
                #expect(again == book, "\(start)..<\(end)")
            }
        }
        // What changed after a switch waits; the switch again drops it, and the change is no longer new.
        let switched =
            [try Support.creation(1)]
            + [false, true].map {
                AlertEvent.webhookSwitched(WebhookID(1), isActive: $0, at: moment(1))
            }
        var book = fold(switched + [.statusChanged(try Support.change(1))])
        #expect(book.pendingCount(of: WebhookID(1)) == 1)
        for event in switched.dropFirst() { book.apply(event) }
        book.apply(.statusChanged(try Support.change(1)))
        #expect(book.pendingCount(of: WebhookID(1)) == 0)
    }

    @Test("a destination is told of what changes while it is there and active")
    func pending() throws {
        var book = fold(Array(try events()[..<5]))
        #expect(book.pendingCount(of: WebhookID(1)) == 2)
        let due = book.due(at: moment(30))
        #expect(due.map(\.webhook.number) == [1, 2] && due.map(\.change.id.number) == [2, 2])
        book.apply(Support.attempt(2, 1, .failed(nextAt: moment(50))))
        // The next one does not wait for the one that failed.
        #expect(book.due(at: moment(30)).map(\.change.id.number) == [3, 2])
        book.apply(Support.attempt(3, 1, .delivered))
        #expect(book.due(at: moment(30)).map(\.webhook.number) == [2])
        #expect(
            book.due(at: moment(50)).map { [$0.change.id.number, $0.attemptCount] } == [[2, 1], [2, 0]])
        book.apply(Support.attempt(2, 2, .failed(nextAt: nil)))
        #expect(book.pendingCount(of: WebhookID(1)) == 0)
        let webhook = try #require(book[WebhookID(1)])
        #expect(webhook.deliveredCount == 1 && webhook.failedAttemptCount == 2 && webhook.givenUpCount == 1)
    }

    @Test("what a clock that was ahead put off is due when the clock is right again")
    func ahead() throws {
        var book = fold([try Support.creation(1), .statusChanged(try Support.change(1, at: 86_409))])
        // Made by a clock a day ahead, and not tried yet.
        #expect(book.due(at: moment(9)).map(\.change.id.number) == [1])
        var failed = DeliveryAttempt(
            webhookID: WebhookID(1), alertID: AlertID(1), attempt: 1,
            outcome: .failed(nextAt: moment(86_415)), status: 500, problem: nil, at: moment(86_410))
        book.apply(.attempted(failed))
        #expect(book.due(at: moment(86_414)) == [])
        // The clock is right: tried at once, and from then on by the schedule.
        #expect(book.due(at: moment(10)).map(\.attemptCount) == [1])
        (failed.attempt, failed.outcome, failed.at) = (2, .failed(nextAt: moment(310)), moment(10))
        book.apply(.attempted(failed))
        #expect(book.due(at: moment(10)) == [] && book.due(at: moment(309)) == [])
        #expect(book.due(at: moment(310)).map(\.attemptCount) == [2])
    }

    @Test("who is gone, switched off or removed is told nothing")
    func gone() throws {
        var book = fold([
            try Support.creation(1), .statusChanged(try Support.change(1)), Support.attempt(1, 1, .gone),
        ])
        #expect(book.due(at: moment(99)) == [] && book[WebhookID(1)]?.isGone == true)
        book.apply(.statusChanged(try Support.change(2)))
        #expect(book.pendingCount(of: WebhookID(1)) == 0)
        book.apply(.webhookSwitched(WebhookID(1), isActive: true, at: moment(1)))
        book.apply(.statusChanged(try Support.change(3)))
        #expect(book.due(at: moment(99)).map(\.change.id.number) == [3])
        book.apply(.webhookRemoved(WebhookID(1), at: moment(2)))
        #expect(book.due(at: moment(99)) == [] && book.list == [])
        // Its number is not given again.
        let event = try book.createWebhook(
            try WebhookAddress(JSONField(.string("https://h/"))), WebhookSecret(), at: moment(3))
        guard case .webhookCreated(let creation) = event else {
            Issue.record("another event: \(event)")
            return
        }
        #expect(creation.id == WebhookID(2))
        #expect(throws: AlertError.self) { try book.removeWebhook(WebhookID(1), at: moment(4)) }
    }

    @Test("what waits is bounded: the oldest is given up, which the log says, and counted")
    func bounded() throws {
        var book = fold([
            try Support.creation(1), try Support.creation(2),
            .webhookSwitched(WebhookID(2), isActive: false, at: moment(1)),
        ])
        let max = AlertBook.pendingCountMax
        var events: [AlertEvent] = []
        for commit in [1...4, 5...max - 1, max...max, max + 1...max + 5] {
            let changes = try commit.map { try Support.change($0) }
            let found = book.events(of: changes, at: moment(7))
            #expect(found.prefix(changes.count).elementsEqual(changes.map { .statusChanged($0) }))
            for event in found {
                book.apply(event)
                // Again, as at the end of what a process reads that was cut off.
                book.apply(event)
            }
            events += found.dropFirst(changes.count)
        }
        let loss = DeliveryLoss(
            webhookID: WebhookID(1), lastAlertID: AlertID(5), count: 5, at: moment(7))
        #expect(events == [.givenUp(loss)])
        #expect(book.pendingCount(of: WebhookID(1)) == max)
        #expect(book.due(at: moment(9)).first?.change.id == AlertID(6))
        #expect(book[WebhookID(1)]?.givenUpCount == 5)
        #expect(book.recent(limit: 3).map(\.id.number) == [10_005, 10_004, 10_003])
        #expect(book.recent(of: AssayID(2), limit: 3) == [])
        // More at once than are kept: the oldest of themselves are among what is given up.
        let more = try (max + 6...2 * max + 8).map { try Support.change($0) }
        for event in book.events(of: more, at: moment(8)) { book.apply(event) }
        #expect(book.pendingCount(of: WebhookID(1)) == max)
        #expect(book.due(at: moment(9)).first?.change.id == AlertID(max + 9))
        #expect(book[WebhookID(1)]?.givenUpCount == max + 8)
        // What is no news takes nobody's place.
        var first = try Support.change(2 * max + 9, to: .ok)
        first.from = nil
        #expect(book.events(of: [first], at: moment(9)) == [.statusChanged(first)])
        book.apply(.statusChanged(first))
        #expect(book.pendingCount(of: WebhookID(1)) == max && book.recent(limit: 1).first != first)
    }

    @Test("no list shows a secret")
    func secrets() throws {
        let book = fold([try Support.creation(1)])
        let text = book.json(of: try #require(book[WebhookID(1)])).text
        #expect(!text.contains("whsec_") && text.contains("hooks.example.com"))
    }
}
