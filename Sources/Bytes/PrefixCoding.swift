// Bytes of few kinds, each in as many bits as its share deserves: a prefix code (Huffman 1952), canonical.
//
//     least u8 · greatest u8      the kinds lie between these
//     lengths                     half a byte for each of them: bits of its code, 0 for a kind that is not there
//     sizes                       of the two streams, varints         } not where all bytes
//     streams                     of the first half and of the second } are of one kind
//
// A code starts at the lowest bit of what is not read yet. Codes are given out in the order of their
// lengths, within a length in the order of the kinds, so lengths alone say them. Two streams, because a
// code must be read before the next one's place is known: a processor works on two such chains at once.
//
// Chosen over a zstd frame for the exponents of a column of floats: the same kind of code, but no frame
// around it, no search for repetitions before it, and a table of a few hundred places instead of tens of
// thousands.
//
// Invariants:
//  * decode ∘ encode is the identity.
//  * A code has at most `lengthMax` bits.
//  * Whatever bytes are decoded, exactly the output is written, or the bytes are refused.

/// Bytes in code. How many they are is not written: it is the reader's to know.
package enum PrefixCoding {
    /// Five codes lie within the 57 bits that one load surely holds, and the table fits a first-level cache.
    static let lengthMax = 11

    /// Appends `bytes` in code; false, with nothing appended, where that would not be shorter.
    package static func encode(_ bytes: UnsafeRawBufferPointer, into writer: inout ByteWriter) -> Bool {
        guard bytes.count > 2 else { return false }
        let counts = counts(of: bytes)
        guard let least = counts.firstIndex(where: { $0 > 0 }),
            let greatest = counts.lastIndex(where: { $0 > 0 })
        else { return false }
        let lengths = least == greatest ? [UInt8](repeating: 0, count: 256) : lengths(for: counts)
        var bitCount = 0
        for kind in least...greatest { bitCount += Int(counts[kind]) * Int(lengths[kind]) }
        // Two streams end in a part of a byte each; sizes are at most five bytes.
        let lengthByteCount = (greatest - least + 2) / 2
        guard 2 + lengthByteCount + bitCount / 8 + 12 < bytes.count else { return false }

        writer.write(UInt8(least))
        writer.write(UInt8(greatest))
        for kind in stride(from: least, through: greatest, by: 2) {
            writer.write(lengths[kind] | (kind < greatest ? lengths[kind + 1] << 4 : 0))
        }
        guard least < greatest else { return true }
        let codes = codes(for: lengths, of: least...greatest)
        let half = (bytes.count + 1) / 2
        withUnsafeTemporaryAllocation(byteCount: bitCount / 8 + 24, alignment: 8) { room in
            let first = write(UnsafeRawBufferPointer(rebasing: bytes[..<half]), codes, to: room)
            let rest = UnsafeMutableRawBufferPointer(rebasing: room[first...])
            let second = write(UnsafeRawBufferPointer(rebasing: bytes[half...]), codes, to: rest)
            writer.writeVarint(first)
            writer.writeVarint(second)
            writer.write(raw: UnsafeRawBufferPointer(rebasing: room[..<(first + second)]))
        }
        return true
    }
}

// Codes.
extension PrefixCoding {
    private static func counts(of bytes: UnsafeRawBufferPointer) -> [UInt32] {
        // Two tallies: equal neighbours would wait for each other's addition.
        var counts = [UInt32](repeating: 0, count: 512)
        counts.withUnsafeMutableBufferPointer { counts in
            var index = 0
            while index + 1 < bytes.count {
                counts[Int(bytes[index])] &+= 1
                counts[256 | Int(bytes[index + 1])] &+= 1
                index += 2
            }
            if index < bytes.count { counts[Int(bytes[index])] &+= 1 }
            for kind in 0..<256 { counts[kind] &+= counts[256 + kind] }
        }
        return Array(counts[..<256])
    }

