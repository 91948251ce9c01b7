// Arrays from the nodes and buffers of a record batch, each checked before it is believed.
//
// A batch lists a node (length, null count) for every array and its buffers (place, length), both in
// the order of the schema, parents before children. Compressed buffers begin with their inflated
// length, or with -1 where they are not compressed after all.
//
// Invariants:
//  * What leaves this file keeps the invariants of ArrowArray.
//  * The buffers of a batch take no more bytes than its body has, so no bytes are decoded twice.
//  * An array for which no bytes stand (nulls, empty structs, lists of no elements) is charged to the
//    memory of the reading, so its length is bounded too.

import Bytes

struct ArrowArrayReader {
    private let body: ArrowBytes
    private let nodes: ArrowBytes
    private let buffers: ArrowBytes
    /// Nil where buffers are not compressed.
    private let codec: ArrowCodec?
    private let memory: ArrowMemory
    private let dictionaries: [Int64: ArrowDictionary]
    private var node = 0
    private var buffer = 0
    private var bufferByteCount = 0

    /// Rows of the batch.
    let rowCount: Int

    /// A reader of `header`, a RecordBatch table, whose buffers lie in `body`.
    init(
        _ header: ArrowFlatTable, _ body: ArrowBytes, _ dictionaries: [Int64: ArrowDictionary],
        _ memory: ArrowMemory
    ) throws(ArrowError) {
        self.body = body
        self.memory = memory
        self.dictionaries = dictionaries
        nodes = try header.vector(1, width: 16) ?? .none
        buffers = try header.vector(2, width: 16) ?? .none
        let count: Int64 = try header.integer(0)
        guard count >= 0, count <= Int32.max else {
            throw .malformed(
                byteOffset: header.place, field: nil, problem: "a batch is said to have \(count) rows")
        }
        rowCount = Int(count)
        if let compression = try header.table(3) {
            let number: Int8 = try compression.integer(0)
            guard let known = ArrowCodec(rawValue: number) else {
                throw .unsupported(
                    field: nil, problem: "its buffers are compressed with codec \(number)",
                    remedy: "write it with compression=\"zstd\" or without compression")
            }
            codec = known
        } else {
            codec = nil
        }
    }

    /// The arrays of all columns, with one element a row each.
    mutating func arrays(of fields: [ArrowField]) throws(ArrowError) -> [ArrowArray] {
        var arrays: [ArrowArray] = []
        arrays.reserveCapacity(fields.count)
        for field in fields {
            let array = try array(of: field)
            guard array.count == rowCount else {
                throw nodes.malformed(
                    at: 0, "the column has \(array.count) rows, its batch \(rowCount)", field: field.path)
            }
            arrays.append(array)
        }
        guard node == nodes.count / 16, buffer == buffers.count / 16 else {
            throw nodes.malformed(
                at: node * 16, "the batch has arrays or buffers that the schema does not name")
        }
        return arrays
    }

