// One envelope in the making: prepared requests in, blocks and receipts out.
//
// Invariants:
//  * Records of a partition get dense indexes in the order of the requests, and lie in that order.
//  * A request's span is its own, whoever shares its block.
//  * Nothing is shown to readers before the envelope is durable.

import Records
import Segments

struct CommitDraft {
    let commit: CommitNumber
    /// One for each request that was taken.
    private(set) var receipts: [CommitReceipt] = []
    private(set) var publication: Publication
    private var envelope: EnvelopeWriter
    private let encoder: BlockEncoder
    /// The index that a partition's next record gets, as the log stands.
    private let nextIndexInLog: (AppendSource) -> UInt64

    /// Where the next records go: of requests, and of the parts that hold them.
    private var nextIndexes: [AppendSource: UInt64] = [:]
    private var placedIndexes: [AppendSource: UInt64] = [:]
    private var keys: [KeyEntry] = []

    /// - Parameter now: the clock, in milliseconds since 1970; nil where there is none.
    init(
        commit: CommitNumber, now: Int64? = nil, reserving byteCount: Int, encoder: BlockEncoder,
        nextIndex: @escaping (AppendSource) -> UInt64
    ) {
        self.commit = commit
        self.encoder = encoder
        nextIndexInLog = nextIndex
        publication = Publication(commit: commit, now: now)
        envelope = EnvelopeWriter(reserving: byteCount)
    }

    /// Records that become columns. Before all else: whoever reads the envelope in order lets the old
    /// tail go before a new small block could join it.
    mutating func add(_ run: TailRun, topic: String) {
        precondition(receipts.isEmpty && placedIndexes.isEmpty, "What is rolled stands first.")
        let block = encoder.encode(run.batch, topic: topic, partition: run.partition, kind: .rolled)
        let written = envelope.append(
            block, as: .rolled, firstIndex: run.firstIndex, commitRuns: run.commitRuns)
        publication.blocks.append(
            BlockEntry(
                block, written, firstIndex: run.firstIndex, firstCommit: run.commitRuns.first!.commit,
                lastCommit: run.commitRuns.last!.commit))
    }

    mutating func add(_ prepared: PreparedRequests) {
        for request in prepared.requests where request.refusal == nil {
            let spans = request.shares.map { share in
                let first = nextIndexes[share.source] ?? nextIndexInLog(share.source)
                nextIndexes[share.source] = first + UInt64(share.rowCount)
                return share.source.span(first, share.rowCount)
            }
            let receipt = CommitReceipt(commit: commit, spans: spans)
            if let key = request.key { keys.append(KeyEntry(key, of: receipt)) }
            receipts.append(receipt)
        }
        for part in prepared.parts {
            switch part {
            case .block(let block, let rows): place(block, rows)
            case .event(let event): place(event)
            }
        }
        precondition(placedIndexes == nextIndexes, "What was promised to requests is what lies there.")
    }

    /// Whether a reader takes its numbers: one that damage or a forger made great may have left no others.
    var isReadable: Bool {
        let limit = UInt64(SegmentFormat.indexLimit)
        return commit <= UInt64(SegmentFormat.commitLimit) && placedIndexes.values.allSatisfy { $0 <= limit }
    }

    /// The envelope's bytes, and the keys in it.
    mutating func finish(segment: UInt64) -> (bytes: [UInt8], keys: [KeyEntry]) {
        if !keys.isEmpty {
            let written = envelope.append(keys)
            publication.keys.append(
                KeyBlockEntry(
                    offset: written.offset, byteCount: written.byteCount, commit: commit,
                    timeMax: keys.reduce(.min) { max($0, $1.time) }))
        }
        return (envelope.finish(commit: commit, segment: segment), keys)
    }

    private mutating func place(_ event: Event) {
        let written = envelope.append(event)
        publication.note(event)
        publication.events.append(
            EventEntry(name: event.name, offset: written.offset, byteCount: written.byteCount, commit: commit)
        )
    }

    private mutating func place(_ block: EncodedBlock, _ rows: RecordBatch?) {
        let source = AppendSource(topic: block.topic, partition: block.partition)
        let first = placedIndexes[source] ?? nextIndexInLog(source)
        placedIndexes[source] = first + UInt64(block.rowCount)
        guard let rows else {
            let written = envelope.append(block, as: .columns, firstIndex: first)
            publication.count(block, written)
            publication.blocks.append(
                BlockEntry(block, written, firstIndex: first, firstCommit: commit, lastCommit: commit))
            return
        }
        publication.count(block, envelope.append(block, as: .small, firstIndex: first))
        let run = TailRun(
            partition: source.partition, firstIndex: first, batch: rows,
            commitRuns: [CommitRun(commit: commit, rowCount: rows.rowCount)],
            byteCount: TailRun.byteCount(of: rows))
        publication.tails.append((source.topic, run))
    }
}

