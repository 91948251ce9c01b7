// A real disk that is full, where one can be made: a small tmpfs, which takes the right to mount.
//
// Checked: appends are refused with the reason, reads go on, appends resume by themselves when there
// is room, and what was acknowledged is there when the log is opened again.

import CrashPoints
import Disk
import Glibc
import Simulation
import TestSupport
import Testing

@testable import EventLog

/// A file system of `byteCount` bytes, gone with the object; nil where it may not be mounted.
private final class SmallDisk {
    let path: String

    init?(byteCount: Int) {
        var template = Array("/tmp/assaylog-disk-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { return nil }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard mount("tmpfs", path, "tmpfs", 0, "size=\(byteCount)") == 0 else {
            rmdir(path)
            return nil
        }
    }

    deinit {
        umount2(path, Int32(MNT_DETACH))
        rmdir(path)
    }

    /// Takes all but about `rest` bytes with a file of this name.
    func fill(leaving rest: Int) throws {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { return }
        let free = Int(status.f_bavail) * Int(status.f_frsize)
        let file = try PosixFileSystem(root: path).create("filler")
        let page = [UInt8](repeating: 1, count: 4096)
        for _ in 0..<max(0, free - rest) / 4096 { try file.append(page) }
    }

    func free() throws { try PosixFileSystem(root: path).remove("filler") }
}

@Suite(.timeLimit(.minutes(10))) struct FullDiskTests {
    @Test("on a disk that is full appends are refused, reads go on, and appends resume when it has room")
    func fullDisk() async throws {
        guard let disk = SmallDisk(byteCount: 4 << 20) else {
            return print("skipped: a small file system is mounted by root alone")
        }
        let files = PosixFileSystem(root: disk.path + "/data")
        var configuration = LogConfiguration()
        configuration.segmentByteCountMax = 64 << 10
        configuration.recoveryIntervalMilliseconds = 2
        let (log, _) = try InferenceLog.open(configuration, on: files)
        var generator = SeededGenerator(seed: 3)
        let parts = (0..<40).map { number in
            Part(
                generator.records(count: 40, near: 1_700_000_000_000 + Int64(number)), topic: "t",
                partition: "p", isSmall: false)
        }
        var expected: [String] = []
        func append(_ number: Int) async throws {
            _ = try await log.append([parts[number % parts.count].item])
            expected += parts[number % parts.count].texts
        }
        for number in 0..<10 { try await append(number) }
        try disk.fill(leaving: 100 << 10)
        var refusalCount = 0
        for number in 10..<400 {
            do { try await append(number) } catch let error as LogError {
                #expect(error.isOutOfSpace, "\(error)")
                refusalCount += 1
                if refusalCount == 50 { break }
            }
        }
        #expect(refusalCount == 50)
        #expect(LogContents(log.snapshot()).records["t/p"] == expected, "reads go on")
        try disk.free()
        // Room alone brings it back: nobody appends while it waits.
        while log.state != .serving { try await Task.sleep(for: .milliseconds(1)) }
        for number in 0..<10 { try await append(number) }
        #expect(LogContents(log.snapshot()).records["t/p"] == expected)
        // As after a kill: the first log is not closed.
        let (snapshot, report) = try InferenceLog.openForReading(configuration, on: files)
        #expect(report.damages == [])
        #expect(LogContents(snapshot).records["t/p"] == expected)
        try await log.close()
    }
}
