// Open segment files, shared by all readers.
//
// Invariant: a file stays open while the log is, so that a reader of an older index can finish
// after its segment was replaced.

import Disk
import Segments
import Synchronization

package final class SegmentFiles: Sendable {
    private let files: any FileSystem
    private let directory: String
    private let open = Mutex<[UInt64: SegmentFile]>([:])

    init(files: any FileSystem, directory: String) {
        self.files = files
        self.directory = directory
    }

    package func segment(_ number: UInt64) throws(SegmentError) -> SegmentFile {
        if let known = open.withLock({ $0[number] }) { return known }
        let file = try SegmentFile(opening: number, in: directory, on: files)
        return open.withLock { table in
            if let known = table[number] { return known }
            table[number] = file
            return file
        }
    }
}
