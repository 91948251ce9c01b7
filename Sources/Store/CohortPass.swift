// One pass over assays that look at the same windows: each window's values read and sorted once, its
// moments worked out once, then held against each assay's baseline.
//
//     column ──► values of a period ──► window ──► sample, moments ──┬─► assay 3: outcome, digest
//                                                                    ├─► assay 17: …
//
// What an assay says of a window is what it would say alone (AssayPass): sharing is no part of it.
//
// Invariants:
//  * Findings are the outcomes that differ from the newest decision: same digest, no finding.
//  * No assay has a finding of a window before its first.
//  * A window whose newest result is sealed is passed over: its records may be gone.
//  * An assay that cannot be analysed is named and holds nobody up. Where it is so before its windows are read, and
//    all are, none is.
//  * No fixed baseline is used for the first time whose period is over by a doubted clock alone.
//  * A window with records has an outcome, also where nothing is under its baseline: then without a score.
//  * A window without records has one where it had some when it was decided: its records are another location's now.

import Assays
import EventLog
import Queries
import Records
import Summaries

/// What one pass found of one assay.
struct AssayFindings: Sendable {
    var id: AssayID
    var definitionRevision: Int
    /// The fixed baseline that was used for the first time, to be pinned.
    var firstBaseline: DatedSummary?
    /// What is recorded with its decisions (`AssayDecision.examinedCut`).
    var examinedCut: CommitNumber = 0
    var analyses: [WindowAnalysis] = []
    var outcomes: [AssayOutcome] = []
}

struct CohortPass {
    /// What looking at some windows came to.
    struct Answer {
        var findings: [AssayFindings] = []
        /// Assays that could not be analysed, and why.
        var failures: [(id: AssayID, problem: String)] = []
        /// Windows before this one were examined; the end of the range, unless the limit was reached.
        var examinedEnd: Int
        /// What is left of the limit.
        var left: PassLimit
    }

    /// An assay as the pass needs it.
    fileprivate struct Member {
        let assay: Assay
        /// Where its windows begin on the grid.
        let firstWindow: Int
        /// Nil where each window has a baseline of its own.
        let evaluator: AssayEvaluator?
        var findings: AssayFindings
    }

    let key: Cohort.Key
    private var members: [Member] = []
    private var failures: [(id: AssayID, problem: String)] = []

    /// Prepares the members: works out baselines that are not pinned yet.
    ///
    /// - Parameter believedUntil: while the clock is doubted, what is over by then is so all the same; else nil.
    init(_ cohort: Cohort, _ reader: inout ColumnReader, believedUntil: Timestamp? = nil) {
        key = cohort.key
        for assay in cohort.members.compactMap({ reader.view.book[$0] }) {
            var findings = AssayFindings(id: assay.id, definitionRevision: assay.definitionRevision)
            let firstWindow = cohort.firstWindows[assay.id] ?? cohort.firstWindow
            do {
                guard key.sliding == nil else {
                    members.append(
                        Member(assay: assay, firstWindow: firstWindow, evaluator: nil, findings: findings))
                    continue
                }
                let baseline: DatedSummary
                if let pin = assay.pin {
                    baseline = pin.summary
                } else {
                    if let believedUntil { try Self.refuseDoubted(assay.definition.baseline, believedUntil) }
                    baseline = try reader.baseline(of: assay.definition)
                    if case .fixedWindow = assay.definition.baseline { findings.firstBaseline = baseline }
                }
                members.append(
                    Member(
                        assay: assay, firstWindow: firstWindow,
                        evaluator: try AssayEvaluator(assay.definition, baseline: baseline),
                        findings: findings))
            } catch {
                failures.append((assay.id, "\(error)"))
            }
        }
    }

    /// Refuses a baseline that would be pinned with a part of its records, and stay so: its period is over by a clock
    /// alone that went ahead.
    private static func refuseDoubted(_ baseline: BaselineSpec, _ believedUntil: Timestamp) throws {
        guard case .fixedWindow = baseline, let period = baseline.period, period.end > believedUntil else {
            return
        }
        throw StoreRefusal(
            .unavailable,
            "the clock went ahead at once, and by what it said before the baseline's period is not over, which ends "
                + "at \(period.end.zuluText); it is used when the clock has stood by that for "
                + "\(ClockWatch.probation.text), or set it right")
    }

    /// Records under baselines that slide which are read at once, unless one window's are more.
    var baselineRowCountMax = PassLimit.rowCountAtOnce

