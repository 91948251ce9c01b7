// Bugs that a log might have. Most are planted between it and its disk: what a log with the bug would ask of
// the disk, the disk is asked. The crash points must find each of them; an alarm that never rings is none.

import Disk
import Segments
import Simulation
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
    /// The idempotency keys of a commit are remembered, and are not in its envelope.
    case keyForgotten
    /// Records leave the disk before the tombstone that lets them go is on it. Planted in `LogDrive`.
    case rewrittenBeforeTombstone
    /// A snapshot's list of files is written before they are on the disk.
    case snapshotListedBeforeSync
    /// Nor are the names of its models.
    case modelNamesNotSynced
    /// A restored directory gets its manifest before its segments are on the disk.
    case restoredBeforeSync
    /// A rewrite leaves keys out that are younger than the horizon.
    case youngKeysNotRewritten
    /// A log is let go before its successor is whole. Planted in `LogDrive`.
    case succeededBeforeManifest
    /// An append for which there is no room is taken for done.
    case fullDiskBelieved
    /// Once the disk was full, it is so for the process, for ever.
    case fullDiskForEver
    /// A full disk is any other failure.
    case fullDiskNotSaid

    /// The disk as a log with this bug asks it. Bugs that are planted in `LogDrive` change nothing here.
    package func planted(before base: any FileSystem) -> any FileSystem {
        BuggyFileSystem(base: base, bug: self)
    }
}

extension PlantedBug {
    /// Tells the files of a log with this bug whether it rewrites.
    func rewriting(on files: any FileSystem, _ isRewriting: Bool) {
        (files as? BuggyFileSystem)?.keyState.withLock { $0.isRewriting = isRewriting }
    }
}

private final class BuggyFileSystem: FileSystem {
    let base: any FileSystem
    let bug: PlantedBug
    /// A rename that waits for the removals that were to follow it.
    private let waiting = Mutex<(name: String, newName: String)?>(nil)
    /// Whether a rewrite is under way, and the time of the newest key that was written.
    fileprivate let keyState = Mutex((isRewriting: false, newest: Int64.min))
    private let appendCount = Atomic(0)
    /// Whether the disk was full since the log was opened.
    private let wasFull = Atomic(false)

    init(base: any FileSystem, bug: PlantedBug) {
        self.base = base
        self.bug = bug
    }

    /// Every so many appends one is short.
    fileprivate func isShort() -> Bool {
        bug == .shortAppend && appendCount.add(1, ordering: .relaxed).newValue % 9 == 0
    }

    /// What becomes of an append.
    fileprivate func append(_ body: () throws(DiskError) -> Void) throws(DiskError) {
        do throws(DiskError) { try body() } catch {
            guard error.kind == .outOfSpace else { throw error }
            switch bug {
            case .fullDiskBelieved: return
            case .fullDiskNotSaid:
                throw DiskError(
                    kind: .other, operation: error.operation, file: error.file, reason: error.reason)
            default:
                wasFull.store(true, ordering: .relaxed)
                throw error
            }
        }
        if bug == .fullDiskForEver, wasFull.load(ordering: .relaxed) {
            throw DiskError(kind: .outOfSpace, operation: "append", file: "", reason: "it was full before")
        }
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
        if bug == .modelNamesNotSynced, directory.hasSuffix("/" + FileName.modelDirectory) { return }
        if bug != .noDirectorySynced { try base.syncDirectory(directory) }
    }
    func lock(_ name: String) throws(DiskError) -> any Sendable {
        wasFull.store(false, ordering: .relaxed)
        return try base.lock(name)
    }
}

private final class BuggyWritableFile: WritableFile {
    private let base: any WritableFile
    private let name: String
    /// The number of the segment that it is; nil for another file.
    private let segment: UInt64?
    private let isOfBackup: Bool
    private let isRestored: Bool
    private let system: BuggyFileSystem
    private let state = Mutex((isFirstSync: true, isSyncDue: false))

    init(base: any WritableFile, name: String, system: BuggyFileSystem) {
        self.base = base
        self.name = name
        let names = name.split(separator: "/").map(String.init)
        segment = FileName.segmentNumber(names.last ?? "")
        isOfBackup = names.first?.hasPrefix(LogBackup.directoryPrefix) ?? false
        isRestored = names.first?.hasPrefix(LogRestoration.directoryPrefix) ?? false
        self.system = system
    }

    func append(_ bytes: UnsafeRawBufferPointer) throws(DiskError) {
        if state.withLock({ $0.isSyncDue }) {
            try base.sync()
            state.withLock { $0.isSyncDue = false }
        }
        if let segment, let forgets, let changed = Self.withoutKeys(bytes, of: segment, forgets) {
            return try base.append(changed)
        }
        let isShort = system.isShort() && bytes.count > 8
        try system.append { () throws(DiskError) in
            try base.append(isShort ? UnsafeRawBufferPointer(rebasing: bytes.dropLast(3)) : bytes)
        }
    }

    /// Which keys are to be others on the disk; nil where the bug is another.
    private var forgets: ((KeyEntry) -> Bool)? {
        switch system.bug {
        case .keyForgotten: return { _ in true }
        case .youngKeysNotRewritten where !isOfBackup && !isRestored:
            let (isRewriting, newest) = system.keyState.withLock { $0 }
            if isRewriting { return { $0.time < newest - LogModel.keyHorizonMilliseconds / 4 } }
            return { [system] key in
                system.keyState.withLock { $0.newest = max($0.newest, key.time) }
                return false
            }
        default: return nil
        }
    }

    func sync() throws(DiskError) {
        let isSegment = segment != nil
        let isFirst = state.withLock { state in
            defer { state.isFirstSync = false }
            return state.isFirstSync
        }
        switch system.bug {
        case .nothingSynced: return
        case .manifestRenamedBeforeSync where !isSegment: return
        case .segmentListedBeforeSync where isSegment && isFirst: return
        case .acknowledgedBeforeSync where isSegment: state.withLock { $0.isSyncDue = true }
        case .snapshotListedBeforeSync where isOfBackup && isSegment: return
        case .restoredBeforeSync where isRestored && isSegment: return
        case .failedSyncBelieved: do throws(DiskError) { try base.sync() } catch {}
        default: try base.sync()
        }
    }

    /// Envelopes whose keys are others, of the same length: all else keeps its place and its checksum.
    /// Nil where the bytes are no envelopes of the segment.
    private static func withoutKeys(
        _ bytes: UnsafeRawBufferPointer, of segment: UInt64, _ forgets: (KeyEntry) -> Bool
    ) -> [UInt8]? {
        let scratch = SimulatedFileSystem()
        var changed: [UInt8] = []
        do throws(SegmentError) {
            _ = try SegmentWriter(creating: segment, in: "", on: scratch).append(Array(bytes))
            let file = try SegmentFile(opening: segment, in: "", on: scratch)
            _ = try file.scan { (header, offset, blocks) throws(SegmentError) in
                var envelope = EnvelopeWriter(reserving: bytes.count)
                for block in blocks {
                    guard block.kind == .keys else {
                        envelope.append(copyOf: block.kind, block.payload)
                        continue
                    }
                    let keys = try block.keys(at: file.place(offset + block.offset)).map { key in
                        var key = key
                        if forgets(key) { key.key = String(repeating: "-", count: key.key.utf8.count) }
                        return key
                    }
                    _ = envelope.append(keys)
                }
                changed += envelope.finish(commit: header.commit, segment: segment)
            }
        } catch { return nil }
        return changed.count == bytes.count ? changed : nil
    }
}
