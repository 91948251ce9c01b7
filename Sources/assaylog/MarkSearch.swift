// Which mark of earlier imports tells how far a file is in the log: of those that fit it the farthest.
//
// Invariants:
//  * A mark fits a file that holds what was read up to its place, byte for byte, whatever the file is called.
//  * A place from which an import of the file went on is none to go on at where the file has changed behind it since:
//    records would be stored twice. But where the file ends there, all of it is in the log.
//  * An import that --again asked for has come as far as its own mark says, whatever was there before.

import Bytes
import Store

struct MarkSearch {
    let file: InputFile
    /// The file's, as marks have it.
    let path: String
    let byteCount: Int
    /// Bytes among which one has changed since an import of the file; nil where none is known.
    private(set) var changed: Range<Int>?
    /// Places that imports went on from which the file has changed since: none to go on at.
    private var gone: Set<ImportMark.Place> = []

    init(file: InputFile, path: String, byteCount: Int) {
        self.file = file
        self.path = path
        self.byteCount = byteCount
    }

    /// The mark to go on from, of those that an earlier import left, newest first; nil where none fits.
    mutating func farthest(of marks: [ImportMark]) throws -> ImportMark? {
        // The farthest, for all before its place is there, and another file may begin like this one.
        var found: ImportMark?
        for mark in marks {
            let isOwnAgain = mark.isAgain && mark.path.isExactly(path)
            let isFarther = found.map { mark.isFarther(than: $0) } ?? true
            guard isOwnAgain || isFarther, try fits(mark) else { continue }
            found = mark
            if isOwnAgain { break }
        }
        return found
    }

    private mutating func fits(_ mark: ImportMark) throws -> Bool {
        // What is whole in the log is there, whatever became of the file in between.
        if mark.byteCount < byteCount, let place = mark.place, gone.contains(place) { return false }
        let isAlike =
            try mark.byteCount <= byteCount
            && mark.digest
                == ImportMark.digest(upTo: mark.byteCount, read: { try file.read(at: $0, byteCount: $1) })
        let change = try isAlike ? self.change(since: mark) : nil
        if isAlike && change == nil { return true }
        changed = changed ?? change
        if isAlike || mark.path.isExactly(path) { gone.formUnion(mark.earlier) }
        return false
    }

    /// The bytes of the file among which one has changed since the mark; nil where none has. The mark's own
    /// checksum decides; earlier places only tell where.
    private func change(since mark: ImportMark) throws -> Range<Int>? {
        guard let whole = mark.place else { return nil }
        var last = ImportMark.Place.start
        var change: Range<Int>?
        for place in mark.earlier + [whole] {
            let checksum = try file.checksum(last.checksum, from: last.byteCount, to: place.byteCount)
            if checksum != place.checksum { change = change ?? last.byteCount..<place.byteCount }
            last = ImportMark.Place(
                byteCount: place.byteCount, checksum: checksum, rowsLeft: place.rowsLeft)
        }
        return last == whole ? nil : change
    }
}
