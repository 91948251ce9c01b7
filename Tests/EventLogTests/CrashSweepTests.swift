// Invariants checked: those at the heads of LogWriter.swift and Recovery.swift, with the power cut
// at every operation of a scripted history, and with every operation failing once.
//
// A run is a function of (operation, survival); both stand in the message of a failure, and
// `CrashSweep.run` with the two repeats it.

import CrashPoints
import Disk
import Segments
import Simulation
import TestSupport
import Testing

@testable import EventLog

enum CrashSweep {
    /// Appends of both kinds to several partitions and topics, events, rolls, sealings, closings and kills.
    static let history: [Step] = {
        var generator = SeededGenerator(seed: 7)
        var steps = generator.history(stepCount: 36)
        steps.insert(.close, at: 14)
        steps.insert(.kill, at: 29)
        steps.insert(contentsOf: [.letGo(3), .compact(regroups: false)], at: 20)
        steps.insert(
            contentsOf: [.compact(regroups: true), .redact(topic: "fraud", field: "out.score")], at: 26)
        return steps + [.compact(regroups: false), .delete(topic: "churn"), .compact(regroups: true)]
    }()

    static let sequel: [Step] = {
        var generator = SeededGenerator(seed: 8)
        return (100..<106).map { .commit(generator.parts(at: $0)) }
    }()

    /// Cuts the power at `operation`, recovers, goes on, cuts it again and recovers.
    /// - Returns: broken promises; nil where the history has no such operation.
    static func run(
        _ operation: Int, _ survival: Survival,
        _ configuration: LogConfiguration = LogDrive.smallConfiguration,
        through wrap: (SimulatedFileSystem) -> any FileSystem = { $0 }
    ) -> [String]? {
        let disk = SimulatedFileSystem()
        disk.setPlan(SimulatedFileSystem.FaultPlan(crashAtOperation: operation))
        var drive = LogDrive(disk, configuration, through: wrap(disk))
        drive.reopen()
        drive.run(history)
        guard disk.hasCrashed else { return nil }
        let choose = survival.choose()
        drive.crash(choose)
        drive.run(sequel)
        // The second cut comes during the recovery from a third: that one must not harm either.
        drive.crash(choose)
        disk.setPlan(SimulatedFileSystem.FaultPlan(crashAtOperation: disk.operationCount + operation % 17))
        drive.run(.kill)
        if disk.hasCrashed { drive.crash(choose) }
        drive.run(sequel)
        drive.run(.close)
        drive.crash(choose)
        return drive.violations
    }

    /// Lets `operation` fail once, goes on, and cuts the power: at once or at the history's end.
    static func runFault(
        _ operation: Int, _ kind: DiskError.Kind, crashesAtOnce: Bool, _ survival: Survival
    ) -> [String]? {
        let disk = SimulatedFileSystem()
        disk.setPlan(SimulatedFileSystem.FaultPlan(failAtOperation: operation, failureKind: kind))
        var drive = LogDrive(disk, LogDrive.smallConfiguration)
        drive.reopen()
        var wasHit = disk.operationCount > operation
        var errorCount = drive.errors.count
        for step in history {
            if wasHit && crashesAtOnce { break }
            drive.run(step)
            if wasHit && drive.errors.count > errorCount {
                return drive.violations + ["a fault that is over still fails: \(drive.errors[errorCount])"]
            }
            wasHit = disk.operationCount > operation
            errorCount = drive.errors.count
        }
        guard wasHit else { return nil }
        let choose = survival.choose()
        drive.crash(choose)
        drive.run(sequel)
        drive.crash(choose)
        return drive.violations
    }
}

@Suite struct CrashSweepTests {
    @Test(
        "an acknowledged commit survives a power cut at every operation, whole, once, digit for digit",
        arguments: [Survival.nothing, .everything, .seeded(1)])
    func crashSweep(kind: Survival) {
        var operation = 0
        while true {
            var survival = kind
            if case .seeded = kind { survival = .seeded(UInt64(operation)) }
            guard let violations = CrashSweep.run(operation, survival) else { break }
            #expect(violations.isEmpty, "operation \(operation), \(survival): \(violations.first ?? "")")
            if !violations.isEmpty { return }
            operation += 1
        }
        #expect(operation > 150, "the history is long enough to mean something")
        print("power cuts survived: \(operation) (\(kind))")
    }

    @Test(
        "an acknowledged commit survives any one failed operation, and the log goes on",
        arguments: [(DiskError.Kind.other, true), (.other, false), (.outOfSpace, false)])
    func faultSweep(kind: DiskError.Kind, crashesAtOnce: Bool) {
        var operation = 0
        while true {
            let survival = Survival.seeded(UInt64(operation))
            guard
                let violations = CrashSweep.runFault(
                    operation, kind, crashesAtOnce: crashesAtOnce, survival)
            else { break }
            #expect(
                violations.isEmpty,
                "operation \(operation) fails, crash at once \(crashesAtOnce), \(survival): \(violations.first ?? "")"
            )
            if !violations.isEmpty { return }
            operation += 1
        }
        #expect(operation > 150, "the history is long enough to mean something")
        print("faults survived: \(operation) (\(kind), crash at once \(crashesAtOnce))")
    }
}

// The alarm itself: a store that breaks its word must be caught by the sweep above.
@Suite struct PlantedBugTests {
    @Test("a sync that only says so is found by the crash sweep")
    func lyingSyncIsFound() {
        #expect(isFound { InterposedFileSystem(base: $0, syncsFiles: false) })
    }

    @Test("a directory sync that only says so is found by the crash sweep")
    func lyingDirectorySyncIsFound() {
        #expect(isFound { InterposedFileSystem(base: $0, syncsDirectories: false) })
    }

    private func isFound(_ wrap: (SimulatedFileSystem) -> any FileSystem) -> Bool {
        for operation in 0..<200 {
            guard let violations = CrashSweep.run(operation, .nothing, through: wrap) else { return false }
            if !violations.isEmpty { return true }
        }
        return false
    }
}
