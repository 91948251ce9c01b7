// Encoding the records of an append on as many processors as are free.
//
//     many blocks   each on whichever core is free
//     one block     its columns in two halves, where no other append is being encoded
//
// Invariants:
//  * What is encoded depends on the records alone, and not on how it was shared out.
//  * An encoder is used by one thread at a time: it is taken out, then put back.

import EventLog
import Records
import Segments
import Synchronization

/// The encoders of a store.
final class BlockEncoders: Sendable {
    private struct EncoderBox: @unchecked Sendable { let encoder: BlockEncoder }

    /// Those at rest: as many as were ever used at once.
    private let atRest = Mutex<[EncoderBox]>([])
    /// Appends that are being encoded.
    private let busyCount = Atomic(0)

    /// Values from which half of a block is worth the waking of another core, some fifty microseconds.
    private static let sharedValueCountMin = 16_384

    /// The batch in the order of its rows: as column blocks, and as few records where far times leave few.
    func blocks(of batch: RecordBatch, _ source: AppendSource) async -> [AppendItem] {
        let others = busyCount.add(1, ordering: .relaxed).oldValue
        defer { busyCount.subtract(1, ordering: .relaxed) }
        let ranges = batch.blockRanges
        guard ranges.count > 1 else {
            let isShared = others == 0 && batch.rowCount * batch.columnCount >= Self.sharedValueCountMin
            guard isShared, ranges.first == 0..<batch.rowCount else {
                return ranges.map { item(of: batch.slice($0), source) }
            }
            return [.columns(await sharedBlock(of: batch, source))]
        }
        return await withTaskGroup(of: (Int, AppendItem).self) { group in
            for (position, rows) in ranges.enumerated() {
                group.addTask { (position, self.item(of: batch.slice(rows), source)) }
            }
            var items = [AppendItem?](repeating: nil, count: ranges.count)
            for await (position, item) in group { items[position] = item }
            return items.compactMap { $0 }
        }
    }

    private func item(of part: RecordBatch, _ source: AppendSource) -> AppendItem {
        if part.rowCount < SegmentFormat.columnBlockRowCountMin { return .small(part, source) }
        return .columns(
            withEncoder { $0.encode(part, topic: source.topic, partition: source.partition) })
    }

    /// A block whose columns are encoded in two halves at once. Columns of presences and lengths do not count in
    /// where it is cut: halves need not be equal.
    private func sharedBlock(of batch: RecordBatch, _ source: AppendSource) async -> EncodedBlock {
        let middle = 1 + batch.columnCount / 2
        async let second = withEncoder { $0.columns(of: batch, in: middle..<Int.max) }
        let first = withEncoder { $0.columns(of: batch, in: 0..<middle) }
        let parts = [first, await second]
        return withEncoder {
            $0.block(of: batch, parts, topic: source.topic, partition: source.partition)
        }
    }

    private func withEncoder<Value>(_ body: (BlockEncoder) -> Value) -> Value {
        let box = atRest.withLock { $0.popLast() } ?? EncoderBox(encoder: BlockEncoder())
        defer { atRest.withLock { $0.append(box) } }
        return body(box.encoder)
    }
}
