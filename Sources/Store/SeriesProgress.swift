// How far the runs of one assay of the second generation have been examined, and which of them late records reach.
//
//     decisions (log) ──► examinedUntil, examinedCut ──► due runs
//     new commits ─────► late, by the runs they reach ──► a look, piece by piece ──► examinedCut
//
// All of it but the late records follows from the decisions, and those from `examinedCut`, which every decision
// carries: so nothing else of a look that is under way has to be durable.
//
// Invariants:
//  * Runs up to `examinedUntil` have been examined for all commits up to `examinedCut`, and for those up to `seenCut`
//    but for the runs in `late`.
//  * `examinedCut` stays where it was while a look at late records is under way; when that is over it is the commit at
//    which the look began, or the one seen last where no more came. So whoever starts anew in the middle of a look
//    begins that anew and loses no run, and while an import goes on no start looks back further than one look.
//  * A look sees each run once, in their order: what comes meanwhile to a run that it has seen waits for the next look
//    (LateRecords.swift).
//
// What is left: after a clock went back, late records of runs that are to be made again are looked at when these are due.
// What is decided in the grace after such a run does not contradict its decision, which was made after its window had
// ended, and says all the same that everything was examined. So whoever stops before that run is due, and starts anew
// when it is, does not look at its late records; Cohort.swift has it too.

import Assays
import EventLog
import Records

struct SeriesProgress {
    /// Runs up to this moment have been examined, as far as the log then held.
    private(set) var examinedUntil: Timestamp
    /// Commits up to this one have been looked at for late records.
    private(set) var seenCut: CommitNumber
    /// Commits up to this one have been examined: those after it are among the late ones that wait.
    private(set) var examinedCut: CommitNumber
    /// Late records that wait to be looked at, by the moments of the runs they reach, in microseconds.
    private(set) var late: LateRecords?
    /// What had been seen when the look began that is under way, or was the last one.
    private var lookCut: CommitNumber
    /// What went wrong at the last pass.
    var trouble: Trouble?

    /// As far as the decisions tell. Those about runs after `horizon` were made by a clock that was ahead, and so
    /// were those that a later decision contradicts, also where time has come to them since.
    init(of assay: SeriesAssay, horizon: Timestamp) {
        self.init(
            examinedUntil: min(assay.examinedUntil ?? Timestamp(microseconds: .min), horizon),
            examinedCut: assay.examinedCut)
    }

    init(examinedUntil: Timestamp, examinedCut: CommitNumber) {
        self.examinedUntil = examinedUntil
        self.examinedCut = examinedCut
        seenCut = examinedCut
        lookCut = examinedCut
    }

    /// Takes note of the times of records that came since the last look at the log, which held all up to `cut` now.
    mutating func note(
        _ times: DisjointRanges, _ definition: SeriesDefinition, upTo cut: CommitNumber, at now: Timestamp
    ) {
        var touched = DisjointRanges()
        // A run that has not been examined yet sees them by itself.
        let end = examinedUntil.adding(Self.moment)
        for range in times.ranges {
            // Windows that hold a moment of a reach end after its start, and begin before its end.
            let reach = definition.reach(of: TimeWindow(range))
            let first = reach.start.adding(Self.moment)
            let last = min(reach.end.adding(definition.width), end)
            if first < last { touched.insert(Int(first.microseconds)..<Int(last.microseconds)) }
        }
        late.note(touched, at: now)
        seenCut = cut
        settle()
    }

    private static let moment = TimeSpan(microseconds: 1)

    /// Whether a look at late records is due, or under way.
    func isLateDue(at now: Timestamp, _ configuration: StoreConfiguration) -> Bool {
        guard let late else { return false }
        return late.dueAt(grace: configuration.grace, latenessMax: configuration.latenessMax) <= now
    }

    /// The first `limit` runs that late records reached and that the look has still to see, one beginning here where
    /// none is under way.
    func lateRuns(_ schedule: RunSchedule, limit: Int) -> [Timestamp] {
        var runs: [Timestamp] = []
        for range in late?.rest.ranges ?? [] where runs.count < limit {
            let period = TimeWindow(range)
            runs += schedule.runs(
                after: period.start.adding(-Self.moment), through: period.end.adding(-Self.moment),
                limit: limit - runs.count)
        }
        return runs
    }

    /// Takes note that a look saw all late runs before `next`, for what is seen of the log; nil where none is left.
    mutating func finishPiece(before next: Timestamp?, at now: Timestamp) {
        guard late != nil else { return }
        if late?.look == nil { lookCut = seenCut }
        let end = next.map { Int($0.microseconds) } ?? .max
        let seen = late?.rest.ranges.compactMap { range -> Range<Int>? in
            range.lowerBound < end ? range.lowerBound..<min(range.upperBound, end) : nil
        }
        late?.noteLook(at: seen ?? [], at: now)
        if late?.look == nil { examinedCut = lookCut }
        settle()
    }

    /// Takes note that due runs were examined, up to and with `run`.
    mutating func finish(through run: Timestamp) { examinedUntil = run }

    /// After the clock went back, what waits for a moment waits as long as it would have, and runs after `horizon` are
    /// made again when they are due.
    mutating func setBack(by step: TimeSpan, horizon: Timestamp) {
        trouble?.shift(back: step)
        late?.shift(back: step)
        guard horizon < examinedUntil else { return }
        examinedUntil = horizon
        late?.touched.remove(Int(horizon.adding(Self.moment).microseconds)..<Int.max)
        settle()
    }

    /// Where nothing waits, all that was seen is examined.
    private mutating func settle() {
        if late?.touched.isEmpty == true { late = nil }
        if late == nil { examinedCut = seenCut }
    }
}
