// Invariants checked: those at the heads of LogWriter.swift and Recovery.swift, where a disk has little room or
// none: while the log runs, while it is closed, and while it is opened.
//
//     history ──► killed ──► so much room ──► opened, used, closed, opened ──► room ──► used ──► power cut
//
// A run is a function of (room, survival), or (room, operation, survival); all stand in the message of a failure.

import Bytes
import CrashPoints
import Disk
import Segments
import Simulation
import TestSupport
import Testing

@testable import EventLog

enum FullDisk {
    /// Ends with an active segment that holds commits, keys and rows in memory.
    static let history: [Step] = {
        var generator = SeededGenerator(seed: 21)
        return generator.history(stepCount: 6) + [.close]
            + (40..<44).map { .commit(generator.parts(at: $0)) }
    }()

    static func commits(_ numbers: Range<Int>) -> [Step] {
        var generator = SeededGenerator(seed: UInt64(numbers.lowerBound))
        return numbers.map { .commit(generator.parts(at: $0)) }
    }

    static func limit(_ disk: SimulatedFileSystem, toRoom room: Int?, crashingAt operation: Int? = nil) {
        disk.setPlan(
            SimulatedFileSystem.FaultPlan(
                crashAtOperation: operation, capacity: room.map { disk.byteCount + $0 }))
    }

    /// Opens, uses and closes the log with so much room, then with room enough.
    ///
    /// - Parameter operation: at which of these operations the power goes; nil for none of them.
    /// - Returns: broken promises, and whether the power went; nil where there was room for everything.
    static func run(
        _ room: Int, cuttingAt operation: Int?, _ survival: Survival
    ) -> (violations: [String], isCut: Bool)? {
        let disk = SimulatedFileSystem()
        var drive = LogDrive(disk, LogDrive.smallConfiguration)
        drive.reopen()
        drive.run(history)
        let cut = operation.map { disk.operationCount + $0 }
        limit(disk, toRoom: room, crashingAt: cut)
        let failureCount = disk.failureCount
        drive.run([.kill] + commits(50..<52) + [.kill, .close])
        if disk.failureCount == failureCount, !disk.hasCrashed { return nil }
        if !disk.hasCrashed {
            limit(disk, toRoom: nil, crashingAt: cut)
            drive.run(commits(60..<63))
        }
        let isCut = disk.hasCrashed
        let choose = survival.choose()
        drive.crash(choose)
        drive.run(commits(80..<82) + [.close])
        drive.crash(choose)
        return (drive.violations, isCut)
    }
}

@Suite struct FullDiskTests {
    @Test(
        "a log opens with any room or none, shows all that was acknowledged, and goes on when there is room",
        arguments: [Survival.nothing, .everything])
    func opens(survival: Survival) {
        var room = 0
        while let (violations, _) = FullDisk.run(room, cuttingAt: nil, survival) {
            #expect(violations.isEmpty, "\(room) bytes of room, \(survival): \(violations.first ?? "")")
            if !violations.isEmpty { return }
            // Through the headers and the manifest, then in longer steps through the copy.
            room += room < 200 ? 9 : 83
        }
        #expect(room > 1000, "the segment that was active is larger than this")
        print("rooms tried up to: \(room) (\(survival))")
    }

