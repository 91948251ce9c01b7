// Invariants checked: the first at the head of InferenceStore+Import.swift, with the power cut at every
// operation of an import, which then goes on as `append --resume` does: behind the last mark of its file. And the
// second at the head of KeyMemory.swift, with an import that goes on as `append --server` does: from its
// beginning, each part under its key. And that the alarm rings: with marks or keys that are not in their
// records' commit it must.

import Bytes
import Disk
import EventLog
import Records
import Simulation
import Synchronization
import TestSupport
import Testing

@testable import Store

/// The files of one process: when it is dead, none of its threads reaches the disk any more.
private final class ProcessFiles: FileSystem {
    let base: SimulatedFileSystem
    private let isDead = Mutex(false)

    init(_ base: SimulatedFileSystem) { self.base = base }

    func die() { isDead.withLock { $0 = true } }

    fileprivate func check() throws(DiskError) {
        guard isDead.withLock({ $0 }) else { return }
        throw DiskError(kind: .other, operation: "any", file: "", reason: "the process is dead")
    }

    private struct Written: WritableFile {
        let base: any WritableFile
        let process: ProcessFiles
        func append(_ bytes: UnsafeRawBufferPointer) throws(DiskError) {
            try process.check()
            try base.append(bytes)
        }
        func sync() throws(DiskError) {
            try process.check()
            try base.sync()
        }
    }

    func createDirectory(_ name: String) throws(DiskError) {
        try check()
        try base.createDirectory(name)
    }
    func list(_ directory: String) throws(DiskError) -> [String] { try base.list(directory) }
    func create(_ name: String) throws(DiskError) -> any WritableFile {
        try check()
        return Written(base: try base.create(name), process: self)
    }
    func open(_ name: String) throws(DiskError) -> any ReadableFile { try base.open(name) }
    func rename(_ name: String, to newName: String) throws(DiskError) {
        try check()
        try base.rename(name, to: newName)
    }
    func remove(_ name: String) throws(DiskError) {
        try check()
        try base.remove(name)
    }
    func syncDirectory(_ directory: String) throws(DiskError) {
        try check()
        try base.syncDirectory(directory)
    }
    func lock(_ name: String) throws(DiskError) -> any Sendable { try base.lock(name) }
}

/// A file of records, each a line, and its import in parts.
private struct FileImport {
    static let rowCount = 47
    static let (topic, partition) = ("risk/fraud", "import")
    let lines = (0..<rowCount).map { Array("record \($0 * $0)\n".utf8) }
    /// The bug: a mark is a commit of its own, before its records or behind them; nil for no bug.
    var marksComeFirst: Bool?

    private var bytes: [UInt8] { lines.flatMap { $0 } }

    private func digest(upTo byteCount: Int) -> String {
        ImportMark.digest(upTo: byteCount) { Array(bytes[$0..<$0 + $1]) }
    }

    /// The last mark of this file; nil for none.
    func mark(_ store: InferenceStore) throws -> ImportMark? {
        store.view.importMarks(topic: Self.topic, partition: Self.partition).marks
            .first { $0.byteCount <= bytes.count && $0.digest == digest(upTo: $0.byteCount) }
    }

    /// Appends what is behind the last mark.
    func goOn(_ store: InferenceStore) async throws {
        var mark =
            try mark(store)
            ?? ImportMark(
                topic: Self.topic, partition: Self.partition, path: "/records", byteCount: 0, rowCount: 0,
                digest: "", at: moment(0))
        // Small parts and ones that are a block.
        var count = 3
        while mark.rowCount < lines.count {
            let rows = mark.rowCount..<min(lines.count, mark.rowCount + count)
            let batch = HousekeepingTests.batch(rows.lowerBound, count: rows.count)
            mark.byteCount += lines[rows].reduce(0) { $0 + $1.count }
            mark.rowCount = rows.upperBound
            mark.digest = digest(upTo: mark.byteCount)
            if let marksComeFirst {
                if marksComeFirst { _ = try await store.log.append([.event(mark.event)]) }
                _ = try await store.append(batch, topic: Self.topic, partition: Self.partition)
                if !marksComeFirst { _ = try await store.log.append([.event(mark.event)]) }
            } else {
                _ = try await store.append(batch, mark: mark)
            }
            count += 2
        }
    }

