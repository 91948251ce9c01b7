// A directory to a log: what the manifest names, read, checked and, for a writer, put right.
//
// Invariants:
//  * Every acknowledged commit is in the result, whole and once; an unacknowledged one wholly or not at all.
//  * Before a writer's log is served, the valid part of a segment that was active in a crash has been
//    copied to a new segment and synced: what read well from the page cache may not be on the disk. Where
//    there is no room for a copy, it was synced and read from the disk itself: then it is served where it
//    is, and the manifest is told, before the next commit, that the segment ends there.
//  * A reader's log changes nothing on disk.
//  * Every repair and every damage is in the report; damaged bytes stay where they are.
//  * A writer's opening that is refused a read throws: to append past what it did not see would give
//    addresses away twice. So does a reader's who holds the lock, to put something in the log's place. Bytes that are read and wrong are damage, and end nothing.

import Bytes
import Disk
import JSON
import Records
import Segments

/// What opening a log found and did.
package struct RecoveryReport: Hashable, Sendable {
    /// Sentences, each with its file, for a person.
    package var repairs: [String] = []
    /// Parts of the log that cannot be seen.
    package var damages: [String] = []

    package init() {}
}

struct Recovery {
    let files: any FileSystem
    let configuration: LogConfiguration
    /// Whether the directory may be changed: a writer's opening, under its lock.
    let isWriter: Bool
    /// Whether nobody else can change it meanwhile.
    let isAlone: Bool

    var index = LogIndex()
    /// Every segment that was opened, for the readers: its file may be replaced before they ask for it.
    var opened: [SegmentFile] = []
    var report = RecoveryReport()
    /// What a writer is told of retries by.
    let keys: KeyMemory
    /// Where keys lie, in the order of the log.
    var keyBlocks: [(segment: UInt64, entry: KeyBlockEntry)] = []
    /// What nobody sees and nobody has given up, up to here.
    var unseen: [SegmentPlace] = []
    /// Segments whose turn comes soon.
    private var ahead = ReadAheadSegments()
    // For small blocks, which most logs have none of when they are opened.
    private lazy var reader = BlockReader()
    private lazy var decompressor = ZstdDecompressor()

    init(files: any FileSystem, configuration: LogConfiguration, isWriter: Bool, isAlone: Bool? = nil) {
        self.files = files
        self.configuration = configuration
        self.isWriter = isWriter
        self.isAlone = isAlone ?? isWriter
        keys = KeyMemory(configuration)
    }

    /// Where the writer goes on.
    struct Outcome {
        var manifest: Manifest
        var active: SegmentWriter?
        var directory = SegmentDirectory()
        /// What the manifest has yet to be told of its last segment, and why it was not.
        var unsettled: (entry: Manifest.Entry, refusal: LogError)?
        var unseen: [SegmentPlace] = []
    }

    mutating func run() throws(LogError) -> Outcome {
        guard let found = try Manifest.read(configuration, on: files) else {
            try refuseStrays()
            let manifest = Manifest()
            // At once, so that no segment is ever without one.
            if isWriter { try manifest.replace(configuration, on: files) }
            return Outcome(manifest: manifest)
        }
        return try run(found)
    }

