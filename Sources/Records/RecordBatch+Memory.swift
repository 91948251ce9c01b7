// What a batch takes in memory: what whoever holds batches bounds itself by.
//
// Invariant: an estimate; presence, nulls and what the allocator adds are not in it.

extension RecordBatch {
    /// About what its columns take in memory.
    package var memoryByteCount: Int {
        var byteCount = 64 + times.count * 8
        func count(_ leaf: Leaf) {
            byteCount += 96 + leaf.texts.count * 32
            switch leaf.elements {
            case .float64(let values): byteCount += values.count * 8
            case .float32(let values): byteCount += values.count * 4
            case .int64(let values): byteCount += values.count * 8
            case .bool(let values): byteCount += values.count
            case .text(let texts): byteCount += texts.memoryByteCount
            }
        }
        for field in fields {
            byteCount += 96 + field.name.utf8.count
            switch field.values {
            case .none: break
            case .scalar(let leaf): count(leaf)
            case .fixedList(let leaves): leaves.forEach(count)
            case .list(let lengths, let leaf):
                byteCount += lengths.count * 4
                count(leaf)
            case .json(let texts): byteCount += texts.memoryByteCount
            }
        }
        return byteCount
    }
}
