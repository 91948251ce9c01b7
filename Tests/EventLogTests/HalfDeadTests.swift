// Invariants checked: of LogWriter.swift and Compaction.swift, that what is let go of the segment that is written leaves
// the disk too, where that is asked for and worth a file.

import CrashPoints
import Disk
import Records
import Segments
import Simulation
import TestSupport
import Testing

@testable import EventLog

@Suite("Half dead segments that are written")
struct HalfDeadTests {
    /// A block of its own with a text that is seen in the file.
    private static func part(_ number: Int64, _ text: String, isSmall: Bool = false) -> Part {
        let record = ModelRecord(
            time: 1_700_000_000_000 + number, fields: ["in.name": .text("\(text) \(number)")])
        return Part([record], topic: "t", partition: "p", isSmall: isSmall)
    }

    private static func letGo(_ range: Range<UInt64>) -> Tombstone {
        Tombstone(topic: "t", reason: .retention, ranges: ["p": IndexRanges(range)])
    }

    //     active   0 1 2 3 4 5 6 7 8 9 10 11 tombstone     ──►   sealed, then anew   10 11 tombstone   ──►  active   12
    //              └──── let go ────┘
    @Test(
        "it is sealed and made anew from as many bytes on as are worth it, and where nobody asks it stays",
        arguments: [nil, 0, 1 << 20] as [Int?], [false, true])
    func sealed(from byteCountMin: Int?, isSmall: Bool) async throws {
        let disk = SimulatedFileSystem()
        let log = try InferenceLog.open(on: disk).log
        for number in 0..<12 as Range<Int64> {
            let text = number < 10 ? "Erika" : "Klara"
            _ = try await log.append([Self.part(number, text, isSmall: isSmall).item])
        }
        func holders() throws -> Int {
            try disk.list("").count { name in
                String(decoding: disk.bytes(of: name) ?? [], as: UTF8.self).contains("Erika")
            }
        }
        #expect(try holders() == 1, "the alarm works")
        #expect(try await log.letGo(Self.letGo(0..<10)) != nil)
        let report = try await log.compact(CompactionPace(sealsFrom: byteCountMin) { _ in false })
        #expect(report.problems == [])
        #expect(report.rewrites == (byteCountMin == 0 ? ["half dead": 1] : [:]))
        #expect(try holders() == (byteCountMin == 0 ? 0 : 1))
        _ = try await log.append([Self.part(12, "Klara").item])
        try await log.close()
        let again = try InferenceLog.open(on: disk).log
        let topic = try #require(again.snapshot().index.topics["t"])
        #expect(topic.rowCount == 3 && topic.letGo == ["p": IndexRanges(0..<10)])
        try await again.close()
    }

    /// A log with a segment that a failed write closed, behind ten records, and another with two.
    private static func closed(isSmall: Bool) async throws -> (InferenceLog, SimulatedFileSystem) {
        let disk = SimulatedFileSystem()
        let log = try InferenceLog.open(on: disk).log
        for number in 0..<10 as Range<Int64> {
            _ = try await log.append([part(number, "Erika", isSmall: isSmall).item])
        }
        var plan = SimulatedFileSystem.FaultPlan()
        plan.failAtOperation = disk.operationCount
        disk.setPlan(plan)
        await #expect(throws: LogError.self) { try await log.append([part(10, "Erika").item]) }
        disk.setPlan(SimulatedFileSystem.FaultPlan())
        for number in 10..<12 as Range<Int64> { _ = try await log.append([part(number, "Klara").item]) }
        let states = try await log.queue.perform { writer throws(LogError) in
            writer.manifest.entries.map(\.state)
        }
        #expect(states == [.closed, .active])
        return (log, disk)
    }

