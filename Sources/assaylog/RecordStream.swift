// Whole records on their way out, however many: made JSON or Arrow and written piece by piece.
//
// Two orders. By time: the window is cut into slices of about `sliceRecordCount` records, whose
// bounds follow from the index alone, and each slice is sorted by itself. By address, as the log
// holds them: page after page. Both show the log as of one cut.
//
// Invariants:
//  * Every record of the window is written once, and in the order asked for.
//  * Memory is that of one slice or page, unless more records than that share one moment.

import ArgumentParser
import EventLog
import Glibc
import JSON
import Queries
import Records
import Wire

/// Records as text, growing and written out.
struct RecordStream {
    enum Form: Equatable {
        /// One object a line.
        case lines
        /// One JSON list.
        case list
        /// One Arrow IPC file. Its columns have one type each, so the records are gone through twice: once
        /// for the types, once for the values.
        case arrow
    }

    let snapshot: LogSnapshot
    let topic: String
    let window: TimeWindow
    let filter: RecordFilter
    let form: RecordForm
    let text: Form
    /// Takes the text, piece by piece.
    let write: ([UInt8]) throws -> Void
    /// Called between pieces with the records written so far.
    var report: (Int) -> Void = { _ in }

    private(set) var recordCount = 0
    private(set) var unseen: [String] = []

    static let sliceRecordCount = 1 << 16
    /// Records of a page by address: eight full blocks, so that few are read twice.
    static let pageRecordCount = 1 << 14

    init(
        _ snapshot: LogSnapshot, topic: String, window: TimeWindow, filter: RecordFilter, form: RecordForm,
        as text: Form, to write: @escaping ([UInt8]) throws -> Void
    ) {
        self.snapshot = snapshot
        self.topic = topic
        self.window = window
        self.filter = filter
        self.form = form
        self.text = text
        self.write = write
    }

    /// Writes the first `limit` records by time, or the last, newest first.
    mutating func writeByTime(limit: Int = .max, newestFirst: Bool = false) throws {
        let scan = RecordScan(snapshot)
        let slices = slices()
        let (topic, filter) = (topic, filter)
        try write { give in
            var rest = limit
            for slice in newestFirst ? slices.reversed() : slices {
                guard rest > 0 else { break }
                let rows = scan.window(
                    topic: topic, slice, filter: filter, limit: rest, newestFirst: newestFirst)
                rest -= rows.rows.count
                try give(rows)
            }
        }
    }

    /// Writes all records, partition after partition, each in the order of its indexes.
    mutating func writeByAddress() throws {
        let scan = RecordScan(snapshot)
        let (topic, window, filter) = (topic, window, filter)
        try write { give in
            var positions: [String: UInt64] = [:]
            while true {
                let page = scan.page(
                    topic: topic, positions: positions, window: window, filter: filter,
                    limit: RecordStream.pageRecordCount)
                try give(page.rows)
                positions = page.next
                guard page.isFull else { break }
            }
        }
    }

    /// Writes what `parts` gives, which gives the same each time: the log as of one cut.
    private mutating func write(_ parts: ((RecordRows) throws -> Void) throws -> Void) throws {
        if text == .arrow {
            var schema = ArrowTableSchema()
            try parts { rows in
                for batch in rows.shownBatches { schema.add(batch) }
            }
            arrow = ArrowPartWriter(ArrowWriter(form: form), schema)
        }
        try begin()
        // The closure given to `parts` may not hold `self` while it changes.
        var stream = self
        try parts { try stream.write($0) }
        self = stream
        try end()
    }

    private mutating func write(_ rows: RecordRows) throws {
        if text == .arrow {
            try arrow?.write(rows.batches, rows: rows.rows)
            if let bytes = arrow?.take(), !bytes.isEmpty { try write(bytes) }
        } else {
            try writeText(rows)
        }
        recordCount += rows.rows.count
        unseen += rows.statistics.unseen.filter { !unseen.contains($0) }
        report(recordCount)
    }

    private mutating func writeText(_ rows: RecordRows) throws {
        var writer = RecordWriter(as: .lines, form: form)
        let prepared = rows.batches.map { writer.prepare($0) }
        for (batch, row) in rows.rows {
            writer.write(row: row, of: prepared[batch])
            if writer.byteCount >= Output.flushByteCount {
                try put(writer.finish())
                writer = RecordWriter(as: .lines, form: form)
            }
        }
        try put(writer.finish())
    }

    // MARK: Text

    private var isFirst = true
    private var arrow: ArrowPartWriter?

    private mutating func begin() throws {
        if text == .list { try write([UInt8(ascii: "[")]) }
    }

    private mutating func end() throws {
        if text == .list { try write(Array("]\n".utf8)) }
        if let arrow {
            try write(arrow.finish())
            self.arrow = nil
        }
    }

    /// Lines as they are; in a list, each line's end becomes the comma before the next.
    private mutating func put(_ lines: [UInt8]) throws {
        guard !lines.isEmpty else { return }
        guard text == .list else { return try write(lines) }
        var bytes = lines
        if !isFirst { try write([UInt8(ascii: ",")]) }
        isFirst = false
        bytes.removeLast()
        // Inside a record no newline stands bare: the writer escapes them.
        for place in bytes.indices where bytes[place] == 0x0A { bytes[place] = UInt8(ascii: ",") }
        try write(bytes)
    }

    // MARK: Slices

    /// The window in parts that follow each other, each with about as many records as memory is to hold.
    private func slices() -> [TimeWindow] {
        guard let index = snapshot.index.topics[topic] else { return [] }
        let times = window.milliseconds
        var parts = index.segments.flatMap {
            $0.blocks.map { (time: $0.timeMin, last: $0.timeMax, rows: $0.rowCount) }
        }
        parts += index.tails.values.joined().map {
            (time: $0.timeMin, last: $0.timeMax, rows: $0.batch.rowCount)
        }
        parts.removeAll { $0.last < times.lowerBound || $0.time >= times.upperBound }
        parts.sort { $0.time < $1.time }
        var slices: [TimeWindow] = []
        var start = window.start
        var rowCount = 0
        for part in parts {
            let bound = Timestamp(milliseconds: part.time)
            if rowCount >= RecordStream.sliceRecordCount, bound > start, bound < window.end {
                slices.append(TimeWindow(start: start, end: bound))
                start = bound
                rowCount = 0
            }
            rowCount += part.rows
        }
        slices.append(TimeWindow(start: start, end: window.end))
        return slices
    }
}

extension RecordRows {
    /// The batches that some of the rows are of.
    fileprivate var shownBatches: [RecordBatch] {
        var isShown = [Bool](repeating: false, count: batches.count)
        for row in rows { isShown[row.batch] = true }
        return batches.indices.filter { isShown[$0] }.map { batches[$0] }
    }
}

extension RecordStream.Form {
    /// Refuses two forms at once, and bytes that no terminal shows.
    static func check(json: Bool, arrow: Bool, isToFile: Bool) throws {
        guard arrow else { return }
        guard !json else { throw ValidationError("--json and --arrow contradict each other.") }
        guard isToFile || isatty(STDOUT_FILENO) == 0 else {
            throw ValidationError("Arrow is not for a terminal; send it into a file or a pipe.")
        }
    }
}