    /// Looks at windows of the grid, all of which are complete.
    ///
    /// - Parameter planned: a period around the windows that others ask for too, read with them.
    /// - Throws: where the records cannot be read: no assay has an answer then.
    func examine(
        _ wanted: Range<Int>, planned: TimeWindow, _ reader: inout ColumnReader, limit: PassLimit
    ) throws -> Answer {
        guard !members.isEmpty else {
            return Answer(failures: failures, examinedEnd: wanted.upperBound, left: limit)
        }
        let windows = readable(wanted, reader.view)
        let first = key.grid.window(windows.lowerBound)
        let last = key.grid.window(windows.upperBound - 1)
        let view = reader.view
        let values = try reader.values(
            of: key.column, in: TimeWindow(start: first.start, end: last.end), planned: planned)
        var answer = Answer(failures: failures, examinedEnd: windows.upperBound, left: limit)
        var members = try refuseUnknownPath(
            members, values, key.column.spec, view, &answer, field: "path")
        var baselines = try key.sliding.map {
            try SlidingBaselines($0, over: $0.period(under: windows, of: key.grid), view)
        }
        if let baselines {
            members = try refuseUnknownPath(
                members, baselines.values, baselines.spec.column.spec, view, &answer,
                field: "baseline.sliding_window.window.path")
        }
        guard !members.isEmpty else { return answer }

        // From the first window that is wanted: others may overlap it in any number.
        var search = OccupiedWindowSearch(
            WindowGrid(start: first.start, width: key.grid.width, interval: key.grid.interval),
            until: last.end, besides: decided(among: windows, view))
        var sorter = SampleSorter()
        var sample = SortedSample()
        try values.times.withUnsafeBufferPointer { times in
            try values.values.withUnsafeBufferPointer { numbers in
                while let found = search.next(in: times), found.index < windows.count {
                    try Task.checkCancellation()
                    guard !answer.left.isSpent else {
                        answer.examinedEnd = windows.lowerBound + found.index
                        break
                    }
                    let window = windows.lowerBound + found.index
                    let memberCount = members.count { $0.firstWindow <= window }
                    guard memberCount > 0 else { continue }
                    answer.left.spend(
                        windows: memberCount,
                        values: found.rows.count + (baselines?.rowCount(under: found.window) ?? 0))
                    sample.refill(from: UnsafeBufferPointer(rebasing: numbers[found.rows]), sorter: &sorter)
                    let moments = Moments(of: sample)
                    for position in members.indices where members[position].firstWindow <= window {
                        let start = view.sources.monotonicNanoseconds()
                        let assay = members[position].assay
                        let own: AssayEvaluator
                        if let evaluator = members[position].evaluator {
                            own = evaluator
                        } else {
                            guard
                                let baseline = baselines?.baseline(
                                    of: found.window, assay.definition.summarizer, &sorter)
                            else { preconditionFailure("A baseline that stands still has an evaluator.") }
                            own = try AssayEvaluator(assay.definition, baseline)
                        }
                        let outcome = own.outcome(of: sample, moments: moments, in: found.window)
                        members[position].take(
                            outcome, ofEmptyWindow: found.rows.isEmpty, since: start, view)
                    }
                }
            }
        }
        answer.findings = members.map(\.findings)
        return answer
    }

    /// Which of some windows any member has decided, by their distance from the first.
    private func decided(among windows: Range<Int>, _ view: StoreView) -> [Int] {
        let first = key.grid.window(windows.lowerBound).start
        let period = TimeWindow(start: first, end: key.grid.window(windows.upperBound - 1).end)
        var found: Set<Int> = []
        for member in members {
            guard let last = member.assay.decisions.last, last.window.start >= first else { continue }
            for decision in member.assay.decisions(startingIn: period) where !view.isSealed(decision) {
                found.insert(key.grid.index(startingAt: decision.window.start) - windows.lowerBound)
            }
        }
        return found.filter { $0 < windows.count }.sorted()
    }

    /// The members but for those that have never decided anything at a path that no record has: it may be
    /// misspelled. Where records have it, windows without are said to be so.
    private func refuseUnknownPath(
        _ members: [Member], _ values: ColumnValues, _ spec: AssayWindowSpec, _ view: StoreView,
        _ answer: inout Answer, field: String
    ) throws -> [Member] {
        guard !values.values.isEmpty, !values.pathWasFound,
            members.contains(where: { $0.assay.decisions.isEmpty }),
            let problem = try view.pathProblem(spec, field: field)
        else { return members }
        return members.filter { member in
            guard member.assay.decisions.isEmpty else { return true }
            answer.failures.append((member.assay.id, "\(problem)"))
            return false
        }
    }

    /// The first of some windows: as many as memory holds the baselines of, where those slide.
    private func readable(_ windows: Range<Int>, _ view: StoreView) -> Range<Int> {
        guard windows.count > 1, let sliding = key.sliding,
            let index = key.baselineTopic.flatMap({ view.snapshot.index.topics[$0] })
        else { return windows }
        func rowCount(_ windows: Range<Int>) -> Int {
            index.rowCountBound(in: sliding.period(under: windows, of: key.grid))
        }
        let most = max(baselineRowCountMax, 2 * rowCount(windows.prefix(1)))
        return windows.halved(toHold: most, rowCount).windows
    }
}

extension CohortPass.Member {
    /// Keeps an outcome that is not decided already.
    fileprivate mutating func take(
        _ outcome: AssayOutcome, ofEmptyWindow isEmpty: Bool, since start: Int64, _ view: StoreView
    ) {
        let earlier = assay.decision(forWindowStartingAt: outcome.window.start)
        if isEmpty, earlier == nil { return }
        let digest = outcome.digest
        if let earlier, earlier.digest == digest || view.isSealed(earlier) { return }
        let reason: DecisionReason =
            if let earlier {
                earlier.definitionRevision == assay.definitionRevision ? .late : .definition
            } else if outcome.window.end <= assay.updatedAt {
                .backfill
            } else {
                .complete
            }
        let milliseconds = Int((view.sources.monotonicNanoseconds() - start) / 1_000_000)
        findings.outcomes.append(outcome)
        findings.analyses.append(
            WindowAnalysis(
                window: outcome.window, reason: reason, status: outcome.status, digest: digest,
                analysedAt: view.sources.beginning(ofWorkOf: milliseconds),
                elapsedMilliseconds: milliseconds))
    }
}
