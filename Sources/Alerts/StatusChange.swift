// That an assay's newest status became another: what people want to be told.
//
// The newest status is that of the decision about the latest window. It changes from window to window,
// and when that window is decided again for records that came late. A backfill is told once, by
// what it ends with: nobody wants a month of yesterday's alarms. Nor is it news that the first window
// of an assay is Ok.
//
// Invariants:
//  * Changes are a pure function of the book and the decisions that are about to be appended to it, and
//    are appended in the same commit: there is one exactly where there is the other.
//  * Decisions about windows before the latest change nothing.

import Assays
import JSON
import Records

package enum AlertKind {}
package typealias AlertID = Identifier<AlertKind>

package struct StatusChange: Hashable, Sendable {
    package var id: AlertID
    package var assayID: AssayID
    package var assayName: String
    package var pipelineName: String
    package var path: IOPath
    /// Nil where no window had been decided.
    package var from: AssayStatus?
    package var to: AssayStatus
    /// The latest window, and the result that was decided about it.
    package var window: TimeWindow
    package var resultID: AssayResultID
    package var at: Timestamp

    /// What the decisions among `events` change, numbered from `firstID` on.
    package static func changes(
        by events: [AssayEvent], in book: AssayBook, firstID: AlertID
    ) -> [StatusChange] {
        var changes: [StatusChange] = []
        /// Each assay as it was last told, and as it is.
        struct State {
            var told: AssayStatus?
            var newest: AssayDecision?
        }
        var states: [AssayID: State] = [:]
        func tell(_ id: AssayID, at moment: Timestamp) {
            guard let assay = book[id], let state = states[id], let newest = state.newest,
                newest.status != state.told
            else { return }
            states[id]?.told = newest.status
            guard state.told != nil || newest.status != .ok else { return }
            changes.append(
                StatusChange(
                    id: AlertID(firstID.number + changes.count), assayID: id,
                    assayName: assay.definition.name, pipelineName: assay.definition.pipelineName,
                    path: assay.definition.window.path, from: state.told, to: newest.status,
                    window: newest.window, resultID: newest.resultID, at: moment))
        }
        for event in events {
            guard case .analysed(let decision) = event, let assay = book[decision.assayID] else { continue }
            let id = decision.assayID
            let before =
                states[id] ?? State(told: assay.decisions.last?.status, newest: assay.decisions.last)
            states[id] = before
            // What a backfill came to is told before what follows it.
            if decision.reason != .backfill { tell(id, at: decision.analysedAt) }
            if let newest = before.newest, decision.window.start < newest.window.start { continue }
            states[id]?.newest = decision
            if decision.reason != .backfill { tell(id, at: decision.analysedAt) }
        }
        for id in states.keys.sorted() {
            if let newest = states[id]?.newest { tell(id, at: newest.analysedAt) }
        }
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
        [
            ("id", .identifier(id)), ("assay_id", .identifier(assayID)), ("assay_name", .string(assayName)),
            ("pipeline_name", .string(pipelineName)), ("path", .string(path.text)),
            ("from", .string(from?.rawValue)), ("to", .string(to.rawValue)),
            ("window_start_microseconds", .integer(window.start.microseconds)),
            ("window_end_microseconds", .integer(window.end.microseconds)),
            ("result_id", .identifier(resultID)), ("at", .zulu(at)),
        ]
    }

    package init(
        id: AlertID, assayID: AssayID, assayName: String, pipelineName: String, path: IOPath,
        from: AssayStatus?, to: AssayStatus, window: TimeWindow, resultID: AssayResultID, at: Timestamp
    ) {
        self.id = id
        self.assayID = assayID
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
            assayName: try json["assay_name"].string(), pipelineName: try json["pipeline_name"].string(),
            path: try json["path"].ioPath(), from: from, to: try json["to"].word(),
            window: TimeWindow(
                start: Timestamp(microseconds: Int64(start)), end: Timestamp(microseconds: Int64(end))),
            resultID: try json["result_id"].identifier(), at: try json["at"].timestamp())
    }
}
