// A file of records in pieces that end between two records: what one commit takes.
//
// NDJSON is cut at its newlines. A JSON list is made lines on the way, byte for byte, so that
// places stay places: its brackets become spaces, the commas between records newlines.
//
//     [{"a":1},          {"a":1}⏎
//      {"a":2}]    ──►   ⏎{"a":2}·       (a blank line means nothing)
//
// Invariants:
//  * The chunks' texts follow each other and are the whole file, but for those replaced bytes.
//  * No chunk has more than `rowCountMax` lines or, unless one record is longer, `byteCountMax` bytes.
//  * A list that is cut, or has anything but records and commas, is refused at its place.

import Glibc
import Wire

struct RecordChunk {
    enum Kind {
        /// Lines of JSON as they stand in the file, but for the brackets of a list.
        case lines
        /// Lines of JSON made of something else: places in them are not places in the file.
        case converted
        /// A stream of Arrow that stands alone.
        case arrow
    }

    /// Records: one or more lines each, or Arrow.
    var text: [UInt8]
    var kind = Kind.lines
    /// Where in the file the records begin and end.
    var start: Int
    var end: Int
    /// Lines before it, of a file of lines; records, of any other.
    var linesBefore: Int
    /// Of converted text, where in the file each record ends.
    var rowEnds: [Int] = []
    /// Of Arrow, where in the file each record batch ends.
    var batchEnds: [Int] = []
    /// Of Arrow, how many rows the text has, as its record batches say.
    var rowCount = 0
    /// Of Arrow, those of the text's rows that it is of; nil for all.
    var rows: Range<Int>?
    /// Rows before its end in the file that are behind its own: those of a record batch that is cut.
    var rowsLeft = 0
}

/// Cuts a file into chunks.
protocol ChunkReader {
    /// What lines are counted by: lines, or the records of a file that has none.
    var unit: String { get }

    /// The next chunk; nil after the last.
    mutating func chunk() throws -> RecordChunk?
}

extension InputFile {
    /// The chunks of the file from `offset` on, which is 0 or where an earlier chunk ended, and before them the rows
    /// that this one left. Its first bytes say what it holds, but for CSV, which is known by the name's ending or by
    /// being told.
    func chunks(from offset: Int, rowsLeft: Int = 0, isCSV: Bool) throws -> any ChunkReader {
        let opening = try peek(8)
        if ArrowCutter.isArrow(opening) { return ArrowChunks(self, from: offset, rowsLeft: rowsLeft) }
        if isCSV || name.lowercased().hasSuffix(".csv") { return try CSVChunks(self, from: offset) }
        return try RecordChunks(self, from: offset)
    }
}

struct RecordChunks: ChunkReader {
    /// Rows of one commit: their sync is then a small part of the work, and what a crash costs too.
    static let rowCountMax = 10_000
    /// Bytes of one commit: as many as the log gathers into one envelope.
    static let byteCountMax = 16 << 20
    /// A record longer than this is refused: it is surely not one.
    static let recordByteCountMax = 64 << 20

    private enum Shape {
        case lines
        case list
    }

    private let file: InputFile
    private var shape: Shape?
    /// Bytes read and not yet given.
    private var pending: [UInt8] = []
    /// Where in the file `pending` begins.
    private var start: Int
    private var linesBefore = 0
    private var isAtEnd = false

    // The scan of `pending`.
    private var scanned = 0
    private var lastCut = 0
    private var cutCount = 0

    // Inside a list.
    private var depth = 0
    private var string = JSONStringBytes()
    private var hasRecord = false
    /// Behind a comma a record must come.
    private var wantsRecord = false
    private var isListEnded = false

    /// - Parameter offset: where to begin; 0, or where an earlier chunk ended.
    init(_ file: InputFile, from offset: Int = 0) throws {
        self.file = file
        start = offset
        if offset > 0 {
            let opening = try file.read(at: 0, byteCount: min(offset, InputFile.pieceByteCount))
            shape = try shape(of: opening)
            // No chunk but the last ends with its file: then the list was closed.
            isListEnded = offset == file.byteCount
            (depth, wantsRecord) = isListEnded ? (0, false) : (1, true)
            try file.seek(to: offset)
        }
    }

    var unit: String { shape == .list ? "record" : "line" }

    mutating func chunk() throws -> RecordChunk? {
        while true {
            if shape == .list { try scanList() } else { scanLines() }
            if isFull { break }
            if isAtEnd {
                guard shape != .list || isListEnded else {
                    throw CommandFailure(
                        "\(file.name): the list is not closed; "
                            + "the file is cut at byte \(start + pending.count)"
                    )
                }
                lastCut = pending.count
                break
            }
            guard pending.count - lastCut <= RecordChunks.recordByteCountMax else {
                throw CommandFailure(
                    "\(file.name): the \(unit) that begins at byte \(start + lastCut) is longer than "
                        + Quantity.bytes(RecordChunks.recordByteCountMax))
            }
            isAtEnd = try !file.read(onto: &pending)
            if shape == nil { shape = try shape(of: pending) }
        }
        guard lastCut > 0 else { return nil }
        let chunk = RecordChunk(
            text: Array(pending[..<lastCut]), start: start, end: start + lastCut, linesBefore: linesBefore)
        pending.removeFirst(lastCut)
        start += lastCut
        linesBefore += cutCount
        scanned -= lastCut
        (lastCut, cutCount) = (0, 0)
        return chunk
    }

