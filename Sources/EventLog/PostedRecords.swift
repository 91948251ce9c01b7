// Records as a client posted them: read when their envelope is made, those of many requests together.
//
// To read a record of forty fields by itself makes and drops forty columns; among others it costs what
// a row costs. Those who post single records at the same time so pay for one body.
//
// Invariants:
//  * Whether a request's records are taken, and how they come back but for the order of their members, depends on
//    that request alone.
//  * A text that holds no record is not posted.

import Bytes
import Glibc
import Records
import Wire

/// A request's text, with all that it takes to read it later.
package struct PostedRecords: Sendable {
    /// Above, a body is read by itself: it has rows enough.
    package static let byteCountMax = 16 << 10
    /// The same of objects, each of which may be a record: what a text takes once it is read depends on how
    /// many those are, and this bounds it before it is.
    package static let objectCountMax = 16

    package let source: AppendSource
    let text: [UInt8]
    /// No fewer than its records.
    let rowCountMax: Int
    let form: RecordText
    /// The fields whose numbers are float32.
    let float32Fields: Set<ExactText>
    /// What a record without a time gets, in milliseconds since 1970.
    let time: Int64

    /// Nil where the text is too long, may have too many records, or holds none.
    package init?(
        _ text: [UInt8], as form: RecordText, float32Fields: Set<ExactText>, time: Int64,
        to source: AppendSource
    ) {
        guard text.count <= PostedRecords.byteCountMax else { return nil }
        rowCountMax = PostedRecords.objectCount(of: text)
        guard (1...PostedRecords.objectCountMax).contains(rowCountMax) else { return nil }
        self.source = source
        self.text = text
        self.form = form
        self.float32Fields = float32Fields
        self.time = time
    }

    /// How many braces open in a text; past the most that may, one more.
    private static func objectCount(of text: [UInt8]) -> Int {
        text.withUnsafeBytes { text in
            guard let start = text.baseAddress else { return 0 }
            var (count, rest) = (0, start)
            while count <= objectCountMax,
                let brace = memchr(rest, Int32(UInt8(ascii: "{")), start + text.count - rest)
            {
                count += 1
                rest = UnsafeRawPointer(brace) + 1
            }
            return count
        }
    }

    /// About what it takes in memory while it waits.
    var byteCount: Int { text.count + 128 }

    /// Whether both can be read as one.
    func reads(like other: PostedRecords) -> Bool {
        form == other.form && float32Fields == other.float32Fields
    }

    /// Its records, by themselves.
    package func read() throws(RecordParseError) -> RecordBatch {
        var parsed = try RecordParser.parse(text, as: form, float32Fields: float32Fields)
        for row in parsed.timeAbsent { parsed.batch.times[Int(row)] = time }
        return parsed.batch
    }

    /// The records of all, which are read alike, as one batch, and how many each has; nil where each is
    /// to be read by itself.
    static func read(_ posted: [PostedRecords]) -> (batch: RecordBatch, rowCounts: [Int])? {
        guard posted.count > 1,
            let (records, rowCounts) = RecordParser.parse(
                together: posted.map(\.text), as: posted[0].form, float32Fields: posted[0].float32Fields)
        else { return nil }
        // Together they may have more columns than a block can say, though each by itself has few.
        guard records.batch.columnCount <= RecordLimits.columnCountMax else { return nil }
        var batch = records.batch
        var position = 0
        var end = rowCounts[0]
        for row in records.timeAbsent {
            while Int(row) >= end {
                position += 1
                end += rowCounts[position]
            }
            batch.times[Int(row)] = posted[position].time
        }
        return (batch, rowCounts)
    }
}
