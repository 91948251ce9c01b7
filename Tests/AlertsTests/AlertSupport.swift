// What the tests of alerts stand on: an assay, decisions about its windows, and moments.

import Assays
import JSON
import Records
import Testing

@testable import Alerts

/// A moment `seconds` after 2024-01-09T19:00:00Z.
func moment(_ seconds: Int64) -> Timestamp {
    Timestamp(microseconds: 1_704_826_800_000_000 + seconds * 1_000_000)
}

enum Support {
    static let definition = """
        {"name":"watch","pipeline_id":1,"pipeline_name":"fraud",\
        "baseline":{"calculated":{"vector":[1.0,2.0,3.0,4.0]}},\
        "window":{"pipeline_name":"fraud","path":"output y","width":"1 minute","start":"2024-01-09T19:00:00Z"},\
        "summarizer":{"num_bins":2}}
        """

    /// A book with assay 1, `watch`.
    static func book() throws -> AssayBook {
        var book = AssayBook()
        let request = try AssayRequest(JSONField(try JSONValue(parsing: definition)))
        book.apply(try book.create(request.definition, isActive: true, at: moment(0)))
        return book
    }

    /// Decides windows, minutes by number, and folds them; returns what changed.
    static func decide(
        _ windows: [(minute: Int64, status: AssayStatus)], _ reason: DecisionReason = .complete,
        in book: inout AssayBook, firstID: Int = 1
    ) throws -> [StatusChange] {
        let digest = ResultDigest(of: [1])
        let analyses = windows.map { window in
            WindowAnalysis(
                window: TimeWindow(
                    start: moment(60 * window.minute), end: moment(60 * window.minute + 60)),
                reason: reason, status: window.status, digest: digest,
                analysedAt: moment(60 * window.minute + 65), elapsedMilliseconds: 1)
        }
        let events = try book.decide(analyses, of: AssayID(1), cut: 1, runAt: moment(0))
        var alerts = AlertBook()
        if firstID > 1 { alerts.apply(.statusChanged(try change(firstID - 1))) }
        let changes = StatusChange.changes(by: events, in: book, after: alerts)
        for event in events { book.apply(event) }
        return changes
    }

    static func change(_ id: Int, at: Int64 = 0, to: AssayStatus = .alert) throws -> StatusChange {
        StatusChange(
            id: AlertID(id), assayID: AssayID(1), assayName: "watch", pipelineName: "fraud",
            path: try IOPath(parsing: "output y"), from: .ok, to: to,
            window: TimeWindow(start: moment(0), end: moment(60)), resultID: AssayResultID(id),
            at: moment(at))
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
    static func series(runsFrom first: Int64, at scheduled: Timestamp) throws -> WatchedSeries {
        let text = """
            {"name":"several","baseline":{"Vector":[1.0,2.0,3.0,4.0]},\
            "scheduling":{"first_run":"\(moment(first).zuluText)","end":null,\
            "run_frequency":{"SimpleRunFrequency":{"quantity":1,"unit":"Minute"}}},\
            "summarizer":{"UnivariateContinuous":{"bin_mode":{"Quantile":2},"aggregation":"Density",\
            "metric":"PSI","bin_weights":null}},\
            "targeting":{"data_origin":{"pipeline_id":1,"pipeline_name":"fraud"},\
            "iopath":[{"field":"in.a","thresholds":{"alert":1}},\
            {"field":"out.b","indexes":[3],"thresholds":{"alert":1}}]},\
            "window":{"width":{"seconds":60}}}
            """
        var watched = WatchedSeries()
        watched.keep(
            try watched.book.schedule(
                SeriesDefinition(JSONField(JSONValue(parsing: text))), uuid: uuid, at: scheduled))
        return watched
    }
}

/// An assay of the second generation, and what was told of it.
struct WatchedSeries {
    var book = AssayBook()
    var alerts = AlertBook()
    /// All changes there were, oldest first.
    private(set) var told: [StatusChange] = []

    var assay: SeriesAssay? { book[uuid: Support.uuid] }

    mutating func keep(_ event: AssayEvent) { book.apply(event) }

    mutating func activate(_ isActive: Bool, at moment: Timestamp) throws {
        book.apply(try book.setActive(uuid: Support.uuid, isActive, at: moment))
    }

    /// The alerts as a process finds them that reads the log from its beginning.
    func refolded() -> AlertBook {
        var alerts = AlertBook()
        for change in told { alerts.apply(.statusChanged(change)) }
        return alerts
    }

    /// Decides windows by the minute at which they end; returns what is told.
    mutating func decide(
        _ windows: [(minute: Int64, statuses: [AssayStatus])], _ reason: DecisionReason = .complete
    ) throws -> [String] {
        let order: [AssayStatus] = [.alert, .warning, .noScore, .noData, .ok]
        var pathStatuses: [TimeWindow: [AssayStatus]] = [:]
        let analyses = windows.map { minute, statuses in
            let window = TimeWindow(start: moment(60 * minute - 60), end: moment(60 * minute))
            pathStatuses[window] = statuses
            return WindowAnalysis(
                window: window, reason: reason, status: order.first { statuses.contains($0) } ?? .noData,
                digest: ResultDigest(of: [1]), analysedAt: moment(60 * minute + 5), elapsedMilliseconds: 1)
        }
        guard let assay else { return [] }
        let events = book.decide(analyses, ofSeries: assay, cut: 1, runAt: moment(0))
        let changes = StatusChange.changes(by: events, in: book, after: alerts, pathStatuses: pathStatuses)
        for event in events { book.apply(event) }
        for change in changes { alerts.apply(.statusChanged(change)) }
        told += changes
        return changes.map {
            "\($0.path.dottedText) \($0.from?.rawValue ?? "-")>\($0.to.rawValue)@\($0.resultID)"
        }
    }
}