    /// The same of the segments that a manifest names.
    mutating func run(_ found: Manifest) throws(LogError) -> Outcome {
        var outcome = Outcome(manifest: found)
        // Of a leap that stands in what is not seen the manifest alone knows.
        index.expectLeaps(upTo: found.leapEnd)
        func announce(from position: Int) {
            ahead.announce(found.entries[position...]) {
                [files, configuration] (number) throws(SegmentError) in
                try SegmentFile(opening: number, in: configuration.directory, on: files)
            }
        }
        announce(from: 0)
        // While the disk is at it.
        if isWriter { try removeStrays(found) }
        for (position, entry) in found.entries.enumerated() {
            if position % ReadAheadSegments.countMax == 0 {
                if position > 0 { announce(from: position) }
                ahead.read()
            }
            if entry.state == .active && isWriter {
                try moveActive(entry.number, at: position, into: &outcome)
                continue
            }
            do throws(SegmentError) {
                let known = ahead.take(entry.number)
                let segment = if let known { known.segment } else { try open(entry.number) }
                if !isWriter { opened.append(segment) }
                switch entry.state {
                case .sealed:
                    try take(
                        known?.contents
                            ?? Result { () throws(SegmentError) in try SealedContents(reading: segment) },
                        of: segment, byteCount: entry.byteCount)
                case .closed: try readScanned(segment, upTo: try entry.closed(as: segment).byteCount)
                case .active: try readActive(segment)
                }
            } catch {
                if isAlone, error.isRefusal { throw .segment(error) }
                noteNotSeen(entry, error)
            }
        }
        if !report.damages.isEmpty { index.noteGaps() }
        index.unseen = unseen
        outcome.unseen = unseen
        if isWriter { try rememberKeys() }
        return outcome
    }

    func open(_ number: UInt64) throws(SegmentError) -> SegmentFile {
        try SegmentFile(opening: number, in: configuration.directory, on: files)
    }

    /// Notes that a segment is not seen. One whose file is gone holds nothing that could be.
    mutating func noteNotSeen(_ entry: Manifest.Entry, _ error: SegmentError) {
        let name = FileName.segment(entry.number)
        report.damages.append("\(name) is not seen: \(error)")
        unseen.append(SegmentPlace(file: name, byteOffset: 0))
        if case .disk(let error) = error, error.kind == .notFound { return }
        index.noteUnseen(entry.number, from: 0)
    }

    /// Notes that a segment's bytes from `start` on are not seen.
    private mutating func noteUnseen(_ segment: SegmentFile, from start: Int) {
        index.noteUnseen(segment.number, from: start)
        unseen.append(segment.place(start))
    }

    /// Reads the keys that are younger than the horizon. To remember one too long harms nobody.
    private mutating func rememberKeys() throws(LogError) {
        let oldest = configuration.oldestKeyTime(keyBlocks.reduce(.min) { max($0, $1.entry.timeMax) })
        let wanted = keyBlocks.filter { $0.entry.timeMax >= oldest }
        keyBlocks = []
        for blocks in wanted.chunked(by: { $0.segment == $1.segment }) {
            let number = blocks[blocks.startIndex].segment
            do throws(SegmentError) {
                let segment = try open(number)
                try segment.keys(blocks.lazy.map(\.entry)) { found in
                    keys.remember(found.filter { !index.isDeleted($0) })
                }
            } catch {
                if error.isRefusal { throw .segment(error) }
                report.damages.append(
                    "idempotency keys of \(FileName.segment(number)) are not remembered, so that a retry of "
                        + "its requests would store them again: \(error)")
            }
        }
    }

    /// Segments without a manifest are no new store and no empty one: a copy that was cut off, or a
    /// directory that lost its manifest.
    private func refuseStrays() throws(LogError) {
        do throws(DiskError) {
            let names: [String]
            do throws(DiskError) { names = try files.list(configuration.directory) } catch {
                // A reader's directory need not be there.
                if isWriter { throw error } else { return }
            }
            guard let stray = names.sorted().first(where: { FileName.segmentNumber($0) != nil }) else {
                return
            }
            throw DiskError(
                kind: .other, operation: "open", file: configuration.path(stray),
                reason: "there are segments but no \(FileName.manifest), as in a copy that was cut off; "
                    + "restore it from a backup")
        } catch { throw .disk(error) }
    }

    /// Removes segments that no manifest names: made just before a crash, never acknowledged into.
    private mutating func removeStrays(_ manifest: Manifest) throws(LogError) {
        let known = Set(manifest.entries.map(\.number))
        do throws(DiskError) {
            for name in try files.list(configuration.directory) {
                guard let number = FileName.segmentNumber(name), !known.contains(number) else { continue }
                try files.remove(configuration.path(name))
                report.repairs.append("\(name) was not in the manifest and is removed")
            }
        } catch { throw .disk(error) }
    }

