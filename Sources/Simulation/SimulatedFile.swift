// An open file of the simulated disk, as a process has it: what it appends, syncs and reads, and the lock it holds.
//
// Invariants:
//  * It is one with its inode: under whatever name that stands later, and when it has none any more.
//  * An append that fails leaves its first bytes behind or none, and one after a power cut nothing.
//  * A lock that was held before a power cut lets go in vain: it takes a new holder's from nobody.

import Disk

/// Carries an inode into sendable closures; touched only inside the system's lock.
struct InodeBox: @unchecked Sendable { let inode: SimulatedFileSystem.Inode }

extension SimulatedFileSystem {
    fileprivate func append(_ bytes: UnsafeRawBufferPointer, to box: InodeBox, name: String) throws(DiskError)
    {
        try withState { state throws(DiskError) in
            // What is appended once the power is off reaches nothing.
            guard !state.hasCrashed else { throw poweredOff("append", name) }
            do throws(DiskError) {
                try begin(&state, "append", name)
            } catch {
                // A failed or interrupted append leaves any prefix behind; half is a fair sample.
                if error.kind != .exists {
                    box.inode.cached.append(contentsOf: bytes.prefix(bytes.count / 2))
                }
                throw error
            }
            if let capacity = state.plan.capacity {
                let used = state.usedByteCount
                if used + bytes.count > capacity {
                    box.inode.cached.append(contentsOf: bytes.prefix(max(0, capacity - used)))
                    state.failureCount += 1
                    state.fullCount += 1
                    throw DiskError(
                        kind: .outOfSpace, operation: "append", file: name,
                        reason: "no space left on the disk")
                }
            }
            box.inode.cached.append(contentsOf: bytes)
        }
    }

    /// - Parameter forgets: whether what is cached and not durable is forgotten.
    fileprivate func sync(
        _ box: InodeBox, name: String, forgettingCache forgets: Bool = false
    ) throws(DiskError) {
        try withState { state throws(DiskError) in
            do throws(DiskError) {
                try begin(&state, forgets ? "settle" : "sync", name)
            } catch {
                if !state.hasCrashed {
                    box.inode.lost.append(box.inode.durable.count..<box.inode.cached.count)
                }
                throw error
            }
            var durable = box.inode.cached
            for range in box.inode.lost {
                for index in range { durable[index] = 0 }
            }
            box.inode.durable = durable
            if forgets {
                box.inode.cached = durable
                box.inode.lost = []
            }
        }
    }

    fileprivate func byteCount(_ box: InodeBox) -> Int {
        guarded.withLock { _ in box.inode.cached.count }
    }

    fileprivate func read(
        _ box: InodeBox, at offset: Int, into buffer: UnsafeMutableRawBufferPointer, name: String
    ) throws(DiskError) {
        // The destination is the caller's own memory; the box says so to the checker.
        struct Destination: @unchecked Sendable { var buffer: UnsafeMutableRawBufferPointer }
        let destination = Destination(buffer: buffer)
        try withState { state throws(DiskError) in
            guard !state.hasCrashed else { throw poweredOff("read", name) }
            guard offset + destination.buffer.count <= box.inode.cached.count else {
                throw DiskError(kind: .pastEnd, operation: "read", file: name, reason: "the file ends before")
            }
            destination.buffer.copyBytes(from: box.inode.cached[offset..<offset + destination.buffer.count])
        }
    }

    fileprivate func unlock(_ name: String, _ holder: Int) {
        guarded.withLock { guarded in
            if guarded.state.lockHolders[name] == holder { guarded.state.lockHolders[name] = nil }
        }
    }
}

/// A file that was opened, to write or to read as the caller was promised.
final class SimulatedFile: WritableFile, ReadableFile {
    let system: SimulatedFileSystem
    let box: InodeBox
    let name: String

    init(system: SimulatedFileSystem, box: InodeBox, name: String) {
        self.system = system
        self.box = box
        self.name = name
    }

    func append(_ bytes: UnsafeRawBufferPointer) throws(DiskError) {
        try system.append(bytes, to: box, name: name)
    }

    func sync() throws(DiskError) { try system.sync(box, name: name) }

    var byteCount: Int {
        get throws(DiskError) { system.byteCount(box) }
    }

    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(DiskError) {
        try system.read(box, at: offset, into: buffer, name: name)
    }

    func settle() throws(DiskError) { try system.sync(box, name: name, forgettingCache: true) }
}

final class SimulatedLock: Sendable {
    let system: SimulatedFileSystem
    let name: String
    let holder: Int

    init(system: SimulatedFileSystem, name: String, holder: Int) {
        self.system = system
        self.name = name
        self.holder = holder
    }

    deinit { system.unlock(name, holder) }
}
