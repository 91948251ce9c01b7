// Invariants checked: those at the head of LogReserve.swift, and that what frees room works on a full disk
// (InferenceStore+Housekeeping.swift and +Erasure.swift).

import Disk
import EventLog
import Records
import Simulation
import TestSupport
import Testing

@testable import Store

@Suite struct FullDiskStoreTests {
    static func open(_ disk: SimulatedFileSystem, reserveByteCount: Int) throws -> InferenceStore {
        var configuration = StoreConfiguration(directory: "/nowhere")
        configuration.log.reserveByteCount = reserveByteCount
        configuration.log.recoveryIntervalMilliseconds = 10
        return try InferenceStore.open(configuration, on: disk).store
    }

    /// A store whose disk refused an append, for want of room.
    static func full(
        reserveByteCount: Int, batchCount: Int = 40
    ) async throws -> (InferenceStore, SimulatedFileSystem) {
        let disk = SimulatedFileSystem()
        let store = try open(disk, reserveByteCount: reserveByteCount)
        _ = try await append(to: "kept", store)
        for _ in 0..<batchCount { _ = try await append(to: "gone", store) }
        disk.setPlan(SimulatedFileSystem.FaultPlan(capacity: disk.byteCount + 100))
        await #expect(throws: LogError.self) { try await append(to: "kept", store) }
        return (store, disk)
    }

    @discardableResult
    static func append(to topic: String, _ store: InferenceStore) async throws -> AppendedSpan {
        try await store.append(HousekeepingTests.batch(0, count: 300), topic: topic, partition: "engine")
    }

    @Test("without a reserve nothing can be let go on a full disk")
    func without() async throws {
        let (store, disk) = try await Self.full(reserveByteCount: 0)
        #expect(disk.bytes(of: FileName.reserve) == nil)
        let error = await #expect(throws: LogError.self) { try await store.deleteRecords(ofTopic: "gone") }
        #expect(error?.isOutOfSpace == true)
    }

    @Test(
        "on a full disk a policy is set and records are deleted out of the reserve, which is then made again")
    func deletion() async throws {
        let reserveByteCount = 64 << 10
        let (store, disk) = try await Self.full(reserveByteCount: reserveByteCount)
        #expect(disk.bytes(of: FileName.reserve)?.count == reserveByteCount)
        try await store.setRetention(RetentionPolicy(byteCount: 1 << 30), of: "gone")
        #expect(disk.bytes(of: FileName.reserve) == nil, "it is given up")
        // There is room for records now, and they are refused: it is not theirs.
        let error = await #expect(throws: LogError.self) { try await Self.append(to: "kept", store) }
        #expect(error?.isOutOfSpace == true && "\(error!)".contains("what frees some"))
        guard case .readOnly = store.log.state else {
            Issue.record("records are refused, and the log does not say so")
            return
        }
        let before = disk.byteCount
        let report = try await store.deleteRecords(ofTopic: "gone")
        #expect(report.recordCount == 40 * 300 && report.problems.isEmpty && report.pendingSegments.isEmpty)
        try await waitUntil { store.log.state == .serving }
        #expect(disk.bytes(of: FileName.reserve)?.count == reserveByteCount)
        #expect(disk.byteCount < before + reserveByteCount)
        #expect(try await Self.append(to: "kept", store).firstIndex == 300)
        try await store.close()
        disk.crash { $0.lowerBound }
        let again = try Self.open(disk, reserveByteCount: reserveByteCount)
        #expect(again.log.snapshot().index.topics["kept"]?.rowCount == 600)
        #expect(again.retention(of: "gone").byteCount == 1 << 30)
        try await again.close()
    }

    // The segment that the failed append closed held all of it, and was made anew for deletions alone.
    @Test("on a full disk what retention lets go makes room for records", arguments: [false, true])
    func retention(isReopened: Bool) async throws {
        let (first, disk) = try await Self.full(reserveByteCount: 64 << 10)
        var store = first
        try await store.setRetention(RetentionPolicy(byteCount: 1), of: "gone")
        if isReopened {
            try await store.close()
            store = try Self.open(disk, reserveByteCount: 64 << 10)
        }
        let before = disk.byteCount
        let report = try await store.compact()
        #expect(report.recordsLetGo == ["gone": 40 * 300] && report.problems == [])
        let log = store.log
        try await waitUntil { log.state == .serving }
        #expect(disk.byteCount < before + (64 << 10))
        #expect(try await Self.append(to: "kept", store).firstIndex == 300)
        try await store.close()
    }