    /// The next array, which the schema says is `field`; dictionaries are resolved.
    private mutating func array(of field: ArrowField) throws(ArrowError) -> ArrowArray {
        if let encoding = field.dictionary {
            var indexField = field
            indexField.type = encoding.indexType
            indexField.dictionary = nil
            let indices = try array(of: indexField)
            return try (dictionaries[encoding.id] ?? ArrowDictionary()).decode(indices, as: field, memory)
        }
        var array = ArrowArray(field, count: try nextNode(field))
        let statedNullCount: Int64 = try nodes.integer(at: node * 16 - 8)
        guard statedNullCount >= 0, statedNullCount <= array.count else {
            throw nodes.malformed(
                at: node * 16 - 8, "\(statedNullCount) of \(array.count) elements are said to be null",
                field: field.path)
        }
        if field.type == .null {
            try memory.charge(array.count, of: 8, field)
            array.nullCount = array.count
            return array
        }
        try readValidity(&array, mayHaveNulls: statedNullCount > 0)
        switch field.type {
        case .null: break
        case .bool: array.values = try nextBuffer(field, atLeast: (array.count + 7) / 8).raw
        case .integer, .float, .timestamp, .temporal:
            array.values = try nextBuffer(field, atLeast: array.count * (field.type.valueByteCount ?? 8)).raw
        case .text(let isLarge):
            let offsets = try readOffsets(&array, isLarge)
            let values = try nextBuffer(field, atLeast: 0)
            array.values = values.raw
            try check(offsets, of: array, within: values.count)
            try checkText(array, values.place)
        case .list(let isLarge):
            let offsets = try readOffsets(&array, isLarge)
            let child = try self.array(of: field.children[0])
            try check(offsets, of: array, within: child.count)
            array.children = [child]
        case .fixedSizeList(let size):
            let child = try self.array(of: field.children[0])
            // Both are below 2^31.
            guard child.count >= array.count * size else {
                throw nodes.malformed(
                    at: node * 16 - 16,
                    "\(array.count) lists of \(size) elements have \(child.count) together",
                    field: field.path)
            }
            if size == 0 { try memory.charge(array.count, of: 8, field) }
            array.children = [child]
        case .structure:
            if field.children.isEmpty { try memory.charge(array.count, of: 8, field) }
            for child in field.children {
                let child = try self.array(of: child)
                guard child.count >= array.count else {
                    throw nodes.malformed(
                        at: node * 16 - 16,
                        "a struct of \(array.count) elements has \(child.count) of a member",
                        field: field.path)
                }
                array.children.append(child)
            }
        }
        return array
    }
}

// The parts of an array.
extension ArrowArrayReader {
    /// The length of the next array.
    private mutating func nextNode(_ field: ArrowField) throws(ArrowError) -> Int {
        guard node < nodes.count / 16 else {
            throw nodes.malformed(at: nodes.count, "the batch has no array for the field", field: field.path)
        }
        let count: Int64 = try nodes.integer(at: node * 16)
        guard count >= 0, count <= Int32.max else {
            throw nodes.malformed(
                at: node * 16, "an array is said to have \(count) elements", field: field.path)
        }
        node += 1
        return Int(count)
    }

    private mutating func nextBuffer(_ field: ArrowField, atLeast byteCount: Int) throws(ArrowError)
        -> ArrowBytes
    {
        guard buffer < buffers.count / 16 else {
            throw buffers.malformed(
                at: buffers.count, "the batch has no buffer for the field", field: field.path)
        }
        let offset: Int64 = try buffers.integer(at: buffer * 16)
        let length: Int64 = try buffers.integer(at: buffer * 16 + 8)
        buffer += 1
        var part = try body.part(at: offset, count: length, "a buffer of field \"\(field.path)\"")
        bufferByteCount += part.count
        guard bufferByteCount <= body.count else {
            throw buffers.malformed(at: buffer * 16 - 16, "the buffers overlap", field: field.path)
        }
        if let codec, part.count > 0 { part = try inflated(part, codec, field) }
        guard part.count >= byteCount else {
            throw part.malformed(
                at: 0, "a buffer of \(part.count) bytes should have \(byteCount)", field: field.path)
        }
        return part
    }

    private func inflated(
        _ part: ArrowBytes, _ codec: ArrowCodec, _ field: ArrowField
    ) throws(ArrowError) -> ArrowBytes {
        let byteCount: Int64 = try part.integer(at: 0)
        let frame = try part.rest(from: 8)
        if byteCount == -1 { return frame }
        guard byteCount >= 0 else {
            throw part.malformed(
                at: 0, "a buffer is said to inflate to \(byteCount) bytes", field: field.path)
        }
        let output = try memory.allocate(Int(byteCount), for: field)
        do throws(BytesError) {
            try memory.inflate(frame.raw, codec, into: output)
        } catch {
            throw frame.malformed(at: 0, "\(error)", field: field.path)
        }
        return ArrowBytes(raw: UnsafeRawBufferPointer(output), place: frame.place)
    }

