// Invariants checked: the two at the head of TextColumn.swift, against a plain list of texts, by seeds that are printed.

import Simulation
import Testing

@testable import Records

@Suite("Text columns")
struct TextColumnTests {
    /// A column and the texts that it must hold.
    private struct Pair {
        var column = TextColumn()
        var texts: [String] = []

        private static let all = [
            "", "a", "engine-1", "é😀", "a much longer text that is sent again and again", "\u{0}",
        ]

        mutating func grow(_ random: inout SeededGenerator) {
            switch Int.random(in: 0..<8, using: &random) {
            case 0, 1:
                let text = Self.all.randomElement(using: &random)!
                column.append(text)
                texts.append(text)
            case 2:
                let text = Self.all.randomElement(using: &random)!
                column.append(utf8: Array(text.utf8)[...])
                texts.append(text)
            case 3:
                let number = Int.random(in: Self.all.indices, using: &random)
                let dictionary = TextColumn(Self.all)
                let place = dictionary.range(number)
                let places = [SIMD2(Int32(place.lowerBound), Int32(place.upperBound))]
                dictionary.bytes.withUnsafeBytes { bytes in
                    places.withUnsafeBufferPointer { column.append(sharing: bytes, at: $0) }
                }
                texts.append(Self.all[number])
            case 4:
                let count = Int.random(in: 0...3, using: &random)
                column.append(emptyTexts: count)
                texts += repeatElement("", count: count)
            case 5:
                let numbers = (0..<Int.random(in: 0...4, using: &random)).map { _ in
                    Int.random(in: Self.all.indices, using: &random)
                }
                let dictionary = TextColumn(Self.all)
                dictionary.bytes.withUnsafeBytes { bytes in
                    column.append(sharing: bytes, count: numbers.count) { dictionary.range(numbers[$0]) }
                }
                texts += numbers.map { Self.all[$0] }
            case 6:
                let some = (0..<Int.random(in: 1...3, using: &random)).map { _ in
                    Self.all.randomElement(using: &random)!
                }
                let plain = TextColumn(some)
                plain.bytes.withUnsafeBytes { bytes in
                    column.append(bytes[...], count: some.count) { plain.range($0).upperBound }
                }
                texts += some
            default:
                var other = Pair()
                for _ in 0..<Int.random(in: 0...3, using: &random) { other.grow(&random) }
                column.append(contentsOf: other.column)
                texts += other.texts
            }
        }

        func check() {
            #expect((0..<column.count).map { column[$0] } == texts)
            #expect(column.byteCount == texts.reduce(0) { $0 + $1.utf8.count })
            #expect(column == TextColumn(texts) && TextColumn(texts) == column)
            #expect(column.hashValue == TextColumn(texts).hashValue)
            #expect(texts.isEmpty || column != TextColumn(texts.dropLast() + [texts.last! + "x"]))
        }
    }

    @Test("hold what was put into them, in whichever way, and are equal where that is", arguments: 1...60)
    func growth(seed: UInt64) {
        print("seed \(seed)")
        var random = SeededGenerator(seed: seed)
        var pair = Pair()
        for _ in 0..<12 {
            pair.grow(&random)
            pair.check()
        }
        for _ in 0..<8 {
            let start = Int.random(in: 0...pair.texts.count, using: &random)
            let rows = start..<Int.random(in: start...pair.texts.count, using: &random)
            let slice = pair.column.slice(rows)
            Pair(column: slice, texts: Array(pair.texts[rows])).check()
            #expect(pair.column.byteCount(of: rows) == slice.byteCount)
            let together = pair.column.withContiguousBytes(of: rows) { String(decoding: $0, as: UTF8.self) }
            #expect(together == pair.texts[rows].joined())
            guard !pair.texts.isEmpty else { continue }
            let positions = (0..<4).map { _ in pair.texts.indices.randomElement(using: &random)! }
            Pair(column: pair.column.selecting(positions), texts: positions.map { pair.texts[$0] }).check()
        }
    }

    @Test("one text in many rows lies in one place, also when they are put together and taken apart")
    func sharing() {
        let text = String(repeating: "m", count: 150)
        var column = TextColumn(repeating: text, count: 2000)
        #expect(column.bytes.count == 150 && column.byteCount == 300_000)
        column.append(contentsOf: TextColumn(repeating: text, count: 1000))
        #expect(column.bytes.count == 300 && column.count == 3000)
        #expect(column.slice(100..<2900).bytes.count == 300)
        // A few rows of a column keep their own texts and not those of all others.
        #expect(column.slice(7..<8).bytes.count == 150)
    }
}
