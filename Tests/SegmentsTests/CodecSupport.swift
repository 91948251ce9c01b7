// Codecs as functions from values to bytes and back.

import Bytes
import Records

@testable import Segments

func bytes(_ write: (inout ByteWriter) -> Void) -> [UInt8] {
    var writer = ByteWriter()
    write(&writer)
    return writer.bytes
}

/// The bytes of a text of two hexadecimal digits each; what is no digit parts them for who reads it.
func bytes(ofHex text: String) -> [UInt8] {
    let digits = text.compactMap(\.hexDigitValue)
    precondition(digits.count.isMultiple(of: 2), "Two digits a byte.")
    return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}

/// Reads `bytes` with a cursor that must reach their end.
func reading<Result>(
    _ bytes: [UInt8], _ read: (inout ByteCursor) throws -> Result
) throws -> Result {
    try bytes.withUnsafeBytes { buffer in
        var cursor = ByteCursor(buffer)
        let result = try read(&cursor)
        if cursor.remaining != 0 {
            throw BytesError.trailing(offset: cursor.offset, byteCount: cursor.remaining)
        }
        return result
    }
}

/// All lists of up to `length` elements of `alphabet`.
func allLists<Element>(of alphabet: [Element], upTo length: Int) -> [[Element]] {
    var lists: [[Element]] = [[]]
    var longest: [[Element]] = [[]]
    for _ in 0..<length {
        longest = longest.flatMap { list in alphabet.map { list + [$0] } }
        lists += longest
    }
    return lists
}

extension Leaf {
    /// Its numbers one by one, NaN for a null; nil where it holds none.
    var plainNumbers: [Double]? {
        var numbers: [Double]
        switch elements {
        case .float64(let values): numbers = values
        case .float32(let values): numbers = values.map { Double($0) }
        case .int64(let values): numbers = values.map { Double($0) }
        case .bool, .text: return nil
        }
        for position in nulls { numbers[Int(position)] = .nan }
        return numbers
    }
}

enum Coded {
    static func roundTrip(_ values: [Int64]) throws -> [Int64] {
        try reading(bytes { IntegerCoding.encode(values, into: &$0) }) {
            try IntegerCoding.decode(&$0, count: values.count)
        }
    }

    static func encode(_ values: [Double], _ compressor: ZstdCompressor) -> [UInt8] {
        bytes { writer in
            values.withUnsafeBufferPointer { FloatCoding.encode($0, with: compressor, into: &writer) }
        }
    }

    static func encode(_ values: [Float], _ compressor: ZstdCompressor) -> [UInt8] {
        bytes { writer in
            values.withUnsafeBufferPointer { FloatCoding.encode($0, with: compressor, into: &writer) }
        }
    }

    static func doubles(_ coded: [UInt8], count: Int, _ decompressor: ZstdDecompressor) throws -> [Double] {
        var values = [Double](repeating: 12345, count: count)
        try reading(coded) { cursor in
            try values.withUnsafeMutableBufferPointer {
                try FloatCoding.decode(&cursor, with: decompressor, into: $0)
            }
        }
        return values
    }

    static func floats(_ coded: [UInt8], count: Int, _ decompressor: ZstdDecompressor) throws -> [Float] {
        var values = [Float](repeating: 12345, count: count)
        try reading(coded) { cursor in
            try values.withUnsafeMutableBufferPointer {
                try FloatCoding.decode(&cursor, with: decompressor, into: $0)
            }
        }
        return values
    }
}
