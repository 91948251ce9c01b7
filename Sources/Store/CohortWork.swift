// What a cohort is due to look at, cut to a piece that memory holds, and what that came to.
//
// Invariants:
//  * The ranges of a work are disjoint, each of complete windows, late ones before fresh ones.
//  * A work is at most `rowCountMax` records, whatever is due; but at least one window of each sort that is, late and
//    fresh.
//  * Neither sort waits for the other: where both are due, each has half of the records, and a limit that is reached
//    among late windows leaves the fresh ones theirs.

import Assays
import EventLog
import Records

struct CohortWork {
    let cohort: Cohort
    /// Windows that late records touched.
    var late: [Range<Int>] = []
    /// Windows that became complete.
    var fresh: Range<Int>?
    var findings: [AssayFindings] = []
    /// Assays that could not be analysed, and why.
    var failures: [(id: AssayID, problem: String)] = []

    /// How many windows of the grid are complete.
    private let completeCount: Int
    /// Whether late records are due to be looked at.
    private let isLateDue: Bool

    /// What is due at `now`.
    init(
        _ cohort: Cohort, _ view: StoreView, now: Timestamp, _ configuration: StoreConfiguration,
        rowCountMax: Int = PassLimit.rowCountAtOnce
    ) {
        self.cohort = cohort
        let index = view.snapshot.index.topics[cohort.key.topic]
        var lateDue: [Range<Int>] = []
        if let lateRecords = cohort.late,
            lateRecords.dueAt(grace: configuration.grace, latenessMax: configuration.latenessMax) <= now
        {
            lateDue = lateRecords.rest.ranges
        }
        isLateDue = !lateDue.isEmpty
        let horizon = now.adding(TimeSpan(microseconds: -configuration.grace.microseconds))
        let complete = cohort.grid.completeCount(until: horizon)
        completeCount = complete
        let isFreshDue = complete > cohort.examinedCount
        let part = isLateDue && isFreshDue ? max(1, rowCountMax / 2) : rowCountMax
        var rowCount = part
        for windows in lateDue where rowCount > 0 {
            late.append(Self.prefix(of: windows, on: cohort.grid, index, &rowCount))
        }
        if isFreshDue {
            rowCount = part
            fresh = Self.prefix(of: cohort.examinedCount..<complete, on: cohort.grid, index, &rowCount)
        }
    }

    /// The first of some windows, as many as hold about `rowCount` records, which is used up.
    private static func prefix(
        of windows: Range<Int>, on grid: WindowGrid, _ index: TopicIndex?, _ rowCount: inout Int
    ) -> Range<Int> {
        guard let index else { return windows }
        let first = windows.halved(toHold: rowCount) { index.rowCountBound(in: grid.period(of: $0)) }
        rowCount = first.windows == windows ? rowCount - first.rowCount : 0
        return first.windows
    }

    /// Leaves windows out that became complete, from one on.
    mutating func leaveOut(from end: Int) {
        fresh = fresh.map { $0.clamped(to: 0..<end) }
        if fresh?.isEmpty == true { fresh = nil }
    }

    var windowCount: Int { ranges.reduce(0) { $0 + $1.count } }

    var ranges: [Range<Int>] { late + (fresh.map { [$0] } ?? []) }

    /// A period around all windows.
    private var period: TimeWindow? {
        let all = ranges
        guard let first = all.first else { return nil }
        return cohort.grid.period(of: all.reduce(first) { $0.hull($1) })
    }

    /// The periods to read for works over one column: one for all, where it is not much longer. Nil where each of a
    /// work's ranges is read by itself: between a late one and a fresh one may lie a year.
    static func plan(
        _ works: [CohortWork], _ view: StoreView, rowCountMax: Int = PassLimit.rowCountAtOnce
    ) -> [TimeWindow?] {
        let periods = works.map(\.period)
        let known = periods.compactMap(\.self)
        guard let first = known.first, let index = view.snapshot.index.topics[works[0].cohort.key.topic]
        else { return periods }
        let union = known.reduce(first) { $0.union($1) }
        func isShort(_ period: TimeWindow) -> Bool { index.rowCountBound(in: period) / 2 <= rowCountMax }
        return isShort(union)
            ? periods.map { _ in union } : periods.map { $0.flatMap { isShort($0) ? $0 : nil } }
    }

