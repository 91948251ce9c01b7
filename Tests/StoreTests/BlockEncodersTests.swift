// Encoding on several processors: what comes of it is what one makes.

import Bytes
import EventLog
import Records
import Segments
import Simulation
import TestSupport
import Testing

@testable import Store

@Suite struct BlockEncodersTests {
    private let source = AppendSource(topic: "fraud", partition: "engine")

    private func bytes(_ items: [AppendItem]) -> [[UInt8]] {
        items.compactMap { item in
            guard case .columns(let block) = item else { return nil }
            var writer = ByteWriter()
            _ = block.write(firstIndex: 0, commitRuns: [], into: &writer)
            return writer.bytes
        }
    }

    @Test(
        "the blocks of an append are those of one encoder, alone, beside others, and shared among cores",
        arguments: [256, 1000, 5000])
    func shared(rowCount: Int) async {
        var generator = SeededGenerator(seed: UInt64(rowCount))
        let leaves = (0..<29).map { _ in
            Leaf(.float64((0..<rowCount).map { _ in Double.random(in: 0..<1, using: &generator) }))
        }
        let texts = TextColumn((0..<rowCount).map { "model-\($0 % 3)" })
        let batch = RecordBatch(
            times: (0..<Int64(rowCount)).map { $0 * 1000 },
            fields: [
                FieldColumn(name: "in.x", values: .fixedList(leaves)),
                FieldColumn(name: "metadata.last_model", values: .scalar(Leaf(.text(texts)))),
            ])
        let encoder = BlockEncoder()
        let expected = batch.blockRanges.map {
            AppendItem.columns(
                encoder.encode(batch.slice($0), topic: source.topic, partition: source.partition))
        }
        let encoders = BlockEncoders()
        let alone = await encoders.blocks(of: batch, source)
        // Said as a whole: nobody reads a block in a message.
        let areEqual = bytes(alone) == bytes(expected)
        #expect(areEqual && alone.count == expected.count)
        await withTaskGroup(of: [AppendItem].self) { group in
            for _ in 0..<8 { group.addTask { await encoders.blocks(of: batch, source) } }
            for await items in group {
                let areEqual = bytes(items) == bytes(expected)
                #expect(areEqual)
            }
        }
    }
}