    private mutating func readValidity(
        _ array: inout ArrowArray, mayHaveNulls: Bool
    ) throws(ArrowError) {
        let bits = try nextBuffer(array.field, atLeast: mayHaveNulls ? (array.count + 7) / 8 : 0).raw
        guard mayHaveNulls else { return }
        // The stated number may be wrong; what counts is what the bits say.
        var validCount = 0
        for position in 0..<array.count / 8 { validCount += bits[position].nonzeroBitCount }
        for position in array.count & ~7..<array.count where ArrowArray.bit(bits, position) {
            validCount += 1
        }
        guard validCount < array.count else { return }
        array.validity = bits
        array.nullCount = array.count - validCount
    }

    private mutating func readOffsets(
        _ array: inout ArrowArray, _ isLarge: Bool
    ) throws(ArrowError) -> ArrowBytes {
        array.hasLargeOffsets = isLarge
        let wanted = array.count == 0 ? 0 : (array.count + 1) * (isLarge ? 8 : 4)
        let offsets = try nextBuffer(array.field, atLeast: wanted)
        array.offsets = offsets.raw
        return offsets
    }

    /// Refuses offsets that descend or leave what they lead into.
    private func check(
        _ offsets: ArrowBytes, of array: ArrowArray, within limit: Int
    ) throws(ArrowError) {
        guard array.count > 0 else { return }
        let (isSound, last) =
            array.hasLargeOffsets
            ? Self.ascend(offsets.raw, array.count, Int64.self)
            : Self.ascend(offsets.raw, array.count, Int32.self)
        guard isSound, last <= limit else {
            throw offsets.malformed(
                at: 0, "the offsets are negative, descend, or lead past the \(limit) elements that are there",
                field: array.field.path)
        }
    }

    /// Whether `count` + 1 offsets begin at zero or above and ascend, and the last of them.
    private static func ascend<Offset: FixedWidthInteger & BitwiseCopyable>(
        _ offsets: UnsafeRawBufferPointer, _ count: Int, _: Offset.Type
    ) -> (Bool, Int) {
        var previous: Offset = 0
        var isSound = true
        for position in 0...count {
            let offset = offsets.loadUnaligned(
                fromByteOffset: position * MemoryLayout<Offset>.size, as: Offset.self)
            isSound = isSound && offset >= previous
            previous = offset
        }
        return (isSound, Int(previous))
    }

    private func checkText(_ array: ArrowArray, _ place: Int) throws(ArrowError) {
        guard let position = array.firstMalformedText else { return }
        throw .malformed(
            byteOffset: place, field: array.field.path,
            problem: "the text of element \(position) is not UTF-8")
    }
}

extension ArrowArray {
    /// The first element that is neither null nor UTF-8.
    fileprivate var firstMalformedText: Int? {
        // All texts at once, then each beginning: texts that are UTF-8 together and begin with no
        // continuation byte are UTF-8 one by one.
        let all = elements(of: 0..<count)
        if Self.isUTF8(values, all) {
            let isWhole = (0..<count).allSatisfy { position in
                let start = elements(of: position).lowerBound
                return start >= all.upperBound || values[start] & 0xC0 != 0x80
            }
            if isWhole { return nil }
        }
        return (0..<count).first { !isNull($0) && !Self.isUTF8(values, elements(of: $0)) }
    }

    private static func isUTF8(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Bool {
        let text = UnsafeRawBufferPointer(rebasing: bytes[range])
        var place = 0
        while text.count - place >= 8,
            text.loadUnaligned(fromByteOffset: place, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
        {
            place += 8
        }
        let rest = UnsafeRawBufferPointer(rebasing: text[place...]).bindMemory(to: UInt8.self)
        // The words before were ASCII, so nothing is cut.
        return (try? UTF8Span(validating: rest.span)) != nil
    }
}
