// The one writer: commits become envelopes in the active segment; small records become columns;
// full segments are sealed. Synchronous and without threads, so that a test can cut the power
// between any two of its steps. AppendQueue runs it on a thread of its own.
//
// Invariants:
//  * When `commit` returned, its items survive a crash, whole, once, at the addresses returned. Where the log
//    answers before it syncs, they do when `syncAnswered` or the next commit returned; until then they are in the
//    log after a crash wholly or not at all.
//  * When `commit` threw, the index does not show them; after a crash they are wholly there or not at all.
//  * After a failed write the log is back at its last durable commit, in a new segment, before the
//    next commit is tried: no byte past the last good sync is trusted in place.

import Disk
import Records
import Segments

/// Writes one log; used by one thread at a time. It holds the directory's lock until it ends.
package final class LogWriter {
    let files: any FileSystem
    let configuration: LogConfiguration
    let shared: SharedIndex
    /// The keys of what is durable.
    package let keys: KeyMemory
    let meter = LogMeter()
    let reserve: LogReserve
    private let clock = ContinuousClock()
    /// What the last sync took.
    private(set) var lastSync = Duration.zero
    private let encoder: BlockEncoder
    private let preparer: RequestPreparer
    /// Keeps other writers out; nil for none, and once it is let go.
    private var lock: (any Sendable)?

    private(set) var manifest: Manifest
    /// Whether the manifest is that of the directory; of a log that is being made it is not yet.
    private var isListed: Bool
    /// What is written to; the next commit begins one where there is none.
    private var active: SegmentWriter?
    private var directory: SegmentDirectory
    /// What the manifest must yet be told about its last segment, before another one begins.
    private var unsettled: Manifest.Entry?
    /// A new segment that is made and synced, which the manifest could not be told: the next attempt
    /// goes on with it, so that a full disk does not fill with beginnings.
    private var unlisted: SegmentWriter?
    /// What may hold numbers that nobody sees: nothing is numbered until it is given up.
    private var unseen: [SegmentPlace]
    /// What gives it up, or why that cannot be: the same however often it is tried, as nothing is numbered before.
    private lazy var leap = Result { () throws(LogError) in
        try Leap(over: unseen, after: manifest, shared.index.withLock { $0 }, configuration)
    }
    /// Whether the manifest counts it.
    private var isLeapCounted = false
    /// Partitions that no index is left for, and why.
    var spent: [AppendSource: LogError] = [:]

    init(
        files: any FileSystem, configuration: LogConfiguration, shared: SharedIndex, keys: KeyMemory,
        opened outcome: Recovery.Outcome, reserve: LogReserve, lock: (any Sendable)?, isListed: Bool = true
    ) {
        self.reserve = reserve
        self.files = files
        self.configuration = configuration
        self.shared = shared
        self.keys = keys
        manifest = outcome.manifest
        active = outcome.active
        directory = outcome.directory
        unsettled = outcome.unsettled?.entry
        unseen = outcome.unseen
        self.lock = lock
        self.isListed = isListed
        encoder = BlockEncoder()
        preparer = RequestPreparer(encoder: encoder)
    }

    /// Commits all `items` together. Small records that fill a block are rolled in the same envelope.
    package func commit(_ items: [AppendItem]) throws(LogError) -> CommitReceipt {
        try commit([AppendRequest(items)])[0]
    }

    /// Commits all `requests` together, and returns a receipt for each; where one is refused, none is kept.
    package func commit(_ requests: [AppendRequest]) throws(LogError) -> [CommitReceipt] {
        if let refusal = refusals(of: requests).lazy.compactMap({ $0 }).first { throw refusal }
        let prepared = preparer.prepare(requests)
        if let refusal = prepared.requests.lazy.compactMap(\.refusal).first { throw .refused(refusal) }
        return try commit(prepared)
    }

    /// Commits the requests that are not refused, together, and returns a receipt for each of them.
    func commit(_ prepared: PreparedRequests) throws(LogError) -> [CommitReceipt] {
        let (sources, limit) = (prepared.sources, configuration)
        let due = shared.index.withLock { $0.dueTails(sources, limit) }
        return try commit(prepared, rolling: due.flatMap(\.rolls))
    }

    private func commit(
        _ prepared: PreparedRequests, rolling rolls: [Roll]
    ) throws(LogError) -> [CommitReceipt] {
        precondition(!prepared.parts.isEmpty, "A commit has something in it.")
        let receipts = try write(prepared, rolling: rolls)
        if let active, active.byteCount >= configuration.segmentByteCountMax {
            // The items are durable, whatever becomes of the sealing: to throw here would make the
            // caller post them twice. A segment that did not seal is closed; the next commit tells
            // the manifest so, and fails if it cannot.
            do throws(LogError) { try sealActive() } catch {}
        }
        return receipts
    }

    /// After a failed commit: makes sure that there is a segment to write to, at the last durable
    /// commit, and that the reserve is whole. Throws where the disk does not let it; then it may be tried again.
    package func recover() throws(LogError) {
        try settle()
        try giveUpUnseen()
        if active == nil { _ = try startSegment() }
        try reserve.restore()
    }

    /// Rolls what is in memory, seals the active segment and ends it: after this, opening the
    /// directory has nothing to repair. Further commits start a new segment.
    package func sealActive() throws(LogError) {
        try settle()
        let rolls = shared.index.withLock { $0.allTails }.flatMap(\.rolls)
        if !rolls.isEmpty { _ = try write(PreparedRequests(), rolling: rolls) }
        shared.index.withLock { $0.noteAllRolled() }
        // What was answered is safe before the footer may find no room.
        try syncAnswered()
        guard let segment = active else { return }
        let byteCount = segment.byteCount
        do throws(SegmentError) { try segment.seal(directory) } catch {
            leave(segment)
            throw .segment(error)
        }
        meter.count { $0.writtenByteCount += UInt64(segment.byteCount - byteCount) }
        active = nil
        unsettled = Manifest.Entry(number: segment.number, state: .sealed, byteCount: segment.byteCount)
        try settle()
    }

    /// Seals the active segment where more than half of it was let go and so many bytes need not be: it may never fill.
    package func sealHalfDead(from byteCountMin: Int) throws(LogError) {
        guard unseen.isEmpty, let active else { return }
        let (use, waitedByteCount) = shared.index.withLock {
            ($0.uses[active.number] ?? SegmentUse(), $0.letGoTailByteCount)
        }
        guard use.liveByteCount * 2 < use.listedByteCount + waitedByteCount else { return }
        if active.byteCount - use.liveByteCount >= byteCountMin { try sealActive() }
    }

    /// Lets other writers in: nothing is written after this.
    func end() {
        active = nil
        lock = nil
    }

    /// Commits a tombstone alone, behind a seal, so that it divides no block.
    package func erase(_ choose: (LogIndex) -> Tombstone?) throws(LogError) -> CommitNumber? {
        guard choose(shared.index.withLock { $0 }) != nil else { return nil }
        try sealActive()
        guard let tombstone = choose(shared.index.withLock { $0 }) else { return nil }
        precondition(tombstone.reason.erases, "What does not erase needs no seal.")
        return try commit([AppendRequest([.event(tombstone.event)])])[0].commit
    }

    /// Commits a tombstone of retention, less what would divide a block by now. Nothing is rolled beside it: a
    /// block that held what goes and what stays would show both.
    ///
    /// - Returns: what was let go; nil where nothing was.
    package func letGo(_ tombstone: Tombstone) throws(LogError) -> Tombstone? {
        precondition(!tombstone.reason.erases, "What erases needs a seal.")
        guard let spared = tombstone.sparingDividedBlocks(in: shared.index.withLock { $0 }) else {
            return nil
        }
        _ = try commit(preparer.prepare([AppendRequest([.event(spared.event)])]), rolling: [])
        return spared
    }

    // MARK: One envelope

    /// Why nothing can be numbered; nil where it can.
    var refusal: LogError? {
        if unseen.isEmpty { return commitRefusal }
        guard configuration.goesOnWithoutUnseen else { return .unseen(unseen) }
        if case .failure(let error) = leap { return error }
        return nil
    }

    /// Gives up what is not seen, where that is wanted, before anything else is numbered: durable when it returns.
    func giveUpUnseen() throws(LogError) {
        if let refusal { throw refusal }
        if unseen.isEmpty { return }
        let leap = try leap.get()
        try settle()
        if !isLeapCounted {
            var next = manifest
            next.count(leap)
            try list(next)
            isLeapCounted = true
        }
        let before = unseen
        unseen = []
        do throws(LogError) {
            let prepared = preparer.prepare([AppendRequest([.event(leap.event)])])
            _ = try write(prepared, rolling: [], as: leap.index)
            try syncAnswered()
        } catch {
            unseen = before
            throw error
        }
    }

    /// - Parameter number: the commit's, where it is not the next one's.
    private func write(
        _ prepared: PreparedRequests, rolling rolls: [Roll], as number: CommitNumber? = nil
    ) throws(LogError) -> [CommitReceipt] {
        try giveUpUnseen()
        try settle()
        try syncAnswered()
        let segment: SegmentWriter
        if let active { segment = active } else { segment = try startSegment() }
        var draft = CommitDraft(
            commit: number ?? shared.index.withLock { $0.cut } + 1, now: configuration.clock?(),
            reserving: prepared.byteCount, encoder: encoder
        ) { [shared] source in
            shared.index.withLock { $0.nextIndex(source.topic, source.partition) }
        }
        for roll in rolls { draft.add(roll.run, topic: roll.topic) }
        draft.add(prepared)
        // What a reader would take for damage is not acknowledged.
        guard draft.isReadable else {
            throw shared.index.withLock { $0 }.outOfNumbers(of: nil, configuration)
        }
        let (bytes, used) = draft.finish(segment: segment.number)
        var publication = draft.publication
        let start: Int
        do throws(SegmentError) {
            start = try segment.append(bytes)
            if !configuration.answersBeforeSync { try sync(segment) }
        } catch {
            leave(segment)
            throw .segment(error)
        }
        publication.shift(by: start)
        directory.note(commit: publication.commit)
        directory.blocks.append(contentsOf: publication.blocks)
        directory.events += publication.events
        directory.keys += publication.keys
        // Retention may let them go before they are listed by a block; a deletion after a restart must know.
        for tail in publication.tails { directory.otherTopics.insert(tail.topic) }
        for key in used { directory.otherTopics.insert(key.topic) }
        // Before the requests are acknowledged: a retry that comes then finds its key.
        keys.remember(used)
        for tombstone in publication.tombstones { keys.forget(tombstone) }
        shared.index.withLock { publication.apply(to: &$0, segment: segment.number) }
        meter.count { publication.apply(to: &$0, envelopeByteCount: bytes.count) }
        return draft.receipts
    }

    private func sync(_ segment: SegmentWriter) throws(SegmentError) {
        let begin = clock.now
        try segment.sync()
        lastSync = begin.duration(to: clock.now)
        meter.count { [lastSync] in $0.syncs.add(lastSync / .seconds(1)) }
    }

    /// Makes durable what was answered before its sync. Before anything is written behind it: one envelope at most
    /// is ever in doubt, the last of its segment.
    ///
    /// - Throws: where the sync fails: then what was answered may be gone after a crash, and the log goes on in a
    ///   new segment, as after any failed write.
    func syncAnswered() throws(LogError) {
        guard let active, active.durableByteCount < active.byteCount else { return }
        do throws(SegmentError) { try sync(active) } catch {
            leave(active)
            throw .segment(error)
        }
    }

    // MARK: Segments

    private func startSegment() throws(LogError) -> SegmentWriter {
        let segment: SegmentWriter
        if let unlisted { segment = unlisted } else { segment = try makeSegment() }
        var next = manifest
        next.entries.append(Manifest.Entry(number: segment.number, state: .active, byteCount: 0))
        unlisted = segment
        try list(next)
        unlisted = nil
        active = segment
        directory = SegmentDirectory()
        return segment
    }

    /// Makes this the manifest.
    private func list(_ next: Manifest) throws(LogError) {
        if isListed { try next.replace(configuration, on: files) }
        manifest = next
    }

    /// Makes the segments of a log that was made beside another one those of the directory: nothing may be active.
    func listSegments() throws(LogError) {
        precondition(active == nil && unsettled == nil, "What takes a log's place is sealed.")
        isListed = true
        try list(manifest)
    }

    private func makeSegment() throws(LogError) -> SegmentWriter {
        let number = manifest.nextSegmentNumber
        // Used from here on, even if the making fails.
        manifest.nextSegmentNumber += 1
        do throws(SegmentError) {
            let segment = try SegmentWriter(creating: number, in: configuration.directory, on: files)
            try segment.sync()
            return segment
        } catch {
            // No manifest names it, so that it may go; where it stays, the next opening removes it.
            do throws(DiskError) {
                try files.remove(configuration.path(FileName.segment(number)))
            } catch {}
            throw .segment(error)
        }
    }

    /// Gives up the active segment at its last good sync; the next commit starts a new one.
    private func leave(_ segment: SegmentWriter) {
        active = nil
        unsettled = Manifest.Entry(
            number: segment.number, state: .closed, byteCount: segment.durableByteCount)
        if segment.durableByteCount > SegmentFormat.segmentHeaderByteCount {
            shared.index.withLock { $0.noteClosed(segment.number) }
        }
        // At once, so that the failed envelope is left behind even if no commit follows; where the
        // disk refuses that too, the next commit tries again before anything else.
        do throws(LogError) { try settle() } catch {}
    }

    /// A number that no segment has had: for a file that is being made beside the log.
    func takeSegmentNumber() -> UInt64 {
        defer { manifest.nextSegmentNumber += 1 }
        return manifest.nextSegmentNumber
    }

    /// Puts a rewritten segment, which is durable, in the place of its sources, and removes their files.
    ///
    /// - Returns: files that stay behind: the next opening removes them. Nil where the rewrite was given up:
    ///   a tombstone that came meanwhile lets a part of a block go that it joined. It is to be planned anew.
    /// - Throws: where the manifest cannot be told; then the new file is gone, unless the manifest on disk
    ///   may name it.
    package func replace(_ plan: RewritePlan, with segment: RewrittenSegment) throws(LogError) -> [String]? {
        meter.count { $0.rewrittenByteCount += UInt64(segment.byteCount) }
        if segment.isDivided(by: shared.index.withLock { $0 }) {
            removeUnnamed(segment.number)
            return nil
        }
        do throws(LogError) { try settle() } catch {
            removeUnnamed(segment.number)
            throw error
        }
        guard let first = manifest.entries.firstIndex(of: plan.sources[0]),
            manifest.entries[first...].starts(with: plan.sources)
        else { preconditionFailure("Only one rewrite runs at a time, and sealed segments do not change.") }
        var next = manifest
        next.entries.replaceSubrange(
            first..<first + plan.sources.count,
            with: [Manifest.Entry(number: segment.number, state: .sealed, byteCount: segment.byteCount)])
        do throws(LogError) { try list(next) } catch {
            removeUnnamed(segment.number)
            throw error
        }
        shared.replace(Set(plan.sources.map(\.number)), with: segment)
        var left: [String] = []
        for source in plan.sources {
            let name = FileName.segment(source.number)
            do throws(DiskError) { try files.remove(configuration.path(name)) } catch {
                left.append("\(name) stays behind: \(error)")
            }
        }
        do throws(DiskError) { try files.syncDirectory(configuration.directory) } catch {
            left.append("files that are removed may come back after a power cut: \(error)")
        }
        return left
    }

    /// Removes a segment's file, unless the manifest that stands in the directory names it, or cannot be read.
    func removeUnnamed(_ number: UInt64) {
        Manifest.removeUnnamed(number, configuration, on: files)
    }

    /// Tells the manifest how the last segment ended. One that was given up before it held a commit is
    /// no part of the log, and goes: what it holds of a failed envelope takes space that may be short.
    private func settle() throws(LogError) {
        guard let entry = unsettled else { return }
        let isEmpty = entry.byteCount <= SegmentFormat.segmentHeaderByteCount
        var next = manifest
        if isEmpty {
            next.entries.removeLast()
        } else {
            next.entries[next.entries.count - 1] = entry
        }
        try list(next)
        unsettled = nil
        // Where it stays, the next opening removes it.
        guard isEmpty else { return }
        do throws(DiskError) {
            try files.remove(configuration.path(FileName.segment(entry.number)))
        } catch {}
    }
}
