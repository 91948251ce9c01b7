// Drops what was derived from the log and derives it again.
//
// Invariants:
//  * The log is not changed: nothing is appended to it, and nothing is sent to anybody.
//  * Nobody else writes meanwhile: the log's lock is held.
//  * A result of another engine version that is not sealed is carried over as it was kept, some at a time: before
//    anything is derived, out of the old files, which stay readable to whoever opened them.
//  * A crash at any moment loses no result of this engine version: one that is not there is worked out when it
//    is asked for.

import Assays
import Disk
import EventLog
import Records
import Segments

package struct RebuildReport: Hashable, Sendable {
    /// Results derived. Those of second-generation windows without records follow from their decision, and
    /// are not kept.
    package internal(set) var resultCount = 0
    /// Results that lie in the log itself, and need no copy beside it.
    package internal(set) var sealedCount = 0
    /// Results of another engine version, kept as people acted on them.
    package internal(set) var carriedOverCount = 0
    /// Decisions that nothing could be derived for, and why: the first of them.
    package internal(set) var failureCount = 0
    package internal(set) var failures: [String] = []
}

extension InferenceStore {
    /// Results that are carried over are appended so many at a time; they may be of any size.
    private static let carriedBatchCount = 128

    /// Derives all results of a data directory again.
    ///
    /// - Parameter report: called now and then with the results done so far and their number.
    /// - Throws: where another process writes the directory, or the disk refuses.
    package static func rebuild(
        _ configuration: StoreConfiguration, sources: SystemSources = SystemSources(),
        report progress: (_ done: Int, _ of: Int) -> Void = { _, _ in }
    ) async throws -> RebuildReport {
        let files = PosixFileSystem(root: configuration.directory)
        let view = try StoreView.open(configuration.directory, sources: sources).view
        let lock = try files.lock(FileName.lock)
        defer { withExtendedLifetime(lock) {} }
        var derivedConfiguration = configuration.log
        derivedConfiguration.directory = FileName.derivedDirectory
        var carried = view.otherEngineNumbers()
        try InferenceLog.empty(derivedConfiguration, on: files)
        do throws(DiskError) { try files.remove(FileName.foldCheckpoint) } catch {
            if error.kind != .notFound { throw error }
        }
        let derived = try InferenceLog.open(derivedConfiguration, on: files).log

        var report = RebuildReport()
        try await carryOver(&carried, view, to: derived)
        report.carriedOverCount = carried.count
        let assays = Array(view.book.list().reversed())
        let count = view.decisionCount
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
            // Whole pieces at a time: what is worked out goes to disk before more is.
            let count = PassLimit.documents.bounded(
                forBins: group.map(\.definition.summarizer.numBins).max() ?? 0
            ).windowCount
            for start in stride(from: 0, to: items.count, by: count) {
                var waiting: [AppendItem] = []
                let piece = items[start..<min(start + count, items.count)]
                try HistoryReplay(view: view).run(piece) { item, outcome in
                    do {
                        let document = view.catalog.document(
                            try outcome.get(), of: item.decision, item.assay)
                        let name = view.places.derived.name(of: item.decision.resultID.number)
                        waiting.append(.event(Event(name: name, document: document)))
                        report.resultCount += 1
                    } catch {
                        report.failureCount += 1
                        if report.failures.count < 10 {
                            report.failures.append("result \(item.decision.resultID): \(error)")
                        }
                    }
                    progress(report.doneCount, count)
                }
                if !waiting.isEmpty { _ = try await derived.append(waiting) }
            }
        }
        try await rebuildSeries(view, carried, derived, &report) { progress($0, count) }
        try await derived.close()
        return report
    }
}

extension InferenceStore {
    /// Appends the kept results of these numbers to the new log; those that cannot be read are taken out, to be
    /// derived as the others.
    private static func carryOver(
        _ carried: inout Set<Int>, _ view: StoreView, to derived: InferenceLog
    ) async throws {
        guard let old = view.derived else { return carried = [] }
        let numbers = carried.sorted()
        for start in stride(from: 0, to: numbers.count, by: carriedBatchCount) {
            var waiting: [AppendItem] = []
            for number in numbers[start..<min(start + carriedBatchCount, numbers.count)] {
                guard let document = view.places.derived.document(number, in: old) else {
                    carried.remove(number)
                    continue
                }
                let name = view.places.derived.name(of: number)
                waiting.append(.event(Event(name: name, document: document)))
            }
            if !waiting.isEmpty { _ = try await derived.append(waiting) }
        }
    }

    /// The same for assays of the second generation.
    private static func rebuildSeries(
        _ view: StoreView, _ carried: Set<Int>, _ derived: InferenceLog,
        _ report: inout RebuildReport, _ progress: (Int) -> Void
    ) async throws {
        for assay in view.book.seriesList().reversed() {
            for batch in assay.revisions(by: SeriesPass.documentLimit(assay.definition)) {
                let decisions = batch.filter {
                    !carried.contains($0.resultID.number) && !view.isSealed($0)
                }
                report.sealedCount += batch.count {
                    !carried.contains($0.resultID.number) && view.isSealed($0)
                }
                var waiting: [AppendItem] = []
                for (decision, outcome) in zip(decisions, try view.seriesOutcomes(of: decisions, assay)) {
                    do {
                        let document = assay.document(try outcome.get(), of: decision)
                        report.resultCount += 1
                        guard assay.emptyOutcome(of: decision) == nil else { continue }
                        let name = view.places.derived.name(of: decision.resultID.number)
                        waiting.append(.event(Event(name: name, document: document)))
                    } catch {
                        report.failureCount += 1
                        if report.failures.count < 10 {
                            report.failures.append("result \(decision.resultID): \(error)")
                        }
                    }
                }
                // What is worked out goes to disk before more is.
                if !waiting.isEmpty { _ = try await derived.append(waiting) }
                progress(report.doneCount)
            }
        }
    }
}

extension RebuildReport {
    /// Decisions that something has become of.
    fileprivate var doneCount: Int { resultCount + failureCount + sealedCount + carriedOverCount }
}

extension StoreView {
    /// Decisions of both generations, superseded ones counted.
    var decisionCount: Int {
        book.list().reduce(0) { $0 + $1.decisions.count + $1.superseded.count }
            + book.seriesList().reduce(0) { $0 + $1.revisionCount }
    }

    /// The numbers of kept results that another engine version made, and that are not sealed as well.
    fileprivate func otherEngineNumbers() -> Set<Int> {
        guard let derived else { return [] }
        var numbers: Set<Int> = []
        func note(_ decision: AssayDecision) {
            let number = decision.resultID.number
            if !isSealed(decision), places.derived.holds(number, in: derived) { numbers.insert(number) }
        }
        for assay in book.list() {
            for decision in assay.revisions(startingIn: .always)
            where decision.engineVersion != AssayEvaluator.engineVersion { note(decision) }
        }
        for assay in book.seriesList() {
            for decision in assay.revisions(by: 512).joined()
            where !SeriesOutcome.proves(engine: decision.engineVersion) { note(decision) }
        }
        return numbers
    }
}
