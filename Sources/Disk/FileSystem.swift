// The seam to files: every call that can fail, tear or vanish. Two implementations: PosixFileSystem
// here, SimulatedFileSystem in the room Simulation, which forgets like a real disk.
//
// What each operation promises about a power cut:
//  * Bytes appended are durable when `sync` of their file returned; before that, any part of them
//    may be there, torn at any byte.
//  * A name created, renamed or removed is durable when `syncDirectory` returned; before that it
//    may or may not have happened.
//  * After a `sync` that threw, bytes appended since the last good one are not to be trusted in
//    place, even where they read back well: the page cache may hold what the disk does not.
//
// All files of a store lie in one flat directory (FileName.swift) or one level below it, so names
// here are relative to the root that an implementation was made with.

/// Files under one root, for any number of threads at once.
package protocol FileSystem: Sendable {
    /// Makes a directory under the root, and the root itself for "". One that was made is durable, and
    /// one that exists is made so where the disk can.
    func createDirectory(_ name: String) throws(DiskError)

    /// The names in a directory, files and directories alike, in no particular order.
    func list(_ directory: String) throws(DiskError) -> [String]

    /// Makes an empty file to append to. Throws where the name exists.
    func create(_ name: String) throws(DiskError) -> any WritableFile

    /// Opens a file to be read. Throws `.notFound` where there is none. What was opened can be read to its
    /// end, also when its name is removed or goes to another file meanwhile.
    func open(_ name: String) throws(DiskError) -> any ReadableFile

    /// Renames over whatever had the new name. Throws `.notFound` where nothing has the old one.
    func rename(_ name: String, to newName: String) throws(DiskError)

    /// Removes a file's name. Throws `.notFound` where nothing has it.
    func remove(_ name: String) throws(DiskError)

    /// Makes creations, renames and removals in a directory durable.
    func syncDirectory(_ directory: String) throws(DiskError)

    /// Takes the one writer's lock, or throws `.locked` where another process holds it. The lock
    /// ends with the object, and with the process.
    func lock(_ name: String) throws(DiskError) -> any Sendable
}

/// A file that grows at its end. One thread at a time appends; `sync` may run beside an append.
package protocol WritableFile: Sendable {
    /// Appends all of `bytes`. Where it throws, any part of them may have been appended.
    func append(_ bytes: UnsafeRawBufferPointer) throws(DiskError)

    /// Returns when all bytes appended before the call are durable.
    func sync() throws(DiskError)
}

/// A file that is read at any place, by any number of threads.
package protocol ReadableFile: Sendable {
    /// Of the file as it is now: it grows where somebody appends to it.
    var byteCount: Int { get throws(DiskError) }

    /// Fills `buffer` from `offset`. Throws `.pastEnd` where the file ends before.
    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(DiskError)

    /// Makes all bytes of the file durable, whoever appended them, and forgets what is cached of it: what is
    /// read from then on is what the disk has. Only so can whoever did not append them know them durable,
    /// as after a `sync` that failed the cache may show what the disk does not have.
    ///
    /// Throws as `sync` does. A page that somebody else maps into memory at that moment stays cached.
    func settle() throws(DiskError)

    /// Says that these bytes will be read soon, so that the disk fetches them meanwhile: reads that wait
    /// one after the other cost a disk's delay each, reads that were announced together about one. A hint:
    /// nothing is promised, nothing is waited for, and a place that is not there is no error.
    func willRead(at offset: Int, byteCount: Int)
}

extension ReadableFile {
    /// A disk without delay, and one before another that only looks at what is read, has no use for hints.
    package func willRead(at offset: Int, byteCount: Int) {}

    /// The same as an array. All of it is allocated first, so a length that is a mere claim is bounded
    /// before.
    package func read(at offset: Int, byteCount: Int) throws(DiskError) -> [UInt8] {
        var failure: DiskError?
        let bytes = [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
            do throws(DiskError) {
                try read(at: offset, into: UnsafeMutableRawBufferPointer(buffer))
                count = byteCount
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }
}

extension WritableFile {
    /// The same of an array.
    package func append(_ bytes: [UInt8]) throws(DiskError) {
        var failure: DiskError?
        bytes.withUnsafeBytes { buffer in
            do throws(DiskError) { try append(buffer) } catch { failure = error }
        }
        if let failure { throw failure }
    }
}
