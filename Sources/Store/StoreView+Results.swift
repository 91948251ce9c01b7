// Stored assays as the log and what is derived from it tell them: results, and runs over any period.
//
// Invariants:
//  * A result that is not kept, or cannot be read, is worked out again from definition, baseline and
//    the records up to its decision's cut: it is the same one.
//  * A run stores nothing, and says of a window what the assay would.

import Assays
import Catalog
import EventLog
import JSON
import Records
import Summaries

extension StoreView {
    // MARK: Results

    /// The newest result of each window of an assay that starts in `period`, oldest first, as JSON
    /// documents; the first `limit` of them.
    package func results(
        of id: AssayID, startingIn period: TimeWindow, limit: Int = .max
    ) throws -> [[UInt8]] {
        guard let assay = book[id] else { throw AssayError.unknownAssay(id) }
        return try results(of: assay, assay.decisions(startingIn: period).prefix(limit))
    }

    /// The results of some of an assay's decisions, in their order, as JSON documents.
    package func results(of assay: Assay, _ decisions: some Sequence<AssayDecision>) throws -> [[UInt8]] {
        let places = resultPlaces()
        return try decisions.map { decision in
            if let derived, let place = places[decision.resultID.number] {
                // A damaged copy is as good as none: the log can say it again.
                do { return try derived.event(place).document } catch {}
            }
            return try rederive(decision, of: assay)
        }
    }

    /// Where the kept results are, by number.
    private func resultPlaces() -> [Int: EventPlace] {
        var places: [Int: EventPlace] = [:]
        for place in derived?.index.events ?? [] {
            guard let number = Int(place.entry.name) else { continue }
            places[number] = place
        }
        return places
    }

    private func rederive(_ decision: AssayDecision, of assay: Assay) throws -> [UInt8] {
        let baseline =
            try assay.pin?.summary
            ?? baseline(
                assay.definition.baseline, assay.definition.summarizer, for: decision.window,
                cut: decision.cut)
        let values = try values(of: assay.definition.window, in: decision.window, cut: decision.cut)
        try refuseUnseen(values.statistics.unseen)
        let outcome = try AssayEvaluator(assay.definition, baseline: baseline)
            .outcome(of: SortedSample(values.values), in: decision.window)
        return catalog.document(outcome, of: decision, assay)
    }

    // MARK: Runs

    /// What an assay says of its complete windows that lie in `period`, as if it had always been there.
    ///
    /// The grid of its windows goes on before its start, so that the past may be asked as well.
    package func run(_ id: AssayID, over period: TimeWindow) throws -> [AssayResult] {
        guard let assay = book[id] else { throw AssayError.unknownAssay(id) }
        var pass = try AssayPass(assay, self)
        if period.start > TimeWindow.always.start, period.start < pass.grid.start {
            // Whole steps back, to the first window that does not start before the period.
            let step = pass.grid.interval.microseconds
            let (distance, overflow) = pass.grid.start.microseconds.subtractingReportingOverflow(
                period.start.microseconds)
            let back = overflow ? 0 : distance / step * step
            pass.grid = WindowGrid(
                start: pass.grid.start.adding(TimeSpan(microseconds: -back)), width: pass.grid.width,
                interval: pass.grid.interval)
        }
        let until = min(period.end, sources.now())
        let limit = PassLimit.interactive
        let (outcomes, lookedUntil) = try pass.outcomes(touching: period, until: until, limit: limit)
        guard lookedUntil == until else {
            throw StoreRefusal(
                .tooLarge,
                "the period holds more than one run looks at, \(limit.windowCount) windows with records or "
                    + "\(limit.valueCount) values in all; ask for a shorter one")
        }
        return outcomes.filter { $0.outcome.window.start >= period.start }.map { window in
            AssayResult(
                window.outcome, assayID: id, analysedAt: window.analysedAt,
                elapsedMilliseconds: window.elapsedMilliseconds)
        }
    }
}

extension Catalog {
    /// A result as it is answered and stored.
    func document(_ outcome: AssayOutcome, of decision: AssayDecision, _ assay: Assay) -> [UInt8] {
        var result = AssayResult(outcome, of: decision, pipelineID: assay.definition.pipelineID)
        if let id = assay.definition.workspaceID, let workspace = workspaces[id] {
            result.workspace = (id, workspace.name)
        }
        return Array(result.json.text.utf8)
    }
}
