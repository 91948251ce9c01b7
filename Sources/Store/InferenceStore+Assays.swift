// Stored assays: the commands on them, and their results.

import Assays
import Catalog
import EventLog
import JSON
import Records
import Segments
import Summaries

extension InferenceStore {
    // MARK: Commands

    /// Judges a command on the book as it stands, appends the events it returns, folds them.
    @discardableResult
    func changeBook(_ command: (AssayBook) throws -> [AssayEvent]) async throws -> (
        events: [AssayEvent], commit: CommitNumber?
    ) {
        try await gate.pass {
            let events = try command(book)
            guard !events.isEmpty else { return ([], nil) }
            let receipt = try await log.append(
                events.map { .event(Event(name: EventName.assay, document: Array($0.json.text.utf8))) })
            folded.withLock { folded in
                for event in events { folded.book.apply(event) }
            }
            return (events, receipt.commit)
        }
    }

    package func createAssay(_ request: AssayRequest) async throws -> AssayID {
        let definition = try view.completed(request.definition)
        let change = try await changeBook { book in
            [try book.create(definition, isActive: request.isActive, at: sources.now())]
        }
        guard case .created(let creation)? = change.events.first else {
            preconditionFailure("Creating an assay is one event.")
        }
        return creation.id
    }

    package func setActive(_ id: AssayID, _ isActive: Bool) async throws {
        try await changeBook { book in [try book.setActive(id, isActive, at: sources.now())] }
    }

    // MARK: Results

    /// The newest result of each window of an assay that starts in `period`, oldest first, as JSON
    /// documents; at most `limit`.
    package func results(
        of id: AssayID, startingIn period: TimeWindow, limit: Int = .max
    ) throws -> [[UInt8]] {
        guard let assay = book[id] else { throw AssayError.unknownAssay(id) }
        let places = resultPlaces()
        return try assay.decisions(startingIn: period).prefix(limit).map { decision in
            if let place = places[decision.resultID.number] {
                // A damaged copy is as good as none: the log can say it again.
                do { return try derived.snapshot().event(place).document } catch {}
            }
            return try rederive(decision, of: assay)
        }
    }

    /// Where the stored results are, by number.
    private func resultPlaces() -> [Int: EventPlace] {
        var places: [Int: EventPlace] = [:]
        for place in derived.snapshot().index.events {
            guard let number = Int(place.entry.name) else { continue }
            places[number] = place
        }
        return places
    }

    /// Works a result out again that is not in the derived directory: definition, baseline and the
    /// records up to the decision's cut give the same one.
    private func rederive(_ decision: AssayDecision, of assay: Assay) throws -> [UInt8] {
        let view = self.view
        let baseline =
            try assay.pin?.summary
            ?? view.baseline(
                assay.definition.baseline, assay.definition.summarizer, for: decision.window,
                cut: decision.cut)
        let values = try view.values(of: assay.definition.window, in: decision.window, cut: decision.cut)
        try view.refuseUnseen(values.statistics.unseen)
        let outcome = try AssayEvaluator(assay.definition, baseline: baseline)
            .outcome(of: SortedSample(values.values), in: decision.window)
        return document(outcome, of: decision, assay)
    }

    /// A result as it is answered and stored.
    func document(_ outcome: AssayOutcome, of decision: AssayDecision, _ assay: Assay) -> [UInt8] {
        var result = AssayResult(outcome, of: decision, pipelineID: assay.definition.pipelineID)
        if let id = assay.definition.workspaceID, let workspace = catalog.workspaces[id] {
            result.workspace = (id, workspace.name)
        }
        return Array(result.json.text.utf8)
    }

    /// Keeps results beside the log.
    func keep(_ documents: [(number: Int, document: [UInt8])]) async throws {
        guard !documents.isEmpty else { return }
        _ = try await derived.append(
            documents.map { .event(Event(name: String($0.number), document: $0.document)) })
    }
}
