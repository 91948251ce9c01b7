// What goes into the log of a decision before the records go that it was made of, and whether it is what was
// decided.
//
//     kept ═?═ decision ──► sealed as kept
//       └─no─► worked out again ═?═ decision ──► sealed as worked out
//                   └─no, or records that cannot be read any more
//                          └─► sealed as people were answered, beside an event that says it is not proven:
//                          `unproven 123  {"result_id":123,"decided":"…","kept":"…","worked_out":"…"}`
//
// Both events of an unproven result are in one commit, and stay for ever: when the records are gone, nobody can
// find out any more which of the digests was right.
//
// A result of the second generation may tell too little to have a digest: of a baseline that moves, or of values
// without a score. Then it is worked out again while that is possible, and what it does not tell goes into the
// log beside it, in the same commit: `beside 123  {"result_id":123,"paths":{…}}` (SeriesSupplement.swift). The
// result itself stays as people know it.
//
// Invariants:
//  * A result without the mark has its decision's digest, with what stands beside it; or was kept as another
//    engine version made it; or tells too little, and cannot be worked out again.
//  * A marked result is what people were answered before: sealing changes no answer that cannot be proved wrong.

import Assays
import EventLog
import JSON
import Segments

/// A result on its way into the log.
struct SealableResult {
    /// What the digests of an unproven one are.
    struct Contradiction {
        /// Of the kept result; nil where there is none, or it cannot be read as one.
        var kept: ResultDigest?
        /// Of the result worked out again; nil where that was not possible: then there is a kept one.
        var workedOut: ResultDigest?
    }

    let decision: AssayDecision
    let document: [UInt8]
    var contradiction: Contradiction?
    /// The document of what the result does not tell, where that is known.
    var supplement: [UInt8]?

    /// The events that seal it, for one commit.
    func items(_ places: InferenceStore.Places) -> [AppendItem] {
        let number = decision.resultID.number
        var items = [AppendItem.event(Event(name: places.sealed.name(of: number), document: document))]
        if let supplement {
            items.append(.event(Event(name: places.supplements.name(of: number), document: supplement)))
        }
        if let contradiction {
            let json = JSONValue.object(
                ("result_id", .integer(number)), ("decided", .string(decision.digest.hex)),
                ("kept", contradiction.kept.map { .string($0.hex) } ?? .null),
                ("worked_out", contradiction.workedOut.map { .string($0.hex) } ?? .null))
            items.append(
                .event(Event(name: places.unproven.name(of: number), document: Array(json.text.utf8))))
        }
        return items
    }
}

extension StoreView {
    /// What is to be sealed of some of an assay's decisions, in their order.
    ///
    /// - Throws: where a result is neither kept nor can be worked out, and where the task is cancelled.
    func sealable(_ decisions: some Sequence<AssayDecision>, of assay: Assay) throws -> [SealableResult] {
        try decisions.map { decision in
            let kept = keptDocument(of: decision)
            if let kept, says(kept, decision) { return SealableResult(decision: decision, document: kept) }
            let keptDigest = kept.flatMap { AssayOutcome.digest(ofResult: $0) }
            let outcome: AssayOutcome
            do { outcome = try self.outcome(of: decision, assay) } catch {
                try Task.checkCancellation()
                // Damage keeps no records longer: what people were answered is there.
                guard let kept, let keptDigest else { throw error }
                return SealableResult(
                    decision: decision, document: kept, contradiction: .init(kept: keptDigest))
            }
            let again = catalog.document(outcome, of: decision, assay)
            guard outcome.digest != decision.digest else {
                return SealableResult(decision: decision, document: again)
            }
            return SealableResult(
                decision: decision, document: keptDigest == nil ? again : kept ?? again,
                contradiction: .init(kept: keptDigest, workedOut: outcome.digest))
        }
    }

    /// Whether a kept result is what was decided. What another engine made cannot be made again, and is taken as
    /// it is.
    private func says(_ kept: [UInt8], _ decision: AssayDecision) -> Bool {
        decision.engineVersion != AssayEvaluator.engineVersion
            || AssayOutcome.digest(ofResult: kept) == decision.digest
    }

    /// The same of the second generation.
    func sealable(_ decisions: [AssayDecision], of assay: SeriesAssay) throws -> [SealableResult] {
        let kept = decisions.map { KeptSeriesResult(keptDocument(of: $0), $0, assay) }
        var results: [SealableResult?] = zip(decisions, kept).map { decision, kept in
            if let empty = assay.emptyDocument(of: decision) {
                return SealableResult(decision: decision, document: empty)
            }
            guard case .proven(let document) = kept else { return nil }
            return SealableResult(decision: decision, document: document)
        }
        let missing = results.indices.filter { results[$0] == nil }
        let outcomes = try seriesOutcomes(of: missing.map { decisions[$0] }, assay)
        for (position, found) in zip(missing, outcomes) {
            let outcome: SeriesOutcome
            do { outcome = try found.get() } catch {
                try Task.checkCancellation()
                results[position] = try sealable(decisions[position], kept[position], after: error)
                continue
            }
            results[position] = sealable(decisions[position], kept[position], outcome, assay)
        }
        return results.compactMap { $0 }
    }

