// What the tests of alerts stand on: an assay, decisions about its windows, and moments.

import Assays
import JSON
import Records
import TestSupport
import Testing

@testable import Alerts

enum Support {
    static let definition = """
        {"name":"watch","pipeline_id":1,"pipeline_name":"fraud",\
        "baseline":{"calculated":{"vector":[1.0,2.0,3.0,4.0]}},\
        "window":{"pipeline_name":"fraud","path":"output y","width":"1 minute","start":"2024-01-09T19:00:00Z"},\
        "summarizer":{"num_bins":2}}
        """

    /// Assay 1, `watch`, with windows a minute wide.
    static func single() throws -> WatchedAssays {
        var watched = WatchedAssays()
        let request = try AssayRequest(JSONField(try JSONValue(parsing: definition)))
        watched.keep(try watched.book.create(request.definition, isActive: true, at: moment(0)))
        return watched
    }

    static func change(_ id: Int, at: Int64 = 0, to: AssayStatus = .alert) throws -> StatusChange {
        StatusChange(
            id: AlertID(id), assayID: AssayID(1), assayName: "watch", pipelineName: "fraud",
            path: try IOPath(parsing: "output y"), from: .ok, to: to,
            window: TimeWindow(start: moment(0), end: moment(60)), resultID: AssayResultID(id),
            at: moment(Double(at)))
    }

    static let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

    static func creation(_ id: Int, _ url: String = "https://hooks.example.com/a") throws -> AlertEvent {
        .webhookCreated(
            WebhookCreation(
                id: WebhookID(id), address: try WebhookAddress(JSONField(.string(url))),
                secret: try WebhookSecret(JSONField(.string(secret))), at: moment(0)))
    }

    static func attempt(
        _ alert: Int, _ number: Int, _ outcome: DeliveryAttempt.Outcome, webhook: Int = 1
    ) -> AlertEvent {
        .attempted(
            DeliveryAttempt(
                webhookID: WebhookID(webhook), alertID: AlertID(alert), attempt: number, outcome: outcome,
                status: outcome == .delivered ? 204 : 500,
                problem: outcome == .delivered ? nil : "the answer was 500", at: moment(9)))
    }

    static let uuid = "00000000-0000-4000-8000-000000000001"

    /// A book with a second-generation assay over `in.a` and element 3 of `out.b`, run each minute from
    /// `runsFrom` seconds on, each run over the minute before it.
    static func series(runsFrom first: Int64, at scheduled: Timestamp) throws -> WatchedAssays {
        let text = """
            {"name":"several","baseline":{"Vector":[1.0,2.0,3.0,4.0]},\
            "scheduling":{"first_run":"\(moment(Double(first)).zuluText)","end":null,\
            "run_frequency":{"SimpleRunFrequency":{"quantity":1,"unit":"Minute"}}},\
            "summarizer":{"UnivariateContinuous":{"bin_mode":{"Quantile":2},"aggregation":"Density",\
            "metric":"PSI","bin_weights":null}},\
            "targeting":{"data_origin":{"pipeline_id":1,"pipeline_name":"fraud"},\
            "iopath":[{"field":"in.a","thresholds":{"alert":1}},\
            {"field":"out.b","indexes":[3],"thresholds":{"alert":1}}]},\
            "window":{"width":{"seconds":60}}}
            """
        var watched = WatchedAssays()
        watched.keep(
            try watched.book.schedule(
                SeriesDefinition(JSONField(JSONValue(parsing: text))), uuid: uuid, at: scheduled))
        return watched
    }
}

/// An assay, and what was said of it.
struct WatchedAssays {
    var book = AssayBook()
    var alerts = AlertBook()
    /// All changes there were, oldest first, those that are no news among them.
    private(set) var changes: [StatusChange] = []

    var series: SeriesAssay? { book[uuid: Support.uuid] }

    mutating func keep(_ event: AssayEvent) { book.apply(event) }

    /// The alerts as a process finds them that reads the log from its beginning.
    func refolded() throws -> AlertBook {
        var alerts = AlertBook()
        for change in changes {
            alerts.apply(try AlertEvent(JSONField(AlertEvent.statusChanged(change).json)))
        }
        return alerts
    }

    /// Decides windows by the minute at which they end; returns what is told.
    ///
    /// - Parameter now: in minutes; nil for a moment after which none of the windows ends.
    mutating func decide(
        _ windows: [(minute: Int64, statuses: [AssayStatus])], isBehind: Bool = false, now: Int64? = nil
    ) throws -> [String] {
        let order: [AssayStatus] = [.alert, .warning, .noScore, .noData, .ok]
        let end = windows.map(\.minute).max() ?? 0
        var circumstances = StatusChange.Circumstances(
            horizon: moment(60 * Double(now ?? end)), behind: isBehind ? [AssayID(1)] : [])
        let analyses = windows.map { minute, statuses in
            let window = TimeWindow(start: moment(60 * Double(minute) - 60), end: moment(60 * Double(minute)))
            circumstances.pathStatuses[window] = statuses
            return WindowAnalysis(
                window: window, reason: .complete, status: order.first { statuses.contains($0) } ?? .noData,
                digest: ResultDigest(of: [1]), analysedAt: moment(60 * Double(minute) + 5),
                elapsedMilliseconds: 1)
        }
        if series == nil { circumstances.pathStatuses = [:] }
        let events =
            try series.map { book.decide(analyses, ofSeries: $0, cut: 1, runAt: moment(0)) }
            ?? book.decide(analyses, of: AssayID(1), cut: 1, runAt: moment(0))
        let found = StatusChange.changes(by: events, in: book, after: alerts, circumstances)
        for event in events { book.apply(event) }
        return keep(found)
    }

    mutating func decide(_ windows: [(Int64, AssayStatus)], isBehind: Bool = false, now: Int64? = nil) throws
        -> [String]
    {
        try decide(windows.map { ($0.0, [$0.1]) }, isBehind: isBehind, now: now)
    }

    /// What is told of the newest window when nothing is due at a minute.
    mutating func catchUp(_ minute: Int64) -> [String] {
        keep(
            StatusChange.changes(
                ofNewest: [AssayID(1), AssayID(2)], in: book, after: alerts,
                horizon: moment(60 * Double(minute))))
    }

    private mutating func keep(_ found: [StatusChange]) -> [String] {
        for change in found { alerts.apply(.statusChanged(change)) }
        changes += found
        return found.filter(\.isNews).map {
            let path = $0.assayUUID == nil ? "" : $0.path.dottedText + " "
            return "\(path)\($0.from?.rawValue ?? "-")>\($0.to.rawValue)@\($0.resultID)"
        }
    }
}
