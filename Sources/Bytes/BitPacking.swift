// Unsigned integers of equal width, packed without gaps, least significant bit first.
//
// Invariants:
//  * n values of width w take ⌈n·w/8⌉ bytes and `slackByteCount` zero bytes after them, so that
//    every value can be read by one eight-byte load.
//  * Width 0 means all zeros and takes no bytes at all, not even slack.

/// Packed integers. Neither count nor width is written: both are the reader's to know.
package enum BitPacking {
    /// Zero bytes after the packed ones: the widest load starts in the last packed byte.
    package static let slackByteCount = 8

    /// Bytes that `count` values of `width` bits take, slack included.
    package static func byteCount(count: Int, width: Int) -> Int {
        width == 0 || count == 0 ? 0 : (count * width + 7) / 8 + slackByteCount
    }

    /// The bits that `value` needs.
    package static func width(of value: UInt64) -> Int { 64 - value.leadingZeroBitCount }

    /// Appends `values`, each below 2^width.
    package static func pack(_ values: UnsafeBufferPointer<UInt64>, width: Int, into writer: inout ByteWriter)
    {
        guard width > 0, !values.isEmpty else { return }
        writer.write(byteCount: byteCount(count: values.count, width: width)) { output in
            var pending: UInt64 = 0
            var pendingBits = 0
            var place = 0
            for value in values {
                pending |= value << UInt64(pendingBits)
                let total = pendingBits + width
                if total >= 64 {
                    output.storeBytes(of: pending.littleEndian, toByteOffset: place, as: UInt64.self)
                    place += 8
                    let taken = 64 - pendingBits
                    pending = taken >= 64 ? 0 : value >> UInt64(taken)
                    pendingBits = total - 64
                } else {
                    pendingBits = total
                }
            }
            // The rest and the slack: at most seven bytes of the one, eight of the other.
            while place < output.count {
                output[place] = UInt8(truncatingIfNeeded: pending)
                pending >>= 8
                place += 1
            }
        }
    }

    /// Unpacks `output.count` values of `width` bits, adding `base` (wrapping) to each.
    package static func unpack(
        _ cursor: inout ByteCursor, width: Int, base: UInt64, into output: UnsafeMutableBufferPointer<UInt64>
    ) throws(BytesError) {
        try unpack(&cursor, width: width, into: output) { base &+ $0 }
    }

    /// Unpacks as many values of `width` bits as there are in `output`, and writes of each what it and those before it
    /// add up to (wrapping), from `first` on, with `base` for each of them besides.
    package static func unpackSums(
        _ cursor: inout ByteCursor, width: Int, base: UInt64, from first: UInt64,
        into output: UnsafeMutableBufferPointer<UInt64>
    ) throws(BytesError) {
        var sum = first
        try unpack(&cursor, width: width, into: output) { value in
            sum = sum &+ base &+ value
            return sum
        }
    }

    /// Unpacks values, and writes what each becomes. Nothing is checked within its loops: that all bytes are there, and
    /// the slack behind them, is before.
    @inline(__always)
    private static func unpack(
        _ cursor: inout ByteCursor, width: Int, into output: UnsafeMutableBufferPointer<UInt64>,
        _ made: (UInt64) -> UInt64
    ) throws(BytesError) {
        guard width <= 64 else {
            throw .overLimit(offset: cursor.offset, found: UInt64(width), limit: 64)
        }
        let bytes = try cursor.readBytes(byteCount(count: output.count, width: width))
        guard width > 0, let start = bytes.baseAddress, let target = output.baseAddress else {
            for index in output.indices { output[index] = made(0) }
            return
        }
        let mask = UInt64.max &>> UInt64(64 &- width)
        var bit = 0
        if width <= 56 {
            // Any 56-bit value lies within the eight bytes that start where it does.
            for index in 0..<output.count {
                let word = (start + (bit &>> 3)).loadUnaligned(as: UInt64.self)
                target[index] = made((UInt64(littleEndian: word) &>> UInt64(bit & 7)) & mask)
                bit &+= width
            }
            return
        }
        for index in 0..<output.count {
            let shift = UInt64(bit & 7)
            let place = start + (bit &>> 3)
            var value = UInt64(littleEndian: place.loadUnaligned(as: UInt64.self)) &>> shift
            if shift > 0 { value |= UInt64(place.load(fromByteOffset: 8, as: UInt8.self)) &<< (64 &- shift) }
            target[index] = made(value & mask)
            bit &+= width
        }
    }
}
