// SHA-256 (FIPS 180-4): names models by content and results by digest.
//
// Invariant: equal to the standard's test vectors, whatever the cuts between `update` calls.
// Written here because the rooms above the network build without a cryptography library. Its time
// depends on the number of bytes alone, so it may also be keyed (HMAC.swift).

/// A digest under way: it takes bytes in any pieces, and is asked once.
package struct SHA256: Sendable {
    private var state: [UInt32] = [
        0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a,
        0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
    ]
    private var pending: [UInt8] = []
    private var byteCount: UInt64 = 0

    package init() {}

    /// The digest of `bytes`, as 64 lower-case hexadecimal digits.
    package static func hexDigest(_ bytes: [UInt8]) -> String {
        var hash = SHA256()
        bytes.withUnsafeBytes { hash.update($0) }
        return hash.hexDigest()
    }

    /// Takes the next bytes, which are not kept but for the last 63 at most.
    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        byteCount += UInt64(bytes.count)
        var rest = bytes[...]
        if !pending.isEmpty {
            let wanted = min(64 - pending.count, rest.count)
            pending.append(contentsOf: rest.prefix(wanted))
            rest = rest.dropFirst(wanted)
            guard pending.count == 64 else { return }
            pending.withUnsafeBytes { absorb($0) }
            pending.removeAll(keepingCapacity: true)
        }
        while rest.count >= 64 {
            absorb(UnsafeRawBufferPointer(rebasing: rest.prefix(64)))
            rest = rest.dropFirst(64)
        }
        pending.append(contentsOf: rest)
    }

    /// The digest of all that was given, as 64 lower-case hexadecimal digits.
    package consuming func hexDigest() -> String {
        words().map(\.hexDigits).joined()
    }

    /// The 32 bytes of the digest of all that was given.
    package consuming func digest() -> [UInt8] {
        words().flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (24 - 8 * $0)) } }
    }

    private consuming func words() -> [UInt32] {
        let bitCount = byteCount &* 8
        pending.append(0x80)
        while pending.count % 64 != 56 { pending.append(0) }
        withUnsafeBytes(of: bitCount.bigEndian) { pending.append(contentsOf: $0) }
        let tail = pending
        tail.withUnsafeBytes { bytes in
            for start in stride(from: 0, to: bytes.count, by: 64) {
                absorb(UnsafeRawBufferPointer(rebasing: bytes[start..<start + 64]))
            }
        }
        return state
    }

    private mutating func absorb(_ block: UnsafeRawBufferPointer) {
        withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 64) { words in
            for index in 0..<16 {
                words[index] = UInt32(
                    bigEndian: block.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self))
            }
            for index in 16..<64 {
                let early = words[index - 15]
                let late = words[index - 2]
                let s0 = rotate(early, 7) ^ rotate(early, 18) ^ (early >> 3)
                let s1 = rotate(late, 17) ^ rotate(late, 19) ^ (late >> 10)
                words[index] = words[index - 16] &+ s0 &+ words[index - 7] &+ s1
            }
            var (a, b, c, d) = (state[0], state[1], state[2], state[3])
            var (e, f, g, h) = (state[4], state[5], state[6], state[7])
            for index in 0..<64 {
                let s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)
                let choice = (e & f) ^ (~e & g)
                let first = h &+ s1 &+ choice &+ roundConstants[index] &+ words[index]
                let s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)
                let majority = (a & b) ^ (a & c) ^ (b & c)
                (h, g, f, e) = (g, f, e, d &+ first)
                (d, c, b, a) = (c, b, a, first &+ s0 &+ majority)
            }
            state[0] &+= a
            state[1] &+= b
            state[2] &+= c
            state[3] &+= d
            state[4] &+= e
            state[5] &+= f
            state[6] &+= g
            state[7] &+= h
        }
    }
}

@inline(__always)
private func rotate(_ word: UInt32, _ count: UInt32) -> UInt32 {
    (word >> count) | (word << (32 - count))
}

/// The first 32 bits of the fractional parts of the cube roots of the first 64 primes (§4.2.2),
/// computed rather than listed: an integer cube root of prime·2^96.
private let roundConstants: [UInt32] = {
    var constants: [UInt32] = []
    var candidate: UInt32 = 2
    while constants.count < 64 {
        defer { candidate += 1 }
        if (2..<candidate).contains(where: { candidate % $0 == 0 }) { continue }
        // The greatest r with r³ ≤ prime·2^96; its low 32 bits are the fraction.
        var root: UInt64 = 0
        for bit in (0..<36).reversed() {
            let trial = root | (1 << UInt64(bit))
            let square = trial.multipliedFullWidth(by: trial)
            let wide = (UInt128(square.high) << 64) | UInt128(square.low)
            let limit = UInt128(candidate) << 96
            if wide <= limit / UInt128(trial) { root = trial }
        }
        constants.append(UInt32(truncatingIfNeeded: root))
    }
    return constants
}()
