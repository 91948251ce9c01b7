// The assays of the second generation in the book: found by UUID, numbered with all others.
//
// Invariants:
//  * No two of a workspace have one name; those of the first generation are named apart.
//  * A number belongs to an assay of one generation only.

import Records

/// The assays of the second generation, folded from the same events as the others.
struct SeriesBook: Hashable, Sendable {
    private(set) var assays = PagedTable<SeriesAssay>()
    private(set) var ids: [String: AssayID] = [:]

    mutating func keep(_ creation: SeriesCreation) {
        // Scheduled again: what happened to it since is kept.
        guard assays[creation.id] == nil else { return }
        assays.insert(SeriesAssay(creation), creation.id)
        ids[creation.uuid] = creation.id
    }

    mutating func activate(_ id: AssayID, _ isActive: Bool, at moment: Timestamp) {
        assays.change(id) { $0.activate(isActive, at: moment) }
    }

    /// Changes one in its place.
    mutating func change(_ id: AssayID, _ body: (inout SeriesAssay) -> Void) { assays.change(id, body) }

    mutating func keep(_ decision: AssayDecision) {
        assays.change(decision.assayID) { $0.keep(decision) }
    }
}

extension AssayBook {
    /// The assay of the second generation that is called `uuid`.
    package subscript(uuid uuid: String) -> SeriesAssay? {
        series.ids[uuid].flatMap { series.assays[$0] }
    }

    /// The assay of the second generation that decisions call `id`.
    package subscript(series id: AssayID) -> SeriesAssay? { series.assays[id] }

    /// All assays of the second generation, newest first.
    package func seriesList() -> [SeriesAssay] {
        // Asked four times a second; without any, not even the types of what is sorted have to be made.
        series.assays.count == 0 ? [] : series.assays.values.sorted { $0.id > $1.id }
    }

    // MARK: Commands

    /// A new assay, active from the start. The definition's workspace is filled in.
    package func schedule(
        _ definition: SeriesDefinition, uuid: String, at moment: Timestamp
    ) throws(AssayError) -> AssayEvent {
        let namesake = series.assays.values.first {
            $0.definition.name == definition.name
                && $0.definition.targeting.workspaceID == definition.targeting.workspaceID
        }
        if let namesake {
            throw .duplicateSeriesName(definition.name, existing: namesake.uuid)
        }
        return .scheduled(
            SeriesCreation(
                id: AssayID(lastID.number + 1), uuid: uuid, definition: definition, at: moment))
    }

    /// Switches an assay on or off; the contract answers the same where it is so already.
    package func setActive(
        uuid: String, _ isActive: Bool, at moment: Timestamp
    ) throws(AssayError) -> AssayEvent {
        guard let id = series.ids[uuid] else { throw .unknownUUID(uuid, field: "assay_id") }
        return .activated(id, isActive: isActive, at: moment)
    }

    /// The decisions of one pass over an assay that began at `runAt` and saw the log up to `cut`.
    ///
    /// No window is analysed twice in one pass.
    ///
    /// - Parameter examinedCut: up to where all windows decided before were examined; nil for `cut`.
    package func decide(
        _ analyses: [WindowAnalysis], ofSeries assay: SeriesAssay, cut: CommitNumber,
        examinedCut: CommitNumber? = nil, runAt: Timestamp
    ) -> [AssayEvent] {
        let pass = WindowDecisions.Pass(
            assayID: assay.id, definitionRevision: 1, engineVersion: SeriesOutcome.engineVersion,
            lastResultID: lastResultID, cut: cut, examinedCut: examinedCut, runAt: runAt)
        return assay.decided.decisions(of: pass, analyses).map { .analysed($0) }
    }
}

extension WindowAnalysis {
    /// Status and digest are the outcome's, over all of its paths.
    package init(
        of outcome: SeriesOutcome, reason: DecisionReason, analysedAt: Timestamp,
        elapsedMilliseconds: Int
    ) {
        self.init(
            window: outcome.window, reason: reason, status: outcome.status, digest: outcome.digest,
            analysedAt: analysedAt, elapsedMilliseconds: elapsedMilliseconds)
    }
}
