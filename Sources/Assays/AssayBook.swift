// The assay events folded: which assays there are and what was decided about their windows.
//
// The book is a projection, as the catalogue is: fold the log's events and it is there again.
// Commands never change it; each returns the events to append, and these are applied once they are
// durable. Two commands at once could be given the same number; they are carried out one by one.
//
// Invariants:
//  * The same events in the same order give the same book.
//  * Folding the last events again changes nothing.
//  * No two assays of a workspace have one name; numbers are never given twice.

import Records

/// Why an assay command was refused.
package enum AssayError: Error, Hashable, Sendable {
    case duplicateName(String, existing: AssayID)
    /// `field` is the member of the request that names it.
    case unknownAssay(AssayID, field: String = "id")
    /// A name of the second generation.
    case duplicateSeriesName(String, existing: String)
    /// A UUID of the second generation, under the member of the request that names it.
    case unknownUUID(String, field: String = "id")
}

extension AssayError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .duplicateName(let name, let existing):
            "field \"name\" is \"\(name)\", which assay \(existing) of this workspace is called "
                + "already; use another name"
        case .unknownAssay(let id, let field):
            "field \"\(field)\" is \(id), and there is no assay \(id); list the assays to see which there are"
        case .duplicateSeriesName(let name, let existing):
            "field \"name\" is \"\(name)\", which assay \(existing) of this workspace is called "
                + "already; use another name"
        case .unknownUUID(let uuid, let field):
            "field \"\(field)\" is \"\(uuid)\", and there is no assay \(uuid) in /v2; get the assays to see which "
                + "there are"
        }
    }
}

/// One window analysed, before it has numbers.
package struct WindowAnalysis: Hashable, Sendable {
    package var window: TimeWindow
    package var reason: DecisionReason
    package var status: AssayStatus
    package var digest: ResultDigest
    package var analysedAt: Timestamp
    package var elapsedMilliseconds: Int

    package init(
        window: TimeWindow, reason: DecisionReason, status: AssayStatus, digest: ResultDigest,
        analysedAt: Timestamp, elapsedMilliseconds: Int
    ) {
        self.window = window
        self.reason = reason
        self.status = status
        self.digest = digest
        self.analysedAt = analysedAt
        self.elapsedMilliseconds = elapsedMilliseconds
    }
}

/// The assays of both generations and what was decided about them. A value: a copy is a view that stays as it is,
/// and shares what is not changed since.
package struct AssayBook: Hashable, Sendable {
    var assays = PagedTable<Assay>()
    /// Names are unique in a workspace; this finds a namesake without looking at all assays.
    private var ids: [AssayName: AssayID] = [:]
    private(set) var lastID = AssayID(0)
    /// The number given last, over all assays of both generations; 0 before the first.
    package internal(set) var lastResultID = AssayResultID(0)
    /// Those of the second generation: they count with the others (AssayBook+Series.swift).
    var series = SeriesBook()

    private struct AssayName: Hashable, Sendable {
        var name: String
        var workspaceID: WorkspaceID?

        init(_ definition: AssayDefinition) {
            name = definition.name
            workspaceID = definition.workspaceID
        }
    }

    /// Before the first event.
    package init() {}

    /// The assay of the first generation of that number; nil also for one of the second.
    package subscript(id: AssayID) -> Assay? { assays[id] }

    /// All assays, newest first, as lists show them; those of one pipeline or workspace on request.
    package func list(
        pipelineID: PipelineID? = nil, workspaceID: WorkspaceID? = nil
    ) -> [Assay] {
        assays.values.filter {
            (pipelineID == nil || $0.definition.pipelineID == pipelineID)
                && (workspaceID == nil || $0.definition.workspaceID == workspaceID)
        }.sorted { $0.id > $1.id }
    }

    // MARK: The fold

    /// Folds one event in. An event about an assay that is not there is passed over.
    package mutating func apply(_ event: AssayEvent) {
        switch event {
        case .created(let creation):
            lastID = max(lastID, creation.id)
            // Created again: what happened to it since is kept.
            guard assays[creation.id] == nil else { return }
            ids[AssayName(creation.definition)] = creation.id
            assays.insert(Assay(creation), creation.id)
        case .scheduled(let creation):
            lastID = max(lastID, creation.id)
            series.keep(creation)
        case .activated(let id, let isActive, let at):
            series.activate(id, isActive, at: at)
            assays.change(id) { $0.activate(isActive, at: at) }
        case .thresholdsChanged(let change):
            assays.change(change.id) { $0.change(change) }
        case .analysed(let decision):
            // Result numbers rise along the log, so this one was folded before.
            guard decision.resultID > lastResultID else { return }
            lastResultID = decision.resultID
            assays.change(decision.assayID) { $0.keep(decision) }
            series.keep(decision)
        case .baselinePinned(let pin):
            // The first use settles it, whatever comes later.
            assays.change(pin.id) { if $0.pin == nil { $0.pin = pin } }
        }
    }

    // MARK: Commands

    /// A new assay. The definition's workspace should be filled in: names are unique in it.
    package func create(
        _ definition: AssayDefinition, isActive: Bool, at moment: Timestamp
    ) throws(AssayError) -> AssayEvent {
        if let namesake = ids[AssayName(definition)] {
            throw .duplicateName(definition.name, existing: namesake)
        }
        return .created(
            AssayCreation(
                id: AssayID(lastID.number + 1), definition: definition, isActive: isActive,
                at: moment))
    }

    /// Switches an assay on or off; the contract answers the same where it is so already.
    package func setActive(
        _ id: AssayID, _ isActive: Bool, at moment: Timestamp
    ) throws(AssayError) -> AssayEvent {
        _ = try assay(id)
        return .activated(id, isActive: isActive, at: moment)
    }

    /// Keeps a calculated baseline as it is now; nil where one is kept already.
    package func pinBaseline(
        of id: AssayID, _ summary: DatedSummary, cut: CommitNumber, at moment: Timestamp
    ) throws(AssayError) -> AssayEvent? {
        try assay(id).pin == nil
            ? .baselinePinned(BaselinePin(id: id, summary: summary, cut: cut, at: moment)) : nil
    }

    /// The decisions of one pass over an assay that began at `runAt` and saw the log up to `cut`.
    ///
    /// No window is analysed twice in one pass.
    ///
    /// - Parameters:
    ///   - examinedCut: up to where all windows decided before were examined; nil for `cut`.
    ///   - number: the last result number that others were given in the same commit; nil for none.
    package func decide(
        _ analyses: [WindowAnalysis], of id: AssayID, cut: CommitNumber, examinedCut: CommitNumber? = nil,
        runAt: Timestamp, after number: AssayResultID? = nil
    ) throws(AssayError) -> [AssayEvent] {
        let assay = try assay(id)
        let pass = WindowDecisions.Pass(
            assayID: id, definitionRevision: assay.definitionRevision,
            engineVersion: AssayEvaluator.engineVersion, lastResultID: number ?? lastResultID, cut: cut,
            examinedCut: examinedCut, runAt: runAt)
        return assay.decided.decisions(of: pass, analyses).map { .analysed($0) }
    }

    private func assay(_ id: AssayID) throws(AssayError) -> Assay {
        guard let assay = assays[id] else { throw .unknownAssay(id) }
        return assay
    }
}
