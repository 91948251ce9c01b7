// What each column of a block costs and how it is coded, for people who look.
//
// Invariant: a column is described only after its checksum matched.

import Bytes
import Records

/// One column of a block as it lies on disk.
package struct ColumnDescription: Hashable, Sendable {
    /// The field's name; "time" for the times.
    package var field: String
    /// The element of a list of fixed length; nil for any other column.
    package var element: Int?
    /// As `float32`, or what the column says of the field: `presence`, `lengths`.
    package var type: String
    /// As `decimal`.
    package var codec: String
    /// Bytes on disk.
    package var byteCount: Int
    /// Bytes of the same values in memory, as wide as their type.
    package var plainByteCount: Int
}

extension BlockReader {
    /// All columns of a block, in the order they lie.
    package func columns(
        _ head: BlockHead, at place: SegmentPlace, from source: BlockByteSource
    ) throws(SegmentError) -> [ColumnDescription] {
        var found: [ColumnDescription] = []
        func integers(_ column: ColumnPlace, of field: String, type: String, width: Int) throws(SegmentError)
        {
            let codec = try self.column(column, at: place, from: source) { (bytes) throws(BytesError) in
                var cursor = ByteCursor(bytes)
                return IntegerCoding.Codec(rawValue: try cursor.read())
            }
            found.append(
                ColumnDescription(
                    field: field, type: type, codec: codec.map { "\($0)" } ?? "unknown",
                    byteCount: column.byteCount, plainByteCount: head.rowCount * width))
        }
        func leaf(_ leaf: LeafPlace, of field: String, _ element: Int?, count: Int) throws(SegmentError) {
            let (codec, plainByteCount) = try self.column(leaf.place, at: place, from: source) {
                (bytes) throws(BytesError) -> (String?, Int) in
                let code = try LeafCoding.codec(of: bytes, count: count)
                switch leaf.type {
                case .float64: return (FloatCodec(rawValue: code).map { "\($0)" }, count * 8)
                case .float32: return (FloatCodec(rawValue: code).map { "\($0)" }, count * 4)
                case .int64: return (IntegerCoding.Codec(rawValue: code).map { "\($0)" }, count * 8)
                case .bool: return (IntegerCoding.Codec(rawValue: code).map { "\($0)" }, count)
                case .text:
                    let decoded = try LeafCoding.decode(bytes, type: .text, count: count, with: decompressor)
                    guard case .text(let texts) = decoded.elements else { return (nil, 0) }
                    return (TextCoding.Codec(rawValue: code).map { "\($0)" }, texts.byteCount + count * 4)
                }
            }
            found.append(
                ColumnDescription(
                    field: field, element: element, type: "\(leaf.type)", codec: codec ?? "unknown",
                    byteCount: leaf.place.byteCount, plainByteCount: plainByteCount))
        }
        try integers(head.times, of: "time", type: "int64", width: 8)
        for entry in head.fields {
            if let presence = entry.presence {
                try integers(presence, of: entry.name, type: "presence", width: 1)
            }
            switch entry.layout {
            case .none: break
            case .scalar(let place): try leaf(place, of: entry.name, nil, count: head.rowCount)
            case .fixedList(let places):
                for (element, place) in places.enumerated() {
                    try leaf(place, of: entry.name, element, count: head.rowCount)
                }
            case .list(let lengths, let elementCount, let place):
                try integers(lengths, of: entry.name, type: "lengths", width: 4)
                try leaf(place, of: entry.name, nil, count: elementCount)
            case .json(let texts):
                let (codec, plainByteCount) = try column(texts, at: place, from: source) {
                    (bytes) throws(BytesError) -> (TextCoding.Codec?, Int) in
                    var cursor = ByteCursor(bytes)
                    let codec = TextCoding.Codec(rawValue: try cursor.read())
                    var start = ByteCursor(bytes)
                    let column = try TextCoding.decode(&start, count: head.rowCount, with: decompressor)
                    return (codec, column.byteCount + head.rowCount * 4)
                }
                found.append(
                    ColumnDescription(
                        field: entry.name, type: "json", codec: codec.map { "\($0)" } ?? "unknown",
                        byteCount: texts.byteCount, plainByteCount: plainByteCount))
            }
        }
        return found
    }
}
