// Where tests find the repository's files.
//
// No Foundation: the program of crash points stands on this target too, and is linked without it.

import Disk
import Glibc

package enum TestData {
    /// A file that is not there, or cannot be read.
    package struct Missing: Error, CustomStringConvertible {
        package var path: String
        package var reason: DiskError

        package var description: String {
            "\(path) cannot be read (\(reason)); set ASSAYLOG_ROOT to the repository"
        }
    }

    /// The repository: ASSAYLOG_ROOT, else three levels above this file, links resolved.
    package static let root: String = {
        if let named = getenv("ASSAYLOG_ROOT") { return String(cString: named) }
        guard let real = realpath(#filePath, nil) else { return "." }
        defer { free(real) }
        return String(cString: real).split(separator: "/").dropLast(3).map { "/" + $0 }.joined()
    }()

    /// The bytes of a file of the repository.
    package static func bytes(_ path: String) throws(Missing) -> [UInt8] {
        do throws(DiskError) {
            let file = try PosixFileSystem(root: root).open(path)
            return try file.read(at: 0, byteCount: try file.byteCount)
        } catch {
            throw Missing(path: "\(root)/\(path)", reason: error)
        }
    }

    /// The bytes of a model in Data/models.
    package static func model(_ name: String) throws(Missing) -> [UInt8] {
        try bytes("Data/models/\(name)")
    }
}
