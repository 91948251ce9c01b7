// Assays that look at the same numbers in the same windows: examined together, each window read and
// sorted once, whatever their number. They differ in baselines, summarizers and thresholds.
//
//     column, filter, grid ──► cohort ──► members: assay 3, assay 17, assay 20 …
//                                │
//                                ├─ examinedCount   windows of the grid before this one were looked at
//                                ├─ late            records that came after that, and wait
//                                └─ trouble         what went wrong, until it is tried again
//
// An assay that is new, or was paused, begins a cohort of its own, and joins the others when it has
// caught up with them. One that cannot be analysed leaves the others, so that it holds nobody up. Assays
// that begin on different days have the same windows from then on: their grid is one that reaches back
// before all of them, and each looks at those of its own alone.
//
// Invariants:
//  * All members have been examined for the same windows, each from its first one on, as far as the log
//    then held.
//  * Windows before `examinedCount` have been examined for all commits up to `settledCut`, and for
//    those up to the last look but for the records in `late`.
//  * `settledCut` stays where it was while a look at late records is under way. When that is over it is the commit at
//    which the look began, or the last one where no more came: so while an import goes on, whoever starts anew looks
//    back to where the last look that is over began.
//  * No window before `firstWindow` is looked at.
//
// What is left: after a clock went back, a process that stops before the windows are complete anew which it had examined
// may not look at their late records (SeriesProgress.swift).

import Assays
import EventLog
import Records

/// A column as a window specification means it, whatever the windows.
struct ColumnSpec: Hashable, Sendable {
    let spec: AssayWindowSpec

    init(_ spec: AssayWindowSpec) {
        var spec = spec
        spec.start = nil
        spec.interval = nil
        spec.width = Self.anyWidth
        self.spec = spec
    }

    private static let anyWidth = WrittenSpan(TimeSpan(microseconds: 1))
}

final class Cohort {
    struct Key: Hashable, Sendable {
        let topic: String
        let column: ColumnSpec
        /// Begins before all assays that could share it, but for one that is not settled.
        let grid: WindowGrid
        /// Nil where baselines stand still, and so are each assay's own.
        let sliding: SlidingSpec?
        /// Of the records under those that slide.
        let baselineTopic: String?
        /// An assay whose first window is not settled yet: until then it is alone.
        let unsettled: AssayID?
    }

    let key: Key
    /// The topics whose records matter.
    let topics: [String]
    private(set) var members: [AssayID]
    /// Where each member's windows begin on the grid.
    private(set) var firstWindows: [AssayID: Int]
    /// No member has a window before this one.
    private(set) var firstWindow: Int
    var examinedCount: Int
    var settledCut: CommitNumber
    var late: LateRecords?
    /// The commit at which the look at late records began that is under way, or was the last one.
    private var lookCut: CommitNumber
    /// The scheduler's tick that looked at it last.
    var lastTurn = 0
    /// What went wrong at the last try.
    var trouble: Trouble?

    /// The cohort of one assay.
    init(_ key: Key, of id: AssayID, firstWindow: Int, examinedCount: Int, settledCut: CommitNumber) {
        precondition(examinedCount >= firstWindow, "What lies before the first window is not looked at.")
        self.key = key
        members = [id]
        firstWindows = [id: firstWindow]
        self.firstWindow = firstWindow
        topics = [key.topic] + (key.baselineTopic.map { $0 == key.topic ? [] : [$0] } ?? [])
        self.examinedCount = examinedCount
        self.settledCut = settledCut
        lookCut = settledCut
    }

    /// A cohort of one member, which is as far as all are.
    func alone(_ id: AssayID) -> Cohort {
        let alone = Cohort(
            key, of: id, firstWindow: firstWindows[id] ?? firstWindow, examinedCount: examinedCount,
            settledCut: settledCut)
        (alone.late, alone.lookCut) = (late, lookCut)
        return alone
    }

    var grid: WindowGrid { key.grid }

    func remove(_ id: AssayID) {
        members.removeAll { $0 == id }
        firstWindows[id] = nil
        firstWindow = firstWindows.values.min() ?? firstWindow
    }

