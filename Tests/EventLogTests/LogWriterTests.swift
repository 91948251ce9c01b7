// Invariants checked: those at the head of LogWriter.swift, one by one where the sweeps of
// CrashSweepTests check them all at once; and the bounds of LogConfiguration.swift.

import CrashPoints
import Disk
import Records
import Segments
import Simulation
import TestSupport
import Testing

@testable import EventLog

@Suite struct LogWriterTests {
    private func records(_ count: Int, _ seed: UInt64 = 1) -> [ModelRecord] {
        var generator = SeededGenerator(seed: seed)
        return generator.records(count: count, near: 1_700_000_000_000)
    }

    private func single(_ seed: UInt64, topic: String = "fraud", partition: String = "engine") -> Part {
        Part(records(1, seed), topic: topic, partition: partition, isSmall: true)
    }

    private func drive(_ change: (inout LogConfiguration) -> Void = { _ in }) -> LogDrive {
        var configuration = LogConfiguration()
        change(&configuration)
        var drive = LogDrive(SimulatedFileSystem(), configuration)
        drive.reopen()
        return drive
    }

    // Lost: nothing; but a client that was told "failed" posted again, and the records were there twice.
    @Test("a commit is acknowledged once it is durable, though the sealing after it fails")
    func sealingFails() {
        for operation in 0..<40 {
            var drive = drive { $0.segmentByteCountMax = 1 }
            drive.run(.commit([single(1)]))
            drive.disk.setPlan(
                SimulatedFileSystem.FaultPlan(failAtOperation: drive.disk.operationCount + operation))
            drive.run(.commit([single(2)]))
            let wasAcknowledged = drive.errors.isEmpty
            drive.checkUnchanged()
            drive.crash { $0.lowerBound }
            #expect(drive.violations.isEmpty, "operation \(operation): \(drive.violations)")
            #expect(drive.model.records["fraud/engine"]?.count == (wasAcknowledged ? 2 : 1))
        }
    }

    // Lost: the order. The new record joined the old tail before that became a column block, and
    // was then counted twice.
    @Test("a record that comes with the roll of its partition's tail is there once")
    func rollWithNewRecord() {
        var drive = drive { $0.tailRowCountMax = 4 }
        for seed in 0..<30 as Range<UInt64> {
            drive.run(.commit([single(seed), single(seed + 100)]))
            drive.checkUnchanged()
        }
        drive.run(.kill)
        #expect(drive.violations == [])
    }

    @Test("a tail becomes columns when it fills a block, and not before")
    func rollByRows() {
        var drive = drive { $0.tailRowCountMax = 4 }
        func tailRows() -> Int {
            drive.snapshot?.index.topics["fraud"]?.tails["engine"]?.reduce(0) { $0 + $1.batch.rowCount } ?? 0
        }
        func blocks() -> Int {
            drive.snapshot?.index.topics["fraud"]?.segments.reduce(0) { $0 + $1.blocks.count } ?? 0
        }
        for seed in 0..<4 as Range<UInt64> {
            drive.run(.commit([single(seed)]))
            #expect(tailRows() == Int(seed) + 1 && blocks() == 0)
        }
        // The next commit finds a full tail.
        drive.run(.commit([single(9)]))
        #expect(tailRows() == 1 && blocks() >= 1)
        #expect(drive.snapshot?.index.topics["fraud"]?.rowCount == 5)
    }

    @Test("the fullest tails become columns when all of them hold too much memory")
    func rollByMemory() {
        var drive = drive { $0.tailByteCountMax = 4000 }
        for seed in 0..<120 as Range<UInt64> {
            drive.run(.commit([single(seed, topic: "t\(seed % 5)", partition: "p\(seed % 3)")]))
            let held = drive.snapshot?.index.topics.values.reduce(0) { sum, topic in
                sum + topic.tails.values.joined().reduce(0) { $0 + $1.byteCount }
            }
            #expect(held ?? .max <= 4000 + 2000, "one commit's records may come on top")
        }
        #expect(drive.violations == [])
    }

    @Test(
        "what a tail holds is what its records take in memory, however short they are on disk",
        arguments: [false, true])
    func heldByteCount(isReopened: Bool) async throws {
        let disk = SimulatedFileSystem()
        let (log, _) = try InferenceLog.open(on: disk)
        // Long texts that differ a little: a few bytes a row on disk.
        let texts = (0..<100).map { String(repeating: "x", count: 5000) + "\($0)" }
        let batch = RecordBatch(
            times: [Int64](repeating: 1, count: 100),
            fields: [
                FieldColumn(name: "in.prompt", values: .scalar(Leaf(.text(TextColumn(texts)))))
            ])
        for _ in 0..<9 {
            _ = try await log.append([.small(batch, AppendSource(topic: "t", partition: "p"))])
        }
        func held(_ snapshot: LogSnapshot) -> Int {
            snapshot.index.topics.values.flatMap { $0.tails.values.joined() }.reduce(0) { $0 + $1.byteCount }
        }
        let snapshot =
            isReopened
            ? try InferenceLog.openForReading(LogConfiguration(), on: disk).snapshot : log.snapshot()
        #expect(held(snapshot) > 9 * 100 * 5000)
    }

