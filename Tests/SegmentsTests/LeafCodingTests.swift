// Invariants checked: the one at the head of LeafCoding.swift, and that no bytes make a decoder
// trap, hang or answer with another number of elements.

import Bytes
import Records
import Simulation
import TestSupport
import Testing

@testable import Segments

@Suite struct LeafCodingTests {
    private let compressor = ZstdCompressor()
    private let decompressor = ZstdDecompressor()

    private func encode(_ leaf: Leaf) -> [UInt8] {
        bytes { LeafCoding.encode(leaf, 0..<leaf.count, with: compressor, into: &$0) }
    }

    private func decode(_ coded: [UInt8], _ type: ElementType, count: Int) throws -> Leaf {
        try coded.withUnsafeBytes { try LeafCoding.decode($0, type: type, count: count, with: decompressor) }
    }

    /// The leaf's numbers; nil where it holds none.
    private func numbers(_ coded: [UInt8], _ type: ElementType, count: Int) throws -> [Double]? {
        var output = [Double](repeating: 777, count: count)
        let areNumbers = try coded.withUnsafeBytes { bytes in
            try output.withUnsafeMutableBufferPointer {
                try LeafCoding.decodeNumbers(bytes, type: type, with: decompressor, into: $0)
            }
        }
        return areNumbers ? output : nil
    }

    @Test("leaves of every type come back with their nulls, texts and form; numbers read alone are the same")
    func leaves() throws {
        for seed in 0..<400 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            let count = seed < 200 ? Int(seed % 9) : Int.random(in: 0...700, using: &generator)
            let leaf = generator.leaf(count: count) { $0 % 11 != 10 }
            let type = ElementType(leaf.elements)
            let coded = encode(leaf)
            #expect(try decode(coded, type, count: count) == leaf, "seed \(seed)")
            let numbers = try numbers(coded, type, count: count)
            let expected = leaf.plainNumbers
            #expect(numbers?.map(\.bitPattern) == expected?.map(\.bitPattern), "seed \(seed)")
        }
    }

    @Test("no damage to a leaf's bytes makes its decoder trap, and what decodes has the right count")
    func damagedLeaves() {
        let types: [ElementType] = [.float64, .float32, .int64, .bool, .text]
        for seed in 0..<150 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            let count = Int.random(in: 0...40, using: &generator)
            let leaf = generator.leaf(count: count) { _ in true }
            let coded = encode(leaf)
            for _ in 0..<40 {
                var damaged = coded
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: damaged.removeLast(Int.random(in: 0...damaged.count, using: &generator))
                case 1:
                    let place = Int.random(in: 0...damaged.count, using: &generator)
                    damaged.insert(contentsOf: [0xFF, 0xFF, 0xFF, 0xFF, 0x07], at: place)
                default:
                    for _ in 0..<Int.random(in: 1...3, using: &generator) {
                        damaged[Int.random(in: 0..<damaged.count, using: &generator)] =
                            UInt8.random(in: 0...255, using: &generator)
                    }
                }
                let wanted = [count, 0, 1, 1000, Int(Int32.max)][Int.random(in: 0..<4, using: &generator)]
                for type in types {
                    if let decoded = try? decode(damaged, type, count: wanted) {
                        #expect(decoded.count == wanted, "seed \(seed)")
                    }
                    _ = try? numbers(damaged, type, count: wanted)
                }
            }
        }
    }

    @Test("positions near the end of 32 bits are refused, not added up")
    func widePositions() {
        // Two kept texts whose differences each are in bounds and whose sum is not.
        let coded = bytes { writer in
            writer.write(UInt8(2))
            writer.writeVarint(2)
            for _ in 0..<2 {
                writer.writeVarint(Int(Int32.max) - 1)
                writer.write(text: "1.0")
            }
        }
        #expect(throws: BytesError.self) { try decode(coded, .bool, count: Int(Int32.max)) }
    }
}
