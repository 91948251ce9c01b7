// Stored assays as the log and what is derived from it tell them: results, and runs over any period.
//
// Invariants:
//  * A result that is not kept, or cannot be read, is worked out again from definition, baseline and
//    the records up to its decision's cut: it is the same one.
//  * A sealed result is given back as it was sealed; the records it was made of may be gone.
//  * A run stores nothing, and says of a window what the assay would.

import Assays
import Catalog
import EventLog
import JSON
import Records
import Summaries

extension StoreView {
    // MARK: Results

    /// Some of an assay's decisions, in their order: the result as it was stored, and behind it which revision it
    /// is, why it was made, of which revision of the definition, and the last commit it saw; `unproven` where it
    /// was sealed as such.
    package func revisions(
        of assay: Assay, _ decisions: some Collection<AssayDecision>
    ) throws -> [[UInt8]] {
        try zip(results(of: assay, decisions), decisions).map { document, decision in
            let more =
                ",\"revision\":\(decision.revision),\"reason\":\"\(decision.reason.rawValue)\","
                + "\"definition_revision\":\(decision.definitionRevision),\"cut\":\(decision.cut)"
                + (isUnproven(decision) ? ",\"unproven\":true}" : "}")
            // Documents are objects, written without spaces.
            return document.dropLast() + Array(more.utf8)
        }
    }

    /// The results of some of an assay's decisions, in their order, as JSON documents.
    package func results(
        of assay: Assay, _ decisions: some Sequence<AssayDecision>
    ) throws -> [[UInt8]] {
        try decisions.map { try document(of: $0, assay) }
    }

    /// One stored result: as it was sealed, as it is kept, or worked out again.
    private func document(of decision: AssayDecision, _ assay: Assay) throws -> [UInt8] {
        let number = decision.resultID.number
        if let sealed = places.sealed.document(number, in: snapshot) { return sealed }
        // A damaged copy is as good as none: the log can say it again.
        if let kept = keptDocument(of: decision) { return kept }
        return catalog.document(try outcome(of: decision, assay), of: decision, assay)
    }

    /// A result as it is kept beside the log; nil where it is not, or cannot be read.
    func keptDocument(of decision: AssayDecision) -> [UInt8]? {
        derived.flatMap { places.derived.document(decision.resultID.number, in: $0) }
    }

    /// Whether a result is kept beside the log of which no byte is believed: it is worked out again when it is asked for.
    func isKeptUnreadably(_ decision: AssayDecision) -> Bool {
        guard let derived, places.derived.holds(decision.resultID.number, in: derived) else { return false }
        return keptDocument(of: decision) == nil
    }

    /// Whether a result is in the log itself, because records that it needs were let go.
    func isSealed(_ decision: AssayDecision) -> Bool {
        places.sealed.holds(decision.resultID.number, in: snapshot)
    }

    /// What a decision is about, worked out from definition, baseline and the records up to its cut.
    func outcome(of decision: AssayDecision, _ assay: Assay) throws -> AssayOutcome {
        let definition = assay.definition(ofRevision: decision.definitionRevision)
        let baseline =
            try (assay.pin?.summary).map { FoundBaseline($0) }
            ?? foundBaseline(of: decision.window, definition, cut: decision.cut)
        let values = try values(
            of: definition.window, in: decision.window, cut: decision.cut, wantsTimes: false)
        try refuseUnseen(values.statistics.unseen)
        return try AssayEvaluator(definition, baseline)
            .outcome(of: SortedSample(values.values), in: decision.window)
    }

    // MARK: Runs

    /// What an assay says of its complete windows that lie in `period`, as if it had always been there.
    ///
    /// The grid of its windows goes on before its start, so that the past may be asked as well.
    package func run(_ id: AssayID, over period: TimeWindow) throws -> [AssayResult] {
        guard let assay = book[id] else { throw AssayError.unknownAssay(id) }
        var pass = try AssayPass(assay, self)
        pass.grid.reach(back: period.start)
        let until = min(period.end, sources.now())
        let limit = PassLimit.interactive.bounded(forBins: assay.definition.summarizer.numBins)
        let refusal = StoreRefusal(
            .tooLarge,
            "the period holds more than one run looks at, \(limit.windowCount) windows with records or "
                + "\(limit.valueCount) values in all; ask for a shorter one")
        guard try !pass.isBeyond(limit, touching: period, until: until) else { throw refusal }
        let (outcomes, lookedUntil) = try pass.outcomes(touching: period, until: until, limit: limit)
        guard lookedUntil == until else { throw refusal }
        return outcomes.filter { $0.outcome.window.start >= period.start }.map { window in
            AssayResult(
                window.outcome, assayID: id, analysedAt: window.analysedAt,
                elapsedMilliseconds: window.elapsedMilliseconds)
        }
    }
}

extension Assay {
    /// How many results are held and appended at once, whoever reads them: some megabytes, however many bins there
    /// are.
    package var resultBatchCount: Int {
        min(512, PassLimit.documents.bounded(forBins: definition.summarizer.numBins).windowCount)
    }
}

extension Catalog {
    /// A result as it is answered and stored.
    func document(_ outcome: AssayOutcome, of decision: AssayDecision, _ assay: Assay) -> [UInt8] {
        var result = AssayResult(outcome, of: decision, pipelineID: assay.definition.pipelineID)
        if let id = assay.definition.workspaceID, let workspace = workspaces[id] {
            result.workspace = (id, workspace.name)
        }
        return AssayResultWriter.text(of: result)
    }
}
