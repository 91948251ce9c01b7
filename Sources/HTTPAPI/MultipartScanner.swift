// multipart/form-data (RFC 7578, RFC 2046 §5.1), piece by piece: a file part of any size passes
// through without being held.
//
// Invariants:
//  * What is buffered is at most one piece, one delimiter and one part's header.
//  * The bytes handed out for a part are exactly those between its header and the next delimiter,
//    however the body was cut into pieces.
//  * A body that ends before its closing delimiter is refused by `finish`.

/// A part's header: what its Content-Disposition says.
package struct MultipartHeader: Hashable, Sendable {
    /// The form's field; unquoted.
    package var name: String
    /// Nil where the part is no file; unquoted, and not to be trusted as a path.
    package var fileName: String?
}

/// What is wrong with a body's form, as a sentence without its full stop.
package struct MultipartError: Error, Hashable, Sendable, CustomStringConvertible {
    package var description: String
}

/// Reads one body of `multipart/form-data`; after an error it is not to be used.
package struct MultipartScanner: ~Copyable {
    /// A part is one `began`, any number of `data`, none of them empty, and one `ended`.
    package enum Event: Hashable, Sendable {
        case began(MultipartHeader)
        case data([UInt8])
        case ended
    }

    private enum State {
        case preamble
        case afterDelimiter
        case header
        case body
        case done
    }

    /// A part's header above this is not one.
    private static let headerByteCountMax = 16 << 10

    private let delimiter: [UInt8]
    private var buffer: [UInt8]
    private var state = State.preamble

    /// - Parameter boundary: the Content-Type's parameter, 1 to 70 characters.
    package init(boundary: String) {
        delimiter = Array("\r\n--\(boundary)".utf8)
        // The first delimiter may open the body, without a line end before it.
        buffer = Array("\r\n".utf8)
    }

    /// The boundary in a Content-Type value; nil where there is none.
    package static func boundary(inContentType value: String) -> String? {
        let parameters = value.split(separator: ";").dropFirst()
        for parameter in parameters {
            let pair = parameter.drop { $0 == " " || $0 == "\t" }
            guard pair.lowercased().hasPrefix("boundary=") else { continue }
            var text = pair.dropFirst("boundary=".count)
            while text.last == " " { text = text.dropLast() }
            if text.first == "\"", text.last == "\"", text.count >= 2 { text = text.dropFirst().dropLast() }
            return (1...70).contains(text.utf8.count) ? String(text) : nil
        }
        return nil
    }

    /// Takes the next piece of the body and returns what became certain with it.
    package mutating func scan(_ piece: some Sequence<UInt8>) throws(MultipartError) -> [Event] {
        buffer.append(contentsOf: piece)
        var events: [Event] = []
        while true {
            switch state {
            case .preamble:
                guard let found = find(delimiter) else {
                    keepTail()
                    return events
                }
                buffer.removeFirst(found + delimiter.count)
                state = .afterDelimiter
            case .afterDelimiter:
                // Two dashes close the body; a line end, perhaps after blanks, opens a part.
                guard buffer.count >= 2 else { return events }
                if buffer[0] == UInt8(ascii: "-"), buffer[1] == UInt8(ascii: "-") {
                    state = .done
                    continue
                }
                guard let end = find([0x0D, 0x0A]) else {
                    try checkBlank(buffer.count - (buffer.last == 0x0D ? 1 : 0))
                    return events
                }
                try checkBlank(end)
                // The line end is kept: an empty header is then just two of them.
                buffer.removeFirst(end)
                state = .header
            case .header:
                // The limit is on the header, not on what of it has come: cuts change nothing.
                let end = find([0x0D, 0x0A, 0x0D, 0x0A])
                guard end ?? (buffer.count - 3) <= MultipartScanner.headerByteCountMax else {
                    throw MultipartError(description: "a part's header is over 16 KiB")
                }
                guard let end else { return events }
                let header = try MultipartScanner.header(String(decoding: buffer[..<end], as: UTF8.self))
                buffer.removeFirst(end + 4)
                events.append(.began(header))
                state = .body
            case .body:
                if let found = find(delimiter) {
                    if found > 0 { events.append(.data(Array(buffer[..<found]))) }
                    buffer.removeFirst(found + delimiter.count)
                    events.append(.ended)
                    state = .afterDelimiter
                } else {
                    let certain = buffer.count - (delimiter.count - 1)
                    if certain > 0 {
                        events.append(.data(Array(buffer[..<certain])))
                        buffer.removeFirst(certain)
                    }
                    return events
                }
            case .done:
                buffer.removeAll()
                return events
            }
        }
    }

    /// Says whether the body ended where it should.
    package consuming func finish() throws(MultipartError) {
        guard case .done = state else {
            throw MultipartError(description: "the body ends before its closing delimiter")
        }
    }

    /// Refuses a line that only begins with the delimiter: its first `count` bytes must be blanks.
    private func checkBlank(_ count: Int) throws(MultipartError) {
        guard buffer[..<count].allSatisfy({ $0 == 0x20 || $0 == 0x09 }),
            count <= MultipartScanner.headerByteCountMax
        else {
            throw MultipartError(
                description: "a line begins with the delimiter and goes on; use a boundary that is in no part"
            )
        }
    }

    private mutating func keepTail() {
        let kept = delimiter.count - 1
        if buffer.count > kept { buffer.removeFirst(buffer.count - kept) }
    }

    private func find(_ needle: [UInt8]) -> Int? {
        guard buffer.count >= needle.count else { return nil }
        return buffer.withUnsafeBufferPointer { bytes -> Int? in
            let last = bytes.count - needle.count
            var start = 0
            while start <= last {
                if bytes[start] == needle[0] {
                    var length = 1
                    while length < needle.count && bytes[start + length] == needle[length] { length += 1 }
                    if length == needle.count { return start }
                }
                start += 1
            }
            return nil
        }
    }

    private static func header(_ text: String) throws(MultipartError) -> MultipartHeader {
        for line in text.split(whereSeparator: \.isNewline) {
            guard line.lowercased().hasPrefix("content-disposition:") else { continue }
            var name: String?
            var fileName: String?
            for parameter in parameters(of: line) {
                if parameter.lowercased().hasPrefix("name=") { name = unquoted(parameter.dropFirst(5)) }
                if parameter.lowercased().hasPrefix("filename=") {
                    fileName = unquoted(parameter.dropFirst(9))
                }
            }
            guard let name else { throw MultipartError(description: "a part has no name") }
            return MultipartHeader(name: name, fileName: fileName)
        }
        throw MultipartError(description: "a part has no Content-Disposition")
    }

    /// The `;`-separated parameters of a header line, quotes respected.
    ///
    /// A backslash escapes a quote or another one, and is itself before anything else: browsers write the one in
    /// `C:\a` as it is (and a quote as %22), others double it.
    private static func parameters(of line: Substring) -> [Substring] {
        var result: [Substring] = []
        var start = line.startIndex
        var isQuoted = false
        var isEscaped = false
        for index in line.indices {
            let character = line[index]
            if character == "\"" && !isEscaped { isQuoted.toggle() }
            isEscaped = character == "\\" && !isEscaped
            if character == ";" && !isQuoted {
                result.append(line[start..<index].drop { $0 == " " })
                start = line.index(after: index)
            }
        }
        result.append(line[start...].drop { $0 == " " })
        return result
    }

    private static func unquoted(_ text: Substring) -> String {
        guard text.first == "\"", text.last == "\"", text.count >= 2 else { return String(text) }
        var result = ""
        var isEscaped = false
        for character in text.dropFirst().dropLast() {
            if isEscaped, character != "\"", character != "\\" { result.append("\\") }
            isEscaped = character == "\\" && !isEscaped
            if !isEscaped { result.append(character) }
        }
        // The last one, before the quote that ends it: of a name that a browser sent.
        return isEscaped ? result + "\\" : result
    }
}
