// One leaf of a column to bytes and back: what is special about it first, then its elements.
//
//     flags u8             1 null elements · 2 kept texts · 4 whole numbers are bare
//     null elements        if flagged: their number, then differences of positions (varints)
//     kept texts           if flagged: their number, then difference of position and text of each
//     elements             a codec byte and its payload (FloatCoding, IntegerCoding, TextCoding)
//
// Invariant: decode ∘ encode is the identity.

import Bytes
import Records

/// The type of a leaf's elements, as the block's head says it.
package enum ElementType: UInt8, Hashable, Sendable {
    case float64 = 0
    case float32 = 1
    case int64 = 2
    case bool = 3
    case text = 4

    package init(_ elements: Elements) {
        switch elements {
        case .float64: self = .float64
        case .float32: self = .float32
        case .int64: self = .int64
        case .bool: self = .bool
        case .text: self = .text
        }
    }
}

enum LeafCoding {
    private static let hasNulls: UInt8 = 1
    private static let hasTexts: UInt8 = 2
    private static let isBare: UInt8 = 4

    /// - Parameter range: the elements to encode; numbers are read where they lie.
    static func encode(
        _ leaf: Leaf, _ range: Range<Int>, with compressor: ZstdCompressor, into writer: inout ByteWriter
    ) {
        let (nulls, texts) = (leaf.nulls(in: range), leaf.texts(in: range))
        var flags: UInt8 = 0
        if !nulls.isEmpty { flags |= hasNulls }
        if !texts.isEmpty { flags |= hasTexts }
        if leaf.wholeNumbersAreBare { flags |= isBare }
        writer.write(flags)
        if !nulls.isEmpty { writer.write(positions: nulls) }
        if !texts.isEmpty {
            writer.writeVarint(texts.count)
            var previous: Int32 = 0
            for kept in texts {
                writer.writeVarint(Int(kept.position - previous))
                writer.write(text: kept.text)
                previous = kept.position
            }
        }
        switch leaf.elements {
        case .float64(let values):
            values.withUnsafeBufferPointer {
                FloatCoding.encode(UnsafeBufferPointer(rebasing: $0[range]), with: compressor, into: &writer)
            }
        case .float32(let values):
            values.withUnsafeBufferPointer {
                FloatCoding.encode(UnsafeBufferPointer(rebasing: $0[range]), with: compressor, into: &writer)
            }
        case .int64(let values):
            IntegerCoding.encode(values, range, into: &writer)
        case .bool(let values):
            IntegerCoding.encode(values[range].map { $0 ? 1 : 0 }, into: &writer)
        case .text(let values):
            TextCoding.encode(values, range, with: compressor, into: &writer)
        }
    }

    static func decode(
        _ bytes: UnsafeRawBufferPointer, type: ElementType, count: Int, with decompressor: ZstdDecompressor
    ) throws(BytesError) -> Leaf {
        var cursor = ByteCursor(bytes)
        let flags: UInt8 = try cursor.read()
        let nulls = try readNulls(&cursor, flags: flags, count: count)
        var texts: [NumberText] = []
        if flags & hasTexts != 0 {
            let textCount = try cursor.readCount(limit: count)
            var position = 0
            for _ in 0..<textCount {
                position += try cursor.readCount(limit: count)
                let text = try cursor.readText(byteCountMax: RecordLimits.textByteCountMax)
                guard position < count else {
                    throw .malformed(
                        offset: cursor.offset, reason: "a text of number \(position), and there are \(count)")
                }
                texts.append(NumberText(position: Int32(position), text: text))
            }
        }
        let elements: Elements
        switch type {
        case .float64:
            var values = [Double](repeating: 0, count: count)
            try values.withUnsafeMutableBufferPointer { buffer throws(BytesError) in
                try FloatCoding.decode(&cursor, with: decompressor, into: buffer)
            }
            elements = .float64(values)
        case .float32:
            var values = [Float](repeating: 0, count: count)
            try values.withUnsafeMutableBufferPointer { buffer throws(BytesError) in
                try FloatCoding.decode(&cursor, with: decompressor, into: buffer)
            }
            elements = .float32(values)
        case .int64:
            elements = .int64(try IntegerCoding.decode(&cursor, count: count))
        case .bool:
            elements = .bool(try IntegerCoding.decode(&cursor, count: count).map { $0 != 0 })
        case .text:
            elements = .text(try TextCoding.decode(&cursor, count: count, with: decompressor))
        }
        return Leaf(elements, nulls: nulls, texts: texts, wholeNumbersAreBare: flags & isBare != 0)
    }

    /// Decodes numbers only, widened to double; null elements are NaN. False for bools and texts.
    static func decodeNumbers(
        _ bytes: UnsafeRawBufferPointer, type: ElementType, with decompressor: ZstdDecompressor,
        into output: UnsafeMutableBufferPointer<Double>
    ) throws(BytesError) -> Bool {
        var cursor = ByteCursor(bytes)
        let flags: UInt8 = try cursor.read()
        let nulls = try readNulls(&cursor, flags: flags, count: output.count)
        if flags & hasTexts != 0 {
            try skipTexts(&cursor, count: output.count)
        }
        switch type {
        case .float64:
            try FloatCoding.decode(&cursor, with: decompressor, into: output)
        case .float32:
            try FloatCoding.decodeWidened(&cursor, with: decompressor, into: output)
        case .int64:
            let wholes = UnsafeMutableRawBufferPointer(output).assumingMemoryBound(to: Int64.self)
            try IntegerCoding.decode(&cursor, into: wholes)
            for index in 0..<output.count { output[index] = Double(wholes[index]) }
        case .bool, .text:
            return false
        }
        for position in nulls { output[Int(position)] = .nan }
        return true
    }

    /// The byte that names the codec of a leaf's elements.
    static func codec(of bytes: UnsafeRawBufferPointer, count: Int) throws(BytesError) -> UInt8 {
        var cursor = ByteCursor(bytes)
        let flags: UInt8 = try cursor.read()
        _ = try readNulls(&cursor, flags: flags, count: count)
        if flags & hasTexts != 0 {
            try skipTexts(&cursor, count: count)
        }
        return try cursor.read()
    }

    /// A kept text's number stands among the elements, so only its bytes are passed over.
    private static func skipTexts(_ cursor: inout ByteCursor, count: Int) throws(BytesError) {
        for _ in 0..<(try cursor.readCount(limit: count)) {
            _ = try cursor.readVarint()
            _ = try cursor.readBytes(try cursor.readCount(limit: RecordLimits.textByteCountMax))
        }
    }

    private static func readNulls(
        _ cursor: inout ByteCursor, flags: UInt8, count: Int
    ) throws(BytesError) -> [Int32] {
        guard flags & hasNulls != 0 else { return [] }
        return try cursor.readPositions(below: count)
    }
}

extension ByteWriter {
    /// Ascending positions as their number and differences.
    mutating func write(positions: [Int32]) {
        writeVarint(positions.count)
        var previous: Int32 = 0
        for position in positions {
            writeVarint(Int(position - previous))
            previous = position
        }
    }
}

extension ByteCursor {
    mutating func readPositions(below count: Int) throws(BytesError) -> [Int32] {
        let positionCount = try readCount(limit: count)
        var positions: [Int32] = []
        positions.reserveCapacity(positionCount)
        var position = 0
        for _ in 0..<positionCount {
            position += try readCount(limit: count)
            guard position < count else {
                throw .malformed(
                    offset: offset, reason: "element \(position) is null, and there are \(count)")
            }
            positions.append(Int32(position))
        }
        return positions
    }
}
