// Invariants checked: the two at the head of BlockList.swift, and that a list apart by topic is the list.

import Bytes
import Simulation
import Testing

@testable import Segments

@Suite struct BlockListTests {
    /// Entries of a few owners, neighbours mostly of one, at the bounds of what they may say now and then.
    private static func entries(_ count: Int, seed: UInt64) -> [BlockEntry] {
        var generator = SeededGenerator(seed: seed)
        func number(_ bound: Int) -> Int {
            Bool.random(using: &generator) ? Int.random(in: 0...bound, using: &generator) : bound
        }
        var (topic, partition) = ("t", "p")
        return (0..<count).map { _ in
            if Int.random(in: 0..<3, using: &generator) == 0 {
                topic = ["t", "u", "a topic of a longer name than fits a word"].randomElement(
                    using: &generator)!
                partition = ["p", "q", "t"].randomElement(using: &generator)!
            }
            let kind: BlockKind = [.columns, .rolled, .grouped].randomElement(using: &generator)!
            let timeMin = Int64.random(in: .min ... .max, using: &generator)
            let firstCommit = UInt64.random(in: 0...1 << 62, using: &generator)
            return BlockEntry(
                topic: topic, partition: partition, offset: number(SegmentFormat.offsetLimit),
                byteCount: number(SegmentFormat.envelopeByteCountMax),
                headByteCount: number(SegmentFormat.headByteCountMax), kind: kind,
                firstIndex: UInt64(number(SegmentFormat.indexLimit)),
                rowCount: number(SegmentFormat.rowCountLimit), timeMin: timeMin,
                timeMax: Int64.random(in: timeMin ... .max, using: &generator), firstCommit: firstCommit,
                lastCommit: UInt64.random(in: firstCommit...1 << 62, using: &generator),
                columnsDistance: kind == .grouped ? number(SegmentFormat.envelopeByteCountMax) : 0)
        }
    }

    @Test("entries come back equal, from memory and from a footer", arguments: 0..<40 as Range<UInt64>)
    func entriesComeBack(seed: UInt64) throws {
        let entries = Self.entries(Int(seed) * 3, seed: seed)
        let list = BlockList(entries)
        #expect(Array(list) == entries, "seed \(seed)")
        var directory = SegmentDirectory()
        for entry in entries { directory.blocks.append(entry) }
        var writer = ByteWriter()
        directory.write(into: &writer)
        let read = try writer.bytes.withUnsafeBytes { (bytes) throws(BytesError) in
            try SegmentDirectory.read(bytes)
        }
        #expect(Array(read.blocks) == entries && read == directory, "seed \(seed)")
        // A list that was read goes on as one that was made.
        var longer = read.blocks
        longer.append(contentsOf: entries)
        #expect(Array(longer) == entries + entries, "seed \(seed)")
        for list in [list, read.blocks] {
            #expect(list.timeMin == entries.map(\.timeMin).min() ?? .max, "seed \(seed)")
            #expect(list.timeMax == entries.map(\.timeMax).max() ?? .min, "seed \(seed)")
            #expect(list.lastCommit == entries.map(\.lastCommit).max() ?? 0, "seed \(seed)")
            #expect(list.byteCount == entries.reduce(0) { $0 + $1.byteCount }, "seed \(seed)")
            #expect(list.rowCount == entries.reduce(0) { $0 + $1.rowCount }, "seed \(seed)")
        }
    }

    @Test("apart by topic, each list is the topic's part of it", arguments: 0..<40 as Range<UInt64>)
    func apartByTopic(seed: UInt64) {
        let entries = Self.entries(Int(seed), seed: seed)
        let apart = BlockList(entries).byTopic()
        #expect(Set(apart.map(\.topic)) == Set(entries.map(\.topic)), "seed \(seed)")
        #expect(apart.count == Set(entries.map(\.topic)).count, "seed \(seed)")
        for (topic, blocks) in apart {
            let own = entries.filter { $0.topic == topic }
            #expect(Array(blocks) == own, "seed \(seed)")
            #expect(blocks == BlockList(own), "seed \(seed)")
            var ends: [String: UInt64] = [:]
            blocks.forEachIndexEnd { ends[$0] = $1 }
            let wanted = Dictionary(grouping: own, by: \.partition).mapValues {
                $0.map { $0.firstIndex + UInt64($0.rowCount) }.max()!
            }
            #expect(ends == wanted, "seed \(seed)")
        }
    }

    @Test("blocks that may hold records of a window are found, and no others")
    func positionsInWindow() {
        let entries = Self.entries(300, seed: 7)
        var generator = SeededGenerator(seed: 8)
        let list = BlockList(entries)
        for _ in 0..<100 {
            let ends = (0..<2).map { _ in Int64.random(in: .min ... .max, using: &generator) }.sorted()
            var found: [Int] = []
            list.forEachPosition(in: ends[0]..<ends[1]) { found.append($0) }
            #expect(
                found
                    == entries.indices.filter {
                        entries[$0].timeMax >= ends[0] && entries[$0].timeMin < ends[1]
                    })
        }
    }
}
