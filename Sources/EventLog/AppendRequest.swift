// What is to be committed, and what a commit answers with.

import Records
import Segments

/// One thing of a commit.
package enum AppendItem: Sendable {
    /// Records as a column block.
    case columns(EncodedBlock)
    /// Few records of a partition: they share a block with others' that come at the same time, and
    /// are held in memory until they become columns.
    case small(RecordBatch, AppendSource)
    /// Few records that are yet to be read; the only item of their request, which their text may refuse.
    case posted(PostedRecords)
    case event(Event)

    /// Whose records it holds; nil for an event.
    var source: AppendSource? {
        switch self {
        case .columns(let block): AppendSource(topic: block.topic, partition: block.partition)
        case .small(_, let source): source
        case .posted(let records): records.source
        case .event: nil
        }
    }

    /// About what it takes in memory while it waits.
    var byteCount: Int {
        switch self {
        case .columns(let block): block.byteCount
        case .small(let batch, _): batch.memoryByteCount
        case .posted(let records): records.byteCount
        case .event(let event): event.document.count + 64
        }
    }
}

/// What one client wants committed together.
package struct AppendRequest: Sendable {
    /// Committed together, in this order; there is one at least.
    package var items: [AppendItem]
    /// What a retry of it is known by. Its records are then of one partition, in order.
    package var key: RequestKey?

    package init(_ items: [AppendItem], key: RequestKey? = nil) {
        precondition(!items.isEmpty, "A request has something in it.")
        self.items = items
        self.key = key
    }

    var holdsRecords: Bool { items.contains { $0.source != nil } }

    /// Who waits in line: the first records' partition.
    var source: AppendSource { items.lazy.compactMap(\.source).first ?? .control }

    var byteCount: Int {
        items.reduce(0) { $0 + $1.byteCount }
            + (key.map { $0.text.utf8.count + $0.topic.utf8.count + 64 } ?? 0)
    }
}

/// The addresses that records got: indexes `first..<end` of a partition.
package struct AppendedSpan: Hashable, Sendable {
    package var topic: String
    package var partition: String
    package var firstIndex: UInt64
    package var endIndex: UInt64

    package var indexes: Range<UInt64> { firstIndex..<endIndex }

    package init(topic: String, partition: String, firstIndex: UInt64, endIndex: UInt64) {
        self.topic = topic
        self.partition = partition
        self.firstIndex = firstIndex
        self.endIndex = endIndex
    }
}

/// What a request is answered with when it is durable.
package struct CommitReceipt: Hashable, Sendable {
    /// Others may have the same: requests that come together share an envelope.
    package var commit: CommitNumber
    /// One for each item of records, in the order given.
    package var spans: [AppendedSpan]
}
