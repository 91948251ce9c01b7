// Invariants checked: the three at the head of ArrowCutter.swift, in that order.

import Records
import Simulation
import Testing

@testable import Wire

@Suite("Long bodies of Arrow, cut")
struct ArrowCutterTests {
    private static func batch(_ count: Int, from first: Int = 0) -> RecordBatch {
        RecordBatch(
            times: (first..<first + count).map { Int64($0) },
            fields: [
                FieldColumn(
                    name: "in.x",
                    values: .fixedList([Leaf(.float32((first..<first + count).map { Float($0) / 8 }))])),
                FieldColumn(
                    name: "t",
                    values: .scalar(Leaf(.text(TextColumn((first..<first + count).map { "n\($0)" }))))),
            ])
    }

    private static func body(_ format: ArrowWriter.Format, _ counts: [Int]) throws -> [UInt8] {
        var schema = ArrowTableSchema()
        var batches: [RecordBatch] = []
        var first = 0
        for count in counts {
            batches.append(batch(count, from: first))
            first += count
        }
        for batch in batches { schema.add(batch) }
        var writer = ArrowPartWriter(ArrowWriter(as: format), schema)
        var bytes: [UInt8] = []
        for batch in batches {
            try writer.write([batch], rows: (0..<batch.rowCount).map { (0, $0) })
            bytes += writer.take()
        }
        return bytes + writer.finish()
    }

    private static func pieces(_ bytes: [UInt8], rows: Int = 1, from offset: Int = 0) throws -> [ArrowCutter
        .Piece]
    {
        var place = 0
        var cutter = ArrowCutter(rowCountMax: rows, byteCountMax: 1 << 20) { count in
            let part = bytes[place..<min(bytes.count, place + count)]
            place += part.count
            return Array(part)
        }
        var pieces: [ArrowCutter.Piece] = []
        while let piece = try cutter.next(from: offset) { pieces.append(piece) }
        return pieces
    }

    @Test(
        "the pieces hold every row once and in order, however long they are",
        arguments: [ArrowWriter.Format.file, .stream])
    func everyRow(format: ArrowWriter.Format) throws {
        let counts = [3, 1, 4, 1, 5]
        let bytes = try Self.body(format, counts)
        // What was written part by part is one body too.
        #expect(try ArrowReader.read(bytes).batch == Self.batch(14))
        for (rows, expected) in [(1, [3, 1, 4, 1, 5]), (4, [4, 4, 6]), (100, [14])] {
            let pieces = try Self.pieces(bytes, rows: rows)
            #expect(pieces.map(\.rowCount) == expected)
            let batches = try pieces.map { try ArrowReader.read($0.bytes).batch }
            #expect(RecordBatch(concatenating: batches) == Self.batch(14))
            // From where each ends, the rest is what follows.
            for (number, piece) in pieces.enumerated() {
                let rest = try Self.pieces(bytes, rows: rows, from: piece.end)
                #expect(rest.map(\.bytes) == pieces[(number + 1)...].map(\.bytes))
            }
        }
    }

    @Test("each piece has the dictionaries that its batches had: deltas added, replaced ones gone")
    func dictionaries() throws {
        func column(_ indices: [Int8]) -> ArrowSample.Part {
            .batch([
                .indices(
                    "x", .text(isLarge: false), indices, as: .integer(bitWidth: 8, isSigned: true), of: 7)
            ])
        }
        func dictionary(_ texts: [String], isDelta: Bool) -> ArrowSample.Part {
            .dictionary(7, .texts("", texts), isDelta: isDelta)
        }
        let sample = ArrowSample([
            dictionary(["a"], isDelta: false), column([0, 0]), dictionary(["b", "c"], isDelta: true),
            column([2, 0, 1]), dictionary(["z"], isDelta: false), column([0]),
        ]).stream
        let whole = try ArrowReader.read(sample).batch
        for rows in 1...6 {
            let pieces = try Self.pieces(sample, rows: rows)
            #expect(pieces.count == (rows <= 1 || rows == 2 ? 3 : rows <= 5 ? 2 : 1))
            let batches = try pieces.map { try ArrowReader.read($0.bytes).batch }
            #expect(RecordBatch(concatenating: batches) == whole)
        }
    }

    @Test(
        "an input that is cut anywhere gives the batches before, then says so",
        arguments: [ArrowWriter.Format.file, .stream])
    func cutShort(format: ArrowWriter.Format) throws {
        let bytes = try Self.body(format, [2, 2])
        let ends = try Self.pieces(bytes).map(\.end)
        for length in bytes.indices {
            var place = 0
            var cutter = ArrowCutter(rowCountMax: 1, byteCountMax: 1 << 20) { count in
                let part = bytes[place..<min(length, place + count)]
                place += part.count
                return Array(part)
            }
            var found = 0
            var isRefused = false
            do { while try cutter.next() != nil { found += 1 } } catch is ArrowError { isRefused = true }
            #expect(found == ends.count { $0 <= length })
            // A stream may end between its messages, a file only behind its stream's end.
            if !isRefused {
                #expect(format == .stream ? length >= 8 : length >= ends[1] + 8, "\(length)")
            }
        }
    }

    @Test("no damaged byte makes it trap, and no length makes it take what is not there")
    func damaged() throws {
        let bytes = try Self.body(.file, [2, 2])
        var generator = SeededGenerator(seed: 11)
        for _ in 0..<3000 {
            var damaged = bytes
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                damaged[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(
                    in: 0...255, using: &generator)
            }
            guard let pieces = try? Self.pieces(damaged) else { continue }
            for piece in pieces { _ = try? ArrowReader.read(piece.bytes) }
        }
    }
}
