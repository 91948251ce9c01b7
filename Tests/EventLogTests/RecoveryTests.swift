// Invariants checked: those at the head of Recovery.swift, where the disk does not lose bytes
// but damages, hides or refuses them.

import Bytes
import CrashPoints
import Disk
import Records
import Segments
import Simulation
import TestSupport
import Testing

@testable import EventLog

@Suite struct RecoveryTests {
    /// A log of two sealed segments and an active one with four commits, whose writer was killed.
    private func killedLog() -> LogDrive {
        var generator = SeededGenerator(seed: 21)
        var configuration = LogDrive.smallConfiguration
        configuration.segmentByteCountMax = 1 << 20
        var drive = LogDrive(SimulatedFileSystem(), configuration)
        drive.reopen()
        for round in 0..<2 {
            for number in 0..<4 { drive.run(.commit(generator.parts(at: round * 4 + number))) }
            drive.run(.close)
        }
        for number in 8..<12 {
            let records = generator.records(count: 3, near: Int64(number))
            drive.run(.commit([Part(records, topic: "fraud", partition: "engine", isSmall: number % 2 == 0)]))
        }
        drive.letGo()
        #expect(drive.violations.isEmpty)
        return drive
    }

    /// The segments that the manifest names, and their states.
    private func entries(_ drive: LogDrive) throws -> [Manifest.Entry] {
        try #require(try Manifest.read(drive.configuration, on: drive.disk)).entries
    }

    /// Where each envelope of a segment starts.
    private func envelopeOffsets(_ number: UInt64, on disk: SimulatedFileSystem) throws -> [Int] {
        var offsets: [Int] = []
        let segment = try SegmentFile(opening: number, in: "", on: disk)
        _ = try segment.scan { (_, offset, _) throws(SegmentError) in offsets.append(offset) }
        return offsets
    }

    private func text(_ error: LogError?) -> String { error.map { "\($0)" } ?? "" }

    @Test("damage inside the active segment is reported, not cut off as a torn tail")
    func damageInsideActive() throws {
        for place in [3, 40] {  // in the envelope's header, in its body
            var drive = killedLog()
            let active = try #require(try entries(drive).last)
            #expect(active.state == .active)
            let name = FileName.segment(active.number)
            let offsets = try envelopeOffsets(active.number, on: drive.disk)
            #expect(offsets.count == 4)
            drive.disk.damage(name) { $0[offsets[1] + place] ^= 1 }
            let damaged = drive.disk.bytes(of: name)
            drive.reopen()
            #expect(drive.report.damages.contains { $0.contains(name) && $0.contains("\(offsets[1])") })
            // What is behind the damage is whole: it must be there for whoever mends the file.
            #expect(drive.disk.bytes(of: name) == damaged)
            // And stays there when the log is used and opened again.
            drive.run(.close)
            #expect(drive.disk.bytes(of: name) == damaged)
            #expect(drive.report.damages.contains { $0.contains(name) })
        }
    }