    // MARK: What it came to

    var findingCount: Int { findings.reduce(0) { $0 + $1.analyses.count } }

    /// Whether all late records are looked at in this piece.
    var isLateDone: Bool {
        guard var windows = cohort.late?.touched else { return true }
        for range in late { windows.remove(range) }
        return windows.isEmpty
    }

    /// The members with more that is due already than was looked at, which may change what is newest of them. Late
    /// windows that are left do not where one behind them all has been found something of. Records that have not come
    /// to rest are not due.
    var behind: [AssayID] {
        guard (fresh?.upperBound ?? cohort.examinedCount) >= completeCount else { return cohort.members }
        guard isLateDue, var rest = cohort.late?.rest else { return [] }
        for range in late { rest.remove(range) }
        guard rest.ranges.contains(where: { $0.lowerBound < completeCount }) else { return [] }
        guard let first = fresh.map({ cohort.grid.window($0.lowerBound).start }) else {
            return cohort.members
        }
        let settled = Set(
            findings.filter { found in found.analyses.last.map { $0.window.start >= first } ?? false }.map(
                \.id))
        return cohort.members.filter { !settled.contains($0) }
    }

    /// The windows that were looked at, up to the limit, and what they came to.
    ///
    /// - Parameter believedUntil: while the clock is doubted, what is over by then is so all the same; else nil.
    func examined(
        planned: TimeWindow?, _ reader: inout ColumnReader, limit: PassLimit, believedUntil: Timestamp?
    ) throws -> CohortWork {
        var work = self
        let book = reader.view.book
        let binCount = cohort.members.reduce(0) { max($0, book[$1]?.definition.summarizer.numBins ?? 0) }
        let limit = limit.bounded(forBins: binCount)
        (work.late, work.fresh) = ([], nil)
        let pass = CohortPass(cohort, &reader, believedUntil: believedUntil)
        var isLateCut = false
        // What is left of the limit for late windows, however many ranges they are in; what became complete has its own.
        var left = limit
        for (range, isLate) in late.map({ ($0, true) }) + (fresh.map { [($0, false)] } ?? []) {
            // A look at late records sees their windows in order.
            if isLate, isLateCut || left.isSpent { continue }
            let answer = try pass.examine(
                range, planned: planned ?? cohort.grid.period(of: range), &reader,
                limit: isLate ? left : limit)
            let seen = range.lowerBound..<answer.examinedEnd
            if isLate {
                work.late.append(seen)
                isLateCut = seen.upperBound < range.upperBound
                left = answer.left
            } else {
                work.fresh = seen
            }
            work.add(answer)
        }
        return work
    }

    /// Adds what some of the windows came to. An assay that failed at some has no findings at others.
    mutating func add(_ answer: CohortPass.Answer) {
        for failure in answer.failures where !failures.contains(where: { $0.id == failure.id }) {
            failures.append(failure)
        }
        if findings.isEmpty {
            findings = answer.findings
        } else {
            for (place, added) in answer.findings.enumerated() {
                // Answers list the assays in one order, but for those that failed.
                let isHere = place < findings.count && findings[place].id == added.id
                guard let position = isHere ? place : findings.firstIndex(where: { $0.id == added.id })
                else {
                    findings.append(added)
                    continue
                }
                findings[position].analyses += added.analyses
                findings[position].outcomes += added.outcomes
            }
        }
        if !failures.isEmpty {
            findings.removeAll { found in failures.contains { $0.id == found.id } }
        }
    }
}
