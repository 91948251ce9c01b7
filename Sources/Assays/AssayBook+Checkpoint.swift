// What decisions made of the book, as bytes: with them an opening need not read every decision again.
//
//     varint        last result number
//     varint        assays of the first generation; of each, by rising number:
//       varint        number
//       list, list    its newest decisions, those superseded
//       varint        examined cut
//       moment, moment  up to where windows were examined; the earliest that contradicted this
//       byte          1 if it ever ran; then the run's moment (zigzag) and four varint counts of its report
//     varint        assays of the second generation; of each, by rising number:
//       varint        number
//       list, list    its newest decisions, those superseded
//       varint        examined cut
//       moment, moment  up to where windows were examined; the earliest that contradicted this
//
// A moment is a byte, 1 if there is one, and then its microseconds (zigzag).
// A list is packed as it is in memory (DecisionList.swift). All else of an assay comes from events that are no
// decisions, and neither kind looks at what the other did: a decision changes nothing of what an assay is, and
// nothing else changes what was decided. Whether an assay that is switched off has runs left follows from both,
// and is asked anew. So the other events are folded first, then this is put in.
//
// Invariant: the book of all events is the book of those that are no decisions, with this put in.

import Bytes
import JSON
import Records

extension AssayBook {
    /// The version of these bytes, the lists' packing with them.
    package static let decidedVersion: UInt16 = 2

    /// Appends what decisions made of the book, in the layout above.
    package func writeDecided(into writer: inout ByteWriter) {
        writer.writeVarint(lastResultID.number)
        writer.writeVarint(assays.count)
        for assay in assays.values.sorted(by: { $0.id < $1.id }) {
            writer.writeVarint(assay.id.number)
            assay.writeDecided(into: &writer)
        }
        writer.writeVarint(series.assays.count)
        for assay in series.assays.values.sorted(by: { $0.id < $1.id }) {
            writer.writeVarint(assay.id.number)
            assay.writeDecided(into: &writer)
        }
    }

    /// Puts in what `writeDecided` wrote of a book that had the same assays. After an error the book is not to be
    /// used.
    package mutating func readDecided(from cursor: inout ByteCursor) throws(BytesError) {
        lastResultID = AssayResultID(try cursor.readCount(limit: JSONField.integerMax))
        try readAll(from: &cursor, of: assays.count) { (book, id, cursor) throws(BytesError) in
            guard var assay = book.assays[id] else { return false }
            try assay.readDecided(from: &cursor)
            book.assays.change(id) { $0 = assay }
            return true
        }
        try readAll(from: &cursor, of: series.assays.count) { (book, id, cursor) throws(BytesError) in
            guard var assay = book.series.assays[id] else { return false }
            try assay.readDecided(from: &cursor)
            book.series.change(id) { $0 = assay }
            return true
        }
    }

    private mutating func readAll(
        from cursor: inout ByteCursor, of count: Int,
        _ read: (inout AssayBook, AssayID, inout ByteCursor) throws(BytesError) -> Bool
    ) throws(BytesError) {
        let place = cursor.offset
        guard try cursor.readCount(limit: .max) == count else {
            throw .malformed(offset: place, reason: "not as many assays as the log has")
        }
        var last = -1
        for _ in 0..<count {
            let place = cursor.offset
            let number = try cursor.readCount(limit: .max)
            guard number > last, try read(&self, AssayID(number), &cursor) else {
                throw .malformed(offset: place, reason: "assay \(number) is not in the log, or out of order")
            }
            last = number
        }
    }
}
