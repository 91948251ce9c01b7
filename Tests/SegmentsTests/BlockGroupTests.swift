// Invariants checked: the two at the head of BlockGroup.swift, over blocks of every shape.

import Bytes
import Disk
import Records
import Simulation
import TestSupport
import Testing

@testable import Segments

@Suite struct BlockGroupTests {
    /// Blocks of one topic in a segment of their own, and the same as a group in another.
    static func written(
        seed: UInt64, dropping dropped: Set<ExactText> = []
    ) throws -> (disk: SimulatedFileSystem, single: [BlockEntry], grouped: [BlockEntry]) {
        var generator = SeededGenerator(seed: seed)
        let disk = SimulatedFileSystem()
        let first = try SegmentWriter(creating: 1, in: "", on: disk)
        var envelope = EnvelopeWriter()
        var single: [BlockEntry] = []
        var next: UInt64 = 0
        for _ in 0..<Int.random(in: 1...9, using: &generator) {
            let batch = generator.batch(rowCount: Int.random(in: 1...40, using: &generator))
            let block = BlockEncoder().encode(batch, topic: "fraud", partition: "engine")
            let written = envelope.append(block, as: .columns, firstIndex: next)
            single.append(
                BlockEntry(
                    topic: "fraud", partition: "engine", offset: written.offset, byteCount: written.byteCount,
                    headByteCount: written.headByteCount, kind: .columns, firstIndex: next,
                    rowCount: batch.rowCount, timeMin: block.timeMin, timeMax: block.timeMax,
                    firstCommit: 5, lastCommit: 5))
            next += UInt64(batch.rowCount)
        }
        let start = try first.append(envelope.finish(commit: 5, segment: 1))
        for position in single.indices { single[position].offset += start }
        let file = try SegmentFile(opening: 1, in: "", on: disk)
        let members = try single.map { try GroupMember($0, of: file, dropping: dropped) }
        let second = try SegmentWriter(creating: 2, in: "", on: disk, as: .rewritten(cut: 5))
        var group = EnvelopeWriter()
        var grouped = group.append(group: members)
        let place = try second.append(group.finish(commit: 5, segment: 2))
        for position in grouped.indices { grouped[position].offset += place }
        var directory = SegmentDirectory()
        directory.blocks = BlockList(grouped)
        directory.note(commit: 5)
        try second.seal(directory)
        return (disk, single, grouped)
    }

    @Test(
        "a grouped head of more bytes than an envelope has is refused where it is scanned",
        arguments: [0, 1, 17])
    func tooLong(past: Int) throws {
        var head = BlockHead(
            topic: "t", partition: "p", firstIndex: 0, rowCount: 1, timeMin: 0, timeMax: 0, timesAscend: true,
            commitRuns: [CommitRun(commit: 1, rowCount: 1)],
            times: ColumnPlace(offset: 0, byteCount: 10, checksum: 0), fields: [], byteCount: 40)
        // Each column within its bound; all together, but for the first case, beyond what memory keeps of them.
        let columns =
            past == 17
            ? [Int](repeating: SegmentFormat.envelopeByteCountMax, count: past)
            : [SegmentFormat.envelopeByteCountMax - 10 + past]
        head.fields = columns.enumerated().map { number, byteCount in
            FieldEntry(
                name: "f\(number)", presence: nil,
                layout: .json(ColumnPlace(offset: 10, byteCount: byteCount, checksum: 0)))
        }
        let block = FoundBlock(
            kind: .grouped, offset: 0, payload: UnsafeRawBufferPointer(start: nil, count: 0))
        let place = SegmentPlace(file: "f", byteOffset: 37)
        let entry = try? BlockEntry(block, head, at: place, commit: 1, group: 77)
        #expect(entry?.byteCount == (past == 0 ? SegmentFormat.envelopeByteCountMax : nil))
        if let entry { #expect(BlockList([entry])[0] == entry) }
    }

    @Test(
        "a grouped block holds the rows, addresses and commits of the block it was made of",
        arguments: 0..<40 as Range<UInt64>)
    func sameRows(seed: UInt64) throws {
        let (disk, single, grouped) = try Self.written(seed: seed)
        let (before, after) = (
            try SegmentFile(opening: 1, in: "", on: disk), try SegmentFile(opening: 2, in: "", on: disk)
        )
        #expect(try after.directory().blocks == BlockList(grouped))
        #expect(try after.checkHeader() == .rewritten(cut: 5))
        for (left, right) in zip(single, grouped) {
            let (head, batch) = try before.batch(left, with: BlockReader())
            let (newHead, newBatch) = try after.batch(right, with: BlockReader())
            #expect(newBatch.recordTexts == batch.recordTexts, "seed \(seed)")
            #expect(newHead.firstIndex == head.firstIndex && newHead.timesAscend == head.timesAscend)
            #expect(newHead.commitRuns == [CommitRun(commit: 5, rowCount: head.rowCount)])
            #expect(right.firstCommit == 5 && right.lastCommit == 5 && right.indexes == left.indexes)
        }
        // A scan says what the footer does, and a group of a group is the same group.
        let scanned = try after.scanned()
        #expect(scanned.envelopes[0].count == grouped.count)
        let again = try grouped.map { try GroupMember($0, of: after) }
        var envelope = EnvelopeWriter()
        let regrouped = envelope.append(group: again)
        #expect(regrouped.map(\.byteCount) == grouped.map(\.byteCount))
    }

    @Test("the columns of one path lie side by side")
    func sideBySide() throws {
        let (disk, _, grouped) = try Self.written(seed: 3)
        let file = try SegmentFile(opening: 2, in: "", on: disk)
        let heads = try grouped.map { try file.head($0) }
        for (left, right) in zip(heads, heads.dropFirst()) {
            #expect(left.times.offset + left.times.byteCount == right.times.offset)
        }
        #expect(Set(grouped.map(\.columnsOffset)).count == 1)
    }

    @Test("a dropped field is left behind, the others are as they were")
    func dropping() throws {
        let (disk, single, grouped) = try Self.written(seed: 11, dropping: [])
        let before = try SegmentFile(opening: 1, in: "", on: disk)
        let name = try #require(try before.head(single[0]).fields.first?.name)
        let (other, _, dropped) = try Self.written(seed: 11, dropping: [ExactText(name)])
        let (left, right) = (
            try SegmentFile(opening: 2, in: "", on: disk), try SegmentFile(opening: 2, in: "", on: other)
        )
        for (whole, rest) in zip(grouped, dropped) {
            var batch = try left.batch(whole, with: BlockReader()).1
            batch.fields.removeAll { $0.name == name }
            #expect(try right.batch(rest, with: BlockReader()).1.recordTexts == batch.recordTexts)
        }
    }

    @Test("a damaged column is not copied")
    func damage() throws {
        let (disk, single, _) = try Self.written(seed: 4)
        let file = try SegmentFile(opening: 1, in: "", on: disk)
        let place = single[0].offset + single[0].headByteCount
        disk.damage(file.name) { $0[place] ^= 1 }
        #expect(throws: SegmentError.self) { try GroupMember(single[0], of: file) }
    }
}
