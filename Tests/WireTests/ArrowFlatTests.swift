// Invariants checked: those at the heads of ArrowFlatWriter.swift and ArrowFlatTable.swift: what is
// written is read back, aligned as verifiers demand, and absent fields have their defaults.

import Testing

@testable import Wire

private func withRoot<Value>(_ bytes: [UInt8], _ body: (ArrowFlatTable) throws -> Value) throws -> Value {
    try bytes.withUnsafeBytes { try body(.root(of: ArrowBytes(raw: $0, place: 100))) }
}

@Suite struct ArrowFlatTests {
    @Test("every kind of value comes back")
    func values() throws {
        let bytes = ArrowFlatWriter.bytes(of: [
            0: .byte(7), 1: .short(-2), 3: .int(-3), 4: .long(.min), 5: .text("é"), 6: .table([1: .long(9)]),
            7: .tables([.table([0: .byte(1)]), .table([:])]), 8: .structs([UInt8](0..<16), count: 1),
        ])
        #expect(bytes.count % 8 == 0)
        try withRoot(bytes) { table in
            #expect(try table.integer(0, default: UInt8(0)) == 7)
            #expect(try table.integer(1, default: Int16(0)) == -2)
            #expect(try table.integer(2, default: Int32(5)) == 5)
            #expect(try table.integer(3, default: Int32(0)) == -3)
            #expect(try table.integer(4, default: Int64(0)) == .min)
            #expect(try table.vector(5, width: 1).map { Array($0.raw) } == Array("é".utf8))
            #expect(try table.table(6)?.integer(1, default: Int64(0)) == 9)
            #expect(try table.tableCount(7) == 2)
            #expect(try table.table(7, 0).bool(0))
            #expect(try !table.table(7, 1).bool(0))
            let structs = try table.vector(8, width: 16) ?? .none
            #expect(Array(structs.raw) == [UInt8](0..<16))
            #expect((structs.place - 100) % 8 == 0)
            #expect(try table.table(9) == nil && table.tableCount(9) == 0)
        }
    }

    @Test("tables that do not lie inside the buffer are refused with their place")
    func outside() throws {
        let bytes = ArrowFlatWriter.bytes(of: [0: .long(1)])
        for count in 0..<bytes.count {
            // Cut anywhere, it is read whole or refused.
            let value = try? withRoot(Array(bytes.prefix(count))) { try $0.integer(0, default: Int64(0)) }
            #expect(value == nil || value == 1)
        }
        var far = bytes
        far[3] = 0x7F
        #expect(throws: ArrowError.self) { try withRoot(far) { _ in } }
        #expect(
            throws: ArrowError.malformed(
                byteOffset: 100, field: nil, problem: "4 bytes are wanted here, past the end")
        ) {
            try withRoot([1, 2]) { _ in }
        }
    }

    @Test("what a sender calls a vector is no longer than the buffer")
    func vectors() throws {
        var bytes = ArrowFlatWriter.bytes(of: [0: .text("abc")])
        let place = try #require(bytes.indices.first { bytes[$0...].starts(with: [3, 0, 0, 0, 0x61]) })
        bytes[place + 3] = 0x7F
        #expect(throws: ArrowError.self) { try withRoot(bytes) { _ = try $0.vector(0, width: 1) } }
    }
}