    @Test("many single records cost few runs, and no row more than a logarithm of copies")
    func tailMerging() {
        var drive = drive()
        for seed in 0..<300 as Range<UInt64> {
            drive.run(.commit([Part(records(1, 3), topic: "t", partition: "p", isSmall: true)]))
            _ = seed
        }
        let runs = drive.snapshot?.index.topics["t"]?.tails["p"] ?? []
        #expect(runs.reduce(0) { $0 + $1.batch.rowCount } == 300)
        // Fewer than eight of each of three sizes.
        #expect(runs.count <= 3 * 7)
        drive.run(.kill)
        #expect(drive.violations == [])
    }

    @Test("the runs of a tail that has become long enough are one block, unless their fields do not unify")
    func oneBlockOfManyRuns() {
        var drive = drive { $0.tailRowCountMax = 100 }
        for _ in 0..<250 {
            drive.run(.commit([Part(records(1, 3), topic: "t", partition: "p", isSmall: true)]))
        }
        let blocks = drive.snapshot?.index.topics["t"]?.segments.flatMap(\.blocks) ?? []
        #expect(blocks.map(\.rowCount) == [100, 100])
        // A text among numbers is a block of its own, and its neighbours are as few as can be.
        func batch(_ elements: Elements) -> RecordBatch {
            RecordBatch(
                times: [1],
                fields: [
                    FieldColumn(name: "x", presence: .everyRow, values: .scalar(Leaf(elements)))
                ])
        }
        let (number, text) = (batch(.float64([1])), batch(.text(TextColumn(["one"]))))
        let runs = [number, number, text, number, number, number].enumerated().map { position, batch in
            TailRun(
                partition: "p", firstIndex: UInt64(position), batch: batch,
                commitRuns: [CommitRun(commit: UInt64(position) + 1, rowCount: 1)], byteCount: 1)
        }
        let joined = TailRun.joined(runs)
        #expect(joined.map(\.batch.rowCount) == [2, 1, 3])
        #expect(joined.map(\.firstIndex) == [0, 2, 3])
        #expect(joined.flatMap { $0.commitRuns.map(\.commit) } == [1, 2, 3, 4, 5, 6])
        drive.run(.kill)
        #expect(drive.violations == [])
    }