    /// Sends all parts from the first on, each once.
    ///
    /// - Parameter keysAreKept: false for the bug: a key is claimed, and is not in its records' commit.
    func sendAll(to store: InferenceStore, keysAreKept: Bool = true) async throws {
        let beginning = Fingerprint("record 0")
        var (row, count) = (0, 3)
        while row < lines.count {
            let rows = row..<min(lines.count, row + count)
            let key = RequestKey(
                topic: Self.topic,
                text: ImportMark.key(salt: "import", beginning: beginning, attempt: 0, row: row),
                request: Fingerprint(String(decoding: lines[rows].joined(), as: UTF8.self)), time: 1000)
            let batch = HousekeepingTests.batch(rows.lowerBound, count: rows.count)
            let outcome = try await store.log.once(key) {
                try await store.append(
                    batch, topic: Self.topic, partition: Self.partition, key: keysAreKept ? key : nil)
            }
            if case .before(let span) = outcome, span.endIndex - span.firstIndex != UInt64(rows.count) {
                throw StoreRefusal(.invalid, "records \(rows) are said to be \(span)")
            }
            row = rows.upperBound
            count += 2
        }
    }

    /// What is not as the marks say, in a sentence; nil where all is.
    func violation(_ store: InferenceStore) throws -> String? {
        let found = try HousekeepingTests.numbers(store.log.snapshot(), Self.topic).times
        let marked = try mark(store)?.rowCount ?? 0
        let expected = HousekeepingTests.batch(0, count: max(marked, 1)).times.prefix(marked)
        return found.sorted() == Array(expected)
            ? nil : "\(found.count) records are there, \(marked) are marked"
    }
}

@Suite("Imports cut off")
struct ImportCrashTests {
    private static func open(_ disk: SimulatedFileSystem) throws -> (InferenceStore, ProcessFiles) {
        let files = ProcessFiles(disk)
        var configuration = StoreConfiguration(directory: "/nowhere")
        configuration.log.segmentByteCountMax = 3000
        configuration.log.tailRowCountMax = 16
        return (try InferenceStore.open(configuration, on: files).store, files)
    }

    /// Imports with the power cut at one operation, then goes on.
    /// - Returns: a broken promise, if any; nil where the import has no such operation.
    private static func run(_ work: FileImport, _ operation: Int) async throws -> [String]? {
        try await cut(at: operation, work.goOn) { try await goOnMarked(work, $0) }
    }

    /// Sends with the power cut at one operation, then sends all once more.
    private static func runKeyed(_ work: FileImport, _ operation: Int, keysAreKept: Bool) async throws
        -> [String]?
    {
        try await cut(at: operation, { try await work.sendAll(to: $0, keysAreKept: keysAreKept) }) { disk in
            let (store, files) = try open(disk)
            defer { files.die() }
            try await work.sendAll(to: store, keysAreKept: keysAreKept)
            let found = try HousekeepingTests.numbers(store.log.snapshot(), FileImport.topic).times.sorted()
            try await store.close()
            return found == HousekeepingTests.batch(0, count: FileImport.rowCount).times
                ? [] : ["\(found.count) records are there"]
        }
    }

    private static func cut(
        at operation: Int, _ work: (InferenceStore) async throws -> Void,
        _ check: (SimulatedFileSystem) async throws -> [String]
    ) async throws -> [String]? {
        let disk = SimulatedFileSystem()
        disk.setPlan(SimulatedFileSystem.FaultPlan(crashAtOperation: operation))
        do {
            let (store, files) = try open(disk)
            defer { files.die() }
            try await work(store)
            try await store.close()
        } catch { guard disk.hasCrashed else { throw error } }
        guard disk.hasCrashed else { return nil }
        disk.crash(after: operation)
        return try await check(disk)
    }