    // What retention let go of it stayed on disk for ever, and a full disk full.
    @Test("one that a failed write closed is made anew, too", arguments: [false, true])
    func closed(isSmall: Bool) async throws {
        let (log, disk) = try await Self.closed(isSmall: isSmall)
        #expect(try await log.letGo(Self.letGo(0..<10)) != nil)
        let report = try await log.compact(CompactionPace { _ in false })
        #expect(report.problems == [] && report.rewrites == ["half dead": 1])
        for name in try disk.list("") {
            #expect(!String(decoding: disk.bytes(of: name) ?? [], as: UTF8.self).contains("Erika"), "\(name)")
        }
        _ = try await log.append([Self.part(12, "Klara").item])
        try await log.close()
        let again = try InferenceLog.open(on: disk).log
        let topic = try #require(again.snapshot().index.topics["t"])
        #expect(topic.rowCount == 3 && topic.letGo == ["p": IndexRanges(0..<10)])
        try await again.close()
        #expect(try LogCheck.findings(on: disk) == [])
    }

    @Test(
        "one that alone has rows which wait is not, before they are columns elsewhere",
        arguments: [false, true])
    func closedWithTail(isReopened: Bool) async throws {
        let (first, disk) = try await Self.closed(isSmall: true)
        #expect(try await first.letGo(Self.letGo(0..<9)) != nil)
        var log = first
        if isReopened {
            disk.crash { $0.upperBound }
            log = try InferenceLog.open(on: disk).log
        }
        #expect(try await log.compact(CompactionPace { _ in false }).rewrites == [:])
        disk.crash { $0.upperBound }
        log = try InferenceLog.open(on: disk).log
        #expect(log.snapshot().index.topics["t"]?.rowCount == 3)
        try await log.queue.perform { writer throws(LogError) in try writer.sealActive() }
        #expect(try await log.compact(CompactionPace { _ in false }).rewrites["half dead"] == 1)
        try await log.close()
        let again = try InferenceLog.open(on: disk).log
        #expect(again.snapshot().index.topics["t"]?.rowCount == 3)
        try await again.close()
        #expect(try LogCheck.findings(on: disk) == [])
    }

    @Test("one that is half let go or less goes on, however often it is asked", arguments: [0, 4])
    func goesOn(letGo count: UInt64) async throws {
        let disk = SimulatedFileSystem()
        let log = try InferenceLog.open(on: disk).log
        for number in 0..<10 as Range<Int64> {
            _ = try await log.append([Self.part(number, "Klara").item])
        }
        if count > 0 { #expect(try await log.letGo(Self.letGo(0..<count)) != nil) }
        for _ in 0..<2 {
            let pace = CompactionPace(retries: .all, sealsFrom: 0) { _ in true }
            #expect(try await log.compact(pace) == CompactionReport())
        }
        try await log.close()
    }

    @Test("where the disk does not let it be sealed, that is told, and others are made anew all the same")
    func cannotBeSealed() async throws {
        let disk = SimulatedFileSystem()
        let log = try InferenceLog.open(on: disk).log
        for number in 0..<10 as Range<Int64> {
            _ = try await log.append([Self.part(number, "Erika").item])
        }
        try await log.queue.perform { writer throws(LogError) in try writer.sealActive() }
        for number in 10..<20 as Range<Int64> {
            _ = try await log.append([Self.part(number, "Erika").item])
        }
        #expect(try await log.letGo(Self.letGo(0..<19)) != nil)
        var plan = SimulatedFileSystem.FaultPlan()
        plan.failAtOperation = disk.operationCount
        disk.setPlan(plan)
        let report = try await log.compact(CompactionPace(sealsFrom: 0) { _ in false })
        #expect(report.problems.count == 1)
        #expect(report.problems.first?.hasPrefix("what was let go of the segment that is written") == true)
        #expect(report.rewrites == ["half dead": 1])
        _ = try await log.append([Self.part(20, "Klara").item])
        #expect(log.snapshot().index.topics["t"]?.rowCount == 2)
        try await log.close()
    }
}
