// Rows of JSON to columns, in one pass.
//
// The rows of a body are alike, so the parser expects of each row what the row before it had: after
// a key it compares the next key's bytes with those of the key that followed last time, and only
// where they differ looks the name up. Values go straight into the field's column (FieldBuilder).
//
// Invariants:
//  * A body is taken whole or refused whole; what is taken comes back equal from RecordWriter,
//    number texts included.
//  * A row is refused, by its index, where it says one field twice (also once flat and once
//    nested), where its time is no integer, or where a name is no text or too long.
//  * Memory is in proportion to the body, but for at most `paddingCountMax` elements.

import Bytes
import JSON
import Records
import Synchronization

/// What a body of records says.
package struct ParsedRecords: Hashable, Sendable {
    package var batch: RecordBatch
    /// The rows whose time was absent or null, ascending: in the batch they have time 0.
    package var timeAbsent: [Int32]
}

/// Reads bodies: a large one on several processors, where other bodies leave them some.
package struct RecordParser {
    /// More rows in one body are refused: a longer import is several bodies, each acknowledged.
    package static let rowCountMax = 1_000_000
    /// Positions in columns are 32-bit, and no column has more bytes or elements than its text.
    package static let bodyByteCountMax = RecordLimits.textByteCountMax
    /// The most elements a batch may hold for rows that do not have the field: a body of few bytes
    /// (one row of many fields, then many empty rows) must not become columns of many gigabytes.
    package static let paddingCountMax = 1 << 24

    /// Reads the rows of `bytes`.
    ///
    /// - Parameter float32Fields: the fields whose numbers are float32.
    package static func parse(
        _ bytes: UnsafeRawBufferPointer, as text: RecordText, float32Fields: Set<ExactText> = []
    ) throws(RecordParseError) -> ParsedRecords {
        guard bytes.count <= bodyByteCountMax else {
            throw .tooLarge(
                "a body of \(bytes.count) bytes is over the limit of \(bodyByteCountMax)")
        }
        let others = readerCount.add(1, ordering: .relaxed).oldValue
        defer { readerCount.subtract(1, ordering: .relaxed) }
        let cuts = cuts(in: bytes, as: text, processorCount: Processors.count - others)
        return try parse(bytes, as: text, float32Fields: float32Fields, cutAt: cuts)
    }

    /// - Parameter cuts: where records may begin, ascending: what stands between them is read at once.
    ///   They are guesses, and change nothing of the result.
    static func parse(
        _ bytes: UnsafeRawBufferPointer, as text: RecordText, float32Fields: Set<ExactText>, cutAt cuts: [Int]
    ) throws(RecordParseError) -> ParsedRecords {
        var parser = RecordParser(bytes)
        do throws(RowFault) {
            if cuts.isEmpty {
                try parser.readAll(text)
            } else {
                try parser.readPieces(text, cutAt: cuts)
            }
        } catch {
            throw error.located(row: parser.isInRow ? parser.times.count : nil)
        }
        var parsed = try parser.finish()
        if !float32Fields.isEmpty { parsed.batch.readAsFloat32(float32Fields) }
        return parsed
    }

    /// The same of an array.
    package static func parse(
        _ bytes: [UInt8], as text: RecordText, float32Fields: Set<ExactText> = []
    ) throws(RecordParseError) -> ParsedRecords {
        let result: Result<ParsedRecords, RecordParseError> = bytes.withUnsafeBytes { buffer in
            do throws(RecordParseError) {
                return .success(try parse(buffer, as: text, float32Fields: float32Fields))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// Reads the rows of many small bodies as those of one, which costs a row what it costs in a large
    /// body: names, columns and their memory are made once.
    ///
    /// - Returns: the rows of all, and how many each text has; nil where a text is refused, or where the
    ///   texts together make another kind of column than each by itself may: then each is read alone.
    package static func parse(
        together texts: [[UInt8]], as text: RecordText, float32Fields: Set<ExactText> = []
    ) -> (records: ParsedRecords, rowCounts: [Int])? {
        // One after another in one buffer: a place in it says which text it is in.
        let byteCount = texts.reduce(0) { $0 + $1.count }
        guard byteCount <= bodyByteCountMax else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(byteCount)
        for each in texts { bytes += each }
        return bytes.withUnsafeBytes { buffer in
            var parser = RecordParser(buffer)
            var rowCounts: [Int] = []
            rowCounts.reserveCapacity(texts.count)
            do {
                var end = 0
                for each in texts {
                    let before = parser.times.count
                    let start = end
                    end += each.count
                    parser.scanner = JSONScanner(
                        UnsafeRawBufferPointer(rebasing: buffer[..<end]), at: start)
                    try parser.readAll(text)
                    rowCounts.append(parser.times.count - before)
                }
                var parsed = try parser.finish()
                guard parsed.batch.fields.allSatisfy(\.values.isSettled) else { return nil }
                if !float32Fields.isEmpty { parsed.batch.readAsFloat32(float32Fields) }
                return (parsed, rowCounts)
            } catch { return nil }
        }
    }

    var scanner: JSONScanner
    private var isInRow = false
    var times: [Int64] = []
    var timeAbsent: [Int32] = []
    /// The first is that of whole rows; each group has its own.
    var tables: [MemberTable] = [MemberTable(group: nil)]
    var fields: [FieldBuilder] = []
    var fieldNumbers: [ExactText: Int] = [:]
    var paddingCount = 0
    /// `paddingCountMax`, or less where several read one body.
    private let paddingCountLimit: Int

    /// Values of a nested row stand inside the list of rows, the row and the group; counted for
    /// flat rows too, so that what is taken in one form can be given and taken in the other.
    private static let valueDepth = 3

    /// Reads from `offset` on, where a body or a row begins.
    init(
        _ bytes: UnsafeRawBufferPointer, at offset: Int = 0,
        paddingCountLimit: Int = RecordParser.paddingCountMax
    ) {
        scanner = JSONScanner(bytes, at: offset)
        self.paddingCountLimit = paddingCountLimit
    }
}

// Rows.
extension RecordParser {
    private mutating func readAll(_ text: RecordText) throws(RowFault) {
        if try begin(text) { _ = try readRows(text) }
    }

    /// Steps over what stands before the first row; false where there is none, and the text ends.
    mutating func begin(_ text: RecordText) throws(RowFault) -> Bool {
        guard text == .array else { return true }
        scanner.skipWhitespace()
        guard scanner.peek == UInt8(ascii: "[") else {
            throw .text(scanner.unexpected("a list of records"))
        }
        if scanner.hasFirst(before: UInt8(ascii: "]")) { return true }
        try expectEnd()
        return false
    }

    /// Reads the rows from the one that begins here.
    ///
    /// - Parameter stops: places, ascending, before which it ends where a row begins just there.
    /// - Returns: the place it stopped at; nil where it read to the end.
    mutating func readRows(
        _ text: RecordText, stoppingAt stops: ArraySlice<Int> = []
    ) throws(RowFault) -> Int? {
        var stops = stops
        switch text {
        case .array:
            repeat {
                if isAt(&stops) { return scanner.offset }
                try readRow()
            } while try hasNext(before: UInt8(ascii: "]"))
            try expectEnd()
            return nil
        case .lines:
            while true {
                scanner.skipWhitespace()
                if scanner.isAtEnd { return nil }
                if isAt(&stops) { return scanner.offset }
                try readRow()
                while scanner.skip(0x20) || scanner.skip(0x09) || scanner.skip(0x0D) {}
                guard scanner.isAtEnd || scanner.peek == 0x0A else {
                    throw .text(scanner.unexpected("the end of the line"))
                }
            }
        }
    }

    /// Whether the next of `stops` is here; those that are passed are left out.
    @inline(__always)
    private func isAt(_ stops: inout ArraySlice<Int>) -> Bool {
        while let stop = stops.first, stop <= scanner.offset {
            if stop == scanner.offset { return true }
            stops.removeFirst()
        }
        return false
    }

    private mutating func expectEnd() throws(RowFault) {
        do throws(JSONError) { try scanner.expectEnd() } catch { throw .text(error) }
    }

    private mutating func readRow() throws(RowFault) {
        isInRow = true
        guard times.count < Self.rowCountMax else {
            throw .tooLarge("a body has over \(Self.rowCountMax) rows; split it")
        }
        guard scanner.peek == UInt8(ascii: "{") else {
            throw .text(scanner.unexpected("a record, as an object"))
        }
        let (row, start) = (times.count, scanner.offset)
        var time: Int64?
        if scanner.hasFirst(before: UInt8(ascii: "}")) {
            try readMembers(of: 0, row, &time)
        }
        times.append(time ?? 0)
        if time == nil { timeAbsent.append(Int32(row)) }
        isInRow = false
        if row == 0 { reserveRows(byteCount: scanner.offset - start) }
    }

    /// Makes room for what is left of the body, in rows like the first, and for some more: they differ by some digits.
    /// What other rows would not fill is never touched.
    private mutating func reserveRows(byteCount: Int) {
        let rest = (scanner.bytes.count - scanner.offset) / byteCount
        let rowCount = min(1 + rest + rest / 16, Self.rowCountMax)
        guard rest > 0 else { return }
        times.reserveCapacity(rowCount)
        for index in fields.indices { fields[index].reserve(rowCount: rowCount) }
    }

    /// Reads the members of a row or group up to its closing brace; the first is here.
    private mutating func readMembers(
        of table: Int, _ row: Int, _ time: inout Int64?
    ) throws(RowFault) {
        var previous = MemberTable.start
        var keys = tables[table].takeKeys()
        repeat {
            var expected = keys.expectedKey(after: previous, at: &scanner)
            if expected == nil {
                tables[table].keys = keys
                expected = try readUnexpectedKey(after: previous, of: table)
                keys = tables[table].takeKeys()
            }
            let key = expected ?? MemberTable.start
            previous = key
            guard keys[key].lastRow != row else {
                throw .field(tables[table].fullName(key), "is given twice")
            }
            keys[key].lastRow = row
            switch keys[key].role {
            case .field(let field):
                try readValue(of: field, row)
            case .time:
                time = try readTime()
            case .group(let group):
                // A group's reading adds keys of its own, and may find what its name's role is.
                tables[table].keys = keys
                try readGroup(key, group, row, &time)
                keys = tables[table].takeKeys()
            }
        } while try hasNext(before: UInt8(ascii: "}"))
        tables[table].keys = keys
    }

    private mutating func readValue(of field: Int, _ row: Int) throws(RowFault) {
        let missed = row - fields[field].rowCount
        if missed != 0 {
            guard missed > 0 else {
                throw .field(fields[field].name, "is given twice, flat and in its group")
            }
            paddingCount += missed
            guard paddingCount <= paddingCountLimit else { throw tooSparse() }
            fields[field].pad(toRow: row)
        }
        do throws(JSONError) {
            try fields[field].read(&scanner, depth: Self.valueDepth)
        } catch {
            throw .text(error)
        }
    }

    private mutating func readTime() throws(RowFault) -> Int64? {
        let start = scanner.offset
        var hint = ""
        do throws(JSONError) {
            switch scanner.peek {
            case UInt8(ascii: "n"):
                try scanner.scanLiteral("null")
                return nil
            case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                if let time = try scanner.scanNumber().integer {
                    if RecordLimits.times.contains(time) { return time }
                    hint = " (is it micro- or nanoseconds?)"
                }
            default: try scanner.skipValue(depth: Self.valueDepth)
            }
        } catch {
            throw .text(error)
        }
        let found = scanner.bytes[start..<min(scanner.offset, start + 32)]
        throw .field(
            "time",
            "is \(String(decoding: found, as: UTF8.self)); it \(RecordLimits.timeProblem)\(hint)")
    }

    /// Reads what stands under a group's name: its fields, or a value like any other.
    private mutating func readGroup(
        _ key: Int, _ group: MemberTable.Group, _ row: Int, _ time: inout Int64?
    ) throws(RowFault) {
        let start = scanner.offset
        if scanner.peek == UInt8(ascii: "{") && scanner.hasFirst(before: UInt8(ascii: "}")) {
            var table = group.table
            if table == nil { table = addTable(key, group) }
            return try readMembers(of: table ?? 0, row, &time)
        }
        // No fields: null, a value that is no object, or the empty object, which is kept as one.
        scanner.offset = start
        var field = group.field
        if field == nil {
            field = try fieldNumber(named: tables[0].name(key))
            tables[0].keys[key].role = .group(.init(table: group.table, field: field))
        }
        try readValue(of: field ?? 0, row)
    }

    /// The table of the group's own keys, whose name is key `key`.
    mutating func addTable(_ key: Int, _ group: MemberTable.Group) -> Int {
        tables.append(MemberTable(group: tables[0].name(key)))
        tables[0].keys[key].role = .group(.init(table: tables.count - 1, field: group.field))
        return tables.count - 1
    }

    private mutating func hasNext(before end: UInt8) throws(RowFault) -> Bool {
        do throws(JSONError) { return try scanner.hasNext(before: end) } catch {
            throw .text(error)
        }
    }
}

// Names: met once, or where a row differs from the one before it.
extension RecordParser {
    @inline(never)
    private mutating func readUnexpectedKey(
        after previous: Int, of table: Int
    ) throws(RowFault) -> Int {
        let start = scanner.offset
        let string: ScannedString
        do throws(JSONError) { string = try scanner.scanKey() } catch { throw .text(error) }
        let raw = start..<string.end + 1
        guard !string.hasLoneSurrogate else {
            let text = String(decoding: scanner.bytes[string.start..<string.end], as: UTF8.self)
            throw .field(text, "has half of a surrogate pair in its name")
        }
        let name = scanner.decode(string)
        var key = tables[table].numbers[ExactText(name)]
        if key == nil {
            let role: MemberTable.Role =
                if tables[table].group == nil && name == "time" {
                    .time
                } else if tables[table].group == nil && RecordGroup.isGroup(name) {
                    .group(.init())
                } else {
                    .field(try fieldNumber(named: tables[table].fullName(name)))
                }
            key = tables[table].add(name, role)
        }
        tables[table].expect(key ?? 0, at: raw, after: previous)
        return key ?? 0
    }

    /// The field of that name, made where it is new.
    private mutating func fieldNumber(named name: String) throws(RowFault) -> Int {
        if let known = fieldNumbers[ExactText(name)] { return known }
        guard name.utf8.count <= RecordLimits.nameByteCountMax else {
            throw .field(
                String(name.prefix(64)) + "…",
                "has a name of \(name.utf8.count) bytes, over the limit of \(RecordLimits.nameByteCountMax)"
            )
        }
        guard fields.count < RecordLimits.fieldCountMax else {
            throw .tooLarge(
                "a body has over \(RecordLimits.fieldCountMax) fields; split it, or make numbers of one kind a list, "
                    + "which is one field")
        }
        fields.append(FieldBuilder(name: name))
        fieldNumbers[ExactText(name)] = fields.count - 1
        return fields.count - 1
    }

    private func tooSparse() -> RowFault {
        .tooLarge(
            "the rows of a body are too unlike: more than \(Self.paddingCountMax) values are absent; split it"
        )
    }
}

extension RecordParser {
    private consuming func finish() throws(RecordParseError) -> ParsedRecords {
        // First the rows, then, knowing them all, the leaves: neither is made before it is allowed.
        for field in fields { paddingCount += times.count - field.rowCount }
        guard paddingCount <= Self.paddingCountMax else { throw tooSparse().located(row: nil) }
        for index in fields.indices { fields[index].pad(toRow: times.count) }
        let leafPadding = fields.reduce(0) { $0 + $1.leafPadding }
        guard leafPadding <= Self.paddingCountMax else { throw tooSparse().located(row: nil) }
        var columns: [FieldColumn] = []
        columns.reserveCapacity(fields.count)
        for index in fields.indices {
            columns.append(fields[index].column(scanner.bytes))
            // The scratch of one field is given back before the next column is made.
            fields[index] = FieldBuilder(name: "")
        }
        return ParsedRecords(
            batch: RecordBatch(times: times, fields: columns), timeAbsent: timeAbsent)
    }
}

/// A refusal inside a row, before the row is named.
enum RowFault: Error {
    case text(JSONError)
    case field(String, String)
    case tooLarge(String)

    func located(row: Int?) -> RecordParseError {
        switch self {
        case .text(let error): .malformed(row: row, error)
        case .field(let name, let problem): .refused(row: row ?? 0, field: name, problem: problem)
        case .tooLarge(let problem): .tooLarge(problem)
        }
    }
}

extension FieldValues {
    /// Whether rows alone would make the same kind of column as together: a text among numbers makes
    /// JSON of all of them, and a longer list takes the shredding from the others.
    fileprivate var isSettled: Bool {
        switch self {
        case .none, .scalar, .fixedList: true
        case .list, .json: false
        }
    }
}
