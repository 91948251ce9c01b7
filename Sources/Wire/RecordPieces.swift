// A large body of JSON rows read in pieces: the first ones while the rest is still on its way, and on as
// many cores as are free.
//
//     [{…},{…},{…} , {…},{…},{…} , {…},{…}]
//     └─ piece 1 ─┘ └─ piece 2 ─┘ └─ piece 3
//
// Where rows look to end, the body is cut. Whether they do is known only when all before is read: inside
// a text or a list the same bytes mean nothing. So each piece is read as if it began with a row, and
// must end with one; the first begins where the body does. If every piece does, every cut was right,
// the first by itself and each further one by the one before it. If one does not, the pieces say nothing,
// and the body is read as a whole.
//
// Invariants:
//  * What the pieces make together is what the whole body makes, or nothing.
//  * The pieces are the body, but for the whitespace and the comma between two of them.

import Records

/// Some rows of a body.
package struct RecordPiece: Sendable {
    package let bytes: [UInt8]
    package let isFirst: Bool
    package let isLast: Bool
}

/// Cuts a body as it comes.
package struct RecordCutter {
    /// Bytes from which on a piece is cut: reading it takes longer than handing it over.
    package static let pieceByteCount = 96 << 10
    /// How far back a cut is looked for; a row that is longer is not cut off by itself.
    private static let searchByteCount = 32 << 10

    private let text: RecordText
    private let byteCount: Int
    private var pending: [UInt8] = []
    private var hasCut = false

    package init(_ text: RecordText, byteCount: Int = pieceByteCount) {
        self.text = text
        self.byteCount = byteCount
    }

    /// Takes further bytes in.
    /// - Returns: a piece, where enough of them are there.
    package mutating func add(_ bytes: UnsafeRawBufferPointer) -> RecordPiece? {
        if pending.isEmpty { pending.reserveCapacity(2 * byteCount) }
        pending.append(contentsOf: bytes)
        guard pending.count >= byteCount, let cut = lastCut() else { return nil }
        let rest = Array(pending[cut.upperBound...])
        pending.removeLast(pending.count - cut.lowerBound)
        defer {
            pending = rest
            hasCut = true
        }
        return RecordPiece(bytes: pending, isFirst: !hasCut, isLast: false)
    }

    /// The bytes after the last piece.
    package mutating func finish() -> RecordPiece {
        defer { pending = [] }
        return RecordPiece(bytes: pending, isFirst: !hasCut, isLast: true)
    }

    /// What lies between the end of a row and the start of the next, as far as one can tell.
    private func lastCut() -> Range<Int>? {
        pending.withUnsafeBytes { bytes in
            var position = bytes.count - 1
            let least = max(1, bytes.count - Self.searchByteCount)
            while position >= least {
                if bytes[position] == UInt8(ascii: "{"), let end = rowEnd(bytes, before: position) {
                    return end..<position
                }
                position -= 1
            }
            return nil
        }
    }

    /// The end of the row before the one that begins at `position`; nil where there is none.
    private func rowEnd(_ bytes: UnsafeRawBufferPointer, before position: Int) -> Int? {
        var end = position
        var commaCount = 0
        var hasNewline = false
        while end > 0 {
            switch bytes[end - 1] {
            case 0x20, 0x09, 0x0D: break
            case 0x0A: hasNewline = true
            case UInt8(ascii: ","): commaCount += 1
            case UInt8(ascii: "}"):
                let isBetween = text == .array ? commaCount == 1 : commaCount == 0 && hasNewline
                return isBetween ? end : nil
            default: return nil
            }
            end -= 1
        }
        return nil
    }
}

extension ParsedRecords {
    /// All of a body's pieces together; nil where they are not to be had from them: then the body says
    /// what they are, or why it is refused.
    package init?(joining pieces: [ParsedRecords], float32Fields: Set<String>) {
        guard pieces.reduce(0, { $0 + $1.batch.rowCount }) <= RecordParser.rowCountMax,
            var batch = RecordBatch(concatenating: pieces.map(\.batch))
        else { return nil }
        var timeAbsent: [Int32] = []
        var start: Int32 = 0
        for piece in pieces {
            timeAbsent += piece.timeAbsent.map { $0 + start }
            start += Int32(piece.batch.rowCount)
        }
        if !float32Fields.isEmpty { batch.readAsFloat32(float32Fields) }
        self.init(batch: batch, timeAbsent: timeAbsent)
    }
}