    @Test("a store that is opened on a full disk with a reserve given up takes no records, and lets some go")
    func restart() async throws {
        let (store, disk) = try await Self.full(reserveByteCount: 64 << 10)
        try await store.setRetention(RetentionPolicy(byteCount: 1 << 30), of: "gone")
        try await store.close()
        let again = try Self.open(disk, reserveByteCount: 64 << 10)
        #expect(again.log.snapshot().index.topics["gone"]?.rowCount == 40 * 300)
        await #expect(throws: LogError.self) { try await Self.append(to: "kept", again) }
        _ = try await again.deleteRecords(ofTopic: "gone")
        try await waitUntil { again.log.state == .serving }
        try await Self.append(to: "kept", again)
        try await again.close()
    }

    /// A store on a full disk whose reserve is given up, and whose next deletion meets `plan`; the operations
    /// that took.
    private static func deleting(
        _ plan: (inout SimulatedFileSystem.FaultPlan, Int) -> Void
    ) async throws -> (InferenceStore, SimulatedFileSystem, operationCount: Int) {
        let (store, disk) = try await full(reserveByteCount: 8 << 10, batchCount: 4)
        let before = disk.operationCount
        var faults = SimulatedFileSystem.FaultPlan(capacity: disk.byteCount)
        plan(&faults, before)
        disk.setPlan(faults)
        do {
            try await store.setRetention(RetentionPolicy(byteCount: 1 << 30), of: "gone")
            #expect(disk.bytes(of: FileName.reserve) == nil, "it is given up")
            _ = try await store.deleteRecords(ofTopic: "gone")
            // What failed may be what would have made room.
            let end = faults.failAtOperation ?? .max
            try await waitUntil {
                store.log.state == .serving || disk.hasCrashed || disk.operationCount > end
            }
        } catch {}
        return (store, disk, disk.operationCount - before)
    }

    /// Operations from giving up the reserve until it is whole again. On a busy machine the clock tries many times in
    /// between to make it again, each with operations of its own, which are alike.
    private static func sweptCount() async throws -> Int {
        let (whole, _, count) = try await deleting { _, _ in }
        try await whole.close()
        #expect(count > 20)
        return min(count, 120)
    }

    @Test("whatever fails while room is freed, records are taken again once there is room")
    func failures() async throws {
        let count = try await Self.sweptCount()
        for number in 0..<count {
            let (store, disk, _) = try await Self.deleting { plan, before in
                plan.failAtOperation = before + number
            }
            disk.setPlan(SimulatedFileSystem.FaultPlan())
            _ = try await store.deleteRecords(ofTopic: "gone")
            try await waitUntil { store.log.state == .serving }
            #expect(
                try await Self.append(to: "kept", store).firstIndex == 300, "failed at \(number) of \(count)")
            try await store.close()
        }
    }

    @Test("wherever the power goes while room is freed, what is kept is there and records are taken again")
    func powerCuts() async throws {
        let count = try await Self.sweptCount()
        for number in 0..<count {
            for isKept in [false, true] {
                let (store, disk, _) = try await Self.deleting { plan, before in
                    plan.crashAtOperation = before + number
                }
                _ = try? await store.close()
                disk.crash { isKept ? $0.upperBound : $0.lowerBound }
                let again = try Self.open(disk, reserveByteCount: 8 << 10)
                let topics = again.log.snapshot().index.topics
                #expect(topics["kept"]?.rowCount == 300)
                #expect([nil, 0, 4 * 300].contains(topics["gone"]?.rowCount))
                _ = try await again.deleteRecords(ofTopic: "gone")
                try await waitUntil { again.log.state == .serving }
                #expect(disk.bytes(of: FileName.reserve)?.count == 8 << 10)
                #expect(
                    try await Self.append(to: "kept", again).firstIndex == 300, "cut at \(number) of \(count)"
                )
                try await again.close()
            }
        }
    }
}