    /// Whether another cohort's members could be this one's as well.
    func isInStep(with other: Cohort) -> Bool {
        key == other.key && key.unsettled == nil && examinedCount == other.examinedCount
            && late == nil && other.late == nil && trouble == nil && other.trouble == nil
    }

    func absorb(_ other: Cohort) {
        members += other.members
        firstWindows.merge(other.firstWindows) { _, new in new }
        firstWindow = min(firstWindow, other.firstWindow)
        settledCut = min(settledCut, other.settledCut)
    }

    // MARK: What is due

    /// When there is something to do; never where time ends.
    func dueAt(grace: TimeSpan, latenessMax: TimeSpan) -> Timestamp {
        var due = grid.window(examinedCount).end.adding(grace)
        if let late { due = min(due, late.dueAt(grace: grace, latenessMax: latenessMax)) }
        return max(due, trouble?.retryAt ?? due)
    }

    /// Whether windows are due to be looked at, also where something keeps them from it.
    func isBehind(at now: Timestamp, grace: TimeSpan, latenessMax: TimeSpan) -> Bool {
        let completeCount = grid.completeCount(until: now.adding(-grace))
        if examinedCount < completeCount { return true }
        guard let late, late.dueAt(grace: grace, latenessMax: latenessMax) <= now else { return false }
        return late.touched.ranges.contains { $0.lowerBound < completeCount }
    }

    /// Takes note of records of a topic that came since the last look.
    ///
    /// - Parameters:
    ///   - times: ranges of microseconds.
    ///   - isOverdue: whether they need not come to rest: they came while nobody looked.
    func note(_ times: DisjointRanges, of topic: String, at now: Timestamp, isOverdue: Bool = false) {
        let touched = windows(before: examinedCount, touchedBy: times, of: topic)
        late.note(touched, at: isOverdue ? Timestamp(microseconds: .min) : now)
    }

    /// Forgets late records but for those of some windows.
    func keepLate(of windows: DisjointRanges) {
        late?.touched.formIntersection(windows)
        if late?.touched.isEmpty == true { late = nil }
    }

    /// The windows from the first one on, and before `end`, that records of some times, in microseconds, touch.
    func windows(before end: Int, touchedBy times: DisjointRanges, of topic: String) -> DisjointRanges {
        var touched = DisjointRanges()
        guard end > firstWindow else { return touched }
        let all = firstWindow..<end
        for range in times.ranges {
            let span = TimeWindow(range)
            if topic == key.topic { touched.insert(grid.indices(touching: span).clamped(to: all)) }
            if let sliding = key.sliding, topic == key.baselineTopic {
                // Windows that touch the moment at which they start, and some before: no harm.
                let windows = grid.indices(touching: sliding.starts(comparedWith: span))
                touched.insert(windows.clamped(to: all))
            }
        }
        return touched
    }

    /// Takes back that windows were examined which are not complete: the clock had been ahead. They are looked
    /// at again when they are.
    func setBack(to completeCount: Int) {
        let completeCount = max(firstWindow, completeCount)
        guard completeCount < examinedCount else { return }
        late?.touched.remove(completeCount..<examinedCount)
        if late?.touched.isEmpty == true { late = nil }
        examinedCount = completeCount
    }

    /// After the clock went back to `now`, what waits for a moment waits as long as it would have, and what kept the
    /// members from windows that are not due any more is nothing to say.
    func followClock(back step: TimeSpan, to now: Timestamp, grace: TimeSpan, latenessMax: TimeSpan) {
        setBack(to: grid.completeCount(until: now.adding(-grace)))
        late?.shift(back: step)
        trouble?.shift(back: step)
        if !isBehind(at: now, grace: grace, latenessMax: latenessMax) { trouble = nil }
    }

    /// Takes note that windows have been examined for all commits up to `cut`.
    func finish(late lateWindows: [Range<Int>], fresh: Range<Int>?, cut: CommitNumber, at now: Timestamp) {
        if late?.look == nil { lookCut = cut }
        late?.noteLook(at: lateWindows, at: now)
        if let fresh { examinedCount = fresh.upperBound }
        if late?.touched.isEmpty == true { late = nil }
        if late == nil {
            settledCut = cut
        } else if late?.look == nil, !lateWindows.isEmpty {
            settledCut = lookCut
        }
    }
}

