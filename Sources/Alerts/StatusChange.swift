// That the newest status of a path became another: what people want to be told.
//
// The newest status is that of the decision about the latest window that is complete. It is held against
// what was told last of the path (AlertBook.swift), at the end of a commit of decisions, and once more when
// an assay has caught up: its last windows may hold nothing, and then nothing is decided about them.
//
//     decisions of a commit ──┐
//     an assay caught up ─────┴─► newest status ═?═ told last ──► a change, and told from here on
//
// An assay that is catching up says nothing, however many commits its backfill is cut into: nobody wants a
// month of yesterday's alarms. Whether it is, the schedulers know (Store), for they know what is due: after
// it was created or switched on, after the server was down, or after records came late for many windows, unless
// a window behind all of these was decided: that one is the newest.
//
// An assay of the first generation has one path, and its decision's status is the path's. One of the second
// generation has several; its decision says the worst of them, and each path changes by itself.
//
// That a first status is Ok is written down as any change is, so that the next one knows where it comes
// from, but it is no news: no list shows it and nobody is told.
//
//     {"kind": "status_changed", "id", "assay_id", "assay_uuid", "assay_name", "pipeline_name", "path", "iopath",
//      "from", "to", "window_start_microseconds", "window_end_microseconds", "result_id", "at"}
//
// `assay_uuid` and `iopath`, the path as `/v2` spells it, are there for the second generation only; `iopath` is
// for readers, `path` says the same.
//
// Invariants:
//  * Changes are a pure function of the books, of the decisions that are about to be appended, and of what is
//    due; they are appended in the same commit as the decisions.
//  * Of each path the changes make a chain: each begins where the one before it ended, and none stands still.
//  * Decisions about windows before the latest change nothing, nor do those about windows that have not ended.
//  * `StatusChange(JSONField(change.json))` gives back every change.

import Assays
import JSON
import Records

/// What tells numbers of alerts from others; it has no values.
package enum AlertKind {}
package typealias AlertID = Identifier<AlertKind>

/// That the newest status of one path of an assay is another than was told last.
package struct StatusChange: Hashable, Sendable {
    /// Rises along the log, over all assays, from 1.
    package var id: AlertID
    package var assayID: AssayID
    /// What the second generation calls the assay; nil for the first.
    package var assayUUID: String?
    package var assayName: String
    package var pipelineName: String
    package var path: IOPath
    /// What was told last; nil where nothing was.
    package var from: AssayStatus?
    package var to: AssayStatus
    /// The latest window, and the result that was decided about it.
    package var window: TimeWindow
    package var resultID: AssayResultID
    /// When the decision's outcome was there.
    package var at: Timestamp

    /// Whether anybody wants to know: not that all is well at first.
    package var isNews: Bool { from != nil || to != .ok }

    /// What bears on telling, beside the books.
    package struct Circumstances: Sendable {
        /// Windows that end later are not complete, whatever a clock that was wrong had decided of them.
        package var horizon: Timestamp
        /// Assays with more to be decided already that may be newest: they are told of when they have caught up.
        package var behind: Set<AssayID>
        /// By their windows, the statuses of the paths of an assay that has several, in their order.
        package var pathStatuses: [TimeWindow: [AssayStatus]]

        package init(
            horizon: Timestamp, behind: Set<AssayID> = [], pathStatuses: [TimeWindow: [AssayStatus]] = [:]
        ) {
            self.horizon = horizon
            self.behind = behind
            self.pathStatuses = pathStatuses
        }
    }

    /// What the decisions among `events` change, numbered after the alerts there are.
    package static func changes(
        by events: [AssayEvent], in book: AssayBook, after alerts: AlertBook, _ circumstances: Circumstances
    ) -> [StatusChange] {
        var watched: [AssayID: WatchedAssay] = [:]
        for case .analysed(let decision) in events where decision.window.end <= circumstances.horizon {
            let id = decision.assayID
            guard !circumstances.behind.contains(id),
                var assay = watched[id] ?? WatchedAssay(id, book, circumstances.horizon)
            else { continue }
            assay.take(decision, circumstances.pathStatuses[decision.window] ?? [decision.status])
            watched[id] = assay
        }
        return changes(of: watched.keys.sorted().compactMap { watched[$0] }, after: alerts)
    }

    /// What has become of assays of the first generation that have caught up, where that was not told yet.
    package static func changes(
        ofNewest ids: some Sequence<AssayID>, in book: AssayBook, after alerts: AlertBook, horizon: Timestamp
    ) -> [StatusChange] {
        let active = ids.filter { book[$0]?.isActive == true }
        return changes(of: active.compactMap { WatchedAssay($0, book, horizon) }, after: alerts)
    }

    private static func changes(of watched: [WatchedAssay], after alerts: AlertBook) -> [StatusChange] {
        var changes = watched.flatMap { $0.changes(after: alerts) }
        for place in changes.indices {
            changes[place].id = AlertID(alerts.lastAlertID.number + 1 + place)
        }
        return changes
    }

    /// The event's document, its `kind` first.
    package var json: JSONValue { .object(JSONObject([("kind", .string("status_changed"))] + members)) }

    /// As receivers are told of it, and lists show it.
    package var data: JSONValue {
        .object(
            JSONObject(
                members + [("window_start", .zulu(window.start)), ("window_end", .zulu(window.end))]))
    }

    private var members: [(String, JSONValue)] {
        var members: [(String, JSONValue)] = [("id", .identifier(id)), ("assay_id", .identifier(assayID))]
        if let assayUUID { members.append(("assay_uuid", .string(assayUUID))) }
        members += [
            ("assay_name", .string(assayName)), ("pipeline_name", .string(pipelineName)),
            ("path", .string(path.text)),
        ]
        if assayUUID != nil { members.append(("iopath", .string(path.dottedText))) }
        return members + [
            ("from", .string(from?.rawValue)), ("to", .string(to.rawValue)),
            ("window_start_microseconds", .integer(window.start.microseconds)),
            ("window_end_microseconds", .integer(window.end.microseconds)),
            ("result_id", .identifier(resultID)), ("at", .zulu(at)),
        ]
    }

    package init(
        id: AlertID, assayID: AssayID, assayUUID: String? = nil, assayName: String, pipelineName: String,
        path: IOPath, from: AssayStatus?, to: AssayStatus, window: TimeWindow, resultID: AssayResultID,
        at: Timestamp
    ) {
        self.id = id
        self.assayID = assayID
        self.assayUUID = assayUUID
        self.assayName = assayName
        self.pipelineName = pipelineName
        self.path = path
        self.from = from
        self.to = to
        self.window = window
        self.resultID = resultID
        self.at = at
    }

    /// Reads an event's document; `kind`, `iopath` and moments as text are not looked at.
    package init(_ json: JSONField) throws(FieldError) {
        let start = try json["window_start_microseconds"].integer()
        let end = try json["window_end_microseconds"].integer()
        guard start < end else { throw json["window_end_microseconds"].refused("is not after the start") }
        var from: AssayStatus?
        if let field = json["from"].optional { from = try field.word() }
        self.init(
            id: try json["id"].identifier(), assayID: try json["assay_id"].identifier(),
            assayUUID: try json["assay_uuid"].optional?.uuid(),
            assayName: try json["assay_name"].string(), pipelineName: try json["pipeline_name"].string(),
            path: try json["path"].ioPath(), from: from, to: try json["to"].word(),
            window: TimeWindow(
                start: Timestamp(microseconds: Int64(start)), end: Timestamp(microseconds: Int64(end))),
            resultID: try json["result_id"].identifier(), at: try json["at"].timestamp())
    }
}

