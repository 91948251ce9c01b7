// Invariants checked: the two at the head of BitPacking.swift, for every width.

import Bytes
import Simulation
import Testing

@Suite struct BitPackingTests {
    private func packed(_ values: [UInt64], width: Int) -> [UInt8] {
        var writer = ByteWriter()
        values.withUnsafeBufferPointer { BitPacking.pack($0, width: width, into: &writer) }
        return writer.bytes
    }

    private func unpacked(_ bytes: [UInt8], count: Int, width: Int, base: UInt64 = 0) throws -> [UInt64] {
        var values = [UInt64](repeating: 99, count: count)
        try bytes.withUnsafeBytes { buffer in
            var cursor = ByteCursor(buffer)
            try values.withUnsafeMutableBufferPointer {
                try BitPacking.unpack(&cursor, width: width, base: base, into: $0)
            }
            #expect(cursor.remaining == 0)
        }
        return values
    }

    @Test("values of every width and number come back, above any base, in the bytes that are promised")
    func everyWidth() throws {
        for width in 0...64 {
            let greatest: UInt64 = width == 64 ? .max : (1 << UInt64(width)) - 1
            var generator = SeededGenerator(seed: UInt64(width))
            for count in [0, 1, 2, 3, 7, 8, 9, 31, 63, 64, 65, 200] {
                let values = (0..<count).map { index in
                    index % 3 == 0 ? greatest : UInt64.random(in: 0...greatest, using: &generator)
                }
                let bytes = packed(values, width: width)
                let promised = width == 0 || count == 0 ? 0 : (count * width + 7) / 8 + 8
                #expect(
                    bytes.count == promised && BitPacking.byteCount(count: count, width: width) == promised)
                #expect(
                    try unpacked(bytes, count: count, width: width) == values, "\(count) of \(width) bits")
                let base = UInt64.max - 5
                #expect(
                    try unpacked(bytes, count: count, width: width, base: base) == values.map { $0 &+ base },
                    "\(count) of \(width) bits above a base")
            }
        }
    }

    @Test("packed bytes that end early, or a width over 64, are refused")
    func refusals() {
        let bytes = packed([1, 2, 3], width: 9)
        for length in bytes.indices {
            #expect(throws: BytesError.self) { try unpacked(Array(bytes[..<length]), count: 3, width: 9) }
        }
        for width in 65...255 {
            #expect(throws: BytesError.overLimit(offset: 0, found: UInt64(width), limit: 64)) {
                try unpacked([UInt8](repeating: 0, count: 4000), count: 3, width: width)
            }
        }
    }

    @Test("a width is the bits that a value needs")
    func widths() {
        #expect(BitPacking.width(of: 0) == 0)
        for bit in 0..<64 { #expect(BitPacking.width(of: 1 << UInt64(bit)) == bit + 1) }
    }
}
