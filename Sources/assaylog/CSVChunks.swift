// A CSV file as records, RFC 4180: a line of field names, then one record a line.
//
//     time,in.x,out.label,out.scores                 {"time":1,"in.x":0.50,"out.label":"a, b",
//     1,0.50,"a, b","[0.1, 0.9]"              ──►      "out.scores":[0.1, 0.9]}
//
// A cell is what JSON would read in it: a number with all its digits, true or false (also True and
// False), null, a list or an object; an empty cell is null; anything else is text. A quoted cell is text
// unless it holds a list or an object, which CSV cannot write without quotes. Numbers that JSON writes otherwise
// are numbers too, as they are for everybody who reads CSV: `.5` is 0.5, `5.` is 5.0, `+5` is 5.
//
// Invariants:
//  * No cell's digits or text change. `007` is no number of JSON, so it stays text: digits that stand
//    before a number are a code's, as of a post office.
//  * Cells are separated by commas: a file of one column with a semicolon or tab in its name is refused.
//  * Lines end as the first one does where that is a bare CR, as spreadsheets write it for a Macintosh; in all
//    other files a bare CR is text.
//  * A file of JSON is refused, whatever it is called: it would be a line of names.
//  * A record with more or fewer cells than there are names is refused by its number.

import Bytes
import JSON
import Records

struct CSVChunks: ChunkReader {
    private let file: InputFile
    private var pending: [UInt8] = []
    /// Where in the file `pending` begins, and where in it the next record does.
    private var start = 0
    private var next = 0
    private var isAtEnd = false
    /// Whether a bare CR ends a line: not known while the first is read, which then ends at either.
    private var endsAtCR = true
    /// The last line end that ended a record; nil before there was one.
    private var lineEnd: UInt8?
    private var keys: [[UInt8]] = []
    private var rowCount = 0

    let unit = "record"

    /// - Parameter offset: where to begin; 0, or where an earlier chunk ended.
    init(_ file: InputFile, from offset: Int = 0) throws {
        self.file = file
        if try file.peek(3) == [0xEF, 0xBB, 0xBF] { next = 3 }
        guard let names = try record() else { return }
        endsAtCR = lineEnd == 0x0D
        if let first = names.first, !first.isQuoted {
            let text = first.text.filter { $0 != 0x20 && $0 != 0x09 }
            // A list's own sign, alone or before an object, and an object's.
            guard text.first != UInt8(ascii: "{"), text != [UInt8(ascii: "[")],
                !text.starts(with: Array("[{".utf8))
            else {
                throw CommandFailure(
                    "\(file.name): the first line is JSON, and no names of columns; call the file .json or .ndjson, "
                        + "and leave --csv out")
            }
        }
        var known: Set<ExactText> = []
        for cell in names {
            guard let name = String(validating: cell.text, as: UTF8.self), !name.isEmpty else {
                throw CommandFailure(
                    "\(file.name): column \(keys.count + 1) has no name in the first line; every column needs "
                        + "one (pandas: to_csv(index=False))")
            }
            guard known.insert(ExactText(name)).inserted else {
                throw CommandFailure("\(file.name): two columns are named \"\(name)\" in the first line")
            }
            var key = JSONWriter()
            key.write(string: name)
            keys.append(key.bytes + [UInt8(ascii: ":")])
        }
        if known.count == 1, let name = known.first?.text,
            let separator = [";", "\t"].first(where: { name.contains($0) })
        {
            throw CommandFailure(
                "\(file.name): the first line is one name with a \(separator == ";" ? "semicolon" : "tab") in it; "
                    + "cells are separated by commas: write the file with those (pandas: to_csv(sep=\",\"))")
        }
        if offset > 0 {
            try file.seek(to: offset)
            (pending, start, next, isAtEnd) = ([], offset, 0, false)
        }
    }

    mutating func chunk() throws -> RecordChunk? {
        let (begin, rowsBefore) = (start + next, rowCount)
        var output = JSONWriter()
        var rowEnds: [Int] = []
        while rowCount - rowsBefore < RecordChunks.rowCountMax,
            output.bytes.count < RecordChunks.byteCountMax,
            let cells = try record()
        {
            rowCount += 1
            guard cells.count == keys.count else {
                throw CommandFailure(
                    "\(file.name), record \(rowCount): \(Quantity.of(cells.count, "cell")) under "
                        + "\(Quantity.of(keys.count, "name"))")
            }
            for (column, cell) in cells.enumerated() {
                output.write(byte: UInt8(ascii: column == 0 ? "{" : ","))
                output.bytes += keys[column]
                try write(cell, column, to: &output)
            }
            output.bytes += Array("}\n".utf8)
            rowEnds.append(start + next)
        }
        guard rowCount > rowsBefore else { return nil }
        return RecordChunk(
            text: output.bytes, kind: .converted, start: begin, end: start + next, linesBefore: rowsBefore,
            rowEnds: rowEnds)
    }

    // MARK: Cells

    private struct Cell {
        var text: [UInt8] = []
        var isQuoted = false
    }

