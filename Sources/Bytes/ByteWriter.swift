// Numbers to bytes: little-endian, growing at the end.
//
// Invariant: what `ByteWriter` writes, `ByteCursor` reads back in the same order.

/// A growing run of bytes. Integers are little-endian; lengths and counts are LEB128 varints.
package struct ByteWriter: Sendable {
    @usableFromInline package internal(set) var bytes: [UInt8]

    /// An empty run, with room for `byteCount` bytes; it grows past them.
    package init(reserving byteCount: Int = 0) {
        bytes = []
        bytes.reserveCapacity(byteCount)
    }

    /// Bytes written: where the next one goes, as `patch` counts.
    package var count: Int { bytes.count }

    /// As many bytes as the type is wide, little-endian.
    @inlinable
    package mutating func write<Integer: FixedWidthInteger>(_ value: Integer) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    /// Takes back the byte written last.
    package mutating func removeLast() { bytes.removeLast() }

    /// LEB128: seven bits a byte, least significant first.
    @inlinable
    package mutating func writeVarint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    /// The same of a count or length. A negative one stops the process.
    package mutating func writeVarint(_ value: Int) {
        precondition(value >= 0, "Counts and lengths are not negative.")
        writeVarint(UInt64(value))
    }

    /// Zigzag, then LEB128: small magnitudes of either sign stay short.
    package mutating func writeZigzag(_ value: Int64) {
        writeVarint(UInt64(bitPattern: (value << 1) ^ (value >> 63)))
    }

    /// Bytes as they are, without their number: the reader has to know it.
    package mutating func write(raw: UnsafeRawBufferPointer) {
        bytes.append(contentsOf: raw)
    }

    /// Appends `byteCount` bytes, every one of which `fill` stores: for what is made many bytes at a
    /// time, so that none is made twice.
    package mutating func write(byteCount: Int, filledBy fill: (UnsafeMutableRawBufferPointer) -> Void) {
        // Doubling keeps appending amortised: a reservation by itself is to the byte.
        if bytes.capacity - bytes.count < byteCount {
            bytes.reserveCapacity(Swift.max(bytes.count + byteCount, 2 * bytes.capacity))
        }
        bytes.append(addingCapacity: byteCount) { (span: inout OutputSpan<UInt8>) in
            span.withUnsafeMutableBufferPointer { buffer, count in
                // Unsafe because an output span takes one byte at a time; the memory is reserved above.
                fill(
                    UnsafeMutableRawBufferPointer(
                        rebasing: UnsafeMutableRawBufferPointer(buffer)[count..<count + byteCount]))
                count += byteCount
            }
        }
    }

    /// The same of an array.
    package mutating func write(_ more: [UInt8]) {
        bytes.append(contentsOf: more)
    }

    /// A string as its UTF-8 byte count and bytes.
    package mutating func write(text: String) {
        var text = text
        text.withUTF8 {
            writeVarint($0.count)
            bytes.append(contentsOf: $0)
        }
    }

    /// Overwrites an integer written before, at `offset`.
    package mutating func patch<Integer: FixedWidthInteger>(_ value: Integer, at offset: Int) {
        precondition(offset + MemoryLayout<Integer>.size <= bytes.count, "Patches only what is there.")
        withUnsafeBytes(of: value.littleEndian) { source in
            for index in 0..<source.count { bytes[offset + index] = source[index] }
        }
    }
}
