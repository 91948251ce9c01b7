// An Arrow IPC file or stream in pieces that end between two record batches: what one commit takes.
//
// Invariant: a chunk's text is a stream of Arrow that stands alone (ArrowCutter), and its end is a place
// in the file at which reading can go on; where it is of some rows of a record batch, with those that are left of it.

import Wire

struct ArrowChunks: ChunkReader {
    private var cutter: ArrowCutter
    private let file: InputFile
    private let begin: Int
    private var last: Int
    private var rowCount = 0
    private var rowsLeft: Int

    let unit = "record"

    /// - Parameters:
    ///   - offset: where to begin; 0, or where an earlier chunk ended.
    ///   - rowsLeft: rows of the record batch that ends there to begin with.
    init(_ file: InputFile, from offset: Int = 0, rowsLeft: Int = 0) {
        self.file = file
        self.rowsLeft = rowsLeft
        (begin, last) = (offset, offset)
        cutter = ArrowCutter(
            rowCountMax: RecordChunks.rowCountMax, byteCountMax: RecordChunks.byteCountMax
        ) { try file.read(upTo: $0) }
    }

    mutating func chunk() throws -> RecordChunk? {
        if rowsLeft > 0 { return try remainder() }
        guard let piece = try piece(from: begin) else { return nil }
        defer { (last, rowCount) = (piece.end, rowCount + piece.rowCount) }
        return RecordChunk(
            text: piece.bytes, kind: .arrow, start: last, end: piece.end, linesBefore: rowCount,
            batchEnds: piece.batchEnds, rowCount: piece.rowCount)
    }

    /// What an earlier import left of the record batch that ends where it begins.
    private mutating func remainder() throws -> RecordChunk {
        guard let piece = try piece(from: begin - 1, rowCountMax: 1), piece.end == begin,
            rowsLeft < piece.rowCount
        else {
            throw CommandFailure(
                "\(file.name) has no record batch of over \(Quantity.of(rowsLeft, "record")) that ends at byte "
                    + "\(begin), where its import is to go on; import all of it once more with --again")
        }
        defer { (rowCount, rowsLeft) = (rowsLeft, 0) }
        return RecordChunk(
            text: piece.bytes, kind: .arrow, start: begin, end: begin, linesBefore: 0,
            batchEnds: piece.batchEnds,
            rowCount: piece.rowCount, rows: piece.rowCount - rowsLeft..<piece.rowCount)
    }

    private mutating func piece(from offset: Int, rowCountMax: Int? = nil) throws -> ArrowCutter.Piece? {
        do { return try cutter.next(from: offset, rowCountMax: rowCountMax) } catch let error as ArrowError {
            throw CommandFailure("\(file.name): \(error)")
        }
    }
}

extension RecordChunk {
    /// The records of a chunk of Arrow.
    func arrowRecords() throws(ArrowError) -> ParsedRecords {
        try ArrowReader.read(text, rows: rows, memoryByteCountMax: ArrowSplit.memoryByteCountMax)
    }

    /// The refusal of a chunk of Arrow, with the record in the whole file.
    func located(_ error: ArrowError, in file: InputFile) -> CommandFailure {
        let place =
            start < end
            ? "\(file.name), in the record batches from byte \(start) to \(end)"
            : "\(file.name), in the record batch that ends at byte \(end)"
        return switch error {
        case .refused(let field, let row?, let problem):
            CommandFailure("\(file.name), record \(linesBefore + row + 1), field \"\(field)\": \(problem)")
        default: CommandFailure("\(place): \(error)")
        }
    }
}
