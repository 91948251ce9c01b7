// Invariant checked: the third at the head of StoreRebuild.swift, with the power cut at every operation, with every
// operation failing once, and on a disk that is full from each on. And that the alarm rings: where the old results
// go first, as they once did, it must.

import Disk
import EventLog
import Simulation
import TestSupport
import Testing

@testable import Store

@Suite("Deriving anew, cut off")
struct RebuildCrashTests {
    enum Fault: CaseIterable { case cut, failure, full }

    /// A data directory, what people were told, and what is derived of it.
    private struct History: Sendable {
        let disk: SimulatedFileSystem
        let sources: SystemSources
        /// Results of another engine.
        let others: [(number: Int, document: [UInt8])]
        /// Those of this engine: as they are kept, which is no result, and as they are derived.
        let before: [Int: [UInt8]]
        let after: [Int: [UInt8]]

        static func make() async throws -> History {
            let disk = SimulatedFileSystem()
            let (scene, others) = try await RebuildTests.history(60, on: disk)
            // The first of each generation.
            let numbers = [1, 2]
            let before = Dictionary(uniqueKeysWithValues: numbers.map { ($0, Array("old \($0)".utf8)) })
            try await scene.store.keep(before.map { ($0.key, $0.value) })
            try await scene.store.close()
            let history = History(
                disk: disk.copy(of: ""), sources: scene.clock.sources, others: others, before: before,
                after: [:])
            let rebuilt = disk.copy(of: "")
            let report = try history.rebuild(rebuilt)
            #expect(
                report.carriedOverCount == others.count && report.failureCount == 0 && report.lostCount == 0)
            let view = try history.view(rebuilt)
            let derived = try #require(view.derived)
            var after: [Int: [UInt8]] = [:]
            for number in numbers { after[number] = view.places.derived.document(number, in: derived) }
            #expect(after.count == 2 && after != before)
            return History(
                disk: history.disk, sources: history.sources, others: others, before: before, after: after)
        }

        @discardableResult
        func rebuild(_ files: any FileSystem) throws -> RebuildReport {
            var configuration = StoreConfiguration(directory: "/nowhere")
            configuration.log.segmentByteCountMax = 800
            return try InferenceStore.rebuild(configuration, on: files, sources: sources, atOnce: 120)
        }

        func view(_ files: any FileSystem) throws -> StoreView {
            try StoreView.open(on: files, named: "it", sources: sources).view
        }

        /// What is wrong with the results that are kept, in a sentence; nil where nothing is.
        func violation(_ files: any FileSystem, isDone: Bool) throws -> String? {
            let view = try view(files)
            guard let derived = view.derived else { return "nothing that is derived can be read" }
            let lost = others.filter { view.places.derived.document($0.number, in: derived) != $0.document }
            guard lost.isEmpty else { return "results \(lost.map(\.number)) of another engine are lost" }
            let found = before.keys.reduce(into: [Int: [UInt8]]()) { found, number in
                found[number] = view.places.derived.document(number, in: derived)
            }
            if isDone { return found == after ? nil : "it returned, and not all is derived" }
            return found == before || found == after ? nil : "results are neither the old nor the new ones"
        }
    }

    private static func writerOpens(_ disk: SimulatedFileSystem) throws {
        var configuration = LogConfiguration()
        configuration.directory = FileName.derivedDirectory
        _ = try InferenceLog.openWriter(configuration, on: disk)
    }

    /// Rebuilds with one fault, then a power cut, then again.
    /// - Returns: broken promises; nil where there was no such operation.
    private static func run(
        _ history: History, _ fault: Fault, _ operation: Int,
        through plant: (SimulatedFileSystem) -> any FileSystem = { $0 }
    ) throws -> [String]? {
        let disk = history.disk.copy(of: "")
        var plan = SimulatedFileSystem.FaultPlan()
        switch fault {
        case .cut: plan.crashAtOperation = operation
        case .failure:
            plan.failAtOperation = operation
            plan.failureKind = operation % 2 == 0 ? .outOfSpace : .other
        case .full:
            let names = ["", FileName.derivedDirectory, FileName.modelDirectory].flatMap { directory in
                ((try? disk.list(directory)) ?? []).map { directory.isEmpty ? $0 : directory + "/" + $0 }
            }
            plan.capacity = names.reduce(0) { $0 + (disk.bytes(of: $1)?.count ?? 0) } + operation * 40
        }
        disk.setPlan(plan)
        let isDone = (try? history.rebuild(plant(disk))) != nil
        let wasHit =
            switch fault {
            case .cut: disk.hasCrashed
            case .failure: disk.failureCount > 0
            case .full: !isDone
            }
        guard wasHit else { return nil }
        var violations: [String] = []
        func check(_ moment: String, isDone: Bool) throws {
            if let violation = try history.violation(disk, isDone: isDone) {
                violations.append("\(moment): \(violation)")
            }
        }
        if fault != .cut { try check("behind the fault", isDone: isDone) }
        disk.crash(after: operation)
        try check("after the cut", isDone: isDone)
        if operation % 2 == 0 {
            try writerOpens(disk)
            try check("opened by a writer", isDone: isDone)
        }
        try history.rebuild(disk)
        try check("rebuilt again", isDone: true)
        return violations
    }

    @Test(
        "results of another engine are there and all others whole, wherever rebuilding ends",
        arguments: Fault.allCases)
    func everywhere(fault: Fault) async throws {
        let history = try await History.make()
        var operation = 0
        while let violations = try Self.run(history, fault, operation) {
            #expect(violations.isEmpty, "\(fault) \(operation): \(violations)")
            operation += 1
        }
        #expect(operation > 20, "it is long enough to mean something")
    }

    @Test("old results that go first are found out", arguments: Fault.allCases)
    func plantedBug(fault: Fault) async throws {
        let history = try await History.make()
        var (operation, found) = (0, [String]())
        while found.isEmpty {
            let violations = try Self.run(history, fault, operation) { disk in
                WatchedFiles(disk) { name, call in
                    guard call == .create, name.hasPrefix(FileName.derivedDirectory + "/segment-")
                    else { return }
                    var configuration = LogConfiguration()
                    configuration.directory = FileName.derivedDirectory
                    guard var manifest = try? Manifest.read(configuration, on: disk) else { return }
                    manifest.entries = []
                    try? manifest.replace(configuration, on: disk)
                }
            }
            guard let violations else { break }
            found = violations
            operation += 1
        }
        #expect(found.first?.contains("of another engine are lost") == true, "\(found)")
    }
}
