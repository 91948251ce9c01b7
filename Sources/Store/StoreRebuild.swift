// Derives again what was derived from the log, beside what is there, and puts it in its place.
//
//     old results ──► those that nobody can make again ──┐
//     log ──────────► all others, worked out ────────────┴──► new results ──► one switch of the manifest
//
// Invariants:
//  * The log is not changed: nothing is appended to it, and nothing is sent to anybody.
//  * Nobody else writes meanwhile: the log's lock is held from before anything is read.
//  * At every moment all results are there, the old ones or the new ones: the old ones go when the new ones are
//    whole and durable (InferenceLog+Succession.swift). Until then both take space.
//  * A result of another engine version that is not sealed is carried over as it was kept, and so is one that
//    cannot be worked out, or of which a damaged log does not say whether it was decided.
//  * What the disk refuses to show ends it; only what is read and wrong is taken for not there.

import Assays
import Disk
import EventLog
import Records
import Segments

/// What deriving all results anew came to; a decision falls into one of the first three counts, or failed.
package struct RebuildReport: Hashable, Sendable {
    /// Results derived. Those of second-generation windows without records follow from their decision, and
    /// are not kept.
    package internal(set) var resultCount = 0
    /// Results that lie in the log itself, and need no copy beside it.
    package internal(set) var sealedCount = 0
    /// Results of another engine version, kept as people acted on them.
    package internal(set) var carriedOverCount = 0
    /// Results of another engine version whose copy is damaged, among those derived or failed: this one's rules
    /// speak for them from now on.
    package internal(set) var lostCount = 0
    /// Parts of the old results that could not be seen, as sentences.
    package internal(set) var damages: [String] = []
    /// Decisions that nothing could be derived for, and why: the first of them. What was kept of them stays.
    package internal(set) var failureCount = 0
    package internal(set) var failures: [String] = []

    fileprivate static let failureTextCountMax = 10
}

extension InferenceStore {
    /// Derives all results of a data directory again.
    ///
    /// - Parameter progress: called now and then with the results done so far and their number.
    /// - Throws: where another process writes the directory, or the disk refuses; then the results are what they
    ///   were, unless the disk failed in the switch: then they may be the new ones.
    package static func rebuild(
        _ configuration: StoreConfiguration, sources: SystemSources = SystemSources(),
        report progress: (_ done: Int, _ of: Int) -> Void = { _, _ in }
    ) throws -> RebuildReport {
        try rebuild(
            configuration, on: PosixFileSystem(root: configuration.directory), sources: sources,
            report: progress)
    }

    /// - Parameters:
    ///   - files: the data directory, wherever it is.
    ///   - byteCount: bytes of documents that go to disk at once, unless one has more.
    static func rebuild(
        _ configuration: StoreConfiguration, on files: any FileSystem, sources: SystemSources,
        atOnce byteCount: Int = 8 << 20,
        report progress: (_ done: Int, _ of: Int) -> Void = { _, _ in }
    ) throws -> RebuildReport {
        try StoreView.requireStore(on: files, named: configuration.directory)
        let lock = try files.lock(FileName.lock)
        defer { withExtendedLifetime(lock) {} }
        let (snapshot, opening) = try InferenceLog.openForReading(
            configuration.log, on: files, isAlone: true)
        let folded = try fold(snapshot)
        var derivedConfiguration = configuration.log
        derivedConfiguration.directory = FileName.derivedDirectory
        return try InferenceLog.succeed(derivedConfiguration, on: files) { successor in
            // All of it was opened, and nothing that a snapshot lists has changed yet.
            try StoreSnapshot.removeList(on: files)
            do throws(DiskError) { try files.remove(FileName.foldCheckpoint) } catch {
                if error.kind != .notFound { throw error }
            }
            let view = StoreView(snapshot: snapshot, folded: folded, derived: successor.old, sources: sources)
            var rebuild = Rebuild(view: view, successor: successor, flushByteCount: byteCount)
            try rebuild.carryOver(isLogWhole: opening.damages.isEmpty)
            try rebuild.derive(progress)
            try rebuild.deriveSeries(progress)
            try rebuild.flush()
            return rebuild.report
        }
    }
}

/// One rebuilding, from the old results to the new ones.
private struct Rebuild {
    let view: StoreView
    let successor: LogSuccessor
    let decisionCount: Int
    var report = RebuildReport()
    /// Numbers of results that are in the new log as they were in the old one.
    private var carried: Set<Int> = []
    private var waiting: [AppendItem] = []
    private var waitingByteCount = 0
    private let flushByteCount: Int

    init(view: StoreView, successor: LogSuccessor, flushByteCount: Int) {
        self.view = view
        self.successor = successor
        self.flushByteCount = flushByteCount
        decisionCount = view.decisionCount
        report.damages = successor.damages
    }

    private mutating func keep(_ number: Int, _ document: [UInt8]) throws {
        waiting.append(.event(Event(name: view.places.derived.name(of: number), document: document)))
        waitingByteCount += document.count
        if waitingByteCount >= flushByteCount { try flush() }
    }

    mutating func flush() throws {
        if !waiting.isEmpty { try successor.append(waiting) }
        waiting.removeAll(keepingCapacity: true)
        waitingByteCount = 0
    }

    // MARK: What cannot be made again

