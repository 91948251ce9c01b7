// Invariants checked: a data directory that was begun and not finished, for want of room, a failure or a power cut,
// is gone on with by the next opening; and a refusal for want of room says where and how much (InferenceStore.swift).
//
//     nothing ──► opened with little room, or a fault ──► refused, or a store ──► room ──► opened, used, closed

import Disk
import EventLog
import Simulation
import Testing

@testable import Store

@Suite struct FirstStartTests {
    private static let reserveByteCount = 200

    /// Without attempts by the clock, which would hold the lock of a store that was let go in the midst of one.
    private static func open(_ disk: SimulatedFileSystem) throws -> InferenceStore {
        var configuration = StoreConfiguration(directory: "/nowhere")
        configuration.log.reserveByteCount = reserveByteCount
        configuration.log.recoveryIntervalMilliseconds = 3_600_000
        return try InferenceStore.open(configuration, on: disk).store
    }

    /// Opens a store where there is none, and lets it go as a killed process does.
    ///
    /// - Returns: why it does not open.
    private static func begin(on disk: SimulatedFileSystem) throws -> StoreRefusal? {
        do { _ = try open(disk) } catch let refusal as StoreRefusal { return refusal }
        return nil
    }

    /// With a whole disk, what was begun is a store like any other.
    private static func goOn(_ disk: SimulatedFileSystem, _ moment: String) async throws {
        let store: InferenceStore
        do { store = try open(disk) } catch {
            Issue.record("\(moment): the next opening is refused: \(error)")
            return
        }
        #expect(store.log.state == .serving, "\(moment)")
        #expect(disk.bytes(of: FileName.reserve)?.count == reserveByteCount, "\(moment)")
        #expect(try await FullDiskStoreTests.append(to: "kept", store).firstIndex == 0, "\(moment)")
        try await store.close()
        disk.crash { $0.lowerBound }
        let again = try open(disk)
        #expect(again.log.snapshot().index.topics["kept"]?.rowCount == 300, "\(moment)")
        try await again.close()
    }

    @Test("with whatever room, a first start opens or says where there is none and how much it takes")
    func rooms() async throws {
        var (room, refusedCount, readOnlyCount) = (0, 0, 0)
        while true {
            let disk = SimulatedFileSystem()
            disk.setPlan(SimulatedFileSystem.FaultPlan(capacity: room))
            let isReadOnly: Bool
            do {
                let store = try Self.open(disk)
                isReadOnly = store.log.state != .serving
                if isReadOnly { readOnlyCount += 1 }
            } catch let refusal as StoreRefusal {
                isReadOnly = true
                refusedCount += 1
                #expect(refusal.kind == .unavailable)
                let needed = Self.reserveByteCount + StoreConfiguration.beginningByteCount
                for part in ["/nowhere", "no space left on the disk", "free at least \(needed) bytes"] {
                    #expect(refusal.description.contains(part), "\(refusal)")
                }
            }
            disk.setPlan(SimulatedFileSystem.FaultPlan())
            try await Self.goOn(disk, "\(room) bytes of room")
            if !isReadOnly { break }
            room += 1
        }
        #expect(refusedCount > 40 && readOnlyCount > 0, "\(refusedCount), \(readOnlyCount)")
        #expect(room <= StoreConfiguration.beginningByteCount + Self.reserveByteCount)
    }

    @Test(
        "whichever operation of a first start fails, the next start opens",
        arguments: [DiskError.Kind.outOfSpace, .other])
    func failures(kind: DiskError.Kind) async throws {
        var operation = 0
        while true {
            let disk = SimulatedFileSystem(hasRoot: false)
            disk.setPlan(SimulatedFileSystem.FaultPlan(failAtOperation: operation, failureKind: kind))
            do {
                let refusal = try Self.begin(on: disk)
                #expect(refusal == nil || kind == .outOfSpace, "\(refusal!)")
            } catch { #expect(kind == .other, "\(error)") }
            guard disk.failureCount > 0 else { break }
            disk.setPlan(SimulatedFileSystem.FaultPlan())
            try await Self.goOn(disk, "operation \(operation) failed")
            operation += 1
        }
        #expect(operation > 12, "two manifests, four directories and a reserve: \(operation)")
    }

    @Test("wherever the power goes in a first start, the next start opens", arguments: [false, true])
    func powerCuts(isKept: Bool) async throws {
        var operation = 0
        while true {
            let disk = SimulatedFileSystem(hasRoot: false)
            disk.setPlan(SimulatedFileSystem.FaultPlan(crashAtOperation: operation))
            _ = try? Self.open(disk)
            guard disk.hasCrashed else { break }
            disk.crash { isKept ? $0.upperBound : $0.lowerBound }
            try await Self.goOn(disk, "cut at operation \(operation)")
            operation += 1
        }
        #expect(operation > 12, "\(operation)")
    }
}
