// Invariants checked: the three at the head of PrefixCoding.swift, in that order.

import Bytes
import Simulation
import Testing

struct PrefixCodingTests {
    private func encode(_ bytes: [UInt8]) -> [UInt8]? {
        var writer = ByteWriter()
        writer.write(UInt8(77))
        guard bytes.withUnsafeBytes({ PrefixCoding.encode($0, into: &writer) }) else {
            #expect(writer.bytes == [77], "Nothing is appended where it would not be shorter.")
            return nil
        }
        #expect(writer.count - 1 < bytes.count)
        return Array(writer.bytes[1...])
    }

    private func decode(_ coded: [UInt8], count: Int) throws -> [UInt8] {
        // What comes after is the next reader's.
        let followed = coded + [9, 9, 9]
        return try followed.withUnsafeBytes { bytes in
            var cursor = ByteCursor(bytes)
            var output = [UInt8](repeating: 0xAA, count: count)
            try output.withUnsafeMutableBytes { try PrefixCoding.decode(&cursor, into: $0) }
            #expect(cursor.offset == coded.count)
            return output
        }
    }

    /// Bytes of some kinds, each half as frequent as the one before, or all alike.
    private func bytes(_ count: Int, kinds: Int, halving: Bool, _ random: inout SeededGenerator) -> [UInt8] {
        let first = Int.random(in: 0...(256 - kinds), using: &random)
        return (0..<count).map { _ in
            let kind =
                halving
                ? min(UInt64.random(in: 1 ... .max, using: &random).leadingZeroBitCount, kinds - 1)
                : Int.random(in: 0..<kinds, using: &random)
            return UInt8(first + kind)
        }
    }

    @Test("bytes of every number of kinds come back, of every small length and some long", arguments: 1...24)
    func roundTrip(seed: Int) throws {
        print("seed \(seed)")
        var random = SeededGenerator(seed: UInt64(seed))
        for count in Array(0...40) + [100, 255, 1000, 2048, 2049, 20_000] {
            for kinds in [1, 2, 3, 5, 17, 60, 256] {
                let bytes = bytes(count, kinds: kinds, halving: seed % 2 == 0, &random)
                guard let coded = encode(bytes) else { continue }
                #expect(try decode(coded, count: count) == bytes, "\(count) of \(kinds)")
            }
        }
    }

    @Test("a code takes the bits that its share deserves, or one more a byte at most")
    func size() throws {
        var random = SeededGenerator(seed: 3)
        let bytes = bytes(10_000, kinds: 12, halving: true, &random)
        let coded = try #require(encode(bytes))
        // Halves, quarters, eighths: two bits a byte are the entropy, and such shares meet it.
        #expect(abs(coded.count - 10_000 * 2 / 8) < 80)
        let same = try #require(encode([UInt8](repeating: 5, count: 100)))
        #expect(same.count == 3)
    }

    @Test("shares as unequal as Fibonacci's numbers keep their codes within the longest")
    func longestCode() throws {
        var bytes: [UInt8] = []
        var (count, next) = (1, 1)
        for kind in 0..<22 as Range<UInt8> {
            bytes += [UInt8](repeating: kind, count: count)
            (count, next) = (next, count + next)
        }
        let coded = try #require(encode(bytes))
        #expect(coded[2..<13].allSatisfy { $0 & 15 <= 11 && $0 >> 4 <= 11 })
        #expect(try decode(coded, count: bytes.count) == bytes)
    }

    @Test("damaged codes are refused or read as something else, never past their bytes", arguments: 1...6)
    func damage(seed: Int) throws {
        print("seed \(seed)")
        var random = SeededGenerator(seed: UInt64(seed))
        let bytes = bytes(300, kinds: 9, halving: true, &random)
        let coded = try #require(encode(bytes))
        for place in coded.indices {
            var damaged = coded
            damaged[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            for count in [300, 1, 7000] {
                var output = [UInt8](repeating: 0, count: count)
                do throws(BytesError) { try decode(damaged, &output) } catch {}
            }
            var output = [UInt8](repeating: 0, count: 300)
            #expect(throws: BytesError.self) { try decode(Array(coded[..<place]), &output) }
        }
    }

    private func decode(_ coded: [UInt8], _ output: inout [UInt8]) throws(BytesError) {
        var failure: BytesError?
        coded.withUnsafeBytes { coded in
            output.withUnsafeMutableBytes { output in
                var cursor = ByteCursor(coded)
                do throws(BytesError) { try PrefixCoding.decode(&cursor, into: output) } catch {
                    failure = error
                }
            }
        }
        if let failure { throw failure }
    }
}
