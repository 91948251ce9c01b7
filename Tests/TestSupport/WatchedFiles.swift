// A disk that tells what is asked of its files, for tests that count it or act in the middle of it.
//
// Invariant: what is told is told before it is done, on the thread that asks, and nothing else is changed.

import Disk

/// A disk before another, which does the work.
package struct WatchedFiles: FileSystem {
    /// What is told of. Names and directories are not: lists, renames, removals and their syncs go through unheard.
    package enum Call: Hashable, Sendable {
        /// A file is made.
        case create
        /// A file that is there is opened, or its reader is gone.
        case open, close
        /// Bytes of it are read, or are said to be read soon.
        case read(Range<Int>)
        case announce(Range<Int>)
        /// What was written to it is to be durable.
        case sync
    }

    private let base: any FileSystem
    private let note: @Sendable (_ file: String, Call) -> Void

    package init(_ base: any FileSystem, note: @escaping @Sendable (_ file: String, Call) -> Void) {
        self.base = base
        self.note = note
    }

    package func createDirectory(_ name: String) throws(DiskError) { try base.createDirectory(name) }
    package func list(_ directory: String) throws(DiskError) -> [String] { try base.list(directory) }
    package func create(_ name: String) throws(DiskError) -> any WritableFile {
        note(name, .create)
        return WatchedWritableFile(base: try base.create(name), name: name, note: note)
    }
    package func open(_ name: String) throws(DiskError) -> any ReadableFile {
        note(name, .open)
        do throws(DiskError) {
            return WatchedReadableFile(try base.open(name), name, note)
        } catch {
            note(name, .close)
            throw error
        }
    }
    package func rename(_ name: String, to newName: String) throws(DiskError) {
        try base.rename(name, to: newName)
    }
    package func remove(_ name: String) throws(DiskError) { try base.remove(name) }
    package func syncDirectory(_ directory: String) throws(DiskError) { try base.syncDirectory(directory) }
    package func lock(_ name: String) throws(DiskError) -> any Sendable { try base.lock(name) }
}

private final class WatchedReadableFile: ReadableFile {
    private let base: any ReadableFile
    private let name: String
    private let note: @Sendable (String, WatchedFiles.Call) -> Void

    init(
        _ base: any ReadableFile, _ name: String,
        _ note: @escaping @Sendable (String, WatchedFiles.Call) -> Void
    ) {
        (self.base, self.name, self.note) = (base, name, note)
    }

    deinit { note(name, .close) }

    var byteCount: Int { get throws(DiskError) { try base.byteCount } }
    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(DiskError) {
        note(name, .read(offset..<offset + buffer.count))
        try base.read(at: offset, into: buffer)
    }
    func settle() throws(DiskError) { try base.settle() }
    func willRead(at offset: Int, byteCount: Int) {
        note(name, .announce(offset..<offset + byteCount))
        base.willRead(at: offset, byteCount: byteCount)
    }
}

private struct WatchedWritableFile: WritableFile {
    let base: any WritableFile
    let name: String
    let note: @Sendable (String, WatchedFiles.Call) -> Void

    func append(_ bytes: UnsafeRawBufferPointer) throws(DiskError) { try base.append(bytes) }
    func sync() throws(DiskError) {
        note(name, .sync)
        try base.sync()
    }
}