    /// The bits of each kind's code, for two kinds or more.
    private static func lengths(for counts: [UInt32]) -> [UInt8] {
        let kinds = counts.indices.filter { counts[$0] > 0 }
        var shares = kinds.map { UInt64(counts[$0]) << 8 | UInt64($0) }.sorted()
        while true {
            if let lengths = lengths(ascending: shares) { return lengths }
            // A kind is too rare for the bits it may have: all shares come nearer to each other.
            shares = shares.map { (($0 >> 8) / 2 + 1) << 8 | $0 & 255 }.sorted()
        }
    }

    /// - Parameter shares: the count of each kind, above the kind in the lowest byte.
    /// - Returns: nil where a code would be longer than `lengthMax`.
    private static func lengths(ascending shares: [UInt64]) -> [UInt8]? {
        let count = shares.count
        // The two rarest are joined, again and again; joined ones come in ascending order by themselves.
        var weights = shares.map { $0 >> 8 }
        weights.reserveCapacity(2 * count - 1)
        var parents = [Int](repeating: 0, count: 2 * count - 1)
        var (leaf, joined) = (0, count)
        for next in count..<(2 * count - 1) {
            var weight: UInt64 = 0
            for _ in 0..<2 {
                let takesLeaf = leaf < count && (joined >= next || weights[leaf] <= weights[joined])
                let taken = takesLeaf ? leaf : joined
                if takesLeaf { leaf += 1 } else { joined += 1 }
                parents[taken] = next
                weight += weights[taken]
            }
            weights.append(weight)
        }
        var depths = [Int](repeating: 0, count: 2 * count - 1)
        var lengths = [UInt8](repeating: 0, count: 256)
        for node in (0..<(2 * count - 2)).reversed() {
            depths[node] = depths[parents[node]] + 1
            guard node < count else { continue }
            guard depths[node] <= lengthMax else { return nil }
            lengths[Int(shares[node] & 255)] = UInt8(depths[node])
        }
        return lengths
    }

    /// Calls `body` with each kind's length and code, first bit lowest, in canonical order.
    private static func forEachCode(
        _ lengths: [UInt8], of kinds: ClosedRange<Int>,
        _ body: (_ kind: Int, _ length: Int, _ code: Int) -> Void
    ) {
        var code = 0
        for length in 1...lengthMax {
            for kind in kinds where lengths[kind] == length {
                let reversed = UInt16(code).bitReversed >> UInt16(16 - length)
                body(kind, length, Int(reversed))
                code += 1
            }
            code <<= 1
        }
    }

    /// For each kind its code and, from bit 16 on, the length of that.
    private static func codes(for lengths: [UInt8], of kinds: ClosedRange<Int>) -> [UInt32] {
        var codes = [UInt32](repeating: 0, count: 256)
        forEachCode(lengths, of: kinds) { codes[$0] = UInt32($1) << 16 | UInt32($2) }
        return codes
    }
}

// Streams.
extension PrefixCoding {
    /// Writes the codes of `bytes`; returns how many bytes they take.
    private static func write(
        _ bytes: UnsafeRawBufferPointer, _ codes: [UInt32], to room: UnsafeMutableRawBufferPointer
    ) -> Int {
        codes.withUnsafeBufferPointer { codes in
            var pending: UInt64 = 0
            var bitCount: UInt64 = 0
            var place = 0
            for byte in bytes {
                let entry = codes[Int(byte)]
                pending |= UInt64(entry & 0xFFFF) << bitCount
                bitCount += UInt64(entry >> 16)
                if bitCount >= 48 {
                    room.storeBytes(of: pending.littleEndian, toByteOffset: place, as: UInt64.self)
                    place += 6
                    pending >>= 48
                    bitCount -= 48
                }
            }
            room.storeBytes(of: pending.littleEndian, toByteOffset: place, as: UInt64.self)
            return place + Int(bitCount + 7) / 8
        }
    }
}

extension UInt16 {
    var bitReversed: UInt16 {
        var reversed = self
        reversed = (reversed & 0x5555) << 1 | (reversed >> 1) & 0x5555
        reversed = (reversed & 0x3333) << 2 | (reversed >> 2) & 0x3333
        reversed = (reversed & 0x0F0F) << 4 | (reversed >> 4) & 0x0F0F
        return reversed.byteSwapped
    }
}
