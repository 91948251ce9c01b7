// The log against the model over random histories: power cuts and faults, at random places. Each life
// is a function of its seed. ASSAYLOG_LIVES sets how many are lived in one run.

import CrashPoints
import Disk
import Glibc
import Simulation
import TestSupport
import Testing

@testable import EventLog

@Suite struct LogSimulationTests {
    /// One life of a log: histories with power cuts and failing operations in between.
    static func violations(seed: UInt64, through wrap: (SimulatedFileSystem) -> any FileSystem = { $0 })
        -> [String]
    {
        var generator = SeededGenerator(seed: seed)
        let disk = SimulatedFileSystem()
        var configuration = LogConfiguration()
        configuration.segmentByteCountMax = Int.random(in: 500...9000, using: &generator)
        configuration.tailRowCountMax = Int.random(in: 2...20, using: &generator)
        configuration.tailByteCountMax = Int.random(in: 1000...50_000, using: &generator)
        if generator.chance(1, in: 4) { configuration.directory = FileName.derivedDirectory }
        var drive = LogDrive(disk, configuration, through: wrap(disk))
        drive.reopen()
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
            var plan = SimulatedFileSystem.FaultPlan()
            let next = disk.operationCount
            if generator.chance(2, in: 3) {
                plan.crashAtOperation = next + Int.random(in: 0...120, using: &generator)
            }
            if generator.chance(1, in: 2) {
                plan.failAtOperation = next + Int.random(in: 0...80, using: &generator)
            }
            if generator.chance(1, in: 2) { plan.failureKind = .outOfSpace }
            disk.setPlan(plan)
            drive.run(generator.history(stepCount: Int.random(in: 1...14, using: &generator)))
            drive.crash { Int.random(in: $0, using: &generator) }
        }
        return drive.violations
    }

    @Test("a log's life of power cuts and faults breaks no promise", arguments: 0..<8 as Range<UInt64>)
    func lives(batch: UInt64) {
        let count = getenv("ASSAYLOG_LIVES").flatMap { UInt64(String(cString: $0)) } ?? 160
        for seed in stride(from: batch, to: count, by: 8) {
            let violations = Self.violations(seed: seed)
            #expect(violations.isEmpty, "seed \(seed): \(violations.first ?? "")")
        }
    }

    @Test("a lying sync is found by some life")
    func alarm() {
        let isFound = (0..<60 as Range<UInt64>).contains { seed in
            !Self.violations(seed: seed) { InterposedFileSystem(base: $0, syncsFiles: false) }.isEmpty
        }
        #expect(isFound)
    }
}
