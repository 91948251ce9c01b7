// Reading FlatBuffers, the format of Arrow's metadata: tables found by offsets.
//
//     table      i32 to its vtable (backwards), then its fields' inline values
//     vtable     u16 bytes of the vtable · u16 bytes of the table · u16 place of each field, 0: absent
//     elsewhere  u32 forwards to a text (u32 count, bytes), a vector (u32 count, elements) or a table
//
// Invariants:
//  * A table is believed only after its vtable and its own extent were found inside the buffer.
//  * A field is read only where its place and width lie inside the table.
//  * Offsets lead forwards, so no chain of tables comes back to where it was; that they may share
//    parts is the caller's to bound, by counting what it takes (ArrowSchemaReader).

struct ArrowFlatTable {
    private let buffer: ArrowBytes
    private let start: Int
    private let byteCount: Int
    private let vtable: Int
    private let slotCount: Int

    /// The table that a whole buffer holds.
    static func root(of buffer: ArrowBytes) throws(ArrowError) -> ArrowFlatTable {
        try ArrowFlatTable(buffer, at: Int(buffer.integer(at: 0, as: UInt32.self)))
    }

    private init(_ buffer: ArrowBytes, at start: Int) throws(ArrowError) {
        let vtable = start - Int(try buffer.integer(at: start, as: Int32.self))
        let vtableByteCount = Int(try buffer.integer(at: vtable, as: UInt16.self))
        let byteCount = Int(try buffer.integer(at: vtable + 2, as: UInt16.self))
        guard vtableByteCount >= 4, vtableByteCount % 2 == 0, vtable <= buffer.count - vtableByteCount,
            byteCount >= 4, start <= buffer.count - byteCount
        else { throw buffer.malformed(at: start, "a metadata table does not lie inside the metadata") }
        self.buffer = buffer
        self.start = start
        self.byteCount = byteCount
        self.vtable = vtable
        slotCount = (vtableByteCount - 4) / 2
    }

    /// Where the table lies in the body.
    var place: Int { buffer.place + start }

    /// Where the value of a field lies in the buffer; nil where the field is absent.
    private func position(_ slot: Int, width: Int) throws(ArrowError) -> Int? {
        guard slot < slotCount else { return nil }
        let offset = Int(try buffer.integer(at: vtable + 4 + slot * 2, as: UInt16.self))
        if offset == 0 { return nil }
        guard offset >= 4, offset <= byteCount - width else {
            throw buffer.malformed(at: start, "field \(slot) of a metadata table lies outside the table")
        }
        return start + offset
    }

    func integer<Integer: FixedWidthInteger & BitwiseCopyable>(
        _ slot: Int, default value: Integer = 0
    ) throws(ArrowError) -> Integer {
        guard let position = try position(slot, width: MemoryLayout<Integer>.size) else { return value }
        return try buffer.integer(at: position)
    }

    func bool(_ slot: Int) throws(ArrowError) -> Bool { try integer(slot, default: UInt8(0)) != 0 }

    /// What an offset leads to.
    private func target(at position: Int) throws(ArrowError) -> Int {
        let offset = Int(try buffer.integer(at: position, as: UInt32.self))
        guard offset > 0, offset <= buffer.count - position else {
            throw buffer.malformed(at: position, "an offset leads out of the metadata")
        }
        return position + offset
    }

    func table(_ slot: Int) throws(ArrowError) -> ArrowFlatTable? {
        guard let position = try position(slot, width: 4) else { return nil }
        return try ArrowFlatTable(buffer, at: target(at: position))
    }

    /// The bytes of a vector's elements, each `width` bytes; nil where the field is absent.
    func vector(_ slot: Int, width: Int) throws(ArrowError) -> ArrowBytes? {
        guard let position = try position(slot, width: 4) else { return nil }
        let vector = try target(at: position)
        let count = Int64(try buffer.integer(at: vector, as: UInt32.self))
        return try buffer.part(at: Int64(vector) + 4, count: count * Int64(width), "a vector")
    }

    /// How many tables the vector in `slot` has: none where it is absent.
    func tableCount(_ slot: Int) throws(ArrowError) -> Int {
        (try vector(slot, width: 4)?.count ?? 0) / 4
    }

    /// A table of the vector in `slot`, which has it.
    func table(_ slot: Int, _ index: Int) throws(ArrowError) -> ArrowFlatTable {
        guard let elements = try vector(slot, width: 4) else {
            throw buffer.malformed(at: start, "a vector is missing")
        }
        let position = elements.place - buffer.place + index * 4
        return try ArrowFlatTable(buffer, at: target(at: position))
    }
}
