// A long file or stream of Arrow IPC, cut between its record batches into bodies that stand alone.
//
//     schema  dict 0  batch  batch  dict 0'  batch      becomes
//     schema  dict 0  batch  batch                      one body
//     schema  dict 0'  batch                            the next
//
// An import takes a file piece by piece, each a commit of its own, and goes on behind a piece that was
// taken before. What is read is the stream; a file's footer, which would have to be sought, is not needed.
//
// Invariants:
//  * Every batch of the input is in one body, in order, behind the schema and the dictionaries it had.
//  * A body has at least one batch and ends once it has `rowCountMax` rows or `byteCountMax` bytes.
//  * Nothing is believed but lengths, which are bounded; what a body says is for ArrowReader to check.

import Bytes
import Records

/// Reads an input once, forwards, and holds one body of it.
package struct ArrowCutter {
    /// A body that stands alone, as a stream.
    package struct Piece {
        package var bytes: [UInt8]
        /// As its batches say, which is not checked here.
        package var rowCount: Int
        /// Where in the input each of its batches ends.
        package var batchEnds: [Int]

        /// Where in the input its last batch ends.
        package var end: Int { batchEnds.last ?? 0 }
    }

    /// The longest metadata of a message: schemas of every field that a record may have are shorter.
    static let metadataByteCountMax = 64 << 20

    private let rowCountMax: Int
    private let byteCountMax: Int
    /// Gives so many of the next bytes; fewer only at the end of the input.
    private let read: (Int) throws -> [UInt8]
    private var place = 0
    private var isFile = false
    private var schema: [UInt8] = []
    private var dictionaries: [(id: Int64, message: [UInt8])] = []
    private var isAtEnd = false

    /// - Parameters:
    ///   - rowCountMax: so many rows end a body; the batch that reaches them is still in it.
    ///   - byteCountMax: the same of bytes.
    ///   - read: gives so many of the next bytes; fewer only at the end of the input.
    package init(rowCountMax: Int, byteCountMax: Int, read: @escaping (Int) throws -> [UInt8]) {
        self.rowCountMax = rowCountMax
        self.byteCountMax = byteCountMax
        self.read = read
    }

    /// Whether an input that begins so is Arrow IPC.
    package static func isArrow(_ opening: [UInt8]) -> Bool {
        opening.starts(with: "ARROW1".utf8) || opening.starts(with: [0xFF, 0xFF, 0xFF, 0xFF])
    }

    /// The next body; nil after the last. Batches that end at or before `offset` are left out.
    ///
    /// - Parameter limit: so many rows end this body, where they are not those that end each.
    /// - Throws: `ArrowError` with the place in the input; what reading it throws.
    package mutating func next(from offset: Int = 0, rowCountMax limit: Int? = nil) throws -> Piece? {
        let rowCountMax = limit ?? self.rowCountMax
        var piece: Piece?
        while !isAtEnd {
            if let piece, piece.rowCount >= rowCountMax || piece.bytes.count >= byteCountMax { return piece }
            guard let message = try message() else {
                isAtEnd = true
                break
            }
            switch message.head.kind {
            case .schema:
                guard schema.isEmpty else {
                    throw malformed("a second schema begins; send it as a file of its own")
                }
                schema = message.bytes
            case .dictionary:
                let id = message.head.number
                if !message.head.isDelta { dictionaries.removeAll { $0.id == id } }
                dictionaries.append((id, message.bytes))
                if piece != nil { piece?.bytes += message.bytes }
            case .batch:
                guard !schema.isEmpty else { throw malformed("no schema stands before the first batch") }
                guard place > offset else { continue }
                var grown =
                    piece
                    ?? Piece(bytes: schema + dictionaries.flatMap(\.message), rowCount: 0, batchEnds: [])
                grown.bytes += message.bytes
                // The reader refuses what no batch has; here it only says when a body is full.
                grown.rowCount += Int(max(0, min(message.head.number, Int64(Int32.max))))
                grown.batchEnds.append(place)
                piece = grown
            }
        }
        return piece
    }

    private func malformed(_ problem: String) -> ArrowError {
        .malformed(byteOffset: place, field: nil, problem: problem)
    }
}

