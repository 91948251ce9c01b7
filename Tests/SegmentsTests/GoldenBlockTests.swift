// Checked: the bytes of a block with every layout of a field, as a column block and as a small one, and of an event
// in a frame, both ways; GoldenCodingTests holds the columns' own.
//
// The bytes were put together by Segments.docc/SegmentFormat.md, not by the code under test. Where a build may choose
// other bytes (a zstd frame), what is written is taken apart instead.

import Bytes
import Records
import TestSupport
import Testing

@testable import Segments

@Suite struct GoldenBlockTests {
    private let batch = RecordBatch(
        times: [1_700_000_000_250, 1_700_000_000_000, 1_700_000_000_500],
        fields: [
            FieldColumn(name: "in.n", presence: .each([.null, .absent, .null]), values: .none),
            FieldColumn(
                name: "in.x", presence: .each([.value, .absent, .value]),
                values: .scalar(Leaf(.float32([1.5, 0, 2.5])))),
            FieldColumn(
                name: "in.f",
                values: .fixedList([Leaf(.int64([1, 2, 3])), Leaf(.text(TextColumn(["a", "a", "a"])))])),
            FieldColumn(
                name: "in.l", values: .list(lengths: [2, 0, 1], Leaf(.bool([true, false, true])))),
            FieldColumn(
                name: "in.j", values: .json(TextColumn([#"{"k":1}"#, "[]", #"{"k":1}"#]))),
        ])

    /// Topic "fraud", partition "engine", from index 5 on 3 rows, least time, time span, times that do not ascend.
    private let prefix = "05 6672617564 06 656e67696e65 05 03 80a0abfef962 f403 00"

    /// Places, and the fields with their layouts.
    private let directory = """
        14 2108dd0f | 05
        | 04 696e2e6e 80 0c 8a254b44
        | 04 696e2e78 81 0c 116eb062 01 0e 159f84ef
        | 04 696e2e66 02 02 02 05 ef9d7a4f 04 04 af51296d
        | 04 696e2e6c 03 03 0c 38d55942 03 0d 5a621f3f
        | 04 696e2e6a 04 16 3a358f7b
        """

    private let columns = """
        02 80a0abfef962 09 fa00d007 0000000000000000
        | 02 02 01 02 0000000000000000
        | 02 00 02 08 0000000000000000 | 00 00 0000c03f 00000000 00002040
        | 00 03 02 02 00 | 00 01 01 61
        | 02 00 02 12 0000000000000000 | 00 02 00 01 05 0000000000000000
        | 02 02 07 7b226b223a317d 02 5b5d 02 0000000000000000
        """

    private let place = SegmentPlace(file: "block", byteOffset: 0)

    private func written(
        _ batch: RecordBatch, as kind: BlockKind, firstIndex: UInt64 = 5, commitRuns: [CommitRun] = []
    ) -> [UInt8] {
        let block = BlockEncoder().encode(batch, topic: "fraud", partition: "engine", kind: kind)
        return bytes { _ = block.write(firstIndex: firstIndex, commitRuns: commitRuns, into: &$0) }
    }

    private func read(_ payload: [UInt8]) throws -> (BlockHead, RecordBatch) {
        let head = try payload.withUnsafeBytes { try BlockHead.read($0, at: place) }
        let batch = try BlockReader().batch(head, at: place) { (offset, byteCount) throws(SegmentError) in
            guard offset + byteCount <= payload.count else {
                throw .malformed(SegmentPlace(file: "block", byteOffset: offset), reason: "past the end")
            }
            return Array(payload[offset..<offset + byteCount])
        }
        return (head, batch)
    }

    @Test("a column block of every layout has these bytes, and these bytes are it")
    func columnBlock() throws {
        let golden = bytes(ofHex: "6f000000 caf53b13" + prefix + "02 2a 02 02 01" + directory + columns)
        let runs = [CommitRun(commit: 42, rowCount: 2), CommitRun(commit: 44, rowCount: 1)]
        #expect(written(batch, as: .columns, commitRuns: runs) == golden)
        let (head, found) = try read(golden)
        #expect(found == batch)
        #expect(head.topic == "fraud" && head.partition == "engine" && head.firstIndex == 5)
        #expect(head.timeMin == 1_700_000_000_000 && head.timeMax == 1_700_000_000_500 && !head.timesAscend)
        #expect(head.commitRuns == runs)
    }

    @Test(
        "a small block is what comes before a frame of the same directory and columns, or before these as they are"
    )
    func smallBlock() throws {
        let beginning = bytes(ofHex: "19" + prefix + "00 | 52 72")
        let plain = bytes(ofHex: directory + columns)
        let framed = written(batch, as: .small)
        #expect(framed.starts(with: beginning))
        let found = try reading(Array(framed.dropFirst(beginning.count))) { cursor in
            let frame = try cursor.readBytes(try cursor.readCount(limit: plain.count - 1))
            return try ZstdDecompressor().decompress(frame, byteCount: plain.count)
        }
        #expect(found == plain)
        for payload in [framed, beginning + bytes(ofHex: "c401") + plain] {
            let expanded = try payload.withUnsafeBytes {
                try SmallBlock.expand($0, with: ZstdDecompressor())
            }
            #expect(try read(expanded).1 == batch)
        }
    }

    @Test("a small block that no frame makes smaller stands as it is")
    func plainSmallBlock() throws {
        let batch = RecordBatch(times: [1_700_000_000_000], fields: [])
        let golden = bytes(
            ofHex: """
                18 05 6672617564 06 656e67696e65 00 01 80a0abfef962 00 01 00
                | 06 07 0d | 07 e18949d5 00 | 01 80a0abfef962
                """)
        #expect(written(batch, as: .small, firstIndex: 0) == golden)
        let expanded = try golden.withUnsafeBytes { try SmallBlock.expand($0, with: ZstdDecompressor()) }
        #expect(try read(expanded).1 == batch)
    }

    @Test("an event with a long document is a checksum, a name, two lengths and a frame")
    func event() throws {
        let event = Event(name: "note", document: [UInt8](repeating: 0x61, count: 600))
        let golden = bytes(ofHex: "c00815ed 04 6e6f7465 d804 0b | 28b52ffd 60 5801 c31200 61")
        #expect(try golden.withUnsafeBytes { try Event.read($0) } == event)
        let written = bytes { event.write(into: &$0) }
        let checksum = bytes { $0.write(Checksum.crc32c(Array(written.dropFirst(4)))) }
        #expect(written.starts(with: checksum))
        let beginning = bytes(ofHex: "04 6e6f7465 d804")
        #expect(written.dropFirst(4).starts(with: beginning))
        let document = try reading(Array(written.dropFirst(4 + beginning.count))) { cursor in
            let frame = try cursor.readBytes(try cursor.readCount(limit: 599))
            return try ZstdDecompressor().decompress(frame, byteCount: 600)
        }
        #expect(document == event.document)
    }
}
