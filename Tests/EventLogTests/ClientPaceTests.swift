// Invariants checked: the two at the head of ClientPace.swift.

import Testing

@testable import EventLog

@Suite struct ClientPaceTests {
    private let start = ContinuousClock.now

    private func at(_ milliseconds: Double) -> ClientPace.Instant {
        start + .microseconds(Int(milliseconds * 1000))
    }

    /// A pace after answers at 0 ms and at 10 ms, between which the last request came at `arrival`.
    private func pace(arrival: Double, answered: Int = 4, waiting: Int = 4) -> ClientPace {
        var pace = ClientPace()
        pace.note(answeredCount: 8, waitingCount: 0, lastArrival: at(-1), at: at(0))
        pace.note(answeredCount: answered, waitingCount: waiting, lastArrival: at(arrival), at: at(10))
        return pace
    }

    @Test("clients that came back soon are waited for about so long, and all of them")
    func soon() throws {
        let pace = pace(arrival: 0.4)
        #expect(pace.expectedCount == 8)
        let deadline = try #require(pace.deadline(lastSync: .milliseconds(4)))
        #expect(deadline == at(10.55))
    }

    @Test("clients that took longer than half a sync are not waited for")
    func late() {
        #expect(pace(arrival: 2.1).deadline(lastSync: .milliseconds(4)) == nil)
        #expect(pace(arrival: 0.4).deadline(lastSync: .microseconds(700)) == nil)
    }

    @Test("nobody waits longer than half a sync, or two milliseconds")
    func bounds() throws {
        let half = try #require(pace(arrival: 1.9).deadline(lastSync: .milliseconds(4)))
        #expect(half == at(12))
        let most = try #require(pace(arrival: 1.9).deadline(lastSync: .milliseconds(400)))
        #expect(most == at(12))
        #expect(pace(arrival: 0.01).deadline(lastSync: .microseconds(90)) == nil)
    }

    @Test("a client alone is not waited for, nor is anybody before the first answer")
    func alone() {
        #expect(pace(arrival: 0.4, answered: 1, waiting: 0).deadline(lastSync: .milliseconds(4)) == nil)
        #expect(ClientPace().deadline(lastSync: .milliseconds(4)) == nil)
    }

    @Test("what they took to come back is remembered while nobody could come")
    func remembered() throws {
        var pace = pace(arrival: 0.4)
        // All eight were in the envelope: during its sync nobody came.
        pace.note(answeredCount: 8, waitingCount: 0, lastArrival: at(9), at: at(15))
        let deadline = try #require(pace.deadline(lastSync: .milliseconds(4)))
        #expect(deadline == at(15.55))
    }
}
