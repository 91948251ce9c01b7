// A file that is read from its beginning or from a place in it, piece by piece; or standard input.

import Bytes
import Glibc

final class InputFile {
    /// "-" for standard input.
    let name: String
    private let isStandardInput: Bool
    private let descriptor: Int32
    /// The file's size; nil for what cannot be gone back to, as a pipe, or a file that somebody read the beginning
    /// of before: what is left is not what its places count from.
    let byteCount: Int?

    /// Bytes that were looked at and are read next.
    private var ahead: [UInt8] = []

    /// Bytes of one read: enough that a read costs little, little enough to hold.
    static let pieceByteCount = 1 << 20

    /// - Parameter name: a path, or "-".
    init(_ name: String) throws {
        isStandardInput = name == "-"
        self.name = name == "-" ? "standard input" : name
        descriptor = name == "-" ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw CommandFailure("\(name) cannot be opened: \(String(cString: strerror(errno)))")
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw CommandFailure("\(name) cannot be opened: \(String(cString: strerror(errno)))")
        }
        guard status.st_mode & S_IFMT != S_IFDIR else {
            throw CommandFailure("\(name) is a directory; name the files in it")
        }
        let isWhole = status.st_mode & S_IFMT == S_IFREG && lseek(descriptor, 0, SEEK_CUR) == 0
        byteCount = isWhole ? Int(status.st_size) : nil
    }

    deinit { if descriptor != STDIN_FILENO { close(descriptor) } }

    /// The path by which the file is found again from anywhere.
    var absolutePath: String {
        guard let path = realpath(isStandardInput ? "/dev/stdin" : name, nil) else { return name }
        defer { free(path) }
        return String(cString: path)
    }

    /// Goes on reading at `offset`.
    func seek(to offset: Int) throws {
        ahead = []
        guard lseek(descriptor, off_t(offset), SEEK_SET) >= 0 else { throw failure() }
    }

    /// Reads the next piece onto the end of `bytes`; false at the end of the file.
    func read(onto bytes: inout [UInt8]) throws -> Bool {
        if !ahead.isEmpty {
            bytes += ahead
            ahead = []
            return true
        }
        let piece = try [UInt8](unsafeUninitializedCapacity: InputFile.pieceByteCount) { buffer, count in
            while true {
                let found = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
                if found < 0 && errno == EINTR { continue }
                guard found >= 0 else { throw failure() }
                count = found
                return
            }
        }
        bytes += piece
        return !piece.isEmpty
    }

    /// The next `count` bytes, or all that there are, without moving on.
    func peek(_ count: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count, try read(onto: &bytes) {}
        ahead = bytes
        return Array(bytes.prefix(count))
    }

    /// Reads the next `count` bytes, or all that there are.
    func read(upTo count: Int) throws -> [UInt8] {
        while ahead.count < count {
            var bytes = ahead
            ahead = []
            let isThere = try read(onto: &bytes)
            ahead = bytes
            if !isThere { break }
        }
        let bytes = Array(ahead.prefix(count))
        ahead.removeFirst(bytes.count)
        return bytes
    }

    /// Reads `count` bytes at `offset`, without moving on.
    func read(at offset: Int, byteCount count: Int) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = 0
            while filled < count {
                let found = pread(
                    descriptor, buffer.baseAddress.map { $0 + filled }, count - filled, off_t(offset + filled)
                )
                if found < 0 && errno == EINTR { continue }
                guard found > 0 else {
                    throw found < 0 ? failure() : CommandFailure("\(name) became shorter")
                }
                filled += found
            }
        }
    }

    /// The CRC-32C of all bytes up to `end`, given that of those up to `start`; without moving on.
    func checksum(_ previous: UInt32, from start: Int, to end: Int) throws -> UInt32 {
        var checksum = previous
        var offset = start
        while offset < end {
            let piece = try read(at: offset, byteCount: min(InputFile.pieceByteCount, end - offset))
            checksum = piece.withUnsafeBytes { Checksum.crc32c($0, continuing: checksum) }
            offset += piece.count
        }
        return checksum
    }

    /// All of the file, if it holds no more than `limit` bytes.
    func all(upTo limit: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while try read(onto: &bytes) {
            guard bytes.count <= limit else { throw tooLong(limit) }
        }
        return bytes
    }

    /// The first line, without its end; empty where there is none. A short one: of a piece at most.
    func line() throws -> String {
        var bytes: [UInt8] = []
        // No further than it: at a terminal there is no end of the file.
        while !bytes.contains(0x0A), try read(onto: &bytes) {
            guard bytes.count <= InputFile.pieceByteCount else { throw tooLong(InputFile.pieceByteCount) }
        }
        var text = String(decoding: bytes.prefix { $0 != 0x0A }, as: UTF8.self)
        while text.last?.isNewline == true { text.removeLast() }
        return text
    }

    private func tooLong(_ limit: Int) -> CommandFailure {
        CommandFailure("\(name) holds over \(Quantity.bytes(limit)); give a shorter one")
    }

    private func failure() -> CommandFailure {
        CommandFailure("\(name) cannot be read: \(String(cString: strerror(errno)))")
    }
}
