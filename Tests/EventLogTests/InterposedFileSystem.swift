// A file system before another one: a test's hand in its calls.

import Disk
import Synchronization

struct InterposedFileSystem: FileSystem {
    let base: any FileSystem
    /// Whether a file's `sync` reaches the disk; one that does not says that it did.
    var syncsFiles = true
    /// Whether `syncDirectory` reaches the disk.
    var syncsDirectories = true
    /// What a file says of its length, where that is not its bytes'.
    var statedByteCount: Int?
    /// Asked before every read and opening; what it throws is thrown.
    var beforeReading: @Sendable (_ file: String) throws(DiskError) -> Void = { _ in }

    func createDirectory(_ name: String) throws(DiskError) { try base.createDirectory(name) }
    func list(_ directory: String) throws(DiskError) -> [String] {
        try beforeReading(directory)
        return try base.list(directory)
    }
    func create(_ name: String) throws(DiskError) -> any WritableFile {
        InterposedWritableFile(base: try base.create(name), syncs: syncsFiles)
    }
    func open(_ name: String) throws(DiskError) -> any ReadableFile {
        try beforeReading(name)
        return InterposedReadableFile(
            base: try base.open(name), name: name, statedByteCount: statedByteCount,
            beforeReading: beforeReading)
    }
    func rename(_ name: String, to newName: String) throws(DiskError) { try base.rename(name, to: newName) }
    func remove(_ name: String) throws(DiskError) { try base.remove(name) }
    func syncDirectory(_ directory: String) throws(DiskError) {
        if syncsDirectories { try base.syncDirectory(directory) }
    }
    func lock(_ name: String) throws(DiskError) -> any Sendable { try base.lock(name) }
}

private struct InterposedWritableFile: WritableFile {
    let base: any WritableFile
    let syncs: Bool
    func append(_ bytes: UnsafeRawBufferPointer) throws(DiskError) { try base.append(bytes) }
    func sync() throws(DiskError) { if syncs { try base.sync() } }
}

private struct InterposedReadableFile: ReadableFile {
    let base: any ReadableFile
    let name: String
    let statedByteCount: Int?
    let beforeReading: @Sendable (String) throws(DiskError) -> Void

    var byteCount: Int {
        get throws(DiskError) {
            try beforeReading(name)
            if let statedByteCount { return statedByteCount }
            return try base.byteCount
        }
    }
    func settle() throws(DiskError) { try base.settle() }
    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(DiskError) {
        try beforeReading(name)
        try base.read(at: offset, into: buffer)
    }
}

/// Counts calls, and fails one of them.
final class FailingCall: Sendable {
    private let state: Mutex<(count: Int, failing: Int?)>

    init(_ number: Int?) { state = Mutex((0, number)) }

    var count: Int { state.withLock { $0.count } }

    func pass(_ file: String) throws(DiskError) {
        let fails = state.withLock { state in
            defer { state.count += 1 }
            return state.count == state.failing
        }
        if fails { throw DiskError(kind: .other, operation: "read", file: file, reason: "a planned fault") }
    }
}
