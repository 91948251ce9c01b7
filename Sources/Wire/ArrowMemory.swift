// Memory for what a body holds in less space than it takes: compressed buffers, dictionary-encoded
// values, nulls and rows that no bytes stand for.
//
// Invariants:
//  * What one body takes beyond its own bytes is at most `byteCountMax`, or what its reader allows, whatever it
//    claims: every such allocation is charged here before it is made.
//  * Memory handed out stays where it is, and is freed with this object.

import Bytes

/// How the buffers of a batch are compressed: CompressionType of Message.fbs.
enum ArrowCodec: Int8 {
    /// As LZ4 frames.
    case lz4 = 0
    case zstd = 1
}

/// The memory of one reading; used by one thread.
final class ArrowMemory {
    /// Four times the largest body that the server takes: enough for dictionaries and zstd, whose
    /// honest ratio on records is below four, and too little to hurt.
    static let byteCountMax = 256 << 20

    private let byteCountMax: Int
    private var rest: Int
    private var parts: [UnsafeMutableRawBufferPointer] = []
    private lazy var zstd = ZstdDecompressor()
    private lazy var lz4 = LZ4Decompressor()

    init(byteCountMax: Int = ArrowMemory.byteCountMax) {
        self.byteCountMax = byteCountMax
        rest = byteCountMax
    }

    deinit {
        for part in parts { part.deallocate() }
    }

    /// Counts memory that is allocated elsewhere.
    func charge(_ count: Int, of byteCount: Int, _ field: ArrowField) throws(ArrowError) {
        let (product, overflow) = count.multipliedReportingOverflow(by: byteCount)
        guard !overflow, product <= rest else {
            throw .tooLarge(
                "field \"\(field.path)\" takes the body past \(byteCountMax >> 20) MiB once it is "
                    + "unpacked; send fewer rows a body")
        }
        rest -= product
    }

    /// Inflates `frame` into `output`, which it must fill exactly.
    func inflate(
        _ frame: UnsafeRawBufferPointer, _ codec: ArrowCodec, into output: UnsafeMutableRawBufferPointer
    ) throws(BytesError) {
        switch codec {
        case .lz4: try lz4.decompress(frame, into: output)
        case .zstd: try zstd.decompress(frame, into: output)
        }
    }

    /// `byteCount` zero bytes, which live as long as this object.
    func allocate(_ byteCount: Int, for field: ArrowField) throws(ArrowError) -> UnsafeMutableRawBufferPointer
    {
        let part = try allocateRaw(byteCount, for: field)
        part.initializeMemory(as: UInt8.self, repeating: 0)
        return part
    }

    /// `byteCount` bytes that may be anything, each of them to be written before any is read.
    func allocateRaw(
        _ byteCount: Int, for field: ArrowField
    ) throws(ArrowError) -> UnsafeMutableRawBufferPointer {
        try charge(byteCount, of: 1, field)
        let part = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 16)
        parts.append(part)
        return part
    }
}
