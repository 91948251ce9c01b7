// The two ways in which Arrow IPC puts messages one after another.
//
//     message   FF FF FF FF · i32 bytes of metadata · metadata (FlatBuffers), padded to 8 · its body
//     stream    the schema's message, then dictionaries and batches in order; a length of 0 ends it
//     file      "ARROW1" 0 0 · a stream · footer · i32 bytes of the footer · "ARROW1"
//
// The footer repeats the schema and says where each message lies; what it does not name is not read.
// Before Arrow 0.15 a message began with its length at once; both beginnings are read.
//
// Invariants:
//  * Every message handed out, its body included, lies inside the input.
//  * The messages of a file take no more bytes than the file has: a footer that names one message a
//    thousand times does not make a thousand batches of it.
//  * A stream is read to its end; bytes after that are refused, not dropped in silence.

/// One message: what its metadata says, and its body.
struct ArrowMessage {
    enum Kind: UInt8 {
        case schema = 1
        case dictionary = 2
        case batch = 3
    }

    var kind: Kind
    /// The table of that kind.
    var header: ArrowFlatTable
    var body: ArrowBytes

    /// What the metadata of a message, whose root is given too, says it is.
    static func header(
        of message: ArrowFlatTable, in metadata: ArrowBytes
    ) throws(ArrowError) -> (kind: Kind, header: ArrowFlatTable) {
        let number: UInt8 = try message.integer(1)
        guard let kind = Kind(rawValue: number) else {
            throw .unsupported(
                field: nil, problem: "it has a message of kind \(number), which is no record batch",
                remedy: "send tables, not tensors")
        }
        guard let header = try message.table(2) else {
            throw metadata.malformed(at: 0, "a message has no header")
        }
        return (kind, header)
    }
}

/// The messages of one body, in the order in which they are to be read.
struct ArrowMessages {
    static let magic: StaticString = "ARROW1"
    /// In front of each message since Arrow 0.15.
    static let continuation: UInt32 = 0xFFFF_FFFF

    let isFile: Bool
    let schema: ArrowFlatTable
    private(set) var messages: [ArrowMessage] = []

    init(_ input: ArrowBytes) throws(ArrowError) {
        isFile = Self.hasMagic(input, at: 0)
        if isFile {
            let footer = try Self.footer(of: input)
            guard let schema = try footer.table(1) else {
                throw input.malformed(at: 0, "the footer has no schema")
            }
            self.schema = schema
            try readBlocks(footer, 2, of: .dictionary, input)
            try readBlocks(footer, 3, of: .batch, input)
        } else {
            var place = 0
            let first: ArrowMessage?
            do throws(ArrowError) {
                first = try Self.message(in: input, at: &place)
            } catch {
                // What does not even begin like a message is something else.
                throw input.raw.starts(with: [0xFF, 0xFF, 0xFF, 0xFF]) ? error : Self.isNoArrow(input)
            }
            guard let first, first.kind == .schema else { throw Self.isNoArrow(input) }
            schema = first.header
            while let message = try Self.message(in: input, at: &place) {
                guard message.kind != .schema else {
                    throw input.malformed(at: place, "a second schema; send one stream a body")
                }
                messages.append(message)
            }
            guard place == input.count else {
                throw input.malformed(at: place, "\(input.count - place) bytes follow the end of the stream")
            }
        }
    }

    private static func isNoArrow(_ input: ArrowBytes) -> ArrowError {
        if input.raw.starts(with: "FEA1".utf8) {
            return .unsupported(
                field: nil, problem: "it is a Feather file of version 1",
                remedy: "write it as Arrow IPC (pyarrow.feather.write_feather with version=2)")
        }
        return input.malformed(
            at: 0, "neither an Arrow IPC file, which begins with \"ARROW1\", nor a stream, led by its schema")
    }

    private static func hasMagic(_ input: ArrowBytes, at offset: Int) -> Bool {
        guard offset >= 0, offset + magic.utf8CodeUnitCount <= input.count else { return false }
        return (0..<magic.utf8CodeUnitCount).allSatisfy { input.raw[offset + $0] == magic.utf8Start[$0] }
    }
}

// Files.
extension ArrowMessages {
    private static func footer(of input: ArrowBytes) throws(ArrowError) -> ArrowFlatTable {
        let end = input.count - magic.utf8CodeUnitCount
        guard end >= 12, hasMagic(input, at: end) else {
            throw input.malformed(at: input.count, "the file does not end with \"ARROW1\": it is cut short")
        }
        let byteCount = Int64(try input.integer(at: end - 4, as: Int32.self))
        let start = Int64(end - 4) - byteCount
        guard byteCount > 0, start >= 8 else {
            throw input.malformed(at: end - 4, "the footer is said to have \(byteCount) bytes")
        }
        let footer = try ArrowFlatTable.root(of: input.part(at: start, count: byteCount, "the footer"))
        try checkVersion(footer)
        return footer
    }

    /// Appends the messages that one list of the footer names.
    private mutating func readBlocks(
        _ footer: ArrowFlatTable, _ slot: Int, of kind: ArrowMessage.Kind, _ input: ArrowBytes
    ) throws(ArrowError) {
        let blockByteCount = 24
        guard let blocks = try footer.vector(slot, width: blockByteCount) else { return }
        var rest = Int64(input.count) - messages.reduce(0) { $0 + Int64($1.body.count) }
        for start in stride(from: 0, to: blocks.count, by: blockByteCount) {
            let offset: Int64 = try blocks.integer(at: start)
            guard offset >= 0, offset < input.count else {
                throw blocks.malformed(at: start, "the footer names a message at byte \(offset)")
            }
            var place = Int(offset)
            guard let message = try Self.message(in: input, at: &place), message.kind == kind else {
                throw input.malformed(
                    at: Int(offset), "the footer names a message here that is another or none")
            }
            rest -= Int64(place) - offset
            guard rest >= 0 else {
                throw blocks.malformed(at: start, "the footer names more bytes than the file has")
            }
            messages.append(message)
        }
    }
}

// One message.
extension ArrowMessages {
    /// The message at `place`, which is moved behind its body; nil at the end of a stream.
    private static func message(
        in input: ArrowBytes, at place: inout Int
    ) throws(ArrowError) -> ArrowMessage? {
        if place == input.count { return nil }
        var byteCount: UInt32 = try input.integer(at: place)
        place += 4
        if byteCount == continuation {
            byteCount = try input.integer(at: place)
            place += 4
        }
        if byteCount == 0 { return nil }
        let metadata = try input.part(at: Int64(place), count: Int64(byteCount), "a message's metadata")
        place += metadata.count
        let message = try ArrowFlatTable.root(of: metadata)
        try checkVersion(message)
        let (kind, header) = try ArrowMessage.header(of: message, in: metadata)
        let body = try input.part(at: Int64(place), count: message.integer(3), "a message's body")
        place += body.count
        return ArrowMessage(kind: kind, header: header, body: body)
    }

    /// Versions 4 and 5, since Arrow 0.8: of what is read here they say the same.
    private static func checkVersion(_ table: ArrowFlatTable) throws(ArrowError) {
        let version: Int16 = try table.integer(0)
        guard version == 3 || version == 4 else {
            throw .unsupported(
                field: nil, problem: "its metadata has version \(Int(version) + 1)",
                remedy: "write it with metadata version 5 (pyarrow.ipc.IpcWriteOptions)")
        }
    }
}
