// Invariants checked: the one at the head of QueryPlan.swift, and the plan as a person reads it.

import EventLog
import Records
import Segments
import Simulation
import TestSupport
import Testing

@testable import Queries

@Suite struct QueryPlanTests {
    /// Blocks at 0, 1000 and 2000 ms in two partitions, and a tail.
    private func model() throws -> QueryModel {
        var model = try QueryModel { $0.segmentByteCountMax = 1 << 20 }
        for (number, partition) in ["engine", "edge", "engine"].enumerated() {
            try model.append(
                (0..<4).map { ModelRecord(time: Int64(number * 1000 + $0), fields: ["out.y": .int64(7)]) },
                partition: partition)
        }
        try model.append([ModelRecord(time: 2500, fields: ["out.y": .int64(7)])], isSmall: true)
        return model
    }

    private func plan(
        _ window: TimeWindow, _ filter: RecordFilter = RecordFilter(), cut: UInt64? = nil,
        explaining: Bool = true
    ) throws -> QueryPlan {
        QueryPlan(
            topic: try model().snapshot.index.topics["fraud"], window: window, filter: filter, cut: cut,
            explaining: explaining)
    }

    @Test("a plan says of every block whether it is read, or why not")
    func text() throws {
        let text = try plan(TimeWindow(500, 9000), RecordFilter(partitions: ["engine"]), cut: 4).text
        #expect(
            text == """
                segment 1 at 69: engine [0, 4) 1970-01-01T00:00:00Z … 1970-01-01T00:00:00.003000Z 53 bytes: skip: no record in the window
                segment 1 at 159: edge [0, 4) 1970-01-01T00:00:01Z … 1970-01-01T00:00:01.003000Z 53 bytes: skip: another partition
                segment 1 at 249: engine [4, 8) 1970-01-01T00:00:02Z … 1970-01-01T00:00:02.003000Z 55 bytes: read
                tail: engine [8, 9) in memory: read
                """)
    }

    @Test("blocks and tails after the cut are skipped")
    func cut() throws {
        let plan = try plan(.always, cut: 2)
        #expect(plan.steps.map(\.skipped) == [nil, nil, .laterCommit])
        #expect(plan.tails.isEmpty && plan.skippedBlockCount == 1)
    }

    @Test("whole segments outside the window are skipped without looking at their blocks")
    func segments() throws {
        let plan = try plan(TimeWindow(5000, 6000), explaining: false)
        #expect(plan.skippedSegmentCount == 1 && plan.skippedBlockCount == 3 && plan.steps.isEmpty)
        #expect(try self.plan(TimeWindow(7, 7)).steps.isEmpty)
    }

    @Test("explaining or not, the same blocks are read")
    func explaining() throws {
        for start in stride(from: -500, to: 3500, by: 250) as StrideTo<Int64> {
            for length in [0, 1, 300, 1200, 5000] as [Int64] {
                let window = TimeWindow(start, start + length)
                let brief = try plan(window, explaining: false)
                let full = try plan(window)
                #expect(brief.steps.map(\.block) == full.steps.filter { $0.skipped == nil }.map(\.block))
                #expect(brief.skippedBlockCount == full.skippedBlockCount)
            }
        }
    }
}