    // MARK: Segments

    private mutating func take(
        _ found: Result<SealedContents, SegmentError>, of segment: SegmentFile, byteCount: Int
    ) throws(SegmentError) {
        let contents: SealedContents
        do throws(SegmentError) { contents = try found.get() } catch {
            if error.isRefusal { throw error }
            // The footer is a convenience: the envelopes say the same.
            let end = try readScanned(segment, upTo: nil)
            report.damages.append(
                "the footer of \(segment.name) is not read (\(error)); scanned instead, "
                    + "up to byte \(end.validByteCount) of \(byteCount)")
            if try segment.footerOffset() != end.validByteCount {
                noteUnseen(segment, from: end.validByteCount)
            }
            return
        }
        index.note(contents.header, segment: segment.number)
        func apply(_ name: String) throws(SegmentError) {
            for event in contents.events where event.name == name {
                try self.apply(
                    try segment.event(event), commit: event.commit, at: segment.place(event.offset))
            }
        }
        // Records that follow a leap leave what waits from before it alone; what tombstones let go has to be there.
        try apply(Leap.eventName)
        for block in index.append(sealed: contents.topics, segment: segment.number) {
            try addRest(of: block, in: segment.number)
        }
        for event in contents.events { index.append(event, segment: segment.number) }
        try apply(Tombstone.eventName)
        for entry in contents.keys { keyBlocks.append((segment.number, entry)) }
        index.note(otherTopics: contents.otherTopics, segment: segment.number)
        if let commit = contents.lastCommit { index.cut = max(index.cut, commit) }
    }

    /// Reads a segment beside whoever writes it.
    private mutating func readActive(_ segment: SegmentFile) throws(SegmentError) {
        let end = try readScanned(segment, upTo: nil)
        if try segment.isDamaged(at: end) { noteTear(segment, end, byteCount: try segment.byteCount()) }
    }

    private mutating func noteTear(_ segment: SegmentFile, _ end: SegmentFile.ScanEnd, byteCount: Int) {
        noteUnseen(segment, from: end.validByteCount)
        report.damages.append(
            "\(segment.name) is seen up to byte \(end.validByteCount) of \(byteCount): \(end.tear ?? "cut")")
    }

    @discardableResult
    mutating func readScanned(
        _ segment: SegmentFile, upTo limit: Int?
    ) throws(SegmentError) -> SegmentFile.ScanEnd {
        index.note(try segment.checkHeader(), segment: segment.number)
        var found = SegmentDirectory()
        let end = try segment.scan(upTo: limit) { (header, offset, blocks) throws(SegmentError) in
            try take(header, offset, blocks, of: segment, into: &found)
        }
        if limit != nil { index.noteClosed(segment.number) }
        if let limit, end.validByteCount < limit { noteTear(segment, end, byteCount: limit) }
        return end
    }

