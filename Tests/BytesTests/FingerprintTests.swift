// Invariants checked: the two at the head of Fingerprint.swift; the values are of an independent
// implementation (mmh3 5.2 for Python).

import Bytes
import Simulation
import Testing

@Suite struct FingerprintTests {
    @Test(
        "equal to the published function, for every length of the rest",
        arguments: [
            ("", 0x0, 0x0), ("hello", 0xcbd8_a7b3_41bd_9b02, 0x5b1e_906a_48ae_1d19),
            ("aaaaaaaaaaaaaaa", 0x7d07_a8db_fd2e_7fbc, 0x8fa8_044a_a85f_f959),
            ("aaaaaaaaaaaaaaaa", 0xf2c1_180d_62aa_a6ce, 0x6af6_f303_2bb2_3942),
            ("aaaaaaaaaaaaaaaaa", 0x6f72_14c7_cef2_d698, 0xa4fd_bc53_4ede_a5bb),
            ("The quick brown fox jumps over the lazy dog", 0xe34b_bc7b_bc07_1b6c, 0x7a43_3ca9_c49a_9347),
            ("äääääääää", 0xe6cf_d962_0e8e_c5e1, 0xa8c9_de31_6951_a2df),
        ] as [(String, UInt64, UInt64)])
    func vectors(text: String, first: UInt64, second: UInt64) {
        #expect(Fingerprint(text) == Fingerprint(first: first, second: second))
    }

    @Test("a changed bit, a byte more or less, is another fingerprint; the place in memory is not")
    func tellsApart() {
        var generator = SeededGenerator(seed: 5)
        let bytes = (0..<70).map { _ in UInt8.random(in: 0...255, using: &generator) }
        var seen: Set<Fingerprint> = []
        var count = 0
        for length in 0..<bytes.count {
            bytes.withUnsafeBytes {
                _ = seen.insert(Fingerprint(UnsafeRawBufferPointer(rebasing: $0[..<length])))
            }
            count += 1
            for bit in 0..<length * 8 {
                var changed = Array(bytes[..<length])
                changed[bit / 8] ^= 1 << UInt8(bit % 8)
                changed.withUnsafeBytes { _ = seen.insert(Fingerprint($0)) }
                count += 1
            }
        }
        #expect(seen.count == count)
        let shifted = [0] + bytes
        #expect(
            shifted.withUnsafeBytes { Fingerprint(UnsafeRawBufferPointer(rebasing: $0[1...])) }
                == bytes.withUnsafeBytes { Fingerprint($0) })
    }
}
