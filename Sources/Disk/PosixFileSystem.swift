// The real file system: POSIX calls, retried on interruption, errno turned into words here and
// nowhere else.
//
// Invariants:
//  * `append` returns only when every byte was taken by the kernel.
//  * `sync` is fdatasync: the bytes and the length; directories are synced by `syncDirectory`.

import Glibc

/// A directory of the machine. What is made in it can be read by whom the process's umask lets.
package struct PosixFileSystem: FileSystem {
    /// Without a slash at its end, unless it is nothing else.
    package let root: String

    /// - Parameter root: the store's directory; `createDirectory("")` makes it.
    package init(root: String) {
        self.root = root.count > 1 && root.hasSuffix("/") ? String(root.dropLast()) : root
    }

    private func path(_ name: String) -> String { name.isEmpty ? root : root + "/" + name }

    package func createDirectory(_ name: String) throws(DiskError) {
        if isDirectory(name) {
            // One that holds something was made durable before that was written: whoever failed to, stopped there.
            if (try? list(name))?.isEmpty == true { try syncName(of: name) }
            return
        }
        // Parents of the root are the user's; those are made too, so that `--data a/b/c` just works.
        var made = ""
        for part in path(name).split(separator: "/", omittingEmptySubsequences: false) {
            made +=
                made.isEmpty && part.isEmpty ? "/" : (made.hasSuffix("/") || made.isEmpty ? "" : "/") + part
            if made == "/" || made.isEmpty { continue }
            if mkdir(made, 0o777) == 0 {
                try syncDirectory(at: made.lastIndex(of: "/").map { String(made[...$0]) } ?? ".")
            } else if errno != EEXIST {
                throw failure("create directory", made)
            }
        }
        guard !isDirectory(name) else { return }
        throw DiskError(
            kind: .other, operation: "create directory", file: path(name),
            reason: isDanglingLink(name)
                ? "a link that leads nowhere has this name; make the directory that it names, or remove it"
                : "a file that is no directory has this name")
    }

    private func isDanglingLink(_ name: String) -> Bool {
        var status = stat()
        return stat(path(name), &status) != 0 && errno == ENOENT && lstat(path(name), &status) == 0
    }

    /// Makes the name of a directory that exists durable, which who made it may have failed to do.
    ///
    /// Where this process may not read, no disk lies under it or the disk is full, no start fails for it: only a
    /// disk that loses it is told.
    private func syncName(of name: String) throws(DiskError) {
        let whole = path(name)
        guard whole != "/" else { return }
        let parent = whole.lastIndex(of: "/").map { String(whole[...$0]) } ?? "."
        let descriptor = Glibc.open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        while fsync(descriptor) != 0 {
            if errno == EIO { throw failure("sync directory", parent) }
            if errno != EINTR { return }
        }
    }

    private func isDirectory(_ name: String) -> Bool {
        var status = stat()
        return stat(path(name), &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// The root with every link followed and no `..`; of what is not there yet, as far as it is.
    package var realRoot: String {
        let isAbsolute = root.hasPrefix("/")
        let parts = root.split(separator: "/")
        for count in stride(from: parts.count, through: 0, by: -1) {
            let start = (isAbsolute ? "/" : "./") + parts[..<count].joined(separator: "/")
            guard let found = realpath(start, nil) else { continue }
            defer { free(found) }
            var real = String(cString: found).split(separator: "/")
            for part in parts[count...] where part != "." {
                if part == ".." { _ = real.popLast() } else { real.append(part) }
            }
            return "/" + real.joined(separator: "/")
        }
        return root
    }

    /// Whether the root is another's, or lies somewhere inside it, by whatever names.
    package func isWithin(_ other: PosixFileSystem) -> Bool {
        let (inner, outer) = (realRoot, other.realRoot)
        return inner == outer || inner.hasPrefix(outer.hasSuffix("/") ? outer : outer + "/")
    }

    package func list(_ directory: String) throws(DiskError) -> [String] {
        guard let stream = opendir(path(directory)) else {
            throw failure("list", directory.isEmpty ? root : directory)
        }
        defer { closedir(stream) }
        var names: [String] = []
        while true {
            // The only way to tell the end from a failure.
            errno = 0
            guard let entry = readdir(stream) else {
                guard errno == 0 else { throw failure("list", directory) }
                return names
            }
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
    }

    package func create(_ name: String) throws(DiskError) -> any WritableFile {
        let descriptor = Glibc.open(path(name), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw failure("create", name) }
        return PosixWritableFile(descriptor: descriptor, name: name)
    }

    package func open(_ name: String) throws(DiskError) -> any ReadableFile {
        let descriptor = Glibc.open(path(name), O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("open", name) }
        return PosixReadableFile(descriptor: descriptor, name: name)
    }

    package func rename(_ name: String, to newName: String) throws(DiskError) {
        guard Glibc.rename(path(name), path(newName)) == 0 else { throw failure("rename", name) }
    }

    package func remove(_ name: String) throws(DiskError) {
        guard unlink(path(name)) == 0 else { throw failure("remove", name) }
    }

    package func syncDirectory(_ directory: String) throws(DiskError) {
        try syncDirectory(at: path(directory))
    }

    private func syncDirectory(at path: String) throws(DiskError) {
        let descriptor = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("sync directory", path) }
        defer { close(descriptor) }
        while fsync(descriptor) != 0 {
            if errno != EINTR { throw failure("sync directory", path) }
        }
    }

    package func lock(_ name: String) throws(DiskError) -> any Sendable {
        let descriptor = Glibc.open(path(name), O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else {
            var error = failure("lock", path(name))
            // What is denied has its remedy already.
            guard error.kind != .denied else { throw error }
            error.reason += "; whoever opens a data directory must be able to write in it"
            throw error
        }
        let file = PosixWritableFile(descriptor: descriptor, name: name)
        guard try takesLock(descriptor, name) else { throw failure("lock", name) }
        // The directory as well: a lock file may be taken for a stale one and removed, and the next is another file. Some
        // file systems lock no directories: there the file has to do.
        let place = path(name).lastIndex(of: "/").map { String(path(name)[...$0]) } ?? "."
        let directoryDescriptor = Glibc.open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directoryDescriptor >= 0 else { throw failure("lock", place) }
        let directory = PosixWritableFile(descriptor: directoryDescriptor, name: place)
        _ = try takesLock(directoryDescriptor, name)
        return [file, directory]
    }

    /// Locks an open file for as long as it is open; false where the system cannot.
    ///
    /// - Throws: where somebody else has it.
    private func takesLock(_ descriptor: Int32, _ name: String) throws(DiskError) -> Bool {
        if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return true }
        guard errno == EWOULDBLOCK else { return false }
        throw DiskError(
            kind: .locked, operation: "lock", file: path(name),
            reason: "another process writes this data directory")
    }
}

private final class PosixWritableFile: WritableFile {
    private let descriptor: Int32
    private let name: String

    init(descriptor: Int32, name: String) {
        self.descriptor = descriptor
        self.name = name
    }

    deinit { close(descriptor) }

    func append(_ bytes: UnsafeRawBufferPointer) throws(DiskError) {
        var rest = bytes
        while !rest.isEmpty {
            let written = write(descriptor, rest.baseAddress, rest.count)
            if written < 0 {
                if errno == EINTR { continue }
                throw failure("append", name)
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[written...])
        }
    }

    func sync() throws(DiskError) {
        while fdatasync(descriptor) != 0 {
            if errno != EINTR { throw failure("sync", name) }
        }
    }
}

private final class PosixReadableFile: ReadableFile {
    private let descriptor: Int32
    private let name: String

    init(descriptor: Int32, name: String) {
        self.descriptor = descriptor
        self.name = name
    }

    deinit { close(descriptor) }

    var byteCount: Int {
        get throws(DiskError) {
            var status = stat()
            guard fstat(descriptor, &status) == 0 else { throw failure("measure", name) }
            return Int(status.st_size)
        }
    }

    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(DiskError) {
        var done = 0
        while done < buffer.count {
            let count = pread(
                descriptor, buffer.baseAddress! + done, buffer.count - done, off_t(offset + done))
            if count < 0 {
                if errno == EINTR { continue }
                throw failure("read", name)
            }
            guard count > 0 else {
                throw DiskError(
                    kind: .pastEnd, operation: "read", file: name,
                    reason: "the file ends at byte \(offset + done), \(buffer.count - done) bytes early")
            }
            done += count
        }
    }

    func settle() throws(DiskError) {
        while fdatasync(descriptor) != 0 {
            if errno != EINTR { throw failure("sync", name) }
        }
        // To the end of the file. Only clean pages go; all are clean now, also those that a failed sync left so.
        let code = posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
        guard code == 0 else {
            errno = code
            throw failure("uncache", name)
        }
    }

    func willRead(at offset: Int, byteCount: Int) {
        _ = posix_fadvise(descriptor, off_t(offset), off_t(byteCount), POSIX_FADV_WILLNEED)
    }
}

/// The last call's errno as an error. Called before anything else can change errno.
private func failure(_ operation: String, _ file: String) -> DiskError {
    let code = errno
    let kind: DiskError.Kind =
        switch code {
        case ENOSPC, EDQUOT: .outOfSpace
        case ENOENT: .notFound
        case EEXIST: .exists
        case EACCES, EPERM: .denied
        default: .other
        }
    return DiskError(
        kind: kind, operation: operation, file: file, reason: String(cString: strerror(code)))
}
