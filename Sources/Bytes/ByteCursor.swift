// Bytes to numbers, checked: running out is an error value, never a trap.
//
// Invariants:
//  * A read that throws leaves nothing believed: the caller gives up on the whole buffer.
//  * No read looks past `bytes`.

/// Reads what `ByteWriter` wrote, in the same order.
///
/// It holds an unsafe buffer because a stored `RawSpan` is not expressible in the language yet;
/// cursors live inside the `withUnsafeBytes` that owns the memory and never leave it.
///
/// Its reads are inlinable: a call costs more than what it reads.
package struct ByteCursor {
    /// Not owned: valid as long as whoever lent them says.
    package let bytes: UnsafeRawBufferPointer
    /// The next byte to read, from the start of `bytes`: 0 to their count.
    @usableFromInline package internal(set) var offset: Int

    @inlinable
    package init(_ bytes: UnsafeRawBufferPointer, at offset: Int = 0) {
        self.bytes = bytes
        self.offset = offset
    }

    @inlinable package var remaining: Int { bytes.count - offset }

    /// The next integer, little-endian, at any place. Throws `.ranOut` where fewer bytes are left than it is
    /// wide.
    @inlinable
    package mutating func read<Integer: FixedWidthInteger>(
        _ type: Integer.Type = Integer.self
    ) throws(BytesError) -> Integer {
        let size = MemoryLayout<Integer>.size
        guard remaining >= size else {
            throw .ranOut(offset: offset, wanted: size, available: remaining)
        }
        let value = bytes.loadUnaligned(fromByteOffset: offset, as: Integer.self)
        offset += size
        return Integer(littleEndian: value)
    }

    // The integers that formats are made of, once more by name: where the generic read above is used in
    // another room the compiler does not make it anew for the type, and what is left looks up the type's
    // arithmetic at each call.

    @inlinable
    package mutating func read(_: UInt8.Type = UInt8.self) throws(BytesError) -> UInt8 {
        guard offset < bytes.count else { throw .ranOut(offset: offset, wanted: 1, available: 0) }
        offset += 1
        return bytes[offset - 1]
    }

    @inlinable
    package mutating func read(_: UInt16.Type = UInt16.self) throws(BytesError) -> UInt16 {
        guard remaining >= 2 else { throw .ranOut(offset: offset, wanted: 2, available: remaining) }
        offset += 2
        return UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: offset - 2, as: UInt16.self))
    }

    @inlinable
    package mutating func read(_: UInt32.Type = UInt32.self) throws(BytesError) -> UInt32 {
        guard remaining >= 4 else { throw .ranOut(offset: offset, wanted: 4, available: remaining) }
        offset += 4
        return UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset - 4, as: UInt32.self))
    }

    @inlinable
    package mutating func read(_: UInt64.Type = UInt64.self) throws(BytesError) -> UInt64 {
        guard remaining >= 8 else { throw .ranOut(offset: offset, wanted: 8, available: remaining) }
        offset += 8
        return UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset - 8, as: UInt64.self))
    }

    /// A LEB128 number, as `ByteWriter.writeVarint` wrote it; superfluous zeros at its end are read as well.
    /// Throws `.varintTooLong` where it passes 64 bits, and `.ranOut` where the bytes end within it.
    @inlinable @inline(__always)
    package mutating func readVarint() throws(BytesError) -> UInt64 {
        // Eight bytes at once, where so many are there and it ends within them: nearly always.
        if remaining >= 8 {
            let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            let ends = ~word & 0x8080_8080_8080_8080
            if ends != 0 {
                let bitCount = ends.trailingZeroBitCount + 1
                offset += bitCount >> 3
                // Seven bits of each byte, pushed together by twos, fours and eights.
                var value = word & (UInt64.max &>> UInt64(64 - bitCount)) & 0x7F7F_7F7F_7F7F_7F7F
                value = (value & 0x007F_007F_007F_007F) | (value & 0x7F00_7F00_7F00_7F00) >> 1
                value = (value & 0x0000_3FFF_0000_3FFF) | (value & 0x3FFF_0000_3FFF_0000) >> 2
                return (value & 0x0FFF_FFFF) | (value & 0x0FFF_FFFF_0000_0000) >> 4
            }
        }
        return try readVarintByByte()
    }

    /// As many numbers as `output` holds, one after another: one call for all of them, where another room's
    /// call for each costs more than the numbers.
    package mutating func readVarints(into output: UnsafeMutableBufferPointer<UInt64>) throws(BytesError) {
        for position in output.indices { output[position] = try readVarint() }
    }

    @usableFromInline
    mutating func readVarintByByte() throws(BytesError) -> UInt64 {
        let start = offset
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            guard offset < bytes.count else {
                throw .ranOut(offset: start, wanted: offset - start + 1, available: offset - start)
            }
            let byte = bytes[offset]
            offset += 1
            if shift == 63 && byte > 1 { throw .varintTooLong(offset: start) }
            value |= UInt64(byte & 0x7F) << shift
            if byte & 0x80 == 0 { return value }
            shift += 7
            if shift > 63 { throw .varintTooLong(offset: start) }
        }
    }

    /// A count or length, refused above `limit` before anything is allocated for it.
    @inlinable @inline(__always)
    package mutating func readCount(limit: Int) throws(BytesError) -> Int {
        let start = offset
        let value = try readVarint()
        guard value <= UInt64(limit) else {
            throw .overLimit(offset: start, found: value, limit: UInt64(limit))
        }
        return Int(value)
    }

    /// What `ByteWriter.writeZigzag` wrote; throws as `readVarint` does.
    @inlinable @inline(__always)
    package mutating func readZigzag() throws(BytesError) -> Int64 {
        let value = try readVarint()
        return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }

    /// The next `byteCount` bytes, not copied: valid as long as `bytes` is. Throws `.ranOut` where fewer are
    /// left.
    package mutating func readBytes(_ byteCount: Int) throws(BytesError) -> UnsafeRawBufferPointer {
        precondition(byteCount >= 0, "Lengths are not negative.")
        guard remaining >= byteCount else {
            throw .ranOut(offset: offset, wanted: byteCount, available: remaining)
        }
        let slice = UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + byteCount])
        offset += byteCount
        return slice
    }

    /// A string as `ByteWriter.write(text:)` wrote it. Bytes that are not UTF-8 are repaired:
    /// names are checked by checksum before they are read, so this is not met in practice.
    package mutating func readText(byteCountMax: Int) throws(BytesError) -> String {
        let count = try readCount(limit: byteCountMax)
        return String(decoding: try readBytes(count), as: UTF8.self)
    }
}
