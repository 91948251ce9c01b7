// Stored assays: the commands on them, and the keeping of their results.

import Alerts
import Assays
import Catalog
import EventLog
import JSON
import Records
import Segments
import Summaries

extension InferenceStore {
    // MARK: Commands

    /// Judges a command on the book as it stands, appends the events it returns, folds them. What they
    /// change of the assays' newest statuses goes into the same commit.
    ///
    /// - Parameters:
    ///   - circumstances: where windows are decided, what bears on telling of it.
    ///   - place: the thread on which it is written.
    @discardableResult
    func changeBook(
        _ circumstances: StatusChange.Circumstances? = nil, on place: AppendThread = .writer,
        _ command: (AssayBook) throws -> [AssayEvent]
    ) async throws -> (events: [AssayEvent], commit: CommitNumber?) {
        try await gate.pass { try await changeBookBehindGate(circumstances, on: place, command) }
    }

    /// The same for who holds the gate.
    func changeBookBehindGate(
        _ circumstances: StatusChange.Circumstances?, on place: AppendThread = .writer,
        _ command: (AssayBook) throws -> [AssayEvent]
    ) async throws -> (events: [AssayEvent], commit: CommitNumber?) {
        let events = try command(book)
        guard !events.isEmpty else { return ([], nil) }
        let (book, alerts) = folded.withLock { ($0.book, $0.alerts) }
        let changes =
            circumstances.map { StatusChange.changes(by: events, in: book, after: alerts, $0) } ?? []
        let alertEvents = alerts.events(of: changes, at: sources.now())
        let receipt = try await log.append(
            events.map { .event(Event(name: EventName.assay, document: Array($0.json.text.utf8))) }
                + alertEvents.map { .event(InferenceStore.entry($0)) }, on: place)
        folded.withLock { folded in
            for event in events { folded.book.apply(event) }
            for event in alertEvents { folded.alerts.apply(event) }
        }
        // After the fold: whoever reads this first and the book then, sees them in it.
        changedAssays.withLock { changed in changed += events.compactMap(\.changedAssay) }
        return (events, receipt.commit)
    }

    /// Creates an assay, durably when this returns; its windows are analysed later.
    package func createAssay(_ request: AssayRequest) async throws -> AssayID {
        try await createAssay(try view.creatable(request), isActive: request.isActive)
    }

    /// Creates an assay of a definition that a view found to be one (`StoreView.creatable`).
    package func createAssay(_ definition: AssayDefinition, isActive: Bool) async throws -> AssayID {
        let change = try await changeBook { book in
            [try book.create(definition, isActive: isActive, at: sources.now())]
        }
        guard case .created(let creation)? = change.events.first else {
            preconditionFailure("Creating an assay is one event.")
        }
        return creation.id
    }

    /// - Throws: where an assay that is switched on has more windows to decide at once than it may.
    package func setActive(_ id: AssayID, _ isActive: Bool) async throws {
        let view = view
        if isActive, let assay = view.book[id], !assay.isActive {
            try view.refuseEndlessBackfill(of: assay.definition, assay)
        }
        try await changeBook { book in [try book.setActive(id, isActive, at: sources.now())] }
    }

    // MARK: Decisions

    /// Decides what passes over assays found, all in one commit, and keeps the results beside the log.
    ///
    /// Assays that were switched off or redefined meanwhile are passed over: they are looked at again.
    ///
    /// - Parameters:
    ///   - cut: the last commit that the passes saw.
    ///   - sealingCount: the store's, from before the passes looked at it.
    ///   - circumstances: what bears on telling of it.
    ///   - place: the thread on which both are written.
    /// - Returns: false where nothing was decided, because records were let go meanwhile, or windows decided before that.
    func decide(
        _ findings: [AssayFindings], cut: CommitNumber, sealingCount: Int, runAt: Timestamp,
        _ circumstances: StatusChange.Circumstances, on place: AppendThread
    ) async throws -> Bool {
        guard !findings.isEmpty else { return true }
        var isCurrent = true
        let change = try await changeBook(circumstances, on: place) { book in
            isCurrent = self.sealingCount.load(ordering: .sequentiallyConsistent) == sealingCount
            return try isCurrent ? book.decide(findings, cut: cut, runAt: runAt) : []
        }
        try await keep(documents(of: change.events, findings), on: place)
        return isCurrent
    }

