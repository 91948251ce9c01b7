// Sealed segments made anew: what of them is still wanted, in groups, in one new file.
//
//     segments 3, 4 ──► live blocks in groups, events and keys as they were ──► segment 9, sealed
//     manifest  … 3 4 5 …                ──► one replacement ──►                … 9 5 …
//     files 3, 4                         ──► removed after
//
// It is the one mechanism behind retention, deletion, redaction and regrouping; they differ in what
// they leave behind, and in why.
//
// Invariants:
//  * What an index shows before and after is the same records, at the same addresses and commits, and
//    the same events in the same order. Blocks of a few rows are joined (ShortBlocks.swift): a tombstone that
//    came meanwhile and would divide a joined one is met by giving the rewrite up (`LogWriter.replace`).
//  * The new file is whole and durable before a manifest names it; the old ones are removed after. A
//    crash in between leaves the one or the others as strays, which the next opening removes.
//  * Every byte that is copied was checked. Where one is damaged, nothing changes and the old file stays;
//    but an erasure takes damaged columns and events along as they are, with the checksums that refuse
//    them, so that one bad byte does not keep on disk what is to go.
//  * Keys of deleted records are left behind. So are those that are damaged, where any records were deleted:
//    nobody remembers them, and nobody knows whose they are.
//  * Where damage hides whose records a part of a file holds, or where a block's columns lie, not even an
//    erasure goes past it.

import Bytes
import Disk
import Records
import Segments

/// A new segment, sealed and durable, that nobody knows of yet.
package struct RewrittenSegment: Sendable {
    var number: UInt64
    var byteCount: Int
    var header: SegmentHeader
    var directory: SegmentDirectory
    /// What was let go when it was begun, by topic: a block that this divides was divided before, and was
    /// copied as it was.
    var letGo: [String: [String: IndexRanges]] = [:]

    /// Whether a tombstone that has come since lets a part of a block go that was joined.
    func isDivided(by index: LogIndex) -> Bool {
        directory.blocks.contains { block in
            guard let now = index.topics[block.topic]?.letGo[block.partition], now.divides(block.indexes)
            else {
                return false
            }
            return !(letGo[block.topic]?[block.partition]?.divides(block.indexes) ?? false)
        }
    }
}

/// A block whose head is damaged, so that nobody knows where its columns lie. Whose records it holds, the
/// footer says as well.
package struct UnreadableBlock: Hashable, Sendable {
    package var topic: String
    package var partition: String
    package var indexes: Range<UInt64>
    package var error: SegmentError
}

struct SegmentRewrite {
    let files: any FileSystem
    let configuration: LogConfiguration
    /// As of when the rewrite began; its tombstones are carried out.
    let index: LogIndex
    let segments: SegmentFiles
    /// Called with the bytes just read or written; takes its time, so that others get theirs.
    let pace: (Int) -> Void
    private let joiner = ShortBlockJoiner()
    /// What kept an erasure from being carried out.
    private(set) var unreadable: [UnreadableBlock] = []

    init(
        files: any FileSystem, configuration: LogConfiguration, index: LogIndex, segments: SegmentFiles,
        pace: @escaping (Int) -> Void
    ) {
        self.files = files
        self.configuration = configuration
        self.index = index
        self.segments = segments
        self.pace = pace
    }

    /// Writes what is wanted of `plan` to segment `number`.
    mutating func run(_ plan: RewritePlan, into number: UInt64) throws(SegmentError) -> RewrittenSegment {
        let header = SegmentHeader.rewritten(cut: index.cut)
        let sources = Set(plan.sources.map(\.number))
        let keepsDamage = plan.reason == .erasure
        if keepsDamage { try findUnreadable(in: sources) }
        let writer = try SegmentWriter(
            creating: number, in: configuration.directory, on: files, as: header)
        var directory = SegmentDirectory()
        var keys: [(segment: SegmentFile, entry: KeyBlockEntry)] = []
        for entry in plan.sources {
            let segment = try segments.segment(entry.number)
            let found = try self.directory(of: segment, entry)
            if let commits = found.commits {
                directory.note(commit: commits.lowerBound)
                directory.note(commit: commits.upperBound)
            }
            keys += found.keys.map { (segment, $0) }
        }
        // Keys past the horizon are remembered by nobody.
        let newest = keys.reduce(Int64.min) { max($0, $1.entry.timeMax) }
        let oldest = configuration.oldestKeyTime(newest)
        keys.removeAll { $0.entry.timeMax < oldest }
        let commit = directory.commits?.upperBound ?? 0
        for (_, topic) in index.topics.sorted(by: { $0.key < $1.key }) {
            try write(topic, sources, commit, keepingDamage: keepsDamage, to: writer, &directory)
        }
        try write(
            index.events.events(of: sources), keys, keepingDamage: keepsDamage, to: writer, &directory)
        let isReached = !directory.blocks.isEmpty || directory.events.last?.commit == commit
        if commit > 0, !isReached {
            // So that a scan sees how far the log had come, though nothing of it is left.
            var nothing = EnvelopeWriter()
            _ = try writer.append(nothing.finish(commit: commit, segment: number))
        }
        try writer.seal(directory)
        do throws(DiskError) { try files.syncDirectory(configuration.directory) } catch { throw .disk(error) }
        return RewrittenSegment(
            number: number, byteCount: writer.byteCount, header: header, directory: directory,
            letGo: index.topics.mapValues(\.letGo))
    }

