// Carries a history out on a simulated disk, beside the model, and notes every broken promise.
//
// After a failure the log may hold what was acknowledged, or that and the one commit that was not:
// those states are the candidates. The next acknowledged commit rules the unacknowledged ones out.

import Disk
import EventLog
import Segments
import Serving
import Simulation
import Store
import TestSupport

package struct LogDrive {
    package let disk: SimulatedFileSystem
    /// The disk, or what a test puts before it.
    let files: any FileSystem
    package var configuration: LogConfiguration
    /// A bug that is not between the log and its disk.
    var bug: PlantedBug?

    package private(set) var writer: LogWriter?
    private(set) var shared: SharedIndex?
    package private(set) var report = RecoveryReport()
    package private(set) var model = LogModel()
    private var candidates: [LogModel] = []
    /// What the log was before a succession that failed: shown as the successor, it may be that again after a
    /// power cut, as long as no commit came behind it.
    private var succeeded: [LogModel] = []
    package private(set) var errors: [LogError] = []
    /// Promises that were broken.
    package private(set) var violations: [String] = []
    private(set) var rewriteCount = 0
    private var backupCount = 0
    /// Those that no power cut has tried yet.
    private var backups: [LogBackup] = []
    /// The last one whose taking returned.
    private var lastBackup: LogBackup?
    private var restorations: [LogRestoration] = []
    private var models = ModelShelf()

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

    package mutating func run(_ step: Step) {
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
        }
    }

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

    private func requests(_ parts: [Part]) -> [AppendRequest] {
        // A key that is remembered is not used again: its request is answered with what there is.
        parts.map { part in
            AppendRequest(
                [part.item],
                key: part.requestKey.flatMap { model.remembers($0.text, at: $0.time) ? nil : $0 })
        }
    }

    /// Takes into the model what became of a commit.
    private mutating func note(_ parts: [Part], _ result: Result<[CommitReceipt], LogError>) {
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
        var report = CompactionReport()
        var left: Set<UInt64> = []
        do throws(LogError) {
            try writer.sealActive()
            guard let tombstone = choose(shared.index.withLock { $0 }) else { return }
            shared.index.withLock { $0.apply(tombstone, commit: $0.cut + 1) }
            while try Compaction.step(writer, left: &left, canRegroup: { _ in false }, into: &report) {}
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

    /// Rewrites until nothing is due. Readers of before and after see the same.
    mutating func compact(regroups: Bool) {
        guard let writer, let before = shared?.snapshot() else { return }
        var report = CompactionReport()
        var left: Set<UInt64> = []
        do throws(LogError) {
            bug?.rewriting(on: files, true)
            defer { bug?.rewriting(on: files, false) }
            var stepCount = 0
            while try Compaction.step(writer, left: &left, canRegroup: { _ in regroups }, into: &report) {
                rewriteCount += 1
                stepCount += 1
                if stepCount > 200 { return violations.append("compaction does not end") }
            }
        } catch { errors.append(error) }
        if disk.hasCrashed { return }
        if !left.isEmpty { violations.append("damage where there is none: \(report.problems)") }
        checkUnchanged()
        if let difference = model.difference(LogContents(before)) {
            violations.append("a reader of before the compaction: \(difference)")
        }
    }

    /// Copies the log while it goes on. What is in the copy is looked at now, and after the next power cut.
    private mutating func backUp(committing parts: [Part]) {
        guard let writer else { return }
        backupCount += 1
        let requests = requests(parts)
        var result: Result<[CommitReceipt], LogError>?
        var (report, left) = (CompactionReport(), Set<UInt64>())
        var failures: [LogError] = []
        let meanwhile = Meanwhile(afterFiles: backupCount % 3) {
            result = Result { () throws(LogError) in try writer.commit(requests) }
            do throws(LogError) {
                _ = try Compaction.step(writer, left: &left, canRegroup: { _ in true }, into: &report)
            } catch { failures.append(error) }
        }
        let directory = LogBackup.directoryPrefix + "\(backupCount)"
        let states = [model] + candidates + [model.applying(parts)]
        let failureCount = disk.failureCount
        var cut: CommitNumber?
        do {
            let target = Subdirectory(base: files, directory: directory) { meanwhile.fileIsMade() }
            cut = try StoreSnapshot.take(of: dataDirectory(files), to: target).cut
        } catch {
            if disk.failureCount == failureCount, !disk.hasCrashed {
                violations.append("a snapshot fails though nothing did: \(error)")
            }
        }
        meanwhile.finish()
        note(parts, result!)
        errors += failures
        let backup = LogBackup(
            directory: directory, states: states, models: models, cut: disk.hasCrashed ? nil : cut)
        backups.append(backup)
        if backup.cut != nil { lastBackup = backup }
        if !disk.hasCrashed, let violation = backup.violation(on: disk) {
            violations.append("a snapshot: \(violation)")
        }
    }

    /// The log's directory as one of its own: where a store's models lie as well.
    private func dataDirectory(_ files: any FileSystem) -> any FileSystem {
        configuration.directory.isEmpty
            ? files : Subdirectory(base: files, directory: configuration.directory)
    }

    /// Makes a directory of the last snapshot. What is in it is looked at now, and after the next power cut.
    private mutating func restore() {
        guard let lastBackup else { return }
        backupCount += 1
        var restoration = LogRestoration(
            directory: LogRestoration.directoryPrefix + "\(backupCount)", backup: lastBackup, isDone: false)
        let failureCount = disk.failureCount
        do {
            _ = try StoreSnapshot.restore(
                from: Subdirectory(base: files, directory: lastBackup.directory),
                to: Subdirectory(base: files, directory: restoration.directory))
            restoration.isDone = !disk.hasCrashed
        } catch {
            if disk.failureCount == failureCount, !disk.hasCrashed {
                violations.append("restoring fails though nothing did: \(error)")
            }
        }
        restorations.append(restoration)
        if !disk.hasCrashed, let violation = restoration.violation(on: disk) {
            violations.append("a restored directory: \(violation)")
        }
    }

    private mutating func upload(_ bytes: [UInt8]) {
        backupCount += 1
        let failureCount = disk.failureCount
        do {
            // Without a runtime everything is kept as it comes.
            let kept = try ModelFiles(
                files: dataDirectory(files), root: "", byteCountMax: 1 << 20,
                runtime: DeferredRuntime { .failure(.libraryUnavailable(tried: [])) })
            let upload = try kept.beginUpload(uuid: "\(backupCount)")
            try upload.append(Array(bytes.prefix(bytes.count / 2)))
            try upload.append(Array(bytes.dropFirst(bytes.count / 2)))
            let sha256 = try upload.keep().sha256
            if !disk.hasCrashed { models.kept.insert(sha256) }
        } catch {
            if disk.failureCount == failureCount, !disk.hasCrashed {
                violations.append("an upload fails though nothing did: \(error)")
            }
        }
        if !disk.hasCrashed { checkModels() }
    }

    private mutating func checkModels() {
        if let violation = models.violation(in: dataDirectory(disk)) {
            violations.append("models: \(violation)")
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

/// What survives a power cut, as a crash asks for it.
package enum Survival: CustomStringConvertible, Sendable {
    case nothing
    case everything
    case seeded(UInt64)

    package var description: String {
        switch self {
        case .nothing: "nothing unsynced survives"
        case .everything: "everything unsynced survives"
        case .seeded(let seed): "seed \(seed)"
        }
    }

    package func choose() -> (ClosedRange<Int>) -> Int {
        switch self {
        case .nothing: return { $0.lowerBound }
        case .everything: return { $0.upperBound }
        case .seeded(let seed):
            let source = Source(seed)
            return { Int.random(in: $0, using: &source.generator) }
        }
    }

    private final class Source {
        var generator: SeededGenerator
        init(_ seed: UInt64) { generator = SeededGenerator(seed: seed) }
    }
}
