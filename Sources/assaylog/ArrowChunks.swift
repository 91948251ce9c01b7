// An Arrow IPC file or stream in pieces that end between two record batches: what one commit takes.
//
// Invariant: a chunk's text is a stream of Arrow that stands alone (ArrowCutter), and its end is a place
// in the file at which reading can go on.

import Wire

struct ArrowChunks: ChunkReader {
    private var cutter: ArrowCutter
    private let file: InputFile
    private let begin: Int
    private var last: Int
    private var rowCount = 0

    let unit = "record"

    /// - Parameter offset: where to begin; 0, or where an earlier chunk ended.
    init(_ file: InputFile, from offset: Int = 0) {
        self.file = file
        (begin, last) = (offset, offset)
        cutter = ArrowCutter(
            rowCountMax: RecordChunks.rowCountMax, byteCountMax: RecordChunks.byteCountMax
        ) { try file.read(upTo: $0) }
    }

    mutating func chunk() throws -> RecordChunk? {
        let piece: ArrowCutter.Piece?
        do { piece = try cutter.next(from: begin) } catch let error as ArrowError {
            throw CommandFailure("\(file.name): \(error)")
        }
        guard let piece else { return nil }
        defer { (last, rowCount) = (piece.end, rowCount + piece.rowCount) }
        return RecordChunk(
            text: piece.bytes, kind: .arrow, start: last, end: piece.end, linesBefore: rowCount,
            batchEnds: piece.batchEnds)
    }
}

extension RecordChunk {
    /// The refusal of a chunk of Arrow, with the record in the whole file.
    func located(_ error: ArrowError, in file: InputFile) -> CommandFailure {
        let place = "\(file.name), in the record batches from byte \(start) to \(end)"
        return switch error {
        case .refused(let field, let row?, let problem):
            CommandFailure("\(file.name), record \(linesBefore + row + 1), field \"\(field)\": \(problem)")
        default: CommandFailure("\(place): \(error)")
        }
    }
}
