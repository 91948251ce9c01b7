// Invariants checked: the two at the head of LateRecords.swift.

import Records
import TestSupport
import Testing

@testable import Store

@Suite("Late records")
struct LateRecordsTests {
    @Test("late records are due when quiet for the grace, at the latest after the greatest lateness")
    func due() {
        let grace = TimeSpan(microseconds: 5_000_000)
        let most = TimeSpan(microseconds: 60_000_000)
        func dueAt(_ first: Double, _ last: Double) -> Timestamp {
            LateRecords(touched: DisjointRanges(), first: moment(first), last: moment(last)).dueAt(
                grace: grace, latenessMax: most)
        }
        #expect(dueAt(0, 0) == moment(5))
        #expect(dueAt(0, 55) == moment(60))
        #expect(dueAt(0, 300) == moment(60))
        // The clock goes back: nothing is due later than it was to be.
        var late = LateRecords(touched: DisjointRanges(), first: moment(0), last: moment(300))
        late.shift(back: TimeSpan(microseconds: 7_000_000))
        #expect(late.dueAt(grace: grace, latenessMax: most) == moment(53))
        late.last = moment(-6)
        #expect(late.dueAt(grace: grace, latenessMax: most) == moment(-1))
    }

    @Test(
        "a look in pieces sees each window once; what comes meanwhile to those it has seen waits for the next"
    )
    func looks() throws {
        let (grace, most) = (TimeSpan(microseconds: 5_000_000), TimeSpan(microseconds: 60_000_000))
        func ranges(_ range: Range<Int>) -> DisjointRanges {
            var ranges = DisjointRanges()
            ranges.insert(range)
            return ranges
        }
        var noted: LateRecords?
        noted.note(ranges(0..<30), at: moment(1))
        var late = try #require(noted)
        late.noteLook(at: [], at: moment(50))
        #expect(late.rest.ranges == [0..<30] && late.dueAt(grace: grace, latenessMax: most) == moment(6))
        late.noteLook(at: [0..<10], at: moment(61))
        #expect(late.rest.ranges == [10..<30] && late.dueAt(grace: grace, latenessMax: most) < moment(-999))
        // Some that it has seen, and some that it has yet to come to.
        noted = late
        noted.note(ranges(5..<15), at: moment(62))
        noted.note(ranges(40..<50), at: moment(63))
        late = try #require(noted)
        #expect(late.touched.ranges == [5..<30, 40..<50] && late.rest.ranges == [10..<30, 40..<50])
        late.shift(back: TimeSpan(microseconds: 1_000_000))
        late.noteLook(at: [10..<30, 40..<50], at: moment(64))
        #expect(late.rest.ranges == [5..<10])
        // As long as it would have waited, had it come when the look began.
        #expect(late.dueAt(grace: grace, latenessMax: most) == moment(67))
        late.last = moment(200)
        #expect(late.dueAt(grace: grace, latenessMax: most) == moment(120))
    }
}
