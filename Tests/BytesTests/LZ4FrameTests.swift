// Invariants checked: the first at the head of LZ4Frame.swift.

import CLZ4
import Simulation
import Testing

@testable import Bytes

@Suite struct LZ4FrameTests {
    private static func frame(_ bytes: [UInt8]) -> [UInt8] {
        let bound = LZ4F_compressFrameBound(bytes.count, nil)
        return [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
            count = bytes.withUnsafeBytes {
                LZ4F_compressFrame(buffer.baseAddress, bound, $0.baseAddress, $0.count, nil)
            }
        }
    }

    private static func inflated(
        _ frame: [UInt8], _ byteCount: Int, by decompressor: LZ4Decompressor = LZ4Decompressor()
    ) throws(BytesError) -> [UInt8] {
        var output = [UInt8](repeating: 0, count: byteCount)
        let result: Result<Void, BytesError> = frame.withUnsafeBytes { frame in
            output.withUnsafeMutableBytes { output in
                do throws(BytesError) {
                    return .success(try decompressor.decompress(frame, into: output))
                } catch { return .failure(error) }
            }
        }
        try result.get()
        return output
    }

    private static func sample(_ count: Int, _ random: inout SeededGenerator) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 % 97 == 0 ? random.next() : UInt64($0 / 40)) }
    }

    @Test("a frame inflates to what it was made of, over and over")
    func thereAndBack() throws {
        var random = SeededGenerator(seed: 4)
        let decompressor = LZ4Decompressor()
        for count in [0, 1, 15, 4096, 70_000, 300_000] {
            let bytes = Self.sample(count, &random)
            #expect(try Self.inflated(Self.frame(bytes), count, by: decompressor) == bytes)
            // What was refused leaves nothing behind.
            #expect(throws: BytesError.self) {
                try Self.inflated(Self.frame(bytes), count + 1, by: decompressor)
            }
        }
    }

    @Test("another size than was stated is refused, and so is what follows a frame")
    func sizes() throws {
        var random = SeededGenerator(seed: 5)
        for count in [1, 5000, 200_000] {
            let frame = Self.frame(Self.sample(count, &random))
            for stated in [0, count - 1, count + 1, 2 * count] where stated != count {
                #expect(throws: BytesError.self) { try Self.inflated(frame, stated) }
            }
            #expect(throws: BytesError.self) { try Self.inflated(frame + [0], count) }
        }
    }

    @Test("a frame that is cut or damaged is refused, or inflates to the size stated")
    func damage() throws {
        var random = SeededGenerator(seed: 6)
        let bytes = Self.sample(3000, &random)
        let frame = Self.frame(bytes)
        for cut in 0..<frame.count {
            #expect(throws: BytesError.self) { try Self.inflated(Array(frame[..<cut]), bytes.count) }
        }
        for _ in 0..<2000 {
            var damaged = frame
            damaged[Int(random.next() % UInt64(frame.count))] ^= UInt8(1 << (random.next() % 8))
            let found = try? Self.inflated(damaged, bytes.count)
            #expect(found == nil || found?.count == bytes.count)
        }
    }
}