    /// What is written between two syncs, in bytes. A disk that is told at the end alone has a segment to write at
    /// once, and the sync of every append that comes meanwhile waits for all of it.
    private static let unsyncedByteCountMax = 2 << 20

    private func append(_ bytes: [UInt8], to writer: SegmentWriter) throws(SegmentError) -> Int {
        let start = try writer.append(bytes)
        if writer.byteCount - writer.durableByteCount >= Self.unsyncedByteCountMax { try writer.sync() }
        return start
    }

    /// Looks at the head of every block that stays; throws the first one's error where some are damaged.
    private mutating func findUnreadable(in sources: Set<UInt64>) throws(SegmentError) {
        for topic in index.topics.values {
            for blocks in topic.segments where sources.contains(blocks.segment) {
                let segment = try segments.segment(blocks.segment)
                for block in blocks.blocks {
                    do throws(SegmentError) { _ = try segment.head(block) } catch {
                        if error.isRefusal { throw error }
                        unreadable.append(
                            UnreadableBlock(
                                topic: block.topic, partition: block.partition, indexes: block.indexes,
                                error: error))
                    }
                }
            }
        }
        if let first = unreadable.first { throw first.error }
    }

    /// What a source holds: its footer says it, or a scan of one that has none.
    private func directory(
        of segment: SegmentFile, _ entry: Manifest.Entry
    ) throws(SegmentError) -> SegmentDirectory {
        if let offset = index.uses[entry.number]?.unseenFrom {
            throw .malformed(
                segment.place(offset),
                reason: "from here on it is damaged, and whose records it holds is unknown")
        }
        var limit = try entry.closed(as: segment).byteCount
        if entry.state == .sealed {
            do throws(SegmentError) { return try segment.directory() } catch {
                // The envelopes say the same, where they reach up to a damaged footer.
                guard !error.isRefusal, let offset = try segment.footerOffset() else { throw error }
                limit = offset
            }
        }
        var directory = SegmentDirectory()
        let end = try segment.scan(upTo: limit) { (header, offset, blocks) throws(SegmentError) in
            directory.note(commit: header.commit)
            let bodyOffset = offset + SegmentFormat.envelopeHeaderByteCount
            for block in blocks where block.kind == .keys {
                let place = segment.place(bodyOffset + block.offset)
                directory.keys.append(
                    KeyBlockEntry(
                        offset: place.byteOffset, byteCount: block.payload.count, commit: header.commit,
                        timeMax: try block.keys(at: place).reduce(.min) { max($0, $1.time) }))
            }
        }
        guard end.tear == nil, end.validByteCount == limit else {
            throw .malformed(segment.place(end.validByteCount), reason: end.tear ?? "the envelopes end early")
        }
        return directory
    }

    /// Writes a topic's blocks of the sources, group by group.
    private func write(
        _ topic: TopicIndex, _ sources: Set<UInt64>, _ commit: CommitNumber,
        keepingDamage keepsDamage: Bool, to writer: SegmentWriter, _ directory: inout SegmentDirectory
    ) throws(SegmentError) {
        var members: [GroupMember] = []
        var byteCount = 0
        func flush() throws(SegmentError) {
            guard !members.isEmpty else { return }
            var envelope = EnvelopeWriter(reserving: byteCount + members.count * 1024)
            let entries = envelope.append(group: members)
            let bytes = envelope.finish(commit: commit, segment: writer.number)
            let start = try append(bytes, to: writer)
            for var entry in entries {
                entry.offset += start
                directory.blocks.append(entry)
            }
            pace(byteCount + bytes.count)
            members = []
            byteCount = 0
        }
        func add(_ member: GroupMember, byteCount size: Int) throws(SegmentError) {
            if members.count == BlockGroup.blockCountMax || byteCount + size > BlockGroup.byteCountMax {
                try flush()
            }
            members.append(member)
            byteCount += size
        }
        func member(_ place: BlockPlace) throws(SegmentError) -> GroupMember {
            try GroupMember(
                place.block, of: try segments.segment(place.segment),
                dropping: topic.hiddenFields(of: place.block), keepingDamage: keepsDamage)
        }
        let runs = BlockPlace.shortRuns(
            of: topic, in: sources, shortRowCount: configuration.shortRowCount)
        for run in runs {
            if run.count == 1 {
                try add(try member(run[0]), byteCount: run[0].block.byteCount)
                continue
            }
            var short: [GroupMember] = []
            for place in run { short.append(try member(place)) }
            for member in joiner.joined(short) { try add(member, byteCount: member.byteCount) }
        }
        try flush()
    }

