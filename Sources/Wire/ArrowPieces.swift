// Elements of leaves into the buffers of an array: ArrowRuns backwards.
//
// A piece is a range of rows of one column: of one leaf, or of the k leaves of lists of k elements,
// which come out row after row.
//
// Invariants:
//  * The array has `count` elements: those of the pieces in order, row by row.
//  * What a column holds is written in the array's type; leaves of another type hold nulls only, as
//    ArrowColumnType made sure, and come out as zeros under nulls.

import Bytes
import Records

/// The elements of one array.
struct ArrowPieces {
    enum Piece {
        case rows(Range<Int>, of: [Leaf])
        /// As many nulls.
        case nulls(Int)

        var count: Int {
            switch self {
            case .rows(let rows, let leaves): rows.count * leaves.count
            case .nulls(let count): count
            }
        }
    }

    private(set) var pieces: [Piece] = []
    private(set) var count = 0

    mutating func append(_ piece: Piece) {
        if piece.count == 0 { return }
        pieces.append(piece)
        count += piece.count
    }

    /// Writes the array of these elements, whose type is scalar.
    func write(as field: ArrowField, to body: inout ArrowBody) throws(ArrowError) {
        body.beginArray(count: count, validity: validity)
        switch field.type {
        case .bool: body.writeBits(bools)
        case .text:
            let (offsets, bytes) = try texts(field)
            body.write(offsets: offsets)
            body.write(bytes)
        default: writeNumbers(field.type, &body)
        }
    }

    /// Calls `body` with each piece of rows and the number of its first element.
    private func forEachPiece(_ body: (_ rows: Range<Int>, _ leaves: [Leaf], _ start: Int) -> Void) {
        var start = 0
        for piece in pieces {
            if case .rows(let rows, let leaves) = piece { body(rows, leaves, start) }
            start += piece.count
        }
    }

    /// False for each null; nil where there are none.
    private var validity: [Bool]? {
        let hasNulls = pieces.contains { piece in
            switch piece {
            // Those of other rows are not written.
            case .rows(let rows, let leaves): leaves.contains { !$0.nulls(in: rows).isEmpty }
            case .nulls: true
            }
        }
        guard hasNulls else { return nil }
        var validity = [Bool](repeating: false, count: count)
        forEachPiece { rows, leaves, start in
            for index in start..<start + rows.count * leaves.count { validity[index] = true }
            for (number, leaf) in leaves.enumerated() {
                for null in leaf.nulls(in: rows) {
                    validity[start + Int(null) * leaves.count + number] = false
                }
            }
        }
        return validity
    }

    private var bools: [Bool] {
        var bools = [Bool](repeating: false, count: count)
        forEachPiece { rows, leaves, start in
            for (number, leaf) in leaves.enumerated() {
                guard case .bool(let values) = leaf.elements else { continue }
                for row in rows {
                    bools[start + (row - rows.lowerBound) * leaves.count + number] = values[row]
                }
            }
        }
        return bools
    }

    private func texts(_ field: ArrowField) throws(ArrowError) -> (offsets: [Int32], bytes: [UInt8]) {
        var offsets: [Int32] = [0]
        offsets.reserveCapacity(count + 1)
        var bytes: [UInt8] = []
        for piece in pieces {
            switch piece {
            case .nulls(let count):
                offsets.append(contentsOf: repeatElement(Int32(bytes.count), count: count))
            case .rows(let rows, let leaves) where leaves.count == 1:
                guard case .text(let texts) = leaves[0].elements else {
                    offsets.append(contentsOf: repeatElement(Int32(bytes.count), count: rows.count))
                    continue
                }
                _ = try ArrowWriter.offset(bytes.count + texts.byteCount(of: rows), field)
                var end = Int32(bytes.count)
                // Texts that follow each other are copied at once.
                texts.withContiguousBytes(of: rows) { bytes.append(contentsOf: $0) }
                for row in rows {
                    end += Int32(texts.range(row).count)
                    offsets.append(end)
                }
            case .rows(let rows, let leaves):
                for row in rows {
                    for leaf in leaves {
                        if case .text(let texts) = leaf.elements {
                            bytes.append(contentsOf: texts.bytes[texts.range(row)])
                        }
                        offsets.append(try ArrowWriter.offset(bytes.count, field))
                    }
                }
            }
        }
        return (offsets, bytes)
    }
}

// Numbers.
extension ArrowPieces {
    /// Rows moved at a time, so that what is written of them stays in the nearest cache for all leaves.
    private static let blockRowCount = 256

    private func writeNumbers(_ type: ArrowType, _ body: inout ArrowBody) {
        let size = type.valueByteCount ?? 8
        body.writeBuffer(byteCount: count * size) { bytes in
            guard let base = bytes.baseAddress else { return }
            forEachPiece { rows, leaves, start in
                for block in stride(from: rows.lowerBound, to: rows.upperBound, by: Self.blockRowCount) {
                    let those = block..<min(block + Self.blockRowCount, rows.upperBound)
                    let first = start + (block - rows.lowerBound) * leaves.count
                    for (number, leaf) in leaves.enumerated() {
                        leaf.copy(
                            those, as: type, to: base + (first + number) * size, step: leaves.count * size)
                    }
                }
            }
        }
    }
}

extension Leaf {
    /// Writes elements as numbers of a type, each `step` bytes after the one before.
    fileprivate func copy(
        _ rows: Range<Int>, as type: ArrowType, to target: UnsafeMutableRawPointer, step: Int
    ) {
        switch (type, elements) {
        case (.float(64), .float64(let values)): Self.copy(values, rows, target, step) { $0 }
        case (.float(64), .float32(let values)): Self.copy(values, rows, target, step) { Double($0) }
        case (.float(64), .int64(let values)): Self.copy(values, rows, target, step) { Double($0) }
        case (.float(32), .float32(let values)): Self.copy(values, rows, target, step) { $0 }
        case (.integer, .int64(let values)): Self.copy(values, rows, target, step) { $0 }
        default: break
        }
    }

    @inline(__always)
    private static func copy<Value, Number: BitwiseCopyable>(
        _ values: [Value], _ rows: Range<Int>, _ target: UnsafeMutableRawPointer, _ step: Int,
        _ number: (Value) -> Number
    ) {
        var place = target
        values.withUnsafeBufferPointer { values in
            for row in rows {
                place.storeBytes(of: number(values[row]), as: Number.self)
                place += step
            }
        }
    }
}

extension ArrowBody {
    mutating func write(offsets: [Int32]) {
        writeBuffer(byteCount: offsets.count * 4) { bytes in
            offsets.withUnsafeBytes { bytes.copyMemory(from: $0) }
        }
    }
}
