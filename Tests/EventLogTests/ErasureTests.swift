// Invariants checked: what was erased is in no file, also where only a failed write had brought it there;
// what keeps one file from being made anew keeps no other, and not for longer than it lasts.

import Bytes
import CrashPoints
import Disk
import Dispatch
import Records
import Segments
import Simulation
import Synchronization
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
        disk.setPlan(SimulatedFileSystem.FaultPlan(failAtOperation: disk.operationCount + 1))
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

    //     segment 1   hidden and other in one envelope, a key each; then retention, then the deletion
    @Test(
        "idempotency keys of a deleted topic are in no file and in no memory; another topic's stay",
        arguments: [false, true], [false, true])
    func keys(wasRetained: Bool, isReopened: Bool) throws {
        let disk = SimulatedFileSystem()
        var writer: LogWriter! = try InferenceLog.openWriter(on: disk).writer
        func reopen() throws {
            writer = nil
            writer = try InferenceLog.openWriter(on: disk).writer
        }
        _ = try writer.commit([Self.keyed("hidden"), Self.keyed("other")])
        func filesWithKey(_ topic: String) throws -> Int {
            try disk.list("").count { name in
                String(decoding: disk.bytes(of: name) ?? [], as: UTF8.self).contains("key-of-\(topic)")
            }
        }
        func rewriteAll() throws -> CompactionReport {
            let report = try writer.compact(regroups: false).report
            #expect(report.problems == [])
            return report
        }
        if wasRetained {
            // Its records go first, with a rewrite that leaves the key alone.
            let tombstone = Tombstone(topic: "hidden", reason: .retention, ranges: ["p": IndexRanges(0..<1)])
            #expect(try writer.letGo(tombstone) == tombstone)
            try writer.sealActive()
            #expect(try rewriteAll().rewrites["half dead"] == 1 && writer.keys.count == 2)
        }
        #expect(try filesWithKey("hidden") == 1, "the alarm works")
        if isReopened { try reopen() }
        #expect(try writer.erase { Tombstone(deleting: "hidden", in: $0) } != nil)
        #expect(writer.keys.count == 1)
        // A retry would be stored anew, before the bytes are gone as after.
        #expect(writer.keys.span(topic: "hidden", key: "key-of-hidden", at: 1000) == nil)
        if isReopened {
            try reopen()
            #expect(writer.keys.count == 1)
        }
        #expect(try rewriteAll().rewrites["erasure"] == 1)
        #expect(try filesWithKey("hidden") == 0 && filesWithKey("other") == 1)
        try reopen()
        #expect(writer.keys.count == 1)
        #expect(writer.keys.span(topic: "other", key: "key-of-other", at: 1000)?.endIndex == 1)
        #expect(try writer.erase { Tombstone(deleting: "hidden", in: $0) } == nil, "nothing is left to do")
    }

    //     segment 1   hidden and other, small, a key each; retention of hidden before it is a column; sealed
    @Test(
        "records and keys that retention let go before they were columns go with their topic after a restart",
        arguments: [false, true])
    func letGoAsTail(isKilled: Bool) throws {
        let disk = SimulatedFileSystem()
        var writer: LogWriter! = try InferenceLog.openWriter(on: disk).writer
        func reopen() throws {
            writer = nil
            writer = try InferenceLog.openWriter(on: disk).writer
        }
        _ = try writer.commit([Self.keyed("hidden", isSmall: true), Self.keyed("other", isSmall: true)])
        let tombstone = Tombstone(topic: "hidden", reason: .retention, ranges: ["p": IndexRanges(0..<1)])
        #expect(try writer.letGo(tombstone) == tombstone)
        // The segment that a killed process left is copied, and what it holds noted anew.
        if isKilled { try reopen() }
        try writer.sealActive()
        try reopen()
        func filesWithKey() throws -> [String] {
            try disk.list("").filter { name in
                String(decoding: disk.bytes(of: name) ?? [], as: UTF8.self).contains("key-of-hidden")
            }
        }
        let held = try filesWithKey()
        #expect(held.count == 1, "the alarm works")
        #expect(try writer.erase { Tombstone(deleting: "hidden", in: $0) } != nil)
        #expect(writer.shared.index.withLock { $0.pendingErasures.map(FileName.segment) } == held)
        let report = try writer.compact(regroups: false).report
        #expect(report.rewrites["erasure"] == 1 && report.problems == [])
        #expect(try filesWithKey() == [])
        try reopen()
        #expect(writer.keys.count == 1)
        #expect(writer.shared.index.withLock { $0.pendingErasures } == [])
    }

    @Test(
        "records without a key that retention let go before they were columns leave the disk with their topic",
        arguments: [false, true])
    func letGoAsTailWithoutKey(isKilled: Bool) throws {
        let disk = SimulatedFileSystem()
        var writer: LogWriter! = try InferenceLog.openWriter(on: disk).writer
        func reopen() throws {
            writer = nil
            writer = try InferenceLog.openWriter(on: disk).writer
        }
        for topic in ["hidden", "other"] {
            let record = ModelRecord(time: 1, fields: ["n": .int64(1)])
            _ = try writer.commit([Part([record], topic: topic, partition: "p", isSmall: true).item])
        }
        let tombstone = Tombstone(topic: "hidden", reason: .retention, ranges: ["p": IndexRanges(0..<1)])
        #expect(try writer.letGo(tombstone) == tombstone)
        if isKilled { try reopen() }
        try writer.sealActive()
        let written = Set(writer.manifest.entries.map(\.number))
        try reopen()
        #expect(try writer.erase { Tombstone(deleting: "hidden", in: $0) } != nil)
        #expect(writer.shared.index.withLock { $0.pendingErasures } == written)
        let report = try writer.compact(regroups: false).report
        #expect(report.rewrites["erasure"] == 1 && report.problems == [])
        #expect(Set(writer.manifest.entries.map(\.number)).isDisjoint(with: written))
    }

    @Test("a field is redacted anew where records came since, also with the very next commit, and not before")
    func redactedAgain() throws {
        let writer = try InferenceLog.openWriter(on: SimulatedFileSystem()).writer
        func redact() throws -> CommitNumber? {
            try writer.erase { Tombstone(redacting: "in.name", of: "t", in: $0) }
        }
        _ = try writer.commit([Self.keyed("t")])
        let first = try #require(try redact())
        #expect(try redact() == nil)
        let next = AppendRequest([
            Part(
                [ModelRecord(time: 2, fields: ["in.name": .text("y")])], topic: "t", partition: "p",
                isSmall: false
            ).item
        ])
        #expect(try writer.commit([next])[0].commit == first + 1)
        #expect(try redact() != nil)
        #expect(try redact() == nil)
    }

    @Test("a topic is not listed where a tombstone of before named only what retention had left of it")
    func deletedLessRetained() throws {
        let writer = try InferenceLog.openWriter(on: SimulatedFileSystem()).writer
        _ = try writer.commit([Self.keyed("hidden"), Self.keyed("hidden", partition: "q")])
        func index() -> TopicIndex? { writer.shared.index.withLock { $0.topics["hidden"] } }
        _ = try writer.letGo(
            Tombstone(topic: "hidden", reason: .retention, ranges: ["p": IndexRanges(0..<1)]))
        #expect(index()?.isDeleted == false)
        let tombstone = Tombstone(topic: "hidden", reason: .deletion, ranges: ["q": IndexRanges(0..<1)])
        #expect(try writer.erase { _ in tombstone } != nil)
        #expect(index()?.isDeleted == true)
        // Its keys are there, and go when the deletion is asked for again.
        #expect(try writer.erase { Tombstone(deleting: "hidden", in: $0) } != nil)
        #expect(index()?.isDeleted == true)
        _ = try writer.commit([Self.keyed("hidden")])
        #expect(index()?.isDeleted == false, "a record came since")
    }

    /// One record with a key, which are its topic's by their names.
    private static func keyed(
        _ topic: String, partition: String = "p", isSmall: Bool = false
    ) -> AppendRequest {
        let part = Part(
            [ModelRecord(time: 1_700_000_000_000, fields: ["in.name": .text("x")])], topic: topic,
            partition: partition, isSmall: isSmall)
        return AppendRequest(
            [part.item],
            key: RequestKey(topic: topic, text: "key-of-\(topic)", request: Fingerprint("b"), time: 1000))
    }

    @Test("damaged keys are left behind where a topic was deleted: nobody knows whose they are")
    func damagedKeys() throws {
        let disk = SimulatedFileSystem()
        let writer = try InferenceLog.openWriter(on: disk).writer
        _ = try writer.commit([Self.keyed("hidden"), Self.keyed("other")])
        try writer.sealActive()
        let name = FileName.segment(1)
        let bytes = try #require(disk.bytes(of: name))
        let place = try #require(
            bytes.indices.first { bytes[$0...].starts(with: Array("key-of-other".utf8)) })
        disk.damage(name) { $0[place] ^= 1 }
        _ = try writer.erase { Tombstone(deleting: "hidden", in: $0) }
        let report = try writer.compact(regroups: false).report
        #expect(report.rewrites["erasure"] == 1 && report.problems == [])
        let files = try disk.list("").map { String(decoding: disk.bytes(of: $0) ?? [], as: UTF8.self) }
        #expect(!files.contains { $0.contains("key-of-") || $0.contains("ey-of-hidden") })
    }

    @Test(
        "an erasure that one file stops goes on with the others, and with that one once it can be read",
        arguments: [false, true])
    func stopped(isDamage: Bool) async throws {
        let disk = SimulatedFileSystem()
        let refused = Mutex<String?>(nil)
        let files = InterposedFileSystem(base: disk) { (file) throws(DiskError) in
            guard refused.withLock({ $0 == file }) else { return }
            throw DiskError(kind: .other, operation: "read", file: file, reason: "a planned fault")
        }
        let log = try InferenceLog.open(on: files).log
        func part(_ topic: String, _ text: String, _ time: Int64) -> Part {
            let record = ModelRecord(time: time, fields: ["in.name": .text(text)])
            return Part([record], topic: topic, partition: "p", isSmall: false)
        }
        for number in 0..<3 as Range<Int64> {
            _ = try await log.append([
                part("hidden", "Erika", number).item, part("other", "nothing", number).item,
            ])
            try await log.queue.perform { writer throws(LogError) in try writer.sealActive() }
        }
        // Neighbours that one rewrite would take together; the middle one cannot be read.
        let name = FileName.segment(2)
        let other = try #require(log.snapshot().index.topics["other"]?.segments[1].blocks.first)
        func flip() { disk.damage(name) { $0[other.offset + other.headByteCount - 2] ^= 1 } }
        func filesWithSecret() throws -> [String] {
            try disk.list("").filter { name in
                String(decoding: disk.bytes(of: name) ?? [], as: UTF8.self).contains("Erika")
            }.sorted()
        }
        func pass(_ retries: CompactionPace.Retries) async throws -> CompactionReport {
            try await log.compact(CompactionPace(retries: retries) { _ in false })
        }
        #expect(try filesWithSecret().count == 3, "the alarm works")
        if isDamage { flip() } else { refused.withLock { $0 = name } }
        try await log.erase { Tombstone(deleting: "hidden", in: $0) }
        let asked = try await pass(.all)
        #expect(asked.rewriteCount == 2)
        #expect(asked.problems.count == 1 && asked.problems[0].hasPrefix("\(name) cannot be made anew"))
        #expect(asked.unreadable.map(\.topic) == (isDamage ? ["other"] : []))
        #expect(try filesWithSecret() == [name] && log.snapshot().index.pendingErasures == [2])
        // Tried again where that is asked for, and only there.
        #expect(try await pass(.none) == CompactionReport())
        #expect(try await pass(.erasures).problems == asked.problems)
        if isDamage { flip() } else { refused.withLock { $0 = nil } }
        #expect(try await pass(.none) == CompactionReport())
        let last = try await pass(.erasures)
        #expect(last.rewrites["erasure"] == 1 && last.problems == [])
        #expect(try filesWithSecret() == [] && log.snapshot().index.pendingErasures == [])
        #expect(log.snapshot().index.topics["other"]?.rowCount == 3)
        try await log.close()
    }

    // Retention waited until all was rewritten that was due, and came due meanwhile.
    @Test("a pass ends after as many rewrites as it was given")
    func rewriteCountMax() async throws {
        var configuration = LogConfiguration()
        configuration.segmentByteCountMax = 1
        let (log, _) = try InferenceLog.open(configuration, on: SimulatedFileSystem())
        try await Self.appendBeside(log, 3)
        try await log.erase { Tombstone(deleting: "hidden", in: $0) }
        var pace = CompactionPace { _ in false }
        pace.rewriteCountMax = 2
        #expect(try await log.compact(pace).rewriteCount == 2)
        #expect(try await log.compact(pace).rewrites["erasure"] == 1)
        try await log.close()
    }

    /// Records of `hidden` and `other`, together in each of so many commits.
    private static func appendBeside(_ log: InferenceLog, _ count: Int64) async throws {
        for number in 0..<count {
            let items = ["hidden", "other"].map { topic in
                let record = ModelRecord(time: number, fields: ["in.name": .text("Erika")])
                return Part([record], topic: topic, partition: "p", isSmall: false).item
            }
            _ = try await log.append(items)
        }
    }

    // It waited until the background had worked off all that was due, as slowly as it does.
    @Test("a slow pass ends with its rewrite where another waits, which does the rest")
    func givesWay() async throws {
        let disk = SimulatedFileSystem()
        let (gate, hasBegun) = (DispatchSemaphore(value: 0), AsyncStream.makeStream(of: Void.self))
        let holdsNext = Mutex(false)
        let files = InterposedFileSystem(base: disk) { (_) throws(DiskError) in
            let holds = holdsNext.withLock { holdsNext in
                defer { holdsNext = false }
                return holdsNext
            }
            guard holds else { return }
            hasBegun.continuation.finish()
            gate.wait()
        }
        // A segment for each commit, and each made anew by itself.
        var configuration = LogConfiguration()
        configuration.segmentByteCountMax = 1
        let (log, _) = try InferenceLog.open(configuration, on: files)
        try await Self.appendBeside(log, 3)
        try await log.erase { Tombstone(deleting: "hidden", in: $0) }
        #expect(log.snapshot().index.pendingErasures.count == 3)
        holdsNext.withLock { $0 = true }
        async let slow = log.compact(CompactionPace(bytesPerSecond: 1 << 30) { _ in false })
        for await _ in hasBegun.stream {}
        async let asked = log.compact(CompactionPace { _ in false })
        try await waitUntil { log.compactor.waitingCount == 1 }
        gate.signal()
        #expect(try await slow.rewriteCount == 1)
        #expect(try await asked.rewrites["erasure"] == 2)
        #expect(log.snapshot().index.pendingErasures == [])
        try await log.close()
    }
}