    /// What is to be sealed where a result could not be worked out again.
    ///
    /// - Throws: `error`, where there is no other.
    private func sealable(
        _ decision: AssayDecision, _ kept: KeptSeriesResult, after error: any Error
    ) throws -> SealableResult {
        switch kept {
        case .proven(let document), .reticent(let document):
            SealableResult(decision: decision, document: document)
        case .contradictory(let document, let digest):
            SealableResult(decision: decision, document: document, contradiction: .init(kept: digest))
        case .none: throw error
        }
    }

    /// What is to be sealed where it was worked out again.
    private func sealable(
        _ decision: AssayDecision, _ kept: KeptSeriesResult, _ outcome: SeriesOutcome, _ assay: SeriesAssay
    ) -> SealableResult {
        let supplement = SeriesSupplement(of: outcome, assay.definition)
        /// With what it does not tell of the outcome beside it.
        func result(_ document: [UInt8], _ contradiction: SealableResult.Contradiction? = nil)
            -> SealableResult
        {
            var result = SealableResult(decision: decision, document: document, contradiction: contradiction)
            if case .reticent = KeptSeriesResult(document, decision, assay) {
                let json = supplement.json(of: decision.resultID, assay.definition)
                result.supplement = Array(json.text.utf8)
            }
            return result
        }
        let again = assay.document(outcome, of: decision)
        let digest = outcome.digest(ofEngine: decision.engineVersion)
        let (document, keptDigest): ([UInt8]?, ResultDigest?) =
            switch kept {
            case .none: (nil, nil)
            case .proven(let document): (document, decision.digest)
            case .contradictory(let document, let digest): (document, digest)
            case .reticent(let document):
                (
                    document,
                    (try? assay.outcome(ofResult: document, decision, with: supplement))?
                        .digest(ofEngine: decision.engineVersion)
                )
            }
        if let document, keptDigest == decision.digest { return result(document) }
        guard digest != decision.digest else { return result(again) }
        return result(document ?? again, .init(kept: keptDigest, workedOut: digest ?? outcome.digest))
    }

    /// Whether a result was sealed though nothing proved it to be what was decided.
    func isUnproven(_ decision: AssayDecision) -> Bool {
        places.unproven.holds(decision.resultID.number, in: snapshot)
    }
}

/// What a kept result of the second generation says of its decision.
private enum KeptSeriesResult {
    /// It is what was decided, or made by another engine version, which cannot be made again.
    case proven([UInt8])
    /// It does not tell enough for a digest.
    case reticent([UInt8])
    /// It is a result of the decision, and not what was decided.
    case contradictory([UInt8], ResultDigest?)
    /// There is none, or none that can be read.
    case none

    init(_ document: [UInt8]?, _ decision: AssayDecision, _ assay: SeriesAssay) {
        guard let document else {
            self = .none
            return
        }
        guard SeriesOutcome.proves(engine: decision.engineVersion) else {
            self = .proven(document)
            return
        }
        do {
            guard let outcome = try assay.outcome(ofResult: document, decision) else {
                self = .reticent(document)
                return
            }
            let digest = outcome.digest(ofEngine: decision.engineVersion)
            self = digest == decision.digest ? .proven(document) : .contradictory(document, digest)
        } catch { self = .none }
    }
}

extension SealingReport {
    mutating func note(_ results: [SealableResult], of name: String) {
        resultCount += results.count
        for result in results where result.contradiction != nil {
            unprovenCount += 1
            if firstUnproven == nil {
                firstUnproven =
                    "\(name), window \(result.decision.window.start.zuluText), "
                    + "revision \(result.decision.revision)"
            }
        }
    }

    /// What is to be told of results that nothing proved, and of windows that nobody looked at; nil where there
    /// is neither.
    var problem: String? {
        let problems = [unprovenProblem, unexaminedProblem].compactMap(\.self)
        return problems.isEmpty ? nil : problems.joined(separator: "; and ")
    }

    private var unexaminedProblem: String? {
        guard let firstUnexamined else { return nil }
        return
            "windows of \(unexaminedCount) assay\(unexaminedCount == 1 ? "" : "s") that were due were not analysed "
            + "before records of them went, and will not be, the first of \(firstUnexamined)"
    }

    private var unprovenProblem: String? {
        guard let firstUnproven else { return nil }
        return
            "\(unprovenCount) result\(unprovenCount == 1 ? "" : "s") over records that go "
            + "\(unprovenCount == 1 ? "is" : "are") sealed unproven, the first of \(firstUnproven): neither "
            + "the result as it was kept nor one that can be worked out again is what was decided; `assaylog rebuild "
            + "--verify` goes on naming them, and a backup from before has the records"
    }
}

extension InferenceStore {
    /// How many sealed results nothing proved to be what was decided. Asked first, it passes over all events.
    package var unprovenResultCount: Int { places.unproven.count(in: log.snapshot()) }

    /// The same where it is known but for what came since it was asked last; else nil.
    package var knownUnprovenResultCount: Int? {
        places.unproven.count(in: log.snapshot(), passing: 10_000)
    }
}
