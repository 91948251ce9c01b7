// The same proof for assays of the second generation: each decision worked out again from the records that
// it saw, its digest and its kept bytes compared; and whether anything waits to be decided.
//
// Invariant: those of HistoryVerification.swift; a sealed result is truth itself and only counted.

import Assays
import EventLog
import Records

extension StoreView {
    /// Adds what the decisions of second-generation assays come to.
    func verifySeries(_ configuration: StoreConfiguration, _ report: inout HistoryReport) {
        for assay in book.seriesList().reversed() {
            for decision in assay.revisions {
                report.decisionCount += 1
                verify(decision, of: assay, &report)
            }
            if assay.isActive {
                settle(assay, configuration, &report)
            } else if assay.hasRunsLeft {
                report.dueWindowCount += 1
            }
        }
    }

    private func verify(_ decision: AssayDecision, of assay: SeriesAssay, _ report: inout HistoryReport) {
        if isSealed(decision) {
            report.sealedCount += 1
            return
        }
        guard decision.engineVersion == AssayEvaluator.engineVersion else {
            report.otherEngineCount += 1
            return
        }
        let name =
            "assay \(assay.uuid) (\(assay.definition.name)), window \(decision.window.start.zuluText), "
            + "revision \(decision.revision)"
        do {
            let outcome = try seriesOutcome(of: decision, assay)
            guard outcome.digest == decision.digest else {
                report.differentCount += 1
                return report.note(
                    "\(name): worked out again its digest is \(outcome.digest), \(decision.digest) was decided"
                )
            }
            report.equalCount += 1
            guard let kept = keptDocument(of: decision) else { return }
            report.keptCount += 1
            guard kept != assay.document(outcome, of: decision) else { return }
            report.keptDifferentCount += 1
            report.note(
                "\(name): the result kept beside the log is not what was decided; `assaylog rebuild` writes it "
                    + "anew")
        } catch {
            report.differentCount += 1
            report.note("\(name): cannot be worked out again: \(error)")
        }
    }

    /// Counts runs that are due, and decided windows that the records now say another thing of.
    private func settle(
        _ assay: SeriesAssay, _ configuration: StoreConfiguration, _ report: inout HistoryReport
    ) {
        let horizon = sources.now().adding(TimeSpan(microseconds: -configuration.grace.microseconds))
        if let next = assay.nextRun, next <= horizon { report.dueWindowCount += 1 }
        do {
            let decisions = assay.decisions.filter { !isSealed($0) }
            let now = try SeriesPass(view: self, definition: assay.definition)
                .outcomes(of: decisions.map(\.window))
            report.lateWindowCount += zip(decisions, now).count { $0.digest != $1.outcome.digest }
        } catch {
            report.unsettledProblems.append("assay \(assay.uuid): \(error)")
        }
    }
}

extension SeriesAssay {
    /// Every decision, the ones that others took the place of first.
    var revisions: [AssayDecision] { Array(superseded) + decisions }
}