    private static func goOnMarked(_ work: FileImport, _ disk: SimulatedFileSystem) async throws -> [String] {
        let (store, files) = try open(disk)
        defer { files.die() }
        var violations: [String] = []
        if let violation = try work.violation(store) { violations.append("after the cut \(violation)") }
        try await work.goOn(store)
        if let violation = try work.violation(store) { violations.append("at the end \(violation)") }
        let marked = try work.mark(store)?.rowCount
        if marked != FileImport.rowCount { violations.append("at the end \(marked ?? 0) are marked") }
        try await store.close()
        return violations
    }

    @Test("an import that is cut at any operation and goes on brings every record once")
    func everywhere() async throws {
        var operation = 0
        while let violations = try await Self.run(FileImport(), operation) {
            #expect(violations.isEmpty, "operation \(operation): \(violations)")
            operation += 1
        }
        #expect(operation > 20, "the import is long enough to mean something")
    }

    @Test("an import by keys that is cut at any operation and sent again brings every record once")
    func keyedEverywhere() async throws {
        var operation = 0
        while let violations = try await Self.runKeyed(FileImport(), operation, keysAreKept: true) {
            #expect(violations.isEmpty, "operation \(operation): \(violations)")
            operation += 1
        }
        #expect(operation > 20, "the import is long enough to mean something")
        var found: [String] = []
        while found.isEmpty, operation > 0 {
            operation -= 1
            found = try await Self.runKeyed(FileImport(), operation, keysAreKept: false) ?? []
        }
        #expect(found != [], "keys that are not in their records' commit are found out")
    }

    @Test("marks that are not in their records' commit are found out", arguments: [true, false])
    func plantedBug(marksComeFirst: Bool) async throws {
        let work = FileImport(marksComeFirst: marksComeFirst)
        var operation = 0
        var found: [String] = []
        while found.isEmpty, let violations = try await Self.run(work, operation) {
            found = violations
            operation += 1
        }
        #expect(found.first?.hasPrefix("after the cut") == true, "\(found)")
    }

    @Test(
        "a mark goes on from another only where it says so; those that say nothing, where they came farther")
    func marksFold() async throws {
        let (store, files) = try Self.open(SimulatedFileSystem())
        defer { files.die() }
        func append(_ row: Int, path: String, upTo place: ImportMark.Place, from begin: ImportMark.Place?)
            async throws
        {
            var mark = ImportMark(
                topic: FileImport.topic, partition: FileImport.partition, path: path,
                byteCount: place.byteCount, rowCount: 1, digest: "\(row)", checksum: place.checksum,
                at: moment(0))
            mark.begin = begin
            _ = try await store.append(HousekeepingTests.batch(row, count: 1), mark: mark)
        }
        let places = (1...4).map { ImportMark.Place(byteCount: 100 * $0, checksum: UInt32($0)) }
        // Before the beginning was noted: another file comes between, and the first goes on.
        try await append(0, path: "/old", upTo: places[0], from: nil)
        try await append(1, path: "/other", upTo: places[3], from: .start)
        try await append(2, path: "/old", upTo: places[1], from: nil)
        // Written over, and longer; that one goes on, and goes on once more under another name.
        try await append(3, path: "/old", upTo: ImportMark.Place(byteCount: 250, checksum: 9), from: .start)
        try await append(
            4, path: "/old", upTo: places[2], from: ImportMark.Place(byteCount: 250, checksum: 9))
        try await append(
            5, path: "/moved", upTo: ImportMark.Place(byteCount: 350, checksum: 8), from: places[2])
        let marks = store.view.importMarks(topic: FileImport.topic, partition: FileImport.partition).marks
        #expect(marks.map(\.digest) == ["5", "4", "2", "1"])
        let written = ImportMark.Place(byteCount: 250, checksum: 9)
        #expect(marks.map(\.earlier) == [[written, places[2]], [written], [places[0]], []])
        try await store.close()
    }
}
