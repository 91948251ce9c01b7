// Invariants checked: what was erased is in no file, also where only a failed write had brought it there;
// what keeps one file from being made anew keeps no other, and not for longer than it lasts.

import CrashPoints
import Disk
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
}
