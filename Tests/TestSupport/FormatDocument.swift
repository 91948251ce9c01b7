// What tests read of a format document: its worked examples, annotated hex dumps, as bytes, and its lists.
//
// A dump is a fenced block marked `hexdump`; a line of it is the offset, the bytes, and after
// a bar what they mean:
//
//     0000  41 4c 4f 47  | what for
//
// A list is a fenced block marked with a word of its own; two spaces or more part what stands in a line of it:
//
//     rows   2^20   of a block
//                   and a line that begins with a space goes on with the one before it

/// Reads the examples of the documents in the rooms' `.docc` folders, from the sources the tests were built of.
package enum FormatDocument {
    /// A line of a dump that does not go on where the one before it ended, or is no dump; or that there is none.
    package struct Unreadable: Error {
        package var line: String
    }

    /// The bytes of an example in `Sources/<room>/<room>.docc/<file>`: the first one, or one behind it.
    package static func example(room: String, file: String, number: Int = 0) throws -> [UInt8] {
        let document = try TestData.bytes("Sources/\(room)/\(room).docc/\(file)")
        let text = String(decoding: document, as: UTF8.self)
        var bytes: [UInt8] = []
        var isInside = false
        var dumpsToPass = number
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("```") {
                if isInside { return bytes }
                guard line == "```hexdump" else { continue }
                isInside = dumpsToPass == 0
                dumpsToPass -= 1
                continue
            }
            guard isInside, let dump = line.split(separator: "|").first, !dump.allSatisfy({ $0 == " " })
            else {
                continue
            }
            let words = dump.split(separator: " ")
            let numbers = words.dropFirst().compactMap { UInt8($0, radix: 16) }
            guard let offset = words.first.flatMap({ Int($0, radix: 16) }), offset == bytes.count,
                numbers.count == words.count - 1
            else { throw Unreadable(line: String(line)) }
            bytes += numbers
        }
        throw Unreadable(line: "no dump \(number) in \(file)")
    }

    /// The lines of the first list marked `mark`, by their parts; a line that goes on with another is passed over.
    package static func list(_ mark: String, room: String, file: String) throws -> [[String]] {
        let document = try TestData.bytes("Sources/\(room)/\(room).docc/\(file)")
        let lines = String(decoding: document, as: UTF8.self)
            .split(separator: "\n", omittingEmptySubsequences: false)
        guard let start = lines.firstIndex(where: { $0 == "```\(mark)" }) else {
            throw Unreadable(line: "no list \(mark) in \(file)")
        }
        return lines[(start + 1)...].prefix { !$0.hasPrefix("```") }.filter { !$0.hasPrefix(" ") }.map(parts)
    }

    /// The bounds that a document lists, by their names: `20,000` or `2^20` each.
    package static func bounds(room: String, file: String) throws -> [String: Int] {
        var bounds: [String: Int] = [:]
        for parts in try list("bounds", room: room, file: file) {
            guard parts.count >= 2, bounds[parts[0]] == nil, let bound = number(parts[1]) else {
                throw Unreadable(line: parts.joined(separator: "  "))
            }
            bounds[parts[0]] = bound
        }
        return bounds
    }

    private static func parts(of line: Substring) -> [String] {
        var parts: [String] = []
        var isParted = true
        for word in line.split(separator: " ", omittingEmptySubsequences: false) {
            if word.isEmpty {
                isParted = true
            } else if isParted {
                parts.append(String(word))
                isParted = false
            } else {
                parts[parts.count - 1] += " \(word)"
            }
        }
        return parts
    }

    private static func number(_ text: String) -> Int? {
        guard text.hasPrefix("2^") else { return Int(text.filter { $0 != "," }) }
        return Int(text.dropFirst(2)).map { 1 << $0 }
    }
}
