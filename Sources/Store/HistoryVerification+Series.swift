// The same proof for assays of the second generation: each decision worked out again from the records that
// it saw, its digest compared, and that of what is kept of it; and whether anything waits to be decided.
//
// Invariants: those of HistoryVerification.swift. A sealed result that tells less than its digest is over, of
// a baseline that moves or of values without a score, is read with what stands beside it; where nothing does, as
// of results that were sealed before there was such, it is counted as sealed and as not compared.

import Assays
import EventLog
import Records

extension StoreView {
    /// Adds what the decisions of second-generation assays come to.
    func verifySeries(
        _ configuration: StoreConfiguration, _ report: inout HistoryReport, progress: (Int) -> Void
    ) throws {
        for assay in book.seriesList().reversed() {
            for batch in assay.revisions(by: SeriesPass.documentLimit(assay.definition)) {
                try verify(batch, of: assay, &report)
                report.decisionCount += batch.count
                progress(report.decisionCount)
            }
            settle(assay, configuration, &report)
        }
    }

    private func verify(
        _ batch: [AssayDecision], of assay: SeriesAssay, _ report: inout HistoryReport
    ) throws {
        var decisions: [AssayDecision] = []
        for decision in batch {
            if let sealed = places.sealed.document(decision.resultID.number, in: snapshot) {
                verify(sealed, decision, of: assay, &report)
            } else if isSealed(decision) {
                report.differentCount += 1
                report.note("\(name(decision, assay)): the sealed result cannot be read")
            } else if !SeriesOutcome.proves(engine: decision.engineVersion) {
                report.otherEngineCount += 1
            } else {
                decisions.append(decision)
            }
        }
        for (decision, outcome) in zip(decisions, try seriesOutcomes(of: decisions, assay)) {
            verify(decision, outcome, of: assay, &report)
        }
    }

    /// A sealed result is truth itself, but what it tells must be what was decided.
    private func verify(
        _ sealed: [UInt8], _ decision: AssayDecision, of assay: SeriesAssay, _ report: inout HistoryReport
    ) {
        let isUnproven = isUnproven(decision)
        if isUnproven { report.sealedUnprovenCount += 1 }
        do {
            guard SeriesOutcome.proves(engine: decision.engineVersion),
                let outcome = try outcome(ofSealed: sealed, decision, assay),
                let digest = outcome.digest(ofEngine: decision.engineVersion)
            else {
                report.sealedCount += 1
                report.sealedUncomparedCount += 1
                return
            }
            guard digest == decision.digest else {
                report.differentCount += 1
                return report.note(
                    "\(name(decision, assay)): the sealed result is not what was decided"
                        + HistoryReport.remark(isUnproven))
            }
            report.sealedCount += 1
        } catch {
            report.differentCount += 1
            report.note("\(name(decision, assay)): the sealed result is not of this decision: \(error)")
        }
    }

    /// What a sealed result says, with what stands beside it; nil where that is not enough.
    private func outcome(
        ofSealed document: [UInt8], _ decision: AssayDecision, _ assay: SeriesAssay
    ) throws -> SeriesOutcome? {
        if let outcome = try assay.outcome(ofResult: document, decision) { return outcome }
        let number = decision.resultID.number
        guard places.supplements.holds(number, in: snapshot) else { return nil }
        guard let beside = places.supplements.document(number, in: snapshot) else {
            throw StoreRefusal(.invalid, "what stands beside it cannot be read")
        }
        let supplement = try SeriesSupplement(beside, of: decision.resultID, assay.definition)
        return try assay.outcome(ofResult: document, decision, with: supplement)
    }

    private func name(_ decision: AssayDecision, _ assay: SeriesAssay) -> String {
        "assay \(assay.uuid) (\(assay.definition.name)), window \(decision.window.start.zuluText), "
            + "revision \(decision.revision)"
    }

    private func verify(
        _ decision: AssayDecision, _ found: Result<SeriesOutcome, any Error>, of assay: SeriesAssay,
        _ report: inout HistoryReport
    ) {
        let name = name(decision, assay)
        do {
            let outcome = try found.get()
            let digest = outcome.digest(ofEngine: decision.engineVersion) ?? outcome.digest
            guard digest == decision.digest else {
                report.differentCount += 1
                return report.note(
                    "\(name): worked out again its digest is \(digest), \(decision.digest) was decided")
            }
            report.equalCount += 1
            guard let kept = keptDocument(of: decision) else {
                if isKeptUnreadably(decision) { report.keptUnreadableCount += 1 }
                return
            }
            report.keptCount += 1
            guard kept != assay.document(outcome, of: decision) else { return }
            // A noise line may be bettered and the finding stay: what was decided is the digest's to say.
            let told = try? assay.outcome(
                ofResult: kept, decision, with: SeriesSupplement(of: outcome, assay.definition))
            guard told?.digest(ofEngine: decision.engineVersion) != decision.digest else { return }
            report.keptDifferentCount += 1
            report.note(
                "\(name): the result kept beside the log is not what was decided; `assaylog rebuild` writes it "
                    + "anew")
        } catch {
            report.differentCount += 1
            report.note("\(name): cannot be worked out again: \(error)")
        }
    }

    /// Counts runs that are due, and decided windows that the records now say another thing of. Of an assay
    /// that is switched off only runs are made that were due before.
    private func settle(
        _ assay: SeriesAssay, _ configuration: StoreConfiguration, _ report: inout HistoryReport
    ) {
        let horizon = sources.now().adding(TimeSpan(microseconds: -configuration.grace.microseconds))
        report.dueWindowCount += assay.definition.schedule.runCount(
            after: assay.lastRun ?? Timestamp(microseconds: .min), through: min(horizon, assay.runsUntil))
        guard assay.isActive else { return }
        let limit = SeriesPass.windowLimit(assay.definition)
        do {
            for first in stride(from: 0, to: assay.decisions.count, by: limit) {
                let decisions = assay.decisions.decisions(first..<min(first + limit, assay.decisions.count))
                    // A window that has not ended was decided by a clock that was ahead: it is not due.
                    .filter { $0.window.end <= horizon && !isSealed($0) }
                let now = try SeriesPass(view: self, definition: assay.definition)
                    .outcomes(of: decisions.map(\.window))
                report.lateWindowCount += try zip(decisions, now).count {
                    try !wasDecided($1.outcome, by: $0, assay)
                }
            }
        } catch {
            report.unsettledProblems.append("assay \(assay.uuid): \(error)")
        }
    }
}
