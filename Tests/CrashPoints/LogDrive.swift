// Carries a history out on a simulated disk, beside the model, and notes every broken promise.
//
// After a failure the log may hold what was acknowledged, or that and the one commit that was not:
// those states are the candidates. The next acknowledged commit rules the unacknowledged ones out.

import Disk
import EventLog
import Segments
import Simulation
import TestSupport

/// One log under test: its disk, its writer, and what it must hold.
package struct LogDrive {
    /// The disk itself, whatever stands before it: it is cut and looked at directly.
    package let disk: SimulatedFileSystem
    /// The disk, or what a test puts before it.
    let files: any FileSystem
    /// Counts from the next opening on.
    package var configuration: LogConfiguration
    /// A bug that is not between the log and its disk.
    var bug: PlantedBug?

    /// Nil before the first opening, once it was let go, and where the log did not open.
    package private(set) var writer: LogWriter?
    private(set) var shared: SharedIndex?
    /// Of the last opening that succeeded.
    package private(set) var report = RecoveryReport()
    /// What the log holds; after a failure, the last state that it was seen to hold.
    package private(set) var model = LogModel()
    private(set) var candidates: [LogModel] = []
    /// What the log was before a succession that failed: shown as the successor, it may be that again after a
    /// power cut, as long as no commit came behind it.
    private var succeeded: [LogModel] = []
    /// All that the log refused or failed, which is no violation by itself.
    package internal(set) var errors: [LogError] = []
    /// Promises that were broken.
    package internal(set) var violations: [String] = []
    var backupCount = 0
    /// Those that no power cut has tried yet.
    var backups: [LogBackup] = []
    /// The last one whose taking returned.
    var lastBackup: LogBackup?
    var restorations: [LogRestoration] = []
    var models = ModelShelf()
    /// Whether a refusal must have its reason in the disk: there may be one that the disk does not know before it.
    var judgesRefusals = false
    /// What room the disk has; nil for as much as is wanted.
    private(set) var room: Int?

    /// Opens nothing yet: `reopen` does.
    package init(
        _ disk: SimulatedFileSystem, _ configuration: LogConfiguration, through files: (any FileSystem)? = nil
    ) {
        self.disk = disk
        self.files = files ?? disk
        self.configuration = configuration
    }

    /// The same log and model behind other files; the writer stays behind.
    package init(_ drive: LogDrive, through files: any FileSystem) {
        self = LogDrive(drive.disk, drive.configuration, through: files)
        model = drive.model
        candidates = drive.candidates
    }

    /// The writer goes, as a killed process does.
    package mutating func letGo() { writer = nil }

    /// Small bounds, so that a short history rolls and seals often.
    package static var smallConfiguration: LogConfiguration {
        var configuration = LogConfiguration()
        configuration.segmentByteCountMax = 4000
        configuration.tailRowCountMax = 8
        return configuration
    }

    /// Takes one step and notes what it breaks; it goes on after an error, as a server would.
    package mutating func run(_ step: Step) {
        let (errorCount, failureCount, fullCount) = (errors.count, disk.failureCount, disk.fullCount)
        carryOut(step)
        guard judgesRefusals, !disk.hasCrashed else { return }
        let failed = disk.failureCount - failureCount
        for error in errors[errorCount...] {
            if failed == 0 {
                violations.append("refused though the disk refuses nothing: \(error)")
            } else if failed == disk.fullCount - fullCount, !error.isOutOfSpace {
                violations.append("a full disk is told as something else: \(error)")
            }
        }
    }

    private mutating func carryOut(_ step: Step) {
        switch step {
        case .commit(let parts): commit(parts)
        case .close:
            if let writer {
                do throws(LogError) { try writer.sealActive() } catch { errors.append(error) }
            }
            reopen()
        case .kill: reopen()
        case .letGo(let seed): letGo(seed)
        case .delete(let topic): erase { Tombstone(deleting: topic, in: $0) }
        case .redact(let topic, let field): erase { Tombstone(redacting: field, of: topic, in: $0) }
        case .compact(let regroups): compact(regroups: regroups)
        case .snapshot(let parts): backUp(committing: parts)
        case .restore: restore()
        case .model(let bytes): upload(bytes)
        case .succeed(let commits): succeed(commits)
        case .room(let byteCount):
            room = byteCount
            disk.limit(toRoom: byteCount)
            guard byteCount == nil, let writer else { return }
            // As the log's queue does again and again, until it may.
            do throws(LogError) { try writer.recover() } catch { errors.append(error) }
        }
    }

    /// Takes the steps up to a power cut.
    package mutating func run(_ steps: [Step]) {
        for step in steps where !disk.hasCrashed { run(step) }
    }

    /// Opens the log; the writer of before is gone. One that fails is tried once more, if there is power.
    package mutating func reopen() {
        for _ in 0..<2 where !disk.hasCrashed {
            reopenOnce()
            if writer != nil { return }
        }
        if !disk.hasCrashed { violations.append("the log does not open: \(errors[errors.count - 1])") }
    }

    /// Opens the log, with one try, and compares it with the model; where that fails `writer` is nil.
    package mutating func reopenOnce() {
        writer = nil
        do throws(LogError) {
            let opened = try InferenceLog.openWriter(configuration, on: files)
            writer = opened.writer
            shared = opened.index
            report = opened.report
            // The last step of a recovery may fail without harm; what follows cannot be read.
            if disk.hasCrashed { return }
            for damage in report.damages { violations.append("damage where there is none: \(damage)") }
            check("after opening")
        } catch { errors.append(error) }
    }

    mutating func commit(_ parts: [Part]) {
        guard let writer else { return violations.append("there is no writer") }
        let requests = requests(parts)
        note(parts, Result { () throws(LogError) in try writer.commit(requests) })
    }

    func requests(_ parts: [Part]) -> [AppendRequest] {
        // A key that is remembered is not used again: its request is answered with what there is.
        parts.map { part in
            AppendRequest(
                [part.item],
                key: part.requestKey.flatMap { model.remembers($0.text, at: $0.time) ? nil : $0 })
        }
    }

    /// Takes into the model what became of a commit.
    mutating func note(_ parts: [Part], _ result: Result<[CommitReceipt], LogError>) {
        do throws(LogError) {
            let receipts = try result.get()
            var expected: [AppendedSpan] = []
            for part in parts {
                if let span = model.span(part) { expected.append(span) }
                model.apply([part])
            }
            let spans = receipts.flatMap(\.spans)
            if spans != expected { violations.append("the receipts say \(spans), \(expected) was next") }
            (candidates, succeeded) = ([], [])
        } catch {
            errors.append(error)
            candidates.append(model.applying(parts))
            if !disk.hasCrashed { checkUnchanged() }
        }
    }

    /// Lets some blocks go, which need not be neighbours, and small appends that are in memory.
    private mutating func letGo(_ seed: UInt64) {
        guard let writer, let index = snapshot?.index else { return }
        var generator = SeededGenerator(seed: seed)
        let blocks = index.topics.sorted { $0.key < $1.key }.flatMap { $0.value.segments.flatMap(\.blocks) }
        guard let first = blocks.randomElement(using: &generator) else { return }
        var ranges: [String: IndexRanges] = [:]
        for block in blocks
        where block.topic == first.topic && (block == first || generator.chance(1, in: 3)) {
            ranges[block.partition, default: IndexRanges()].insert(block.indexes)
        }
        for run in index.topics[first.topic]!.tails.sorted(by: { $0.key < $1.key }).flatMap(\.value)
        where generator.chance(1, in: 3) {
            ranges[run.partition, default: IndexRanges()].insert(run.firstIndex..<run.endIndex)
        }
        let tombstone = Tombstone(topic: first.topic, reason: .retention, ranges: ranges)
        var letGo: Tombstone? = tombstone
        record(tombstone) { () throws(LogError) in letGo = try writer.letGo(tombstone) }
        // What is whole when the writer is asked is let go whole.
        if letGo != tombstone { violations.append("\(tombstone) was let go as \(String(describing: letGo))") }
    }

    private mutating func erase(_ choose: (LogIndex) -> Tombstone?) {
        guard let writer else { return }
        if bug == .rewrittenBeforeTombstone { carryOutEarly(choose) }
        var chosen: Tombstone?
        var isCommitted = false
        do throws(LogError) {
            isCommitted =
                try writer.erase { index in
                    chosen = choose(index)
                    return chosen
                } != nil
        } catch { errors.append(error) }
        guard let chosen else { return }
        if isCommitted {
            model.apply(chosen)
            (candidates, succeeded) = ([], [])
        } else {
            var next = model
            next.apply(chosen)
            candidates.append(next)
        }
        if !disk.hasCrashed { checkUnchanged() }
    }

    /// The planted bug: what is to go is left out of a rewrite, and its tombstone comes after.
    private mutating func carryOutEarly(_ choose: (LogIndex) -> Tombstone?) {
        guard let writer, let shared else { return }
        do throws(LogError) {
            try writer.sealActive()
            guard let tombstone = choose(shared.index.withLock { $0 }) else { return }
            shared.index.withLock { $0.apply(tombstone, commit: $0.cut + 1) }
            try writer.compact(regroups: false)
            candidates.append(model)
        } catch { errors.append(error) }
    }

    private mutating func record(_ tombstone: Tombstone, _ append: () throws(LogError) -> Void) {
        do throws(LogError) {
            try append()
            model.apply(tombstone)
            (candidates, succeeded) = ([], [])
        } catch {
            errors.append(error)
            var next = model
            next.apply(tombstone)
            candidates.append(next)
        }
        if !disk.hasCrashed { checkUnchanged() }
    }

    /// Ends the segment that is written where it is half dead, and rewrites until nothing is due. Readers of before
    /// and after see the same.
    mutating func compact(regroups: Bool) {
        guard let writer, let before = shared?.snapshot() else { return }
        var compaction = Compaction { _ in regroups }
        do throws(LogError) {
            try writer.sealHalfDead(from: 0)
            bug?.rewriting(on: files, true)
            defer { bug?.rewriting(on: files, false) }
            var stepCount = 0
            while try compaction.step(writer) {
                stepCount += 1
                if stepCount > 200 { return violations.append("compaction does not end") }
            }
        } catch { errors.append(error) }
        if disk.hasCrashed { return }
        if !compaction.left.isEmpty {
            violations.append("damage where there is none: \(compaction.report.problems)")
        }
        checkUnchanged()
        if let difference = model.difference(LogContents(before)) {
            violations.append("a reader of before the compaction: \(difference)")
        }
    }

    /// Carries two of three events over, as those results are that cannot be made again, and appends the commits.
    private mutating func succeed(_ commits: [[Part]]) {
        writer = nil
        let states = [model] + candidates
        let failureCount = disk.failureCount
        var (next, unknown) = (LogModel(), [String]())
        do {
            try InferenceLog.succeed(configuration, on: files) { successor in
                let contents = LogContents(successor.old)
                if !states.contains(where: { $0.difference(contents) == nil }) {
                    unknown.append("what is succeeded: \(model.difference(contents) ?? "")")
                }
                if bug == .succeededBeforeManifest { try forget() }
                // A tombstone is about records that are not carried over.
                let events = zip(successor.old.index.events, contents.events).enumerated()
                    .filter { $0 % 3 > 0 && $1.0.entry.name != Tombstone.eventName }
                next.carry(events.map(\.element.1))
                for parts in commits { next.apply(parts) }
                for (_, (place, _)) in events {
                    try successor.append([.event(try successor.old.event(place))])
                }
                for parts in commits { try successor.append(parts.map(\.item)) }
            }
            model = next
            (candidates, succeeded) = ([], [])
        } catch {
            if disk.failureCount == failureCount, !disk.hasCrashed {
                violations.append("a succession fails though nothing did: \(error)")
            }
            succeeded += states
            candidates.append(next)
        }
        if !disk.hasCrashed { violations += unknown }
        reopen()
    }

    /// The planted bug: the old log is let go before its successor is whole.
    private func forget() throws {
        guard var manifest = try Manifest.read(configuration, on: files) else { return }
        manifest.entries = []
        try manifest.replace(configuration, on: files)
    }

    /// Commits beside the model, for what the model's keys cannot name.
    package mutating func commitQuietly(_ part: Part) {
        do throws(LogError) { _ = try writer?.commit([part.item]) } catch { errors.append(error) }
        model.records["\(part.key ?? "")", default: []] += part.texts
    }

    /// Cuts the power, starts again and checks what is there.
    package mutating func crash(_ choose: (ClosedRange<Int>) -> Int) {
        writer = nil
        disk.crash(choose)
        if let room { disk.limit(toRoom: room) }
        for backup in backups {
            if let violation = backup.violation(on: disk) {
                violations.append("a snapshot after a power cut: \(violation)")
            }
        }
        for restoration in restorations {
            if let violation = restoration.violation(on: disk) {
                violations.append("a restored directory after a power cut: \(violation)")
            }
        }
        (backups, restorations) = ([], [])
        checkModels()
        reopen()
        succeeded = []
    }

    /// The index as readers see it, over the disk itself: a fault of a read is for the log to meet.
    package var snapshot: LogSnapshot? {
        shared.map { shared in
            LogSnapshot(
                index: shared.index.withLock { $0 },
                files: SegmentFiles(files: disk, directory: configuration.directory))
        }
    }

    /// The log holds what the model does, or one of the candidates, which is then what it holds.
    private mutating func check(_ moment: String) {
        guard let snapshot else { return }
        let contents = LogContents(snapshot)
        guard let difference = difference(model, contents) else {
            candidates = []
            return
        }
        if let candidate = (candidates + succeeded).first(where: { self.difference($0, contents) == nil }) {
            model = candidate
            candidates = []
            return
        }
        violations.append("\(moment): \(difference)")
    }

    private func difference(_ model: LogModel, _ contents: LogContents) -> String? {
        model.difference(contents) ?? writer.flatMap { model.difference($0.keys) }
    }

    /// After a refusal the index shows what it did before.
    package mutating func checkUnchanged() {
        guard let snapshot else { return }
        if let difference = difference(model, LogContents(snapshot)) {
            violations.append("after a refusal: \(difference)")
        }
    }
}
