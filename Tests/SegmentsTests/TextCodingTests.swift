// Invariants checked: the one at the head of TextCoding.swift, at the edges of its three codecs.

import Bytes
import Records
import Simulation
import Testing

@testable import Segments

@Suite struct TextCodingTests {
    private let compressor = ZstdCompressor()
    private let decompressor = ZstdDecompressor()

    private func roundTrip(_ column: TextColumn) throws -> TextColumn {
        try reading(bytes { TextCoding.encode(column, 0..<column.count, with: compressor, into: &$0) }) {
            try TextCoding.decode(&$0, count: column.count, with: decompressor)
        }
    }

    @Test("every short list of texts comes back")
    func shortLists() throws {
        for texts in allLists(of: ["", "a", "b", "ab", "é\u{0}"], upTo: 4) {
            let column = TextColumn(texts)
            #expect(try roundTrip(column) == column)
        }
    }

    @Test("any number of distinct texts comes back, about the dictionary's bound above all")
    func distinctTexts() throws {
        for distinct in [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 62, 63, 64, 65, 66, 255, 256, 257] {
            for count in [distinct, distinct * 4 - 5, distinct * 4, distinct * 9] where count > 0 {
                let column = TextColumn((0..<count).map { "text \($0 % distinct)" })
                #expect(try roundTrip(column) == column, "\(distinct) distinct of \(count)")
            }
        }
    }

    @Test("where texts lie does not show in their bytes", arguments: [1, 2, 5, 64, 65, 300])
    func places(distinct: Int) throws {
        let texts = (0..<900).map { "text \($0 * 7 % distinct)" }
        let apart = TextColumn(texts)
        var together = TextColumn()
        let dictionary = TextColumn((0..<distinct).map { "text \($0)" })
        dictionary.bytes.withUnsafeBytes { bytes in
            together.append(sharing: bytes, count: texts.count) { dictionary.range($0 * 7 % distinct) }
        }
        #expect(together == apart && together.bytes.count < apart.bytes.count)
        for rows in [0..<900, 3..<4, 100..<877] {
            let found = bytes { TextCoding.encode(together, rows, with: compressor, into: &$0) }
            #expect(found == bytes { TextCoding.encode(apart, rows, with: compressor, into: &$0) })
        }
    }

    @Test("bytes that are not UTF-8 come back as they are")
    func anyBytes() throws {
        for seed in 0..<60 as Range<UInt64> {
            var generator = SeededGenerator(seed: seed)
            var column = TextColumn()
            for _ in 0..<Int.random(in: 1...400, using: &generator) {
                let count = Int.random(in: 0...30, using: &generator)
                column.append(
                    utf8: (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }[...])
            }
            #expect(try roundTrip(column) == column, "seed \(seed)")
        }
    }
}