/// What a durable envelope adds to the index and to the metrics.
struct Publication {
    let commit: CommitNumber
    var blocks: [BlockEntry] = []
    var tails: [(topic: String, run: TailRun)] = []
    var events: [EventEntry] = []
    var tombstones: [Tombstone] = []
    var leap: Leap?
    var keys: [KeyBlockEntry] = []
    private var counts: [String: LogMetrics.Topic] = [:]

    /// Times past it are a wrong clock's.
    private let timeMax: Int64

    init(commit: CommitNumber, now: Int64?) {
        self.commit = commit
        let (time, isPastAll) = (now ?? .max).addingReportingOverflow(Int64(FarTimes.milliseconds))
        timeMax = isPastAll ? .max : time
    }

    mutating func count(_ block: EncodedBlock, _ written: EnvelopeWriter.Block) {
        counts[block.topic, default: LogMetrics.Topic()].recordCount += UInt64(block.rowCount)
        counts[block.topic]?.byteCount += UInt64(written.byteCount)
        if block.timeMax > timeMax { counts[block.topic]?.aheadRecordCount += UInt64(block.rowCount) }
    }

    mutating func note(_ event: Event) {
        do {
            if let tombstone = try Tombstone(event) { tombstones.append(tombstone) }
            if let leap = try Leap(event) { self.leap = leap }
        } catch { preconditionFailure("Only tombstones and leaps that were built are appended: \(error)") }
    }

    /// Offsets within the envelope become offsets in the file.
    mutating func shift(by start: Int) {
        for position in blocks.indices { blocks[position].offset += start }
        for position in events.indices { events[position].offset += start }
        for position in keys.indices { keys[position].offset += start }
    }

    /// Blocks before tails: a rolled block ends the tail that a new run would otherwise join.
    func apply(to index: inout LogIndex, segment: UInt64) {
        for block in blocks { index.append(block, segment: segment) }
        for tail in tails { index.append(tail.run, topic: tail.topic, segment: segment) }
        for event in events { index.append(event, segment: segment) }
        for tombstone in tombstones { index.apply(tombstone, commit: commit) }
        if let leap { index.apply(leap) }
        index.cut = commit
    }

    func apply(to metrics: inout LogMetrics, envelopeByteCount: Int) {
        for (topic, count) in counts {
            metrics.topics[topic, default: LogMetrics.Topic()].recordCount += count.recordCount
            metrics.topics[topic]?.byteCount += count.byteCount
            metrics.topics[topic]?.aheadRecordCount += count.aheadRecordCount
        }
        metrics.envelopes.add(Double(envelopeByteCount))
        metrics.writtenByteCount += UInt64(envelopeByteCount)
        metrics.columnByteCount += UInt64(blocks.reduce(0) { $0 + $1.byteCount })
    }
}

extension KeyEntry {
    /// A request's key with the records that it got.
    init(_ key: RequestKey, of receipt: CommitReceipt) {
        guard let first = receipt.spans.first, let last = receipt.spans.last else {
            preconditionFailure("A request with a key has records.")
        }
        precondition(
            receipt.spans.allSatisfy { $0.topic == key.topic && $0.partition == first.partition },
            "A request with a key goes to one partition.")
        self.init(
            topic: key.topic, partition: first.partition, key: key.text, request: key.request,
            firstIndex: first.firstIndex, rowCount: Int(last.endIndex - first.firstIndex), time: key.time)
    }
}

extension BlockEntry {
    init(
        _ block: EncodedBlock, _ written: EnvelopeWriter.Block, firstIndex: UInt64,
        firstCommit: CommitNumber, lastCommit: CommitNumber
    ) {
        self.init(
            topic: block.topic, partition: block.partition, offset: written.offset,
            byteCount: written.byteCount, headByteCount: written.headByteCount, kind: written.kind,
            firstIndex: firstIndex, rowCount: block.rowCount, timeMin: block.timeMin,
            timeMax: block.timeMax, firstCommit: firstCommit, lastCommit: lastCommit)
    }
}

extension AppendSource {
    fileprivate func span(_ first: UInt64, _ rowCount: Int) -> AppendedSpan {
        AppendedSpan(
            topic: topic, partition: partition, firstIndex: first, endIndex: first + UInt64(rowCount))
    }
}
