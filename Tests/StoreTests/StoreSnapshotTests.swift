// Invariants checked: those at the head of StoreSnapshot.swift, on a real directory and on one that loses power.

import Bytes
import Catalog
import Disk
import EventLog
import Foundation
import Records
import Segments
import Simulation
import StoreSupport
import Testing

@testable import Store

@Suite("Snapshots")
struct StoreSnapshotTests {
    @Test("a snapshot taken while others append holds what was acknowledged, and restores")
    func whileAppending() async throws {
        let scene = try await HousekeepingTests.filled()
        let topic = scene.pipeline.topic.name
        let outside = try TemporaryFolder()
        let (backup, restored) = (outside.path + "/backup", outside.path + "/restored")
        let before = scene.store.log.cut
        let appends = Task {
            for part in 0..<60 {
                _ = try await scene.store.append(
                    HousekeepingTests.batch(20_000 + part, count: 1), topic: topic, partition: "edge-2")
                if part % 20 == 10 { _ = try await scene.store.compact() }
            }
        }
        let report = try StoreSnapshot.take(of: scene.folder.path, to: backup)
        try await appends.value
        #expect(report.cut >= before && report.damages == [])
        let expected = try HousekeepingTests.numbers(scene.store.log.snapshot(), topic)
        try await scene.store.close()
        #expect(try StoreSnapshot.restore(from: backup, to: restored) == report)
        #expect(try StoreCheck.run(restored).findings == [])
        let store = try InferenceStore.open(StoreConfiguration(directory: restored)).store
        #expect(store.log.cut >= report.cut && store.catalog.pipelines.all.count == 1)
        let found = try HousekeepingTests.numbers(store.log.snapshot(), topic)
        #expect(found.times.count >= 1824 && found.times.allSatisfy(Set(expected.times).contains))
        _ = try await store.append(HousekeepingTests.batch(0, count: 1), topic: topic, partition: "engine")
        try await store.close()
    }

    @Test("damage inside the segment being written is told, and copied as it is; its end is none")
    func damageInsideActive() async throws {
        let scene = try await HousekeepingTests.filled()
        for part in 0..<4 {
            _ = try await scene.store.append(
                HousekeepingTests.batch(20_000 + part, count: 2), topic: scene.pipeline.topic.name,
                partition: "edge-2")
        }
        let outside = try TemporaryFolder()
        // As a kill leaves it.
        let (killed, backup) = (outside.path + "/killed", outside.path + "/backup")
        try FileManager.default.copyItem(atPath: scene.folder.path, toPath: killed)
        try await scene.store.close()
        let entry = try #require(
            try Manifest.read(LogConfiguration(), on: PosixFileSystem(root: killed))?.entries.last)
        #expect(entry.state == .active)
        #expect(try StoreView.segments(of: killed).allSatisfy { $0.damage == nil })
        let path = killed + "/" + FileName.segment(entry.number)
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        // The end of a footer that is just being written.
        try Data(bytes + [1, 2, 3]).write(to: URL(fileURLWithPath: path))
        #expect(try StoreView.segments(of: killed).allSatisfy { $0.damage == nil })
        var offsets: [Int] = []
        let segment = try SegmentFile(opening: entry.number, in: "", on: PosixFileSystem(root: killed))
        _ = try segment.scan { _, offset, _ in offsets.append(offset) }
        bytes[offsets[offsets.count - 3] + 40] ^= 1
        try Data(bytes).write(to: URL(fileURLWithPath: path))

