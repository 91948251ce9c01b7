// What one request brings to a server: records of a chunk, which can be cut where the server has the first of them.
//
// Invariants:
//  * Cut behind records that were all there was, the first part is what was sent then, byte for byte.
//  * A beginning is the same however far the file has grown.

import Bytes
import HTTPAPI
import Wire

/// Records of a chunk that are not sent yet.
enum SentPiece {
    /// A slice of the chunk's text, without the space at its ends; never empty.
    case lines(ArraySlice<UInt8>)
    /// A stream that stands alone, and is not too large for a request.
    case arrow([UInt8])

    static let linesType = "application/x-ndjson"

    static func all(of chunk: RecordChunk) throws -> [SentPiece] {
        guard chunk.kind == .arrow else { return lines(behind: chunk.text[...]).map { [$0] } ?? [] }
        return try ArrowSplit.bodies(of: chunk.text, byteCountMax: APIServer.bodyByteCountMax)
            .map { .arrow($0) }
    }

    static func lines(behind text: ArraySlice<UInt8>) -> SentPiece? {
        let trimmed = text.trimmed
        return trimmed.isEmpty ? nil : .lines(trimmed)
    }

    /// Lines of the file before the piece, one of lines of JSON.
    func linesBefore(in chunk: RecordChunk) -> Int {
        guard case .lines(let text) = self else { return chunk.linesBefore }
        return chunk.linesBefore + chunk.text[..<text.startIndex].count { $0 == 0x0A }
    }

    var body: [UInt8] {
        switch self {
        case .lines(let text): Array(text)
        case .arrow(let bytes): bytes
        }
    }

    var mediaType: String {
        switch self {
        case .lines: SentPiece.linesType
        case .arrow: "application/vnd.apache.arrow.stream"
        }
    }

    /// Of the first record, or of the first record batch that has any: it stays when the file grows.
    func beginning() throws -> Fingerprint {
        switch self {
        case .lines(let text):
            text[..<(text.end(ofRecord: 1) ?? text.endIndex)].withUnsafeBytes { Fingerprint($0) }
        case .arrow(let bytes):
            try (ArrowSplit.first(1, of: bytes)?.piece.bytes ?? bytes).withUnsafeBytes { Fingerprint($0) }
        }
    }

    /// The first `count` records, as they were sent when they were all, and the rest; nil where there are fewer,
    /// or a record batch goes on behind them that was not cut there when they were sent.
    func cut(behind count: Int) throws -> (body: [UInt8], rest: [SentPiece])? {
        switch self {
        case .lines(let text):
            guard let end = text.end(ofRecord: count) else { return nil }
            return (Array(text[..<end]), SentPiece.lines(behind: text[end...]).map { [$0] } ?? [])
        case .arrow(let bytes):
            guard let (first, rest) = try ArrowSplit.first(count, of: bytes) else { return nil }
            if first.rowCount == count {
                // All of it is what it is, with whatever stands behind its last batch.
                return rest.map { (first.bytes, [.arrow($0.bytes)]) } ?? (bytes, [])
            }
            return try Self.cut(bytes, within: count)
        }
    }

    /// The same where the record batch that the piece begins with was sent in slices, each as many times cut as was
    /// needed.
    private static func cut(_ bytes: [UInt8], within count: Int) throws -> (body: [UInt8], rest: [SentPiece])?
    {
        guard let (batch, behind) = try ArrowSplit.first(1, of: bytes), batch.rowCount > count else {
            return nil
        }
        var rest = behind.map { [SentPiece.arrow($0.bytes)] } ?? []
        var piece = batch.bytes
        while let parts = try ArrowSplit.smaller(piece), let first = parts.first {
            guard first.rowCount >= count else { return nil }
            rest = parts.dropFirst().map { .arrow($0.bytes) } + rest
            if first.rowCount == count { return (first.bytes, rest) }
            piece = first.bytes
        }
        return nil
    }
}

extension ArraySlice<UInt8> {
    /// Without the space at its ends, so that the same records are the same bytes wherever a file ends.
    fileprivate var trimmed: ArraySlice<UInt8> {
        guard let first = firstIndex(where: { !$0.isJSONSpace }),
            let last = lastIndex(where: { !$0.isJSONSpace })
        else { return self[endIndex...] }
        return self[first...last]
    }

    /// Where the record of that number ends, counted from 1; nil where there are fewer, or none is closed.
    fileprivate func end(ofRecord number: Int) -> Int? {
        let ends = recordEnds(upTo: number)
        return ends.count == number ? ends.last : nil
    }
}
