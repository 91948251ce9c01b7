// Whole records on their way out, however many: made JSON or Arrow and written piece by piece.
//
// Two orders: by time, or by address, as the log holds them. Both come page after page, at one cut.
//
// Invariants:
//  * Every record of the window is written once, and in the order asked for.
//  * Memory is that of one page (RecordReading.swift), of what it is written from, and of one record batch of Arrow.
//  * Text keeps infinities, as `1e999`; what it cannot keep, NaN, is counted and said. So in columns of an
//    Arrow file that are JSON text.
//  * Text keeps the digits of a float32, and not that it is one: the fields that have any are known at the end.

import ArgumentParser
import Bytes
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
    private(set) var unseen: [UnseenPart] = []
    private var nanCount = 0
    /// Fields that had numbers of float32 in what was written as text, in the order in which they came.
    private var float32Fields: [String] = []
    private var float32Names: Set<ExactText> = []

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
        try write(
            RecordReading(
                at: snapshot.cut, topic: topic, window: window, filter: filter,
                order: .time(newestFirst: newestFirst), limit: limit))
    }

    /// Writes all records, partition after partition, each in the order of its indexes, as `append` takes them back.
    ///
    /// - Throws: before anything is written, where Arrow would have more fields than that.
    mutating func writeByAddress() throws {
        try write(
            RecordReading(
                at: snapshot.cut, topic: topic, window: window, filter: filter,
                order: .address(newestFirst: false)),
            fieldCountMax: RecordLimits.fieldCountMax)
    }

    /// Writes what the reading gives, which gives the same each time: the log as of one cut.
    private mutating func write(_ reading: RecordReading, fieldCountMax: Int = .max) throws {
        if text == .arrow {
            var schema = ArrowTableSchema()
            var pages = reading
            while let rows = try pages.next(in: snapshot) {
                schema.add(rows.batches, rows: rows.rows)
            }
            let writer = ArrowPartWriter(ArrowWriter(form: form), schema)
            guard writer.fieldCount <= fieldCountMax else {
                throw CommandFailure(
                    "as Arrow the records have \(Quantity.of(writer.fieldCount, "field")), nested ones and the time "
                        + "counted, and `assaylog append` takes back \(Quantity.count(fieldCountMax)); leave out "
                        + "--arrow to export NDJSON, or give a shorter period, whose records have fewer")
            }
            arrow = writer
        }
        try begin()
        var pages = reading
        while let rows = try pages.next(in: snapshot) { try write(rows) }
        unseen = pages.unseen
        try end()
    }

    private mutating func write(_ rows: RecordRows) throws {
        if text == .arrow {
            try arrow?.write(rows.batches, rows: rows.rows, to: write)
        } else {
            try writeText(rows)
        }
        recordCount += rows.rows.count
        report(recordCount)
    }

    private mutating func writeText(_ rows: RecordRows) throws {
        lookForFloat32(in: rows)
        var writer = RecordWriter(as: .lines, form: form, keepingInfinities: true)
        let prepared = rows.batches.map { writer.prepare($0) }
        for (batch, row) in rows.rows {
            writer.write(row: row, of: prepared[batch])
            if writer.byteCount >= Output.flushByteCount {
                nanCount += writer.nanCount
                try put(writer.finish())
                writer = RecordWriter(as: .lines, form: form, keepingInfinities: true)
            }
        }
        nanCount += writer.nanCount
        try put(writer.finish())
    }

    private mutating func lookForFloat32(in rows: RecordRows) {
        var looked: Set<Int> = []
        for (batch, _) in rows.rows where looked.insert(batch).inserted {
            for field in rows.batches[batch].fields where field.values.haveFloat32 {
                guard float32Names.insert(ExactText(field.name)).inserted else { continue }
                float32Fields.append(field.name)
            }
        }
    }

    /// Says on standard error which fields of the text are float32, for whoever gives it to `append`.
    func noteFloat32Fields() {
        guard !float32Fields.isEmpty else { return }
        let options = float32Fields.prefix(Self.namedCountMax).map { "--float32 " + Self.shellWord($0) }
        let rest = float32Fields.count - options.count
        let more = rest > 0 ? " and so on (\(Quantity.of(rest, "field")) more)" : ""
        Output.note(
            "\(Quantity.of(float32Fields.count, "field")) of float32, which JSON does not tell from float64, so that "
                + "numbers that are read back may differ from the eighth digit on; give `assaylog append` "
                + "\(options.joined(separator: " "))\(more), or export with --arrow")
    }

    /// How many fields of float32 are named: as many as somebody would still copy.
    private static let namedCountMax = 16

    /// A name as a shell takes it for one word.
    private static func shellWord(_ name: String) -> String {
        let isPlain = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "-"):
                true
            default: false
            }
        }
        guard !isPlain || name.isEmpty else { return name }
        return "'" + name.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''")
            + "'"
    }

    /// Says on standard error what the text could not carry.
    func noteLosses() {
        guard nanCount > 0 else { return }
        let rest =
            text == .arrow
            ? ", in columns of JSON text, whose values no other type of Arrow holds"
            : "; use --arrow to keep NaN and null apart"
        Output.note(
            "\(Quantity.of(nanCount, "value")) written as null where the log has NaN, which JSON has no number "
                + "for\(rest)")
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
            nanCount += arrow.nanCount
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
}

extension FieldValues {
    /// Whether any of the numbers are float32.
    fileprivate var haveFloat32: Bool {
        func isFloat32(_ leaf: Leaf) -> Bool {
            if case .float32 = leaf.elements { return true }
            return false
        }
        return switch self {
        case .none, .json: false
        case .scalar(let leaf), .list(_, let leaf): isFloat32(leaf)
        case .fixedList(let leaves): leaves.contains { isFloat32($0) }
        }
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
