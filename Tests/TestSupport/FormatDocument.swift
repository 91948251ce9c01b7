// The worked example of a format document: its annotated hex dump as bytes.
//
// A dump is a fenced block marked `hexdump`; a line of it is the offset, the bytes, and after
// a bar what they mean:
//
//     0000  41 4c 4f 47  | what for

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
}
