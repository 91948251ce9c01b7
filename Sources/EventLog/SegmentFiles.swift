// Open segment files, shared by all readers.
//
// Invariants:
//  * A reader of an older index can finish after its segments were replaced: what it may ask for was
//    opened, in its table, before the files' names went; however many replacements ago it began.
//  * The bytes of a replaced segment leave the disk when the last such reader is done: its table is
//    then the last to hold the file.

import Disk
import Segments
import Synchronization

/// The files that readers of one time may ask for. A file that was asked for stays open as long as this.
package final class SegmentFiles: Sendable {
    private let files: any FileSystem
    private let directory: String
    private let open: Mutex<[UInt64: SegmentFile]>
    /// The tables of before, as long as readers hold them.
    private let older: [Older]

    private struct Older: Sendable {
        weak let table: SegmentFiles?
    }

    /// - Parameter opened: files that were opened before, as their names may go meanwhile.
    package init(files: any FileSystem, directory: String, opened: [SegmentFile] = []) {
        self.files = files
        self.directory = directory
        open = Mutex(Dictionary(opened.map { ($0.number, $0) }) { first, _ in first })
        older = []
    }

    private init(after table: SegmentFiles, holding opened: [UInt64: SegmentFile]) {
        files = table.files
        directory = table.directory
        open = Mutex(opened)
        older = table.older.filter { $0.table != nil } + [Older(table: table)]
    }

    /// The segment of that number, opened where nobody has asked for it yet. Throws `.disk` where that fails.
    package func segment(_ number: UInt64) throws(SegmentError) -> SegmentFile {
        if let known = open.withLock({ $0[number] }) { return known }
        let file = try SegmentFile(opening: number, in: directory, on: files)
        return open.withLock { table in
            if let known = table[number] { return known }
            table[number] = file
            return file
        }
    }

    /// The table for readers to come: without `sources`, which this one and those before it keep for
    /// the readers that are there.
    func without(_ sources: Set<UInt64>) -> SegmentFiles {
        // One that cannot be opened now could not be read before either.
        let opened = sources.compactMap { try? segment($0) }
        for older in older { older.table?.hold(opened) }
        return SegmentFiles(after: self, holding: open.withLock { $0.filter { !sources.contains($0.key) } })
    }

    private func hold(_ opened: [SegmentFile]) {
        open.withLock { table in
            for file in opened where table[file.number] == nil { table[file.number] = file }
        }
    }
}
