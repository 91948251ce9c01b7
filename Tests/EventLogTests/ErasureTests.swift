// Invariant checked: what was erased is in no file, also where only a failed write had brought it there.

import CrashPoints
import Records
import Segments
import Simulation
import TestSupport
import Testing

@testable import EventLog

@Suite struct ErasureTests {
    @Test("bytes that a failed write left behind a closed segment's end go with their topic")
    func failedEnvelope() throws {
        let disk = SimulatedFileSystem()
        var drive = LogDrive(disk, LogConfiguration())
        drive.reopen()
        func part(_ topic: String, _ secret: String) -> Part {
            let record = ModelRecord(time: 1_700_000_000_000, fields: ["in.name": .text(secret)])
            return Part([record], topic: topic, partition: "p", isSmall: false)
        }
        drive.run(.commit([part("other", "nothing")]))
        // The envelope is appended, and its sync fails: its topic is in the file, and in no index.
        var plan = SimulatedFileSystem.FaultPlan()
        plan.failAtOperation = disk.operationCount + 1
        disk.setPlan(plan)
        drive.run(.commit([part("hidden", "Erika")]))
        #expect(drive.errors.count == 1)
        func filesWithSecret() throws -> [String] {
            try disk.list("").filter { name in
                String(decoding: disk.bytes(of: name) ?? [], as: UTF8.self).contains("Erika")
            }
        }
        #expect(try filesWithSecret().count == 1, "the alarm works")
        drive.run([.commit([part("hidden", "Klara")]), .delete(topic: "hidden"), .compact(regroups: false)])
        #expect(try filesWithSecret() == [])
        #expect(drive.violations == [] && drive.errors.count == 1)
        // The same after a restart between the deletion and the rewrite.
        drive.run(.kill)
        #expect(drive.violations == [])
    }
}
