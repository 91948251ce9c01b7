// Bodies of Arrow IPC made piece by piece, of everything that ArrowWriter never writes: other widths,
// dictionaries, compression, odd offsets, and lies about any of them.
//
// The tests here see to it that the samples themselves are sound: files and streams of one sample say
// the same.

import Bytes
import Records
import Testing

@testable import Wire

/// An array and its buffers, as a sender might lay them out.
struct SampleArray {
    var field: ArrowField
    var count: Int
    /// Nil where the sender leaves the buffer out.
    var validity: [Bool]?
    var statedNullCount: Int?
    /// The buffers after the validity.
    var buffers: [[UInt8]] = []
    var children: [SampleArray] = []

    init(_ name: String, _ type: ArrowType, count: Int) {
        field = ArrowField(name: name, path: name, type: type)
        self.count = count
    }

    static func numbers<Number: BitwiseCopyable>(
        _ name: String, _ type: ArrowType, _ values: [Number], valid: [Bool]? = nil
    ) -> SampleArray {
        var array = SampleArray(name, type, count: values.count)
        array.validity = valid
        array.buffers = [values.withUnsafeBytes { Array($0) }]
        return array
    }

    static func bools(_ name: String, _ values: [Bool?]) -> SampleArray {
        var array = SampleArray(name, .bool, count: values.count)
        if values.contains(nil) { array.validity = values.map { $0 != nil } }
        // A null's bit is set: what stands under a null is anything.
        array.buffers = [bits(values.map { $0 ?? true })]
        return array
    }

    static func texts(_ name: String, _ values: [String?], isLarge: Bool = false) -> SampleArray {
        var array = SampleArray(name, .text(isLarge: isLarge), count: values.count)
        if values.contains(nil) { array.validity = values.map { $0 != nil } }
        array.buffers = [
            offsets(values.map { $0?.utf8.count ?? 0 }, isLarge: isLarge),
            values.flatMap { Array(($0 ?? "").utf8) },
        ]
        return array
    }

    /// Lists of `lengths` elements each of `child`, of which the first `start` belong to none.
    static func lists(
        _ name: String, _ lengths: [Int], of child: SampleArray, isLarge: Bool = false, start: Int = 0,
        valid: [Bool]? = nil
    ) -> SampleArray {
        var array = SampleArray(name, .list(isLarge: isLarge), count: lengths.count)
        array.field.children = [child.field]
        array.validity = valid
        array.buffers = [offsets(lengths, isLarge: isLarge, start: start)]
        array.children = [child]
        return array
    }

    static func fixedSizeLists(
        _ name: String, _ size: Int, of child: SampleArray, count: Int, valid: [Bool]? = nil
    ) -> SampleArray {
        var array = SampleArray(name, .fixedSizeList(size), count: count)
        array.field.children = [child.field]
        array.validity = valid
        array.children = [child]
        return array
    }

    static func structs(_ name: String, _ members: [SampleArray], count: Int, valid: [Bool]? = nil)
        -> SampleArray
    {
        var array = SampleArray(name, .structure, count: count)
        array.field.children = members.map { $0.field }
        array.validity = valid
        array.children = members
        return array
    }

    /// Indices into dictionary `id`, whose values have the given type.
    static func indices<Number: BitwiseCopyable>(
        _ name: String, _ type: ArrowType, _ indices: [Number], as indexType: ArrowType, of id: Int64,
        valid: [Bool]? = nil
    ) -> SampleArray {
        var array = numbers(name, type, indices, valid: valid)
        array.field.dictionary = ArrowDictionaryEncoding(id: id, indexType: indexType)
        return array
    }

    static func bits(_ values: [Bool]) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: (values.count + 7) / 8)
        for (index, value) in values.enumerated() where value { bytes[index / 8] |= 1 << UInt8(index % 8) }
        return bytes
    }

    static func offsets(_ lengths: [Int], isLarge: Bool, start: Int = 0) -> [UInt8] {
        var writer = ByteWriter()
        var offset = start
        for length in [0] + lengths {
            offset += length
            if isLarge { writer.write(Int64(offset)) } else { writer.write(Int32(offset)) }
        }
        return writer.bytes
    }
}

/// Messages of a body, in order.
struct ArrowSample {
    enum Part {
        case batch([SampleArray])
        case dictionary(Int64, SampleArray, isDelta: Bool)
    }

    var fields: [ArrowField]
    var parts: [Part]
    var isCompressed = false
    /// The number of the codec: 0 is LZ4, 1 zstd.
    var codec: UInt8 = 1
    var endianness: Int16 = 0
    var version: Int16 = 4

    init(_ columns: [SampleArray]) { self.init([.batch(columns)]) }

    init(_ parts: [Part]) {
        self.parts = parts
        fields = []
        for case .batch(let columns) in parts {
            fields = columns.map { $0.field }
            break
        }
    }

    private var schema: ArrowFlatValue {
        guard case .table(var table) = ArrowSchemaWriter.schema(fields, metadata: []) else {
            return .table([:])
        }
        table[0] = .short(endianness)
        return .table(table)
    }

    private func message(
        _ kind: UInt8, _ header: ArrowFlatValue, _ body: [UInt8], into output: inout ByteWriter
    ) {
        let metadata = ArrowFlatWriter.bytes(of: [
            0: .short(version), 1: .byte(kind), 2: header, 3: .long(Int64(body.count)),
        ])
        output.write(UInt32.max)
        output.write(Int32(metadata.count))
        output.write(metadata)
        output.write(body)
    }

