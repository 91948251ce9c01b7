// The body of a record batch as it grows: arrays described by nodes, and their buffers.
//
// Invariants:
//  * Every buffer begins at a multiple of eight bytes of the body, and the body ends at one.
//  * Nodes and buffers are in the order of the schema, parents before children.

import Bytes

struct ArrowBody {
    private(set) var bytes: [UInt8] = []
    private var nodes = ByteWriter()
    private var nodeCount = 0
    private var buffers = ByteWriter()
    private var bufferCount = 0
    /// The NaNs that columns of JSON text have as null.
    var nanCount = 0

    /// Begins an array with `validity`, one entry an element, which is not written where all are true.
    mutating func beginArray(count: Int, validity: [Bool]?) {
        let nullCount = validity?.count { !$0 } ?? 0
        writeNode(count: count, nullCount: nullCount)
        if nullCount > 0, let validity { writeBits(validity) } else { write([]) }
    }

    /// An array of nulls, which has no buffers.
    mutating func writeNulls(count: Int) { writeNode(count: count, nullCount: count) }

    private mutating func writeNode(count: Int, nullCount: Int) {
        nodes.write(Int64(count))
        nodes.write(Int64(nullCount))
        nodeCount += 1
    }

    /// Writes a buffer of `byteCount` bytes, zero but for what `fill` writes.
    mutating func writeBuffer(byteCount: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void) {
        let start = bytes.count
        bytes.append(contentsOf: repeatElement(0, count: (byteCount + 7) & ~7))
        // Unsafe so that columns are copied as they are; `fill` gets its own bytes and no others.
        bytes.withUnsafeMutableBytes { all in
            fill(UnsafeMutableRawBufferPointer(rebasing: all[start..<start + byteCount]))
        }
        describe(start, byteCount)
    }

    mutating func write(_ buffer: [UInt8]) {
        let start = bytes.count
        bytes.append(contentsOf: buffer)
        bytes.append(contentsOf: repeatElement(0, count: (8 - buffer.count % 8) % 8))
        describe(start, buffer.count)
    }

    /// One bit an element, least significant first.
    mutating func writeBits(_ bits: [Bool]) {
        writeBuffer(byteCount: (bits.count + 7) / 8) { bytes in
            for (position, bit) in bits.enumerated() where bit {
                bytes[position >> 3] |= 1 << UInt8(position & 7)
            }
        }
    }

    private mutating func describe(_ start: Int, _ byteCount: Int) {
        buffers.write(Int64(start))
        buffers.write(Int64(byteCount))
        bufferCount += 1
    }

    /// The RecordBatch table of what was written.
    func header(rowCount: Int) -> ArrowFlatValue {
        .table([
            0: .long(Int64(rowCount)), 1: .structs(nodes.bytes, count: nodeCount),
            2: .structs(buffers.bytes, count: bufferCount),
        ])
    }
}
