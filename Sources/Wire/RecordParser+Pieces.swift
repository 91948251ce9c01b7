// A large body, read on several cores.
//
//     [{…},{…},{…},{…},{…},{…},{…},{…}]
//      └─ first ───────┘└─ second ────┘
//                       ^ a cut: where a record seems to begin
//
// Whether a cut really stands between two records is known only to who has read all before it: a text or a
// nested list may hold what looks like one. So the first parser is the authority. It reads from the start,
// and where it comes, between two records, to stand exactly at the cut, it takes over what the parser that
// began there has read meanwhile. Where it never stands there it has read on, and the other's work is
// thrown away.
//
// Invariants:
//  * The result, or the refusal and its place, is that of one parser, whatever the cuts are.
//  * What a parser has read is taken over whole or not at all: where it was refused, or the two together
//    would be, the authority reads those rows itself, and finds what there is to say about them.

import Bytes
import Dispatch
import Glibc
import JSON
import Records
import Synchronization

extension RecordParser {
    /// A shorter body is read by one parser: waking another core and joining take about as long as
    /// reading 20 KiB.
    static let pieceByteCountMin = 64 << 10
    /// More bring little: what is left to do after them is done by one.
    private static let pieceCountMax = 4
    /// As far from where a cut should be a record's beginning is looked for.
    private static let cutSearchByteCount = 64 << 10

    /// Bodies being read: where there are as many as processors, each is read by one parser. More would wait
    /// for each other, and a body for the last of its own.
    static let readerCount = Atomic<Int>(0)

    /// Places in a body at which it may be read by several at once; none in a short one.
    static func cuts(
        in bytes: UnsafeRawBufferPointer, as text: RecordText, processorCount: Int
    ) -> [Int] {
        let pieceCount = min(processorCount, pieceCountMax, bytes.count / pieceByteCountMin)
        guard pieceCount > 1, let model = firstKey(in: bytes, as: text) else { return [] }
        var cuts: [Int] = []
        for piece in 1..<pieceCount {
            let start = max(bytes.count / pieceCount * piece, (cuts.last ?? model.upperBound) + 1)
            if let cut = recordStart(in: bytes, from: start, like: model, text) { cuts.append(cut) }
        }
        return cuts
    }

    /// The first record's bytes from its brace up to its first colon: other records begin alike, and most
    /// nested objects do not.
    private static func firstKey(in bytes: UnsafeRawBufferPointer, as text: RecordText) -> Range<Int>? {
        var scanner = JSONScanner(bytes)
        scanner.skipWhitespace()
        if text == .array {
            guard scanner.skip(UInt8(ascii: "[")) else { return nil }
            scanner.skipWhitespace()
        }
        let start = scanner.offset
        guard scanner.peek == UInt8(ascii: "{"),
            let colon = bytes[start..<min(start + 256, bytes.count)].firstIndex(of: UInt8(ascii: ":"))
        else { return nil }
        return start..<colon
    }