    /// Bytes as an LZ4 frame of one block that is stored as it is: real ones are inflated in BytesTests.
    private static func lz4Frame(_ bytes: [UInt8]) -> [UInt8] {
        var writer = ByteWriter()
        // The magic number; version 1, blocks of at most 4 MiB by themselves; the checksum of those two bytes.
        writer.write([0x04, 0x22, 0x4D, 0x18, 0x60, 0x70, 0x73])
        writer.write(UInt32(bytes.count) | 1 << 31)
        writer.write(bytes)
        writer.write(UInt32(0))
        return writer.bytes
    }

    private func batch(_ arrays: [SampleArray]) -> (ArrowFlatValue, [UInt8]) {
        var nodes = ByteWriter()
        var buffers = ByteWriter()
        var body: [UInt8] = []
        var (nodeCount, bufferCount) = (0, 0)
        func buffer(_ bytes: [UInt8]) {
            var bytes = bytes
            if isCompressed && !bytes.isEmpty {
                let frame =
                    codec == 1
                    ? bytes.withUnsafeBytes { ZstdCompressor().compress($0) } : Self.lz4Frame(bytes)
                var writer = ByteWriter()
                // What does not get smaller is left as it is, and says so.
                writer.write(frame == nil ? Int64(-1) : Int64(bytes.count))
                writer.write(frame ?? bytes)
                bytes = writer.bytes
            }
            buffers.write(Int64(body.count))
            buffers.write(Int64(bytes.count))
            bufferCount += 1
            body += bytes + [UInt8](repeating: 0, count: (8 - bytes.count % 8) % 8)
        }
        func write(_ array: SampleArray) {
            nodes.write(Int64(array.count))
            nodes.write(
                Int64(
                    array.statedNullCount ?? array.validity?.count { !$0 }
                        ?? (array.field.type == .null ? array.count : 0)))
            nodeCount += 1
            if array.field.type != .null { buffer(array.validity.map { SampleArray.bits($0) } ?? []) }
            for bytes in array.buffers { buffer(bytes) }
            for child in array.children { write(child) }
        }
        for array in arrays { write(array) }
        var table: [Int: ArrowFlatValue] = [
            0: .long(Int64(arrays.first?.count ?? 0)), 1: .structs(nodes.bytes, count: nodeCount),
            2: .structs(buffers.bytes, count: bufferCount),
        ]
        if isCompressed { table[3] = .table([0: .byte(codec)]) }
        return (.table(table), body)
    }

    private func write(into output: inout ByteWriter, _ isWritten: (Part, Int, Int, Int) -> Void) {
        message(1, schema, [], into: &output)
        for part in parts {
            let start = output.count
            let body: [UInt8]
            switch part {
            case .batch(let columns):
                let (header, bytes) = batch(columns)
                body = bytes
                message(3, header, body, into: &output)
            case .dictionary(let id, let values, let isDelta):
                let (header, bytes) = batch([values])
                body = bytes
                message(2, .table([0: .long(id), 1: header, 2: .byte(isDelta ? 1 : 0)]), body, into: &output)
            }
            isWritten(part, start, output.count - start - body.count, body.count)
        }
    }

    var stream: [UInt8] {
        var output = ByteWriter()
        write(into: &output) { _, _, _, _ in }
        output.write(UInt32.max)
        output.write(UInt32(0))
        return output.bytes
    }

    var file: [UInt8] {
        var output = ByteWriter()
        output.write(Array("ARROW1\0\0".utf8))
        var blocks: [UInt8: (ByteWriter, Int)] = [2: (ByteWriter(), 0), 3: (ByteWriter(), 0)]
        write(into: &output) { part, start, metadataByteCount, bodyByteCount in
            let slot: UInt8 = if case .batch = part { 3 } else { 2 }
            blocks[slot]?.0.write(Int64(start))
            blocks[slot]?.0.write(Int64(metadataByteCount))
            blocks[slot]?.0.write(Int64(bodyByteCount))
            blocks[slot]?.1 += 1
        }
        let footer = ArrowFlatWriter.bytes(of: [
            0: .short(version), 1: schema, 2: .structs(blocks[2]?.0.bytes ?? [], count: blocks[2]?.1 ?? 0),
            3: .structs(blocks[3]?.0.bytes ?? [], count: blocks[3]?.1 ?? 0),
        ])
        output.write(footer)
        output.write(Int32(footer.count))
        output.write(Array("ARROW1".utf8))
        return output.bytes
    }

    /// What the reader makes of it, as a file, which must be the same as a stream.
    func read() throws -> RecordBatch {
        let records = try ArrowReader.read(file)
        #expect(try ArrowReader.read(stream) == records)
        return records.batch
    }
}

extension ArrowSample {
    /// What the reader says, where it refuses it.
    var refusal: String {
        do throws(ArrowError) {
            _ = try ArrowReader.read(stream)
            return "taken"
        } catch {
            return error.description
        }
    }
}

/// What rows become that are posted as JSON.
func fieldsPosted(_ text: String) throws -> [FieldColumn] {
    try RecordParser.parse(Array(text.utf8), as: .array).batch.fields
}

@Suite struct ArrowSampleTests {
    @Test("files and streams of a sample say the same, compressed or not, and a file ends where it says")
    func formats() throws {
        var sample = ArrowSample([
            .numbers("time", .integer(bitWidth: 64, isSigned: true), (0..<100).map { Int64($0) }),
            .texts("metadata.partition", (0..<100).map { $0 % 7 == 3 ? nil : "engine-\($0 % 3)" }),
        ])
        let plain = try sample.read()
        #expect(plain.rowCount == 100)
        #expect(plain.field(named: "metadata.partition")?.presence.state(3) == .null)
        sample.isCompressed = true
        #expect(try sample.read() == plain)
        #expect(sample.file.count < ArrowSample(sample.parts).file.count)
        sample.codec = 0
        #expect(try sample.read() == plain)
    }
}
