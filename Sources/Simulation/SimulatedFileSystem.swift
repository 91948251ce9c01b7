// A disk in memory that forgets like a real one.
//
// Invariants:
//  * What `sync` (or `syncDirectory`) returned for survives every crash.
//  * An unsynced append survives a crash wholly, in part (cut at any byte, or with a hole of
//    zeros where a page was not written), or not at all.
//  * Directory changes not synced are undone from some point on: a journal keeps their order. Syncing one
//    directory makes its own changes durable and no other's, which is all that a disk promises.
//  * A directory is made and then its name synced, as two operations; one whose name is not durable may be gone after
//    a crash, with all that is in it.
//  * After a sync that failed, the bytes it was for read back well from the cache, and what of them was
//    not written then (all, or all from some byte on) is never written: a later sync skips them, as
//    Linux does with pages it marked clean.
//
// The fault plan counts operations, so "fail operation n" can be swept over n (SQLite's method). Names, the plan
// and the power cut are here; what is done with an open file is in SimulatedFile.swift.

import Disk
import Synchronization

/// A disk for tests, empty at first. Each operation is one step under one lock, so any thread may call.
package final class SimulatedFileSystem: FileSystem {
    /// Which operations fail, and when the power goes.
    package struct FaultPlan: Sendable {
        /// The power goes at the start of this operation (counted from 0 over all mutating calls).
        package var crashAtOperation: Int?
        /// This operation fails once.
        package var failAtOperation: Int?
        /// As what `failAtOperation` fails. Of `.exists`, a failed append leaves nothing behind; of others,
        /// half.
        package var failureKind: DiskError.Kind
        /// Bytes the disk holds in all.
        package var capacity: Int?

        package init(
            crashAtOperation: Int? = nil, failAtOperation: Int? = nil,
            failureKind: DiskError.Kind = .other, capacity: Int? = nil
        ) {
            self.crashAtOperation = crashAtOperation
            self.failAtOperation = failAtOperation
            self.failureKind = failureKind
            self.capacity = capacity
        }
    }

    /// Bytes as the process sees them and as the disk has them.
    final class Inode {
        var cached: [UInt8] = []
        /// What the disk has; shorter than `cached` while appends are unsynced.
        var durable: [UInt8] = []
        /// Ranges whose sync failed: cached, and never to be written.
        var lost: [Range<Int>] = []
    }

    struct State {
        var names: [String: Inode] = [:]
        var durableNames: [String: Inode] = [:]
        /// Directory changes since the last directory sync, oldest first.
        var journal: [(directory: String, change: @Sendable (inout [String: Inode]) -> Void)] = []
        var directories: SimulatedDirectories
        var plan = FaultPlan()
        var operationCount = 0
        var failureCount = 0
        var fullCount = 0
        var hasCrashed = false
        /// The operation at which the power went last, and its file.
        var lastCut: (operation: String, file: String)?
        /// Who holds each lock: the holder of before a crash lets go in vain.
        var lockHolders: [String: Int] = [:]
        var lockCount = 0

        var usedByteCount: Int { names.values.reduce(0) { $0 + $1.cached.count } }
    }

    // Inodes are classes without locks of their own: they are touched only inside `state`'s lock.
    struct Guarded: @unchecked Sendable { var state: State }
    let guarded: Mutex<Guarded>

    /// - Parameter hasRoot: whether the root is there; where it is not, `createDirectory("")` makes it.
    package init(hasRoot: Bool = true) {
        guarded = Mutex(Guarded(state: State(directories: SimulatedDirectories(hasRoot: hasRoot))))
    }

    /// One step of the disk, for the files that it opened too.
    func withState<Result: Sendable>(
        _ body: (inout State) throws(DiskError) -> Result
    ) throws(DiskError) -> Result {
        let result: Swift.Result<Result, DiskError> = guarded.withLock { guarded in
            do throws(DiskError) { return .success(try body(&guarded.state)) } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    // MARK: The plan

    /// Takes the place of the plan before. Operations are counted on: a plan names them by `operationCount`.
    package func setPlan(_ plan: FaultPlan) {
        guarded.withLock { $0.state.plan = plan }
    }

    /// Leaves so many bytes of room besides those that are used now; nil for as many as are wanted.
    package func limit(toRoom room: Int?) {
        guarded.withLock { guarded in
            guarded.state.plan.capacity = room.map { guarded.state.usedByteCount + $0 }
        }
    }

    /// Bytes that all files have as a process sees them.
    package var byteCount: Int {
        guarded.withLock { $0.state.usedByteCount }
    }

    /// Mutating operations so far.
    package var operationCount: Int { guarded.withLock { $0.state.operationCount } }

    /// Operations that failed so far, but for those after a power cut.
    package var failureCount: Int { guarded.withLock { $0.state.failureCount } }

    /// How many of those were appends that found no room.
    package var fullCount: Int { guarded.withLock { $0.state.fullCount } }

    /// Whether the plan has cut the power: every operation throws from then on, until `crash`.
    package var hasCrashed: Bool { guarded.withLock { $0.state.hasCrashed } }

    /// The operation that the plan cut last, and the file that it was for.
    package var lastCut: (operation: String, file: String)? { guarded.withLock { $0.state.lastCut } }

    /// Cuts the power and starts again: what was not durable is kept, cut or lost as `choose` says.
    ///
    /// - Parameter choose: picks how much of an unsynced run survives, out of a closed range.
    package func crash(_ choose: (ClosedRange<Int>) -> Int) {
        guarded.withLock { guarded in
            // Which directory changes reached the journal on disk.
            let kept = choose(0...guarded.state.journal.count)
            for entry in guarded.state.journal.prefix(kept) { entry.change(&guarded.state.durableNames) }
            guarded.state.journal.removeAll()
            guarded.state.directories.crash(choose)
            guarded.state.durableNames = guarded.state.durableNames.filter {
                guarded.state.directories.contains(parentDirectory($0.key))
            }
            // By name, so that the same choices are asked for in the same order in every run. No file
            // has two names.
            for (_, inode) in guarded.state.durableNames.sorted(by: { $0.key < $1.key }) {
                let from = inode.durable.count
                if inode.cached.count > from {
                    let survivors = choose(0...(inode.cached.count - from))
                    var tail = Array(inode.cached[from..<from + survivors])
                    // A page in the middle may not have been written though a later one was.
                    if survivors > 1 && choose(0...3) == 0 {
                        let start = choose(0...(survivors - 1))
                        let end = choose(start...(survivors - 1))
                        for index in start...end { tail[index] = 0 }
                    }
                    inode.durable += tail
                }
                for range in inode.lost where range.lowerBound < inode.durable.count {
                    let rest = range.clamped(to: 0..<inode.durable.count)
                    // The sync that failed may have written some of it before it did.
                    let written = choose(0...rest.count)
                    for index in rest.dropFirst(written) { inode.durable[index] = 0 }
                }
                inode.cached = inode.durable
                inode.lost = []
            }
            guarded.state.names = guarded.state.durableNames
            guarded.state.plan = FaultPlan()
            guarded.state.hasCrashed = false
            guarded.state.lockHolders = [:]
        }
    }

    /// The bytes of a file as a process reads them now; nil where there is none.
    package func bytes(of name: String) -> [UInt8]? {
        guarded.withLock { $0.state.names[name]?.cached }
    }

    /// A disk whose root holds what a directory of this one does as a process sees it, all of it durable.
    package func copy(of directory: String) -> SimulatedFileSystem {
        let copy = SimulatedFileSystem()
        let prefix = directory.isEmpty ? "" : directory + "/"
        guarded.withLock { guarded in
            copy.guarded.withLock { other in
                for name in guarded.state.directories.names where name.hasPrefix(prefix) {
                    other.state.directories.sync(
                        other.state.directories.make(String(name.dropFirst(prefix.count))))
                }
                for (name, inode) in guarded.state.names where name.hasPrefix(prefix) {
                    let same = Inode()
                    same.cached = inode.cached
                    same.durable = inode.cached
                    other.state.names[String(name.dropFirst(prefix.count))] = same
                }
                other.state.durableNames = other.state.names
            }
        }
        return copy
    }

    /// Changes a file's bytes behind everybody's back: damage on the medium.
    package func damage(_ name: String, _ change: (inout [UInt8]) -> Void) {
        guarded.withLock { guarded in
            guard let inode = guarded.state.names[name] else { return }
            change(&inode.cached)
            inode.durable = inode.cached
        }
    }

    // MARK: FileSystem

    package func createDirectory(_ name: String) throws(DiskError) {
        try withState { state throws(DiskError) in
            guard !state.hasCrashed else { throw poweredOff("create directory", name) }
            var new = [name]
            if state.directories.contains(name) {
                // As on a real disk: one that holds something was made durable before that was written.
                guard !state.directories.isDurable(name), children(of: name, state).isEmpty else { return }
            } else {
                try begin(&state, "create directory", name)
                new = state.directories.make(name)
            }
            try begin(&state, "sync directory", parentDirectory(name))
            state.directories.sync(new)
        }
    }

    package func list(_ directory: String) throws(DiskError) -> [String] {
        try withState { state throws(DiskError) in
            guard !state.hasCrashed else { throw poweredOff("list", directory) }
            try requireDirectory(directory, state, "list", directory)
            let prefixCount = directory.isEmpty ? 0 : directory.count + 1
            return children(of: directory, state).map { String($0.dropFirst(prefixCount)) }
        }
    }

    private func children(of directory: String, _ state: State) -> [String] {
        (Array(state.names.keys) + state.directories.names).filter { parentDirectory($0) == directory }
    }

    package func create(_ name: String) throws(DiskError) -> any WritableFile {
        try withState { state throws(DiskError) in
            try begin(&state, "create", name)
            try requireDirectory(parentDirectory(name), state, "create", name)
            guard state.names[name] == nil else {
                throw DiskError(kind: .exists, operation: "create", file: name, reason: "it exists")
            }
            let inode = Inode()
            let box = InodeBox(inode: inode)
            state.names[name] = inode
            state.journal.append((parentDirectory(name), { $0[name] = box.inode }))
            return SimulatedFile(system: self, box: box, name: name)
        }
    }

    package func open(_ name: String) throws(DiskError) -> any ReadableFile {
        try withState { state throws(DiskError) in
            guard !state.hasCrashed else { throw poweredOff("open", name) }
            guard let inode = state.names[name] else {
                throw DiskError(kind: .notFound, operation: "open", file: name, reason: "no such file")
            }
            return SimulatedFile(system: self, box: InodeBox(inode: inode), name: name)
        }
    }

    package func rename(_ name: String, to newName: String) throws(DiskError) {
        try withState { state throws(DiskError) in
            try begin(&state, "rename", name)
            guard let inode = state.names.removeValue(forKey: name) else {
                throw DiskError(kind: .notFound, operation: "rename", file: name, reason: "no such file")
            }
            state.names[newName] = inode
            let box = InodeBox(inode: inode)
            state.journal.append(
                (
                    parentDirectory(name),
                    {
                        $0[name] = nil
                        $0[newName] = box.inode
                    }
                ))
        }
    }

    package func remove(_ name: String) throws(DiskError) {
        try withState { state throws(DiskError) in
            try begin(&state, "remove", name)
            guard state.names.removeValue(forKey: name) != nil else {
                throw DiskError(kind: .notFound, operation: "remove", file: name, reason: "no such file")
            }
            state.journal.append((parentDirectory(name), { $0[name] = nil }))
        }
    }

    package func syncDirectory(_ directory: String) throws(DiskError) {
        try withState { state throws(DiskError) in
            try begin(&state, "sync directory", directory)
            for entry in state.journal where entry.directory == directory {
                entry.change(&state.durableNames)
            }
            state.journal.removeAll { $0.directory == directory }
            state.directories.sync(in: directory)
        }
    }

    package func lock(_ name: String) throws(DiskError) -> any Sendable {
        try withState { state throws(DiskError) in
            guard !state.hasCrashed else { throw poweredOff("lock", name) }
            guard state.lockHolders[name] == nil else {
                throw DiskError(kind: .locked, operation: "lock", file: name, reason: "it is held")
            }
            state.lockCount += 1
            state.lockHolders[name] = state.lockCount
            return SimulatedLock(system: self, name: name, holder: state.lockCount)
        }
    }

    /// Refuses what is asked of a directory that nobody made.
    private func requireDirectory(
        _ directory: String, _ state: State, _ operation: String, _ name: String
    ) throws(DiskError) {
        guard state.directories.contains(directory) else {
            throw DiskError(kind: .notFound, operation: operation, file: name, reason: "no such directory")
        }
    }

    /// Counts a mutating operation and carries out the plan.
    func begin(_ state: inout State, _ operation: String, _ name: String) throws(DiskError) {
        guard !state.hasCrashed else { throw poweredOff(operation, name) }
        let number = state.operationCount
        state.operationCount += 1
        if number == state.plan.crashAtOperation {
            state.hasCrashed = true
            state.lastCut = (operation, name)
            throw poweredOff(operation, name)
        }
        if number == state.plan.failAtOperation {
            state.failureCount += 1
            throw DiskError(
                kind: state.plan.failureKind, operation: operation, file: name, reason: "a planned fault")
        }
    }
}

/// Why an operation is refused from a power cut on.
func poweredOff(_ operation: String, _ name: String) -> DiskError {
    DiskError(kind: .other, operation: operation, file: name, reason: "the power is off")
}
