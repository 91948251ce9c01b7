// Small pieces of a segment that are read one after the other, as opening a log does: events and blocks of
// keys. A segment of single appends has one of a few dozen bytes in each of its envelopes, so neighbours
// are read with one call.
//
// Invariants:
//  * Each piece is handed over as its bytes are in the file, in the order asked for.
//  * What lies between two pieces is nobody's business: where it cannot be read, the pieces still are.

import Bytes

extension SegmentFile {
    /// Bytes between two pieces that are cheaper read than skipped.
    private static var gapByteCountMax: Int { 16 << 10 }
    /// Of one read; a longer piece is read by itself.
    private static var runByteCountMax: Int { 1 << 20 }

    /// Reads the events of `items`, in order.
    ///
    /// - Parameter damaged: told of an event whose bytes are not what they were. As a rule it throws that.
    /// - Throws: what `visit` and `damaged` throw, and `SegmentError` where the disk refuses to read.
    package func events<Item>(
        _ items: [Item], _ entry: (Item) -> EventEntry,
        damaged: (Item, SegmentError) throws -> Void = { throw $1 }, _ visit: (Item, Event) throws -> Void
    ) throws {
        try pieces(items, { (entry($0).offset, entry($0).byteCount) }) { item, payload in
            let event: Event
            do throws(BytesError) { event = try Event.read(payload) } catch {
                return try damaged(item, SegmentError(error, in: place(entry(item).offset)))
            }
            try visit(item, event)
        }
    }

    /// Reads blocks of keys, in order.
    package func keys(
        _ entries: some Sequence<KeyBlockEntry>, _ visit: ([KeyEntry]) -> Void
    ) throws(SegmentError) {
        do {
            try pieces(Array(entries), { ($0.offset, $0.byteCount) }) { entry, payload in
                visit(
                    try FoundBlock(kind: .keys, offset: 0, payload: payload).keys(at: place(entry.offset)))
            }
        } catch let error as SegmentError {
            throw error
        } catch {
            preconditionFailure("Reading keys throws nothing else: \(error)")
        }
    }

    private func pieces<Item>(
        _ items: [Item], _ range: (Item) -> (offset: Int, byteCount: Int),
        _ visit: (Item, UnsafeRawBufferPointer) throws -> Void
    ) throws {
        var start = 0
        while start < items.count {
            let first = range(items[start])
            // An offset is a claim, so it is not added to before it is known to be near.
            var byteCount = first.byteCount
            var end = start + 1
            while end < items.count {
                let next = range(items[end])
                let (distance, overflow) = next.offset.subtractingReportingOverflow(first.offset)
                guard !overflow, distance >= byteCount, distance - byteCount <= SegmentFile.gapByteCountMax,
                    distance + next.byteCount <= SegmentFile.runByteCountMax
                else { break }
                byteCount = distance + next.byteCount
                end += 1
            }
            let bytes: [UInt8]
            do throws(SegmentError) { bytes = try read(at: first.offset, byteCount: byteCount) } catch {
                guard end - start > 1 else { throw error }
                for item in items[start..<end] {
                    let (offset, byteCount) = range(item)
                    try read(at: offset, byteCount: byteCount).withUnsafeBytes { try visit(item, $0) }
                }
                start = end
                continue
            }
            try bytes.withUnsafeBytes { bytes in
                for item in items[start..<end] {
                    let (offset, byteCount) = range(item)
                    let place = offset - first.offset
                    try visit(item, UnsafeRawBufferPointer(rebasing: bytes[place..<place + byteCount]))
                }
            }
            start = end
        }
    }
}
