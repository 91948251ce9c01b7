// Invariants checked: those at the heads of StoreCheck.swift, StoreCheck+Segments.swift and StoreCheck+Numbers.swift.

import Bytes
import Catalog
import Disk
import EventLog
import Foundation
import JSON
import Records
import Segments
import TestSupport
import Testing

@testable import Store

/// A file system that reads one byte of one file wrong, as a worn disk does.
private struct WornFileSystem: FileSystem {
    let base: PosixFileSystem
    let file: String
    let offset: Int
    let mask: UInt8

    func createDirectory(_ name: String) throws(DiskError) { try base.createDirectory(name) }
    func list(_ directory: String) throws(DiskError) -> [String] { try base.list(directory) }
    func create(_ name: String) throws(DiskError) -> any WritableFile { try base.create(name) }
    func open(_ name: String) throws(DiskError) -> any ReadableFile {
        let found = try base.open(name)
        return name == file ? WornFile(base: found, offset: offset, mask: mask) : found
    }
    func rename(_ name: String, to newName: String) throws(DiskError) { try base.rename(name, to: newName) }
    func remove(_ name: String) throws(DiskError) { try base.remove(name) }
    func syncDirectory(_ directory: String) throws(DiskError) { try base.syncDirectory(directory) }
    func lock(_ name: String) throws(DiskError) -> any Sendable { try base.lock(name) }
}

private struct WornFile: ReadableFile {
    let base: any ReadableFile
    let offset: Int
    let mask: UInt8

    var byteCount: Int { get throws(DiskError) { try base.byteCount } }
    func settle() throws(DiskError) { try base.settle() }

    func read(at start: Int, into buffer: UnsafeMutableRawBufferPointer) throws(DiskError) {
        try base.read(at: start, into: buffer)
        if (start..<start + buffer.count).contains(offset) { buffer[offset - start] ^= mask }
    }
}

/// A directory with everything in it: column blocks, small ones, rolled ones, events.
private final class Directory {
    let path = NSTemporaryDirectory() + "assaylog-check-" + UUID().uuidString
    let segment = FileName.segment(1)

    deinit { try? FileManager.default.removeItem(atPath: path) }

    static func batch(_ times: Range<Int64>) -> RecordBatch {
        RecordBatch(
            times: Array(times),
            fields: [
                FieldColumn(name: "in.x", values: .scalar(Leaf(.float64(times.map { Double($0) / 3 })))),
                FieldColumn(
                    name: "in.name", values: .scalar(Leaf(.text(TextColumn(times.map { "n\($0 % 3)" }))))),
            ])
    }

    func fill(seals: Bool = true) async throws {
        let (store, _) = try InferenceStore.open(StoreConfiguration(directory: path))
        try await store.change {
            [try $0.createWorkspace(name: "w", createdBy: "", at: Timestamp(microseconds: 0))]
        }
        _ = try await store.append(Directory.batch(0..<300), topic: "t", partition: "p")
        _ = try await store.append(Directory.batch(300..<303), topic: "t", partition: "p")
        _ = try await store.append(Directory.batch(303..<304), topic: "t", partition: "q")
        _ = try await store.append(Directory.batch(300..<900), topic: "t", partition: "p")
        if seals { try await store.close() }
    }

    func check(_ offset: Int, mask: UInt8 = 1, of file: String? = nil) throws -> StoreCheck {
        try StoreCheck.run(
            on: WornFileSystem(
                base: PosixFileSystem(root: path), file: file ?? segment, offset: offset, mask: mask))
    }
}

@Suite struct StoreCheckTests {
    @Test("a whole directory has no findings, sealed or as a crash leaves it")
    func whole() async throws {
        for seals in [true, false] {
            let directory = Directory()
            try await directory.fill(seals: seals)
            let check = try StoreCheck.run(directory.path)
            #expect(check.findings == [])
            #expect(check.recordCount == 904)
            #expect(check.eventCount == 1)
            #expect(check.segmentCount == 1)
        }
    }

    @Test("of a segment or a manifest of another version, the build that wrote it is the remedy")
    func otherVersion() async throws {
        for name in [FileName.segment(1), FileName.manifest] {
            let directory = Directory()
            try await directory.fill()
            let damage = try directory.check(40)
            #expect(damage.remedy?.hasPrefix("restore the named files from a backup") == true)
            let url = URL(fileURLWithPath: directory.path + "/" + name)
            var bytes = Array(try Data(contentsOf: url))
            bytes[8] = 2
            // The version of a manifest stands where it is, whatever follows it.
            if name != FileName.manifest {
                let checksum = Checksum.crc32c(Array(bytes[..<28]))
                for place in 0..<4 { bytes[28 + place] = UInt8(truncatingIfNeeded: checksum >> (8 * place)) }
            }
            try Data(bytes).write(to: url)
            let check = try StoreCheck.run(directory.path)
            let finding = try #require(check.findings.first)
            #expect(check.findings.count == 1 && finding.file == name && finding.isOfOtherVersion)
            #expect(check.remedy?.hasPrefix("use the build of assaylog that wrote the files") == true)
        }
    }