    /// The same for who holds the gate, and whose view is therefore of now.
    ///
    /// - Returns: how many decisions that were.
    func decideBehindGate(
        _ findings: [AssayFindings], cut: CommitNumber, runAt: Timestamp,
        _ circumstances: StatusChange.Circumstances
    ) async throws -> Int {
        let change = try await changeBookBehindGate(circumstances) {
            try $0.decide(findings, cut: cut, runAt: runAt)
        }
        let documents = documents(of: change.events, findings)
        // Because: what is not kept, as on a full disk, is worked out again.
        try? await keep(documents)
        return documents.count
    }

    /// The results of decisions about what passes found.
    private func documents(
        of events: [AssayEvent], _ findings: [AssayFindings]
    ) -> [(number: Int, document: [UInt8])] {
        var outcomes: [AssayID: ArraySlice<AssayOutcome>] = [:]
        for found in findings { outcomes[found.id] = found.outcomes[...] }
        let (catalog, book) = (catalog, book)
        var documents: [(number: Int, document: [UInt8])] = []
        for case .analysed(let decision) in events {
            // Decisions of an assay come in the order of its outcomes.
            guard let outcome = outcomes[decision.assayID]?.popFirst(), let assay = book[decision.assayID]
            else { preconditionFailure("What was decided was found.") }
            documents.append((decision.resultID.number, catalog.document(outcome, of: decision, assay)))
        }
        return documents
    }

    /// Keeps results beside the log, a few megabytes at a time: no assay's bins fill an envelope.
    func keep(
        _ documents: [(number: Int, document: [UInt8])], on place: AppendThread = .writer
    ) async throws {
        var rest = documents[...]
        while let first = rest.first {
            var byteCount = first.document.count
            let others = rest.dropFirst().prefix { other in
                byteCount += other.document.count
                return byteCount <= Self.keptByteCountMax
            }
            _ = try await derived.append(
                rest[..<others.endIndex].map {
                    .event(Event(name: String($0.number), document: $0.document))
                }, on: place)
            rest = rest[others.endIndex...]
        }
    }

    /// Bytes of documents that are kept in one append, unless one document has more.
    private static let keptByteCountMax = 8 << 20
}

extension AssayBook {
    /// The decisions about what passes found, numbered over all of them; those about assays that were switched off or
    /// redefined since are left out.
    fileprivate func decide(
        _ findings: [AssayFindings], cut: CommitNumber, runAt: Timestamp
    ) throws -> [AssayEvent] {
        var events: [AssayEvent] = []
        var number = lastResultID.number
        for found in findings {
            guard let assay = self[found.id], assay.isActive,
                assay.definitionRevision == found.definitionRevision
            else { continue }
            // A fixed baseline stays what it was when it was first used, whatever comes later.
            if let baseline = found.firstBaseline,
                let pin = try pinBaseline(of: found.id, baseline, cut: cut, at: runAt)
            {
                events.append(pin)
            }
            events += try decide(
                found.analyses, of: found.id, cut: cut, examinedCut: found.examinedCut, runAt: runAt,
                after: AssayResultID(number))
            number += found.analyses.count
        }
        return events
    }
}

extension AssayEvent {
    /// The assay of which something else is to be analysed from here on.
    fileprivate var changedAssay: AssayID? {
        switch self {
        case .created(let creation): creation.id
        case .activated(let id, _, _): id
        case .thresholdsChanged(let change): change.id
        // The second generation has a scheduler of its own; of its switches this one makes nothing.
        case .analysed, .baselinePinned, .scheduled: nil
        }
    }
}
