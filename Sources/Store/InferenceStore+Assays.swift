// Stored assays: the commands on them, and the keeping of their results.

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
        try view.results(of: id, startingIn: period, limit: limit)
    }

    /// A result as it is answered and stored.
    func document(_ outcome: AssayOutcome, of decision: AssayDecision, _ assay: Assay) -> [UInt8] {
        catalog.document(outcome, of: decision, assay)
    }

    /// Keeps results beside the log.
    func keep(_ documents: [(number: Int, document: [UInt8])]) async throws {
        guard !documents.isEmpty else { return }
        _ = try await derived.append(
            documents.map { .event(Event(name: String($0.number), document: $0.document)) })
    }
}
