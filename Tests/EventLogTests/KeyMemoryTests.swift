// Invariants checked: the three at the head of KeyMemory.swift, through the log as clients meet them.

import Bytes
import CrashPoints
import Disk
import Segments
import Simulation
import TestSupport
import Testing

@testable import EventLog

@Suite(.timeLimit(.minutes(10))) struct KeyMemoryTests {
    private static func item(_ number: Int) -> AppendItem {
        Part(
            [ModelRecord(time: Int64(number), fields: ["n": .int64(Int64(number))])], topic: "t",
            partition: "p", isSmall: true
        ).item
    }

    private static func key(_ text: String, _ body: String = "body", at time: Int64 = 1000) -> RequestKey {
        RequestKey(topic: "t", text: text, request: Fingerprint(body), time: time)
    }

    /// Appends once; whether it was stored now, and where it is.
    private static func append(_ log: InferenceLog, _ number: Int, _ key: RequestKey) async throws
        -> (isNew: Bool, index: UInt64)
    {
        let outcome = try await log.once(key) { try await log.append([item(number)], key: key) }
        switch outcome {
        case .done(let receipt): return (true, receipt.spans[0].firstIndex)
        case .before(let span): return (false, span.firstIndex)
        }
    }

    @Test("a retry finds what the first brought; another request under the key is refused by its name")
    func retries() async throws {
        let (log, _) = try InferenceLog.open(on: SimulatedFileSystem())
        #expect(try await Self.append(log, 0, Self.key("a")) == (true, 0))
        #expect(try await Self.append(log, 1, Self.key("b")) == (true, 1))
        #expect(try await Self.append(log, 0, Self.key("a")) == (false, 0))
        let error = await #expect(throws: LogError.self) {
            _ = try await Self.append(log, 0, Self.key("a", "another body"))
        }
        #expect(
            error
                == .keyReused("a", span: AppendedSpan(topic: "t", partition: "p", firstIndex: 0, endIndex: 1))
        )
        #expect(error.map { "\($0)" }?.contains("\"a\"") == true)
        #expect(log.snapshot().index.topics["t"]?.rowCount == 2)
        #expect(log.metrics.keyCount == 2 && log.metrics.replayCount == 1)
        // Another topic's key is another key.
        let other = RequestKey(topic: "u", text: "a", request: Fingerprint("x"), time: 1000)
        let outcome = try await log.once(other) { 5 }
        guard case .done(5) = outcome else {
            Issue.record("\(outcome)")
            return
        }
    }

    //     first     claim ── append … held … ─► done
    //     twins           claim ··· wait ·····► before
    //     another         claim ─► refused
    @Test("twins of one that is under way wait for it, and none of them is stored")
    func twins() async throws {
        let (log, _) = try InferenceLog.open(on: SimulatedFileSystem())
        let isHeld = Shared(true)
        let entered = Shared(0)
        try await withThrowingTaskGroup(of: (Bool, UInt64).self) { group in
            for number in 0..<8 {
                group.addTask {
                    let key = Self.key("a")
                    let outcome = try await log.once(key) {
                        entered.value.withLock { $0 += 1 }
                        while isHeld.value.withLock({ $0 }) { await Task.yield() }
                        return try await log.append([Self.item(number)], key: key)
                    }
                    switch outcome {
                    case .done(let receipt): return (true, receipt.spans[0].firstIndex)
                    case .before(let span): return (false, span.firstIndex)
                    }
                }
            }
            while entered.value.withLock({ $0 }) == 0 { await Task.yield() }
            let error = await #expect(throws: LogError.self) {
                _ = try await Self.append(log, 9, Self.key("a", "another"))
            }
            #expect(error == .keyReused("a", span: nil))
            for _ in 0..<100 { await Task.yield() }
            #expect(entered.value.withLock { $0 } == 1)
            isHeld.value.withLock { $0 = false }
            let outcomes = try await group.reduce(into: []) { $0.append($1) }
            #expect(outcomes.count { $0.0 } == 1)
            #expect(outcomes.allSatisfy { $0.1 == 0 })
        }
        #expect(log.snapshot().index.topics["t"]?.rowCount == 1)
    }

    @Test("where the first fails one of its twins takes its place, and the key is free for another request")
    func firstFails() async throws {
        struct Failure: Error {}
        let (log, _) = try InferenceLog.open(on: SimulatedFileSystem())
        let attempts = Shared(0)
        let outcomes = await withTaskGroup(of: String.self) { group in
            for number in 0..<6 {
                group.addTask {
                    let key = Self.key("a")
                    do {
                        let outcome = try await log.once(key) {
                            let attempt = attempts.value.withLock { count in
                                count += 1
                                return count
                            }
                            for _ in 0..<50 { await Task.yield() }
                            if attempt <= 2 { throw Failure() }
                            return try await log.append([Self.item(number)], key: key)
                        }
                        if case .done = outcome { return "done" }
                        return "before"
                    } catch { return "failed" }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes.count { $0 == "failed" } == 2)
        #expect(outcomes.count { $0 == "done" } == 1)
        #expect(outcomes.count { $0 == "before" } == 3)
        #expect(log.snapshot().index.topics["t"]?.rowCount == 1)
        _ = try? await log.once(Self.key("b")) { throw Failure() }
        #expect(try await Self.append(log, 1, Self.key("b", "another body")) == (true, 1))
    }

    @Test("keys are remembered across stops, kills and power cuts, up to the horizon and not past it")
    func acrossRestarts() async throws {
        let disk = SimulatedFileSystem()
        var configuration = LogConfiguration()
        configuration.segmentByteCountMax = 3000
        configuration.keyHorizonMilliseconds = 10_000
        for round in 0..<4 {
            let (log, report) = try InferenceLog.open(configuration, on: disk)
            #expect(report.damages == [])
            for number in 0..<60 {
                let key = Self.key("\(round)-\(number)", at: Int64(round * 6000 + number * 100))
                #expect(try await Self.append(log, number, key).isNew)
            }
            if round == 1 { try await log.close() } else { disk.crash { $0.lowerBound } }
        }
        let (log, _) = try InferenceLog.open(configuration, on: disk)
        for round in 0..<4 {
            for number in 0..<60 {
                let usedAt = Int64(round * 6000 + number * 100)
                let key = Self.key("\(round)-\(number)", at: 23_900)
                let outcome = try await Self.append(log, 0, key)
                #expect(outcome.isNew == (23_900 - usedAt > 10_000), "\(round)-\(number)")
                if !outcome.isNew { #expect(outcome.index == UInt64(round * 60 + number)) }
            }
        }
    }

    @Test(
        "a key is remembered until it is older than the horizon, also by the next opening and in a segment made anew",
        arguments: [false, true])
    func asOldAsTheHorizon(isRewritten: Bool) async throws {
        let disk = SimulatedFileSystem()
        var configuration = LogConfiguration()
        configuration.keyHorizonMilliseconds = 10_000
        let (log, _) = try InferenceLog.open(configuration, on: disk)
        for (number, time) in [999, 1000, 11_000].enumerated() as EnumeratedSequence<[Int64]> {
            #expect(try await Self.append(log, number, Self.key("key \(number)", at: time)).isNew)
        }
        if isRewritten {
            try await log.erase { Tombstone(redacting: "in.nothing", of: "t", in: $0) }
            let before = log.metrics
            #expect(before.rewrittenByteCount == 0)
            #expect(try await log.compact(CompactionPace()).rewriteCount == 1)
            // What a segment made anew takes is written too, and no commit's.
            #expect(log.metrics.rewrittenByteCount > 0)
            #expect(log.metrics.writtenByteCount == before.writtenByteCount)
        }
        try await log.close()
        let (second, _) = try InferenceLog.open(configuration, on: disk)
        #expect(second.metrics.keyCount == 2)
        for number in 1...2 {
            let outcome = try await Self.append(second, number, Self.key("key \(number)", at: 11_000))
            #expect(!outcome.isNew && outcome.index == UInt64(number), "key \(number)")
        }
        #expect(try await Self.append(second, 0, Self.key("key 0", at: 11_000)) == (true, 3))
    }

    @Test("a key that a wrong clock dated ahead makes no honest one forgotten", arguments: [false, true])
    func datedAhead(isRewritten: Bool) async throws {
        let disk = SimulatedFileSystem()
        var configuration = LogConfiguration()
        configuration.keyHorizonMilliseconds = 10_000
        configuration.clock = { 5_000 }
        let (log, _) = try InferenceLog.open(configuration, on: disk)
        for (number, time) in [1000, 3000, 1_000_000, 4000].enumerated() as EnumeratedSequence<[Int64]> {
            #expect(try await Self.append(log, number, Self.key("key \(number)", at: time)).isNew)
        }
        try await log.close()
        let (second, _) = try InferenceLog.open(configuration, on: disk)
        if isRewritten {
            _ = try await second.append([Self.item(9)])
            try await second.erase { Tombstone(redacting: "in.nothing", of: "t", in: $0) }
            #expect(try await second.compact(CompactionPace()).rewriteCount == 1)
        }
        try await second.close()
        let (third, _) = try InferenceLog.open(configuration, on: disk)
        for number in 0..<4 {
            let outcome = try await Self.append(third, number, Self.key("key \(number)", at: 5000))
            #expect(!outcome.isNew && outcome.index == UInt64(number), "key \(number)")
        }
    }

    @Test("keys that are damaged are said to be, and the log opens all the same")
    func damaged() async throws {
        let disk = SimulatedFileSystem()
        let (log, _) = try InferenceLog.open(on: disk)
        _ = try await Self.append(log, 0, Self.key("a-key-to-be-found"))
        try await log.close()
        let name = FileName.segment(1)
        let bytes = try #require(disk.bytes(of: name))
        let place = try #require(
            bytes.indices.first { bytes[$0...].starts(with: Array("a-key-to-be-found".utf8)) })
        disk.damage(name) { $0[place] ^= 1 }
        disk.crash { $0.upperBound }
        let (again, report) = try InferenceLog.open(on: disk)
        #expect(report.damages.count == 1)
        #expect(report.damages.first?.contains("retry") == true)
        #expect(again.metrics.keyCount == 0 && again.snapshot().index.topics["t"]?.rowCount == 1)
    }
}
