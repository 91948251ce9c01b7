// What was decided about the windows of one assay, of either generation: the newest decision of each window, those
// that a newer one took the place of, and up to which commit and to which moment they were examined.
//
// The log tells of a clock that was ahead: decisions about windows that end after the moment of a later decision.
// Windows between the two seemed examined before they were complete, so the later decision takes that back.
//
// Invariants:
//  * `newest` holds one decision a window, the newest revision, ascending by the window's start; `superseded` all
//    others, in the order of the log. Together they are every decision ever made.
//  * The next decision about a window is of the revision after its newest, and has the next result number.
//  * Windows that end by `examinedUntil` were examined when they were complete, for all commits up to
//    `examinedCut`. It falls where a decision was made before it, and rises with the windows decided from there.

import Bytes
import Records

struct WindowDecisions: Hashable, Sendable {
    private(set) var newest: DecisionList
    private(set) var superseded: DecisionList
    /// The last commit that all windows decided so far have been examined for; 0 before the first.
    private(set) var examinedCut: CommitNumber = 0
    /// The end of the latest window decided, as far as no later decision was made before it; nil before the first.
    private(set) var examinedUntil: Timestamp?
    /// The earliest moment of a decision that was made before `examinedUntil`; nil where no clock went back.
    private(set) var contradictedAt: Timestamp?

    init(of assayID: AssayID) {
        newest = DecisionList(of: assayID)
        superseded = DecisionList(of: assayID)
    }

    /// The first position in `newest` whose window starts at or after `moment`.
    func position(startingAtOrAfter moment: Timestamp) -> Int {
        newest.firstPosition { $0.window.start < moment }
    }

    /// The newest decision about the window that starts at `start`.
    func decision(forWindowStartingAt start: Timestamp) -> AssayDecision? {
        let position = position(startingAtOrAfter: start)
        guard position < newest.count else { return nil }
        let found = newest[position]
        return found.window.start == start ? found : nil
    }

    /// Every decision about the windows at some positions of `newest`: by window, then by revision.
    func revisions(at positions: Range<Int>) -> [AssayDecision] {
        let latest = newest.decisions(positions)
        guard let first = latest.first?.window.start, let last = latest.last?.window.start else { return [] }
        let earlier = superseded.filter { first <= $0.window.start && $0.window.start <= last }
        guard !earlier.isEmpty else { return latest }
        return (earlier + latest).sorted {
            ($0.window.start, $0.revision) < ($1.window.start, $1.revision)
        }
    }

    mutating func keep(_ decision: AssayDecision) {
        let position = position(startingAtOrAfter: decision.window.start)
        if position < newest.count, newest[position].window.start == decision.window.start {
            superseded.append(newest[position])
            newest.replace(at: position, with: decision)
        } else {
            newest.insert(decision, at: position)
        }
        examinedCut = max(examinedCut, decision.examinedCut)
        noteExamined(decision)
    }

    private mutating func noteExamined(_ decision: AssayDecision) {
        guard let known = examinedUntil else {
            examinedUntil = decision.window.end
            return
        }
        guard decision.runAt < known else {
            examinedUntil = max(known, decision.window.end)
            return
        }
        // Those who made it had examined the windows before it, and not those after its moment.
        examinedUntil = decision.window.end
        contradictedAt = min(contradictedAt ?? decision.runAt, decision.runAt)
    }

    // MARK: What comes next

    /// What the decisions of one pass over the assay have in common.
    struct Pass {
        var assayID: AssayID
        /// Of the assay's definition as it is now.
        var definitionRevision: Int
        var engineVersion: Int
        /// The last result number that was given before.
        var lastResultID: AssayResultID
        var cut: CommitNumber
        /// Up to where all windows decided before were examined; nil for `cut`.
        var examinedCut: CommitNumber?
        var runAt: Timestamp
    }

    /// The decisions of one pass, in which no window is analysed twice. Nothing is kept yet.
    func decisions(of pass: Pass, _ analyses: [WindowAnalysis]) -> [AssayDecision] {
        analyses.enumerated().map { position, analysis in
            let earlier = decision(forWindowStartingAt: analysis.window.start)
            return AssayDecision(
                assayID: pass.assayID, resultID: AssayResultID(pass.lastResultID.number + 1 + position),
                window: analysis.window, revision: (earlier?.revision ?? 0) + 1,
                definitionRevision: pass.definitionRevision, reason: analysis.reason,
                status: analysis.status, cut: pass.cut, examinedCut: pass.examinedCut ?? pass.cut,
                engineVersion: pass.engineVersion, digest: analysis.digest, runAt: pass.runAt,
                analysedAt: analysis.analysedAt, elapsedMilliseconds: analysis.elapsedMilliseconds)
        }
    }

    // MARK: In a checkpoint

    /// Writes the two lists, the cut and the two moments.
    func write(into writer: inout ByteWriter) {
        newest.write(into: &writer)
        superseded.write(into: &writer)
        writer.writeVarint(examinedCut)
        for moment in [examinedUntil, contradictedAt] {
            writer.write(UInt8(moment == nil ? 0 : 1))
            if let moment { writer.writeZigzag(moment.microseconds) }
        }
    }

    /// Reads what `write` wrote, doubting it.
    init(of assayID: AssayID, from cursor: inout ByteCursor) throws(BytesError) {
        newest = try DecisionList(of: assayID, ascends: true, from: &cursor)
        superseded = try DecisionList(of: assayID, ascends: false, from: &cursor)
        examinedCut = try cursor.readVarint()
        examinedUntil = try Self.moment(from: &cursor)
        contradictedAt = try Self.moment(from: &cursor)
    }

    private static func moment(from cursor: inout ByteCursor) throws(BytesError) -> Timestamp? {
        try cursor.read(UInt8.self) == 0 ? nil : Timestamp(microseconds: try cursor.readZigzag())
    }
}
