// Requests made ready for an envelope: all that can be done without knowing what the log holds.
//
//     posted  a {…}   ─┐ read together
//     posted  a {…}   ─┼─► one small block of 3 rows (from 256 rows: a column block, final)
//     small   a 1 row ─┘
//     columns b 2,000 rows ─► as it is
//
// Few records of many requests to one partition become one block: names, model and version texts stand
// once, and the encoder runs once. A block of its own for each would repeat them in every record.
//
// Invariants:
//  * Records of a partition lie in the order of the requests.
//  * A request's shares are its own rows, whoever shares its block.
//  * A request that is refused leaves nothing, and changes nothing of the others.
//  * Few records come in the order of fields that their partition's have (KnownOrders.swift): before they are
//    committed, so that what a reader saw of them stays.

import Records
import Segments
import Wire

struct PreparedRequests: Sendable {
    /// Rows that a request brings to a partition: they get a span of indexes.
    struct Share: Sendable {
        var source: AppendSource
        var rowCount: Int
    }

    struct Request: Sendable {
        /// One for each item of records, in the order given.
        var shares: [Share] = []
        var key: RequestKey?
        /// Why it is not taken; then it has no shares.
        var refusal: RecordParseError?
    }

    /// What lies in the envelope, in this order.
    enum Part: Sendable {
        /// The batch is that of a small block: its rows are held until they are rolled.
        case block(EncodedBlock, rows: RecordBatch?)
        case event(Event)
    }

    /// As many as were given, in their order.
    fileprivate(set) var requests: [Request] = []
    fileprivate(set) var parts: [Part] = []

    /// The partitions that get records.
    var sources: Set<AppendSource> { Set(requests.lazy.flatMap { $0.shares.lazy.map(\.source) }) }

    /// About the bytes of the envelope.
    var byteCount: Int {
        parts.reduce(0) { sum, part in
            switch part {
            case .block(let block, _): sum + block.byteCount + 256
            case .event(let event): sum + event.document.count + 64
            }
        } + requests.count * 128
    }
}

/// Prepares requests; one object is used by one thread at a time.
final class RequestPreparer {
    /// Few records, as a request has them.
    private enum Entry {
        case batch(RecordBatch)
        /// With the request's position.
        case posted(PostedRecords, Int)
    }

    /// Few records of a partition that wait for more of them.
    private struct Line {
        var entries: [Entry] = []
        /// Of those that are not read yet, what they may have.
        var rowCount = 0
    }

    private let encoder: BlockEncoder
    private let memory: ReadingMemory
    private var orders = KnownOrders()
    private var prepared = PreparedRequests()
    private var lines: [AppendSource: Line] = [:]
    /// Of the lines, in the order of their first records.
    private var order: [AppendSource] = []

    init(encoder: BlockEncoder, memory: ReadingMemory = ReadingMemory()) {
        self.encoder = encoder
        self.memory = memory
    }

    func prepare(_ requests: [AppendRequest]) -> PreparedRequests {
        prepared = PreparedRequests()
        prepared.requests.reserveCapacity(requests.count)
        for request in requests { add(request) }
        for source in order { flush(source) }
        order = []
        defer { prepared = PreparedRequests() }
        return prepared
    }

    private func add(_ request: AppendRequest) {
        let position = prepared.requests.count
        var shares: [PreparedRequests.Share] = []
        for item in request.items {
            switch item {
            case .columns(let block):
                let source = AppendSource(topic: block.topic, partition: block.partition)
                flush(source)
                shares.append(.init(source: source, rowCount: block.rowCount))
                prepared.parts.append(.block(block, rows: nil))
            case .small(let batch, let source):
                shares.append(.init(source: source, rowCount: batch.rowCount))
                add(.batch(batch), rowCount: batch.rowCount, to: source)
            case .posted(let records):
                precondition(request.items.count == 1, "What may yet be refused is a request of its own.")
                add(.posted(records, position), rowCount: records.rowCountMax, to: records.source)
            case .event(let event): prepared.parts.append(.event(event))
            }
        }
        prepared.requests.append(.init(shares: shares, key: request.key))
    }

    private func add(_ entry: Entry, rowCount: Int, to source: AppendSource) {
        if let line = lines[source], line.rowCount + rowCount > SegmentFormat.blockRowCountMax {
            flush(source)
        }
        if lines[source] == nil { order.append(source) }
        lines[source, default: Line()].entries.append(entry)
        lines[source]!.rowCount += rowCount
    }

    /// Makes blocks of what waits of a partition.
    private func flush(_ source: AppendSource) {
        guard let line = lines.removeValue(forKey: source) else { return }
        var batches = batches(of: line)
        guard !batches.isEmpty else { return }
        for position in batches.indices { orders.settle(&batches[position], of: source) }
        // Rarely they do not unify (a text where there were numbers): then each is a block of its own.
        let union = batches.count == 1 ? batches[0] : RecordBatch(concatenating: batches)
        for batch in union.map({ [$0] }) ?? batches {
            for rows in batch.blockRanges {
                let isSmall = rows.count < SegmentFormat.columnBlockRowCountMin
                let block = encoder.encode(
                    batch, rows: rows, topic: source.topic, partition: source.partition,
                    kind: isSmall ? .small : .columns)
                prepared.parts.append(.block(block, rows: isSmall ? batch.slice(rows) : nil))
            }
        }
    }

    /// The batches of a line, in order: neighbours that were posted alike are read as one.
    private func batches(of line: Line) -> [RecordBatch] {
        var batches: [RecordBatch] = []
        var run: [(records: PostedRecords, position: Int)] = []
        for entry in line.entries {
            switch entry {
            case .batch(let batch):
                read(&run, into: &batches)
                batches.append(batch)
            case .posted(let records, let position):
                if let last = run.last, !records.reads(like: last.records) { read(&run, into: &batches) }
                run.append((records, position))
            }
        }
        read(&run, into: &batches)
        return batches
    }

    private func read(
        _ run: inout [(records: PostedRecords, position: Int)], into batches: inout [RecordBatch]
    ) {
        guard !run.isEmpty else { return }
        defer { run = [] }
        if let (batch, rowCounts) = PostedRecords.read(run.map(\.records)) {
            for (posted, rowCount) in zip(run, rowCounts) { share(rowCount, posted.records, posted.position) }
            batches.append(batch)
            memory.noteTogether(run.count)
            return
        }
        var refusedCount = 0
        for (records, position) in run {
            do throws(RecordParseError) {
                let batch = try records.read()
                share(batch.rowCount, records, position)
                batches.append(batch)
            } catch {
                prepared.requests[position].refusal = error
                refusedCount += 1
            }
        }
        if run.count > 1 {
            memory.noteTwice(run.count, run[0].records.source.topic, isTopics: refusedCount == 0)
        }
    }

    private func share(_ rowCount: Int, _ records: PostedRecords, _ position: Int) {
        precondition(rowCount > 0, "A text without a record is not posted.")
        prepared.requests[position].shares = [.init(source: records.source, rowCount: rowCount)]
    }
}