// MARK: Entering

extension Cohort {
    /// The cohort of one assay, as far as its decisions tell, with the late records that came since. What was
    /// decided of windows that are not complete now was so by a clock that was ahead, and so was what a later
    /// decision contradicts.
    ///
    /// - Parameter isDoubting: whether also windows are examined again that ended after a clock had gone back, and
    ///   were then.
    /// - Returns: nil where windows start with the first record and there is none.
    static func entering(
        _ assay: Assay, _ view: StoreView, at now: Timestamp, grace: TimeSpan, isDoubting: Bool = false
    ) throws -> Cohort? {
        guard let key = try Key(of: assay, view) else { return nil }
        var examinedUntil = assay.examinedUntil
        if isDoubting, let contradictedAt = assay.contradictedAt {
            examinedUntil = examinedUntil.map { min($0, contradictedAt) }
        }
        let firstWindow = key.firstWindow(of: assay)
        let cohort = Cohort(
            key, of: assay.id, firstWindow: firstWindow,
            examinedCount: max(
                firstWindow, examinedUntil.map { key.grid.completeCount(until: $0) } ?? firstWindow),
            settledCut: assay.examinedCut)
        cohort.setBack(to: key.grid.completeCount(until: now.adding(-grace)))
        if cohort.examinedCount > firstWindow {
            let changed = cohort.topicsOfChangedHome(view, after: assay.examinedCut)
            for topic in cohort.topics {
                guard let index = view.snapshot.index.topics[topic] else { continue }
                let since = changed.contains(topic) ? 0 : assay.examinedCut
                cohort.note(index.times(after: since), of: topic, at: now, isOverdue: true)
            }
        }
        if cohort.late == nil { cohort.settledCut = view.snapshot.cut }
        return cohort
    }

    /// The topics of which a partition became an edge, or home again: that changes what all windows at home hold,
    /// and all baselines there.
    func topicsOfChangedHome(_ view: StoreView, after cut: CommitNumber) -> [String] {
        var columns = [(key.topic, key.column.spec)]
        if let sliding = key.sliding, let topic = key.baselineTopic {
            columns.append((topic, sliding.column.spec))
        }
        return columns.compactMap { topic, spec in
            guard spec.locations == .home, let pipeline = try? view.pipeline(of: spec),
                view.locationsChanged(of: pipeline.id, after: cut)
            else { return nil }
            return topic
        }
    }
}

extension Cohort.Key {
    /// Where the windows of an assay begin on the grid, which was made for it.
    fileprivate func firstWindow(of assay: Assay) -> Int {
        guard unsettled == nil else { return 0 }
        guard let start = assay.definition.windowStart ?? assay.decisions.first?.window.start else {
            preconditionFailure("Whose first window is not settled is alone on its grid.")
        }
        return grid.index(startingAt: start)
    }

    /// Nil where windows start with the first record and there is none.
    fileprivate init?(of assay: Assay, _ view: StoreView) throws {
        let definition = assay.definition
        let topic = try view.pipeline(of: definition.window).topic.name
        let firstDecided = assay.decisions.first?.window.start
        let isUnsettled = definition.windowStart == nil && firstDecided == nil
        guard let grid = view.grid(of: definition, in: topic, firstDecided: firstDecided) else { return nil }
        let sliding = SlidingSpec(definition.baseline)
        self.init(
            topic: topic, column: ColumnSpec(definition.window),
            grid: isUnsettled ? grid : grid.reachingBack, sliding: sliding,
            baselineTopic: try sliding.map { try view.pipeline(of: $0.column.spec).topic.name },
            unsettled: isUnsettled ? assay.id : nil)
    }
}

extension WindowGrid {
    /// From the start of the first of some windows to the end of the last.
    func period(of windows: Range<Int>) -> TimeWindow {
        precondition(!windows.isEmpty, "No windows have no period.")
        return TimeWindow(start: window(windows.lowerBound).start, end: window(windows.upperBound - 1).end)
    }
}
