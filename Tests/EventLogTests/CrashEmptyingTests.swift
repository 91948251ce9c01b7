// Invariant checked: the one at the head of InferenceLog+Emptying.swift, where the manifest cannot be read,
// with the power cut at every operation and with every operation failing once. Logs whose manifest can be
// are emptied among the histories of CrashPointTests.

import CrashPoints
import Disk
import Simulation
import TestSupport
import Testing

@testable import EventLog

@Suite struct CrashEmptyingTests {
    /// A log of some segments whose manifest is damaged.
    private static func damaged() -> SimulatedFileSystem {
        let disk = SimulatedFileSystem()
        var generator = SeededGenerator(seed: 11)
        var drive = LogDrive(disk, LogDrive.smallConfiguration)
        drive.reopen()
        for number in 0..<30 { drive.run(.commit(generator.parts(at: number))) }
        drive.run(.close)
        drive.letGo()
        disk.damage(FileName.manifest) { $0[$0.count / 2] ^= 4 }
        return disk.copy(of: "")
    }

    /// What opening shows: nil where it refuses.
    private static func rowCount(_ disk: SimulatedFileSystem) -> Int? {
        guard let opened = try? InferenceLog.openWriter(on: disk) else { return nil }
        return LogContents(opened.index.snapshot()).records.values.reduce(0) { $0 + $1.count }
    }

    @Test("segments are durably gone before the manifest is touched; where only they are left, they go")
    func order() throws {
        let disk = Self.damaged()
        var plan = SimulatedFileSystem.FaultPlan()
        let names = try disk.list("")
        let segmentCount = names.count { FileName.segmentNumber($0) != nil }
        // The removals, the sync behind them; then the manifest's removal fails.
        plan.failAtOperation = disk.operationCount + segmentCount + 1
        disk.setPlan(plan)
        #expect(throws: LogError.self) { try InferenceLog.empty(LogConfiguration(), on: disk) }
        disk.crash { $0.lowerBound }
        #expect(try disk.list("").sorted() == names.filter { FileName.segmentNumber($0) == nil }.sorted())

        // As a disk that keeps no order of names may leave it.
        let left = Self.damaged()
        try left.remove(FileName.manifest)
        #expect(Self.rowCount(left) == nil, "it is refused to begin with")
        try InferenceLog.empty(LogConfiguration(), on: left)
        left.crash { $0.lowerBound }
        #expect(Self.rowCount(left) == 0)
        // What is not there is empty.
        var elsewhere = LogConfiguration()
        elsewhere.directory = "nowhere"
        try InferenceLog.empty(elsewhere, on: left)
    }

    @Test(
        "a log whose manifest cannot be read is refused or empty wherever its emptying ends, which goes on",
        arguments: [Survival.nothing, .everything, .seeded(3)], [true, false])
    func everywhere(survival: Survival, isCut: Bool) throws {
        #expect(Self.rowCount(Self.damaged()) == nil, "it is refused to begin with")
        var operation = 0
        while true {
            let disk = Self.damaged()
            var plan = SimulatedFileSystem.FaultPlan()
            if isCut { plan.crashAtOperation = operation } else { plan.failAtOperation = operation }
            disk.setPlan(plan)
            let isDone = (try? InferenceLog.empty(LogConfiguration(), on: disk)) != nil
            let wasHit = isCut ? disk.hasCrashed : disk.failureCount > 0
            disk.crash(survival.choose())
            let found = Self.rowCount(disk.copy(of: ""))
            let place: Comment = "operation \(operation), \(survival)"
            #expect(found == nil || found == 0, place)
            #expect(!isDone || found == 0, place)
            try InferenceLog.empty(LogConfiguration(), on: disk)
            #expect(Self.rowCount(disk) == 0, place)
            guard wasHit else { break }
            operation += 1
        }
        #expect(operation > 4, "there is more than one segment")
    }
}