    /// Takes one envelope's blocks into the index.
    mutating func take(
        _ header: EnvelopeHeader, _ offset: Int, _ blocks: [FoundBlock], of segment: SegmentFile,
        as number: UInt64? = nil, into directory: inout SegmentDirectory
    ) throws(SegmentError) {
        let number = number ?? segment.number
        let bodyOffset = offset + SegmentFormat.envelopeHeaderByteCount
        directory.note(commit: header.commit)
        for (position, block) in blocks.enumerated() {
            let place = segment.place(bodyOffset + block.offset)
            switch block.kind {
            case .event:
                let event = try block.event(at: place)
                let entry = EventEntry(
                    name: event.name, offset: place.byteOffset, byteCount: block.payload.count,
                    commit: header.commit)
                index.append(entry, segment: number)
                directory.events.append(entry)
                try apply(event, commit: header.commit, at: place)
            case .keys:
                let found = try block.keys(at: place)
                let entry = KeyBlockEntry(
                    offset: place.byteOffset, byteCount: block.payload.count, commit: header.commit,
                    timeMax: found.reduce(.min) { max($0, $1.time) })
                let topics = Set(found.lazy.map(\.topic))
                index.note(otherTopics: topics, segment: number)
                directory.otherTopics.formUnion(topics)
                keyBlocks.append((number, entry))
                directory.keys.append(entry)
            case .small:
                let (head, batch) = try block.smallBatch(at: place, with: reader, decompressor)
                index.append(
                    TailRun(
                        partition: head.partition, firstIndex: head.firstIndex, batch: batch,
                        commitRuns: [CommitRun(commit: header.commit, rowCount: batch.rowCount)],
                        byteCount: TailRun.byteCount(of: batch)), topic: head.topic, segment: number)
                directory.otherTopics.insert(head.topic)
            case .group: break  // Columns of the heads before it.
            case .columns, .rolled, .grouped:
                let head = try block.head(at: place)
                let group = blocks[position...].first { $0.kind == .group }
                let entry = try BlockEntry(
                    block, head, at: place, commit: header.commit, group: group.map { bodyOffset + $0.offset }
                )
                if index.append(entry, segment: number) == .inPart { try addRest(of: entry, in: number) }
                directory.blocks.append(entry)
            }
        }
        index.cut = max(index.cut, header.commit)
    }

    /// Adds the rows that a block has alone, others of whose rows are in what came back: as rows that wait to become
    /// columns, for a block is seen whole or not at all.
    private mutating func addRest(of block: BlockEntry, in number: UInt64) throws(SegmentError) {
        guard let topic = index.topics[block.topic] else { return }
        let rest = topic.rest(of: block)
        if rest.isEmpty { return }
        do throws(SegmentError) {
            let segment = try open(number)
            let member = try GroupMember(block, of: segment, dropping: topic.hiddenFields(of: block))
            let batch = try member.batch(with: reader, at: segment.place(block.columnsOffset))
            let run = TailRun(
                partition: block.partition, firstIndex: block.firstIndex, batch: batch,
                commitRuns: member.head.commitRuns, byteCount: TailRun.byteCount(of: batch))
            for run in run.within(rest) { index.insert(run, topic: block.topic, lentBy: number) }
        } catch {
            if error.isRefusal { throw error }
            // It stays as it is, for whoever can mend it.
            index.noteUnseen(number, from: block.offset)
            report.damages.append(
                "\(rest.count) records of \(block.partition) in \(block.topic), from record "
                    + "\(rest.ranges[0].lowerBound) on, are not seen: \(error)")
        }
    }

    /// Lets go what a tombstone says, and gives up what a leap leapt over: all that they concern has been read.
    private mutating func apply(
        _ event: Event, commit: CommitNumber, at place: SegmentPlace
    ) throws(SegmentError) {
        do throws(TombstoneError) {
            if let tombstone = try Tombstone(event) { index.apply(tombstone, commit: commit) }
        } catch {
            throw .malformed(place, reason: "a tombstone that cannot be read: \(error.reason)")
        }
        do throws(FieldError) {
            guard let leap = try Leap(event) else { return }
            index.apply(leap)
            unseen.removeAll(where: leap.givesUp)
        } catch {
            throw .malformed(place, reason: "a leap that cannot be read: \(error)")
        }
    }
}

extension Array {
    /// Runs of neighbours that belong together.
    fileprivate func chunked(by belongs: (Element, Element) -> Bool) -> [ArraySlice<Element>] {
        var chunks: [ArraySlice<Element>] = []
        var start = startIndex
        for position in indices.dropFirst() where !belongs(self[position - 1], self[position]) {
            chunks.append(self[start..<position])
            start = position
        }
        if start < endIndex { chunks.append(self[start...]) }
        return chunks
    }
}