extension ArrowCutter {
    /// A message with its frame.
    private struct Message {
        var head: Head
        var bytes: [UInt8]
    }

    /// What is read of a message's metadata.
    private struct Head {
        var kind: ArrowMessage.Kind
        var bodyByteCount: Int64
        /// Of a batch, its rows; of a dictionary, its number.
        var number: Int64
        var isDelta: Bool

        init(_ metadata: ArrowBytes) throws(ArrowError) {
            let message = try ArrowFlatTable.root(of: metadata)
            let (kind, header) = try ArrowMessage.header(of: message, in: metadata)
            self.kind = kind
            bodyByteCount = try message.integer(3)
            number = kind == .schema ? 0 : try header.integer(0)
            isDelta = kind == .dictionary ? try header.bool(2) : false
        }

        static func read(_ metadata: [UInt8], place: Int) throws(ArrowError) -> Head {
            let result: Result<Head, ArrowError> = metadata.withUnsafeBytes { raw in
                do throws(ArrowError) { return .success(try Head(ArrowBytes(raw: raw, place: place))) } catch
                {
                    return .failure(error)
                }
            }
            return try result.get()
        }
    }

    /// The next message; nil at the end of the stream within the input.
    private mutating func message() throws -> Message? {
        if place == 0 {
            let opening = try take(8, "the beginning")
            isFile = opening.starts(with: "ARROW1".utf8)
            if !isFile { return try message(beginning: opening) }
        }
        let beginning = try read(8)
        place += beginning.count
        if beginning.count < 8 {
            // A stream may end without saying so; a file says where it ends.
            guard !isFile, beginning.isEmpty else { throw malformed("the input is cut short here") }
            return nil
        }
        return try message(beginning: beginning)
    }

    private mutating func message(beginning: [UInt8]) throws -> Message? {
        func word(_ bytes: ArraySlice<UInt8>) -> UInt32 {
            bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) }
        }
        guard word(beginning[..<4]) == ArrowMessages.continuation else {
            throw malformed(
                "no message begins here; write it with Arrow 0.15 or later (pyarrow: without use_legacy_format)"
            )
        }
        let byteCount = Int(word(beginning[4...]))
        if byteCount == 0 { return nil }
        guard byteCount <= Self.metadataByteCountMax else {
            throw malformed("a message is said to have \(byteCount) bytes of metadata")
        }
        let metadata = try take(byteCount, "a message's metadata")
        let said = try Head.read(metadata, place: place - byteCount)
        guard said.bodyByteCount >= 0,
            said.bodyByteCount <= Int64(RecordParser.bodyByteCountMax - byteCount - 8)
        else {
            // As many rows as go into a sixteenth of it.
            let rowCount =
                max(1, min(said.number, Int64(Int32.max)))
                / max(1, said.bodyByteCount / Int64(RecordParser.bodyByteCountMax / 16))
            throw ArrowError.tooLarge(
                "the record batch before byte \(place) has \(said.bodyByteCount) bytes, over the limit of "
                    + "\(RecordParser.bodyByteCountMax); write smaller ones "
                    + "(pyarrow: write_table(table, max_chunksize=\(max(1, rowCount))))")
        }
        let body = try take(Int(said.bodyByteCount), "a message's body")
        return Message(head: said, bytes: beginning + metadata + body)
    }

    /// So many bytes, all of them.
    private mutating func take(_ byteCount: Int, _ what: String) throws -> [UInt8] {
        let bytes = try read(byteCount)
        place += bytes.count
        guard bytes.count == byteCount else { throw malformed("the input is cut short in \(what)") }
        return bytes
    }
}
