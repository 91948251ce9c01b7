// Bugs that a log might have, planted between it and its disk: what a log with the bug would ask of the
// disk, the disk is asked. The crash points must find each of them; an alarm that never rings is none.

import Disk
import Synchronization

package enum PlantedBug: String, CaseIterable, Sendable {
    /// No file is synced.
    case nothingSynced
    /// No directory is.
    case noDirectorySynced
    /// The new manifest takes the old one's name before its bytes are on the disk.
    case manifestRenamedBeforeSync
    /// The manifest names a segment whose first bytes are not on the disk.
    case segmentListedBeforeSync
    /// A commit is acknowledged before its sync, which follows with the next append.
    case acknowledgedBeforeSync
    /// A sync that failed is taken for one that did not.
    case failedSyncBelieved
    /// Old segments are removed before the manifest that no longer names them.
    case removedBeforeRename
    /// An append ends short, and nobody looks.
    case shortAppend

    package func planted(before base: any FileSystem) -> any FileSystem {
        BuggyFileSystem(base: base, bug: self)
    }
}

private final class BuggyFileSystem: FileSystem {
    let base: any FileSystem
    let bug: PlantedBug
    /// A rename that waits for the removals that were to follow it.
    private let waiting = Mutex<(name: String, newName: String)?>(nil)
    private let appendCount = Atomic(0)

    init(base: any FileSystem, bug: PlantedBug) {
        self.base = base
        self.bug = bug
    }

    /// Every so many appends one is short.
    fileprivate func isShort() -> Bool {
        bug == .shortAppend && appendCount.add(1, ordering: .relaxed).newValue % 9 == 0
    }

    private func settle() throws(DiskError) {
        let rename = waiting.withLock { waiting in
            defer { waiting = nil }
            return waiting
        }
        if let rename { try base.rename(rename.name, to: rename.newName) }
    }

    func createDirectory(_ name: String) throws(DiskError) { try base.createDirectory(name) }
    func list(_ directory: String) throws(DiskError) -> [String] {
        try settle()
        return try base.list(directory)
    }
    func create(_ name: String) throws(DiskError) -> any WritableFile {
        try settle()
        return BuggyWritableFile(base: try base.create(name), name: name, system: self)
    }
    func open(_ name: String) throws(DiskError) -> any ReadableFile {
        try settle()
        return try base.open(name)
    }
    func rename(_ name: String, to newName: String) throws(DiskError) {
        try settle()
        if bug == .removedBeforeRename {
            waiting.withLock { $0 = (name, newName) }
        } else {
            try base.rename(name, to: newName)
        }
    }
    func remove(_ name: String) throws(DiskError) {
        try base.remove(name)
        if bug == .removedBeforeRename { try base.syncDirectory("") }
    }
    func syncDirectory(_ directory: String) throws(DiskError) {
        // The order is wrong; each step is durable by itself.
        guard waiting.withLock({ $0 == nil }) else { return }
        if bug != .noDirectorySynced { try base.syncDirectory(directory) }
    }
    func lock(_ name: String) throws(DiskError) -> any Sendable { try base.lock(name) }
}

private final class BuggyWritableFile: WritableFile {
    private let base: any WritableFile
    private let name: String
    private let system: BuggyFileSystem
    private let state = Mutex((isFirstSync: true, isSyncDue: false))

    init(base: any WritableFile, name: String, system: BuggyFileSystem) {
        self.base = base
        self.name = name
        self.system = system
    }

    func append(_ bytes: UnsafeRawBufferPointer) throws(DiskError) {
        if state.withLock({ $0.isSyncDue }) {
            try base.sync()
            state.withLock { $0.isSyncDue = false }
        }
        let isShort = system.isShort() && bytes.count > 8
        try base.append(isShort ? UnsafeRawBufferPointer(rebasing: bytes.dropLast(3)) : bytes)
    }

    func sync() throws(DiskError) {
        let isSegment = FileName.segmentNumber(String(name.split(separator: "/").last ?? "")) != nil
        let isFirst = state.withLock { state in
            defer { state.isFirstSync = false }
            return state.isFirstSync
        }
        switch system.bug {
        case .nothingSynced: return
        case .manifestRenamedBeforeSync where !isSegment: return
        case .segmentListedBeforeSync where isSegment && isFirst: return
        case .acknowledgedBeforeSync where isSegment: state.withLock { $0.isSyncDue = true }
        case .failedSyncBelieved: do throws(DiskError) { try base.sync() } catch {}
        default: try base.sync()
        }
    }
}
