// That the newest status of a path became another: what people want to be told.
//
// The newest status is that of the decision about the latest window. It changes from window to window,
// and when that window is decided again for records that came late. What one commit backfills is told
// once, by what it ends with: nobody wants a month of yesterday's alarms. Nor is it news that the first
// window of an assay is Ok.
//
// An assay of the first generation has one path, and its decision's status is the path's. One of the second
// generation has several; its decision says the worst of them, and each path changes by itself. What a path
// was before is what was told of it last (AlertBook.swift), for decisions do not say it; where nothing was
// told, and the assay had caught up, it is Ok. There each run has its window, so it is known whether a
// backfill goes on after a commit: it is told once in all.
//
//     {"kind": "status_changed", "id", "assay_id", "assay_uuid", "assay_name", "pipeline_name", "path", "iopath",
//      "from", "to", "window_start_microseconds", "window_end_microseconds", "result_id", "at"}
//
// `assay_uuid` and `iopath`, the path as `/v2` spells it, are there for the second generation only; `iopath` is
// for readers, `path` says the same.
//
// Invariants:
//  * Changes are a pure function of the books and the decisions that are about to be appended, and are
//    appended in the same commit: there is one exactly where there is the other.
//  * Decisions about windows before the latest change nothing.
//  * `StatusChange(JSONField(change.json))` gives back every change.

import Assays
import JSON
import Records

package enum AlertKind {}
package typealias AlertID = Identifier<AlertKind>

package struct StatusChange: Hashable, Sendable {
    package var id: AlertID
    package var assayID: AssayID
    /// What the second generation calls the assay; nil for the first.
    package var assayUUID: String?
    package var assayName: String
    package var pipelineName: String
    package var path: IOPath
    /// Nil where nothing had been decided that would have been told.
    package var from: AssayStatus?
    package var to: AssayStatus
    /// The latest window, and the result that was decided about it.
    package var window: TimeWindow
    package var resultID: AssayResultID
    package var at: Timestamp

    /// What the decisions among `events` change, numbered after the alerts there are.
    ///
    /// - Parameter pathStatuses: by their windows, the statuses of the paths of an assay that has several,
    ///   in their order.
    package static func changes(
        by events: [AssayEvent], in book: AssayBook, after alerts: AlertBook,
        pathStatuses: [TimeWindow: [AssayStatus]] = [:]
    ) -> [StatusChange] {
        var changes: [StatusChange] = []
        var watched: [AssayID: WatchedAssay] = [:]
        func append(_ found: [StatusChange]) {
            for var change in found {
                change.id = AlertID(alerts.lastAlertID.number + changes.count + 1)
                changes.append(change)
            }
        }
        for case .analysed(let decision) in events {
            guard var assay = watched[decision.assayID] ?? WatchedAssay(decision.assayID, book, alerts)
            else { continue }
            // What a backfill came to is told before what follows it.
            if decision.reason != .backfill { append(assay.tell()) }
            assay.take(decision, pathStatuses[decision.window] ?? [decision.status])
            if decision.reason != .backfill { append(assay.tell()) }
            watched[decision.assayID] = assay
        }
        for id in watched.keys.sorted() { append(watched[id]?.tell() ?? []) }
        return changes
    }

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

/// An assay of either generation while decisions about it are looked at: what was told of its paths, and
/// what is to be told.
private struct WatchedAssay {
    private let id: AssayID
    private let uuid: String?
    private let name: String
    private let pipelineName: String
    private let paths: [IOPath]
    /// Of each path.
    private var told: [AssayStatus?]
    private var newestStart: Timestamp?
    /// The newest decision, until it is told of, and the status of each path.
    private var untold: (decision: AssayDecision, statuses: [AssayStatus])?
    /// Nil for the first generation.
    private let series: SeriesAssay?

    /// Nil where there is no such assay.
    init?(_ id: AssayID, _ book: AssayBook, _ alerts: AlertBook) {
        self.id = id
        if let assay = book[id] {
            uuid = nil
            name = assay.definition.name
            pipelineName = assay.definition.pipelineName
            paths = [assay.definition.window.path]
            told = [assay.decisions.last?.status]
            newestStart = assay.decisions.last?.window.start
            series = nil
        } else if let assay = book[series: id] {
            uuid = assay.uuid
            name = assay.definition.name
            pipelineName = assay.definition.targeting.pipelineName ?? ""
            paths = assay.definition.paths
            told = paths.map { alerts.toldStatus(of: id, $0) ?? (assay.hasCaughtUp ? .ok : nil) }
            newestStart = assay.decisions.last?.window.start
            series = assay
        } else {
            return nil
        }
    }

    mutating func take(_ decision: AssayDecision, _ statuses: [AssayStatus]) {
        precondition(statuses.count == paths.count, "Each path of a window that is decided has a status.")
        if let newestStart, decision.window.start < newestStart { return }
        newestStart = decision.window.start
        untold = (decision, statuses)
    }

    /// What the newest decision changes, not numbered yet; nothing while a backfill goes on after it.
    mutating func tell() -> [StatusChange] {
        guard let (decision, statuses) = untold, series?.isBackfilled(after: decision.window) != true
        else { return [] }
        untold = nil
        var changes: [StatusChange] = []
        for (position, status) in statuses.enumerated() where status != told[position] {
            let from = told[position]
            told[position] = status
            guard from != nil || status != .ok else { continue }
            changes.append(
                StatusChange(
                    id: AlertID(0), assayID: id, assayUUID: uuid, assayName: name, pipelineName: pipelineName,
                    path: paths[position], from: from, to: status, window: decision.window,
                    resultID: decision.resultID, at: decision.analysedAt))
        }
        return changes
    }
}
