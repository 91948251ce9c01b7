// One history of a log, cut off at any of its operations on the disk: what a crash point is.
//
// A point is a function of (seed, operation): the seed makes the history, the bounds of the log and what
// survives; the operation says where the power goes. Before some cuts another operation fails, so that
// the page cache differs from the disk. After the cut the log is opened, used, and cut again while it
// recovers, and once more at rest.
//
// Invariants:
//  * What the log refuses the disk refused it in the same step; where the disk was full, the refusal says so, and the
//    next step behind it that finds room is carried out.
//  * After every opening the log holds what was acknowledged, whole, once, digit for digit, and at most
//    the one commit that was under way; keys of requests likewise, those that are younger than the horizon.
//    Succeeded by another, it is what it was or that, each whole. Uploaded models, snapshots and what is restored: LogBackup.swift.
//  * Every operation of a history is a point, so that none is passed over by chance.

import Disk
import EventLog
import Segments
import Simulation
import TestSupport

/// The history of one seed, to be cut anywhere.
package struct CrashTrial {
    package let seed: UInt64
    private let configuration: LogConfiguration
    private let history: [Step]
    private let sequel: [Step]

    /// Makes the history, encodes its records, and chooses the log's bounds; nothing is run.
    package init(seed: UInt64) {
        self.seed = seed
        var generator = SeededGenerator(seed: seed)
        var configuration = LogConfiguration()
        configuration.segmentByteCountMax = Int.random(in: 500...9000, using: &generator)
        configuration.tailRowCountMax = Int.random(in: 2...20, using: &generator)
        configuration.tailByteCountMax = Int.random(in: 1000...50_000, using: &generator)
        configuration.shortRowCount = Int.random(in: 1...8, using: &generator)
        if generator.chance(1, in: 4) { configuration.directory = FileName.derivedDirectory }
        self.configuration = configuration
        // In some histories a few commits are a day.
        let hours = Int64.random(in: 1...9, using: &generator)
        let keyInterval = generator.chance(1, in: 3) ? hours * 3_600_000 : 20
        var history = generator.history(
            stepCount: Int.random(in: 12...40, using: &generator), keyInterval: keyInterval)
        if configuration.directory == FileName.derivedDirectory {
            let commits = (0..<Int.random(in: 0...4, using: &generator)).map { number in
                generator.parts(at: 200 + number).filter { $0.requestKey == nil }
            }
            let place = Int.random(in: 5..<history.count, using: &generator)
            history.insert(.succeed(commits.filter { !$0.isEmpty }), at: place)
        }
        sequel = (100..<104).map { .commit(generator.parts(at: $0, keyInterval: keyInterval)) }
        // Drawn last, so that what is done is the same with room and without.
        if seed % 3 == 2 {
            let start = Int.random(in: 3...history.count * 2 / 3, using: &generator)
            let end = Int.random(in: start + 1...history.count, using: &generator)
            let room = generator.chance(1, in: 4) ? 0 : Int.random(in: 1...4000, using: &generator)
            history.insert(.room(nil), at: end)
            history.insert(.room(room), at: start)
        }
        self.history = history
    }

    /// What a point was, and what it broke.
    package struct Outcome {
        /// Power cuts in the middle of an operation, each named by what the log did and what the disk did.
        package var cuts: [String] = []
        /// Power cuts at rest.
        package var restCutCount = 0
        /// Operations that failed before a cut.
        package var faultCount = 0
        /// Appends that found no room.
        package var fullCount = 0
        /// Broken promises as sentences, in the order in which they showed.
        package var violations: [String] = []
    }

    /// Cuts the power at `operation` of the history.
    ///
    /// - Parameter bug: one that the log is to have.
    /// - Returns: nil where the history has no such operation.
    package func run(_ operation: Int, with bug: PlantedBug? = nil)
        -> Outcome?
    {
        var generator = SeededGenerator(seed: seed &* 0x9E37_79B9 &+ UInt64(operation))
        let survival: Survival =
            switch operation % 8 {
            case 0: .nothing
            case 1: .everything
            default: .seeded(generator.next())
            }
        var plan = SimulatedFileSystem.FaultPlan(crashAtOperation: operation)
        if operation > 3, generator.chance(1, in: 3) {
            // Near before the cut, so that little has come between.
            plan.failAtOperation = operation - Int.random(in: 1...min(operation, 6), using: &generator)
            if generator.chance(1, in: 3) { plan.failureKind = .outOfSpace }
        }
        let disk = SimulatedFileSystem()
        disk.setPlan(plan)
        var outcome = Outcome()
        if plan.failAtOperation != nil { outcome.faultCount += 1 }
        var drive = LogDrive(disk, configuration, through: bug?.planted(before: disk))
        drive.bug = bug
        drive.judgesRefusals = true
        drive.reopen()
        var doing = "open"
        for step in history where !disk.hasCrashed {
            doing = name(of: step, drive)
            drive.run(step)
        }
        guard disk.hasCrashed else { return nil }
        let choose = survival.choose()
        func cut(_ doing: String) {
            if disk.hasCrashed, let cut = disk.lastCut {
                outcome.cuts.append("\(doing): \(cut.operation) \(CrashTrial.kind(of: cut.file))")
            } else {
                outcome.restCutCount += 1
            }
            drive.crash(choose)
        }
        cut(doing)
        drive.run(sequel)
        if drive.room != nil { drive.run([.room(nil)] + sequel) }
        cut("rest")
        // The next cut comes during the recovery from one: that must not harm either.
        disk.setPlan(SimulatedFileSystem.FaultPlan(crashAtOperation: disk.operationCount + operation % 17))
        drive.run(.kill)
        if !disk.hasCrashed { drive.run(sequel) }
        cut(disk.hasCrashed ? "recovery or just after" : "rest")
        drive.run(.close)
        cut("rest")
        outcome.violations = drive.violations
        outcome.fullCount = disk.fullCount
        return outcome
    }

    /// What the log does in a step, by its name.
    private func name(of step: Step, _ drive: LogDrive) -> String {
        let name = Mirror(reflecting: step).children.first?.label ?? "\(step)"
        guard name == "commit", let topics = drive.snapshot?.index.topics.values else { return name }
        let rolls = topics.contains { topic in
            topic.tails.values.contains { runs in
                runs.reduce(0) { $0 + $1.batch.rowCount } >= configuration.tailRowCountMax
            }
        }
        return rolls ? "commit that rolls" : name
    }

    /// The kind of a file by its name: what stands before the number.
    private static func kind(of file: String) -> String {
        let name = file.split(separator: "/").last.map(String.init) ?? "directory"
        let kind = name.prefix { !$0.isNumber }
        return kind.hasSuffix("-") ? String(kind.dropLast()) : String(kind)
    }
}