        #expect(
            try StoreView.segments(of: killed).filter { $0.damage != nil }.map(\.number) == [entry.number])
        let report = try StoreSnapshot.take(of: killed, to: backup)
        #expect(report.damages.count == 1 && report.damages[0].contains(FileName.segment(entry.number)))
        let copied = [UInt8](
            try Data(contentsOf: URL(fileURLWithPath: backup + "/" + FileName.segment(entry.number))))
        #expect(copied == bytes)
        #expect(try StoreCheck.run(backup).findings.count == 1)
    }

    @Test("a copy inside what it is of, or around it, is refused by whatever name, and nothing is written")
    func nested() async throws {
        let scene = try await HousekeepingTests.filled()
        try await scene.store.close()
        let outside = try TemporaryFolder()
        let (data, link) = (scene.folder.path, outside.path + "/link")
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: data)
        let parent = String(data[..<(try #require(data.lastIndex(of: "/")))])
        for target in [
            data, data + "/backup", data + "/new/backup", link + "/backup",
            data + "/../" + data.dropFirst(parent.count + 1)
                + "/backup", parent,
        ] {
            let refusal = #expect(throws: StoreRefusal.self) { try StoreSnapshot.take(of: data, to: target) }
            #expect(refusal?.description.contains("inside the other") == true, "\(target)")
        }
        #expect(throws: StoreRefusal.self) { try StoreSnapshot.take(of: link, to: data + "/backup") }
        #expect(!FileManager.default.fileExists(atPath: data + "/backup"))
        #expect(!FileManager.default.fileExists(atPath: data + "/new"))
        // A name that begins like the other's is beside it.
        let beside = outside.path + "/backup"
        _ = try StoreSnapshot.take(of: data, to: beside)
        _ = try StoreSnapshot.restore(from: beside, to: beside + "-restored")
        let refusal = #expect(throws: StoreRefusal.self) {
            try StoreSnapshot.restore(from: beside, to: beside + "/restored")
        }
        #expect(refusal?.description.contains("inside the other") == true)
    }

    // Both were among its files, or not, without a word.
    @Test(
        "models that are missing or not what their names say are damages of a snapshot and of what it restores to"
    )
    func models() async throws {
        let scene = try await HousekeepingTests.filled()
        var hashes: [String] = []
        for number in 0..<3 {
            let kept = try ModelFilesTests.keep(
                [1, 2, 3, UInt8(number)], scene.store.models, uuid: "\(number)")
            hashes.append(kept)
            try await scene.store.change { catalog in
                [
                    try catalog.addModelVersion(
                        name: "m", in: WorkspaceID(1), version: scene.clock.sources.uuid(),
                        contents: ModelContents(
                            sha256: kept, fileName: "m.onnx", byteCount: 4, framework: "onnx"),
                        createdBy: "ann", at: scene.clock.now)
                ]
            }
        }
        try await scene.store.close()
        let whole = try TemporaryFolder()
        #expect(try StoreSnapshot.take(of: scene.folder.path, to: whole.path).damages == [])
        try scene.folder.remove("models/" + hashes[0])
        try Data([9]).write(to: URL(fileURLWithPath: scene.folder.path + "/models/" + hashes[1]))
        let backup = try TemporaryFolder()
        let taken = try StoreSnapshot.take(of: scene.folder.path, to: backup.path)
        #expect(
            taken.damages == [
                "models/\(hashes[1]) holds other bytes than its name says: their hash is \(SHA256.hexDigest([9]))",
                "models/\(hashes[0]) is missing, and the catalogue has a model of it",
            ])
        // What there is of it is in the copy, and is restored.
        let restored = try TemporaryFolder()
        #expect(try StoreSnapshot.restore(from: backup.path, to: restored.path) == taken)
        #expect(restored.names(in: "models") == hashes[1...].sorted())
        #expect(try StoreSnapshot.restore(from: whole.path, to: restored.path + "/whole").damages == [])
    }

    @Test("a snapshot that is opened for writing is a data directory, and no snapshot any more")
    func opened() async throws {
        let scene = try await HousekeepingTests.filled()
        try await scene.store.close()
        let backup = try TemporaryFolder()
        let taken = try StoreSnapshot.take(of: scene.folder.path, to: backup.path)
        // Looking does nothing to it.
        _ = try StoreView.open(backup.path)
        #expect(try StoreSnapshot.restore(from: backup.path, to: scene.folder.path + "/first") == taken)
        // Nor does an opening that is refused.
        let damaged = try backup.copy()
        var manifest = try #require(FileManager.default.contents(atPath: damaged.path + "/MANIFEST"))
        manifest[manifest.count / 2] ^= 4
        try manifest.write(to: URL(fileURLWithPath: damaged.path + "/MANIFEST"))
        #expect(throws: (any Error).self) {
            try InferenceStore.open(StoreConfiguration(directory: damaged.path))
        }
        #expect(FileManager.default.fileExists(atPath: damaged.path + "/SNAPSHOT"))
        // A reader passes over such a segment as one that is not seen.
        let newer = try backup.copy()
        for name in newer.names(in: "") where FileName.segmentNumber(name) != nil {
            let url = URL(fileURLWithPath: newer.path + "/" + name)
            var bytes = Array(try Data(contentsOf: url))
            bytes[8] = 2
            let checksum = Checksum.crc32c(Array(bytes[..<28]))
            for place in 0..<4 { bytes[28 + place] = UInt8(truncatingIfNeeded: checksum >> (8 * place)) }
            try Data(bytes).write(to: url)
        }
        let versionError = #expect(throws: LogError.self) { try InferenceStore.open(newer.configuration()) }
        guard case .segment(.unsupportedVersion) = versionError else {
            Issue.record("\(String(describing: versionError))")
            return
        }
        #expect(FileManager.default.fileExists(atPath: newer.path + "/SNAPSHOT"))
        // The log opens, the results beside it do not.
        let results = try backup.copy()
        try FileManager.default.createDirectory(
            atPath: results.path + "/derived", withIntermediateDirectories: true)
        try manifest.write(to: URL(fileURLWithPath: results.path + "/derived/MANIFEST"))
        #expect(throws: LogError.self) { try InferenceStore.open(results.configuration()) }
        #expect(FileManager.default.fileExists(atPath: results.path + "/SNAPSHOT"))
        let (store, report) = try InferenceStore.open(StoreConfiguration(directory: backup.path))
        #expect(report.log.repairs.contains { $0.hasPrefix("SNAPSHOT is removed") })
        _ = try await store.append(
            HousekeepingTests.batch(0, count: 1), topic: scene.pipeline.topic.name, partition: "engine")
        try await store.close()
        let refusal = #expect(throws: StoreRefusal.self) {
            try StoreSnapshot.restore(from: backup.path, to: scene.folder.path + "/second")
        }
        #expect(refusal?.description.contains("take a new snapshot of it") == true)
        let (again, quiet) = try InferenceStore.open(StoreConfiguration(directory: backup.path))
        #expect(!quiet.log.repairs.contains { $0.hasPrefix("SNAPSHOT") })
        try await again.close()
        _ = try StoreSnapshot.take(of: backup.path, to: scene.folder.path + "/third")
        #expect(
            try StoreSnapshot.restore(
                from: scene.folder.path + "/third", to: scene.folder.path + "/second"
            ).damages == [])
    }

    @Test("a snapshot whose events this build does not know stays one when it is to be opened for writing")
    func unknownEvents() async throws {
        let scene = try await HousekeepingTests.filled()
        _ = try await scene.store.log.append([.event(Event(name: "catalog", document: Array("{}".utf8)))])
        try await scene.store.close()
        let backup = try TemporaryFolder()
        _ = try StoreSnapshot.take(of: scene.folder.path, to: backup.path)
        #expect(throws: (any Error).self) { try InferenceStore.open(backup.configuration()) }
        #expect(FileManager.default.fileExists(atPath: backup.path + "/SNAPSHOT"))
    }

    // Whether it is a snapshot is asked first, by the name of its list.
    @Test("a data directory that is a file is refused by its own name")
    func noDirectory() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/records.csv"
        _ = FileManager.default.createFile(atPath: path, contents: Data([1]))
        var configuration = folder.configuration()
        configuration.directory = path
        let error = #expect(throws: (any Error).self) { try InferenceStore.open(configuration) }
        let said = error.map { "\($0)" } ?? ""
        #expect(said.contains(path) && !said.contains(FileName.snapshotList), "\(said)")
    }

    @Test("the mark of a snapshot is gone for good before anything is written into it")
    func openedWithoutPower() throws {
        let files = SimulatedFileSystem()
        try files.createDirectory("")
        #expect(try !StoreSnapshot.removeList(on: files))
        let file = try files.create(FileName.snapshotList)
        try file.append([1])
        try file.sync()
        try files.syncDirectory("")
        #expect(try StoreSnapshot.removeList(on: files))
        files.crash { $0.lowerBound }
        #expect(try !files.list("").contains(FileName.snapshotList))
    }

    @Test("what is damaged, cut, foreign or not empty is refused, and nothing is written")
    func refusals() async throws {
        let scene = try await HousekeepingTests.filled()
        try await scene.store.close()
        let backup = try TemporaryFolder()
        _ = try StoreSnapshot.take(of: scene.folder.path, to: backup.path)
        #expect(throws: StoreRefusal.self) { try StoreSnapshot.take(of: scene.folder.path, to: backup.path) }
        #expect(throws: StoreRefusal.self) {
            try StoreSnapshot.restore(from: backup.path, to: scene.folder.path)
        }
        let target = scene.folder.path + "/restored"
        for name in [FileName.segment(1), FileName.manifest, FileName.snapshotList] {
            let copy = try backup.copy()
            let path = copy.path + "/" + name
            var bytes = try #require(FileManager.default.contents(atPath: path))
            bytes[bytes.count / 2] ^= 4
            try bytes.write(to: URL(fileURLWithPath: path))
            #expect(throws: StoreRefusal.self, "\(name)") {
                try StoreSnapshot.restore(from: copy.path, to: target)
            }
            #expect(!FileManager.default.fileExists(atPath: target))
        }
        var list = String(
            decoding: try #require(FileManager.default.contents(atPath: backup.path + "/SNAPSHOT")),
            as: UTF8.self)
        let line = try #require(list.split(separator: "\n").first { $0.hasSuffix(" MANIFEST") })
        list = list.split(separator: "\n").dropLast().joined(separator: "\n").replacing(
            line, with: "file \(1 << 40) 0 MANIFEST")
        let vast = try backup.copy()
        list += "\n"
        try Data((list + "end \(String(Checksum.crc32c(Array(list.utf8)), radix: 16))\n").utf8).write(
            to: URL(fileURLWithPath: vast.path + "/SNAPSHOT"))
        let vastRefusal = #expect(throws: StoreRefusal.self) {
            try StoreSnapshot.restore(from: vast.path, to: target)
        }
        #expect(
            vastRefusal?.description.contains("names a MANIFEST of 1099511627776 bytes, which is none")
                == true)
        let copy = try backup.copy()
        try Data("assaylog snapshot 3\n".utf8).write(to: URL(fileURLWithPath: copy.path + "/SNAPSHOT"))
        let refusal = #expect(throws: StoreRefusal.self) {
            try StoreSnapshot.restore(from: copy.path, to: target)
        }
        #expect(refusal?.description.contains("version 3; this build reads versions 1 and 2") == true)
    }

    @Test(
        "with the power cut at any operation a snapshot is whole or refused, and a restored log is whole or not one"
    )
    func crashes() async throws {
        let scene = try await HousekeepingTests.filled()
        try await scene.store.close()
        let source = PosixFileSystem(root: scene.folder.path)
        let whole = SimulatedFileSystem()
        let report = try StoreSnapshot.take(of: source, to: whole)
        var operation = 0
        while true {
            let disk = SimulatedFileSystem()
            let plan = SimulatedFileSystem.FaultPlan(crashAtOperation: operation)
            disk.setPlan(plan)
            let taken = try? StoreSnapshot.take(of: source, to: disk)
            if taken == nil || disk.hasCrashed {
                disk.crash { operation % 2 == 0 ? $0.lowerBound : $0.upperBound }
                let restored = SimulatedFileSystem()
                if let found = try? StoreSnapshot.restore(from: disk, to: restored) {
                    #expect(found == report, "operation \(operation)")
                }
            }
            let target = SimulatedFileSystem()
            target.setPlan(plan)
            let done = try? StoreSnapshot.restore(from: whole, to: target)
            if done == nil || target.hasCrashed {
                target.crash { operation % 2 == 0 ? $0.lowerBound : $0.upperBound }
                if try target.list("").contains(FileName.manifest) {
                    let log = try InferenceLog.openForReading(on: target)
                    #expect(
                        log.report.damages == [] && log.snapshot.cut == report.cut, "operation \(operation)")
                }
            }
            if taken != nil, done != nil { break }
            operation += 1
        }
        #expect(operation > 5)
    }
}
