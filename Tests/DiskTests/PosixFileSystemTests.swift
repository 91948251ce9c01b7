// Invariants checked: those at the heads of PosixFileSystem.swift and FileSystem.swift that a
// running machine can show; what a power cut leaves is the simulated disk's to show.

import Disk
import Glibc
import Testing

/// A directory of the test's own, gone when the test is.
final class ScratchDirectory {
    let path: String

    init() throws {
        var template = Array("/tmp/assaylog-test-XXXXXX".utf8CString)
        path = try #require(mkdtemp(&template).map { String(cString: $0) })
    }

    deinit { ScratchDirectory.remove(path) }

    private static func remove(_ path: String) {
        if let names = try? PosixFileSystem(root: path).list("") {
            for name in names { remove(path + "/" + name) }
        }
        _ = Glibc.remove(path)
    }
}

@Suite struct PosixFileSystemTests {
    private let scratch: ScratchDirectory
    private let files: PosixFileSystem

    init() throws {
        scratch = try ScratchDirectory()
        files = PosixFileSystem(root: scratch.path)
    }

    private func kind(_ body: () throws(DiskError) -> Void) -> DiskError.Kind? {
        do throws(DiskError) {
            try body()
            return nil
        } catch { return error.kind }
    }

    @Test("what is appended is read back, at every place and length")
    func appendAndRead() throws {
        let file = try files.create("a")
        var expected: [UInt8] = []
        for count in [0, 1, 5, 300, 70_000] {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ count) }
            try file.append(bytes)
            expected += bytes
        }
        try file.sync()
        let reader = try files.open("a")
        #expect(try reader.byteCount == expected.count)
        for (offset, count) in [
            (0, 0), (0, 1), (3, 100), (306, 70_000), (expected.count, 0), (0, expected.count),
        ] {
            #expect(try reader.read(at: offset, byteCount: count) == Array(expected[offset..<offset + count]))
        }
    }

    @Test("a read past the end is an error that says where the file ends")
    func pastEnd() throws {
        try files.create("a").append([1, 2, 3])
        let reader = try files.open("a")
        for (offset, count) in [(0, 4), (2, 2), (3, 1), (900, 1)] {
            let error = #expect(throws: DiskError.self) { try reader.read(at: offset, byteCount: count) }
            #expect(error?.kind == .pastEnd && error?.file == "a" && error?.operation == "read")
        }
    }

    @Test("announcing a read changes nothing that is read, wherever it is said to be")
    func willRead() throws {
        try files.create("a").append([1, 2, 3])
        let reader = try files.open("a")
        for (offset, byteCount) in [
            (0, 3), (1, 1), (0, 0), (3, 1), (100, 1 << 20), (Int.max - 10, 5), (0, .max),
        ] {
            reader.willRead(at: offset, byteCount: byteCount)
            #expect(try reader.read(at: 0, byteCount: 3) == [1, 2, 3] && reader.byteCount == 3)
        }
    }

    @Test("an open reader sees what is appended later, and reads on after the name is gone")
    func openReader() throws {
        let file = try files.create("a")
        let reader = try files.open("a")
        try file.append([1])
        #expect(try reader.byteCount == 1)
        try files.remove("a")
        try file.append([2])
        #expect(try reader.read(at: 0, byteCount: 2) == [1, 2])
    }

    @Test("errors say which file and what kind")
    func errors() throws {
        _ = try files.create("here")
        #expect(kind { () throws(DiskError) in _ = try files.open("nowhere") } == .notFound)
        #expect(kind { () throws(DiskError) in _ = try files.create("here") } == .exists)
        #expect(kind { () throws(DiskError) in try files.remove("nowhere") } == .notFound)
        #expect(kind { () throws(DiskError) in try files.rename("nowhere", to: "there") } == .notFound)
        #expect(kind { () throws(DiskError) in _ = try files.list("nowhere") } == .notFound)
        #expect(kind { () throws(DiskError) in try files.syncDirectory("nowhere") } == .notFound)
        #expect(kind { () throws(DiskError) in _ = try files.create("no/where") } == .notFound)
        let error = #expect(throws: DiskError.self) { try files.open("nowhere") }
        #expect(error.map { "\($0)" } == "open of nowhere failed: No such file or directory")
    }

    @Test("what may not be done is told from other failures, with its remedy")
    func denied() throws {
        // Nobody may remove a file of this one, also who may do anything else.
        let error = #expect(throws: DiskError.self) {
            try PosixFileSystem(root: "/proc/self").remove("status")
        }
        #expect(error?.kind == .denied)
        #expect(error?.description.contains("; give the user that this runs as the right to it") == true)
    }

    @Test("a link that leads nowhere is called that where a directory is to be made")
    func danglingLink() throws {
        let link = scratch.path + "/link"
        #expect(symlink(scratch.path + "/nowhere", link) == 0)
        let error = #expect(throws: DiskError.self) { try PosixFileSystem(root: link).createDirectory("") }
        #expect(error?.reason.contains("a link that leads nowhere") == true)
        try files.create("file").sync()
        let other = #expect(throws: DiskError.self) { try files.createDirectory("file") }
        #expect(other?.reason == "a file that is no directory has this name")
    }

    @Test("a lock that cannot be opened names its directory and what is needed there")
    func lockThatCannotBeOpened() throws {
        // A directory of the name is refused to everybody, also to who may do anything.
        try files.createDirectory("LOCK")
        let error = #expect(throws: DiskError.self) { try files.lock("LOCK") }
        #expect(error?.kind == .other && error?.file == scratch.path + "/LOCK")
        #expect(error?.reason.contains("must be able to write in it") == true)
    }

    @Test("a rename takes the place of what had the name")
    func rename() throws {
        try files.create("old").append([1])
        try files.create("new").append([2])
        try files.rename("new", to: "old")
        try files.syncDirectory("")
        #expect(try files.list("") == ["old"])
        #expect(try files.open("old").read(at: 0, byteCount: 1) == [2])
    }

    @Test("directories are made with their parents, once or again, and listed apart")
    func directories() throws {
        for root in [scratch.path + "/a/b/c", scratch.path + "/a/b/d/"] {
            let deep = PosixFileSystem(root: root)
            try deep.createDirectory("")
            try deep.createDirectory("")
            try deep.createDirectory("derived")
            _ = try deep.create("one")
            _ = try deep.create("derived/two")
            try deep.syncDirectory("derived")
            #expect(try deep.list("").sorted() == ["derived", "one"])
            #expect(try deep.list("derived") == ["two"])
        }
        _ = try files.create("file")
        #expect(kind { () throws(DiskError) in try files.createDirectory("file") } == .other)
        #expect(kind { () throws(DiskError) in try files.createDirectory("file/below") } == .other)
    }

    @Test("a directory that exists is fine wherever it lies, also where nothing can be synced")
    func existing() throws {
        for root in ["/", "/proc", "/proc/self", "."] { try PosixFileSystem(root: root).createDirectory("") }
        try PosixFileSystem(root: "/proc").createDirectory("self/fd")
    }

    @Test("a relative root is below the working directory")
    func relativeRoot() throws {
        // The working directory is the process's, so only what does not change it is asked here.
        #expect(
            kind { () throws(DiskError) in _ = try PosixFileSystem(root: "no-such-dir").list("") }
                == .notFound)
        #expect(!(try PosixFileSystem(root: ".").list("")).isEmpty)
        #expect(!(try PosixFileSystem(root: "/").list("")).isEmpty)
    }

    @Test("a lock keeps every other lock out until it is let go, within one process too")
    func lock() throws {
        // flock belongs to the open file, not to the process: a second opening is another holder.
        var held: (any Sendable)? = try files.lock("LOCK")
        let error = #expect(throws: DiskError.self) { try files.lock("LOCK") }
        #expect(error?.kind == .locked)
        // Also where somebody has taken the file for a stale one.
        try files.remove("LOCK")
        #expect(#expect(throws: DiskError.self) { try files.lock("LOCK") }?.kind == .locked)
        #expect(error.map { "\($0)" }?.hasSuffix("stop the other process, or ask it over HTTP") == true)
        #expect(held != nil)
        held = nil
        _ = try files.lock("LOCK")
        #expect(try files.list("") == ["LOCK"])
    }

    @Test("a lock dies with the process that held it")
    func lockOfADeadProcess() throws {
        // A child that takes the lock and is killed: `flock` of util-linux, which becomes `sleep` and holds it.
        var child = pid_t()
        let arguments = ["flock", "--no-fork", scratch.path + "/LOCK", "sleep", "30"]
        var cArguments: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for argument in cArguments { free(argument) } }
        let problem = posix_spawnp(&child, "flock", nil, nil, &cArguments, environ)
        try #require(problem == 0, "flock of util-linux is needed: \(String(cString: strerror(problem)))")
        var wasLocked = false
        for _ in 0..<500 {
            usleep(10_000)
            if kind({ () throws(DiskError) in _ = try files.lock("LOCK") }) == .locked {
                wasLocked = true
                break
            }
        }
        #expect(wasLocked)
        kill(child, SIGKILL)
        var status: Int32 = 0
        #expect(waitpid(child, &status, 0) == child)
        // Nobody released it: the system did.
        _ = try files.lock("LOCK")
    }
}