    /// - Parameter isLogWhole: false where decisions may be hidden in a part of the log that is not seen.
    mutating func carryOver(isLogWhole: Bool) throws {
        let places = view.places.derived
        for number in view.otherEngineNumbers().sorted() where places.holds(number, in: successor.old) {
            if try carryOver(number) { report.carriedOverCount += 1 } else { report.lostCount += 1 }
        }
        guard !isLogWhole else { return }
        var others = places.numbers(in: successor.old)
        view.forEachDecision { others.remove($0.resultID.number) }
        for number in others.sorted() where !view.places.sealed.holds(number, in: view.snapshot) {
            _ = try carryOver(number)
        }
    }

    /// - Returns: false where nothing is kept under the number that can be read.
    private mutating func carryOver(_ number: Int) throws -> Bool {
        guard let document = try view.places.derived.documentUnlessRefused(number, in: successor.old) else {
            return false
        }
        carried.insert(number)
        try keep(number, document)
        return true
    }

    private mutating func fail(_ decision: AssayDecision, _ error: any Error) throws {
        report.failureCount += 1
        let stays = try carryOver(decision.resultID.number)
        guard report.failures.count < RebuildReport.failureTextCountMax else { return }
        report.failures.append(
            "result \(decision.resultID): \(error)" + (stays ? "; what was kept of it stays" : ""))
    }

    // MARK: What can

    mutating func derive(_ progress: (Int, Int) -> Void) throws {
        let assays = Array(view.book.list().reversed())
        for group in HistoryReplay.groups(of: assays) {
            var items: [HistoryReplay.Item] = []
            for assay in group {
                let subject = HistoryReplay.Subject(assay)
                for decision in assay.revisions(startingIn: .always) {
                    if view.isSealed(decision) {
                        report.sealedCount += 1
                    } else if !carried.contains(decision.resultID.number) {
                        items.append(subject.item(decision))
                    }
                }
            }
            items = HistoryReplay.sorted(items)
            // Whole pieces at a time.
            let count = PassLimit.documents.bounded(
                forBins: group.map(\.definition.summarizer.numBins).max() ?? 0
            ).windowCount
            for start in stride(from: 0, to: items.count, by: count) {
                let piece = items[start..<min(start + count, items.count)]
                try HistoryReplay(view: view).run(piece) { item, result in
                    let outcome: AssayOutcome
                    do { outcome = try result.get() } catch {
                        try fail(item.decision, error)
                        return progress(report.doneCount, decisionCount)
                    }
                    report.resultCount += 1
                    try keep(
                        item.decision.resultID.number,
                        view.catalog.document(outcome, of: item.decision, item.assay))
                    progress(report.doneCount, decisionCount)
                }
            }
        }
    }

    /// The same for assays of the second generation.
    mutating func deriveSeries(_ progress: (Int, Int) -> Void) throws {
        for assay in view.book.seriesList().reversed() {
            for batch in assay.revisions(by: SeriesPass.documentLimit(assay.definition)) {
                let decisions = batch.filter {
                    !carried.contains($0.resultID.number) && !view.isSealed($0)
                }
                report.sealedCount += batch.count {
                    !carried.contains($0.resultID.number) && view.isSealed($0)
                }
                for (decision, result) in zip(decisions, try view.seriesOutcomes(of: decisions, assay)) {
                    let outcome: SeriesOutcome
                    do { outcome = try result.get() } catch {
                        try fail(decision, error)
                        continue
                    }
                    report.resultCount += 1
                    guard assay.emptyOutcome(of: decision) == nil else { continue }
                    try keep(decision.resultID.number, assay.document(outcome, of: decision))
                }
                progress(report.doneCount, decisionCount)
            }
        }
    }
}

extension RebuildReport {
    /// Decisions that something has become of.
    fileprivate var doneCount: Int { resultCount + failureCount + sealedCount + carriedOverCount }
}

extension StoreView {
    /// Decisions of one assay that are unpacked at a time.
    private static let revisionCountAtOnce = 512

    /// Decisions of both generations, superseded ones counted.
    var decisionCount: Int {
        book.list().reduce(0) { $0 + $1.decisions.count + $1.superseded.count }
            + book.seriesList().reduce(0) { $0 + $1.revisionCount }
    }

    /// Decisions of both generations, superseded ones as well.
    fileprivate func forEachDecision(_ visit: (AssayDecision) -> Void) {
        for assay in book.list() { assay.revisions(startingIn: .always).forEach(visit) }
        for assay in book.seriesList() {
            assay.revisions(by: Self.revisionCountAtOnce).joined().forEach(visit)
        }
    }

    /// The numbers of results that another engine version made, and that are not sealed.
    func otherEngineNumbers() -> Set<Int> {
        var numbers: Set<Int> = []
        func note(_ decision: AssayDecision) {
            if !isSealed(decision) { numbers.insert(decision.resultID.number) }
        }
        for assay in book.list() {
            for decision in assay.revisions(startingIn: .always)
            where decision.engineVersion != AssayEvaluator.engineVersion { note(decision) }
        }
        for assay in book.seriesList() {
            for decision in assay.revisions(by: Self.revisionCountAtOnce).joined()
            where !SeriesOutcome.proves(engine: decision.engineVersion) { note(decision) }
        }
        return numbers
    }

    /// The numbers of all results that are not sealed.
    func unsealedNumbers() -> Set<Int> {
        var numbers: Set<Int> = []
        forEachDecision { if !isSealed($0) { numbers.insert($0.resultID.number) } }
        return numbers
    }
}