    /// Whether what is scanned makes a chunk.
    private var isFull: Bool {
        cutCount >= RecordChunks.rowCountMax || lastCut >= RecordChunks.byteCountMax
    }

    // MARK: Shape

    /// The first byte that is no space says what the file is.
    private func shape(of opening: [UInt8]) throws -> Shape? {
        guard let first = opening.first(where: { !$0.isJSONSpace }) else { return nil }
        switch first {
        case UInt8(ascii: "{"): return .lines
        case UInt8(ascii: "["): return .list
        default: break
        }
        let known: [([UInt8], String)] = [
            ([0x1F, 0x8B], "is compressed by gzip: `gzip -dc FILE | assaylog append … -`"),
            ([0x28, 0xB5, 0x2F, 0xFD], "is compressed by zstd: `zstd -dc FILE | assaylog append … -`"),
            (Array("PAR1".utf8), "is a Parquet file, which is not read: save it as NDJSON"),
            ([0xEF, 0xBB, 0xBF], "begins with a byte order mark: remove its first three bytes"),
        ]
        let problem =
            known.first { opening.starts(with: $0.0) }?.1
            ?? "holds no records: it begins neither with \"{\" (one record a line) "
            + "nor with \"[\" (a list of records), nor is it Arrow; if it is CSV, say so with --csv"
        throw CommandFailure("\(file.name) \(problem)")
    }

    // MARK: Lines

    private mutating func scanLines() {
        pending.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            while scanned < bytes.count, !isFull {
                guard let found = memchr(base + scanned, 0x0A, bytes.count - scanned) else {
                    scanned = bytes.count
                    return
                }
                scanned = UnsafeRawPointer(found) - base + 1
                lastCut = scanned
                cutCount += 1
            }
        }
    }

    // MARK: Lists

    private mutating func scanList() throws {
        while scanned < pending.count, !isFull {
            let byte = pending[scanned]
            if string.isOpen {
                string.take(byte)
                scanned += 1
                continue
            }
            switch byte {
            case UInt8(ascii: "\"") where depth > 1: string.open()
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                if depth == 0 {
                    guard byte == UInt8(ascii: "["), !isListEnded else { throw unexpected("behind the list") }
                    pending[scanned] = 0x20
                } else if depth == 1 {
                    guard byte == UInt8(ascii: "{"), !hasRecord else {
                        throw unexpected("where a comma is wanted")
                    }
                    (hasRecord, wantsRecord) = (true, false)
                }
                depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                if depth == 0 {
                    guard byte == UInt8(ascii: "]"), !wantsRecord else {
                        throw unexpected("where the list ends")
                    }
                    pending[scanned] = 0x20
                    isListEnded = true
                }
            case UInt8(ascii: ",") where depth == 1:
                guard hasRecord else { throw unexpected("where a record is wanted") }
                (hasRecord, wantsRecord) = (false, true)
                pending[scanned] = 0x0A
                lastCut = scanned + 1
                cutCount += 1
            case 0x20, 0x09, 0x0A, 0x0D: break
            default:
                guard depth > 1 else { throw unexpected("where a record is wanted") }
            }
            scanned += 1
        }
    }

    private func unexpected(_ place: String) -> CommandFailure {
        let text = String(decoding: pending[scanned...].prefix(12), as: UTF8.self)
        let found = isListEnded ? "behind the list" : place
        return CommandFailure(
            "\(file.name): \"\(text)\" stands \(found), at byte \(start + scanned)"
        )
    }
}

extension RecordChunk {
    /// The refusal of the chunk, with the line or record in the whole file.
    func located(_ error: RecordParseError, in file: InputFile, counting unit: String) -> CommandFailure {
        let isList = unit == "record"
        switch error {
        case .malformed(let row, let problem):
            // What is missing at the very end is missing from the last line that says something.
            let isAtEnd = problem.offset >= text.count
            let last = text.lastIndex { !$0.isJSONSpace } ?? -1
            let newlines = text[..<(isAtEnd ? last + 1 : problem.offset)].count { $0 == 0x0A }
            return CommandFailure(
                "\(file.name), \(unit) \(linesBefore + (isList ? row ?? newlines : newlines) + 1)"
                    + (kind == .lines ? ", at byte \(start + problem.offset)" : "") + ": \(problem.problem)")
        case .refused(let row, let field, let problem):
            return CommandFailure(
                "\(file.name), \(unit) \(linesBefore + (isList ? row : line(ofRow: row)) + 1), "
                    + "field \"\(field)\": \(problem)")
        case .tooLarge(let problem):
            return CommandFailure("\(file.name), after \(unit) \(linesBefore): \(problem)")
        }
    }

    /// Lines before that of a row: blank lines hold none.
    private func line(ofRow row: Int) -> Int {
        var rest = row
        let lines = text.split(separator: 0x0A, omittingEmptySubsequences: false)
        let found = lines.firstIndex { line in
            guard line.contains(where: { ![0x20, 0x09, 0x0D].contains($0) }) else { return false }
            rest -= 1
            return rest < 0
        }
        return found ?? row
    }
}
