// Records that one commit cannot hold together, halved. The chunk is the command's own choice: that its rows are
// too unlike, or have too many fields among them, is no fault of the file. Arrow is halved between its record batches;
// a batch that is too much by itself, as its writer chose it, is cut between its rows, where there is no place in the
// file: reading goes on at its end, less the rows that are left of it.
//
// Invariant: the parts are the chunk's records in order, at least one each, and reading can go on in the file at
// the place between them.

import Records
import Store
import Wire

/// A chunk is too large for one commit: nothing of it is stored.
struct TooLargeTogether: Error {
    /// What is to be said where it cannot be halved.
    let failure: any Error
}

extension RecordChunk {
    /// - Parameter unit: what the file's lines are counted by.
    /// - Returns: nil for a single record.
    func halves(counting unit: String) throws -> [RecordChunk]? {
        var (first, second) = (self, self)
        if kind == .arrow {
            guard rows == nil, let halves = try ArrowSplit.halves(of: text) else { return try parts() }
            let batchCount = halves.first.batchEnds.count
            (first.text, second.text) = (halves.first.bytes, halves.second.bytes)
            first.batchEnds = Array(batchEnds[..<batchCount])
            second.batchEnds = Array(batchEnds[batchCount...])
            (first.end, second.start) = (batchEnds[batchCount - 1], batchEnds[batchCount - 1])
            (first.rowCount, second.rowCount) = (halves.first.rowCount, halves.second.rowCount)
            second.linesBefore += halves.first.rowCount
            return [first, second]
        }
        guard let (cut, rowCount) = text[...].middle else { return nil }
        (first.text, second.text) = (Array(text[..<cut]), Array(text[cut...]))
        // What is made of something else knows where its records end; lines stand as in the file.
        let place = kind == .converted ? rowEnds[rowCount - 1] : start + cut
        (first.end, second.start) = (place, place)
        if kind == .converted {
            (first.rowEnds, second.rowEnds) = (Array(rowEnds[..<rowCount]), Array(rowEnds[rowCount...]))
        }
        second.linesBefore += unit == "line" ? first.text.count { $0 == 0x0A } : rowCount
        return [first, second]
    }

    /// The chunk's rows of a record batch in parts, which share its text.
    private func parts() throws -> [RecordChunk]? {
        let whole = rows ?? 0..<rowCount
        // Where the batch ends: others without rows may stand behind it.
        let batchCount = try ArrowSplit.first(rowCount, of: text)?.piece.batchEnds.count ?? 0
        let cut = batchCount > 0 && batchCount <= batchEnds.count ? batchEnds[batchCount - 1] : end
        return ArrowSplit.parts(of: whole)?.map { rows in
            var part = self
            part.rows = rows
            // The bytes of the batch are read with its first rows.
            if rows.lowerBound > whole.lowerBound { part.start = cut }
            part.rowsLeft = rowsLeft + whole.upperBound - rows.upperBound
            if part.rowsLeft > 0 { part.end = cut }
            part.linesBefore += rows.lowerBound - whole.lowerBound
            return part
        }
    }
}

extension SentPiece {
    /// In two, or in as many parts as it takes; nil for a single record.
    func halves() throws -> [SentPiece]? {
        switch self {
        case .lines(let text):
            guard let (cut, _) = text.middle else { return nil }
            return [SentPiece.lines(behind: text[..<cut]), SentPiece.lines(behind: text[cut...])].compactMap {
                $0
            }
        case .arrow(let bytes):
            return try ArrowSplit.smaller(bytes)?.map { .arrow($0.bytes) }
        }
    }

    /// Whether a server's refusal of the piece is of its size. Unlike rows are refused as other faults of a body
    /// are, so the parser is asked here.
    func isTooLarge(by failure: CommandFailure) -> Bool {
        if failure.status == 413 { return true }
        guard failure.status == 400 else { return false }
        switch self {
        case .lines:
            do throws(RecordParseError) { _ = try RecordParser.parse(body, as: .lines) } catch {
                if case .tooLarge = error { return true }
            }
        case .arrow(let bytes):
            do throws(ArrowError) { _ = try ArrowReader.read(bytes) } catch {
                if case .tooLarge = error { return true }
            }
        }
        return false
    }
}

extension ArraySlice<UInt8> {
    /// Where the second half of its records begins, and how many stand before it; nil where there are not two.
    fileprivate var middle: (place: Int, rowCount: Int)? {
        let ends = recordEnds(upTo: .max)
        let rowCount = ends.count / 2
        // Space belongs to the records before it: in a list the comma was there, and reading goes on behind it.
        guard rowCount > 0, let place = self[ends[rowCount - 1]...].firstIndex(where: { !$0.isJSONSpace })
        else { return nil }
        return (place, rowCount)
    }

    /// Where its first `count` records end, or all where there are fewer; one that is not closed does not count.
    func recordEnds(upTo count: Int) -> [Int] {
        var ends: [Int] = []
        var depth = 0
        var string = JSONStringBytes()
        for (position, byte) in zip(indices, self) {
            if string.isOpen {
                string.take(byte)
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): string.open()
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                guard depth == 0 else { continue }
                ends.append(position + 1)
                if ends.count == count { return ends }
            default: break
            }
        }
        return ends
    }
}