    @Test(
        "of results whose manifest is missing or damaged, a check and an opening name what makes them again",
        arguments: [true, false])
    func derivedManifest(isMissing: Bool) async throws {
        let directory = Directory()
        try await directory.fill()
        let configuration = StoreConfiguration(directory: directory.path)
        let store = try InferenceStore.open(configuration).store
        try await store.keep([(1, Array("{}".utf8))])
        try await store.close()
        let url = URL(fileURLWithPath: directory.path + "/derived/MANIFEST")
        if isMissing {
            try FileManager.default.removeItem(at: url)
        } else {
            var bytes = Array(try Data(contentsOf: url))
            bytes[bytes.count / 2] ^= 1
            try Data(bytes).write(to: url)
        }
        let check = try StoreCheck.run(directory.path)
        #expect(check.findings.map(\.file) == ["derived/MANIFEST"])
        #expect(check.remedy?.hasPrefix("run `assaylog rebuild`") == true)
        do {
            _ = try InferenceStore.open(configuration)
            Issue.record("it opened")
        } catch { #expect("\(error)".contains("`assaylog rebuild` makes again")) }
        _ = try InferenceStore.rebuild(configuration)
        #expect(try StoreCheck.run(directory.path).findings == [])
        try await InferenceStore.open(configuration).store.close()
    }

    @Test("every byte of a segment, flipped, is found in its file")
    func everyByte() async throws {
        let directory = Directory()
        try await directory.fill()
        let byteCount = try PosixFileSystem(root: directory.path).open(directory.segment).byteCount
        for offset in 0..<byteCount {
            let check = try directory.check(offset, mask: 1 << UInt8(offset % 8))
            #expect(!check.findings.isEmpty, "byte \(offset) of \(byteCount)")
            #expect(check.findings.allSatisfy { $0.file == directory.segment })
        }
    }

    @Test("a flipped byte in a column is found at the column, and nothing behind it is called wrong")
    func column() async throws {
        let directory = Directory()
        try await directory.fill()
        let (view, _) = try StoreView.open(directory.path)
        let block = try #require(view.snapshot.index.topics["t"]?.segments.first?.blocks.first)
        let place = block.offset + block.headByteCount + 1
        let check = try directory.check(place)
        #expect(check.findings.count == 2)
        #expect(check.findings.last?.byteOffset == block.offset + block.headByteCount)
        #expect(check.findings.last?.problem.contains("checksum") == true)
    }

    @Test("every byte of the manifest, flipped, is found")
    func manifest() async throws {
        let directory = Directory()
        try await directory.fill()
        let byteCount = try PosixFileSystem(root: directory.path).open(FileName.manifest).byteCount
        for offset in 0..<byteCount {
            #expect(try !directory.check(offset, of: FileName.manifest).findings.isEmpty, "byte \(offset)")
        }
    }

    @Test("a missing or short segment is found, a torn tail is no fault")
    func ends() async throws {
        let directory = Directory()
        try await directory.fill()
        let path = directory.path + "/" + directory.segment
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        bytes.removeLast(30)
        try bytes.write(to: URL(fileURLWithPath: path))
        #expect(try !StoreCheck.run(directory.path).findings.isEmpty)
        try FileManager.default.removeItem(atPath: path)
        #expect(try StoreCheck.run(directory.path).findings.first?.file == directory.segment)

        let torn = Directory()
        try await torn.fill(seals: false)
        let tornPath = torn.path + "/" + torn.segment
        var tail = try Data(contentsOf: URL(fileURLWithPath: tornPath))
        tail += Data(repeating: 7, count: 100)
        try tail.write(to: URL(fileURLWithPath: tornPath))
        let check = try StoreCheck.run(torn.path)
        #expect(check.findings == [])
        #expect(check.notes.count == 1)
    }

    @Test("a model that is not what its name says is found")
    func models() async throws {
        let directory = Directory()
        try await directory.fill()
        let name = String(repeating: "a", count: 64)
        try Data("bytes".utf8).write(to: URL(fileURLWithPath: directory.path + "/models/" + name))
        let check = try StoreCheck.run(directory.path)
        #expect(check.findings.map(\.file) == ["models/" + name])
        #expect(check.modelCount == 1)
    }

    // A note or a file system's own folder made a whole directory a damaged one.
    @Test("what is no model's name among the models is noted and not judged, as it is not served or copied")
    func noModels() async throws {
        let directory = Directory()
        try await directory.fill()
        let models = URL(fileURLWithPath: directory.path + "/models")
        try Data("bytes".utf8).write(to: models.appendingPathComponent("notes.txt"))
        try FileManager.default.createDirectory(
            at: models.appendingPathComponent("lost+found"), withIntermediateDirectories: false)
        let check = try StoreCheck.run(directory.path)
        #expect(check.findings == [] && check.modelCount == 0)
        #expect(
            check.notes.filter { $0.hasPrefix("models/") } == [
                "models/lost+found is none of the store's, which passes over it",
                "models/notes.txt is none of the store's, which passes over it",
            ])
    }
}

extension StoreCheckTests {
    // The check said of a healthy directory that its records never became columns.
    @Test("records that retention let go while they waited in memory are not missed", arguments: [1, 2])
    func letGoWaiting(keptCount: Int) async throws {
        let scene = try await Scene()
        let topic = scene.pipeline.topic.name
        try await scene.append([(10, 1), (20, 2)])
        for number in 1..<keptCount { try await scene.append([(50_000 + Double(number), 3)]) }
        scene.clock.set(moment(50_010))
        try await scene.store.setRetention(
            RetentionPolicy(age: TimeSpan(microseconds: 1_000_000_000)), of: topic)
        #expect(try await scene.store.applyRetention().recordCounts == [topic: 2])
        let again = try await scene.restarted()
        #expect(try StoreCheck.run(again.folder.path).findings == [])
        try await again.store.close()
    }
}
