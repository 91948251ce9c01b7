// Half of a score is its baseline: each one that was pinned is worked out again from the records that its
// commit saw.
//
// Invariants:
//  * A pin is counted once: equal, different, or as one whose records went since, or belong to another place
//    now. Those stand as they are: it was for this that they were pinned.

import Assays
import EventLog
import Records
import Summaries

extension StoreView {
    /// Adds what the pinned baselines come to.
    func verifyBaselines(_ report: inout HistoryReport) {
        for assay in book.list().reversed() {
            guard let pin = assay.pin, case .fixedWindow(let spec) = assay.definition.baseline else {
                continue
            }
            guard let pipeline = try? pipeline(of: spec),
                let index = snapshot.index.topics[pipeline.topic.name],
                index.letGo.isEmpty, index.redactions.isEmpty,
                spec.locations != .home || !locationsChanged(of: pipeline.id, after: pin.cut)
            else {
                report.baselineGoneCount += 1
                continue
            }
            let name = "assay \(assay.id) (\(assay.definition.name)): its baseline"
            do {
                let again = try baseline(
                    assay.definition.baseline, assay.definition.summarizer, cut: pin.cut)
                guard again.summary == pin.summary.summary else {
                    report.baselineDifferentCount += 1
                    report.note("\(name), worked out again, is not what was pinned at commit \(pin.cut)")
                    continue
                }
                report.baselineEqualCount += 1
            } catch {
                report.baselineDifferentCount += 1
                report.note("\(name) cannot be worked out again: \(error)")
            }
        }
    }
}
