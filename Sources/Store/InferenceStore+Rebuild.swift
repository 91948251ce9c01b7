// What is derived from the log, dropped and derived anew: the results beside it.
//
// Invariants:
//  * Nothing is appended to the log, no decision is made and nobody is told anything.
//  * It may be interrupted anywhere: a result that is not there yet is worked out when it is asked for.
//  * A result of another engine version, which this one cannot work out, is carried over as it was.

import Assays
import EventLog
import Records

/// What rebuilding did.
package struct RebuildReport: Hashable, Sendable {
    package var resultCount = 0
    package var carriedOverCount = 0
    package var sealedCount = 0
    /// Results that could not be worked out, each with its reason.
    package var problems: [String] = []
}

extension InferenceStore {
    /// Results are kept so many in one commit: a megabyte or two.
    private static let rebuildBatchCount = 512

    /// Drops what is derived from a directory's log and derives it anew. Nobody else may have it open.
    package static func rebuild(
        _ configuration: StoreConfiguration, sources: SystemSources = SystemSources(),
        report progress: (Int) -> Void = { _ in }
    ) async throws -> RebuildReport {
        let carried = try otherEngineResults(configuration, sources)
        let store = try open(configuration, sources: sources, droppingDerived: true).store
        do {
            let report = try await store.deriveResults(carried, progress)
            try await store.close()
            return report
        } catch {
            try await store.close()
            throw error
        }
    }

    private func deriveResults(
        _ carried: [Int: [UInt8]], _ progress: (Int) -> Void
    ) async throws -> RebuildReport {
        let view = view
        var report = RebuildReport()
        var batch: [(number: Int, document: [UInt8])] = []
        for assay in view.book.list().reversed() {
            for decision in assay.revisions(startingIn: .always) {
                let number = decision.resultID.number
                if view.isSealed(decision) {
                    report.sealedCount += 1
                } else if let document = carried[number] {
                    batch.append((number, document))
                    report.carriedOverCount += 1
                } else {
                    do {
                        let outcome = try view.outcome(of: decision, assay)
                        batch.append((number, view.catalog.document(outcome, of: decision, assay)))
                        report.resultCount += 1
                    } catch {
                        report.problems.append("result \(number) cannot be worked out: \(error)")
                    }
                }
                if batch.count == Self.rebuildBatchCount {
                    try await keep(batch)
                    batch = []
                    progress(report.resultCount)
                }
            }
        }
        try await keep(batch)
        return report
    }

    /// The kept results that this engine cannot work out, by number.
    private static func otherEngineResults(
        _ configuration: StoreConfiguration, _ sources: SystemSources
    ) throws -> [Int: [UInt8]] {
        let view = try StoreView.open(configuration.directory, sources: sources).view
        var results: [Int: [UInt8]] = [:]
        for assay in view.book.list() {
            for decision in assay.revisions(startingIn: .always)
            where decision.engineVersion != AssayEvaluator.engineVersion {
                results[decision.resultID.number] = view.keptDocument(of: decision)
            }
        }
        return results
    }
}