    /// Copies events, and keys that are still remembered, an envelope a commit as they came.
    private func write(
        _ events: [EventPlace], _ keys: [(segment: SegmentFile, entry: KeyBlockEntry)],
        keepingDamage keepsDamage: Bool, to writer: SegmentWriter, _ directory: inout SegmentDirectory
    ) throws(SegmentError) {
        /// About as much at once, so that one append serves many small envelopes.
        let batchByteCount = 1 << 20
        var batch: [UInt8] = []
        func flush() throws(SegmentError) {
            guard !batch.isEmpty else { return }
            _ = try append(batch, to: writer)
            pace(2 * batch.count)
            batch = []
        }
        var (nextEvent, nextKey) = (0, 0)
        while nextEvent < events.count || nextKey < keys.count {
            let commit = min(
                nextEvent < events.count ? events[nextEvent].entry.commit : .max,
                nextKey < keys.count ? keys[nextKey].entry.commit : .max)
            var envelope = EnvelopeWriter()
            let start = writer.byteCount + batch.count
            while nextEvent < events.count, events[nextEvent].entry.commit == commit {
                let place = events[nextEvent]
                let segment = try segments.segment(place.segment)
                // Checked before it is copied.
                if !keepsDamage { _ = try segment.event(place.entry) }
                let block = try envelope.append(
                    copyOf: .event, of: segment, place.entry.offset, place.entry.byteCount)
                var entry = place.entry
                entry.offset = start + block.offset
                directory.events.append(entry)
                nextEvent += 1
            }
            while nextKey < keys.count, keys[nextKey].entry.commit == commit {
                let (segment, entry) = keys[nextKey]
                nextKey += 1
                guard
                    var copy = try copy(
                        entry, of: segment, keepingDamage: keepsDamage, to: &envelope, &directory)
                else { continue }
                copy.offset += start
                directory.keys.append(copy)
            }
            guard !envelope.blocks.isEmpty else { continue }
            batch += envelope.finish(commit: commit, segment: writer.number)
            if batch.count >= batchByteCount { try flush() }
        }
        try flush()
    }
}

extension SegmentRewrite {
    /// Copies a block of keys, without those of deleted records.
    ///
    /// - Returns: where it is in the envelope; nil where nothing of it is left.
    private func copy(
        _ entry: KeyBlockEntry, of segment: SegmentFile, keepingDamage keepsDamage: Bool,
        to envelope: inout EnvelopeWriter, _ directory: inout SegmentDirectory
    ) throws(SegmentError) -> KeyBlockEntry? {
        var copy = entry
        var found: [KeyEntry] = []
        do throws(SegmentError) { try segment.keys([entry]) { found = $0 } } catch {
            guard keepsDamage, !error.isRefusal else { throw error }
            if index.topics.values.contains(where: \.hasDeleted) { return nil }
            copy.offset = try envelope.append(copyOf: .keys, of: segment, entry.offset, entry.byteCount)
                .offset
            return copy
        }
        let kept = found.filter { !index.isDeleted($0) }
        if kept.isEmpty { return nil }
        directory.otherTopics.formUnion(kept.lazy.map(\.topic))
        if kept.count == found.count {
            copy.offset = try envelope.append(copyOf: .keys, of: segment, entry.offset, entry.byteCount)
                .offset
            return copy
        }
        let written = envelope.append(kept)
        return KeyBlockEntry(
            offset: written.offset, byteCount: written.byteCount, commit: entry.commit,
            timeMax: kept.reduce(.min) { max($0, $1.time) })
    }
}

extension EnvelopeWriter {
    fileprivate mutating func append(
        copyOf kind: BlockKind, of segment: SegmentFile, _ offset: Int, _ byteCount: Int
    ) throws(SegmentError) -> Block {
        let bytes = try segment.read(at: offset, byteCount: byteCount)
        return bytes.withUnsafeBytes { append(copyOf: kind, $0) }
    }
}