/// An assay of either generation, and its newest decision while more are taken.
private struct WatchedAssay {
    private let id: AssayID
    private let uuid: String?
    private let name: String
    private let pipelineName: String
    private let paths: [IOPath]
    private var newest: AssayDecision?
    /// Of each path, as the newest decision has it; nil where it is one of several paths that was folded:
    /// it was told of, or is told of with the next one.
    private var statuses: [AssayStatus]?

    /// Nil where there is no such assay.
    init?(_ id: AssayID, _ book: AssayBook, _ horizon: Timestamp) {
        self.id = id
        if let assay = book[id] {
            uuid = nil
            name = assay.definition.name
            pipelineName = assay.definition.pipelineName
            paths = [assay.definition.window.path]
            newest = assay.decisions.last(endedAt: horizon)
            statuses = newest.map { [$0.status] }
        } else if let assay = book[series: id] {
            uuid = assay.uuid
            name = assay.definition.name
            pipelineName = assay.definition.targeting.pipelineName ?? ""
            paths = assay.definition.paths
            newest = assay.decisions.last(endedAt: horizon)
        } else {
            return nil
        }
    }

    mutating func take(_ decision: AssayDecision, _ statuses: [AssayStatus]) {
        precondition(statuses.count == paths.count, "Each path of a window that is decided has a status.")
        if let newest, decision.window.start < newest.window.start { return }
        newest = decision
        self.statuses = statuses
    }

    /// Where the newest statuses are not what was told, not numbered yet.
    func changes(after alerts: AlertBook) -> [StatusChange] {
        guard let newest, let statuses else { return [] }
        return zip(paths, statuses).compactMap { path, status in
            let told = alerts.toldStatus(of: id, path)
            guard status != told else { return nil }
            return StatusChange(
                id: AlertID(0), assayID: id, assayUUID: uuid, assayName: name, pipelineName: pipelineName,
                path: path, from: told, to: status, window: newest.window, resultID: newest.resultID,
                at: newest.analysedAt)
        }
    }
}
