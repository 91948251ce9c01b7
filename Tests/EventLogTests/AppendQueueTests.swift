// Invariants checked: those at the heads of AppendQueue.swift, InferenceLog.swift and LogSnapshot.swift.
//
//     clients 0…n          writer's thread
//     append ─┐
//     append ─┼─ queue ──► commit(…) ──► receipts, each request its own
//     append ─┘

import CrashPoints
import Disk
import Dispatch
import Records
import Segments
import Simulation
import TestSupport
import Testing

@testable import EventLog

@Suite(.timeLimit(.minutes(10))) struct AppendQueueTests {
    @Test("a refusal is counted by what it is: what is not seen is none of the disk's")
    func reasons() {
        func disk(_ kind: DiskError.Kind) -> DiskError {
            DiskError(kind: kind, operation: "sync", file: "f", reason: "r")
        }
        #expect(LogError.unseen([SegmentPlace(file: "f", byteOffset: 0)]).refusalReason == .unseen)
        let place = SegmentPlace(file: "f", byteOffset: 0)
        #expect(LogError.outOfNumbers(place, reason: "r").refusalReason == .numbers)
        #expect(LogError.keyReused("k", span: nil).refusalReason == .request)
        #expect(LogError.disk(disk(.other)).refusalReason == .disk)
        #expect(LogError.segment(.disk(disk(.outOfSpace))).refusalReason == .outOfSpace)
    }

    /// A log that holds one append; the next operation on its disk fails, and no other.
    private static func logWhoseNextOperationFails() async throws -> InferenceLog {
        let disk = SimulatedFileSystem()
        let (log, _) = try InferenceLog.open(on: disk)
        _ = try await log.append([part(0, 0).item])
        disk.setPlan(SimulatedFileSystem.FaultPlan(failAtOperation: disk.operationCount + 1))
        return log
    }

    private static func part(_ client: Int, _ number: Int) -> Part {
        let record = ModelRecord(
            time: Int64(number),
            fields: ["in.client": .int64(Int64(client)), "in.number": .int64(Int64(number))])
        return Part(
            [ModelRecord](repeating: record, count: client % 3 + 1), topic: "t", partition: "p\(client % 2)",
            isSmall: true)
    }

    @Test("what housekeeping asks of the writer comes between two envelopes, however many appends wait")
    func commands() async throws {
        var configuration = LogConfiguration()
        configuration.envelopeByteCountTarget = 1
        let (log, _) = try InferenceLog.open(configuration, on: SimulatedFileSystem())
        let (gate, hasBegun) = (DispatchSemaphore(value: 0), AsyncStream.makeStream(of: Void.self))
        async let holding: Void = log.queue.perform { _ throws(LogError) in
            hasBegun.continuation.finish()
            gate.wait()
        }
        for await _ in hasBegun.stream {}
        let appends = (0..<50).map { number in
            Task { try await log.append([Self.part(0, number).item]) }
        }
        try await waitUntil { log.queue.waiting.count >= appends.count }
        async let cut = log.queue.perform { writer throws(LogError) in
            writer.shared.index.withLock { $0.cut }
        }
        try await waitUntil { log.queue.commandCount >= 1 }
        gate.signal()
        try await holding
        // Behind the envelope that was next, and before the others.
        #expect(try await cut == 1)
        for append in appends { _ = try await append.value }
        #expect(log.cut == 50)
        try await log.close()
    }

    @Test("a command that the disk refuses leaves a log that goes on by itself")
    func failedCommand() async throws {
        let log = try await Self.logWhoseNextOperationFails()
        let tombstone = Tombstone(topic: "t", reason: .retention, ranges: ["p0": IndexRanges(0..<1)])
        await #expect(throws: LogError.self) { _ = try await log.letGo(tombstone) }
        // The writer has a segment again, before anybody appends.
        let states = try await log.queue.perform { writer throws(LogError) in
            writer.manifest.entries.map(\.state)
        }
        #expect(states == [.closed, .active])
        #expect(log.state == .serving)
        #expect(try await log.letGo(tombstone) == tombstone)
        try await log.close()
    }

    @Test("concurrent appends are each acknowledged once, at dense indexes, and are there after a crash")
    func concurrentAppends() async throws {
        let disk = SimulatedFileSystem()
        var configuration = LogDrive.smallConfiguration
        configuration.segmentByteCountMax = 20_000
        let (log, _) = try InferenceLog.open(configuration, on: disk)
        let clients = 8
        let perClient = 25
        let spans = try await withThrowingTaskGroup(of: [(AppendedSpan, [String])].self) { group in
            for client in 0..<clients {
                group.addTask {
                    var own: [(AppendedSpan, [String])] = []
                    var lastCommit: CommitNumber = 0
                    for number in 0..<perClient {
                        let part = Self.part(client, number)
                        var items = [part.item]
                        // Events carry no span: the next request's span must not slip into their place.
                        if number % 4 == 0 { items.insert(.event(Event(name: "e", document: [])), at: 0) }
                        let receipt = try await log.append(items)
                        #expect(receipt.spans.count == 1 && receipt.commit > lastCommit)
                        #expect(log.cut >= receipt.commit, "what is acknowledged is in every later snapshot")
                        lastCommit = receipt.commit
                        own.append((receipt.spans[0], part.texts))
                    }
                    return own
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(spans.count == clients * perClient)
        for partition in ["p0", "p1"] {
            let own = spans.filter { $0.0.partition == partition }.sorted {
                $0.0.firstIndex < $1.0.firstIndex
            }
            var next: UInt64 = 0
            for (span, texts) in own {
                #expect(span.firstIndex == next && span.endIndex == next + UInt64(texts.count))
                next = span.endIndex
            }
            let contents = LogContents(log.snapshot())
            #expect(contents.contradictions == [])
            #expect(contents.records["t/\(partition)"] == own.flatMap(\.1))
            disk.crash { $0.lowerBound }
            let (snapshot, _) = try InferenceLog.openForReading(configuration, on: disk)
            #expect(LogContents(snapshot).records["t/\(partition)"] == own.flatMap(\.1))
        }
    }

    @Test("appends that wait share the next envelope and its sync")
    func groupCommit() async throws {
        let disk = SimulatedFileSystem()
        let gate = Gate()
        let files = gate.before(disk)
        let (log, _) = try InferenceLog.open(on: files)
        _ = try await log.append([Self.part(0, 0).item])
        gate.close()
        let receipts = try await withThrowingTaskGroup(of: CommitReceipt.self) { group in
            group.addTask { try await log.append([Self.part(0, 1).item]) }
            try await waitUntil { gate.isHeld }
            for number in 2..<12 { group.addTask { try await log.append([Self.part(0, number).item]) } }
            while log.waitingCount < 10 { await Task.yield() }
            gate.open()
            return try await group.reduce(into: []) { $0.append($1) }
        }
        // One commit was held at the gate; the ten that came meanwhile are the next one together.
        #expect(Set(receipts.map(\.commit)).count == 2)
        #expect(receipts.count == 11)
    }

    @Test("an append past its source's share is refused at once, kept nowhere, counted; others are not")
    func refusedWhenFull() async throws {
        let disk = SimulatedFileSystem()
        let gate = Gate()
        var configuration = LogConfiguration()
        let item = Self.part(0, 0).item
        let size = item.byteCount
        // A size that has no place beyond the bound.
        configuration.queueByteCountMax = size * 100
        let (log, _) = try InferenceLog.open(configuration, on: gate.before(disk))
        _ = try await log.append([item])
        gate.close()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { _ = try await log.append([item]) }
            try await waitUntil { gate.isHeld }
            for _ in 0..<34 { group.addTask { _ = try await log.append([item]) } }
            while log.waitingCount < 34 { await Task.yield() }
            // 34 wait, 66 are free, and the topic has 34 of its own: 32 is what its partition may have.
            let error = await #expect(throws: LogError.self) { try await log.append([item]) }
            #expect(error == .busy(waitingByteCount: size * 34, limit: size * 32))
            group.addTask { _ = try await log.append([Self.part(1, 0).item]) }
            while log.waitingCount < 35 { await Task.yield() }
            let refusal = LogMetrics.Refusal(
                source: AppendSource(topic: "t", partition: "p0"), reason: .busy)
            #expect(log.metrics.refusals == [refusal: 1])
            #expect(log.metrics.waitingCount == 35)
            gate.open()
            try await group.waitForAll()
        }
        // One larger than the bound is taken when nothing waits.
        _ = try await log.append((0..<9).map { _ in item })
        #expect(log.snapshot().index.topics["t"]?.nextIndexes == ["p0": 45, "p1": 2])
    }

    @Test("a large append is taken while small ones come without a pause, and they go on being taken")
    func largeAmongSmall() async throws {
        let gate = Gate()
        var configuration = LogConfiguration()
        let item = Self.part(0, 0).item
        configuration.queueByteCountMax = item.byteCount * 40
        let (log, _) = try InferenceLog.open(
            configuration, on: gate.before(SimulatedFileSystem()))
        let large = [AppendItem](repeating: item, count: 40)
        try await withThrowingTaskGroup(of: Int.self) { group in
            for round in 0..<5 {
                gate.close()
                group.addTask { try await log.append([item]).spans.count }
                try await waitUntil { gate.isHeld }
                // Whenever it comes, some small ones wait: there is never as much room as it needs.
                group.addTask { try await log.append([item]).spans.count }
                while log.waitingCount < 1 { await Task.yield() }
                group.addTask { try await log.append(large).spans.count }
                while log.waitingCount < 2 { await Task.yield() }
                await #expect(throws: LogError.self, "one at a time") { try await log.append(large) }
                group.addTask { try await log.append([item]).spans.count }
                while log.waitingCount < 3 { await Task.yield() }
                gate.open()
                var counts: [Int] = []
                for _ in 0..<4 { counts.append(try #require(try await group.next())) }
                #expect(counts.sorted() == [1, 1, 1, 40], "round \(round)")
            }
        }
        #expect(log.snapshot().index.topics["t"]?.rowCount == 5 * 43)
        try await log.close()
    }

    @Test("a topic that floods the log delays another one's append by one envelope at most")
    func fairness() async throws {
        let disk = SimulatedFileSystem()
        let gate = Gate()
        var configuration = LogConfiguration()
        let flood = Self.part(0, 0).item
        configuration.envelopeByteCountTarget = flood.byteCount * 4
        let (log, _) = try InferenceLog.open(configuration, on: gate.before(disk))
        _ = try await log.append([flood])
        gate.close()
        try await withThrowingTaskGroup(of: (isFlood: Bool, commit: CommitNumber).self) { group in
            group.addTask { (true, try await log.append([flood]).commit) }
            try await waitUntil { gate.isHeld }
            for _ in 0..<100 { group.addTask { (true, try await log.append([flood]).commit) } }
            while log.waitingCount < 100 { await Task.yield() }
            group.addTask { (false, try await log.append([Self.part(1, 0).item]).commit) }
            while log.waitingCount < 101 { await Task.yield() }
            gate.open()
            let receipts = try await group.reduce(into: []) { $0.append($1) }
            // Commit 1 was first, 2 was held; the newcomer is in the next, though a hundred came before it.
            #expect(receipts.filter { !$0.isFlood }.map(\.commit) == [3])
            #expect(Set(receipts.map(\.commit)).count > 20)
        }
    }

    @Test("closing writes what waits, seals, and refuses what comes after")
    func close() async throws {
        let disk = SimulatedFileSystem()
        let gate = Gate()
        let (log, _) = try InferenceLog.open(on: gate.before(disk))
        _ = try await log.append([Self.part(0, 0).item])
        gate.close()
        try await withThrowingTaskGroup(of: Void.self) { group in
            // The first alone: two that came together would be taken together, and four never wait.
            group.addTask { _ = try await log.append([Self.part(0, 1).item]) }
            try await waitUntil { gate.isHeld }
            for number in 2..<6 { group.addTask { _ = try await log.append([Self.part(0, number).item]) } }
            while log.waitingCount < 4 { await Task.yield() }
            group.addTask { try await log.close() }
            while !log.isClosed { await Task.yield() }
            let error = await #expect(throws: LogError.self) { try await log.append([Self.part(0, 9).item]) }
            #expect(error == .closed)
            gate.open()
            try await group.waitForAll()
        }
        #expect(log.snapshot().index.topics["t"]?.rowCount == 6, "reads go on")
        let manifest = try #require(try Manifest.read(LogConfiguration(), on: disk))
        #expect(manifest.entries.map(\.state) == [.sealed])
    }

    @Test("a log that was only opened closes")
    func closeAtOnce() async throws {
        let (log, _) = try InferenceLog.open(on: SimulatedFileSystem())
        try await log.close()
    }

    @Test("a failed commit fails every request that shared it, and none after it")
    func failedGroup() async throws {
        let log = try await Self.logWhoseNextOperationFails()
        let error = await #expect(throws: LogError.self) { try await log.append([Self.part(0, 1).item]) }
        #expect(error.map { "\($0)" }?.contains("a planned fault") == true)
        let receipt = try await log.append([Self.part(0, 2).item])
        #expect(receipt.spans[0].firstIndex == 1)
    }

    @Test("a log that the disk refuses says so, and serves again by itself, without an append")
    func readOnly() async throws {
        let disk = SimulatedFileSystem()
        var configuration = LogConfiguration()
        configuration.recoveryIntervalMilliseconds = 1
        let (log, _) = try InferenceLog.open(configuration, on: disk)
        _ = try await log.append([Self.part(0, 0).item])
        disk.setPlan(SimulatedFileSystem.FaultPlan(capacity: 0))
        let error = await #expect(throws: LogError.self) { try await log.append([Self.part(0, 1).item]) }
        #expect(error?.isOutOfSpace == true)
        while log.state == .serving { await Task.yield() }
        guard case .readOnly(let reason) = log.state else {
            Issue.record("it is \(log.state)")
            return
        }
        #expect(reason.isOutOfSpace && "\(reason)".contains("free some space"))
        // Reads go on.
        #expect(LogContents(log.snapshot()).records["t/p0"]?.count == 1)
        disk.setPlan(SimulatedFileSystem.FaultPlan())
        while log.state != .serving { await Task.yield() }
        #expect(try await log.append([Self.part(0, 2).item]).spans[0].firstIndex == 1)
        let refusal = LogMetrics.Refusal(
            source: AppendSource(topic: "t", partition: "p0"), reason: .outOfSpace)
        #expect(log.metrics.refusals[refusal] == 1)
        disk.crash { $0.lowerBound }
        let (snapshot, _) = try InferenceLog.openForReading(configuration, on: disk)
        #expect(LogContents(snapshot).records["t/p0"]?.count == 2)
    }

    @Test("a disk that refuses is tried again once an interval, however many appends it refused")
    func recoveries() async throws {
        let disk = SimulatedFileSystem()
        var configuration = LogConfiguration()
        configuration.recoveryIntervalMilliseconds = 50
        let (log, _) = try InferenceLog.open(configuration, on: disk)
        _ = try await log.append([Self.part(0, 0).item])
        disk.setPlan(SimulatedFileSystem.FaultPlan(capacity: 0))
        let before = disk.operationCount
        await #expect(throws: LogError.self) { try await log.append([Self.part(0, 1).item]) }
        let each = disk.operationCount - before
        for number in 2..<102 {
            await #expect(throws: LogError.self) { try await log.append([Self.part(0, number).item]) }
        }
        // A hundred tries would be at work in an interval now; one is, and one more on either side of the pause.
        let start = ContinuousClock.now
        let busy = disk.operationCount
        while ContinuousClock.now - start < .milliseconds(200) {
            try await Task.sleep(for: .milliseconds(10))
        }
        // Counted before the clock is read: what is late only allows more.
        let count = disk.operationCount - busy
        let intervals = Int((ContinuousClock.now - start) / .milliseconds(50)) + 2
        #expect(count <= intervals * each)
        disk.setPlan(SimulatedFileSystem.FaultPlan())
        while log.state != .serving { await Task.yield() }
    }
}

extension InferenceLog {
    fileprivate var waitingCount: Int { queue.waiting.count }
    fileprivate var isClosed: Bool { queue.isClosed }
}

extension Gate {
    /// A disk whose syncs pass it.
    func before(_ disk: any FileSystem) -> WatchedFiles {
        WatchedFiles(disk) { _, call in if call == .sync { self.pass() } }
    }
}
