// The bytes of an Arrow IPC file or stream, message by message (ArrowMessages.swift draws them).
//
// Invariants:
//  * Every message and every body begins at a multiple of eight bytes from the start.
//  * The footer names every batch at its place in the whole, whatever was taken before.

import Bytes

struct ArrowOutput {
    private let format: ArrowWriter.Format
    /// Not yet taken; `takenByteCount` bytes stand before it.
    private var output = ByteWriter()
    private var takenByteCount = 0
    private var schema = ArrowFlatValue.table([:])
    /// Where each record batch lies, as the footer says it.
    private var blocks = ByteWriter()
    private var blockCount = 0

    /// Version 5 of the metadata, since Arrow 1.0.
    private static let version = ArrowFlatValue.short(4)

    init(_ format: ArrowWriter.Format) {
        self.format = format
        guard format == .file else { return }
        writeMagic()
        output.write(UInt16(0))
    }

    private mutating func writeMagic() {
        for byte in 0..<ArrowMessages.magic.utf8CodeUnitCount {
            output.write(ArrowMessages.magic.utf8Start[byte])
        }
    }

    mutating func write(schema: ArrowFlatValue) {
        self.schema = schema
        write(.schema, schema, body: [])
    }

    mutating func write(_ body: ArrowBody, rowCount: Int) {
        let start = takenByteCount + output.count
        let metadataByteCount = write(.batch, body.header(rowCount: rowCount), body: body.bytes)
        blocks.write(Int64(start))
        blocks.write(Int32(metadataByteCount))
        blocks.write(Int32(0))
        blocks.write(Int64(body.bytes.count))
        blockCount += 1
    }

    /// Writes a message; gives the bytes before its body.
    @discardableResult
    private mutating func write(_ kind: ArrowMessage.Kind, _ header: ArrowFlatValue, body: [UInt8]) -> Int {
        let metadata = ArrowFlatWriter.bytes(of: [
            0: Self.version, 1: .byte(kind.rawValue), 2: header, 3: .long(Int64(body.count)),
        ])
        output.write(ArrowMessages.continuation)
        output.write(Int32(metadata.count))
        output.write(metadata)
        output.write(body)
        return 8 + metadata.count
    }

    /// What was written since the last time.
    mutating func take() -> [UInt8] {
        let bytes = output.bytes
        takenByteCount += bytes.count
        output = ByteWriter()
        return bytes
    }

    consuming func finish() -> [UInt8] {
        output.write(ArrowMessages.continuation)
        output.write(Int32(0))
        guard format == .file else { return output.bytes }
        let footer = ArrowFlatWriter.bytes(of: [
            0: Self.version, 1: schema, 2: .structs([], count: 0),
            3: .structs(blocks.bytes, count: blockCount),
        ])
        output.write(footer)
        output.write(Int32(footer.count))
        writeMagic()
        return output.bytes
    }
}
