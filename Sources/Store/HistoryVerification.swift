// Does every result follow from the log? Each decision is worked out again, and its digest compared.
//
//     decision ──► definition, baseline, records up to its cut ──► outcome ──► digest ═?═ the decision's
//         └──────► the result as kept beside the log ────────────► outcome ──► digest ═?═ the decision's
//
// Whether the history is settled is another question: whether the scheduler, looking now and waiting
// for nothing, would decide anything. Late records that rest and windows that just ended are no fault.
//
// Invariants:
//  * Nothing is appended, sent or changed.
//  * Every decision is in exactly one of the counts: equal, different, sealed, other engine.

import Assays
import EventLog
import Records

/// What a look at every decision came to; counts of decisions unless they say otherwise.
package struct HistoryReport: Hashable, Sendable {
    package internal(set) var decisionCount = 0
    /// Worked out again, with the same digest.
    package internal(set) var equalCount = 0
    /// Another digest, or no outcome at all.
    package internal(set) var differentCount = 0
    /// Sealed in the log, where the sealed result has the decision's digest.
    package internal(set) var sealedCount = 0
    /// Those among them that do not tell enough to be held against it: what they were made of is gone.
    package internal(set) var sealedUncomparedCount = 0
    /// Sealed with the mark that nothing proved them: among the different ones, where their digest tells.
    package internal(set) var sealedUnprovenCount = 0
    /// Decided by another version of the rules; what those say now may differ, and is no fault.
    package internal(set) var otherEngineCount = 0
    /// Results kept beside the log, and those among them that say another thing than their decision:
    /// `rebuild` writes these anew.
    package internal(set) var keptCount = 0
    package internal(set) var keptDifferentCount = 0
    /// Those that are there and cannot be read, as they are damaged: no difference, for they are worked out again.
    package internal(set) var keptUnreadableCount = 0
    /// Pinned baselines, worked out again: the same, another, and those whose own records or column went since, so
    /// that nothing checks them.
    package internal(set) var baselineEqualCount = 0
    package internal(set) var baselineDifferentCount = 0
    package internal(set) var baselineGoneCount = 0
    /// The first differences, as sentences.
    package internal(set) var differences: [String] = []
    /// Windows that late records touched, or another definition, and that are not decided anew yet.
    package internal(set) var lateWindowCount = 0
    /// Complete windows that are not decided yet.
    package internal(set) var dueWindowCount = 0
    /// Assays of which neither can be said, and why.
    package internal(set) var unsettledProblems: [String] = []

    /// Whether every digest and every baseline is what it was.
    package var isProved: Bool {
        differentCount == 0 && keptDifferentCount == 0 && baselineDifferentCount == 0
    }

    /// Whether nothing waits to be decided.
    package var isSettled: Bool {
        lateWindowCount == 0 && dueWindowCount == 0 && unsettledProblems.isEmpty
    }

    fileprivate static let differenceCountMax = 10

    mutating func note(_ difference: String) {
        if differences.count < Self.differenceCountMax { differences.append(difference) }
    }
}

extension StoreView {
    /// Works out every decision again and compares.
    ///
    /// - Parameter progress: called now and then with the decisions done so far and their number.
    package func verify(
        _ configuration: StoreConfiguration,
        report progress: (_ done: Int, _ of: Int) -> Void = { _, _ in }
    ) throws -> HistoryReport {
        var report = HistoryReport()
        let assays = Array(book.list().reversed())
        let count = decisionCount
        for group in HistoryReplay.groups(of: assays) {
            var items: [HistoryReplay.Item] = []
            for assay in group {
                let subject = HistoryReplay.Subject(assay)
                for decision in assay.revisions(startingIn: .always) {
                    report.decisionCount += 1
                    let number = decision.resultID.number
                    if let sealed = places.sealed.document(number, in: snapshot) {
                        report.check(sealed: sealed, decision, assay, isUnproven: isUnproven(decision))
                    } else if isSealed(decision) {
                        report.noteUnreadable(decision, assay)
                    } else {
                        items.append(subject.item(decision))
                    }
                    guard let kept = keptDocument(of: decision) else {
                        if isKeptUnreadably(decision) { report.keptUnreadableCount += 1 }
                        continue
                    }
                    report.check(kept: kept, decision, assay)
                }
            }
            var done = report.decisionCount - items.count
            try HistoryReplay(view: self).run(HistoryReplay.sorted(items)) { item, outcome in
                report.check(outcome, item.decision, item.assay)
                done += 1
                progress(done, count)
            }
        }
        verifyBaselines(&report)
        settle(configuration, &report)
        try verifySeries(configuration, &report, progress: { progress($0, count) })
        return report
    }
}