    @Test(
        "a power cut at any operation on a full disk loses nothing that was acknowledged",
        arguments: [0, 40, 300, 1500])
    func crashes(room: Int) {
        var operation = 0
        while true {
            let survival = Survival.seeded(UInt64(operation))
            guard let (violations, isCut) = FullDisk.run(room, cuttingAt: operation, survival) else {
                Issue.record("\(room) bytes are too much room")
                return
            }
            #expect(
                violations.isEmpty,
                "\(room) bytes of room, operation \(operation), \(survival): \(violations.first ?? "")")
            if !violations.isEmpty { return }
            if !isCut { break }
            operation += 1
        }
        #expect(operation > 15, "the sequence is long enough to mean something")
        print("power cuts survived with \(room) bytes of room: \(operation)")
    }

    @Test("what a failed sync left in the cache alone is not shown by an opening that has no room for a copy")
    func failedSync() throws {
        var keptCount = 0
        for room in stride(from: 100, to: 700, by: 3) {
            let survival = Survival.seeded(UInt64(room))
            let disk = SimulatedFileSystem()
            var drive = LogDrive(disk, LogDrive.smallConfiguration)
            drive.reopen()
            drive.run(FullDisk.commits(40..<43))
            let name = FileName.segment(try #require(drive.writer?.manifest.entries.last?.number))
            let byteCount = try #require(disk.bytes(of: name)).count
            // An envelope is appended, then synced; with some room there is none for the manifest after it.
            disk.setPlan(
                SimulatedFileSystem.FaultPlan(
                    failAtOperation: disk.operationCount + 1, capacity: disk.byteCount + room))
            drive.run(FullDisk.commits(43..<44))
            let isInCache = try #require(disk.bytes(of: name)).count > byteCount
            FullDisk.limit(disk, toRoom: 0)
            drive.run(.kill)
            if isInCache, drive.errors.first?.isOutOfSpace == false,
                drive.report.repairs.contains(where: { $0.hasPrefix(name) && $0.contains("no room") })
            {
                keptCount += 1
            }
            drive.crash(survival.choose())
            drive.run(FullDisk.commits(50..<52))
            drive.crash(survival.choose())
            #expect(
                drive.violations.isEmpty,
                "\(room) bytes of room, \(survival): \(drive.violations.first ?? "")")
            if !drive.violations.isEmpty { return }
        }
        #expect(keptCount > 10, "some rooms hold the envelope and not the manifest")
        print("openings behind a failed sync without room: \(keptCount)")
    }

    @Test(
        "a log that is opened on a full disk shows its records, says why it takes none, and resumes by itself"
    )
    func resumes() async throws {
        let disk = SimulatedFileSystem()
        var configuration = LogConfiguration()
        configuration.recoveryIntervalMilliseconds = 1
        let key = RequestKey(topic: "t", text: "k", request: Fingerprint("r"), time: 1_700_000_000_000)
        do {
            let (writer, _, _) = try InferenceLog.openWriter(configuration, on: disk)
            _ = try writer.commit([AppendRequest([Self.part(0).item], key: key)])
            _ = try writer.commit([Self.part(1).item])
        }
        FullDisk.limit(disk, toRoom: 0)
        let (log, report) = try InferenceLog.open(configuration, on: disk)
        #expect(report.repairs.count == 1 && report.repairs[0].contains("no room for a copy"))
        guard case .readOnly(let reason) = log.state else {
            Issue.record("a log without a segment to write to serves")
            return
        }
        #expect(reason.isOutOfSpace && "\(reason)".contains("free some space"))
        #expect(LogContents(log.snapshot()).records["t/p"]?.count == 2)
        let error = await #expect(throws: LogError.self) { try await log.append([Self.part(2).item]) }
        #expect(error?.isOutOfSpace == true)
        // A retry of what was kept is answered, not stored.
        let before = try await log.once(key) { 0 }
        guard case .before(let span) = before else {
            Issue.record("a key is forgotten")
            return
        }
        #expect(span.firstIndex == 0)
        disk.setPlan(SimulatedFileSystem.FaultPlan())
        while log.state != .serving { await Task.yield() }
        #expect(try await log.append([Self.part(2).item]).spans[0].firstIndex == 2)
        #expect(try await log.close() == nil)
        disk.crash { $0.lowerBound }
        let (snapshot, after) = try InferenceLog.openForReading(configuration, on: disk)
        #expect(LogContents(snapshot).records["t/p"]?.count == 3 && after.damages.isEmpty)
    }

    @Test("a log that is closed on a full disk says that it is not sealed, and opens again there")
    func closes() async throws {
        let disk = SimulatedFileSystem()
        let (log, _) = try InferenceLog.open(on: disk)
        _ = try await log.append([Self.part(0).item])
        FullDisk.limit(disk, toRoom: 0)
        #expect(try await log.close()?.isOutOfSpace == true)
        for _ in 0..<2 {
            let (again, report) = try InferenceLog.open(on: disk)
            #expect(LogContents(again.snapshot()).records["t/p"]?.count == 1 && report.damages.isEmpty)
            #expect(try await again.close()?.isOutOfSpace == true)
        }
        disk.setPlan(SimulatedFileSystem.FaultPlan())
        let (again, _) = try InferenceLog.open(on: disk)
        #expect(try await again.append([Self.part(1).item]).spans[0].firstIndex == 1)
        #expect(try await again.close() == nil)
    }

    @Test("a segment that is damaged inside is kept as it is where the disk is full, seen up to the damage")
    func damaged() throws {
        let disk = SimulatedFileSystem()
        let name = FileName.segment(1)
        var ends: [Int] = []
        do {
            let (writer, _, _) = try InferenceLog.openWriter(on: disk)
            for number in 0..<3 {
                _ = try writer.commit([Self.part(number).item])
                ends.append(try #require(disk.bytes(of: name)).count)
            }
        }
        disk.damage(name) { $0[ends[0] + 40] ^= 1 }
        let bytes = disk.bytes(of: name)
        FullDisk.limit(disk, toRoom: 0)
        let (writer, index, report) = try InferenceLog.openWriter(on: disk)
        #expect(
            report.damages.count == 1 && report.damages[0].hasPrefix("\(name) is seen up to byte \(ends[0])"))
        #expect(LogContents(index.snapshot()).records["t/p"]?.count == 1)
        disk.setPlan(SimulatedFileSystem.FaultPlan())
        // What is not seen is given up by nobody; but the manifest is told how the segment ended.
        let error = #expect(throws: LogError.self) { try writer.recover() }
        guard case .unseen = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(disk.bytes(of: name) == bytes)
        #expect(
            writer.manifest.entries.first
                == Manifest.Entry(number: 1, state: .closed, byteCount: try #require(ends.last)))
    }

    private static func part(_ number: Int) -> Part {
        var generator = SeededGenerator(seed: UInt64(number))
        return Part(
            generator.records(count: 1, near: SeededGenerator.historyTime), topic: "t", partition: "p",
            isSmall: true)
    }
}
