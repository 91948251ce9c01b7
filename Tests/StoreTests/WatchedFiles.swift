// A disk that tells of every read and sync, for tests that count them or act in the middle of one.

import Disk

struct WatchedFiles: FileSystem {
    let base: any FileSystem
    let onRead: @Sendable (_ file: String, _ offset: Int) -> Void
    /// Before a file's.
    var onSync: @Sendable () -> Void = {}

    func createDirectory(_ name: String) throws(DiskError) { try base.createDirectory(name) }
    func list(_ directory: String) throws(DiskError) -> [String] { try base.list(directory) }
    func create(_ name: String) throws(DiskError) -> any WritableFile {
        WatchedWritableFile(base: try base.create(name), onSync: onSync)
    }
    func open(_ name: String) throws(DiskError) -> any ReadableFile {
        WatchedFile(base: try base.open(name), name: name, onRead: onRead)
    }
    func rename(_ name: String, to newName: String) throws(DiskError) { try base.rename(name, to: newName) }
    func remove(_ name: String) throws(DiskError) { try base.remove(name) }
    func syncDirectory(_ directory: String) throws(DiskError) { try base.syncDirectory(directory) }
    func lock(_ name: String) throws(DiskError) -> any Sendable { try base.lock(name) }
}

private struct WatchedFile: ReadableFile {
    let base: any ReadableFile
    let name: String
    let onRead: @Sendable (String, Int) -> Void

    var byteCount: Int { get throws(DiskError) { try base.byteCount } }
    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(DiskError) {
        onRead(name, offset)
        try base.read(at: offset, into: buffer)
    }
}

private struct WatchedWritableFile: WritableFile {
    let base: any WritableFile
    let onSync: @Sendable () -> Void

    func append(_ bytes: UnsafeRawBufferPointer) throws(DiskError) { try base.append(bytes) }
    func sync() throws(DiskError) {
        onSync()
        try base.sync()
    }
}