    private func write(_ cell: Cell, _ column: Int, to output: inout JSONWriter) throws {
        let text = cell.text
        guard let first = text.first else { return output.write(cell.isQuoted ? "\"\"" : "null") }
        switch first {
        case UInt8(ascii: "["), UInt8(ascii: "{"):
            // Within a value of JSON a newline is only space; a line of ours ends with one.
            if CSVChunks.isJSON(text) {
                return output.bytes.append(contentsOf: text.map { $0 == 0x0A || $0 == 0x0D ? 0x20 : $0 })
            }
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            if !cell.isQuoted {
                if CSVChunks.isJSON(text) { return output.bytes.append(contentsOf: text) }
                if let number = CSVChunks.number(text) { return output.bytes.append(contentsOf: number) }
            }
        case UInt8(ascii: "."), UInt8(ascii: "+"):
            if !cell.isQuoted, let number = CSVChunks.number(text) {
                return output.bytes.append(contentsOf: number)
            }
        default:
            if cell.isQuoted { break }
            for (word, value) in [("true", "true"), ("True", "true"), ("false", "false"), ("False", "false")]
            where text.elementsEqual(word.utf8) { return output.bytes.append(contentsOf: value.utf8) }
            if text.elementsEqual("null".utf8) { return output.write("null") }
        }
        guard String(validating: text, as: UTF8.self) != nil else {
            throw CommandFailure(
                "\(file.name), record \(rowCount), column \(column + 1): the text is not UTF-8; convert the file"
            )
        }
        text.withUnsafeBytes { output.write(stringUTF8: $0) }
    }

    /// A number as JSON writes it, where the text is one but for a plus before it, or for digits that are left
    /// out on one side of its point.
    private static func number(_ text: [UInt8]) -> [UInt8]? {
        func isDigit(_ byte: UInt8?) -> Bool { byte.map { (0x30...0x39).contains($0) } ?? false }
        var result: [UInt8] = []
        var rest = text[...]
        if rest.first == UInt8(ascii: "+") {
            rest.removeFirst()
            guard isDigit(rest.first) || rest.first == UInt8(ascii: ".") else { return nil }
        } else if rest.first == UInt8(ascii: "-") {
            result.append(rest.removeFirst())
        }
        let point = rest.firstIndex(of: UInt8(ascii: "."))
        let hasDigitsBefore = isDigit(rest.first)
        let hasDigitsBehind = point.map { $0 + 1 < rest.endIndex && isDigit(rest[$0 + 1]) } ?? false
        guard hasDigitsBefore || hasDigitsBehind else { return nil }
        for (position, byte) in zip(rest.indices, rest) {
            if position == point, !hasDigitsBefore { result.append(UInt8(ascii: "0")) }
            result.append(byte)
            if position == point, !hasDigitsBehind { result.append(UInt8(ascii: "0")) }
        }
        return isJSON(result) ? result : nil
    }

    /// Whether the text is one whole value of JSON, without space around it.
    private static func isJSON(_ text: [UInt8]) -> Bool {
        text.withUnsafeBytes { bytes in
            var scanner = JSONScanner(bytes)
            do {
                try scanner.skipValue()
                return scanner.offset == bytes.count
            } catch { return false }
        }
    }

    // MARK: Records

    /// The cells of the next record; nil at the end. Lines without anything hold none.
    private mutating func record() throws -> [Cell]? {
        var cells: [Cell] = []
        var cell = Cell()
        var isInQuotes = false
        while true {
            guard let byte = try byte() else {
                guard !isInQuotes else {
                    throw CommandFailure(
                        "\(file.name): a quote that is opened is not closed; the file is cut")
                }
                guard !cells.isEmpty || !cell.text.isEmpty || cell.isQuoted else { return nil }
                return cells + [cell]
            }
            if isInQuotes {
                guard byte == UInt8(ascii: "\"") else {
                    cell.text.append(byte)
                    continue
                }
                guard try peek() == UInt8(ascii: "\"") else {
                    isInQuotes = false
                    continue
                }
                cell.text.append(byte)
                next += 1
                continue
            }
            switch byte {
            case UInt8(ascii: "\"") where cell.text.isEmpty && !cell.isQuoted:
                (cell.isQuoted, isInQuotes) = (true, true)
            case UInt8(ascii: ","):
                cells.append(cell)
                cell = Cell()
            case 0x0D where try peek() == 0x0A: break
            case 0x0D where endsAtCR, 0x0A:
                if cells.isEmpty && cell.text.isEmpty && !cell.isQuoted { continue }
                lineEnd = byte
                return cells + [cell]
            default:
                guard !cell.isQuoted else {
                    throw CommandFailure(
                        "\(file.name), at byte \(start + next - 1): something stands behind a closed quote; "
                            + "a quote within a quoted cell is written twice")
                }
                cell.text.append(byte)
            }
        }
    }

    private mutating func byte() throws -> UInt8? {
        guard let byte = try peek() else { return nil }
        next += 1
        return byte
    }

    private mutating func peek() throws -> UInt8? {
        if next < pending.count { return pending[next] }
        guard !isAtEnd else { return nil }
        // Bytes already given are let go once for each piece read.
        let given = min(next, pending.count)
        pending.removeFirst(given)
        start += given
        next -= given
        while next >= pending.count && !isAtEnd { isAtEnd = try !file.read(onto: &pending) }
        return next < pending.count ? pending[next] : nil
    }
}
