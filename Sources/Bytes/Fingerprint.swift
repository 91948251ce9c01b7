// A 128-bit fingerprint of bytes: MurmurHash3, the x64 variant with seed 0 (A. Appleby, public domain).
//
// Invariants:
//  * Equal to the published function, because fingerprints are kept on disk.
//  * Two different texts that nobody made to collide have different ones, for all practical purposes.
//
// It tells a request that is repeated from one that was changed by mistake, at the speed of memory,
// where SHA-256 would cost more than parsing. Whoever makes two requests collide on purpose deceives
// himself alone: he could have sent the one instead of the other.

/// A fingerprint, as the two words that the function gives.
package struct Fingerprint: Hashable, Sendable {
    package var first: UInt64
    package var second: UInt64

    package init(first: UInt64, second: UInt64) {
        self.first = first
        self.second = second
    }

    private static let factor1: UInt64 = 0x87C3_7B91_1142_53D5
    private static let factor2: UInt64 = 0x4CF5_AD43_2745_937F

    /// Of `bytes` as a whole: what comes in pieces has to be put together first.
    package init(_ bytes: UnsafeRawBufferPointer) {
        var h1: UInt64 = 0
        var h2: UInt64 = 0
        let wholeByteCount = bytes.count & ~15
        var offset = 0
        while offset < wholeByteCount {
            let k1 = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            let k2 = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self))
            h1 ^= Self.mixed1(k1)
            h1 = (h1.rotatedLeft(27) &+ h2) &* 5 &+ 0x52DC_E729
            h2 ^= Self.mixed2(k2)
            h2 = (h2.rotatedLeft(31) &+ h1) &* 5 &+ 0x3849_5AB5
            offset += 16
        }
        var k1: UInt64 = 0
        var k2: UInt64 = 0
        for (position, byte) in bytes[wholeByteCount...].enumerated() {
            if position < 8 {
                k1 |= UInt64(byte) << UInt64(position * 8)
            } else {
                k2 |= UInt64(byte) << UInt64((position - 8) * 8)
            }
        }
        h2 ^= Self.mixed2(k2)
        h1 ^= Self.mixed1(k1)
        h1 ^= UInt64(bytes.count)
        h2 ^= UInt64(bytes.count)
        h1 &+= h2
        h2 &+= h1
        h1 = Self.finished(h1)
        h2 = Self.finished(h2)
        h1 &+= h2
        h2 &+= h1
        first = h1
        second = h2
    }

    /// Of the text's UTF-8: texts that Swift takes for equal may have different ones.
    package init(_ text: String) {
        var text = text
        self = text.withUTF8 { Fingerprint(UnsafeRawBufferPointer($0)) }
    }

    private static func mixed1(_ k: UInt64) -> UInt64 { (k &* factor1).rotatedLeft(31) &* factor2 }

    private static func mixed2(_ k: UInt64) -> UInt64 { (k &* factor2).rotatedLeft(33) &* factor1 }

    private static func finished(_ value: UInt64) -> UInt64 {
        var k = value
        k = (k ^ k >> 33) &* 0xFF51_AFD7_ED55_8CCD
        k = (k ^ k >> 33) &* 0xC4CE_B9FE_1A85_EC53
        return k ^ k >> 33
    }
}

extension UInt64 {
    fileprivate func rotatedLeft(_ count: UInt64) -> UInt64 { self << count | self >> (64 - count) }
}