    @Test("segments are sealed past their size, and a log of many opens without a repair")
    func sealing() throws {
        var drive = drive { $0.segmentByteCountMax = 3000 }
        for seed in 0..<60 as Range<UInt64> {
            drive.run(.commit([Part(records(8, seed), topic: "fraud", partition: "engine", isSmall: false)]))
        }
        let manifest = try #require(try Manifest.read(drive.configuration, on: drive.disk))
        #expect(manifest.entries.count > 5)
        #expect(manifest.entries.dropLast().allSatisfy { $0.state == .sealed })
        #expect(
            manifest.entries.dropLast().allSatisfy {
                $0.byteCount == drive.disk.bytes(of: FileName.segment($0.number))?.count
            })
        drive.run(.close)
        #expect(drive.report.repairs == [] && drive.violations == [])
    }

    @Test(
        "a full disk refuses appends, loses nothing, fills with no debris, and takes appends when it has room"
    )
    func fullDisk() throws {
        for room in [0, 10, 40, 100, 500, 2000, 5000, 9000] {
            var drive = drive { $0.segmentByteCountMax = 2000 }
            drive.run(.commit([single(1)]))
            let used = try drive.disk.list("").reduce(0) { $0 + (drive.disk.bytes(of: $1)?.count ?? 0) }
            drive.disk.setPlan(SimulatedFileSystem.FaultPlan(capacity: used + room))
            for seed in 2..<80 as Range<UInt64> {
                drive.run(
                    .commit([
                        Part(records(3, seed), topic: "fraud", partition: "engine", isSmall: seed % 3 == 0)
                    ]))
            }
            #expect(
                drive.errors.count > 30 && drive.errors.allSatisfy(\.isOutOfSpace), "room for \(room) bytes")
            // Refusals leave a few beginnings at most, however many there are.
            let manifest = try #require(try Manifest.read(drive.configuration, on: drive.disk))
            #expect(try drive.disk.list("").count <= manifest.entries.count + 4, "room for \(room) bytes")
            drive.disk.setPlan(SimulatedFileSystem.FaultPlan())
            let errorCount = drive.errors.count
            for seed in 100..<110 as Range<UInt64> { drive.run(.commit([single(seed)])) }
            #expect(drive.errors.count == errorCount, "room again")
            drive.crash { $0.lowerBound }
            #expect(drive.violations == [], "room for \(room) bytes")
        }
    }

    @Test("a failed sync's envelope is left behind before the next commit, in a new segment")
    func failedSync() throws {
        var drive = drive()
        drive.run(.commit([single(1)]))
        // Append, then sync.
        drive.disk.setPlan(SimulatedFileSystem.FaultPlan(failAtOperation: drive.disk.operationCount + 1))
        drive.run(.commit([single(2)]))
        #expect(drive.errors.count == 1)
        drive.run(.commit([single(3)]))
        let manifest = try #require(try Manifest.read(drive.configuration, on: drive.disk))
        #expect(manifest.entries.map(\.state) == [.closed, .active])
        #expect(manifest.entries[0].byteCount < drive.disk.bytes(of: FileName.segment(1))?.count ?? 0)
        drive.crash { $0.upperBound }
        #expect(drive.violations == [])
        #expect(drive.model.records["fraud/engine"]?.count == 2)
    }

    @Test("a segment that was given up before it held a commit is in no manifest and no file")
    func emptySegment() throws {
        var refusedCount = 0
        for operation in 0..<12 {
            var drive = drive()
            drive.disk.setPlan(
                SimulatedFileSystem.FaultPlan(failAtOperation: drive.disk.operationCount + operation))
            drive.run(.commit([single(1)]))
            // The operations behind those of the commit are another test's.
            if drive.errors.isEmpty { continue }
            refusedCount += 1
            drive.run(.commit([single(2)]))
            let manifest = try #require(try Manifest.read(drive.configuration, on: drive.disk))
            let numbers = Set(try drive.disk.list("").compactMap { FileName.segmentNumber($0) })
            #expect(manifest.entries.map(\.state) == [.active], "operation \(operation)")
            #expect(numbers == Set(manifest.entries.map(\.number)), "operation \(operation)")
            drive.crash { $0.lowerBound }
            #expect(drive.violations == [], "operation \(operation)")
        }
        #expect(refusedCount > 4, "the operations are those of a commit")
    }

    @Test("a snapshot shows its commits and no others for as long as it is held")
    func snapshots() throws {
        var generator = SeededGenerator(seed: 12)
        var drive = LogDrive(SimulatedFileSystem(), LogDrive.smallConfiguration)
        drive.reopen()
        var held: [(LogSnapshot, LogModel)] = []
        for number in 0..<60 {
            drive.run(.commit(generator.parts(at: number)))
            held.append((try #require(drive.snapshot), drive.model))
        }
        for (snapshot, model) in held { #expect(model.difference(LogContents(snapshot)) == nil) }
        #expect(held.map { $0.0.cut } == held.map { $0.0.cut }.sorted())
    }

    @Test("topics, partitions and names of any letters and lengths come back", arguments: [true, false])
    func names(isSmall: Bool) {
        var drive = drive()
        let names = ["", "ä/ö", "\u{0}", "日本", String(repeating: "n", count: RecordLimits.nameByteCountMax)]
        for name in names {
            drive.commitQuietly(Part(records(2), topic: name, partition: name, isSmall: isSmall))
        }
        drive.run(.kill)
        for name in names {
            #expect(drive.snapshot?.index.topics[name]?.nextIndexes == [name: 2])
        }
    }

    @Test("neighbours in memory that came with one commit are one run of it")
    func oneRunACommit() throws {
        func run(_ first: UInt64, _ commits: [CommitRun]) -> TailRun {
            let count = commits.reduce(0) { $0 + $1.rowCount }
            return TailRun(
                partition: "p", firstIndex: first,
                batch: RecordBatch(times: [Int64](repeating: 1, count: count), fields: []),
                commitRuns: commits, byteCount: count)
        }
        let first = run(0, [CommitRun(commit: 4, rowCount: 1), CommitRun(commit: 5, rowCount: 2)])
        let second = run(3, [CommitRun(commit: 5, rowCount: 1), CommitRun(commit: 6, rowCount: 1)])
        let third = run(5, [CommitRun(commit: 7, rowCount: 1)])
        #expect(
            TailRun.union(of: [first, second, third])?.commitRuns
                == [
                    CommitRun(commit: 4, rowCount: 1), CommitRun(commit: 5, rowCount: 3),
                    CommitRun(commit: 6, rowCount: 1), CommitRun(commit: 7, rowCount: 1),
                ])
    }
}