    @Test("damage inside the active segment is told to who only reads, too; a torn tail is none")
    func damageTheReaderSees() throws {
        let whole = killedLog()
        let active = try #require(try entries(whole).last)
        let name = FileName.segment(active.number)
        let offsets = try envelopeOffsets(active.number, on: whole.disk)
        let byteCount = try #require(whole.disk.bytes(of: name)).count
        func read(_ change: @escaping (inout [UInt8]) -> Void) throws -> (
            cut: CommitNumber, RecoveryReport, Bool
        ) {
            let drive = killedLog()
            drive.disk.damage(name, change)
            let (snapshot, report) = try InferenceLog.openForReading(drive.configuration, on: drive.disk)
            return (snapshot.cut, report, snapshot.index.unseen.isEmpty)
        }
        let cut = try read { _ in }.cut
        for place in [3, 40] {
            let (seen, report, seesAll) = try read { $0[offsets[1] + place] ^= 1 }
            #expect(seen == cut - 3 && !seesAll)
            #expect(
                report.damages.count == 1
                    && report.damages[0].contains("\(name) is seen up to byte \(offsets[1])"))
        }
        for end in stride(from: offsets[3] + 1, to: byteCount, by: 7) {
            let (seen, report, seesAll) = try read { $0.removeSubrange(end...) }
            #expect(seen == cut - 1 && seesAll && report.damages.isEmpty, "cut at byte \(end)")
        }
    }

    @Test("an active segment with a damaged header is reported and kept")
    func damagedHeader() throws {
        for place in [0, 8, 13, 30] {
            var drive = killedLog()
            let active = try #require(try entries(drive).last)
            let name = FileName.segment(active.number)
            drive.disk.damage(name) { $0[place] ^= 1 }
            let damaged = drive.disk.bytes(of: name)
            drive.reopen()
            #expect(drive.report.damages.contains { $0.contains(name) }, "byte \(place)")
            #expect(drive.disk.bytes(of: name) == damaged)
        }
    }

    @Test("a torn tail is a repair, wherever it is torn, and no damage")
    func tornTail() throws {
        let whole = killedLog()
        let active = try #require(try entries(whole).last)
        let offsets = try envelopeOffsets(active.number, on: whole.disk)
        let byteCount = try #require(whole.disk.bytes(of: FileName.segment(active.number))).count
        for end in stride(from: offsets[3] + 1, to: byteCount, by: 7) {
            let drive = killedLog()
            drive.disk.damage(FileName.segment(active.number)) { $0.removeSubrange(end...) }
            let opened = try InferenceLog.openWriter(drive.configuration, on: drive.disk)
            #expect(opened.report.damages.isEmpty, "cut at byte \(end)")
            #expect(
                opened.report.repairs.contains { $0.contains("byte \(offsets[3])") }, "cut at byte \(end)")
        }
    }

    @Test("one read that fails refuses the opening or harms nothing; the next opening has everything")
    func failedReads() throws {
        var number = 0
        while true {
            var drive = killedLog()
            let call = FailingCall(number)
            let files = InterposedFileSystem(
                base: drive.disk, beforeReading: { (file) throws(DiskError) in try call.pass(file) })
            var interposed = LogDrive(drive, through: files)
            interposed.reopenOnce()
            // Whatever was opened, what is appended now must not take an address that is taken.
            if interposed.writer != nil {
                var generator = SeededGenerator(seed: 5)
                interposed.run(.commit(generator.parts(at: 50)))
            }
            #expect(
                interposed.violations.isEmpty, "read \(number) fails: \(interposed.violations.first ?? "")")
            interposed.letGo()
            drive = LogDrive(interposed, through: interposed.disk)
            drive.reopen()
            #expect(drive.violations.isEmpty, "after read \(number) failed: \(drive.violations.first ?? "")")
            if call.count <= number { break }
            number += 1
        }
        #expect(number > 20)
    }

    @Test("a segment of an unknown version refuses the opening by name and is left alone")
    func unknownVersion() throws {
        for state in [Manifest.State.active, .sealed] {
            let drive = killedLog()
            let entry = try #require(try entries(drive).last { $0.state == state })
            let name = FileName.segment(entry.number)
            drive.disk.damage(name) { $0 = SegmentBytes.withVersion(9, $0) }
            let before = drive.disk.bytes(of: name)
            let error = #expect(throws: LogError.self) {
                try InferenceLog.openWriter(drive.configuration, on: drive.disk)
            }
            #expect(text(error).contains("\(name) at byte 8: segment format version 9"))
            #expect(drive.disk.bytes(of: name) == before)
        }
    }

    @Test("a damaged footer is scanned around and said; damage beside it is said too")
    func damagedFooter() throws {
        let whole = killedLog()
        let sealed = try #require(try entries(whole).first)
        let name = FileName.segment(sealed.number)
        #expect(sealed.state == .sealed)
        do {
            var drive = killedLog()
            drive.disk.damage(name) { $0[$0.count - 30] ^= 1 }
            drive.reopenOnce()
            #expect(drive.report.damages.count == 1)
            // All records are there: only the directory was lost.
            #expect(drive.violations == ["damage where there is none: \(drive.report.damages[0])"])
        }
        do {
            let drive = killedLog()
            let offsets = try envelopeOffsets(sealed.number, on: drive.disk)
            drive.disk.damage(name) {
                $0[$0.count - 30] ^= 1
                $0[offsets[1] + 50] ^= 1
            }
            let opened = try InferenceLog.openWriter(drive.configuration, on: drive.disk)
            #expect(opened.report.damages.contains { $0.contains("up to byte \(offsets[1])") })
        }
    }

    @Test("a missing or damaged sealed segment is reported; the other segments answer")
    func missingSegment() throws {
        let drive = killedLog()
        let sealed = try #require(try entries(drive).first)
        drive.disk.damage(FileName.segment(sealed.number)) { $0 = [] }
        let opened = try InferenceLog.openForReading(drive.configuration, on: drive.disk)
        #expect(opened.report.damages.contains { $0.contains(FileName.segment(sealed.number)) })
        #expect(!opened.snapshot.index.topics.isEmpty)
    }

    @Test("segments without a manifest refuse the opening")
    func missingManifest() throws {
        let drive = killedLog()
        try drive.disk.remove(FileName.manifest)
        let error = #expect(throws: LogError.self) {
            try InferenceLog.openWriter(drive.configuration, on: drive.disk)
        }
        #expect(text(error).contains("there are segments but no MANIFEST"))
        // To a reader it is no empty log either.
        let refused = #expect(throws: LogError.self) {
            try InferenceLog.openForReading(drive.configuration, on: drive.disk)
        }
        #expect(text(refused).contains("there are segments but no MANIFEST"))
    }

    @Test("a file that no manifest names is removed, and said")
    func strays() throws {
        let drive = killedLog()
        let stray = FileName.segment(0xABC)
        try drive.disk.create(stray).append([1, 2, 3])
        _ = try drive.disk.create("notes.txt")
        let opened = try InferenceLog.openWriter(drive.configuration, on: drive.disk)
        #expect(opened.report.repairs.contains { $0.contains(stray) })
        #expect(drive.disk.bytes(of: stray) == nil)
        #expect(drive.disk.bytes(of: "notes.txt") != nil)
    }

    @Test("a second writer is refused; a reader is not, and changes nothing")
    func secondWriter() throws {
        var drive = killedLog()
        drive.reopen()
        let operations = drive.disk.operationCount
        let error = #expect(throws: LogError.self) {
            try InferenceLog.openWriter(drive.configuration, on: drive.disk)
        }
        guard case .disk(let refusal)? = error else {
            Issue.record("another error: \(String(describing: error))")
            return
        }
        #expect(refusal.kind == .locked)
        let opened = try InferenceLog.openForReading(drive.configuration, on: drive.disk)
        #expect(drive.model.difference(LogContents(opened.snapshot)) == nil)
        #expect(drive.disk.operationCount == operations)
    }

    @Test("a directory that is not a log yet reads as an empty one and stays as it is")
    func nothingThere() throws {
        let disk = SimulatedFileSystem()
        let opened = try InferenceLog.openForReading(on: disk)
        #expect(opened.snapshot.cut == 0)
        #expect(disk.operationCount == 0)
    }

    @Test("a log that was closed has nothing to repair")
    func closedLog() throws {
        var drive = killedLog()
        drive.run(.close)
        drive.run(.close)
        #expect(drive.report.repairs.isEmpty)
        #expect(drive.violations.isEmpty)
    }

    @Test("a log in a directory of its own lives beside others")
    func ownDirectory() throws {
        let disk = SimulatedFileSystem()
        var configuration = LogDrive.smallConfiguration
        configuration.directory = FileName.derivedDirectory
        var generator = SeededGenerator(seed: 3)
        var drive = LogDrive(disk, configuration)
        var other = LogDrive(disk, LogDrive.smallConfiguration)
        drive.reopen()
        other.reopen()
        for number in 0..<20 {
            drive.run(.commit(generator.parts(at: number)))
            other.run(.commit(generator.parts(at: number)))
        }
        drive.crash { $0.lowerBound }
        other.reopen()
        #expect(drive.violations + other.violations == [])
    }
}

/// Segments as no build of ours would write them.
enum SegmentBytes {
    static func withVersion(_ version: UInt8, _ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        bytes[8] = version
        let checksum = Checksum.crc32c(Array(bytes[..<28]))
        for index in 0..<4 { bytes[28 + index] = UInt8(truncatingIfNeeded: checksum >> UInt32(index * 8)) }
        return bytes
    }
}
