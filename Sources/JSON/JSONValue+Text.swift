// A tree from its text and back.
//
// Invariants:
//  * The whole text is one value: anything but whitespace after it is refused.
//  * A string that cannot be decoded (half of a surrogate pair) is refused: a tree holds characters.
//  * The text written is compact, and numbers are in the text they came in.

extension JSONValue {
    /// The value that `bytes` is the text of. A key that stands twice in an object is kept twice.
    package init(parsing bytes: UnsafeRawBufferPointer) throws(JSONError) {
        var scanner = JSONScanner(bytes)
        scanner.skipWhitespace()
        self = try Self.read(&scanner, depth: 0)
        try scanner.expectEnd()
    }

    /// The same of an array.
    package init(parsing bytes: [UInt8]) throws(JSONError) {
        let result: Result<JSONValue, JSONError> = bytes.withUnsafeBytes { buffer in
            do throws(JSONError) {
                return .success(try JSONValue(parsing: buffer))
            } catch {
                return .failure(error)
            }
        }
        self = try result.get()
    }

    /// The same of a text.
    package init(parsing text: String) throws(JSONError) {
        try self.init(parsing: Array(text.utf8))
    }

    private static func read(_ scanner: inout JSONScanner, depth: Int) throws(JSONError)
        -> JSONValue
    {
        switch scanner.peek {
        case UInt8(ascii: "\""):
            return .string(try string(scanner.scanString(), in: scanner))
        case UInt8(ascii: "["):
            try scanner.checkDepth(depth)
            var elements: [JSONValue] = []
            guard scanner.hasFirst(before: UInt8(ascii: "]")) else { return .array([]) }
            repeat {
                elements.append(try read(&scanner, depth: depth + 1))
            } while try scanner.hasNext(before: UInt8(ascii: "]"))
            return .array(elements)
        case UInt8(ascii: "{"):
            try scanner.checkDepth(depth)
            var object = JSONObject()
            guard scanner.hasFirst(before: UInt8(ascii: "}")) else { return .object(object) }
            repeat {
                let key = try string(scanner.scanKey(), in: scanner)
                object.append(key, try read(&scanner, depth: depth + 1))
            } while try scanner.hasNext(before: UInt8(ascii: "}"))
            return .object(object)
        case UInt8(ascii: "t"):
            try scanner.scanLiteral("true")
            return .bool(true)
        case UInt8(ascii: "f"):
            try scanner.scanLiteral("false")
            return .bool(false)
        case UInt8(ascii: "n"):
            try scanner.scanLiteral("null")
            return .null
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            let start = scanner.offset
            try scanner.skipNumber()
            let text = String(decoding: scanner.bytes[start..<scanner.offset], as: UTF8.self)
            return .number(JSONNumber(validText: text))
        default: throw scanner.unexpected("a value")
        }
    }

    private static func string(
        _ string: ScannedString, in scanner: JSONScanner
    ) throws(JSONError) -> String {
        if string.hasLoneSurrogate {
            throw JSONError(
                offset: string.start,
                problem:
                    "a string has half of a surrogate pair (\\ud800 to \\udfff) without the other")
        }
        return scanner.decode(string)
    }
}

extension JSONValue {
    /// The compact text.
    package var text: String {
        var bytes: [UInt8] = []
        write(into: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Appends the compact text.
    package func write(into output: inout [UInt8]) {
        var writer = JSONWriter()
        swap(&writer.bytes, &output)
        write(into: &writer)
        swap(&writer.bytes, &output)
    }

    /// Appends the compact text behind what the writer has.
    package func write(into writer: inout JSONWriter) {
        switch self {
        case .null: writer.write("null")
        case .bool(let flag): writer.write(flag)
        case .number(let number): writer.bytes.append(contentsOf: number.text.utf8)
        case .string(let text): writer.write(string: text)
        case .array(let elements):
            writer.write(byte: UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { writer.write(byte: UInt8(ascii: ",")) }
                element.write(into: &writer)
            }
            writer.write(byte: UInt8(ascii: "]"))
        case .object(let object):
            writer.write(byte: UInt8(ascii: "{"))
            for (index, member) in object.members.enumerated() {
                if index > 0 { writer.write(byte: UInt8(ascii: ",")) }
                writer.write(string: member.key)
                writer.write(byte: UInt8(ascii: ":"))
                member.value.write(into: &writer)
            }
            writer.write(byte: UInt8(ascii: "}"))
        }
    }
}
