// Invariants checked: those at the heads of ByteCursor.swift and ByteWriter.swift: what is written
// comes back, and running out at any byte is an error with its place.

import Bytes
import Simulation
import Testing

@Suite struct ByteCursorTests {
    private static let edges: [UInt64] = {
        var edges: Set<UInt64> = [0, .max]
        for bit in 0..<64 as Range<UInt64> {
            edges.formUnion([1 << bit, (1 << bit) - 1, (1 << bit) + 1, ~(1 << bit)])
        }
        return edges.sorted()
    }()

    private func written(_ write: (inout ByteWriter) -> Void) -> [UInt8] {
        var writer = ByteWriter()
        write(&writer)
        return writer.bytes
    }

    @Test("every edge of a variable-length integer comes back in as few bytes as it needs")
    func varints() throws {
        for value in Self.edges {
            let bytes = written { $0.writeVarint(value) }
            #expect(bytes.count == max(1, (64 - value.leadingZeroBitCount + 6) / 7))
            try bytes.withUnsafeBytes {
                var cursor = ByteCursor($0)
                let found = try cursor.readVarint()
                #expect(found == value && cursor.remaining == 0)
            }
            // The same where other bytes follow, of any kind, and it is read with them.
            for next in [0x00, 0x7F, 0x80, 0xFF] as [UInt8] {
                for count in 1...9 {
                    let longer = bytes + [UInt8](repeating: next, count: count)
                    try longer.withUnsafeBytes {
                        var cursor = ByteCursor($0)
                        let found = try cursor.readVarint()
                        #expect(found == value && cursor.remaining == count)
                    }
                }
            }
        }
    }

    @Test("every edge of a signed integer comes back; small magnitudes stay short")
    func zigzags() throws {
        for edge in Self.edges {
            let value = Int64(bitPattern: edge)
            let bytes = written { $0.writeZigzag(value) }
            if (-64...63).contains(value) { #expect(bytes.count == 1) }
            try bytes.withUnsafeBytes {
                var cursor = ByteCursor($0)
                let found = try cursor.readZigzag()
                #expect(found == value)
            }
        }
    }

    @Test("a variable-length integer over 64 bits is refused")
    func longVarints() {
        let tooLong: [[UInt8]] = [
            [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02],
            [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x81, 0x00],
            [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00],
        ]
        for bytes in tooLong {
            bytes.withUnsafeBytes { buffer in
                var cursor = ByteCursor(buffer)
                #expect(throws: BytesError.varintTooLong(offset: 0)) { try cursor.readVarint() }
            }
        }
    }

    @Test("what is written is read in the same order; cut at any byte, some read runs out")
    func everyLength() throws {
        func readAll(_ bytes: UnsafeRawBufferPointer) throws {
            var cursor = ByteCursor(bytes)
            #expect(try cursor.read(UInt8.self) == 0xAB)
            #expect(try cursor.read(UInt16.self) == 0x1234)
            #expect(try cursor.read(UInt32.self) == 0xDEAD_BEEF)
            #expect(try cursor.read(Int64.self) == -2)
            #expect(try cursor.readVarint() == 300)
            #expect(try cursor.readZigzag() == .min)
            #expect(try cursor.readText(byteCountMax: 9) == "håll")
            #expect(try Array(cursor.readBytes(3)) == [1, 2, 3])
            #expect(try cursor.readCount(limit: 7) == 7)
            #expect(cursor.remaining == 0)
        }
        let bytes = written { writer in
            writer.write(UInt8(0xAB))
            writer.write(UInt16(0))
            writer.write(UInt32(0xDEAD_BEEF))
            writer.write(Int64(-2))
            writer.writeVarint(300)
            writer.writeZigzag(.min)
            writer.write(text: "håll")
            writer.write([1, 2, 3])
            writer.writeVarint(7)
            writer.patch(UInt16(0x1234), at: 1)
        }
        #expect(bytes[1...6] == [0x34, 0x12, 0xEF, 0xBE, 0xAD, 0xDE], "integers are little-endian")
        try bytes.withUnsafeBytes { try readAll($0) }
        for length in bytes.indices {
            bytes[..<length].withUnsafeBytes { cut in
                do throws(BytesError) {
                    var cursor = ByteCursor(cut)
                    _ = try cursor.read(UInt8.self)
                    _ = try cursor.read(UInt16.self)
                    _ = try cursor.read(UInt32.self)
                    _ = try cursor.read(Int64.self)
                    _ = try cursor.readVarint()
                    _ = try cursor.readZigzag()
                    _ = try cursor.readText(byteCountMax: 9)
                    _ = try cursor.readBytes(3)
                    _ = try cursor.readCount(limit: 7)
                    Issue.record("\(length) bytes were enough")
                } catch {
                    guard case .ranOut(let offset, let wanted, let available) = error else {
                        Issue.record("cut at \(length): \(error)")
                        return
                    }
                    #expect(offset <= length && available == length - offset && wanted > available)
                }
            }
        }
    }

    @Test("a count or text over its limit is refused before it is read")
    func limits() {
        let bytes = written { $0.writeVarint(8) } + [UInt8](repeating: 0x61, count: 8)
        bytes.withUnsafeBytes { buffer in
            var cursor = ByteCursor(buffer)
            #expect(throws: BytesError.overLimit(offset: 0, found: 8, limit: 7)) {
                try cursor.readCount(limit: 7)
            }
            cursor = ByteCursor(buffer)
            #expect(throws: BytesError.overLimit(offset: 0, found: 8, limit: 7)) {
                try cursor.readText(byteCountMax: 7)
            }
        }
        written { $0.writeVarint(UInt64.max) }.withUnsafeBytes { buffer in
            var cursor = ByteCursor(buffer)
            #expect(throws: BytesError.overLimit(offset: 0, found: .max, limit: UInt64(Int.max))) {
                try cursor.readCount(limit: .max)
            }
        }
    }

    @Test("an error says what is wrong, and nothing of lengths or frames where it is about neither")
    func descriptions() {
        #expect(
            BytesError.unknownCode(offset: 12, kind: "a codec", found: 9).description
                == "a codec at 12 has the code 9, which this build does not know")
        #expect(BytesError.trailing(offset: 12, byteCount: 3).description == "3 bytes at 12, behind the end")
        #expect(
            BytesError.malformed(offset: 8, reason: "not a manifest").description == "not a manifest (at 8)")
        #expect(
            BytesError.badFrame(offset: 8, reason: "cut").description == "bad compressed frame at 8: cut")
    }
}