    /// Where, from `start` on, something begins like the first record, after a comma or a new line.
    private static func recordStart(
        in bytes: UnsafeRawBufferPointer, from start: Int, like model: Range<Int>, _ text: RecordText
    ) -> Int? {
        guard let base = bytes.baseAddress else { return nil }
        let end = min(start + cutSearchByteCount, bytes.count - model.count)
        var place = start
        while place < end {
            guard let found = memchr(base + place, Int32(UInt8(ascii: "{")), end - place) else { return nil }
            place = UnsafeRawPointer(found) - base
            if memcmp(base + place, base + model.lowerBound, model.count) == 0 {
                var before = place - 1
                var hasNewLine = false
                while before >= 0, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[before]) {
                    hasNewLine = hasNewLine || bytes[before] == 0x0A
                    before -= 1
                }
                switch text {
                case .array: if before >= 0, bytes[before] == UInt8(ascii: ",") { return place }
                case .lines: if hasNewLine { return place }
                }
            }
            place += 1
        }
        return nil
    }

    /// A parser and how far it came.
    private struct Piece {
        var parser: RecordParser
        /// The cut it stopped at; nil where it read to the end.
        var stop: Int?
        var fault: RowFault?

        mutating func read(_ text: RecordText, stoppingAt stops: ArraySlice<Int>) {
            do throws(RowFault) {
                stop = try parser.readRows(text, stoppingAt: stops)
            } catch { fault = error }
        }
    }

    /// Reads the whole body, the pieces between `cuts` at once.
    ///
    /// The thread that calls reads too: it waits only for what others still read when it has read its own.
    ///
    /// - Returns: how many of the pieces that begin at cuts were taken over.
    @discardableResult
    mutating func readPieces(_ text: RecordText, cutAt cuts: [Int]) throws(RowFault) -> Int {
        guard try begin(text) else { return 0 }
        // All that begin at cuts together may hold no more than the authority.
        let limit = Self.paddingCountMax / cuts.count
        var pieces = [Piece(parser: self)]
        for cut in cuts {
            pieces.append(
                Piece(parser: RecordParser(scanner.bytes, at: cut, paddingCountLimit: limit)))
        }
        pieces.withUnsafeMutableBufferPointer { buffer in
            // Unsafe, because each iteration takes its own piece and puts it back, and all have ended when
            // this returns. Not in place: neighbours would write to one line of memory.
            nonisolated(unsafe) let buffer = buffer
            DispatchQueue.concurrentPerform(iterations: cuts.count + 1) { number in
                var piece = buffer[number]
                piece.read(text, stoppingAt: cuts[number...])
                buffer[number] = piece
            }
        }
        let (fault, stop) = (pieces[0].fault, pieces[0].stop)
        self = pieces.removeFirst().parser
        if let fault { throw fault }
        return try joinPieces(pieces, text, cutAt: cuts, from: stop)
    }

    private mutating func joinPieces(
        _ pieces: [Piece], _ text: RecordText, cutAt cuts: [Int], from first: Int?
    ) throws(RowFault) -> Int {
        var stop = first
        var joinedCount = 0
        while let place = stop, let number = cuts.firstIndex(of: place) {
            // What another was refused is for the authority to say, with the row's index.
            if pieces[number].fault == nil, join(pieces[number].parser) {
                stop = pieces[number].stop
                joinedCount += 1
            } else {
                stop = try readRows(text, stoppingAt: cuts[(number + 1)...])
            }
        }
        return joinedCount
    }

    /// Takes over the rows that `next` read from here on, and its place.
    ///
    /// - Returns: false, and nothing changed, where one parser might have refused a row of them.
    private mutating func join(_ next: RecordParser) -> Bool {
        guard times.count + next.times.count <= Self.rowCountMax else { return false }
        // A field that is new begins with the rows here, which do not have it.
        let numbers = next.fields.map { fieldNumbers[ExactText($0.name)] }
        let newCount = numbers.count { $0 == nil }
        guard fields.count + newCount <= RecordLimits.fieldCountMax else { return false }
        var padding = paddingCount + next.paddingCount
        for number in numbers { padding += times.count - (number.map { fields[$0].rowCount } ?? 0) }
        guard padding <= Self.paddingCountMax else { return false }

        paddingCount = padding
        var positions: [Int] = []
        for (number, field) in zip(numbers, next.fields) {
            let position = number ?? fields.count
            positions.append(position)
            if number == nil {
                fieldNumbers[ExactText(field.name)] = position
                fields.append(FieldBuilder(name: field.name))
            }
            fields[position].pad(toRow: times.count)
            fields[position].join(field)
        }
        learnKeys(of: next, fields: positions)
        let rowCount = Int32(times.count)
        timeAbsent += next.timeAbsent.lazy.map { rowCount + $0 }
        times += next.times
        scanner.offset = next.scanner.offset
        return true
    }

    /// Learns the keys that `next` met.
    ///
    /// - Parameter numbers: what the fields of `next` are here.
    private mutating func learnKeys(of next: RecordParser, fields numbers: [Int]) {
        // The first table is that of whole rows, which has the groups of the others.
        for table in next.tables {
            let mine = tableNumber(ofGroup: table.group) ?? addTable(ofGroup: table.group)
            for (name, key) in table.numbers where tables[mine].numbers[name] == nil {
                let role: MemberTable.Role =
                    switch table.keys[key].role {
                    case .time: .time
                    case .field(let field): .field(numbers[field])
                    case .group: .group(.init())
                    }
                _ = tables[mine].add(name.text, role)
            }
        }
    }

    /// A group's table, made where it has none.
    private mutating func addTable(ofGroup name: String?) -> Int {
        guard let name, let key = tables[0].numbers[ExactText(name)],
            case .group(let group) = tables[0].keys[key].role
        else { preconditionFailure("A group of \(name ?? "rows") is a key of whole rows first.") }
        return addTable(key, group)
    }

    private func tableNumber(ofGroup group: String?) -> Int? {
        guard let group else { return 0 }
        guard let key = tables[0].numbers[ExactText(group)], case .group(let known) = tables[0].keys[key].role
        else {
            return nil
        }
        return known.table
    }
}
