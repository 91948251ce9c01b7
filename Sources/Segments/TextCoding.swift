// Codecs for text columns: constant, dictionary, plain.
//
// Metadata is nearly always the same text in every row, or one of a few; so each text is first
// compared with the one before it, then with the few known, before it counts as new.
//
// Invariant: decode ∘ encode is the identity on bytes.

import Bytes
import Glibc
import Records

enum TextCoding {
    enum Codec: UInt8 {
        case constant = 1
        case dictionary = 2
        case plain = 3
    }

    private static let dictionaryCountMax = 64

    /// - Parameter rows: the texts to encode, which are read where they lie.
    static func encode(
        _ column: TextColumn, _ rows: Range<Int>, with compressor: ZstdCompressor,
        into writer: inout ByteWriter
    ) {
        guard !rows.isEmpty else { return writer.write(Codec.constant.rawValue) }
        if let dictionary = dictionary(of: column, rows) {
            if dictionary.entries.count == 1 {
                writer.write(Codec.constant.rawValue)
                return writer.write(entry: column.bytes[dictionary.entries[0]])
            }
            writer.write(Codec.dictionary.rawValue)
            writer.write(UInt8(dictionary.entries.count))
            for entry in dictionary.entries { writer.write(entry: column.bytes[entry]) }
            let width = BitPacking.width(of: UInt64(dictionary.entries.count - 1))
            dictionary.codes.withUnsafeBufferPointer { BitPacking.pack($0, width: width, into: &writer) }
            return
        }
        writer.write(Codec.plain.rawValue)
        var lengths: [Int64] = []
        lengths.reserveCapacity(rows.count)
        for position in rows { lengths.append(Int64(column.range(position).count)) }
        IntegerCoding.encode(lengths, into: &writer)
        column.withContiguousBytes(of: rows) { texts in
            writer.writeVarint(texts.count)
            if let frame = compressor.compress(texts) {
                writer.writeVarint(frame.count)
                writer.write(frame)
            } else {
                writer.writeVarint(texts.count)
                writer.write(raw: texts)
            }
        }
    }

    static func decode(
        _ cursor: inout ByteCursor, count: Int, with decompressor: ZstdDecompressor
    ) throws(BytesError) -> TextColumn {
        let place = cursor.offset
        let code: UInt8 = try cursor.read()
        var column = TextColumn()
        guard count > 0 else { return column }
        switch Codec(rawValue: code) {
        case .constant:
            let entry = try readEntry(&cursor)
            guard entry.count * count <= RecordLimits.textByteCountMax else {
                throw .overLimit(
                    offset: place, found: UInt64(entry.count * count),
                    limit: UInt64(RecordLimits.textByteCountMax))
            }
            column.append(sharing: entry, count: count) { _ in 0..<entry.count }
        case .dictionary:
            let entryCount = Int(try cursor.read(UInt8.self))
            var entries = TextColumn()
            for _ in 0..<entryCount {
                let entry = try readEntry(&cursor)
                guard entries.byteCount + entry.count <= RecordLimits.textByteCountMax else {
                    throw .overLimit(
                        offset: place, found: UInt64(entries.byteCount + entry.count),
                        limit: UInt64(RecordLimits.textByteCountMax))
                }
                entries.append(utf8: entry)
            }
            guard entryCount > 0 else { throw .malformed(offset: place, reason: "a dictionary of no texts") }
            var codes = [UInt64](repeating: 0, count: count)
            let width = BitPacking.width(of: UInt64(entryCount - 1))
            try codes.withUnsafeMutableBufferPointer { buffer throws(BytesError) in
                try BitPacking.unpack(&cursor, width: width, base: 0, into: buffer)
            }
            var byteCount = 0
            for code in codes {
                guard code < UInt64(entryCount) else {
                    throw .malformed(offset: place, reason: "entry \(code) of a dictionary of \(entryCount)")
                }
                byteCount += entries.range(Int(code)).count
                guard byteCount <= RecordLimits.textByteCountMax else {
                    throw .overLimit(
                        offset: place, found: UInt64(byteCount), limit: UInt64(RecordLimits.textByteCountMax))
                }
            }
            entries.bytes.withUnsafeBytes { bytes in
                column.append(sharing: bytes, count: count) { entries.range(Int(codes[$0])) }
            }
        case .plain:
            let lengths = try IntegerCoding.decode(&cursor, count: count)
            let byteCount = try cursor.readCount(limit: RecordLimits.textByteCountMax)
            let storedCount = try cursor.readCount(limit: byteCount)
            let stored = try cursor.readBytes(storedCount)
            let bytes =
                storedCount == byteCount
                ? Array(stored) : try decompressor.decompress(stored, byteCount: byteCount)
            var ends: [Int32] = []
            ends.reserveCapacity(count)
            var end = 0
            for length in lengths {
                guard length >= 0, length <= Int64(byteCount - end) else {
                    throw .malformed(
                        offset: place, reason: "a text of \(length) bytes, where \(byteCount - end) are left")
                }
                end += Int(length)
                ends.append(Int32(end))
            }
            guard end == byteCount else {
                throw .malformed(offset: place, reason: "texts of \(end) bytes, and there are \(byteCount)")
            }
            column = TextColumn(bytes: bytes, ends: ends)
        case nil:
            throw .unknownCode(offset: place, kind: "a codec of texts", found: UInt64(code))
        }
        return column
    }

    private struct TextDictionary {
        /// Where each distinct text first stands.
        var entries: [Range<Int>]
        var codes: [UInt64]
    }

    private static func dictionary(of column: TextColumn, _ rows: Range<Int>) -> TextDictionary? {
        var entries: [Range<Int>] = []
        var codes: [UInt64] = []
        codes.reserveCapacity(rows.count)
        return column.bytes.withUnsafeBytes { bytes -> TextDictionary? in
            func isSame(_ left: Range<Int>, _ right: Range<Int>) -> Bool {
                // What lies in one place was told to be the same before.
                if left == right { return true }
                guard left.count == right.count, let base = bytes.baseAddress else {
                    return left.count == right.count
                }
                return memcmp(base + left.lowerBound, base + right.lowerBound, left.count) == 0
            }
            var last = 0..<0
            for position in rows {
                let text = column.range(position)
                defer { last = text }
                if let code = codes.last, isSame(last, text) {
                    codes.append(code)
                    continue
                }
                let placed = column.liesInOrder ? nil : entries.firstIndex(of: text)
                if let known = placed ?? entries.firstIndex(where: { isSame($0, text) }) {
                    codes.append(UInt64(known))
                } else {
                    // Many distinct texts compress better together than as entries.
                    guard entries.count < dictionaryCountMax, entries.count * 4 <= rows.count + 4 else {
                        return nil
                    }
                    codes.append(UInt64(entries.count))
                    entries.append(text)
                }
            }
            return TextDictionary(entries: entries, codes: codes)
        }
    }

    private static func readEntry(_ cursor: inout ByteCursor) throws(BytesError) -> UnsafeRawBufferPointer {
        try cursor.readBytes(try cursor.readCount(limit: RecordLimits.textByteCountMax))
    }
}

extension ByteWriter {
    fileprivate mutating func write(entry: ArraySlice<UInt8>) {
        writeVarint(entry.count)
        entry.withUnsafeBytes { write(raw: $0) }
    }
}