extension HistoryReport {
    fileprivate mutating func check(
        _ outcome: Result<AssayOutcome, any Error>, _ decision: AssayDecision, _ assay: Assay
    ) {
        let isOther = decision.engineVersion != AssayEvaluator.engineVersion
        switch outcome {
        case .success(let outcome) where outcome.digest == decision.digest:
            if isOther { otherEngineCount += 1 } else { equalCount += 1 }
        case .success(let outcome):
            guard !isOther else {
                otherEngineCount += 1
                return
            }
            differentCount += 1
            note(
                "\(Self.name(decision, assay)): worked out again its digest is \(outcome.digest), "
                    + "\(decision.digest) was decided")
        case .failure(let error):
            // Other rules may have had an answer where these have none.
            guard !isOther else {
                otherEngineCount += 1
                return
            }
            differentCount += 1
            note("\(Self.name(decision, assay)): cannot be worked out again: \(error)")
        }
    }

    fileprivate mutating func check(
        sealed: [UInt8], _ decision: AssayDecision, _ assay: Assay, isUnproven: Bool
    ) {
        if isUnproven { sealedUnprovenCount += 1 }
        guard AssayOutcome.digest(ofResult: sealed) == decision.digest else {
            differentCount += 1
            note(
                "\(Self.name(decision, assay)): the sealed result is not what was decided"
                    + Self.remark(isUnproven))
            return
        }
        sealedCount += 1
    }

    fileprivate mutating func check(kept: [UInt8], _ decision: AssayDecision, _ assay: Assay) {
        keptCount += 1
        guard AssayOutcome.digest(ofResult: kept) != decision.digest else { return }
        keptDifferentCount += 1
        note(
            "\(Self.name(decision, assay)): the result kept beside the log is not what was decided; "
                + "`assaylog rebuild` writes it anew")
    }

    fileprivate mutating func noteUnreadable(_ decision: AssayDecision, _ assay: Assay) {
        differentCount += 1
        note("\(Self.name(decision, assay)): the sealed result cannot be read")
    }

    static func remark(_ isUnproven: Bool) -> String {
        isUnproven ? ", as was known when it was sealed" : ""
    }

    private static func name(_ decision: AssayDecision, _ assay: Assay) -> String {
        "assay \(assay.id) (\(assay.definition.name)), window \(decision.window.start.zuluText), "
            + "revision \(decision.revision)"
    }
}

// MARK: Settled

extension StoreView {
    /// Counts what the scheduler would decide if it looked now and waited for nothing.
    fileprivate func settle(_ configuration: StoreConfiguration, _ report: inout HistoryReport) {
        var cohorts: [Cohort.Key: [Cohort]] = [:]
        let now = sources.now()
        for assay in book.list().reversed() where assay.isActive {
            do {
                guard
                    let cohort = try Cohort.entering(
                        assay, self, at: now, grace: configuration.grace, isDoubting: true)
                else { continue }
                if let known = cohorts[cohort.key]?.first(where: { $0.isInStep(with: cohort) }) {
                    known.absorb(cohort)
                } else {
                    cohorts[cohort.key, default: []].append(cohort)
                }
            } catch {
                report.unsettledProblems.append("assay \(assay.id): \(error)")
            }
        }
        var reader = ColumnReader(self)
        for cohort in cohorts.values.joined() {
            do {
                try settle(cohort, configuration, now, &reader, &report)
            } catch {
                let ids = cohort.members.prefix(8).map { "\($0)" }.joined(separator: ", ")
                report.unsettledProblems.append("assay \(ids): \(error)")
            }
        }
    }

    private func settle(
        _ cohort: Cohort, _ configuration: StoreConfiguration, _ now: Timestamp,
        _ reader: inout ColumnReader, _ report: inout HistoryReport
    ) throws {
        let pass = CohortPass(cohort, &reader)
        while true {
            // Late ones that came while nobody looked are due at once.
            let work = CohortWork(cohort, self, now: now, configuration)
            guard !work.ranges.isEmpty else { return }
            var seen = (late: [Range<Int>](), fresh: work.fresh)
            for range in work.ranges {
                let answer = try pass.examine(
                    range, planned: cohort.grid.period(of: range), &reader, limit: .unlimited)
                if let failure = answer.failures.first {
                    throw StoreRefusal(.unavailable, failure.problem)
                }
                for analysis in answer.findings.lazy.flatMap(\.analyses) {
                    if analysis.reason == .late || analysis.reason == .definition {
                        report.lateWindowCount += 1
                    } else {
                        report.dueWindowCount += 1
                    }
                }
                // Where baselines slide, memory may hold those of the first windows alone.
                let examined = range.lowerBound..<answer.examinedEnd
                if range == work.fresh { seen.fresh = examined } else { seen.late.append(examined) }
            }
            cohort.finish(late: seen.late, fresh: seen.fresh, cut: snapshot.cut, at: now)
        }
    }
}

extension PassLimit {
    /// What one answer's memory holds is bounded by the records read.
    fileprivate static let unlimited = PassLimit(windowCount: .max, valueCount: .max)
}
