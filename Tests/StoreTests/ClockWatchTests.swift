// Invariants checked: the first and the last at the head of ClockWatch.swift.

import Records
import TestSupport
import Testing

@testable import Store

@Suite("Whether the clock is to be believed")
struct ClockWatchTests {
    /// Looks at moments in seconds: of the day, and counted.
    private static func steps(_ watch: inout ClockWatch, _ looks: [(now: Double, counted: Int64)]) -> [Int64]
    {
        looks.map { look in
            watch.look(moment(look.now), countedMicroseconds: look.counted * 1_000_000)?.microseconds ?? 0
        }
    }

    @Test("time that passes, and a correction of a minute, are no steps")
    func passing() {
        var watch = ClockWatch()
        let steps = Self.steps(&watch, [(0, 50), (30, 80), (120, 110), (100, 140), (86_500, 86_540)])
        #expect(steps == [0, 0, 0, 0, 0] && !watch.isDoubted)
    }

    @Test("a step ahead is doubted for an hour from the last one on")
    func standing() {
        var watch = ClockWatch()
        let steps = Self.steps(&watch, [(0, 0), (91, 30), (1_091, 130), (4_690, 3_729)])
        #expect(steps == [0, 61_000_000, 900_000_000, 0] && watch.isDoubted)
        #expect(watch.aheadBy == TimeSpan(microseconds: 961_000_000))
        let last = Self.steps(&watch, [(4_691, 3_730)])
        #expect(last == [0] && !watch.isDoubted && watch.aheadBy == nil)
    }

    @Test("a step that is taken back is doubted no more; one that is in part, still is")
    func takenBack() {
        var watch = ClockWatch()
        let ahead = Self.steps(&watch, [(0, 0), (86_430, 30), (3_660, 60)])
        #expect(ahead == [0, 86_400_000_000, 0] && watch.isDoubted)
        let right = Self.steps(&watch, [(90, 90)])
        #expect(right == [0] && !watch.isDoubted)
        // Behind before it was set right: that is a step as well.
        let behind = Self.steps(&watch, [(-9_000, 120), (150, 150)])
        #expect(behind == [0, 9_120_000_000] && watch.isDoubted)
    }
}
