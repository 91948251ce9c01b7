// Exhaustive: decode ∘ encode is the identity for every batch of one to three rows of one field, over every
// presence, every kind of values and every element of a small alphabet, in column blocks and small ones.
// The alphabets have what differs most: zeros of both signs, NaN, the ends of every type, empty texts.

import Bytes
import Records
import TestSupport
import Testing

@testable import Segments

@Suite struct EveryShapeTests {
    private let encoder = BlockEncoder()
    private let reader = BlockReader()
    private let place = SegmentPlace(file: "block", byteOffset: 0)

    private func decoded(_ batch: RecordBatch, _ kind: BlockKind) throws -> RecordBatch {
        let block = encoder.encode(batch, topic: "t", partition: "p", kind: kind)
        let payload = bytes { _ = block.write(firstIndex: 1, commitRuns: [], into: &$0) }
        return try payload.withUnsafeBytes { bytes in
            guard kind == .columns else {
                return try FoundBlock(kind: .small, offset: 0, payload: bytes)
                    .smallBatch(at: place, with: reader, ZstdDecompressor()).1
            }
            return try reader.batch(try BlockHead.read(bytes, at: place), at: place) {
                (offset, count) throws(SegmentError) in Array(payload[offset..<offset + count])
            }
        }
    }

    /// All presences of so many rows.
    private func presences(_ rowCount: Int) -> [Presence] {
        allLists(of: [RowState.value, .null, .absent], upTo: rowCount).filter { $0.count == rowCount }
            .map { Presence(states: $0) }
    }

    /// All leaves of `count` elements; where `isThere` says no, a zero stands.
    private func leaves(count: Int, isThere: (Int) -> Bool) -> [Leaf] {
        /// Every choice of an element or a null for each position.
        func choices<Value>(_ alphabet: [Value], _ zero: Value, _ make: ([Value]) -> Elements) -> [Leaf] {
            allLists(of: alphabet.map { Optional($0) } + [nil], upTo: count).filter { $0.count == count }
                .filter { list in list.indices.allSatisfy { isThere($0) || list[$0] == nil } }
                .map { list in
                    Leaf(
                        make(list.map { $0 ?? zero }),
                        nulls: list.indices.filter { isThere($0) && list[$0] == nil }.map { Int32($0) })
                }
        }
        var leaves = choices([-0.0, 1.5, Double.nan], 0) { .float64($0) }
        leaves += choices([-0.0, 0.1, Float.infinity], 0) { .float32($0) }
        leaves += choices([Int64.min, 0, Int64.max], 0) { .int64($0) }
        leaves += choices([true, false], false) { .bool($0) }
        leaves += choices(["", "a", "ß☃"], "") { .text(TextColumn($0)) }
        // A number in another text than its own, and whole numbers in either form.
        leaves += (0..<count).filter(isThere).flatMap { position in
            ["1.50", "1e0", "12345678901234567890123"].flatMap { text in
                [true, false].map { isBare in
                    var values = [Double](repeating: 0, count: count)
                    values[position] = Double(text) ?? 0
                    return Leaf(
                        .float64(values), texts: [NumberText(position: Int32(position), text: text)],
                        wholeNumbersAreBare: isBare)
                }
            }
        }
        return leaves
    }

    /// Every column of so many rows.
    private func columns(_ rowCount: Int) -> [FieldColumn] {
        presences(rowCount).flatMap { presence -> [FieldColumn] in
            func hasValue(_ row: Int) -> Bool { presence.state(row) == .value }
            func column(_ values: FieldValues) -> FieldColumn {
                FieldColumn(name: "in.x", presence: presence, values: values)
            }
            let rows = (0..<rowCount).filter(hasValue)
            guard !rows.isEmpty else { return [column(.none)] }
            let scalars = leaves(count: rowCount, isThere: hasValue)
            var columns = scalars.map { column(.scalar($0)) }
            columns.append(column(.fixedList([])))
            // Two leaves of every two types, each with its own nulls.
            columns += scalars.indices.map { index in
                column(.fixedList([scalars[index], scalars[(index * 7 + 3) % scalars.count]]))
            }
            for lengths in allLists(of: [Int32(0), 1, 2], upTo: rowCount) where lengths.count == rowCount {
                guard (0..<rowCount).allSatisfy({ hasValue($0) || lengths[$0] == 0 }) else { continue }
                let count = Int(lengths.reduce(0, +))
                // Longer ones repeat what shorter ones showed of the elements.
                for leaf in leaves(count: min(count, 2), isThere: { _ in true }) where count <= 2 {
                    columns.append(column(.list(lengths: lengths, leaf)))
                }
                if count > 2 {
                    columns.append(
                        column(.list(lengths: lengths, Leaf(.int64((0..<Int64(count)).map { $0 })))))
                }
            }
            for texts in allLists(of: ["{}", "[[1.50],\"é\"]"], upTo: rowCount) where texts.count == rowCount
            {
                columns.append(column(.json(TextColumn(texts.enumerated().map { hasValue($0) ? $1 : "" }))))
            }
            return columns
        }
    }

    @Test("every batch of up to three rows comes back from every kind of block", arguments: 1...3)
    func everyBatch(rowCount: Int) throws {
        let columns = columns(rowCount)
        #expect(columns.count > (rowCount == 3 ? 3000 : 20))
        // Many fields a batch: a shape is a column, and columns do not touch each other.
        for start in stride(from: 0, to: columns.count, by: 40) {
            var fields = Array(columns[start..<min(start + 40, columns.count)])
            for index in fields.indices { fields[index].name += String(index) }
            let batch = RecordBatch(times: [.min, 0, .max].suffix(rowCount).map { $0 }, fields: fields)
            for kind in [BlockKind.columns, .small] {
                let back = try decoded(batch, kind)
                guard back != batch else { continue }
                for (field, expected) in zip(back.fields, fields) { #expect(field == expected) }
                #expect(back.times == batch.times)
            }
        }
    }
}
