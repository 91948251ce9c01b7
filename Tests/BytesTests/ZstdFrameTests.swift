// Invariants checked: the two at the head of ZstdFrame.swift.

import Bytes
import Simulation
import Testing

@Suite struct ZstdFrameTests {
    private func compress(_ bytes: [UInt8]) -> [UInt8]? {
        bytes.withUnsafeBytes { ZstdCompressor().compress($0) }
    }

    private func inflate(_ frame: [UInt8], _ byteCount: Int) throws -> [UInt8] {
        try frame.withUnsafeBytes { try ZstdDecompressor().decompress($0, byteCount: byteCount) }
    }

    @Test("what compresses comes back; what would not become smaller is left alone")
    func roundTrip() throws {
        var generator = SeededGenerator(seed: 2)
        for count in [0, 1, 16, 17, 18, 100, 1000, 200_000] {
            let plain = (0..<count).map { UInt8(truncatingIfNeeded: $0 / 40) }
            if let frame = compress(plain) {
                #expect(frame.count < count)
                #expect(try inflate(frame, count) == plain)
            } else {
                #expect(count <= 18)
            }
            let noise = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            #expect(compress(noise) == nil, "\(count) random bytes do not compress")
        }
    }

    @Test("one compressor and one decompressor serve many frames")
    func reuse() throws {
        let compressor = ZstdCompressor()
        let decompressor = ZstdDecompressor()
        for count in [5000, 30, 90_000, 64] {
            let plain = [UInt8](repeating: UInt8(count % 251), count: count)
            let frame = try #require(plain.withUnsafeBytes { compressor.compress($0) })
            #expect(try frame.withUnsafeBytes { try decompressor.decompress($0, byteCount: count) } == plain)
        }
    }

    @Test("a frame inflates to the stated size or is refused; so is one cut or damaged")
    func refusals() throws {
        let plain = (0..<3000).map { UInt8(truncatingIfNeeded: $0 / 40) }
        let frame = try #require(compress(plain))
        for stated in [0, 1, 2999, 3001, 100_000] {
            #expect(throws: BytesError.self) { try inflate(frame, stated) }
        }
        for length in frame.indices {
            #expect(throws: BytesError.self) { try inflate(Array(frame[..<length]), 3000) }
        }
        #expect(throws: BytesError.self) { try inflate([1, 2, 3, 4, 5], 3000) }
        // Damage may go unnoticed here (checksums are the columns' business), but never traps or swells.
        for place in frame.indices {
            var damaged = frame
            damaged[place] ^= 0x55
            if let found = try? inflate(damaged, 3000) { #expect(found.count == 3000) }
        }
    }
}
