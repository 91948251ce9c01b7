// What `--output` names: a file that takes its name when it is whole, or something else that stands there.
//
//     nothing, or a file             written beside it, then moved into its place
//     a link                         the same with what it leads to; the link stays
//     a device, a FIFO, a socket     written to as it is: it is no file, and is never replaced
//     what standard output is        written to that, as the shell set it up: behind what is there after `>>`
//
// Invariant: a file is either the whole answer or as it was before.

import Glibc

final class OutputFile {
    private let path: String
    /// Where it grows; nil where it is written in its place.
    private let temporaryPath: String?
    private let descriptor: Int32
    private var isKept = false

    /// Links that lead to links are followed as far as the system follows them.
    private static let linkCountMax = 40

    init(_ name: String) throws {
        var (there, standardOutput) = (stat(), stat())
        if stat(name, &there) == 0 {
            let isStandardOutput =
                fstat(STDOUT_FILENO, &standardOutput) == 0 && standardOutput.st_dev == there.st_dev
                && standardOutput.st_ino == there.st_ino
            guard !isStandardOutput else {
                (path, temporaryPath, descriptor) = (name, nil, dup(STDOUT_FILENO))
                guard descriptor >= 0 else { throw OutputFile.failure(name, "cannot be written") }
                return
            }
            guard there.st_mode & S_IFMT == S_IFREG else {
                // Waits for the reader of a FIFO; a directory is refused by the system.
                (path, temporaryPath, descriptor) = (name, nil, open(name, O_WRONLY | O_CLOEXEC))
                guard descriptor >= 0 else { throw OutputFile.failure(name, "cannot be written") }
                return
            }
        }
        path = try OutputFile.target(of: name)
        let temporaryPath = path + ".unfinished"
        self.temporaryPath = temporaryPath
        descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw OutputFile.failure(temporaryPath, "cannot be made") }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
        if let temporaryPath, descriptor >= 0, !isKept { unlink(temporaryPath) }
    }

    func write(_ bytes: [UInt8]) throws {
        try Output.write(bytes, to: descriptor, named: temporaryPath ?? path)
    }

    /// Ends the answer: it is whole now.
    func keep() throws {
        guard let temporaryPath else { return }
        guard fsync(descriptor) == 0, rename(temporaryPath, path) == 0 else {
            throw OutputFile.failure(path, "cannot be written")
        }
        isKept = true
    }

    /// Where links lead, also where nothing is there yet.
    private static func target(of name: String) throws -> String {
        var path = name
        for _ in 0..<linkCountMax {
            var there = stat()
            guard lstat(path, &there) == 0, there.st_mode & S_IFMT == S_IFLNK else { return path }
            var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
            let count = readlink(path, &bytes, bytes.count)
            guard count > 0 else { throw failure(path, "cannot be read") }
            let link = String(decoding: bytes.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
            let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
            path = link.hasPrefix("/") ? link : folder + link
        }
        throw CommandFailure("--output: \(name) is a link that leads to itself; remove it")
    }

    private static func failure(_ path: String, _ problem: String) -> CommandFailure {
        CommandFailure("--output: \(path) \(problem): \(String(cString: strerror(errno)))")
    }
}
